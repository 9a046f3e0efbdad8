//! What commits claim: anybody who may push can write a trailer, and an old time.

use crate::promotion::{image_in, on, on_branches};
use crate::support::scene::Scene;

const TO_STAGING: &str = "headwater/staging/from-dev";

/// With the first image in staging.
fn promoted_once(extra: &str) -> Scene {
    let scene = on_branches(extra);
    scene.reconcile().exits(0);
    scene.reconcile().exits(0);
    on(&scene, "env/staging");
    scene.merge(TO_STAGING);
    scene
}

fn claim(commit: &str) -> String {
    format!(
        "promote nothing\n\nPromoted-From: dev\nPromoted-Commit: {commit}\nPromoted-Carry: merge\n"
    )
}

#[test]
fn a_claimed_commit_that_the_source_never_had_is_no_base() {
    let scene = promoted_once("");
    let elsewhere = scene.origin.rev("env/staging");
    for commit in [&"1".repeat(40), &elsewhere] {
        scene.commit(&[], &claim(commit));
    }
    let second = scene.image("acme/web", "1", "second");
    on(&scene, "env/dev");
    scene.commit(&[("apps/config.yaml", "level: info\n")], "less noise");
    scene.reconcile().exits(0);
    scene.settle();
    assert_eq!(
        scene.changed(TO_STAGING),
        ["apps/config.yaml", "apps/web.yaml", "streams/web.yaml"]
    );
    assert!(image_in(&scene, TO_STAGING).ends_with(second.as_str()));
}

/// Which images an environment has stands in its files, and no message says otherwise.
#[test]
fn a_claimed_promotion_hides_no_image() {
    let scene = promoted_once("");
    let second = scene.image("acme/web", "1", "second");
    scene.reconcile().exits(0);
    let newest = scene.origin.rev("env/dev");
    on(&scene, "env/staging");
    scene.commit(&[], &claim(&newest));
    scene.settle();
    assert!(scene.bot_branches().contains(&TO_STAGING.to_owned()));
    assert!(image_in(&scene, TO_STAGING).ends_with(second.as_str()));
}

/// The commits of these tests are years old by their own words.
#[test]
fn an_old_commit_soaks_from_the_time_at_which_it_was_seen() {
    let scene = on_branches("");
    scene.reconcile().exits(0);
    scene.reconcile().exits(0);
    on(&scene, "env/staging");
    scene.merge(TO_STAGING);
    on(&scene, "main");
    scene.edit("headwater.yaml", |text| {
        text.replace("promotedFrom: dev", "promotedFrom: dev, gates: {soak: 2h}")
    });
    scene.reconcile().exits(0);
    assert_eq!(scene.bot_branches(), ["headwater/prod/from-staging"]);
    on(&scene, "env/dev");
    scene.commit(&[("apps/config.yaml", "level: info\n")], "less noise");
    scene.reconcile().exits(0);
    assert_eq!(scene.bot_branches(), ["headwater/prod/from-staging"]);
    scene.run(&["plan", &scene.bare()]).says("waits for soak");
}
