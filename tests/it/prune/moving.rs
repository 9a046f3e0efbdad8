//! Somebody pushes while images are looked at.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use headwater::image::Digest;
use serde_json::json;

use crate::prune::{ANY_AGE, on, server_file_for, shop, stream};
use crate::support::git::command;
use crate::support::registry::DockerRegistry;
use crate::support::scene::{Run, Scene};
use crate::support::scripted::{Reply, Scripted};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

fn image(name: &str) -> String {
    let config = Digest::of(name.as_bytes());
    json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": 1},
        "layers": [],
    })
    .to_string()
}

fn digest(name: &str) -> Digest {
    Digest::of(image(name).as_bytes())
}

/// A registry with two images, whose tags are those of `tags`, and others once it was asked for
/// them `tags.len()` times. `on_list` is called each time.
fn registry(
    tags: &'static [&'static [(&'static str, &'static str)]],
    on_list: impl Fn() + Send + Sync + 'static,
) -> Scripted {
    let lists = AtomicUsize::new(0);
    Scripted::start(move |request| {
        let missing = || Reply::status(404).body(r#"{"errors":[{"code":"MANIFEST_UNKNOWN"}]}"#);
        let now = |list: usize| tags[list.min(tags.len() - 1)];
        let path = request
            .path
            .strip_prefix("/v2/shop/web/")
            .unwrap_or_default();
        if path.starts_with("tags/list") {
            on_list();
            let names: Vec<&str> = now(lists.fetch_add(1, Ordering::SeqCst))
                .iter()
                .map(|(tag, _)| *tag)
                .collect();
            let list = json!({"name": "shop/web", "tags": names});
            return Reply::ok("application/json", list.to_string());
        }
        let Some(wanted) = path.strip_prefix("manifests/") else {
            return missing();
        };
        let known = now(lists.load(Ordering::SeqCst).saturating_sub(1));
        let mut tagged = known.iter().filter(|(tag, _)| *tag == wanted);
        let mut named = ["new", "old"].into_iter();
        let name = tagged.next().map(|(_, name)| *name);
        let name = name.or_else(|| named.find(|name| digest(name).as_str() == wanted));
        match (name, request.method.as_str()) {
            (None, _) => missing(),
            (Some(_), "DELETE") => Reply::status(202),
            (Some(name), _) => Reply::ok(MANIFEST, image(name)),
        }
    })
}

/// One stream that has had both images.
fn both() -> Scene {
    let scene = shop(DockerRegistry::start());
    on(&scene, "env/dev");
    scene.commit(
        &[("web.yaml", &stream("", &[&digest("new"), &digest("old")]))],
        "a stream",
    );
    scene
}

fn confirmed(scene: &Scene, registry: &Scripted) -> Run {
    let file = server_file_for(scene, &registry.host(), "");
    let bare = scene.bare();
    scene.run(&[
        "prune",
        "images",
        &bare,
        "--config",
        &file,
        ANY_AGE,
        "--keep-tag-revisions=1",
        "--confirm",
    ])
}

const STILL: &[(&str, &str)] = &[("1", "new"), ("old", "old")];

#[test]
fn what_nobody_touches_goes() {
    let scene = both();
    let registry = registry(&[STILL], || {});
    confirmed(&scene, &registry)
        .exits(0)
        .says("deleted 1 image ");
    assert_eq!(registry.count("DELETE"), 1);
}

#[test]
fn an_image_that_gets_a_tag_meanwhile_stays() {
    let scene = both();
    const MOVED: &[(&str, &str)] = &[("1", "new"), ("old", "old"), ("2", "old")];
    let registry = registry(&[STILL, MOVED], || {});
    confirmed(&scene, &registry)
        .exits(0)
        .says(&format!("{} stays in", digest("old")))
        .says("its tags have moved")
        .says("deleted 0 images");
    assert_eq!(registry.count("DELETE"), 0);
}

#[test]
fn nothing_goes_once_somebody_has_pushed_to_git() {
    let scene = both();
    let folder: PathBuf = scene.person.path().to_owned();
    let registry = registry(&[STILL], move || {
        for arguments in [
            &["commit", "-q", "--allow-empty", "-m", "another"][..],
            &["push", "-q", "origin", "HEAD"],
        ] {
            assert!(command(&folder).args(arguments).status().unwrap().success());
        }
    });
    confirmed(&scene, &registry)
        .exits(3)
        .says("has moved meanwhile, so nothing else is deleted")
        .says("deleted 0 images");
    assert_eq!(registry.count("DELETE"), 0);
}
