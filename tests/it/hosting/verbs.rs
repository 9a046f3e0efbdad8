//! `--pull-request` of commands that write, where the repository is on a forge.

use headwater::pull_request::MergeMethod;

use crate::hosting::{Hosted, KINDS};
use crate::support::forge::{Failure, Kind};
use crate::support::scene::{HOST, Run};

const TIP: &str = "headwater/default/tag-web-1-web-tip";

impl Hosted {
    /// `tag web:1 web:tip` into a branch of its own.
    fn tag(&self) -> Run {
        let url = self.git.url();
        let place = ["--pull-request", "--repository", &url];
        self.run(&[&["tag", "web:1", "web:tip"], place.as_slice()].concat())
    }
}

/// The first pins are merged.
fn tagging(kind: Kind) -> Hosted {
    let hosted = Hosted::first(kind);
    hosted.merge(1);
    hosted.reconcile().exits(0);
    hosted.is_settled();
    hosted
}

#[test]
fn a_command_opens_a_pull_request_that_passes_leave_alone() {
    for kind in KINDS {
        let hosted = tagging(kind);
        let run = hosted.tag().exits(0);
        assert!(
            run.stdout.starts_with("Tag web:tip set to "),
            "{}",
            run.stdout
        );
        run.says(&format!("wrote {TIP} at "))
            .says("opened pull request #2 http");
        {
            let model = hosted.forge.model();
            let opened = model.pull_request(2);
            assert_eq!((opened.head.as_str(), opened.base.as_str()), (TIP, "main"));
            assert_eq!(opened.title, "tag web:1 web:tip");
            let labels: Vec<&str> = opened.labels.iter().map(String::as_str).collect();
            assert_eq!(labels, ["env/default"]);
        }
        let (body, message) = (hosted.body(2), hosted.scene.message(TIP));
        let message = message.replace(HOST, &hosted.scene.registry.host());
        assert!(body.contains(message.trim()), "{body}\n{message}");
        assert!(!body.contains("<!--"), "{body}");

        // The same again finds it.
        hosted
            .tag()
            .exits(0)
            .says(&format!("{TIP} has this change already"))
            .says("pull request #2 is open http");
        assert_eq!(hosted.forge.model().pulls.len(), 2);
        assert_eq!(hosted.forge.violations(), [""; 0]);

        hosted.is_settled();
        assert_eq!(hosted.body(2), body);
        hosted
            .pr(&["list"])
            .exits(0)
            .says(&format!("{TIP}  #2 http"));
        // Merged, its branch goes as every merged one does.
        hosted.forge.model().merge(2, MergeMethod::Merge).unwrap();
        hosted
            .reconcile()
            .exits(0)
            .says("it is merged")
            .says(&format!("deleted {TIP}"));
        hosted.is_settled();
    }
}

#[test]
fn a_commands_pull_request_is_as_the_policy_has_it() {
    const POLICY: &str = "apiVersion: headwater.dev/v1alpha1
kind: Config
spec:
  pullRequests: {labels: [images], reviewers: [ada], assignees: [ben, nobody-of-this-name], draft: true}
";
    let hosted = tagging(Kind::Gitea);
    hosted
        .scene
        .commit(&[("headwater.yaml", POLICY)], "configure");
    hosted.tag().exits(0).says("nobody-of-this-name");
    let model = hosted.forge.model();
    let opened = model.pull_request(2);
    let labels: Vec<&str> = opened.labels.iter().map(String::as_str).collect();
    assert_eq!(labels, ["env/default", "images"]);
    assert!(
        opened.is_draft && opened.reviewers.contains("ada") && opened.assignees.contains("ben")
    );
}

#[test]
fn where_the_forge_fails_the_branch_is_there_and_the_command_can_be_repeated() {
    let hosted = tagging(Kind::Gitea);
    for _ in 0..3 {
        hosted
            .forge
            .fail_next("POST", "/pulls", Failure::Status(503));
    }
    hosted
        .tag()
        .exits(5)
        .says(&format!("{TIP} is there, without its pull request"))
        .says("repeat the command");
    assert_eq!(hosted.scene.bot_branch(), TIP);
    assert_eq!(hosted.open(), [0; 0]);
    hosted.tag().exits(0).says("opened pull request #2");

    // Closed, it declines nothing: somebody made it.
    hosted
        .pr(&["close", TIP])
        .exits(0)
        .says("closing it declines nothing");
    hosted.is_settled();
    let list = hosted.json(&["list", "--closed"]);
    assert_eq!(list["items"].as_array().unwrap().len(), 0);
}

#[test]
fn a_dry_run_asks_no_forge() {
    let hosted = tagging(Kind::Gitea);
    let before = hosted.requests();
    let url = hosted.git.url();
    hosted
        .run(&[
            "tag",
            "web:1",
            "web:tip",
            "--pull-request",
            "--dry-run",
            "--repository",
            &url,
        ])
        .exits(0)
        .says("(dry run)");
    assert_eq!(hosted.requests(), before);
}

#[test]
fn a_rollback_is_a_pull_request_of_its_environment() {
    for kind in KINDS {
        let hosted = Hosted::moved_on(kind);
        hosted.reconcile().exits(0);
        hosted.merge(2);
        hosted.reconcile().exits(0);
        let url = hosted.git.url();
        let words = ["rollback", "default/web:1", "--repository", &url];
        let head = "headwater/default/rollback-default-web-1";
        hosted
            .run(&words)
            .exits(0)
            .says(&format!("wrote {head} at "))
            .says("opened pull request #3 http");
        hosted.run(&words).exits(0).says("pull request #3 is open");
        {
            let model = hosted.forge.model();
            let opened = model.pull_request(3);
            assert_eq!((opened.head.as_str(), opened.base.as_str()), (head, "main"));
            assert_eq!(opened.title, "rollback default/web:1");
        }
        assert_eq!(hosted.forge.violations(), [""; 0]);
        hosted.is_settled();
        hosted.forge.model().merge(3, MergeMethod::Squash).unwrap();
        hosted
            .reconcile()
            .exits(0)
            .says("was rejected by headwater");
        assert_eq!(hosted.forge.model().pulls.len(), 3);
        hosted.is_settled();
    }
}
