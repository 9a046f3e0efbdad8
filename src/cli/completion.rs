use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::{Cli, output};

/// Print a completion script for a shell
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  headwater completion bash > ~/.local/share/bash-completion/completions/headwater"
)]
pub struct Args {
    /// The shell that will read the script
    #[arg(value_enum)]
    shell: Shell,
}

pub fn run(args: &Args, _context: &Context) -> Result<Exit, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "headwater", &mut script);
    output::write(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Success)
}
