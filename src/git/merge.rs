//! Merging two commits in memory.

use git2::{ErrorCode, IndexEntry, MergeOptions, Oid, Repository as Raw};

use crate::git::ids::ObjectId;
use crate::git::repository::open_error;
use crate::git::trees::deltas;
use crate::git::{Error, FileDelta, Repository};
use crate::revision::{CommitId, TreeId};
use crate::snapshot::FilePath;

/// Above the priorities of libgit2's own stores, so that what a merge makes up stays in memory.
const MEMORY_FIRST: i32 = 1000;

/// What merging one commit into another gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Merge {
    /// The files that differ from the tip's afterwards, by path; none: the tip has it all.
    /// [`Repository::read_blob`] knows the blobs, also those that only the merge made.
    Clean(Vec<FileDelta>),
    /// The files that both sides changed, by path.
    Conflict(Vec<FilePath>),
}

impl Repository {
    /// Merges `head` into `tip`, by lines. Nothing is written.
    pub fn merge(&self, tip: CommitId, head: CommitId) -> Result<Merge, Error> {
        let (tip, head) = (tip.to_oid()?, head.to_oid()?);
        let base = match self.raw.merge_base(tip, head) {
            Ok(base) => Some(base),
            Err(error) if error.code() == ErrorCode::NotFound => None,
            Err(error) => return Err(self.damaged(error)),
        };
        if base == Some(head) {
            return Ok(Merge::Clean(Vec::new()));
        }
        self.merge_in_memory(tip, head, base == Some(tip))
            .map_err(|error| match error {
                Error::Git(error) => self.damaged(error),
                error => error,
            })
    }

    /// The tree that merging `head` into `tip` by lines gives, written into the object database;
    /// else the files that both sides changed. Links, modes and empty files come along.
    pub fn merged_tree(
        &self,
        tip: CommitId,
        head: CommitId,
    ) -> Result<Result<TreeId, Vec<FilePath>>, Error> {
        match merged_tree_in(&self.raw, tip.to_oid()?, head.to_oid()?)? {
            Ok(tree) => TreeId::from_oid(tree).map(Ok),
            Err(conflicts) => Ok(Err(conflicts)),
        }
    }

    /// Whether `tree` is what merging `head` into `tip` by lines gives, in every entry. Nothing is
    /// written.
    pub fn is_clean_merge(
        &self,
        tip: CommitId,
        head: CommitId,
        tree: TreeId,
    ) -> Result<bool, Error> {
        let merged = merged_tree_in(self.scratch()?, tip.to_oid()?, head.to_oid()?)?;
        Ok(merged == Ok(tree.to_oid()?))
    }

    fn merge_in_memory(&self, tip: Oid, head: Oid, fast_forward: bool) -> Result<Merge, Error> {
        let scratch = self.scratch()?;
        let merged = if fast_forward {
            scratch.find_commit(head)?.tree_id()
        } else {
            match merged_tree_in(scratch, tip, head)? {
                Ok(tree) => tree,
                Err(conflicts) => return Ok(Merge::Conflict(conflicts)),
            }
        };
        let ours = scratch.find_commit(tip)?.tree_id();
        Ok(Merge::Clean(deltas(scratch, Some(ours), Some(merged))?))
    }

    /// The same repository again, with a store in memory that takes all new objects.
    fn scratch(&self) -> Result<&Raw, Error> {
        if let Some(scratch) = self.scratch.get() {
            return Ok(scratch);
        }
        let folder = self.raw.path();
        let raw = Raw::open(folder).map_err(|error| open_error(error, folder))?;
        raw.odb()?.add_new_mempack_backend(MEMORY_FIRST)?;
        Ok(self.scratch.get_or_init(|| raw))
    }
}

/// The merged tree, written into the store of `raw`; else the files that both sides changed.
fn merged_tree_in(raw: &Raw, tip: Oid, head: Oid) -> Result<Result<Oid, Vec<FilePath>>, Error> {
    let (ours, theirs) = (raw.find_commit(tip)?, raw.find_commit(head)?);
    let mut index = raw.merge_commits(&ours, &theirs, Some(&MergeOptions::new()))?;
    if index.has_conflicts() {
        return Ok(Err(conflicts(&index)?));
    }
    Ok(Ok(index.write_tree_to(raw)?))
}

fn conflicts(index: &git2::Index) -> Result<Vec<FilePath>, Error> {
    let mut paths = Vec::new();
    for conflict in index.conflicts()? {
        let conflict = conflict?;
        let sides = [conflict.our, conflict.their, conflict.ancestor];
        paths.extend(sides.iter().flatten().filter_map(path_of));
    }
    paths.sort();
    paths.dedup();
    Ok(paths)
}

fn path_of(entry: &IndexEntry) -> Option<FilePath> {
    std::str::from_utf8(&entry.path).ok()?.parse().ok()
}
