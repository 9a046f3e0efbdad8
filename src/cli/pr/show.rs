use std::fmt::Write as _;

use serde::Serialize;

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::output::{self, OutputArgs};
use crate::cli::place;
use crate::cli::pr::BranchArgs;
use crate::cli::pr::hosted::{self, Page};
use crate::cli::pr::list::Row;
use crate::plain::plain_lines;
use crate::plan::BranchState;
use crate::reconcile::{self, Proposed};

/// Show what a branch proposes, and why
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    branch: BranchArgs,

    #[command(flatten)]
    output: OutputArgs,
}

/// What `-o json` prints.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    #[serde(flatten)]
    row: Row,
    message: String,
    commits: Vec<String>,
    /// That merging it would change now.
    files: Vec<String>,
    conflicts: Vec<String>,
}

pub fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    let opened = args.branch.open(context)?;
    let proposed = opened.proposed(&args.branch.branch)?;
    let merged = reconcile::changes(&opened.repository, &proposed)
        .map_err(|error| place::git_error(&error))?;
    let (files, conflicts) = match merged {
        Ok(changes) => (
            changes
                .iter()
                .map(|change| change.path.to_string())
                .collect(),
            Vec::new(),
        ),
        Err(paths) => (Vec::new(), paths.iter().map(ToString::to_string).collect()),
    };
    let page = match opened.forge(context)? {
        Some(forge) => hosted::of_branch(&forge.hosting(), &proposed.branch, &proposed.base)?,
        None => None,
    };
    let main = proposed.main_commit();
    let shown = Shown {
        row: Row::new(&proposed, page.as_ref().map(Page::of)),
        message: main.map_or_else(String::new, |commit| commit.message.clone()),
        commits: proposed
            .commits
            .iter()
            .map(|commit| commit.id.to_string())
            .collect(),
        files,
        conflicts,
    };
    output::write_document(args.output.output, "PullRequest", &shown, |shown| {
        text(&proposed, shown)
    })?;
    Ok(Exit::Success)
}

fn text(proposed: &Proposed, shown: &Shown) -> String {
    let mut text = String::new();
    let state = match &proposed.state {
        BranchState::Foreign { reason } => format!("edited: {reason}"),
        other => other.name().to_owned(),
    };
    let _ = writeln!(text, "branch  {}", proposed.branch);
    let _ = writeln!(text, "into    {}", proposed.base);
    let _ = writeln!(text, "state   {state}");
    if let Some(page) = &shown.row.pull_request {
        let _ = writeln!(text, "request {}, {}", page.name(), page.state());
        if !page.labels().is_empty() {
            let _ = writeln!(text, "labels  {}", page.labels().join(", "));
        }
    }
    for commit in &proposed.commits {
        let subject = commit.message.lines().next().unwrap_or_default();
        let (id, name) = (commit.id.short(), &commit.author.name);
        let _ = writeln!(text, "commit  {id} {name}: {subject}");
    }
    for file in &shown.files {
        let _ = writeln!(text, "file    {file}");
    }
    for file in &shown.conflicts {
        let _ = writeln!(text, "conflict in {file}");
    }
    if !shown.message.is_empty() {
        let _ = write!(text, "\n{}\n", shown.message.trim_end());
    }
    plain_lines(&text).into_owned()
}
