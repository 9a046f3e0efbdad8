use std::collections::BTreeSet;

use crate::config::repository;
use crate::environment::{Environment, EnvironmentName};
use crate::plan::template;
use crate::policy::Policy;
use crate::problem::Problem;
use crate::revision::BranchName;

/// What `headwater.yaml` says; without one, one environment on the default branch.
#[derive(Clone, Debug, Default)]
pub struct Configuration {
    /// Empty where the file has an error: nothing is done then.
    pub environments: Vec<Environment>,
    pub policy: Policy,
    pub problems: Vec<Problem>,
}

impl Configuration {
    /// Reads the content of the file, if there is one, and of `default`: the branch of environments
    /// that name none.
    pub fn read(bytes: Option<&[u8]>, default: Option<&BranchName>) -> Self {
        let Some(bytes) = bytes else {
            return Self {
                environments: vec![Environment::default()],
                ..Self::default()
            };
        };
        let (config, mut problems) = repository::read_on(bytes, default);
        let templates = config.iter().flat_map(|config| &config.templates);
        let faults: Vec<Problem> = templates
            .filter_map(|(place, text)| {
                let fault = template::check(text).err()?;
                Some(Problem::error(place.clone(), fault.to_string()))
            })
            .collect();
        let config = config.filter(|_| faults.is_empty());
        problems.extend(faults);
        let Some(config) = config else {
            problems.push(Problem::note(
                None,
                "headwater.yaml has errors, so nothing is planned; what is pinned stays",
            ));
            return Self {
                problems,
                ..Self::default()
            };
        };
        Self {
            environments: config.environments,
            policy: config.policy,
            problems,
        }
    }

    /// From where the missing branch of one of `environments` is to begin: its source's, so that both
    /// have commits in common, or else the default branch. As a person's clone names it.
    pub fn beginning<E>(
        &self,
        environments: &[Environment],
        default: &BranchName,
        is_there: impl Fn(&BranchName) -> Result<bool, E>,
    ) -> Result<String, E> {
        for environment in environments {
            let Some(from) = self.source_of(&environment.name) else {
                continue;
            };
            let mut all = self.environments.iter();
            let source = all.find(|source| source.name == *from);
            let branch = source.map(|source| source.branch.as_ref().unwrap_or(default));
            if let Some(branch) = branch
                && branch != default
                && is_there(branch)?
            {
                return Ok(format!("origin/{branch}"));
            }
        }
        Ok(default.to_string())
    }

    fn source_of(&self, environment: &EnvironmentName) -> Option<&EnvironmentName> {
        let mut environments = self.environments.iter();
        let target = environments.find(|target| target.name == *environment)?;
        target.promotion.as_ref().map(|promotion| &promotion.from)
    }

    /// The environments that a change goes through on its way through `environment`, step by step:
    /// where it comes from, itself, and where it goes.
    pub fn way_through(&self, environment: &EnvironmentName) -> Vec<Vec<EnvironmentName>> {
        let mut known = BTreeSet::from([environment.clone()]);
        let mut before = Vec::new();
        let mut first = environment;
        while let Some(from) = self.source_of(first)
            && known.insert(from.clone())
        {
            first = from;
            before.push(vec![first.clone()]);
        }
        let mut way: Vec<_> = before.into_iter().rev().collect();
        let mut step = vec![environment.clone()];
        while !step.is_empty() {
            let is_next = |target: &&Environment| {
                let from = target.promotion.as_ref().map(|promotion| &promotion.from);
                from.is_some_and(|from| step.contains(from))
            };
            let next = self.environments.iter().filter(is_next);
            let next = next.map(|target| target.name.clone());
            let next = next.filter(|name| known.insert(name.clone())).collect();
            way.push(std::mem::replace(&mut step, next));
        }
        way
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::{Carry, Promotion};

    #[test]
    fn the_way_leads_through_an_environment() {
        let promotions = [
            ("dev", "staging"),
            ("staging", "prod"),
            ("staging", "load"),
            ("prod", "dr"),
            // What a check refuses elsewhere ends here all the same.
            ("b", "a"),
            ("a", "b"),
        ];
        let name = |name: &str| name.parse::<EnvironmentName>().unwrap();
        let promoted = |(from, to): (&str, &str)| Environment {
            name: name(to),
            promotion: Some(Promotion {
                from: name(from),
                carry: Carry::default(),
            }),
            ..Environment::default()
        };
        let configuration = Configuration {
            environments: promotions.map(promoted).to_vec(),
            ..Configuration::default()
        };
        for (here, expected) in [
            ("dev", "dev, staging, prod load, dr"),
            ("prod", "dev, staging, prod, dr"),
            ("dr", "dev, staging, prod, dr"),
            ("a", "b, a"),
            ("alone", "alone"),
        ] {
            let way = configuration.way_through(&name(here));
            let steps = way.iter().map(|step| {
                let names: Vec<&str> = step.iter().map(EnvironmentName::as_str).collect();
                names.join(" ")
            });
            assert_eq!(steps.collect::<Vec<_>>().join(", "), expected);
        }
    }
}
