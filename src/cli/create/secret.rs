use crate::cli::context::Context;
use crate::cli::create::docker_registry;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;

/// Create a secret in the operator's folder, never in Git
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  headwater create secret docker-registry quay --from-file=auth.json"
)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    DockerRegistry(docker_registry::Args),
}

pub fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    match &args.command {
        Command::DockerRegistry(args) => docker_registry::run(args, context),
    }
}
