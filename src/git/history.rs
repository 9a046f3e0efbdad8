//! Commits, what they changed, and how files came to be as they are.

use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;
use std::rc::Rc;

use git2::{ObjectType, Oid, Sort};
use jiff::Timestamp;

use crate::git::ids::ObjectId;
use crate::git::rename::FileAt;
use crate::git::{Error, Repository, Signature};
use crate::revision::{BlobId, CommitId, TreeId};
use crate::snapshot::FilePath;

/// A commit, and files that it changed against its first parent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    pub id: CommitId,
    pub parents: Vec<CommitId>,
    pub tree: TreeId,
    pub author: Signature,
    pub committer: Signature,
    /// When it was committed.
    pub time: Timestamp,
    /// What is not UTF-8 in it is replaced.
    pub message: String,
    /// By path. From [`Repository::commits_between`]: all; from [`Repository::history`]: of the
    /// files that were asked for.
    pub changes: Vec<FileDelta>,
}

/// A regular file before and after a commit; `None`: there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileDelta {
    pub path: FilePath,
    pub before: Option<BlobId>,
    pub after: Option<BlobId>,
}

/// What [`Repository::history`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// Newest first; only commits that changed one of the files.
    pub commits: Vec<Commit>,
    /// Whether the first commit was reached, and not a limit or a shallow end.
    pub complete: bool,
}

impl Repository {
    /// The commits that `head` has and `tip` has not, newest first, with all their changes.
    /// More than `limit` of them is [`Error::TooLarge`].
    pub fn commits_between(
        &self,
        tip: CommitId,
        head: CommitId,
        limit: usize,
    ) -> Result<Vec<Commit>, Error> {
        let found = self.walk_between(self.raw.revwalk()?, tip, head, limit + 1)?;
        within(found, limit, tip, head)?
            .iter()
            .map(|commit| self.with_changes(commit))
            .collect()
    }

    /// Those of [`Self::commits_between`] that are reached by first parents: what merges brought is
    /// left out.
    pub fn first_parents_between(
        &self,
        tip: CommitId,
        head: CommitId,
        limit: usize,
    ) -> Result<Vec<Commit>, Error> {
        let found = self.newest_first_parents(tip, head, limit + 1)?;
        within(found, limit, tip, head)?
            .into_iter()
            .map(|commit| {
                let id = self.raw_commit(commit.id.to_oid()?)?;
                self.with_changes(&id)
            })
            .collect()
    }

    /// The newest of those, without changes, at most `limit`.
    pub fn newest_first_parents(
        &self,
        tip: CommitId,
        head: CommitId,
        limit: usize,
    ) -> Result<Vec<Commit>, Error> {
        let mut walk = self.raw.revwalk()?;
        walk.simplify_first_parent()?;
        let found = self.walk_between(walk, tip, head, limit)?;
        found
            .iter()
            .map(|commit| described(commit, Vec::new()))
            .collect()
    }

    /// The first-parent history of `head`, newest first and without changes, until `is_last` says
    /// so of a commit, which is the last one then; at most `limit` commits.
    pub fn first_parents(
        &self,
        head: CommitId,
        limit: usize,
        mut is_last: impl FnMut(&Commit) -> bool,
    ) -> Result<Vec<Commit>, Error> {
        let mut commits = Vec::new();
        let mut next = Some(self.raw_commit(head.to_oid()?)?);
        while let Some(commit) = next.take().filter(|_| commits.len() < limit) {
            let found = described(&commit, Vec::new())?;
            if !is_last(&found)
                && let Parent::Commit(parent) = self.first_parent(&commit)?
            {
                next = Some(parent);
            }
            commits.push(found);
        }
        Ok(commits)
    }

