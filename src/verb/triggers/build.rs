//! `spec.triggers` of a BuildConfig.

use serde_json::{Value, json};

use crate::field_path::FieldPath;
use crate::verb::object::Object;
use crate::verb::triggers::{Show, Source, Task, Webhook};
use crate::verb::{Draft, Refused};

fn is(trigger: &Value, kind: &str) -> bool {
    let own = trigger.get("type").and_then(Value::as_str);
    // Older manifests write the first letter small.
    own.is_some_and(|own| own.eq_ignore_ascii_case(kind))
}

pub(crate) fn has_config(object: &Object) -> bool {
    let mut triggers = object.list("/spec/triggers").iter();
    triggers.any(|trigger| is(trigger, "ConfigChange"))
}

/// The stream tag that the build strategy starts from.
fn strategy(object: &Object) -> Option<Source> {
    let strategies = ["sourceStrategy", "dockerStrategy", "customStrategy"];
    let from = strategies.iter().find_map(|kind| {
        let pointer = format!("/spec/strategy/{kind}/from");
        object.value.pointer(&pointer)
    })?;
    let is_tag = from.get("kind").and_then(Value::as_str) == Some("ImageStreamTag");
    is_tag.then(|| Source::read(from, &object.namespace))?
}

/// What an ImageChange trigger follows; without a `from` it is the strategy's.
fn source(object: &Object, trigger: &Value) -> Option<Source> {
    if !is(trigger, "ImageChange") {
        return None;
    }
    let from = trigger.pointer("/imageChange/from");
    match from.filter(|from| !from.is_null()) {
        Some(from) => Source::read(from, &object.namespace),
        None => strategy(object),
    }
}

fn is_paused(trigger: &Value) -> bool {
    trigger.pointer("/imageChange/paused") == Some(&Value::Bool(true))
}

/// The strategy's stream tag is shown too where no trigger follows it.
pub(crate) fn images(object: &Object) -> Vec<Show> {
    let mut shown: Vec<Show> = Vec::new();
    let show = |source: Source, auto| Show {
        auto,
        from: source.name,
        namespace: source.namespace,
        names: Vec::new(),
    };
    let mut follows_strategy = false;
    let own = strategy(object);
    for trigger in object.list("/spec/triggers") {
        if let Some(source) = source(object, trigger) {
            follows_strategy |= Some(&source) == own.as_ref();
            shown.push(show(source, !is_paused(trigger)));
        }
    }
    if let (Some(own), false) = (own, follows_strategy) {
        shown.push(show(own, false));
    }
    shown
}

/// Generic ones first, as the original's table.
pub(crate) fn webhooks(object: &Object) -> Vec<(&'static str, String)> {
    let mut rows = Vec::new();
    for (kind, name) in [
        ("Generic", "webhook"),
        ("GitHub", "github"),
        ("GitLab", "gitlab"),
        ("Bitbucket", "bitbucket"),
    ] {
        for trigger in object.list("/spec/triggers") {
            if is(trigger, kind) {
                let with_env = trigger.pointer("/generic/allowEnv") == Some(&Value::Bool(true));
                let ending = if with_env { ", allowenv" } else { "" };
                rows.push((name, format!("<secret>{ending}")));
            }
        }
    }
    rows
}

pub(crate) fn apply(draft: &mut Draft, object: &Object, task: &Task) -> Result<(), Refused> {
    let path = object.field(&["spec", "triggers"]);
    let all = object.list("/spec/triggers");
    let mut remove_where = |goes: &dyn Fn(&Value) -> bool| {
        for (number, _) in all.iter().enumerate().filter(|(_, trigger)| goes(trigger)) {
            draft.remove(&object.at, path.clone().index(number));
        }
    };
    match task {
        Task::AddWebhook(webhook) => return Err(secret(*webhook)),
        Task::RemoveAll => remove_where(&|_| true),
        Task::RemoveConfig => remove_where(&|trigger| is(trigger, "ConfigChange")),
        Task::RemoveWebhooks(webhook) => remove_where(&|trigger| is(trigger, webhook.kind())),
        Task::RemoveImage(wanted) => {
            remove_where(&|trigger| source(object, trigger).as_ref() == Some(wanted));
        }
        Task::AddConfig => {
            if !has_config(object) {
                append(draft, object, &path, vec![json!({"type": "ConfigChange"})]);
            }
        }
        Task::Reset(auto) => reset(draft, object, &path, *auto),
        Task::AddImage {
            source: wanted,
            auto,
            ..
        } => {
            let existing = all
                .iter()
                .position(|trigger| source(object, trigger).as_ref() == Some(wanted));
            match existing {
                Some(number) => set_paused(draft, object, &path, number, !auto),
                None => append(draft, object, &path, vec![trigger(object, wanted, *auto)]),
            }
        }
    }
    Ok(())
}

fn reset(draft: &mut Draft, object: &Object, path: &FieldPath, auto: bool) {
    let all = object.list("/spec/triggers");
    for (number, trigger) in all.iter().enumerate() {
        if source(object, trigger).is_some() {
            set_paused(draft, object, path, number, !auto);
        } else if !auto && is(trigger, "ConfigChange") {
            draft.remove(&object.at, path.clone().index(number));
        }
    }
    if !auto {
        return;
    }
    let mut new = Vec::new();
    if !has_config(object) {
        new.push(json!({"type": "ConfigChange"}));
    }
    if let Some(own) = strategy(object) {
        let mut sources = all.iter().filter_map(|trigger| source(object, trigger));
        if sources.all(|source| source != own) {
            new.push(trigger(object, &own, true));
        }
    }
    append(draft, object, path, new);
}

fn set_paused(draft: &mut Draft, object: &Object, path: &FieldPath, number: usize, paused: bool) {
    let trigger = object.list("/spec/triggers").get(number);
    if trigger.is_some_and(is_paused) != paused {
        let field = path.clone().index(number).key("imageChange").key("paused");
        match paused {
            true => draft.put(&object.at, field, true.into()),
            false => draft.remove(&object.at, field),
        }
    }
}

/// One that follows the strategy has no `from` of its own.
fn trigger(object: &Object, wanted: &Source, auto: bool) -> Value {
    let mut change = serde_json::Map::new();
    if strategy(object).as_ref() != Some(wanted) {
        change.insert("from".to_owned(), wanted.write());
    }
    if !auto {
        change.insert("paused".to_owned(), true.into());
    }
    json!({"type": "ImageChange", "imageChange": change})
}

fn append(draft: &mut Draft, object: &Object, path: &FieldPath, new: Vec<Value>) {
    let count = object.list("/spec/triggers").len();
    if new.is_empty() {
        return;
    }
    if count == 0 {
        draft.put(&object.at, path.clone(), new.into());
        return;
    }
    for (number, trigger) in new.into_iter().enumerate() {
        draft.put(&object.at, path.clone().index(count + number), trigger);
    }
}

/// The original makes up a secret and writes it into the object, which in Git everybody reads.
fn secret(webhook: Webhook) -> Refused {
    let kind = webhook.kind();
    Refused::new(format!(
        "a {kind} webhook needs a secret, and secrets do not belong in Git"
    ))
    .hint(format!(
        "write `type: {kind}` with `secretReference: {{name: SECRET}}` into spec.triggers"
    ))
}
