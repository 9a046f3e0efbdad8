//! What one file says, independent of its path and of every other file.
//!
//! Facts are cached by blob id, so they hold no path and everything that is needed without the
//! bytes. They are written by postcard: no untagged enums, no skipped fields.

use serde::{Deserialize, Serialize};

use crate::access::{Right, Subject};
use crate::field_path::FieldPath;
use crate::image::Reference;
use crate::problem::{Place, Problem, Severity};
use crate::snapshot::FilePath;
use crate::stream::{Observed, StatusTag, StreamMetadata, TagSettings};
use crate::trigger::{PinForm, TriggerKind};

/// Everything in one file that matters here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileFacts {
    pub streams: Vec<StreamFacts>,
    pub objects: Vec<ObjectFacts>,
    pub image_triggers: Vec<ImageTriggerFacts>,
    pub grants: Vec<GrantFacts>,
    pub tag_hooks: Vec<TagHookFacts>,
    /// What the file says if its name makes it a kustomization.
    pub kustomization: Option<KustomizationFacts>,
    pub findings: Vec<Finding>,
}

/// Line and column in the file, counted from 1; columns in characters.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Spot {
    pub line: u32,
    pub column: u32,
}

impl Spot {
    pub(crate) fn in_file(self, file: &FilePath) -> Place {
        Place {
            file: file.clone(),
            line: self.line,
            column: self.column,
        }
    }
}

/// A [`Problem`] without its file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    pub at: Spot,
    pub severity: Severity,
    pub message: String,
    pub advice: Option<String>,
}

impl Finding {
    pub(crate) fn new(at: Spot, severity: Severity, message: impl Into<String>) -> Self {
        Self {
            at,
            severity,
            message: message.into(),
            advice: None,
        }
    }

    pub(crate) fn in_file(&self, file: &FilePath) -> Problem {
        Problem {
            place: Some(self.at.in_file(file)),
            severity: self.severity,
            message: self.message.clone(),
            advice: self.advice.clone(),
        }
    }
}

/// An ImageStream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamFacts {
    pub name: String,
    pub namespace: Option<String>,
    pub document: usize,
    pub root: FieldPath,
    pub at: Spot,
    pub metadata: StreamMetadata,
    pub local_lookup: bool,
    pub whole_repository: Option<(Reference, Spot)>,
    pub tags: Vec<TagFacts>,
    pub status: Vec<StatusTag>,
    pub observed: Vec<(String, Observed)>,
}

/// One of a stream's `spec.tags[]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagFacts {
    pub name: String,
    pub at: Spot,
    pub source: SourceFacts,
    pub settings: TagSettings,
}

/// What a tag follows, before namespaces are known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SourceFacts {
    Image(Reference),
    /// Without a stream: another tag of the same one.
    StreamTag {
        namespace: Option<String>,
        stream: Option<String>,
        tag: String,
    },
    /// Without a stream: an image of the same one.
    StreamImage {
        namespace: Option<String>,
        stream: Option<String>,
        prefix: String,
    },
    None,
    Invalid,
}

/// An object, or a document without a kind, that holds containers or triggers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectFacts {
    /// Empty where the document names none (Helm values).
    pub kind: String,
    pub name: String,
    pub namespace: Option<String>,
    pub document: usize,
    pub root: FieldPath,
    /// `alpha.image.policy.openshift.io/resolve-names: "*"` on it or its pod template.
    pub resolve_names: bool,
    /// A controller made it: its names are resolved where it comes from.
    pub is_owned: bool,
    /// It stands in an OpenShift Template: what it names may be another at another time.
    pub is_template: bool,
    pub containers: Vec<ContainerFacts>,
    pub triggers: Vec<TriggerFacts>,
}

/// A container's image field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerFacts {
    pub name: String,
    pub init: bool,
    /// Its number in its list.
    pub index: usize,
    pub field: FieldPath,
    pub at: Spot,
    /// None where there is no `image`.
    pub image: Option<String>,
    /// `imagePullPolicy`
    pub pull_policy: Option<String>,
    /// What makes the image, where a template does.
    pub filled_in: Option<String>,
}

