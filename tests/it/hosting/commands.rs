//! `headwater pr` where the repository is on a forge.

use headwater::pull_request::MergeMethod;
use serde_json::Value;

use crate::hosting::{Hosted, KINDS};
use crate::lifecycle::{FIRST_PINS, WEB, web};
use crate::support::forge::{Failure, Kind, Rule, State};

#[test]
fn branches_are_listed_with_their_pull_requests() {
    for kind in KINDS {
        let hosted = Hosted::first(kind);
        let before = hosted.requests();
        let list = hosted.json(&["list"]);
        assert_eq!(hosted.requests(), before + 1, "one listing");
        let item = &list["items"][0];
        assert_eq!(item["branch"], FIRST_PINS);
        assert_eq!(item["pullRequest"]["number"], 1);
        let url = item["pullRequest"]["url"].as_str().unwrap();
        assert!(url.starts_with("http"), "{url}");
        hosted
            .pr(&["list"])
            .exits(0)
            .says("BRANCH")
            .says("PR")
            .says(&format!("{FIRST_PINS}  #1 {url}"));
        hosted
            .pr(&["show", FIRST_PINS])
            .exits(0)
            .says(&format!("request #1 {url}, open\n"))
            .says("labels  cause/first-pin, env/default, image-pin\n");
        assert_eq!(
            hosted.json(&["show", FIRST_PINS])["pullRequest"]["state"],
            "open"
        );
        assert_eq!(hosted.forge.violations(), [""; 0]);
    }
}

#[test]
fn a_branch_without_a_pull_request_has_an_empty_column() {
    let hosted = Hosted::proposed();
    hosted.forge.model().close(2);
    let list = hosted.json(&["list"]);
    assert_eq!(list["items"][0]["branch"], WEB);
    assert_eq!(list["items"][0]["pullRequest"], Value::Null);
    hosted
        .pr(&["show", WEB])
        .exits(0)
        .says("request #2 ")
        .says(", closed");
    hosted
        .pr(&["merge", WEB])
        .exits(2)
        .says(&format!("no pull request is open for {WEB}"))
        .says("#2 is closed");
    hosted
        .pr(&["close", WEB])
        .exits(2)
        .says(&format!("no pull request is open for {WEB}"));
}

#[test]
fn closed_declines_as_it_does_when_a_person_closes_it() {
    for kind in KINDS {
        let hosted = Hosted::first(kind);
        let head = hosted.scene.origin.rev(FIRST_PINS);
        hosted
            .pr(&["list", "--closed"])
            .exits(0)
            .says("no branch is closed")
            .says("`headwater plan` names each image");
        hosted
            .pr(&["close", FIRST_PINS])
            .exits(0)
            .says("closed pull request #1 http")
            .says("propose-again");
        assert_eq!(hosted.scene.origin.rev(FIRST_PINS), head, "no tombstone");
        assert_eq!(hosted.forge.model().pull_request(1).state, State::Closed);
        assert_eq!(hosted.remarks(1), [""; 0]);

        let list = hosted.json(&["list", "--ignored"]);
        assert_eq!(list["items"][0]["state"], "closed");
        assert_eq!(list["items"][0]["pullRequest"]["number"], 1);
        hosted
            .pr(&["list", "--closed"])
            .exits(0)
            .says("#1 http")
            .says("reopen a pull request, or give it the label propose-again")
            .never_says("delete a branch");

        hosted
            .reconcile()
            .exits(0)
            .says("its pull request #1 was closed")
            .says(&format!("deleted {FIRST_PINS}"));
        hosted.is_settled();
        let url = hosted.git.url();
        hosted
            .run(&["plan", &url])
            .exits(0)
            .says("its pull request #1 was closed");
    }
}

#[test]
fn what_is_asked_for_again_is_not_listed_as_closed() {
    let hosted = Hosted::first(Kind::Gitea);
    hosted.pr(&["close", FIRST_PINS]).exits(0);
    hosted.forge.model().set_label(1, "propose-again");
    hosted
        .pr(&["list", "--closed"])
        .exits(0)
        .says("no branch is closed");
    // What the bot itself ends declines nothing.
    let hosted = Hosted::proposed();
    hosted.scene.squash(WEB);
    hosted.reconcile().exits(0).says("closed pull request #2");
    hosted
        .pr(&["list", "--closed"])
        .exits(0)
        .says("no branch is closed");
}

#[test]
fn the_forge_merges_it_and_its_branch_goes() {
    for kind in KINDS {
        let hosted = Hosted::first(kind);
        hosted
            .pr(&["merge", FIRST_PINS, "--method", "squash"])
            .exits(0)
            .says("merged pull request #1 http")
            .says(" into main\n");
        assert_eq!(hosted.forge.model().pull_request(1).state, State::Merged);
        let parents = hosted
            .scene
            .origin
            .git(&["log", "-1", "--format=%P", "main"]);
        assert_eq!(parents.split_whitespace().count(), 1, "squashed");
        assert_eq!(hosted.scene.bot_branches(), [""; 0]);
        hosted.is_settled();
    }
}

#[test]
fn without_a_word_the_configuration_says_how() {
    const REBASE: &str = "apiVersion: headwater.dev/v1alpha1
kind: Config
spec:
  pullRequests: {mergeMethod: rebase}
";
    let hosted = Hosted::new(Kind::Gitea, web());
    hosted.scene.commit(&[("headwater.yaml", REBASE)], "rebase");
    hosted.reconcile().exits(0).says("opened pull request #1");
    hosted
        .pr(&["merge", FIRST_PINS, "--method", "fast-forward"])
        .exits(2)
        .says("--method merge, squash or rebase");
    hosted.forge.model().merge_methods = vec![MergeMethod::Merge, MergeMethod::Squash];
    hosted
        .pr(&["merge", FIRST_PINS])
        .exits(2)
        .says("does not allow to rebase pull requests")
        .says("--method merge or squash");
    hosted.forge.model().merge_methods = vec![MergeMethod::Rebase];
    hosted.pr(&["merge", FIRST_PINS]).exits(0).says("merged");
    hosted.is_settled();
}

#[test]
fn nothing_is_merged_around_the_forges_rules() {
    for kind in KINDS {
        let hosted = Hosted::first(kind);
        let rule = Rule {
            approvals: 1,
            ..Rule::default()
        };
        hosted.forge.model().protect("main", rule);
        let before = hosted.scene.state();
        hosted
            .pr(&["merge", FIRST_PINS])
            .exits(3)
            .says("pull request #1 http")
            .says("cannot be merged yet: ");
        assert_eq!(hosted.scene.state(), before);
        assert!(hosted.is_open(1));
        hosted.forge.model().approve(1, "ada");
        hosted.pr(&["merge", FIRST_PINS]).exits(0).says("merged");
    }
}

#[test]
fn a_forge_that_cannot_be_asked_ends_the_command() {
    let hosted = Hosted::proposed();
    let before = hosted.scene.state();
    for command in ["merge", "close", "show"] {
        for _ in 0..3 {
            hosted
                .forge
                .fail_next("GET", "/pulls", Failure::Status(503));
        }
        hosted.pr(&[command, WEB]).exits(5).says("cannot be asked");
    }
    std::fs::write(hosted.token_file(), "wrong-s3cret\n").unwrap();
    hosted
        .pr(&["list"])
        .exits(4)
        .says("refuses the token")
        .never_says("wrong-s3cret");
    assert_eq!(hosted.scene.state(), before);
}
