//! Merging by itself.

use headwater::pull_request::MergeMethod;

use crate::hosting::Hosted;
use crate::lifecycle::WEB;
use crate::promotion::{on, on_branches};
use crate::support::forge::{CheckState, Kind, State};

const AUTOMERGE: &str = "apiVersion: headwater.dev/v1alpha1
kind: Config
spec:
  environments: [{name: default, automerge: true}]
  pullRequests: {mergeMethod: squash}
";

/// A newer image is there, and what proposes it is to be merged by itself.
pub(in crate::hosting) fn moved(has_automerge: bool) -> Hosted {
    let hosted = Hosted::moved();
    {
        let mut model = hosted.forge.model();
        model.has_automerge = has_automerge;
        // What is opened now is new by our clock too.
        model.now = jiff::Timestamp::now();
    }
    hosted
        .scene
        .commit(&[("headwater.yaml", AUTOMERGE)], "merge by itself");
    hosted
}

fn state(hosted: &Hosted, number: u64) -> State {
    hosted.forge.model().pull_request(number).state
}

pub(in crate::hosting) fn set_status(hosted: &Hosted, state: CheckState) {
    let head = hosted.scene.origin.rev(WEB);
    hosted.forge.model().set_status(&head, "ci/test", state);
}

#[test]
fn the_forge_is_asked_once_to_merge_it() {
    let hosted = moved(true);
    // Something that it has to wait for.
    let mut rule = crate::support::forge::Rule::default();
    rule.checks.insert("ci/test".to_owned());
    hosted.forge.model().protect("main", rule);
    hosted
        .reconcile()
        .exits(0)
        .says("opened pull request #2")
        .says("is merged once the forge's demands are met");
    let scheduled = hosted.forge.model().pull_request(2).scheduled;
    assert_eq!(scheduled, Some(MergeMethod::Squash));
    hosted.is_settled();

    hosted.scene.image("acme/web", "1", "third");
    hosted
        .reconcile()
        .exits(0)
        .says("is merged once the forge's demands are met");
    hosted.is_settled();
    set_status(&hosted, CheckState::Passing);
    assert_eq!(state(&hosted, 2), State::Merged);
    hosted.reconcile().exits(0);
    hosted.is_settled();
}

/// Commit by commit, what dev pins would come too, past the holds of staging.
#[test]
fn a_promotion_that_merges_is_squashed_where_others_are_rebased() {
    let scene = on_branches(", automerge: true");
    on(&scene, "main");
    scene.edit("headwater.yaml", |text| {
        format!("{text}  pullRequests: {{mergeMethod: rebase}}\n")
    });
    let hosted = Hosted::new(Kind::Gitea, scene);
    let mut rule = crate::support::forge::Rule::default();
    rule.checks.insert("ci/test".to_owned());
    {
        let mut model = hosted.forge.model();
        model.has_automerge = true;
        model.now = jiff::Timestamp::now();
        model.protect("env/staging", rule);
    }
    hosted.reconcile().exits(0);
    hosted
        .reconcile()
        .exits(0)
        .says("is merged once the forge's demands are met");
    let scheduled = hosted.forge.model().pull_request(1).scheduled;
    assert_eq!(scheduled, Some(MergeMethod::Squash));
}

#[test]
fn without_the_forges_own_it_is_merged_when_its_checks_pass() {
    let hosted = moved(false);
    hosted.reconcile().exits(0).says("#2");
    assert_eq!(state(&hosted, 2), State::Open);
    for (check, word) in [
        (CheckState::Pending, "its checks run"),
        (CheckState::Failing, "its checks fail"),
    ] {
        set_status(&hosted, check);
        hosted.reconcile().exits(0).says(word);
        assert_eq!(state(&hosted, 2), State::Open);
    }
    set_status(&hosted, CheckState::Passing);
    hosted.reconcile().exits(0).says("merged pull request #2");
    assert_eq!(state(&hosted, 2), State::Merged);
    hosted.reconcile().exits(0);
    hosted.is_settled();
}

#[test]
fn fault_28_what_moves_back_is_never_merged_by_itself() {
    let hosted = moved(false);
    hosted.reconcile().exits(0);
    set_status(&hosted, CheckState::Passing);
    hosted.reconcile().exits(0).says("merged pull request #2");
    hosted.scene.image("acme/web", "1", "first");
    hosted
        .reconcile()
        .exits(0)
        .says("opened pull request #3")
        .never_says("waits to be merged");
    assert!(hosted.title(3).contains("BACK"), "{}", hosted.title(3));
    let labels = hosted.forge.model().pull_request(3).labels.clone();
    assert!(labels.contains("rollback"), "{labels:?}");
    hosted.is_settled();
}

#[test]
fn a_draft_is_not_merged_by_itself() {
    let hosted = moved(false);
    hosted.scene.edit("headwater.yaml", |text| {
        text.replace("squash}", "squash, draft: true}")
    });
    hosted.reconcile().exits(0);
    set_status(&hosted, CheckState::Passing);
    hosted.is_settled();
    assert_eq!(state(&hosted, 2), State::Open);
    hosted.forge.model().edit(2, |open| open.is_draft = false);
    hosted.reconcile().exits(0).says("merged pull request #2");
}
