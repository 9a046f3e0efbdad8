use std::fs;
use std::net::TcpListener;

use serde_json::Value;

use crate::serve_ops::daemon::Daemon;
use crate::support::scene::Scene;
use crate::support::wait;

fn start(scene: &Scene, repositories: &[(&str, &str)]) -> Daemon {
    Daemon::start(
        |words| scene.command(words),
        scene.home(),
        &file(repositories, "127.0.0.1:0"),
    )
}

fn file(repositories: &[(&str, &str)], listen: &str) -> String {
    let mut text = format!("serve: {{metrics: {{listen: \"{listen}\"}}}}\nrepositories:\n");
    for (name, url) in repositories {
        text.push_str(&format!("  - {{name: {name}, url: \"{url}\"}}\n"));
    }
    text
}

/// Ready is who has looked at everything once, and alive is who looks: no remote has a say.
#[test]
fn a_remote_that_never_answers_delays_readiness_and_never_life() {
    let scene = Scene::new();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/acme/slow.git", silent.local_addr().unwrap());
    let mut daemon = start(&scene, &[("shop", &scene.bare()), ("slow", &url)]);
    let (stream, _) = silent.accept().unwrap();
    daemon.until(
        "headwater_reconcile_total{repository=\"shop\",result=\"ok\"}",
        |count| count >= 1.0,
    );
    let waiting = daemon.get("/readyz");
    assert_eq!(waiting.status, 503, "{waiting:?}");
    assert_eq!(waiting.body, "not ready: slow: not looked at yet\n");
    for path in ["/healthz", "/livez"] {
        assert_eq!(daemon.get(path).body, "ok\n", "{path}");
    }

    // It is gone now: that is a failure, and no reason to wait for ever.
    drop((silent, stream));
    let ready = daemon.until_status("/readyz", 200);
    let (first, second) = ready.body.split_once('\n').unwrap();
    assert_eq!(first, "ok");
    assert!(second.starts_with("failing: slow: "), "{second}");
    assert_eq!(second.lines().count(), 1, "{second}");
    assert_eq!(daemon.get("/healthz").status, 200);
    assert_eq!(daemon.end(), Some(0));
    wait::until("the last line", || {
        let log = daemon.log();
        (log.last()?["msg"] == "ended").then_some(())
    });
}

#[test]
fn a_repository_that_goes_away_keeps_the_daemon_ready_and_is_named() {
    let scene = Scene::new();
    let daemon = start(&scene, &[("shop", &scene.bare())]);
    assert_eq!(daemon.until_status("/readyz", 200).body, "ok\n");
    // The watch sees its refs go.
    fs::remove_dir_all(scene.origin.path()).unwrap();
    daemon.until(
        "headwater_reconcile_total{repository=\"shop\",result=\"failed\"}",
        |count| count >= 1.0,
    );
    let ready = daemon.get("/readyz");
    assert_eq!(ready.status, 200);
    assert!(ready.body.starts_with("ok\nfailing: shop: "), "{ready:?}");
    assert_eq!(daemon.get("/healthz").status, 200);
}

#[test]
fn a_cache_that_cannot_be_written_is_not_ready() {
    let scene = Scene::new();
    let blocked = scene.home().join("blocked");
    fs::write(&blocked, "a file").unwrap();
    let daemon = Daemon::start(
        |words| {
            let mut command = scene.command(words);
            command.env("XDG_CACHE_HOME", &blocked);
            command
        },
        scene.home(),
        &file(&[("shop", &scene.bare())], "127.0.0.1:0"),
    );
    daemon.until(
        "headwater_reconcile_total{repository=\"shop\",result=\"ok\"}",
        |count| count >= 1.0,
    );
    let answer = daemon.get("/readyz");
    assert_eq!(answer.status, 503);
    let folder = blocked.join("headwater");
    let begin = format!(
        "not ready: the cache folder {} cannot be written: ",
        folder.display()
    );
    assert!(answer.body.starts_with(&begin), "{answer:?}");
}

#[test]
fn the_version_is_told_as_json() {
    let scene = Scene::new();
    let daemon = start(&scene, &[]);
    let answer = daemon.get("/version");
    assert!(
        answer.head.contains("content-type: application/json"),
        "{answer:?}"
    );
    let version: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(version["version"], env!("CARGO_PKG_VERSION"));
    // With nothing to look after there is nothing to wait for.
    assert_eq!(daemon.until_status("/readyz", 200).body, "ok\n");
}

#[test]
fn an_address_that_is_taken_ends_the_start() {
    let scene = Scene::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let path = scene.home().join("config.yaml");
    fs::write(&path, file(&[("shop", &scene.bare())], &address)).unwrap();
    let run = scene.run(&["--config", &path.display().to_string(), "serve"]);
    run.exits(3)
        .says(&format!(
            "serve.metrics.listen: {address} cannot be listened at: "
        ))
        .says("name another port, or end what listens there");
}
