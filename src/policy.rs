//! What a repository asks for: how tags are followed, pinned and proposed.

use serde::{Deserialize, Serialize};

use crate::stream::ImportMode;

/// The settings that act on one pass over one environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    pub imports: ImportPolicy,
    pub pins: PinPolicy,
    pub pull_requests: PullRequestPolicy,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportPolicy {
    pub follow: Follow,
    /// `false` imports each tag once and follows none.
    pub scheduled: bool,
    /// For tags that name no import mode of their own.
    pub import_mode: ImportMode,
}

/// Which tags are asked for again after their first import.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub enum Follow {
    /// Those with `importPolicy.scheduled: true`.
    #[default]
    Scheduled,
    /// Every tag that names an image.
    All,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PinPolicy {
    /// `repository:tag@digest` instead of `repository@digest`, where people read the field.
    pub keep_tag: bool,
    /// How many items of a tag stay in `status`; the whole history is in Git.
    pub history_limit: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullRequestPolicy {
    pub group_by: GroupBy,
    /// How many bot branches may be open in an environment.
    pub max_open: usize,
}

/// Which moves share a branch.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub enum GroupBy {
    /// All tags of an image stream.
    #[default]
    Stream,
    /// One tag.
    Tag,
    /// All streams of a namespace.
    Namespace,
    /// Everything in the environment.
    Environment,
}

impl Default for ImportPolicy {
    fn default() -> Self {
        Self {
            follow: Follow::default(),
            scheduled: true,
            import_mode: ImportMode::default(),
        }
    }
}

impl Default for PinPolicy {
    fn default() -> Self {
        Self {
            keep_tag: true,
            history_limit: 10,
        }
    }
}

impl Default for PullRequestPolicy {
    fn default() -> Self {
        Self {
            group_by: GroupBy::default(),
            max_open: 10,
        }
    }
}
