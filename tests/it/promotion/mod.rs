//! Promotions between environments, through the binary, a real registry and real merges.

mod branches;
pub(crate) mod cases;
mod claims;
mod quiet;
mod requests;

use crate::support::scene::{HOST, Scene, deployment, stream};

/// Three environments on branches; `gates` stands in each of the two that take from another.
pub(crate) fn on_branches(extra: &str) -> Scene {
    let scene = Scene::of(&[(
        "headwater.yaml",
        &format!(
            "apiVersion: headwater.dev/v1alpha1
kind: Config
spec:
  environments:
    - {{name: dev, branch: env/dev, delivery: commit}}
    - {{name: staging, branch: env/staging, promotedFrom: dev{extra}}}
    - {{name: prod, branch: env/prod, promotedFrom: staging{extra}}}
"
        ),
    )]);
    scene.image("acme/web", "1", "first");
    scene.person.git(&["checkout", "-q", "-b", "env/dev"]);
    scene.commit(
        &[
            ("streams/web.yaml", &stream("shop", "web", "1")),
            ("apps/web.yaml", &deployment("shop", "web", "1")),
            ("apps/config.yaml", "level: debug\n"),
        ],
        "the shop",
    );
    for branch in ["env/staging", "env/prod"] {
        scene.person.git(&["checkout", "-q", "-b", branch]);
        scene.push();
    }
    scene
}

/// Puts the person on a branch as it stands.
pub(crate) fn on(scene: &Scene, branch: &str) {
    scene.person.git(&["fetch", "-q", "--prune", "origin"]);
    let remote = format!("origin/{branch}");
    scene.person.git(&["checkout", "-q", "-B", branch, &remote]);
}

pub(crate) fn image_in(scene: &Scene, branch: &str) -> String {
    let text = scene.file(branch, "apps/web.yaml");
    let line = text.lines().find(|line| line.contains("image:")).unwrap();
    let value = line.trim().trim_start_matches("- ");
    let value = value.trim_start_matches("image:").trim();
    value
        .split(" #")
        .next()
        .unwrap()
        .replace(HOST, "")
        .to_owned()
}
