//! YAML to values: image streams, triggers, markers, image fields, kustomizations.
//!
//! [`read_file`] reads one file by itself; its [`FileFacts`] may be cached by blob id.
//! [`assemble()`] puts the facts of one branch together for one environment. In between,
//! [`wanted_fields`] names the fields of other files that `ImageTrigger` manifests point to, and
//! [`read_fields`] reads them.

mod annotation;
mod assemble;
#[cfg(test)]
mod assemble_tests;
mod facts;
mod hold;
mod image_stream;
mod image_trigger;
mod kustomize;
mod local_name;
mod marker;
mod native_trigger;
mod oversized;
mod parameters;
mod read;
mod reader;
mod role_binding;
pub mod schema;
mod secret;
mod stream_status;
mod tag_hook;
mod tag_source;
mod target_field;
mod template;
mod text_in_scalar;
mod values;
mod workload;

pub use assemble::{Grant, Manifests, TagHook, assemble, assemble_with};
pub use facts::{
    ContainerFacts, FieldFact, FieldFacts, FileFacts, Finding, FromFacts, Gathered, GrantFacts,
    ImageTriggerFacts, KustomizationFacts, KustomizeImage, ObjectFacts, SourceFacts, Spot,
    StreamFacts, TagFacts, TagHookFacts, TargetFacts, TriggerFacts, Wanted, WantedDocument,
    WantedField, WorkflowPart,
};
pub use kustomize::Reach;
pub use local_name::INTEGRATED;
pub use oversized::{oversized, oversized_fields};
pub use read::{is_manifest_name, read_file, screen, wanted_fields};
pub use target_field::read_fields;

use crate::environment::EnvironmentName;
use crate::field_path::FieldPath;
use crate::problem::Place;
use crate::stream::DocumentAddress;

/// A container's image, in whatever object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageField {
    pub kind: String,
    /// The object's `metadata.name`.
    pub name: String,
    pub namespace: String,
    /// `metadata.namespace`, where the object names one.
    pub own_namespace: Option<String>,
    pub container: String,
    pub init: bool,
    pub document: DocumentAddress,
    /// The object that holds the field: the root, or `items[n]` of a List.
    pub object: FieldPath,
    /// From the document's root.
    pub field: FieldPath,
    pub place: Place,
    /// None where the container has no `image`.
    pub image: Option<String>,
    /// `imagePullPolicy`
    pub pull_policy: Option<String>,
    /// Whether a controller made the object.
    pub is_owned: bool,
    /// Whether the object asks for stream names to be resolved.
    pub resolve_names: bool,
    /// Whether a trigger, of whatever kind, names this field.
    pub triggered: bool,
    /// Why no trigger inside the file can keep this field, if so.
    pub unfit: Option<Unfit>,
}

impl ImageField {
    /// The image without tag and digest, as a kustomization's `images[]` names it.
    pub fn image_name(&self) -> &str {
        kustomize::image_name(self.image.as_deref().unwrap_or_default())
    }
}

/// Why one file's image cannot be kept for one environment and namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// Kustomize gives the object several namespaces.
    Namespaces(Vec<String>),
    /// Another environment reaches it too.
    Environments(EnvironmentName, EnvironmentName),
    /// A kustomization's `images[]`, here, writes another one in its place.
    Replaced(Place),
}
