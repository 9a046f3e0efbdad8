//! Streams × environments of one Git repository.

use jiff::Timestamp;
use serde::Serialize;

use crate::serve::page::address::Query;
use crate::serve::page::frame::Freshness;
use crate::serve::page::paging::Paging;
use crate::serve::page::text::{encoded, weight};
use crate::serve::state::{DaemonState, RepositoryState, is_failure};
use crate::show::{Cell, Column, Compared, Line};

const BUDGET: usize = 85_000;
const MOST: usize = 500;
/// Of the markup of a row and of a cell.
const ROW: usize = 150;
const CELL: usize = 360;
/// Marks of a cell; its page has the rest.
const MOST_MARKS: usize = 4;
/// Characters of names and titles.
const LONGEST_NAME: usize = 120;

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Streams {
    pub freshness: Freshness,
    pub filter: String,
    pub environments: Vec<Column>,
    pub paging: Paging,
    /// What is not everywhere the same, or waits, or fails: that first.
    pub differing: Vec<Row>,
    pub same: Vec<Row>,
    /// On all pages.
    pub same_in_all: usize,
    pub differing_in_all: usize,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    pub name: String,
    pub cells: Vec<MarkedCell>,
}

/// A cell with what is to be said of it in a few words.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MarkedCell {
    #[serde(flatten)]
    pub cell: Cell,
    pub marks: Vec<Mark>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Mark {
    pub kind: MarkKind,
    pub text: String,
    pub title: String,
    pub url: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum MarkKind {
    Failed,
    Blocked,
    Behind,
    Differs,
    Mixed,
    Held,
    Open,
    Waits,
    Same,
}

impl Streams {
    pub fn of(
        repository: &RepositoryState,
        state: &DaemonState,
        query: &Query,
        now: Timestamp,
    ) -> Self {
        let lines = repository.status.stream_tags.iter();
        let taken = lines.filter(|line| query.takes(|| words(line)));
        let (same, mut differing): (Vec<_>, Vec<_>) = taken.partition(|line| is_same(line));
        differing.sort_by_key(|line| !has_failed(line));
        let counts = (same.len(), differing.len());
        let all: Vec<&Line> = differing.into_iter().chain(same).collect();
        let weights = all.iter().map(|line| weight_of(line));
        let (paging, range) = Paging::of(weights, BUDGET, MOST, query.page);
        let shown = all.get(range).unwrap_or_default().iter().copied();
        let (same, differing): (Vec<_>, Vec<_>) = shown.partition(|line| is_same(line));
        let columns = &repository.status.environments;
        Self {
            freshness: Freshness::of(repository, state, now),
            filter: query.filter.clone(),
            environments: columns.clone(),
            paging,
            differing: differing
                .iter()
                .map(|line| Row::of(line, columns))
                .collect(),
            same: same.iter().map(|line| Row::of(line, columns)).collect(),
            same_in_all: counts.0,
            differing_in_all: counts.1,
        }
    }
}

impl Row {
    pub fn of(line: &Line, columns: &[Column]) -> Self {
        let cells = line.environments.iter();
        Self {
            name: line.name.clone(),
            cells: cells
                .map(|cell| MarkedCell {
                    cell: cell.clone(),
                    marks: marks(cell, columns),
                })
                .collect(),
        }
    }
}

/// Nothing to look at: the same everywhere, nothing open, nothing that waits.
pub fn is_same(line: &Line) -> bool {
    line.environments.iter().all(|cell| {
        let is_as_source = matches!(cell.source, None | Some(Compared::Same));
        let has_image = cell.image.is_some() || cell.stream_tag.is_none();
        let is_quiet = cell.proposed.is_empty() && cell.waiting.is_empty();
        is_as_source && has_image && is_quiet && !cell.mixed
    })
}

fn has_failed(line: &Line) -> bool {
    let cells = line.environments.iter();
    cells.flat_map(|cell| &cell.waiting).any(is_failure)
}

/// What a filter looks through.
fn words(line: &Line) -> Vec<&str> {
    let mut words = vec![line.name.as_str()];
    for cell in &line.environments {
        let texts = [&cell.stream_tag, &cell.image, &cell.commit];
        words.extend(texts.into_iter().flatten().map(String::as_str));
        for why in &cell.waiting {
            words.extend([why.kind, &why.message]);
        }
        for pending in &cell.proposed {
            words.push(&pending.branch);
            words.extend(pending.image.as_deref());
        }
    }
    words
}

/// Gravest first.
pub fn marks(cell: &Cell, columns: &[Column]) -> Vec<Mark> {
    let mark = |kind, text: &str, title: &str| Mark {
        kind,
        text: text.to_owned(),
        title: title.chars().take(LONGEST_NAME).collect(),
        url: None,
    };
    let column = columns.iter().find(|it| it.name == cell.environment);
    let source = column.and_then(|it| it.promoted_from.as_deref());
    let source = source.unwrap_or("its source");
    let mut found: Vec<Mark> = Vec::new();
    for why in &cell.waiting {
        let kind = match why.kind {
            _ if is_failure(why) => MarkKind::Failed,
            "held" | "takenBack" | "hold" => MarkKind::Held,
            "foreign" | "stopped" => MarkKind::Blocked,
            _ => MarkKind::Waits,
        };
        let text = spaced(why.kind);
        if !found.iter().any(|it| it.text == text) {
            found.push(mark(kind, &text, &why.message));
        }
    }
    match cell.source {
        Some(Compared::Same) => {
            found.push(mark(MarkKind::Same, "=", &format!("the same as {source}")));
        }
        Some(Compared::Behind { images }) => {
            let title = format!("{source} has moved on by so many images");
            found.push(mark(MarkKind::Behind, &format!("{images} behind"), &title));
        }
        Some(Compared::Unknown) => {
            let title = format!("{source} never had this image");
            found.push(mark(MarkKind::Differs, "differs", &title));
        }
        None => {}
    }
    if cell.mixed {
        let title = "fields that follow it are pinned to other images";
        found.push(mark(MarkKind::Mixed, "mixed", title));
    }
    for pending in &cell.proposed {
        let kind = match pending.state {
            "open" => MarkKind::Open,
            _ => MarkKind::Blocked,
        };
        let text = match pending.number {
            Some(number) => format!("#{number}"),
            None => pending.state.to_owned(),
        };
        let title = format!("{}: {}", pending.state, pending.branch);
        found.push(Mark {
            url: pending.url.clone(),
            ..mark(kind, &text, &title)
        });
    }
    found.sort_by_key(|it| it.kind as u8);
    found
}

/// `takenBack` as `taken back`.
fn spaced(kind: &str) -> String {
    let mut text = String::new();
    for character in kind.chars() {
        if character.is_ascii_uppercase() {
            text.push(' ');
        }
        text.push(character.to_ascii_lowercase());
    }
    text
}

fn weight_of(line: &Line) -> usize {
    let name = weight(&line.name, LONGEST_NAME) + encoded(&line.name).len();
    let cells = line.environments.iter().map(|cell| {
        let waiting = cell.waiting.iter();
        let waiting = waiting.map(|why| 90 + weight(&why.message, LONGEST_NAME));
        let proposed = cell.proposed.iter().map(|it| {
            let url = it.url.as_ref().map_or(0, |url| weight(url, 2_000));
            110 + weight(&it.branch, LONGEST_NAME) + url
        });
        let marks: usize = waiting.chain(proposed).take(MOST_MARKS).sum();
        let image = cell.image.as_deref().unwrap_or_default();
        CELL + marks + weight(image, LONGEST_NAME)
    });
    ROW + name + cells.sum::<usize>()
}
