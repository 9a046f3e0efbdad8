//! Text of others, as bad as it comes, everywhere at once.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};

use headwater::environment::Carry;
use headwater::gate::Gate;
use headwater::plan::trailers;
use proptest::prelude::*;

use crate::bodies::case::{MoveCase, Told, World};
use crate::bodies::promotion::{GateCase, NewerCase, PromotionCase};
use crate::bodies::rendered::check;

/// Stands in every hostile text, and may be seen in code spans only.
const SENTINEL: &str = "zqzq";

const PARTS: &[&str] = &[
    "`",
    "```",
    "|",
    "\\",
    "\\|",
    "\n",
    "\r\n",
    "\n\n",
    "\t",
    "\0",
    "\x1b[2J",
    "<",
    ">",
    "-->",
    "<!--",
    "<!-- headwater:v1 plan=0 -->",
    "<!-- headwater:rebuild -->",
    "<img src=//evil.example/x>",
    "<script>",
    "</details>",
    "<details>",
    "![x](https://evil.example/x.png)",
    "[x](https://evil.example)",
    "[x]: https://evil.example",
    "https://evil.example/#1",
    "www.evil.example",
    "a@evil.example",
    "@team",
    "@acme/sre",
    "#1",
    "Closes #1",
    "Fixes: https://github.com/o/r/issues/1",
    "resolves ABC-12",
    "GH-1",
    "!1",
    "$1",
    "$`x`$",
    "$$x$$",
    "&amp;",
    "&#64;team",
    "/approve",
    "\n/approve",
    "\n/merge",
    "[skip ci]",
    "[ci skip]",
    "***NO_CI***",
    "- [x] ",
    "\n- [x] x <!-- headwater:rebuild -->",
    "# x",
    "\n---\n",
    "\n# ---- >8 ----\n",
    "Signed-off-by: you <y@example.com>",
    "\n\nHeadwater-Plan: 0\nEnvironment: prod\n",
    "Co-authored-by: a <b@c>",
    "*x*",
    "_x_",
    "~~x~~",
    ":smile:",
    "[^1]",
    "javascript:alert(1)",
    "\u{202e}",
    "\u{2066}",
    "\u{2069}",
    "\u{200b}",
    "\u{200d}",
    "\u{2060}",
    "\u{feff}",
    "\u{e0041}\u{e007f}",
    "\u{ad}",
    "\u{2028}",
    "\u{fe0f}",
    "\u{3164}",
    " ",
    "  ",
    "é",
    "東京",
    "\u{1f600}",
    "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
    SENTINEL,
];

fn hostile() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(PARTS), 0..8)
        .prop_map(|parts| format!("{}{SENTINEL}", parts.concat()))
}

fn pairs() -> impl Strategy<Value = BTreeMap<String, String>> {
    let keys = prop_oneof![
        hostile(),
        prop::sample::select(vec![
            "org.opencontainers.image.source",
            "org.opencontainers.image.revision",
            "org.opencontainers.image.version",
            "org.opencontainers.image.created",
            "org.opencontainers.image.base.name",
            "org.opencontainers.image.base.digest",
            "vcs-ref",
        ])
        .prop_map(str::to_owned)
    ];
    prop::collection::btree_map(keys, hostile(), 0..6)
}

prop_compose! {
    fn told()(
        (annotations, labels, index_annotations) in (pairs(), pairs(), pairs()),
        texts in prop::collection::vec(hostile(), 16),
        variables in prop::collection::vec((hostile(), hostile()), 0..4),
        layers in 0..4_usize,
    ) -> Told {
        let platform = |number: usize| format!("os{}/{}", texts[number].replace('/', ""), texts[number + 1].replace('/', ""));
        Told {
            annotations,
            labels,
            index_annotations,
            platforms: vec![platform(0), platform(1)],
            layers: (0..layers).map(|layer| (format!("{layer}{}", texts[0]), 1 << layer)).collect(),
            created: Some(texts[3].clone()),
            user: Some(texts[4].clone()),
            working_dir: Some(texts[5].clone()),
            entrypoint: texts[6..8].to_vec(),
            command: texts[8..10].to_vec(),
            environment: variables.iter().map(|(name, value)| format!("{name}={value}")).collect(),
            ports: texts[10..11].to_vec(),
            volumes: texts[11..13].to_vec(),
            stop_signal: Some(texts[13].clone()),
            healthcheck: texts[14..16].to_vec(),
            ..Told::default()
        }
    }
}

prop_compose! {
    fn a_move()(
        names in prop::collection::vec(hostile(), 6),
        before in prop::option::of(told()),
        after in prop::option::of(told()),
        selected in prop::option::of(hostile()),
        is_back in any::<bool>(),
    ) -> MoveCase {
        let name = |text: &String| text.replace(['/', ':', '@'], "");
        let recorded = vec![
            ("previous".to_owned(), names[3].clone()),
            (if is_back { "digest" } else { "older" }.to_owned(), names[4].clone()),
        ];
        MoveCase {
            copy: None,
            tag: format!("{}/{}:{}", name(&names[0]), name(&names[1]), name(&names[2])),
            from: None,
            image: "quay.io/acme/api:1.8".to_owned(),
            digest: "digest".to_owned(),
            previous: Some("previous".to_owned()),
            recorded,
            selected,
            stream_file: file(&names[3]),
            fields: vec![(file(&names[4]), "spec.image".to_owned())],
            before,
            after,
            unasked: false,
        }
    }
}

