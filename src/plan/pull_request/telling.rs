//! The second half of a plan: messages and pull requests, with what registries say of the images.

use std::collections::BTreeMap;

use crate::environment::EnvironmentName;
use crate::image::{Digest, Reference, Repository};
use crate::lookup::{Lookup, Wanted};
use crate::plan::branch::{Action, BotBranch};
use crate::plan::due::Move;
use crate::plan::proposal::{FirstSeen, Plan, Proposal, first_seen};
use crate::plan::pull_request::publication::Publishing;
use crate::plan::pull_request::view::ForgeView;
use crate::plan::pull_request::{
    BodyInputs, Facts, HistoryEntry, HoldInputs, KnownForge, PullRequestText, Way, creation_text,
    hold_text, text,
};
use crate::plan::template::{self, Placeholders};
use crate::plan::trailer::{self, trailer};
use crate::plan::{message, seal};
use crate::policy::PullRequestPolicy;
use crate::revision::BranchName;
use crate::stream::{ImageStream, ImportMode, StreamTagName};

/// Images of one proposal that are looked at; a body shows no more rows.
const MAX_TOLD: usize = 30;

/// What messages and pull requests are made from, beside the plan.
#[derive(Clone, Copy)]
pub struct Telling<'a> {
    pub forge: Option<&'a ForgeView>,
    pub branches: &'a [BotBranch],
    pub policy: &'a PullRequestPolicy,
    pub first_seen: &'a FirstSeen,
    /// The environments that a change goes through, this one among them.
    pub way: &'a Way,
    /// Beside those that everybody knows.
    pub forges: &'a [KnownForge],
    /// RFC 3339, UTC, whole seconds.
    pub now: &'a str,
}

/// What a registry is asked of one move: the image that it goes to, and the one that it leaves.
#[derive(Clone, Debug)]
pub struct FactsQuestion {
    pub tag: StreamTagName,
    pub before: Option<Lookup>,
    pub after: Option<Lookup>,
}

impl std::fmt::Debug for Telling<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Telling")
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}

impl Telling<'_> {
    /// The images that have to be looked at before [`Self::tell`]: those of what is written.
    /// `has_secrets` says of a namespace whether it has pull secrets of its own.
    pub fn questions(
        &self,
        plan: &Plan,
        streams: &[ImageStream],
        has_secrets: &dyn Fn(&str) -> bool,
    ) -> Vec<FactsQuestion> {
        let written = plan
            .proposals
            .iter()
            .filter(|proposal| self.is_told(plan, proposal));
        written
            .flat_map(|proposal| proposal.moves.iter().take(MAX_TOLD))
            .map(|moved| question(moved, streams, has_secrets))
            .collect()
    }

    /// Writes messages and pull requests into the plan.
    pub fn tell(&self, plan: &mut Plan, facts: &Facts) {
        let mut proposals = std::mem::take(&mut plan.proposals);
        let is_told =
            |proposal: &&mut Proposal| is_written(proposal) && !proposal.is_of_manifests();
        for proposal in proposals.iter_mut().filter(is_told) {
            let message = self.message(plan, proposal, facts);
            proposal.message = seal::seal(&message, &proposal.changes);
        }
        for proposal in &mut proposals {
            let publication = self
                .publishing(plan, proposal)
                .filter(|publishing| publishing.forge.outage.is_none())
                .map(|publishing| publishing.publication(|| self.text(plan, &publishing, facts)));
            proposal.pull_request = publication;
        }
        plan.proposals = proposals;
    }

    fn message(&self, plan: &Plan, proposal: &Proposal, facts: &Facts) -> String {
        let environment = &plan.environment.name;
        let promotion = proposal.promotion.as_deref();
        if let Some(template) = &self.policy.commit_message {
            let placeholders = self.placeholders(proposal, environment, facts);
            let trailers = message::trailers(&proposal.moves, environment, facts, promotion);
            // A template is tried before it is used; with one that fails all the same, the usual
            // message says more than none.
            let by_template = template::commit_message(template, &placeholders, &trailers);
            if let Ok(message) = by_template {
                return message;
            }
        }
        let background = message::Background {
            facts,
            forges: self.forges,
            promotion,
            gates: &proposal.gates,
        };
        let seen = |moved: &Move| first_seen(moved, self.first_seen, self.now);
        message::message(&proposal.moves, environment, background, &seen)
    }

    fn placeholders(
        &self,
        proposal: &Proposal,
        environment: &EnvironmentName,
        facts: &Facts,
    ) -> Placeholders {
        let promotion = proposal.promotion.as_deref();
        Placeholders::of(&proposal.moves, environment, promotion, facts, self.forges)
    }

    fn is_told(&self, plan: &Plan, proposal: &Proposal) -> bool {
        is_written(proposal)
            || self
                .publishing(plan, proposal)
                .is_some_and(|publishing| publishing.needs_text())
    }

    fn publishing<'p>(&'p self, plan: &'p Plan, proposal: &'p Proposal) -> Option<Publishing<'p>> {
        let forge = self.forge?;
        let branch = proposal.branch.as_ref()?;
        let base = plan.environment.branch.as_ref()?;
        Some(Publishing {
            proposal,
            branch,
            base,
            tip: plan.base,
            open: forge.open_of(branch, base),
            forge,
            policy: self.policy,
            plan: self.plan_of(proposal, branch),
            merges: plan.environment.automerge,
            is_gated: plan.environment.is_gated(),
            now: self.now,
        })
    }

    /// The `Headwater-Plan` that the branch has, or will have.
    fn plan_of<'p>(&'p self, proposal: &'p Proposal, branch: &BranchName) -> &'p str {
        let found = self.branches.iter().find(|found| found.name == *branch);
        let plan = match proposal.action {
            Action::Keep { .. } => found.and_then(|found| found.plan.as_deref()),
            _ => trailer(&proposal.message, trailer::PLAN),
        };
        plan.unwrap_or_default()
    }

    fn text(&self, plan: &Plan, publishing: &Publishing<'_>, facts: &Facts) -> PullRequestText {
        let proposal = publishing.proposal;
        if let Some(hold) = &proposal.hold {
            return hold_text(&HoldInputs {
                tag: &hold.tag,
                environment: &plan.environment.name,
                base: publishing.base,
                current: hold.current.as_ref(),
                rejected: &hold.rejected,
            });
        }
        if let Some(creation) = &proposal.creation {
            return creation_text(creation, &plan.environment.name, publishing.base);
        }
        let history: Vec<HistoryEntry> = publishing
            .history()
            .into_iter()
            .map(|earlier| HistoryEntry {
                time: earlier.time,
                text: earlier.subject,
            })
            .collect();
        let seen = |moved: &Move| first_seen(moved, self.first_seen, self.now);
        let mut text = text(&BodyInputs {
            moves: &proposal.moves,
            environment: &plan.environment.name,
            base: publishing.base,
            facts,
            seen: &seen,
            path: self.way,
            history: &history,
            notes: &[],
            forges: self.forges,
            promotion: proposal.promotion.as_deref(),
            gates: &proposal.gates,
        });
        if let Some(template) = &self.policy.title {
            let placeholders = self.placeholders(proposal, &plan.environment.name, facts);
            if let Ok(title) = template::title(template, &placeholders) {
                text.title = title;
            }
        }
        text
    }
}

