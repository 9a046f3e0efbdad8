//! `spec.triggers` of a DeploymentConfig.

use serde_json::{Value, json};

use crate::field_path::FieldPath;
use crate::verb::object::{Object, containers};
use crate::verb::triggers::{Show, Source, Task, check_names};
use crate::verb::{Draft, Refused};

const POD_SPEC: &str = "/spec/template/spec";

/// None: the API server's default, a configuration trigger alone.
fn written(object: &Object) -> Option<&[Value]> {
    let list = object.value.pointer("/spec/triggers")?;
    list.as_array().map(Vec::as_slice)
}

fn is(trigger: &Value, kind: &str) -> bool {
    trigger.get("type").and_then(Value::as_str) == Some(kind)
}

pub(crate) fn has_config(object: &Object) -> bool {
    written(object).is_none_or(|list| list.iter().any(|trigger| is(trigger, "ConfigChange")))
}

pub(crate) fn images(object: &Object) -> Vec<Show> {
    let list = written(object).unwrap_or_default();
    list.iter()
        .filter_map(|trigger| show(object, trigger))
        .collect()
}

fn show(object: &Object, trigger: &Value) -> Option<Show> {
    let params = trigger.get("imageChangeParams")?;
    let source = Source::read(params.get("from")?, &object.namespace)?;
    let names = params.get("containerNames").and_then(Value::as_array);
    let names = names.map_or(&[][..], Vec::as_slice).iter();
    Some(Show {
        auto: params.get("automatic") == Some(&Value::Bool(true)),
        from: source.name,
        namespace: source.namespace,
        names: names
            .filter_map(|name| name.as_str().map(str::to_owned))
            .collect(),
    })
}

pub(crate) fn apply(draft: &mut Draft, object: &Object, task: &Task) -> Result<(), Refused> {
    let path = object.field(&["spec", "triggers"]);
    let all = written(object).unwrap_or_default();
    let numbered = || all.iter().enumerate();
    let shown = |trigger: &Value| show(object, trigger);
    match task {
        Task::AddWebhook(webhook) => {
            return Err(Refused::new(format!(
                "deployment configs do not support {}",
                webhook.words()
            )));
        }
        Task::RemoveWebhooks(_) => {}
        // An empty list is manual; none at all would be the default.
        Task::RemoveAll => {
            if written(object).is_none_or(|list| !list.is_empty()) {
                draft.put(&object.at, path, json!([]));
            }
        }
        Task::RemoveConfig => remove_config(draft, object, &path),
        Task::RemoveImage(source) => {
            for (number, trigger) in numbered() {
                if shown(trigger).is_some_and(|show| is_of(&show, source)) {
                    draft.remove(&object.at, path.clone().index(number));
                }
            }
        }
        Task::AddConfig => add_config(draft, object, &path),
        Task::Reset(auto) => {
            match auto {
                true => add_config(draft, object, &path),
                false => remove_config(draft, object, &path),
            }
            for (number, trigger) in numbered() {
                if shown(trigger).is_some_and(|show| show.auto != *auto) {
                    draft.put(&object.at, automatic(&path, number), (*auto).into());
                }
            }
        }
        Task::AddImage {
            source,
            names,
            auto,
        } => {
            let names = check_names(names, &containers(object, POD_SPEC))?;
            let existing = numbered().find_map(|(number, trigger)| {
                let show = shown(trigger).filter(|show| is_of(show, source))?;
                Some((number, show))
            });
            if let Some((number, show)) = existing {
                if show.auto != *auto {
                    draft.put(&object.at, automatic(&path, number), (*auto).into());
                }
                if show.names != names {
                    let params = path.index(number).key("imageChangeParams");
                    draft.put(&object.at, params.key("containerNames"), json!(names));
                }
                return Ok(());
            }
            let trigger = json!({
                "type": "ImageChange",
                "imageChangeParams": {
                    "automatic": auto,
                    "containerNames": names,
                    "from": source.write(),
                },
            });
            append(draft, object, &path, trigger);
        }
    }
    Ok(())
}

fn is_of(show: &Show, source: &Source) -> bool {
    show.from == source.name && show.namespace == source.namespace
}

fn automatic(path: &FieldPath, number: usize) -> FieldPath {
    let params = path.clone().index(number).key("imageChangeParams");
    params.key("automatic")
}

fn remove_config(draft: &mut Draft, object: &Object, path: &FieldPath) {
    match written(object) {
        None => draft.put(&object.at, path.clone(), json!([])),
        Some(list) => {
            for (number, _) in list
                .iter()
                .enumerate()
                .filter(|(_, trigger)| is(trigger, "ConfigChange"))
            {
                draft.remove(&object.at, path.clone().index(number));
            }
        }
    }
}

fn add_config(draft: &mut Draft, object: &Object, path: &FieldPath) {
    if !has_config(object) {
        append(draft, object, path, json!({"type": "ConfigChange"}));
    }
}

/// Where no list stands, the default is written out beside the new trigger.
fn append(draft: &mut Draft, object: &Object, path: &FieldPath, trigger: Value) {
    match written(object) {
        Some(list) if !list.is_empty() => {
            draft.put(&object.at, path.clone().index(list.len()), trigger);
        }
        Some(_) => draft.put(&object.at, path.clone(), json!([trigger])),
        None => {
            let list = json!([{"type": "ConfigChange"}, trigger]);
            draft.put(&object.at, path.clone(), list);
        }
    }
}
