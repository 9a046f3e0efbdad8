//! From what was gathered to a finished plan.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::environment::{Delivery, EnvironmentName};
use crate::gate::{Gate, GateFinding};
use crate::hold::InForce;
use crate::plan::branch::{self, Action};
use crate::plan::creation;
use crate::plan::declined::{held, hold_fields};
use crate::plan::due::Move;
use crate::plan::gates;
use crate::plan::group::{Group, groups, promotion_group};
use crate::plan::hold::wanted;
use crate::plan::placement::{self, Ground};
use crate::plan::promotion::{self, CarriedPart, Choice, Promotion, composed};
use crate::plan::proposal::{Inputs, Mode, Plan, Proposal, first_seen};
use crate::plan::pull_request::{Facts, ImageKey, close_and_remark};
use crate::plan::trailer::TaggedImage;
use crate::plan::waiting::{Gated, Reason, Waiting};
use crate::plan::{check, edits, merging, message, seal};
use crate::problem::{Problem, Severity};
use crate::resolve::{Outcome, Standing, TagState};
use crate::revision::BranchName;
use crate::snapshot::{FileChange, Files};
use crate::stream::{ALL_TAGS, ImageStream, StreamTagName};

/// Makes the plan. The same inputs give the same plan.
pub fn plan(mut inputs: Inputs<'_>) -> Plan {
    let due = std::mem::take(&mut inputs.due);
    let carried = inputs.carried.take();
    let mut plan = Plan {
        environment: inputs.environment.clone(),
        base: inputs.base,
        proposals: Vec::new(),
        obsolete: Vec::new(),
        ends: Vec::new(),
        taken_over: Vec::new(),
        remarks: Vec::new(),
        waiting: due.waiting,
        problems: std::mem::take(&mut inputs.problems),
        tags: inputs.tags.len(),
        kept: BTreeSet::new(),
        unverified: Vec::new(),
        next_change: None,
    };
    plan.problems.extend(due.problems);
    let is_complete = !plan
        .problems
        .iter()
        .any(|problem| problem.severity == Severity::Error);
    let mut moves = due.moves;
    let declined = |moves: &[Move]| {
        let (holds, forge) = (inputs.holds, inputs.forge);
        held(moves, inputs.taken_back, holds, inputs.branches, forge)
    };
    let held = declined(&moves);
    moves.retain(|moved| held.iter().all(|waiting| waiting.tag != moved.tag));
    plan.wait(held);
    let mut moves = hold_fields(moves, inputs.taken_back, &mut plan.waiting);
    let mut holding = wanted::take_out(&mut plan, &mut moves, &inputs);
    wait_for_wishes(&mut plan, &mut moves, &inputs);
    if inputs.mode == Mode::Commits {
        wait_for_signatures(&mut plan, &mut moves, &inputs);
    }
    for choice in inputs.choices {
        let merged = carried.as_ref().filter(|part| part.from == choice.from);
        let waiting = choice.waiting(merged.map_or(inputs.tags, |part| part.tags));
        if waiting.is_empty() {
            let told = choice.told_alone(&inputs.environment.name);
            plan.problems.extend(told);
        }
        plan.wait(waiting);
        plan.changes_at(choice.next_change);
    }
    let mut proposing = Proposing::new(&inputs, &plan);
    let mut candidates = Vec::new();
    if let Some(part) = carried {
        candidates.extend(proposing.carry(part, &mut holding, &mut plan));
    }
    let groups = groups(moves, inputs.streams, inputs.policy.pull_requests.group_by);
    for group in groups {
        candidates.extend(proposing.propose(group, &mut plan));
    }
    candidates.extend(holding);
    let is_sequence = is_in_sequence(&inputs);
    let files = &mut proposing.files;
    candidates.extend(creation::propose(&inputs, files, is_sequence, &mut plan));
    plan.kept.extend(creation::kept(&inputs));
    // What has no image here may have one on the merged tree.
    let gets_image = |waiting: &Waiting| {
        let moves = candidates.iter().flat_map(|candidate| &candidate.moves);
        let mut own = moves.filter(|moved| moved.tag == waiting.tag);
        own.any(|moved| moved.promotion().is_some())
    };
    plan.waiting.retain(|waiting| {
        !matches!(waiting.reason, Reason::NotFollowed(Standing::Promoted(_)))
            || !gets_image(waiting)
    });
    let unsettled = proposing.unsettled;
    settle_places(&mut plan, candidates, &inputs);
    let kept = kept_promotions(&inputs);
    let settled = settled_tags(inputs.tags);
    let is_settled = |image: &TaggedImage| {
        let of_repository = StreamTagName {
            stream: image.tag.stream.clone(),
            tag: ALL_TAGS.to_owned(),
        };
        let known = settled.get(&image.tag).copied().unwrap_or(is_complete);
        known && !settled.contains_key(&of_repository) && !unsettled.contains(&image.tag)
    };
    let needed: BTreeSet<&BranchName> = plan
        .proposals
        .iter()
        .filter_map(|proposal| proposal.branch.as_ref())
        .chain(
            plan.waiting
                .iter()
                .filter_map(|waiting| waiting.reason.branch()),
        )
        .chain(&kept)
        .chain(&plan.kept)
        .collect();
    // Who edits files leaves the branches to the pass that made them.
    if inputs.mode == Mode::Commits {
        plan.obsolete = branch::obsolete(inputs.branches, &needed, &is_settled);
    }
    if let Some(forge) = inputs.forge {
        close_and_remark(&mut plan, forge, inputs.branches, is_complete);
    }
    plan
}

