use crate::cli::context::Context;
use crate::cli::environment_branch::{BranchArgs, environment_tag};
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::verb;

/// Take an environment's hold off a stream tag
///
/// One commit on a branch of its own, with its pull request where a forge is configured. What was
/// held is proposed again by the next pass; holds of other environments stay.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  headwater release prod/web:1")]
pub struct Args {
    /// The stream tag of an environment; the namespace may be left out where one stream has that
    /// name
    #[arg(value_name = "ENVIRONMENT/[NAMESPACE/]STREAM[:TAG]")]
    tag: String,

    #[command(flatten)]
    branch: BranchArgs,
}

pub fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    let tag = environment_tag(&args.tag)?;
    args.branch.carry(
        context,
        ("release", &tag),
        |branch| Ok(branch.now),
        |scene, now| verb::release(scene, &tag, *now),
    )
}
