use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::place;
use crate::cli::reconcile::{rounds, target};
use crate::environment::{Environment, EnvironmentName};
use crate::git::Repository;
use crate::plan::promotion::Wish;
use crate::reconcile::{CONFIG_FILE, Configuration, MAX_SEARCHED_BYTES, Request, Scope};

/// Propose what one environment runs to the next: the gates of that one choose
///
/// Without --at and --only this is what `headwater reconcile` does by itself, for these two
/// environments alone. With --at, just that commit of the source is proposed, and with --only just
/// these streams' images: the pull request stays at that until it is merged or closed. What the
/// gates do not let in is named with its reason, and nothing is written.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  headwater promote --from staging --to prod\n  headwater promote --from staging --to prod --only shop/web --at 3f2c1d7"
)]
pub struct Args {
    /// The environment that the images come from
    #[arg(long, value_name = "ENVIRONMENT")]
    from: EnvironmentName,

    /// The environment that they go to
    #[arg(long, value_name = "ENVIRONMENT")]
    to: EnvironmentName,

    /// A stream that alone is promoted, such as web, shop/web or shop/web:1; may be given again
    #[arg(long, value_name = "STREAM")]
    only: Vec<String>,

    /// A commit of the source environment's branch, instead of the newest that passes the gates
    #[arg(long, value_name = "COMMIT")]
    at: Option<String>,

    /// The path or URL of another Git repository than the one around this folder
    #[arg(long, value_name = "PATH|URL")]
    repository: Option<String>,

    /// Read from and push to this remote of the clone, such as origin
    #[arg(long, value_name = "REMOTE")]
    push: Option<String>,
}

pub fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    let location = target(context, args.repository.as_deref(), args.push.as_deref())?;
    let repository = place::repository(context, &location)?;
    let environments = environments(&repository)?;
    check(args, &environments)?;
    for only in &args.only {
        let is_good = !only.is_empty() && only.len() <= 300 && !only.contains(char::is_whitespace);
        if !is_good {
            return Err(CliError::usage(format!("`{only}` is no stream"))
                .hint("write [namespace/]name, or [namespace/]name:tag"));
        }
    }
    let at = args.at.as_deref().map(|name| repository.revision(name));
    let at = at.transpose().map_err(|error| place::git_error(&error))?;
    let author = place::author(context)?;
    let by = std::env::var("GIT_AUTHOR_NAME").ok();
    let by = by.filter(|name| !name.trim().is_empty());
    let request = Request {
        from: args.from.clone(),
        to: args.to.clone(),
        commit: at,
        wish: Wish {
            by: by
                .or_else(|| repository.user_name())
                .unwrap_or(author.signature.name),
            only: args.only.clone(),
        },
    };
    drop(repository);
    let scope = Scope {
        request: Some(request),
        ..Scope::default()
    };
    rounds(context, &location, &scope)
}

/// Those of headwater.yaml on the default branch.
fn environments(repository: &Repository) -> Result<Vec<Environment>, CliError> {
    let git = |error: crate::git::Error| place::git_error(&error);
    let default = repository.default_branch().map_err(git)?;
    let snapshot = repository.snapshot(&default).map_err(git)?;
    let is_config = |path: &str| path == CONFIG_FILE;
    let (entries, _) = repository.entries(snapshot.tree, is_config).map_err(git)?;
    let Some(entry) = entries.first() else {
        return Err(
            CliError::usage("there is no headwater.yaml, and so one environment alone")
                .hint("name the environments there, each with its `promotedFrom`"),
        );
    };
    let bytes = repository.read_blob(entry.blob, MAX_SEARCHED_BYTES);
    let bytes = bytes.map_err(git)?;
    Ok(Configuration::read(Some(&bytes), Some(&default)).environments)
}

fn check(args: &Args, environments: &[Environment]) -> Result<(), CliError> {
    let find = |name: &EnvironmentName| environments.iter().find(|one| one.name == *name);
    for name in [&args.from, &args.to] {
        if find(name).is_none() {
            let names: Vec<&str> = environments.iter().map(|one| one.name.as_str()).collect();
            return Err(
                CliError::usage(format!("headwater.yaml has no environment {name}"))
                    .hint(format!("it has: {}", names.join(", "))),
            );
        }
    }
    if args.from == args.to {
        return Err(CliError::usage("--from and --to are the same environment"));
    }
    let source = find(&args.to).and_then(|to| to.promotion.as_ref());
    match source {
        Some(promotion) if promotion.from != args.from => {
            let (to, from) = (&args.to, &promotion.from);
            Err(CliError::usage(format!(
                "{to} is promoted from {from}, not from {}",
                args.from
            ))
            .hint(format!("headwater promote --from {from} --to {to}")))
        }
        _ => Ok(()),
    }
}
