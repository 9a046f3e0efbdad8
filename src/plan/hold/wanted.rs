//! Holds that people ask for on pull requests: each becomes a pull request that writes it.

use std::collections::BTreeMap;

use crate::environment::EnvironmentName;
use crate::hold::Hold;
use crate::plan::branch::Action;
use crate::plan::due::Move;
use crate::plan::hold::put;
use crate::plan::proposal::{HoldProposal, Inputs, Mode, Plan, Proposal};
use crate::plan::pull_request::{ForgeView, hold_message};
use crate::plan::seal;
use crate::stream::StreamTagName;

/// The stream tags of an environment that somebody wants to be held, and by whom.
pub fn wanted(environment: &EnvironmentName, forge: &ForgeView) -> BTreeMap<StreamTagName, String> {
    forge.holds(&format!("headwater/{environment}/"))
}

/// Takes the moves out that somebody wants to be held, and gives a proposal for each hold. What
/// cannot be written stays a move, with a problem that says why.
pub fn take_out(plan: &mut Plan, moves: &mut Vec<Move>, inputs: &Inputs<'_>) -> Vec<Proposal> {
    let (Some(forge), Mode::Commits) = (inputs.forge, inputs.mode) else {
        return Vec::new();
    };
    let wanted = wanted(&plan.environment.name, forge);
    let mut proposals = Vec::new();
    moves.retain(|moved| {
        let by = wanted.get(&moved.tag);
        let proposal = by.and_then(|by| proposal(plan, moved, by, inputs));
        let is_kept = proposal.is_none();
        proposals.extend(proposal);
        is_kept
    });
    proposals
}

fn proposal(plan: &mut Plan, moved: &Move, by: &str, inputs: &Inputs<'_>) -> Option<Proposal> {
    moved.record.as_ref()?;
    // On the environment's own branch, whatever a merge would make of the stream.
    let mut streams = inputs.streams.iter();
    let stream = streams.find(|stream| stream.name == moved.tag.stream)?;
    let hold = Hold {
        environment: plan.environment.name.clone(),
        rejected: None,
        by: Some(by.to_owned()),
        reason: Some(match &moved.previous {
            Some(digest) => format!("its box was ticked; it stays at {}", digest.short()),
            None => "its box was ticked; it stays without an image".to_owned(),
        }),
        until: None,
    };
    let change = match put(stream, &moved.tag.tag, &hold, inputs.files) {
        Ok(change) => change?,
        Err(problem) => {
            plan.problems.push(problem);
            return None;
        }
    };
    let hold = HoldProposal {
        tag: moved.tag.clone(),
        current: moved.previous.clone(),
        rejected: moved.digest()?.clone(),
        by: by.to_owned(),
    };
    let changes = vec![change];
    let message = hold_message(&hold, &plan.environment.name);
    let stream = &moved.tag.stream;
    Some(Proposal {
        // `hold.` is no namespace with a stream: that would have one dot.
        group: format!(
            "hold.{}.{}@{}",
            stream.namespace, stream.name, moved.tag.tag
        ),
        branch: None,
        moves: Vec::new(),
        message: seal::seal(&message, &changes),
        changes,
        action: Action::Commit,
        hold: Some(hold),
        creation: None,
        promotion: None,
        merge: None,
        gates: Vec::new(),
        pull_request: None,
    })
}
