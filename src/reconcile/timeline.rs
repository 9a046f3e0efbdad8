use crate::clock;
use crate::git::{Error, Repository};
use crate::manifest;
use crate::plain::plain;
use crate::revision::{BlobId, CommitId};
use crate::stream::ImageStream;
use crate::yaml::MAX_FILE_BYTES;

/// Commits looked at on a first-parent history.
const MAX_HISTORY: usize = 100_000;

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
        let image = image_at(repository, delta.after, stream, tag)?;
        let previous = image_at(repository, delta.before, stream, tag)?;
        if image == previous {
            continue;
        }
        events.push(Event {
            time: clock::rfc3339(commit.time),
            commit: commit.id,
            author: plain(&commit.author.name).chars().take(60).collect(),
            subject: plain(commit.message.lines().next().unwrap_or_default())
                .chars()
                .take(72)
                .collect(),
            image,
            previous,
        });
    }
    Ok(events)
}

/// The newest recorded image of the tag in one version of the stream's file.
fn image_at(
    repository: &Repository,
    blob: Option<BlobId>,
    stream: &ImageStream,
    tag: &str,
) -> Result<Option<String>, Error> {
    let Some(blob) = blob else { return Ok(None) };
    let bytes = match repository.read_blob(blob, MAX_FILE_BYTES as u64) {
        Ok(bytes) => bytes,
        Err(Error::TooLarge { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    let facts = manifest::read_file(&bytes);
    let found = facts.streams.iter().find(|facts| {
        facts.name == stream.name.name
            && facts
                .namespace
                .as_ref()
                .is_none_or(|namespace| *namespace == stream.name.namespace)
    });
    Ok(found
        .and_then(|facts| facts.status.iter().find(|status| status.tag == tag))
        .and_then(|status| status.items.first())
        .map(|item| item.image.clone()))
}
