//! What the daemon knows: values for pages, metrics and commands. Times are RFC 3339, UTC.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::problem::Problem;
use crate::serve::journal::JournalEntry;
use crate::show::{Builder, Cell, Line, Status, Why};

/// So many stream tags of an environment that fail in one way are told one by one.
const MOST_ALIKE: usize = 3;

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
    /// What has changed since the start, newest first; the oldest are forgotten.
    pub activity: Vec<JournalEntry>,
}

/// One Git repository.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RepositoryState {
    pub name: String,
    /// Its path or URL, without user and password.
    pub location: String,
    pub is_running: bool,
    /// A pass is made at least so often; 0: not known.
    pub interval_seconds: u64,
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
    /// Builder images, by environment and name.
    pub catalog: Vec<BuilderState>,
}

/// A builder image, and the environment whose stream has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BuilderState {
    pub environment: String,
    #[serde(flatten)]
    pub builder: Builder,
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
    /// open, conflict, edited, closed; ignored: somebody declined it; queued: a limit or the
    /// schedule of `pullRequests` keeps it from being opened.
    pub state: String,
    pub title: String,
    /// When its commit was made, and which it is.
    pub since: Option<String>,
    pub commit: Option<String>,
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
    /// Of a registry; others are asked in each pass.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub circuit: Option<Circuit>,
    /// It asked to be left alone until then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paused_until: Option<String>,
    /// It is not asked before: the next pass of those that use it, or the end of a rest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_try: Option<String>,
    /// As its last answer with such a number said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<RateLimit>,
}

/// Whether a host is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "camelCase")]
pub enum Circuit {
    /// As always.
    Closed,
    /// It failed too often: not before then.
    Open { until: String },
    /// Its rest is over: one request finds out whether it is back.
    HalfOpen,
}

/// How often a host may still be asked, as it says itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RateLimit {
    pub left: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// When all of the limit is left again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resets: Option<String>,
}

/// An image that a stream tag had in an environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TimelineRow {
    /// A digest, or a name without one; none: the tag lost its image.
    pub image: Option<String>,
    /// When the commit that brought it entered the branch.
    pub since: String,
    pub commit: String,
    /// Who let the commit in.
    pub who: Option<String>,
    /// The environment that it was promoted from.
    pub promoted_from: Option<String>,
}

/// What waits for a person or does not work, gravest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Concern {
    pub urgency: Urgency,
    pub repository: String,
    /// What it is about: an environment, a stream tag, a branch or a file.
    pub subject: String,
    /// Where more of it is shown; none: nowhere.
    pub place: Option<ConcernPlace>,
    /// The stream tag that it is about, by its name in [`Status`].
    pub stream: Option<String>,
    pub message: String,
    pub since: Option<String>,
    /// What happens by itself, and when.
    pub next: Option<String>,
    pub url: Option<String>,
}

/// A page, or a part of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ConcernPlace {
    /// Of [`Concern::stream`], or of all of the Git repository.
    Streams,
    Promotions,
    PullRequests,
    Hosts,
    Problems,
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
                place: None,
                stream: None,
                message: failure.message.clone(),
                since: Some(failure.since.clone()),
                next: Some(
                    "the last good one is kept; it is read again when it changes".to_owned(),
                ),
                url: None,
            });
        }
        // What stands longest first; what has no time last.
        found.sort_by(|a, b| {
            let order = |it: &Concern| (it.urgency, it.since.is_none(), it.since.clone());
            order(a).cmp(&order(b))
        });
        found
    }
}

impl RepositoryState {
    /// What needs attention here.
    pub fn concerns(&self) -> Vec<Concern> {
        let mut found = Vec::new();
        if let Some(failure) = &self.failure {
            let message = match &failure.hint {
                Some(hint) => format!("{}; {hint}", failure.message),
                None => failure.message.clone(),
            };
            found.push(Concern {
                since: Some(failure.since.clone()),
                next: self.next_pass("tried again"),
                place: Some(ConcernPlace::Hosts),
                ..self.concern(Urgency::Failed, "the Git repository", message)
            });
        }
        for problem in &self.problems {
            if problem.severity == crate::problem::Severity::Error {
                let place = problem.place.as_ref().map(ToString::to_string);
                let subject = place.unwrap_or_else(|| "headwater.yaml".to_owned());
                let message = match &problem.advice {
                    Some(advice) => format!("{}; {advice}", problem.message),
                    None => problem.message.clone(),
                };
                found.push(Concern {
                    place: Some(ConcernPlace::Problems),
                    ..self.concern(Urgency::Failed, &subject, message)
                });
            }
        }
        found.extend(self.failing());
        found.extend(self.blocked_promotions());
        found.extend(self.requests());
        found
    }

