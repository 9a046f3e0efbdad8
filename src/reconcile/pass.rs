use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::environment::{Environment, EnvironmentName};
use crate::git::{self, Repository};
use crate::lookup::{Answer, Question, Resolution, Verified};
use crate::plan::creation::Pushes;
use crate::plan::pull_request::ForgeView;
use crate::plan::{self, Plan};
use crate::policy::{OperatorPolicy, Policy};
use crate::problem::Problem;
use crate::reconcile::cache::Cache;
use crate::reconcile::configuration::Configuration;
use crate::reconcile::creating::Looking;
use crate::reconcile::environment_pass::{BranchPlanning, GateQuestions};
use crate::reconcile::gather::{Ask, Gathering, forbid, gather};
use crate::reconcile::hosting::{Hosting, Prose};
use crate::reconcile::promoting::sides;
use crate::reconcile::promotion::{Asking, Choices, Chooser, Ground, Request};
use crate::reconcile::quiet::{self, Asked, Quiet, QuietForge, QuietPass};
use crate::reconcile::read::{CONFIG_FILE, Reading, read_tree};
use crate::reconcile::subject::Subject;
use crate::reconcile::{evidence, timeline};
use crate::resolve::{Checks, Followed, Following, Inquiry, TagState, Taking, scheduled_checks};
use crate::revision::{BranchName, CommitId, TreeId};
use crate::snapshot::Snapshot;
use crate::stream::ImageStream;

/// Why a pass could not be made at all.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error(transparent)]
    Git(#[from] git::Error),
}

/// One pass over a Git repository.
pub struct Pass<'a> {
    pub repository: &'a Repository,
    pub cache: &'a mut Cache,
    pub operator: &'a OperatorPolicy,
    pub ask: &'a mut Ask<'a>,
    /// The forge that the repository is on; none: its branches are the pull requests.
    pub hosting: Option<&'a Hosting<'a>>,
    /// What messages tell of images; none: only what Git knows.
    pub prose: Option<Prose<'a>>,
    pub now: Timestamp,
}

impl std::fmt::Debug for Pass<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pass")
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}

/// What a pass looks at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// Plan a commit, a tag or another branch instead of the environments' own branches.
    pub revision: Option<String>,
    /// Where everything is as in an earlier pass that wrote nothing, nothing is planned; and what
    /// has an interval of its own, or exceeds a budget, is not looked at in every pass.
    pub is_unattended: bool,
    /// A promotion that somebody asks for.
    pub request: Option<Request>,
}

/// What came of an environment.
#[derive(Debug)]
pub enum Planned {
    Plan(Box<(Snapshot, Plan)>),
    /// The same inputs as in an earlier pass that had nothing to write.
    Quiet(Quiet),
}

/// The tip of an environment's branch.
pub struct Branched {
    pub snapshot: Snapshot,
    /// Of its bot branches.
    pub heads: Vec<(BranchName, CommitId)>,
}

