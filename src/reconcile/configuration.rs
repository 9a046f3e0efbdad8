use crate::config::repository;
use crate::environment::{Environment, EnvironmentName};
use crate::plan::template;
use crate::policy::Policy;
use crate::problem::Problem;

/// What `headwater.yaml` says; without one, one environment on the default branch.
#[derive(Clone, Debug, Default)]
pub struct Configuration {
    /// Empty where the file has an error: nothing is done then.
    pub environments: Vec<Environment>,
    pub policy: Policy,
    pub problems: Vec<Problem>,
}

impl Configuration {
    /// Reads the content of the file, if there is one.
    pub fn read(bytes: Option<&[u8]>) -> Self {
        let Some(bytes) = bytes else {
            return Self {
                environments: vec![Environment::default()],
                ..Self::default()
            };
        };
        let (config, mut problems) = repository::read(bytes);
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

    /// The environments that a change goes through from `environment` on, itself first.
    pub fn way_from(&self, environment: &EnvironmentName) -> Vec<EnvironmentName> {
        let mut way = vec![environment.clone()];
        let mut next = 0;
        while let Some(from) = way.get(next).cloned() {
            for target in &self.environments {
                let is_next = target.promotion.as_ref().is_some_and(|it| it.from == from);
                if is_next && !way.contains(&target.name) {
                    way.push(target.name.clone());
                }
            }
            next += 1;
        }
        way
    }
}
