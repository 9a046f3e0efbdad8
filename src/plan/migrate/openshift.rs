//! Streams as `oc get is -o yaml` exports them: what only a server writes is taken out, the
//! history stays.

use crate::field_path::FieldPath;
use crate::plan::migrate::scan::{self, Object};
use crate::plan::migrate::write::Work;
use crate::problem::Problem;
use crate::yaml::{Edit, Node};

/// Of `metadata`, what a server writes.
const METADATA: [&str; 6] = [
    "creationTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
];
/// Annotations that only a server needs.
const ANNOTATIONS: [&str; 2] = [
    "kubectl.kubernetes.io/last-applied-configuration",
    "openshift.io/image.dockerRepositoryCheck",
];
/// The registry inside every cluster, as references name it.
const INTERNAL: [&str; 2] = [
    "image-registry.openshift-image-registry.svc:5000/",
    "docker-registry.default.svc:5000/",
];

pub(crate) fn migrate(work: &mut Work<'_>) {
    let files = scan::parse(work.inputs.files, &["ImageStream"]);
    for object in scan::objects(&files) {
        if is_stream(&object) && is_exported(&object) {
            export(&object, work);
        }
    }
}

fn is_stream(object: &Object<'_>) -> bool {
    let version = object.text(&["apiVersion"]).unwrap_or("v1");
    // The items of an ImageStreamList need no kind.
    let is_kind = match object.text(&["kind"]) {
        Some(kind) => kind == "ImageStream",
        None => object.root != FieldPath::root() && object.at(&["spec"]).is_some(),
    };
    is_kind && matches!(version, "image.openshift.io/v1" | "v1")
}

/// A server leaves one of these in everything that it gives.
fn is_exported(object: &Object<'_>) -> bool {
    ["uid", "resourceVersion", "managedFields", "selfLink"]
        .iter()
        .any(|key| object.at(&["metadata", key]).is_some())
}

fn export(object: &Object<'_>, work: &mut Work<'_>) {
    let file = object.parsed.path;
    let metadata = object.root.clone().key("metadata");
    let mut taken = Vec::new();
    let mut remove = |field: FieldPath, name: &'static str| {
        taken.push(name);
        work.edit(
            file,
            Edit::Remove {
                document: object.document.index,
                field,
            },
        );
    };
    for key in METADATA {
        let is_there = object
            .node
            .get("metadata")
            .is_some_and(|it| it.get(key).is_some());
        if is_there {
            remove(metadata.clone().key(key), key);
        }
    }
    for key in ANNOTATIONS {
        if object.at(&["metadata", "annotations", key]).is_some() {
            let short = key.rsplit(['.', '/']).next().unwrap_or(key);
            remove(metadata.clone().key("annotations").key(key), short);
        }
    }
    let namespace = object.text(&["metadata", "namespace"]);
    let namespace = namespace.unwrap_or(work.inputs.namespace);
    let name = format!("{namespace}/{}", object.name());
    let is = format!("without {}", taken.join(", "));
    work.became(format!("export {name}"), object.place(), is, file.clone());
    internal(object, &name, work);
}

/// What the cluster's own registry holds.
fn internal(object: &Object<'_>, name: &str, work: &mut Work<'_>) {
    let spec = object.at(&["spec", "tags"]).map_or(&[][..], Node::items);
    let has_source = |tag: &str| {
        spec.iter()
            .any(|it| scan::text(it, &["name"]) == Some(tag) && scan::at(it, &["from"]).is_some())
    };
    let status = object.at(&["status", "tags"]).map_or(&[][..], Node::items);
    for tag in status {
        let tag_name = scan::text(tag, &["tag"]).unwrap_or_default();
        let items = tag.get("items").map_or(&[][..], Node::items);
        let Some(node) = items
            .first()
            .and_then(|item| item.get("dockerImageReference"))
        else {
            continue;
        };
        let reference = node.text().unwrap_or_default();
        if !INTERNAL.iter().any(|host| reference.starts_with(host)) {
            continue;
        }
        let place = object.place_of(node);
        work.problems.push(if has_source(tag_name) {
            Problem::note(
                place,
                format!("the history of {name}:{tag_name} names the cluster's own registry"),
            )
            .advice("it stays as history; the next import writes where the tag's `from` says")
        } else {
            Problem::warning(
                place,
                format!(
                    "{name}:{tag_name} has no source: it was filled by pushes to the cluster's own registry"
                ),
            )
            .advice(
                "name a `from` that your CI pushes to; a registry outside of the cluster must be reachable",
            )
        });
    }
}
