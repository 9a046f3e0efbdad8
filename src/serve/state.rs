//! What the daemon knows: values for pages, metrics and commands. Times are RFC 3339, UTC.

use serde::Serialize;

use crate::problem::Problem;
use crate::show::{Status, Why};

/// The daemon with everything that it looks after.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DaemonState {
    pub version: String,
    pub started: String,
    /// When this was put together.
    pub now: String,
    /// `i/n`, where the repositories are divided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shard: Option<String>,
    /// What is wrong with newer settings, while older ones are kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settings_failure: Option<Failure>,
    /// By name.
    pub repositories: Vec<RepositoryState>,
    pub hosts: Vec<HostState>,
}

/// One Git repository.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RepositoryState {
    pub name: String,
    /// Its path or URL, without user and password.
    pub location: String,
    pub is_running: bool,
    /// When the last pass ended, and how long it took; none before the first.
    pub last_pass: Option<String>,
    pub last_pass_millis: Option<u64>,
    /// When a pass last ended without a failure.
    pub last_success: Option<String>,
    pub next_pass: Option<String>,
    /// Why the last pass failed, since when.
    pub failure: Option<Failure>,
    /// When the rest was read; older than the last pass where nothing has changed since.
    pub read: Option<String>,
    pub status: Status,
    pub pull_requests: Vec<PullRequestState>,
    pub promotions: Vec<PromotionState>,
    pub problems: Vec<Problem>,
}

/// Something that does not work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    pub since: String,
    /// How often in a row.
    pub count: u32,
    pub message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// A bot branch, with its pull request where there is a forge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PullRequestState {
    pub environment: String,
    pub branch: String,
    /// open, conflict, edited, closed; ignored: somebody declined it.
    pub state: String,
    pub title: String,
    pub number: Option<u64>,
    pub url: Option<String>,
    /// The stream tags and images that it brings.
    pub images: Vec<(String, String)>,
    /// What it waits for, and what is wrong with it.
    pub waiting: Vec<String>,
    /// When its pull request was opened; none where there is no forge.
    pub opened: Option<String>,
}

/// The way from one environment to the next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PromotionState {
    pub from: String,
    pub to: String,
    /// merge or pins.
    pub carry: String,
    /// The source's commit that is proposed, or that the gates keep out.
    pub commit: Option<String>,
    /// Its bot branch, where one is open.
    pub branch: Option<String>,
    /// What the gates say that are not passed.
    pub gates: Vec<GateState>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GateState {
    pub gate: String,
    /// waits or failed.
    pub verdict: String,
    pub message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

/// One registry or forge that was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HostState {
    pub host: String,
    /// registry, git or forge.
    pub kind: String,
    pub last_success: Option<String>,
    pub last_failure: Option<String>,
    pub last_error: Option<String>,
}

/// What waits for a person or does not work, gravest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Concern {
    pub urgency: Urgency,
    pub repository: String,
    /// What it is about: an environment, a stream tag, a branch or a file.
    pub subject: String,
    pub message: String,
    pub since: Option<String>,
    /// What happens by itself, and when.
    pub next: Option<String>,
    pub url: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Urgency {
    /// It does not work.
    Failed,
    /// A person has to do something.
    Blocked,
    /// A person may do something: a pull request is open.
    Waits,
}

impl DaemonState {
    pub fn repository(&self, name: &str) -> Option<&RepositoryState> {
        self.repositories.iter().find(|one| one.name == name)
    }

    /// What needs attention, gravest first.
    pub fn concerns(&self) -> Vec<Concern> {
        let mut found: Vec<Concern> = self
            .repositories
            .iter()
            .flat_map(RepositoryState::concerns)
            .collect();
        if let Some(failure) = &self.settings_failure {
            found.push(Concern {
                urgency: Urgency::Failed,
                repository: String::new(),
                subject: "the server file".to_owned(),
                message: failure.message.clone(),
                since: Some(failure.since.clone()),
                next: Some(
                    "the last good one is kept; it is read again when it changes".to_owned(),
                ),
                url: None,
            });
        }
        found.sort_by(|a, b| (a.urgency, &a.since).cmp(&(b.urgency, &b.since)));
        found
    }
}

impl RepositoryState {
    /// What needs attention here.
    pub fn concerns(&self) -> Vec<Concern> {
        let concern = |urgency, subject: &str, message: String| Concern {
            urgency,
            repository: self.name.clone(),
            subject: subject.to_owned(),
            message,
            since: None,
            next: None,
            url: None,
        };
        let mut found = Vec::new();
        if let Some(failure) = &self.failure {
            found.push(Concern {
                since: Some(failure.since.clone()),
                next: self
                    .next_pass
                    .as_ref()
                    .map(|next| format!("tried again at {next}")),
                ..concern(
                    Urgency::Failed,
                    "the Git repository",
                    failure.message.clone(),
                )
            });
        }
        for problem in &self.problems {
            if problem.severity == crate::problem::Severity::Error {
                let place = problem.place.as_ref().map(ToString::to_string);
                let subject = place.unwrap_or_else(|| "headwater.yaml".to_owned());
                found.push(concern(Urgency::Failed, &subject, problem.message.clone()));
            }
        }
        for (tag, why) in self.waiting() {
            if is_failure(why) {
                found.push(concern(Urgency::Failed, &tag, why.message.clone()));
            }
        }
        for request in &self.pull_requests {
            let (urgency, message) = match request.state.as_str() {
                "conflict" => (Urgency::Blocked, format!("{} conflicts", request.title)),
                "edited" => (Urgency::Blocked, format!("{} was edited", request.title)),
                "open" => (Urgency::Waits, request.title.clone()),
                _ => continue,
            };
            let message = match request.waiting.as_slice() {
                [] => message,
                waiting => format!("{message}: {}", waiting.join("; ")),
            };
            found.push(Concern {
                url: request.url.clone(),
                ..concern(urgency, &request.branch, message)
            });
        }
        found
    }

    /// What waits, by environment and stream tag.
    fn waiting(&self) -> impl Iterator<Item = (String, &Why)> {
        let lines = self.status.stream_tags.iter();
        let cells = lines.flat_map(|line| &line.environments);
        cells.flat_map(|cell| {
            let tag = cell.stream_tag.as_deref().unwrap_or_default();
            let name = format!("{}/{tag}", cell.environment);
            cell.waiting.iter().map(move |why| (name.clone(), why))
        })
    }
}

/// What is not as it should be, as against what waits.
pub fn is_failure(why: &Why) -> bool {
    const FAILURES: &[&str] = &[
        "missing",
        "denied",
        "unavailable",
        "refused",
        "unchosen",
        "outage",
    ];
    FAILURES.contains(&why.kind)
}
