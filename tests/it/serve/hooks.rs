use std::fs;
use std::time::{Duration, Instant};

use crate::serve::{Daemon, free_port};

use crate::support::registry::DockerRegistry;
use crate::support::scene::{Scene, deployment, stream};
use crate::support::wait::until;

const SECRET: &str = "a secret of some length";

/// A registry that tells of each push at this port of the daemon.
pub fn notifying(port: u16) -> DockerRegistry {
    let url = format!("http://127.0.0.1:{port}/hook/images");
    DockerRegistry::notifying(&url, SECRET)
}

/// What the server file says of it, where no interval ends.
pub fn notified(scene: &Scene, port: u16) -> String {
    let secret = scene.home().join("secret");
    fs::write(&secret, SECRET).unwrap();
    let secret = secret.display();
    format!(
        "serve: {{interval: 10h, hooks: {{listen: \"127.0.0.1:{port}\"}}}}
hooks: [{{name: images, kind: distribution, secretFile: {secret}}}]\n"
    )
}

/// A daemon that nothing but its registry makes look.
fn begin() -> (Scene, Daemon) {
    let port = free_port();
    let scene = Scene::with_registry(notifying(port));
    let hooks = notified(&scene, port);
    let daemon = Daemon::start(&scene, &[&scene.bare()], &hooks);
    (scene, daemon)
}

#[test]
fn a_push_to_a_registry_is_a_branch_within_a_second() {
    let (scene, mut daemon) = begin();
    let quick = stream("shop", "web", "1");
    scene.commit(
        &[
            ("streams/web.yaml", &quick),
            ("web.yaml", &deployment("shop", "web", "1")),
        ],
        "add web",
    );
    // The tag is not there yet.
    daemon.says("a pass has ended … \"questions\":1");
    let before = Instant::now();
    let digest = scene.image("acme/web", "1", "one");
    let branch = until("the bot's branch", || scene.bot_branches().pop());
    let took = before.elapsed();
    assert!(
        scene
            .origin
            .show(&branch, "web.yaml")
            .contains(digest.as_str())
    );
    // A second on an idle machine; the measure is that no interval has to end.
    assert!(took < Duration::from_secs(20), "{took:?}");
    // What nobody follows makes no pass.
    let passes = daemon.count("a pass has ended");
    scene.image("acme/other", "1", "other");
    daemon.says("a hook was taken … \"passes\":0");
    assert!(
        daemon.count("a pass has ended") <= passes + 1,
        "{}",
        daemon.log()
    );
    // Only the image that was pushed is asked for.
    scene.image("acme/web", "1", "two");
    until("the second image", || {
        let file = scene.origin.show(&scene.bot_branch(), "web.yaml");
        (!file.contains(digest.as_str())).then_some(())
    });
    assert_eq!(daemon.ends(), 0);
    assert!(!daemon.log().contains(SECRET));
}

#[test]
fn a_storm_of_hooks_costs_few_passes() {
    let (scene, mut daemon) = begin();
    scene.commit(
        &[
            ("streams/web.yaml", &stream("shop", "web", "1")),
            ("web.yaml", &deployment("shop", "web", "1")),
        ],
        "add web",
    );
    daemon.says("a pass has ended … \"questions\":1");
    let before = daemon.count("a pass has ended");
    let begun = Instant::now();
    for number in 0..60 {
        scene.image("acme/web", "1", &format!("image {number}"));
    }
    let last = scene.image("acme/web", "1", "the last");
    until("the last image", || {
        let branch = scene.bot_branches().pop()?;
        let file = scene.origin.show(&branch, "web.yaml");
        file.contains(last.as_str()).then_some(())
    });
    let seconds = begun.elapsed().as_secs_f64();
    let passes = daemon.count("a pass has ended") - before;
    // One a second, each with one for its own push.
    assert!(
        (passes as f64) < 3.0 + 2.0 * seconds,
        "{passes} in {seconds} s"
    );
    assert_eq!(daemon.ends(), 0);
}
