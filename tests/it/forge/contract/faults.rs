//! What goes wrong on the way, and what is not asked, at a test forge only.

use headwater::forge::{Error, Merging};
use headwater::pull_request::{Change, Checks, CommitStatus, MergeMethod, State};

use crate::forge::contract::site::{Site, TestSite, branch, draft, now, opened};
use crate::support::forge::Failure;

pub fn fault_12_a_lost_answer_makes_no_second_pull_request(site: &TestSite) {
    let pulls = site.test_forge.paths().pulls;
    for (number, failure) in [
        Failure::AnswerLost,
        Failure::DoneButStatus(502),
        Failure::DoneButStatus(200),
        Failure::Status(503),
    ]
    .into_iter()
    .enumerate()
    {
        let head = format!("headwater/dev/s{number}");
        branch(site, &head);
        site.test_forge.fail_next("POST", pulls, failure.clone());
        let opened = site.forge().open(&draft(&head)).unwrap().pull_request;
        let all = site.forge().pull_requests_of(&opened.head).unwrap();
        assert_eq!(all, [opened], "{failure:?}");
    }
    branch(site, "headwater/dev/down");
    for _ in 0..2 {
        site.test_forge
            .fail_next("POST", pulls, Failure::Status(503));
    }
    let error = site.forge().open(&draft("headwater/dev/down")).unwrap_err();
    assert!(matches!(error, Error::Unavailable { .. }), "{error}");
    assert_eq!(site.forge().open_pull_requests("").unwrap().len(), 4);
}

pub fn fault_12_a_lost_answer_to_a_merge_is_a_merge(site: &TestSite) {
    let head = branch(site, "headwater/dev/web");
    let pull = opened(site, "headwater/dev/web");
    let (method, path) = site.test_forge.paths().merge;
    site.test_forge.fail_next(method, path, Failure::AnswerLost);
    let merging = site.forge().merge(pull.number, head, MergeMethod::Merge);
    assert_eq!(merging.unwrap(), Merging::Merged);
    assert_eq!(now(site, &pull).state, State::Merged);
}

pub fn fault_12_a_lost_answer_to_a_comment_is_one_comment(site: &TestSite) {
    branch(site, "headwater/dev/web");
    let number = opened(site, "headwater/dev/web").number;
    let comments = site.test_forge.paths().comments;
    for _ in 0..2 {
        site.test_forge
            .fail_next("POST", comments, Failure::AnswerLost);
    }
    let added = site.forge().add_comment(number, "once").unwrap();
    assert_eq!(site.forge().comments(number).unwrap(), [added]);
}

fn gates(state: Checks) -> CommitStatus {
    CommitStatus {
        context: "headwater/gates".to_owned(),
        state,
        description: "waits".to_owned(),
        url: None,
    }
}

pub fn fault_12_a_lost_answer_to_a_status_is_one_status(site: &TestSite) {
    let head = branch(site, "headwater/dev/web");
    let path: &'static str = format!("/statuses/{head}").leak();
    for (state, failure) in [
        (Checks::Pending, Failure::AnswerLost),
        (Checks::Passing, Failure::DoneButStatus(502)),
        (Checks::Failing, Failure::DoneButStatus(200)),
        (Checks::Passing, Failure::Status(503)),
    ] {
        site.test_forge.fail_next("POST", path, failure.clone());
        site.forge().set_status(head, &gates(state)).unwrap();
        let found = site.forge().statuses(head).unwrap();
        assert_eq!((found.len(), found[0].state), (1, state), "{failure:?}");
    }
    for _ in 0..2 {
        site.test_forge
            .fail_next("POST", path, Failure::Status(503));
    }
    let error = site.forge().set_status(head, &gates(Checks::Pending));
    let error = error.unwrap_err();
    assert!(matches!(error, Error::Unavailable { .. }), "{error}");
    let found = site.forge().statuses(head).unwrap();
    assert_eq!(found[0].state, Checks::Passing);
}

pub fn a_status_without_the_right_says_which_is_needed(site: &TestSite) {
    let head = branch(site, "headwater/dev/web");
    site.test_forge.model().may_write = false;
    let error = site.forge().set_status(head, &gates(Checks::Passing));
    let Err(Error::Denied { reason, .. }) = &error else {
        panic!("{error:?}");
    };
    let rights = ["`statuses: write`", "write:repository", "scope `api`"];
    assert!(
        rights.iter().any(|right| reason.contains(right)),
        "{reason}"
    );
    assert_eq!(site.forge().statuses(head).unwrap(), []);
}

pub fn fault_13_a_short_limit_is_waited_for(site: &TestSite) {
    branch(site, "headwater/dev/web");
    let pulls = site.test_forge.paths().pulls;
    site.test_forge
        .fail_next("POST", pulls, Failure::Limited(7));
    opened(site, "headwater/dev/web");
    assert_eq!(site.long_pauses(), [7]);
    assert_eq!(site.forge().open_pull_requests("").unwrap().len(), 1);
}

pub fn fault_13_a_long_limit_is_told(site: &TestSite) {
    branch(site, "headwater/dev/web");
    let pulls = site.test_forge.paths().pulls;
    site.test_forge
        .fail_next("POST", pulls, Failure::Limited(3600));
    let error = site.forge().open(&draft("headwater/dev/web")).unwrap_err();
    assert!(
        matches!(error, Error::Limited { until: Some(_), .. }),
        "{error}"
    );
    assert_eq!(site.forge().open_pull_requests("").unwrap(), []);
}

pub fn fault_14_one_refused_token_is_asked_for_again(site: &TestSite) {
    branch(site, "headwater/dev/web");
    let pulls = site.test_forge.paths().pulls;
    site.test_forge
        .fail_next("POST", pulls, Failure::Status(401));
    opened(site, "headwater/dev/web");
}

pub fn fault_15_a_forge_that_is_down_is_unavailable(site: &TestSite) {
    let pulls = site.test_forge.paths().pulls;
    for _ in 0..3 {
        site.test_forge
            .fail_next("GET", pulls, Failure::Status(502));
    }
    let error = site.forge().open_pull_requests("").unwrap_err();
    assert!(matches!(error, Error::Unavailable { .. }), "{error}");
    assert_eq!(site.forge().open_pull_requests("").unwrap(), []);
}

pub fn where_nothing_changes_nothing_is_written(site: &TestSite) {
    branch(site, "headwater/dev/web");
    let pull = opened(site, "headwater/dev/web");
    let before = site.test_forge.writes().len();
    assert!(before > 0);
    let forge = site.forge();
    let changed = forge.change(pull.number, &Change::default()).unwrap();
    assert_eq!(changed, pull);
    let asked = site.test_forge.requests().len();
    assert_eq!(forge.open_pull_requests("headwater/").unwrap(), [pull]);
    let requests = site.test_forge.requests();
    let [listing] = &requests[asked..] else {
        panic!("{requests:?}");
    };
    assert_eq!((&*listing.method, listing.status), ("GET", Some(200)));
    let pulls = site.test_forge.paths().pulls;
    let (path, _) = listing.path.split_once('?').unwrap();
    assert!(path.ends_with(pulls) && listing.body.is_empty(), "{path}");
    assert_eq!(site.test_forge.writes().len(), before);
}