/// Whether a commit is made of it.
fn is_written(proposal: &Proposal) -> bool {
    matches!(
        proposal.action,
        Action::Create { .. } | Action::Rebuild { .. } | Action::Commit
    )
}

fn question(
    moved: &Move,
    streams: &[ImageStream],
    has_secrets: &dyn Fn(&str) -> bool,
) -> FactsQuestion {
    let namespace = &moved.tag.stream.namespace;
    let stream = streams
        .iter()
        .find(|stream| stream.name == moved.tag.stream);
    let is_insecure = |stream: &ImageStream| {
        let tag = stream.tag(&moved.tag.tag);
        stream.metadata.is_insecure() || tag.is_some_and(|tag| tag.settings.insecure)
    };
    let copy = moved.copy.as_ref().map(|copy| &copy.repository);
    // A copy is asked for as the operator says.
    let insecure = copy.is_none() && stream.is_some_and(is_insecure);
    let lookup = |repository: &Repository, digest: &Digest| Lookup {
        repository: repository.clone(),
        wanted: Wanted::Digest(digest.clone()),
        import_mode: ImportMode::PreserveOriginal,
        platforms: Vec::new(),
        insecure,
        secrets_of: has_secrets(namespace).then(|| namespace.clone()),
        known: Default::default(),
        chosen: BTreeMap::new(),
    };
    let recorded = moved
        .record
        .as_ref()
        .and_then(|record| record.before.first()?.reference.parse::<Reference>().ok())
        .filter(|recorded| recorded.digest == moved.previous);
    let after = copy.unwrap_or(&moved.image.repository);
    let before = match (copy, recorded) {
        (None, Some(recorded)) => recorded.repository,
        _ => after.clone(),
    };
    let previous = moved
        .previous
        .as_ref()
        .filter(|digest| Some(*digest) != moved.digest());
    FactsQuestion {
        tag: moved.tag.clone(),
        before: previous.map(|digest| lookup(&before, digest)),
        after: moved.digest().map(|digest| lookup(after, digest)),
    }
}
