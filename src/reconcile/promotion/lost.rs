//! What a promotion brought and somebody took back: the next merge does not bring it again, since
//! the source has not changed it since.

use std::collections::BTreeSet;

use crate::git::{Error, Repository};
use crate::plan::promotion::LostFile;
use crate::policy::OperatorPolicy;
use crate::reconcile::cache::Cache;
use crate::reconcile::promotion::landing::Landing;
use crate::reconcile::promotion::merge::{Side, with_own_bytes};
use crate::revision::CommitId;
use crate::snapshot::{FilePath, Snapshot};

/// Files that are looked at.
const MAX_FILES: usize = 1_000;
/// Commits since the promotion that are looked at.
const MAX_COMMITS: usize = 5_000;

/// The files that the promotion changed and that are in `target` as they were before it, beside the
/// bot's bytes.
pub fn lost(
    repository: &Repository,
    cache: &mut Cache,
    operator: &OperatorPolicy,
    landing: &Landing,
    target: &Snapshot,
) -> Result<Vec<LostFile>, Error> {
    if landing.commit == target.commit {
        return Ok(Vec::new());
    }
    let after = repository.tree_of(landing.commit)?;
    let before = match parent(repository, landing.commit)? {
        Some(parent) => repository.tree_of(parent)?,
        None => return Ok(Vec::new()),
    };
    let brought = repository.tree_deltas(before, after)?;
    let since = repository.tree_deltas(after, target.tree)?;
    let changed: BTreeSet<&FilePath> = since.iter().map(|delta| &delta.path).collect();
    let paths: BTreeSet<FilePath> = brought
        .iter()
        .map(|delta| &delta.path)
        .filter(|path| changed.contains(*path))
        .take(MAX_FILES)
        .cloned()
        .collect();
    if paths.is_empty() {
        return Ok(Vec::new());
    }
    let now = Side::read(repository, cache, operator, target.tree)?;
    let was = Side::read(repository, cache, operator, before)?;
    let came = Side::read(repository, cache, operator, after)?;
    let own = now.files(repository, &paths)?;
    let as_it_is_now = |side: &Side| -> Result<_, Error> {
        let mut files = side.files(repository, &paths)?;
        let changes = with_own_bytes(repository, &now, side, &paths)?.unwrap_or_default();
        files.extend(
            changes
                .into_iter()
                .map(|change| (change.path, change.after)),
        );
        Ok(files)
    };
    let (was, came) = (as_it_is_now(&was)?, as_it_is_now(&came)?);
    let is_lost =
        |path: &&FilePath| was.get(*path) == own.get(*path) && came.get(*path) != own.get(*path);
    let mut lost = Vec::new();
    for path in paths.iter().filter(is_lost) {
        let history = repository.history(target.commit, std::slice::from_ref(path), MAX_COMMITS)?;
        if let Some(commit) = history.commits.first() {
            lost.push(LostFile {
                path: path.clone(),
                commit: commit.id,
                author: commit.author.name.clone(),
                time: commit.time,
            });
        }
    }
    Ok(lost)
}

fn parent(repository: &Repository, commit: CommitId) -> Result<Option<CommitId>, Error> {
    let found = repository.first_parents(commit, 1, |_| true)?;
    Ok(found
        .first()
        .and_then(|commit| commit.parents.first().copied()))
}
