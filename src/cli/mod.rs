//! The command line: one command a file, one funnel for errors, one writer to stdout.
//!
//! A command is a file with its `Args` and
//! `pub fn run(args: &Args, context: &Context) -> Result<Exit, CliError>`.

pub mod catalog;
pub mod completion;
pub mod config;
pub mod context;
pub mod create;
mod daemon;
pub mod delete;
pub mod demo;
pub mod describe;
mod doctor;
pub mod drift;
mod elsewhere;
mod environment_branch;
pub mod error;
pub mod exit;
pub mod expose;
mod facts;
mod forges;
pub mod get;
mod git_options;
pub mod global;
pub mod help;
pub mod history;
pub mod hold;
pub mod image;
pub mod import_image;
pub mod init;
mod interrupt;
pub mod man;
pub mod migrate;
pub mod namespace;
pub mod new_app;
pub mod output;
mod overview;
pub mod pin;
pub mod place;
pub mod plan;
pub mod policy;
pub mod pr;
pub mod progress;
pub mod promote;
pub mod prune;
mod pull_secrets;
pub mod reconcile;
pub mod registries;
pub mod release;
mod report;
pub mod resolve;
mod resource;
mod results;
pub mod rollback;
pub mod schema;
pub mod serve;
mod server_file;
pub mod set;
pub mod status;
pub mod style;
pub mod table;
pub mod tag;
pub mod validate;
pub mod version;
mod view;
pub mod whereabouts;
pub mod write;
mod write_branch;

use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::process::ExitCode;

use clap::{ColorChoice, CommandFactory, FromArgMatches};

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::global::Global;
use crate::cli::style::{ColorWhen, Styles};
use crate::telemetry;

/// Image streams for any Git repository: pins image tags to digests by pull request.
#[derive(Debug, clap::Parser)]
#[command(
    name = "headwater",
    version,
    disable_help_subcommand = true,
    after_help = "Start with `headwater demo`. `headwater help exit-codes` lists the exit codes."
)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    global: Global,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Demo(demo::Args),
    Init(init::Args),
    Migrate(migrate::Args),
    Plan(plan::Args),
    Pin(pin::Args),
    Reconcile(reconcile::Args),
    Serve(serve::Args),
    Promote(promote::Args),
    Get(get::Args),
    Describe(describe::Args),
    Catalog(catalog::Args),
    Status(status::Args),
    History(history::Args),
    Where(whereabouts::Args),
    Drift(drift::Args),
    Resolve(resolve::Args),
    Image(image::Args),
    Prune(prune::Args),
    Validate(validate::Args),
    Doctor(doctor::Args),
    Config(config::Args),
    Pr(pr::Args),
    Tag(tag::Args),
    ImportImage(import_image::Args),
    Rollback(rollback::Args),
    Hold(hold::Args),
    Release(release::Args),
    Create(create::Args),
    Delete(delete::Args),
    Set(set::Args),
    NewApp(new_app::Args),
    Expose(expose::Args),
    Policy(policy::Args),
    Schema(schema::Args),
    Completion(completion::Args),
    Man(man::Args),
    Help(help::Args),
    Version(version::Args),
}

impl Command {
    fn run(&self, context: &Context) -> Result<Exit, CliError> {
        match self {
            Self::Demo(args) => demo::run(args, context),
            Self::Init(args) => init::run(args, context),
            Self::Migrate(args) => migrate::run(args, context),
            Self::Plan(args) => plan::run(args, context),
            Self::Pin(args) => pin::run(args, context),
            Self::Reconcile(args) => reconcile::run(args, context),
            Self::Serve(args) => serve::run(args, context),
            Self::Promote(args) => promote::run(args, context),
            Self::Get(args) => get::run(args, context),
            Self::Describe(args) => describe::run(args, context),
            Self::Catalog(args) => catalog::run(args, context),
            Self::Resolve(args) => resolve::run(args, context),
            Self::Image(args) => image::run(args, context),
            Self::Prune(args) => prune::run(args, context),
            Self::Status(args) => status::run(args, context),
            Self::History(args) => history::run(args, context),
            Self::Where(args) => whereabouts::run(args, context),
            Self::Drift(args) => drift::run(args, context),
            Self::Validate(args) => validate::run(args, context),
            Self::Doctor(args) => doctor::run(args, context),
            Self::Config(args) => config::run(args, context),
            Self::Pr(args) => pr::run(args, context),
            Self::Tag(args) => tag::run(args, context),
            Self::ImportImage(args) => import_image::run(args, context),
            Self::Rollback(args) => rollback::run(args, context),
            Self::Hold(args) => hold::run(args, context),
            Self::Release(args) => release::run(args, context),
            Self::Create(args) => create::run(args, context),
            Self::Delete(args) => delete::run(args, context),
            Self::Set(args) => set::run(args, context),
            Self::NewApp(args) => new_app::run(args, context),
            Self::Expose(args) => expose::run(args, context),
            Self::Policy(args) => policy::run(args, context),
            Self::Schema(args) => schema::run(args, context),
            Self::Completion(args) => completion::run(args, context),
            Self::Man(args) => man::run(args, context),
            Self::Help(args) => help::run(args, context),
            Self::Version(args) => version::run(args, context),
        }
    }
}

