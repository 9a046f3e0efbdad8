//! What gates ask of a forge, and what is told to it: checks by name, approvals, our own status,
//! and when a commit entered.

use std::collections::BTreeSet;

use headwater::forge::Error;
use headwater::pull_request::{Checks, CommitStatus, GATES_CONTEXT, NamedCheck};
use headwater::revision::CommitId;

use crate::forge::contract::site::{Site, branch, fetched, name, opened, push_more, texts};
use crate::support::forge::{CheckState, Opinion};
use crate::support::wait;

const HEAD: &str = "headwater/dev/web";

fn status(state: Checks, description: &str) -> CommitStatus {
    CommitStatus {
        context: GATES_CONTEXT.to_owned(),
        state,
        description: description.to_owned(),
        url: None,
    }
}

fn named(checks: &[(&str, Checks)]) -> Vec<NamedCheck> {
    let check = |(name, state): &(&str, Checks)| NamedCheck {
        name: (*name).to_owned(),
        state: *state,
    };
    checks.iter().map(check).collect()
}

fn unknown() -> CommitId {
    "6b0ed8c0d7d3b6bbf1a2b1d4f66a1c5a9a2c3b4d".parse().unwrap()
}

pub fn checks_are_told_by_name_and_the_newest_counts(site: &dyn Site) {
    let head = branch(site, HEAD);
    assert_eq!(site.forge().statuses(head).unwrap(), []);
    site.set_status(head, "ci/test", CheckState::Failing);
    site.set_run(head, "build", CheckState::Pending);
    site.set_status(head, "ci/e2e", CheckState::Passing);
    site.set_status(head, "ci/test", CheckState::Passing);
    let expected = [
        ("build", Checks::Pending),
        ("ci/e2e", Checks::Passing),
        ("ci/test", Checks::Passing),
    ];
    assert_eq!(site.forge().statuses(head).unwrap(), named(&expected));
    site.set_run(head, "build", CheckState::Passing);
    site.set_status(head, "ci/e2e", CheckState::Failing);
    let expected = [
        ("build", Checks::Passing),
        ("ci/e2e", Checks::Failing),
        ("ci/test", Checks::Passing),
    ];
    assert_eq!(site.forge().statuses(head).unwrap(), named(&expected));
    let other = branch(site, "headwater/dev/api");
    assert_eq!(site.forge().statuses(other).unwrap(), []);
}

pub fn checks_of_all_pages_are_told(site: &dyn Site) {
    let head = branch(site, HEAD);
    let names: Vec<String> = (0..105).map(|number| format!("ci/{number:03}")).collect();
    for name in &names {
        site.set_status(head, name, CheckState::Passing);
    }
    let found = site.forge().statuses(head).unwrap();
    assert!(
        found.iter().map(|check| &check.name).eq(&names),
        "{found:?}"
    );
    assert!(found.iter().all(|check| check.state == Checks::Passing));
}

pub fn a_status_that_is_posted_is_read_back(site: &dyn Site) {
    let forge = site.forge();
    let head = branch(site, HEAD);
    for (state, expected) in [
        (Checks::Pending, Checks::Pending),
        (Checks::Passing, Checks::Passing),
        // Time goes on, and a window closes.
        (Checks::None, Checks::Pending),
        (Checks::Failing, Checks::Failing),
        (Checks::Passing, Checks::Passing),
    ] {
        // The same one again changes nothing.
        for _ in 0..2 {
            forge.set_status(head, &status(state, "waits")).unwrap();
            let found = forge.statuses(head).unwrap();
            assert_eq!(found, named(&[(GATES_CONTEXT, expected)]), "{state:?}");
        }
    }
    assert_eq!(site.description_of(head, GATES_CONTEXT), "waits");
    site.set_status(head, "ci/test", CheckState::Pending);
    let found = forge.statuses(head).unwrap();
    assert_eq!(Checks::of(&found, Some("ci/test")), Checks::Passing);
    assert_eq!(Checks::of(&found, Some(GATES_CONTEXT)), Checks::Pending);
}

pub fn a_long_description_is_cut(site: &dyn Site) {
    let head = branch(site, HEAD);
    let long = "wartet bis März ".repeat(30);
    let mut status = status(Checks::Pending, &format!("line\n{long}"));
    status.url = Some("https://headwater.example/prod".to_owned());
    site.forge().set_status(head, &status).unwrap();
    let told = site.description_of(head, GATES_CONTEXT);
    let kept = told.strip_suffix('…').unwrap();
    assert!(format!("line {long}").starts_with(kept), "{told}");
    assert!((130..=255).contains(&told.chars().count()), "{told}");
}

