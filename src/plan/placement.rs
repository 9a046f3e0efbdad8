//! Which branch each proposal goes to, and which have to wait for their turn.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use crate::environment::Environment;
use crate::plan::branch::{self, Action, BotBranch, Fit};
use crate::plan::creation::{Created, Creation};
use crate::plan::group::branch_name;
use crate::plan::proposal::{Plan, Proposal};
use crate::plan::pull_request::{ForgeView, TakenOver, Wishes};
use crate::plan::trailer::TaggedImage;
use crate::plan::waiting::{Reason, Waiting};
use crate::policy::{PullRequestPolicy, RebuildWhen};
use crate::problem::Problem;
use crate::pull_request::PullRequest;
use crate::revision::BranchName;
use crate::stream::StreamTagName;

const ASKED_FOR: &str = "it was asked for on its pull request";

/// What places are found by.
pub(crate) struct Ground<'a> {
    pub environment: &'a Environment,
    pub policy: &'a PullRequestPolicy,
    pub branches: &'a [BotBranch],
    pub forge: Option<&'a ForgeView>,
    /// RFC 3339.
    pub now: &'a str,
}

/// Puts the candidates on branches, by name; those that may not be made now wait.
pub(crate) fn place(plan: &mut Plan, candidates: Vec<Proposal>, ground: &Ground<'_>) {
    let placing = Placing {
        ground,
        // A tombstone counts as long as one of its images would be proposed without it.
        held: plan
            .waiting
            .iter()
            .filter(|waiting| matches!(waiting.reason.refusal(), Reason::Closed(_)))
            .map(|waiting| waiting.tag.clone())
            .collect(),
    };
    let mut new = Vec::new();
    for mut proposal in candidates {
        match placing.fit(&proposal) {
            Some(Ok((branch, action))) => {
                let is_new =
                    matches!(action, Action::Create { .. }) && placing.open_of(&branch).is_none();
                proposal.branch = Some(branch);
                proposal.action = action;
                let into = if is_new {
                    &mut new
                } else {
                    &mut plan.proposals
                };
                into.push(proposal);
            }
            Some(Err(reason)) => {
                if let Reason::Foreign { branch, reason } = &reason {
                    plan.taken_over.push(taken_over(&proposal, branch, reason));
                }
                plan.wait_all(&proposal, &reason);
            }
            None => plan.problems.push(Problem::error(
                None,
                format!("the group {} gives no branch name", proposal.group),
            )),
        }
    }
    placing.admit(plan, new);
    // Holds first: what asked for them is closed or written anew behind them.
    let order = |proposal: &Proposal| (proposal.hold.is_none(), proposal.branch.clone());
    plan.proposals.sort_by_key(order);
}

struct Placing<'a> {
    ground: &'a Ground<'a>,
    held: BTreeSet<StreamTagName>,
}

