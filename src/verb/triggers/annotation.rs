//! Triggers in the annotation of a workload.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::field_path::{FieldPath, Step};
use crate::trigger::TRIGGERS;
use crate::verb::object::{Object, containers};
use crate::verb::triggers::{Show, Source, Task, check_names};
use crate::verb::{Draft, Refused};

/// One entry, as written, and what it says where that can be read.
pub(crate) struct Entry {
    pub raw: Value,
    pub show: Option<Show>,
}

fn pod_spec(kind: &str) -> &'static str {
    match kind {
        "CronJob" => "/spec/jobTemplate/spec/template/spec",
        _ => "/spec/template/spec",
    }
}

/// Only a Deployment can be paused; its configuration trigger is that it is not.
pub(crate) fn is_paused(object: &Object) -> bool {
    object.kind.kind == "Deployment"
        && object.value.pointer("/spec/paused") == Some(&Value::Bool(true))
}

pub(crate) fn read(object: &Object) -> Result<Vec<Entry>, Refused> {
    let annotations = object.value.pointer("/metadata/annotations");
    let Some(text) = annotations.and_then(|all| all.get(TRIGGERS)?.as_str()) else {
        return Ok(Vec::new());
    };
    if text.trim().is_empty() || text.trim() == "null" {
        return Ok(Vec::new());
    }
    let entries: Vec<Value> = serde_json::from_str(text).map_err(|error| {
        Refused::new(format!("the annotation {TRIGGERS} cannot be read: {error}"))
            .hint("mend the annotation, or use --remove-all")
    })?;
    Ok(entries
        .into_iter()
        .map(|raw| Entry {
            show: show(object, &raw),
            raw,
        })
        .collect())
}

fn show(object: &Object, raw: &Value) -> Option<Show> {
    let source = Source::read(raw.get("from")?, &object.namespace)?;
    let paused = match raw.get("paused") {
        None | Some(Value::Null) => false,
        Some(paused) => paused.as_bool()?,
    };
    let field: FieldPath = raw.get("fieldPath")?.as_str()?.parse().ok()?;
    Some(Show {
        auto: !paused,
        from: source.name,
        namespace: source.namespace,
        names: vec![container(object, &field)?],
    })
}

/// The name of the container whose image `field` is.
fn container(object: &Object, field: &FieldPath) -> Option<String> {
    let base = pod_spec(object.kind.kind);
    let (holder, last) = field.split_last()?;
    if *last != Step::Key("image".to_owned()) {
        return None;
    }
    let (list, item) = holder.split_last()?;
    let mut pointer = String::new();
    for step in list.steps() {
        let Step::Key(key) = step else { return None };
        pointer.push('/');
        pointer.push_str(key);
    }
    let name = pointer.strip_prefix(base)?;
    if !matches!(name, "/containers" | "/initContainers") {
        return None;
    }
    let items = object.list(&pointer);
    let found = match item {
        Step::Index(number) => items.get(*number)?,
        Step::Where { key, value } => items
            .iter()
            .find(|item| item.get(key).and_then(Value::as_str) == Some(value))?,
        Step::Key(_) => return None,
    };
    Some(found.get("name")?.as_str()?.to_owned())
}

pub(crate) fn apply(draft: &mut Draft, object: &Object, task: &Task) -> Result<(), Refused> {
    match task {
        Task::AddWebhook(webhook) => {
            return Err(Refused::new(format!(
                "does not support {}",
                webhook.words()
            )));
        }
        Task::RemoveAll => {
            set_paused(draft, object, true);
            write(draft, object, &[]);
            return Ok(());
        }
        Task::RemoveWebhooks(_) => return Ok(()),
        Task::AddConfig => set_paused(draft, object, false),
        Task::RemoveConfig => set_paused(draft, object, true),
        Task::Reset(auto) => set_paused(draft, object, !auto),
        Task::RemoveImage(_) | Task::AddImage { .. } => {}
    }
    let mut entries = read(object)?;
    for entry in entries.iter().filter(|entry| entry.show.is_none()) {
        draft.notes.push(format!(
            "{}: a trigger cannot be read and stays as it is: {}",
            object.resource_name(),
            entry.raw
        ));
    }
    match task {
        Task::RemoveImage(source) => entries.retain(|entry| !is_of(entry, source)),
        Task::Reset(auto) => {
            for entry in entries.iter_mut().filter(|entry| entry.show.is_some()) {
                set_auto(&mut entry.raw, *auto);
            }
        }
        Task::AddImage {
            source,
            names,
            auto,
        } => add(object, &mut entries, source, names, *auto)?,
        _ => return Ok(()),
    }
    let raw: Vec<Value> = entries.into_iter().map(|entry| entry.raw).collect();
    write(draft, object, &raw);
    Ok(())
}

