//! An environment: a branch, or paths and namespaces on one, that runs a set of pins.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::gate::{Freeze, Gates};
use crate::problem::Place;
use crate::revision::BranchName;

/// The default is the one that a repository without `headwater.yaml` has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    pub name: EnvironmentName,
    /// None: the repository's default branch.
    pub branch: Option<BranchName>,
    /// Globs; a file outside them is not this environment's. Empty: every file.
    pub paths: Vec<String>,
    /// Empty: every namespace.
    pub namespaces: Vec<String>,
    pub delivery: Delivery,
    /// A pull request is merged once its checks and the forge's own demands pass.
    pub automerge: bool,
    /// Where its images come from; none: from registries.
    pub promotion: Option<Promotion>,
    pub gates: Gates,
    /// When it takes nothing.
    pub freezes: Vec<Freeze>,
    /// The registry that keeps what its streams have; none: the operator's usual one.
    pub integrated_registry: Option<NamedRegistry>,
}

/// One of the operator's registries, as `headwater.yaml` names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedRegistry {
    /// `host[:port]`
    pub host: String,
    pub place: Place,
}

impl Environment {
    /// Whether a change has to pass anything.
    pub fn is_gated(&self) -> bool {
        self.gates != Gates::default() || !self.freezes.is_empty()
    }
}

/// That an environment's images come from another, its source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Promotion {
    pub from: EnvironmentName,
    pub carry: Carry,
}

/// What comes along from the source.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub enum Carry {
    /// Everything on the source's branch: a merge.
    #[default]
    Merge,
    /// The images alone.
    Pins,
}

impl Carry {
    /// As configurations and trailers spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Merge => "merge",
            Self::Pins => "pins",
        }
    }
}

/// Each source before what is promoted from it, else as they stand.
pub fn in_promotion_order(environments: &[Environment]) -> Vec<&Environment> {
    let steps = |environment: &Environment| {
        let mut at = environment;
        // A circle, which others report, has an end here.
        for step in 0..environments.len() {
            let from = at.promotion.as_ref().map(|promotion| &promotion.from);
            match environments.iter().find(|one| Some(&one.name) == from) {
                Some(source) => at = source,
                None => return step,
            }
        }
        environments.len()
    };
    let mut ordered: Vec<&Environment> = environments.iter().collect();
    ordered.sort_by_key(|environment| steps(environment));
    ordered
}

/// How a change reaches the environment's branch.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub enum Delivery {
    /// On a branch `headwater/<environment>/<group>`, to be merged.
    #[default]
    PullRequest,
    /// As commits on the environment's branch.
    Commit,
}

/// An environment's name: lower-case letters, digits and `-`, at most 63 characters, so that it
/// may stand in a branch name and a label.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EnvironmentName(String);

/// A text that is not an environment's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an environment's name; use lower-case letters, digits and `-`, at most 63")]
pub struct EnvironmentNameError(String);

impl EnvironmentName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for EnvironmentName {
    fn default() -> Self {
        Self("default".to_owned())
    }
}

impl std::str::FromStr for EnvironmentName {
    type Err = EnvironmentNameError;

    fn from_str(text: &str) -> Result<Self, EnvironmentNameError> {
        let is_good = !text.is_empty()
            && text.len() <= 63
            && !text.starts_with('-')
            && !text.ends_with('-')
            && text
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        if is_good {
            Ok(Self(text.to_owned()))
        } else {
            Err(EnvironmentNameError(text.chars().take(80).collect()))
        }
    }
}

impl TryFrom<String> for EnvironmentName {
    type Error = EnvironmentNameError;

    fn try_from(text: String) -> Result<Self, EnvironmentNameError> {
        text.parse()
    }
}

impl From<EnvironmentName> for String {
    fn from(name: EnvironmentName) -> Self {
        name.0
    }
}

impl fmt::Display for EnvironmentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_come_first_and_circles_end() {
        let environment = |name: &str, from: Option<&str>| Environment {
            name: name.parse().unwrap(),
            promotion: from.map(|from| Promotion {
                from: from.parse().unwrap(),
                carry: Carry::Merge,
            }),
            ..Environment::default()
        };
        let all = [
            environment("prod", Some("staging")),
            environment("x", Some("y")),
            environment("staging", Some("dev")),
            environment("y", Some("x")),
            environment("dev", None),
            environment("qa", Some("dev")),
        ];
        let names: Vec<&str> = in_promotion_order(&all)
            .into_iter()
            .map(|environment| environment.name.as_str())
            .collect();
        assert_eq!(names, ["dev", "staging", "qa", "prod", "x", "y"]);
    }
}
