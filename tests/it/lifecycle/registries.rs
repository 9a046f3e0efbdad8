//! Registries that want a login, speak TLS, or fail for a while.

use std::fs;
use std::process::Command;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

use crate::lifecycle::{FIRST_PINS, WEB, moved};
use crate::support::registry::{DockerRegistry, PASSWORD, Setup, USER};
use crate::support::scene::{Run, Scene, deployment, stream};
use crate::support::wait;

fn scene(registry: DockerRegistry) -> Scene {
    let scene = Scene::with_registry(registry);
    scene.commit(
        &[
            ("web.yaml", &stream("dev", "web", "1")),
            ("app.yaml", &deployment("dev", "web", "1")),
        ],
        "add",
    );
    scene.image("acme/web", "1", "first");
    scene
}

#[test]
fn a_login_comes_from_the_docker_configuration_and_is_never_shown() {
    let setup = Setup {
        password: true,
        ..Setup::default()
    };
    let scene = scene(DockerRegistry::start_with(setup));
    let run = scene
        .reconcile()
        .exits(3)
        .says("dev/web:1  web.yaml:8:7  denied");
    assert!(run.stdout.contains("registry.example:5000"), "{run:?}");
    assert_eq!(scene.bot_branches(), [""; 0]);

    // base64 of `tester:opensesame`
    let login = "dGVzdGVyOm9wZW5zZXNhbWU=";
    let text = format!(
        r#"{{"auths": {{"{}": {{"auth": "{login}"}}}}}}"#,
        scene.registry.host()
    );
    fs::create_dir(scene.home().join(".docker")).unwrap();
    fs::write(scene.home().join(".docker/config.json"), text).unwrap();
    let loud = scene.run(&["-vv", "reconcile", &scene.bare()]).exits(0);
    let mut traced = scene.command(&["reconcile", &scene.bare()]);
    let traced = traced.env("RUST_LOG", "trace").output().unwrap();
    let traced = scene.ended(&traced).exits(0);
    for run in [loud, traced] {
        for secret in [PASSWORD, login, &format!("{USER}:")] {
            assert!(
                !run.stdout.contains(secret) && !run.stderr.contains(secret),
                "{run:?}"
            );
        }
    }
    assert_eq!(scene.bot_branch(), FIRST_PINS);
    scene.is_settled();
}

#[test]
fn pull_secrets_are_used_for_the_streams_of_their_own_namespace() {
    let scene = scene(DockerRegistry::start_with(Setup {
        password: true,
        ..Setup::default()
    }));
    scene.commit(
        &[
            ("prod/web.yaml", &stream("prod", "web", "1")),
            ("prod/app.yaml", &deployment("prod", "web", "1")),
            // A Secret in Git opens nothing.
            (
                "prod/secret.yaml",
                "apiVersion: v1\nkind: Secret\nmetadata: {name: login, namespace: prod}\n\
                 type: kubernetes.io/dockerconfigjson\nstringData: {.dockerconfigjson: '{}'}\n",
            ),
        ],
        "add prod",
    );
    let config = scene.home().join("config.yaml");
    let secrets = scene.home().join("pull-secrets");
    let text = format!("pullSecrets: {{folder: {}}}\n", secrets.display());
    fs::write(&config, text).unwrap();
    fs::write(scene.home().join("password"), PASSWORD).unwrap();
    let config = config.display().to_string();
    let create = |namespace: &str| {
        let server = format!("--docker-server={}/acme", scene.registry.host());
        let username = format!("--docker-username={USER}");
        let words = [
            "create",
            "secret",
            "docker-registry",
            "login",
            "-n",
            namespace,
        ];
        let login = [
            &server,
            &username,
            "--docker-password-file=password",
            "--config",
            &config,
        ];
        scene
            .run(&[&words[..], &login].concat())
            .exits(0)
            .says("secret/login created");
    };
    let reconcile = || scene.run(&["reconcile", &scene.bare(), "--config", &config]);

    create("dev");
    // One that is broken is named, and stops nothing.
    fs::write(secrets.join("dev/broken.yaml"), "kind: [").unwrap();
    reconcile()
        .exits(3)
        .says("dev/broken.yaml:1:7: warning: the pull secret is neither YAML nor JSON")
        .says("prod/web:1  prod/web.yaml:8:7  denied")
        .never_says("dev/web:1  web.yaml:8:7  denied")
        .never_says(PASSWORD);
    let first = scene.bot_branch();
    assert_eq!(scene.changed(&first), ["app.yaml", "web.yaml"]);
    fs::remove_file(secrets.join("dev/broken.yaml")).unwrap();

    create("prod");
    reconcile().exits(0).never_says(PASSWORD);
    let changed: Vec<String> = scene
        .bot_branches()
        .iter()
        .flat_map(|branch| scene.changed(branch))
        .collect();
    assert!(changed.contains(&"prod/app.yaml".to_owned()), "{changed:?}");
}

