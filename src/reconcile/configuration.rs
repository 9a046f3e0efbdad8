use crate::config::repository::{self, RepositoryConfig};
use crate::environment::{Delivery, Environment, EnvironmentName};
use crate::policy::{ImportPolicy, PinPolicy, Policy, PullRequestPolicy};
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
                environments: vec![default_environment()],
                ..Self::default()
            };
        };
        let (config, mut problems) = repository::read(bytes);
        match config {
            Some(config) => Self::new(config, problems),
            None => {
                problems.push(Problem::note(
                    None,
                    "headwater.yaml has errors, so nothing is planned; what is pinned stays",
                ));
                Self {
                    problems,
                    ..Self::default()
                }
            }
        }
    }

    fn new(config: RepositoryConfig, problems: Vec<Problem>) -> Self {
        Self {
            policy: Policy {
                imports: ImportPolicy {
                    follow: config.imports.follow,
                    scheduled: config.imports.scheduled,
                    import_mode: config.imports.import_mode,
                    interval: config.imports.interval,
                    per_minute: config.imports.per_minute,
                    bulk_per_repository: config.imports.bulk_per_repository,
                    minimum_age: config.imports.minimum_age,
                },
                pins: PinPolicy {
                    keep_tag: config.pins.keep_tag,
                    history_limit: config.pins.history_limit,
                },
                pull_requests: PullRequestPolicy {
                    group_by: config.pull_requests.group_by,
                    max_open: config.pull_requests.max_open,
                },
            },
            environments: config.environments,
            problems,
        }
    }
}

fn default_environment() -> Environment {
    Environment {
        name: EnvironmentName::default(),
        branch: None,
        paths: Vec::new(),
        namespaces: Vec::new(),
        delivery: Delivery::default(),
    }
}
