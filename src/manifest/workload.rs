//! Pod templates: which kinds have one, where, and their containers' images.

use crate::field_path::{FieldPath, Step};
use crate::manifest::facts::{ContainerFacts, ObjectFacts};
use crate::manifest::reader::{Reader, below};
use crate::yaml::Node;

const RESOLVE_NAMES: &str = "alpha.image.policy.openshift.io/resolve-names";

/// Where an object of `kind` holds its pod spec; for an unknown kind, where most do
/// (library-go `pkg/image/trigger/annotations.go`).
pub(crate) fn pod_spec_path(kind: &str) -> &'static [&'static str] {
    match kind {
        "Pod" => &["spec"],
        "PodTemplate" => &["template", "spec"],
        "CronJob" => &["spec", "jobTemplate", "spec", "template", "spec"],
        _ => &["spec", "template", "spec"],
    }
}

/// Reads `object` as something that may hold containers. None for what is no mapping.
pub(crate) fn read<'a>(
    reader: &mut Reader<'a>,
    object: &'a Node,
    root: &FieldPath,
    kind: &str,
) -> Option<ObjectFacts> {
    if object.entries().is_empty() {
        return None;
    }
    let metadata = reader.get(object, "metadata");
    let metadata_text = |key| {
        metadata
            .and_then(|metadata| reader.text(metadata, key))
            .map(str::to_owned)
    };
    let mut facts = ObjectFacts {
        kind: kind.to_owned(),
        name: metadata_text("name").unwrap_or_default(),
        namespace: metadata_text("namespace").filter(|namespace| !namespace.is_empty()),
        document: reader.document.index,
        root: root.clone(),
        resolve_names: false,
        is_owned: is_owned(reader, object),
        is_template: reader.in_template,
        containers: Vec::new(),
        triggers: Vec::new(),
    };
    let path = pod_spec_path(kind);
    let Some(pod_spec) = (!kind.is_empty())
        .then(|| reader.at(object, path))
        .flatten()
    else {
        return Some(facts);
    };
    let pod_path = path.iter().fold(root.clone(), |path, key| path.key(*key));
    for (list, init) in [("initContainers", true), ("containers", false)] {
        let items = reader.items(pod_spec, list);
        let list_path = pod_path.clone().key(list);
        for (index, (item, step)) in items.iter().zip(reader.item_steps(items)).enumerate() {
            let field = below(&list_path, step).key("image");
            let item = reader.follow(item);
            if item.entries().is_empty() {
                reader.warning(item, format!("an item of `{list}` is no container"));
            }
            let image = reader.get(item, "image");
            facts.containers.push(ContainerFacts {
                name: reader.text(item, "name").unwrap_or_default().to_owned(),
                init,
                index,
                field,
                at: reader.spot(image.unwrap_or(item)),
                filled_in: image.and_then(|image| reader.filled_in(image)),
                image: image.and_then(Node::text).map(str::to_owned),
                pull_policy: reader.text(item, "imagePullPolicy").map(str::to_owned),
            });
        }
    }
    facts.resolve_names = asks_by_annotation(reader, object, path);
    Some(facts)
}

/// Whether a controller's reference stands on the object: local names are not resolved then
/// (apiserver-library-go `pkg/admission/imagepolicy/imagepolicy.go`).
fn is_owned<'a>(reader: &Reader<'a>, object: &'a Node) -> bool {
    let metadata = reader.get(object, "metadata");
    let owners = metadata.map_or(&[][..], |metadata| {
        reader.items(metadata, "ownerReferences")
    });
    let is_controller = |owner| reader.text(reader.follow(owner), "controller") == Some("true");
    owners.iter().any(is_controller)
}

/// Whether the object or its pod template asks for its names to be resolved
/// (apiserver-library-go `pkg/admission/imagepolicy`).
fn asks_by_annotation<'a>(reader: &Reader<'a>, object: &'a Node, path: &[&str]) -> bool {
    let has = |holder: Option<&'a Node>| {
        holder
            .and_then(|holder| reader.at(holder, &["metadata", "annotations", RESOLVE_NAMES]))
            .and_then(Node::text)
            == Some("*")
    };
    let template = path
        .split_last()
        .and_then(|(_, template)| reader.at(object, template));
    has(Some(object)) || has(template)
}

/// The container that a field path below the pod spec names, by its number or by its name.
pub(crate) fn find_container<'f>(
    containers: &'f [ContainerFacts],
    init: bool,
    step: &Step,
) -> Option<&'f ContainerFacts> {
    let mut of_list = containers.iter().filter(|container| container.init == init);
    match step {
        Step::Index(index) => of_list.find(|container| container.index == *index),
        Step::Where { key, value } if key == "name" => {
            of_list.find(|container| &container.name == value)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::manifest::read_file;

    #[test]
    fn every_kind_has_its_pod_spec() {
        let containers = "containers: [{name: c, image: x}]";
        for (kind, spec) in [
            ("Pod", format!("spec: {{{containers}}}")),
            (
                "PodTemplate",
                format!("template: {{spec: {{{containers}}}}}"),
            ),
            (
                "CronJob",
                format!(
                    "spec: {{jobTemplate: {{spec: {{template: {{spec: {{{containers}}}}}}}}}}}"
                ),
            ),
            (
                "Deployment",
                format!("spec: {{template: {{spec: {{{containers}}}}}}}"),
            ),
            (
                "ReplicationController",
                format!("spec: {{template: {{spec: {{{containers}}}}}}}"),
            ),
            (
                "DeploymentConfig",
                format!("spec: {{template: {{spec: {{{containers}}}}}}}"),
            ),
            (
                "Rollout",
                format!("spec: {{template: {{spec: {{{containers}}}}}}}"),
            ),
            (
                "Unheard",
                format!("spec: {{template: {{spec: {{{containers}}}}}}}"),
            ),
        ] {
            let facts = read_file(format!("kind: {kind}\n{spec}\n").as_bytes());
            let images: Vec<_> = facts
                .objects
                .iter()
                .flat_map(|o| &o.containers)
                .map(|c| c.image.as_deref())
                .collect();
            assert_eq!(images, [Some("x")], "{kind}");
        }
    }

    #[test]
    fn addresses_go_by_name_where_it_is_unique() {
        let text = "kind: Pod\nspec:\n  containers:\n  - {name: a, image: x}\n  - {name: b, image: *i}\n  - {name: b, image: &i z}\n  - {image: w}\n  - {name: t, image: \"{{ .Values.x }}:1\"}\n  - {name: null, image: {a: b}}\n";
        let text = text.replace("*i", "y").replace("&i ", "");
        let facts = read_file(text.as_bytes());
        let found: Vec<_> = facts.objects[0]
            .containers
            .iter()
            .filter(|c| c.filled_in.is_none())
            .map(|c| (c.field.to_string(), c.image.as_deref()))
            .collect();
        let path = |item: &str| format!("spec.containers[{item}].image");
        assert_eq!(
            found,
            [
                (path("?(@.name==\"a\")"), Some("x")),
                (path("1"), Some("y")),
                (path("2"), Some("z")),
                (path("3"), Some("w")),
                (path("?(@.name==\"null\")"), None),
            ]
        );
    }

    #[test]
    fn an_aliased_image_is_read() {
        let facts = read_file(
            b"a: &i quay.io/x/y:1\nkind: Pod\nspec: {containers: [{name: c, image: *i}]}\n",
        );
        let container = &facts.objects[0].containers[0];
        assert_eq!(container.image.as_deref(), Some("quay.io/x/y:1"));
    }
}