impl Pass<'_> {
    /// Plans every environment; nothing is written but the cache.
    pub fn plan(&mut self, scope: &Scope) -> Result<(Vec<Planned>, Vec<Problem>), Failure> {
        let default_branch = self.repository.default_branch()?;
        let mut asked = Asked::default();
        let state = match scope.is_unattended {
            true => Some(quiet::state(
                self.repository,
                &default_branch,
                self.operator,
            )?),
            false => None,
        };
        let mut view = self.hosting.map(Hosting::view);
        if let Some(quiet) = self.cache.quiet()
            && state.as_ref() == Some(&quiet.state)
            && self.is_forge_quiet(view.as_ref(), quiet.forge.as_ref())
            && !quiet.is_over(self.now)
        {
            let answers = (self.ask)(&quiet.questions);
            if quiet::fingerprint(&quiet.questions, &answers) == quiet.answers {
                let environments = quiet.environments.iter().cloned();
                return Ok((
                    environments.map(Planned::Quiet).collect(),
                    quiet.problems.clone(),
                ));
            }
            asked.remember(&quiet.questions, answers);
        }
        let default = self.snapshot(&default_branch, scope)?;
        let reading = self.read(default.tree)?;
        let configuration = Configuration::read(reading.config.as_deref(), Some(&default.branch));
        let mut problems = configuration.problems.clone();
        let (mut subjects, places) =
            self.subjects(&configuration, &default, &reading, scope, &mut problems)?;
        forbid(&mut subjects, self.operator);
        let checks = self.checks(&subjects, &configuration.policy, scope);
        let mut gates = GateQuestions::default();
        let mut choices = Choices::default();
        // What is somewhere else than at the tips of the branches is promoted nowhere.
        if scope.revision.is_none() {
            let on_branches = by_branch(&configuration.environments, &default.branch);
            let sides = sides(&subjects, &places, &on_branches);
            let ask = &mut *self.ask;
            let asking = Asking {
                hosting: self.hosting,
                view: &mut view,
                ask: &mut |questions| asked.ask(questions, ask),
                operator: self.operator,
                asked: Vec::new(),
            };
            let mut chooser = Chooser::new(self.repository, self.cache, asking, self.now);
            chooser.request = scope.request.as_ref();
            choices = Choices::choose(&mut chooser, &sides)?;
            problems.append(&mut chooser.problems);
            gates.extend(chooser.asking.asked);
        }
        let mut merged = Vec::new();
        for (subject, place) in subjects.iter().zip(&places) {
            merged.push(self.merge(subject, place, &configuration, &mut choices, &mut problems)?);
        }
        let takings = choices.takings(subjects.iter(), Ground::Tip);
        let (followings, mut inquiry) = self.gather(
            &subjects,
            &places,
            &configuration,
            &checks,
            &takings,
            &mut asked,
        )?;
        drop(takings);
        let mut looking = Looking {
            configuration: &configuration,
            default: &default.branch,
            asked: &mut asked,
            questions: &mut gates,
            problems: &mut problems,
        };
        let pushes = match scope.revision {
            None => self.pushes(&subjects, &places, &mut looking)?,
            Some(_) => BTreeMap::new(),
        };
        self.follow_merged(
            &mut merged,
            &subjects,
            &configuration,
            &choices,
            &mut inquiry,
            &mut asked,
        );
        let is_timeless = !followings
            .iter()
            .flat_map(|following| &following.tags)
            .any(TagState::depends_on_time);
        let ends = subjects.iter().filter_map(|subject| {
            let name = &subject.environment.name;
            plan::hold::next_end(&subject.manifests.streams, name, self.now)
        });
        let mut ends = ends.min();
        let (mut questions, mut answers) = inquiry.into_answered();
        self.cache.put_verified(verified(&questions, &answers));
        if scope.is_unattended && checks.is_limited {
            let answered = answered(&checks, &subjects, &followings);
            self.cache.put_checked(&answered, self.now);
        }

        let none = Pushes::default();
        let mut planned = Vec::new();
        let own = subjects.into_iter().zip(followings).zip(places);
        for (((subject, following), place), merged) in own.zip(merged) {
            let branched = BranchPlanning {
                subject: &subject,
                following: &following,
                merged: merged.as_ref(),
                choices: choices.of(&subject.environment.name),
                pushes: pushes.get(&subject.environment.name).unwrap_or(&none),
                configuration: &configuration,
            };
            let plan = self.plan_branched(&branched, place, &mut view, &mut asked, &mut gates)?;
            ends = [ends, plan.1.next_change].into_iter().flatten().min();
            planned.push(plan);
        }
        let (gate_questions, gate_answers) = gates.into_parts();
        questions.extend(gate_questions);
        answers.extend(gate_answers);
        if let Some(outage) = view.as_ref().and_then(|view| view.outage.as_ref()) {
            let message = format!("the forge cannot be asked for pull requests: {outage}");
            problems.push(Problem::error(None, message).advice(
                "open branches are kept up to date; the rest is done once it answers again",
            ));
        }
        if let Some(state) = state {
            let has_outage = view.as_ref().is_some_and(|view| view.outage.is_some());
            // Asked again in the next pass, and not compared.
            let has_unknown = view
                .as_ref()
                .is_some_and(|view| view.entered.values().any(Result::is_err));
            let is_quiet = is_timeless
                && !checks.is_limited
                && !has_outage
                && !has_unknown
                && planned
                    .iter()
                    .all(|(_, plan)| plan.is_empty() && !plan.depends_on_time());
            self.cache.put_quiet(is_quiet.then(|| QuietPass {
                state,
                ends: ends.map(Timestamp::as_second),
                answers: quiet::fingerprint(&questions, &answers),
                questions: quiet::verified(&questions, &answers),
                forge: view.as_ref().map(QuietForge::from),
                environments: planned.iter().map(|(_, plan)| Quiet::from(plan)).collect(),
                problems: problems.clone(),
            }));
        }
        let planned = planned
            .into_iter()
            .map(|planned| Planned::Plan(Box::new(planned)))
            .collect();
        Ok((planned, problems))
    }

    /// Which followed tags are looked at: all of them where a person asks.
    fn checks(&self, subjects: &[Subject], policy: &Policy, scope: &Scope) -> Checks {
        if !scope.is_unattended {
            return Checks::default();
        }
        let streams: Vec<(&EnvironmentName, &[ImageStream])> = subjects
            .iter()
            .map(|subject| (&subject.environment.name, &*subject.manifests.streams))
            .collect();
        scheduled_checks(&streams, &policy.imports, self.cache.checked(), self.now)
    }

    fn gather(
        &mut self,
        subjects: &[Subject],
        places: &[Branched],
        configuration: &Configuration,
        checks: &Checks,
        takings: &BTreeMap<EnvironmentName, Taking<'_>>,
        asked: &mut Asked,
    ) -> Result<(Vec<Following>, Inquiry), Failure> {
        let (repository, ask) = (self.repository, &mut *self.ask);
        let gathering = Gathering {
            policy: &configuration.policy,
            operator: self.operator,
            is_partial: configuration.environments.len() > subjects.len(),
            verified: self.cache.verified(),
            takings,
            checks,
            now: self.now,
        };
        let subjects: Vec<&Subject> = subjects.iter().collect();
        let gathered = gather(
            &subjects,
            &gathering,
            &mut |questions| asked.ask(questions, ask),
            &mut |subject, stream| {
                let place = subjects
                    .iter()
                    .zip(places)
                    .find(|(other, _)| other.environment.name == subject.environment.name);
                match place {
                    Some((_, place)) => {
                        timeline::older_images(repository, place.snapshot.commit, stream)
                    }
                    None => Ok(Vec::new()),
                }
            },
        )?;
        Ok(gathered)
    }

    pub(crate) fn read(&mut self, tree: TreeId) -> Result<Reading, Failure> {
        let mut reading = read_tree(self.repository, tree, self.cache)?;
        reading.integrated = self.operator.integrated.clone();
        Ok(reading)
    }

    fn snapshot(&self, branch: &BranchName, scope: &Scope) -> Result<Snapshot, Failure> {
        Ok(match &scope.revision {
            None => self.repository.snapshot(branch)?,
            Some(revision) => {
                let commit = self.repository.revision(revision)?;
                Snapshot {
                    branch: branch.clone(),
                    commit,
                    tree: self.repository.tree_of(commit)?,
                }
            }
        })
    }

    fn subjects(
        &mut self,
        configuration: &Configuration,
        default: &Snapshot,
        default_reading: &Reading,
        scope: &Scope,
        problems: &mut Vec<Problem>,
    ) -> Result<(Vec<Subject>, Vec<Branched>), Failure> {
        let (mut subjects, mut places) = (Vec::new(), Vec::new());
        for (branch, environments) in by_branch(&configuration.environments, &default.branch) {
            let (snapshot, other);
            let reading = if branch == default.branch {
                snapshot = default.clone();
                default_reading
            } else {
                if self.repository.branch(&branch)?.is_none() {
                    let is_there =
                        |branch: &BranchName| Ok(self.repository.branch(branch)?.is_some());
                    let beginning: Result<_, git::Error> =
                        configuration.beginning(&environments, &default.branch, is_there);
                    let at_origin = self.repository.at_origin(&branch);
                    let problem =
                        missing_branch(&branch, &environments, &beginning?, at_origin.as_deref());
                    problems.push(problem);
                    continue;
                }
                snapshot = self.snapshot(&branch, scope)?;
                other = self.read(snapshot.tree)?;
                &other
            };
            for environment in &environments {
                let mut subject = Subject::read(reading, environment, &environments);
                subject.environment.branch = Some(branch.clone());
                let found = reading.problems.iter().cloned();
                subject.manifests.problems.extend(found);
                subject.name_unheeded_holds(&configuration.environments);
                let prefix = evidence::branch_prefix(&environment.name);
                if let Some(obstacle) = self.obstacle(&prefix)? {
                    problems.push(obstacle);
                    continue;
                }
                subjects.push(subject);
                places.push(Branched {
                    snapshot: snapshot.clone(),
                    heads: self.repository.branches(&prefix)?,
                });
            }
        }
        Ok((subjects, places))
    }

    /// A branch whose name is the folder of the bot's branches: Git cannot have both.
    fn obstacle(&self, prefix: &str) -> Result<Option<Problem>, Failure> {
        for (end, _) in prefix.match_indices('/') {
            let Some(Ok(name)) = prefix.get(..end).map(str::parse::<BranchName>) else {
                continue;
            };
            if self.repository.branch(&name)?.is_some() {
                let message = format!(
                    "the branch {name} stands where branches like {prefix}… are to be made"
                );
                let advice = format!(
                    "rename it: git push origin origin/{name}:refs/heads/old-{name} :refs/heads/{name}"
                );
                return Ok(Some(Problem::error(None, message).advice(advice)));
            }
        }
        Ok(None)
    }

    /// Whether the forge says what it said in the pass before.
    fn is_forge_quiet(&self, view: Option<&ForgeView>, before: Option<&QuietForge>) -> bool {
        match (self.hosting, view, before) {
            (None, _, None) => true,
            (Some(hosting), Some(view), Some(before)) => {
                let now = hosting.fingerprint(view, before);
                now.as_ref() == Some(&before.answers)
            }
            _ => false,
        }
    }
}

