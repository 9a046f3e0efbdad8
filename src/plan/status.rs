//! What a stream's status is to say, in OpenShift's own shape.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::field_path::FieldPath;
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

/// Where the integrated registry keeps the stream, as far as its status does not say so yet.
pub fn repositories(stream: &ImageStream) -> Vec<(FieldPath, String)> {
    let Some(now) = &stream.integrated else {
        return Vec::new();
    };
    let written = &stream.metadata.repositories;
    let fields = [
        (
            "dockerImageRepository",
            &now.repository,
            &written.repository,
        ),
        (
            "publicDockerImageRepository",
            &now.public_repository,
            &written.public_repository,
        ),
    ];
    let differ = fields
        .into_iter()
        .filter(|(_, now, written)| now != written);
    differ
        .filter_map(|(key, now, _)| {
            let field = stream.root.clone().key("status").key(key);
            Some((field, now.clone()?))
        })
        .collect()
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
            let texts = [
                ("selected", &observed.selected),
                ("platform", &observed.platform),
            ];
            for (key, value) in texts {
                if let (Some(value), Some(entry)) = (value, entry.as_object_mut()) {
                    entry.insert(key.to_owned(), value.as_str().into());
                }
            }
            (tag.clone(), entry)
        })
        .collect();
    Value::Object(tags).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const B: &str = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

    fn event(reference: &str, image: &str) -> TagEvent {
        TagEvent {
            created: "2026-01-01T00:00:00Z".to_owned(),
            reference: reference
                .replace("@A", &format!("@{A}"))
                .replace("@B", &format!("@{B}")),
            image: image.to_owned(),
            generation: 1,
        }
    }

    /// `before` with the newest first, then what comes, then the references that are there.
    fn after(before: &[TagEvent], image: &str, is_other_source: bool) -> Vec<TagEvent> {
        let image = image
            .replace("@A", &format!("@{A}"))
            .replace("@B", &format!("@{B}"));
        let record = Record {
            stream: 0,
            before: before.to_vec(),
            adopted: false,
            observed: None,
            is_other_source,
            whole: None,
        };
        items(&image.parse().unwrap(), &record, "2026-02-02T00:00:00Z", 10)
    }

    #[test]
    fn the_history_has_openshifts_rules() {
        let a = event("r/a@A", A);
        // 1 and 2: the same reference and image; its time stays.
        assert_eq!(
            after(std::slice::from_ref(&a), "r/a:1@A", false),
            std::slice::from_ref(&a)
        );
        // 3: the same reference for another image takes its place.
        let named = event("r/a:1", A);
        let replaced = after(&[named], "r/a:1", false);
        assert_eq!((replaced.len(), replaced[0].image.as_str()), (1, ""));
        // 4: the same image under another reference.
        let moved = after(std::slice::from_ref(&a), "mirror/a:1@A", false);
        assert_eq!(moved.len(), 1);
        assert_eq!(moved[0].reference, event("mirror/a@A", A).reference);
        assert_eq!(moved[0].created, a.created);
        // 5: another image goes before, also one that was there already.
        let b = after(std::slice::from_ref(&a), "r/a:1@B", false);
        assert_eq!(b.len(), 2);
        assert_eq!((b[0].image.as_str(), b[1].image.as_str()), (B, A));
        assert_eq!(b[0].created, "2026-02-02T00:00:00Z");
        let back = after(&b, "r/a:1@A", false);
        let images: Vec<&str> = back.iter().map(|item| item.image.as_str()).collect();
        assert_eq!(images, [A, B, A]);
        // Another source is another generation.
        assert_eq!(after(&[a], "r/a:1@B", true)[0].generation, 2);
    }
}
