//! What a command works on: a Git repository, or the files of a folder.

use std::path::{Path, PathBuf};

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::git_options::{git_options, signing_key};
use crate::cli::server_file;
use crate::environment::Environment;
use crate::git::{Author, Location, Repository, Signature};
use crate::policy::OperatorPolicy;
use crate::problem::Problem;
use crate::reconcile::{
    Cache, Configuration, Desk, Failure, MAX_SEARCHED_BYTES, is_read, read_tree,
};
use crate::revision::{BranchName, CommitId};
use crate::snapshot::{FileChange, Files};
use crate::worktree;

/// A folder with files that a person edits.
#[derive(Debug)]
pub struct Folder {
    pub root: PathBuf,
    pub files: Files,
    pub problems: Vec<Problem>,
    /// The Git repository around it, if there is one.
    pub repository: Option<Repository>,
}

/// The location that `argument` names; the current folder where there is none.
pub fn location(context: &Context, argument: Option<&str>) -> Result<Location, CliError> {
    let location = match argument {
        None => Location::Local(context.folder.clone()),
        Some(text) => text
            .parse()
            .map_err(|error| CliError::usage("this location cannot be used").because(&error))?,
    };
    Ok(match location {
        Location::Local(path) => Location::Local(context.path(&path)),
        remote => remote,
    })
}

/// Opens a repository for reading commits; a URL is mirrored in the cache folder.
pub fn repository(context: &Context, location: &Location) -> Result<Repository, CliError> {
    Repository::open(location, &git_options(context, location)?).map_err(|error| git_error(&error))
}

/// Reads the folder's files as they are, committed or not.
pub fn folder(path: &Path) -> Result<Folder, CliError> {
    let repository = Repository::open_local(path).ok();
    let root = repository
        .as_ref()
        .and_then(Repository::work_tree)
        .filter(|root| path.canonicalize().is_ok_and(|path| path.starts_with(root)))
        .unwrap_or_else(|| path.to_owned());
    let (files, problems) =
        worktree::read(&root, is_read, MAX_SEARCHED_BYTES).map_err(|error| {
            CliError::usage(format!("cannot read {}", root.display()))
                .because(&error)
                .hint("give the path of a folder, or the URL of a Git repository")
        })?;
    Ok(Folder {
        root,
        files,
        problems,
        repository,
    })
}

/// Whether a path is a Git repository without a work tree: only its commits can be read.
pub fn is_bare(path: &Path) -> bool {
    Repository::open_local(path).is_ok_and(|repository| repository.work_tree().is_none())
}

/// What came of writing changes.
#[derive(Debug)]
pub struct Written<'c> {
    pub changes: Vec<&'c FileChange>,
    /// Whether all could be.
    pub is_whole: bool,
}

impl Folder {
    /// What a command works with: the files, and the environments that they stand for.
    pub fn desk<'a>(&'a self, operator: &'a OperatorPolicy) -> Desk<'a> {
        Desk::new(
            self.files.clone(),
            self.problems.clone(),
            &|all| self.environments(all),
            self.history(),
            operator,
        )
    }

    /// Writes each change, new files first: a link without its stream would be a problem, a stream
    /// without links is none. Gives those that were written; the others are shown.
    pub fn write<'c>(
        &self,
        changes: impl IntoIterator<Item = &'c FileChange>,
        context: &Context,
    ) -> Written<'c> {
        let (new, edited): (Vec<_>, Vec<_>) = changes
            .into_iter()
            .partition(|change| change.before.is_empty());
        let mut written = Written {
            changes: Vec::new(),
            is_whole: true,
        };
        for change in new.into_iter().chain(edited) {
            match worktree::write(&self.root, change) {
                Ok(()) => written.changes.push(change),
                Err(error) => {
                    written.is_whole = false;
                    let what = format!("cannot write {}", change.path);
                    context.error(&CliError::failure(what).because(&error));
                }
            }
        }
        written
    }

    /// The commit that is checked out, and its repository.
    pub fn history(&self) -> Option<(&Repository, CommitId)> {
        let repository = self.repository.as_ref()?;
        Some((repository, repository.revision("HEAD").ok()?))
    }

    /// The environments that this work tree stands for: those of the branch that is checked out,
    /// or, on a branch of none, those of the default branch.
    pub fn environments(&self, all: &[Environment]) -> Vec<Environment> {
        let Some(repository) = &self.repository else {
            return all.to_vec();
        };
        let current = repository.current_branch().ok().flatten();
        let default = repository.default_branch().ok();
        let on = |branch: Option<&BranchName>| -> Vec<Environment> {
            all.iter()
                .filter(|environment| environment.branch.as_ref().or(default.as_ref()) == branch)
                .cloned()
                .collect()
        };
        let here = on(current.as_ref());
        if here.is_empty() {
            on(default.as_ref())
        } else {
            here
        }
    }
}

