//! One pass over a Git repository, unattended, and what is known after it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;

use crate::clock::Clock;
use crate::forge::Forge;
use crate::git::{self, Author, Repository};
use crate::image::Digest;
use crate::lookup::{Answer, Question};
use crate::plan::Plan;
use crate::plan::pull_request::KnownForge;
use crate::policy::OperatorPolicy;
use crate::problem::Problem;
use crate::reconcile::{
    Applied, AppliedPlan, Cache, Failure, Hosting, Outcome, Pass, Planned, Prose, Publishing,
    Scope, apply, state,
};
use crate::revision::{BranchName, CommitId};
use crate::serve::answers::{Answers, Budgets};
use crate::serve::asking::Asking;
use crate::serve::gathered::{self, Gathered};
use crate::serve::schedule::Cause;
use crate::serve::timelines::Library;

/// A pass that wrote something, or lost a race, is made again until nothing is left to do; no more
/// often than this.
const MAX_ROUNDS: usize = 5;

/// A Git repository that is open, with all that a pass over it needs.
pub struct Site {
    pub repository: Repository,
    pub cache: Cache,
    pub operator: OperatorPolicy,
    pub author: Author,
    pub forge: Option<SiteForge>,
    /// For links.
    pub forges: Vec<KnownForge>,
}

/// The forge that a Git repository is on. It remembers answers, so it outlives a pass.
#[derive(Clone)]
pub struct SiteForge {
    pub forge: Arc<dyn Forge + Send + Sync>,
    pub marker_key: Option<Vec<u8>>,
}

impl SiteForge {
    fn hosting(&self) -> Hosting<'_> {
        Hosting {
            forge: &*self.forge,
            marker_key: self.marker_key.clone(),
        }
    }
}

impl fmt::Debug for SiteForge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SiteForge").finish_non_exhaustive()
    }
}

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Site").finish_non_exhaustive()
    }
}

/// Why a pass could not be made, for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Trouble {
    /// One sentence with its causes, without secrets.
    pub message: String,
    pub hint: Option<String>,
}

/// What all passes are made with.
#[derive(Debug)]
pub struct Means<'a> {
    pub asking: Asking<'a>,
    /// Runs what asks registries.
    pub runtime: &'a tokio::runtime::Handle,
    pub budgets: &'a Budgets,
    /// Set when the daemon is to end: what has not begun is left.
    pub is_ending: &'a AtomicBool,
    pub clock: Clock,
    /// When the pass began, by its time that never goes back.
    pub millis: u64,
}

/// What came of a pass.
#[derive(Debug)]
pub struct Looked {
    /// None where everything is as it was in the pass before.
    pub gathered: Option<Gathered>,
    pub trouble: Option<Trouble>,
    /// When time alone changes something.
    pub next_change: Option<Timestamp>,
    /// How many questions registries were asked.
    pub questions: usize,
    /// How many branches were written.
    pub written: usize,
    /// Where the history is read.
    pub library: Library,
}

/// Reads, asks, plans and writes until nothing is left to do. `known` is a hash of what was gathered
/// from; while there is none, as in the first pass of a process, all is gathered anew.
pub fn look(
    mut site: Site,
    answers: &mut Answers,
    causes: &BTreeSet<Cause>,
    means: &Means<'_>,
    known: &mut Option<String>,
) -> Result<Looked, Trouble> {
    let mut looked = Looked {
        gathered: None,
        trouble: None,
        next_change: None,
        questions: 0,
        written: 0,
        library: Library::of(&site),
    };
    if known.is_none() {
        site.cache.forget_quiet();
    }
    let mut causes = causes.clone();
    for round in 0..MAX_ROUNDS {
        if means.is_ending.load(Ordering::Relaxed) {
            break;
        }
        if round > 0 {
            site.repository
                .fetch()
                .map_err(|error| git_trouble(&error))?;
        }
        let made = site.round(answers, &causes, means)?;
        looked.questions += made.questions;
        looked.written += made.written;
        looked.trouble = made.trouble;
        looked.next_change = made.next_change;
        let is_last = !made.is_unfinished || round + 1 == MAX_ROUNDS;
        if is_last {
            if let Some(plans) = made.plans {
                let hash = site.hash(&plans, &made.problems)?;
                if known.as_ref() != Some(&hash) {
                    let gathered = site.gather(&plans, made.problems);
                    looked.gathered = Some(gathered.map_err(|error| git_trouble(&error))?);
                    *known = Some(hash);
                }
            }
            break;
        }
        // What was pushed has been asked for.
        causes = BTreeSet::from([Cause::Git]);
    }
    answers.tidy(means.millis);
    let _ = site.cache.save();
    Ok(looked)
}

/// What came of one round.
#[derive(Default)]
struct Round {
    /// None where the round was quiet.
    plans: Option<Vec<Plan>>,
    problems: Vec<Problem>,
    questions: usize,
    written: usize,
    /// Something was written, or somebody was faster.
    is_unfinished: bool,
    trouble: Option<Trouble>,
    next_change: Option<Timestamp>,
}

