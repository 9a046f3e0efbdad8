//! Each sender's payloads as its documentation shows them.

use std::collections::BTreeSet;

use headwater::config::hooks::HookKind;
use headwater::serve::hook::{Hint, Received, Refusal, read};
use reqwest::header::{HeaderMap, HeaderName};

use crate::serve_hooks::{case, git, image};
use crate::tidy::files_below;

fn headers(event: &str) -> HeaderMap {
    let Some((name, value)) = event.split_once(": ") else {
        return HeaderMap::new();
    };
    let name: HeaderName = name.parse().unwrap();
    HeaderMap::from_iter([(name, value.parse().unwrap())])
}

fn hints(kind: HookKind, host: Option<&str>, event: &str, file: &str) -> Vec<Hint> {
    match read(kind, host, &headers(event), case(file).as_bytes()) {
        Ok(Received::Hints(hints)) => hints,
        other => panic!("{file}: {other:?}"),
    }
}

/// Kind, header, file, what comes of it, and whether its host is the operator's to choose.
fn cases() -> Vec<(HookKind, &'static str, &'static str, Vec<Hint>)> {
    let codertocat = git(&[
        "git@github.com:Codertocat/deploy.git",
        "https://github.com/Codertocat/deploy.git",
    ]);
    let web = image("ghcr.io", "codertocat/web", Some("1.8"));
    let generic = image("registry.example:5000", "acme/web", Some("1.8"));
    let acme = image("localhost:3000", "acme/shop/web", Some("1.8"));
    let diaspora = git(&[
        "git@example.com:mike/diaspora.git",
        "http://example.com/mike/diaspora.git",
    ]);
    let gitlab_test = git(&[
        "git@example.com:gitlabhq/gitlab-test.git",
        "http://example.com/gitlabhq/gitlab-test.git",
    ]);
    let webhooks = git(&[
        "http://localhost:3000/gitea/webhooks.git",
        "ssh://gitea@localhost:2222/gitea/webhooks.git",
    ]);
    let codeberg = git(&[
        "https://codeberg.org/acme/deploy.git",
        "ssh://git@codeberg.org/acme/deploy.git",
    ]);
    let hello = image("192.168.100.227:5000", "hello-world", Some("latest"));
    let hub = image("docker.io", "svendowideit/testhook", Some("latest"));
    let debian = image("hub.harbor.com", "test-webhook/debian", Some("latest"));
    let alpine = image("harbor.dev:8443", "library/alpine", Some("stable"));
    let quay = ["1.8", "latest"].map(|tag| image("quay.io", "dgangaia/test", Some(tag)));
    let ubuntu = image("quay.io", "devtable/ubuntu", Some("latest"));
    let any_tag = image("registry.example:5000", "acme/web", None);
    let own_git = git(&["ssh://git@git.example/acme/deploy.git"]);
    let no = Vec::new;
    use HookKind as K;
    vec![
        (
            K::GitHub,
            "x-github-event: push",
            "github/push.json",
            vec![codertocat.clone()],
        ),
        (
            K::GitHub,
            "x-github-event: pull_request",
            "github/pull_request.json",
            vec![codertocat],
        ),
        (
            K::GitHub,
            "x-github-event: issues",
            "github/issues.json",
            no(),
        ),
        (
            K::GitHub,
            "x-github-event: package",
            "ghcr/package.json",
            vec![web.clone()],
        ),
        (
            K::Ghcr,
            "x-github-event: package",
            "ghcr/package.json",
            vec![web.clone()],
        ),
        (
            K::Ghcr,
            "x-github-event: registry_package",
            "ghcr/registry_package.json",
            vec![web],
        ),
        (
            K::Ghcr,
            "x-github-event: package",
            "ghcr/untagged.json",
            no(),
        ),
        (K::Ghcr, "x-github-event: package", "ghcr/npm.json", no()),
        (
            K::GitLab,
            "x-gitlab-event: Push Hook",
            "gitlab/push.json",
            vec![diaspora],
        ),
        (
            K::GitLab,
            "",
            "gitlab/merge_request.json",
            vec![gitlab_test],
        ),
        (
            K::GitLab,
            "x-gitlab-event: Note Hook",
            "gitlab/note.json",
            no(),
        ),
        (
            K::Gitea,
            "x-gitea-event: push",
            "gitea/push.json",
            vec![webhooks.clone()],
        ),
        (
            K::Forgejo,
            "x-forgejo-event: push",
            "gitea/push.json",
            vec![webhooks],
        ),
        (
            K::Forgejo,
            "x-forgejo-event: pull_request",
            "forgejo/pull_request.json",
            vec![codeberg],
        ),
        (
            K::Gitea,
            "x-gitea-event: package",
            "gitea/package.json",
            vec![acme],
        ),
        (
            K::Gitea,
            "x-gitea-event: package",
            "gitea/package_untagged.json",
            no(),
        ),
        (
            K::Distribution,
            "",
            "distribution/push.json",
            vec![hello.clone()],
        ),
        (K::GitLabRegistry, "", "distribution/push.json", vec![hello]),
        (K::DockerHub, "", "dockerHub/push.json", vec![hub]),
        (K::Harbor, "", "harbor/default.json", vec![debian]),
        (K::Harbor, "", "harbor/cloudevents.json", vec![alpine]),
        (K::Harbor, "", "harbor/scan.json", no()),
        (K::Quay, "", "quay/push.json", quay.to_vec()),
        (K::Quay, "", "quay/push_with_images.json", vec![ubuntu]),
        (K::Quay, "", "quay/build.json", no()),
        (K::Generic, "", "generic/image.json", vec![generic.clone()]),
        (K::Generic, "", "generic/cloudevent.json", vec![generic]),
        (K::Generic, "", "generic/parts.json", vec![any_tag]),
        (K::Generic, "", "generic/git.json", vec![own_git]),
    ]
}

