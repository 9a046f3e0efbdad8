//! The catalog of a daemon that runs: what stands in Git.

use crate::serve::{Daemon, free_port, get};
use crate::support::scene::{HOST, Scene};
use crate::support::wait::until;

#[test]
fn builder_images_of_git_stand_on_the_page() {
    let stream = format!(
        "apiVersion: image.openshift.io/v1
kind: ImageStream
metadata: {{name: ruby, namespace: shop}}
spec:
  tags:
  - name: '3.3'
    annotations: {{tags: 'builder,ruby', version: '3.3', supports: ruby, sampleRepo: 'https://robot:secret@git.example/ruby-ex.git'}}
    from: {{kind: DockerImage, name: '{HOST}/acme/ruby:3.3'}}
  - {{name: run, from: {{kind: DockerImage, name: '{HOST}/acme/ruby:run'}}}}
"
    );
    let scene = Scene::of(&[("streams/ruby.yaml", &stream)]);
    let port = free_port();
    let more = format!("serve: {{interval: 1h, status: {{listen: \"127.0.0.1:{port}\"}}}}\n");
    let _daemon = Daemon::start(&scene, &[&scene.bare()], &more);
    let builders = until("a builder on the page", || {
        let builders = get(port, "/catalog.json")["builders"].take();
        (builders != serde_json::json!([])).then_some(builders)
    });
    assert_eq!(builders.as_array().map(Vec::len), Some(1));
    let ruby = &builders[0];
    assert_eq!(ruby["name"], "shop/ruby:3.3");
    assert_eq!(ruby["version"], "3.3");
    assert_eq!(ruby["supports"], serde_json::json!(["ruby"]));
    assert_eq!(ruby["sampleRepo"], "https://git.example/ruby-ex.git");
    assert!(!get(port, "/state.json").to_string().contains("secret"));
}
