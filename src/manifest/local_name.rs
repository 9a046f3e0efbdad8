//! Images that are written as a stream's name
//! (apiserver-library-go `pkg/admission/imagepolicy`).

use std::collections::{BTreeMap, HashSet};

use crate::image::Reference;
use crate::manifest::{ImageField, Manifests};
use crate::policy::IntegratedRegistries;
use crate::stream::{ImageStream, StreamName, StreamTagName};
use crate::trigger::{PinForm, Target, Trigger, TriggerKind};

/// The integrated registry's names inside every cluster, the one of OpenShift 3 last.
pub const INTEGRATED: &[&str] = &[
    "image-registry.openshift-image-registry.svc:5000",
    "image-registry.openshift-image-registry.svc",
    "docker-registry.default.svc:5000",
    "docker-registry.default.svc",
];

/// A trigger for each container image that is a stream's name and has no trigger yet, with the
/// namespace that its object names.
pub(crate) fn triggers(
    manifests: &Manifests,
    integrated: Option<&IntegratedRegistries>,
) -> Vec<(Trigger, Option<String>)> {
    let streams: BTreeMap<&StreamName, &ImageStream> = manifests
        .streams
        .iter()
        .map(|stream| (&stream.name, stream))
        .collect();
    let taken: HashSet<_> = manifests
        .triggers
        .iter()
        .map(|trigger| (&trigger.target.document, &trigger.target.field))
        .collect();
    manifests
        .images
        .iter()
        // A trigger that was refused leaves the field alone too.
        .filter(|image| !image.triggered && !taken.contains(&(&image.document, &image.field)))
        .filter_map(|image| Some((image, named_stream(image, &streams, integrated)?)))
        .map(|(image, from)| (trigger(image, from), image.own_namespace.clone()))
        .collect()
}

fn named_stream(
    field: &ImageField,
    streams: &BTreeMap<&StreamName, &ImageStream>,
    integrated: Option<&IntegratedRegistries>,
) -> Option<StreamTagName> {
    if field.is_owned {
        return None;
    }
    let image: Reference = field.image.as_deref()?.parse().ok()?;
    if image.digest.is_some() {
        return None;
    }
    let tag = image.tag.as_ref().map_or("latest", |tag| tag.as_str());
    if let Some(registry) = image.repository.registry()
        && (INTEGRATED.contains(&registry) || integrated.is_some_and(|it| it.is_named(registry)))
    {
        let (namespace, name) = image.repository.path().split_once('/')?;
        return (!name.contains('/')).then(|| StreamTagName::new(namespace, name, tag));
    }
    // With the annotation, the namespace of a longer name is ignored.
    if !(image.repository.is_one_segment() || field.resolve_names) {
        return None;
    }
    let name = StreamTagName::new(&field.namespace, image.repository.base_name(), tag);
    let stream = streams.get(&name.stream)?;
    (stream.local_lookup || field.resolve_names).then_some(name)
}

fn trigger(image: &ImageField, from: StreamTagName) -> Trigger {
    Trigger {
        from,
        kind: TriggerKind::LocalName,
        place: image.place.clone(),
        paused: false,
        target: Target {
            document: image.document.clone(),
            field: image.field.clone(),
            object: image.object.clone(),
            place: image.place.clone(),
            namespace: image.namespace.clone(),
            current: image.image.clone(),
            form: PinForm::Image,
        },
        all_or_nothing: None,
        has_fired: false,
    }
}
