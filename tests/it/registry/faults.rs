//! Registries that are slow, busy, broken or gone (faults 16 to 31 of the hardening table).

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use headwater::lookup::Lookup;
use headwater::registry::{RegistryOptions, Retry, Timeouts};
use headwater::tally::Tally;
use jiff::Timestamp;

use crate::registry::{
    Waits, fault, found, image_reply, known, lookup, options, registries, resolve_all,
};
use crate::support::registry::DockerRegistry;
use crate::support::scripted::{Reply, Scripted};

/// `127.0.0.1:<port>` where nothing listens.
fn closed_host() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

/// A registry that answers so `times` times, and then well.
fn at_first(times: usize, reply: Reply) -> Scripted {
    let left = Arc::new(AtomicUsize::new(times));
    Scripted::start(move |_| {
        let is_bad = left
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                left.checked_sub(1)
            })
            .is_ok();
        if is_bad {
            reply.clone()
        } else {
            image_reply("one")
        }
    })
}

#[tokio::test]
async fn fault_17_and_18_denied_and_missing_say_what_the_registry_said() {
    let registry = Scripted::start(|request| {
        let status = if request.path.contains("denied") {
            403
        } else {
            404
        };
        let said = format!(
            r#"{{"errors":[{{"code":"SAID","message":"it\u001b[2J said {}"}}]}}"#,
            "x".repeat(500)
        );
        Reply::status(status).body(said)
    });
    let registries = registries(options());
    for (name, kind) in [("denied", "denied"), ("missing", "missing")] {
        let question = lookup(&format!("{}/a/{name}:1", registry.host()));
        let answer = registries.resolve(&question).await;
        let fault = fault(&answer, kind);
        assert!(fault.message.contains("SAID: it[2J said"), "{fault}");
        assert!(fault.message.len() < 400, "{fault}");
    }
    assert_eq!(registry.seen().len(), 2, "nothing is tried again");
}

#[tokio::test]
async fn a_missing_tag_of_a_real_registry_is_missing() {
    let registry = DockerRegistry::start();
    let digest = registry.push_image("acme/web", "1.0", "one");
    let registries = registries(options());
    for reference in ["acme/web:2.0", "acme/nothing:1.0"] {
        let reference = format!("{}/{reference}", registry.host());
        let answer = registries.resolve(&known(&reference, &digest)).await;
        assert!(
            fault(&answer, "missing").message.contains(&reference),
            "{answer:?}"
        );
    }
}

#[tokio::test]
async fn fault_19_retry_after_is_obeyed_within_patience() {
    for (value, at_least) in [("7", 6), ("Wed, 21 Oct 2015 07:28:00 GMT", 0)] {
        let registry = at_first(1, Reply::status(429).header("retry-after", value));
        let waits = Waits::default();
        let registries = registries(RegistryOptions {
            retry: waits.retry(),
            ..RegistryOptions::default()
        });
        found(
            &registries
                .resolve(&lookup(&format!("{}/a/b:1", registry.host())))
                .await,
        );
        assert!(waits.longest() >= Duration::from_secs(at_least), "{value}");
        assert!(waits.longest() <= Duration::from_secs(7), "{value}");
        assert_eq!(registry.seen().len(), 2);
    }
}

#[tokio::test]
async fn fault_19_a_long_retry_after_ends_the_pass_for_that_host_only() {
    let busy = Scripted::start(|_| Reply::status(429).header("retry-after", "3600"));
    let other = Scripted::start(|_| image_reply("one"));
    let registries = registries(options());
    for _ in 0..5 {
        let answer = registries
            .resolve(&lookup(&format!("{}/a/b:1", busy.host())))
            .await;
        let text = fault(&answer, "unavailable").to_string();
        assert!(text.contains("too many requests"), "{text}");
    }
    assert_eq!(
        busy.seen().len(),
        1,
        "a host that asks for an hour is left alone"
    );
    found(
        &registries
            .resolve(&lookup(&format!("{}/a/b:1", other.host())))
            .await,
    );
}

#[tokio::test]
async fn fault_20_server_errors_are_tried_three_times() {
    for status in [500, 502, 503, 504] {
        let registry = at_first(2, Reply::status(status));
        let registries = registries(options());
        let question = lookup(&format!("{}/a/b:1", registry.host()));
        found(&registries.resolve(&question).await);
        assert_eq!(registry.seen().len(), 3);
        let broken = at_first(99, Reply::status(status));
        let question = lookup(&format!("{}/a/b:1", broken.host()));
        let answer = registries.resolve(&question).await;
        assert!(
            fault(&answer, "unavailable")
                .message
                .contains(&status.to_string())
        );
        assert_eq!(broken.seen().len(), 3);
    }
}

