//! Listing the files of a tree, and what differs between two trees.

use std::collections::BTreeMap;

use git2::{ObjectType, Oid, Repository as Raw, Tree};

use crate::git::ids::ObjectId;
use crate::git::{Error, FileDelta, Repository};
use crate::problem::Problem;
use crate::revision::{BlobId, TreeId};
use crate::snapshot::{EntryChange, FileEntry, FilePath};

/// Entries visited in one walk: a few hundred bytes of nested trees can describe billions.
const MAX_ENTRIES: u64 = 2_000_000;
pub(crate) const MAX_DEPTH: usize = 128;
/// A link's target is a path.
const MAX_LINK: usize = 4096;

const LINK: i32 = 0o120_000;

impl Repository {
    /// The regular files of a tree whose paths are `wanted`, in the tree's order. Links are
    /// never followed: one that is wanted and leaves the repository is a problem, one that stays
    /// inside is left out, since its target is listed itself. Submodules are left out.
    pub fn entries(
        &self,
        tree: TreeId,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<(Vec<FileEntry>, Vec<Problem>), Error> {
        let mut walk = Walk {
            repository: self,
            wanted: &wanted,
            visited: 0,
            files: Vec::new(),
            problems: Vec::new(),
        };
        walk.tree(tree.to_oid()?, &mut String::new(), 0)?;
        Ok((walk.files, walk.problems))
    }

    /// The regular files that differ between two trees, by path. Costs what differs, not what
    /// there is. None where links differ, or names that are no paths: what [`Self::entries`]
    /// reports of those must be asked anew.
    pub fn changed_entries(
        &self,
        old: TreeId,
        new: TreeId,
    ) -> Result<Option<Vec<EntryChange>>, Error> {
        let (old, new) = (old.to_oid()?, new.to_oid()?);
        let compared = compare(self.all_objects(), Some(old), Some(new));
        let (deltas, is_whole) = compared.map_err(|error| self.of_damage(error))?;
        let changes = deltas.into_iter().map(|delta| EntryChange {
            path: delta.path,
            blob: delta.after,
        });
        Ok(is_whole.then(|| changes.collect()))
    }

    /// As [`Self::tree_deltas`]; `None` is the empty tree.
    pub(crate) fn deltas(
        &self,
        old: Option<Oid>,
        new: Option<Oid>,
    ) -> Result<Vec<FileDelta>, Error> {
        deltas(&self.raw, old, new).map_err(|error| self.of_damage(error))
    }

    fn of_damage(&self, error: Error) -> Error {
        match error {
            Error::Git(error) => self.damaged(error),
            error => error,
        }
    }

    /// The files that differ between two trees, by path. Knows trees that only memory has.
    pub fn tree_deltas(&self, old: TreeId, new: TreeId) -> Result<Vec<FileDelta>, Error> {
        let (old, new) = (old.to_oid()?, new.to_oid()?);
        deltas(self.all_objects(), Some(old), Some(new)).map_err(|error| self.of_damage(error))
    }

    /// Knows trees that only memory has.
    pub(crate) fn raw_tree(&self, tree: Oid) -> Result<Tree<'_>, Error> {
        let kept = self.raw.find_tree(tree);
        let made = |error| match self.scratch.get() {
            Some(scratch) => scratch.find_tree(tree).map_err(|_| error),
            None => Err(error),
        };
        kept.or_else(made).map_err(|error| self.damaged(error))
    }

    /// With what only memory has.
    fn all_objects(&self) -> &Raw {
        self.scratch.get().unwrap_or(&self.raw)
    }
}

/// The regular files that differ, by path.
pub(crate) fn deltas(
    raw: &Raw,
    old: Option<Oid>,
    new: Option<Oid>,
) -> Result<Vec<FileDelta>, Error> {
    compare(raw, old, new).map(|(deltas, _)| deltas)
}

/// The regular files that differ, and whether nothing else differs.
fn compare(raw: &Raw, old: Option<Oid>, new: Option<Oid>) -> Result<(Vec<FileDelta>, bool), Error> {
    let mut comparison = Comparison {
        raw,
        visited: 0,
        deltas: Vec::new(),
        is_whole: true,
    };
    comparison.trees(old, new, &mut String::new(), 0)?;
    comparison.deltas.sort_by(|a, b| a.path.cmp(&b.path));
    Ok((comparison.deltas, comparison.is_whole))
}

fn count(visited: &mut u64, entries: usize, depth: usize) -> Result<(), Error> {
    *visited = visited.saturating_add(entries as u64);
    if *visited > MAX_ENTRIES {
        return Err(Error::TooLarge {
            what: "the number of files".to_owned(),
            limit: MAX_ENTRIES,
        });
    }
    if depth > MAX_DEPTH {
        return Err(Error::TooLarge {
            what: "the depth of the folders".to_owned(),
            limit: MAX_DEPTH as u64,
        });
    }
    Ok(())
}

struct Walk<'a, W> {
    repository: &'a Repository,
    wanted: &'a W,
    visited: u64,
    files: Vec<FileEntry>,
    problems: Vec<Problem>,
}

