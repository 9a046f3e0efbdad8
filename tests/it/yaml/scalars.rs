use headwater::yaml::{Edit, edit};

const PIN: &str =
    "ghcr.io/acme/web:1.2@sha256:6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b";

fn set(text: &str, field: &str, value: &str) -> Result<String, String> {
    run(
        text,
        &[Edit::SetScalar {
            document: 0,
            field: field.parse().unwrap(),
            value: value.to_owned(),
        }],
    )
}

fn mark(text: &str, field: &str, value: &str) -> Result<String, String> {
    run(
        text,
        &[Edit::SetScalarAndComment {
            document: 0,
            field: field.parse().unwrap(),
            value: value.to_owned(),
            comment: "{\"$imagestream\": \"a/b:c\"}".to_owned(),
        }],
    )
}

fn run(text: &str, edits: &[Edit]) -> Result<String, String> {
    match edit(text.as_bytes(), edits) {
        Ok(bytes) => Ok(String::from_utf8(bytes).unwrap()),
        Err(refusals) => Err(refusals
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("\n")),
    }
}

/// `‹old›` in the text is what the edit replaces.
#[test]
fn only_the_scalar_changes() {
    for (text, field, new) in [
        ("a: ‹nginx›\n", "a", PIN),
        ("a: ‹nginx›", "a", PIN),
        ("a: ‹1.10›\n", "a", "\"1.11\""),
        ("a: '‹nginx›' # c\n", "a", PIN),
        ("a:   \"‹nginx›\"  # c\n", "a", PIN),
        ("a: \"‹ ›\"\n", "a", PIN),
        ("a:‹›\n", "a", " x"),
        ("a: ‹›\n", "a", "x"),
        ("a:‹› # c\n", "a", " x"),
        ("a:‹›", "a", " x"),
        ("a: &x‹›\nb: 1\n", "a", " x"),
        ("a: &x !!str ‹nginx› # c\n", "a", PIN),
        ("a: !!str ‹nginx›\n", "a", PIN),
        ("a: ‹~›\n", "a", "x"),
        ("a: ‹null› # c\n", "a", "x"),
        ("a: ‹many\n  lines›\nb: 1\n", "a", "x"),
        ("a: '‹many\n\n  lines›'\nb: 1\n", "a", "x"),
        ("a: |\n  ‹nginx›\nb: 1\n", "a", PIN),
        ("a: |+2\n   ‹nginx›\n\n\nb: 1\n", "a", ""),
        ("a: >-  # c\n    ‹nginx›\n\nb: 1\n", "a", PIN),
        ("{a: ‹nginx›, b: [‹›]}\n", "a", PIN),
        ("{a: ‹nginx›}\n", "a", "\"x, y\""),
        ("{a:‹›, b: 1}\n", "a", " x"),
        ("{\"a\": \"‹nginx›\",\n\t\"b\": 1}", "a", PIN),
        ("{\"a\": \"‹nginx›\"}\n", "a", "x\\\"y"),
        ("{\"a\": ‹null›}\n", "a", "\"x\""),
        ("{\"a\": ‹1.10›}\n", "a", "\"1.11\""),
        (
            "\u{feff}# über\r\né: ‹nginx›\t# ü\r\nb:\r\n- 1\r\n",
            "é",
            PIN,
        ),
        (
            "%YAML 1.2\n---\n# c\na: ‹nginx›\n...\n---\nb: [\n",
            "a",
            PIN,
        ),
        ("a:\n- b: ‹nginx›\n- c:\n    d\n", "a[0].b", PIN),
        ("a:\n  - ‹nginx›\n  -\n", "a[0]", PIN),
        ("a:\n  - x\n  -‹›\n", "a[1]", " x"),
        ("? a\n: ‹nginx›\n", "a", PIN),
        (
            "a: ‹nginx›\nb: {<<: *x}\nc: &x {d: 1}\n".trim_end_matches("none"),
            "a",
            PIN,
        ),
        ("--- ‹nginx›\n", "[\"\"]", ""),
    ] {
        let Some((before, rest)) = text.split_once('‹') else {
            panic!("{text}");
        };
        let (old, after) = rest.split_once('›').unwrap();
        let after = after.replace(['‹', '›'], "");
        let text = format!("{before}{old}{after}");
        let quoted = new.trim();
        let value = match quoted.strip_prefix('"') {
            Some(inner) => inner.trim_end_matches('"').to_owned(),
            None => quoted.replace("\\\"", "\""),
        };
        let got = set(&text, field, &value);
        if new.is_empty() || text.contains("*x") {
            assert!(got.is_err(), "{text}");
            continue;
        }
        assert_eq!(got, Ok(format!("{before}{new}{after}")), "{text}");
    }
}

