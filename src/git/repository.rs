//! Opening a repository, and its branches.

use std::cell::OnceCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use git2::{ErrorCode, Repository as Raw, RepositoryInitOptions, RepositoryOpenFlags};

use crate::git::ids::ObjectId;
use crate::git::mirror::Mirror;
use crate::git::{Error, Location, Options, Timeouts, prepare};
use crate::revision::{BranchName, CommitId, TreeId};
use crate::snapshot::Snapshot;
use crate::tally::Tally;

/// A repository's objects and branches.
pub struct Repository {
    pub(crate) raw: Raw,
    /// As people know it: the path or the URL.
    pub(crate) name: String,
    /// Holds what merges make up, in memory only.
    pub(crate) scratch: OnceCell<Raw>,
    /// None: this is a repository of the user's own.
    pub(crate) mirror: Option<Mirror>,
    /// Counts pushes, under no host where they go nowhere else.
    pub(crate) tally: Arc<Tally>,
}

impl std::fmt::Debug for Repository {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Repository({})", self.name)
    }
}

impl Repository {
    /// A local repository in place; of a remote one, the mirror in the cache, brought up to date.
    pub fn open(location: &Location, options: &Options) -> Result<Self, Error> {
        match location {
            Location::Local(path) => {
                let mut repository = Self::open_local(path)?;
                repository.tally = Arc::clone(&options.tally);
                Ok(repository)
            }
            Location::Remote(url) => Self::open_mirror(url, options),
        }
    }

    /// Opens the repository at or above `path`, bare or not.
    pub fn open_local(path: &Path) -> Result<Self, Error> {
        prepare(Timeouts::default())?;
        let raw = Raw::open_ext(path, RepositoryOpenFlags::empty(), &[] as &[&str])
            .map_err(|error| open_error(error, path))?;
        Ok(Self::from_raw(raw, path.display().to_string()))
    }

    /// Makes an empty bare repository in `folder`, which need not exist; its default branch is
    /// `branch`. No template and no configuration of the user's is read.
    pub fn init_bare(folder: &Path, branch: &BranchName) -> Result<Self, Error> {
        prepare(Timeouts::default())?;
        let mut options = RepositoryInitOptions::new();
        options
            .bare(true)
            .no_reinit(true)
            .external_template(false)
            .initial_head(&branch.ref_name());
        let raw = Raw::init_opts(folder, &options)?;
        Ok(Self::from_raw(raw, folder.display().to_string()))
    }

    pub(crate) fn from_raw(raw: Raw, name: String) -> Self {
        Self {
            raw,
            name,
            scratch: OnceCell::new(),
            mirror: None,
            tally: Arc::default(),
        }
    }

    /// The folder that a person works in; `None` when the repository is bare.
    pub fn work_tree(&self) -> Option<PathBuf> {
        self.raw.workdir().map(Path::to_owned)
    }

    /// Whose commits are made here: `user.name` of the repository's own configuration.
    pub fn user_name(&self) -> Option<String> {
        let configuration = self.raw.config().and_then(|mut all| all.snapshot()).ok()?;
        let name = configuration.get_str("user.name").ok()?;
        (!name.trim().is_empty()).then(|| name.trim().to_owned())
    }

    /// Where the objects and refs are: `.git`, or the bare repository.
    pub fn folder(&self) -> &Path {
        self.raw.commondir()
    }

    /// Whether the history ends before the first commit.
    pub fn is_shallow(&self) -> bool {
        self.raw.is_shallow()
    }

    /// A clone's `origin/HEAD`, else `HEAD`. In the mirror of a URL that is the remote's HEAD.
    pub fn default_branch(&self) -> Result<BranchName, Error> {
        let fail = |reason: &str| Error::NoDefaultBranch {
            repository: self.name.clone(),
            reason: reason.to_owned(),
        };
        let origin = self.symbolic_target("refs/remotes/origin/HEAD")?;
        let origin = origin
            .as_deref()
            .and_then(|name| name.strip_prefix("refs/remotes/origin/"));
        let head = self.symbolic_target("HEAD")?;
        let head = head
            .as_deref()
            .and_then(|name| name.strip_prefix("refs/heads/"));
        let name = origin
            .or(head)
            .ok_or_else(|| fail("HEAD is detached and there is no origin/HEAD; name the branch"))?;
        name.parse().map_err(|_| fail("HEAD names no valid branch"))
    }

