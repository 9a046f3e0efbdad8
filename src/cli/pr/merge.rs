use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::output;
use crate::cli::place;
use crate::cli::pr::{BranchArgs, Opened, conflict};
use crate::clock;
use crate::git::{Author, PushOutcome};
use crate::plan::BranchState;
use crate::reconcile::{self, Merged, Proposed, Way};

/// How often a merge that lost a race is made again.
const MAX_ROUNDS: usize = 5;

/// Merge a branch into its base, and delete it
///
/// Both are done by compare and swap: what somebody pushed meanwhile is never lost.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    branch: BranchArgs,

    /// How it is merged
    #[arg(long, value_enum, value_name = "METHOD", default_value_t)]
    method: Method,
}

#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
enum Method {
    /// A commit with two parents
    #[default]
    Merge,
    /// One commit, with the bot's own message
    Squash,
    /// The base moves to the branch's commit, where it has not gone on since
    FastForward,
}

impl From<Method> for Way {
    fn from(method: Method) -> Self {
        match method {
            Method::Merge => Self::Merge,
            Method::Squash => Self::Squash,
            Method::FastForward => Self::FastForward,
        }
    }
}

pub fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    let author = place::author(context)?;
    let mut opened = args.branch.open(context)?;
    for _ in 0..MAX_ROUNDS {
        if let Some(exit) = attempt(args, context, &opened, &author)? {
            return Ok(exit);
        }
        context.note("the branch it goes into moved in the meantime; looking again");
        let fetched = opened.repository.fetch();
        fetched.map_err(|error| place::git_error(&error))?;
    }
    Err(CliError::failure(format!(
        "{} could not be merged: its base kept moving",
        args.branch.branch
    ))
    .hint("repeat the command"))
}

/// None where somebody was faster.
fn attempt(
    args: &Args,
    context: &Context,
    opened: &Opened,
    author: &Author,
) -> Result<Option<Exit>, CliError> {
    let proposed = opened.proposed(&args.branch.branch)?;
    refuse(&proposed)?;
    let (way, now) = (args.method.into(), clock::now());
    let merged = reconcile::merge(&opened.repository, &proposed, way, author, now)
        .map_err(|error| place::git_error(&error))?;
    let Proposed { branch, base, .. } = &proposed;
    match merged {
        Merged::Done { commit, deletion } => {
            let id = commit.short();
            output::write(&format!("merged {branch} into {base} at {id}\n"))?;
            if deletion != PushOutcome::Pushed {
                context.note(&format!(
                    "{branch} could not be deleted; the next `headwater reconcile` sees to it"
                ));
            }
            Ok(Some(Exit::Success))
        }
        Merged::NotMoved(PushOutcome::Rejected { message, hint, .. }) => {
            Err(place::push_denied(base, &message, &hint))
        }
        Merged::NotMoved(_) => Ok(None),
        Merged::Conflict(paths) => Err(conflict(&proposed, &paths)),
        Merged::NotAhead => Err(CliError::failure(format!(
            "{branch} cannot be fast-forwarded: {base} has gone on since it was made"
        ))
        .hint("merge it by --method merge or squash")),
    }
}

fn refuse(proposed: &Proposed) -> Result<(), CliError> {
    let branch = &proposed.branch;
    match &proposed.state {
        BranchState::Closed { .. } => Err(CliError::usage(format!(
            "{branch} is closed, so there is nothing on it to merge"
        ))
        .hint("delete the branch to have it proposed again")),
        BranchState::Merged => Err(CliError::usage(format!(
            "{branch} is merged already: {} has all of it",
            proposed.base
        ))),
        BranchState::Ours { .. } | BranchState::Rebased { .. } | BranchState::Foreign { .. } => {
            Ok(())
        }
    }
}