impl Placing<'_> {
    /// The branch of a proposal and what is done with it, or why nothing is; none where its group
    /// gives no name.
    fn fit(&self, proposal: &Proposal) -> Option<Result<(BranchName, Action), Reason>> {
        let environment = &self.ground.environment.name;
        let name = |attempt| branch_name(environment, &proposal.group, attempt);
        let is_in_force = |found: &BotBranch, images: &[TaggedImage]| {
            let mut created = found.created.iter().filter_map(Created::stream_tag);
            images.iter().any(|image| self.held.contains(&image.tag))
                || created.any(|tag| self.held.contains(&tag))
        };
        let fit = branch::fit(self.ground.branches, &name, &is_in_force, &proposal.changes)?;
        Some(match fit {
            // The branch remembers what was asked for.
            Fit::At(branch, Action::Keep { .. }) if self.is_asked_for_anew(&branch, proposal) => {
                self.rebuilt(branch, "somebody asked for just this")
            }
            Fit::At(branch, action) => {
                let action = self.of_same_commit(&branch, action, proposal);
                self.within_wishes(branch, action, proposal.hold.is_some())
            }
            Fit::Foreign { branch, reason } => match self.wishes(&branch) {
                Some((wishes, _)) if wishes.asks_for_rebuild() => self.rebuilt(branch, ASKED_FOR),
                _ => Err(Reason::Foreign { branch, reason }),
            },
        })
    }

    /// What people ask of an open pull request, and the rules for branches that fell behind.
    fn within_wishes(
        &self,
        branch: BranchName,
        action: Action,
        is_hold: bool,
    ) -> Result<(BranchName, Action), Reason> {
        let wishes = self.wishes(&branch);
        let (wishes, open) = match &wishes {
            Some((wishes, open)) => (Some(wishes), Some(*open)),
            None => (None, None),
        };
        let is_asked_for = wishes.is_some_and(Wishes::asks_for_rebuild);
        let is_stopped = wishes.is_some_and(|wishes| wishes.stops);
        match action {
            Action::Keep { .. } if is_asked_for => self.rebuilt(branch, ASKED_FOR),
            Action::Keep { .. } if !is_stopped && self.is_to_follow(&branch, wishes) => {
                self.rebuilt(branch, "it is behind the tip")
            }
            Action::Rebuild { .. } if is_stopped && !is_asked_for => Err(Reason::Stopped {
                branch,
                url: open.map(|open| open.url.clone()).unwrap_or_default(),
            }),
            Action::Rebuild { .. } | Action::Create { .. } if !is_asked_for && !is_hold => {
                match self.off_schedule() {
                    Some(until) => Err(Reason::OffSchedule { branch, until }),
                    None => Ok((branch, action)),
                }
            }
            action => Ok((branch, action)),
        }
    }

    /// What gates say is said of one commit of the source: a branch that names another one is made
    /// anew, although it brings the same.
    fn of_same_commit(&self, branch: &BranchName, action: Action, proposal: &Proposal) -> Action {
        let promoted = self.found(branch).and_then(|found| found.promoted.as_ref());
        match (action, promoted, &proposal.promotion) {
            (Action::Keep { head }, Some(promoted), Some(wanted))
                if promoted.commit != wanted.commit =>
            {
                Action::Rebuild {
                    replaces: head,
                    why: "another commit of the source brings the same",
                }
            }
            (action, ..) => action,
        }
    }

    fn is_asked_for_anew(&self, branch: &BranchName, proposal: &Proposal) -> bool {
        let known = self.found(branch).and_then(|found| found.promoted.as_ref());
        let wish = known.and_then(|promoted| promoted.wish.as_ref());
        let promotion = proposal.promotion.as_ref();
        promotion.is_some_and(|promotion| promotion.wish.as_ref() != wish)
    }

    /// None while a window is open; else when the next one opens, if ever.
    fn off_schedule(&self) -> Option<Option<String>> {
        let now: Timestamp = self.ground.now.parse().ok()?;
        let schedule = &self.ground.policy.schedule;
        let until = schedule.next_opening(now).map(|time| time.to_string());
        (!schedule.is_open(now)).then_some(until)
    }

    fn rebuilt(
        &self,
        branch: BranchName,
        why: &'static str,
    ) -> Result<(BranchName, Action), Reason> {
        let action = match self.found(&branch) {
            Some(found) => Action::Rebuild {
                replaces: found.head,
                why,
            },
            None => Action::Create { replaces: None },
        };
        Ok((branch, action))
    }

    /// Whether a branch that says the right thing has to have the tip's commits as well.
    fn is_to_follow(&self, branch: &BranchName, wishes: Option<&Wishes>) -> bool {
        let is_behind = self.found(branch).is_some_and(|found| found.is_behind);
        let keeps_up = wishes.is_some_and(|wishes| wishes.keeps_up);
        is_behind
            && match self.ground.policy.rebuild {
                _ if keeps_up => true,
                RebuildWhen::Behind => true,
                RebuildWhen::Conflicted => false,
                RebuildWhen::Auto => self.base().is_some_and(|base| {
                    let demands = self.ground.forge.and_then(|forge| forge.demands.get(base));
                    demands.copied().unwrap_or_default()
                }),
            }
    }

    /// New ones, as long as there is room.
    fn admit(&self, plan: &mut Plan, new: Vec<Proposal>) {
        let policy = self.ground.policy;
        let outage = self.ground.forge.and_then(|forge| forge.outage.as_ref());
        let mut hour = Hour::new(self.made(), self.ground.now);
        for proposal in new {
            let Some(branch) = proposal.branch.clone() else {
                continue;
            };
            let reason = if let Some(reason) = outage {
                let reason = reason.clone();
                Reason::Outage { branch, reason }
            } else if proposal.hold.is_some() || proposal.promotion.is_some() {
                // What a person asked for waits for no limit, and of each source there is one.
                plan.proposals.push(proposal);
                continue;
            } else if plan.proposals.len() >= policy.max_open {
                let limit = policy.max_open;
                Reason::TooManyOpen { branch, limit }
            } else if let Some((limit, until)) = hour.is_full(policy.max_per_hour) {
                Reason::TooManyNew {
                    branch,
                    limit,
                    until,
                }
            } else {
                hour.add();
                plan.proposals.push(proposal);
                continue;
            };
            plan.wait_all(&proposal, &reason);
        }
    }

    /// When what is open was opened: pull requests, or without a forge the branches.
    fn made(&self) -> Vec<Timestamp> {
        match self.ground.forge {
            Some(forge) => {
                let branches = self.ground.branches.iter();
                branches
                    .filter_map(|branch| Some(self.open_in(forge, &branch.name)?.created))
                    .collect()
            }
            None => {
                let branches = self.ground.branches.iter();
                branches.filter_map(|branch| branch.time).collect()
            }
        }
    }

    fn found(&self, branch: &BranchName) -> Option<&BotBranch> {
        let mut branches = self.ground.branches.iter();
        branches.find(|found| found.name == *branch)
    }

    fn wishes(&self, branch: &BranchName) -> Option<(Wishes, &PullRequest)> {
        let open = self.open_of(branch)?;
        Some((Wishes::of(open), open))
    }

    fn open_of(&self, branch: &BranchName) -> Option<&PullRequest> {
        self.open_in(self.ground.forge?, branch)
    }

    fn open_in<'f>(&self, forge: &'f ForgeView, branch: &BranchName) -> Option<&'f PullRequest> {
        forge.open_of(branch, self.base()?)
    }

    fn base(&self) -> Option<&BranchName> {
        self.ground.environment.branch.as_ref()
    }
}