/// Puts the candidates on branches, or on the environment's own.
fn settle_places(plan: &mut Plan, candidates: Vec<Proposal>, inputs: &Inputs<'_>) {
    if is_in_sequence(inputs) {
        plan.proposals = candidates;
        if inputs.mode == Mode::Commits {
            merging::commit_directly(plan, inputs);
        }
        return;
    }
    let ground = Ground {
        environment: inputs.environment,
        policy: &inputs.policy.pull_requests,
        branches: inputs.branches,
        forge: inputs.forge,
        now: inputs.now,
    };
    placement::place(plan, candidates, &ground);
    merging::gate(plan, inputs);
}

fn is_in_sequence(inputs: &Inputs<'_>) -> bool {
    inputs.mode == Mode::InPlace || inputs.environment.delivery == Delivery::Commit
}

/// Branches of promotions that are not planned now although they are not to go: the source's
/// commit that they bring was not found wanting, or nobody could tell.
fn kept_promotions(inputs: &Inputs<'_>) -> Vec<BranchName> {
    let undecided = inputs.choices.iter().filter(|choice| choice.is_undecided);
    let names = undecided.filter_map(|choice| {
        let group = promotion_group(&choice.from);
        crate::plan::group::branch_name(&inputs.environment.name, &group, 1)
    });
    names.collect()
}

/// Takes out what comes along in another promotion than the one that somebody asked for.
fn wait_for_wishes(plan: &mut Plan, moves: &mut Vec<Move>, inputs: &Inputs<'_>) {
    for choice in inputs.choices {
        let (Some(wish), Some(chosen)) = (&choice.wish, &choice.chosen) else {
            continue;
        };
        let reason = Reason::Gated(Gated {
            from: Some((choice.from.clone(), chosen.commit)),
            findings: Vec::new(),
        });
        moves.retain(|moved| {
            let from = moved.promotion();
            let is_other = from.is_some_and(|from| {
                from.environment == choice.from && !wish.names(&moved.tag) && !wish.names(&from.tag)
            });
            if is_other {
                let waiting = Waiting::stream_tag(&moved.tag, &moved.place, reason.clone());
                plan.wait(vec![waiting]);
            }
            !is_other
        });
    }
}

