//! From what was gathered to a finished plan.

use std::collections::{BTreeMap, BTreeSet};

use crate::environment::{Delivery, Environment};
use crate::gate::GateFinding;
use crate::hold::InForce;
use crate::image::Digest;
use crate::plan::branch::{self, Action, BotBranch, BranchState, Obsolete};
use crate::plan::due::{Due, Move, recorded_reference};
use crate::plan::group::{Group, groups};
use crate::plan::history::{Spot, field_spot};
use crate::plan::hold::HoldsInForce;
use crate::plan::hold::wanted;
use crate::plan::placement::{self, Ground};
use crate::plan::promotion::Promotion;
use crate::plan::pull_request::{
    End, Facts, ForgeView, ImageKey, Publication, Remark, TakenOver, close_and_remark,
};
use crate::plan::trailer::TaggedImage;
use crate::plan::waiting::{Reason, TakenBack, Waiting};
use crate::plan::{check, edits, message, seal};
use crate::policy::Policy;
use crate::problem::{Problem, Severity};
use crate::resolve::{Outcome, TagState};
use crate::revision::{BranchName, CommitId};
use crate::snapshot::{FileChange, Files};
use crate::stream::{ALL_TAGS, ImageStream, StreamTagName};

/// All that a plan is made from.
#[derive(Debug)]
pub struct Inputs<'a> {
    pub environment: &'a Environment,
    pub policy: &'a Policy,
    /// The commit that is planned for; none in a work tree without Git.
    pub base: Option<CommitId>,
    /// What comes of it: branches and commits, or edits in place.
    pub mode: Mode,
    pub streams: &'a [ImageStream],
    pub tags: &'a [TagState],
    pub due: Due,
    /// What the manifests' reader found.
    pub problems: Vec<Problem>,
    /// The content of every file that a due move touches.
    pub files: &'a Files,
    /// Digests that were taken out of their spots.
    pub taken_back: &'a BTreeMap<Spot, TakenBack>,
    pub holds: &'a HoldsInForce,
    pub branches: &'a [BotBranch],
    /// Where pull requests are opened; none: the branches are the pull requests.
    pub forge: Option<&'a ForgeView>,
    pub first_seen: &'a FirstSeen,
    /// RFC 3339, UTC, whole seconds.
    pub now: &'a str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// By the environment's delivery.
    Commits,
    /// The files of a work tree.
    InPlace,
}

/// What is to be done for one environment, and what is not.
#[derive(Debug)]
pub struct Plan {
    pub environment: Environment,
    pub base: Option<CommitId>,
    pub proposals: Vec<Proposal>,
    pub obsolete: Vec<Obsolete>,
    /// Pull requests that have nothing left to do.
    pub ends: Vec<End>,
    /// Branches that somebody else has gone on from.
    pub taken_over: Vec<TakenOver>,
    /// What is said once under pull requests that are not touched.
    pub remarks: Vec<Remark>,
    pub waiting: Vec<Waiting>,
    pub problems: Vec<Problem>,
    /// How many stream tags there are.
    pub tags: usize,
}

/// One commit, or one set of edits.
#[derive(Debug)]
pub struct Proposal {
    pub group: String,
    /// None where files are edited, or the environment's own branch is committed to.
    pub branch: Option<BranchName>,
    pub moves: Vec<Move>,
    pub changes: Vec<FileChange>,
    pub message: String,
    pub action: Action,
    /// Instead of moving anything it writes this hold.
    pub hold: Option<HoldProposal>,
    /// Where its images come from another environment.
    pub promotion: Option<Box<Promotion>>,
    /// What the environment's gates say of it; all of them that are asked for.
    pub gates: Vec<GateFinding>,
    /// None without a forge, and while it cannot be asked.
    pub pull_request: Option<Publication>,
}

/// A stream tag that is to stay where it is.
#[derive(Clone, Debug)]
pub struct HoldProposal {
    pub tag: StreamTagName,
    pub current: Option<Digest>,
    /// Where the tag would go otherwise.
    pub rejected: Digest,
    /// Who wants it.
    pub by: String,
}

