use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::output;
use crate::cli::place;
use crate::cli::pr::BranchArgs;
use crate::clock;
use crate::git::PushOutcome;
use crate::reconcile::{Closed, close};

/// Decline what a branch proposes; it is not proposed again until its tags move on
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    branch: BranchArgs,
}

pub fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    let branch = &args.branch.branch;
    let opened = args.branch.open(context)?;
    let closed = close(
        &opened.repository,
        branch,
        &opened.base(branch)?,
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
            Err(place::push_denied(branch, &message, &hint))
        }
        Closed::NotMoved(_) => Err(CliError::failure(format!("{branch} moved in the meantime"))
            .hint("look at it again, and repeat the command")),
    }
}