/// Environments that share a branch, in the order of the configuration.
fn by_branch(
    environments: &[Environment],
    default: &BranchName,
) -> Vec<(BranchName, Vec<Environment>)> {
    let mut branches: Vec<(BranchName, Vec<Environment>)> = Vec::new();
    for environment in environments {
        let branch = environment.branch.as_ref().unwrap_or(default);
        match branches.iter_mut().find(|(name, _)| name == branch) {
            Some((_, environments)) => environments.push(environment.clone()),
            None => branches.push((branch.clone(), vec![environment.clone()])),
        }
    }
    branches
}

/// `at_origin`: where it is, while the clone that is read has no branch of its own for it.
pub fn missing_branch(
    branch: &BranchName,
    environments: &[Environment],
    beginning: &str,
    at_origin: Option<&str>,
) -> Problem {
    let names: Vec<_> = environments
        .iter()
        .map(|environment| environment.name.to_string())
        .collect();
    Problem::error(
        None,
        format!(
            "{CONFIG_FILE} names the branch {branch} for {}, and there is none",
            names.join(", ")
        ),
    )
    .advice(match at_origin {
        Some(there) => format!("this clone has it as {there} only: git branch {branch} {there}"),
        None => format!("make it: git push origin {beginning}:refs/heads/{branch}"),
    })
}