impl Site {
    fn round(
        &mut self,
        answers: &mut Answers,
        causes: &BTreeSet<Cause>,
        means: &Means<'_>,
    ) -> Result<Round, Trouble> {
        let now = means.clock.now();
        let mut round = Round::default();
        let mut questions = 0;
        let hosting = self.forge.as_ref().map(SiteForge::hosting);
        let mut ask = |wanted: &[Question]| -> Vec<Answer> {
            answers.answer(wanted, causes, means.budgets, means.millis, &mut |open| {
                questions += open.len();
                means.runtime.block_on(means.asking.answer(open))
            })
        };
        let mut facts = |lookups: &[_]| {
            means
                .runtime
                .block_on(means.asking.registries.facts_all(lookups))
        };
        let mut pass = Pass {
            repository: &self.repository,
            cache: &mut self.cache,
            operator: &self.operator,
            ask: &mut ask,
            hosting: hosting.as_ref(),
            prose: Some(Prose {
                facts: &mut facts,
                forges: self.forges.clone(),
            }),
            now,
        };
        let scope = Scope {
            is_unattended: true,
            ..Scope::default()
        };
        let (planned, problems) = pass
            .plan(&scope)
            .map_err(|Failure::Git(error)| git_trouble(&error))?;
        round.questions = questions;
        round.problems = problems;
        round.next_change = self.cache.quiet_ends();
        let push = |branch: &BranchName, expected, new| self.repository.push(branch, expected, new);
        let mut tips: BTreeMap<BranchName, CommitId> = BTreeMap::new();
        for planned in planned {
            let Planned::Plan(planned) = planned else {
                continue;
            };
            let (mut snapshot, plan) = *planned;
            if let Some(tip) = tips.get(&snapshot.branch) {
                snapshot.commit = *tip;
            }
            if !means.is_ending.load(Ordering::Relaxed) {
                let hosting = hosting.as_ref();
                let applied = apply(
                    &self.repository,
                    &push,
                    &snapshot,
                    &plan,
                    &self.author,
                    hosting,
                    now,
                );
                tips.extend(applied.branches.iter().filter_map(Applied::own_commit));
                round.add(&applied);
            }
            let next = [round.next_change, plan.next_change].into_iter();
            round.next_change = next.flatten().min();
            round.problems.extend(plan.problems.iter().cloned());
            round.plans.get_or_insert_default().push(plan);
        }
        Ok(round)
    }

    /// Of all that is gathered from: the branches, and what the plans say.
    fn hash(&self, plans: &[Plan], problems: &[Problem]) -> Result<String, Trouble> {
        let default = self.repository.default_branch();
        let mut text = default
            .and_then(|default| state(&self.repository, &default, &self.operator))
            .map_err(|error| git_trouble(&error))?;
        for plan in plans {
            text.push_str(&plan.to_string());
        }
        for problem in problems {
            text.push_str(&problem.to_string());
        }
        Ok(Digest::of(text.as_bytes()).to_string())
    }

    /// What is known now.
    fn gather(&mut self, plans: &[Plan], problems: Vec<Problem>) -> Result<Gathered, git::Error> {
        let hosting = self.forge.as_ref().map(SiteForge::hosting);
        gathered::gather(
            &self.repository,
            &mut self.cache,
            &self.operator,
            hosting.as_ref(),
            plans,
            problems,
        )
    }
}

impl Round {
    fn add(&mut self, applied: &AppliedPlan) {
        for done in &applied.branches {
            match &done.outcome {
                Outcome::Kept => {}
                Outcome::Done => {
                    self.written += 1;
                    self.is_unfinished = true;
                }
                Outcome::Moved | Outcome::Failed(git::Error::Stale { .. }) => {
                    self.is_unfinished = true;
                }
                Outcome::Rejected { message, hint } => {
                    self.trouble = Some(Trouble {
                        message: format!("PushDenied: {} was not accepted: {message}", done.branch),
                        hint: Some(hint.clone()),
                    });
                }
                Outcome::Failed(error) => {
                    let trouble = git_trouble(error);
                    self.trouble = Some(Trouble {
                        message: format!(
                            "{} could not be written: {}",
                            done.branch, trouble.message
                        ),
                        ..trouble
                    });
                }
            }
        }
        for published in &applied.pull_requests {
            match &published.what {
                Publishing::Failed { what, error } => {
                    self.trouble = Some(Trouble {
                        message: format!("{}: cannot {what}: {}", published.branch, chain(error)),
                        hint: None,
                    });
                }
                Publishing::NotReady(_) | Publishing::Posted(_) | Publishing::Scheduled => {}
                Publishing::Opened
                | Publishing::Changed
                | Publishing::Remarked
                | Publishing::Merged
                | Publishing::Closed(_) => self.is_unfinished = true,
            }
        }
    }
}

fn git_trouble(error: &git::Error) -> Trouble {
    Trouble {
        message: chain(error),
        hint: None,
    }
}

/// An error with its causes, each said once.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let said = cause.to_string();
        if !text.contains(&said) {
            text.push_str(&format!(": {said}"));
        }
        next = cause.source();
    }
    text
}
