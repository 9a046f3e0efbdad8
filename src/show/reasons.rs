//! Why stream tags wait in an environment: what its plan says, in one place.
//!
//! Gates that choose a candidate are reasons of what waits, and gates that hold the merge are
//! findings of what is proposed; both come out here, and nowhere else.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::image::Digest;
use crate::plan::{Plan, Reason};
use crate::stream::StreamTagName;

/// Why something is not done yet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Why {
    /// One word, as in a plan; of a gate its name.
    pub kind: &'static str,
    pub message: String,
    /// The field that waits; none where the whole stream tag does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The one image that it is about.
    #[serde(skip)]
    pub image: Option<Digest>,
}

/// By stream tag, each once, in the plan's order.
pub fn reasons(plan: &Plan) -> BTreeMap<StreamTagName, Vec<Why>> {
    let mut found: BTreeMap<StreamTagName, Vec<Why>> = BTreeMap::new();
    let mut add = |tag: &StreamTagName, why: Why| {
        let known = found.entry(tag.clone()).or_default();
        if !known.contains(&why) {
            known.push(why);
        }
    };
    for waiting in plan.waiting.iter().filter(|it| is_waiting(&it.reason)) {
        add(
            &waiting.tag,
            Why {
                kind: waiting.reason.kind(),
                message: waiting.reason.to_string(),
                field: waiting.field.clone(),
                image: image(&waiting.reason),
            },
        );
    }
    for proposal in &plan.proposals {
        let open = proposal.gates.iter().filter(|finding| !finding.is_passed());
        for finding in open {
            for moved in &proposal.moves {
                add(
                    &moved.tag,
                    Why {
                        kind: finding.gate.name(),
                        message: finding.to_string(),
                        field: None,
                        image: moved.digest().cloned(),
                    },
                );
            }
        }
    }
    found
}

/// A tag that nobody asks to be followed waits for nothing.
fn is_waiting(reason: &Reason) -> bool {
    !matches!(reason, Reason::NotFollowed(_))
}

fn image(reason: &Reason) -> Option<Digest> {
    match reason {
        Reason::TakenBack(back) => Some(back.digest.clone()),
        Reason::Held(held) => held.hold.rejected().cloned(),
        Reason::Young(young) => Some(young.digest.clone()),
        _ => None,
    }
}
