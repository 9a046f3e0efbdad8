use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::write::{Shape, Verb, WriteArgs, carry, print};
use crate::verb::{self, Named};

/// Delete image streams, or tags with their history
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  headwater delete is web\n  headwater delete istag/web:1.9")]
pub struct Args {
    /// KIND NAME…, or KIND/NAME…; the kinds are is and istag
    #[arg(value_name = "KIND NAME", required = true)]
    names: Vec<String>,

    /// Print names alone
    #[arg(short, long, value_enum, value_name = "FORMAT")]
    output: Option<NameOnly>,

    #[command(flatten)]
    write: WriteArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum NameOnly {
    Name,
}

pub fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    let shape = args.output.map(|NameOnly::Name| Shape::Name);
    let mut verb = Verb {
        decide: &mut |scene| verb::delete(scene, &Named::read(&args.names)?, shape.is_some()),
        imports: false,
        is_whole: false,
    };
    let done = carry(&args.write, context, &mut verb)?;
    print(&args.write, shape, &done, &[])
}
