//! `create`: one kind of object a file.

mod docker_registry;
mod imagestream;
mod imagestreamtag;
mod secret;

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;

/// Create an image stream, a tag of one, or a pull secret
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  headwater create imagestream web --lookup-local\n  headwater create imagestreamtag web:1 --from-image=quay.io/acme/web:1.10\n  headwater create secret docker-registry quay -n app-dev --docker-server=quay.io --docker-username=robot --docker-password-stdin"
)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    #[command(visible_alias = "is")]
    Imagestream(imagestream::Args),
    #[command(visible_alias = "istag")]
    Imagestreamtag(imagestreamtag::Args),
    Secret(secret::Args),
}

pub fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    match &args.command {
        Command::Imagestream(args) => imagestream::run(args, context),
        Command::Imagestreamtag(args) => imagestreamtag::run(args, context),
        Command::Secret(args) => secret::run(args, context),
    }
}
