use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::forges;
use crate::cli::output;
use crate::cli::place;
use crate::cli::pr::hosted::{self, Page};
use crate::cli::pr::{BranchArgs, Opened};
use crate::clock;
use crate::git::PushOutcome;
use crate::plain::plain;
use crate::plan::pull_request::PROPOSE_AGAIN;
use crate::reconcile::{Closed, Hosting, close};
use crate::revision::BranchName;

/// Decline what a branch proposes; it is not proposed again until its tags move on
///
/// On a forge the branch's pull request is closed, as a person closes it there.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    branch: BranchArgs,
}

pub fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    let branch = &args.branch.branch;
    let opened = args.branch.open(context)?;
    match opened.forge(context)? {
        Some(forge) => at_forge(context, &opened, &forge.hosting(), branch),
        None => in_git(context, &opened, branch),
    }
}

/// Without the bot's own mark, so that it declines.
fn at_forge(
    context: &Context,
    opened: &Opened,
    hosting: &Hosting<'_>,
    branch: &BranchName,
) -> Result<Exit, CliError> {
    let base = opened.base(branch)?;
    let found = hosted::open_of(hosting, branch, &base)?;
    let name = Page::of(&found).name();
    let closed = hosting.forge.close(found.number);
    closed.map_err(|error| {
        forges::error(format!("pull request {name} could not be closed"), &error)
    })?;
    output::write(&format!("closed pull request {}\n", plain(&name)))?;
    match hosting.seeing(Vec::new()).refusal(&found) {
        None => context.note("closing it declines nothing: no image is proposed by the bot in it"),
        Some(marker) if marker.hold.is_some() => {
            context.note("the hold is not written, and what it would have kept out is proposed again");
        }
        Some(_) => context.note(&format!(
            "what it proposes is not proposed again until its tags move on; reopen it, or give it the label {PROPOSE_AGAIN}, to have it proposed again"
        )),
    }
    Ok(Exit::Success)
}

fn in_git(context: &Context, opened: &Opened, branch: &BranchName) -> Result<Exit, CliError> {
    let closed = close(
        &opened.repository,
        branch,
        &opened.base(branch)?,
        &place::author(context)?,
        clock::now(),
    )
    .map_err(|error| place::git_error(&error))?;
    match closed {
        Closed::Done { images, created } => {
            let images = images.iter().map(|image| image.tag.to_string());
            let created = created.iter().map(ToString::to_string);
            let names: Vec<String> = images.chain(created).collect();
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
