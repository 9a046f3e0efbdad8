use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Stdio};

use headwater::tally::{MOST_HOSTS, OTHER};

use crate::serve_ops::daemon::{Daemon, Samples};
use crate::support::git::{HttpServer, Repo};
use crate::support::scene::{Scene, deployment, stream};

const OK: &str = "headwater_reconcile_total{repository=\"shop\",result=\"ok\"}";
const FAILED: &str = "headwater_reconcile_total{repository=\"shop\",result=\"failed\"}";

/// A server file with one repository.
fn file(url: &str) -> String {
    format!(
        "repositories: [{{name: shop, url: \"{url}\"}}]\nserve: {{metrics: {{listen: \"127.0.0.1:0\"}}}}\n"
    )
}

fn start(scene: &Scene, url: &str) -> Daemon {
    Daemon::start(|words| scene.command(words), scene.home(), &file(url))
}

fn of<'s>(samples: &'s Samples, name: &str) -> Vec<(&'s str, f64)> {
    let begin = format!("{name}{{");
    let found = samples.iter().filter(|(key, _)| key.starts_with(&begin));
    found.map(|(key, value)| (key.as_str(), *value)).collect()
}

#[test]
fn a_pass_and_what_it_did_are_counted() {
    let scene = Scene::new();
    scene.image("acme/web", "1", "first");
    let daemon = start(&scene, &scene.bare());
    let before = daemon.until(OK, |count| count >= 1.0);
    assert_eq!(before[FAILED], 0.0);
    assert!(of(&before, "headwater_stream_last_success_timestamp_seconds").is_empty());
    for name in [
        "headwater_security_events_total{level=\"5\"}",
        "headwater_git_operations_total{op=\"push\",result=\"ok\"}",
        "headwater_git_operations_total{op=\"push\",result=\"denied\"}",
        "headwater_streams{state=\"proposed\"}",
        "headwater_open_pull_requests{env=\"default\"}",
    ] {
        assert_eq!(before.get(name), Some(&0.0), "{name} in {before:#?}");
    }

    scene.commit(
        &[
            ("web.yaml", &stream("dev", "web", "1")),
            ("app.yaml", &deployment("dev", "web", "1")),
        ],
        "add",
    );
    let after = daemon.until("headwater_open_pull_requests{env=\"default\"}", |open| {
        open == 1.0
    });
    assert_eq!(after["headwater_streams{state=\"proposed\"}"], 1.0);
    let pushed = "headwater_git_operations_total{op=\"push\",result=\"ok\"}";
    assert!(after[pushed] >= 1.0);
    let checked = "headwater_stream_last_success_timestamp_seconds\
                   {repository=\"shop\",env=\"default\",stream=\"dev/web:1\"}";
    let started = after["process_start_time_seconds"];
    assert!(after[checked] >= started, "{}", after[checked]);
    let host = scene.registry.host();
    let asked = format!(
        "headwater_registry_requests_total{{host=\"{host}\",op=\"manifest\",code_class=\"2xx\"}}"
    );
    assert!(after[&asked] >= 1.0, "{after:#?}");
    let took = format!("headwater_registry_request_duration_seconds_count{{host=\"{host}\"}}");
    assert!(after[&took] >= after[&asked]);
    let passes = "headwater_reconcile_duration_seconds_count{repository=\"shop\"}";
    assert_eq!(after[passes], after[OK]);
    assert!(after["process_resident_memory_bytes"] > 1e6);
    assert!(after["process_open_fds"] > 3.0);
    promtool_is_content(&daemon.get("/metrics").body);
}

/// Prometheus' own judgement, where it is installed.
fn promtool_is_content(text: &str) {
    let child = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut child) = child else {
        println!("skipped: there is no promtool");
        return;
    };
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(text.as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}\n{text}");
}

