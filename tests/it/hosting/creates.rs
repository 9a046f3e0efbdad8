//! What is pushed and no manifest names, on a forge.

use crate::hosting::Hosted;
use crate::support::forge::Kind;

const NEW: &str = "headwater/default/create.web.api";

pub fn what_is_pushed_is_a_pull_request_of_its_own_and_closed_it_stays_out(kind: Kind) {
    let hosted = Hosted::first(kind);
    hosted.merge(1);
    hosted.settle();
    let host = hosted.scene.registry.host();
    let server = format!("integratedRegistry: {{createStreams: true, host: \"{host}\"}}\n");
    hosted.write_server_file(&server);
    let stream = "apiVersion: image.openshift.io/v1\nkind: ImageStream\nmetadata: {name: old, namespace: web}\n";
    hosted
        .scene
        .commit(&[("web/old.yaml", stream)], "a namespace");
    hosted.scene.image("web/api", "1", "one");
    hosted.reconcile().exits(0).says("opened pull request #2");
    assert_eq!(hosted.title(2), "create web/api in default");
    let labels = hosted.forge.model().pull_request(2).labels.clone();
    assert!(labels.contains("cause/push"), "{labels:?}");
    assert!(hosted.body(2).contains("/web/api"), "{}", hosted.body(2));
    hosted.is_settled();

    // Another tag goes into the same one.
    hosted.scene.image("web/api", "2", "two");
    hosted.reconcile().exits(0).says("updated pull request #2");
    assert!(hosted.body(2).contains("web/api:2"), "{}", hosted.body(2));
    hosted.is_settled();

    hosted.forge.model().close(2);
    hosted
        .reconcile()
        .exits(0)
        .says("its pull request #2 was closed")
        .says("it does not come again")
        .says(&format!("deleted {NEW}"));
    hosted.is_settled();
    hosted.scene.image("web/api", "3", "three");
    hosted.reconcile().exits(0).says("nothing to do");
    hosted.forge.model().set_label(2, "propose-again");
    hosted.reconcile().exits(0).says("opened pull request #3");
    hosted.is_settled();
    hosted.merge(3);
    hosted.reconcile().exits(0).says("opened pull request #4");
    assert!(
        hosted
            .scene
            .file("main", "web/api.yaml")
            .contains("name: \"3\"")
    );
    hosted.merge(4);
    hosted.settle();
    assert_eq!(hosted.open(), [0; 0]);
}
