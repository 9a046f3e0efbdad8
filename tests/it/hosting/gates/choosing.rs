//! How old an image has to be, of promotions and of imports.

use headwater::image::Platform;
use jiff::Timestamp;

use crate::hosting::gates::{TO_PROD, shop};
use crate::support::registry::configuration_of;
use crate::support::scene::{Scene, deployment, stream};

pub(crate) fn image(scene: &Scene, created: Option<&str>) {
    let mut config = configuration_of("made", &Platform::linux_amd64());
    match created {
        Some(created) => config["created"] = created.into(),
        None => config["created"] = serde_json::Value::Null,
    }
    scene
        .registry
        .push_configured("acme/web", "1", "made", config);
}

#[test]
fn a_young_image_is_not_promoted() {
    let scene = shop("gates: {minimumAge: 1h}");
    scene.reconcile().exits(0);
    scene.settle();
    assert_eq!(scene.bot_branches(), [TO_PROD]);

    let scene = shop("gates: {minimumAge: 1h}");
    image(&scene, Some(&Timestamp::now().to_string()));
    scene.reconcile().exits(0);
    scene.reconcile().exits(0).says("waits for minimumAge");
    scene.is_settled();
    assert_eq!(scene.bot_branches(), [""; 0]);

    let scene = shop("gates: {minimumAge: 1h}");
    image(&scene, Some("1970-01-01T00:00:00Z"));
    scene.reconcile().exits(0);
    scene.settle();
    assert_eq!(scene.bot_branches(), [""; 0], "it does not say its age");
}

#[test]
fn a_young_image_is_not_imported() {
    let config = "apiVersion: headwater.dev/v1alpha1
kind: Config
spec:
  environments: [{name: prod, gates: {minimumAge: 1h}}]
";
    let scene = Scene::new();
    image(&scene, Some(&Timestamp::now().to_string()));
    scene.commit(
        &[
            ("headwater.yaml", config),
            ("streams/web.yaml", &stream("shop", "web", "1")),
            ("apps/web.yaml", &deployment("shop", "web", "1")),
        ],
        "the shop",
    );
    scene.reconcile().exits(0).says("not old enough");
    scene.is_settled();
    assert_eq!(scene.bot_branches(), [""; 0]);
}