/// Takes out what comes from a registry and is not signed, where it has to be.
fn wait_for_signatures(plan: &mut Plan, moves: &mut Vec<Move>, inputs: &Inputs<'_>) {
    if inputs.environment.gates.signed_by.is_empty() {
        return;
    }
    moves.retain(|moved| {
        let (Some(digest), None) = (moved.digest(), &moved.promoted_from) else {
            return true;
        };
        // What is recorded stands already.
        if moved.record.is_none() {
            return true;
        }
        let finding = match inputs.signatures.get(digest) {
            Some(Ok(())) => return true,
            Some(Err(unsigned)) => {
                let name = moved.tag.to_string();
                gates::signature(&[(name, Err(unsigned.clone()))])
            }
            None => {
                plan.unverified
                    .push((moved.tag.clone(), moved.image.clone()));
                GateFinding::waits(Gate::Signature, None, "it could not be asked for")
            }
        };
        let reason = Reason::Gated(Gated {
            from: None,
            findings: vec![finding],
        });
        plan.waiting
            .push(Waiting::stream_tag(&moved.tag, &moved.place, reason));
        false
    });
}

/// Moves to proposals.
struct Proposing<'a> {
    inputs: &'a Inputs<'a>,
    files: Files,
    /// What could not be edited keeps its branch, as what could not be asked does, and what is held
    /// by nobody knows what.
    unsettled: BTreeSet<StreamTagName>,
}

impl<'a> Proposing<'a> {
    fn new(inputs: &'a Inputs<'a>, plan: &Plan) -> Self {
        Self {
            inputs,
            files: inputs.files.clone(),
            unsettled: plan.unreadable_holds().collect(),
        }
    }

    fn propose(&mut self, group: Group, plan: &mut Plan) -> Option<Proposal> {
        let Group {
            name,
            from,
            mut moves,
        } = group;
        let files = std::mem::take(&mut self.files);
        let edited = self.edit(&mut moves, self.inputs.streams, &files, plan);
        self.files = files;
        let changes = edited.filter(|changes| !changes.is_empty())?;
        let promotion = from.and_then(|from| self.promotion(&from, &moves, self.inputs.tags));
        let fault = check::fault(&moves, &changes);
        let proposal = self.proposal(name, moves, changes, promotion);
        let proposal = self.checked(proposal, fault, plan)?;
        if is_in_sequence(self.inputs) {
            let written = proposal.changes.iter();
            self.files
                .extend(written.map(|change| (change.path.clone(), change.after.clone())));
        }
        Some(proposal)
    }

    /// The merge of the source, with the bot's own bytes. Holds that are wanted of what it would
    /// bring go to `holding`: each is a proposal of its own.
    fn carry(
        &mut self,
        part: CarriedPart<'_>,
        holding: &mut Vec<Proposal>,
        plan: &mut Plan,
    ) -> Option<Proposal> {
        let inputs = self.inputs;
        if waits_for_copies(&part, plan, inputs) {
            return None;
        }
        let mut moves = part.due.moves;
        let held = held(
            &moves,
            part.taken_back,
            part.holds,
            inputs.branches,
            inputs.forge,
        );
        moves.retain(|moved| held.iter().all(|waiting| waiting.tag != moved.tag));
        let mut declined = held.iter().chain(&part.due.waiting);
        let is_declined = declined.any(|waiting| waiting.reason.is_declined());
        plan.wait(held);
        // What is said of the base already stands on other lines here.
        let mut waiting = part.due.waiting;
        waiting.retain(|waiting| {
            let mut known = inputs.tags.iter();
            waiting.reason.is_declined() || known.all(|state| state.name != waiting.tag)
        });
        plan.wait(waiting);
        plan.problems.extend(part.problems);
        plan.problems.extend(part.due.problems);
        plan.problems.sort();
        plan.problems.dedup();
        let mut moves = hold_fields(moves, part.taken_back, &mut plan.waiting);
        let taken_out = wanted::take_out(plan, &mut moves, inputs);
        let is_whole = !is_declined && taken_out.is_empty();
        for hold in taken_out {
            if holding.iter().all(|other| other.group != hold.group) {
                holding.push(hold);
            }
        }
        let edits = self.edit(&mut moves, part.streams, part.files, plan)?;
        let changes = composed(part.changes, &edits);
        if changes.is_empty() {
            return None;
        }
        let promotion = self.promotion(&part.from, &moves, part.tags);
        let fault = match edits.is_empty() {
            true => None,
            false => check::fault(&moves, &edits),
        };
        let name = promotion_group(&part.from);
        let mut proposal = self.proposal(name, moves, changes, promotion);
        let mut tree = part.tree;
        tree.edits = edits;
        if !is_whole {
            // It is no merge of all that the source has; and a forge that rebases a merge repeats the
            // source's commits, those too that bring what is held here.
            tree.source = None;
        }
        proposal.merge = Some(tree);
        self.checked(proposal, fault, plan)
    }

