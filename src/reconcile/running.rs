//! Since when an environment runs what it runs.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::ControlFlow;
use std::sync::Arc;

use crate::environment::EnvironmentName;
use crate::git::{Commit, Error, Repository};
use crate::manifest::{self, FileFacts};
use crate::reconcile::entry::Entry;
use crate::reconcile::timeline::{MAX_HISTORY, Recorded};
use crate::revision::{BlobId, CommitId};
use crate::snapshot::FilePath;
use crate::stream::{ImageStream, StreamTagName};
use crate::yaml::MAX_FILE_BYTES;

/// A stream tag with an image, and where to look for the commit that brought it.
#[derive(Clone, Copy, Debug)]
pub struct Sought<'a> {
    pub environment: &'a EnvironmentName,
    pub head: CommitId,
    pub stream: &'a ImageStream,
    pub tag: &'a str,
    pub image: &'a str,
}

/// The commits that brought the images that stream tags have now. A branch is walked once, and no
/// further than to the oldest of them; none for an image that no commit has recorded.
pub fn entries(
    repository: &Repository,
    sought: &[Sought<'_>],
) -> Result<BTreeMap<(EnvironmentName, StreamTagName), Entry>, Error> {
    let mut by_head: BTreeMap<CommitId, Vec<Sought<'_>>> = BTreeMap::new();
    for one in sought {
        by_head.entry(one.head).or_default().push(*one);
    }
    let mut found = BTreeMap::new();
    let mut reader = Reader {
        repository,
        files: HashMap::new(),
    };
    for (head, mut open) in by_head {
        let paths: BTreeSet<FilePath> = open
            .iter()
            .map(|one| one.stream.document.file.clone())
            .collect();
        let paths: Vec<FilePath> = paths.into_iter().collect();
        let mut failure = None;
        repository.walk_history(head, &paths, MAX_HISTORY, |commit| {
            if let Err(error) = reader.settle(&commit, &mut open, &mut found) {
                failure = Some(error);
            }
            match open.is_empty() || failure.is_some() {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        })?;
        if let Some(error) = failure {
            return Err(error);
        }
    }
    Ok(found)
}

struct Reader<'r> {
    repository: &'r Repository,
    /// A file's older version is what the commit before it left.
    files: HashMap<BlobId, Arc<FileFacts>>,
}

impl Reader<'_> {
    /// Takes out of `open` what this commit brought.
    fn settle(
        &mut self,
        commit: &Commit,
        open: &mut Vec<Sought<'_>>,
        found: &mut BTreeMap<(EnvironmentName, StreamTagName), Entry>,
    ) -> Result<(), Error> {
        for delta in &commit.changes {
            let is_here = |one: &Sought<'_>| one.stream.document.file == delta.path;
            if !open.iter().any(is_here) {
                continue;
            }
            let before = delta.before.map(|blob| self.facts(blob)).transpose()?;
            let mut told: Option<(&EnvironmentName, Entry)> = None;
            let mut rest = Vec::new();
            for one in open.drain(..) {
                if !is_here(&one) || image_in(before.as_deref(), one).as_deref() == Some(one.image)
                {
                    rest.push(one);
                    continue;
                }
                let entry = match &told {
                    Some((environment, entry)) if *environment == one.environment => entry.clone(),
                    _ => Entry::of(self.repository, commit, one.environment)?,
                };
                told = Some((one.environment, entry.clone()));
                let name = StreamTagName {
                    stream: one.stream.name.clone(),
                    tag: one.tag.to_owned(),
                };
                found.insert((one.environment.clone(), name), entry);
            }
            *open = rest;
        }
        Ok(())
    }

    fn facts(&mut self, blob: BlobId) -> Result<Arc<FileFacts>, Error> {
        if let Some(facts) = self.files.get(&blob) {
            return Ok(Arc::clone(facts));
        }
        let facts = match self.repository.read_blob(blob, MAX_FILE_BYTES as u64) {
            Ok(bytes) => manifest::read_file(&bytes),
            Err(Error::TooLarge { .. }) => FileFacts::default(),
            Err(error) => return Err(error),
        };
        let facts = Arc::new(facts);
        self.files.insert(blob, Arc::clone(&facts));
        Ok(facts)
    }
}

fn image_in(facts: Option<&FileFacts>, one: Sought<'_>) -> Option<String> {
    let stream = facts?.streams.iter().find(|facts| {
        let namespace = facts.namespace.as_ref();
        facts.name == one.stream.name.name
            && namespace.is_none_or(|namespace| *namespace == one.stream.name.namespace)
    });
    Recorded::of(stream, one.tag).image
}
