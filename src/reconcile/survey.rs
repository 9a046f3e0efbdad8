//! All environments as they stand on their branches, for commands that read.

use crate::environment::{Environment, EnvironmentName, in_promotion_order};
use crate::git::{Error, Repository};
use crate::manifest::Manifests;
use crate::policy::OperatorPolicy;
use crate::reconcile::cache::Cache;
use crate::reconcile::configuration::Configuration;
use crate::reconcile::read::read_tree;
use crate::reconcile::subject::Subject;
use crate::revision::BranchName;
use crate::snapshot::Snapshot;

/// What a repository's environments are.
#[derive(Debug)]
pub struct Survey {
    pub default: BranchName,
    pub configuration: Configuration,
    /// A source before what is promoted from it; without those whose branch does not exist.
    pub environments: Vec<Surveyed>,
}

/// An environment at the tip of its branch.
#[derive(Debug)]
pub struct Surveyed {
    /// With its branch.
    pub environment: Environment,
    pub snapshot: Snapshot,
    pub manifests: Manifests,
}

impl Survey {
    pub fn read(
        repository: &Repository,
        cache: &mut Cache,
        operator: &OperatorPolicy,
    ) -> Result<Self, Error> {
        let default = repository.default_branch()?;
        let tree = repository.snapshot(&default)?.tree;
        let reading = read_tree(repository, tree, cache)?;
        let configuration = Configuration::read(reading.config.as_deref(), Some(&default));
        let branch_of =
            |environment: &Environment| environment.branch.clone().unwrap_or(default.clone());
        let mut environments = Vec::new();
        for environment in in_promotion_order(&configuration.environments) {
            let branch = branch_of(environment);
            if repository.branch(&branch)?.is_none() {
                continue;
            }
            let snapshot = repository.snapshot(&branch)?;
            let mut reading = read_tree(repository, snapshot.tree, cache)?;
            reading.integrated = operator.integrated.clone();
            let on_branch: Vec<Environment> = configuration
                .environments
                .iter()
                .filter(|other| branch_of(other) == branch)
                .cloned()
                .collect();
            environments.push(Surveyed {
                manifests: Subject::manifests(&reading, environment, &on_branch),
                environment: Environment {
                    branch: Some(branch),
                    ..environment.clone()
                },
                snapshot,
            });
        }
        Ok(Self {
            default,
            configuration,
            environments,
        })
    }

    pub fn environment(&self, name: &EnvironmentName) -> Option<&Surveyed> {
        let mut all = self.environments.iter();
        all.find(|surveyed| surveyed.environment.name == *name)
    }
}
