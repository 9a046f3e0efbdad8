//! What a request goes through before anything is told.

use std::fs;
use std::sync::Arc;

use headwater::config::hooks::HookKind;
use headwater::serve::hook::{BODY_LIMIT, HookOptions, path_secret};
use headwater::serve::standard_webhooks::sign;
use jiff::Timestamp;
use secrecy::SecretString;

use crate::serve_hooks::{Listening, SECRET, case, hex_mac, hook, image};

#[test]
fn a_signed_push_is_told_and_answered_at_once() {
    let listening = Listening::start(&[("forge", HookKind::GitHub)]);
    let answer = listening.push("/hook/forge", SECRET, &case("github/push.json"));
    assert_eq!((answer.status, &*answer.text), (202, "taken\n"));
    let heard = listening.heard();
    assert_eq!((heard.len(), &*heard[0].0), (1, "forge"));
    assert_eq!(listening.count(Some("forge"), "taken"), 1);
}

#[test]
fn a_ping_is_answered_and_an_event_of_no_interest_taken() {
    let listening = Listening::start(&[("forge", HookKind::GitHub)]);
    for (event, status, text) in [("ping", 200, "ping\n"), ("issues", 202, "ignored\n")] {
        let body = case(&format!("github/{event}.json"));
        let signature = format!("sha256={}", hex_mac(SECRET, &body));
        let headers = [
            ("x-github-event", event),
            ("x-hub-signature-256", &*signature),
        ];
        let answer = listening.post("/hook/forge", &headers, &body);
        assert_eq!((answer.status, &*answer.text), (status, text));
    }
    assert_eq!(listening.heard(), []);
}

#[test]
fn what_is_not_authentic_is_refused_before_it_is_read() {
    let listening = Listening::start(&[("forge", HookKind::GitHub)]);
    let body = case("github/push.json");
    for body in [&*body, "no JSON at all"] {
        let wrong = listening.push("/hook/forge", "another secret", body);
        assert_eq!(wrong.status, 401);
        let none = listening.post("/hook/forge", &[("x-github-event", "push")], body);
        assert_eq!(none.status, 401);
    }
    assert_eq!(
        listening
            .push("/hook/forge", SECRET, "no JSON at all")
            .status,
        400
    );
    let changed = body.replace("Codertocat", "Mallory");
    let signature = format!("sha256={}", hex_mac(SECRET, &body));
    let headers = [
        ("x-github-event", "push"),
        ("x-hub-signature-256", &*signature),
    ];
    assert_eq!(
        listening.post("/hook/forge", &headers, &changed).status,
        401
    );
    assert_eq!(listening.heard(), []);
    assert_eq!(listening.count(Some("forge"), "badSignature"), 5);
    assert_eq!(listening.count(Some("forge"), "unusable"), 1);
}

#[test]
fn addresses_without_the_secret_are_like_those_that_there_are_not() {
    let hooks = [("hub", HookKind::DockerHub), ("forge", HookKind::GitHub)];
    let listening = Listening::start(&hooks);
    let body = case("dockerHub/push.json");
    let secret = path_secret("hub", &SecretString::from(SECRET));
    let other = path_secret("hub", &SecretString::from("another"));
    for path in [
        "/hook/hub".to_owned(),
        "/hook/hub/".to_owned(),
        format!("/hook/hub/{other}"),
        format!("/hook/hub/{SECRET}"),
        format!("/hook/hub/{secret}x"),
        format!("/hook/forge/{secret}"),
        format!("/hook/none/{secret}"),
        "/hook/none".to_owned(),
    ] {
        let path = path.replace(' ', "%20");
        let answer = listening.post(&path, &[], &body);
        assert_eq!(answer.status, 404, "{path}");
        // axum's own answer to an empty part of the address has no text.
        assert!(answer.text.is_empty() || answer.text == "there is no such hook\n");
    }
    assert_eq!(listening.heard(), []);
    let answer = listening.post(&format!("/hook/hub/{secret}"), &[], &body);
    assert_eq!(answer.status, 202);
    let hint = image("docker.io", "svendowideit/testhook", Some("latest"));
    assert_eq!(listening.heard(), [("hub".to_owned(), vec![hint])]);
    let url = format!("http://{}/hook/forge", listening.address);
    assert_eq!(listening.send(listening.client.get(url)).status, 405);
}

