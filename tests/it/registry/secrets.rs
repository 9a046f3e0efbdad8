//! Whose pull secrets are used for whom, and what OpenShift calls a failure.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use headwater::lookup::{Lookup, Question, Reason, TagListing};
use headwater::pull_secret::{PullSecret, PullSecretForm};
use headwater::registry::{CredentialSource, RegistryOptions};
use serde_json::json;

use crate::registry::{
    SECRET, assert_no_secret, fault, found, image_reply, lookup, options, registries, resolve_all,
};
use crate::support::registry::{DockerRegistry, PASSWORD, Setup, USER};
use crate::support::scripted::{Reply, Scripted, Seen};

fn secret(host: &str, username: &str, password: &str) -> PullSecret {
    let content = json!({"auths": {host: {"username": username, "password": password}}});
    PullSecret {
        origin: "app/login.yaml".to_owned(),
        form: PullSecretForm::DockerConfigJson,
        content: content.to_string().into(),
    }
}

fn by_namespace(secrets: &[(&str, PullSecret)]) -> BTreeMap<String, Vec<PullSecret>> {
    let mut by_namespace: BTreeMap<String, Vec<PullSecret>> = BTreeMap::new();
    for (namespace, secret) in secrets {
        let all = by_namespace.entry((*namespace).to_owned()).or_default();
        all.push(secret.clone());
    }
    by_namespace
}

fn of(namespace: &str, reference: &str) -> Lookup {
    Lookup {
        secrets_of: Some(namespace.to_owned()),
        ..lookup(reference)
    }
}

#[tokio::test]
async fn each_namespace_uses_its_own_pull_secrets_and_the_others_credentials_after_them() {
    let private = || {
        let registry = DockerRegistry::start_with(Setup {
            password: true,
            ..Setup::default()
        });
        let digest = registry.push_image("acme/web", "1.0", "one");
        (registry, digest)
    };
    let ((first, one), (second, two)) = (private(), private());
    let (to_first, to_second) = (
        format!("{}/acme/web:1.0", first.host()),
        format!("{}/acme/web:1.0", second.host()),
    );
    let secrets = by_namespace(&[
        ("app-dev", secret(&first.host(), USER, PASSWORD)),
        ("app-prod", secret(&second.host(), USER, PASSWORD)),
        // All secrets of a namespace count.
        (
            "app-prod",
            secret(&format!("{}/acme", first.host()), USER, SECRET),
        ),
        (
            "broken",
            PullSecret {
                content: "{".to_owned().into(),
                ..secret("x", "y", "z")
            },
        ),
    ]);
    let credentials = CredentialSource::none()
        .with_password(&second.host(), USER, PASSWORD.to_owned().into())
        .with_pull_secrets(&secrets);
    assert_eq!(
        credentials.problems().len(),
        1,
        "{:?}",
        credentials.problems()
    );
    let registries = registries(RegistryOptions {
        credentials,
        ..options()
    });
    let questions = [
        of("app-dev", &to_first),
        of("app-prod", &to_second),
        of("app-prod", &to_first),
        // Nothing in the secrets matches: the credentials as they were.
        of("app-dev", &to_second),
        of("broken", &to_second),
        lookup(&to_first),
        of("nobody", &to_first),
    ];
    let answers = resolve_all(&registries, &questions).await;
    assert_eq!(found(&answers[0]), &one);
    assert_eq!(found(&answers[1]), &two);
    let wrong = fault(&answers[2], "denied");
    assert!(
        wrong.message.contains("incorrect username or password"),
        "{wrong}"
    );
    assert_eq!((found(&answers[3]), found(&answers[4])), (&two, &two));
    for answer in &answers[5..] {
        let fault = fault(answer, "denied");
        assert!(
            fault.message.contains("did not have credentials"),
            "{fault}"
        );
    }
    // The tags of a private repository, too.
    let reference: headwater::image::Reference = to_first.parse().unwrap();
    let listing = |namespace: &str| {
        Question::Tags(TagListing {
            repository: reference.repository.clone(),
            insecure: false,
            secrets_of: Some(namespace.to_owned()),
        })
    };
    let tags = headwater::lookup::Answer::Tags(Ok(vec!["1.0".to_owned()]));
    assert_eq!(registries.answer(&listing("app-dev")).await, tags);
    assert_ne!(registries.answer(&listing("app-prod")).await, tags);
    assert_no_secret(&registries);
}

