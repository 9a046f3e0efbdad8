//! Bot branches and their pull requests: what is open, blocked or turned down, and what a limit
//! keeps back.

use serde::Serialize;

use crate::serve::page::address::Query;
use crate::serve::page::paging::Paging;
use crate::serve::page::text::{LONGEST, weight};
use crate::serve::state::{DaemonState, PullRequestState};

const BUDGET: usize = 75_000;
const MOST: usize = 200;
const ROW: usize = 500;
/// What is listed of one pull request.
const MOST_LISTED: usize = 10;

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PullRequests {
    pub filter: String,
    pub paging: Paging,
    pub groups: Vec<Group>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Group {
    /// blocked, open, queued or ignored.
    pub name: &'static str,
    pub about: &'static str,
    /// On all pages.
    pub count: usize,
    pub pull_requests: Vec<Request>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    pub repository: String,
    #[serde(flatten)]
    pub request: PullRequestState,
    pub more_images: usize,
    pub more_waiting: usize,
}

const GROUPS: [(&str, &str, &[&str]); 4] = [
    (
        "blocked",
        "They conflict, or somebody has changed the branch: headwater leaves them alone.",
        &["conflict", "edited"],
    ),
    ("open", "They wait to be merged.", &["open"]),
    (
        "queued",
        "They are not opened yet: a limit or the schedule of pullRequests in headwater.yaml keeps them back.",
        &["queued"],
    ),
    (
        "ignored",
        "Somebody has closed them: these images are not proposed again. Reopening the pull request, or deleting a branch that was closed without a forge, takes that back.",
        &["closed", "ignored"],
    ),
];

impl PullRequests {
    pub fn of(state: &DaemonState, query: &Query) -> Self {
        let mut all: Vec<(usize, &str, &PullRequestState)> = Vec::new();
        for repository in &state.repositories {
            for request in &repository.pull_requests {
                let mut states = GROUPS.iter();
                let group = states
                    .position(|(_, _, states)| states.contains(&request.state.as_str()))
                    .unwrap_or(1);
                if query.takes(|| words(&repository.name, request)) {
                    all.push((group, &repository.name, request));
                }
            }
        }
        all.sort_by_key(|(group, _, _)| *group);
        let weights = all.iter().map(|(_, _, request)| weight_of(request));
        let (paging, range) = Paging::of(weights, BUDGET, MOST, query.page);
        let shown = all.get(range).unwrap_or_default();
        let groups = GROUPS.iter().enumerate().map(|(number, (name, about, _))| {
            let own = |it: &&(usize, &str, &PullRequestState)| it.0 == number;
            let requests = shown.iter().filter(own);
            Group {
                name,
                about,
                count: all.iter().filter(own).count(),
                pull_requests: requests
                    .map(|(_, repository, request)| Request::of(repository, request))
                    .collect(),
            }
        });
        Self {
            filter: query.filter.clone(),
            paging,
            groups: groups.collect(),
        }
    }
}

impl Request {
    fn of(repository: &str, request: &PullRequestState) -> Self {
        let mut shown = request.clone();
        shown.images.truncate(MOST_LISTED);
        shown.waiting.truncate(MOST_LISTED);
        Self {
            repository: repository.to_owned(),
            more_images: request.images.len() - shown.images.len(),
            more_waiting: request.waiting.len() - shown.waiting.len(),
            request: shown,
        }
    }
}

fn words<'a>(repository: &'a str, request: &'a PullRequestState) -> Vec<&'a str> {
    let mut words = vec![
        repository,
        &request.environment,
        &request.branch,
        &request.title,
        &request.state,
    ];
    for (tag, image) in &request.images {
        words.extend([tag.as_str(), image]);
    }
    words
}

fn weight_of(request: &PullRequestState) -> usize {
    let images = request.images.iter().take(MOST_LISTED);
    let images: usize = images
        .map(|(tag, image)| 80 + weight(tag, LONGEST) + weight(image, LONGEST))
        .sum();
    let waiting = request.waiting.iter().take(MOST_LISTED);
    let waiting: usize = waiting.map(|it| 40 + weight(it, LONGEST)).sum();
    let url = request.url.as_ref().map_or(0, |url| weight(url, 2_000));
    let texts = [&request.title, &request.branch, &request.environment];
    let texts: usize = texts.iter().map(|text| weight(text, LONGEST)).sum();
    ROW + images + waiting + url + texts
}
