use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::environment::EnvironmentName;
use crate::git::{Error, Repository};
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
    let history = repository.history(head, std::slice::from_ref(file), MAX_HISTORY)?;
    let changes: Vec<_> = history
        .commits
        .iter()
        .filter_map(|commit| {
            let delta = commit.changes.iter().find(|delta| delta.path == *file)?;
            Some((commit, delta))
        })
        .collect();
    let blobs = changes
        .iter()
        .flat_map(|(_, delta)| [delta.before, delta.after]);
    let versions = recorded(repository, blobs.flatten(), stream, tag)?;
    let version = |blob: Option<BlobId>| {
        let known = blob.and_then(|blob| versions.get(&blob));
        known.cloned().unwrap_or_default()
    };
    let mut events = Vec::new();
    for (commit, delta) in changes {
        let (now, before) = (version(delta.after), version(delta.before));
        if now != before {
            events.push(Event {
                entry: Entry::of(repository, commit, environment)?,
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
            let found = find_stream(bytes, stream);
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
    facts.streams.into_iter().find(|facts| {
        let namespace = facts.namespace.as_ref();
        facts.name == stream.name.name
            && namespace.is_none_or(|namespace| *namespace == stream.name.namespace)
    })
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
