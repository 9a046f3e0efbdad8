use serde::Deserialize;
use serde_json::Value as Json;
use serde_yaml::Value as Yaml;

use crate::yaml::check::{Change, Changes, Mismatch};
use crate::yaml::{Document, Node, Source, Value};

/// With more aliases than this a document may grow beyond measure when they are expanded.
const MAX_ALIASES: usize = 8;

/// Compares a document before and after as libyaml reads it, or as JSON where it is JSON.
///
/// What this reader cannot read before the edit says nothing. What it can no longer read
/// afterwards was broken by the edit.
pub(crate) fn compare(
    before: &Source<'_>,
    old: &Document,
    after: &Source<'_>,
    new: &Document,
    changes: &Changes,
) -> Result<(), Mismatch> {
    let Some(root) = &old.root else {
        return Ok(());
    };
    if aliases(root) > MAX_ALIASES {
        return Ok(());
    }
    let Some(was) = read(before.slice(&old.span)) else {
        return Ok(());
    };
    let Some(is) = read(after.slice(&new.span)) else {
        return Err(Mismatch::new(
            None,
            "another YAML reader could no longer read the document",
        ));
    };
    node(root, &was, &is, changes).map_err(|edit| {
        Mismatch::new(
            edit,
            "another YAML reader would read a different value than the one wanted",
        )
    })
}

fn read(text: &str) -> Option<Yaml> {
    let text = text.trim_start_matches('\u{feff}');
    if text.trim_start().starts_with(['{', '['])
        && let Ok(value) = serde_json::from_str(text)
    {
        return Some(value);
    }
    let mut documents = serde_yaml::Deserializer::from_str(text);
    let value = Yaml::deserialize(documents.next()?).ok();
    if documents.next().is_some() {
        return None;
    }
    value
}

fn aliases(node: &Node) -> usize {
    match &node.value {
        Value::Alias(_) => 1,
        Value::Scalar { .. } => 0,
        Value::Sequence { items, .. } => items.iter().map(aliases).sum(),
        Value::Mapping { entries, .. } => entries
            .iter()
            .map(|(key, value)| aliases(key) + aliases(value))
            .sum(),
    }
}

/// The number of the edit is the error, where one is known.
fn node(old: &Node, was: &Yaml, is: &Yaml, changes: &Changes) -> Result<(), Option<usize>> {
    let (was, is) = (untagged(was), untagged(is));
    let (edit, change) = match changes.get(old) {
        Some((edit, change)) => (Some(*edit), Some(change)),
        None => (None, None),
    };
    let good = match change {
        Some(Change::Text(text)) => is.as_str() == Some(text),
        Some(Change::Whole(json)) => equals(is, json),
        Some(Change::Members(added)) => members(old, was, is, added, changes)?,
        Some(Change::Items(added)) => items(old, was, is, added, changes)?,
        Some(Change::Without(removed)) => without(old, was, is, removed, changes)?,
        Some(Change::Comment) | None => match &old.value {
            Value::Mapping { .. } => members(old, was, is, &[], changes)?,
            Value::Sequence { .. } => items(old, was, is, &[], changes)?,
            Value::Scalar { .. } | Value::Alias(_) => was == is,
        },
    };
    if good { Ok(()) } else { Err(edit) }
}

fn members(
    old: &Node,
    was: &Yaml,
    is: &Yaml,
    added: &[(String, Json)],
    changes: &Changes,
) -> Result<bool, Option<usize>> {
    let empty = serde_yaml::Mapping::new();
    let was = was.as_mapping().unwrap_or(&empty);
    let Some(is) = is.as_mapping() else {
        return Ok(false);
    };
    if is.len() != was.len() + added.len() || was.len() != old.entries().len() {
        return Ok(false);
    }
    for (((_, old), (old_key, was)), (new_key, is)) in old.entries().iter().zip(was).zip(is) {
        if old_key != new_key {
            return Ok(false);
        }
        node(old, was, is, changes)?;
    }
    let behind = is.iter().skip(was.len());
    Ok(added
        .iter()
        .zip(behind)
        .all(|((name, json), (key, value))| key.as_str() == Some(name) && equals(value, json)))
}

fn items(
    old: &Node,
    was: &Yaml,
    is: &Yaml,
    added: &[(usize, Json)],
    changes: &Changes,
) -> Result<bool, Option<usize>> {
    let empty = Vec::new();
    let was = was.as_sequence().unwrap_or(&empty);
    let Some(is) = is.as_sequence() else {
        return Ok(false);
    };
    if is.len() != was.len() + added.len() || was.len() != old.items().len() {
        return Ok(false);
    }
    let mut is = is.iter();
    let mut added = added.iter().peekable();
    for (number, (old, was)) in old.items().iter().zip(was).enumerate() {
        while let Some((_, json)) = added.next_if(|(before, _)| *before <= number) {
            if !is.next().is_some_and(|is| equals(is, json)) {
                return Ok(false);
            }
        }
        match is.next() {
            Some(is) => node(old, was, is, changes)?,
            None => return Ok(false),
        }
    }
    Ok(added.zip(is).all(|((_, json), is)| equals(is, json)))
}

fn without(
    old: &Node,
    was: &Yaml,
    is: &Yaml,
    removed: &[usize],
    changes: &Changes,
) -> Result<bool, Option<usize>> {
    let kept = |number: &usize| !removed.contains(number);
    match (was, is) {
        (Yaml::Mapping(was), Yaml::Mapping(is)) if was.len() == old.entries().len() => {
            let stay = old.entries().iter().zip(was).enumerate();
            let stay = stay.filter(|(number, _)| kept(number));
            for ((_, ((_, old), (old_key, was))), (new_key, is)) in stay.zip(is) {
                if old_key != new_key {
                    return Ok(false);
                }
                node(old, was, is, changes)?;
            }
            Ok(was.len() == is.len() + removed.len())
        }
        (Yaml::Sequence(was), Yaml::Sequence(is)) if was.len() == old.items().len() => {
            let stay = old.items().iter().zip(was).enumerate();
            let stay = stay.filter(|(number, _)| kept(number));
            for ((_, (old, was)), is) in stay.zip(is) {
                node(old, was, is, changes)?;
            }
            Ok(was.len() == is.len() + removed.len())
        }
        _ => Ok(false),
    }
}

fn untagged(value: &Yaml) -> &Yaml {
    match value {
        Yaml::Tagged(tagged) => untagged(&tagged.value),
        other => other,
    }
}

fn equals(value: &Yaml, json: &Json) -> bool {
    match json {
        Json::Null => value.is_null(),
        Json::Bool(wanted) => value.as_bool() == Some(*wanted),
        Json::Number(wanted) => match (wanted.as_i64(), wanted.as_u64()) {
            (Some(wanted), _) => value.as_i64() == Some(wanted),
            (_, Some(wanted)) => value.as_u64() == Some(wanted),
            _ => value.as_f64() == wanted.as_f64(),
        },
        Json::String(wanted) => value.as_str() == Some(wanted),
        Json::Array(wanted) => value.as_sequence().is_some_and(|items| {
            items.len() == wanted.len() && items.iter().zip(wanted).all(|(v, j)| equals(v, j))
        }),
        Json::Object(wanted) => value.as_mapping().is_some_and(|members| {
            members.len() == wanted.len()
                && members
                    .iter()
                    .zip(wanted)
                    .all(|((key, v), (name, j))| key.as_str() == Some(name) && equals(v, j))
        }),
    }
}
