//! Which proposals are merged now, and what holds the others.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::gate::{Gate, GateFinding};
use crate::plan::branch::Action;
use crate::plan::due::Move;
use crate::plan::gates;
use crate::plan::proposal::{Inputs, Plan, Proposal};
use crate::plan::waiting::{Gated, Reason};
use crate::pull_request::PullRequest;
use crate::snapshot::FilePath;

/// Says of each proposal on a branch what the environment's gates say, and commits to the
/// environment's own branch what may be merged and has no forge to merge it.
pub(crate) fn gate(plan: &mut Plan, inputs: &Inputs<'_>) {
    if !inputs.environment.is_gated() && !inputs.environment.automerge {
        return;
    }
    let Ok(now) = inputs.now.parse::<Timestamp>() else {
        return;
    };
    hold_off_frozen(plan, inputs, now);
    // A hold keeps things out: no gate is in its way.
    for proposal in plan.proposals.iter_mut().filter(|it| it.hold.is_none()) {
        let found = holding(inputs, Some(proposal), now);
        proposal.gates.extend(found);
    }
    plan.changes_at(next_change(inputs, now));
    if inputs.environment.automerge && inputs.forge.is_none() {
        let mut proposals = std::mem::take(&mut plan.proposals);
        let may_merge = |proposal: &Proposal| {
            let moves_back = |moved: &Move| moved.moves_back_to().is_some();
            // What the source went back to has passed the gates there.
            let is_back = proposal.promotion.is_none() && proposal.moves.iter().any(moves_back);
            let is_passed = proposal.gates.iter().all(GateFinding::is_passed);
            proposal.hold.is_none() && !is_back && is_passed
        };
        for number in in_order(&mut proposals, &may_merge) {
            if let Some(proposal) = proposals.get_mut(number) {
                proposal.branch = None;
                proposal.action = Action::Commit;
            }
        }
        // The environment's own branch is written first, a merge before all else.
        proposals.sort_by_key(|proposal| {
            let is_branch = proposal.action != Action::Commit;
            (is_branch, proposal.merge.is_none())
        });
        plan.proposals = proposals;
    }
}

/// Of an environment that is committed to: what the gates hold waits.
pub(crate) fn commit_directly(plan: &mut Plan, inputs: &Inputs<'_>) {
    let Ok(now) = inputs.now.parse::<Timestamp>() else {
        return;
    };
    let mut proposals = std::mem::take(&mut plan.proposals);
    for proposal in &mut proposals {
        let found = gates::freeze(&inputs.environment.freezes, now);
        let has_freeze = proposal.gates.iter().any(|it| it.gate == Gate::Freeze);
        proposal.gates.extend(found.filter(|_| !has_freeze));
        proposal.gates.extend(holding(inputs, None, now));
    }
    plan.changes_at(next_change(inputs, now));
    let passes = |proposal: &Proposal| proposal.gates.iter().all(GateFinding::is_passed);
    let (passing, held): (Vec<_>, Vec<_>) = proposals.into_iter().partition(passes);
    for proposal in held {
        plan.wait_for_gates(&proposal);
    }
    let mut passing = passing;
    let taken = in_order(&mut passing, &|_| true);
    for (number, proposal) in passing.into_iter().enumerate() {
        if taken.contains(&number) {
            plan.proposals.push(proposal);
        } else {
            // It is planned again on what is committed first.
            let reason = Reason::Gated(Gated {
                from: None,
                findings: Vec::new(),
            });
            plan.wait_all(&proposal, &reason);
        }
    }
}

