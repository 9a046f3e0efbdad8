use std::collections::BTreeMap;

use crate::git::Error;
use crate::manifest::Manifests;
use crate::plan::pull_request::ForgeView;
use crate::plan::{self, BotBranch, Due, HoldsInForce, Spot, TakenBack};
use crate::policy::PinPolicy;
use crate::reconcile::evidence::Past;
use crate::resolve::TagState;

/// What is due without what somebody declined, and which fields are held of it.
///
/// Where a stream tag's new image is held, its fields follow the recorded one: a workload that
/// comes new must not run what was taken out. Such tags are [`crate::resolve::Outcome::Held`] afterwards.
pub fn due_without_held(
    manifests: &Manifests,
    policy: &PinPolicy,
    tags: &mut [TagState],
    branches: &[BotBranch],
    holds: &HoldsInForce,
    forge: Option<&ForgeView>,
    past: Option<&Past<'_>>,
) -> Result<(Due, BTreeMap<Spot, TakenBack>), Error> {
    let streams = &manifests.streams;
    let taken_back = |due: &Due| match past {
        Some(past) => past.taken_back(&plan::questions(&due.moves, streams)),
        None => Ok(BTreeMap::new()),
    };
    let due = plan::due(streams, &manifests.triggers, tags, policy);
    let back = taken_back(&due)?;
    let held = plan::held(&due.moves, &back, holds, branches, forge);
    if held.is_empty() {
        return Ok((due, back));
    }
    for state in tags.iter_mut() {
        if held.iter().any(|waiting| waiting.tag == state.name) {
            state.hold();
        }
    }
    let mut due = plan::due(streams, &manifests.triggers, tags, policy);
    let back = taken_back(&due)?;
    due.waiting.extend(held);
    Ok((due, back))
}