    /// The files after the moves; those that cannot be edited leave `moves`.
    fn edit(
        &mut self,
        moves: &mut Vec<Move>,
        streams: &[ImageStream],
        files: &Files,
        plan: &mut Plan,
    ) -> Option<Vec<FileChange>> {
        let inputs = self.inputs;
        let before: Vec<StreamTagName> = moves.iter().map(|moved| moved.tag.clone()).collect();
        let seen = |moved: &Move| first_seen(moved, inputs.first_seen, inputs.now);
        let pins = &inputs.policy.pins;
        let changes = edits::apply(moves, streams, files, &seen, pins, &mut plan.problems);
        let is_left = |tag: &StreamTagName| !moves.iter().any(|moved| moved.tag == *tag);
        self.unsettled.extend(before.into_iter().filter(is_left));
        Some(changes)
    }

    fn promotion(
        &self,
        from: &EnvironmentName,
        moves: &[Move],
        tags: &[TagState],
    ) -> Option<Promotion> {
        let mut choices = self.inputs.choices.iter();
        let choice = choices.find(|choice| choice.from == *from)?;
        Promotion::new(choice, moves, tags)
    }

    fn proposal(
        &self,
        group: String,
        moves: Vec<Move>,
        changes: Vec<FileChange>,
        promotion: Option<Promotion>,
    ) -> Proposal {
        let inputs = self.inputs;
        let of_choice = |choice: &&Choice| {
            let promotion = promotion.as_ref();
            promotion.is_some_and(|promotion| promotion.from == choice.from)
        };
        let choice = inputs.choices.iter().find(of_choice);
        let chosen = choice.and_then(|choice| choice.chosen.as_ref());
        let gates = chosen.map(|chosen| chosen.findings.clone());
        // Told of once it is known which of them are written.
        let gates = gates.unwrap_or_default();
        let background = message::Background {
            facts: &Facts::new(),
            forges: &[],
            promotion: promotion.as_ref(),
            gates: &gates,
        };
        let seen = |moved: &Move| first_seen(moved, inputs.first_seen, inputs.now);
        let name = &inputs.environment.name;
        let text = message::message(&moves, name, background, &seen);
        Proposal {
            group,
            branch: None,
            message: seal::seal(&text, &changes),
            moves,
            changes,
            action: match inputs.mode {
                Mode::InPlace => Action::Edit,
                Mode::Commits => Action::Commit,
            },
            hold: None,
            creation: None,
            promotion: promotion.map(Box::new),
            merge: None,
            gates,
            pull_request: None,
        }
    }

