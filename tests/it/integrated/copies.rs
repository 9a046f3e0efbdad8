//! `referencePolicy: Local`: what pins name is copied first, and needs its source no more.

use std::fs;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use headwater::copying::keeping_tag;
use headwater::image::Digest;
use serde_json::json;

use crate::image::{push_artifact, tags, there, with_password};
use crate::serve::hooks::{notified, notifying};
use crate::serve::{Daemon, free_port};
use crate::support::registry::{DockerRegistry, PASSWORD, Setup, USER};
use crate::support::scene::{HOST, Run, Scene};
use crate::support::wait::until;

const STREAM: &str = "apiVersion: image.openshift.io/v1
kind: ImageStream
metadata:
  name: web
  namespace: shop
spec:
  tags:
    - name: stable
      from: {kind: DockerImage, name: registry.example:5000/acme/web:1}
      importPolicy: {scheduled: true}
      referencePolicy: {type: Local}
";

const DEPLOYMENT: &str = "apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: shop
  annotations:
    image.openshift.io/triggers: >-
      [{\"from\":{\"kind\":\"ImageStreamTag\",\"name\":\"web:stable\"},\"fieldPath\":\"spec.template.spec.containers[0].image\"}]
spec:
  template:
    spec:
      containers:
        - name: web
          image: \" \"
";

/// A scene whose registry is the upstream, and the registry that keeps what streams have.
struct Kept {
    scene: Scene,
    own: DockerRegistry,
}

impl Kept {
    fn new() -> Self {
        Self::with(DockerRegistry::start())
    }

    fn with(own: DockerRegistry) -> Self {
        let scene = Scene::of(&[("streams/web.yaml", STREAM), ("web.yaml", DEPLOYMENT)]);
        Self { scene, own }
    }

    fn push(&self, seed: &str) -> Digest {
        self.scene.image("acme/web", "1", seed)
    }

    fn run(&self, arguments: &[&str]) -> Run {
        let host = self.own.host();
        let auth = BASE64_STANDARD.encode(format!("{USER}:{PASSWORD}"));
        let login = self.scene.home().join("login.json");
        fs::write(
            &login,
            json!({"auths": {&host: {"auth": auth}}}).to_string(),
        )
        .unwrap();
        let file = self.scene.home().join("server.yaml");
        let text = format!(
            "integratedRegistry: {{host: \"{host}\", credentialsFile: {}}}\n",
            login.display()
        );
        fs::write(&file, text).unwrap();
        let file = file.display().to_string();
        let run = self.scene.run(&[arguments, &["--config", &file]].concat());
        Run {
            stdout: run.stdout.replace(&host, "OWN"),
            stderr: run.stderr.replace(&host, "OWN"),
            ..run
        }
    }

    fn reconcile(&self) -> Run {
        self.run(&["reconcile", &self.scene.bare()])
    }

    /// The image of the container, at a revision.
    #[track_caller]
    fn pin(&self, revision: &str) -> String {
        let file = self.scene.file(revision, "web.yaml");
        let line = file
            .lines()
            .find_map(|line| line.trim().strip_prefix("image: "));
        line.unwrap()
            .trim_matches('"')
            .replace(&self.own.host(), "OWN")
    }

    #[track_caller]
    fn settle(&self) {
        self.reconcile().exits(0);
        let before = self.scene.state();
        self.reconcile().exits(0).says("nothing to do");
        assert_eq!(self.scene.state(), before);
    }

    /// Up to the merge of a first pin.
    fn pinned(&self, seed: &str) -> Digest {
        let digest = self.push(seed);
        self.reconcile().exits(0);
        self.scene.merge(&self.scene.bot_branch());
        self.settle();
        digest
    }
}

fn named(digest: &Digest) -> String {
    format!("OWN/shop/web:stable@{digest}")
}

#[test]
fn a_pin_names_the_copy_and_the_status_its_source() {
    let kept = Kept::with(with_password());
    let scene = &kept.scene;
    let digest = kept.push("one");
    // Who looks copies nothing.
    kept.run(&["plan", &scene.bare()])
        .exits(0)
        .says("copied to OWN/shop/web:stable");
    assert_eq!(tags(&kept.own, "shop/web"), [""; 0]);
    let copied = format!(
        "copied {} of {HOST}/acme/web to OWN/shop/web",
        digest.short()
    );
    kept.reconcile().exits(0).says(&copied);
    kept.reconcile().exits(0).never_says(&copied);
    let branch = scene.bot_branch();
    assert_eq!(kept.pin(&branch), named(&digest));
    let own = kept.own.host();
    assert_eq!(there(&format!("{own}/shop/web@{digest}"), true), digest);
    let keeping = keeping_tag(&digest).unwrap();
    assert_eq!(tags(&kept.own, "shop/web"), [keeping.as_str()]);
    let stream = scene.file(&branch, "streams/web.yaml").replace(&own, "OWN");
    let (_, status) = stream.split_once("status:\n").unwrap();
    assert_eq!(
        status,
        format!(
            "  tags:
    - tag: stable
      items:
        - created: \"TIME\"
          dockerImageReference: {HOST}/acme/web@{digest}
          image: {digest}
          generation: 1
  dockerImageRepository: OWN/shop/web
"
        )
    );
    scene.merge(&branch);
    kept.settle();
    let folder = scene.person.path().display().to_string();
    kept.run(&["get", "istag", "web:stable", "-n", "shop", "-C", &folder])
        .exits(0)
        .says(&format!("OWN/shop/web@{digest}"));
}

#[test]
fn a_copy_outlives_its_source() {
    let mut kept = Kept::new();
    let digest = kept.pinned("one");
    let before = kept.scene.file("main", "web.yaml");
    // The tag goes with all images, then the registry.
    kept.scene.run(&["image", "mirror", "--help"]).exits(0);
    fs::remove_dir_all(kept.scene.registry.storage()).unwrap();
    kept.reconcile().exits(3).says("missing");
    assert_eq!(kept.scene.file("main", "web.yaml"), before);
    assert_eq!(kept.scene.bot_branches(), [""; 0]);
    kept.scene.registry.stop();
    kept.reconcile().exits(3).says("unavailable");
    // A workload that comes new finds it all the same.
    let second = DEPLOYMENT.replace("  name: web\n", "  name: second\n");
    kept.scene
        .commit(&[("second.yaml", &second)], "add a second");
    kept.reconcile().exits(3);
    let branch = kept.scene.bot_branch();
    let file = kept.scene.file(&branch, "second.yaml");
    let pin = named(&digest).replace("OWN", &kept.own.host());
    assert!(file.contains(&pin), "{file}");
    let own = kept.own.host();
    assert_eq!(there(&format!("{own}/shop/web@{digest}"), false), digest);
}

#[test]
fn all_platforms_and_what_was_attached_come_along() {
    let kept = Kept::new();
    let upstream = &kept.scene.registry;
    let (index, images) =
        upstream.push_index("acme/web", "1", "web", &["linux/amd64", "linux/arm64"]);
    let host = upstream.host();
    let signature = index.as_str().replace(':', "-") + ".sig";
    let (signed, _) = push_artifact((&host, "acme/web"), &signature, &json!({}));
    kept.reconcile().exits(0);
    assert_eq!(kept.pin(&kept.scene.bot_branch()), named(&index));
    let own = kept.own.host();
    for image in images.iter().chain([&index]) {
        assert_eq!(&there(&format!("{own}/shop/web@{image}"), false), image);
    }
    assert_eq!(there(&format!("{own}/shop/web:{signature}"), false), signed);
}

#[test]
fn what_was_pushed_is_not_copied_onto_itself() {
    let kept = Kept::new();
    let built = "    - name: built
    - name: stable
      from: {kind: ImageStreamTag, name: \"web:built\"}
      referencePolicy: {type: Local}
";
    kept.scene.edit("streams/web.yaml", |text| {
        let (head, _) = text.split_once("    - name: stable").unwrap();
        format!("{head}{built}")
    });
    let digest = kept.own.push_image("shop/web", "built", "one");
    kept.reconcile().exits(0);
    kept.reconcile().exits(0);
    assert_eq!(kept.pin(&kept.scene.bot_branch()), named(&digest));
    assert_eq!(tags(&kept.own, "shop/web"), ["built"]);
}

/// What CI signs after it has pushed.
#[test]
fn a_signature_that_comes_later_follows_its_image() {
    let kept = Kept::new();
    let digest = kept.pinned("one");
    let host = kept.scene.registry.host();
    let signature = digest.as_str().replace(':', "-") + ".sig";
    let (signed, _) = push_artifact((&host, "acme/web"), &signature, &json!({}));
    let told = format!(
        "copied what was attached to {} of {HOST}/acme/web to OWN/shop/web",
        digest.short()
    );
    kept.run(&["plan", &kept.scene.bare()]).never_says(&told);
    assert_eq!(tags(&kept.own, "shop/web").len(), 1);
    kept.reconcile().exits(0).says(&told);
    let own = kept.own.host();
    assert_eq!(there(&format!("{own}/shop/web:{signature}"), false), signed);
    kept.reconcile()
        .exits(0)
        .never_says(&told)
        .says("nothing to do");
}

#[test]
fn the_daemon_brings_a_signature_when_it_is_pushed() {
    let port = free_port();
    let scene = Scene::with_registry(notifying(port));
    scene.commit(
        &[("streams/web.yaml", STREAM), ("web.yaml", DEPLOYMENT)],
        "add web",
    );
    let own = DockerRegistry::start();
    let digest = scene.image("acme/web", "1", "one");
    let more = format!(
        "{}integratedRegistry: {{host: \"{}\"}}\n",
        notified(&scene, port),
        own.host()
    );
    let mut daemon = Daemon::start(&scene, &[&scene.bare()], &more);
    daemon.says("an image has been copied");
    until("the bot's branch", || scene.bot_branches().pop());
    let signature = digest.as_str().replace(':', "-") + ".sig";
    push_artifact((&scene.registry.host(), "acme/web"), &signature, &json!({}));
    daemon.says("what refers to an image has been copied");
    assert!(tags(&own, "shop/web").contains(&signature));
    assert_eq!(daemon.ends(), 0);
}

#[test]
fn what_cannot_be_copied_is_not_proposed() {
    let mut kept = Kept::new();
    let first = kept.pinned("one");
    let second = kept.push("two");
    kept.own.stop();
    kept.reconcile()
        .exits(3)
        .says("not copied to the integrated registry: OWN");
    assert_eq!(kept.scene.bot_branches(), [""; 0]);
    assert_eq!(kept.pin("main"), named(&first));
    kept.own.start_again();
    kept.reconcile().exits(0);
    assert_eq!(kept.pin(&kept.scene.bot_branch()), named(&second));
}

#[test]
fn a_tag_that_asks_for_copies_later_gets_them() {
    let kept = Kept::new();
    kept.scene
        .edit("streams/web.yaml", |text| text.replace("Local", "Source"));
    let digest = kept.pinned("one");
    let upstream = kept.scene.with_host(&format!("{HOST}/acme/web:1@{digest}"));
    assert_eq!(kept.scene.with_host(&kept.pin("main")), upstream);
    kept.scene
        .edit("streams/web.yaml", |text| text.replace("Source", "Local"));
    kept.reconcile().exits(0);
    let branch = kept.scene.bot_branch();
    assert_eq!(kept.scene.changed(&branch), ["web.yaml"]);
    assert_eq!(kept.pin(&branch), named(&digest));
    kept.scene.merge(&branch);
    kept.settle();
    // And a copy that is gone is made again.
    let folder = "docker/registry/v2/repositories/shop";
    fs::remove_dir_all(kept.own.storage().join(folder)).unwrap();
    kept.settle();
    let own = kept.own.host();
    assert_eq!(there(&format!("{own}/shop/web@{digest}"), false), digest);
}

#[test]
fn what_was_taken_back_stays_out_with_copies() {
    let kept = Kept::new();
    let first = kept.pinned("one");
    kept.push("two");
    kept.reconcile().exits(0);
    let merged = kept.scene.merge(&kept.scene.bot_branch());
    kept.settle();
    kept.scene.revert(&merged, &["-m", "1"]);
    kept.reconcile().exits(0);
    assert_eq!(kept.pin("main"), named(&first));
    // Whatever is proposed now writes down the hold, and no image.
    for branch in kept.scene.bot_branches() {
        assert_eq!(kept.pin(&branch), named(&first), "{branch}");
    }
}

#[test]
fn a_tag_alone_gets_the_digest_beside_it() {
    let kept = Kept::new();
    let values = "image:
  repository: OWN/shop/web # {\"$imagestream\": \"shop/web:stable:name\"}
  tag: \"0\" # {\"$imagestream\": \"shop/web:stable:tag\"}
";
    kept.scene
        .commit(&[("values.yaml", values)], "add a chart's values");
    let digest = kept.push("one");
    kept.reconcile().exits(0);
    let file = kept.scene.file(&kept.scene.bot_branch(), "values.yaml");
    let file = file.replace(&kept.own.host(), "OWN");
    assert!(file.contains("repository: OWN/shop/web #"), "{file}");
    assert!(
        file.contains(&format!("tag: \"stable@{digest}\" #")),
        "{file}"
    );
}

#[test]
fn commands_copy_before_they_write() {
    let kept = Kept::new();
    let digest = kept.push("one");
    let folder = kept.scene.person.path().display().to_string();
    kept.run(&[
        "import-image",
        "web:stable",
        "-n",
        "shop",
        "-C",
        &folder,
        "--dry-run=server",
    ])
    .exits(0);
    assert_eq!(tags(&kept.own, "shop/web"), [""; 0]);
    kept.run(&["import-image", "web:stable", "-n", "shop", "-C", &folder])
        .exits(0);
    let read = || fs::read_to_string(kept.scene.person.path().join("web.yaml")).unwrap();
    assert!(read().contains(&named(&digest).replace("OWN", &kept.own.host())));
    assert_eq!(tags(&kept.own, "shop/web").len(), 1);
    // What was attached since comes with the next import.
    let host = kept.scene.registry.host();
    let signature = digest.as_str().replace(':', "-") + ".sig";
    push_artifact((&host, "acme/web"), &signature, &json!({}));
    kept.run(&["import-image", "web:stable", "-n", "shop", "-C", &folder])
        .exits(0);
    assert!(tags(&kept.own, "shop/web").contains(&signature));
    // And what is linked is copied for its own stream.
    kept.run(&[
        "tag",
        "web:stable",
        "web:next",
        "--reference-policy=local",
        "-n",
        "shop",
        "-C",
        &folder,
    ])
    .exits(0);
    kept.run(&["validate", &folder]).exits(0);
}

#[test]
fn a_registry_that_takes_nothing_is_named() {
    let kept = Kept::with(DockerRegistry::start_with(Setup {
        auth: Some(json!({"htpasswd": {"realm": "r", "path": "/nowhere/htpasswd"}})),
        ..Setup::default()
    }));
    kept.push("one");
    let run = kept.reconcile().exits(3);
    run.says("not copied to the integrated registry: OWN");
    assert_eq!(kept.scene.bot_branches(), [""; 0]);
}

/// `stable` at its second image.
fn at_second() -> (Kept, Digest) {
    let kept = Kept::new();
    let first = kept.pinned("one");
    kept.pinned("two");
    (kept, first)
}

impl Kept {
    fn roll_back(&self) -> Run {
        let bare = self.scene.bare();
        self.run(&["rollback", "default/web:stable", "--repository", &bare])
    }
}

#[test]
fn a_rollback_goes_to_the_copy() {
    let (mut kept, first) = at_second();
    kept.scene.registry.stop();
    kept.roll_back().exits(0).never_says("nobody knows");
    assert_eq!(kept.pin(&kept.scene.bot_branch()), named(&first));
}

#[test]
fn a_rollback_is_not_held_up_by_a_registry_that_is_down() {
    let (mut kept, first) = at_second();
    kept.own.stop();
    kept.roll_back().exits(0).says("nobody knows whether");
    assert_eq!(kept.pin(&kept.scene.bot_branch()), named(&first));
}

#[test]
fn a_rollback_to_a_copy_that_is_gone_makes_it_again_or_is_refused() {
    let (mut kept, first) = at_second();
    let folder = "docker/registry/v2/repositories/shop";
    fs::remove_dir_all(kept.own.storage().join(folder)).unwrap();
    let before = kept.scene.state();
    let storage = kept
        .scene
        .registry
        .storage()
        .join("docker/registry/v2/repositories");
    let aside = kept.scene.home().join("aside");
    fs::rename(&storage, &aside).unwrap();
    kept.roll_back()
        .exits(3)
        .says("the image is not in the integrated registry, and cannot be copied");
    assert_eq!(kept.scene.state(), before);
    fs::rename(&aside, &storage).unwrap();
    kept.roll_back().exits(0);
    assert_eq!(kept.pin(&kept.scene.bot_branch()), named(&first));
    let own = kept.own.host();
    assert_eq!(there(&format!("{own}/shop/web@{first}"), false), first);
    kept.own.stop();
}

#[test]
fn old_copies_are_pruned_and_what_runs_stays() {
    let (kept, first) = at_second();
    let own = kept.own.host();
    let prune = |more: &[&str]| {
        let own = [
            "prune",
            "images",
            &kept.scene.bare(),
            "--keep-younger-than=0s",
            "--keep-tag-revisions=1",
        ];
        kept.run(&[&own, more].concat()).exits(0)
    };
    prune(&["--all=false"]).never_says(first.as_str());
    prune(&[]).says(&format!("Deleting image {first} from OWN/shop/web"));
    assert_eq!(there(&format!("{own}/shop/web@{first}"), false), first);
    prune(&["--confirm"]).says(&format!("Deleting image {first} from OWN/shop/web"));
    assert_eq!(tags(&kept.own, "shop/web").len(), 1);
    prune(&["--confirm"]).never_says("Deleting image");
    // What runs is still there, and the pruned one does not come back by itself.
    kept.settle();
    assert_eq!(tags(&kept.own, "shop/web").len(), 1);
}

#[test]
fn the_daemon_copies_and_says_so() {
    let kept = Kept::new();
    let digest = kept.push("one");
    let more = format!("integratedRegistry: {{host: \"{}\"}}\n", kept.own.host());
    let mut daemon = Daemon::start(&kept.scene, &[&kept.scene.bare()], &more);
    daemon.says("an image has been copied");
    let branch = until("the bot's branch", || kept.scene.bot_branches().pop());
    assert_eq!(kept.pin(&branch), named(&digest));
    assert_eq!(daemon.ends(), 0);
}

/// By whom the registry is asked, and what is found of it.
fn examined(kept: &Kept) -> Run {
    kept.run(&["doctor", &kept.scene.bare()])
}

#[test]
fn doctor_tells_whether_the_registry_takes_copies() {
    let mut kept = Kept::with(with_password());
    kept.push("one");
    let storage = kept.own.storage().join("docker/registry/v2/repositories");
    examined(&kept)
        .exits(0)
        .says("copies")
        .says("takes images for OWN/shop/web with a login");
    // The upload that was begun is given up: the registry keeps its empty folder for a while.
    let uploads = fs::read_dir(storage.join("shop/web/_uploads")).unwrap();
    for upload in uploads {
        assert!(!upload.unwrap().path().join("startedat").exists());
    }
    assert_eq!(tags(&kept.own, "shop/web"), [""; 0]);
    kept.own.stop();
    examined(&kept)
        .exits(3)
        .says("OWN/shop/web, asked with a login:");
    // A registry that wants a login which is not there.
    let kept = Kept::with(with_password());
    let file = kept.scene.home().join("server.yaml");
    let host = kept.own.host();
    fs::write(&file, format!("integratedRegistry: {{host: \"{host}\"}}\n")).unwrap();
    let file = file.display().to_string();
    let run = kept
        .scene
        .run(&["doctor", &kept.scene.bare(), "--config", &file])
        .exits(3);
    run.says(&format!("{host}/shop/web, asked without a login:"))
        .says(&format!("log in: docker login {host}"));
    // Without copies, nobody is asked.
    kept.scene
        .edit("streams/web.yaml", |text| text.replace("Local", "Source"));
    kept.scene
        .run(&["doctor", &kept.scene.bare(), "--config", &file])
        .never_says("copies");
}
