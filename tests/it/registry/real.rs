//! Debian's docker-registry and skopeo are the judges.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use headwater::image::Digest;
use headwater::lookup::{Answer, Found, Lookup, Question, Resolution};
use headwater::registry::{CredentialSource, RegistryOptions};
use headwater::stream::ImportMode;
use rcgen::generate_simple_self_signed;

use crate::registry::{fault, file, found, known, lookup, options, registries, resolve_all};
use crate::support::registry::{DockerRegistry, PASSWORD, Setup, USER};
use crate::support::token_server::{REFRESH_TOKEN, TokenServer};

/// What skopeo says a reference's digest is.
fn skopeo(reference: &str) -> Digest {
    let output = Command::new("skopeo")
        .args(["inspect", "--tls-verify=false", "--format", "{{.Digest}}"])
        .arg(format!("docker://{reference}"))
        .output()
        .expect("skopeo is installed");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout)
        .unwrap()
        .trim()
        .parse()
        .unwrap()
}

#[tokio::test]
async fn images_and_indices_have_the_digests_that_skopeo_sees() {
    let registry = DockerRegistry::start();
    let image = registry.push_image("acme/web", "1.0", "one");
    let (index, children) =
        registry.push_index("acme/web", "multi", "two", &["linux/amd64", "linux/arm64"]);
    let registries = registries(options());
    for (tag, digest) in [("1.0", &image), ("multi", &index)] {
        let reference = format!("{}/acme/web:{tag}", registry.host());
        let answer = registries.resolve(&lookup(&reference)).await;
        assert_eq!(found(&answer), digest);
        assert_eq!(found(&answer), &skopeo(&reference));
    }
    let by_digest = format!("{}/acme/web@{}", registry.host(), children[1]);
    assert_eq!(
        found(&registries.resolve(&lookup(&by_digest)).await),
        &children[1]
    );
    // Every image of the index was looked for.
    let heads = registry.requests("HEAD", 2);
    for child in &children {
        assert!(
            heads.iter().any(|head| head.path.ends_with(child.as_str())),
            "{heads:?}"
        );
    }
}

#[tokio::test]
async fn import_mode_legacy_takes_one_platform_and_knows_it_again_by_one_head() {
    let registry = DockerRegistry::start();
    let (index, children) =
        registry.push_index("acme/web", "1.0", "one", &["linux/arm64", "linux/amd64"]);
    let registries = registries(options());
    let mut question = Lookup {
        import_mode: ImportMode::Legacy,
        ..lookup(&format!("{}/acme/web:1.0", registry.host()))
    };
    let expected = |digest: &Digest| {
        Resolution::Found(Found {
            digest: digest.clone(),
            index: Some(index.clone()),
        })
    };
    assert_eq!(registries.resolve(&question).await, expected(&children[1]));
    let others = ["linux/s390x", "linux/arm64"];
    let (_, others) = registry.push_index("acme/other", "1.0", "two", &others);
    let other = Lookup {
        import_mode: ImportMode::Legacy,
        ..lookup(&format!("{}/acme/other:1.0", registry.host()))
    };
    let answer = registries.resolve(&other).await;
    assert_eq!(found(&answer), &others[0], "the first where none is usual");
    question.platforms = vec![
        "linux/s390x".parse().unwrap(),
        "linux/arm64".parse().unwrap(),
    ];
    assert_eq!(registries.resolve(&question).await, expected(&children[0]));

    let before = registry.requests("GET", 2).len();
    question.chosen = BTreeMap::from([(index.clone(), children[0].clone())]);
    question.known = [index.clone(), children[0].clone()].into();
    assert_eq!(registries.resolve(&question).await, expected(&children[0]));
    question.chosen.clear();
    assert_eq!(
        registries.resolve(&question).await,
        expected(&children[0]),
        "never the index"
    );
    assert_eq!(registry.requests("GET", before + 1).len(), before + 1);
}