/// A registry with its token server on its own port; `grant` answers there.
fn registry_with_tokens(grant: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Scripted {
    let own_host = Arc::new(std::sync::OnceLock::<String>::new());
    let host = Arc::clone(&own_host);
    let server = Scripted::start(move |request| {
        if request.path.starts_with("/token") {
            return grant(request);
        }
        let realm = format!("http://{}/token", host.get().unwrap());
        match request.header("authorization") {
            Some("Bearer good") => image_reply("one"),
            _ => Reply::bearer(&realm),
        }
    });
    own_host.set(server.host()).unwrap();
    server
}

fn token(token: &str) -> Reply {
    let body = json!({"token": token, "expires_in": 600}).to_string();
    Reply::ok("application/json", body)
}

#[tokio::test]
async fn a_token_of_one_namespace_is_never_used_for_another() {
    let registry = registry_with_tokens(|request| {
        // base64 of `right:canary-secret`
        let right = Some("Basic cmlnaHQ6Y2FuYXJ5LXNlY3JldA==");
        token(if request.header("authorization") == right {
            "good"
        } else {
            "bad"
        })
    });
    let host = registry.host();
    let credentials = CredentialSource::none().with_pull_secrets(&by_namespace(&[
        ("right", secret(&host, "right", SECRET)),
        ("wrong", secret(&host, "wrong", SECRET)),
    ]));
    let registries = registries(RegistryOptions {
        credentials,
        ..options()
    });
    let image = format!("{host}/a/b:1");
    for _ in 0..2 {
        found(&registries.resolve(&of("right", &image)).await);
        fault(&registries.resolve(&of("wrong", &image)).await, "denied");
        fault(&registries.resolve(&lookup(&image)).await, "denied");
    }
}

#[tokio::test]
async fn p2_a_pull_secret_is_never_sent_because_a_manifest_says_insecure() {
    let registry = Scripted::start(|request| match request.is_authorized() {
        true => image_reply("one"),
        false => Reply::status(401).header("www-authenticate", "Basic realm=\"x\""),
    });
    let secrets = by_namespace(&[("app", secret(&registry.host(), "user", SECRET))]);
    let registries = registries(RegistryOptions {
        credentials: CredentialSource::none().with_pull_secrets(&secrets),
        ..options()
    });
    let question = of("app", &format!("{}/a/b:1", registry.host()));
    let insecure = Lookup {
        insecure: true,
        ..question.clone()
    };
    fault(&registries.resolve(&insecure).await, "denied");
    assert_eq!(registry.authorized(), 0);
    found(&registries.resolve(&question).await);
}

#[tokio::test]
async fn a_wrong_password_asks_once_more_without_and_then_stays_the_reason() {
    for (is_public, kind) in [(true, "found"), (false, "denied")] {
        let registry = registry_with_tokens(move |request| match request.is_authorized() {
            true => Reply::status(401).body(r#"{"details":"incorrect username or password"}"#),
            false => token(if is_public { "good" } else { "bad" }),
        });
        let credentials = CredentialSource::none().with_pull_secrets(&by_namespace(&[(
            "app",
            secret(&registry.host(), "user", SECRET),
        )]));
        let registries = registries(RegistryOptions {
            credentials,
            ..options()
        });
        let image = format!("{}/a/b:1", registry.host());
        let answer = registries.resolve(&of("app", &image)).await;
        assert_eq!(answer.kind(), kind, "{answer:?}");
        if !is_public {
            let fault = fault(&answer, "denied");
            let expected = format!(
                "incorrect username or password for image \"{}/a/b\"",
                registry.host()
            );
            assert_eq!(
                (fault.message.as_str(), fault.reason),
                (expected.as_str(), Reason::Unauthorized)
            );
        }
        // The password went out once.
        let seen = registry.seen();
        let passwords = seen.iter().filter_map(|seen| seen.header("authorization"));
        assert_eq!(
            passwords
                .filter(|header| header.starts_with("Basic"))
                .count(),
            1
        );
    }
}

#[tokio::test]
async fn a_host_without_the_registry_api_is_named_as_such() {
    let web = Scripted::start(|_| Reply::status(404).body("<html>not here</html>"));
    let registries = registries(options());
    let answer = registries
        .resolve(&lookup(&format!("{}/a/b:1", web.host())))
        .await;
    let expected = format!(
        "registry \"{}\" does not support the v2 Registry API",
        web.host()
    );
    assert_eq!(fault(&answer, "refused").message, expected);
    assert_eq!(answer.reason(), Some(Reason::NotV2Registry));
    // A registry that writes no envelope is one all the same.
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    let terse = Scripted::start(move |request| {
        let is_base = request.path == "/v2/";
        counter.fetch_add(usize::from(is_base), Ordering::SeqCst);
        Reply::status(if is_base { 401 } else { 404 })
    });
    let image = format!("{}/a/b:1", terse.host());
    let answer = registries.resolve(&lookup(&image)).await;
    let expected = format!("dockerimage.image.openshift.io \"{image}\" not found");
    assert_eq!(fault(&answer, "missing").message, expected);
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn failures_have_the_reasons_that_openshift_writes_into_conditions() {
    let registry = Scripted::start(|request| {
        let said = |status| Reply::status(status).body(r#"{"errors":[{"code":"SAID"}]}"#);
        match request.path.rsplit('/').next().unwrap() {
            "missing" => said(404),
            "forbidden" => said(403),
            "private" => said(401).header("www-authenticate", "Basic realm=\"x\""),
            "busy" => said(429).header("retry-after", "0"),
            "broken" => said(503),
            "wrong" => image_reply("one").header("docker-content-digest", "sha256:no"),
            _ => image_reply("one"),
        }
    });
    let registries = registries(options());
    for (tag, reason) in [
        ("missing", Some(Reason::NotFound)),
        ("forbidden", Some(Reason::Forbidden)),
        ("private", Some(Reason::Unauthorized)),
        ("broken", Some(Reason::InternalError)),
        ("fine", None),
        ("busy", Some(Reason::TooManyRequests)),
    ] {
        let answer = registries
            .resolve(&lookup(&format!("{}/a/b:{tag}", registry.host())))
            .await;
        assert_eq!(answer.reason(), reason, "{tag}: {answer:?}");
    }
    assert_eq!(Reason::NotV2Registry.to_string(), "NotV2Registry");
}
