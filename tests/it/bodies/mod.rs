//! What a reviewer reads, as files: `tests/cases/pull_requests/<name>` holds the moves and what a
//! registry told of their images, and what is written of it as title, labels, body and commit
//! message. `HEADWATER_BLESS=1` writes what comes out, to be read and committed.

mod case;
mod hostile;
mod picture;
mod promoted;
mod promotion;
mod rendered;

use std::fs;
use std::path::{Path, PathBuf};

use headwater::plan::pull_request::{HoldInputs, Ticks, history, hold_text, ticks};

use crate::bodies::case::{World, digest, tag};
use crate::bodies::hostile::check_trailers;
use crate::bodies::rendered::check;

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/pull_requests");
    let mut cases: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    cases.sort();
    assert!(cases.len() >= 15, "{cases:?}");
    cases
}

#[test]
fn every_case_is_told_as_written() {
    let bless = std::env::var_os("HEADWATER_BLESS").is_some();
    for case in cases() {
        let world = World::read(&case);
        let text = world.text();
        let labels: Vec<String> = text
            .labels
            .iter()
            .map(|label| format!("{label}\n"))
            .collect();
        for (name, content) in [
            ("title", format!("{}\n", text.title)),
            ("labels", labels.concat()),
            ("body.md", text.body.clone()),
            ("message.txt", world.message()),
        ] {
            let path = case.join(name);
            if bless {
                fs::write(&path, &content).unwrap();
            }
            let golden = fs::read_to_string(&path).unwrap_or_default();
            assert!(
                content == golden,
                "{}: run the tests with HEADWATER_BLESS=1\n{content}",
                path.display()
            );
        }
    }
}

#[test]
fn every_case_holds_nothing_that_acts() {
    for case in cases() {
        let world = World::read(&case);
        let text = world.text();
        let name = case.display();
        let rendered = check(&text.body);
        assert!(text.title.chars().count() <= 72, "{name}: {}", text.title);
        assert_eq!(
            world.message().lines().next(),
            Some(text.title.as_str()),
            "{name}"
        );
        check_trailers(&world);
        let is_one = world.moves.len() == 1 || world.promotion.is_some();
        let first_screen = text.body.split("<details>").next().unwrap().trim_end();
        assert!(!is_one || first_screen.lines().count() <= 15, "{name}");
        let holds = world
            .moves
            .iter()
            .filter(|moved| moved.previous.is_some())
            .take(10)
            .count();
        assert_eq!(rendered.boxes, 1 + holds, "{name}");
        for links in rendered.links.chunks(1) {
            assert!(world.message().contains(&links[0]), "{name}: {links:?}");
        }
    }
}

#[test]
fn the_same_inputs_give_the_same_text() {
    for case in cases() {
        let (first, second) = (World::read(&case), World::read(&case));
        assert_eq!(first.text(), second.text());
        assert_eq!(first.message(), second.message());
    }
}

#[test]
fn boxes_and_history_come_back_from_the_body() {
    for case in cases() {
        let world = World::read(&case);
        let body = world.text().body;
        assert_eq!(ticks(&body), Ticks::default());
        let ticked = ticks(&body.replace("- [ ]", "- [x]").replace('\n', "\r\n"));
        assert!(ticked.rebuild, "{}", case.display());
        let held = world
            .moves
            .iter()
            .filter(|moved| moved.previous.is_some())
            .take(10)
            .map(|moved| moved.tag.clone())
            .collect();
        assert_eq!(ticked.hold, held, "{}", case.display());
        let again = World {
            history: history(&body),
            ..World::read(&case)
        };
        assert_eq!(again.history.len(), world.history.len().min(30));
        assert_eq!(again.text().body, body, "{}", case.display());
    }
}

/// CVE-2024-23332 and its kind: what is told is of the digest that is pinned, or not at all.
#[test]
fn facts_of_another_digest_are_not_told() {
    let case = cases()
        .into_iter()
        .find(|case| case.ends_with("source-changed"))
        .unwrap();
    let mut world = World::read(&case);
    for facts in world.facts.values_mut() {
        facts.after.as_mut().unwrap().description.digest = digest("another");
    }
    let text = world.text();
    assert!(text.title.ends_with("(cause unknown)"), "{}", text.title);
    assert!(
        text.body.contains("did not describe the new image"),
        "{}",
        text.body
    );
    for told in ["49f1829", "compare", "Xmx768m"] {
        assert!(
            !text.body.contains(told) && !world.message().contains(told),
            "{told}"
        );
    }
}

#[test]
fn a_hold_says_what_stays_and_what_is_kept_out() {
    let (current, rejected) = (digest("one"), digest("two"));
    let name = tag("payments/api:1.8");
    let text = hold_text(&HoldInputs {
        tag: &name,
        environment: &"dev".parse().unwrap(),
        base: &"env/dev".parse().unwrap(),
        current: Some(&current),
        rejected: &rejected,
    });
    check(&text.body);
    let short = current.encoded().get(..7).unwrap();
    assert_eq!(
        text.title,
        format!("hold payments/api:1.8 at {short} in dev")
    );
    assert!(text.body.contains(current.as_str()) && text.body.contains(rejected.as_str()));
    assert!(ticks(&text.body.replace("[ ]", "[x]")).rebuild);
    let long = hold_text(&HoldInputs {
        tag: &tag(&format!("{}/[skip ci]@all:1", "n".repeat(200))),
        environment: &"production".parse().unwrap(),
        base: &"main".parse().unwrap(),
        current: None,
        rejected: &rejected,
    });
    assert_eq!(long.title.chars().count(), 72);
    assert!(
        long.title.ends_with("_skip_ci__all:1 in production"),
        "{}",
        long.title
    );
    check(&long.body);
}
