//! Teams, and labels that differ by case alone.

use headwater::pull_request::Change;

use crate::forge::contract::site::{Site as _, TestSite, branch, draft, opened, texts};
use crate::support::forge::Kind;

#[test]
fn a_team_is_asked_by_its_name_in_the_organization() {
    let site = TestSite::start(Kind::GitHub);
    branch(&site, "headwater/dev/web");
    let mut wanted = draft("headwater/dev/web");
    wanted.reviewers = texts(&["Acme/platform", "acme/nobodies", "other/platform", "ada"]);
    let opened = site.forge().open(&wanted).unwrap();
    let [nobodies, other] = &*opened.warnings else {
        panic!("{:?}", opened.warnings);
    };
    assert!(nobodies.contains("acme/nobodies"), "{nobodies}");
    assert!(other.contains("other/platform"), "{other}");
    let asked = site.reviewers(opened.pull_request.number);
    assert_eq!(asked, texts(&["acme/platform", "ada"]));
}

#[test]
fn a_label_in_other_letters_is_the_same_label() {
    let site = TestSite::start(Kind::GitHub);
    branch(&site, "headwater/dev/web");
    let number = opened(&site, "headwater/dev/web").number;
    site.set_label(number, "Env/Dev");
    let before = site.test_forge.writes().len();
    let change = |added: &[&str], removed: &[&str]| Change {
        added_labels: texts(added),
        removed_labels: texts(removed),
        ..Change::default()
    };
    let changed = site.forge().change(number, &change(&["env/dev"], &[]));
    assert_eq!(changed.unwrap().labels, texts(&["Env/Dev"]));
    assert_eq!(site.test_forge.writes().len(), before);
    let changed = site.forge().change(number, &change(&[], &["env/dev"]));
    assert!(changed.unwrap().labels.is_empty());
}
