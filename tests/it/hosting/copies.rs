//! Several copies of headwater that know nothing of each other.

use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use crate::hosting::Hosted;
use crate::lifecycle::{FIRST_PINS, WEB, web};
use crate::support::forge::{Interruption, Kind, Moment, What};
use crate::support::scene::Run;

const COPIES: usize = 4;

impl Hosted {
    /// On a machine of its own.
    fn copy(&self, number: usize) -> Command {
        let mut command = self.command(&["reconcile", &self.git.url()]);
        command.env(
            "XDG_CACHE_HOME",
            self.scene.home().join(format!("copy-{number}")),
        );
        command
    }

    fn all_copies(&self) -> Vec<Run> {
        let copies: Vec<Child> = (0..COPIES)
            .map(|number| {
                let mut copy = self.copy(number);
                copy.stdout(Stdio::piped()).stderr(Stdio::piped());
                copy.spawn().unwrap()
            })
            .collect();
        let ended = copies
            .into_iter()
            .map(std::process::Child::wait_with_output);
        ended
            .map(|output| self.scene.ended(&output.unwrap()).exits(0))
            .collect()
    }

    /// How often a branch has been moved so far.
    fn moves_of(&self, branch: &str) -> usize {
        let log = self
            .scene
            .origin
            .path()
            .join("logs/refs/heads")
            .join(branch);
        std::fs::read_to_string(log)
            .unwrap_or_default()
            .lines()
            .count()
    }

    /// One change for a branch, made by one of all.
    #[track_caller]
    fn moves_once(&self, branch: &str) {
        let before = self.moves_of(branch);
        let runs = self.all_copies();
        assert_eq!(self.moves_of(branch), before + 1, "{runs:?}");
        self.is_settled();
        assert_eq!(self.moves_of(branch), before + 1);
    }
}

#[test]
fn fault_2_four_copies_are_as_good_as_one() {
    let hosted = Hosted::new(Kind::Gitea, web());
    let always = ["config", "core.logAllRefUpdates", "always"];
    hosted.scene.origin.git(&always);
    hosted.moves_once(FIRST_PINS);
    assert_eq!(hosted.open(), [1]);
    hosted.merge(1);
    for seed in ["second", "third", "fourth"] {
        let digest = hosted.scene.image("acme/web", "1", seed);
        hosted.moves_once(WEB);
        assert_eq!(hosted.open(), [2]);
        assert!(hosted.body(2).contains(digest.as_str()));
    }

    let mine = hosted.take_over();
    hosted.all_copies();
    hosted.is_settled();
    assert_eq!(hosted.remarks(2).len(), 1);
    assert_eq!(hosted.scene.origin.rev(WEB), mine);

    hosted.forge.model().tick(2, "Rebuild this pull request");
    hosted.all_copies();
    hosted.is_settled();
    assert_ne!(hosted.scene.origin.rev(WEB), mine);
    hosted.scene.image("acme/web", "1", "first");
    hosted.all_copies();
    hosted.is_settled();
    assert_eq!(hosted.open(), [0; 0]);
    assert_eq!(hosted.scene.bot_branches(), [""; 0]);
    let remarks = hosted.remarks(2);
    assert_eq!(remarks.len(), 2, "{remarks:?}");
    assert_eq!(hosted.forge.model().pulls.len(), 2);
}

#[test]
fn fault_43_a_copy_that_slept_undoes_nothing() {
    let hosted = Arc::new(Hosted::moved());
    // While the first is about to open its pull request, the tag moves on, and another copy makes
    // a whole pass.
    let other = Arc::clone(&hosted);
    let act = move || {
        other.scene.image("acme/web", "1", "third");
        let pass = other.copy(1).output().unwrap();
        other
            .scene
            .ended(&pass)
            .exits(0)
            .says("opened pull request #2");
        true
    };
    hosted.forge.interrupt(Some(Interruption {
        spares: 0,
        what: What::Act(Moment::Before, Box::new(act)),
    }));
    let first = hosted.scene.ended(&hosted.copy(0).output().unwrap());
    assert_eq!(hosted.open(), [2], "{first:?}");
    let third = hosted.scene.image("acme/web", "1", "third");
    assert!(hosted.body(2).contains(third.as_str()), "{first:?}");
    hosted.reconcile().exits(0).says("nothing to do");
    hosted.is_settled();
}
