//! What a plan is made from, and what it is.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::environment::{Environment, EnvironmentName};
use crate::gate::GateFinding;
use crate::image::{Digest, Reference};
use crate::plan::branch::{Action, BotBranch, Obsolete};
use crate::plan::creation::{Creation, Pushes};
use crate::plan::due::{Due, Move, recorded_reference};
use crate::plan::gates::Unsigned;
use crate::plan::history::Spot;
use crate::plan::hold::HoldsInForce;
use crate::plan::promotion::{CarriedPart, CarriedTree, Choice, Promotion};
use crate::plan::pull_request::{End, ForgeView, ImageKey, Publication, Remark, TakenOver};
use crate::plan::waiting::{Reason, TakenBack, Waiting};
use crate::policy::Policy;
use crate::problem::{Problem, Severity};
use crate::resolve::TagState;
use crate::revision::{BranchName, CommitId};
use crate::snapshot::{FileChange, Files};
use crate::stream::{ImageStream, StreamTagName};

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
    /// What is taken from other environments.
    pub choices: &'a [Choice],
    /// What one of them brings by a merge.
    pub carried: Option<CarriedPart<'a>>,
    /// Of images from registries, where the environment asks for signatures: those that were asked
    /// for.
    pub signatures: &'a Signatures,
    /// What is pushed and no manifest names.
    pub pushes: &'a Pushes,
    /// RFC 3339, UTC, whole seconds.
    pub now: &'a str,
}

/// Whether images are signed, by digest.
pub type Signatures = BTreeMap<Digest, Result<(), Unsigned>>;

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
    /// Branches that stay although nothing is proposed on them now.
    pub kept: BTreeSet<BranchName>,
    /// Images whose signatures have to be known first.
    pub unverified: Vec<(StreamTagName, Reference)>,
    /// When time alone changes what the gates say.
    pub next_change: Option<Timestamp>,
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
    /// Instead of moving anything it adds this.
    pub creation: Option<Creation>,
    /// Where its images come from another environment.
    pub promotion: Option<Box<Promotion>>,
    /// The merge that it is; `changes` are all against the base.
    pub merge: Option<CarriedTree>,
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
            let images = proposal.image_keys();
            // What the open one does not propose yet may have been declined with an earlier one.
            let is_open_with_all = || {
                let marker = forge.marker(forge.open_of(&branch, base)?)?;
                Some(marker.proposes(&images))
            };
            let is_known = forge.is_asked(&branch) || is_open_with_all().unwrap_or_default();
            (!is_known).then_some((branch, images))
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

    /// Takes out all but what comes from one environment.
    pub fn narrow_to_promotion(&mut self, from: &EnvironmentName) {
        self.proposals.retain(|proposal| {
            let promotion = proposal.promotion.as_ref();
            promotion.is_some_and(|promotion| promotion.from == *from)
        });
        self.obsolete.clear();
        self.ends.clear();
        self.remarks.clear();
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
    /// What closing its pull request would decline: its images, the commit that it promotes, and
    /// what it adds.
    pub fn image_keys(&self) -> BTreeSet<ImageKey> {
        let images = self.moves.iter();
        let images = images.filter_map(|moved| Some(ImageKey::new(&moved.tag, moved.digest()?)));
        let promotion = self.promotion.iter();
        let commits = promotion.map(|it| ImageKey::of_promotion(&it.from, it.commit));
        let created = self.creation.iter().flat_map(Creation::created);
        let created = created.map(|created| ImageKey::of_creation(&created));
        images.chain(commits).chain(created).collect()
    }

    /// Whether no image moves by it.
    pub(crate) fn is_of_manifests(&self) -> bool {
        self.hold.is_some() || self.creation.is_some()
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

/// When the images that open branches propose were seen first, RFC 3339, by stream tag and
/// [`recorded_reference`].
pub type FirstSeen = BTreeMap<(StreamTagName, String), String>;

pub(crate) fn first_seen(moved: &Move, seen: &FirstSeen, now: &str) -> String {
    let key = (moved.tag.clone(), recorded_reference(&moved.image));
    seen.get(&key).cloned().unwrap_or_else(|| now.to_owned())
}
