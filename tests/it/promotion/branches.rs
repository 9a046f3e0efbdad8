//! Environments as branches.

use crate::promotion::{image_in, on, on_branches};

const TO_STAGING: &str = "headwater/staging/from-dev";
const TO_PROD: &str = "headwater/prod/from-staging";

#[test]
fn images_and_configuration_go_from_branch_to_branch() {
    let scene = on_branches("");
    scene.reconcile().exits(0);
    scene.reconcile().exits(0);
    assert_eq!(scene.bot_branches(), [TO_STAGING]);
    scene.is_settled();
    on(&scene, "env/staging");
    scene.merge(TO_STAGING);
    scene.settle();
    assert_eq!(scene.bot_branches(), [TO_PROD]);
    on(&scene, "env/prod");
    scene.merge(TO_PROD);
    scene.settle();
    assert_eq!(scene.bot_branches(), [""; 0]);
    assert_eq!(image_in(&scene, "env/prod"), image_in(&scene, "env/dev"));

    // An image and a person's change go along together.
    let second = scene.image("acme/web", "1", "second");
    on(&scene, "env/dev");
    scene.commit(&[("apps/config.yaml", "level: info\n")], "less noise");
    scene.reconcile().exits(0);
    scene.settle();
    assert_eq!(scene.bot_branches(), [TO_STAGING]);
    assert_eq!(
        scene.changed(TO_STAGING),
        ["apps/config.yaml", "apps/web.yaml", "streams/web.yaml"]
    );
    on(&scene, "env/staging");
    scene.squash(TO_STAGING);
    scene.settle();
    assert_eq!(scene.bot_branches(), [TO_PROD]);
    on(&scene, "env/prod");
    scene.merge(TO_PROD);
    scene.settle();
    assert_eq!(scene.bot_branches(), [""; 0]);
    assert!(image_in(&scene, "env/prod").ends_with(second.as_str()));
    assert_eq!(scene.file("env/prod", "apps/config.yaml"), "level: info\n");
}
