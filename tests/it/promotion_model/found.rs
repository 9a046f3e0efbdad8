//! What the model has found, as short stories.

use crate::promotion_model::random::Random;
use crate::promotion_model::setup::{Form, Setup};
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
