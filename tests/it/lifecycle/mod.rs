//! What becomes of a moved tag, through the binary, a real registry and a bare repository.

mod closed;
mod environments;
mod forms;
mod groups;
mod holds;
mod links;
mod moves;
mod people;
mod pushes;
mod registries;
mod remotes;
mod rollbacks;
mod rules;
mod signing;
mod sources;
mod statuses;
mod streams;
mod taken_back;

use crate::support::scene::{Scene, deployment, stream};

pub(crate) const FIRST_PINS: &str = "headwater/default/first-pins";
pub(crate) const WEB: &str = "headwater/default/dev.web";

/// A stream `dev/web` of the tag 1, one workload that follows it, and a file of somebody else.
pub(crate) fn web() -> Scene {
    let scene = Scene::of(&[
        ("streams/web.yaml", &stream("dev", "web", "1")),
        ("apps/web.yaml", &deployment("dev", "web", "1")),
        ("apps/other.yaml", "image: nothing of ours\r\n"),
    ]);
    scene.image("acme/web", "1", "first");
    scene
}

/// The same with the first pin merged.
pub(crate) fn pinned() -> Scene {
    let scene = web();
    scene.reconcile().exits(0);
    scene.merge(FIRST_PINS);
    scene.settle();
    assert_eq!(scene.bot_branches(), [""; 0]);
    scene
}

/// The same with the tag moved on, and the branch for it open.
pub(crate) fn moved() -> Scene {
    let scene = pinned();
    scene.image("acme/web", "1", "second");
    scene.reconcile().exits(0);
    assert_eq!(scene.bot_branch(), WEB);
    scene
}