/// What `headwater.yaml` on the default branch says, and which branch that is.
pub fn configuration(
    repository: &Repository,
    cache: &mut Cache,
) -> Result<(BranchName, Configuration), CliError> {
    let git = |error: crate::git::Error| git_error(&error);
    let default = repository.default_branch().map_err(git)?;
    let tree = repository.snapshot(&default).map_err(git)?.tree;
    let reading = read_tree(repository, tree, cache).map_err(git)?;
    let configuration = Configuration::read(reading.config.as_deref(), Some(&default));
    Ok((default, configuration))
}

/// Who commits, and with which key: read anew at each call.
pub fn author(context: &Context) -> Result<Author, CliError> {
    let settings = server_file::read(context)?.git.clone();
    Ok(Author {
        signature: Signature {
            name: settings
                .author_name
                .unwrap_or_else(|| "headwater".to_owned()),
            email: settings
                .author_email
                .unwrap_or_else(|| "headwater@localhost".to_owned()),
        },
        key: signing_key(context)?,
    })
}

/// `$XDG_CACHE_HOME/headwater`, else `~/.cache/headwater`.
pub fn cache_folder() -> PathBuf {
    path_variable("XDG_CACHE_HOME")
        .or_else(|| path_variable("HOME").map(|home| home.join(".cache")))
        .unwrap_or_else(std::env::temp_dir)
        .join("headwater")
}

/// The path in a variable of the environment; an empty one is none.
pub fn path_variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(name)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
}

/// The cache of a location: one for a folder, by whatever path it is named.
pub fn cache(location: &Location) -> Cache {
    let name = match location {
        Location::Local(path) => match path.canonicalize() {
            Ok(path) => path.display().to_string(),
            Err(_) => location.to_string(),
        },
        Location::Remote(_) => location.to_string(),
    };
    Cache::load(&cache_folder(), &name)
}

/// A pass that could not be made, with its exit code.
pub fn pass_error(failure: &Failure) -> CliError {
    match failure {
        Failure::Git(error) => git_error(error),
    }
}

/// A Git failure with its exit code.
pub fn git_error(error: &crate::git::Error) -> CliError {
    use crate::git::Error;
    let failed = match error {
        Error::Denied { .. } => CliError::denied("the Git repository cannot be used"),
        Error::Unreachable { .. } => CliError::unavailable("the Git repository cannot be used"),
        Error::Location(_)
        | Error::NotARepository { .. }
        | Error::NoDefaultBranch { .. }
        | Error::Empty { .. }
        | Error::NoBranch { .. }
        | Error::NoRevision { .. }
        | Error::NoRemote { .. }
        | Error::Shallow { .. } => CliError::usage("the Git repository cannot be used"),
        _ => CliError::failure("the Git repository cannot be used"),
    };
    failed.because(error)
}

/// A server, or a person's work tree, does not let a branch be moved; trying again changes nothing.
/// `message` is the server's own.
pub fn push_denied(branch: &BranchName, message: &str, hint: &str) -> CliError {
    CliError::failure(format!("PushDenied: {branch} was not accepted: {message}")).hint(hint)
}
