//! What GitLab says of the project.

use serde::Deserialize;

use crate::pull_request::MergeMethod;

/// The least role that pushes branches and opens merge requests: Developer.
const DEVELOPER: u64 = 30;

#[derive(Clone, Debug, Deserialize)]
pub struct Project {
    /// None for one without a commit.
    #[serde(default)]
    pub default_branch: Option<String>,
    #[serde(default)]
    pub archived: bool,
    /// `merge`, `rebase_merge` (semi-linear) or `ff`.
    #[serde(default)]
    merge_method: Option<String>,
    /// `never`, `always`, `default_on` or `default_off`.
    #[serde(default)]
    squash_option: Option<String>,
    #[serde(default)]
    pub only_allow_merge_if_pipeline_succeeds: Option<bool>,
    #[serde(default)]
    permissions: Option<Permissions>,
}

#[derive(Clone, Debug, Deserialize)]
struct Permissions {
    project_access: Option<Access>,
    group_access: Option<Access>,
}

/// What somebody may do in the project.
#[derive(Clone, Debug, Deserialize)]
pub struct Access {
    access_level: u64,
}

impl Access {
    pub fn may_write(&self) -> bool {
        self.access_level >= DEVELOPER
    }
}

impl Project {
    /// Ways of merging: GitLab's is the project's choice, and only squashing a merge request's.
    pub fn merge_methods(&self) -> Vec<MergeMethod> {
        let mut methods = match self.merge_method.as_deref() {
            Some("ff") => vec![MergeMethod::Rebase],
            Some("rebase_merge") => vec![MergeMethod::Merge, MergeMethod::Rebase],
            _ => vec![MergeMethod::Merge],
        };
        match self.squash_option.as_deref() {
            Some("never") => {}
            Some("always") => methods = vec![MergeMethod::Squash],
            _ => methods.push(MergeMethod::Squash),
        }
        methods
    }

    /// Whether a branch that is behind its base is not merged.
    pub fn requires_up_to_date(&self) -> bool {
        matches!(self.merge_method.as_deref(), Some("ff" | "rebase_merge"))
    }

    /// What the membership of the project or of its groups gives; None for one who has neither.
    pub fn access(&self) -> Option<&Access> {
        let permissions = self.permissions.as_ref()?;
        [&permissions.project_access, &permissions.group_access]
            .into_iter()
            .flatten()
            .max_by_key(|access| access.access_level)
    }
}