#[tokio::test]
async fn a_thousand_unchanged_tags_cost_a_head_each_and_nothing_else() {
    let registry = DockerRegistry::start();
    let digest = registry.push_image("acme/web", "t0", "one");
    let repositories = 20;
    for number in 1..repositories {
        registry.push_image(&format!("acme/web{number}"), "t0", "one");
    }
    let pushed = registry.log().len();
    let questions: Vec<Lookup> = (0..1000)
        .map(|number| {
            let name = match number % repositories {
                0 => String::new(),
                number => number.to_string(),
            };
            let mut question = known(&format!("{}/acme/web{name}:t0", registry.host()), &digest);
            // Different questions with the same request behind them.
            question.platforms = vec![format!("linux/n{number}").parse().unwrap()];
            question
        })
        .collect();
    let done = AtomicUsize::new(0);
    let registries = registries(options());
    let images: Vec<Question> = questions.iter().cloned().map(Question::Image).collect();
    let answers = registries
        .answer_all(&images, || {
            done.fetch_add(1, Ordering::Relaxed);
        })
        .await;
    assert_eq!(done.load(Ordering::Relaxed), 1000);
    let mut answers = answers.into_iter().filter_map(Answer::image);
    assert!(answers.all(|answer| found(&answer) == &digest));
    let heads = registry.requests("HEAD", 1000).len();
    assert_eq!((heads, registry.log().len() - pushed), (1000, 1000));

    // Equal questions are asked once.
    let same = vec![questions[0].clone(); 50];
    let answers = resolve_all(&registries, &same).await;
    assert_eq!(answers.len(), 50);
    assert_eq!(registry.requests("HEAD", 1001).len(), 1001);
}

#[tokio::test]
async fn a_password_lets_in_and_is_sent_at_once_when_the_registry_wanted_it_before() {
    let registry = DockerRegistry::start_with(Setup {
        password: true,
        ..Setup::default()
    });
    let digest = registry.push_image("acme/web", "1.0", "one");
    let reference = format!("{}/acme/web:1.0", registry.host());
    let with = |credentials| {
        registries(RegistryOptions {
            credentials,
            ..options()
        })
    };
    let none = with(CredentialSource::none())
        .resolve(&lookup(&reference))
        .await;
    assert!(
        fault(&none, "denied")
            .message
            .contains("did not have credentials")
    );
    let wrong = CredentialSource::none().with_password(&registry.host(), USER, "wrong".into());
    let wrong = with(wrong).resolve(&lookup(&reference)).await;
    assert!(
        fault(&wrong, "denied")
            .message
            .contains("incorrect username or password")
    );

    let folder = tempfile::tempdir().unwrap();
    let auth = format!(
        r#"{{"auths":{{"{}/acme":{{"username":"{USER}","password":"{PASSWORD}"}}}}}}"#,
        registry.host()
    );
    let good = with(CredentialSource::from_files(&[file(
        &folder,
        "auth.json",
        &auth,
    )]));
    assert_eq!(
        found(&good.resolve(&known(&reference, &digest)).await),
        &digest
    );
    let heads = registry.requests("HEAD", 2).len();
    assert_eq!(
        found(&good.resolve(&known(&reference, &digest)).await),
        &digest
    );
    assert_eq!(registry.requests("HEAD", heads + 1).len(), heads + 1);
}

#[tokio::test]
async fn certificates_are_verified_unless_the_manifest_says_insecure() {
    let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
    let own = generate_simple_self_signed(names).unwrap();
    let registry = DockerRegistry::start_with(Setup {
        tls: Some((own.cert.pem(), own.signing_key.serialize_pem())),
        password: true,
        ..Setup::default()
    });
    let digest = registry.push_image("acme/web", "1.0", "one");
    let reference = format!("{}/acme/web:1.0", registry.host());
    let credentials =
        CredentialSource::none().with_password(&registry.host(), USER, PASSWORD.into());
    let login = RegistryOptions {
        credentials,
        ..options()
    };

    let untrusted = registries(login.clone()).resolve(&lookup(&reference)).await;
    let fault_text = fault(&untrusted, "unavailable").to_string();
    assert!(fault_text.contains("certificate"), "{fault_text}");

    let folder = tempfile::tempdir().unwrap();
    let trusting = RegistryOptions {
        ca_files: vec![file(&folder, "ca.pem", &own.cert.pem())],
        ..login.clone()
    };
    assert_eq!(
        found(&registries(trusting).resolve(&lookup(&reference)).await),
        &digest
    );

    // P2: insecure by manifest reaches the registry, and the password stays here.
    let insecure = Lookup {
        insecure: true,
        ..lookup(&reference)
    };
    let answer = registries(login.clone()).resolve(&insecure).await;
    let advice = fault(&answer, "denied").advice.clone().unwrap();
    assert!(advice.contains("never sends a credential"), "{advice}");

    let listed = RegistryOptions {
        insecure_hosts: [registry.host()].into(),
        ..login
    };
    assert_eq!(
        found(&registries(listed).resolve(&lookup(&reference)).await),
        &digest
    );
}

