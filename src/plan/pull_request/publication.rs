//! What is done with the pull request of a proposal's branch.

use std::collections::BTreeSet;

use crate::gate::{GateFinding, Verdict};
use crate::image::Digest;
use crate::plan::branch::Action;
use crate::plan::proposal::Proposal;
use crate::plan::pull_request::PullRequestText;
use crate::plan::pull_request::marker::{
    Earlier, ImageKey, MAX_HISTORY, MarkedBody, Marker, WantedHold,
};
use crate::plan::pull_request::view::{ForgeView, REBASE};
use crate::plan::pull_request::wishes::Wishes;
use crate::policy::PullRequestPolicy;
use crate::pull_request::{
    Change, Checks, CommitStatus, Draft, GATES_CONTEXT, MergeMethod, PullRequest,
};
use crate::revision::{BranchName, CommitId};

/// Labels that say what a pull request is, and go with what it proposes.
const CAUSE: &str = "cause/";
const OWN_LABELS: [&str; 2] = ["platform-change", "rollback"];

/// A proposal's pull request, and what becomes of it once its branch is as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publication {
    pub step: Step,
    /// How it is merged, where it is to be as soon as the forge's demands are met.
    pub merge: Option<MergeMethod>,
    /// Whether the forge may be asked to merge it later: not where gates say when.
    pub may_merge_later: bool,
    /// What is said of its head; none where that stands there.
    pub status: Option<CommitStatus>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    Open(Box<Draft>),
    Change {
        found: Found,
        change: Box<Change>,
    },
    /// It is as it should be.
    Keep(Box<PullRequest>),
}

/// A pull request that is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub number: u64,
    pub url: String,
}

impl Found {
    pub fn of(open: &PullRequest) -> Self {
        Self {
            number: open.number,
            url: open.url.clone(),
        }
    }
}

impl Publication {
    pub fn is_nothing(&self) -> bool {
        matches!(self.step, Step::Keep(_)) && self.merge.is_none() && self.status.is_none()
    }

    pub fn found(&self) -> Option<Found> {
        match &self.step {
            Step::Open(_) => None,
            Step::Change { found, .. } => Some(found.clone()),
            Step::Keep(open) => Some(Found::of(open)),
        }
    }
}

/// A proposal beside its open pull request, if there is one.
pub struct Publishing<'a> {
    pub proposal: &'a Proposal,
    pub branch: &'a BranchName,
    /// The branch that it is merged into.
    pub base: &'a BranchName,
    /// The commit of it that this pass plans for.
    pub tip: Option<CommitId>,
    pub open: Option<&'a PullRequest>,
    pub forge: &'a ForgeView,
    pub policy: &'a PullRequestPolicy,
    /// The `Headwater-Plan` that the branch has, or will have.
    pub plan: &'a str,
    pub merges: bool,
    /// Whether the environment has gates.
    pub is_gated: bool,
    /// RFC 3339.
    pub now: &'a str,
}

