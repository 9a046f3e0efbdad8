//! Environments with registries of their own: a promotion brings the image along.

use std::fs;

use headwater::image::Digest;

use crate::image::{tags, there};
use crate::promotion::on;
use crate::support::registry::DockerRegistry;
use crate::support::scene::{HOST, Run, Scene};

fn config(prod: &str) -> String {
    format!(
        "apiVersion: headwater.dev/v1alpha1
kind: Config
spec:
  environments:
    - {{name: dev, branch: env/dev, delivery: commit}}
    - {{name: prod, branch: env/prod, promotedFrom: dev, integratedRegistry: \"{prod}\"}}
"
    )
}

fn stream(namespace: &str) -> String {
    format!(
        "apiVersion: image.openshift.io/v1
kind: ImageStream
metadata:
  name: web
  namespace: {namespace}
spec:
  tags:
    - name: stable
      from: {{kind: DockerImage, name: {HOST}/acme/web:1}}
      importPolicy: {{scheduled: true}}
      referencePolicy: {{type: Local}}
    - name: built
"
    )
}

fn pod(namespace: &str, tag: &str) -> String {
    format!(
        "apiVersion: apps/v1
kind: Deployment
metadata:
  name: {tag}
  namespace: {namespace}
spec:
  template:
    spec:
      containers:
        - name: web
          image: x # {{\"$imagestream\": \"{namespace}/web:{tag}\"}}
"
    )
}

/// An upstream, which is the scene's, and a registry for each environment.
struct Path {
    scene: Scene,
    dev: DockerRegistry,
    prod: DockerRegistry,
}

impl Path {
    fn new() -> Self {
        let (dev, prod) = (DockerRegistry::start(), DockerRegistry::start());
        let scene = Scene::of(&[("headwater.yaml", &config(&prod.host()))]);
        scene.person.git(&["checkout", "-q", "-b", "env/prod"]);
        scene.push();
        scene.person.git(&["checkout", "-q", "-b", "env/dev"]);
        scene.commit(
            &[
                ("stream.yaml", &stream("shop")),
                ("stable.yaml", &pod("shop", "stable")),
                ("built.yaml", &pod("shop", "built")),
            ],
            "the shop",
        );
        Self { scene, dev, prod }
    }

    fn named(&self, text: &str) -> String {
        text.replace(&self.dev.host(), "DEV")
            .replace(&self.prod.host(), "PROD")
    }

    fn server_file(&self) -> String {
        let file = self.scene.home().join("server.yaml");
        let text = format!(
            "integratedRegistry: {{host: \"{}\", others: [{{host: \"{}\"}}]}}\n",
            self.dev.host(),
            self.prod.host()
        );
        fs::write(&file, text).unwrap();
        file.display().to_string()
    }

    fn reconcile(&self) -> Run {
        let file = self.server_file();
        let run = self
            .scene
            .run(&["reconcile", &self.scene.bare(), "--config", &file]);
        Run {
            stdout: self.named(&run.stdout),
            stderr: self.named(&run.stderr),
            ..run
        }
    }

    /// The container's image in a file of a branch.
    #[track_caller]
    fn pin(&self, branch: &str, file: &str) -> String {
        let text = self.named(&self.scene.file(branch, file));
        let line = text.lines().find(|line| line.contains("image: ")).unwrap();
        let (_, image) = line.split_once("image: ").unwrap();
        image.split(" #").next().unwrap().to_owned()
    }

    /// Two images on their way, run in dev.
    fn in_dev(&self) -> (Digest, Digest) {
        let stable = self.scene.image("acme/web", "1", "stable");
        let built = self.dev.push_image("shop/web", "built", "built");
        self.reconcile().exits(0);
        let pins = ["stable.yaml", "built.yaml"].map(|file| self.pin("env/dev", file));
        let expected = [
            format!("DEV/shop/web:stable@{stable}"),
            format!("DEV/shop/web:built@{built}"),
        ];
        assert_eq!(pins, expected);
        (stable, built)
    }

    #[track_caller]
    fn is_in_prod(&self, stable: &Digest, built: &Digest) {
        self.reconcile().exits(0);
        let branch = self.scene.bot_branch();
        let pins = ["stable.yaml", "built.yaml"].map(|file| self.pin(&branch, file));
        let expected = [
            format!("PROD/shop/web:stable@{stable}"),
            format!("PROD/shop/web:built@{built}"),
        ];
        assert_eq!(pins, expected);
        let prod = self.prod.host();
        for digest in [stable, built] {
            assert_eq!(&there(&format!("{prod}/shop/web@{digest}"), false), digest);
        }
        // The history has the names that the images came by, as in dev.
        let stream = self.named(&self.scene.file(&branch, "stream.yaml"));
        for line in [
            format!("dockerImageReference: {HOST}/acme/web@{stable}"),
            format!("dockerImageReference: DEV/shop/web@{built}"),
            "dockerImageRepository: PROD/shop/web".to_owned(),
        ] {
            assert!(stream.contains(&line), "{line}\n{stream}");
        }
        self.scene.person.git(&["fetch", "-q", "origin"]);
        on(&self.scene, "env/prod");
        self.scene.merge(&branch);
        self.reconcile().exits(0);
        let before = self.scene.state();
        self.reconcile().exits(0).says("nothing to do");
        assert_eq!(self.scene.state(), before);
        // By their registries' names alone two environments do not differ.
        let bare = self.scene.bare();
        let words = ["drift", &bare, "--config", &self.server_file()];
        self.scene
            .run(&words)
            .exits(0)
            .says("nothing differs beside pins");
    }
}

#[test]
fn a_promotion_copies_first() {
    let path = Path::new();
    let (stable, built) = path.in_dev();
    path.is_in_prod(&stable, &built);
}

#[test]
fn image_and_age_come_from_the_source_environment_where_the_upstream_is_gone() {
    let mut path = Path::new();
    let (stable, built) = path.in_dev();
    on(&path.scene, "main");
    path.scene.edit("headwater.yaml", |text| {
        text.replace(
            "promotedFrom: dev,",
            "promotedFrom: dev, gates: {minimumAge: 1h},",
        )
    });
    path.scene.registry.stop();
    path.reconcile().exits(3).says("unavailable");
    let branch = path.scene.bot_branch();
    assert_eq!(
        path.pin(&branch, "stable.yaml"),
        format!("PROD/shop/web:stable@{stable}")
    );
    assert_eq!(
        path.pin(&branch, "built.yaml"),
        format!("PROD/shop/web:built@{built}")
    );
    let prod = path.prod.host();
    for digest in [&stable, &built] {
        assert_eq!(&there(&format!("{prod}/shop/web@{digest}"), false), digest);
    }
}

#[test]
fn what_cannot_be_copied_is_not_promoted() {
    let mut path = Path::new();
    let stable = path.scene.image("acme/web", "1", "stable");
    let built = path.dev.push_image("shop/web", "built", "built");
    path.prod.stop();
    path.reconcile().exits(0);
    path.reconcile()
        .exits(3)
        .says("not copied to the integrated registry: PROD");
    // What stands there is what dev had before.
    let branch = path.scene.bot_branch();
    for file in ["stable.yaml", "built.yaml"] {
        assert_eq!(path.pin(&branch, file), "x");
    }
    path.prod.start_again();
    path.is_in_prod(&stable, &built);
}

#[test]
fn namespaces_on_one_branch_have_registries_too() {
    let (dev, prod) = (DockerRegistry::start(), DockerRegistry::start());
    let config = config(&prod.host())
        .replace("branch: env/dev", "namespaces: [shop-dev]")
        .replace("branch: env/prod", "namespaces: [shop-prod]");
    let files: Vec<(String, String)> = ["shop-dev", "shop-prod"]
        .iter()
        .flat_map(|namespace| {
            [
                (format!("{namespace}/stream.yaml"), stream(namespace)),
                (format!("{namespace}/stable.yaml"), pod(namespace, "stable")),
                (format!("{namespace}/built.yaml"), pod(namespace, "built")),
            ]
        })
        .chain([("headwater.yaml".to_owned(), config)])
        .collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(a, b)| (&**a, &**b)).collect();
    let path = Path {
        scene: Scene::of(&files),
        dev,
        prod,
    };
    let stable = path.scene.image("acme/web", "1", "stable");
    let built = path.dev.push_image("shop-dev/web", "built", "built");
    path.reconcile().exits(0);
    path.reconcile().exits(0);
    let branch = path.scene.bot_branch();
    for (file, pin) in [
        (
            "shop-dev/stable.yaml",
            format!("DEV/shop-dev/web:stable@{stable}"),
        ),
        (
            "shop-dev/built.yaml",
            format!("DEV/shop-dev/web:built@{built}"),
        ),
    ] {
        assert_eq!(path.pin("main", file), pin);
    }
    for (file, pin) in [
        (
            "shop-prod/stable.yaml",
            format!("PROD/shop-prod/web:stable@{stable}"),
        ),
        (
            "shop-prod/built.yaml",
            format!("PROD/shop-prod/web:built@{built}"),
        ),
    ] {
        assert_eq!(path.pin(&branch, file), pin);
    }
    assert_eq!(tags(&path.prod, "shop-prod/web").len(), 2);
}

#[test]
fn a_registry_that_the_operator_does_not_name_keeps_nothing() {
    let path = Path::new();
    path.scene.person.git(&["checkout", "-q", "main"]);
    path.scene.edit("headwater.yaml", |_| {
        config("elsewhere.example").replace(", promotedFrom: dev", "")
    });
    on(&path.scene, "env/dev");
    path.scene
        .person
        .git(&["push", "-q", "-f", "origin", "HEAD:env/prod"]);
    path.scene.image("acme/web", "1", "stable");
    let place = "headwater.yaml:6:58: error: the environment `prod` names the integrated registry `elsewhere.example`, and the server file does not\n  hint: name one of DEV, PROD, or have it added to `integratedRegistry.others`";
    path.reconcile().exits(3).says(place);
    assert_eq!(path.scene.bot_branches(), [""; 0]);
    assert_eq!(path.pin("env/prod", "stable.yaml"), "x");
}

#[test]
fn what_the_registry_has_already_is_mounted() {
    let kept = DockerRegistry::start();
    let config = config(&kept.host())
        .replace("branch: env/dev", "namespaces: [shop-dev]")
        .replace("branch: env/prod", "namespaces: [shop-prod]");
    let files: Vec<(String, String)> = ["shop-dev", "shop-prod"]
        .iter()
        .map(|namespace| (format!("{namespace}.yaml"), stream(namespace)))
        .chain([("headwater.yaml".to_owned(), config)])
        .collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(a, b)| (&**a, &**b)).collect();
    let scene = Scene::of(&files);
    let digest = scene.image("acme/web", "1", "stable");
    let file = scene.home().join("server.yaml");
    fs::write(
        &file,
        format!("integratedRegistry: {{host: \"{}\"}}\n", kept.host()),
    )
    .unwrap();
    let file = file.display().to_string();
    let pass = || {
        scene
            .run(&["reconcile", &scene.bare(), "--config", &file])
            .exits(0)
    };
    let blobs = || {
        let log = scene.registry.log();
        let read = log
            .iter()
            .filter(|it| it.method == "GET" && it.path.contains("/blobs/"));
        read.count()
    };
    pass();
    let read = blobs();
    pass();
    // Each by itself, without what one process has learnt.
    assert_eq!(blobs(), read);
    let own = kept.host();
    for namespace in ["shop-dev", "shop-prod"] {
        let copy = format!("{own}/{namespace}/web@{digest}");
        assert_eq!(there(&copy, false), digest);
    }
}
