//! Merges, read back from Git.

use headwater::forge::Merging;
use headwater::pull_request::{MergeMethod, PullRequest, State};
use headwater::revision::CommitId;

use crate::forge::contract::site::{
    Site, branch, branch_with, draft, fetched, now, opened, push_more, texts,
};
use crate::support::forge::{CheckState, Rule};
use crate::support::wait;

/// Asked again while the forge does not know yet whether it may be merged.
fn settled(ask: impl Fn() -> Merging, is_settled: impl Fn(&Merging) -> bool) -> Merging {
    wait::until("the forge to have looked at the pull request", || {
        let merging = ask();
        is_settled(&merging).then_some(merging)
    })
}

fn merged(site: &dyn Site, pull: &PullRequest, head: CommitId, method: MergeMethod) {
    let ask = || site.forge().merge(pull.number, head, method).unwrap();
    let merging = settled(ask, |merging| !matches!(merging, Merging::NotReady(_)));
    assert_eq!(merging, Merging::Merged);
    assert_eq!(now(site, pull).state, State::Merged);
}

pub fn each_method_makes_its_own_history(site: &dyn Site) {
    for method in site.merge_methods() {
        let clone = site.clone();
        let head = format!("headwater/dev/{}", method.name());
        let before = clone.rev(&fetched(site, "main"));
        let first = branch(site, &head);
        let last = push_more(site, &head);
        // Somebody else's change lies beside it, so that a rebase has something to do.
        clone.git(&["checkout", "-q", "-B", "main", "origin/main"]);
        let other = format!("other-{}.txt", method.name());
        let base = clone.commit_files(&[(&other, "x\n")], "in between");
        clone.git(&["push", "-q", "origin", "main"]);
        let pull = opened(site, &head);
        merged(site, &pull, last, method);

        let tip = fetched(site, "main");
        let file = format!("{}.txt", head.replace('/', "-"));
        assert_eq!(clone.show(&tip, &file), format!("{head}\n"));
        assert_eq!(clone.show(&tip, &other), "x\n");
        let parents = clone.git(&["log", "-1", "--format=%P", &tip]);
        let count = clone.git(&["rev-list", "--count", &format!("{before}..{tip}")]);
        let (expected, commits) = match method {
            MergeMethod::Merge => (format!("{base} {last}"), "4"),
            MergeMethod::Squash => (base, "2"),
            MergeMethod::Rebase => (clone.rev(&format!("{tip}~1")), "3"),
        };
        assert_eq!((parents, &*count), (expected, commits), "{method:?}");
        if method == MergeMethod::Rebase {
            let story = clone.git(&["log", "-1", "--format=%B", &format!("{tip}~1")]);
            assert!(story.contains("Signed-Story: yes"), "{story}");
        }
        assert_ne!(first, last);
        // What is merged stays so.
        let again = site.forge().merge(pull.number, last, method).unwrap();
        assert_eq!(again, Merging::Merged);
    }
}

pub fn a_branch_that_has_moved_is_not_merged(site: &dyn Site) {
    let head = "headwater/dev/web";
    let first = branch(site, head);
    let pull = opened(site, head);
    let second = push_more(site, head);
    let tip = site.clone().rev(&fetched(site, "main"));
    let ask = || {
        site.forge()
            .merge(pull.number, first, MergeMethod::Merge)
            .unwrap()
    };
    let merging = settled(ask, |merging| !matches!(merging, Merging::NotReady(_)));
    assert_eq!(merging, Merging::HeadMoved);
    let later = site
        .forge()
        .merge_when_ready(pull.number, first, MergeMethod::Merge);
    assert_eq!(later.unwrap(), Merging::HeadMoved);
    assert_eq!(site.clone().rev(&fetched(site, "main")), tip);
    merged(site, &pull, second, MergeMethod::Merge);
}

