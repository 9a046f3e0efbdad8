//! The forge that a Git repository is on: what is asked of it, and when.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::environment::Environment;
use crate::forge::{Error, Forge};
use crate::image::ImageFacts;
use crate::lookup::Lookup;
use crate::plan::pull_request::{Facts, FactsQuestion, ForgeView, KnownForge, MoveFacts};
use crate::plan::{BotBranch, BranchState, Plan};
use crate::pull_request::{Checks, PullRequest};
use crate::reconcile::evidence::branch_prefix;
use crate::reconcile::quiet::QuietForge;
use crate::revision::{BranchName, CommitId};

/// All branches of the bot begin so.
const PREFIX: &str = "headwater/";
/// How often a plan is made again because a pull request that somebody closed was found.
pub const MAX_ROUNDS: usize = 20;

/// The forge of a Git repository.
pub struct Hosting<'a> {
    pub forge: &'a dyn Forge,
    /// What the bot's marks in pull requests are authenticated with.
    pub marker_key: Option<Vec<u8>>,
}

/// What registries are asked of images that are proposed, in the lookups' order.
pub type AskFacts<'a> = dyn FnMut(&[Lookup]) -> Vec<Option<ImageFacts>> + 'a;

/// What texts are made with, beside the plan.
pub struct Prose<'a> {
    pub facts: &'a mut AskFacts<'a>,
    /// Forges beside those that everybody knows: links to their comparisons are made.
    pub forges: Vec<KnownForge>,
}

impl std::fmt::Debug for Hosting<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hosting").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Prose<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Prose")
            .field("forges", &self.forges)
            .finish_non_exhaustive()
    }
}

