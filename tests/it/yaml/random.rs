//! Random documents and random edits: only what an edit names changes.

use std::collections::BTreeMap;

use headwater::field_path::{FieldPath, Step};
use headwater::yaml::{Edit, Located, Node, ScalarStyle, Source, Value, edit, locate};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use crate::yaml::dice::Dice;

type Leaves = BTreeMap<(usize, Vec<Step>), String>;

const VALUES: [&str; 16] = [
    "nginx",
    "1.11",
    "true",
    "",
    " ",
    "a: b",
    "a #b",
    "it's",
    "say \"x\"",
    "{a, b}",
    "- x",
    "é",
    "ghcr.io/acme/web:1.2@sha256:6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b",
    "two\nlines",
    "tab\there",
    "2026-11-21T07:41:00Z",
];

fn leaves(source: &Source<'_>) -> Leaves {
    let mut found = Leaves::new();
    for document in &source.documents {
        if let Some(root) = &document.root {
            walk(root, &FieldPath::root(), &mut |path, node| {
                let text = match &node.value {
                    Value::Scalar { .. } if node.is_null() => "null",
                    Value::Scalar { text, .. } => text,
                    Value::Mapping { entries, .. } if entries.is_empty() => "{}",
                    Value::Sequence { items, .. } if items.is_empty() => "[]",
                    _ => return,
                };
                found.insert((document.index, path.steps().to_vec()), text.to_owned());
            });
        }
    }
    found
}

fn walk(node: &Node, path: &FieldPath, visit: &mut impl FnMut(&FieldPath, &Node)) {
    visit(path, node);
    for (key, value) in node.entries() {
        walk(value, &path.clone().key(key.text().unwrap()), visit);
    }
    for (number, item) in node.items().iter().enumerate() {
        walk(item, &path.clone().index(number), visit);
    }
}

fn json_leaves(value: &Json, at: &(usize, Vec<Step>), found: &mut Leaves) {
    let below = |step| {
        let mut path = at.clone();
        path.1.push(step);
        path
    };
    match value {
        Json::Object(members) if !members.is_empty() => {
            for (key, value) in members {
                json_leaves(value, &below(Step::Key(key.clone())), found);
            }
        }
        Json::Array(items) if !items.is_empty() => {
            for (number, item) in items.iter().enumerate() {
                json_leaves(item, &below(Step::Index(number)), found);
            }
        }
        Json::String(text) => {
            found.insert(at.clone(), text.clone());
        }
        other => {
            found.insert(at.clone(), other.to_string());
        }
    }
}

fn random_json(dice: &mut Dice<'_>, depth: usize) -> Json {
    match dice.below(if depth == 0 { 4 } else { 7 }) {
        0 | 1 => json!(dice.pick(&VALUES)),
        2 => dice
            .pick(&["{}", "[]", "7", "true", "1.5"])
            .parse()
            .unwrap(),
        3 => json!({"only": dice.pick(&VALUES)}),
        4 | 5 => {
            json!({"one": random_json(dice, depth - 1), "t w: o": random_json(dice, depth - 1)})
        }
        _ => json!([random_json(dice, depth - 1), random_json(dice, depth - 1)]),
    }
}

fn random_edit(dice: &mut Dice<'_>, source: &Source<'_>) -> Option<Edit> {
    let mut places = Vec::new();
    for document in &source.documents {
        walk(
            document.root.as_ref()?,
            &FieldPath::root(),
            &mut |path, node| {
                places.push((
                    document.index,
                    path.clone(),
                    node.text().is_some(),
                    node.items().len(),
                ));
            },
        );
    }
    let (document, field, is_scalar, items) =
        places[(dice.below(256) * 256 + dice.below(256)) % places.len()].clone();
    if is_scalar && dice.below(2) == 0 {
        let value = dice.pick(&VALUES).to_owned();
        return Some(match dice.below(3) {
            0 => Edit::SetScalarAndComment {
                document,
                field,
                value,
                comment: "{\"$imagestream\": \"a/b:c\"}".to_owned(),
            },
            _ => Edit::SetScalar {
                document,
                field,
                value,
            },
        });
    }
    let field = match dice.below(4) {
        0 => field,
        1 => field.index(items),
        2 => field.key("new"),
        _ => field.key("new").key("de.ep").index(0),
    };
    let value = random_json(dice, 2);
    Some(Edit::Put {
        document,
        field,
        value,
    })
}