/// A trigger inside the object that it concerns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TriggerFacts {
    pub from: FromFacts,
    pub kind: TriggerKind,
    pub at: Spot,
    pub paused: bool,
    /// Triggers of one number, within the object, are applied all together or not at all.
    pub group: Option<usize>,
    pub has_fired: bool,
    pub field: FieldPath,
    pub field_at: Spot,
    pub current: Option<String>,
    pub form: PinForm,
}

/// A stream tag as a trigger names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FromFacts {
    /// None: the object's own.
    pub namespace: Option<String>,
    pub stream: String,
    pub tag: String,
}

/// A RoleBinding to a role that may pull, and perhaps push.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantFacts {
    pub namespace: Option<String>,
    /// Of all namespaces: a ClusterRoleBinding.
    pub everywhere: bool,
    pub right: Right,
    pub at: Spot,
    /// A service account's namespace is empty where it is the binding's own.
    pub subjects: Vec<Subject>,
}

/// A `tagImages` entry of a DeploymentConfig's lifecycle hook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagHookFacts {
    /// Of the DeploymentConfig.
    pub namespace: Option<String>,
    pub document: usize,
    pub at: Spot,
    /// The image that stands in the container.
    pub image: Option<String>,
    pub to: FromFacts,
}

/// An `ImageTrigger` manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageTriggerFacts {
    pub name: String,
    pub namespace: Option<String>,
    pub from: FromFacts,
    pub paused: bool,
    pub targets: Vec<TargetFacts>,
}

/// One of an ImageTrigger's `spec.targets[]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetFacts {
    pub at: Spot,
    /// As written: relative to the manifest's folder, or from the root with a leading `/`.
    pub file: String,
    pub wanted: WantedField,
}

/// A field of another file that an ImageTrigger names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct WantedField {
    pub document: WantedDocument,
    pub what: Wanted,
}

/// Which document of the file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum WantedDocument {
    /// The only one that has the field.
    Any,
    /// Counted from 0.
    Number(usize),
    Object {
        kind: String,
        name: Option<String>,
    },
}

/// What is kept at the image.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Wanted {
    /// The entry of a kustomization's `images[]` with this name.
    Kustomize { image: String },
    /// A mapping of Helm values with `repository`, `tag` and perhaps `digest`.
    Helm { path: FieldPath },
    /// The image of a Compose file's service.
    Compose { service: String },
    /// The image of a Dockerfile's stage, by its name or number; none: the only one.
    Dockerfile { stage: Option<String> },
    /// An image of a GitHub Actions workflow's job.
    Workflow { job: String, part: WorkflowPart },
    /// Any scalar.
    Field { path: FieldPath, form: PinForm },
}

/// Which image of a job.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum WorkflowPart {
    Container,
    Service(String),
    /// By its `id`, its `name` or its number.
    Step(String),
}

/// What stands in a file at the fields that were asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldFacts {
    pub answers: Vec<(WantedField, Result<Vec<FieldFact>, String>)>,
}

/// One field that an answer names; a kustomization's entry has several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldFact {
    pub document: usize,
    pub field: FieldPath,
    pub object: FieldPath,
    pub at: Spot,
    pub current: Option<String>,
    pub form: PinForm,
    /// `metadata.namespace` of the object that holds it.
    pub namespace: Option<String>,
}

/// A kustomization: what it gathers, and the namespace that it gives.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KustomizationFacts {
    pub namespace: Option<String>,
    /// `resources`, `components` and `bases`, as written.
    pub gathers: Vec<Gathered>,
    pub images: Vec<KustomizeImage>,
}

/// One path that a kustomization gathers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gathered {
    pub path: String,
    pub at: Spot,
}

/// One of a kustomization's `images[]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KustomizeImage {
    pub name: String,
    pub at: Spot,
    pub new_name: Option<String>,
    pub new_tag: Option<String>,
    pub digest: Option<String>,
}
