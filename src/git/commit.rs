//! Making commits without a work tree.

use git2::build::TreeUpdateBuilder;
use git2::{
    ErrorCode, FileMode, Index, IndexEntry, IndexTime, ObjectType, Oid, Repository as Raw, Tree,
};
use jiff::Timestamp;

use crate::git::ids::ObjectId;
use crate::git::signing::HEADER;
use crate::git::{Author, Error, Repository};
use crate::revision::{CommitId, TreeId};
use crate::snapshot::{FileChange, FilePath};

/// From this many files on, one index of the whole tree is faster than a change of each folder.
const MANY: usize = 100;

/// Who.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    pub name: String,
    pub email: String,
}

/// A commit to be made.
#[derive(Clone, Debug)]
pub struct NewCommit<'a> {
    pub parents: &'a [CommitId],
    /// What the changes are made to; most often the first parent's.
    pub base: TreeId,
    /// `before` must be what stands in `base`; empty where there is no file. An empty `after`
    /// removes the file.
    pub changes: &'a [FileChange],
    pub message: &'a str,
    pub author: &'a Author,
    /// Both of the author and the committer, in whole seconds and UTC: the same inputs give the
    /// same id.
    pub time: Timestamp,
}

impl Repository {
    /// Writes the commit and its files into the object database. No branch moves.
    pub fn commit(&self, new: &NewCommit<'_>) -> Result<CommitId, Error> {
        self.keep_tree(new.base.to_oid()?)?;
        let base = self.raw_tree(new.base.to_oid()?)?;
        let tree = changed_tree(&self.raw, &base, new.changes)?;
        self.write_commit(new, tree)
    }

    /// The tree without files: what a first commit is made on.
    pub fn empty_tree(&self) -> Result<TreeId, Error> {
        TreeId::from_oid(self.raw.treebuilder(None)?.write()?)
    }

    /// The one place where a commit comes into being.
    fn write_commit(&self, new: &NewCommit<'_>, tree: Oid) -> Result<CommitId, Error> {
        let tree = self.raw_tree(tree)?;
        let time = git2::Time::new(new.time.as_second(), 0);
        let Signature { name, email } = &new.author.signature;
        let author = git2::Signature::new(name, email, &time)?;
        let parents = new
            .parents
            .iter()
            .map(|id| Ok(self.raw.find_commit(id.to_oid()?)?))
            .collect::<Result<Vec<_>, Error>>()?;
        let parents: Vec<_> = parents.iter().collect();
        let Some(key) = &new.author.key else {
            let (raw, message) = (&self.raw, new.message);
            let id = raw.commit(None, &author, &author, message, &tree, &parents)?;
            return CommitId::from_oid(id);
        };
        let buffer =
            self.raw
                .commit_create_buffer(&author, &author, new.message, &tree, &parents)?;
        let text = std::str::from_utf8(&buffer)
            .map_err(|_| git2::Error::from_str("the commit is not UTF-8"))?;
        let signature = key.sign(text.as_bytes())?;
        let id = self
            .raw
            .commit_signed(text, signature.trim_end(), Some(HEADER))?;
        CommitId::from_oid(id)
    }
}

/// The tree with the changes, written into the store of `raw`.
pub(crate) fn changed_tree(
    raw: &Raw,
    base: &Tree<'_>,
    changes: &[FileChange],
) -> Result<Oid, Error> {
    if changes.is_empty() {
        return Ok(base.id());
    }
    let mut files = Vec::with_capacity(changes.len());
    for change in changes {
        let mode = check(base, change)?;
        let blob = match change.after.is_empty() {
            true => None,
            false => Some(raw.blob(&change.after)?),
        };
        files.push((&change.path, blob, mode));
    }
    if files.len() < MANY {
        let mut update = TreeUpdateBuilder::new();
        for (path, blob, mode) in files {
            match blob {
                Some(blob) => update.upsert(path.as_str(), blob, mode),
                None => update.remove(path.as_str()),
            };
        }
        return Ok(update.create_updated(raw, base)?);
    }
    let mut index = Index::new()?;
    index.read_tree(base)?;
    for (path, blob, mode) in files {
        match blob {
            Some(blob) => index.add(&index_entry(path, blob, mode))?,
            None => index.remove_path(path.as_str().as_ref())?,
        }
    }
    Ok(index.write_tree_to(raw)?)
}

/// The mode that the file keeps, when it is what the change was made from.
fn check(base: &Tree<'_>, change: &FileChange) -> Result<FileMode, Error> {
    let not_a_file = |kind| Error::NotAFile {
        path: change.path.clone(),
        kind,
    };
    let entry = match base.get_path(change.path.as_str().as_ref()) {
        Ok(entry) => entry,
        Err(error) if error.code() == ErrorCode::NotFound => {
            return check_new(base, change).map(|()| FileMode::Blob);
        }
        Err(error) => return Err(error.into()),
    };
    let mode = match (entry.kind(), entry.filemode()) {
        (Some(ObjectType::Tree), _) => return Err(not_a_file("a folder")),
        (Some(ObjectType::Commit), _) => return Err(not_a_file("a submodule")),
        (_, 0o120_000) => return Err(not_a_file("a symbolic link")),
        (_, 0o100_755) => FileMode::BlobExecutable,
        _ => FileMode::Blob,
    };
    let before = Oid::hash_object(ObjectType::Blob, &change.before)?;
    if before == entry.id() {
        Ok(mode)
    } else {
        Err(Error::Stale {
            path: change.path.clone(),
        })
    }
}

/// A new file takes the place of nothing: each folder above it is a folder, or missing.
fn check_new(base: &Tree<'_>, change: &FileChange) -> Result<(), Error> {
    if !change.before.is_empty() {
        return Err(Error::Stale {
            path: change.path.clone(),
        });
    }
    let mut folder = change.path.folder();
    while !folder.is_empty() {
        match base.get_path(folder.as_ref()) {
            Ok(entry) if entry.kind() == Some(ObjectType::Tree) => return Ok(()),
            Ok(_) => {
                return Err(Error::NotAFile {
                    path: change.path.clone(),
                    kind: "below something that is no folder",
                });
            }
            Err(_) => folder = folder.rsplit_once('/').map_or("", |(above, _)| above),
        }
    }
    Ok(())
}

fn index_entry(path: &FilePath, blob: Oid, mode: FileMode) -> IndexEntry {
    IndexEntry {
        ctime: IndexTime::new(0, 0),
        mtime: IndexTime::new(0, 0),
        dev: 0,
        ino: 0,
        mode: u32::from(mode),
        uid: 0,
        gid: 0,
        file_size: 0,
        id: blob,
        flags: 0,
        flags_extended: 0,
        path: path.as_str().as_bytes().to_vec(),
    }
}
