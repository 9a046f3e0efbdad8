//! A real registry whose notifications point here.

use std::net::TcpListener;

use headwater::config::hooks::HookKind;
use serde_json::json;

use crate::serve_hooks::{Listening, SECRET, image};
use crate::support::registry::DockerRegistry;
use crate::support::wait::until;

fn registry(listening: &Listening, token: &str) -> DockerRegistry {
    let url = format!("http://{}/hook/images", listening.address);
    DockerRegistry::notifying(&url, token)
}

#[test]
fn a_push_to_a_real_registry_is_told() {
    let listening = Listening::start(&[("images", HookKind::Distribution)]);
    let registry = registry(&listening, SECRET);
    registry.push_image("acme/web", "1.8", "first");
    registry.push_image("acme/api", "", "without a tag");
    registry.push_index("acme/index", "2", "both", &["linux/amd64", "linux/arm64"]);
    let heard = until("both tags", || {
        let heard = listening.heard();
        (heard.len() >= 2).then_some(heard)
    });
    let told = |repository, tag| {
        let hint = image(&registry.host(), repository, Some(tag));
        ("images".to_owned(), vec![hint])
    };
    assert_eq!(heard, [told("acme/web", "1.8"), told("acme/index", "2")]);
    // Layers and images without a tag were taken, and said nothing.
    assert!(listening.count(Some("images"), "ignored") > 2);
    assert_eq!(listening.count(Some("images"), "badSignature"), 0);
}

#[test]
fn a_real_registry_with_another_token_is_refused() {
    let listening = Listening::start(&[("images", HookKind::Distribution)]);
    let registry = registry(&listening, "another");
    registry.push_image("acme/web", "1.8", "first");
    until("a refusal", || {
        (listening.count(Some("images"), "badSignature") > 0).then_some(())
    });
    assert_eq!(listening.heard(), []);
}

/// What a hook says is asked of nobody.
#[test]
fn p9_a_payload_leads_to_no_request() {
    let canary = TcpListener::bind("127.0.0.1:0").unwrap();
    canary.set_nonblocking(true).unwrap();
    let address = canary.local_addr().unwrap();
    let hooks = [
        ("images", HookKind::Distribution),
        ("own", HookKind::Harbor),
    ];
    let listening = Listening::start(&hooks);
    let notification = json!({"events": [{
        "action": "push",
        "target": {"repository": "acme/web", "tag": "1", "url": format!("http://{address}/v2/")},
        "request": {"host": address.to_string()},
    }]});
    let headers = [("authorization", SECRET)];
    let answer = listening.post("/hook/images", &headers, &notification.to_string());
    assert_eq!(answer.status, 202);
    let pushed = json!({
        "type": "PUSH_ARTIFACT",
        "event_data": {
            "resources": [{"tag": "1", "resource_url": format!("{address}/acme/web:1")}],
            "repository": {"repo_full_name": "acme/web"},
        },
    });
    let answer = listening.post("/hook/own", &headers, &pushed.to_string());
    assert_eq!(answer.status, 202);
    let hint = image(&address.to_string(), "acme/web", Some("1"));
    let expected = ["images", "own"].map(|name| (name.to_owned(), vec![hint.clone()]));
    assert_eq!(listening.heard(), expected);
    assert!(canary.accept().is_err());
}
