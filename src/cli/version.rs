use serde::Serialize;

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::output::{self, OutputArgs};

/// Print the version
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  headwater version -o json")]
pub struct Args {
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Serialize)]
struct Version {
    version: &'static str,
    platform: String,
    libgit2: String,
}

pub fn run(args: &Args, _context: &Context) -> Result<Exit, CliError> {
    let (major, minor, patch) = git2::Version::get().libgit2_version();
    let version = Version {
        version: env!("CARGO_PKG_VERSION"),
        platform: format!("{}/{}", std::env::consts::OS, std::env::consts::ARCH),
        libgit2: format!("{major}.{minor}.{patch}"),
    };
    output::write_document(args.output.output, "Version", &version, |version| {
        format!("headwater {}\n", version.version)
    })?;
    Ok(Exit::Success)
}
