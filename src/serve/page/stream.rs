//! One stream tag: what each environment has of it, why it waits, and how it came there.

use jiff::Timestamp;
use serde::Serialize;

use crate::serve::page::frame::Freshness;
use crate::serve::page::history::Histories;
use crate::serve::page::paging::Paging;
use crate::serve::page::streams::{MarkedCell, Row};
use crate::serve::page::text::{LONGEST, encoded, weight};
use crate::serve::page::words::{relative, short};
use crate::serve::state::{DaemonState, RepositoryState, TimelineRow, is_failure};
use crate::show::{Column, Compared, Line, Pending, Why};

const MOST_ENVIRONMENTS: usize = 20;
const MOST_ROWS: usize = 100;
const MOST_REASONS: usize = 5;
/// Bytes of all environments' reasons, and of all their timelines; each has an equal share.
const REASONS: usize = 20_000;
const TIMELINES: usize = 45_000;
/// Of the markup of a row.
const ROW: usize = 330;

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stream {
    pub freshness: Freshness,
    pub name: String,
    pub places: Vec<Place>,
    /// Environments that are left out.
    pub more: usize,
}

/// A stream tag in an environment.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    #[serde(flatten)]
    pub marked: MarkedCell,
    pub branch: String,
    pub promoted_from: Option<String>,
    /// How it stands, a sentence each.
    pub lines: Vec<String>,
    pub reasons: Vec<Reason>,
    pub more_reasons: usize,
    /// Newest first; none where there is no such stream tag.
    pub timeline: Option<Vec<TimelineRow>>,
    /// Why the timeline cannot be shown.
    pub timeline_error: Option<String>,
    pub older: usize,
    /// Where its badge is, for a README.
    pub badge: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reason {
    pub kind: &'static str,
    pub is_failure: bool,
    pub message: String,
    pub field: Option<String>,
}

/// What is asked of the history: environment and stream tag.
pub fn asked(line: &Line) -> Vec<(String, String)> {
    let cells = line.environments.iter().take(MOST_ENVIRONMENTS);
    cells
        .filter_map(|cell| Some((cell.environment.clone(), cell.stream_tag.clone()?)))
        .collect()
}

impl Stream {
    pub fn of(
        repository: &RepositoryState,
        line: &Line,
        state: &DaemonState,
        histories: Histories<'_>,
        now: Timestamp,
    ) -> Self {
        let columns = &repository.status.environments;
        let share = line.environments.len().clamp(1, MOST_ENVIRONMENTS);
        let cells = Row::of(line, columns).cells.into_iter();
        let places = cells.take(MOST_ENVIRONMENTS).map(|marked| {
            let name = &marked.cell.environment;
            let column = columns.iter().find(|column| column.name == *name);
            let known = marked.cell.stream_tag.as_ref();
            let history = known.map(|tag| histories(&repository.name, name, tag));
            place(repository, marked, column, history, share, now)
        });
        Self {
            freshness: Freshness::of(repository, state, now),
            name: line.name.clone(),
            places: places.collect(),
            more: line.environments.len().saturating_sub(MOST_ENVIRONMENTS),
        }
    }
}

fn place(
    repository: &RepositoryState,
    marked: MarkedCell,
    column: Option<&Column>,
    history: Option<Result<Vec<TimelineRow>, String>>,
    share: usize,
    now: Timestamp,
) -> Place {
    let cell = &marked.cell;
    let (mut timeline, timeline_error) = match history {
        None => (None, None),
        Some(Ok(rows)) => (Some(rows), None),
        Some(Err(error)) => (None, Some(error)),
    };
    let rows = timeline.as_ref().map_or(0, Vec::len);
    let kept = timeline.as_mut().map_or(0, |rows| {
        let weights = rows.iter().map(weight_of);
        let fitting = Paging::of(weights, TIMELINES / share, MOST_ROWS, 1).1;
        rows.truncate(fitting.end);
        rows.len()
    });
    let weights = cell.waiting.iter().map(|why| weight(&why.message, LONGEST));
    let fitting = Paging::of(weights, REASONS / share, MOST_REASONS, 1).1;
    let promoted_from = column.and_then(|it| it.promoted_from.clone());
    let badge = cell.stream_tag.as_ref().map(|tag| {
        let environment = &cell.environment;
        encoded(&format!(
            "badge/{}/{environment}/{tag}.svg",
            repository.name
        ))
    });
    Place {
        branch: column.map(|it| it.branch.clone()).unwrap_or_default(),
        lines: lines(repository, &marked, promoted_from.as_deref(), now),
        promoted_from,
        reasons: cell.waiting.iter().take(fitting.end).map(reason).collect(),
        more_reasons: cell.waiting.len() - fitting.end,
        timeline,
        timeline_error,
        older: rows - kept,
        badge,
        marked,
    }
}

fn weight_of(row: &TimelineRow) -> usize {
    let texts = [&row.image, &row.who, &row.promoted_from];
    let texts = texts.into_iter().flatten();
    ROW + texts.map(|text| weight(text, LONGEST)).sum::<usize>()
}

fn reason(why: &Why) -> Reason {
    Reason {
        kind: why.kind,
        is_failure: is_failure(why),
        message: why.message.clone(),
        field: why.field.clone(),
    }
}

/// In the manner of `oc describe`.
fn lines(
    repository: &RepositoryState,
    marked: &MarkedCell,
    source: Option<&str>,
    now: Timestamp,
) -> Vec<String> {
    let cell = &marked.cell;
    let Some(tag) = &cell.stream_tag else {
        return vec!["has no such stream tag".to_owned()];
    };
    let mut lines = Vec::new();
    let since = cell.since.as_deref();
    let since = since.and_then(|since| since.parse::<Timestamp>().ok());
    let since = since.map(|since| format!(" for {}", relative(since, now).replace(" ago", "")));
    lines.push(match &cell.image {
        Some(image) => format!("{tag} is {}{}", short(image, 12), since.unwrap_or_default()),
        None => format!("{tag} has no image yet"),
    });
    let source = source.unwrap_or("its source");
    lines.extend(match cell.source {
        Some(Compared::Same) => Some(format!("the same image as in {source}")),
        Some(Compared::Behind { images: 1 }) => Some(format!("one image behind {source}")),
        Some(Compared::Behind { images }) => Some(format!("{images} images behind {source}")),
        Some(Compared::Unknown) => Some(format!("an image that {source} never had")),
        None => None,
    });
    if cell.mixed {
        lines.push("fields that follow it are pinned to other images too".to_owned());
    }
    lines.extend(cell.proposed.iter().take(MOST_REASONS).map(proposed));
    if let (Some(next), false) = (&repository.next_pass, cell.waiting.is_empty()) {
        lines.push(format!("looked at again at {next}"));
    }
    lines.iter_mut().for_each(|line| {
        if line.len() > LONGEST {
            *line = line.chars().take(LONGEST).collect();
        }
    });
    lines
}

fn proposed(pending: &Pending) -> String {
    let image = pending.image.as_deref().map(|image| short(image, 12));
    let image = image.unwrap_or_else(|| "another image".to_owned());
    match pending.number {
        Some(number) => format!(
            "{image} is proposed by pull request #{number} ({})",
            pending.state
        ),
        None => format!(
            "{image} is proposed by {} ({})",
            pending.branch, pending.state
        ),
    }
}
