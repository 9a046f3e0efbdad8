//! Unchanged pages cost nothing.

use crate::forge::contract::site::{Site as _, TestSite, branch, opened};
use crate::support::forge::Kind;

fn statuses(site: &TestSite) -> Vec<u16> {
    let requests = site.test_forge.requests();
    let lists = requests.iter().filter(|seen| seen.method == "GET");
    lists.filter_map(|seen| seen.status).collect()
}

#[test]
fn an_unchanged_listing_is_a_304_a_page() {
    let site = TestSite::start(Kind::GitHub);
    branch(&site, "headwater/dev/web");
    let pull = opened(&site, "headwater/dev/web");
    let commit = pull.head_commit.unwrap().to_string();
    // As many as make a second page.
    for number in 0..100 {
        let head = format!("feature/{number}");
        let mut model = site.test_forge.model();
        model.git_branch(&head, &commit);
        model.open("ada", &head, "main", "theirs");
    }
    let list = || site.forge().open_pull_requests("headwater/").unwrap();
    assert_eq!(list(), std::slice::from_ref(&pull));
    assert_eq!(list(), std::slice::from_ref(&pull));
    assert_eq!(statuses(&site), [200, 200, 304, 304]);
    assert_eq!(site.test_forge.writes().len(), 1, "the one that opened it");

    site.set_label(pull.number, "by-a-person");
    assert!(list()[0].labels.contains("by-a-person"));
    assert_eq!(statuses(&site)[4..], [200, 304]);
}

#[test]
fn the_time_is_of_now_although_the_answer_is_known() {
    let site = TestSite::start(Kind::GitHub);
    let time = || site.forge().standing().unwrap().time.unwrap();
    let first = time();
    let later = first + jiff::SignedDuration::from_hours(1);
    site.test_forge.model().now = later;
    assert_eq!(time(), later);
    assert!(statuses(&site).contains(&304));
}
