//! Taken back stays back: was a digest at this place before, and did somebody take it out?

use crate::dockerfile::{self, is_dockerfile};
use crate::field_path::FieldPath;
use crate::image::Digest;
use crate::plan::due::{FieldPin, Move};
use crate::plan::version::{ObjectAddress, ObjectName, Version, marked_lines, name_now, with_node};
use crate::plan::waiting::TakenBack;
use crate::snapshot::FilePath;
use crate::stream::{DocumentAddress, ImageStream, StreamTagName};
use crate::trigger::{Trigger, TriggerKind};
use crate::yaml::Node;

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
    /// The object that holds the field; none where the question is about a status.
    holder: Option<ObjectAddress>,
    /// The tag's stream, where there is one.
    stream: Option<ObjectAddress>,
    /// The tag's entries in its stream's status and spec, from the stream's root.
    status: FieldPath,
    spec: FieldPath,
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
            .find(|stream| stream.name == moved.tag.stream)
            .map(|stream| ObjectAddress {
                document: stream.document.clone(),
                root: stream.root.clone(),
            });
        let tag = &moved.tag.tag;
        let question = |spot, holder| Question {
            spot,
            digest: digest.clone(),
            holder,
            stream: stream.clone(),
            status: status_below(FieldPath::root(), tag),
            spec: spec_below(tag),
        };
        if moved.record.is_some() {
            questions.push(question(Spot::Status(moved.tag.clone()), None));
        }
        for field in &moved.fields {
            let target = &field.trigger.target;
            let holder = ObjectAddress {
                document: target.document.clone(),
                root: target.object.clone(),
            };
            questions.push(question(field_spot(field), Some(holder)));
        }
    }
    questions
}

/// Whether somebody took this image out of a stream tag's status.
pub fn status_question(stream: &ImageStream, tag: &str, digest: &Digest) -> Question {
    Question {
        spot: Spot::Status(StreamTagName {
            stream: stream.name.clone(),
            tag: tag.to_owned(),
        }),
        digest: digest.clone(),
        holder: None,
        stream: Some(ObjectAddress {
            document: stream.document.clone(),
            root: stream.root.clone(),
        }),
        status: status_below(FieldPath::root(), tag),
        spec: spec_below(tag),
    }
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
        [&self.stream, &self.holder]
            .into_iter()
            .flatten()
            .map(|object| &object.document.file)
    }

    /// Who took the digest out, from `versions`, newest first; none where it was never there, or
    /// left because the tag moved on.
    pub fn taken_back(&self, versions: &[Version]) -> Option<TakenBack> {
        let names = Names {
            stream: self.stream.as_ref().and_then(|at| name_now(versions, at)),
            holder: self.holder.as_ref().and_then(|at| name_now(versions, at)),
        };
        let was_there = versions
            .iter()
            .position(|version| self.is_at(version, &names))?;
        let there = versions.get(was_there)?;
        let left = versions.get(was_there.checked_sub(1)?)?;
        if !self.still_exists(left, &names) || self.has_moved_on(there, left, &names) {
            return None;
        }
        Some(TakenBack {
            digest: self.digest.clone(),
            commit: left.commit,
            author: left.author.clone(),
            time: left.time.clone(),
        })
    }

    fn is_at(&self, version: &Version, names: &Names) -> bool {
        // Most versions do not hold it anywhere, and are not parsed.
        let digest = self.digest.as_str().as_bytes();
        let mut files = self
            .files()
            .filter_map(|file| version.files.get(file)?.as_deref());
        if !files.any(|bytes| memchr::memmem::find(bytes, digest).is_some()) {
            return false;
        }
        match &self.spot {
            Spot::Status(_) => {
                let newest = self.status_images(version, names).into_iter().next();
                newest.as_deref() == Some(self.digest.as_str())
            }
            Spot::Field(_, field) => self
                .field_value(version, field, names)
                .is_some_and(|value| value.contains(self.digest.as_str())),
            Spot::Template(file, tag) => {
                marked_lines(version, file, tag).any(|line| line.contains(self.digest.as_str()))
            }
        }
    }

    /// A field or tag that was deleted took its digest along: that is no verdict on the digest.
    fn still_exists(&self, version: &Version, names: &Names) -> bool {
        match &self.spot {
            Spot::Field(_, field) => self.field_value(version, field, names).is_some(),
            Spot::Template(file, tag) => marked_lines(version, file, tag).next().is_some(),
            Spot::Status(_) => self.stream.as_ref().is_some_and(|stream| {
                let name = names.stream.as_ref();
                let has = |path| with_node(version, stream, name, path, |_| ()).is_some();
                // All tags of a repository are followed without standing in the spec.
                let whole = FieldPath::root().key("spec").key("dockerImageRepository");
                has(&self.spec) || has(&whole)
            }),
        }
    }

    /// Following a tag puts newer images before this one and takes none away; a revert takes
    /// some away, and an edit by hand leaves the status as it is. Where a status is full, its
    /// oldest images fall off.
    fn has_moved_on(&self, there: &Version, left: &Version, names: &Names) -> bool {
        let there = self.status_images(there, names);
        let left = self.status_images(left, names);
        let digest = self.digest.as_str();
        let is_continued = there.is_empty()
            || (0..left.len()).any(|newer| {
                left.get(newer..)
                    .is_some_and(|older| there.starts_with(older))
            });
        left.first().is_some_and(|newest| newest != digest)
            && left.iter().any(|image| image == digest)
            && left.len() >= there.len()
            && is_continued
    }

    /// The tag's recorded images, newest first.
    fn status_images(&self, version: &Version, names: &Names) -> Vec<String> {
        let Some(stream) = &self.stream else {
            return Vec::new();
        };
        with_node(
            version,
            stream,
            names.stream.as_ref(),
            &self.status,
            |entry| {
                let items = entry.get("items").map(Node::items).unwrap_or_default();
                items
                    .iter()
                    .filter_map(|item| item.get("image")?.text().map(str::to_owned))
                    .collect()
            },
        )
        .unwrap_or_default()
    }

    fn field_value(&self, version: &Version, field: &FieldPath, names: &Names) -> Option<String> {
        let holder = self.holder.as_ref()?;
        let steps = field.steps().get(holder.root.steps().len()..)?;
        let below: FieldPath = steps.iter().cloned().collect();
        let file = &holder.document.file;
        if is_dockerfile(file) {
            return dockerfile::image_at(version.files.get(file)?.as_deref()?, field);
        }
        with_node(version, holder, names.holder.as_ref(), &below, |node| {
            node.text().unwrap_or_default().to_owned()
        })
    }
}

/// What the objects of a question are called today; none for what is no object.
struct Names {
    stream: Option<ObjectName>,
    holder: Option<ObjectName>,
}

/// The entry of a tag in a stream's status.
pub fn status_path(stream: &ImageStream, tag: &str) -> FieldPath {
    status_below(stream.root.clone(), tag)
}

fn spec_below(tag: &str) -> FieldPath {
    let tags = FieldPath::root().key("spec").key("tags");
    tags.matching("name", tag)
}

fn status_below(root: FieldPath, tag: &str) -> FieldPath {
    root.key("status").key("tags").matching("tag", tag)
}
