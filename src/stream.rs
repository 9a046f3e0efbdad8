//! An ImageStream as this project sees it: what a tag follows, and what it was.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::environment::EnvironmentName;
use crate::field_path::FieldPath;
use crate::hold::Holds;
use crate::image::{Reference, Repository};
use crate::problem::Place;
use crate::selection::TagRule;
use crate::snapshot::FilePath;

/// `namespace/name` of a stream.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StreamName {
    pub namespace: String,
    pub name: String,
}

impl StreamName {
    /// Whether a stream may be called so (openshift-apiserver `image/validation/validation.go`).
    pub fn is_valid(&self) -> bool {
        let is_good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let mut parts = self.name.split(['.', '_', '-']);
        parts.all(|part| !part.is_empty() && part.bytes().all(is_good))
    }
}

impl fmt::Display for StreamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// `namespace/name:tag`, one tag of a stream.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StreamTagName {
    pub stream: StreamName,
    pub tag: String,
}

impl StreamTagName {
    pub fn new(namespace: &str, name: &str, tag: &str) -> Self {
        Self {
            stream: StreamName {
                namespace: namespace.to_owned(),
                name: name.to_owned(),
            },
            tag: tag.to_owned(),
        }
    }

    /// Reads `[namespace/]name[:tag]`; the tag defaults to `latest`
    /// (library-go imageutil `SplitImageStreamTag`). None where a part is empty or there are
    /// more parts.
    pub fn parse(text: &str, default_namespace: &str) -> Option<Self> {
        let (namespace, rest) = text.split_once('/').unwrap_or((default_namespace, text));
        let (name, tag) = rest.split_once(':').unwrap_or((rest, "latest"));
        let is_good = |part: &str| !part.is_empty() && !part.contains(['/', ':', '@']);
        (is_good(namespace) && is_good(name) && is_good(tag))
            .then(|| Self::new(namespace, name, tag))
    }
}

impl fmt::Display for StreamTagName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.stream, self.tag)
    }
}

/// A stream tag of another environment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SourceTag {
    pub environment: EnvironmentName,
    pub tag: StreamTagName,
}

impl fmt::Display for SourceTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.environment, self.tag)
    }
}

/// A document: a file, and which of its documents, counted from 0.
///
/// An item of a List is a document of its own only by its field paths (`items[2]…`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DocumentAddress {
    pub file: FilePath,
    pub document: usize,
}

/// An ImageStream in a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageStream {
    pub name: StreamName,
    pub document: DocumentAddress,
    /// Where the object stands in its document: the root, or `items[n]` of a List.
    pub root: FieldPath,
    pub place: Place,
    pub metadata: StreamMetadata,
    /// `spec.lookupPolicy.local`
    pub local_lookup: bool,
    /// `spec.dockerImageRepository`: all tags of this repository are imported.
    pub whole_repository: Option<(Reference, Place)>,
    /// `spec.tags[]`, in the order of the file.
    pub tags: Vec<SpecTag>,
    /// `status.tags[]`, in the order of the file.
    pub status: Vec<StatusTag>,
    /// The annotation [`OBSERVED`], by tag; a whole repository's source under [`ALL_TAGS`].
    pub observed: BTreeMap<String, Observed>,
    /// Where the operator's integrated registry keeps it; none where there is no such registry.
    pub integrated: Option<StreamRepositories>,
}

/// What people see of a stream beside its tags; texts as written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamMetadata {
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
    /// `metadata.creationTimestamp`, RFC 3339.
    pub created: Option<String>,
    /// As the status has them.
    pub repositories: StreamRepositories,
}

/// Where an integrated registry keeps a stream: `status.dockerImageRepository` and
/// `status.publicDockerImageRepository`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamRepositories {
    pub repository: Option<String>,
    pub public_repository: Option<String>,
}

impl StreamMetadata {
    /// The annotation that allows unverified TLS and plain HTTP for every tag of the stream.
    pub fn is_insecure(&self) -> bool {
        self.annotations.get(INSECURE).map(String::as_str) == Some("true")
    }
}

/// `openshift.io/image.insecureRepository` (openshift/api `image/v1/consts.go`).
pub const INSECURE: &str = "openshift.io/image.insecureRepository";

/// The key of [`OBSERVED`] for `spec.dockerImageRepository`; no tag can have this name.
pub const ALL_TAGS: &str = "*";

impl ImageStream {
    /// Where it is kept: by the operator's registry, else by its status.
    pub fn repositories(&self) -> &StreamRepositories {
        self.integrated
            .as_ref()
            .unwrap_or(&self.metadata.repositories)
    }

    /// Where the operator's integrated registry keeps it; none where there is none, or no usable
    /// one.
    pub fn own_repository(&self) -> Option<Repository> {
        let text = self.integrated.as_ref()?.repository.as_deref()?;
        let reference: Reference = text.parse().ok()?;
        Some(reference.repository)
    }

