use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::write::{ShapeArgs, Verb, WriteArgs, carry, print};
use crate::verb;

/// Create an empty image stream
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  headwater create imagestream mysql --lookup-local")]
pub struct Args {
    /// The stream's name
    name: String,

    /// Let images be named by the stream alone, `mysql:latest`
    #[arg(long)]
    lookup_local: bool,

    #[command(flatten)]
    shape: ShapeArgs,

    #[command(flatten)]
    write: WriteArgs,
}

pub fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    let mut verb = Verb {
        decide: &mut |scene| verb::create_stream(scene, &args.name, args.lookup_local),
        imports: false,
        is_whole: false,
    };
    let done = carry(&args.write, context, &mut verb)?;
    let objects = [("imagestream", args.name.as_str())];
    print(&args.write, args.shape.output, &done, &objects)
}