impl Publishing<'_> {
    /// Whether title and body have to be written: only then the images' facts are needed.
    pub fn needs_text(&self) -> bool {
        let Some(open) = self.open else { return true };
        let marker = self.forge.marker(open);
        let is_rebuilt = !matches!(self.proposal.action, Action::Keep { .. });
        is_rebuilt
            || marker.is_none_or(|marker| {
                marker.opening || marker.plan != self.plan || marker.told != self.told()
            })
            || Wishes::of(open).asks_for_rebuild()
    }

    /// `text` is what [`Self::needs_text`] asks for.
    pub fn publication(&self, text: impl FnOnce() -> PullRequestText) -> Publication {
        Publication {
            merge: self.merge(),
            may_merge_later: !self.is_gated,
            status: self.status(),
            step: match self.open {
                None => Step::Open(Box::new(self.draft(text(), &MarkedBody::default()))),
                Some(open) if self.is_unfinished(open) => {
                    let key = self.forge.marker_key.as_deref();
                    let before = Marker::read(&open.body, self.branch, key);
                    Step::Open(Box::new(self.draft(text(), &before)))
                }
                Some(open) => self.change(open, self.needs_text().then(text)),
            },
        }
    }

    /// The entries that the body's history is to have.
    pub fn history(&self) -> Vec<Earlier> {
        let Some(before) = self.open.and_then(|open| self.forge.marker(open)) else {
            return Vec::new();
        };
        let has_moved_on = before.images != self.images() && !before.subject.is_empty();
        let mut history = before.history;
        if has_moved_on {
            history.push(Earlier {
                time: self.now.to_owned(),
                subject: before.subject,
            });
        }
        let surplus = history.len().saturating_sub(MAX_HISTORY);
        history.split_off(surplus)
    }

    fn images(&self) -> BTreeSet<ImageKey> {
        Marker::of_images(self.proposal.image_keys())
    }

    /// A hash of what may change while branch and plan stay as they are: what the gates that hold
    /// the merge say, and which commit of the source is newer.
    fn told(&self) -> Option<String> {
        let (promotion, gates) = (&self.proposal.promotion, &self.proposal.gates);
        if promotion.is_none() && gates.is_empty() {
            return None;
        }
        let hash = Digest::of(format!("{promotion:?} {gates:?}").as_bytes());
        Some(hash.encoded().chars().take(16).collect())
    }

    /// Whether an earlier pass ended while it opened it.
    fn is_unfinished(&self, open: &PullRequest) -> bool {
        let marker = self.forge.marker(open);
        open.base == *self.base && marker.is_some_and(|marker| marker.opening)
    }

    fn draft(&self, text: PullRequestText, before: &MarkedBody<'_>) -> Draft {
        let mut labels = text.labels;
        labels.extend(self.policy.labels.iter().cloned());
        Draft {
            head: self.branch.clone(),
            base: self.base.clone(),
            body: self.body(&text.body, &text.title, before),
            title: text.title,
            labels,
            reviewers: self.policy.reviewers.clone(),
            assignees: self.policy.assignees.clone(),
            is_draft: self.policy.is_draft,
        }
    }

    fn change(&self, open: &PullRequest, text: Option<PullRequestText>) -> Step {
        let mut change = Change::default();
        if open.base != *self.base {
            change.base = Some(self.base.clone());
        }
        if let Some(text) = text {
            let key = self.forge.marker_key.as_deref();
            let before = Marker::read(&open.body, self.branch, key);
            change.body =
                Some(self.body(&text.body, &text.title, &before)).filter(|body| *body != open.body);
            change.added_labels = text.labels.difference(&open.labels).cloned().collect();
            // What a person took away stays away, but for what says what it proposes.
            change.added_labels.retain(|label| is_of_proposal(label));
            let gone = open.labels.iter().filter(|label| is_of_proposal(label));
            change.removed_labels = gone
                .filter(|label| !text.labels.contains(*label))
                .cloned()
                .collect();
            change.title = Some(text.title).filter(|title| *title != open.title);
        }
        if open.labels.contains(REBASE) {
            change.removed_labels.insert(REBASE.to_owned());
        }
        if change.is_empty() {
            return Step::Keep(Box::new(open.clone()));
        }
        Step::Change {
            found: Found::of(open),
            change: Box::new(change),
        }
    }

    fn body(&self, text: &str, title: &str, before: &MarkedBody<'_>) -> String {
        let is_kept = matches!(self.proposal.action, Action::Keep { .. });
        let old = before.marker.as_ref();
        let marker = Marker {
            plan: self.plan.to_owned(),
            told: self.told(),
            base: match is_kept {
                true => old.and_then(|old| old.base),
                false => self.tip,
            },
            images: self.images(),
            subject: title.to_owned(),
            history: self.history(),
            hold: self.proposal.hold.as_ref().map(|hold| WantedHold {
                tag: hold.tag.to_string(),
                by: hold.by.clone(),
            }),
            remark: None,
            merging: old.filter(|_| is_kept).and_then(|old| old.merging),
            opening: false,
            ended: false,
        };
        let key = self.forge.marker_key.as_deref();
        // Whoever opened it by hand has a text of their own, which stays below ours.
        let adopted = match &before.marker {
            None if !before.text.trim().is_empty() => format!("\n\n{}", before.text.trim()),
            _ => String::new(),
        };
        marker.mark(text, &format!("{}{adopted}", before.tail), self.branch, key)
    }

    /// What the gates say, where it is not said already.
    fn status(&self) -> Option<CommitStatus> {
        if !self.is_gated {
            return None;
        }
        let status = status_of(&self.proposal.gates);
        let head = self.open.and_then(|open| open.head_commit);
        let found = head.and_then(|head| self.forge.checks.get(&head)?.as_ref().ok());
        let said = found.and_then(|found| found.get(GATES_CONTEXT));
        let is_said = said == Some(&status.state) && !self.needs_text();
        (!is_said).then_some(status)
    }

    fn merge(&self) -> Option<MergeMethod> {
        let moves_back = |moved: &crate::plan::Move| moved.moves_back_to().is_some();
        // A hold is a person's to decide.
        // What the source went back to has passed the gates there.
        let is_back = self.proposal.promotion.is_none();
        let is_fit = self.merges
            && self.proposal.hold.is_none()
            && self.proposal.gates.iter().all(GateFinding::is_passed)
            && !(is_back && self.proposal.moves.iter().any(moves_back));
        let is_draft = match self.open {
            Some(open) => open.is_draft || Wishes::of(open).stops,
            None => self.policy.is_draft,
        };
        let is_asked = match (self.open, &self.proposal.action) {
            (Some(open), Action::Keep { head }) => {
                let marker = self.forge.marker(open);
                marker.is_some_and(|marker| marker.merging == Some(*head))
            }
            _ => false,
        };
        let method = match self.policy.merge_method {
            // Commit by commit, a merge would bring what its source pins.
            MergeMethod::Rebase if self.proposal.merge.is_some() => MergeMethod::Squash,
            method => method,
        };
        (is_fit && !is_draft && !is_asked).then_some(method)
    }
}

/// The gates' findings in one line.
fn status_of(gates: &[GateFinding]) -> CommitStatus {
    let open: Vec<&GateFinding> = gates.iter().filter(|it| !it.is_passed()).collect();
    let has_failed = open.iter().any(|it| it.verdict == Verdict::Failed);
    let state = match (open.is_empty(), has_failed) {
        (true, _) => Checks::Passing,
        (false, true) => Checks::Failing,
        (false, false) => Checks::Pending,
    };
    let told: Vec<String> = open.iter().map(ToString::to_string).collect();
    CommitStatus {
        context: GATES_CONTEXT.to_owned(),
        state,
        description: match told.is_empty() {
            true => "all gates are passed".to_owned(),
            false => told.join("; "),
        },
        url: None,
    }
}

fn is_of_proposal(label: &str) -> bool {
    label.starts_with(CAUSE) || OWN_LABELS.contains(&label)
}