#[test]
fn payloads_are_read_as_their_senders_write_them() {
    for (kind, event, file, expected) in cases() {
        assert_eq!(hints(kind, None, event, file), expected, "{file}");
    }
    let ping = case("github/ping.json");
    for kind in [HookKind::GitHub, HookKind::Ghcr] {
        let received = read(
            kind,
            None,
            &headers("x-github-event: ping"),
            ping.as_bytes(),
        );
        assert_eq!(received, Ok(Received::Ping));
    }
}

#[test]
fn every_case_is_read_and_every_kind_has_one() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/hooks");
    let known: BTreeSet<String> = cases().iter().map(|case| case.2.to_owned()).collect();
    for file in files_below(&folder) {
        let name = file.strip_prefix(&folder).unwrap().to_str().unwrap();
        assert!(known.contains(name) || name == "github/ping.json", "{name}");
    }
    let kinds: BTreeSet<HookKind> = cases().iter().map(|case| case.0).collect();
    assert_eq!(kinds, BTreeSet::from(HookKind::ALL));
}

/// No payload leads to a host that the operator did not name.
#[test]
fn the_operators_host_wins() {
    let host = "registry.internal:5000";
    for (kind, event, file, expected) in cases() {
        let is_registry = expected
            .iter()
            .all(|hint| matches!(hint, Hint::Image { .. }));
        if kind == HookKind::GitHub || !is_registry {
            continue;
        }
        for hint in hints(kind, Some(host), event, file) {
            let Hint::Image { host: told, .. } = hint else {
                panic!("{file}: {hint:?}");
            };
            assert_eq!(told.as_deref(), Some(host), "{file}");
        }
    }
}

#[test]
fn a_form_holds_the_same() {
    let body = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("payload", &case("github/push.json"))
        .finish();
    let mut headers = headers("x-github-event: push");
    let form = "application/x-www-form-urlencoded".parse().unwrap();
    headers.insert("content-type", form);
    let received = read(HookKind::GitHub, None, &headers, body.as_bytes());
    let plain = hints(
        HookKind::GitHub,
        None,
        "x-github-event: push",
        "github/push.json",
    );
    assert_eq!(received, Ok(Received::Hints(plain)));
    let received = read(HookKind::GitHub, None, &headers, b"other=1");
    assert_eq!(received, Err(Refusal::Unusable));
}

/// CVE-2024-40634, CVE-2025-59531, CVE-2025-59537 and CVE-2025-59538: payloads without the parts
/// that were expected, and of other types, stopped another program.
#[test]
fn cve_2024_40634_and_cve_2025_59531_mangled_payloads_are_refused_or_say_nothing() {
    for (kind, event, file, _) in cases() {
        let headers = headers(event);
        let text = case(file);
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        let mut mangled = mangled(&value);
        let cut = text.char_indices().map(|(at, _)| text[..at].to_owned());
        mangled.extend(cut.step_by(7));
        mangled.extend(["", "null", "[]", "1", "\"\"", "{}", "\u{0}"].map(str::to_owned));
        mangled.push(format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)));
        mangled.push(format!("{{\"repository\":{}}}", "{\"a\":".repeat(50)));
        for body in mangled {
            for host in [None, Some("registry.example")] {
                // It gives an answer, and no hint is too long to be one.
                if let Ok(Received::Hints(hints)) = read(kind, host, &headers, body.as_bytes()) {
                    assert!(hints.len() <= 100, "{file}");
                }
            }
        }
    }
}

/// The value with each of its parts left out, or of another type.
fn mangled(value: &serde_json::Value) -> Vec<String> {
    let mut pointers = Vec::new();
    collect(value, String::new(), &mut pointers);
    let mut texts = Vec::new();
    for pointer in &pointers {
        for other in ["null", "[]", "{}", "7", "\"\"", "\"a b\"", "true", "[null]"] {
            let mut changed = value.clone();
            *changed.pointer_mut(pointer).unwrap() = serde_json::from_str(other).unwrap();
            texts.push(changed.to_string());
        }
    }
    texts
}

fn collect(value: &serde_json::Value, at: String, into: &mut Vec<String>) {
    match value {
        serde_json::Value::Object(members) => {
            for (name, member) in members {
                collect(member, format!("{at}/{name}"), into);
            }
        }
        serde_json::Value::Array(items) => {
            for (number, item) in items.iter().enumerate() {
                collect(item, format!("{at}/{number}"), into);
            }
        }
        _ => {}
    }
    into.push(at);
}
