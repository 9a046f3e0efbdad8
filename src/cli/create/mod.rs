//! `create`: one kind of object a file.

mod docker_registry;
mod secret;

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;

/// Create a pull secret
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  headwater create secret docker-registry quay -n app-dev --docker-server=quay.io --docker-username=robot --docker-password-stdin"
)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Secret(secret::Args),
}

pub fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    match &args.command {
        Command::Secret(args) => secret::run(args, context),
    }
}