/// Puts merges first, and gives those that can be committed one after another: a merge, and what
/// touches none of its files.
fn in_order(proposals: &mut [Proposal], may_merge: &dyn Fn(&Proposal) -> bool) -> BTreeSet<usize> {
    proposals.sort_by_key(|proposal| proposal.merge.is_none());
    let mut written: BTreeSet<FilePath> = BTreeSet::new();
    let mut is_merged = false;
    let mut taken = BTreeSet::new();
    for (number, proposal) in proposals.iter().enumerate() {
        let paths: BTreeSet<&FilePath> = proposal.changes.iter().map(|it| &it.path).collect();
        let is_alone = paths.iter().all(|path| !written.contains(*path));
        let is_second_merge = is_merged && proposal.merge.is_some();
        if !may_merge(proposal) || is_second_merge || !is_alone && !is_sequel(proposal, is_merged) {
            continue;
        }
        is_merged |= proposal.merge.is_some();
        written.extend(paths.into_iter().cloned());
        taken.insert(number);
    }
    taken
}

/// Without a merge before it, what is committed in sequence was edited in sequence.
fn is_sequel(proposal: &Proposal, is_merged: bool) -> bool {
    !is_merged && proposal.branch.is_none()
}

/// What holds a merge; of a proposal where there is a pull request to ask for.
fn holding(inputs: &Inputs<'_>, proposal: Option<&Proposal>, now: Timestamp) -> Vec<GateFinding> {
    let gates = &inputs.environment.gates;
    let mut found = Vec::new();
    if gates.approvals > 0 {
        found.push(approvals(inputs, proposal));
    }
    if !gates.windows.is_empty() {
        found.push(gates::windows(&gates.windows, now));
    }
    found
}

fn approvals(inputs: &Inputs<'_>, proposal: Option<&Proposal>) -> GateFinding {
    let required = inputs.environment.gates.approvals;
    let Some(forge) = inputs.forge else {
        return gates::approvals(required, Err("there is no forge to ask"));
    };
    if let Some(outage) = &forge.outage {
        return gates::approvals(required, Err(outage));
    }
    let open = proposal.and_then(|proposal| {
        let base = inputs.environment.branch.as_ref()?;
        // Nobody has seen what a branch is about to hold.
        let Action::Keep { head } = &proposal.action else {
            return None;
        };
        let open = forge.open_of(proposal.branch.as_ref()?, base)?;
        (open.head_commit == Some(*head)).then_some(open)
    });
    let found = match open {
        Some(PullRequest { number, .. }) => forge.approvals_of(*number),
        None => Ok(None),
    };
    gates::approvals(required, found)
}

/// While an environment is frozen, what is open stays, and nothing comes new.
fn hold_off_frozen(plan: &mut Plan, inputs: &Inputs<'_>, now: Timestamp) {
    let Some(frozen) = gates::freeze(&inputs.environment.freezes, now) else {
        return;
    };
    let mut proposals = std::mem::take(&mut plan.proposals);
    for mut proposal in proposals.drain(..) {
        if proposal.hold.is_some() {
            plan.proposals.push(proposal);
            continue;
        }
        if !proposal.gates.contains(&frozen) {
            proposal.gates.insert(0, frozen.clone());
        }
        if matches!(proposal.action, Action::Keep { .. }) {
            plan.proposals.push(proposal);
        } else {
            plan.wait_for_gates(&proposal);
            // What is open stays as it is.
            plan.kept.extend(proposal.branch);
        }
    }
}

/// When windows and freezes change by themselves.
fn next_change(inputs: &Inputs<'_>, now: Timestamp) -> Option<Timestamp> {
    let windows = &inputs.environment.gates.windows;
    let window = match windows.is_empty() {
        true => None,
        false if windows.is_open(now) => windows.closes(now),
        false => windows.next_opening(now),
    };
    let freezes = inputs.environment.freezes.iter();
    let freezes = freezes.filter_map(|freeze| freeze.next_change(now));
    freezes.chain(window).min()
}

impl Plan {
    fn wait_for_gates(&mut self, proposal: &Proposal) {
        let open = proposal.gates.iter().filter(|finding| !finding.is_passed());
        let promotion = proposal.promotion.as_ref();
        let reason = Reason::Gated(Gated {
            from: promotion.map(|promotion| (promotion.from.clone(), promotion.commit)),
            findings: open.cloned().collect(),
        });
        self.wait_all(proposal, &reason);
    }
}
