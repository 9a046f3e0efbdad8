//! The history of files through renames.

use std::collections::{BTreeMap, BTreeSet};

use crate::git::{Commit, Error, FileDelta, Repository};
use crate::revision::{BlobId, CommitId};
use crate::snapshot::FilePath;

/// Names that one file had, one after another.
const MAX_NAMES: usize = 5;
/// Commits that are looked at for renames.
const MAX_BIRTHS: usize = 200;

/// A file of today had another name before a commit.
struct Rename {
    today: FilePath,
    old: FilePath,
    commit: CommitId,
}

/// The commits on the first-parent history of `head` that changed one of `paths`, newest first.
/// What happened to a file under an earlier name stands under today's; a rename is known where
/// it left the content as it was.
pub fn history(
    repository: &Repository,
    head: CommitId,
    paths: &BTreeSet<&FilePath>,
    limit: usize,
) -> Result<Vec<Commit>, Error> {
    let mut asked: Vec<FilePath> = paths.iter().map(|path| (*path).clone()).collect();
    let mut commits = repository.history(head, &asked, limit)?.commits;
    let mut renames: Vec<Rename> = Vec::new();
    let mut looked_at = BTreeMap::new();
    for _ in 1..MAX_NAMES {
        let found = new_renames(repository, &commits, &asked, &renames, &mut looked_at)?;
        if found.is_empty() {
            break;
        }
        asked.extend(found.iter().map(|rename| rename.old.clone()));
        renames.extend(found);
        commits = repository.history(head, &asked, limit)?.commits;
    }
    under_todays_names(&mut commits, paths, &renames);
    Ok(commits)
}

/// The names before the commits in which files of `asked` came into being.
fn new_renames(
    repository: &Repository,
    commits: &[Commit],
    asked: &[FilePath],
    known: &[Rename],
    looked_at: &mut BTreeMap<CommitId, BTreeMap<BlobId, FilePath>>,
) -> Result<Vec<Rename>, Error> {
    let mut oldest: BTreeMap<&FilePath, (&Commit, &FileDelta)> = BTreeMap::new();
    for commit in commits {
        for delta in &commit.changes {
            oldest.insert(&delta.path, (commit, delta));
        }
    }
    let mut renames = Vec::new();
    for path in asked {
        let Some((
            commit,
            FileDelta {
                before: None,
                after: Some(blob),
                ..
            },
        )) = oldest.get(path)
        else {
            continue;
        };
        if commit.parents.is_empty()
            || known
                .iter()
                .any(|rename| rename.commit == commit.id && rename.today == *path)
        {
            continue;
        }
        if !looked_at.contains_key(&commit.id) {
            if looked_at.len() == MAX_BIRTHS {
                continue;
            }
            looked_at.insert(commit.id, removed_files(repository, commit.id)?);
        }
        let old = looked_at
            .get(&commit.id)
            .and_then(|removed| removed.get(blob));
        let Some(old) = old.filter(|old| !asked.contains(old)) else {
            continue;
        };
        // A name before an earlier name is one of today's file too.
        let today = known
            .iter()
            .find(|rename| rename.old == *path)
            .map_or(path, |rename| &rename.today);
        renames.push(Rename {
            today: today.clone(),
            old: old.clone(),
            commit: commit.id,
        });
    }
    Ok(renames)
}

/// The files that a commit removed, by what was in them.
fn removed_files(
    repository: &Repository,
    commit: CommitId,
) -> Result<BTreeMap<BlobId, FilePath>, Error> {
    let changes = repository.commit_at(commit)?.changes;
    Ok(changes
        .into_iter()
        .filter(|delta| delta.after.is_none())
        .filter_map(|delta| Some((delta.before?, delta.path)))
        .collect())
}

fn under_todays_names(commits: &mut [Commit], paths: &BTreeSet<&FilePath>, renames: &[Rename]) {
    let mut in_force: Vec<&Rename> = Vec::new();
    for commit in commits {
        let mut changes = Vec::new();
        for delta in &commit.changes {
            if paths.contains(&delta.path) {
                changes.push(delta.clone());
            }
            // What came after the rename, under the old name, is another file.
            for rename in in_force.iter().filter(|rename| rename.old == delta.path) {
                changes.push(FileDelta {
                    path: rename.today.clone(),
                    ..delta.clone()
                });
            }
        }
        commit.changes = changes;
        in_force.extend(renames.iter().filter(|rename| rename.commit == commit.id));
    }
}