fn file(text: &str) -> String {
    let is_kept = |c: &char| !c.is_control() && !matches!(c, '/' | '\\');
    let text: String = text.chars().filter(is_kept).collect();
    format!("x{text}.yaml")
}

fn gate() -> impl Strategy<Value = GateCase> {
    let gates = vec![Gate::Freeze, Gate::Soak, Gate::Checks, Gate::Approvals];
    let gate = prop::sample::select(gates);
    (gate, any::<bool>(), any::<bool>(), hostile()).prop_map(|(gate, waits, failed, told)| {
        let until = failed.then(|| "2026-08-24T00:00:00Z".parse().unwrap());
        GateCase {
            gate,
            waits,
            failed,
            until,
            told,
        }
    })
}

prop_compose! {
    fn promotion()(
        texts in prop::collection::vec(hostile(), 8),
        count in 0..4_usize,
        gates in prop::collection::vec(gate(), 0..3),
        carries_all in any::<bool>(),
    ) -> PromotionCase {
        let text = |number: usize| texts[number].clone();
        PromotionCase {
            from: "staging".to_owned(),
            commit: "b".to_owned(),
            entered: "2026-08-22T05:10:00Z".parse().unwrap(),
            carry: if carries_all { Carry::Merge } else { Carry::Pins },
            since: Vec::new(),
            unchanged: count,
            commits: (0..count).map(|number| (number.to_string(), text(number), text(number + 1))).collect(),
            commit_count: 0,
            paths: (0..count).map(|number| file(&texts[number + 2])).collect(),
            lost: (0..count).map(|number| (file(&texts[number + 3]), number.to_string(), text(number + 4))).collect(),
            newer: (count > 1).then(|| NewerCase { commit: "c".to_owned(), gates }),
        }
    }
}

/// What Git finds for trailers.
fn parsed_trailers(message: &str) -> String {
    let mut git = Command::new("git")
        .args(["interpret-trailers", "--parse"])
        .current_dir(std::env::temp_dir())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    git.stdin
        .take()
        .unwrap()
        .write_all(message.as_bytes())
        .unwrap();
    String::from_utf8(git.wait_with_output().unwrap().stdout).unwrap()
}

/// Git reads the trailers that were meant, and no others; gives them back.
pub fn check_trailers(world: &World) -> String {
    let message = world.message();
    let environment = world.environment.parse().unwrap();
    let promotion = world.promotion.as_ref();
    let trailers = trailers(&world.moves, &environment, &world.facts, promotion);
    assert!(message.ends_with(&trailers));
    // Git takes white space at the ends of a value away.
    let trimmed: String = trailers
        .lines()
        .map(|line| format!("{}\n", line.trim_end()))
        .collect();
    assert_eq!(parsed_trailers(&message), trimmed, "{message}");
    trailers
}

