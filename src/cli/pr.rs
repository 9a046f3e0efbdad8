use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::output;
use crate::cli::place;
use crate::clock;
use crate::git::{PushOutcome, Repository};
use crate::reconcile::{CONFIG_FILE, Closed, Configuration, branch_prefix, close, read_tree};
use crate::revision::BranchName;

/// Work on bot branches, which are the pull requests of a plain Git repository
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  headwater pr close headwater/default/shop.web")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Decline what a branch proposes; it is not proposed again until its tags move on
    Close {
        /// The branch, such as headwater/dev/app.web
        branch: BranchName,

        /// The path or URL of the Git repository
        #[arg(value_name = "PATH|URL")]
        location: Option<String>,
    },
}

pub fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    let Command::Close { branch, location } = &args.command;
    let location = place::location(context, location.as_deref())?;
    let repository = place::repository(context, &location)?;
    let target = target(&repository, branch, &location)?;
    let closed = close(
        &repository,
        branch,
        &target,
        &place::author(context)?,
        clock::now(),
    )
    .map_err(|error| place::git_error(&error))?;
    match closed {
        Closed::Done(images) => {
            let names: Vec<String> = images.iter().map(|image| image.tag.to_string()).collect();
            output::write(&format!("closed {branch}: {}\n", names.join(", ")))?;
            Ok(Exit::Success)
        }
        Closed::NothingProposed => Err(CliError::usage(format!("{branch} proposes no image"))
            .hint("only branches that headwater made can be closed; delete others with Git")),
        Closed::NotMoved(PushOutcome::Rejected { message, hint, .. }) => {
            Err(CliError::failure(format!("{branch} was not accepted: {message}")).hint(hint))
        }
        Closed::NotMoved(_) => Err(CliError::failure(format!("{branch} moved in the meantime"))
            .hint("look at it again, and repeat the command")),
    }
}

/// The branch of the environment whose bot branch this is.
fn target(
    repository: &Repository,
    branch: &BranchName,
    location: &crate::git::Location,
) -> Result<BranchName, CliError> {
    let git = |error: crate::git::Error| place::git_error(&error);
    let default = repository.default_branch().map_err(git)?;
    let tree = repository.snapshot(&default).map_err(git)?.tree;
    let reading = read_tree(repository, tree, &mut place::cache(location)).map_err(git)?;
    let configuration = Configuration::read(reading.config.as_deref());
    let environment = configuration
        .environments
        .iter()
        .find(|environment| {
            branch
                .as_str()
                .starts_with(&branch_prefix(&environment.name))
        })
        .ok_or_else(|| {
            CliError::usage(format!(
                "{branch} is no bot branch of an environment in {CONFIG_FILE}"
            ))
            .hint("bot branches are called headwater/<environment>/<group>")
        })?;
    Ok(environment.branch.clone().unwrap_or(default))
}
