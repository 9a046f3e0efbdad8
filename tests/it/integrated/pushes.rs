use std::fs;

use crate::integrated::{DEPLOYMENT, STREAM, integrated, reconcile, server_file, settle};
use crate::serve::hooks::{notified, notifying};
use crate::serve::{Daemon, free_port};
use crate::support::scene::{HOST, Scene};
use crate::support::wait::until;

fn files() -> Scene {
    Scene::of(&[("streams/web.yaml", STREAM), ("web.yaml", DEPLOYMENT)])
}

#[test]
fn a_tag_without_a_source_is_what_is_pushed() {
    let scene = files();
    // Nobody has pushed: that is no failure.
    reconcile(&scene)
        .exits(0)
        .says("tag without source image: filled by pushes to an integrated registry");
    assert_eq!(scene.bot_branches(), [""; 0]);
    let first = scene.image("shop/web", "1", "one");
    reconcile(&scene).exits(0);
    let branch = scene.bot_branch();
    assert_eq!(scene.changed(&branch), ["streams/web.yaml", "web.yaml"]);
    let pin = format!("image: {HOST}/shop/web:1@{first} # {{\"$imagestream\": \"shop/web:1\"}}");
    let file = scene.file(&branch, "web.yaml");
    assert!(file.contains(&pin), "{file}");
    let stream = scene.file(&branch, "streams/web.yaml");
    assert_eq!(
        stream,
        format!(
            "apiVersion: image.openshift.io/v1
kind: ImageStream
metadata:
  name: web
  namespace: shop
  annotations:
    headwater.dev/observed: '{{\"1\":{{\"from\":\"{HOST}/shop/web:1\",\"importMode\":\"PreserveOriginal\"}}}}'
spec:
  tags:
    - name: \"1\"
status:
  tags:
    - tag: \"1\"
      items:
        - created: \"TIME\"
          dockerImageReference: {HOST}/shop/web@{first}
          image: {first}
          generation: 1
  dockerImageRepository: {HOST}/shop/web
  publicDockerImageRepository: images.example/shop/web
"
        )
    );
    scene.merge(&branch);
    settle(&scene);
    // Each push is another image, without any schedule.
    let second = scene.image("shop/web", "1", "two");
    reconcile(&scene).exits(0);
    let branch = scene.bot_branch();
    assert!(scene.file(&branch, "web.yaml").contains(second.as_str()));
    scene.merge(&branch);
    settle(&scene);
    // Without the setting, what is there stays.
    scene.reconcile().exits(0).says("nothing to do");
}

#[test]
fn what_is_deleted_in_the_registry_stays_in_git() {
    let scene = files();
    scene.image("shop/web", "1", "one");
    reconcile(&scene).exits(0);
    scene.merge(&scene.bot_branch());
    settle(&scene);
    let before = scene.file("main", "web.yaml");
    fs::remove_dir_all(scene.registry.storage()).unwrap();
    settle(&scene);
    assert_eq!(scene.file("main", "web.yaml"), before);
}

#[test]
fn every_name_of_the_registry_is_a_streams() {
    let scene = files();
    let digest = scene.image("shop/web", "1", "one");
    scene.edit("web.yaml", |text| {
        text.replace(
            "image-registry.openshift-image-registry.svc:5000",
            "old.example:5000",
        )
    });
    reconcile(&scene).exits(0);
    let file = scene.file(&scene.bot_branch(), "web.yaml");
    assert!(
        file.contains(&format!("{HOST}/shop/web:1@{digest}")),
        "{file}"
    );
}

#[test]
fn where_a_stream_is_kept_is_shown() {
    let scene = files();
    scene.image("shop/web", "1", "one");
    let file = server_file(&scene);
    let folder = scene.person.path().display().to_string();
    let shown = |arguments: &[&str]| {
        scene
            .run(&[arguments, &["-C", &folder, "--config", &file]].concat())
            .exits(0)
    };
    shown(&["describe", "is/web"]).says("Image Repository:\timages.example/shop/web");
    shown(&["get", "is"]).says("images.example/shop/web");
    let object = shown(&["get", "is", "web", "-o", "yaml"]);
    object
        .says(&format!("dockerImageRepository: {HOST}/shop/web"))
        .says("publicDockerImageRepository: images.example/shop/web");
}

#[test]
fn a_push_is_told_by_the_registry_itself() {
    let port = free_port();
    let scene = Scene::with_registry(notifying(port));
    scene.commit(
        &[("streams/web.yaml", STREAM), ("web.yaml", DEPLOYMENT)],
        "add web",
    );
    let more = format!("{}{}", notified(&scene, port), integrated(&scene));
    let mut daemon = Daemon::start(&scene, &[&scene.bare()], &more);
    daemon.says("a pass has ended … \"questions\":1");
    let digest = scene.image("shop/web", "1", "one");
    let branch = until("the bot's branch", || scene.bot_branches().pop());
    let file = scene.origin.show(&branch, "web.yaml");
    assert!(file.contains(digest.as_str()), "{file}");
    assert_eq!(daemon.ends(), 0);
}
