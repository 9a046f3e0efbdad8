//! A second reader of a finished promotion: the same bytes as in the source, or none of it.

use crate::manifest::{self, FileFacts, ObjectFacts, StreamFacts};
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
    let changed: Vec<_> = proposal
        .changes
        .iter()
        .map(|change| {
            let before = manifest::read_file(&change.before);
            (&change.path, before, manifest::read_file(&change.after))
        })
        .collect();
    // What moves from one file to another is known from where it was.
    let streams: Vec<&StreamFacts> = changed
        .iter()
        .flat_map(|(_, before, _)| &before.streams)
        .collect();
    let objects: Vec<&ObjectFacts> = changed
        .iter()
        .flat_map(|(_, before, _)| &before.objects)
        .collect();
    let mut newest = Vec::new();
    for (path, _, after) in &changed {
        if let Some(fault) = foreign_image(proposal, &streams, after, &chosen.streams) {
            return Some(format!("{path}: {fault}"));
        }
        newest.extend(after.streams.iter().flat_map(newest_of));
    }
    for (path, _, after) in &changed {
        if let Some(fault) = foreign_field(&objects, after, &newest) {
            return Some(format!("{path}: {fault}"));
        }
    }
    None
}

/// The newest image of a stream tag, as a file says.
struct Newest<'a> {
    namespace: Option<&'a str>,
    stream: &'a str,
    tag: &'a str,
    image: &'a str,
}

fn newest_of(stream: &StreamFacts) -> impl Iterator<Item = Newest<'_>> {
    stream.status.iter().filter_map(|status| {
        Some(Newest {
            namespace: stream.namespace.as_deref(),
            stream: &stream.name,
            tag: &status.tag,
            image: &status.items.first()?.image,
        })
    })
}

/// An image that a status gains and the source has not as its newest.
fn foreign_image(
    proposal: &Proposal,
    before: &[&StreamFacts],
    after: &FileFacts,
    source: &[ImageStream],
) -> Option<String> {
    for stream in &after.streams {
        let known = before
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
    before: &[&ObjectFacts],
    after: &FileFacts,
    newest: &[Newest<'_>],
) -> Option<String> {
    for object in &after.objects {
        let known = || {
            let same = before.iter().filter(|other| {
                other.kind == object.kind
                    && other.name == object.name
                    && other.namespace == object.namespace
            });
            same.flat_map(|other| &other.triggers)
        };
        for trigger in object.triggers.iter().filter(|trigger| !trigger.paused) {
            let Some(digest) = trigger.current.as_deref().and_then(digest_in) else {
                continue;
            };
            let mut same = known().filter(|other| other.field == trigger.field);
            if same.any(|other| other.current == trigger.current) {
                continue;
            }
            let from = &trigger.from;
            let namespace = from.namespace.as_ref().or(object.namespace.as_ref());
            let is_its_tag = |newest: &&Newest<'_>| {
                let is_elsewhere = matches!((newest.namespace, namespace), (Some(one), Some(other)) if one != other);
                newest.stream == from.stream && newest.tag == from.tag && !is_elsewhere
            };
            // A stream in a file that does not change has moved nowhere: its fields follow what
            // is recorded, which the moves name.
            let mut expected = newest.iter().filter(is_its_tag).peekable();
            let Some(first) = expected.peek().map(|newest| newest.image) else {
                continue;
            };
            if !expected.any(|newest| newest.image == digest.as_str()) {
                return Some(format!(
                    "{} of {} would get {}, and its tag is at {first}",
                    trigger.field,
                    object.name,
                    digest.short()
                ));
            }
        }
    }
    None
}
