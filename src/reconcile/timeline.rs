use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use crate::environment::EnvironmentName;
use crate::git::{Commit, Error, FileDelta, Repository};
use crate::manifest::{self, StreamFacts};
use crate::reconcile::entry::Entry;
use crate::revision::{BlobId, CommitId};
use crate::stream::{ImageStream, TagEvent};
use crate::yaml::MAX_FILE_BYTES;

/// Commits looked at on a first-parent history.
pub const MAX_HISTORY: usize = 100_000;
/// Versions of a file in memory at one time.
const CHUNK: usize = 512;
const THREADS: usize = 2;

/// A commit by which a stream tag came to another image on its branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub entry: Entry,
    /// The image that the tag had from then on; none where it lost its image.
    pub image: Option<String>,
    /// The tag of the repository that a rule chose.
    pub selected: Option<String>,
    pub previous: Option<String>,
}

/// What a stream tag was along the first parents of `head`, newest first.
pub fn timeline(
    repository: &Repository,
    head: CommitId,
    environment: &EnvironmentName,
    stream: &ImageStream,
    tag: &str,
) -> Result<Vec<Event>, Error> {
    let file = &stream.document.file;
    // The versions are read and parsed while older commits are looked for.
    let (sender, receiver) = std::sync::mpsc::channel::<Vec<BlobId>>();
    let walk = || -> Result<Vec<(Commit, FileDelta)>, Error> {
        let mut found = Vec::new();
        let mut blobs = Vec::new();
        repository.walk_history(
            head,
            std::slice::from_ref(file),
            MAX_HISTORY,
            |mut commit| {
                let changes = std::mem::take(&mut commit.changes);
                if let Some(delta) = changes.into_iter().find(|delta| delta.path == *file) {
                    blobs.extend([delta.before, delta.after].into_iter().flatten());
                    found.push((commit, delta));
                }
                if blobs.len() >= CHUNK {
                    // Nobody listens where reading has failed, which is told below.
                    let _ = sender.send(std::mem::take(&mut blobs));
                }
                ControlFlow::Continue(())
            },
        )?;
        let _ = sender.send(blobs);
        drop(sender);
        Ok(found)
    };
    let (changes, versions) = repository.beside(walk, |again| {
        let mut versions = HashMap::new();
        for blobs in receiver {
            let new = blobs
                .into_iter()
                .filter(|blob| !versions.contains_key(blob));
            let new: Vec<BlobId> = new.collect();
            versions.extend(recorded(again, new.into_iter(), stream, tag)?);
        }
        Ok(versions)
    });
    let (changes, versions) = (changes?, versions?);
    let version = |blob: Option<BlobId>| {
        let known = blob.and_then(|blob| versions.get(&blob));
        known.cloned().unwrap_or_default()
    };
    let mut events = Vec::new();
    for (commit, delta) in changes {
        let (now, before) = (version(delta.after), version(delta.before));
        if now != before {
            events.push(Event {
                entry: Entry::of(repository, &commit, environment)?,
                image: now.image,
                selected: now.selected,
                previous: before.image,
            });
        }
    }
    Ok(events)
}

/// What one version of a stream's file says of a tag.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    /// The newest recorded image; its name where it is recorded without a digest.
    pub image: Option<String>,
    /// The tag of the repository that a rule chose.
    pub selected: Option<String>,
}

impl Recorded {
    pub fn of(stream: Option<&StreamFacts>, tag: &str) -> Self {
        let Some(found) = stream else {
            return Self::default();
        };
        let status = found.status.iter().find(|status| status.tag == tag);
        let newest = status.and_then(|status| status.items.first());
        let observed = found.observed.iter().find(|(name, _)| name == tag);
        Self {
            image: newest.map(|item| match item.image.as_str() {
                "" => item.reference.clone(),
                image => image.to_owned(),
            }),
            selected: observed.and_then(|(_, observed)| observed.selected.clone()),
        }
    }
}

