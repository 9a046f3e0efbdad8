use serde_json::Value;

use crate::cli::context::Context;
use crate::cli::environment_branch::{BranchArgs, NoteArgs};
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::verb::{self, EnvironmentTag, EnvironmentTagError, Holding};

/// Take no new image of a stream tag in an environment
///
/// One commit on a branch of its own, with its pull request where a forge is configured. Other
/// environments go on as before.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  headwater hold prod/web:1 --reason 'the fair' --until 2026-12-24T08:00:00Z\n  headwater hold prod/shop/web:1 --digest sha256:9f2b4c…"
)]
pub struct Args {
    /// The stream tag of an environment; the namespace may be left out where one stream has that
    /// name
    #[arg(value_name = "ENVIRONMENT/[NAMESPACE/]STREAM[:TAG]")]
    tag: String,

    /// Only this image is not taken: its digest, or the beginning of a recorded one
    #[arg(long, value_name = "DIGEST")]
    digest: Option<String>,

    #[command(flatten)]
    note: NoteArgs,

    #[command(flatten)]
    branch: BranchArgs,
}

pub fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    let tag: EnvironmentTag = args.tag.parse().map_err(|error| {
        let refused = CliError::usage(format!("{error}"));
        match error {
            EnvironmentTagError::Environment(name) => refused.hint(format!(
                "to close all of {name}, put this into its entry in headwater.yaml: {}",
                freeze(&args.note)
            )),
            EnvironmentTagError::Form(_) => refused,
        }
    })?;
    args.note.check()?;
    args.branch.carry(
        context,
        ("hold", &tag),
        |branch| {
            Ok(Holding {
                tag: tag.clone(),
                digest: args.digest.clone(),
                note: args.note.note(branch)?,
            })
        },
        verb::hold,
    )
}

/// The line that freezes an environment.
fn freeze(note: &NoteArgs) -> String {
    let reason = note.reason.as_deref().unwrap_or("why");
    let reason = Value::String(reason.to_owned());
    match note.until {
        Some(until) => format!("freeze: {{until: {until}, reason: {reason}}}"),
        None => format!("freeze: {{reason: {reason}}}"),
    }
}
