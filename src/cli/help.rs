use clap::CommandFactory;

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::{Cli, output};

const EXIT_CODES: &str = "exit-codes";
const SERVER_FILE: &str = "server-file";

/// Show the help of a command, or a topic: exit-codes, server-file
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  headwater help plan\n  headwater help exit-codes\n  headwater help server-file > config.yaml"
)]
pub struct Args {
    /// A command or a topic
    #[arg(value_name = "COMMAND|TOPIC")]
    subject: Option<String>,
}

pub fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    let mut cli = Cli::command();
    cli.build();
    let text = match args.subject.as_deref() {
        None => help_of(&mut cli, context),
        Some(EXIT_CODES) => exit_codes(),
        Some(SERVER_FILE) => include_str!("help/server-file.yaml").to_owned(),
        Some(name) => match cli.find_subcommand_mut(name) {
            Some(command) => help_of(command, context),
            None => return Err(unknown(name)),
        },
    };
    output::write(&text)?;
    Ok(Exit::Success)
}

fn help_of(command: &mut clap::Command, context: &Context) -> String {
    let text = command.render_long_help();
    if context.styles.is_on() {
        text.ansi().to_string()
    } else {
        text.to_string()
    }
}

fn exit_codes() -> String {
    let mut text = "Exit codes\n\n".to_owned();
    for exit in Exit::ALL {
        text.push_str(&format!("{:>5}  {}\n", exit.code(), exit.meaning()));
    }
    text.push_str("\nOf several that apply, the gravest is given: 2, then 5, 4, 3, 1.\n");
    text
}

fn unknown(name: &str) -> CliError {
    CliError::usage(format!("no command or topic is called `{name}`"))
        .hint("`headwater help` lists the commands; the topics are exit-codes and server-file")
}
