//! `describe is` beside a daemon: what it knows of a stream is shown below the stream.

use std::fs;

use headwater::serve::state::{DaemonState, Failure, PullRequestState, RepositoryState};
use headwater::show::{Cell, Line, Status, Why};
use snapbox::{assert_data_eq, str};

use crate::support::scene::{Run, Scene, stream};
use crate::support::scripted::{Reply, Scripted};

fn pull_request(tag: &str, state: &str, number: u64) -> PullRequestState {
    PullRequestState {
        environment: "prod".to_owned(),
        branch: format!("headwater/prod/{number}"),
        state: state.to_owned(),
        title: format!("chore(images): {tag} to sha256:3a335d7"),
        commit: None,
        since: None,
        number: Some(number),
        url: Some(format!("https://git.example/acme/deploy/pulls/{number}")),
        images: vec![(tag.to_owned(), format!("sha256:{}", "a".repeat(64)))],
        waiting: vec!["approvals: 1 of 2".to_owned()],
        opened: None,
    }
}

fn line(tag: &str, message: &str) -> Line {
    Line {
        name: tag.to_owned(),
        environments: vec![Cell {
            environment: "prod".to_owned(),
            stream_tag: Some(tag.to_owned()),
            waiting: vec![Why {
                kind: "unavailable",
                message: message.to_owned(),
                field: None,
                image: None,
            }],
            ..Cell::default()
        }],
    }
}

/// What a daemon says that looks after this Git repository, and after another one.
fn state(location: &str) -> DaemonState {
    let other = RepositoryState {
        name: "other".to_owned(),
        location: "https://git.example/acme/other.git".to_owned(),
        pull_requests: vec![pull_request("shop/web:1", "open", 99)],
        ..RepositoryState::default()
    };
    let own = RepositoryState {
        name: "deploy".to_owned(),
        location: location.to_owned(),
        last_pass: Some("2026-11-21T11:58:00Z".to_owned()),
        next_pass: Some("2026-11-21T12:03:00Z".to_owned()),
        failure: Some(Failure {
            since: "2026-11-21T10:00:00Z".to_owned(),
            count: 3,
            message: "the push was refused\u{1b}[2J".to_owned(),
            hint: Some("give the bot the right to push".to_owned()),
        }),
        status: Status {
            stream_tags: vec![
                line("shop/web:1", "registry.example cannot be reached"),
                line("shop/till:1", "of another stream"),
            ],
            ..Status::default()
        },
        pull_requests: vec![
            pull_request("shop/web:1", "open", 7),
            pull_request("shop/web:1", "ignored", 8),
            pull_request("shop/till:1", "open", 9),
        ],
        ..RepositoryState::default()
    };
    DaemonState {
        now: "2026-11-21T12:00:00Z".to_owned(),
        repositories: vec![other, own],
        ..DaemonState::default()
    }
}

fn scene() -> Scene {
    Scene::of(&[("streams/web.yaml", &stream("shop", "web", "1"))])
}

fn daemon(state: &DaemonState) -> Scripted {
    let body = serde_json::to_vec(state).unwrap();
    Scripted::start(move |seen| match seen.path.as_str() {
        "/state.json" => Reply::ok("application/json", body.clone()),
        _ => Reply::status(404),
    })
}

fn describe(scene: &Scene, more: &[&str]) -> Run {
    let mut words = vec!["describe", "is/web", "-n", "shop"];
    words.extend(more);
    let mut command = scene.command(&words);
    scene.ended(&command.current_dir(scene.person.path()).output().unwrap())
}

/// The lines that are there because of the daemon.
#[track_caller]
fn added(scene: &Scene, more: &[&str]) -> String {
    let alone = describe(scene, &[]).exits(0);
    let with = describe(scene, more).exits(0);
    assert_eq!(with.stderr, "");
    let rest = with.stdout.strip_prefix(alone.stdout.as_str());
    rest.unwrap_or_else(|| panic!("{}", with.stdout)).to_owned()
}