#[tokio::test]
async fn tokens_are_fetched_once_a_scope_and_the_registry_takes_them() {
    let plain = DockerRegistry::start();
    let web = plain.push_image("acme/web", "1.0", "one");
    let api = plain.push_image("acme/api", "1.0", "two");
    let token_server = TokenServer::start(false, 600);
    let registry = DockerRegistry::start_with(Setup {
        auth: Some(token_server.auth()),
        storage: Some(plain.storage()),
        ..Setup::default()
    });
    let host = registry.host();
    let with = |credentials: CredentialSource| {
        registries(RegistryOptions {
            credentials,
            token_realms: [(host.clone(), vec![token_server.realm()])].into(),
            ..options()
        })
    };
    let login = CredentialSource::none().with_password(&host, USER, PASSWORD.into());
    let good = with(login.clone());
    let questions = vec![
        known(&format!("{host}/acme/web:1.0"), &web),
        known(&format!("{host}/acme/web:1.0"), &api),
        lookup(&format!("{host}/acme/web:1.0")),
        lookup(&format!("{host}/acme/api:1.0")),
        known(&format!("{host}/acme/api:1.0"), &api),
    ];
    let answers = resolve_all(&good, &questions).await;
    let digests: Vec<_> = answers.iter().map(found).collect();
    assert_eq!(digests, [&web, &web, &web, &api, &api]);
    assert_eq!(token_server.seen().len(), 2);

    // Steady state: one request, no token.
    let before = registry.requests("HEAD", 1).len();
    assert_eq!(found(&good.resolve(&questions[0]).await), &web);
    assert_eq!(registry.requests("HEAD", before + 1).len(), before + 1);
    assert_eq!(token_server.seen().len(), 2);

    let anonymous = with(CredentialSource::none()).resolve(&questions[2]).await;
    assert!(
        fault(&anonymous, "denied")
            .message
            .contains("did not have credentials")
    );

    // An identity token is exchanged by POST.
    let folder = tempfile::tempdir().unwrap();
    let auth = format!(r#"{{"auths":{{"{host}":{{"identitytoken":"{REFRESH_TOKEN}"}}}}}}"#);
    let refresh = with(CredentialSource::from_files(&[file(
        &folder,
        "config.json",
        &auth,
    )]));
    assert_eq!(found(&refresh.resolve(&questions[2]).await), &web);
    assert_eq!(token_server.seen().last().unwrap().method, "POST");

    // Without the operator's word the token server is a stranger.
    let unlisted = registries(RegistryOptions {
        credentials: login,
        ..options()
    });
    let before = token_server.seen().len();
    let answer = unlisted.resolve(&questions[2]).await;
    let message = &fault(&answer, "refused").to_string();
    assert!(
        message.contains(&host) && message.contains("token server"),
        "{message}"
    );
    assert_eq!(token_server.seen().len(), before);
}

#[tokio::test]
async fn cve_2019_10214_a_token_server_without_tls_behind_a_registry_with_tls_is_refused() {
    let token_server = TokenServer::start(true, 600);
    let own = generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let registry = DockerRegistry::start_with(Setup {
        tls: Some((own.cert.pem(), own.signing_key.serialize_pem())),
        auth: Some(token_server.auth()),
        ..Setup::default()
    });
    let folder = tempfile::tempdir().unwrap();
    let registries = registries(RegistryOptions {
        ca_files: vec![file(&folder, "ca.pem", &own.cert.pem())],
        token_realms: [(registry.host(), vec![token_server.realm()])].into(),
        ..options()
    });
    let answer = registries
        .resolve(&lookup(&format!("{}/a/b:1", registry.host())))
        .await;
    assert!(
        fault(&answer, "refused").message.contains("without TLS"),
        "{answer:?}"
    );
    assert!(token_server.seen().is_empty());
}

#[tokio::test]
async fn an_image_is_described_with_its_platforms_and_labels() {
    let registry = DockerRegistry::start();
    let (index, children) =
        registry.push_index("acme/web", "1.0", "one", &["linux/arm64", "linux/amd64"]);
    let registries = registries(options());
    let question = lookup(&format!("{}/acme/web:1.0", registry.host()));
    let description = registries.describe(&question).await.unwrap();
    assert_eq!(description.digest, index);
    let images: Vec<_> = description
        .images
        .iter()
        .map(|image| {
            (
                image.platform.as_ref().unwrap().to_string(),
                image.digest.clone(),
            )
        })
        .collect();
    assert_eq!(
        images,
        [
            ("linux/arm64".to_owned(), children[0].clone()),
            ("linux/amd64".to_owned(), children[1].clone())
        ]
    );
    let configuration = description.configuration.unwrap();
    assert_eq!(configuration.platform.unwrap().to_string(), "linux/amd64");
    assert_eq!(
        configuration.created.as_deref(),
        Some("2026-01-02T03:04:05Z")
    );
    assert_eq!(
        configuration.labels["org.opencontainers.image.title"],
        "one linux/amd64"
    );
}
