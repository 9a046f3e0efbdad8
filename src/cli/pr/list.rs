use std::collections::BTreeSet;

use serde::Serialize;

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::forges;
use crate::cli::output::{self, Format, OutputArgs};
use crate::cli::place;
use crate::cli::pr::hosted::Page;
use crate::cli::pr::{Opened, state};
use crate::cli::style::{Role, Styles};
use crate::cli::table::{Cell, Table};
use crate::clock;
use crate::environment::Environment;
use crate::plan::pull_request::{ForgeView, ImageKey, PROPOSE_AGAIN};
use crate::plan::{BranchState, named_images};
use crate::pull_request::PullRequest;
use crate::reconcile::{self, Hosting, Proposed};

/// Branches without an open pull request whose ended ones are asked for, one request each.
const MAX_ASKED: usize = 100;

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
    let mut found =
        reconcile::proposed(&opened.repository, &environments, &opened.default, &|_| {
            true
        })
        .map_err(|error| place::git_error(&error))?;
    let forge = opened.forge(context)?;
    let hosting = forge.as_ref().map(forges::Opened::hosting);
    let mut notes = Notes::default();
    let items: Vec<Row> = match (&hosting, args.closed) {
        (Some(hosting), is_closed) => {
            let view = hosting.open().map_err(|error| {
                forges::error("the repository's pull requests are not known", &error)
            })?;
            match is_closed {
                false => open_rows(&view, &found),
                true => Declining {
                    hosting,
                    view,
                    left: MAX_ASKED,
                }
                .rows(&found, &mut notes)?,
            }
        }
        (None, is_closed) => {
            found.retain(|proposed| is_closed == is_tombstone(proposed));
            notes.has_tombstones = is_closed && !found.is_empty();
            found
                .iter()
                .map(|proposed| Row::new(proposed, None))
                .collect()
        }
    };
    let is_table = args.output.output == Format::Table;
    if items.is_empty() && is_table {
        context.note(if args.closed {
            "no branch is closed"
        } else {
            "no branch waits for anybody"
        });
    } else {
        output::write_document(
            args.output.output,
            "PullRequestList",
            &List { items },
            |list| table(&list.items, hosting.is_some(), context.styles),
        )?;
    }
    if is_table {
        notes.say(context, args.closed && hosting.is_some());
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

fn open_rows(view: &ForgeView, found: &[Proposed]) -> Vec<Row> {
    let rows = found.iter().filter(|proposed| !is_tombstone(proposed));
    rows.map(|proposed| {
        let open = view.open_of(&proposed.branch, &proposed.base);
        Row::new(proposed, open.map(Page::of))
    })
    .collect()
}

/// What is closed on a forge.
struct Declining<'a> {
    hosting: &'a Hosting<'a>,
    view: ForgeView,
    /// As many branches more are asked for.
    left: usize,
}

impl Declining<'_> {
    /// Tombstones, and branches whose pull request somebody closed.
    fn rows(&mut self, found: &[Proposed], notes: &mut Notes) -> Result<Vec<Row>, CliError> {
        let mut rows = Vec::new();
        for proposed in found {
            if is_tombstone(proposed) {
                notes.has_tombstones = true;
                rows.push(Row::new(proposed, None));
            } else if let Some(closed) = self.declined_by(proposed, notes)? {
                notes.has_declined = true;
                let mut row = Row::new(proposed, Some(Page::of(&closed)));
                row.state = "closed";
                rows.push(row);
            }
        }
        Ok(rows)
    }

    /// The pull request that was closed and declines what the branch proposes.
    fn declined_by(
        &mut self,
        proposed: &Proposed,
        notes: &mut Notes,
    ) -> Result<Option<PullRequest>, CliError> {
        let (branch, view) = (&proposed.branch, &mut self.view);
        let images = proposed.images().into_iter();
        let keys: BTreeSet<ImageKey> = images
            .map(|image| ImageKey::new(&image.tag, &image.digest))
            .collect();
        if keys.is_empty() || view.open_of(branch, &proposed.base).is_some() {
            return Ok(None);
        }
        if self.left == 0 {
            notes.is_cut = true;
            return Ok(None);
        }
        self.left -= 1;
        let ended = self.hosting.forge.pull_requests_of(branch);
        let ended = ended.map_err(|error| {
            let what = format!("the pull requests of {branch} are not known");
            forges::error(what, &error)
        })?;
        view.learn(branch, &ended, &keys);
        let number = keys.iter().find_map(|key| Some(view.declined(key)?.number));
        Ok(ended.into_iter().find(|one| Some(one.number) == number))
    }
}

/// What is said beside the table.
#[derive(Default)]
struct Notes {
    has_tombstones: bool,
    has_declined: bool,
    is_cut: bool,
}

impl Notes {
    fn say(&self, context: &Context, is_closed_on_forge: bool) {
        if self.has_tombstones {
            context.note("delete a branch to have it proposed again");
        }
        if self.has_declined {
            context.note(&format!(
                "reopen a pull request, or give it the label {PROPOSE_AGAIN}, to have it proposed again"
            ));
        }
        if self.is_cut {
            context.note(&format!(
                "only the first {MAX_ASKED} branches without an open pull request were asked for"
            ));
        }
        if is_closed_on_forge {
            context.note(
                "`headwater plan` names each image that a closed pull request declines, also where its branch is gone",
            );
        }
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