/// Reads the command line of this process and runs it.
pub fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let color = early_color(&arguments);
    let cli = match parse(arguments.clone(), color) {
        Ok(cli) => cli,
        Err(error) => {
            if error.use_stderr()
                && let Some(answer) = elsewhere::answer(&arguments)
            {
                return fail(&answer, color);
            }
            // Help and version are no failures, and a reader that has left is none either.
            let _ = error.print();
            return if error.use_stderr() {
                Exit::Usage
            } else {
                Exit::Success
            }
            .into();
        }
    };
    let is_daemon = matches!(cli.command, Command::Serve(_));
    let (format, verbosity) = (cli.global.log_format, cli.global.verbosity());
    match is_daemon {
        // It says each change of state, and ends by itself when it is asked to.
        true => {
            let format = cli.global.daemon_log_format(io::stderr().is_terminal());
            telemetry::start(format, verbosity.at_least_info());
        }
        false => {
            telemetry::start(format, verbosity);
            interrupt::watch(cli.global.timeout);
        }
    }
    let ended = Context::new(&cli.global).and_then(|context| cli.command.run(&context));
    interrupt::hold();
    match ended {
        Ok(exit) => exit.into(),
        Err(error) => fail(&error, color),
    }
}

fn fail(error: &CliError, color: ColorWhen) -> ExitCode {
    let is_terminal = io::stderr().is_terminal();
    let styles = Styles::decide(color, is_terminal, |name| std::env::var(name).ok());
    output::write_note(&error.render(styles));
    error.exit().into()
}

fn parse(arguments: Vec<OsString>, color: ColorWhen) -> Result<Cli, clap::Error> {
    let command = Cli::command().color(match color {
        ColorWhen::Auto => ColorChoice::Auto,
        ColorWhen::Always => ColorChoice::Always,
        ColorWhen::Never => ColorChoice::Never,
    });
    let mut matches = command.try_get_matches_from(arguments)?;
    let given = matches.clone();
    let mut cli = Cli::from_arg_matches_mut(&mut matches)?;
    cli.global.remember(&given);
    Ok(cli)
}

/// `--color` as it stands on the command line: help and usage errors need it before the line
/// is parsed, or when it cannot be.
fn early_color(arguments: &[OsString]) -> ColorWhen {
    let words: Vec<_> = arguments
        .iter()
        .map(|word| word.to_string_lossy())
        .collect();
    let joined = words
        .iter()
        .filter_map(|word| word.strip_prefix("--color="));
    let spaced = words
        .iter()
        .zip(words.iter().skip(1))
        .filter(|(flag, _)| *flag == "--color")
        .map(|(_, value)| value.as_ref());
    match joined.chain(spaced).next() {
        Some("always") => ColorWhen::Always,
        Some("never") => ColorWhen::Never,
        _ => ColorWhen::Auto,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_and_flag_says_what_it_does() {
        let mut command = Cli::command();
        command.build();
        for command in command.get_subcommands() {
            assert!(command.get_about().is_some(), "{}", command.get_name());
            let ending = command.get_after_help().map(ToString::to_string);
            assert!(
                ending.is_some_and(|text| text.starts_with("Example")),
                "{} shows no example",
                command.get_name()
            );
            for argument in command.get_arguments() {
                let name = argument.get_id();
                assert!(
                    argument.get_help().is_some(),
                    "{} {name}",
                    command.get_name()
                );
            }
        }
    }

    #[test]
    fn colour_is_known_before_the_line_is_parsed() {
        assert_eq!(
            early_color(&words("headwater --color=never x")),
            ColorWhen::Never
        );
        assert_eq!(
            early_color(&words("headwater x --color always")),
            ColorWhen::Always
        );
        assert_eq!(early_color(&words("headwater x")), ColorWhen::Auto);
    }
}
