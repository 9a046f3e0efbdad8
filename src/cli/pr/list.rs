use serde::Serialize;

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::forges;
use crate::cli::output::{self, Format, OutputArgs};
use crate::cli::place;
use crate::cli::pr::Opened;
use crate::cli::pr::declined::{Declined, MAX_ASKED, declined};
use crate::cli::pr::hosted::Page;
use crate::cli::style::{Role, Styles};
use crate::cli::table::{Cell, Table};
use crate::clock;
use crate::environment::Environment;
use crate::plan::pull_request::PROPOSE_AGAIN;
use crate::plan::{BranchState, named_images};
use crate::reconcile::{self, Hosting, Proposed};
use crate::revision::BranchName;

/// List the branches that wait for somebody
///
/// The state is open, conflict (with its base), edited (somebody's own work is on it), merged, or
/// with --closed, closed: declined with `pr close`, and not proposed again until its tags move on
/// or the branch is deleted. On a forge the pull request stands beside its branch; one that
/// somebody closed declines what it proposes until it is reopened or has the label propose-again.
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
#[derive(Default, Serialize)]
struct List {
    items: Vec<Row>,
    /// Not all could be asked for.
    #[serde(skip)]
    is_cut: bool,
}

impl List {
    fn of(rows: impl Iterator<Item = Row>) -> Self {
        Self {
            items: rows.collect(),
            is_cut: false,
        }
    }
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
    /// Where the repository is on a forge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) pull_request: Option<Page>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Image {
    stream_tag: String,
    image: String,
}

impl Row {
    pub(super) fn new(proposed: &Proposed, pull_request: Option<Page>) -> Self {
        let main = proposed.main_commit();
        let images = main.map(|commit| named_images(&commit.message));
        Self {
            branch: proposed.branch.to_string(),
            environment: proposed.environment.to_string(),
            base: proposed.base.to_string(),
            head: proposed.head.to_string(),
            state: proposed.state.name(),
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
            pull_request,
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
    let environments = environments(args, &opened.environments)?;
    let all = |_: &BranchName| true;
    let found = reconcile::proposed(&opened.repository, &environments, &opened.default, &all)
        .map_err(|error| place::git_error(&error))?;
    let forge = opened.forge(context)?;
    let hosting = forge.as_ref().map(forges::Opened::hosting);
    let hosting = hosting.as_ref();
    let (tombstones, open): (Vec<_>, Vec<_>) = found.into_iter().partition(is_tombstone);
    let mut list = match hosting {
        Some(hosting) => at_forge(hosting, args.closed, &open)?,
        None if args.closed => List::default(),
        None => List::of(open.iter().map(|proposed| Row::new(proposed, None))),
    };
    if args.closed {
        let closed = tombstones.iter().map(|proposed| Row::new(proposed, None));
        list.items.extend(closed);
    }
    let is_table = args.output.output == Format::Table;
    if list.items.is_empty() && is_table {
        context.note(if args.closed {
            "no branch is closed"
        } else {
            "no branch waits for anybody"
        });
    } else {
        output::write_document(args.output.output, "PullRequestList", &list, |list| {
            table(&list.items, hosting.is_some(), context.styles)
        })?;
    }
    if args.closed && is_table {
        say_what_revives(context, &list, hosting.is_some());
    }
    Ok(Exit::Success)
}

/// Those that are asked for.
fn environments(args: &Args, all: &[Environment]) -> Result<Vec<Environment>, CliError> {
    let Some(wanted) = &args.environment else {
        return Ok(all.to_vec());
    };
    let found = all.iter().find(|one| one.name.as_str() == wanted);
    found.map(|found| vec![found.clone()]).ok_or_else(|| {
        let names: Vec<_> = all.iter().map(|one| one.name.as_str()).collect();
        CliError::usage(format!("there is no environment `{wanted}`"))
            .hint(format!("there is {}", names.join(", ")))
    })
}

fn is_tombstone(proposed: &Proposed) -> bool {
    matches!(proposed.state, BranchState::Closed { .. })
}

/// Branches with their pull requests: those that are open, or those that somebody closed.
fn at_forge(
    hosting: &Hosting<'_>,
    is_closed: bool,
    branches: &[Proposed],
) -> Result<List, CliError> {
    let view = hosting.open();
    let mut view = view
        .map_err(|error| forges::error("the repository's pull requests are not known", &error))?;
    if !is_closed {
        return Ok(List::of(branches.iter().map(|proposed| {
            let open = view.open_of(&proposed.branch, &proposed.base);
            Row::new(proposed, open.map(Page::of))
        })));
    }
    let Declined {
        mut by_branch,
        is_complete,
    } = declined(hosting, &mut view, branches)?;
    let rows = branches.iter().filter_map(|proposed| {
        let page = by_branch.remove(&proposed.branch)?;
        Some(Row {
            state: "closed",
            ..Row::new(proposed, Some(page))
        })
    });
    Ok(List {
        is_cut: !is_complete,
        ..List::of(rows)
    })
}

fn say_what_revives(context: &Context, list: &List, has_forge: bool) {
    let has = |is_wanted: fn(&Option<Page>) -> bool| {
        let mut rows = list.items.iter();
        rows.any(|row| is_wanted(&row.pull_request))
    };
    if has(Option::is_none) {
        context.note("delete a branch to have it proposed again");
    }
    if has(Option::is_some) {
        context.note(&format!(
            "reopen a pull request, or give it the label {PROPOSE_AGAIN}, to have it proposed again"
        ));
    }
    if list.is_cut {
        context.note(&format!(
            "of the branches without an open pull request only the first {MAX_ASKED} were asked for"
        ));
    }
    if has_forge {
        context.note(
            "`headwater plan` names each image that a closed pull request declines, also where its branch is gone",
        );
    }
}

fn table(rows: &[Row], has_forge: bool, styles: Styles) -> String {
    let mut head = vec!["BRANCH", "INTO", "STATE", "SINCE", "TITLE"];
    if has_forge {
        head.insert(1, "PR");
    }
    let mut table = Table::new(head);
    for row in rows {
        let mut cells = vec![
            Cell::new(&row.branch),
            Cell::new(&row.base),
            row.state(),
            Cell::new(row.time.as_deref().unwrap_or_default()),
            Cell::new(&row.title),
        ];
        if has_forge {
            let page = row.pull_request.as_ref();
            cells.insert(1, Cell::new(page.map(Page::name).unwrap_or_default()));
        }
        table.row(cells);
    }
    table.render(styles)
}
