use crate::environment::Environment;
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
    pub fn read(_bytes: Option<&[u8]>) -> Self {
        Self {
            environments: vec![Environment {
                name: crate::environment::EnvironmentName::default(),
                branch: None,
                paths: Vec::new(),
                namespaces: Vec::new(),
                delivery: crate::environment::Delivery::default(),
            }],
            ..Self::default()
        }
    }
}