/// What each of `blobs` says of the tag; each is read once, on two threads.
fn recorded(
    repository: &Repository,
    blobs: impl Iterator<Item = BlobId>,
    stream: &ImageStream,
    tag: &str,
) -> Result<HashMap<BlobId, Recorded>, Error> {
    let mut seen = HashSet::new();
    let blobs: Vec<BlobId> = blobs.filter(|blob| seen.insert(*blob)).collect();
    let mut versions = HashMap::new();
    for chunk in blobs.chunks(CHUNK) {
        let mut contents: Vec<(BlobId, Arc<[u8]>)> = Vec::new();
        let read = repository.read_blobs(chunk, MAX_FILE_BYTES as u64);
        for (blob, content) in chunk.iter().zip(read) {
            match content {
                Ok(bytes) => contents.push((*blob, bytes)),
                Err(Error::TooLarge { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        let parse = |(blob, bytes): &(BlobId, Arc<[u8]>)| {
            let newest = find_stream(&with_newest_items(bytes), stream);
            let found = newest.or_else(|| find_stream(bytes, stream));
            (*blob, Recorded::of(found.as_ref(), tag))
        };
        let share = contents.len().div_ceil(THREADS).max(1);
        std::thread::scope(|scope| {
            let workers: Vec<_> = contents
                .chunks(share)
                .map(|share| scope.spawn(move || share.iter().map(parse).collect::<Vec<_>>()))
                .collect();
            for worker in workers {
                versions.extend(worker.join().unwrap_or_default());
            }
        });
    }
    Ok(versions)
}

/// The file with the first item of each `items:` alone: the others are most of it. Only lists in
/// block style are cut, as headwater writes them.
fn with_newest_items(bytes: &[u8]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(bytes.len());
    let mut list: Option<Items> = None;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let indent = line.iter().take_while(|byte| **byte == b' ').count();
        let text = line.get(indent..).unwrap_or_default().trim_ascii();
        let is_item = text.starts_with(b"- ");
        list = match list {
            list if text.is_empty() => list,
            Some(Items::Begin { key }) if is_item && indent >= key => Some(Items::In {
                dash: indent,
                count: 1,
            }),
            Some(Items::In { dash, count }) if is_item && indent == dash => Some(Items::In {
                dash,
                count: count + 1,
            }),
            Some(Items::In { dash, count }) if indent > dash => Some(Items::In { dash, count }),
            _ if text == b"items:" => Some(Items::Begin { key: indent }),
            _ => None,
        };
        if !matches!(list, Some(Items::In { count: 2.., .. })) {
            kept.extend_from_slice(line);
        }
    }
    kept
}

/// Where in a list a line stands.
#[derive(Clone, Copy)]
enum Items {
    /// After its key, which has this indentation.
    Begin {
        key: usize,
    },
    In {
        dash: usize,
        count: usize,
    },
}

/// The stream in one version of its file.
pub fn stream_at(
    repository: &Repository,
    blob: Option<BlobId>,
    stream: &ImageStream,
) -> Result<Option<StreamFacts>, Error> {
    let Some(blob) = blob else { return Ok(None) };
    match repository.read_blob(blob, MAX_FILE_BYTES as u64) {
        Ok(bytes) => Ok(find_stream(&bytes, stream)),
        Err(Error::TooLarge { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

fn find_stream(bytes: &[u8], stream: &ImageStream) -> Option<StreamFacts> {
    let facts = manifest::read_file(bytes);
    let mut streams = facts.streams.into_iter();
    streams.find(|facts| is_stream(facts, stream))
}

/// Whether a version of a stream's file speaks of it.
pub fn is_stream(facts: &StreamFacts, stream: &ImageStream) -> bool {
    let namespace = facts.namespace.as_ref();
    facts.name == stream.name.name
        && namespace.is_none_or(|namespace| *namespace == stream.name.namespace)
}

/// Versions of a stream's file that are read for images that left its status.
const MAX_VERSIONS: usize = 1_000;

/// Every image that some version of the stream's file has recorded, each digest once.
pub fn older_images(
    repository: &Repository,
    head: CommitId,
    stream: &ImageStream,
) -> Result<Vec<TagEvent>, Error> {
    let file = &stream.document.file;
    let history = repository.history(head, std::slice::from_ref(file), MAX_HISTORY)?;
    let mut images: Vec<TagEvent> = Vec::new();
    let mut seen = HashSet::new();
    for commit in history.commits.iter().take(MAX_VERSIONS) {
        for delta in commit.changes.iter().filter(|delta| delta.path == *file) {
            let facts = stream_at(repository, delta.after, stream)?;
            let recorded = facts.into_iter().flat_map(|facts| facts.status);
            for item in recorded.flat_map(|status| status.items) {
                if seen.insert(item.image.clone()) {
                    images.push(item);
                }
            }
        }
    }
    Ok(images)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_lists_in_block_style_the_first_item_stays() {
        for (text, expected) in [
            (
                "a:\n  items:\n  - x: 1\n    y: 2\n  - x: 3\n    y: 4\n  b: 5\n",
                "a:\n  items:\n  - x: 1\n    y: 2\n  b: 5\n",
            ),
            (
                "- tag: a\n  items:\n    - x: 1\n\n    - x: 2\n- tag: b\n  items:\n    - x: 3\n    - x: 4",
                "- tag: a\n  items:\n    - x: 1\n\n- tag: b\n  items:\n    - x: 3\n",
            ),
            (
                "items: [1, 2]\nother:\n- 1\n- 2\n",
                "items: [1, 2]\nother:\n- 1\n- 2\n",
            ),
            (
                "items:\nother: 1\n- 2\n- 3\n",
                "items:\nother: 1\n- 2\n- 3\n",
            ),
        ] {
            let kept = with_newest_items(text.as_bytes());
            assert_eq!(String::from_utf8(kept).unwrap(), expected);
        }
    }
}
