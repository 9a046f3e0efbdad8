use std::collections::HashSet;

use crate::clock;
use crate::git::{Error, Repository};
use crate::manifest::{self, StreamFacts};
use crate::plain::plain;
use crate::revision::{BlobId, CommitId};
use crate::stream::{ImageStream, TagEvent};
use crate::yaml::MAX_FILE_BYTES;

/// Commits looked at on a first-parent history.
pub const MAX_HISTORY: usize = 100_000;

/// A commit by which a stream tag came to another image on its branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// RFC 3339, UTC: when it was committed.
    pub time: String,
    pub commit: CommitId,
    pub author: String,
    pub subject: String,
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
    stream: &ImageStream,
    tag: &str,
) -> Result<Vec<Event>, Error> {
    let file = &stream.document.file;
    let history = repository.history(head, std::slice::from_ref(file), MAX_HISTORY)?;
    let mut events = Vec::new();
    for commit in &history.commits {
        let Some(delta) = commit.changes.iter().find(|delta| delta.path == *file) else {
            continue;
        };
        let now = image_at(repository, delta.after, stream, tag)?;
        let before = image_at(repository, delta.before, stream, tag)?;
        if now == before {
            continue;
        }
        let (image, selected) = now;
        events.push(Event {
            time: clock::rfc3339(commit.time),
            commit: commit.id,
            author: plain(&commit.author.name).chars().take(60).collect(),
            subject: plain(commit.message.lines().next().unwrap_or_default())
                .chars()
                .take(72)
                .collect(),
            image,
            selected,
            previous: before.0,
        });
    }
    Ok(events)
}

/// The newest recorded image of the tag in one version of the stream's file, its name where it is
/// recorded without a digest; and the tag of the repository that a rule chose.
fn image_at(
    repository: &Repository,
    blob: Option<BlobId>,
    stream: &ImageStream,
    tag: &str,
) -> Result<(Option<String>, Option<String>), Error> {
    let Some(found) = stream_at(repository, blob, stream)? else {
        return Ok((None, None));
    };
    let status = found.status.iter().find(|status| status.tag == tag);
    let image = status.and_then(|status| status.items.first()).map(|item| {
        let is_named = item.image.is_empty();
        let text = if is_named {
            &item.reference
        } else {
            &item.image
        };
        text.clone()
    });
    let observed = found.observed.iter().find(|(name, _)| name == tag);
    let selected = observed.and_then(|(_, observed)| observed.selected.clone());
    Ok((image, selected))
}

/// The stream in one version of its file.
fn stream_at(
    repository: &Repository,
    blob: Option<BlobId>,
    stream: &ImageStream,
) -> Result<Option<StreamFacts>, Error> {
    let Some(blob) = blob else { return Ok(None) };
    let bytes = match repository.read_blob(blob, MAX_FILE_BYTES as u64) {
        Ok(bytes) => bytes,
        Err(Error::TooLarge { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    let facts = manifest::read_file(&bytes);
    Ok(facts.streams.into_iter().find(|facts| {
        let namespace = facts.namespace.as_ref();
        facts.name == stream.name.name
            && namespace.is_none_or(|namespace| *namespace == stream.name.namespace)
    }))
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
