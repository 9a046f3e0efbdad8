use crate::serve::{Daemon, SELDOM};
use crate::support::scene::{Scene, deployment, stream};
use crate::support::wait::until;

fn web() -> [(&'static str, String); 2] {
    [
        ("streams/web.yaml", stream("shop", "web", "1")),
        ("web.yaml", deployment("shop", "web", "1")),
    ]
}

#[test]
fn what_is_pushed_to_a_local_repository_is_seen_at_once() {
    let scene = Scene::new();
    scene.image("acme/web", "1", "one");
    let bare = scene.bare();
    let mut daemon = Daemon::start(&scene, &[&bare], SELDOM);
    daemon.passes(1);
    let files = web();
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(path, text)| (*path, text.as_str()))
        .collect();
    scene.commit(&files, "add web");
    let branch = until("the bot's branch", || scene.bot_branches().pop());
    daemon.says("the image has moved … shop/web:1");
    scene.merge(&branch);
    until("the merged branch to go", || {
        scene.bot_branches().is_empty().then_some(())
    });
    // Its own pushes are seen as well: one pass more each, and then it rests.
    let rests = daemon.count("a pass has ended");
    assert!(rests < 12, "{}", daemon.log());
    assert_eq!(daemon.ends(), 0);
    daemon.says("\"msg\":\"ended\"");
    scene.is_settled();
}

#[test]
fn a_repository_that_cannot_be_had_is_tried_again_and_holds_nobody_up() {
    let scene = Scene::new();
    scene.image("acme/web", "1", "one");
    let files = web();
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(path, text)| (*path, text.as_str()))
        .collect();
    scene.commit(&files, "add web");
    let missing = scene.home().join("missing.git");
    let missing = missing.to_string_lossy().into_owned();
    let bare = scene.bare();
    let mut daemon = Daemon::start(&scene, &[&missing, &bare], SELDOM);
    daemon.says("failed: … \"repo\":\"missing\"");
    until("the bot's branch", || scene.bot_branches().pop());
    // It is named once, and not with every try.
    scene.origin.git(&["clone", "-q", "--bare", ".", &missing]);
    daemon.signal("-HUP");
    daemon.says("works again … \"repo\":\"missing\"");
    assert_eq!(daemon.count("failed: "), 1);
    assert_eq!(daemon.ends(), 0);
}

#[test]
fn a_tag_with_a_short_interval_is_looked_at_again_by_itself() {
    let scene = Scene::new();
    scene.image("acme/web", "1", "one");
    let quick = stream("shop", "web", "1").replace(
        "      importPolicy:",
        "      annotations: {headwater.dev/interval: 10s}\n      importPolicy:",
    );
    scene.commit(
        &[("streams/web.yaml", &quick), ("web.yaml", &web()[1].1)],
        "add web",
    );
    let mut daemon = Daemon::start(&scene, &[&scene.bare()], SELDOM);
    let branch = until("the bot's branch", || scene.bot_branches().pop());
    let first = scene.origin.rev(&branch);
    scene.image("acme/web", "1", "two");
    until("the branch to move", || {
        (scene.origin.rev(&branch) != first).then_some(())
    });
    assert_eq!(daemon.ends(), 0);
}
