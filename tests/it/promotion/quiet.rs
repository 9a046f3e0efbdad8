//! A pass over environments that take from one another, with nothing to do.

use crate::promotion::{on, on_branches};
use crate::support::scene::Scene;
use crate::tidy::files_below;

/// Whether the last pass was remembered, so that the next one plans nothing.
fn is_quiet(scene: &Scene) -> bool {
    let files = files_below(scene.home());
    files
        .iter()
        .any(|file| file.extension().is_some_and(|ending| ending == "quiet"))
}

#[test]
fn who_has_what_it_takes_or_waits_is_planned_once() {
    let scene = on_branches("");
    scene.reconcile().exits(0);
    assert!(!is_quiet(&scene));
    for (branch, source) in [("staging", "dev"), ("prod", "staging")] {
        scene.reconcile().exits(0);
        on(&scene, &format!("env/{branch}"));
        scene.merge(&format!("headwater/{branch}/from-{source}"));
    }
    // What was merged is cleared away first.
    scene.reconcile().exits(0);
    scene.reconcile().exits(0).says("nothing to do");
    assert!(is_quiet(&scene));

    on(&scene, "main");
    scene.edit("headwater.yaml", |text| {
        text.replace("promotedFrom: dev", "promotedFrom: dev, gates: {soak: 2h}")
    });
    scene.image("acme/web", "1", "second");
    scene.reconcile().exits(0);
    assert!(!is_quiet(&scene));
    scene.reconcile().exits(0).says("waits for soak");
    assert!(is_quiet(&scene));
    // The same is said, from what was remembered.
    scene.reconcile().exits(0).says("waits for soak");
    assert_eq!(scene.bot_branches(), [""; 0]);
}
