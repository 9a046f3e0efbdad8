//! The shapes of the manifests, for their JSON Schemas only: reading goes by places, not by
//! these types. Field texts follow openshift/api `image/v1/types.go`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An image stream: named tags, each following an image, with the images that they named
/// before.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "ImageStream")]
pub struct ImageStreamManifest {
    pub api_version: ImageStreamVersion,
    pub kind: ImageStreamKind,
    pub metadata: Metadata,
    pub spec: Option<ImageStreamSpec>,
    /// What each tag named, newest first. headwater writes it; nobody else needs to.
    pub status: Option<ImageStreamStatus>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub enum ImageStreamVersion {
    #[serde(rename = "image.openshift.io/v1")]
    V1,
    /// The legacy group.
    #[serde(rename = "v1")]
    Legacy,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub enum ImageStreamKind {
    ImageStream,
}

/// Kubernetes' object metadata; other fields of it are allowed.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Metadata {
    /// The object's name.
    pub name: String,
    /// The object's namespace. Without one: what Kustomize gives, else the environment's only
    /// namespace, else `default`.
    pub namespace: Option<String>,
    pub labels: Option<BTreeMap<String, String>>,
    /// `headwater.dev/observed` is headwater's own: the source that each tag was imported from.
    pub annotations: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ImageStreamSpec {
    /// How the stream's name is understood in pod templates of its namespace.
    pub lookup_policy: Option<LookupPolicy>,
    /// Deprecated: a repository whose tags are all imported.
    pub docker_image_repository: Option<String>,
    /// The stream's tags. Names are unique.
    pub tags: Option<Vec<TagReference>>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LookupPolicy {
    /// `image: <stream>:<tag>` in a pod template of this namespace means this stream.
    #[serde(default)]
    pub local: bool,
}

/// A tag, and what it follows.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TagReference {
    /// The tag's name.
    pub name: String,
    /// `headwater.dev/select`, `interval` and `minimum-age` say how the tag is followed;
    /// `headwater.dev/hold` which environment takes no new image of it, as JSON.
    pub annotations: Option<BTreeMap<String, String>>,
    /// What the tag follows. Without it, the tag is filled by pushes.
    pub from: Option<TagFrom>,
    /// True: `from.name` is used as written, and never resolved to a digest.
    pub reference: Option<bool>,
    /// 0 asks for one import; null means nothing.
    pub generation: Option<i64>,
    pub import_policy: Option<ImportPolicy>,
    pub reference_policy: Option<ReferencePolicy>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TagFrom {
    /// What `name` is.
    pub kind: TagFromKind,
    /// An image reference; `<tag>` or `<stream>:<tag>`; or `<id>` or `<stream>@<id>`.
    pub name: String,
    /// Of the other stream; the stream's own by default.
    pub namespace: Option<String>,
    pub api_version: Option<String>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub enum TagFromKind {
    /// An image at a registry.
    DockerImage,
    /// A tag of this or another stream.
    ImageStreamTag,
    /// One image of a stream's history.
    ImageStreamImage,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ImportPolicy {
    /// Plain HTTP or unverified TLS is allowed; never with a credential.
    pub insecure: Option<bool>,
    /// True: the tag is followed. Else it is imported once.
    pub scheduled: Option<bool>,
    /// How an index of several platforms is recorded; empty: the repository's default.
    pub import_mode: Option<ImportModeText>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub enum ImportModeText {
    #[serde(rename = "")]
    Default,
    /// The digest of one platform's image.
    Legacy,
    /// The digest of the index itself.
    PreserveOriginal,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReferencePolicy {
    /// Which registry pull specs name: the source's, or the cluster's integrated one.
    pub r#type: Option<ReferencePolicyType>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub enum ReferencePolicyType {
    #[serde(rename = "")]
    Default,
    Source,
    Local,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ImageStreamStatus {
    /// Where the integrated registry keeps the stream.
    pub docker_image_repository: Option<String>,
    /// Where the integrated registry shows the stream to the outside.
    pub public_docker_image_repository: Option<String>,
    pub tags: Option<Vec<NamedTagEventList>>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NamedTagEventList {
    pub tag: String,
    /// Newest first.
    pub items: Option<Vec<TagEvent>>,
    pub conditions: Option<Vec<TagEventCondition>>,
}

/// An image that the tag named.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TagEvent {
    /// RFC 3339: when the image was first proposed here.
    pub created: Option<String>,
    /// `repository@digest`
    pub docker_image_reference: String,
    /// The digest; empty for a tag with `reference: true`.
    pub image: String,
    /// The generation of the tag that was imported.
    pub generation: Option<i64>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TagEventCondition {
    /// `ImportSuccess`
    pub r#type: String,
    pub status: String,
    pub last_transition_time: Option<String>,
    pub reason: Option<String>,
    pub message: Option<String>,
    pub generation: Option<i64>,
}

/// The value of the annotation `image.openshift.io/triggers`: a JSON array in a text.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(title = "image.openshift.io/triggers")]
pub struct TriggerAnnotation(pub Vec<AnnotationTrigger>);

/// A stream tag, and a container's image that is kept at it.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AnnotationTrigger {
    pub from: TriggerFrom,
    /// `spec.template.spec.containers[?(@.name=="web")].image`, or `[0]` for the name; below
    /// the kind's own pod spec.
    pub field_path: String,
    /// True: reported, never changed.
    pub paused: Option<bool>,
}

/// The stream tag that is followed.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TriggerFrom {
    pub kind: TriggerFromKind,
    /// `<stream>:<tag>`
    #[schemars(regex(pattern = r"^[^:@/]+:[^:@/]+$"))]
    pub name: String,
    /// The object's own by default.
    pub namespace: Option<String>,
    pub api_version: Option<String>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub enum TriggerFromKind {
    ImageStreamTag,
}

/// Keeps fields of named files at a stream tag's image: for files that can carry neither an
/// annotation nor a marker comment.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "ImageTrigger")]
pub struct ImageTriggerManifest {
    pub api_version: HeadwaterVersion,
    pub kind: ImageTriggerKind,
    pub metadata: Metadata,
    pub spec: ImageTriggerSpec,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub enum HeadwaterVersion {
    #[serde(rename = "headwater.dev/v1alpha1")]
    V1Alpha1,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub enum ImageTriggerKind {
    ImageTrigger,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ImageTriggerSpec {
    pub from: TriggerFrom,
    /// True: reported, never changed.
    pub paused: Option<bool>,
    #[schemars(length(min = 1))]
    pub targets: Vec<ImageTriggerTarget>,
}

/// One place; it has exactly one of `kustomize`, `helm`, `compose`, `dockerfile`, `workflow` and
/// `field`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ImageTriggerTarget {
    /// Relative to this manifest's folder; with a leading `/`, from the repository's root.
    pub file: String,
    /// Which document of the file: its number, from 0, or what it is. Needed only where several
    /// have the field.
    pub document: Option<TargetDocument>,
    pub kustomize: Option<KustomizeTarget>,
    pub helm: Option<HelmTarget>,
    pub compose: Option<ComposeTarget>,
    pub dockerfile: Option<DockerfileTarget>,
    pub workflow: Option<WorkflowTarget>,
    /// Any text: `web.image`, `images[?(@.name=="web")].digest`.
    pub field: Option<String>,
    /// What is written at `field`.
    pub value: Option<TargetValue>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum TargetDocument {
    Number(u32),
    Object(TargetObject),
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TargetObject {
    pub kind: String,
    pub name: Option<String>,
}

/// The entry of a kustomization's `images`. `digest` is written; `newTag` and `newName` are
/// kept in step where they stand.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KustomizeTarget {
    /// The entry's `name`.
    pub image: String,
}

/// A mapping of Helm values with `tag` and perhaps `digest`. `digest` is written where it
/// stands; else `tag` becomes `tag@digest`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HelmTarget {
    /// The mapping's address: `web.image`.
    pub path: String,
}

/// The `image` of a Compose file's service.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ComposeTarget {
    pub service: String,
}

/// The image of a `FROM` in a Dockerfile, Dockerfile.*, Containerfile, Containerfile.* or
/// *.Dockerfile.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DockerfileTarget {
    /// The stage's name, or its number, from 0. Needed only where several stages have an image.
    pub stage: Option<NumberOrName>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum NumberOrName {
    Number(u32),
    Name(String),
}

/// An image of a GitHub Actions workflow: the job's `container`, or of a service, or of a step
/// with `uses: docker://…`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WorkflowTarget {
    pub job: String,
    /// The service's name, in place of the container.
    pub service: Option<String>,
    /// The step's `id`, `name` or number, from 0, in place of the container.
    pub step: Option<NumberOrName>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum TargetValue {
    /// `repository:tag@digest`; the default.
    Image,
    /// `repository@digest`
    DigestReference,
    /// The tag alone.
    Tag,
    /// The digest alone.
    Digest,
    /// The repository alone.
    Repository,
}
