//! `prune`: what nobody needs any more; one command a file.

mod images;
mod pruned;
mod shelf;

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;

/// Delete what nobody needs any more
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  headwater prune images --config config.yaml\n  headwater prune images --config config.yaml --confirm"
)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Images(images::Args),
}

pub fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    match &args.command {
        Command::Images(args) => images::run(args, context),
    }
}
