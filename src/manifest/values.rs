//! Facts to values, once a file's path and its objects' namespace are known.

use crate::manifest::facts::{ObjectFacts, SourceFacts, StreamFacts, TriggerFacts};
use crate::snapshot::FilePath;
use crate::stream::{DocumentAddress, ImageStream, SpecTag, StreamName, StreamTagName, TagSource};
use crate::trigger::{Target, Trigger};

pub(crate) fn image_stream(file: &FilePath, facts: &StreamFacts, namespace: &str) -> ImageStream {
    ImageStream {
        name: StreamName {
            namespace: namespace.to_owned(),
            name: facts.name.clone(),
        },
        document: DocumentAddress {
            file: file.clone(),
            document: facts.document,
        },
        root: facts.root.clone(),
        place: facts.at.in_file(file),
        metadata: facts.metadata.clone(),
        local_lookup: facts.local_lookup,
        whole_repository: facts
            .whole_repository
            .as_ref()
            .map(|(reference, at)| (reference.clone(), at.in_file(file))),
        tags: facts
            .tags
            .iter()
            .map(|tag| SpecTag {
                name: tag.name.clone(),
                place: tag.at.in_file(file),
                source: tag_source(&tag.source, namespace, &facts.name),
                settings: tag.settings.clone(),
            })
            .collect(),
        status: facts.status.clone(),
        observed: facts.observed.iter().cloned().collect(),
        integrated: None,
    }
}

fn tag_source(facts: &SourceFacts, own_namespace: &str, own_name: &str) -> TagSource {
    match facts {
        SourceFacts::Image(reference) => TagSource::Image(reference.clone()),
        SourceFacts::StreamTag {
            namespace,
            stream,
            tag,
        } => TagSource::StreamTag(StreamTagName::new(
            namespace.as_deref().unwrap_or(own_namespace),
            stream.as_deref().unwrap_or(own_name),
            tag,
        )),
        SourceFacts::StreamImage {
            namespace,
            stream,
            prefix,
        } => TagSource::StreamImage {
            stream: StreamName {
                namespace: namespace.as_deref().unwrap_or(own_namespace).to_owned(),
                name: stream.as_deref().unwrap_or(own_name).to_owned(),
            },
            prefix: prefix.clone(),
        },
        SourceFacts::None => TagSource::None,
        SourceFacts::Invalid => TagSource::Invalid,
    }
}

pub(crate) fn trigger(
    file: &FilePath,
    object: &ObjectFacts,
    facts: &TriggerFacts,
    namespace: &str,
) -> Trigger {
    let from_namespace = facts.from.namespace.as_deref().unwrap_or(namespace);
    Trigger {
        from: StreamTagName::new(from_namespace, &facts.from.stream, &facts.from.tag),
        kind: facts.kind,
        place: facts.at.in_file(file),
        paused: facts.paused,
        target: Target {
            document: DocumentAddress {
                file: file.clone(),
                document: object.document,
            },
            field: facts.field.clone(),
            object: object.root.clone(),
            place: facts.field_at.in_file(file),
            namespace: namespace.to_owned(),
            current: facts.current.clone(),
            form: facts.form,
        },
        all_or_nothing: None,
        has_fired: facts.has_fired,
    }
}
