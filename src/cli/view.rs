//! What `get` and `describe` read: the files of a folder as they stand, or those of a commit.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::namespace::NamespaceArgs;
use crate::cli::{place, server_file};
use crate::environment::Environment;
use crate::git::{Error, Location, Repository};
use crate::manifest::Manifests;
use crate::problem::{Problem, Severity};
use crate::reconcile::{Desk, MAX_SEARCHED_BYTES, is_read};
use crate::revision::BranchName;
use crate::show::{self, Catalog, Selector, TriggerLine};
use crate::snapshot::{FilePath, Files};
use crate::stream::ImageStream;

/// Where things are looked for, to be flattened into a command's arguments.
#[derive(Debug, clap::Args)]
pub struct ViewArgs {
    #[command(flatten)]
    namespace: NamespaceArgs,

    /// Look in every namespace
    #[arg(short = 'A', long)]
    pub all_namespaces: bool,

    /// Only things with these labels, such as app=web,tier!=test
    #[arg(
        short = 'l',
        long,
        value_name = "LABELS",
        default_value = "",
        hide_default_value = true
    )]
    pub selector: Selector,

    /// The environment, where there are several
    #[arg(short, long, value_name = "NAME")]
    environment: Option<String>,

    /// Read this branch, tag or commit instead of the files
    #[arg(long = "ref", value_name = "REVISION")]
    revision: Option<String>,
}

/// What was read.
#[derive(Debug)]
pub struct View {
    files: Files,
    manifests: Vec<Manifests>,
    /// None stands for all of them.
    pub namespace: Option<String>,
    /// Whether everything could be read.
    pub exit: Exit,
}

impl View {
    /// Files that cannot be read are named on stderr, and the others are shown.
    pub fn read(args: &ViewArgs, context: &Context) -> Result<Self, CliError> {
        let operator = server_file::operator_policy(context)?;
        let location = place::location(context, None)?;
        match (&location, &args.revision) {
            (Location::Local(path), None) if !place::is_bare(path) => {
                let folder = place::folder(path)?;
                Self::of(&folder.desk(&operator), args, context)
            }
            (_, revision) => {
                let repository = place::repository(context, &location)?;
                let revision = revision.as_deref().unwrap_or("HEAD");
                let git = |error: Error| place::git_error(&error);
                let (files, problems) = files_at(&repository, revision).map_err(git)?;
                let branch = branch_of(&repository, revision);
                let environment = args.environment.as_deref();
                let chosen =
                    |all: &[Environment]| of_branch(all, branch.as_ref(), environment, &repository);
                let desk = Desk::new(files, problems, &chosen, None, &operator);
                Self::of(&desk, args, context)
            }
        }
    }

    fn of(desk: &Desk<'_>, args: &ViewArgs, context: &Context) -> Result<Self, CliError> {
        let mut manifests = desk.manifests();
        let found = manifests.iter().flat_map(|(_, it)| &it.problems);
        let errors: BTreeSet<Problem> = desk
            .problems()
            .chain(found)
            .filter(|problem| problem.severity == Severity::Error)
            .cloned()
            .collect();
        context.problems(&errors);
        if let Some(name) = &args.environment {
            let known: Vec<&str> = manifests.iter().map(|(it, _)| it.name.as_str()).collect();
            let known = known.join(", ");
            manifests.retain(|(environment, _)| environment.name.as_str() == name);
            if manifests.is_empty() {
                return Err(
                    CliError::usage(format!("no environment here is called `{name}`")).hint(
                        format!("there is {known}; --ref BRANCH reads those of another branch"),
                    ),
                );
            }
        }
        let namespace = (!args.all_namespaces).then(|| args.namespace.current(&manifests));
        Ok(Self {
            files: desk.files().clone(),
            manifests: manifests.into_iter().map(|(_, it)| it).collect(),
            namespace,
            exit: if errors.is_empty() {
                Exit::Success
            } else {
                Exit::Failure
            },
        })
    }

    pub fn trigger_lines(&self) -> Vec<TriggerLine> {
        let bytes_of = |file: &FilePath| self.files.get(file).map(AsRef::as_ref);
        let mut lines: Vec<TriggerLine> = Vec::new();
        for manifests in &self.manifests {
            for line in show::trigger_lines(manifests, bytes_of) {
                if !lines.contains(&line) {
                    lines.push(line);
                }
            }
        }
        lines
    }

    /// Those of every environment.
    pub fn streams(&self) -> impl Iterator<Item = &ImageStream> {
        self.manifests.iter().flat_map(|it| &it.streams)
    }

    pub fn catalog<'v>(&'v self, triggers: &'v [TriggerLine]) -> Catalog<'v> {
        Catalog::new(self.streams(), triggers, self.namespace.as_deref())
    }

    /// `in demo namespace`, for messages.
    pub fn scope(&self) -> String {
        match &self.namespace {
            Some(namespace) => format!(" in {namespace} namespace"),
            None => String::new(),
        }
    }
}

fn files_at(repository: &Repository, revision: &str) -> Result<(Files, Vec<Problem>), Error> {
    let tree = repository.tree_of(repository.revision(revision)?)?;
    let (entries, mut problems) = repository.entries(tree, is_read)?;
    let blobs: Vec<_> = entries.iter().map(|entry| entry.blob).collect();
    let contents = repository.read_blobs(&blobs, MAX_SEARCHED_BYTES);
    let mut files = Files::new();
    for (entry, content) in entries.into_iter().zip(contents) {
        match content {
            Ok(bytes) => drop(files.insert(entry.path, Arc::clone(&bytes))),
            Err(error @ Error::TooLarge { .. }) => {
                problems.push(Problem::error(None, format!("{}: {error}", entry.path)));
            }
            Err(error) => return Err(error),
        }
    }
    Ok((files, problems))
}

/// The branch that a revision stands for, in a clone also as its origin's.
fn branch_of(repository: &Repository, revision: &str) -> Option<BranchName> {
    if revision == "HEAD" {
        return repository.current_branch().ok().flatten();
    }
    let name = revision.strip_prefix("refs/heads/").unwrap_or(revision);
    let own: Option<BranchName> = name.parse().ok();
    match (own, name.strip_prefix("origin/")) {
        (Some(own), Some(at_origin)) => match repository.branch(&own) {
            Ok(Some(_)) => Some(own),
            _ => at_origin.parse().ok(),
        },
        (own, _) => own,
    }
}

/// The environments of a branch. A commit or tag is read as one of the branch of the environment
/// that is `named`, or of the default branch: those of several branches are not told apart by files.
fn of_branch(
    all: &[Environment],
    branch: Option<&BranchName>,
    named: Option<&str>,
    repository: &Repository,
) -> Vec<Environment> {
    let default = repository.default_branch().ok();
    let of = |it: &Environment| it.branch.clone().or_else(|| default.clone());
    let on = |branch: Option<BranchName>| -> Vec<Environment> {
        let own = all.iter().filter(|it| of(it) == branch);
        own.cloned().collect()
    };
    let named = all.iter().find(|it| Some(it.name.as_str()) == named);
    [branch.cloned(), named.and_then(of), default.clone()]
        .into_iter()
        .flatten()
        .map(|branch| on(Some(branch)))
        .find(|own| !own.is_empty())
        .unwrap_or_else(|| all.to_vec())
}