impl<W: Fn(&str) -> bool> Walk<'_, W> {
    /// `path` is the folder with its `/`, or empty; it is the same again afterwards.
    fn tree(&mut self, tree: Oid, path: &mut String, depth: usize) -> Result<(), Error> {
        let tree = self.repository.raw_tree(tree)?;
        count(&mut self.visited, tree.len(), depth)?;
        let folder = path.len();
        for entry in &tree {
            path.push_str(&String::from_utf8_lossy(entry.name_bytes()));
            match entry.kind() {
                Some(ObjectType::Tree) => {
                    path.push('/');
                    self.tree(entry.id(), path, depth + 1)?;
                }
                Some(ObjectType::Blob) if (self.wanted)(path) => {
                    let is_utf8 = std::str::from_utf8(entry.name_bytes()).is_ok();
                    self.file(path, is_utf8, entry.filemode() == LINK, entry.id())?;
                }
                _ => {}
            }
            path.truncate(folder);
        }
        Ok(())
    }

    fn file(&mut self, path: &str, is_utf8: bool, is_link: bool, id: Oid) -> Result<(), Error> {
        let Some(path) = path.parse::<FilePath>().ok().filter(|_| is_utf8) else {
            let shown = path.escape_debug();
            self.problems.push(Problem::warning(
                None,
                format!("`{shown}` is not read: it is not a safe path"),
            ));
            return Ok(());
        };
        if !is_link {
            let blob = BlobId::from_oid(id)?;
            self.files.push(FileEntry { path, blob });
        } else if !self.stays_inside(&path, id)? {
            self.problems.push(Problem::error(
                None,
                format!("{path} is a symbolic link out of the repository; it is not read"),
            ));
        }
        Ok(())
    }

    fn stays_inside(&self, link: &FilePath, target: Oid) -> Result<bool, Error> {
        let raw = &self.repository.raw;
        let (size, _) = raw.odb()?.read_header(target)?;
        if size > MAX_LINK {
            return Ok(false);
        }
        let blob = raw
            .find_blob(target)
            .map_err(|error| self.repository.damaged(error))?;
        let target = String::from_utf8_lossy(blob.content());
        Ok(!target.starts_with('/') && FilePath::resolve(link.folder(), &target).is_ok())
    }
}

struct Comparison<'a> {
    raw: &'a Raw,
    visited: u64,
    deltas: Vec<FileDelta>,
    /// No link differs, and no name that is no path.
    is_whole: bool,
}

/// An entry of a tree that matters in a comparison.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Folder(Oid),
    File(Oid),
    Link(Oid),
}

impl Side {
    fn folder(self) -> Option<Oid> {
        match self {
            Self::Folder(id) => Some(id),
            Self::File(_) | Self::Link(_) => None,
        }
    }

    fn file(self) -> Option<Oid> {
        match self {
            Self::File(id) => Some(id),
            Self::Folder(_) | Self::Link(_) => None,
        }
    }
}

impl Comparison<'_> {
    fn trees(
        &mut self,
        old: Option<Oid>,
        new: Option<Oid>,
        path: &mut String,
        depth: usize,
    ) -> Result<(), Error> {
        if old == new {
            return Ok(());
        }
        let mut names: BTreeMap<Vec<u8>, (Option<Side>, Option<Side>)> = BTreeMap::new();
        self.fill(old, depth, |name, side| {
            names.entry(name).or_default().0 = Some(side);
        })?;
        self.fill(new, depth, |name, side| {
            names.entry(name).or_default().1 = Some(side);
        })?;
        let folder = path.len();
        for (name, (old, new)) in names {
            if old == new {
                continue;
            }
            let is_link = |side| matches!(side, Some(Side::Link(_)));
            self.is_whole &= !is_link(old) && !is_link(new);
            // Names that are not text are no files of ours.
            let Ok(name) = std::str::from_utf8(&name) else {
                self.is_whole = false;
                continue;
            };
            path.push_str(name);
            let before = old.and_then(Side::file);
            let after = new.and_then(Side::file);
            if before != after {
                self.file(path, before, after)?;
            }
            path.push('/');
            self.trees(
                old.and_then(Side::folder),
                new.and_then(Side::folder),
                path,
                depth + 1,
            )?;
            path.truncate(folder);
        }
        Ok(())
    }

    fn fill(
        &mut self,
        tree: Option<Oid>,
        depth: usize,
        mut put: impl FnMut(Vec<u8>, Side),
    ) -> Result<(), Error> {
        let Some(tree) = tree else {
            return Ok(());
        };
        let tree = self.raw.find_tree(tree)?;
        count(&mut self.visited, tree.len(), depth)?;
        for entry in &tree {
            let side = match entry.kind() {
                Some(ObjectType::Tree) => Side::Folder(entry.id()),
                Some(ObjectType::Blob) if entry.filemode() == LINK => Side::Link(entry.id()),
                Some(ObjectType::Blob) => Side::File(entry.id()),
                _ => continue,
            };
            put(entry.name_bytes().to_vec(), side);
        }
        Ok(())
    }

    fn file(&mut self, path: &str, before: Option<Oid>, after: Option<Oid>) -> Result<(), Error> {
        let Ok(path) = path.parse() else {
            self.is_whole = false;
            return Ok(());
        };
        self.deltas.push(FileDelta {
            path,
            before: before.map(BlobId::from_oid).transpose()?,
            after: after.map(BlobId::from_oid).transpose()?,
        });
        Ok(())
    }
}