pub fn a_conflict_is_not_ready(site: &dyn Site) {
    let head = branch_with(site, "headwater/dev/web", "shared.txt");
    branch_with(site, "feature/x", "shared.txt");
    let pull = opened(site, "headwater/dev/web");
    let other = opened(site, "feature/x");
    wait::until("the other one to be merged", || {
        let head = other.head_commit.unwrap();
        let merging = site.forge().merge(other.number, head, MergeMethod::Squash);
        (merging.unwrap() == Merging::Merged).then_some(())
    });
    let tip = site.clone().rev(&fetched(site, "main"));
    for method in site.merge_methods() {
        let merging = site.forge().merge(pull.number, head, method).unwrap();
        assert!(matches!(merging, Merging::NotReady(_)), "{merging:?}");
    }
    assert_eq!(now(site, &pull).state, State::Open);
    assert_eq!(site.clone().rev(&fetched(site, "main")), tip);
}

pub fn a_draft_and_a_closed_one_are_not_ready(site: &dyn Site) {
    let head = branch(site, "headwater/dev/web");
    let mut wanted = draft("headwater/dev/web");
    wanted.is_draft = true;
    let pull = site.forge().open(&wanted).unwrap().pull_request;
    let asks = || {
        let now = site.forge().merge(pull.number, head, MergeMethod::Merge);
        assert!(matches!(now, Ok(Merging::NotReady(_))), "{now:?}");
        let later = site
            .forge()
            .merge_when_ready(pull.number, head, MergeMethod::Merge);
        assert!(matches!(later, Ok(Merging::NotReady(_))), "{later:?}");
    };
    asks();
    site.close(pull.number);
    asks();
}

pub fn a_missing_approval_is_not_ready(site: &dyn Site) {
    site.protect(
        "main",
        Rule {
            approvals: 1,
            ..Rule::default()
        },
    );
    let head = branch(site, "headwater/dev/web");
    let pull = opened(site, "headwater/dev/web");
    let merging = site
        .forge()
        .merge(pull.number, head, MergeMethod::Merge)
        .unwrap();
    assert!(matches!(merging, Merging::NotReady(_)), "{merging:?}");
    assert_eq!(now(site, &pull).state, State::Open);
    site.approve(pull.number);
    merged(site, &pull, head, MergeMethod::Merge);
}

pub fn what_is_ready_is_merged_at_once(site: &dyn Site) {
    let head = branch(site, "headwater/dev/web");
    let pull = opened(site, "headwater/dev/web");
    let ask = || {
        let forge = site.forge();
        let merging = forge.merge_when_ready(pull.number, head, MergeMethod::Squash);
        assert!(!matches!(
            merging,
            Ok(Merging::HeadMoved | Merging::NotOffered)
        ));
        merging.unwrap()
    };
    settled(ask, |merging| *merging == Merging::Merged);
    assert_eq!(now(site, &pull).state, State::Merged);
}

pub fn what_waits_for_a_check_is_merged_by_the_forge(site: &dyn Site) {
    site.protect(
        "main",
        Rule {
            checks: texts(&["ci/test"]),
            ..Rule::default()
        },
    );
    let head = branch(site, "headwater/dev/web");
    site.set_status(head, "ci/test", CheckState::Pending);
    let pull = opened(site, "headwater/dev/web");
    let ask = || {
        let forge = site.forge();
        forge
            .merge_when_ready(pull.number, head, MergeMethod::Merge)
            .unwrap()
    };
    let is_settled = |merging: &Merging| !matches!(merging, Merging::NotReady(_));
    assert_eq!(settled(ask, is_settled), Merging::Scheduled);
    assert_eq!(now(site, &pull).state, State::Open);
    assert_eq!(ask(), Merging::Scheduled, "asked again, it is the same");
    site.set_status(head, "ci/test", CheckState::Passing);
    wait::until("the forge to merge it", || {
        (now(site, &pull).state == State::Merged).then_some(())
    });
    let tip = fetched(site, "main");
    site.clone().show(&tip, "headwater-dev-web.txt");
}
