//! Checks, protection, and who asks.

use headwater::forge::Error;
use headwater::pull_request::{Checks, Protection};

use crate::forge::contract::site::{Site, branch, draft, name, texts};
use crate::support::forge::{CheckState, Rule};
use crate::support::wait;

pub fn checks_are_summed_up(site: &dyn Site) {
    let forge = site.forge();
    let head = branch(site, "headwater/dev/web");
    assert_eq!(forge.checks(head).unwrap(), Checks::None);
    for (context, state, expected) in [
        ("ci/test", CheckState::Pending, Checks::Pending),
        ("ci/test", CheckState::Passing, Checks::Passing),
        ("ci/lint", CheckState::Pending, Checks::Pending),
        ("ci/lint", CheckState::Failing, Checks::Failing),
        ("ci/more", CheckState::Pending, Checks::Failing),
        ("ci/lint", CheckState::Passing, Checks::Pending),
        ("ci/more", CheckState::Passing, Checks::Passing),
    ] {
        site.set_status(head, context, state);
        assert_eq!(forge.checks(head).unwrap(), expected, "{context} {state:?}");
    }
    let other = branch(site, "headwater/dev/api");
    assert_eq!(forge.checks(other).unwrap(), Checks::None);
}

pub fn statuses_and_runs_count_together(site: &dyn Site) {
    let head = branch(site, "headwater/dev/web");
    site.set_run(head, "build", CheckState::Pending);
    assert_eq!(site.forge().checks(head).unwrap(), Checks::Pending);
    site.set_status(head, "ci/test", CheckState::Passing);
    assert_eq!(site.forge().checks(head).unwrap(), Checks::Pending);
    site.set_run(head, "build", CheckState::Failing);
    assert_eq!(site.forge().checks(head).unwrap(), Checks::Failing);
    site.set_run(head, "build", CheckState::Passing);
    assert_eq!(site.forge().checks(head).unwrap(), Checks::Passing);
}

pub fn one_failure_among_many_checks_counts(site: &dyn Site) {
    let head = branch(site, "headwater/dev/web");
    // Wherever the forge begins its list, one of them is not on the first page.
    site.set_status(head, "ci/first", CheckState::Failing);
    for number in 0..105 {
        site.set_status(head, &format!("ci/{number}"), CheckState::Passing);
    }
    assert_eq!(site.forge().checks(head).unwrap(), Checks::Failing);
    site.set_status(head, "ci/first", CheckState::Passing);
    assert_eq!(site.forge().checks(head).unwrap(), Checks::Passing);
    site.set_status(head, "ci/last", CheckState::Failing);
    assert_eq!(site.forge().checks(head).unwrap(), Checks::Failing);
}

pub fn protection_is_what_the_branch_demands(site: &dyn Site) {
    let forge = site.forge();
    let main = name("main");
    assert_eq!(forge.protection(&main).unwrap(), Protection::default());
    site.clone()
        .git(&["push", "-q", "origin", "origin/main:refs/heads/env/dev"]);
    let rule = Rule {
        requires_up_to_date: true,
        approvals: 2,
        checks: texts(&["ci/test", "ci/e2e"]),
    };
    site.protect("env/dev", rule.clone());
    let told = wait::until("the forge to know the branch", || {
        forge.protection(&name("env/dev")).ok()
    });
    assert_eq!(told, site.told_of(&rule, false));
    let told = forge.protection(&main).unwrap();
    assert_eq!(told, site.told_of(&rule, true));
}

pub fn standing_says_who_asks_and_what_they_may(site: &dyn Site) {
    let standing = site.forge().standing().unwrap();
    assert_eq!(standing.account, site.account());
    assert_eq!(standing.default_branch, "main");
    assert!(standing.may_write && !standing.is_archived && standing.has_automerge);
    assert_eq!(standing.merge_methods, site.merge_methods());
    assert!(standing.time.is_some());
}

pub fn a_wrong_token_is_denied(site: &dyn Site) {
    let forge = site.asked_with("n0t-the-t0ken", &site.repository());
    branch(site, "headwater/dev/web");
    let is_denied = |error: Option<Error>| {
        let Some(Error::Denied { reason, .. }) = &error else {
            panic!("{error:?}");
        };
        assert!(!reason.contains("n0t-the"), "{reason}");
    };
    is_denied(forge.open_pull_requests("").err());
    is_denied(forge.open(&draft("headwater/dev/web")).err());
    is_denied(forge.add_comment(1, "x").err());
    is_denied(forge.standing().err());
    let head = site.clone().rev("headwater/dev/web").parse().unwrap();
    is_denied(forge.statuses(head).err());
    is_denied(forge.approvals(1, head).err());
    is_denied(forge.entered(head, &name("main")).err());
    assert_eq!(site.forge().open_pull_requests("").unwrap(), []);
}

pub fn a_missing_repository_is_missing(site: &dyn Site) {
    let forge = site.asked_with(&site.token(), "no-such-repository");
    let is_missing = |error: Option<Error>| {
        assert!(matches!(error, Some(Error::Missing { .. })), "{error:?}");
    };
    is_missing(forge.open_pull_requests("").err());
    is_missing(forge.standing().err());
    is_missing(forge.open(&draft("headwater/dev/web")).err());
}