impl Plan {
    /// Whether applying it would write nothing.
    pub fn is_empty(&self) -> bool {
        self.obsolete.is_empty()
            && self.ends.is_empty()
            && self.remarks.is_empty()
            && self.proposals.iter().all(Proposal::is_done)
    }

    /// Whether something waits that only time ends.
    pub fn depends_on_time(&self) -> bool {
        let mut waiting = self.waiting.iter();
        waiting.any(|waiting| waiting.reason.depends_on_time())
    }

    /// Branches whose ended pull requests have to be known, with the images that they would
    /// propose: a closed one declines them.
    pub fn unasked(&self, forge: &ForgeView) -> Vec<(BranchName, BTreeSet<ImageKey>)> {
        let Some(base) = &self.environment.branch else {
            return Vec::new();
        };
        let unasked = self.proposals.iter().filter_map(|proposal| {
            let branch = proposal.branch.clone()?;
            let is_known = forge.is_asked(&branch) || forge.open_of(&branch, base).is_some();
            (!is_known).then(|| (branch, proposal.image_keys()))
        });
        unasked.collect()
    }

    /// Takes out what was not asked about in time.
    pub fn leave_unasked(&mut self, forge: &ForgeView) {
        let unasked: BTreeSet<BranchName> = self
            .unasked(forge)
            .into_iter()
            .map(|(branch, _)| branch)
            .collect();
        let is_unasked = |proposal: &mut Proposal| {
            let branch = proposal.branch.as_ref();
            branch.is_some_and(|branch| unasked.contains(branch))
        };
        let left: Vec<Proposal> = self.proposals.extract_if(.., is_unasked).collect();
        for proposal in left {
            let Some(branch) = proposal.branch.clone() else {
                continue;
            };
            let reason = "too many were closed to look through them in one pass".to_owned();
            self.wait_all(&proposal, &Reason::Outage { branch, reason });
        }
    }

    /// Whether something that was asked for could not be done.
    pub fn has_failures(&self) -> bool {
        self.waiting
            .iter()
            .any(|waiting| waiting.reason.is_failure())
            || self
                .problems
                .iter()
                .any(|problem| problem.severity == Severity::Error)
    }
}

impl Proposal {
    /// What closing its pull request would decline: its images, and the commit that it promotes.
    pub fn image_keys(&self) -> BTreeSet<ImageKey> {
        let images = self.moves.iter();
        let images = images.filter_map(|moved| Some(ImageKey::new(&moved.tag, moved.digest()?)));
        let promotion = self.promotion.iter();
        let commits = promotion.map(|it| ImageKey::of_promotion(&it.from, it.commit));
        images.chain(commits).collect()
    }

    /// Whether branch and pull request are as they should be.
    fn is_done(&self) -> bool {
        matches!(self.action, Action::Keep { .. })
            && self
                .pull_request
                .as_ref()
                .is_none_or(Publication::is_nothing)
    }
}

