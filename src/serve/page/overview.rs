//! The first page: what needs attention, and the Git repositories.

use jiff::Timestamp;
use serde::Serialize;

use crate::serve::page::activity::{Change, lately};
use crate::serve::page::address::Query;
use crate::serve::page::frame::{Freshness, freshness};
use crate::serve::page::paging::Paging;
use crate::serve::page::streams::is_same;
use crate::serve::page::text::{LONGEST, weight};
use crate::serve::state::{Concern, DaemonState, RepositoryState, Urgency};

const BUDGET: usize = 60_000;
const MOST: usize = 200;
/// Of a row's markup, times and addresses.
const ROW: usize = 600;

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Overview {
    /// How many do not work or are blocked; somebody has to do something.
    pub needs: usize,
    /// How many somebody may do something about.
    pub waits: usize,
    /// Git repositories of which nothing is known, or nothing new: no pass has ended for long.
    pub unread: usize,
    pub paging: Paging,
    pub concerns: Vec<Concern>,
    pub repositories: Vec<Summary>,
    /// The last changes, newest first; on the first page.
    pub lately: Vec<Change>,
}

/// A Git repository in a line.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    #[serde(flatten)]
    pub freshness: Freshness,
    pub environments: usize,
    pub stream_tags: usize,
    /// Those that are not everywhere the same.
    pub differing: usize,
    pub open: usize,
    pub problems: usize,
}

impl Overview {
    pub fn of(state: &DaemonState, query: &Query, now: Timestamp) -> Self {
        let concerns = state.concerns();
        let repositories = &state.repositories;
        let weights = concerns.iter().map(weight_of);
        let lines = repositories
            .iter()
            .map(|it| ROW + weight(&it.location, LONGEST));
        let (paging, range) = Paging::of(weights.chain(lines), BUDGET, MOST, query.page);
        let waits = |it: &&Concern| it.urgency == Urgency::Waits;
        let waits = concerns.iter().filter(waits).count();
        let from = range.start.saturating_sub(concerns.len());
        let to = range.end.saturating_sub(concerns.len());
        let shown = repositories.get(from..to).unwrap_or_default();
        Self {
            needs: concerns.len() - waits,
            waits,
            unread: freshness(state, now)
                .iter()
                .filter(|it| it.is_unread())
                .count(),
            lately: match paging.page {
                1 => lately(state),
                _ => Vec::new(),
            },
            paging,
            repositories: shown.iter().map(|it| Summary::of(it, state, now)).collect(),
            concerns: concerns
                .into_iter()
                .take(range.end)
                .skip(range.start)
                .collect(),
        }
    }
}

impl Summary {
    fn of(repository: &RepositoryState, state: &DaemonState, now: Timestamp) -> Self {
        let tags = &repository.status.stream_tags;
        let requests = repository.pull_requests.iter();
        let is_open = |state: &str| matches!(state, "open" | "conflict" | "edited");
        Self {
            freshness: Freshness::of(repository, state, now),
            environments: repository.status.environments.len(),
            stream_tags: tags.len(),
            differing: tags.iter().filter(|line| !is_same(line)).count(),
            open: requests.filter(|it| is_open(&it.state)).count(),
            problems: repository.problems.len(),
        }
    }
}

fn weight_of(concern: &Concern) -> usize {
    let texts = [&concern.subject, &concern.message];
    let texts = texts.into_iter().chain(&concern.next).chain(&concern.url);
    let stream = concern.stream.as_ref();
    // An address takes three bytes for one.
    let address = stream.map_or(0, |stream| stream.len() * 3);
    ROW + address + texts.map(|text| weight(text, LONGEST)).sum::<usize>()
}