/// The leaves that are wanted after `edit`.
fn expect(source: &Source<'_>, leaves: &mut Leaves, edit: &Edit) {
    match edit {
        Edit::SetScalar {
            document,
            field,
            value,
        }
        | Edit::SetScalarAndComment {
            document,
            field,
            value,
            ..
        } => {
            let mut value = value.clone();
            if let Located::Found(way) = locate(source.document(*document).unwrap(), field)
                && let Value::Scalar {
                    text,
                    style: ScalarStyle::Literal | ScalarStyle::Folded,
                } = &way.node().value
            {
                let ending = text.trim_end_matches('\n').len();
                value.push_str(&text[ending..]);
            }
            leaves.insert((*document, field.steps().to_vec()), value);
        }
        Edit::Put {
            document,
            field,
            value,
        } => {
            let at = (*document, field.steps().to_vec());
            leaves.retain(|(other, path), _| {
                other != document || !(path.starts_with(&at.1) || at.1.starts_with(path))
            });
            json_leaves(value, &at, leaves);
        }
        Edit::Remove { .. } => unreachable!("no random edit removes"),
        Edit::OnLine { .. } => unreachable!("no random document is a template"),
    }
}

fn place(edit: &Edit) -> (usize, &[Step]) {
    match edit {
        Edit::SetScalar {
            document, field, ..
        }
        | Edit::SetScalarAndComment {
            document, field, ..
        }
        | Edit::Put {
            document, field, ..
        } => (*document, field.steps()),
        Edit::Remove { .. } => unreachable!("no random edit removes"),
        Edit::OnLine { .. } => unreachable!("no random document is a template"),
    }
}

fn are_apart(edits: &[Edit]) -> bool {
    let places: Vec<_> = edits.iter().map(place).collect();
    places.iter().enumerate().all(|(number, (document, path))| {
        places[..number].iter().all(|(other, earlier)| {
            document != other || !(path.starts_with(earlier) || earlier.starts_with(path))
        })
    })
}

/// Reasons that are the document's or the value's own.
const FAIR: [&str; 14] = [
    "an anchor stands before the value",
    "is a block of several lines",
    "does not fit on the one line of this block",
    "does not fit behind",
    "JSON has no comments",
    "what should hold it is",
    "has the tag",
    "two edits would write over one another",
    "writes a different value",
    "another edit writes",
    "two edits write different values",
    "fewer items",
    "indentation of",
    "begins on the line of its key",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn only_what_is_named_changes(throws in prop::collection::vec(any::<u8>(), 0..200), choices in prop::collection::vec(any::<u8>(), 0..60)) {
        let text = Dice::new(&throws).file();
        let source = Source::parse(text.as_bytes());
        prop_assert!(source.faults.is_empty(), "{text}\n{:?}", source.faults);
        let mut dice = Dice::new(&choices);
        let edits: Option<Vec<_>> = (0..=dice.below(3)).map(|_| random_edit(&mut dice, &source)).collect();
        let edits = edits.unwrap_or_default();
        match edit(text.as_bytes(), &edits) {
            Ok(after) => {
                if !are_apart(&edits) {
                    return Ok(());
                }
                let mut expected = leaves(&source);
                for edit in &edits {
                    expect(&source, &mut expected, edit);
                }
                let after_text = String::from_utf8(after.clone()).unwrap();
                let read = Source::parse(&after);
                prop_assert_eq!(leaves(&read), expected, "{}\n->\n{}\n{:?}", text, after_text, edits);
                let again = edit_again(&after, &edits);
                prop_assert_eq!(again, after_text, "{}\n{:?}", text, edits);
                if let [Edit::SetScalar { document, field, .. }] = &edits[..] {
                    bytes_outside_are_equal(&source, *document, field, &after);
                }
            }
            Err(refusals) => {
                // A block scalar at the very end gains a line break when anything follows it.
                let open_end = !text.ends_with('\n') && text.contains(['|', '>']);
                for refusal in refusals {
                    if open_end && refusal.message.contains("cannot be edited exactly") {
                        continue;
                    }
                    prop_assert!(FAIR.iter().any(|fair| refusal.message.contains(fair)), "{text}\n{refusal}\n{edits:?}");
                }
            }
        }
    }
}

fn edit_again(after: &[u8], edits: &[Edit]) -> String {
    String::from_utf8(edit(after, edits).unwrap_or_else(|refusals| format!("{refusals:?}").into()))
        .unwrap()
}

fn bytes_outside_are_equal(source: &Source<'_>, document: usize, field: &FieldPath, after: &[u8]) {
    let Located::Found(way) = locate(source.document(document).unwrap(), field) else {
        panic!("{field}");
    };
    let (before, span) = (source.text().as_bytes(), &way.node().span);
    assert_eq!(before[..span.start], after[..span.start]);
    let mut behind = &before[span.end..];
    if span.is_empty() {
        // Blanks that stood before the missing value stand before it still.
        behind = behind.trim_ascii_start();
    }
    assert!(after.ends_with(behind), "{field} of {}", source.text());
}
