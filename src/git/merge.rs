//! Merging two commits in memory.

use git2::{ErrorCode, IndexEntry, MergeOptions, ObjectType, Oid, Repository as Raw};

use crate::git::commit::changed_tree;
use crate::git::ids::ObjectId;
use crate::git::repository::open_error;
use crate::git::trees::{MAX_DEPTH, deltas};
use crate::git::{Error, FileDelta, Repository};
use crate::revision::{CommitId, TreeId};
use crate::snapshot::{FileChange, FilePath};

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

/// A tree, with other contents of some of its files.
#[derive(Clone, Copy, Debug)]
pub struct EditedTree<'a> {
    pub tree: TreeId,
    pub changes: &'a [FileChange],
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

    /// Merges by lines what `theirs` has changed since `base` into `ours`; else gives the files that
    /// both sides changed. Links, modes and empty files come along. Without a base both sides have
    /// made all that they have. The tree stays in memory until [`Self::commit`] is made on it.
    pub fn merge_edited(
        &self,
        base: Option<EditedTree<'_>>,
        ours: TreeId,
        theirs: EditedTree<'_>,
    ) -> Result<Result<TreeId, Vec<FilePath>>, Error> {
        let scratch = self.scratch()?;
        let edited = |side: EditedTree<'_>| {
            let tree = scratch.find_tree(side.tree.to_oid()?)?;
            let id = changed_tree(scratch, &tree, side.changes)?;
            Ok::<_, Error>(scratch.find_tree(id)?)
        };
        let base = match base {
            Some(base) => edited(base)?,
            None => scratch.find_tree(scratch.treebuilder(None)?.write()?)?,
        };
        let ours = scratch.find_tree(ours.to_oid()?)?;
        let theirs = edited(theirs)?;
        let mut index = scratch.merge_trees(&base, &ours, &theirs, Some(&MergeOptions::new()))?;
        if index.has_conflicts() {
            return Ok(Err(conflicts(&index)?));
        }
        TreeId::from_oid(index.write_tree_to(scratch)?).map(Ok)
    }

    /// The newest commit that both histories have.
    pub fn merge_base(&self, one: CommitId, other: CommitId) -> Result<Option<CommitId>, Error> {
        match self.raw.merge_base(one.to_oid()?, other.to_oid()?) {
            Ok(base) => CommitId::from_oid(base).map(Some),
            Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
            Err(error) => Err(self.damaged(error)),
        }
    }

    /// Whether `commit` is in the history of `head`, or is it. One that is not here is in none.
    pub fn is_in_history(&self, commit: CommitId, head: CommitId) -> Result<bool, Error> {
        let (commit, head) = (commit.to_oid()?, head.to_oid()?);
        if commit == head {
            return Ok(true);
        }
        if !self.raw.odb()?.exists(commit) {
            return Ok(false);
        }
        self.raw
            .graph_descendant_of(head, commit)
            .map_err(|error| self.damaged(error))
    }

    /// Writes what only memory has of a tree.
    pub(crate) fn keep_tree(&self, tree: Oid) -> Result<(), Error> {
        match self.scratch.get() {
            Some(scratch) => keep_tree(&self.raw, scratch, tree, 0),
            None => Ok(()),
        }
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
    pub(crate) fn scratch(&self) -> Result<&Raw, Error> {
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

fn keep_tree(raw: &Raw, scratch: &Raw, tree: Oid, depth: usize) -> Result<(), Error> {
    let (kept, made) = (raw.odb()?, scratch.odb()?);
    if kept.exists(tree) {
        return Ok(());
    }
    if depth > MAX_DEPTH {
        return Err(Error::TooLarge {
            what: "the depth of the folders".to_owned(),
            limit: MAX_DEPTH as u64,
        });
    }
    for entry in &scratch.find_tree(tree)? {
        match entry.kind() {
            Some(ObjectType::Tree) => keep_tree(raw, scratch, entry.id(), depth + 1)?,
            Some(ObjectType::Blob) if !kept.exists(entry.id()) => {
                let object = made.read(entry.id())?;
                kept.write(object.kind(), object.data())?;
            }
            // A submodule's commit is in another repository.
            _ => {}
        }
    }
    let object = made.read(tree)?;
    kept.write(object.kind(), object.data())?;
    Ok(())
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