/// A registry whose certificate comes of an authority that nobody knows, and the authority's.
fn of_own_authority() -> (DockerRegistry, String) {
    let mut authority = CertificateParams::new([]).unwrap();
    authority
        .distinguished_name
        .push(DnType::CommonName, "authority of the test");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(["127.0.0.1".to_owned()])
        .unwrap()
        .signed_by(&key, &authority)
        .unwrap();
    let setup = Setup {
        tls: Some((certificate.pem(), key.serialize_pem())),
        ..Setup::default()
    };
    (DockerRegistry::start_with(setup), authority.pem())
}

#[test]
fn a_registry_of_an_own_authority_needs_its_certificate() {
    let (registry, authority) = of_own_authority();
    let scene = scene(registry);
    scene.reconcile().exits(3).says("dev/web:1  web.yaml:8:7  ");
    assert_eq!(scene.bot_branches(), [""; 0]);
    let file = scene.home().join("ca.pem");
    fs::write(&file, authority).unwrap();
    let with_ca = |mut command: Command| -> Run {
        scene.ended(&command.env("SSL_CERT_FILE", &file).output().unwrap())
    };
    with_ca(scene.command(&["reconcile", &scene.bare()])).exits(0);
    assert_eq!(scene.bot_branch(), FIRST_PINS);
}

#[test]
fn the_insecure_annotation_is_for_every_tag_of_its_stream() {
    let scene = scene(of_own_authority().0);
    scene.reconcile().exits(3);
    scene.edit("web.yaml", |text| {
        let annotation = "  annotations: {openshift.io/image.insecureRepository: \"true\"}\n";
        text.replace("spec:\n", &format!("{annotation}spec:\n"))
    });
    scene.settle();
    assert_eq!(scene.bot_branch(), FIRST_PINS);
}

#[test]
fn a_pass_without_changes_asks_once_a_tag_and_writes_nothing() {
    let scene = moved();
    scene.image("acme/api", "1", "api");
    scene.commit(
        &[
            ("streams/api.yaml", &stream("dev", "api", "1")),
            // The same image under another name is one question.
            ("streams/twin.yaml", &stream("prod", "web", "1")),
        ],
        "add",
    );
    scene.reconcile().exits(0);
    // The log is written a moment after the answer: what comes behind a push stands behind it.
    let asked = |sentinel: &str| {
        scene.image("sentinel", sentinel, sentinel);
        let path = format!("/v2/sentinel/manifests/{sentinel}");
        wait::until("the registry's log", || {
            let log = scene.registry.log();
            let end = log.iter().position(|line| line.path == path)?;
            let count = |method: &str| {
                let asked = log[..end]
                    .iter()
                    .filter(|line| line.method == method && line.path.starts_with("/v2/acme/"));
                asked.count()
            };
            Some((count("HEAD"), count("GET")))
        })
    };
    let (heads, gets) = asked("before");
    let state = scene.state();
    scene.reconcile().exits(0);
    assert_eq!(asked("after"), (heads + 2, gets));
    assert_eq!(scene.state(), state);
}

#[test]
fn a_registry_that_is_gone_changes_nothing_and_closes_nothing() {
    let scene = moved();
    let Scene {
        registry,
        origin,
        person,
        home,
    } = scene;
    let host = registry.host();
    drop(registry);
    let scene = Scene {
        registry: DockerRegistry::start(),
        origin,
        person,
        home,
    };
    let state = scene.state();
    let run = scene.reconcile().exits(3).says(&host);
    run.says("unavailable");
    assert_eq!(scene.state(), state);
    assert_eq!(scene.bot_branch(), WEB);
}

#[test]
fn history_tells_what_was_when_and_by_whom() {
    let scene = moved();
    let (first, second) = (
        scene.image("acme/web", "1", "first"),
        scene.image("acme/web", "1", "second"),
    );
    let merge = scene.merge(WEB);
    scene.revert(&merge, &["-m", "1"]);
    let run = scene
        .run(&["history", "dev/web:1", &scene.bare()])
        .exits(0)
        .says("2023-11-14T22:13:20Z")
        .says("Ada")
        .says(second.short());
    // Newest first: the revert, the merge, the first pin.
    let at = |text: &str| run.stdout.find(text).unwrap_or_else(|| panic!("{run:?}"));
    assert!(at("Revert") < at("Merge"), "{run:?}");
    assert!(run.stdout.contains(first.short()), "{run:?}");
    assert_eq!(run.stdout.matches("2023-11-14").count(), 3, "{run:?}");
}
