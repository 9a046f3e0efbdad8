//! `set image-lookup` (oc `pkg/cli/set/imagelookup.go`).

use serde_json::{Value, json};

use crate::stream::StreamTagName;
use crate::verb::object::{Object, Selection};
use crate::verb::triggers::table;
use crate::verb::{Draft, Refused, Scene};

const RESOLVE_NAMES: &str = "alpha.image.policy.openshift.io/resolve-names";

/// The words of `set image-lookup`.
#[derive(Clone, Debug, Default)]
pub struct Lookup {
    pub selection: Selection,
    pub list: bool,
    pub disabled: bool,
    /// `--local`
    pub local: bool,
}

/// Where a kind's pod template has its annotations; a Pod has its own only.
fn template(kind: &str) -> Option<&'static [&'static str]> {
    match kind {
        "CronJob" => Some(&["spec", "jobTemplate", "spec", "template"]),
        "Deployment"
        | "StatefulSet"
        | "DaemonSet"
        | "ReplicaSet"
        | "Job"
        | "ReplicationController"
        | "DeploymentConfig" => Some(&["spec", "template"]),
        _ => None,
    }
}

/// Decides what `set image-lookup` writes; without names and `--all` it lists.
pub fn set_image_lookup(
    scene: &Scene<'_>,
    words: &Lookup,
) -> Result<(Draft, Vec<Object>), Refused> {
    if words.local && !words.selection.words.is_empty() {
        return Err(Refused::new("pass files with -f when using --local"));
    }
    let mut selection = words.selection.clone();
    let names_nothing = selection.words.is_empty() && selection.files.is_empty();
    let lists = words.list || (names_nothing && !selection.all);
    selection.default_kind = Some("imagestreams");
    if names_nothing {
        selection.words = vec!["imagestreams".to_owned()];
        selection.default_kind = None;
        selection.all = true;
    }
    let mut objects = selection.find(scene)?;
    objects.sort_by_key(Object::full_name);
    let mut draft = Draft::default();
    if lists {
        let mut rows = vec![vec!["NAME".to_owned(), "LOCAL".to_owned()]];
        rows.extend(objects.iter().map(row));
        draft.said = table(&rows);
        return Ok((draft, Vec::new()));
    }
    let mut changed = Vec::new();
    for object in objects {
        let before = draft.is_empty();
        change(&mut draft, scene, &object, !words.disabled)?;
        if state(&object) != Some(!words.disabled) || before != draft.is_empty() {
            draft.say(format!("{} image lookup updated", object.full_name()));
            changed.push(object);
        }
    }
    Ok((draft, changed))
}

fn row(object: &Object) -> Vec<String> {
    let name = match object.kind.kind {
        "ImageStream" => object.name.clone(),
        _ => object.full_name(),
    };
    let state = state(object).map_or("UNKNOWN", |is| if is { "true" } else { "false" });
    vec![name, state.to_owned()]
}

/// Whether names are looked up; none for a kind that has no say in it.
fn state(object: &Object) -> Option<bool> {
    let has = |keys: &[&str]| {
        let holder = keys
            .iter()
            .try_fold(&object.value, |value, key| value.get(key));
        let annotation = holder.and_then(|holder| holder.get("metadata")?.get("annotations"));
        annotation.and_then(|all| all.get(RESOLVE_NAMES)?.as_str()) == Some("*")
    };
    match (object.kind.kind, template(object.kind.kind)) {
        ("ImageStream", _) => {
            Some(object.value.pointer("/spec/lookupPolicy/local") == Some(&Value::Bool(true)))
        }
        (_, Some(keys)) => Some(has(keys) || has(&[])),
        ("Pod", None) => Some(has(&[])),
        _ => None,
    }
}

/// Local names get the images of the stream's tags in the same go.
fn touch(draft: &mut Draft, scene: &Scene<'_>, object: &Object) {
    let streams = scene
        .realms
        .iter()
        .flat_map(|realm| &realm.manifests.streams);
    let own = streams.filter(|stream| {
        stream.name.name == object.name && stream.name.namespace == object.namespace
    });
    draft.touched.extend(own.flat_map(|stream| {
        stream.tags.iter().map(|tag| StreamTagName {
            stream: stream.name.clone(),
            tag: tag.name.clone(),
        })
    }));
}

fn change(
    draft: &mut Draft,
    scene: &Scene<'_>,
    object: &Object,
    enabled: bool,
) -> Result<(), Refused> {
    if object.kind.kind == "ImageStream" {
        if state(object) != Some(enabled) {
            let field = object.field(&["spec", "lookupPolicy", "local"]);
            draft.put(&object.at, field, enabled.into());
            touch(draft, scene, object);
        }
        return Ok(());
    }
    let holder = match (object.kind.kind, template(object.kind.kind)) {
        (_, Some(keys)) => keys,
        ("Pod", None) => &[][..],
        _ => {
            return Err(Refused::new(format!(
                "the resource {} does not support altering image lookup",
                object.full_name()
            )));
        }
    };
    let field = object.field(holder).key("metadata").key("annotations");
    let pointer = holder
        .iter()
        .fold(String::new(), |text, key| text + "/" + key);
    let annotations = object
        .value
        .pointer(&format!("{pointer}/metadata/annotations"));
    let written = annotations.and_then(|all| all.get(RESOLVE_NAMES));
    match (enabled, written) {
        (true, Some(text)) if text == &json!("*") => {}
        (true, _) => draft.put(&object.at, field.key(RESOLVE_NAMES), json!("*")),
        (false, None) => {}
        (false, Some(_)) => {
            let is_only = annotations
                .and_then(Value::as_object)
                .is_some_and(|all| all.len() == 1);
            let field = if is_only {
                field
            } else {
                field.key(RESOLVE_NAMES)
            };
            draft.remove(&object.at, field);
        }
    }
    Ok(())
}
