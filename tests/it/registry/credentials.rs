//! Who may see a credential, and how often it is asked for.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use headwater::lookup::Lookup;
use headwater::registry::RegistryOptions;

use crate::registry::{
    SECRET, assert_no_secret, fault, found, image_reply, lookup, options, options_with_login,
    registries, resolve_all,
};
use crate::support::scripted::{Reply, Scripted, Seen};

fn grant(token: &str, expires_in: u64) -> Reply {
    Reply::ok(
        "application/json",
        format!(r#"{{"token":"{token}","expires_in":{expires_in}}}"#),
    )
}

/// A registry with its token server on its own port, as `/token`.
fn registry_with_tokens(token_reply: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Scripted {
    let own_host = Arc::new(std::sync::OnceLock::<String>::new());
    let host = Arc::clone(&own_host);
    let server = Scripted::start(move |request| {
        if request.path.starts_with("/token") {
            return token_reply(request);
        }
        match request.header("authorization") {
            Some("Bearer good") => image_reply("one"),
            _ => Reply::bearer(&format!("http://{}/token", host.get().unwrap())),
        }
    });
    own_host.set(server.host()).unwrap();
    server
}

fn tokens(server: &Scripted) -> usize {
    server
        .seen()
        .iter()
        .filter(|seen| seen.path.starts_with("/token"))
        .count()
}

#[tokio::test]
async fn cve_2020_15157_a_realm_on_another_host_sees_nothing() {
    let evil = Scripted::start(|_| grant("good", 60));
    let realm = evil.url("/token");
    let registry = Scripted::start(move |_| Reply::bearer(&realm));
    let registries = registries(options_with_login(&registry.host()));
    // Even when the other host is a registry that manifests name.
    registries
        .resolve(&lookup(&format!("{}/a/b:1", evil.host())))
        .await;
    let before = evil.seen().len();
    let answer = registries
        .resolve(&lookup(&format!("{}/a/b:1", registry.host())))
        .await;
    let text = fault(&answer, "refused").to_string();
    assert!(
        text.contains(&registry.host()) && text.contains(&evil.host()),
        "{text}"
    );
    assert_eq!((evil.seen().len(), evil.authorized()), (before, 0));
    assert_eq!(registry.authorized(), 0);
}

#[tokio::test]
async fn cve_2020_15157_foreign_layers_are_never_followed() {
    let evil = Scripted::start(|_| Reply::status(401).header("www-authenticate", "Basic"));
    let body = format!(
        r#"{{"schemaVersion":2,"mediaType":"{manifest}","config":{{"digest":"sha256:{hex}","size":2}},"layers":[{{"mediaType":"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip","digest":"sha256:{hex}","size":2,"urls":["{url}"]}}]}}"#,
        manifest = crate::registry::OCI_MANIFEST,
        hex = "ab".repeat(32),
        url = evil.url("/layer"),
    );
    let registry = Scripted::start(move |_| {
        crate::registry::manifest_reply(crate::registry::OCI_MANIFEST, &body)
    });
    let registries = registries(options_with_login(&registry.host()));
    let question = lookup(&format!("{}/a/b:1", registry.host()));
    found(&registries.resolve(&question).await);
    let _ = registries.describe(&question).await;
    assert!(evil.seen().is_empty());
}

#[tokio::test]
async fn cve_2026_48978_a_realm_that_changes_gets_no_token_of_the_other() {
    let evil = Scripted::start(|_| grant("good", 60));
    let is_switched = Arc::new(AtomicUsize::new(0));
    let (switch, evil_realm) = (Arc::clone(&is_switched), evil.url("/token"));
    let own_host = Arc::new(std::sync::OnceLock::<String>::new());
    let host = Arc::clone(&own_host);
    let registry = Scripted::start(move |request| {
        if request.path.starts_with("/token") {
            return grant("first", 600);
        }
        match (
            switch.load(Ordering::SeqCst),
            request.header("authorization"),
        ) {
            (0, Some("Bearer first")) => image_reply("one"),
            (0, _) => Reply::bearer(&format!("http://{}/token", host.get().unwrap())),
            _ => Reply::bearer(&evil_realm),
        }
    });
    own_host.set(registry.host()).unwrap();
    let registries = registries(options_with_login(&registry.host()));
    let question = lookup(&format!("{}/a/b:1", registry.host()));
    found(&registries.resolve(&question).await);
    is_switched.store(1, Ordering::SeqCst);
    fault(&registries.resolve(&question).await, "refused");
    assert!(evil.seen().is_empty());
}

#[tokio::test]
async fn tokens_are_single_flight_and_never_used_for_another_repository() {
    let registry = registry_with_tokens(|_| grant("good", 600));
    let registries = registries(options_with_login(&registry.host()));
    let questions: Vec<Lookup> = (0..50)
        .map(|number| lookup(&format!("{}/a/b:{number}", registry.host())))
        .collect();
    for answer in resolve_all(&registries, &questions).await {
        found(&answer);
    }
    assert_eq!(tokens(&registry), 1);
    found(
        &registries
            .resolve(&lookup(&format!("{}/a/c:1", registry.host())))
            .await,
    );
    assert_eq!(tokens(&registry), 2);
    // The password went to the token server alone.
    let basic = |seen: &Seen| {
        seen.header("authorization")
            .is_some_and(|a| a.starts_with("Basic"))
    };
    assert!(
        registry
            .seen()
            .iter()
            .filter(|seen| basic(seen))
            .all(|seen| seen.path.starts_with("/token"))
    );
    assert_no_secret(&registries);
}

#[tokio::test]
async fn a_registry_says_once_that_it_wants_a_login() {
    let registry = Scripted::start(|request| match request.is_authorized() {
        true => image_reply("one"),
        false => Reply::status(401).header("www-authenticate", "Basic realm=\"x\""),
    });
    let registries = registries(options_with_login(&registry.host()));
    let questions: Vec<Lookup> = (0..100)
        .map(|number| lookup(&format!("{}/a/b{number}:1", registry.host())))
        .collect();
    for answer in resolve_all(&registries, &questions).await {
        found(&answer);
    }
    assert_eq!((registry.seen().len(), registry.authorized()), (101, 100));
}

#[tokio::test]
async fn a_token_without_life_is_fetched_for_each_request() {
    let registry = registry_with_tokens(|_| grant("good", 0));
    let registries = registries(options());
    let question = lookup(&format!("{}/a/b:1", registry.host()));
    for expected in 1..4 {
        found(&registries.resolve(&question).await);
        assert_eq!(tokens(&registry), expected);
    }
}

#[tokio::test]
async fn a_broken_token_server_never_makes_a_request_anonymous() {
    for (reply, kind) in [
        (Reply::status(503), "unavailable"),
        (Reply::status(404), "unavailable"),
        (Reply::status(403), "denied"),
        (Reply::ok("application/json", "{}"), "unavailable"),
        (
            Reply::ok(
                "application/json",
                format!("{SECRET}{}", " ".repeat(70_000)),
            ),
            "refused",
        ),
    ] {
        let registry = registry_with_tokens(move |_| reply.clone());
        let registries = registries(options_with_login(&registry.host()));
        let question = lookup(&format!("{}/a/b:1", registry.host()));
        fault(&registries.resolve(&question).await, kind);
        let asked = registry.seen().len() - tokens(&registry);
        assert_eq!(asked, 1, "{kind}: the challenge, and nothing after it");
        fault(&registries.resolve(&question).await, kind);
    }
}

#[tokio::test]
async fn fault_16_a_token_that_is_not_taken_is_refreshed_once() {
    let registry = registry_with_tokens(|_| grant("stale", 600));
    let registries = registries(options_with_login(&registry.host()));
    let question = lookup(&format!("{}/a/b:1", registry.host()));
    let answer = registries.resolve(&question).await;
    assert!(
        fault(&answer, "denied")
            .message
            .contains("incorrect username or password")
    );
    fault(&registries.resolve(&question).await, "denied");
    assert!(tokens(&registry) <= 3, "{}", tokens(&registry));
    assert!(registry.seen().len() - tokens(&registry) <= 4);
}

#[tokio::test]
async fn p2_a_manifests_insecure_never_sends_a_credential() {
    for challenge in [
        "Basic realm=\"x\"",
        "Digest a=b, BASIC realm=\"x\", charset=\"UTF-8\"",
    ] {
        let registry = Scripted::start(move |request| match request.header("authorization") {
            Some("Basic dXNlcjpjYW5hcnktc2VjcmV0") => image_reply("one"),
            _ => Reply::status(401).header("www-authenticate", challenge),
        });
        let question = lookup(&format!("{}/a/b:1", registry.host()));
        let insecure = Lookup {
            insecure: true,
            ..question.clone()
        };
        let registries = registries(options_with_login(&registry.host()));
        fault(&registries.resolve(&insecure).await, "denied");
        assert_eq!(registry.authorized(), 0);
        // What was learned over the insecure channel stays there, and the other way round.
        found(&registries.resolve(&question).await);
        let authorized = registry.authorized();
        fault(&registries.resolve(&insecure).await, "denied");
        assert_eq!(registry.authorized(), authorized);
        // The operator's list is another matter.
        let listed = crate::registry::registries(RegistryOptions {
            insecure_hosts: [registry.host()].into(),
            ..options_with_login(&registry.host())
        });
        found(&listed.resolve(&insecure).await);
    }
}

#[tokio::test]
async fn ambiguous_and_greedy_challenges_get_no_more_than_pull() {
    let own_host = Arc::new(std::sync::OnceLock::<String>::new());
    let host = Arc::clone(&own_host);
    let registry = Scripted::start(move |request| {
        if request.path.starts_with("/token") {
            return grant("good", 60);
        }
        let realm = format!("http://{}/token", host.get().unwrap());
        let field = if request.path.contains("/twice/") {
            format!("Bearer realm=\"{realm}\",realm=\"http://evil.example/\"")
        } else {
            format!(
                "Bearer realm=\"{realm}\",scope=\"repository:a/b:pull,push,delete registry:catalog:*\""
            )
        };
        match request.header("authorization") {
            Some("Bearer good") => image_reply("one"),
            _ => Reply::status(401).header("www-authenticate", &field),
        }
    });
    own_host.set(registry.host()).unwrap();
    let registries = registries(options_with_login(&registry.host()));
    let twice = registries
        .resolve(&lookup(&format!("{}/a/twice/b:1", registry.host())))
        .await;
    fault(&twice, "refused");
    found(
        &registries
            .resolve(&lookup(&format!("{}/a/b:1", registry.host())))
            .await,
    );
    let token = registry
        .seen()
        .into_iter()
        .find(|seen| seen.path.starts_with("/token"))
        .unwrap();
    assert!(
        token.path.contains("scope=repository%3Aa%2Fb%3Apull&"),
        "{}",
        token.path
    );
}