fn is_of(entry: &Entry, source: &Source) -> bool {
    entry
        .show
        .as_ref()
        .is_some_and(|show| show.from == source.name && show.namespace == source.namespace)
}

fn set_auto(raw: &mut Value, auto: bool) {
    if let Some(entry) = raw.as_object_mut() {
        if auto {
            entry.shift_remove("paused");
        } else {
            entry.insert("paused".to_owned(), true.into());
        }
    }
}

fn add(
    object: &Object,
    entries: &mut Vec<Entry>,
    source: &Source,
    names: &[String],
    auto: bool,
) -> Result<(), Refused> {
    let all: BTreeMap<String, bool> = containers(object, pod_spec(object.kind.kind));
    let names = check_names(names, &all)?;
    let others = entries.iter().filter(|entry| !is_of(entry, source));
    let triggered: Vec<&str> = others
        .filter_map(|entry| entry.show.as_ref())
        .flat_map(|show| show.names.iter().map(String::as_str))
        .filter(|name| names.iter().any(|wanted| wanted == name))
        .collect();
    if !triggered.is_empty() {
        return Err(Refused::new(format!(
            "only one trigger may reference each container: {}",
            triggered.join(", ")
        )));
    }
    // What the source has already stays in its place; what it loses goes.
    let mut lacking: Vec<&String> = names.iter().collect();
    entries.retain_mut(|entry| {
        if !is_of(entry, source) {
            return true;
        }
        let own = entry.show.as_ref().and_then(|show| show.names.first());
        let place = lacking.iter().position(|name| Some(*name) == own);
        if let Some(place) = place {
            lacking.remove(place);
            set_auto(&mut entry.raw, auto);
        }
        place.is_some()
    });
    let base = pod_spec(object.kind.kind);
    let base = base.trim_start_matches('/').replace('/', ".");
    for name in lacking {
        let list = match all.get(name) {
            Some(true) => "initContainers",
            _ => "containers",
        };
        let mut entry = Map::new();
        entry.insert("from".to_owned(), source.write());
        let field = format!("{base}.{list}[?(@.name==\"{name}\")].image");
        entry.insert("fieldPath".to_owned(), field.into());
        let mut raw = Value::Object(entry);
        set_auto(&mut raw, auto);
        entries.push(Entry { raw, show: None });
    }
    Ok(())
}

fn write(draft: &mut Draft, object: &Object, entries: &[Value]) {
    let annotations = object.value.pointer("/metadata/annotations");
    let old = annotations.and_then(|all| all.get(TRIGGERS));
    let holder = object.field(&["metadata", "annotations"]);
    if entries.is_empty() {
        let is_only = annotations
            .and_then(Value::as_object)
            .is_some_and(|all| all.len() == 1);
        match (old, is_only) {
            (None, _) => {}
            (Some(_), true) => draft.remove(&object.at, holder),
            (Some(_), false) => draft.remove(&object.at, holder.key(TRIGGERS)),
        }
        return;
    }
    let same = old
        .and_then(Value::as_str)
        .and_then(|text| serde_json::from_str::<Vec<Value>>(text).ok());
    if same.as_deref() != Some(entries) {
        let text = json!(entries).to_string();
        draft.put(&object.at, holder.key(TRIGGERS), text.into());
    }
}

fn set_paused(draft: &mut Draft, object: &Object, paused: bool) {
    if object.kind.kind != "Deployment" || is_paused(object) == paused {
        return;
    }
    let field = object.field(&["spec", "paused"]);
    match paused {
        true => draft.put(&object.at, field, true.into()),
        false => draft.remove(&object.at, field),
    }
}
