use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::environment::{Environment, EnvironmentName};
use crate::git::{self, Repository};
use crate::manifest::Manifests;
use crate::plan::creation::Pushes;
use crate::plan::{self, Mode, Plan};
use crate::policy::{OperatorPolicy, Policy};
use crate::problem::Problem;
use crate::reconcile::configuration::Configuration;
use crate::reconcile::evidence;
use crate::reconcile::gather::{Ask, Gathering, forbid, gather};
use crate::reconcile::read::{Reading, read_files};
use crate::reconcile::subject::{Planning, Subject};
use crate::reconcile::timeline;
use crate::resolve::{Checks, Following, Taken, Taking};
use crate::revision::CommitId;
use crate::snapshot::Files;
use crate::stream::StreamTagName;

/// Files that a person works on, as they stand, and the environments that they stand for.
pub struct Desk<'a> {
    files: Files,
    reading: Reading,
    configuration: Configuration,
    environments: Vec<Environment>,
    history: Option<(&'a Repository, CommitId)>,
    /// Whether a person's command is carried out.
    is_asked_for: bool,
    operator: &'a OperatorPolicy,
}

/// Plans for the files of a desk.
#[derive(Debug)]
pub struct InPlace {
    pub plans: Vec<Plan>,
    pub problems: Vec<Problem>,
}

impl std::fmt::Debug for Desk<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Desk")
            .field("files", &self.files.len())
            .field("environments", &self.environments)
            .finish_non_exhaustive()
    }
}