#[test]
fn a_large_body_is_refused_but_of_a_registry_taken() {
    let hooks = [
        ("forge", HookKind::GitHub),
        ("images", HookKind::Distribution),
    ];
    let listening = Listening::start(&hooks);
    let large = format!("\"{}\"", "x".repeat(BODY_LIMIT));
    assert_eq!(listening.push("/hook/forge", SECRET, &large).status, 413);
    let fits = format!("\"{}\"", "x".repeat(BODY_LIMIT - 2));
    assert_eq!(listening.push("/hook/forge", SECRET, &fits).status, 400);
    let token = format!("Bearer {SECRET}");
    for body in [&*large, "no JSON", "{}"] {
        let answer = listening.post("/hook/images", &[("authorization", &token)], body);
        assert_eq!(answer.status, 202);
    }
    let answer = listening.post("/hook/images", &[("authorization", "Bearer x")], "{}");
    assert_eq!(answer.status, 401);
    assert_eq!(listening.count(Some("images"), "tooLarge"), 1);
    assert_eq!(listening.count(Some("images"), "unusable"), 2);
    assert_eq!(listening.heard(), []);
}

#[test]
fn a_delivery_that_comes_again_causes_nothing() {
    let hooks = [
        ("forge", HookKind::Gitea),
        ("images", HookKind::Distribution),
    ];
    let options = HookOptions {
        remembered: 4,
        ..HookOptions::default()
    };
    let listening = Listening::start_with(&hooks, options);
    let body = case("gitea/push.json");
    let signature = hex_mac(SECRET, &body);
    let deliver = |number: &str| {
        let headers = [
            ("x-gitea-event", "push"),
            ("x-gitea-delivery", number),
            ("x-gitea-signature", &*signature),
        ];
        listening.post("/hook/forge", &headers, &body).text
    };
    assert_eq!(
        ["1", "2", "1", "2"].map(deliver),
        ["taken\n", "taken\n", "duplicate\n", "duplicate\n"]
    );
    // The oldest are forgotten.
    assert_eq!(["3", "4", "5", "1"].map(deliver), ["taken\n"; 4]);
    let notification = case("distribution/push.json");
    for text in ["taken\n", "duplicate\n"] {
        let headers = [("authorization", SECRET)];
        let answer = listening.post("/hook/images", &headers, &notification);
        assert_eq!((answer.status, &*answer.text), (202, text));
    }
    assert_eq!(listening.heard().len(), 7);
}

#[test]
fn secrets_rotate_without_a_restart() {
    let listening = Listening::start(&[("forge", HookKind::GitHub)]);
    let push = |secret| {
        listening
            .push("/hook/forge", secret, &case("github/push.json"))
            .status
    };
    assert_eq!((push(SECRET), push("the new one")), (202, 401));
    fs::write(listening.secret_file(), "the new one").unwrap();
    assert_eq!((push(SECRET), push("the new one")), (401, 202));
    // Both while one is replaced, also before the second file is there.
    let second = listening.folder.path().join("second");
    let files = vec![listening.secret_file(), second.clone()];
    listening
        .hooks
        .set(&[hook("forge", HookKind::GitHub, files)]);
    assert_eq!((push(SECRET), push("the new one")), (401, 202));
    fs::write(&second, SECRET).unwrap();
    assert_eq!((push(SECRET), push("the new one")), (202, 202));
    fs::remove_file(&second).unwrap();
    // An empty secret is none: else everybody could sign with it.
    fs::write(listening.secret_file(), "\n").unwrap();
    let answer = listening.push("/hook/forge", "", &case("github/push.json"));
    assert_eq!(
        (answer.status, &answer.headers["retry-after"]),
        (503, &"60".parse().unwrap())
    );
    assert_eq!(listening.count(Some("forge"), "noSecret"), 1);
    assert_eq!(listening.count(Some("forge"), "taken"), 5);
    listening.hooks.set(&[]);
    assert_eq!(push(SECRET), 404);
}

/// GitLab's signing token and anybody's Standard Webhooks.
#[test]
fn a_signature_that_is_old_is_refused() {
    let now: Timestamp = "2026-11-28T10:00:00Z".parse().unwrap();
    let options = HookOptions {
        now: Arc::new(move || now),
        ..HookOptions::default()
    };
    let hooks = [("lab", HookKind::GitLab), ("own", HookKind::Generic)];
    let listening = Listening::start_with(&hooks, options);
    for (path, body) in [
        ("/hook/lab", "gitlab/push.json"),
        ("/hook/own", "generic/image.json"),
    ] {
        let body = case(body);
        for (id, off, status) in [
            ("1", 0, 202),
            ("2", -299, 202),
            ("3", -301, 401),
            ("4", 301, 401),
        ] {
            let seconds = now.as_second() + off;
            let secret = SecretString::from(SECRET);
            let signature = sign(&secret, id, seconds, body.as_bytes()).unwrap();
            let headers = [
                ("webhook-id", id),
                ("webhook-timestamp", &seconds.to_string()),
                ("webhook-signature", &signature),
            ];
            assert_eq!(
                listening.post(path, &headers, &body).status,
                status,
                "{path} {off}"
            );
        }
    }
    let headers = [("x-gitlab-token", SECRET)];
    assert_eq!(
        listening
            .post("/hook/lab", &headers, &case("gitlab/push.json"))
            .status,
        202
    );
}