pub fn a_missing_commit_is_missing(site: &dyn Site) {
    let forge = site.forge();
    let is_missing = |error: Option<Error>| {
        let Some(Error::Missing { what, .. }) = &error else {
            panic!("{error:?}");
        };
        assert!(what.contains(&unknown().to_string()), "{what}");
    };
    is_missing(forge.statuses(unknown()).err());
    let status = status(Checks::Passing, "well");
    is_missing(forge.set_status(unknown(), &status).err());
    // Gitea does not tell the two apart.
    match forge.entered(unknown(), &name("main")) {
        Ok(None) => {}
        result => is_missing(result.err()),
    }
    let error = forge.approvals(404, unknown()).unwrap_err();
    assert!(matches!(error, Error::Missing { .. }), "{error:?}");
}

pub fn approvals_are_those_that_count_now(site: &dyn Site) {
    let forge = site.forge();
    let head = branch(site, HEAD);
    let number = opened(site, HEAD).number;
    let nobody = BTreeSet::new();
    let person = texts(&[&site.person()]);
    assert_eq!(forge.approvals(number, head).unwrap(), nobody);
    for (opinion, expected) in [
        (Opinion::Remarks, &nobody),
        (Opinion::Approves, &person),
        // It takes nothing back.
        (Opinion::Remarks, &person),
        (Opinion::Refuses, &nobody),
        (Opinion::Remarks, &nobody),
        (Opinion::Approves, &person),
        (Opinion::Approves, &person),
    ] {
        site.review(number, opinion);
        let found = forge.approvals(number, head).unwrap();
        assert_eq!(&found, expected, "{opinion:?}");
    }
    site.dismiss(number);
    assert_eq!(forge.approvals(number, head).unwrap(), nobody);
}

pub fn an_approval_of_one_who_may_not_write_does_not_count(site: &dyn Site) {
    let head = branch(site, HEAD);
    let number = opened(site, HEAD).number;
    site.approve_as_stranger(number);
    assert_eq!(
        site.forge().approvals(number, head).unwrap(),
        BTreeSet::new()
    );
    site.approve(number);
    let found = site.forge().approvals(number, head).unwrap();
    assert_eq!(found, texts(&[&site.person()]));
}

pub fn an_approval_of_an_older_head_does_not_count(site: &dyn Site) {
    let forge = site.forge();
    let before = branch(site, HEAD);
    let number = opened(site, HEAD).number;
    site.approve(number);
    assert_eq!(forge.approvals(number, before).unwrap().len(), 1);
    let head = push_more(site, HEAD);
    wait::until("the forge to see the push", || {
        let open = forge.open_pull_requests("headwater/").unwrap();
        let is_seen = open[0].head_commit == Some(head);
        // What it approves is compared a little later.
        (is_seen && forge.approvals(number, head).unwrap().is_empty()).then_some(())
    });
    // Its branch is not there any more.
    assert!(forge.approvals(number, before).unwrap().is_empty());
    site.approve(number);
    assert_eq!(forge.approvals(number, head).unwrap().len(), 1);
}

pub fn a_commit_enters_when_its_pull_request_is_merged(site: &dyn Site) {
    let forge = site.forge();
    let main = name("main");
    let first: CommitId = site.clone().rev("origin/main").parse().unwrap();
    assert_eq!(forge.entered(first, &main).unwrap(), None);
    for method in site.merge_methods() {
        let head = format!("headwater/dev/{}", method.name());
        let commit = branch(site, &head);
        let number = opened(site, &head).number;
        assert_eq!(forge.entered(commit, &main).unwrap(), None);
        site.merge(number, method);
        let merged = site.clone().rev(&fetched(site, "main")).parse().unwrap();
        let entered = wait::until("the forge to remember the merge", || {
            forge.entered(merged, &main).unwrap()
        });
        assert_eq!(entered, site.merged_at(number), "{method:?}");
        assert_eq!(forge.entered(merged, &name("env/dev")).unwrap(), None);
    }
    assert_eq!(forge.entered(first, &main).unwrap(), None);
}

pub fn a_commit_of_a_pull_request_that_is_not_merged_has_not_entered(site: &dyn Site) {
    let forge = site.forge();
    let head = branch(site, HEAD);
    let number = opened(site, HEAD).number;
    assert_eq!(forge.entered(head, &name("main")).unwrap(), None);
    site.close(number);
    assert_eq!(forge.entered(head, &name("main")).unwrap(), None);
}