/// Makes the plan. The same inputs give the same plan.
pub fn plan(inputs: Inputs<'_>) -> Plan {
    let mut plan = Plan {
        environment: inputs.environment.clone(),
        base: inputs.base,
        proposals: Vec::new(),
        obsolete: Vec::new(),
        ends: Vec::new(),
        taken_over: Vec::new(),
        remarks: Vec::new(),
        waiting: inputs.due.waiting,
        problems: inputs.problems,
        tags: inputs.tags.len(),
    };
    plan.problems.extend(inputs.due.problems);
    let is_complete = !plan
        .problems
        .iter()
        .any(|problem| problem.severity == Severity::Error);
    let mut moves = inputs.due.moves;
    let (holds, forge) = (inputs.holds, inputs.forge);
    let held = held(&moves, inputs.taken_back, holds, inputs.branches, forge);
    moves.retain(|moved| held.iter().all(|waiting| waiting.tag != moved.tag));
    let news = held.into_iter().filter(|it| !plan.waiting.contains(it));
    let news: Vec<Waiting> = news.collect();
    plan.waiting.extend(news);
    let mut moves = hold_fields(moves, inputs.taken_back, &mut plan.waiting);
    let holding = match inputs.mode {
        Mode::Commits => wanted::take_out(
            &mut plan,
            &mut moves,
            inputs.forge,
            inputs.streams,
            inputs.files,
        ),
        Mode::InPlace => Vec::new(),
    };

    let seen = |moved: &Move| first_seen(moved, inputs.first_seen, inputs.now);
    let in_sequence =
        inputs.mode == Mode::InPlace || inputs.environment.delivery == Delivery::Commit;
    let mut files = inputs.files.clone();
    let mut candidates = Vec::new();
    // What could not be edited keeps its branch, as what could not be asked does, and what is held
    // by nobody knows what.
    let mut unsettled: BTreeSet<StreamTagName> = plan.unreadable_holds().collect();
    for Group { name, mut moves } in
        groups(moves, inputs.streams, inputs.policy.pull_requests.group_by)
    {
        let pins = &inputs.policy.pins;
        let before: Vec<StreamTagName> = moves.iter().map(|moved| moved.tag.clone()).collect();
        let changes = edits::apply(
            &mut moves,
            inputs.streams,
            &files,
            &seen,
            pins,
            &mut plan.problems,
        );
        unsettled.extend(
            before
                .into_iter()
                .filter(|tag| !moves.iter().any(|moved| moved.tag == *tag)),
        );
        if changes.is_empty() {
            continue;
        }
        if let Some(fault) = check::fault(&moves, &changes) {
            plan.problems.push(
                Problem::error(None, format!("the plan for {name} is not applied: {fault}"))
                    .advice("this is a defect of headwater; please report it"),
            );
            continue;
        }
        if in_sequence {
            files.extend(
                changes
                    .iter()
                    .map(|change| (change.path.clone(), change.after.clone())),
            );
        }
        // Told of once it is known which of them are written.
        let background = message::Background {
            facts: &Facts::new(),
            forges: &[],
            promotion: None,
            gates: &[],
        };
        let message = message::message(&moves, &inputs.environment.name, background, &seen);
        candidates.push(Proposal {
            group: name,
            branch: None,
            message: seal::seal(&message, &changes),
            moves,
            changes,
            action: if inputs.mode == Mode::InPlace {
                Action::Edit
            } else {
                Action::Commit
            },
            hold: None,
            promotion: None,
            gates: Vec::new(),
            pull_request: None,
        });
    }
    candidates.extend(holding);
    if in_sequence {
        plan.proposals = candidates;
    } else {
        let ground = Ground {
            environment: inputs.environment,
            policy: &inputs.policy.pull_requests,
            branches: inputs.branches,
            forge: inputs.forge,
            now: inputs.now,
        };
        placement::place(&mut plan, candidates, &ground);
    }
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

impl Plan {
    fn unreadable_holds(&self) -> impl Iterator<Item = StreamTagName> {
        let is_unreadable = |waiting: &&Waiting| match &waiting.reason {
            Reason::Held(held) => matches!(held.hold, InForce::Faulty(_)),
            _ => false,
        };
        let unreadable = self.waiting.iter().filter(is_unreadable);
        unreadable.map(|waiting| waiting.tag.clone())
    }
}

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
fn hold_fields(
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

/// When the images that open branches propose were seen first, RFC 3339, by stream tag and
/// [`recorded_reference`].
pub type FirstSeen = BTreeMap<(StreamTagName, String), String>;

pub(crate) fn first_seen(moved: &Move, seen: &FirstSeen, now: &str) -> String {
    let key = (moved.tag.clone(), recorded_reference(&moved.image));
    seen.get(&key).cloned().unwrap_or_else(|| now.to_owned())
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
