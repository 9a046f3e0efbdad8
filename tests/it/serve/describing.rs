//! `headwater describe is` beside a daemon that runs: what it tells is what the daemon does.

use std::fs;

use jiff::Timestamp;
use serde_json::Value;

use crate::serve::{Daemon, free_port, get};
use crate::support::scene::{Scene, deployment, stream};
use crate::support::wait::until;

/// A scene with the image of one stream and not of another, a daemon, and the port of its page.
fn watched(interval: &str) -> (Scene, Daemon, u16) {
    let scene = Scene::of(&[
        ("streams/web.yaml", &stream("shop", "web", "1")),
        ("streams/till.yaml", &stream("shop", "till", "1")),
        ("web.yaml", &deployment("shop", "web", "1")),
        ("till.yaml", &deployment("shop", "till", "1")),
    ]);
    scene.image("acme/web", "1", "one");
    let port = free_port();
    let more =
        format!("serve: {{interval: {interval}, status: {{listen: \"127.0.0.1:{port}\"}}}}\n");
    let daemon = Daemon::start(&scene, &[&scene.bare()], &more);
    (scene, daemon, port)
}

/// In the clone, which knows the daemon by the server file.
fn describe(scene: &Scene, daemon: &Daemon, stream: &str) -> String {
    let file = daemon.file.to_string_lossy();
    let words = ["describe", stream, "-n", "shop", "--config", &file];
    let mut command = scene.command(&words);
    let run = scene.ended(&command.current_dir(scene.person.path()).output().unwrap());
    assert_eq!(run.stderr, "");
    run.exits(0).stdout
}

/// The text behind a key of the description, once it is `wanted`.
#[track_caller]
fn told(
    (scene, daemon, stream): (&Scene, &Daemon, &str),
    key: &str,
    wanted: impl Fn(&str) -> bool,
) -> String {
    let mut last = String::new();
    until(key, || {
        last = describe(scene, daemon, stream);
        let mut lines = last.lines();
        let text = lines.find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
        wanted(text.trim()).then(|| text.trim().to_owned())
    })
}

fn repository(port: u16) -> Value {
    get(port, "/state.json")["repositories"][0].take()
}

fn time(value: &Value) -> Timestamp {
    value.as_str().unwrap().parse().unwrap()
}

#[test]
fn what_waits_and_which_branch_is_open_is_told() {
    let (scene, mut daemon, _) = watched("10h");
    let (web, till) = ((&scene, &daemon, "is/web"), (&scene, &daemon, "is/till"));
    let open = told(web, "Pull Requests", |text| text != "<none>");
    let branch = scene.bot_branch();
    let message = scene.message(&branch);
    let title = message.lines().next().unwrap();
    assert_eq!(open, format!("{branch} open in default: {title}"));
    assert!(!describe(&scene, &daemon, "is/web").contains("Waiting:"));
    assert_eq!(told(web, "Last Failure", |_| true), "<none>");
    let waiting = told(till, "Waiting", |_| true);
    let missing = "default/shop/till:1: missing: registry.example:5000: ";
    assert!(waiting.starts_with(missing), "{waiting}");
    assert_eq!(told(till, "Pull Requests", |_| true), "<none>");
    scene.merge(&branch);
    told(web, "Pull Requests", |text| text == "<none>");
    assert_eq!(daemon.ends(), 0);
}

#[test]
fn the_next_check_is_made_when_it_is_told() {
    let (scene, mut daemon, port) = watched("10s");
    daemon.passes(1);
    let (before, promised) = until("a quiet moment", || {
        let state = repository(port);
        let is_quiet = state["isRunning"] == false && state["nextPass"].is_string();
        is_quiet.then(|| (time(&state["lastPass"]), time(&state["nextPass"])))
    });
    let told = told((&scene, &daemon, "is/web"), "Next Check", |_| true);
    let is_soon = told == "now" || told.starts_with("in ") && told.contains("second");
    assert!(is_soon, "{told}");
    let next = until("the next pass", || {
        let last = time(&repository(port)["lastPass"]);
        (last > before).then_some(last)
    });
    let seconds = next.duration_since(promised).as_secs();
    // Times are whole seconds, and a machine under load is late.
    assert!((-1..15).contains(&seconds), "{promised}, but {next}");
    assert_eq!(daemon.ends(), 0);
}

#[test]
fn the_last_failure_is_told_until_a_pass_succeeds() {
    let (scene, mut daemon, port) = watched("10s");
    daemon.passes(1);
    let web = (&scene, &daemon, "is/web");
    let away = scene.origin.path().with_extension("away");
    fs::rename(scene.origin.path(), &away).unwrap();
    let failed = told(web, "Last Failure", |text| text != "<none>");
    let failure = repository(port)["failure"].take();
    let message = failure["message"].as_str().unwrap();
    assert!(message.contains(&scene.bare()), "{message}");
    assert!(
        failed.starts_with(&format!("{message} (since ")),
        "{failed}"
    );
    assert!(failed.contains(" ago"), "{failed}");
    told(web, "Last Failure", |text| text.contains("times in a row)"));
    fs::rename(&away, scene.origin.path()).unwrap();
    told(web, "Last Failure", |text| text == "<none>");
    assert_eq!(daemon.ends(), 0);
}
