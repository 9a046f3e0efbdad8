//! What a repository asks for: how tags are followed, pinned and proposed.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::environment::Environment;
use crate::pull_request::MergeMethod;
use crate::stream::{ImportMode, SpecTag, StreamName, StreamRepositories, TagSettings, TagSource};
use crate::window::Windows;

/// The settings that act on one pass over one environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    pub imports: ImportPolicy,
    pub pins: PinPolicy,
    pub pull_requests: PullRequestPolicy,
}

/// What the operator decides for every Git repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OperatorPolicy {
    /// A stream of another namespace may be used only where a RoleBinding in Git allows it.
    pub enforces_access: bool,
    /// Namespaces that have pull secrets of their own.
    pub namespaces_with_secrets: BTreeSet<String>,
    pub integrated: Option<IntegratedRegistries>,
}

/// The registries that keep what streams have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IntegratedRegistries {
    /// Of environments that name none.
    pub usual: IntegratedRegistry,
    pub others: Vec<IntegratedRegistry>,
}

impl IntegratedRegistries {
    /// The registry of an environment; none where it names one that the operator does not.
    pub fn of(&self, environment: &Environment) -> Option<&IntegratedRegistry> {
        match &environment.integrated_registry {
            None => Some(&self.usual),
            Some(named) => self.all().find(|registry| registry.host == named.host),
        }
    }

    pub fn all(&self) -> impl Iterator<Item = &IntegratedRegistry> {
        std::iter::once(&self.usual).chain(&self.others)
    }

    /// Whether `host[:port]` is a name of one of them.
    pub fn is_named(&self, host: &str) -> bool {
        self.all().any(|registry| registry.is_named(host))
    }
}

impl From<IntegratedRegistry> for IntegratedRegistries {
    fn from(usual: IntegratedRegistry) -> Self {
        Self {
            usual,
            others: Vec::new(),
        }
    }
}

impl OperatorPolicy {
    /// The integrated registry of an environment's streams; none where there is none, and where
    /// the environment names one that the operator does not.
    pub fn registry_of(&self, environment: &Environment) -> Option<&IntegratedRegistry> {
        self.integrated.as_ref()?.of(environment)
    }
}

/// The registry that keeps what streams have: a push into it is an import. Its names inside every
/// cluster are understood without it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct IntegratedRegistry {
    /// `host[:port]`: where it is asked, and what pins name.
    pub host: String,
    /// `host[:port]` under which the outside reaches it.
    pub public_host: Option<String>,
    /// `host[:port]`: further names of it in manifests.
    pub aliases: BTreeSet<String>,
    /// What is pushed into it and no manifest names is proposed as one.
    pub create_streams: bool,
}

impl IntegratedRegistry {
    /// Whether `host[:port]` is a name of it.
    pub fn is_named(&self, host: &str) -> bool {
        self.host == host
            || self.public_host.as_deref() == Some(host)
            || self.aliases.contains(host)
    }

    /// Where it keeps a stream: `status.dockerImageRepository`, and
    /// `status.publicDockerImageRepository` (openshift-apiserver
    /// `registry/imagestream/strategy.go`, `dockerImageRepository`).
    pub fn repositories(&self, stream: &StreamName) -> StreamRepositories {
        StreamRepositories {
            repository: Some(format!("{}/{stream}", self.host)),
            public_repository: self
                .public_host
                .as_ref()
                .map(|host| format!("{host}/{stream}")),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportPolicy {
    pub follow: Follow,
    /// `false` imports each tag once and follows none.
    pub scheduled: bool,
    /// For tags that name no import mode of their own.
    pub import_mode: ImportMode,
    /// How often a followed tag is looked at.
    pub interval: Duration,
    /// How many followed tags of one host are looked at in a minute; none: as many as there are.
    pub per_minute: Option<usize>,
    /// How many tags of one repository are imported or looked at for one stream tag.
    pub bulk_per_repository: usize,
    /// How old an image must be before it is taken, where the tag does not say.
    pub minimum_age: Duration,
    /// Whether pushes may create streams and tags, where the operator lets them.
    pub create_streams: bool,
}

impl ImportPolicy {
    /// Whether a tag whose image is at a registry is looked at again and again.
    pub fn looks_at(&self, tag: &SpecTag) -> bool {
        let follows = match tag.source {
            TagSource::Pushed(_) => true,
            _ => self.follows(&tag.settings),
        };
        self.scheduled && follows && !tag.settings.reference
    }

    /// Whether a tag that names an image is one to be asked for again.
    pub fn follows(&self, settings: &TagSettings) -> bool {
        settings.is_followed() || self.follow == Follow::All
    }
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
    /// How many pull requests may be opened in an environment within an hour; none: as many as
    /// there are.
    pub max_per_hour: Option<usize>,
    /// Beside those that say what a pull request is.
    pub labels: BTreeSet<String>,
    /// Accounts, and on GitHub teams as `organization/team`.
    pub reviewers: BTreeSet<String>,
    pub assignees: BTreeSet<String>,
    pub is_draft: bool,
    /// When bot branches are made and moved; empty: at any time.
    pub schedule: Windows,
    pub rebuild: RebuildWhen,
    pub merge_method: MergeMethod,
    /// Instead of the usual ones.
    pub title: Option<String>,
    pub commit_message: Option<String>,
}

/// When an open branch of the bot is made anew on the tip although what it writes is the same.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub enum RebuildWhen {
    /// When it conflicts, and when it is behind where the forge demands that it is not.
    #[default]
    Auto,
    /// Whenever it is behind.
    Behind,
    /// Only when it conflicts.
    Conflicted,
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
            interval: Duration::from_secs(300),
            per_minute: None,
            bulk_per_repository: 50,
            minimum_age: Duration::ZERO,
            create_streams: true,
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
            max_per_hour: None,
            labels: BTreeSet::new(),
            reviewers: BTreeSet::new(),
            assignees: BTreeSet::new(),
            is_draft: false,
            schedule: Windows::default(),
            rebuild: RebuildWhen::default(),
            merge_method: MergeMethod::default(),
            title: None,
            commit_message: None,
        }
    }
}
