//! What the model has found, as short stories.

use headwater::pull_request::Checks;

use crate::promotion_model::random::Random;
use crate::promotion_model::setup::{Form, Gates, Setup};
use crate::promotion_model::world::World;

const TO_STAGING: &str = "headwater/staging/from-dev";

/// The next pull request of the branch brought it back as soon as it was open itself.
#[test]
fn what_was_closed_stays_away_beside_what_is_new() {
    for form in [Form::Merge, Form::Pins, Form::Namespaces] {
        let mut world = World::new(Setup::open(form, true), Random::new(0));
        world.settle().unwrap();
        world.merges(TO_STAGING).unwrap();
        world.pushes("web", "2");
        world.settle().unwrap();
        world.closes(TO_STAGING);
        world.pushes("api", "1");
        world.settle().unwrap();
        world.settle().unwrap();
        let forge = world.forge.as_ref().unwrap();
        assert!(forge.open_of(TO_STAGING).is_some(), "{form:?}");
    }
}

/// The check of the commit that the branch names was taken back, another commit with the same
/// images passes: the branch that was merged named the one that does not.
#[test]
fn a_merge_names_the_commit_that_has_passed() {
    for form in [Form::Pins, Form::Namespaces] {
        let mut setup = Setup::open(form, true);
        setup.gates[1] = Gates {
            has_checks: true,
            ..Gates::default()
        };
        setup.automerge[1] = true;
        let mut world = World::new(setup, Random::new(0));
        world.settle().unwrap();
        world.check_tip(0, Checks::Passing);
        world.settle().unwrap();
        let open = world.site.tip(TO_STAGING).unwrap();
        world.check_tip(0, Checks::Failing);
        world.edits(0);
        world.check_tip(0, Checks::Passing);
        world.settle().unwrap();
        assert_ne!(world.site.tip(TO_STAGING), Some(open), "{form:?}");
        world.waits(10);
        world.settle().unwrap();
        assert_eq!(world.oracle().missing(1), [], "{form:?}");
    }
}
