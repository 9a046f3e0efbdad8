use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::output;
use crate::cli::place;
use crate::cli::registries::Asker;
use crate::cli::report::painted;
use crate::cli::server_file;
use crate::clock;
use crate::copying::CopyMode;
use crate::git::Location;
use crate::plan::{Action, Plan};
use crate::problem::Severity;

/// Edit the files of a folder in place; commits nothing
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  headwater pin && git diff")]
pub struct Args {
    /// A folder, with or without Git
    #[arg(value_name = "PATH")]
    location: Option<String>,
}

pub fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    let Location::Local(path) = place::location(context, args.location.as_deref())? else {
        return Err(
            CliError::usage("`pin` edits the files of a folder, and this is a URL")
                .hint("clone it and run `headwater pin` there, or use `headwater reconcile URL`"),
        );
    };
    let folder = place::folder(&path)?;
    let asker = Asker::copying(context, CopyMode::Missing)?;
    let operator = server_file::operator_policy(context)?;
    let planned = folder
        .desk(&operator)
        .plan(
            None,
            &mut |questions| asker.answer(context, questions),
            clock::now(),
        )
        .map_err(|error| place::git_error(&error))?;

    let mut has_failures = planned
        .problems
        .iter()
        .any(|problem| problem.severity == Severity::Error)
        || planned.plans.iter().any(Plan::has_failures);
    for (number, plan) in planned.plans.iter().enumerate() {
        if number > 0 {
            output::write("\n")?;
        }
        output::write(&painted(&plan.to_string(), context.styles))?;
        for proposal in plan
            .proposals
            .iter()
            .filter(|proposal| proposal.action == Action::Edit)
        {
            has_failures |= !folder.write(&proposal.changes, context).is_whole;
        }
    }
    context.problems(
        planned
            .problems
            .iter()
            .chain(planned.plans.iter().flat_map(|plan| &plan.problems)),
    );
    Ok(if has_failures {
        Exit::Failure
    } else {
        Exit::Success
    })
}