#[test]
fn next_check_last_failure_and_open_pull_requests_are_shown() {
    let scene = scene();
    let daemon = daemon(&state(&scene.bare()));
    let shown = added(&scene, &["--daemon", &daemon.url("")]);
    assert_data_eq!(
        shown,
        str![[r#"

Daemon:		as of 2026-11-21T12:00:00Z
Git Repository:	deploy
Last Check:	2 minutes ago
Next Check:	in 3 minutes
Last Failure:	the push was refused[2J (since 2 hours ago, 3 times in a row)
		give the bot the right to push
Waiting:	prod/shop/web:1: registry.example cannot be reached
Pull Requests:	#7 open in prod: chore(images): shop/web:1 to sha256:3a335d7
		  https://git.example/acme/deploy/pulls/7
		  approvals: 1 of 2

"#]]
    );
    assert_eq!(daemon.seen().len(), 1);
    assert_eq!(daemon.authorized(), 0);
}

#[test]
fn the_server_file_names_the_daemon_and_its_token() {
    let scene = scene();
    let daemon = daemon(&state(&scene.bare()));
    let token = scene.home().join("token");
    fs::write(&token, "a-token-of-some-length\n").unwrap();
    let file = scene.home().join("server.yaml");
    let text = format!(
        "serve: {{status: {{listen: \"{}\", tokenFile: {}}}}}\n",
        daemon.host(),
        token.display()
    );
    fs::write(&file, text).unwrap();
    let config = file.to_string_lossy().into_owned();
    let shown = added(&scene, &["--config", &config]);
    assert!(shown.contains("deploy"), "{shown}");
    let seen = daemon.seen();
    let authorization = seen[0].header("authorization");
    assert_eq!(authorization, Some("Bearer a-token-of-some-length"));
    // Not over plain HTTP to another machine.
    let words = ["--config", &config, "--daemon", "http://daemon.example"];
    describe(&scene, &words)
        .exits(0)
        .says("its token would be readable on the way");
}

#[test]
fn a_clone_is_known_by_its_origin_and_another_repository_is_not() {
    let scene = scene();
    let url = "ssh://git@git.example/acme/deploy.git";
    scene.person.git(&["remote", "set-url", "origin", url]);
    let daemon = daemon(&state("https://git.example/acme/deploy.git"));
    assert!(added(&scene, &["--daemon", &daemon.url("/")]).contains("#7 open in prod"));
    scene.person.git(&["remote", "remove", "origin"]);
    let run = describe(&scene, &["--daemon", &daemon.url("/")]).exits(0);
    let expected = "the daemon does not look after this Git repository\n";
    assert_eq!(run.stderr, expected);
    assert_eq!(run.stdout, describe(&scene, &[]).stdout);
}

#[test]
fn a_daemon_that_does_not_answer_is_one_note() {
    let scene = scene();
    let alone = describe(&scene, &[]).stdout;
    for reply in [
        Reply::silent(),
        Reply::closed(),
        Reply::status(500),
        Reply::status(401),
        Reply::redirect("http://127.0.0.1:9/"),
        Reply::ok("application/json", "{}"),
        Reply::ok("application/json", "<html>"),
        Reply::ok("application/json", "").stalled(),
        Reply::ok("application/json", "").endless(),
    ] {
        let daemon = Scripted::start(move |_| reply.clone());
        let run = describe(&scene, &["--daemon", &daemon.url("")]).exits(0);
        assert_eq!(run.stdout, alone);
        assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
        assert!(run.stderr.contains("cannot be asked"), "{}", run.stderr);
    }
    let gone = Scripted::start(|_| Reply::closed()).url("");
    describe(&scene, &["--daemon", &gone, "-q"]).exits(0);
}

#[test]
fn an_address_with_an_account_is_refused_and_not_repeated() {
    let scene = scene();
    for url in ["http://a:hunter2@b/", "ftp://b/hunter2", "hunter2"] {
        describe(&scene, &["--daemon", url])
            .exits(2)
            .says("--daemon is an http:// or https:// URL without an account")
            .never_says("hunter2");
    }
}

/// The status page of a real daemon says it.
#[test]
fn the_status_page_has_the_state() {
    let scene = scene();
    let site = crate::status_page::site(state(&scene.bare()));
    let shown = added(&scene, &["--daemon", &site.url("")]);
    assert!(shown.contains("#7 open in prod"), "{shown}");
}