    /// The branch that is checked out; `None` where a commit is, or nothing yet.
    pub fn current_branch(&self) -> Result<Option<BranchName>, Error> {
        let target = self.symbolic_target("HEAD")?;
        let name = target
            .as_deref()
            .and_then(|name| name.strip_prefix("refs/heads/"));
        Ok(name.and_then(|name| name.parse().ok()))
    }

    fn symbolic_target(&self, name: &str) -> Result<Option<String>, Error> {
        match self.raw.find_reference(name) {
            Ok(reference) => Ok(reference
                .symbolic_target()
                .ok()
                .flatten()
                .map(str::to_owned)),
            Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The branch as it stands.
    pub fn snapshot(&self, branch: &BranchName) -> Result<Snapshot, Error> {
        let repository = self.name.clone();
        let commit = match self.branch(branch)? {
            Some(commit) => commit,
            None if self.raw.references()?.next().is_none() => {
                return Err(Error::Empty { repository });
            }
            None => {
                return Err(Error::NoBranch {
                    repository,
                    branch: branch.clone(),
                });
            }
        };
        Ok(Snapshot {
            branch: branch.clone(),
            commit,
            tree: self.tree_of(commit)?,
        })
    }

    /// Where a branch stands; `None`: there is none.
    pub fn branch(&self, branch: &BranchName) -> Result<Option<CommitId>, Error> {
        match self.raw.refname_to_id(&branch.ref_name()) {
            Ok(oid) => CommitId::from_oid(oid).map(Some),
            Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// What a clone knows of a branch of its `origin`, such as `origin/prod`; none: nothing.
    pub fn at_origin(&self, branch: &BranchName) -> Option<String> {
        let name = format!("origin/{branch}");
        let found = self.raw.find_reference(&format!("refs/remotes/{name}"));
        found.is_ok().then_some(name)
    }

    /// The branches whose names start with `prefix`, in order.
    pub fn branches(&self, prefix: &str) -> Result<Vec<(BranchName, CommitId)>, Error> {
        let mut branches = Vec::new();
        for reference in self.raw.references_glob("refs/heads/*")? {
            let reference = reference?;
            let name = reference
                .name()
                .ok()
                .and_then(|name| name.strip_prefix("refs/heads/"));
            let Some(name) = name.filter(|name| name.starts_with(prefix)) else {
                continue;
            };
            // A name that we cannot hold is none of ours.
            if let (Ok(name), Ok(commit)) = (name.parse(), reference.peel_to_commit()) {
                branches.push((name, CommitId::from_oid(commit.id())?));
            }
        }
        branches.sort();
        Ok(branches)
    }

    /// The commit that a branch, a tag or (the start of) a commit id names.
    pub fn revision(&self, name: &str) -> Result<CommitId, Error> {
        let missing = || Error::NoRevision {
            repository: self.name.clone(),
            revision: name.chars().take(200).collect(),
        };
        if name.starts_with('-') || name.contains(char::is_control) {
            return Err(missing());
        }
        let object = match (self.raw.revparse_single(name), &self.mirror, name.parse()) {
            (Ok(object), _, _) => object,
            (Err(_), Some(mirror), Ok(tag)) => {
                self.fetch_tag(mirror, &tag)?;
                self.raw.revparse_single(name).map_err(|_| missing())?
            }
            _ => return Err(missing()),
        };
        let commit = object.peel_to_commit().map_err(|_| missing())?;
        CommitId::from_oid(commit.id())
    }

    pub fn tree_of(&self, commit: CommitId) -> Result<TreeId, Error> {
        let commit = self
            .raw
            .find_commit(commit.to_oid()?)
            .map_err(|error| self.damaged(error))?;
        TreeId::from_oid(commit.tree_id())
    }

    /// An error while an object is read: broken or missing objects are damage.
    pub(crate) fn damaged(&self, error: git2::Error) -> Error {
        use git2::ErrorClass::{Invalid, Object, Odb, Sha1, Zlib};
        match error.class() {
            Odb | Object | Zlib | Sha1 | Invalid => {
                if let Some(mirror) = &self.mirror {
                    mirror.mark_damaged();
                }
                Error::Damaged {
                    path: self.folder().to_owned(),
                    reason: error.message().to_owned(),
                }
            }
            _ => Error::Git(error),
        }
    }
}

pub(crate) fn open_error(error: git2::Error, path: &Path) -> Error {
    match error.code() {
        ErrorCode::NotFound => Error::NotARepository {
            path: path.to_owned(),
        },
        ErrorCode::Owner => Error::ForeignOwner {
            path: path.to_owned(),
        },
        _ if error.message().contains("unsupported extension") => Error::ObjectFormat,
        _ => Error::Git(error),
    }
}
