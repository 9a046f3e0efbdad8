//! A trigger: which stream tag goes to which field.

use serde::{Deserialize, Serialize};

use crate::field_path::{FieldPath, Step};
use crate::problem::Place;
use crate::stream::{DocumentAddress, StreamTagName};

/// A stream tag, and a field that is kept at its image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trigger {
    pub from: StreamTagName,
    pub kind: TriggerKind,
    /// Where the trigger is written.
    pub place: Place,
    /// Reported as pending, never changed.
    pub paused: bool,
    pub target: Target,
    /// Triggers of one number are applied all together or not at all
    /// (a DeploymentConfig's: openshift-controller-manager `pkg/image/trigger/deploymentconfigs`).
    pub all_or_nothing: Option<usize>,
    /// It has had an image before, so that it holds back none of its set
    /// (a DeploymentConfig's `lastTriggeredImage`).
    pub has_fired: bool,
}

impl Trigger {
    /// The field as a person finds it: a template has lines and no paths.
    pub fn field_name(&self) -> String {
        match (self.kind, self.target.field.steps()) {
            (TriggerKind::TemplateMarker, [Step::Index(line), ..]) => {
                format!("line {}", line.saturating_add(1))
            }
            _ => self.target.field.to_string(),
        }
    }
}

/// How the trigger is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum TriggerKind {
    /// The annotation `image.openshift.io/triggers`.
    Annotation,
    DeploymentConfig,
    BuildConfig,
    /// A comment `{"$imagestream": "…"}` behind the scalar.
    Marker,
    /// The same in a template that is no YAML: the field begins with the line's number, from 0.
    TemplateMarker,
    /// An `ImageTrigger` manifest.
    ImageTrigger,
    /// An image that is written as a stream's local name; becoming a pin, it needs a link.
    LocalName,
}

/// A field that takes an image, or a part of one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    pub document: DocumentAddress,
    /// From the document's root.
    pub field: FieldPath,
    /// The object that holds the field: the root, or `items[n]` of a List.
    pub object: FieldPath,
    /// The field's own place; where it does not exist yet, its nearest holder's.
    pub place: Place,
    /// The namespace of the object that holds the field.
    pub namespace: String,
    /// The scalar's value; none where the field does not exist yet.
    pub current: Option<String>,
    pub form: PinForm,
}

/// What is written into a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum PinForm {
    /// `repository:tag@digest`, without the tag where none is followed or `pins.keepTag` is off.
    Image,
    /// `repository@digest`
    DigestReference,
    /// The tag alone; a value that already holds `tag@digest` keeps that form.
    Tag,
    /// `tag@digest`, for charts that put a colon and the tag behind the repository.
    TagAndDigest,
    /// The digest alone.
    Digest,
    /// The repository alone.
    Repository,
    /// [`DOCKER_ACTION`] and the image.
    DockerAction,
}

/// Before the image of a GitHub Actions step.
pub const DOCKER_ACTION: &str = "docker://";

/// The annotation that holds triggers on any object with a pod template.
pub const TRIGGERS: &str = "image.openshift.io/triggers";

/// The key of the marker comment.
pub const MARKER: &str = "$imagestream";