    /// Where copies of a tag's images are kept; none where it is used from its source.
    pub fn copies_of(&self, tag: &str) -> Option<Repository> {
        let tag = self.tag(tag).filter(|tag| tag.wants_copy());
        tag.and_then(|_| self.own_repository())
    }

    pub fn tag(&self, name: &str) -> Option<&SpecTag> {
        self.tags.iter().find(|tag| tag.name == name)
    }

    /// Every recorded image whose digest begins with `prefix`, with or without `sha256:`, each
    /// once (openshift-apiserver `imageutil.DigestOrImageMatch`).
    pub fn images_by_prefix(&self, prefix: &str) -> Vec<&TagEvent> {
        let mut found: Vec<&TagEvent> = Vec::new();
        for item in self.status.iter().flat_map(|status| &status.items) {
            let is_hit = !prefix.is_empty() && is_image(&item.image, prefix);
            if is_hit && found.iter().all(|other| other.image != item.image) {
                found.push(item);
            }
        }
        found
    }

    /// The recorded images of a tag, newest first.
    pub fn history(&self, tag: &str) -> &[TagEvent] {
        self.status
            .iter()
            .find(|status| status.tag == tag)
            .map_or(&[], |status| &status.items)
    }
}

/// Whether a digest begins with `prefix`, with or without `sha256:` (openshift-apiserver
/// `imageutil.DigestOrImageMatch`).
pub fn is_image(digest: &str, prefix: &str) -> bool {
    let hex = digest.split_once(':').map_or("", |(_, hex)| hex);
    digest.starts_with(prefix) || hex.starts_with(prefix)
}

/// The stream of another environment, or of another version of this one, that `name` stands for:
/// the one of the same namespace and name, else the only one of that name.
pub fn counterpart<'s>(streams: &'s [ImageStream], name: &StreamName) -> Option<&'s ImageStream> {
    let exact = streams.iter().find(|stream| stream.name == *name);
    let by_name = || {
        let mut named = streams.iter().filter(|other| other.name.name == name.name);
        match (named.next(), named.next()) {
            (Some(only), None) => Some(only),
            _ => None,
        }
    };
    exact.or_else(by_name)
}

/// Whether several streams could be meant by `name`, none of them of its namespace.
pub fn is_ambiguous(streams: &[ImageStream], name: &StreamName) -> bool {
    let named = streams.iter().filter(|other| other.name.name == name.name);
    counterpart(streams, name).is_none() && named.count() > 1
}

/// The image that a stream tag follows in the end, as written; `stream` finds streams by name.
/// None also for circles and chains longer than anybody means: others report those.
pub fn followed_image<'s>(
    tag: &StreamTagName,
    stream: impl Fn(&StreamName) -> Option<&'s ImageStream>,
) -> Option<&'s Reference> {
    const LONGEST_CHAIN: usize = 16;
    let (mut found, mut name) = (stream(&tag.stream)?, tag.tag.as_str());
    for _ in 0..LONGEST_CHAIN {
        match &found.tag(name)?.source {
            TagSource::Image(reference) | TagSource::Pushed(reference) => return Some(reference),
            TagSource::StreamTag(next) => {
                found = stream(&next.stream)?;
                name = &next.tag;
            }
            _ => return None,
        }
    }
    None
}

/// The annotation that says from which source each tag was imported.
pub const OBSERVED: &str = "headwater.dev/observed";

/// One of `spec.tags[]` (openshift/api `image/v1`, `TagReference`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpecTag {
    pub name: String,
    pub place: Place,
    pub source: TagSource,
    pub settings: TagSettings,
}

impl SpecTag {
    /// Whether pull specs are to name a copy in the integrated registry. What is pushed there needs
    /// none.
    pub fn wants_copy(&self) -> bool {
        let is_local = self.settings.reference_policy == ReferencePolicy::Local;
        is_local && !matches!(self.source, TagSource::Pushed(_))
    }
}

/// What a tag says beside its source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagSettings {
    /// `from` as written.
    pub from: Option<From>,
    /// `reference: true`: the name is used as written and never resolved.
    pub reference: bool,
    pub scheduled: bool,
    pub insecure: bool,
    /// `importPolicy.importMode`, where the tag names one.
    pub import_mode: Option<ImportMode>,
    pub reference_policy: ReferencePolicy,
    /// `null` and absent are none; 0 asks for one import.
    pub generation: Option<i64>,
    pub annotations: BTreeMap<String, String>,
    /// The annotation [`SELECT`].
    pub rule: Option<TagRule>,
    /// The annotation [`INTERVAL`], in seconds.
    pub interval: Option<u64>,
    /// The annotation [`MINIMUM_AGE`], in seconds.
    pub minimum_age: Option<u64>,
    /// The annotation [`crate::hold::HOLD`].
    pub holds: Holds,
}