impl<'a> Desk<'a> {
    /// `problems` were found while reading `files`; `chosen` picks the environments that the
    /// files stand for. With a `history`, what was taken back or closed there stays so.
    pub fn new(
        files: Files,
        problems: Vec<Problem>,
        chosen: &dyn Fn(&[Environment]) -> Vec<Environment>,
        history: Option<(&'a Repository, CommitId)>,
        operator: &'a OperatorPolicy,
    ) -> Self {
        let mut reading = read_files(&files, problems);
        reading.integrated = operator.integrated.clone();
        let default = history.and_then(|(repository, _)| repository.default_branch().ok());
        let configuration = Configuration::read(reading.config.as_deref(), default.as_ref());
        Self {
            environments: chosen(&configuration.environments),
            files,
            reading,
            configuration,
            history,
            is_asked_for: false,
            operator,
        }
    }

    /// The same desk with other files on it, to do what a person asks for: nothing is held there
    /// because it was taken back before. A hold counts: somebody has to take it out.
    pub fn with_files(&self, files: Files) -> Self {
        let mut reading = read_files(&files, Vec::new());
        reading.integrated.clone_from(&self.reading.integrated);
        Self {
            files,
            reading,
            configuration: self.configuration.clone(),
            environments: self.environments.clone(),
            history: self.history,
            is_asked_for: true,
            operator: self.operator,
        }
    }

    /// What the files say by themselves.
    pub fn reading(&self) -> &Reading {
        &self.reading
    }

    pub fn files(&self) -> &Files {
        &self.files
    }

    pub fn policy(&self) -> &Policy {
        &self.configuration.policy
    }

    pub fn environments(&self) -> &[Environment] {
        &self.environments
    }

    /// What is wrong in single files and in headwater.yaml.
    pub fn problems(&self) -> impl Iterator<Item = &Problem> {
        let own = self.configuration.problems.iter();
        own.chain(&self.reading.problems)
    }

    /// What the files say, by environment.
    pub fn manifests(&self) -> Vec<(&Environment, Manifests)> {
        self.environments
            .iter()
            .map(|environment| {
                let manifests = Subject::manifests(&self.reading, environment, &self.environments);
                (environment, manifests)
            })
            .collect()
    }

    /// Plans edits of the files; `only` these stream tags, where some are given.
    pub fn plan(
        &self,
        only: Option<&BTreeSet<StreamTagName>>,
        ask: &mut Ask<'_>,
        now: Timestamp,
    ) -> Result<InPlace, git::Error> {
        let mut subjects = self.subjects();
        let followings = self.follow(&mut subjects, now, ask)?;
        let mut edited = self.files.clone();
        let mut plans = Vec::new();
        let history = self.history.filter(|_| !self.is_asked_for);
        for (subject, following) in subjects.into_iter().zip(followings) {
            let branches = match history {
                Some((repository, head)) => {
                    evidence::environment_branches(repository, head, &subject.environment.name)?
                }
                None => evidence::Branches::default(),
            };
            let past = history.map(|(repository, head)| evidence::Past::new(repository, head));
            let planning = Planning {
                policy: self.policy(),
                branches: &branches,
                forge: None,
                past: past.as_ref(),
                merged_past: None,
                choices: &[],
                signatures: &BTreeMap::new(),
                pushes: &Pushes::default(),
                mode: Mode::InPlace,
                only,
                now,
            };
            let plan = subject.plan(&following, &planning, None, |paths, _| {
                let touched = edited.iter().filter(|(path, _)| paths.contains(*path));
                Ok(touched
                    .map(|(path, content)| (path.clone(), content.clone()))
                    .collect())
            })?;
            for change in plan.proposals.iter().flat_map(|proposal| &proposal.changes) {
                edited.insert(change.path.clone(), change.after.clone());
            }
            plans.push(plan);
        }
        Ok(InPlace {
            plans,
            problems: self.problems().cloned().collect(),
        })
    }

    /// What is wrong in the files, as far as it can be told without asking anybody.
    pub fn lint(&self, now: Timestamp) -> Result<Vec<Problem>, git::Error> {
        let mut found: Vec<Problem> = self.problems().cloned().collect();
        let mut subjects = self.subjects();
        let followings = self.follow(&mut subjects, now, &mut |_| Vec::new())?;
        for (subject, following) in subjects.into_iter().zip(followings) {
            let manifests = subject.manifests;
            let pins = &self.policy().pins;
            found.extend(plan::advice(&manifests, pins));
            let name = &subject.environment.name;
            found.extend(plan::hold::notes(&manifests.streams, name, now));
            let due = plan::due(
                &manifests.streams,
                &manifests.triggers,
                &following.tags,
                pins,
            );
            found.extend(manifests.problems);
            found.extend(following.problems);
            found.extend(due.problems);
        }
        Ok(found)
    }

    fn subjects(&self) -> Vec<Subject> {
        let read = |environment: &Environment| {
            let mut subject = Subject::read(&self.reading, environment, &self.environments);
            subject.name_unheeded_holds(&self.configuration.environments);
            subject
        };
        self.environments.iter().map(read).collect()
    }

    fn follow(
        &self,
        subjects: &mut [Subject],
        now: Timestamp,
        ask: &mut Ask<'_>,
    ) -> Result<Vec<Following>, git::Error> {
        forbid(subjects, self.operator);
        let takings = self.takings(subjects);
        let gathering = Gathering {
            policy: self.policy(),
            operator: self.operator,
            is_partial: self.configuration.environments.len() > self.environments.len(),
            verified: &BTreeMap::new(),
            // Who asks by hand wants to know now.
            checks: &Checks::default(),
            takings: &takings,
            now,
        };
        let subjects: Vec<&Subject> = subjects.iter().collect();
        let (followings, _) = gather(
            &subjects,
            &gathering,
            ask,
            &mut |_, stream| match self.history {
                Some((repository, head)) => timeline::older_images(repository, head, stream),
                None => Ok(Vec::new()),
            },
        )?;
        Ok(followings)
    }

    /// Gates are about commits: what is on a desk passes none, so where there are some, what comes
    /// from other environments stays as it is recorded.
    fn takings<'s>(&'s self, subjects: &'s [Subject]) -> BTreeMap<EnvironmentName, Taking<'s>> {
        let of = |environment: &'s Environment| {
            let others = subjects
                .iter()
                .filter(|other| other.environment.name != environment.name);
            let sources = others.map(|other| {
                let now = other.manifests.streams.as_slice();
                let taken = Taken {
                    now,
                    before: &[],
                    chosen: (!environment.is_gated()).then_some(now),
                };
                (other.environment.name.clone(), taken)
            });
            let promotion = environment.promotion.as_ref();
            let taking = Taking {
                from: promotion.map(|promotion| &promotion.from),
                sources: sources.collect(),
            };
            (environment.name.clone(), taking)
        };
        self.environments.iter().map(of).collect()
    }
}
