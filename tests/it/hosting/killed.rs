//! The process dies at each push and at each write to the forge, before it and behind it: the
//! next pass ends where it would have ended without.

use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Command;

use crate::hosting::Hosted;
use crate::hosting::saved::Saved;
use crate::support::forge::{Interruption, Kind, Moment, What};

/// More than a pass of these scenes has.
const MOST: usize = 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    Push,
    ForgeWrite,
}

/// Hooks that kill at the push that is written in a file.
fn with_hooks(hosted: &Hosted) {
    let folder = hosted.scene.home().display();
    for (hook, moment) in [
        ("pre-receive", Moment::Before),
        ("post-receive", Moment::After),
    ] {
        let script = format!(
            "at={folder}/{moment:?}
[ -f $at ] || exit 0
left=$(cat $at)
echo $((left - 1)) >$at
[ $left -eq 0 ] || exit 0
kill -KILL $(cat {folder}/process)
exit 1"
        );
        hosted.scene.origin.hook(hook, &script);
    }
}

/// A pass that is killed at an effect of it; whether it has had so many.
fn dies(hosted: &Hosted, effect: Effect, moment: Moment, spares: usize) -> bool {
    let process = hosted.scene.home().join("process");
    let push = hosted.scene.home().join(format!("{moment:?}"));
    match effect {
        Effect::Push => std::fs::write(&push, format!("{spares}\n")).unwrap(),
        Effect::ForgeWrite => hosted.forge.interrupt(Some(Interruption {
            spares,
            what: What::Act(moment, Box::new(move || kill(&process))),
        })),
    }
    let output = hosted
        .numbered(&["reconcile", &hosted.git.url()])
        .output()
        .unwrap();
    let _ = std::fs::remove_file(push);
    hosted.forge.interrupt(None);
    match output.status.signal() {
        Some(9) => true,
        _ => {
            hosted.scene.ended(&output).exits(0);
            false
        }
    }
}

impl Hosted {
    /// How many there were so far.
    fn pushes(&self) -> usize {
        let requests = self.git.requests();
        let is_push = |line: &&String| line.starts_with("POST ") && line.contains("receive-pack");
        requests.iter().filter(is_push).count()
    }
}

fn kill(process: &Path) -> bool {
    let process = std::fs::read_to_string(process).unwrap();
    let killed = Command::new("kill")
        .args(["-KILL", process.trim()])
        .status();
    assert!(killed.unwrap().success());
    false
}

/// Kills one pass at each of its effects, and leaves the scene behind a pass that nobody killed.
fn dies_everywhere(hosted: &Hosted) {
    with_hooks(hosted);
    let begin = Saved::of(hosted);
    let before = (hosted.pushes(), hosted.forge.writes().len());
    hosted.reconcile().exits(0);
    let pushes = hosted.pushes() - before.0;
    let writes = hosted.forge.writes().len() - before.1;
    assert!(writes > 0);
    hosted.settle();
    let expected = hosted.outcome();
    for (effect, count) in [(Effect::Push, pushes), (Effect::ForgeWrite, writes)] {
        for moment in [Moment::Before, Moment::After] {
            let mut deaths = 0;
            for spares in 0..MOST {
                begin.restore(hosted);
                if !dies(hosted, effect, moment, spares) {
                    break;
                }
                deaths += 1;
                hosted.settle();
                let outcome = hosted.outcome();
                let diff = similar::TextDiff::from_lines(&expected, &outcome);
                assert!(
                    outcome == expected,
                    "{moment:?} {effect:?} {spares}\n{}",
                    diff.unified_diff()
                );
            }
            assert_eq!(deaths, count, "{moment:?} {effect:?}");
        }
    }
    assert_eq!(hosted.forge.violations(), [""; 0]);
}

#[test]
fn fault_1_killed_while_first_pins_are_proposed() {
    let hosted = Hosted::with_people(Kind::Gitea);
    dies_everywhere(&hosted);
    assert_eq!(hosted.open(), [1]);
}

#[test]
fn fault_1_killed_while_a_pull_request_moves_on() {
    let hosted = Hosted::proposed();
    hosted.scene.image("acme/web", "1", "third");
    dies_everywhere(&hosted);
    assert_eq!(hosted.open(), [2]);
}

#[test]
fn fault_1_killed_while_nothing_is_left_to_do() {
    let hosted = Hosted::proposed();
    hosted.scene.image("acme/web", "1", "first");
    dies_everywhere(&hosted);
    assert_eq!(hosted.open(), [0; 0]);
    assert_eq!(hosted.remarks(2).len(), 1);
}

#[test]
fn fault_1_killed_while_a_person_is_told() {
    let hosted = Hosted::proposed();
    hosted.take_over();
    dies_everywhere(&hosted);
    assert_eq!(hosted.remarks(2).len(), 1);
}

#[test]
fn fault_1_killed_while_a_hold_is_proposed() {
    let hosted = Hosted::proposed();
    hosted.forge.model().tick(2, "Hold `dev/web:1`");
    dies_everywhere(&hosted);
    assert_eq!(hosted.open(), [3]);
}

#[test]
fn fault_1_killed_before_github_has_labels_and_people() {
    let hosted = Hosted::with_people(Kind::GitHub);
    assert!(dies(&hosted, Effect::ForgeWrite, Moment::Before, 1));
    assert!(hosted.forge.model().pull_request(1).labels.is_empty());
    hosted.settle();
    let pull = hosted.forge.model().pull_request(1).clone();
    assert!(pull.labels.contains("image-pin") && pull.labels.contains("images"));
    assert!(pull.reviewers.contains("ada") && pull.assignees.contains("ben"));
    assert_eq!(hosted.open(), [1]);
}
