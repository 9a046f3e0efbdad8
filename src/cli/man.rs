use std::path::PathBuf;

use clap::{Command, CommandFactory};
use clap_mangen::Man;

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::{Cli, output};

/// Print a manual page, or write those of all commands into a folder
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  headwater man | man -l -\n  headwater man plan\n  headwater man --folder ~/.local/share/man/man1"
)]
pub struct Args {
    /// The command, such as plan or pr close; without one, headwater itself
    #[arg(value_name = "COMMAND", conflicts_with = "folder")]
    command: Vec<String>,

    /// Write a page for each command into this folder
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
}

pub fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    let mut cli = Cli::command();
    cli.build();
    match &args.folder {
        Some(folder) => {
            let folder = context.path(folder);
            let failed = |error| {
                CliError::failure(format!("cannot write pages into {}", folder.display()))
                    .because(&error)
            };
            std::fs::create_dir_all(&folder).map_err(failed)?;
            for command in all(&cli) {
                page(command).generate_to(&folder).map_err(failed)?;
            }
        }
        None => {
            let command = find(&cli, &args.command)?;
            let mut text = Vec::new();
            page(command)
                .render(&mut text)
                .map_err(|error| CliError::failure("cannot write the page").because(&error))?;
            output::write(&String::from_utf8_lossy(&text))?;
        }
    }
    Ok(Exit::Success)
}

fn page(command: &Command) -> Man {
    Man::new(command.clone()).source(concat!("headwater ", env!("CARGO_PKG_VERSION")))
}

/// A command and all that are below it.
fn all(command: &Command) -> Vec<&Command> {
    let below = command.get_subcommands().flat_map(all);
    std::iter::once(command).chain(below).collect()
}

fn find<'c>(cli: &'c Command, words: &[String]) -> Result<&'c Command, CliError> {
    let mut found = cli;
    for word in words {
        found = found.find_subcommand(word).ok_or_else(|| {
            CliError::usage(format!("no command is called `{}`", words.join(" ")))
                .hint("`headwater help` lists the commands")
        })?;
    }
    Ok(found)
}