impl TagSettings {
    /// Whether the tag itself asks to be followed: a rule does, as a schedule does.
    pub fn is_followed(&self) -> bool {
        self.scheduled || self.rule.is_some()
    }
}

/// On a tag: which tag of the repository is followed.
pub const SELECT: &str = "headwater.dev/select";
/// On a tag: how often it is looked at.
pub const INTERVAL: &str = "headwater.dev/interval";
/// On a tag: how old an image is before it is taken.
pub const MINIMUM_AGE: &str = "headwater.dev/minimum-age";
/// On a tag: the platform that import mode Legacy takes (openshift/api `image/v1/consts.go`).
pub const PREFER_ARCHITECTURE: &str = "importer.image.openshift.io/prefer-arch";
pub const PREFER_OS: &str = "importer.image.openshift.io/prefer-os";

/// `spec.tags[].from` (a Kubernetes `ObjectReference`), texts as written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct From {
    pub kind: String,
    pub name: String,
    pub namespace: Option<String>,
}

/// From where an image is pulled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReferencePolicy {
    /// From where it was imported.
    #[default]
    Source,
    /// From the integrated registry.
    Local,
}

/// What a tag follows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TagSource {
    /// `kind: DockerImage`
    Image(Reference),
    /// `kind: ImageStreamTag`, in the same stream or another one.
    StreamTag(StreamTagName),
    /// `kind: ImageStreamImage`: an image in the history of a stream, this one or another, by its
    /// digest or the beginning of one, with or without `sha256:`.
    StreamImage { stream: StreamName, prefix: String },
    /// No `from`: filled by pushes into this place of the integrated registry.
    Pushed(Reference),
    /// No `from`, and no integrated registry that it could be filled from.
    None,
    /// Cannot be used; a problem with the place has been reported.
    Invalid,
}

impl TagSource {
    /// The image at a registry that is asked for.
    pub fn image(&self) -> Option<&Reference> {
        match self {
            Self::Image(reference) | Self::Pushed(reference) => Some(reference),
            _ => None,
        }
    }
}

/// How an index of several platforms is recorded.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
pub enum ImportMode {
    /// The digest of the index itself.
    #[default]
    PreserveOriginal,
    /// The digest of one platform's image.
    Legacy,
}

impl fmt::Display for ImportMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PreserveOriginal => "PreserveOriginal",
            Self::Legacy => "Legacy",
        })
    }
}

/// One of `status.tags[]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusTag {
    pub tag: String,
    /// Newest first.
    pub items: Vec<TagEvent>,
    /// As another tool wrote them; headwater writes none.
    pub conditions: Vec<Condition>,
}

/// One of `status.tags[].conditions[]` (openshift/api `image/v1`, `TagEventCondition`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    pub kind: String,
    pub status: String,
    pub reason: String,
    pub message: String,
    /// RFC 3339.
    pub time: String,
    pub generation: i64,
}

/// The type of the one condition that a tag has (openshift/api `image/v1/types.go`).
pub const IMPORT_SUCCESS: &str = "ImportSuccess";

/// One of `status.tags[].items[]` (openshift/api `image/v1`, `TagEvent`), texts as written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagEvent {
    /// RFC 3339, or empty where the file has none.
    pub created: String,
    /// `dockerImageReference`
    pub reference: String,
    /// The image's digest; empty for a tag with `reference: true`.
    pub image: String,
    pub generation: i64,
}

/// What a tag looked like when it was imported last: a difference asks for a new import.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Observed {
    /// `from.name` as written.
    pub from: String,
    #[serde(default)]
    pub import_mode: ImportMode,
    #[serde(default)]
    pub generation: Option<i64>,
    /// The tag that a rule chose; it may change without another import.
    #[serde(default)]
    pub selected: Option<String>,
    /// The platform that import mode Legacy was to take, where the tag prefers one.
    #[serde(default)]
    pub platform: Option<String>,
}

impl Observed {
    /// Whether `now` asks for another import. `null` means nothing, and a new number (0 first of
    /// all) asks for one (openshift-apiserver `registry/imagestream/strategy.go`,
    /// `tagRefChanged`).
    pub fn is_changed(&self, now: &Self) -> bool {
        self.from != now.from
            || self.import_mode != now.import_mode
            || self.platform != now.platform
            || (now.generation.is_some() && self.generation != now.generation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stream_tags_default_to_latest_and_to_the_given_namespace() {
        let parse = |text| StreamTagName::parse(text, "dev").map(|name| name.to_string());
        assert_eq!(parse("web").as_deref(), Some("dev/web:latest"));
        assert_eq!(parse("web:1.10").as_deref(), Some("dev/web:1.10"));
        assert_eq!(parse("prod/web:1.10").as_deref(), Some("prod/web:1.10"));
        for bad in [
            "",
            "web:",
            ":1",
            "/web:1",
            "a/b/c:1",
            "web:1:2",
            "web@sha256",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