    fn walk_between(
        &self,
        mut walk: git2::Revwalk<'_>,
        tip: CommitId,
        head: CommitId,
        limit: usize,
    ) -> Result<Vec<git2::Commit<'_>>, Error> {
        walk.set_sorting(Sort::TOPOLOGICAL | Sort::TIME)?;
        walk.push(head.to_oid()?)
            .map_err(|error| self.damaged(error))?;
        walk.hide(tip.to_oid()?)
            .map_err(|error| self.damaged(error))?;
        walk.take(limit)
            .map(|id| self.raw_commit(id.map_err(|error| self.damaged(error))?))
            .collect()
    }

    fn with_changes(&self, commit: &git2::Commit<'_>) -> Result<Commit, Error> {
        let parent = commit.parent_ids().next();
        let parent = parent.map(|id| self.raw_commit(id)).transpose()?;
        let before = parent.map(|parent| parent.tree_id());
        let changes = self.deltas(before, Some(commit.tree_id()))?;
        described(commit, changes)
    }

    /// How `paths` changed along the first parents of `head`. Looks at most at `limit` commits.
    /// Folders that a commit did not touch are not looked into. A file that was moved is followed
    /// to where it was, under the path that was asked for.
    pub fn history(
        &self,
        head: CommitId,
        paths: &[FilePath],
        limit: usize,
    ) -> Result<History, Error> {
        let mut commits = Vec::new();
        let complete = self.walk_history(head, paths, limit, |commit| {
            commits.push(commit);
            ControlFlow::Continue(())
        })?;
        Ok(History { commits, complete })
    }

    /// As [`Self::history`], one commit after the other until `visit` has seen enough. Gives
    /// whether the first commit was reached.
    pub fn walk_history(
        &self,
        head: CommitId,
        paths: &[FilePath],
        limit: usize,
        mut visit: impl FnMut(Commit) -> ControlFlow<()>,
    ) -> Result<bool, Error> {
        let mut wanted = Wanted::new(paths);
        let mut trees = RecentTrees::default();
        let mut next = Some(self.raw_commit(head.to_oid()?)?);
        for _ in 0..limit {
            let Some(commit) = next else {
                break;
            };
            let parent = self.first_parent(&commit)?;
            let mut changes = Vec::new();
            trees.turn();
            let before = match &parent {
                Parent::Commit(parent) => Some(parent.tree_id()),
                Parent::None => None,
                Parent::BeyondShallow => return Ok(false),
            };
            self.compare(
                &wanted,
                (before, Some(commit.tree_id())),
                &mut trees,
                &mut changes,
            )?;
            if let Some(before) = before {
                self.follow_renames(&mut wanted, (before, commit.tree_id()), &mut changes)?;
            }
            if !changes.is_empty() {
                changes.sort_by(|a: &FileDelta, b| a.path.cmp(&b.path));
                if visit(described(&commit, changes)?).is_break() {
                    return Ok(false);
                }
            }
            next = match parent {
                Parent::Commit(parent) => Some(parent),
                _ => None,
            };
        }
        Ok(next.is_none())
    }

    /// The message of a commit; what is not UTF-8 in it is replaced.
    pub fn message(&self, commit: CommitId) -> Result<String, Error> {
        let commit = self.raw_commit(commit.to_oid()?)?;
        Ok(String::from_utf8_lossy(commit.message_raw_bytes()).into_owned())
    }

    /// A file that a commit made may have stood elsewhere before.
    fn follow_renames(
        &self,
        wanted: &mut Wanted,
        trees: (Oid, Oid),
        changes: &mut [FileDelta],
    ) -> Result<(), Error> {
        let added: Vec<FileAt> = changes
            .iter()
            .filter(|change| change.before.is_none())
            .filter_map(|change| Some((wanted.place(&change.path).clone(), change.after?)))
            .collect();
        let sources = self.renames(trees, &added)?;
        for change in changes {
            if let Some((from, before)) = sources.get(wanted.place(&change.path))
                && change.before.is_none()
            {
                change.before = Some(*before);
                wanted.moved(&change.path, from);
            }
        }
        Ok(())
    }

    fn first_parent(&self, commit: &git2::Commit<'_>) -> Result<Parent<'_>, Error> {
        match commit.parent_ids().next() {
            Some(id) => self.raw_commit(id).map(Parent::Commit),
            None if is_cut_off(commit) => Ok(Parent::BeyondShallow),
            None => Ok(Parent::None),
        }
    }

    fn raw_commit(&self, id: Oid) -> Result<git2::Commit<'_>, Error> {
        self.raw
            .find_commit(id)
            .map_err(|error| self.damaged(error))
    }

    fn compare<'r>(
        &'r self,
        wanted: &Wanted,
        (old, new): (Option<Oid>, Option<Oid>),
        trees: &mut RecentTrees<'r>,
        changes: &mut Vec<FileDelta>,
    ) -> Result<(), Error> {
        if old == new {
            return Ok(());
        }
        let old = old.map(|tree| trees.get(self, tree)).transpose()?;
        let new = new.map(|tree| trees.get(self, tree)).transpose()?;
        for (name, below) in &wanted.names {
            let before = Entry::of(old.as_deref(), name);
            let after = Entry::of(new.as_deref(), name);
            if before.file != after.file {
                for path in &below.paths {
                    changes.push(FileDelta {
                        path: path.clone(),
                        before: before.file.map(BlobId::from_oid).transpose()?,
                        after: after.file.map(BlobId::from_oid).transpose()?,
                    });
                }
            }
            if !below.names.is_empty() {
                self.compare(below, (before.folder, after.folder), trees, changes)?;
            }
        }
        Ok(())
    }
}

