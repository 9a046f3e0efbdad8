use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::forges;
use crate::cli::output;
use crate::cli::place;
use crate::cli::pr::hosted::{self, Page};
use crate::cli::pr::{BranchArgs, Opened, conflict};
use crate::clock;
use crate::forge::Merging;
use crate::git::{Author, PushOutcome};
use crate::plain::plain;
use crate::plan::BranchState;
use crate::pull_request::MergeMethod;
use crate::reconcile::{self, Hosting, Merged, Proposed, Way};

/// How often a merge that lost a race is made again.
const MAX_ROUNDS: usize = 5;

/// Merge a branch into its base, and delete it
///
/// Both are done by compare and swap: what somebody pushed meanwhile is never lost. On a forge the
/// forge merges the branch's pull request, if its own rules allow that.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    branch: BranchArgs,

    /// How it is merged; without it, by pullRequests.mergeMethod on a forge, and by merge elsewhere
    #[arg(long, value_enum, value_name = "METHOD")]
    method: Option<Method>,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Method {
    /// A commit with two parents
    Merge,
    /// One commit, with the bot's own message
    Squash,
    /// The branch's commits anew on the base; only on a forge
    Rebase,
    /// The base moves to the branch's commit, where it has not gone on since; not on a forge
    FastForward,
}

impl Method {
    fn in_git(self) -> Result<Way, CliError> {
        match self {
            Self::Merge => Ok(Way::Merge),
            Self::Squash => Ok(Way::Squash),
            Self::FastForward => Ok(Way::FastForward),
            Self::Rebase => Err(CliError::usage("only a forge merges by rebase")
                .hint("merge it by --method merge, squash or fast-forward")),
        }
    }

    fn at_forge(self) -> Result<MergeMethod, CliError> {
        match self {
            Self::Merge => Ok(MergeMethod::Merge),
            Self::Squash => Ok(MergeMethod::Squash),
            Self::Rebase => Ok(MergeMethod::Rebase),
            Self::FastForward => Err(CliError::usage(
                "a forge merges no pull request by fast-forward",
            )
            .hint("merge it by --method merge, squash or rebase")),
        }
    }
}

pub fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    let opened = args.branch.open(context)?;
    match opened.forge(context)? {
        Some(forge) => at_forge(args, context, &opened, &forge.hosting()),
        None => in_git(args, context, opened),
    }
}

/// By the forge alone, at the head that was looked at: its rules are never gone around.
fn at_forge(
    args: &Args,
    context: &Context,
    opened: &Opened,
    hosting: &Hosting<'_>,
) -> Result<Exit, CliError> {
    let method = args.method.map_or(Ok(opened.method), Method::at_forge)?;
    let proposed = opened.proposed(&args.branch.branch)?;
    refuse(&proposed)?;
    let (branch, head) = (&proposed.branch, proposed.head);
    let found = hosted::open_of(hosting, branch, &proposed.base)?;
    let name = format!("pull request {}", Page::of(&found).name());
    let merging = hosting.forge.merge(found.number, head, method);
    match merging.map_err(|error| forges::error(format!("{name} could not be merged"), &error))? {
        Merging::Merged => {
            output::write(&format!("merged {} into {}\n", plain(&name), found.base))?;
            delete(context, opened, &proposed)?;
            Ok(Exit::Success)
        }
        Merging::Scheduled => {
            let name = plain(&name);
            output::write(&format!(
                "{name} is merged once the forge's demands are met\n"
            ))?;
            Ok(Exit::Success)
        }
        Merging::HeadMoved => Err(CliError::failure(format!("{branch} moved in the meantime"))
            .hint("look at it again, and repeat the command")),
        Merging::NotReady(why) => {
            Err(CliError::failure(format!("{name} cannot be merged yet")).why(why))
        }
        Merging::NotOffered => Err(not_offered(hosting, method)),
    }
}

fn not_offered(hosting: &Hosting<'_>, method: MergeMethod) -> CliError {
    let method = method.name();
    let failed = CliError::usage(format!(
        "the repository on the forge does not allow to {method} pull requests"
    ));
    match hosting.forge.standing() {
        Ok(standing) if !standing.merge_methods.is_empty() => {
            let allowed = standing.merge_methods.iter();
            let allowed: Vec<_> = allowed.map(|method| method.name()).collect();
            failed.hint(format!("merge it by --method {}", allowed.join(" or ")))
        }
        _ => failed.hint("merge it by another --method"),
    }
}

/// Many forges have done it by now.
fn delete(context: &Context, opened: &Opened, proposed: &Proposed) -> Result<(), CliError> {
    let Proposed { branch, head, .. } = proposed;
    let deletion = opened.repository.push(branch, Some(*head), None);
    match deletion.map_err(|error| place::git_error(&error))? {
        PushOutcome::Pushed | PushOutcome::Moved { actual: None } => {}
        PushOutcome::Moved { .. } | PushOutcome::Rejected { .. } => {
            note_left(context, proposed);
        }
    }
    Ok(())
}

fn note_left(context: &Context, proposed: &Proposed) {
    context.note(&format!(
        "{} could not be deleted; the next `headwater reconcile` sees to it",
        proposed.branch
    ));
}

fn in_git(args: &Args, context: &Context, mut opened: Opened) -> Result<Exit, CliError> {
    let author = place::author(context)?;
    let way = args.method.map_or(Ok(Way::Merge), Method::in_git)?;
    for _ in 0..MAX_ROUNDS {
        if let Some(exit) = attempt(args, way, context, &opened, &author)? {
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
    way: Way,
    context: &Context,
    opened: &Opened,
    author: &Author,
) -> Result<Option<Exit>, CliError> {
    let proposed = opened.proposed(&args.branch.branch)?;
    refuse(&proposed)?;
    let merged = reconcile::merge(&opened.repository, &proposed, way, author, clock::now())
        .map_err(|error| place::git_error(&error))?;
    let Proposed { branch, base, .. } = &proposed;
    match merged {
        Merged::Done { commit, deletion } => {
            let id = commit.short();
            output::write(&format!("merged {branch} into {base} at {id}\n"))?;
            if deletion != PushOutcome::Pushed {
                note_left(context, &proposed);
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