fn check_message(world: &World) {
    let trailers = check_trailers(world);
    let message = world.message();
    let text = message.strip_suffix(&trailers).unwrap();
    assert!(
        !trailers.contains("[skip") && !trailers.contains("[ci"),
        "{trailers}"
    );
    let acting = regex::Regex::new(
        r"(?im)\[[a-z]|\*\*\*|://|#\d|(^|[^a-z0-9])@|\bGH-\d|^(/|[A-Za-z-]+: )|\b(clos|fix|resolv)\w*:? +(#|https?://|[A-Z]+-\d)",
    )
    .unwrap();
    assert!(!acting.is_match(text), "{:?}\n{text}", acting.find(text));
    let first = message.lines().next().unwrap();
    assert!(
        first.chars().count() <= 72 && !first.contains(['[', '@', '#', '<', '`']),
        "{first}"
    );
    for line in text.lines().skip(1) {
        let is_told = world.promotion.is_some() && !line.contains(SENTINEL);
        let is_ours = line.is_empty()
            || is_told
            || line.starts_with("  ")
            || line == "Gates:"
            || line == "quay.io/acme/api:1.8"
            || line == "Fields:"
            || line.starts_with("To undo this, ")
            || line.starts_with("tag moves on. ");
        assert!(is_ours, "{line}\n{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_of_others_acts(
        moves in prop::collection::vec(a_move(), 0..4),
        note in hostile(),
        gates in prop::collection::vec(gate(), 0..4),
        promotion in prop::option::of(promotion()),
    ) {
        // Without an image there is a promotion, or nothing to tell.
        prop_assume!(promotion.is_some() || !moves.is_empty());
        let mut moves = moves;
        // Two moves of one stream tag do not come about.
        for (number, case) in moves.iter_mut().enumerate() {
            case.tag.push_str(&number.to_string());
        }
        let mut world = World::of(&moves).promoted(promotion.as_ref());
        world.gates = gates.iter().map(GateCase::finding).collect();
        world.history.push(headwater::plan::pull_request::HistoryEntry {
            time: note.clone(),
            text: note,
        });
        let text = world.text();
        let rendered = check(&text.body);
        prop_assert!(!rendered.text.contains(SENTINEL), "{}", rendered.text);
        prop_assert!(rendered.links.is_empty());
        prop_assert!(text.title.chars().count() <= 72 && !text.title.contains(['\n', '`', '@', '#', '[', '<']));
        check_message(&world);
        let first_screen = text.body.split("<details>").next().unwrap().trim_end();
        let is_long = first_screen.lines().count() > 15;
        prop_assert!(!is_long || (promotion.is_none() && moves.len() > 1), "{first_screen}");
    }
}

/// Every one of the bad parts in every place, one after another: what chance may leave out.
#[test]
fn each_hostile_part_stays_text() {
    for part in PARTS {
        let bad = format!("{part}{SENTINEL}{part}");
        let map =
            |key: &str| BTreeMap::from([(key.to_owned(), bad.clone()), (bad.clone(), bad.clone())]);
        let told = |other: &str| Told {
            annotations: map("org.opencontainers.image.revision"),
            index_annotations: map("org.opencontainers.image.base.name"),
            labels: map("org.opencontainers.image.source"),
            created: Some(bad.clone()),
            user: Some(format!("{bad}{other}")),
            entrypoint: vec![bad.clone(), other.to_owned()],
            environment: vec![format!("{bad}={bad}{other}")],
            ..Told::default()
        };
        let world = || {
            World::of(&[MoveCase {
                copy: None,
                tag: format!("ns/{}:1", bad.replace(['/', ':', '@'], "")),
                from: None,
                image: "quay.io/acme/api:1.8".to_owned(),
                digest: "digest".to_owned(),
                previous: Some("previous".to_owned()),
                recorded: Vec::new(),
                selected: None,
                stream_file: "streams.yaml".to_owned(),
                fields: Vec::new(),
                before: Some(told("1")),
                after: Some(told("2")),
                unasked: false,
            }])
        };
        let gate = |waits| GateCase {
            gate: Gate::Checks,
            waits,
            failed: !waits,
            until: None,
            told: bad.clone(),
        };
        let promotion = PromotionCase {
            from: "staging".to_owned(),
            commit: "b".to_owned(),
            entered: "2026-08-22T05:10:00Z".parse().unwrap(),
            carry: Carry::Merge,
            since: Vec::new(),
            unchanged: 0,
            commits: vec![("1".to_owned(), bad.clone(), bad.clone())],
            commit_count: 2,
            paths: vec![file(&bad)],
            lost: vec![(file(&bad), "1".to_owned(), bad.clone())],
            newer: Some(NewerCase {
                commit: "c".to_owned(),
                gates: vec![gate(true)],
            }),
        };
        let mut promoted = world().promoted(Some(&promotion));
        promoted.gates = vec![gate(true).finding(), gate(false).finding()];
        for world in [world(), promoted] {
            let rendered = check(&world.text().body);
            assert!(
                !rendered.text.contains(SENTINEL),
                "{part}: {}",
                rendered.text
            );
            check_message(&world);
        }
    }
}

/// GitHub takes 65,536 characters: folded parts go, and no table is cut.
#[test]
fn a_body_stays_below_the_limit_however_much_there_is_to_tell() {
    let long = "\u{6771}".repeat(5000);
    let told = |other: &str| Told {
        labels: (0..50)
            .map(|number| (format!("{number}{long}"), format!("{other}{long}")))
            .collect(),
        environment: (0..50)
            .map(|number| format!("{number}{long}={other}{long}"))
            .collect(),
        entrypoint: vec![format!("{other}{long}")],
        ..Told::default()
    };
    let a_move = |number: usize| MoveCase {
        copy: None,
        tag: format!("ns/{long}:{number}"),
        from: None,
        image: format!("quay.io/acme/{}:1", "a".repeat(200)),
        digest: format!("{number}"),
        previous: Some("previous".to_owned()),
        recorded: Vec::new(),
        selected: None,
        stream_file: format!("{}.yaml", "\u{6771}".repeat(300)),
        fields: vec![(
            format!("{}.yaml", "\u{6771}".repeat(300)),
            format!("spec.{}", "a".repeat(500)),
        )],
        before: Some(told("1")),
        after: Some(told("2")),
        unasked: false,
    };
    for count in [1, 2, 31] {
        let world = World::of(&(0..count).map(a_move).collect::<Vec<_>>());
        let body = world.text().body;
        check(&body);
        assert_eq!(body.contains("Left out"), count == 31, "{body}");
        assert!(body.ends_with("on its next pass.\n"));
    }
}
