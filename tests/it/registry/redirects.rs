//! Redirects by hand, and hosts that are not asked at all.

use headwater::lookup::Lookup;
use headwater::registry::{AllowedHosts, RegistryOptions};

use crate::registry::{fault, found, image_reply, lookup, options, options_with_login, registries};
use crate::support::scripted::{Reply, Scripted};

/// A registry that wants a login and then redirects.
fn redirecting(location: impl Fn(&str) -> String + Send + Sync + 'static) -> Scripted {
    Scripted::start(move |request| match request.header("authorization") {
        None => Reply::status(401).header("www-authenticate", "Basic realm=\"x\""),
        Some(_) if request.path.starts_with("/moved") => image_reply("one"),
        Some(_) => Reply::redirect(&location(&request.path)),
    })
}

#[tokio::test]
async fn cve_2026_50151_no_credential_leaves_its_origin() {
    let evil = Scripted::start(|_| image_reply("one"));
    let absolute = evil.url("/elsewhere");
    let without_scheme = absolute.trim_start_matches("http:").to_owned();
    for location in [absolute, without_scheme] {
        let registry = redirecting(move |_| location.clone());
        let registries = registries(options_with_login(&registry.host()));
        // Not named by anybody: its loopback address is not asked.
        let question = lookup(&format!("{}/a/b:1", registry.host()));
        let before = evil.seen().len();
        let text = fault(&registries.resolve(&question).await, "refused").to_string();
        assert!(text.contains(&evil.host()), "{text}");
        assert_eq!(evil.seen().len(), before);
        // Named elsewhere: asked, without the credential.
        found(
            &registries
                .resolve(&lookup(&format!("{}/x:1", evil.host())))
                .await,
        );
        found(&registries.resolve(&question).await);
        assert!(evil.seen().len() > before + 1);
        assert_eq!(evil.authorized(), 0);
        assert!(registry.authorized() > 0);
    }
}

#[tokio::test]
async fn a_redirect_on_the_same_origin_keeps_the_credential() {
    let registry = redirecting(|_| "/moved/here".to_owned());
    let registries = registries(options_with_login(&registry.host()));
    found(
        &registries
            .resolve(&lookup(&format!("{}/a/b:1", registry.host())))
            .await,
    );
}

#[tokio::test]
async fn the_way_back_is_without_the_credential_too() {
    let registry = std::sync::Arc::new(std::sync::OnceLock::<String>::new());
    let home = std::sync::Arc::clone(&registry);
    let evil =
        Scripted::start(move |_| Reply::redirect(&format!("http://{}/back", home.get().unwrap())));
    let away = evil.url("/away");
    let server = redirecting(move |_| away.clone());
    registry.set(server.host()).unwrap();
    let registries = registries(options_with_login(&server.host()));
    registries
        .resolve(&lookup(&format!("{}/x:1", evil.host())))
        .await;
    fault(
        &registries
            .resolve(&lookup(&format!("{}/a/b:1", server.host())))
            .await,
        "denied",
    );
    assert!(
        server
            .seen()
            .iter()
            .filter(|seen| seen.path == "/back")
            .all(|seen| !seen.is_authorized())
    );
    assert_eq!(evil.authorized(), 0);
}