#[tokio::test]
async fn fault_21_silence_and_stalled_bodies_end_and_free_their_place() {
    for reply in [Reply::silent(), image_reply("one").stalled()] {
        let slow = Scripted::start(move |request| match request.path.contains("slow") {
            true => reply.clone(),
            false => image_reply("one"),
        });
        let registries = registries(RegistryOptions {
            concurrency_per_host: 1,
            timeouts: Timeouts {
                idle: Duration::from_millis(500),
                total: Duration::from_secs(1),
                ..Timeouts::default()
            },
            retry: Retry {
                rest: Duration::ZERO,
                ..Waits::default().retry()
            },
            ..options()
        });
        let good = lookup(&format!("{}/a/b:1", slow.host()));
        // On a busy machine a good answer may need more than a second, too.
        let answers = async || {
            for _ in 0..50 {
                if registries.resolve(&good).await.kind() == "found" {
                    return true;
                }
            }
            false
        };
        assert!(answers().await);
        let answer = registries
            .resolve(&lookup(&format!("{}/a/slow:1", slow.host())))
            .await;
        assert!(
            fault(&answer, "unavailable")
                .message
                .contains("no answer within")
        );
        assert!(answers().await, "the only place is free again");
    }
}

#[tokio::test]
async fn fault_31_a_host_that_cannot_be_reached_is_left_alone_and_the_others_go_on() {
    let closed = closed_host();
    let registry = Scripted::start(|_| image_reply("one"));
    let waits = Waits::default();
    let registries = registries(RegistryOptions {
        retry: waits.retry(),
        ..RegistryOptions::default()
    });
    let mut questions: Vec<Lookup> = (0..500)
        .map(|number| lookup(&format!("{closed}/a/b:{number}")))
        .collect();
    questions.push(lookup(&format!("{}/a/b:1", registry.host())));
    let start = Instant::now();
    let answers = resolve_all(&registries, &questions).await;
    assert!(start.elapsed() < Duration::from_secs(20));
    found(&answers[500]);
    for answer in &answers[..500] {
        let fault = fault(answer, "unavailable");
        assert_eq!(fault.host, closed);
        assert!(fault.message.contains("cannot connect"), "{fault}");
    }
}

#[tokio::test]
async fn what_hosts_say_and_that_they_are_left_alone_is_counted() {
    let tally = Arc::new(Tally::with_clock(|| Timestamp::UNIX_EPOCH));
    let registries = registries(RegistryOptions {
        tally: Arc::clone(&tally),
        ..options()
    });
    let closed = closed_host();
    let busy = Scripted::start(|_| Reply::status(429).header("retry-after", "3600"));
    let hub = Scripted::start(|_| {
        image_reply("one")
            .header("ratelimit-limit", "100;w=21600")
            .header("ratelimit-remaining", "76;w=21600")
    });
    for host in [&closed, &busy.host(), &hub.host()] {
        registries.resolve(&lookup(&format!("{host}/a/b:1"))).await;
    }
    let kept = tally.read().hosts;
    let after = |wait: Duration| Timestamp::UNIX_EPOCH.checked_add(wait).ok();
    assert_eq!(kept[&closed].rests_until, after(Retry::default().rest));
    assert_eq!(kept[&busy.host()].rests_until, None);
    assert_eq!(
        kept[&busy.host()].paused_until,
        after(Duration::from_secs(3600))
    );
    let allowance = kept[&hub.host()].allowance.unwrap();
    assert_eq!((allowance.left, allowance.limit), (76, Some(100)));
}

#[tokio::test]
async fn fault_31_a_silent_host_costs_one_time_out() {
    let silent = Scripted::start(|_| Reply::silent());
    let registries = registries(RegistryOptions {
        timeouts: Timeouts {
            total: Duration::from_millis(500),
            ..Timeouts::default()
        },
        ..options()
    });
    let questions: Vec<Lookup> = (0..200)
        .map(|number| lookup(&format!("{}/a/b:{number}", silent.host())))
        .collect();
    for answer in resolve_all(&registries, &questions).await {
        fault(&answer, "unavailable");
    }
    assert_eq!(silent.seen().len(), 1);
}

#[tokio::test]
async fn a_registry_without_tls_is_named_as_such() {
    let registry = Scripted::start(|_| image_reply("one"));
    // The same host by an address that does not count as loopback for plain HTTP.
    let port = registry.host().rsplit(':').next().unwrap().to_owned();
    let host = format!("[::ffff:127.0.0.1]:{port}");
    let registries = registries(options());
    let question = lookup(&format!("{host}/a/b:1"));
    let answer = registries.resolve(&question).await;
    let fault = fault(&answer, "unavailable");
    assert!(
        fault
            .message
            .contains("is HTTP only and requires the insecure flag to import"),
        "{fault}"
    );
    assert!(registry.seen().is_empty());
    let insecure = Lookup {
        insecure: true,
        ..question
    };
    found(&registries.resolve(&insecure).await);
}

#[tokio::test]
async fn an_unknown_host_is_unavailable() {
    let answer = registries(options())
        .resolve(&lookup("registry.invalid/a/b:1"))
        .await;
    let fault = fault(&answer, "unavailable");
    assert_eq!(fault.host, "registry.invalid");
    assert!(fault.advice.is_some());
}