impl Hosting<'_> {
    /// The open pull requests, or why they are not known.
    pub fn view(&self) -> ForgeView {
        self.open().unwrap_or_else(|error| {
            let mut view = self.seeing(Vec::new());
            view.outage = Some(error.to_string());
            view
        })
    }

    /// The open pull requests.
    pub fn open(&self) -> Result<ForgeView, Error> {
        Ok(self.seeing(self.forge.open_pull_requests(PREFIX)?))
    }

    /// A view of these pull requests, which are open.
    pub fn seeing(&self, open: Vec<PullRequest>) -> ForgeView {
        let mut view = ForgeView::default();
        view.marker_key.clone_from(&self.marker_key);
        view.open = open;
        view
    }

    /// Asks for what the plan has to know beside the open ones. Gives whether there was anything
    /// to ask: then it has to be planned again.
    pub fn learn(&self, view: &mut ForgeView, plan: &Plan) -> bool {
        if view.outage.is_some() {
            return false;
        }
        let (branches, images): (Vec<_>, Vec<_>) = plan.unasked(view).into_iter().unzip();
        if branches.is_empty() {
            return false;
        }
        match self.forge.pull_requests_of_each(&branches) {
            Ok(found) => {
                for ((branch, images), found) in branches.iter().zip(&images).zip(&found) {
                    view.learn(branch, found, images);
                }
            }
            Err(error) => view.outage = Some(error.to_string()),
        }
        true
    }

    /// Asks whether pull requests must have the newest commit of `base`, where a branch has not.
    pub fn learn_demands(&self, view: &mut ForgeView, base: &BranchName, branches: &[BotBranch]) {
        let is_behind = |branch: &BotBranch| {
            branch.is_behind
                && matches!(branch.state, BranchState::Ours { .. })
                && view.open_of(&branch.name, base).is_some()
        };
        if view.outage.is_some()
            || view.demands.contains_key(base)
            || !branches.iter().any(is_behind)
        {
            return;
        }
        let demands = self.demands(base);
        view.demands.insert(base.clone(), demands);
    }

    /// What the forge's checks say of a commit, by name; remembered.
    pub fn learn_checks(
        &self,
        view: &mut ForgeView,
        commit: CommitId,
    ) -> Result<BTreeMap<String, Checks>, String> {
        if let Some(outage) = &view.outage {
            return Err(outage.clone());
        }
        let found = view.checks.entry(commit).or_insert_with(|| {
            let found = self.forge.statuses(commit);
            let named = found.map_err(|error| error.to_string())?;
            Ok(named
                .into_iter()
                .map(|check| (check.name, check.state))
                .collect())
        });
        found.clone()
    }

    /// When a merged pull request brought a commit into `base`; remembered.
    pub fn learn_entered(
        &self,
        view: &mut ForgeView,
        commit: CommitId,
        base: &BranchName,
    ) -> Result<Option<Timestamp>, String> {
        if let Some(outage) = &view.outage {
            return Err(outage.clone());
        }
        let found = view.entered.entry(commit).or_insert_with(|| {
            let found = self.forge.entered(commit, base);
            found.map_err(|error| error.to_string())
        });
        found.clone()
    }

    /// Who approves the open pull request of a branch; remembered.
    pub fn learn_approvals(&self, view: &mut ForgeView, branch: &BranchName, base: &BranchName) {
        let open = view.open_of(branch, base);
        let Some((number, Some(head))) = open.map(|open| (open.number, open.head_commit)) else {
            return;
        };
        if view.outage.is_none() && !view.approvals.contains_key(&number) {
            let found = self.forge.approvals(number, head);
            let found = found.map_err(|error| error.to_string());
            view.approvals.insert(number, found);
        }
    }

    /// What gates have to know of the open pull requests of an environment: who approves, and what
    /// was said of their heads.
    pub fn learn_standing(
        &self,
        view: &mut ForgeView,
        environment: &Environment,
        base: &BranchName,
    ) {
        if !environment.is_gated() || view.outage.is_some() {
            return;
        }
        let prefix = branch_prefix(&environment.name);
        let open = view.open.iter().filter(|open| open.base == *base);
        let own: Vec<(BranchName, Option<CommitId>)> = open
            .filter(|open| open.head.as_str().starts_with(&prefix))
            .map(|open| (open.head.clone(), open.head_commit))
            .collect();
        for (branch, head) in own {
            if environment.gates.approvals > 0 {
                self.learn_approvals(view, &branch, base);
            }
            if let Some(head) = head {
                let _ = self.learn_checks(view, head);
            }
        }
    }

    /// The hash of all that a pass was made from: what is open, and, asked again, what an earlier
    /// pass asked for. None where it cannot be had.
    pub fn fingerprint(&self, open: &ForgeView, before: &QuietForge) -> Option<String> {
        if open.outage.is_some() {
            return None;
        }
        let mut again = open.clone();
        let found = self.forge.pull_requests_of_each(&before.branches).ok()?;
        for (branch, found) in before.branches.iter().zip(&found) {
            again.note(branch, found);
        }
        for base in &before.bases {
            let demands = self.demands(base);
            again.demands.insert(base.clone(), demands);
        }
        for commit in &before.checks {
            let _ = self.learn_checks(&mut again, *commit);
        }
        for number in &before.approvals {
            let found = open.open.iter().find(|open| open.number == *number)?;
            self.learn_approvals(&mut again, &found.head, &found.base);
        }
        Some(again.fingerprint())
    }

    /// Who may not see the rules does without: the forge says no at the merge.
    fn demands(&self, base: &BranchName) -> bool {
        let protection = self.forge.protection(base);
        protection.is_ok_and(|protection| protection.requires_up_to_date)
    }
}

/// The facts of the moves that were asked about; equal images are asked once.
pub fn facts(questions: &[FactsQuestion], ask: &mut AskFacts<'_>) -> Facts {
    let wanted: BTreeSet<&Lookup> = questions
        .iter()
        .flat_map(|question| question.before.iter().chain(&question.after))
        .collect();
    if wanted.is_empty() {
        return Facts::new();
    }
    let lookups: Vec<Lookup> = wanted.into_iter().cloned().collect();
    let found: BTreeMap<&Lookup, Option<ImageFacts>> = lookups.iter().zip(ask(&lookups)).collect();
    let of = |lookup: &Option<Lookup>| found.get(lookup.as_ref()?).cloned().flatten();
    let facts = questions.iter().map(|question| {
        let facts = MoveFacts {
            before: of(&question.before),
            after: of(&question.after),
        };
        (question.tag.clone(), facts)
    });
    facts.collect()
}
