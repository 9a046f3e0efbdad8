//! What somebody declined: held, taken out, or closed.

use std::collections::BTreeMap;

use crate::plan::branch::{BotBranch, BranchState};
use crate::plan::due::Move;
use crate::plan::history::{Spot, field_spot};
use crate::plan::hold::HoldsInForce;
use crate::plan::pull_request::{ForgeView, ImageKey};
use crate::plan::trailer::TaggedImage;
use crate::plan::waiting::{Reason, TakenBack, Waiting};
use crate::revision::BranchName;

/// The stream tags whose new image is declined as a whole, each with the reasons: held, taken out
/// of the stream's status, or closed on its bot branch.
pub fn held(
    moves: &[Move],
    taken_back: &BTreeMap<Spot, TakenBack>,
    holds: &HoldsInForce,
    branches: &[BotBranch],
    forge: Option<&ForgeView>,
) -> Vec<Waiting> {
    let closed = closed_images(branches);
    moves
        .iter()
        .flat_map(|moved| {
            let own = holds.get(&moved.tag).into_iter().flatten();
            let hold = own.into_iter().find(|held| held.is_against(moved));
            let declined = || {
                let key = ImageKey::new(&moved.tag, moved.digest()?);
                forge?.declined(&key).cloned().map(Reason::Declined)
            };
            // What was closed counts beside a hold, which may be over before it.
            let closed = reason_to_hold(moved, taken_back, &closed).or_else(declined);
            let reasons = hold
                .cloned()
                .map(Box::new)
                .map(Reason::Held)
                .into_iter()
                .chain(closed);
            reasons.map(|reason| Waiting::stream_tag(&moved.tag, &moved.place, reason))
        })
        .collect()
}

fn reason_to_hold(
    moved: &Move,
    taken_back: &BTreeMap<Spot, TakenBack>,
    closed: &BTreeMap<TaggedImage, BranchName>,
) -> Option<Reason> {
    let tombstone = moved.digest().and_then(|digest| {
        closed.get(&TaggedImage {
            tag: moved.tag.clone(),
            digest: digest.clone(),
        })
    });
    let back = || {
        let back = taken_back.get(&Spot::Status(moved.tag.clone()))?;
        moved
            .record
            .is_some()
            .then(|| Reason::TakenBack(back.clone()))
    };
    tombstone.cloned().map(Reason::Closed).or_else(back)
}

fn closed_images(branches: &[BotBranch]) -> BTreeMap<TaggedImage, BranchName> {
    branches
        .iter()
        .filter_map(|branch| match &branch.state {
            BranchState::Closed { images } => Some((branch, images)),
            _ => None,
        })
        .flat_map(|(branch, images)| {
            images
                .iter()
                .map(|image| (image.clone(), branch.name.clone()))
        })
        .collect()
}

/// Takes out the fields that somebody took an image out of.
pub(crate) fn hold_fields(
    mut moves: Vec<Move>,
    taken_back: &BTreeMap<Spot, TakenBack>,
    waiting: &mut Vec<Waiting>,
) -> Vec<Move> {
    for moved in &mut moves {
        moved
            .fields
            .retain(|field| match taken_back.get(&field_spot(field)) {
                Some(back) => {
                    let reason = Reason::TakenBack(back.clone());
                    waiting.push(Waiting::field(&field.trigger, reason));
                    false
                }
                None => true,
            });
    }
    moves.retain(|moved| moved.record.is_some() || !moved.fields.is_empty());
    moves
}
