//! `prune images`, against a real registry and branches as environments.

mod moving;
mod protected;
mod refused;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use headwater::image::Digest;
use serde_json::Value;

use crate::support::registry::DockerRegistry;
use crate::support::scene::{HOST, Run, Scene};

const CONFIG: &str = "apiVersion: headwater.dev/v1alpha1
kind: Config
spec:
  environments:
    - {name: dev, branch: env/dev}
    - {name: prod, branch: env/prod}
";

/// Two environments on branches, still without anything; the person is on the last one's.
fn shop(registry: DockerRegistry) -> Scene {
    let scene = Scene::with_registry(registry);
    scene.commit(&[("headwater.yaml", CONFIG)], "two environments");
    for branch in ["env/dev", "env/prod"] {
        scene.person.git(&["checkout", "-q", "-b", branch]);
        scene.push();
    }
    scene
}

fn on(scene: &Scene, branch: &str) {
    scene.person.git(&["checkout", "-q", branch]);
}

/// `shop/web`, whose tag `1` takes pushes; `spec` adds tags, and `had` is what `1` has had, newest
/// first.
fn stream(spec: &str, had: &[&Digest]) -> String {
    let items: Vec<(String, &Digest)> = had
        .iter()
        .map(|digest| (format!("{HOST}/shop/web"), *digest))
        .collect();
    stream_of(spec, &items, "2026-01-01T00:00:00Z")
}

/// The same, with what the images are called and when they came.
fn stream_of(spec: &str, had: &[(String, &Digest)], created: &str) -> String {
    let items: String = had
        .iter()
        .map(|(repository, digest)| {
            format!(
                "        - created: \"{created}\"
          dockerImageReference: {repository}@{digest}
          image: {digest}
          generation: 1
"
            )
        })
        .collect();
    format!(
        "apiVersion: image.openshift.io/v1
kind: ImageStream
metadata:
  name: web
  namespace: shop
spec:
  tags:
    - name: \"1\"
{spec}status:
  dockerImageRepository: {HOST}/shop/web
  tags:
    - tag: \"1\"
      items:
{items}"
    )
}

/// A Deployment with these images.
fn deployment(images: &[String]) -> String {
    let containers: String = images
        .iter()
        .enumerate()
        .map(|(number, image)| format!("        - name: c{number}\n          image: {image}\n"))
        .collect();
    format!(
        "apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: shop
spec:
  template:
    spec:
      containers:
{containers}"
    )
}

fn server_file(scene: &Scene, more: &str) -> String {
    server_file_for(scene, &scene.registry.host(), more)
}

fn server_file_for(scene: &Scene, host: &str, more: &str) -> String {
    let text = format!(
        "integratedRegistry: {{host: \"{host}\", publicHost: images.example, aliases: [\"old.example:5000\"]}}\n{more}"
    );
    let file = scene.home().join("server.yaml");
    fs::write(&file, text).unwrap();
    file.to_string_lossy().into_owned()
}

/// `prune images` of the scene's repository, whatever its age.
fn prune(scene: &Scene, more: &[&str]) -> Run {
    let file = server_file(scene, "");
    let bare = scene.bare();
    let own = ["prune", "images", &bare, "--config", &file];
    scene.run(&[&own, more].concat())
}

/// Without regard to age.
const ANY_AGE: &str = "--keep-younger-than=0s";

/// What `-o json` says.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    /// With all that goes with them.
    gone: BTreeSet<String>,
    /// Why the others stay, in one word.
    kept: BTreeMap<String, String>,
}

#[track_caller]
fn told(run: &Run) -> Told {
    let document: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{run:?}"));
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let list = |value: &Value| value.as_array().unwrap().clone();
    let gone = list(&document["images"]).into_iter().flat_map(|image| {
        let mut all = vec![text(&image["digest"])];
        all.extend(list(&image["attached"]).iter().map(text));
        all.extend(list(&image["parts"]).iter().map(text));
        all
    });
    let kept = list(&document["kept"]);
    let kept = kept
        .iter()
        .map(|image| (text(&image["digest"]), text(&image["reason"])));
    Told {
        gone: gone.collect(),
        kept: kept.collect(),
    }
}

/// Every tag and every image that the registry has, by repository.
fn stored(scene: &Scene) -> BTreeSet<String> {
    let root = scene
        .registry
        .storage()
        .join("docker/registry/v2/repositories");
    let mut found = BTreeSet::new();
    walk(&root, &root, &mut found);
    // An image's blobs are left to the registry's own cleaning.
    found.retain(|path| path.contains("/_manifests/"));
    found
}

fn walk(root: &Path, folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(root, &path, found);
        } else {
            let content = fs::read_to_string(&path).unwrap();
            let name = path.strip_prefix(root).unwrap().display();
            found.insert(format!("{name} {content}"));
        }
    }
}

fn is_stored(scene: &Scene, digest: &str) -> bool {
    let mark = format!(
        "_manifests/revisions/sha256/{}/link",
        &digest["sha256:".len()..]
    );
    stored(scene).iter().any(|path| path.contains(&mark))
}
