use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::output;
use crate::cli::place;
use crate::cli::pr::{BranchArgs, conflict};
use crate::cli::report::painted_diff;
use crate::plan;
use crate::reconcile;

/// Show what merging a branch would change now, as a unified diff
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    branch: BranchArgs,

    /// Exit with 1 when something would change
    #[arg(long)]
    exit_code: bool,
}

pub fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    let opened = args.branch.open(context)?;
    let proposed = opened.proposed(&args.branch.branch)?;
    let changes = reconcile::changes(&opened.repository, &proposed)
        .map_err(|error| place::git_error(&error))?
        .map_err(|paths| conflict(&proposed, &paths))?;
    let text = plan::diff(&changes);
    let text = crate::plain::plain_lines(&text);
    output::write(&painted_diff(&text, context.styles))?;
    Ok(if args.exit_code && !changes.is_empty() {
        Exit::Differences
    } else {
        Exit::Success
    })
}
