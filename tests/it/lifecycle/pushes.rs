//! Pushes that a server refuses, swallows, or that somebody else was faster than.

use crate::lifecycle::{FIRST_PINS, WEB, moved, web};
use crate::support::git::{HttpServer, Setup};
use crate::support::scene::Scene;

/// A hook sees its own refs and objects again, which a push keeps apart from it.
const OUT_OF_QUARANTINE: &str =
    "unset GIT_QUARANTINE_PATH GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES";
const DIRECT: &str = "apiVersion: headwater.dev/v1alpha1
kind: Config
spec:
  environments: [{name: dev, delivery: commit}]
";

/// A server whose hook says `words` and refuses: they are shown with `hint`, no branch is written
/// and none is said to be; the pass after the hook is gone writes it.
#[track_caller]
fn is_denied(words: &str, hint: &str) {
    let scene = web();
    let server = HttpServer::start(&scene.origin);
    let (url, before) = (server.url(), scene.origin.git(&["for-each-ref"]));
    scene
        .origin
        .hook("pre-receive", &format!("echo '{words}' >&2; exit 1"));
    for _ in 0..2 {
        scene
            .run(&["reconcile", &url])
            .exits(3)
            .says(&format!("PushDenied: {FIRST_PINS} was not accepted: "))
            .says(words)
            .says(&format!("hint: {hint}"))
            .never_says("wrote ");
        assert_eq!(scene.origin.git(&["for-each-ref"]), before);
    }
    scene.origin.hook("pre-receive", "exit 0");
    scene
        .run(&["reconcile", &url])
        .exits(0)
        .says(&format!("wrote {FIRST_PINS}"))
        .never_says("PushDenied");
    assert_eq!(scene.bot_branch(), FIRST_PINS);
}

#[test]
fn fault_4_push_rejected_by_protected_branch() {
    for words in [
        "error: GH006: Protected branch update failed for refs/heads/x.",
        "GitLab: You are not allowed to push code to protected branches on this project.",
        "Gitea: Not allowed to push to protected branch x",
    ] {
        is_denied(words, "the branch is protected");
    }
}

#[test]
fn fault_4_push_rejected_by_ruleset() {
    is_denied(
        "error: GH013: Repository rule violations found for refs/heads/x.",
        "the branch is protected",
    );
}

#[test]
fn fault_4_push_rejected_by_hook() {
    for words in [
        "GitLab: Commit message does not follow the pattern",
        "no commits after five",
    ] {
        is_denied(words, "a hook of the server refuses it");
    }
}

#[test]
fn fault_4_push_rejected_by_size() {
    is_denied(
        "error: GH001: Large files detected.",
        "a file or the push is larger than the server allows",
    );
}

#[test]
fn fault_4_push_rejected_for_want_of_the_workflow_scope() {
    is_denied(
        "refusing to allow a GitHub App to create or update workflow `a.yml` without `workflows` permission",
        "the token may not touch workflow files",
    );
}

#[test]
fn fault_4_push_rejected_for_a_login_that_may_only_read() {
    let scene = web();
    let extra = "if ($arg_service = git-receive-pack) { return 403; }";
    let setup = Setup {
        extra,
        ..Setup::default()
    };
    let server = HttpServer::with(&scene.origin, setup);
    let before = scene.state();
    scene
        .run(&["reconcile", &server.url()])
        .exits(3)
        .says(&format!("PushDenied: {FIRST_PINS} was not accepted: "))
        .says("status 403")
        .says("hint: give the login the right to write")
        .never_says("wrote ");
    assert_eq!(scene.state(), before);
}

#[test]
fn fault_4_a_servers_words_are_shown_without_the_password() {
    let scene = web();
    let setup = Setup {
        login: Some(("bot", "hush-hush")),
        ..Setup::default()
    };
    let server = HttpServer::with(&scene.origin, setup);
    scene.origin.hook(
        "pre-receive",
        "echo 'the token hush-hush may not push' >&2; exit 1",
    );
    let mut command = scene.command(&["reconcile", &server.url()]);
    command
        .env("HEADWATER_GIT_USERNAME", "bot")
        .env("HEADWATER_GIT_PASSWORD", "hush-hush");
    scene
        .ended(&command.output().unwrap())
        .exits(3)
        .says("the token *** may not push")
        .never_says("hush-hush");
}

