//! What has changed since the daemon's start: a page, the last of it on the overview, and a feed.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::serve::journal::{JournalEntry, MOST as MOST_KEPT, urn};
use crate::serve::page::address::Query;
use crate::serve::page::paging::Paging;
use crate::serve::page::text::{LONGEST, encoded, weight};
use crate::serve::page::words::{DIGEST, LONGEST_ADDRESS, short};
use crate::serve::state::{DaemonState, RepositoryState};

const BUDGET: usize = 80_000;
const MOST: usize = 100;
/// Of a row's markup, and of an entry's in the feed.
const ROW: usize = 500;
/// What the overview tells, and how many bytes it takes at most.
const LATELY: usize = 5;
const LATELY_BUDGET: usize = 15_000;

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Activity {
    pub filter: String,
    pub paging: Paging,
    /// How many are kept at most.
    pub most: usize,
    /// Since when.
    pub since: String,
    /// Newest first.
    pub changes: Vec<Change>,
}

/// A change of state, as people read it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    #[serde(flatten)]
    pub entry: JournalEntry,
    /// What it is, in a word.
    pub word: &'static str,
    /// What it is about.
    pub subject: String,
    /// The rest of it, in a sentence.
    pub text: String,
    /// The stream tag's page, by its name there, while there is one.
    pub stream: Option<String>,
    /// The Git repository is looked after still.
    pub is_known: bool,
}

/// The same for feed readers.
#[derive(Clone, Debug, Serialize)]
pub struct Feed {
    pub id: String,
    /// RFC 3339.
    pub updated: String,
    /// The query of this part, and of the next, as they stand in an address.
    pub own: String,
    pub next: Option<String>,
    pub activity: Activity,
}

impl Activity {
    pub fn of(state: &DaemonState, query: &Query) -> Self {
        let entries = state.activity.iter();
        let entries: Vec<&JournalEntry> = entries.filter(|it| query.takes(|| words(it))).collect();
        let weights = entries.iter().map(|it| weight_of(it));
        let (paging, range) = Paging::of(weights, BUDGET, MOST, query.page);
        Self {
            filter: query.filter.clone(),
            paging,
            most: MOST_KEPT,
            since: state.started.clone(),
            changes: changes(state, entries.get(range).unwrap_or_default()),
        }
    }
}

impl Feed {
    pub fn of(state: &DaemonState, query: &Query) -> Self {
        let activity = Activity::of(state, query);
        let repositories = state.repositories.iter();
        let mut parts: Vec<&str> = repositories.map(|it| it.location.as_str()).collect();
        parts.sort_unstable();
        parts.extend(state.shard.as_deref());
        parts.extend(["activity", &query.filter]);
        let newest = state.activity.iter().find(|it| query.takes(|| words(it)));
        let Paging { page, pages, .. } = activity.paging;
        Self {
            id: urn(&parts),
            updated: newest.map_or(&state.started, |it| &it.time).clone(),
            own: part(&query.filter, page),
            next: (page < pages).then(|| part(&query.filter, page + 1)),
            activity,
        }
    }
}

/// A query that asks for a part of what a filter leaves.
fn part(filter: &str, page: usize) -> String {
    let filter = (!filter.is_empty()).then(|| format!("q={}", encoded(filter)));
    let page = (page > 1).then(|| format!("page={page}"));
    let parts: Vec<String> = filter.into_iter().chain(page).collect();
    match parts.is_empty() {
        true => String::new(),
        false => format!("?{}", parts.join("&")),
    }
}

/// The last changes, for the overview: no more than have room.
pub fn lately(state: &DaemonState) -> Vec<Change> {
    let mut room = LATELY_BUDGET;
    let entries = state.activity.iter().take(LATELY).take_while(|entry| {
        let rest = room.checked_sub(weight_of(entry));
        room = rest.unwrap_or_default();
        rest.is_some()
    });
    changes(state, &entries.collect::<Vec<_>>())
}

fn changes(state: &DaemonState, entries: &[&JournalEntry]) -> Vec<Change> {
    let mut asked: BTreeMap<&str, BTreeSet<(&str, &str)>> = BTreeMap::new();
    for entry in entries {
        asked
            .entry(&entry.repository)
            .or_default()
            .extend(place(entry));
    }
    let known: BTreeMap<&str, Streams<'_>> = state
        .repositories
        .iter()
        .filter_map(|it| Some((it.name.as_str(), streams(it, asked.get(it.name.as_str())?))))
        .collect();
    let told = entries.iter().map(|entry| {
        let streams = known.get(entry.repository.as_str());
        let stream = streams.and_then(|it| Some((*it.get(&place(entry)?)?).to_owned()));
        Change {
            word: word(entry),
            subject: subject(entry),
            text: text(entry),
            stream: stream.filter(|name| encoded(name).len() <= LONGEST_ADDRESS),
            is_known: streams.is_some(),
            entry: (*entry).clone(),
        }
    });
    told.collect()
}

