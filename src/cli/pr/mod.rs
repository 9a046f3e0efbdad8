//! Work on bot branches, which are the pull requests of a plain Git repository, and on the forge's
//! pull requests where it has them.

mod close;
mod declined;
mod diff;
mod hosted;
mod list;
mod merge;
mod show;

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::forges;
use crate::cli::place;
use crate::environment::Environment;
use crate::git::{Location, Repository};
use crate::plan::BranchState;
use crate::pull_request::MergeMethod;
use crate::reconcile::{self, CONFIG_FILE, Proposed, branch_prefix};
use crate::revision::BranchName;
use crate::snapshot::FilePath;

/// Work on bot branches, and on their pull requests where the repository is on a forge
///
/// In a plain Git repository the branches are the pull requests.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  headwater pr list\n  headwater pr diff headwater/default/shop.web\n  headwater pr merge headwater/default/shop.web\n  headwater pr close headwater/default/shop.web"
)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    List(list::Args),
    Show(show::Args),
    Diff(diff::Args),
    Merge(merge::Args),
    Close(close::Args),
}

pub fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    match &args.command {
        Command::List(args) => list::run(args, context),
        Command::Show(args) => show::run(args, context),
        Command::Diff(args) => diff::run(args, context),
        Command::Merge(args) => merge::run(args, context),
        Command::Close(args) => close::run(args, context),
    }
}

/// One bot branch, to be flattened into a command's arguments.
#[derive(Debug, clap::Args)]
struct BranchArgs {
    /// The branch, such as headwater/dev/app.web
    branch: BranchName,

    /// The path or URL of the Git repository
    #[arg(value_name = "PATH|URL")]
    location: Option<String>,
}

impl BranchArgs {
    fn open(&self, context: &Context) -> Result<Opened, CliError> {
        Opened::new(context, self.location.as_deref())
    }
}

/// A repository with the environments that its bot branches are of.
struct Opened {
    location: Location,
    repository: Repository,
    default: BranchName,
    environments: Vec<Environment>,
    /// Of the configuration, for forges.
    method: MergeMethod,
}

impl Opened {
    fn new(context: &Context, location: Option<&str>) -> Result<Self, CliError> {
        let location = place::location(context, location)?;
        let repository = place::repository(context, &location)?;
        let mut cache = place::cache(&location);
        let (default, configuration) = place::configuration(&repository, &mut cache)?;
        context.problems(&configuration.problems);
        Ok(Self {
            location,
            repository,
            default,
            environments: configuration.environments,
            method: configuration.policy.pull_requests.merge_method,
        })
    }

    /// The repository's forge, if it has one.
    fn forge(&self, context: &Context) -> Result<Option<forges::Opened>, CliError> {
        forges::open(context, &self.location)
    }

    /// Whose bot branch this is.
    fn environment(&self, branch: &BranchName) -> Result<&Environment, CliError> {
        let is_of = |environment: &&Environment| {
            branch
                .as_str()
                .starts_with(&branch_prefix(&environment.name))
        };
        self.environments.iter().find(is_of).ok_or_else(|| {
            CliError::usage(format!(
                "{branch} is no bot branch of an environment in {CONFIG_FILE}"
            ))
            .hint("bot branches are called headwater/<environment>/<group>")
        })
    }

    /// The branch that a bot branch is to be merged into.
    fn base(&self, branch: &BranchName) -> Result<BranchName, CliError> {
        let environment = self.environment(branch)?;
        Ok(environment.branch.clone().unwrap_or(self.default.clone()))
    }

    fn proposed(&self, branch: &BranchName) -> Result<Proposed, CliError> {
        let environment = self.environment(branch)?;
        let of_environment = std::slice::from_ref(environment);
        let is_it = |other: &BranchName| other == branch;
        let found = reconcile::proposed(&self.repository, of_environment, &self.default, &is_it)
            .map_err(|error| place::git_error(&error))?;
        found.into_iter().next().ok_or_else(|| {
            CliError::usage(format!("{} has no branch {branch}", self.location))
                .hint("`headwater pr list` shows those that are there")
        })
    }
}

/// The branch and its base changed the same lines.
fn conflict(proposed: &Proposed, paths: &[FilePath]) -> CliError {
    let paths: Vec<String> = paths.iter().map(ToString::to_string).collect();
    let (branch, base) = (&proposed.branch, &proposed.base);
    let failed = CliError::failure(format!(
        "{branch} conflicts with {base} in {}",
        paths.join(", ")
    ));
    match &proposed.state {
        BranchState::Foreign { .. } => failed.hint(format!(
            "somebody's own work is on it: merge {base} into it with Git, or delete it to have it made anew"
        )),
        _ => failed.hint("`headwater reconcile` makes it anew"),
    }
}
