//! What is told to others, by several copies of the daemon.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use crate::serve::{Daemon, SELDOM};
use crate::support::scene::{Scene, deployment, stream};
use crate::support::scripted::{Reply, Scripted, Seen};
use crate::support::wait::until;

/// `webhook-id` of what has come, where it is of this type.
fn ids(listener: &Scripted, kind: &str) -> Vec<String> {
    let is_it = |seen: &&Seen| {
        let event: Value = serde_json::from_str(&seen.body).unwrap();
        event["type"] == kind
    };
    let seen = listener.seen();
    let ids = seen.iter().filter(is_it);
    ids.map(|seen| seen.header("webhook-id").unwrap().to_owned())
        .collect()
}

/// Both see the same branch, and the same merge, whoever made them.
#[test]
fn two_copies_tell_of_one_event_with_one_id() {
    let listener = Scripted::start(|_| Reply::status(204));
    let scene = Scene::of(&[
        ("streams/web.yaml", &stream("shop", "web", "1")),
        ("web.yaml", &deployment("shop", "web", "1")),
    ]);
    scene.image("acme/web", "1", "one");
    let secret = scene.home().join("secret");
    fs::write(&secret, "a secret of some length").unwrap();
    let more = format!(
        "{SELDOM}events: [{{url: \"http://{}/\", secretFile: {}, types: [imageMoved, pullRequestOpened]}}]\n",
        listener.host(),
        secret.display(),
    );
    let bare = scene.bare();
    let mut first = Daemon::start_copy("first", &scene, &[&bare], &more);
    first.passes(1);
    let mut second = Daemon::start_copy("second", &scene, &[&bare], &more);
    second.passes(1);
    // Both have looked before it moves.
    let branch = scene.bot_branch();
    scene.merge(&branch);
    let moved = "dev.headwater.image.moved";
    until("both to tell of the merge", || {
        (ids(&listener, moved).len() >= 2).then_some(())
    });
    assert_eq!((first.ends(), second.ends()), (0, 0));
    for kind in [moved, "dev.headwater.pullrequest.opened"] {
        let ids = ids(&listener, kind);
        let once: BTreeSet<&String> = ids.iter().collect();
        assert!(once.len() <= 1, "{kind}: {ids:?}");
    }
}