/// The tags that were looked at with success: a failure waits for no interval.
fn answered(checks: &Checks, subjects: &[Subject], followings: &[Following]) -> BTreeSet<Followed> {
    let unanswered: BTreeSet<Followed> = subjects
        .iter()
        .zip(followings)
        .flat_map(|(subject, following)| {
            let tags = following.tags.iter().filter(|tag| tag.is_unanswered());
            tags.map(|tag| (subject.environment.name.clone(), tag.name.clone()))
        })
        .collect();
    checks.due.difference(&unanswered).cloned().collect()
}

/// What was found, by endpoint: each digest was read and hashed, or known before.
fn verified(questions: &[Question], answers: &[Answer]) -> BTreeMap<String, Verified> {
    let mut verified: BTreeMap<String, Verified> = BTreeMap::new();
    for (question, answer) in questions.iter().zip(answers) {
        if let (Question::Image(lookup), Answer::Image(Resolution::Found(found))) =
            (question, answer)
        {
            let endpoint = lookup.repository.endpoint().to_string();
            let verified = verified.entry(endpoint).or_default();
            verified.digests.insert(found.digest.clone());
            if let Some(index) = &found.index {
                let key = (index.clone(), lookup.platforms.clone());
                verified.chosen.insert(key, found.digest.clone());
            }
        }
    }
    verified
}

impl From<&Plan> for Quiet {
    fn from(plan: &Plan) -> Self {
        Self {
            report: plan.to_string(),
            problems: plan.problems.clone(),
            has_failures: plan.has_failures(),
        }
    }
}
