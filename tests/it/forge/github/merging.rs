//! Ways in which GitHub merges later, or not.

use headwater::forge::Merging;
use headwater::pull_request::{Checks, MergeMethod};

use crate::forge::contract::site::{Site as _, TestSite, branch, opened, texts};
use crate::support::forge::{CheckState, Failure, Kind, Rule};

fn waiting() -> (TestSite, u64, headwater::revision::CommitId) {
    let site = TestSite::start(Kind::GitHub);
    let checks = texts(&["ci/test"]);
    let rule = Rule {
        checks,
        ..Rule::default()
    };
    site.protect("main", rule);
    let head = branch(&site, "headwater/dev/web");
    let number = opened(&site, "headwater/dev/web").number;
    (site, number, head)
}

#[test]
fn what_the_repository_does_not_allow_is_not_offered() {
    let (site, number, head) = waiting();
    let later = |method| site.forge().merge_when_ready(number, head, method);
    site.test_forge.model().has_automerge = false;
    assert_eq!(later(MergeMethod::Merge).unwrap(), Merging::NotOffered);
    site.test_forge.model().merge_methods = vec![MergeMethod::Merge];
    let now = site.forge().merge(number, head, MergeMethod::Squash);
    assert_eq!(now.unwrap(), Merging::NotOffered);
}

#[test]
fn checks_that_github_would_not_wait_for_are_left_to_the_caller() {
    let site = TestSite::start(Kind::GitHub);
    let head = branch(&site, "headwater/dev/web");
    let number = opened(&site, "headwater/dev/web").number;
    site.set_status(head, "ci/test", CheckState::Pending);
    let later = site
        .forge()
        .merge_when_ready(number, head, MergeMethod::Merge);
    assert_eq!(later.unwrap(), Merging::NotOffered);
}

#[test]
fn fault_12_a_lost_answer_to_a_schedule_is_a_schedule() {
    let (site, number, head) = waiting();
    site.test_forge
        .fail_next("POST", "/api/graphql", Failure::AnswerLost);
    let later = site
        .forge()
        .merge_when_ready(number, head, MergeMethod::Rebase);
    assert_eq!(later.unwrap(), Merging::Scheduled);
    assert_eq!(
        site.test_forge.model().pull_request(number).scheduled,
        Some(MergeMethod::Rebase)
    );
}

#[test]
fn a_run_on_the_second_page_counts() {
    let site = TestSite::start(Kind::GitHub);
    let head = branch(&site, "headwater/dev/web");
    for number in 0..105 {
        site.set_run(head, &format!("run {number}"), CheckState::Passing);
    }
    site.set_run(head, "last", CheckState::Failing);
    assert_eq!(site.forge().checks(head).unwrap(), Checks::Failing);
    site.set_run(head, "last", CheckState::Passing);
    assert_eq!(site.forge().checks(head).unwrap(), Checks::Passing);
}