/// The trees of the commit that was looked at last: what stood before one commit is what the next
/// older one made.
#[derive(Default)]
struct RecentTrees<'r> {
    now: HashMap<Oid, Rc<git2::Tree<'r>>>,
    last: HashMap<Oid, Rc<git2::Tree<'r>>>,
}

impl<'r> RecentTrees<'r> {
    fn turn(&mut self) {
        self.last = std::mem::take(&mut self.now);
    }

    fn get(&mut self, repository: &'r Repository, id: Oid) -> Result<Rc<git2::Tree<'r>>, Error> {
        if let Some(tree) = self.now.get(&id) {
            return Ok(Rc::clone(tree));
        }
        let tree = match self.last.get(&id) {
            Some(tree) => Rc::clone(tree),
            None => Rc::new(repository.raw_tree(id)?),
        };
        self.now.insert(id, Rc::clone(&tree));
        Ok(tree)
    }
}

fn within<T>(found: Vec<T>, limit: usize, tip: CommitId, head: CommitId) -> Result<Vec<T>, Error> {
    if found.len() <= limit {
        return Ok(found);
    }
    Err(Error::TooLarge {
        what: format!(
            "the number of commits from {} to {}",
            tip.short(),
            head.short()
        ),
        limit: limit as u64,
    })
}

enum Parent<'a> {
    Commit(git2::Commit<'a>),
    /// This is the first commit.
    None,
    BeyondShallow,
}

/// libgit2 hides the parents that a shallow clone does not have; the commit still names them.
fn is_cut_off(commit: &git2::Commit<'_>) -> bool {
    let header = commit.raw_header_bytes();
    header
        .split(|byte| *byte == b'\n')
        .any(|line| line.starts_with(b"parent "))
}

/// Paths as a tree of their parts.
#[derive(Default)]
struct Wanted {
    /// Those that were asked for and stood here.
    paths: Vec<FilePath>,
    names: BTreeMap<String, Wanted>,
    /// Where the files that were moved stood before; in the root only.
    places: BTreeMap<FilePath, FilePath>,
}

impl Wanted {
    fn new(paths: &[FilePath]) -> Self {
        let mut root = Self::default();
        for path in paths {
            root.leaf(path).paths.push(path.clone());
        }
        root
    }

    fn leaf(&mut self, path: &FilePath) -> &mut Self {
        path.as_str().split('/').fold(self, |node, part| {
            node.names.entry(part.to_owned()).or_default()
        })
    }

    fn place<'a>(&'a self, path: &'a FilePath) -> &'a FilePath {
        self.places.get(path).unwrap_or(path)
    }

    /// What was asked for as `path` stood at `from` before.
    fn moved(&mut self, path: &FilePath, from: &FilePath) {
        let place = self.place(path).clone();
        self.leaf(&place).paths.retain(|other| other != path);
        self.leaf(from).paths.push(path.clone());
        self.places.insert(path.clone(), from.clone());
    }
}

#[derive(Default)]
struct Entry {
    file: Option<Oid>,
    folder: Option<Oid>,
}

impl Entry {
    fn of(tree: Option<&git2::Tree<'_>>, name: &str) -> Self {
        let Some(entry) = tree.and_then(|tree| tree.get_name(name)) else {
            return Self::default();
        };
        let is_file = entry.kind() == Some(ObjectType::Blob) && entry.filemode() != 0o120_000;
        let is_folder = entry.kind() == Some(ObjectType::Tree);
        Self {
            file: is_file.then(|| entry.id()),
            folder: is_folder.then(|| entry.id()),
        }
    }
}

fn described(commit: &git2::Commit<'_>, changes: Vec<FileDelta>) -> Result<Commit, Error> {
    let seconds = commit.time().seconds();
    Ok(Commit {
        id: CommitId::from_oid(commit.id())?,
        parents: commit
            .parent_ids()
            .map(CommitId::from_oid)
            .collect::<Result<_, _>>()?,
        tree: TreeId::from_oid(commit.tree_id())?,
        author: signature(&commit.author()),
        committer: signature(&commit.committer()),
        // A commit may claim any time; one that is no time is the epoch.
        time: Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH),
        message: String::from_utf8_lossy(commit.message_raw_bytes()).into_owned(),
        changes,
    })
}

fn signature(signature: &git2::Signature<'_>) -> Signature {
    Signature {
        name: String::from_utf8_lossy(signature.name_bytes()).into_owned(),
        email: String::from_utf8_lossy(signature.email_bytes()).into_owned(),
    }
}
