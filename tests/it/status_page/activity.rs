//! What has changed, as a page, as JSON and as a feed.

use std::collections::BTreeSet;

use headwater::serve::page::MAX_BYTES;
use headwater::serve::state::DaemonState;
use serde_json::Value as Json;

use crate::status_page::feed::{Element, feed};
use crate::status_page::pages::{in_order, read};
use crate::status_page::scene::{digest, state};
use crate::status_page::site::{get, get_at};
use crate::support::browser::Browser;

#[test]
fn the_page_tells_what_has_changed_newest_first() {
    let short = |letter| digest(letter)[7..19].to_owned();
    let moved = format!(
        "Moved {} → {} 2026-11-21 11:58:00 UTC (2 min ago)",
        short('g'),
        short('h')
    );
    let promoted = format!("Promoted {} → {}, from dev", short('a'), short('c'));
    let body = get(&state(), "/activity").body;
    in_order(
        &read(&body),
        &[
            "The last 200 changes, kept in memory since the daemon's start 2026-11-19 06:00:00 UTC (2 d ago).",
            "What was before stands in Git: headwater history. All as an Atom feed.",
            "dev/shop-dev/mailer:3 in shop",
            &moved,
            "headwater/prod/from-staging in shop Opened Promote staging to prod: web:1.8 Pull request",
            "staging/shop-staging/web:1.8 in shop",
            &promoted,
            "the Git repository in infra Failed /srv/git/infra.git: permission denied",
            "Proposed",
            ", on headwater/dev/web",
            "headwater/dev/auth in shop Blocked somebody's own work is on it Pull request",
            "the Git repository in infra Recovered passes do not fail any more",
            "the Git repository in gone Failed",
        ],
    );
    // A stream tag leads to its page, and a Git repository that is not looked after nowhere.
    assert!(body.contains("repository/shop/stream/mailer:3\">dev/shop-dev/mailer:3</a>"));
    assert_eq!(body.matches("hosts#repositories\"").count(), 2);
}

#[test]
fn rows_are_filtered_and_nothing_is_said_rightly() {
    let text = |state: &DaemonState, target: &str| read(&get(state, target).body);
    let prod = text(&state(), "/activity?q=prod");
    assert!(
        prod.contains("Promote staging to prod") && !prod.contains("mailer"),
        "{prod}"
    );
    assert!(prod.contains("These as an Atom feed"));
    let none = text(&state(), "/activity?q=nothing");
    assert!(none.contains("No change has nothing"), "{none}");
    let quiet = DaemonState::default();
    assert!(text(&quiet, "/activity").contains("Nothing has changed since then."));
    assert!(!text(&quiet, "/").contains("Lately"));
}

#[test]
fn its_json_has_what_events_have() {
    let json: Json = serde_json::from_str(&get(&state(), "/activity.json").body).unwrap();
    let first = &json["changes"][0];
    assert_eq!(first["kind"], "imageMoved");
    assert_eq!(first["image"], digest('h'));
    assert_eq!(first["previousImage"], digest('g'));
    assert_eq!(first["stream"], "mailer:3");
    assert_eq!(json["changes"][6]["kind"], "recovered");
    let overview: Json = serde_json::from_str(&get(&state(), "/index.json").body).unwrap();
    assert_eq!(overview["lately"].as_array().unwrap().len(), 5);
    assert_eq!(overview["lately"][0], *first);
}

#[test]
fn the_feed_is_what_readers_of_feeds_expect() {
    let mut browser = Browser::start();
    let whole = feed(&mut browser, &state(), "/activity.atom");
    assert_eq!(whole.text_of("updated"), "2026-11-21T11:58:00Z");
    assert_eq!(whole.link("self"), Some("./activity.atom"));
    assert_eq!(whole.link("next"), None);
    let entries: Vec<&Element> = whole.named("entry").collect();
    assert_eq!(entries.len(), state().activity.len());
    assert_eq!(
        entries[0].text_of("title"),
        "Moved: dev/shop-dev/mailer:3 in shop"
    );
    assert_eq!(
        entries[0].link("alternate"),
        Some("./repository/shop/stream/mailer:3")
    );
    assert_eq!(
        entries[1].link("related"),
        Some("https://git.example/shop/deploy/pulls/412")
    );
    assert_eq!(
        entries[1].text_of("content"),
        "Promote staging to prod: web:1.8"
    );
    // Nothing in it is reckoned from now: a reader that has it is not sent it again.
    let later = get_at(&state(), "/activity.atom", "2026-11-22T12:00:00Z");
    assert_eq!(later.tag(), get(&state(), "/activity.atom").tag());
    let empty = DaemonState {
        activity: Vec::new(),
        ..state()
    };
    let empty = feed(&mut browser, &empty, "/activity.atom");
    assert_eq!(empty.text_of("updated"), "2026-11-19T06:00:00Z");
}

#[test]
fn a_feed_of_what_a_filter_leaves_is_another_feed() {
    let mut browser = Browser::start();
    let all = feed(&mut browser, &state(), "/activity.atom");
    let some = feed(&mut browser, &state(), "/activity.atom?q=web+promoted");
    assert_eq!(some.link("self"), Some("./activity.atom?q=web%20promoted"));
    assert_eq!(some.named("entry").count(), 1);
    assert_eq!(some.text_of("updated"), "2026-11-21T10:40:00Z");
    assert_ne!(some.text_of("id"), all.text_of("id"));
}

#[test]
fn a_full_journal_comes_in_parts() {
    let mut state = state();
    let entry = state.activity[0].clone();
    let entries = (0..200).map(|number| {
        let mut entry = entry.clone();
        entry.id = format!("urn:uuid:00000000-0000-8000-8000-000000000{number:03}");
        entry
    });
    state.activity = entries.collect();
    let mut ids = BTreeSet::new();
    let mut browser = Browser::start();
    let mut next = Some("./activity.atom".to_owned());
    while let Some(target) = next {
        let target = &target[1..];
        assert!(get(&state, target).body.len() < MAX_BYTES, "{target}");
        let part = feed(&mut browser, &state, target);
        for entry in part.named("entry") {
            assert!(ids.insert(entry.text_of("id").to_owned()), "{target}");
        }
        next = part.link("next").map(str::to_owned);
    }
    assert_eq!(ids.len(), 200);
    let first = get(&state, "/activity").body;
    assert!(first.len() < MAX_BYTES);
    assert!(
        read(&first).contains("1 to 100 of 200 · next"),
        "{}",
        first.len()
    );
}
