//! `set`: one property a file.

mod image_lookup;
mod triggers;

use std::path::{Path, PathBuf};

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::place;
use crate::snapshot::FilePath;

/// Change the image triggers of objects, or how they look images up
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  headwater set triggers deploy/web --from-image=web:latest -c web\n  headwater set image-lookup mysql"
)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Triggers(triggers::Args),
    ImageLookup(image_lookup::Args),
}

pub fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    match &args.command {
        Command::Triggers(args) => triggers::run(args, context),
        Command::ImageLookup(args) => image_lookup::run(args, context),
    }
}

/// The files of `-f`, as paths inside the repository.
fn files(
    context: &Context,
    repository: Option<&str>,
    named: &[PathBuf],
) -> Result<Vec<FilePath>, CliError> {
    if named.is_empty() {
        return Ok(Vec::new());
    }
    let root = match place::location(context, repository)? {
        crate::git::Location::Local(path) => place::folder(&path)?.root,
        _ => PathBuf::new(),
    };
    let root = root.canonicalize().unwrap_or(root);
    let inside = |path: &Path| {
        let full = context.path(path);
        let full = full.canonicalize().unwrap_or(full);
        let relative = full.strip_prefix(&root).ok()?.to_str()?.to_owned();
        relative.parse().ok()
    };
    named
        .iter()
        .map(|path| {
            inside(path).ok_or_else(|| {
                CliError::usage(format!(
                    "the path {:?} does not exist here",
                    path.display().to_string()
                ))
                .hint("-f names files of the repository")
            })
        })
        .collect()
}
