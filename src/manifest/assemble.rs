use std::collections::BTreeMap;
use std::sync::Arc;

use crate::environment::Environment;
use crate::manifest::ImageField;
use crate::manifest::facts::{
    FieldFacts, FileFacts, ObjectFacts, SourceFacts, StreamFacts, TriggerFacts,
};
use crate::manifest::kustomize::Reach;
use crate::problem::Problem;
use crate::snapshot::FilePath;
use crate::stream::{DocumentAddress, ImageStream, SpecTag, StreamName, StreamTagName, TagSource};
use crate::trigger::{Target, Trigger};

/// What one environment's files on a branch say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifests {
    pub streams: Vec<ImageStream>,
    /// Also those whose stream does not exist.
    pub triggers: Vec<Trigger>,
    /// Every container's image.
    pub images: Vec<ImageField>,
    pub problems: Vec<Problem>,
}

/// Puts the facts of a branch's files together for `environment`.
///
/// `fields` answers [`crate::manifest::wanted_fields`]. `environments` are all environments of
/// this branch, this one among them: what two of them reach is refused.
pub fn assemble(
    files: &[(FilePath, Arc<FileFacts>)],
    fields: &BTreeMap<FilePath, FieldFacts>,
    environment: &Environment,
    environments: &[Environment],
) -> Manifests {
    let _ = (fields, environments);
    let reach = Reach::new(files, environment);
    let mut manifests = Manifests::default();
    for (file, facts) in files {
        for finding in &facts.findings {
            manifests.problems.push(finding.in_file(file));
        }
        for stream in &facts.streams {
            if let [namespace] = reach
                .namespaces(file, stream.namespace.as_deref())
                .as_slice()
            {
                manifests
                    .streams
                    .push(image_stream(file, stream, namespace));
            }
        }
        for object in &facts.objects {
            if let [namespace] = reach
                .namespaces(file, object.namespace.as_deref())
                .as_slice()
            {
                add_object(&mut manifests, file, object, namespace);
            }
        }
    }
    manifests
}

fn image_stream(file: &FilePath, facts: &StreamFacts, namespace: &str) -> ImageStream {
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
        local_lookup: facts.local_lookup,
        tags: facts
            .tags
            .iter()
            .map(|tag| SpecTag {
                name: tag.name.clone(),
                place: tag.at.in_file(file),
                source: tag_source(&tag.source, namespace, &facts.name),
                reference: tag.reference,
                scheduled: tag.scheduled,
                insecure: tag.insecure,
                import_mode: tag.import_mode,
                generation: tag.generation,
            })
            .collect(),
        status: facts.status.clone(),
        observed: facts.observed.iter().cloned().collect(),
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
        SourceFacts::StreamImage { namespace, name } => TagSource::StreamImage {
            name: name.clone(),
            namespace: namespace.clone(),
        },
        SourceFacts::None => TagSource::None,
        SourceFacts::Invalid => TagSource::Invalid,
    }
}

fn add_object(manifests: &mut Manifests, file: &FilePath, object: &ObjectFacts, namespace: &str) {
    for facts in &object.triggers {
        manifests
            .triggers
            .push(trigger(file, object, facts, namespace));
    }
    for container in &object.containers {
        manifests.images.push(ImageField {
            kind: object.kind.clone(),
            name: object.name.clone(),
            namespace: namespace.to_owned(),
            container: container.name.clone(),
            init: container.init,
            document: DocumentAddress {
                file: file.clone(),
                document: object.document,
            },
            object: object.root.clone(),
            field: container.field.clone(),
            place: container.at.in_file(file),
            image: container.image.clone(),
            triggered: object.triggers.iter().any(|t| t.field == container.field),
        });
    }
}

fn trigger(
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
        all_or_nothing: facts.group,
    }
}