    fn concern(&self, urgency: Urgency, subject: &str, message: String) -> Concern {
        Concern {
            urgency,
            repository: self.name.clone(),
            subject: subject.to_owned(),
            place: Some(ConcernPlace::Streams),
            stream: None,
            message,
            since: None,
            next: None,
            url: None,
        }
    }

    /// Stream tags that fail. Many that fail in one way are one concern: their registry is away.
    fn failing(&self) -> Vec<Concern> {
        type Failing<'a> = Vec<(&'a Line, &'a Cell, &'a Why)>;
        let mut groups: BTreeMap<(&str, &str), Failing<'_>> = BTreeMap::new();
        for line in &self.status.stream_tags {
            for cell in &line.environments {
                for why in cell.waiting.iter().filter(|why| is_failure(why)) {
                    let key = (cell.environment.as_str(), why.kind);
                    groups.entry(key).or_default().push((line, cell, why));
                }
            }
        }
        let mut found = Vec::new();
        for ((environment, _), failing) in groups {
            let next = self.next_pass("asked again");
            if let [(_, _, first), rest @ ..] = failing.as_slice()
                && rest.len() >= MOST_ALIKE
            {
                let subject = format!("{} stream tags in {environment}", failing.len());
                let message = format!("{}; and {} more", first.message, rest.len());
                found.push(Concern {
                    next,
                    ..self.concern(Urgency::Failed, &subject, message)
                });
                continue;
            }
            for (line, cell, why) in failing {
                let tag = cell.stream_tag.as_deref().unwrap_or(&line.name);
                let subject = format!("{environment}/{tag}");
                found.push(Concern {
                    stream: Some(line.name.clone()),
                    next: next.clone(),
                    ..self.concern(Urgency::Failed, &subject, why.message.clone())
                });
            }
        }
        found
    }

    /// Gates that have failed do not open by themselves.
    fn blocked_promotions(&self) -> impl Iterator<Item = Concern> {
        self.promotions.iter().flat_map(|promotion| {
            let failed = promotion.gates.iter().filter(|it| it.verdict == "failed");
            failed.map(|gate| {
                let subject = format!("{} from {}", promotion.to, promotion.from);
                Concern {
                    place: Some(ConcernPlace::Promotions),
                    ..self.concern(Urgency::Blocked, &subject, gate.message.clone())
                }
            })
        })
    }

    fn requests(&self) -> impl Iterator<Item = Concern> {
        self.pull_requests.iter().filter_map(|request| {
            let (urgency, message) = match request.state.as_str() {
                "conflict" => (Urgency::Blocked, format!("{} conflicts", request.title)),
                "edited" => (Urgency::Blocked, format!("{} was edited", request.title)),
                "open" => (Urgency::Waits, request.title.clone()),
                _ => return None,
            };
            let message = match request.waiting.as_slice() {
                [] => message,
                waiting => format!("{message}: {}", waiting.join("; ")),
            };
            Some(Concern {
                since: request.since.clone(),
                url: request.url.clone(),
                place: Some(ConcernPlace::PullRequests),
                ..self.concern(urgency, &request.branch, message)
            })
        })
    }

    fn next_pass(&self, what: &str) -> Option<String> {
        let next = self.next_pass.as_ref()?;
        Some(format!("{what} at {next}"))
    }
}

/// What is not as it should be, as against what waits.
pub fn is_failure(why: &Why) -> bool {
    const FAILURES: &[&str] = &[
        "missing",
        "denied",
        "unavailable",
        "refused",
        "uncopied",
        "unchosen",
        "outage",
    ];
    FAILURES.contains(&why.kind)
}

#[cfg(test)]
mod tests {
    use crate::lookup::{Fault, Reason as Word, Resolution};
    use crate::plan::Reason;
    use crate::resolve::Uncopied;

    use super::*;

    #[test]
    fn every_reason_that_is_a_failure_is_one_on_the_page() {
        let fault = || Fault {
            host: "h".to_owned(),
            message: String::new(),
            advice: None,
            reason: Word::NotFound,
        };
        for reason in [
            Reason::Unresolved(Resolution::Missing(fault())),
            Reason::Unresolved(Resolution::Denied(fault())),
            Reason::Unresolved(Resolution::Unavailable(fault())),
            Reason::Unresolved(Resolution::Refused(fault())),
            Reason::Uncopied(Uncopied::Failed(Resolution::Missing(fault()))),
            Reason::Uncopied(Uncopied::UnderWay),
            Reason::Unchosen(String::new()),
            Reason::Paused,
        ] {
            let why = Why {
                kind: reason.kind(),
                message: String::new(),
                field: None,
                image: None,
            };
            assert_eq!(is_failure(&why), reason.is_failure(), "{reason:?}");
        }
    }
}
