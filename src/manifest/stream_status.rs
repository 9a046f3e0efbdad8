//! An ImageStream's `status`, and the annotation that says where it came from.

use std::collections::BTreeMap;

use crate::image::{Reference, ReferenceError};
use crate::manifest::reader::Reader;
use crate::problem::Severity;
use crate::stream::{Condition, OBSERVED, Observed, StatusTag, TagEvent};
use crate::yaml::Node;

pub(crate) fn read<'a>(reader: &mut Reader<'a>, object: &'a Node) -> Vec<StatusTag> {
    let Some(status) = reader.get(object, "status") else {
        return Vec::new();
    };
    let mut tags = Vec::new();
    for item in reader.items(status, "tags") {
        let item = reader.follow(item);
        let Some(tag) = reader.text(item, "tag") else {
            reader.error(item, "an entry of status.tags has no `tag`");
            continue;
        };
        let mut items = Vec::new();
        for (number, event) in reader.items(item, "items").iter().enumerate() {
            let event = reader.follow(event);
            let field = format!("status.tags[{tag}].items[{number}].dockerImageReference");
            items.extend(read_event(reader, event, &field));
        }
        tags.push(StatusTag {
            tag: tag.to_owned(),
            items,
            conditions: read_conditions(reader, item),
        });
    }
    tags
}

/// Warnings, because the newer items count all the same. None without a reference: written again it would be an item that OpenShift refuses
/// (openshift-apiserver `image/validation/validation.go`, `ValidateImageStreamWithWhitelister`).
fn read_event<'a>(reader: &mut Reader<'a>, event: &'a Node, field: &str) -> Option<TagEvent> {
    let node = reader
        .get(event, "dockerImageReference")
        .filter(|node| node.text() != Some(""));
    let Some(node) = node else {
        let advice = Some("remove the item; it is left out meanwhile");
        reader.find(
            event,
            Severity::Warning,
            format!("{field} is required"),
            advice,
        );
        return None;
    };
    let written = node.text().unwrap_or_default();
    match written.parse::<Reference>() {
        // The original takes a registry for a reference.
        Ok(_) | Err(ReferenceError::RegistryOnly(_)) => {}
        Err(error) => reader.warning(node, format!("{field} is `{written}`: {error}")),
    }
    let text = |key| reader.text(event, key).unwrap_or_default().to_owned();
    Some(TagEvent {
        created: text("created"),
        reference: written.to_owned(),
        image: text("image"),
        generation: text("generation").parse().unwrap_or_default(),
    })
}

fn read_conditions<'a>(reader: &Reader<'a>, item: &'a Node) -> Vec<Condition> {
    let conditions = reader.items(item, "conditions").iter();
    conditions
        .map(|condition| {
            let condition = reader.follow(condition);
            let text = |key| reader.text(condition, key).unwrap_or_default().to_owned();
            Condition {
                kind: text("type"),
                status: text("status"),
                reason: text("reason"),
                message: text("message"),
                time: text("lastTransitionTime"),
                generation: text("generation").parse().unwrap_or_default(),
            }
        })
        .collect()
}

pub(crate) fn read_observed<'a>(
    reader: &mut Reader<'a>,
    metadata: &'a Node,
) -> Vec<(String, Observed)> {
    let Some(annotation) = reader.at(metadata, &["annotations", OBSERVED]) else {
        return Vec::new();
    };
    let text = annotation.text().unwrap_or_default();
    match serde_json::from_str::<BTreeMap<String, Observed>>(text) {
        Ok(observed) => observed.into_iter().collect(),
        Err(error) => {
            reader.find(
                annotation,
                Severity::Error,
                format!("the annotation {OBSERVED} cannot be read: {error}"),
                Some("remove it: every tag of the stream is then imported again"),
            );
            Vec::new()
        }
    }
}
