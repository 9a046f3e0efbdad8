//! What happens is told on the status page: changes, what a limit keeps back, hosts left alone.

use serde_json::Value;

use crate::serve::{Daemon, free_port, get, text};
use crate::support::scene::{Scene, deployment, stream};
use crate::support::wait::until;

const ONE_AT_A_TIME: &str = "apiVersion: headwater.dev/v1alpha1
kind: Config
spec:
  pullRequests: {maxOpen: 1}
";

fn status(port: u16) -> String {
    format!("serve: {{interval: 10h, status: {{listen: \"127.0.0.1:{port}\"}}}}\n")
}

/// The pull requests of a group on their page.
fn group(port: u16, name: &str) -> Vec<Value> {
    let page = get(port, "/pull-requests.json");
    let mut groups = page["groups"].as_array().unwrap().iter();
    let group = groups.find(|group| group["name"] == name).unwrap();
    group["pullRequests"].as_array().unwrap().clone()
}

#[test]
fn a_merge_is_told_in_the_feed_and_makes_room_for_what_was_queued() {
    let scene = Scene::of(&[
        ("headwater.yaml", ONE_AT_A_TIME),
        ("streams/api.yaml", &stream("shop", "api", "1")),
        ("streams/web.yaml", &stream("shop", "web", "1")),
        ("api.yaml", &deployment("shop", "api", "1")),
        ("web.yaml", &deployment("shop", "web", "1")),
    ]);
    let names = ["api", "web"];
    let push = |name: &str, seed: &str| scene.image(&format!("acme/{name}"), "1", seed);
    for name in names {
        push(name, name);
    }
    // All first pins are one branch: what comes behind them is one each.
    scene.reconcile().exits(0);
    scene.merge(&scene.bot_branch());
    let digests = names.map(|name| {
        let digest = push(name, &format!("{name} anew"));
        (format!("shop/{name}:1"), digest.to_string())
    });
    let port = free_port();
    let mut daemon = Daemon::start(&scene, &[&scene.bare()], &status(port));
    let queued = until("one to be queued", || group(port, "queued").pop());
    assert_eq!(queued["state"], "queued");
    let reason = queued["waiting"][0].as_str().unwrap();
    assert!(
        reason.ends_with("the limit of pullRequests.maxOpen"),
        "{reason}"
    );
    // What was there at the start is no news.
    assert_eq!(
        get(port, "/activity.json")["changes"],
        serde_json::json!([])
    );
    let open = group(port, "open").pop().unwrap();
    assert_ne!(queued["branch"], open["branch"]);
    scene.merge(open["branch"].as_str().unwrap());
    let changes = until("it to be told", || {
        let page = get(port, "/activity.json");
        let changes = page["changes"].as_array().unwrap().clone();
        let is_opened = |it: &Value| it["kind"] == "pullRequestOpened";
        changes.iter().any(is_opened).then_some(changes)
    });
    let waited = queued["images"][0][0].as_str().unwrap();
    let moved = changes.iter().find(|it| it["word"] == "Moved").unwrap();
    let (tag, digest) = digests.iter().find(|(tag, _)| tag != waited).unwrap();
    assert_eq!(moved["streamTag"], tag.as_str());
    assert_eq!(moved["image"], digest.as_str());
    let opened = changes.iter().find(|it| it["kind"] == "pullRequestOpened");
    assert_eq!(opened.unwrap()["branch"], queued["branch"]);
    assert_eq!(group(port, "queued"), Vec::<Value>::new());
    let feed = text(port, "/activity.atom");
    assert_eq!(feed.matches("<entry>").count(), changes.len());
    for change in &changes {
        let id = format!("<id>{}</id>", change["id"].as_str().unwrap());
        assert_eq!(feed.matches(&id).count(), 1, "{id}");
    }
    assert_eq!(text(port, "/activity.atom"), feed);
    assert_eq!(get(port, "/index.json")["lately"], Value::Array(changes));
    assert_eq!(daemon.ends(), 0);
}

#[test]
fn a_registry_that_is_away_is_left_alone_and_the_page_says_until_when() {
    let mut scene = Scene::of(&[
        ("streams/web.yaml", &stream("shop", "web", "1")),
        ("web.yaml", &deployment("shop", "web", "1")),
    ]);
    scene.registry.stop();
    let port = free_port();
    let mut daemon = Daemon::start(&scene, &[&scene.bare()], &status(port));
    let host = until("the circuit to open", || {
        let page = get(port, "/hosts.json");
        let host = page["hosts"].get(0)?.clone();
        (host["circuit"]["state"] == "open" && host["nextTry"].is_string()).then_some(host)
    });
    assert_eq!(host["host"], scene.registry.host());
    assert_eq!(host["isFailing"], true);
    let until = host["circuit"]["until"].as_str().unwrap();
    assert!(host["nextTry"].as_str().unwrap() >= until, "{host}");
    assert_eq!(daemon.ends(), 0);
}