    /// Where somebody has closed the same promotion.
    fn declined(&self, proposal: &Proposal) -> Option<Reason> {
        let promotion = proposal.promotion.as_ref()?;
        if self.inputs.mode == Mode::InPlace {
            return None;
        }
        let key = ImageKey::of_promotion(&promotion.from, promotion.commit);
        let by_forge = self.inputs.forge.and_then(|forge| forge.declined(&key));
        let by_branch = || {
            let mut branches = self.inputs.branches.iter();
            let closed = branches.find(|branch| {
                let is_same = branch.promoted.as_ref() == Some(&promotion.promoted());
                is_same && matches!(branch.state, branch::BranchState::Closed { .. })
            })?;
            Some(Reason::Closed(closed.name.clone()))
        };
        let declined = by_forge.cloned().map(Reason::Declined);
        declined.or_else(by_branch)
    }

    /// The proposal, unless a second reader finds something wrong in it.
    fn checked(
        &self,
        proposal: Proposal,
        fault: Option<String>,
        plan: &mut Plan,
    ) -> Option<Proposal> {
        if let Some(reason) = self.declined(&proposal) {
            plan.wait_all(&proposal, &reason);
            return None;
        }
        let fault = fault.or_else(|| promotion::fault(&proposal, self.inputs.choices));
        let Some(fault) = fault else {
            return Some(proposal);
        };
        let group = &proposal.group;
        let message = format!("the plan for {group} is not applied: {fault}");
        let advice = "this is a defect of headwater; please report it";
        plan.problems
            .push(Problem::error(None, message).advice(advice));
        None
    }
}

impl Plan {
    /// Each once.
    pub(crate) fn wait(&mut self, waiting: Vec<Waiting>) {
        for news in waiting {
            let is_same = |known: &Waiting| {
                let named = known.tag == news.tag && known.field == news.field;
                named && known.reason == news.reason
            };
            if !self.waiting.iter().any(is_same) {
                self.waiting.push(news);
            }
        }
    }

    pub(crate) fn changes_at(&mut self, time: Option<Timestamp>) {
        self.next_change = [self.next_change, time].into_iter().flatten().min();
    }

    fn unreadable_holds(&self) -> impl Iterator<Item = StreamTagName> {
        let is_unreadable = |waiting: &&Waiting| match &waiting.reason {
            Reason::Held(held) => matches!(held.hold, InForce::Faulty(_)),
            _ => false,
        };
        let unreadable = self.waiting.iter().filter(is_unreadable);
        unreadable.map(|waiting| waiting.tag.clone())
    }
}

/// A merge has what the source's fields name, and these name the source's registry: so it waits
/// until all that it brings is copied.
fn waits_for_copies(part: &CarriedPart<'_>, plan: &mut Plan, inputs: &Inputs<'_>) -> bool {
    let is_uncopied = |state: &&TagState| {
        let from = state.promoted_from.as_ref();
        let is_pending = matches!(state.outcome, Outcome::Pending);
        from.is_some_and(|from| from.environment == part.from)
            && (is_pending || state.is_uncopied())
    };
    let uncopied: BTreeSet<&StreamTagName> = part
        .tags
        .iter()
        .filter(is_uncopied)
        .map(|state| &state.name)
        .collect();
    if uncopied.is_empty() {
        return false;
    }
    let waiting = part.due.waiting.iter();
    let own = waiting.filter(|waiting| uncopied.contains(&waiting.tag));
    plan.wait(own.cloned().collect());
    // What is open stays as it is.
    let group = promotion_group(&part.from);
    let open = crate::plan::group::branch_name(&inputs.environment.name, &group, 1);
    plan.kept.extend(open);
    true
}

/// Whether each known tag was answered, and with an image that may be proposed. A repository that
/// could not be read has a tag of its own, [`ALL_TAGS`].
fn settled_tags(tags: &[TagState]) -> BTreeMap<StreamTagName, bool> {
    tags.iter()
        .map(|state| {
            (
                state.name.clone(),
                !matches!(state.outcome, Outcome::Young(_)) && !state.is_unanswered(),
            )
        })
        .collect()
}
