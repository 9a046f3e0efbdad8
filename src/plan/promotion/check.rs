//! A second reader of a finished promotion: the same bytes as in the source, or none of it.

use std::collections::BTreeMap;

use crate::manifest::{self, FileFacts};
use crate::plan::promotion::Choice;
use crate::plan::proposal::Proposal;
use crate::plan::value::digest_in;
use crate::stream::{ImageStream, StreamName, counterpart};

/// Why a promotion must not be applied.
///
/// It reads the files as they would be, and the source's streams at the commit that was chosen:
/// each image that a stream's status gains is the newest one of the same tag there, and each
/// followed field that gains a digest gains its own tag's.
pub(crate) fn fault(proposal: &Proposal, choices: &[Choice]) -> Option<String> {
    let promotion = proposal.promotion.as_ref()?;
    let choice = choices.iter().find(|choice| choice.from == promotion.from);
    let Some(chosen) = choice.and_then(|choice| choice.chosen.as_ref()) else {
        return Some(format!("no commit of {} was chosen", promotion.from));
    };
    let mut newest = BTreeMap::new();
    let mut changed = Vec::new();
    for change in &proposal.changes {
        let before = manifest::read_file(&change.before);
        let after = manifest::read_file(&change.after);
        if let Some(fault) = foreign_image(proposal, &before, &after, &chosen.streams) {
            return Some(format!("{}: {fault}", change.path));
        }
        for stream in &after.streams {
            for status in &stream.status {
                if let Some(item) = status.items.first() {
                    newest.insert(
                        (stream.name.clone(), status.tag.clone()),
                        item.image.clone(),
                    );
                }
            }
        }
        changed.push((&change.path, before, after));
    }
    for (path, before, after) in &changed {
        if let Some(fault) = foreign_field(before, after, &newest) {
            return Some(format!("{path}: {fault}"));
        }
    }
    None
}

/// An image that a status gains and the source has not as its newest.
fn foreign_image(
    proposal: &Proposal,
    before: &FileFacts,
    after: &FileFacts,
    source: &[ImageStream],
) -> Option<String> {
    for stream in &after.streams {
        let known = before
            .streams
            .iter()
            .find(|other| other.name == stream.name && other.namespace == stream.namespace);
        for status in &stream.status {
            let Some(item) = status.items.first() else {
                continue;
            };
            let mut statuses = known.iter().flat_map(|known| &known.status);
            let was = statuses.find(|other| other.tag == status.tag);
            if was.and_then(|was| was.items.first()).map(|was| &was.image) == Some(&item.image) {
                continue;
            }
            let tag = &status.tag;
            let moved = proposal
                .moves
                .iter()
                .find(|moved| moved.tag.stream.name == stream.name && moved.tag.tag == *tag);
            // What only this environment has comes along where it stands in the same document.
            let Some(from) = moved.and_then(|moved| moved.promotion()) else {
                let is_import = moved.is_some_and(|moved| moved.record.is_some());
                if is_import && proposal.merge.is_none() {
                    continue;
                }
                return Some(format!(
                    "{}:{tag} would gain an image that no move names",
                    stream.name
                ));
            };
            let there = source_image(source, &from.tag.stream, &from.tag.tag);
            if there != Some(item.image.as_str()) {
                return Some(format!(
                    "{}:{tag} would get {}, and {from} has {}",
                    stream.name,
                    item.image,
                    there.unwrap_or("none")
                ));
            }
        }
    }
    None
}

fn source_image<'s>(streams: &'s [ImageStream], name: &StreamName, tag: &str) -> Option<&'s str> {
    let item = counterpart(streams, name)?.history(tag).first()?;
    Some(&item.image)
}

/// A followed field that gains a digest that is not its tag's.
fn foreign_field(
    before: &FileFacts,
    after: &FileFacts,
    newest: &BTreeMap<(String, String), String>,
) -> Option<String> {
    let value_before = |name: &str, field: &crate::field_path::FieldPath| {
        let objects = before.objects.iter().filter(|object| object.name == name);
        let mut triggers = objects.flat_map(|object| &object.triggers);
        let same = triggers.find(|trigger| trigger.field == *field)?;
        same.current.clone()
    };
    for object in &after.objects {
        for trigger in object.triggers.iter().filter(|trigger| !trigger.paused) {
            let Some(digest) = trigger.current.as_deref().and_then(digest_in) else {
                continue;
            };
            if value_before(&object.name, &trigger.field) == trigger.current {
                continue;
            }
            let key = (trigger.from.stream.clone(), trigger.from.tag.clone());
            // A stream in a file that does not change has moved nowhere: its fields follow what
            // is recorded, which the moves name.
            if let Some(expected) = newest.get(&key)
                && *expected != digest.as_str()
            {
                return Some(format!(
                    "{} of {} would get {}, and its tag is at {expected}",
                    trigger.field,
                    object.name,
                    digest.short()
                ));
            }
        }
    }
    None
}
