use std::collections::BTreeSet;

use crate::environment::Environment;
use crate::git::{self, Repository};
use crate::manifest::Manifests;
use crate::plan::{self, Mode, Plan};
use crate::policy::{OperatorPolicy, Policy};
use crate::problem::Problem;
use crate::reconcile::configuration::Configuration;
use crate::reconcile::evidence;
use crate::reconcile::pass::Ask;
use crate::reconcile::read::{Reading, read_files};
use crate::reconcile::subject::{Planning, Subject};
use crate::resolve::{self, Questions};
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
        let reading = read_files(&files, problems);
        let configuration = Configuration::read(reading.config.as_deref());
        Self {
            environments: chosen(&configuration.environments),
            files,
            reading,
            configuration,
            history,
            operator,
        }
    }

    /// The same desk with other files on it. What a person asks for by a command is not held by
    /// what was taken back before, so the new one looks into no history.
    pub fn with_files(&self, files: Files) -> Self {
        let reading = read_files(&files, Vec::new());
        Self {
            files,
            reading,
            configuration: self.configuration.clone(),
            environments: self.environments.clone(),
            history: None,
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

    /// Plans edits of the files; `only` these stream tags, where some are given. `now` is
    /// RFC 3339.
    pub fn plan(
        &self,
        only: Option<&BTreeSet<StreamTagName>>,
        ask: &mut Ask<'_>,
        now: &str,
    ) -> Result<InPlace, git::Error> {
        let mut questions = Questions::default();
        let subjects: Vec<Subject> = self
            .environments
            .iter()
            .map(|environment| self.subject(environment, &mut questions))
            .collect();
        let answers = ask(&questions.finish(&Default::default()));
        let mut edited = self.files.clone();
        let mut plans = Vec::new();
        for subject in subjects {
            let branches = match self.history {
                Some((repository, head)) => {
                    evidence::environment_branches(repository, head, &subject.environment.name)?
                }
                None => evidence::Branches::default(),
            };
            let planning = Planning {
                policy: self.policy(),
                answers: &answers,
                branches: &branches,
                history: self.history,
                mode: Mode::InPlace,
                only,
                now,
            };
            let plan = subject.plan(&planning, |paths| {
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
    pub fn lint(&self) -> Vec<Problem> {
        let mut found: Vec<Problem> = self.problems().cloned().collect();
        for environment in &self.environments {
            let questions = &mut Questions::default();
            let Subject {
                manifests,
                following,
                ..
            } = self.subject(environment, questions);
            let tags = resolve::answer(&following, &[]);
            let pins = &self.policy().pins;
            let due = plan::due(&manifests.streams, &manifests.triggers, &tags, pins);
            found.extend(manifests.problems);
            found.extend(following.problems);
            found.extend(due.problems);
        }
        found
    }

    fn subject(&self, environment: &Environment, questions: &mut Questions) -> Subject {
        let _ = self.operator;
        Subject::read(
            &self.reading,
            environment,
            &self.environments,
            self.policy(),
            questions,
        )
    }
}
