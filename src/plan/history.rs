//! Taken back stays back: was a digest at this place before, and did somebody take it out?

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::field_path::FieldPath;
use crate::image::Digest;
use crate::plan::due::{FieldPin, Move};
use crate::plan::waiting::TakenBack;
use crate::revision::CommitId;
use crate::snapshot::FilePath;
use crate::stream::{DocumentAddress, ImageStream, StreamTagName};
use crate::trigger::{MARKER, Trigger, TriggerKind};
use crate::yaml::{self, Document, Located, Node, Source};

/// Files at one commit of a branch's first-parent history.
#[derive(Clone, Debug)]
pub struct Version {
    pub commit: CommitId,
    pub author: String,
    /// RFC 3339, UTC.
    pub time: String,
    /// A file that does not exist there is `None`, or absent.
    pub files: BTreeMap<FilePath, Option<Arc<[u8]>>>,
}

/// A place that took, or is to take, a digest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Spot {
    /// The newest item of the tag's status.
    Status(StreamTagName),
    /// A field, by its address.
    Field(DocumentAddress, FieldPath),
    /// The lines of a template that carry the tag's marker: line numbers change.
    Template(FilePath, StreamTagName),
}

/// A question to the history.
#[derive(Clone, Debug)]
pub struct Question {
    pub spot: Spot,
    pub digest: Digest,
    /// The tag's entry in its stream's status, where there is a stream.
    status: Option<(DocumentAddress, FieldPath)>,
    /// The tag's name and its stream's `spec.tags`.
    spec: Option<FieldPath>,
}

/// What the history must be asked before `moves` are proposed.
pub fn questions(moves: &[Move], streams: &[ImageStream]) -> Vec<Question> {
    let mut questions = Vec::new();
    for moved in moves {
        let Some(digest) = moved.digest() else {
            continue;
        };
        let stream = streams
            .iter()
            .find(|stream| stream.name == moved.tag.stream);
        let status =
            stream.map(|stream| (stream.document.clone(), status_path(stream, &moved.tag.tag)));
        let spec = stream.map(|stream| {
            let tags = stream.root.clone().key("spec").key("tags");
            tags.matching("name", moved.tag.tag.clone())
        });
        let question = |spot| Question {
            spot,
            digest: digest.clone(),
            status: status.clone(),
            spec: spec.clone(),
        };
        if moved.record.is_some() {
            questions.push(question(Spot::Status(moved.tag.clone())));
        }
        for field in &moved.fields {
            questions.push(question(field_spot(field)));
        }
    }
    questions
}

/// The spot that a pin writes to.
pub fn field_spot(field: &FieldPin) -> Spot {
    let Trigger {
        from, kind, target, ..
    } = &field.trigger;
    match kind {
        TriggerKind::TemplateMarker => Spot::Template(target.document.file.clone(), from.clone()),
        _ => Spot::Field(target.document.clone(), target.field.clone()),
    }
}

impl Question {
    /// The files whose history answers the question.
    pub fn files(&self) -> impl Iterator<Item = &FilePath> {
        let status = self.status.as_ref().map(|(document, _)| &document.file);
        let field = match &self.spot {
            Spot::Field(document, _) => Some(&document.file),
            Spot::Template(file, _) => Some(file),
            Spot::Status(_) => None,
        };
        status.into_iter().chain(field)
    }

    /// Who took the digest out, from `versions`, newest first; none where it was never there, or
    /// left because the tag moved on.
    pub fn taken_back(&self, versions: &[Version]) -> Option<TakenBack> {
        let was_there = versions.iter().position(|version| self.is_at(version))?;
        let left = versions.get(was_there.checked_sub(1)?)?;
        if !self.still_exists(left) || self.has_moved_on(left) {
            return None;
        }
        Some(TakenBack {
            digest: self.digest.clone(),
            commit: left.commit,
            author: left.author.clone(),
            time: left.time.clone(),
        })
    }

    fn is_at(&self, version: &Version) -> bool {
        match &self.spot {
            Spot::Status(_) => {
                let newest = self.status_images(version).into_iter().next();
                newest.as_deref() == Some(self.digest.as_str())
            }
            Spot::Field(document, field) => value_at(version, document, field)
                .is_some_and(|value| value.contains(self.digest.as_str())),
            Spot::Template(file, tag) => {
                marked_lines(version, file, tag).any(|line| line.contains(self.digest.as_str()))
            }
        }
    }

    /// A field or tag that was deleted took its digest along: that is no verdict on the digest.
    fn still_exists(&self, version: &Version) -> bool {
        match &self.spot {
            Spot::Field(document, field) => value_at(version, document, field).is_some(),
            Spot::Template(file, tag) => marked_lines(version, file, tag).next().is_some(),
            Spot::Status(_) => match (&self.status, &self.spec) {
                (Some((document, _)), Some(tag)) => {
                    with_node(version, document, tag, |_| ()).is_some()
                }
                _ => false,
            },
        }
    }

    /// Following a tag puts its new image before the old one; a revert takes the old one away,
    /// and an edit by hand leaves the status as it is.
    fn has_moved_on(&self, version: &Version) -> bool {
        self.status_images(version)
            .iter()
            .skip(1)
            .any(|image| image == self.digest.as_str())
    }

    /// The tag's recorded images, newest first.
    fn status_images(&self, version: &Version) -> Vec<String> {
        let Some((document, path)) = &self.status else {
            return Vec::new();
        };
        with_node(version, document, path, |entry| {
            let items = entry.get("items").map(Node::items).unwrap_or_default();
            items
                .iter()
                .filter_map(|item| item.get("image")?.text().map(str::to_owned))
                .collect()
        })
        .unwrap_or_default()
    }
}

/// The entry of a tag in a stream's status.
pub fn status_path(stream: &ImageStream, tag: &str) -> FieldPath {
    stream
        .root
        .clone()
        .key("status")
        .key("tags")
        .matching("tag", tag)
}

/// The lines of a template whose markers name the stream tag, with or without its namespace.
fn marked_lines<'v>(
    version: &'v Version,
    file: &FilePath,
    tag: &StreamTagName,
) -> impl Iterator<Item = &'v str> {
    let bytes = version.files.get(file).and_then(|bytes| bytes.as_deref());
    let text = bytes
        .and_then(|bytes| std::str::from_utf8(bytes).ok())
        .unwrap_or_default();
    let name = format!("{}:{}", tag.stream.name, tag.tag);
    text.lines().filter(move |line| {
        line.split_once(MARKER)
            .is_some_and(|(_, marker)| marker.contains(&name))
    })
}

fn value_at(version: &Version, document: &DocumentAddress, field: &FieldPath) -> Option<String> {
    with_node(version, document, field, |node| {
        node.text().unwrap_or_default().to_owned()
    })
}

fn with_node<T>(
    version: &Version,
    document: &DocumentAddress,
    path: &FieldPath,
    read: impl FnOnce(&Node) -> T,
) -> Option<T> {
    let bytes = version.files.get(&document.file)?.as_deref()?;
    let source = Source::parse(bytes);
    let document = source.document(document.document)?;
    node_at(document, path).map(read)
}

/// The node that a path leads to.
pub(crate) fn node_at<'d>(document: &'d Document, path: &FieldPath) -> Option<&'d Node> {
    match yaml::locate(document, path) {
        Located::Found(way) => Some(way.node()),
        _ => None,
    }
}