#[test]
fn fault_5_success_is_not_said_when_the_branch_did_not_move() {
    let scene = web();
    let server = HttpServer::start(&scene.origin);
    let before = scene.origin.git(&["for-each-ref"]);
    scene.origin.hook(
        "post-receive",
        &format!("git update-ref -d refs/heads/{FIRST_PINS}"),
    );
    scene
        .run(&["reconcile", &server.url()])
        .exits(3)
        .says("the server reported success, but the branch has not moved")
        .never_says("wrote ");
    assert_eq!(scene.origin.git(&["for-each-ref"]), before);
}

/// Once, while a push to it is at the server, the branch is moved to where `later` stands.
fn moves_during_the_push(scene: &Scene, branch: &str) {
    scene.origin.hook(
        "pre-receive",
        &format!(
            "{OUT_OF_QUARANTINE}\nmkdir moved-once 2>/dev/null || exit 0\n\
             git update-ref refs/heads/{branch} refs/heads/later"
        ),
    );
}

/// A person's commit on top of `branch`, on the branch `later`; its id.
fn later(scene: &Scene, branch: &str) -> String {
    scene.person.git(&["fetch", "-q", "origin"]);
    let remote = format!("origin/{branch}");
    scene.person.git(&["checkout", "-q", "-B", "mine", &remote]);
    let commit = scene
        .person
        .commit_files(&[("README.md", "mine\n")], "a person's");
    scene
        .person
        .git(&["push", "-q", "origin", "HEAD:refs/heads/later"]);
    scene.person.git(&["checkout", "-q", "main"]);
    commit
}

#[test]
fn fault_3_a_persons_commit_during_the_push_is_not_written_over() {
    let scene = moved();
    let theirs = later(&scene, WEB);
    let server = HttpServer::start(&scene.origin);
    moves_during_the_push(&scene, WEB);
    scene.image("acme/web", "1", "third");
    scene
        .run(&["reconcile", &server.url()])
        .exits(0)
        .says(&format!("lost {WEB}: it moved in the meantime"))
        .says("planning again")
        .says("holds somebody's own work");
    assert_eq!(scene.origin.rev(WEB), theirs);
}

#[test]
fn fault_3_a_base_that_goes_on_during_the_push_is_planned_on_again() {
    let scene = web();
    scene.commit(&[("headwater.yaml", DIRECT)], "commit directly");
    let theirs = later(&scene, "main");
    let server = HttpServer::start(&scene.origin);
    moves_during_the_push(&scene, "main");
    scene
        .run(&["reconcile", &server.url()])
        .exits(0)
        .says("lost main: it moved in the meantime")
        .says("wrote main");
    assert_eq!(scene.origin.rev("main^"), theirs);
    assert_eq!(scene.file("main", "README.md"), "mine\n");
    assert!(scene.file("main", "apps/web.yaml").contains("@sha256:"));
}

#[test]
fn fault_3_a_branch_that_never_stands_still_ends_the_command() {
    let scene = web();
    let begin = scene.commit(&[("headwater.yaml", DIRECT)], "commit directly");
    let server = HttpServer::start(&scene.origin);
    scene.origin.hook(
        "pre-receive",
        &format!(
            "{OUT_OF_QUARANTINE}\ngit update-ref refs/heads/main \
             $(git -c user.name=Eve -c user.email=eve@example.com \
             commit-tree -p main -m faster 'main^{{tree}}')"
        ),
    );
    scene
        .run(&["reconcile", &server.url()])
        .exits(3)
        .says("lost main: it moved in the meantime")
        .never_says("wrote ");
    let since = format!("{begin}..main");
    let subjects = scene.origin.git(&["log", "--format=%s", &since]);
    assert_eq!(subjects, ["faster"; 5].join("\n"));
}
