use serde::Serialize;

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::output::{self, Format, OutputArgs};
use crate::cli::place;
use crate::cli::pr::{Opened, state};
use crate::cli::style::{Role, Styles};
use crate::cli::table::{Cell, Table};
use crate::clock;
use crate::plan::{BranchState, named_images};
use crate::reconcile::{self, Proposed};

/// List the branches that wait for somebody
///
/// The state is open, conflict (with its base), edited (somebody's own work is on it), merged, or
/// with --closed, closed: declined with `pr close`, and not proposed again until its tags move on
/// or the branch is deleted.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The path or URL of the Git repository
    #[arg(value_name = "PATH|URL")]
    location: Option<String>,

    /// Those of one environment
    #[arg(short, long, value_name = "NAME")]
    environment: Option<String>,

    /// The closed ones instead
    #[arg(long, visible_alias = "ignored")]
    closed: bool,

    #[command(flatten)]
    output: OutputArgs,
}

/// What `-o json` prints.
#[derive(Serialize)]
struct List {
    items: Vec<Row>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Row {
    branch: String,
    environment: String,
    base: String,
    head: String,
    state: &'static str,
    /// Whose work is on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    edited: Option<String>,
    title: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<String>,
    images: Vec<Image>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Image {
    stream_tag: String,
    image: String,
}

impl Row {
    pub(super) fn new(proposed: &Proposed) -> Self {
        let main = proposed.main_commit();
        let images = main.map(|commit| named_images(&commit.message));
        Self {
            branch: proposed.branch.to_string(),
            environment: proposed.environment.to_string(),
            base: proposed.base.to_string(),
            head: proposed.head.to_string(),
            state: state(&proposed.state),
            edited: match &proposed.state {
                BranchState::Foreign { reason } => Some(reason.clone()),
                _ => None,
            },
            title: proposed.title().to_owned(),
            time: main.map(|commit| clock::rfc3339(commit.time)),
            images: images
                .unwrap_or_default()
                .into_iter()
                .map(|(tag, image)| Image {
                    stream_tag: tag.to_string(),
                    image: image.to_string(),
                })
                .collect(),
        }
    }

    pub(super) fn state(&self) -> Cell {
        Cell::new(self.state).role(match self.state {
            "open" => Role::Good,
            "conflict" | "edited" => Role::Warning,
            _ => Role::Muted,
        })
    }
}

pub fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    let opened = Opened::new(context, args.location.as_deref())?;
    let is_wanted = |name: &str| {
        args.environment
            .as_deref()
            .is_none_or(|wanted| wanted == name)
    };
    let environments: Vec<_> = opened
        .environments
        .iter()
        .filter(|environment| is_wanted(environment.name.as_str()))
        .cloned()
        .collect();
    if let (Some(wanted), true) = (&args.environment, environments.is_empty()) {
        let names: Vec<_> = opened
            .environments
            .iter()
            .map(|e| e.name.as_str())
            .collect();
        return Err(
            CliError::usage(format!("there is no environment `{wanted}`"))
                .hint(format!("there is {}", names.join(", "))),
        );
    }
    let found = reconcile::proposed(&opened.repository, &environments, &opened.default, &|_| {
        true
    })
    .map_err(|error| place::git_error(&error))?;
    let items: Vec<Row> = found
        .iter()
        .filter(|proposed| args.closed == matches!(proposed.state, BranchState::Closed { .. }))
        .map(Row::new)
        .collect();
    if items.is_empty() && args.output.output == Format::Table {
        context.note(if args.closed {
            "no branch is closed"
        } else {
            "no branch waits for anybody"
        });
        return Ok(Exit::Success);
    }
    output::write_document(
        args.output.output,
        "PullRequestList",
        &List { items },
        |list| table(&list.items, context.styles),
    )?;
    if args.closed && args.output.output == Format::Table {
        context.note("delete a branch to have it proposed again");
    }
    Ok(Exit::Success)
}

fn table(rows: &[Row], styles: Styles) -> String {
    let mut table = Table::new(["BRANCH", "INTO", "STATE", "SINCE", "TITLE"]);
    for row in rows {
        table.row([
            Cell::new(&row.branch),
            Cell::new(&row.base),
            row.state(),
            Cell::new(row.time.as_deref().unwrap_or_default()),
            Cell::new(&row.title),
        ]);
    }
    table.render(styles)
}
