//! The commands that look over all environments and write nothing.

mod drift;
mod history;
mod status;
mod whereabouts;

use headwater::image::{Digest, Platform};
use serde_json::json;

use crate::support::registry::configuration_of;
use crate::support::scene::{Scene, deployment, stream};

/// Built the two images that [`Way`] begins with.
const FIRST: &str = "1111111111111111111111111111111111111111";
const SECOND: &str = "2222222222222222222222222222222222222222";

fn configuration(environments: &str) -> String {
    format!(
        "apiVersion: headwater.dev/v1alpha1\nkind: Config\nspec:\n  environments:\n{environments}"
    )
}

/// Pushes an image that says which commit it was built from.
fn built(scene: &Scene, tag: &str, revision: &str) -> Digest {
    let mut config = configuration_of(revision, &Platform::linux_amd64());
    config["config"] = json!({"Labels": {"org.opencontainers.image.revision": revision}});
    scene
        .registry
        .push_configured("acme/web", tag, revision, config)
}

/// dev → staging → prod on branches of their own. dev has two images one after the other, staging
/// both, prod the first.
struct Way {
    scene: Scene,
    first: Digest,
    second: Digest,
    /// The commit of env/dev that brought the second.
    in_dev: String,
    /// The merge that brought it to env/staging.
    in_staging: String,
}

impl Way {
    fn new(all: &str) -> Self {
        let dev = "    - {name: dev, branch: env/dev, delivery: commit}\n";
        let scene = Scene::of(&[("headwater.yaml", &configuration(dev))]);
        scene.person.git(&["checkout", "-q", "-b", "env/dev"]);
        scene.commit(
            &[
                ("streams/web.yaml", &stream("shop", "web", "1")),
                ("apps/web.yaml", &deployment("shop", "web", "1")),
            ],
            "add the shop",
        );
        let first = built(&scene, "1", FIRST);
        scene.reconcile().exits(0);
        for branch in ["env/staging", "env/prod"] {
            let place = format!("refs/heads/{branch}");
            scene.origin.git(&["update-ref", &place, "env/dev"]);
        }
        let second = built(&scene, "1", SECOND);
        scene.reconcile().exits(0);
        let in_dev = scene.origin.rev("env/dev");
        scene.person.git(&["checkout", "-q", "main"]);
        scene.commit(&[("headwater.yaml", &configuration(all))], "the whole way");
        let mut way = Self {
            scene,
            first,
            second,
            in_dev,
            in_staging: String::new(),
        };
        way.propose("staging", "dev");
        way.in_staging = way.merge("staging", "dev");
        way
    }

    /// Puts a branch that promotes the second image from the tip of `from`.
    fn propose(&self, to: &str, from: &str) {
        let person = &self.scene.person;
        person.git(&["fetch", "-q", "origin"]);
        let (target, source) = (format!("origin/env/{to}"), format!("origin/env/{from}"));
        person.git(&["checkout", "-q", "-B", "promotion", &target]);
        person.git(&["checkout", "-q", &source, "--", "."]);
        let commit = person.rev(&source);
        let message = format!(
            "Promote web to {to}\n\nImage-Stream: shop/web:1\nImage: {}/acme/web:1@{}\nEnvironment: {to}\nPromoted-From: {from}\nPromoted-Commit: {commit}\nPromoted-Carry: pins\nHeadwater-Plan: {}\n",
            self.scene.registry.host(),
            self.second,
            "0".repeat(64)
        );
        person.git(&["commit", "-q", "-m", &message]);
        let place = format!("HEAD:refs/heads/headwater/{to}/from-{from}");
        person.git(&["push", "-q", "-f", "origin", &place]);
    }

    /// Merges such a branch as a forge does.
    fn merge(&self, to: &str, from: &str) -> String {
        let (person, branch) = (&self.scene.person, format!("env/{to}"));
        person.git(&["fetch", "-q", "origin"]);
        person.git(&["checkout", "-q", "-B", &branch, &format!("origin/{branch}")]);
        let head = format!("origin/headwater/{to}/from-{from}");
        person.git(&["merge", "-q", "--no-ff", "-m", "Merge the promotion", &head]);
        self.scene.push();
        let gone = format!(":refs/heads/headwater/{to}/from-{from}");
        person.git(&["push", "-q", "origin", &gone]);
        person.rev("HEAD")
    }

    fn run(&self, words: &[&str]) -> crate::support::scene::Run {
        let bare = self.scene.bare();
        self.scene.run(&[words, &[&bare]].concat())
    }
}

/// Environments that are promoted one to the next.
const PROMOTED: &str = "    - {name: dev, branch: env/dev, delivery: commit}\n    - {name: staging, branch: env/staging, promotedFrom: dev, carry: pins}\n    - {name: prod, branch: env/prod, promotedFrom: staging, carry: pins}\n";

/// The same branches, each with images of its own.
const APART: &str = "    - {name: dev, branch: env/dev, delivery: commit}\n    - {name: staging, branch: env/staging}\n    - {name: prod, branch: env/prod}\n";
