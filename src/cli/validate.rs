use std::collections::BTreeMap;

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::output::{self, Format, OutputArgs};
use crate::cli::place;
use crate::cli::server_file;
use crate::clock;
use crate::git::Location;
use crate::problem::{Problem, Severity};

/// Check streams, triggers and headwater.yaml, offline
///
/// Exits with 1 when it finds an error, or with --strict a warning.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  headwater validate --strict")]
pub struct Args {
    /// A folder, with or without Git
    #[arg(value_name = "PATH")]
    location: Option<String>,

    /// Warnings count as errors
    #[arg(long)]
    strict: bool,

    #[command(flatten)]
    output: OutputArgs,
}

/// What `-o json` prints.
#[derive(serde::Serialize)]
struct Report {
    files: usize,
    problems: Vec<crate::plan::ProblemReport>,
}

pub fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    let Location::Local(path) = place::location(context, args.location.as_deref())? else {
        return Err(
            CliError::usage("`validate` reads the files of a folder, and this is a URL")
                .hint("clone it, and run `headwater validate` there"),
        );
    };
    let folder = place::folder(&path)?;
    let operator = server_file::operator_policy(context)?;
    let mut problems = folder
        .desk(&operator)
        .lint(clock::now())
        .map_err(|error| place::git_error(&error))?;
    problems.sort();
    problems.dedup();
    show(args, context, folder.files.len(), &problems)?;
    let bound = if args.strict {
        Severity::Warning
    } else {
        Severity::Error
    };
    Ok(
        if problems.iter().any(|problem| problem.severity >= bound) {
            Exit::Differences
        } else {
            Exit::Success
        },
    )
}

fn show(
    args: &Args,
    context: &Context,
    files: usize,
    problems: &[Problem],
) -> Result<(), CliError> {
    if args.output.output != Format::Table {
        let report = Report {
            files,
            problems: problems.iter().map(Into::into).collect(),
        };
        return output::write_document(args.output.output, "Findings", &report, |_| String::new());
    }
    let mut counts: BTreeMap<Severity, usize> = BTreeMap::new();
    for problem in problems {
        *counts.entry(problem.severity).or_default() += 1;
    }
    let count = |severity| counts.get(&severity).copied().unwrap_or(0);
    context.problems(problems);
    output::write(&format!(
        "{} read: {}, {}, {}\n",
        counted(files, "file"),
        counted(count(Severity::Error), "error"),
        counted(count(Severity::Warning), "warning"),
        counted(count(Severity::Note), "note")
    ))
}

fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}
