//! What a stream's status is to say, in OpenShift's own shape.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::image::{Digest, Reference};
use crate::plan::due::{Move, Record, recorded_reference};
use crate::stream::{ALL_TAGS, ImageStream, Observed, TagEvent};

/// The items of a tag after a move, newest first, at most `limit`.
///
/// The newest item is replaced in place where its reference or its image is the same
/// (openshift-apiserver `imageutil.AddTagEventToImageStream`); otherwise the image is put before
/// it. Only the newest item is compared. `created` is RFC 3339.
pub fn items(image: &Reference, record: &Record, created: &str, limit: usize) -> Vec<TagEvent> {
    let digest = image
        .digest
        .as_ref()
        .map(Digest::to_string)
        .unwrap_or_default();
    let mut items = record.before.clone();
    if record.adopted {
        for item in &mut items {
            created.clone_into(&mut item.created);
        }
    }
    let reference = recorded_reference(image);
    match items.first_mut() {
        // Rule 3: the same name for another image says nothing about what it was before.
        Some(newest) if newest.reference == reference => newest.image = digest,
        Some(newest) if newest.image == digest && !digest.is_empty() => {
            newest.reference = reference;
        }
        newest => {
            let generation = newest.map_or(1, |item| {
                item.generation + i64::from(record.is_other_source)
            });
            items.insert(
                0,
                TagEvent {
                    created: created.to_owned(),
                    reference,
                    image: digest,
                    generation,
                },
            );
        }
    }
    items.truncate(limit.max(1));
    items
}

/// One entry of `status.tags[]`.
pub fn entry(tag: &str, items: &[TagEvent]) -> Value {
    let items: Vec<Value> = items
        .iter()
        .map(|item| {
            let mut entry = json!({
                "created": item.created,
                "dockerImageReference": item.reference,
                "image": item.image,
                "generation": item.generation,
            });
            if let Some(entry) = entry.as_object_mut()
                && item.created.is_empty()
            {
                // An empty text is no time; a time that is missing is none.
                entry.remove("created");
            }
            entry
        })
        .collect();
    json!({"tag": tag, "items": items})
}

/// The text of the annotation [`crate::stream::OBSERVED`] after `moves` of one stream; none
/// where it does not change.
pub fn observed(stream: &ImageStream, moves: &[&Move]) -> Option<String> {
    let mut observed = stream.observed.clone();
    for moved in moves {
        let Some(record) = &moved.record else {
            continue;
        };
        if let Some(now) = &record.observed {
            observed.insert(moved.tag.tag.clone(), now.clone());
        }
        if let Some(whole) = &record.whole {
            observed.insert(ALL_TAGS.to_owned(), whole.clone());
        }
    }
    // A tag that left the spec takes its source along.
    observed.retain(|tag, _| {
        stream.tag(tag).is_some()
            || stream.whole_repository.is_some()
            || moves.iter().any(|moved| moved.tag.tag == *tag)
    });
    (observed != stream.observed).then(|| text(&observed))
}

fn text(observed: &BTreeMap<String, Observed>) -> String {
    let tags: serde_json::Map<String, Value> = observed
        .iter()
        .map(|(tag, observed)| {
            let mut entry = json!({
                "from": observed.from,
                "importMode": observed.import_mode.to_string(),
            });
            if let (Some(generation), Some(entry)) = (observed.generation, entry.as_object_mut()) {
                entry.insert("generation".to_owned(), generation.into());
            }
            if let (Some(selected), Some(entry)) = (&observed.selected, entry.as_object_mut()) {
                entry.insert("selected".to_owned(), selected.as_str().into());
            }
            (tag.clone(), entry)
        })
        .collect();
    Value::Object(tags).to_string()
}