#[test]
fn what_is_refused_says_where_and_why() {
    for (text, field, value, expected) in [
        (
            "a: 1\na: 2\n",
            "a",
            "x",
            "2:1: the document cannot be read: the key `a` stands twice in one mapping",
        ),
        (
            "a: [1\n",
            "a",
            "x",
            "1:4: the document cannot be read: unclosed bracket '['",
        ),
        (
            "a: 1\n",
            "b.c",
            "x",
            "1:1: the document has no b.c: it ends at the document",
        ),
        (
            "a: {b: 1}\n",
            "a.c",
            "x",
            "1:1: the document has no a.c: it ends at a",
        ),
        (
            "a: {b: 1}\n",
            "a",
            "x",
            "1:4: the field is a mapping, not a single value",
        ),
        (
            "b: &b x\na: *b\n",
            "a",
            "x",
            "2:4: the field is written through the alias *b; pin the anchor's own value or write the value out",
        ),
        (
            "b: &b x\na: *b\n",
            "b",
            "y",
            "1:7: the field is repeated by the alias *b at 2:4, where the edit would change another field; write one of the two out",
        ),
        (
            "b: &b {c: x}\na:\n  <<: *b\n",
            "b.c",
            "y",
            "1:11: the field is repeated by the alias *b at 3:7, where the edit would change another field; write one of the two out",
        ),
        (
            "b: &b {c: x}\na:\n  <<: *b\n",
            "a.c",
            "y",
            "2:1: the document has no a.c of its own: a merges others by `<<` at 3:3; write the field out to pin it",
        ),
        (
            "a: |\n  x\n  y\n",
            "a",
            "z",
            "2:3: the field is a block of several lines; write it on one line",
        ),
        (
            "a: |\n  x\n",
            "a",
            "y\nz",
            "2:3: the new value does not fit on the one line of this block",
        ),
        (
            "a: !!int 1\n",
            "a",
            "z",
            "1:10: the field has the tag tag:yaml.org,2002:int, so a text would not stay a text",
        ),
        (
            "c:\n- n: x\n- n: x\n",
            "c[?(@.n==\"x\")].n",
            "z",
            "3:3: c[?(@.n==\"x\")].n names two items of the sequence at 2:1; give its number instead",
        ),
        (
            "{a}\n",
            "a",
            "z",
            "1:3: the key stands alone; write `key: value`",
        ),
    ] {
        assert_eq!(set(text, field, value), Err(expected.to_owned()), "{text}");
    }
}

#[test]
fn a_comment_follows_the_value() {
    let marker = "# {\"$imagestream\": \"a/b:c\"}";
    for (text, expected) in [
        ("a: b\n", "a: x MARK\n"),
        ("a: b", "a: x MARK"),
        ("a: b   \r\nc: 1\r\n", "a: x   MARK\r\nc: 1\r\n"),
        ("a: 'b' # keep\nc: 1\n", "a: 'x' # keep MARK\nc: 1\n"),
        ("a:\nc: 1\n", "a: x MARK\nc: 1\n"),
        ("a: x # {\"$imagestream\": \"a/b:c\"}\n", "a: x MARK\n"),
    ] {
        assert_eq!(
            mark(text, "a", "x"),
            Ok(expected.replace("MARK", marker)),
            "{text:?}"
        );
    }
    for (text, reason) in [
        ("{a: b}\n", "flow style"),
        ("{\"a\": \"b\"}\n", "JSON has no comments"),
        ("a: b\n  c\n", "several lines"),
        ("a: |\n  b\n", "several lines"),
    ] {
        let error = mark(text, "a", "x").unwrap_err();
        assert!(error.contains(reason), "{error}");
    }
}

#[test]
fn several_edits_apply_together_or_not_at_all() {
    let change = |document, field: &str, value: &str| Edit::SetScalar {
        document,
        field: field.parse().unwrap(),
        value: value.to_owned(),
    };
    let text = "a: 1\nb: x\n---\nc: y\n";
    let edits = [
        change(1, "c", "z"),
        change(0, "b", "w"),
        change(0, "b", "w"),
    ];
    assert_eq!(run(text, &edits), Ok("a: 1\nb: w\n---\nc: z\n".to_owned()));
    let edits = [
        change(0, "b", "w"),
        change(0, "b", "v"),
        change(2, "c", "z"),
    ];
    assert_eq!(
        run(text, &edits),
        Err(
            "2:4: two edits write different values to b\n5:1: the file has no document 3"
                .to_owned()
        )
    );
}
