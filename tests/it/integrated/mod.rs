//! The integrated registry: what is pushed into it is what streams have.

mod copies;
mod creates;
mod promotions;
mod pushes;

use std::fs;

use crate::support::scene::{Run, Scene};

/// A stream whose tags say nothing but their names.
const STREAM: &str = "apiVersion: image.openshift.io/v1
kind: ImageStream
metadata:
  name: web
  namespace: shop
spec:
  tags:
    - name: \"1\"
";

/// Its container is written as OpenShift's own builds write it.
const DEPLOYMENT: &str = "apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: shop
spec:
  template:
    spec:
      containers:
        - name: web
          image: image-registry.openshift-image-registry.svc:5000/shop/web:1
";

/// The server file's part for the scene's registry.
fn integrated(scene: &Scene) -> String {
    let host = scene.registry.host();
    format!(
        "integratedRegistry: {{host: \"{host}\", publicHost: images.example, aliases: [\"old.example:5000\"]}}\n"
    )
}

/// One pass with it.
fn reconcile(scene: &Scene) -> Run {
    scene.run(&["reconcile", &scene.bare(), "--config", &server_file(scene)])
}

fn server_file(scene: &Scene) -> String {
    let file = scene.home().join("server.yaml");
    fs::write(&file, integrated(scene)).unwrap();
    file.to_string_lossy().into_owned()
}

/// After a merge: its branch goes, and then there is nothing to do.
#[track_caller]
fn settle(scene: &Scene) {
    reconcile(scene).exits(0);
    reconcile(scene).exits(0).says("nothing to do");
}