#[tokio::test]
async fn ggcr_2349_a_redirected_host_that_asks_for_a_login_gets_none() {
    let evil = std::sync::Arc::new(std::sync::OnceLock::<String>::new());
    let own = std::sync::Arc::clone(&evil);
    let other = Scripted::start(move |request| {
        if request.path.starts_with("/token") {
            return Reply::ok("application/json", r#"{"token":"t"}"#);
        }
        Reply::bearer(&format!("http://{}/token", own.get().unwrap()))
    });
    evil.set(other.host()).unwrap();
    let location = other.url("/blob");
    let registry = redirecting(move |_| location.clone());
    let registries = registries(options_with_login(&registry.host()));
    registries
        .resolve(&lookup(&format!("{}/x:1", other.host())))
        .await;
    let before = other.seen().len();
    let answer = registries
        .resolve(&lookup(&format!("{}/a/b:1", registry.host())))
        .await;
    let text = fault(&answer, "denied").to_string();
    assert!(
        text.contains(&registry.host()) && text.contains(&other.host()),
        "{text}"
    );
    assert_eq!(other.seen().len(), before + 1);
    assert!(!other.seen().last().unwrap().is_authorized());
}

#[tokio::test]
async fn fault_26_redirects_have_an_end() {
    let registry = Scripted::start(|request| Reply::redirect(&format!("{}x", request.path)));
    let registries = registries(options());
    let answer = registries
        .resolve(&lookup(&format!("{}/a/b:1", registry.host())))
        .await;
    assert!(
        fault(&answer, "refused")
            .message
            .contains("more than 5 redirects")
    );
    assert_eq!(registry.seen().len(), 6);
}

#[tokio::test]
async fn redirects_to_addresses_that_are_never_asked_are_refused() {
    for (location, reason) in [
        ("http://169.254.169.254/latest/meta-data", "cloud metadata"),
        ("http://2852039166/", "cloud metadata"),
        ("http://[::ffff:169.254.169.254]/", "cloud metadata"),
        ("http://[64:ff9b::a9fe:a9fe]/", "cloud metadata"),
        ("http://0/", "unspecified"),
        ("http://10.0.0.1/", "private"),
        ("http://localhost:1/", "loopback"),
        ("http://user:pass@example.com/", "user name"),
        ("ftp://example.com/", "not followed"),
        ("http://", "usable address"),
    ] {
        let registry = Scripted::start(move |_| Reply::redirect(location));
        let registries = registries(options());
        let answer = registries
            .resolve(&lookup(&format!("{}/a/b:1", registry.host())))
            .await;
        let text = fault(&answer, "refused").to_string();
        assert!(text.contains(reason), "{location}: {text}");
        assert!(
            !text.contains("meta-data") && !text.contains("pass"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn cve_2025_14443_forbidden_addresses_are_refused_as_registries_too() {
    let registries = registries(options());
    for host in [
        "169.254.169.254",
        "[fe80::1]:5000",
        "[::ffff:169.254.169.254]",
        "224.0.0.1:80",
    ] {
        let answer = registries.resolve(&lookup(&format!("{host}/a/b:1"))).await;
        let fault = fault(&answer, "refused");
        assert!(
            fault.message.contains("which is not asked"),
            "{host}: {fault}"
        );
    }
}

#[tokio::test]
async fn the_daemon_asks_only_the_hosts_of_its_file() {
    let listed = Scripted::start(|request| match request.path.contains("moved") {
        true => Reply::redirect("https://registry.example/"),
        false => image_reply("one"),
    });
    let other = Scripted::start(|_| image_reply("one"));
    let registries = registries(RegistryOptions {
        allowed: AllowedHosts::Only(vec![listed.host().parse().unwrap()]),
        ..options()
    });
    found(
        &registries
            .resolve(&lookup(&format!("{}/a/b:1", listed.host())))
            .await,
    );
    let answer = registries
        .resolve(&lookup(&format!("{}/a/b:1", other.host())))
        .await;
    let fault = fault(&answer, "refused");
    let advice = fault.advice.clone().unwrap();
    assert!(advice.contains("registries.allow"), "{advice}");
    assert_eq!(
        fault.message,
        format!(
            "registry \"{}\" not allowed by whitelist: \"{}\"",
            other.host(),
            listed.host()
        )
    );
    assert!(other.seen().is_empty());
    let moved = registries
        .resolve(&lookup(&format!("{}/a/moved:1", listed.host())))
        .await;
    assert!(
        crate::registry::fault(&moved, "refused")
            .message
            .contains("registry.example")
    );
}

#[tokio::test]
async fn wildcards_let_registries_in_and_never_the_addresses_of_a_cloud() {
    let registry = Scripted::start(|_| image_reply("one"));
    let port = registry.host().rsplit(':').next().unwrap().to_owned();
    let with = |patterns: &[&str]| {
        registries(RegistryOptions {
            allowed: AllowedHosts::Only(patterns.iter().map(|p| p.parse().unwrap()).collect()),
            ..options()
        })
    };
    let question = lookup(&format!("{}/a/b:1", registry.host()));
    let port_pattern = format!("127.0.0.?:{}*", &port[..2]);
    for pattern in ["127.0.*:*", &port_pattern] {
        found(&with(&[pattern]).resolve(&question).await);
    }
    let asked = registry.seen().len();
    // Another port; and nobody in particular, which opens no private address.
    for (pattern, reason) in [
        ("127.0.0.1", "not allowed by whitelist: \"127.0.0.1:443\""),
        ("*:*", "loopback"),
    ] {
        let answer = with(&[pattern]).resolve(&question).await;
        let fault = fault(&answer, "refused");
        assert!(fault.message.contains(reason), "{pattern}: {fault}");
    }
    assert_eq!(registry.seen().len(), asked);
    for pattern in [
        "*:*",
        "169.254.*:*",
        "169.254.169.254:80",
        "169.254.169.254",
    ] {
        for insecure in [false, true] {
            let metadata = Lookup {
                insecure,
                ..lookup("169.254.169.254/a/b:1")
            };
            fault(&with(&[pattern]).resolve(&metadata).await, "refused");
        }
    }
}

#[tokio::test]
async fn the_port_of_a_registry_is_443_or_80_when_the_manifest_says_insecure() {
    let with = |pattern: &str, insecure_hosts: &[&str]| {
        registries(RegistryOptions {
            allowed: AllowedHosts::Only(vec![pattern.parse().unwrap()]),
            insecure_hosts: insecure_hosts.iter().map(|&host| host.to_owned()).collect(),
            ..options()
        })
    };
    let question = lookup("registry.invalid/a/b:1");
    let insecure = Lookup {
        insecure: true,
        ..question.clone()
    };
    for (pattern, question, operators, kind) in [
        ("registry.invalid", &question, &[][..], "unavailable"),
        ("registry.invalid", &insecure, &[], "refused"),
        ("registry.invalid:80", &insecure, &[], "unavailable"),
        ("registry.invalid:80", &question, &[], "refused"),
        // What the operator lists as insecure keeps its port.
        (
            "registry.invalid",
            &insecure,
            &["registry.invalid"],
            "unavailable",
        ),
    ] {
        let answer = with(pattern, operators).resolve(question).await;
        assert_eq!(answer.kind(), kind, "{pattern} {operators:?}: {answer:?}");
    }
}
