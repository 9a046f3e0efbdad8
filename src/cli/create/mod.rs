//! `create`: one kind of object a file.

mod imagestream;
mod imagestreamtag;

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;

/// Create an image stream or a tag of one
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  headwater create imagestream web --lookup-local\n  headwater create imagestreamtag web:1 --from-image=quay.io/acme/web:1.10"
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
}

pub fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    match &args.command {
        Command::Imagestream(args) => imagestream::run(args, context),
        Command::Imagestreamtag(args) => imagestreamtag::run(args, context),
    }
}
