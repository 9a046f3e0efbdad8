use std::ops::ControlFlow;

use crate::git::{Error, Repository};
use crate::image::Digest;
use crate::plan::trailer;
use crate::reconcile::entry;
use crate::reconcile::survey::Surveyed;
use crate::reconcile::timeline::MAX_HISTORY;
use crate::snapshot::FilePath;
use crate::stream::StreamTagName;

/// What a commit says of an image that it brought.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Told {
    pub tag: StreamTagName,
    pub digest: Digest,
    /// The commit that it was built from.
    pub revision: Option<String>,
}

/// What the commits of an environment's first-parent history, and what they merged, say of images;
/// newest first.
pub fn told(repository: &Repository, surveyed: &Surveyed) -> Result<Vec<Told>, Error> {
    let streams = surveyed.manifests.streams.iter();
    let mut files: Vec<FilePath> = streams.map(|stream| stream.document.file.clone()).collect();
    files.sort();
    files.dedup();
    let mut found = Vec::new();
    let mut failure = None;
    repository.walk_history(surveyed.snapshot.commit, &files, MAX_HISTORY, |commit| {
        match entry::messages(repository, &commit) {
            Ok(messages) => found.extend(messages.iter().flat_map(|message| of(message))),
            Err(error) => failure = Some(error),
        }
        match failure {
            Some(_) => ControlFlow::Break(()),
            None => ControlFlow::Continue(()),
        }
    })?;
    failure.map_or(Ok(found), Err)
}

/// What one message says.
pub fn of(message: &str) -> Vec<Told> {
    let sources = trailer::sources(message).into_iter();
    let told = sources.map(|(image, revision)| Told {
        tag: image.tag,
        digest: image.digest,
        revision,
    });
    told.collect()
}
