use jiff::Timestamp;

use crate::cli::context::Context;
use crate::cli::environment_branch::{Branch, BranchArgs, NoteArgs, environment_tag, refuse, time};
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::place;
use crate::cli::registries::Asker;
use crate::cli::server_file;
use crate::image::{Digest, Reference, Repository};
use crate::problem::Problem;
use crate::reconcile::memory;
use crate::registry::Failure;
use crate::verb::{self, Earlier, EnvironmentTag, Memory, Rollback};

/// Go back to an earlier image of a stream tag, and hold the one that leaves
///
/// One commit on a branch of its own, with its pull request where a forge is configured: the
/// earlier image becomes the newest of the tag's status, the pinned fields follow, and the image
/// that leaves is held until the source moves past it. Only images that this environment had, by
/// its status or its branch's first-parent history, can be gone back to; no registry is asked, but
/// the integrated one whether it still has the image.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  headwater rollback prod/web:1 --reason 'login is broken'\n  headwater rollback prod/shop/web:1 --before 2026-08-24T08:00:00Z --dry-run"
)]
pub struct Args {
    /// The stream tag of an environment; the namespace may be left out where one stream has that
    /// name
    #[arg(value_name = "ENVIRONMENT/[NAMESPACE/]STREAM[:TAG]")]
    tag: String,

    #[command(flatten)]
    to: To,

    #[command(flatten)]
    note: NoteArgs,

    #[command(flatten)]
    branch: BranchArgs,
}

/// Which image is meant; one step back without any.
#[derive(Debug, clap::Args)]
#[group(multiple = false)]
struct To {
    /// The image's digest, or its beginning
    #[arg(long, value_name = "DIGEST")]
    to: Option<String>,

    /// So many different images back
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    steps: Option<u16>,

    /// The image that the tag had at this commit of the environment's branch
    #[arg(long, value_name = "COMMIT")]
    at: Option<String>,

    /// The image that the tag had before this time, such as 2026-12-24T08:00:00Z
    #[arg(long, value_name = "TIME", value_parser = time)]
    before: Option<Timestamp>,
}

pub fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    let tag = environment_tag(&args.tag)?;
    args.note.check()?;
    args.branch.carry(
        context,
        ("rollback", &tag),
        |branch| prepare(args, &tag, branch),
        |scene, (words, memory)| verb::rollback(scene, words, memory),
    )
}

fn prepare(
    args: &Args,
    tag: &EnvironmentTag,
    branch: &Branch<'_>,
) -> Result<(Rollback, Memory), CliError> {
    let git = |error: crate::git::Error| place::git_error(&error);
    let repository = &branch.ground.repository;
    let To {
        to,
        steps,
        at,
        before,
    } = &args.to;
    let to = match (to, at, before) {
        (Some(digest), ..) => Earlier::Digest(digest.clone()),
        (_, Some(commit), _) => Earlier::At(repository.revision(commit).map_err(git)?),
        (.., Some(time)) => Earlier::Before(*time),
        _ => Earlier::Steps(steps.map_or(1, usize::from)),
    };
    let at = match to {
        Earlier::At(commit) => Some(commit),
        _ => None,
    };
    let scene = branch.scene();
    let stream = tag.stream(&scene).map_err(|refused| refuse(&refused))?;
    let snapshot = &branch.ground.snapshot;
    let environment = &tag.environment;
    let memory = memory(
        repository,
        snapshot.commit,
        environment,
        stream,
        &tag.tag,
        at,
    );
    let memory = memory.map_err(git)?;
    let memory = memory.ok_or_else(|| {
        let commit = args.to.at.as_deref().unwrap_or_default();
        let branch = &snapshot.branch;
        CliError::usage(format!(
            "{commit} is not on the first-parent history of {branch}"
        ))
        .hint(format!(
            "`git log --first-parent {branch}` shows its commits"
        ))
    })?;
    let words = Rollback {
        tag: tag.clone(),
        to,
        note: args.note.note(branch)?,
        history_limit: branch.desk.policy().pins.history_limit,
    };
    let destination = verb::destination(&scene, &words, &memory).map_err(|it| refuse(&it))?;
    if let Some(image) = destination {
        match stream.copies_of(&tag.tag) {
            Some(copies) => check_copy(&image, &copies, branch)?,
            None => check_there(&image, tag, branch)?,
        }
    }
    Ok((words, memory))
}

/// A copy that is gone is made again where that can be: so only what nobody knows is told.
fn check_copy(image: &Reference, copies: &Repository, branch: &Branch<'_>) -> Result<(), CliError> {
    let Some(digest) = &image.digest else {
        return Ok(());
    };
    let asker = Asker::new(branch.context)?;
    let there = asker.run(asker.registries().is_there(copies, digest));
    warn_of_doubt(there.err(), digest, branch);
    Ok(())
}

fn warn_of_doubt(failure: Option<Failure>, digest: &Digest, branch: &Branch<'_>) {
    if let Some(failure) = failure {
        let what = format!(
            "nobody knows whether {} is still there: {failure}",
            digest.short()
        );
        branch.context.problems(&[Problem::warning(None, what)]);
    }
}

/// What was pruned from the integrated registry cannot be gone back to. That it cannot be asked
/// stops nobody who is in a hurry.
fn check_there(
    image: &Reference,
    tag: &EnvironmentTag,
    branch: &Branch<'_>,
) -> Result<(), CliError> {
    let operator = server_file::operator_policy(branch.context)?;
    let environments = branch.ground.environments.iter();
    let mut own = environments.filter(|it| it.name == tag.environment);
    let registry = own.next().and_then(|it| operator.registry_of(it));
    let host = image.repository.registry();
    let (Some(registry), Some(host), Some(digest)) = (registry, host, &image.digest) else {
        return Ok(());
    };
    if !registry.is_named(host) {
        return Ok(());
    }
    let place = format!("{}/{}", registry.host, image.repository.path());
    let Ok(place) = place.parse::<Reference>() else {
        return Ok(());
    };
    let asker = Asker::new(branch.context)?;
    let there = asker.run(asker.registries().is_there(&place.repository, digest));
    match there {
        Ok(true) => Ok(()),
        Ok(false) => {
            let what = format!("{} is not in {} any more", digest.short(), place.repository);
            Err(CliError::failure(what)
                .hint("it was pruned, or deleted there; push it again, or go back to another one"))
        }
        Err(failure) => {
            warn_of_doubt(Some(failure), digest, branch);
            Ok(())
        }
    }
}
