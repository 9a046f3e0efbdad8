//! Several copies that know nothing of each other: compare and swap is all that they need.

use std::process::{Child, Stdio};

use crate::support::git::HttpServer;
use crate::support::scene::{Scene, deployment, stream};

const COPIES: usize = 4;
const ROUNDS: usize = 200;

/// In each round a tag moves, and now and then somebody merges or edits, while four copies look at
/// the same remote at once.
#[test]
fn four_copies_over_two_hundred_rounds_lose_nothing_and_do_nothing_twice() {
    let scene = Scene::of(&[
        ("streams/web.yaml", &stream("shop", "web", "1")),
        ("web.yaml", &deployment("shop", "web", "1")),
    ]);
    scene
        .origin
        .git(&["config", "core.logAllRefUpdates", "always"]);
    let remote = HttpServer::start(&scene.origin);
    let url = remote.url();
    let copy = |number: usize| -> Child {
        let mut command = scene.command(&["reconcile", &url]);
        let cache = scene.home().join(format!("copy-{number}"));
        command.env("XDG_CACHE_HOME", cache);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    };
    let mut moved = 0;
    for round in 0..ROUNDS {
        let digest = scene.image("acme/web", "1", &format!("image {round}"));
        if round % 7 == 3 {
            let note = format!("note {round}\n");
            scene.person.git(&["fetch", "-q", "origin"]);
            scene.person.git(&["reset", "-q", "--hard", "origin/main"]);
            scene.commit(&[("notes.txt", &note)], "a note");
        }
        let copies: Vec<Child> = (0..COPIES).map(copy).collect();
        for copy in copies {
            let output = copy.wait_with_output().unwrap();
            scene.ended(&output).exits(0);
        }
        let branch = scene.bot_branch();
        let file = scene.origin.show(&branch, "web.yaml");
        assert!(file.contains(digest.as_str()), "round {round}: {file}");
        moved += 1;
        // One update of the branch for each time that its tag moved, by whichever copy.
        let log = scene.origin.path().join("logs/refs/heads").join(&branch);
        let updates = std::fs::read_to_string(log).unwrap().lines().count();
        assert_eq!(updates, moved, "round {round}");
        let own = format!("main..{branch}");
        let count = scene.origin.git(&["rev-list", "--count", &own]);
        assert_eq!(count.trim(), "1", "round {round}");
        if round % 20 == 19 {
            scene.person.git(&["fetch", "-q", "origin"]);
            scene.person.git(&["reset", "-q", "--hard", "origin/main"]);
            scene.merge(&branch);
            let copies: Vec<Child> = (0..COPIES).map(copy).collect();
            for copy in copies {
                scene.ended(&copy.wait_with_output().unwrap()).exits(0);
            }
            assert_eq!(scene.bot_branches(), [""; 0], "round {round}");
            moved = 0;
        }
    }
}
