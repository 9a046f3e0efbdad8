//! Writing one of `spec.tags[]`: what a command does not name stays as it is.

use serde_json::{Map, Value, json};

use crate::field_path::FieldPath;
use crate::stream::{From, ImageStream, ImportMode, ReferencePolicy, SpecTag, StreamTagName};
use crate::verb::{Draft, Refused, Scene};

/// What a tag is to be. None of a setting: as it stands.
#[derive(Clone, Debug, Default)]
pub(crate) struct WantedTag {
    pub from: Option<From>,
    pub reference: Option<bool>,
    pub scheduled: Option<bool>,
    pub insecure: Option<bool>,
    pub import_mode: Option<ImportMode>,
    pub reference_policy: Option<ReferencePolicy>,
    pub annotations: Map<String, Value>,
    /// Its image is to be imported again even where nothing else has changed.
    pub import_again: bool,
}

/// Writes the tag, into a new stream where there is none.
pub(crate) fn put_tag(
    draft: &mut Draft,
    scene: &Scene<'_>,
    name: &StreamTagName,
    wanted: &WantedTag,
) -> Result<(), Refused> {
    draft.touched.insert(name.clone());
    match scene.stream(&name.stream)? {
        None => {
            let stream = draft.new_stream(scene, &name.stream)?;
            add_item(stream, new_tag(&name.tag, wanted));
        }
        Some((_, stream)) => match stream.tag(&name.tag) {
            None => {
                let path = path(stream, &name.tag);
                draft.put(&stream.document, path, new_tag(&name.tag, wanted));
            }
            Some(tag) => change_tag(draft, stream, tag, wanted),
        },
    }
    Ok(())
}

/// Where the tag stands in its document.
pub(crate) fn path(stream: &ImageStream, tag: &str) -> FieldPath {
    let tags = stream.root.clone().key("spec").key("tags");
    tags.matching("name", tag)
}

fn add_item(stream: &mut Value, tag: Value) {
    let Some(spec) = stream.get_mut("spec").and_then(Value::as_object_mut) else {
        return;
    };
    let tags = spec.entry("tags").or_insert_with(|| json!([]));
    if let Some(tags) = tags.as_array_mut() {
        tags.retain(|other| other.get("name") != tag.get("name"));
        tags.push(tag);
    }
}

fn new_tag(name: &str, wanted: &WantedTag) -> Value {
    let mut tag = Map::new();
    tag.insert("name".to_owned(), name.into());
    if !wanted.annotations.is_empty() {
        let annotations = Value::Object(wanted.annotations.clone());
        tag.insert("annotations".to_owned(), annotations);
    }
    if let Some(from) = &wanted.from {
        tag.insert("from".to_owned(), source(from));
    }
    let mut policy = Map::new();
    for (key, set) in [
        ("scheduled", wanted.scheduled),
        ("insecure", wanted.insecure),
    ] {
        if set == Some(true) {
            policy.insert(key.to_owned(), true.into());
        }
    }
    if let Some(mode) = wanted.import_mode {
        policy.insert("importMode".to_owned(), mode.to_string().into());
    }
    if !policy.is_empty() {
        tag.insert("importPolicy".to_owned(), policy.into());
    }
    if wanted.reference == Some(true) {
        tag.insert("reference".to_owned(), true.into());
    }
    if wanted.reference_policy == Some(ReferencePolicy::Local) {
        tag.insert("referencePolicy".to_owned(), json!({"type": "Local"}));
    }
    tag.into()
}

fn source(from: &From) -> Value {
    let mut source = json!({"kind": from.kind, "name": from.name});
    if let (Some(namespace), Some(source)) = (&from.namespace, source.as_object_mut()) {
        source.insert("namespace".to_owned(), namespace.clone().into());
    }
    source
}

/// Only the fields that differ are edited.
fn change_tag(draft: &mut Draft, stream: &ImageStream, tag: &SpecTag, wanted: &WantedTag) {
    let at = &stream.document;
    let path = path(stream, &tag.name);
    let is = &tag.settings;
    let from = wanted.from.as_ref().or(is.from.as_ref());
    if let Some(from) = &wanted.from {
        let field = path.clone().key("from");
        match &is.from {
            Some(old) if old == from => {}
            Some(old) if old.kind == from.kind && old.namespace == from.namespace => {
                draft.put(at, field.key("name"), from.name.clone().into());
            }
            _ => draft.put(at, field, source(from)),
        }
    }
    let is_image = from.is_some_and(|from| from.kind == "DockerImage");
    // A schedule is refused on what is no image (openshift-apiserver `validation.go`).
    let scheduled = match wanted.scheduled {
        None if is.scheduled && !is_image => Some(false),
        wanted => wanted,
    };
    let policy = path.clone().key("importPolicy");
    let flags = [
        (policy.clone().key("scheduled"), scheduled, is.scheduled),
        (policy.clone().key("insecure"), wanted.insecure, is.insecure),
        (
            path.clone().key("reference"),
            wanted.reference,
            is.reference,
        ),
    ];
    for (field, wanted, is) in flags {
        if let Some(wanted) = wanted.filter(|wanted| *wanted != is) {
            draft.put(at, field, wanted.into());
        }
    }
    if let Some(mode) = wanted.import_mode
        && is.import_mode != Some(mode)
    {
        draft.put(at, policy.key("importMode"), mode.to_string().into());
    }
    if let Some(kind) = wanted.reference_policy
        && is.reference_policy != kind
    {
        let text = match kind {
            ReferencePolicy::Source => "Source",
            ReferencePolicy::Local => "Local",
        };
        let field = path.clone().key("referencePolicy").key("type");
        draft.put(at, field, text.into());
    }
    for (key, value) in &wanted.annotations {
        let field = path.clone().key("annotations").key(key);
        draft.put(at, field, value.clone());
    }
    let is_reference = wanted.reference.unwrap_or(is.reference);
    let is_scheduled = scheduled.unwrap_or(is.scheduled);
    if wanted.import_again && is_image && !is_reference && !is_scheduled {
        ask_again(draft, stream, tag, from);
    }
}

/// `generation: 0` asks for one import (openshift-apiserver `strategy.go`, `tagRefChanged`). It is
/// written only where the same source has been imported: anything else asks by itself.
fn ask_again(draft: &mut Draft, stream: &ImageStream, tag: &SpecTag, from: Option<&From>) {
    let Some(seen) = stream.observed.get(&tag.name) else {
        return;
    };
    if from.is_none_or(|from| from.name != seen.from) {
        return;
    }
    if tag.settings.generation != Some(0) {
        let field = path(stream, &tag.name).key("generation");
        draft.put(&stream.document, field, 0.into());
    }
    if seen.generation == Some(0)
        && let Some(entry) = draft.observed(stream).get_mut(&tag.name)
        && let Some(entry) = entry.as_object_mut()
    {
        entry.remove("generation");
    }
}