#[test]
fn a_push_that_a_server_refuses_is_counted_as_denied() {
    let scene = Scene::of(&[
        ("web.yaml", &stream("dev", "web", "1")),
        ("app.yaml", &deployment("dev", "web", "1")),
    ]);
    scene.image("acme/web", "1", "first");
    scene.origin.hook("pre-receive", "echo no >&2; exit 1");
    let server = HttpServer::start(&scene.origin);
    let daemon = start(&scene, &server.url());
    let denied = "headwater_git_operations_total{op=\"push\",result=\"denied\"}";
    let samples = daemon.until(denied, |count| count >= 1.0);
    assert!(samples["headwater_git_operations_total{op=\"list\",result=\"ok\"}"] >= 1.0);
    assert!(samples["headwater_git_operations_total{op=\"fetch\",result=\"ok\"}"] >= 1.0);
    daemon.until(FAILED, |count| count >= 1.0);
}

/// Hosts that stand in Git do not make series without end.
#[test]
fn the_number_of_series_is_bounded_whatever_stands_in_git() {
    let scene = Scene::new();
    // Nobody listens there.
    let hostile = |range: std::ops::Range<u16>| {
        let tags: String = range
            .map(|port| {
                format!(
                    "    - {{name: t{port}, from: {{kind: DockerImage, name: \"127.0.0.1:{port}/a/b:1\"}}, importPolicy: {{scheduled: true}}}}\n"
                )
            })
            .collect();
        format!(
            "apiVersion: image.openshift.io/v1\nkind: ImageStream\nmetadata: {{name: many, namespace: dev}}\nspec:\n  tags:\n{tags}"
        )
    };
    let most = u16::try_from(MOST_HOSTS).unwrap();
    scene.commit(&[("many.yaml", &hostile(1..most + 20))], "many");
    let daemon = start(&scene, &scene.bare());
    let first = daemon.until(OK, |count| count >= 1.0);
    let hosts = |samples: &Samples| -> BTreeSet<String> {
        let found = of(samples, "headwater_registry_request_duration_seconds_count");
        found.into_iter().map(|(key, _)| key.to_owned()).collect()
    };
    let names = hosts(&first);
    assert!(
        names.len() > MOST_HOSTS - 20 && names.len() <= MOST_HOSTS + 1,
        "{}",
        names.len()
    );
    assert!(names.iter().any(|name| name.contains(OTHER)), "{names:?}");
    let never = of(&first, "headwater_stream_last_success_timestamp_seconds");
    assert_eq!(never.len(), usize::from(most) + 19);
    assert!(never.iter().all(|(_, time)| *time == 0.0));

    // Other hosts are no new series.
    scene.commit(&[("many.yaml", &hostile(1000..1000 + most + 19))], "others");
    let second = daemon.until(
        "headwater_stream_last_success_timestamp_seconds{repository=\"shop\",env=\"default\",stream=\"dev/many:t1000\"}",
        |time| time == 0.0,
    );
    assert_eq!(hosts(&second), names);
    assert_eq!(
        of(&second, "headwater_stream_last_success_timestamp_seconds").len(),
        never.len()
    );
    promtool_is_content(&daemon.get("/metrics").body);
}

#[test]
fn nothing_but_get_and_head_is_answered() {
    let repository = Repo::init();
    repository.commit_files(&[], "begin");
    let scene = Scene::new();
    let daemon = start(&scene, &repository.path().display().to_string());
    daemon.until(OK, |count| count >= 1.0);
    for path in ["/metrics", "/healthz", "/livez", "/readyz", "/version"] {
        let got = daemon.get(path);
        assert_eq!(got.status, 200, "{path}: {got:?}");
        let head = daemon.ask("HEAD", path);
        assert_eq!((head.status, head.body.as_str()), (200, ""), "{path}");
        for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
            let refused = daemon.ask(method, path);
            assert_eq!(refused.status, 405, "{method} {path}");
            assert!(refused.head.contains("allow: get,head"), "{refused:?}");
        }
    }
    assert_eq!(daemon.get("/").status, 404);
    assert_eq!(daemon.get("/metrics/../readyz").status, 404);
}