fn taken_over(proposal: &Proposal, branch: &BranchName, reason: &str) -> TakenOver {
    let wanted = proposal.moves.iter();
    let wanted = wanted.map(|moved| (moved.tag.clone(), moved.digest().cloned()));
    let created = proposal.creation.iter().flat_map(Creation::stream_tags);
    TakenOver {
        branch: branch.clone(),
        reason: reason.to_owned(),
        wanted: wanted.chain(created.map(|tag| (tag, None))).collect(),
    }
}

/// What was opened within the last hour.
struct Hour {
    now: Option<Timestamp>,
    times: Vec<Timestamp>,
}

impl Hour {
    fn new(made: Vec<Timestamp>, now: &str) -> Self {
        let now: Option<Timestamp> = now.parse().ok();
        let start = now.and_then(|now| now.checked_sub(SignedDuration::from_hours(1)).ok());
        let mut times = made;
        times.retain(|time| start.is_none_or(|start| *time > start));
        times.sort();
        Self { now, times }
    }

    /// The limit, and when there is room again.
    fn is_full(&self, limit: Option<usize>) -> Option<(usize, String)> {
        let limit = limit?;
        let leaving = self.times.get(self.times.len().checked_sub(limit)?)?;
        let until = leaving.checked_add(SignedDuration::from_hours(1)).ok()?;
        let seconds = Timestamp::from_second(until.as_second()).ok()?;
        Some((limit, seconds.to_string()))
    }

    fn add(&mut self) {
        self.times.extend(self.now);
    }
}

impl Plan {
    pub(crate) fn wait_all(&mut self, proposal: &Proposal, reason: &Reason) {
        self.wait(
            proposal
                .moves
                .iter()
                .map(|moved| Waiting::stream_tag(&moved.tag, &moved.place, reason.clone()))
                .collect(),
        );
        if let Some(creation) = &proposal.creation {
            self.wait_for_creation(creation, reason);
        }
        // What moves no image has no stream tag to name.
        if let (Some(promotion), []) = (&proposal.promotion, proposal.moves.as_slice()) {
            let message = format!(
                "{} of {} to {}: {reason}",
                promotion.commit.short(),
                promotion.from,
                self.environment.name
            );
            self.kept.extend(reason.branch().cloned());
            self.problems.push(Problem::note(None, message));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_takes_so_many() {
        let at = |time: &str| time.parse::<Timestamp>().unwrap();
        let made = vec![at("2026-01-01T11:30:00Z"), at("2026-01-01T10:59:00Z")];
        let mut hour = Hour::new(made, "2026-01-01T12:00:00Z");
        assert_eq!(hour.is_full(None), None);
        assert_eq!(hour.is_full(Some(2)), None);
        let full = |until: &str| Some((2, until.to_owned()));
        hour.add();
        assert_eq!(hour.is_full(Some(2)), full("2026-01-01T12:30:00Z"));
        hour.add();
        assert_eq!(hour.is_full(Some(2)), full("2026-01-01T13:00:00Z"));
    }
}
