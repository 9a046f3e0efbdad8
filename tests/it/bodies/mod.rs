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

use headwater::plan::creation::Creation;
use headwater::plan::pull_request::{HoldInputs, Ticks, creation_text, history, hold_text, ticks};
use headwater::problem::Place;

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

fn creation(is_new: bool, tags: &[&str]) -> Creation {
    Creation {
        stream: tag("payments/api:1.8").stream,
        is_new,
        tags: tags.iter().map(ToString::to_string).collect(),
        repository: "images.example:5000/payments/api".to_owned(),
        place: Place {
            file: "streams/api.yaml".parse().unwrap(),
            line: 1,
            column: 1,
        },
    }
}

#[test]
fn what_was_pushed_says_what_it_adds_and_how_it_is_declined() {
    let (environment, base) = ("dev".parse().unwrap(), "env/dev".parse().unwrap());
    let long = vec!["1"; 100];
    let text = |is_new, tags: &[&str]| creation_text(&creation(is_new, tags), &environment, &base);
    for (text, title, told) in [
        (
            text(true, &["latest", "1.8"]),
            "create payments/api in dev",
            ["adds the stream", "the stream is not proposed again"],
        ),
        (
            text(false, &["1.8"]),
            "add payments/api:1.8 in dev",
            [
                "adds tags to the stream",
                "these tags are not proposed again",
            ],
        ),
        (
            text(false, &long),
            "add 100 tags to payments/api in dev",
            ["`images.example:5000/payments/api:1`", "And 70 more."],
        ),
    ] {
        check(&text.body);
        assert_eq!(text.title, title);
        for told in told.into_iter().chain(["streams/api.yaml", "env/dev"]) {
            assert!(text.body.contains(told), "{told}: {}", text.body);
        }
        assert!(ticks(&text.body.replace("[ ]", "[x]")).rebuild);
        let labels: Vec<&str> = text.labels.iter().map(String::as_str).collect();
        assert_eq!(labels, ["cause/push", "env/dev", "image-stream"]);
    }
    let hostile = Creation {
        tags: vec!["n".repeat(128)],
        stream: tag(&format!("{}/x:1", "n".repeat(200))).stream,
        ..creation(false, &[])
    };
    let text = creation_text(&hostile, &environment, &base);
    check(&text.body);
    assert!(text.title.chars().count() <= 72, "{}", text.title);
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