/// By environment and stream tag there: what the stream tag is called on pages.
type Streams<'s> = BTreeMap<(&'s str, &'s str), &'s str>;

fn streams<'s>(repository: &'s RepositoryState, asked: &BTreeSet<(&str, &str)>) -> Streams<'s> {
    let mut found = Streams::new();
    for line in &repository.status.stream_tags {
        for cell in &line.environments {
            let Some(tag) = cell.stream_tag.as_deref() else {
                continue;
            };
            let place = (cell.environment.as_str(), tag);
            if asked.contains(&place) {
                found.insert(place, &line.name);
            }
        }
    }
    found
}

fn place(entry: &JournalEntry) -> Option<(&str, &str)> {
    Some((entry.environment.as_deref()?, entry.stream_tag.as_deref()?))
}

fn word(entry: &JournalEntry) -> &'static str {
    match entry.kind {
        "imageMoved" if entry.branch.is_some() => "Proposed",
        "imageMoved" => "Moved",
        "pullRequestOpened" => "Opened",
        "promoted" => "Promoted",
        "blocked" => "Blocked",
        "failed" => "Failed",
        _ => "Recovered",
    }
}

fn subject(entry: &JournalEntry) -> String {
    match (place(entry), &entry.branch) {
        (Some((environment, tag)), _) => format!("{environment}/{tag}"),
        (None, Some(branch)) => branch.clone(),
        (None, None) => "the Git repository".to_owned(),
    }
}

fn text(entry: &JournalEntry) -> String {
    let Some(image) = &entry.image else {
        let said = entry.title.as_ref().or(entry.reason.as_ref());
        return said.map_or_else(|| "passes do not fail any more".to_owned(), Clone::clone);
    };
    let image = short(image, DIGEST);
    let mut text = match &entry.previous_image {
        Some(previous) => format!("{} → {image}", short(previous, DIGEST)),
        None => image,
    };
    if let Some(source) = &entry.from_environment {
        text.push_str(&format!(", from {source}"));
    }
    if let Some(branch) = &entry.branch {
        text.push_str(&format!(", on {branch}"));
    }
    text
}

/// All texts of an entry that come from elsewhere.
fn words(entry: &JournalEntry) -> Vec<&str> {
    let more = [
        &entry.environment,
        &entry.from_environment,
        &entry.stream_tag,
        &entry.previous_image,
        &entry.image,
        &entry.branch,
        &entry.title,
        &entry.reason,
    ];
    let mut words = vec![entry.repository.as_str(), entry.kind, word(entry)];
    words.extend(more.into_iter().flatten().map(String::as_str));
    words
}

fn weight_of(entry: &JournalEntry) -> usize {
    let texts = words(entry).into_iter().map(|text| weight(text, LONGEST));
    // A digest is cut, and whole beside it.
    let images = [&entry.previous_image, &entry.image];
    let images = images.into_iter().flatten();
    let images = images.map(|image| weight(&short(image, DIGEST), LONGEST));
    let url = entry.url.as_ref().map_or(0, |url| weight(url, 2_000));
    // An address takes three bytes for one.
    let at = |name: &String| (name.len() * 3).min(LONGEST_ADDRESS);
    let address = at(&entry.repository) + entry.stream_tag.as_ref().map_or(0, at);
    ROW + texts.sum::<usize>() + images.sum::<usize>() + url + address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_the_feed_is_asked_for_by_its_query() {
        assert_eq!(part("", 1), "");
        assert_eq!(part("", 2), "?page=2");
        assert_eq!(part("web prod&x", 1), "?q=web%20prod%26x");
        assert_eq!(part("web", 3), "?q=web&page=3");
    }

    #[test]
    fn the_feed_keeps_its_name_while_the_repositories_stay() {
        let repository = |location: &str| RepositoryState {
            location: location.to_owned(),
            ..RepositoryState::default()
        };
        let id = |state: &DaemonState, filter: &str| {
            let query = Query {
                filter: filter.to_owned(),
                ..Query::default()
            };
            Feed::of(state, &query).id
        };
        let mut state = DaemonState {
            started: "2026-11-21T12:00:00Z".to_owned(),
            repositories: vec![repository("a"), repository("b")],
            ..DaemonState::default()
        };
        let first = id(&state, "");
        state.started = "2026-11-22T12:00:00Z".to_owned();
        state.repositories.reverse();
        assert_eq!(id(&state, ""), first);
        assert_ne!(id(&state, "web"), first);
        state.repositories.pop();
        assert_ne!(id(&state, ""), first);
    }
}
