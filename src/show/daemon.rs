//! What a daemon knows of a stream, below its description: when it is looked at next, what failed
//! last, which pull requests are open.

use jiff::Timestamp;
use serde::Deserialize;

use crate::plain::plain;
use crate::show::ago::{ago, human_duration};
use crate::show::tabs::{Padding, Tabs};
use crate::stream::StreamName;

/// Of a daemon's state, what is shown here; a newer daemon may say more.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DaemonView {
    /// RFC 3339, as all times here: when the daemon said this.
    pub now: String,
    pub repositories: Vec<RepositoryView>,
}

/// One Git repository.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RepositoryView {
    pub name: String,
    /// Its path or URL.
    pub location: String,
    #[serde(default)]
    is_running: bool,
    last_pass: Option<String>,
    next_pass: Option<String>,
    failure: Option<FailureView>,
    #[serde(default)]
    status: StatusView,
    #[serde(default)]
    pull_requests: Vec<PullRequestView>,
}

#[derive(Clone, Debug, Deserialize)]
struct FailureView {
    since: String,
    count: u32,
    message: String,
    hint: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct StatusView {
    #[serde(default)]
    stream_tags: Vec<LineView>,
}

#[derive(Clone, Debug, Deserialize)]
struct LineView {
    #[serde(default)]
    environments: Vec<CellView>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct CellView {
    environment: String,
    stream_tag: Option<String>,
    #[serde(default)]
    waiting: Vec<WhyView>,
}

#[derive(Clone, Debug, Deserialize)]
struct WhyView {
    message: String,
}

#[derive(Clone, Debug, Deserialize)]
struct PullRequestView {
    environment: String,
    branch: String,
    state: String,
    title: String,
    number: Option<u64>,
    url: Option<String>,
    /// Stream tags and images.
    #[serde(default)]
    images: Vec<(String, String)>,
    #[serde(default)]
    waiting: Vec<String>,
}

/// A section of `describe`; times are told as the daemon saw them.
pub fn describe(view: &DaemonView, repository: &RepositoryView, stream: &StreamName) -> String {
    let now = view.now.parse::<Timestamp>().unwrap_or_default();
    let mut out = Tabs::new(Padding::Tabs);
    let row = |out: &mut Tabs, key: &str, text: &str| {
        out.line(format_args!("{key}:\t{}", plain(text)));
    };
    row(&mut out, "Daemon", &format!("as of {}", view.now));
    row(&mut out, "Git Repository", &repository.name);
    let last = repository.last_pass.as_deref();
    let last = last.and_then(|last| ago(last, now));
    row(&mut out, "Last Check", last.as_deref().unwrap_or("<none>"));
    row(&mut out, "Next Check", &next_check(repository, now));
    match &repository.failure {
        None => row(&mut out, "Last Failure", "<none>"),
        Some(failure) => {
            row(&mut out, "Last Failure", &failure_text(failure, now));
            if let Some(hint) = &failure.hint {
                out.line(format_args!("\t{}", plain(hint)));
            }
        }
    }
    for (number, line) in waiting(repository, stream).iter().enumerate() {
        let key = if number == 0 { "Waiting:" } else { "" };
        out.line(format_args!("{key}\t{}", plain(line)));
    }
    let open: Vec<&PullRequestView> = repository
        .pull_requests
        .iter()
        .filter(|it| it.is_open() && it.brings(stream))
        .collect();
    if open.is_empty() {
        row(&mut out, "Pull Requests", "<none>");
    }
    for (number, request) in open.into_iter().enumerate() {
        let key = if number == 0 { "Pull Requests:" } else { "" };
        out.line(format_args!("{key}\t{}", plain(&request.to_string())));
        for line in request.url.iter().chain(&request.waiting) {
            out.line(format_args!("\t  {}", plain(line)));
        }
    }
    out.finish()
}

fn next_check(repository: &RepositoryView, now: Timestamp) -> String {
    if repository.is_running {
        return "now".to_owned();
    }
    let next = repository.next_pass.as_deref();
    let Some(next) = next.and_then(|next| next.parse::<Timestamp>().ok()) else {
        return "<none>".to_owned();
    };
    match next.as_second().saturating_sub(now.as_second()) {
        seconds if seconds <= 0 => "now".to_owned(),
        seconds => format!("in {}", human_duration(seconds).to_lowercase()),
    }
}

fn failure_text(failure: &FailureView, now: Timestamp) -> String {
    let since = match ago(&failure.since, now) {
        Some(ago) => format!("since {ago}"),
        None => format!("since {}", failure.since),
    };
    let times = match failure.count {
        0 | 1 => String::new(),
        count => format!(", {count} times in a row"),
    };
    format!("{} ({since}{times})", failure.message)
}

/// What the stream's tags wait for, each once.
fn waiting(repository: &RepositoryView, stream: &StreamName) -> Vec<String> {
    let lines = repository.status.stream_tags.iter();
    let mut found = Vec::new();
    for cell in lines.flat_map(|line| &line.environments) {
        let tag = cell.stream_tag.as_deref().unwrap_or_default();
        if !is_of(tag, stream) {
            continue;
        }
        for why in &cell.waiting {
            let line = format!("{}/{tag}: {}", cell.environment, why.message);
            if !found.contains(&line) {
                found.push(line);
            }
        }
    }
    found
}

/// Whether `namespace/name:tag` is a tag of the stream.
fn is_of(tag: &str, stream: &StreamName) -> bool {
    tag.rsplit_once(':')
        .is_some_and(|(name, _)| name == stream.to_string())
}

impl PullRequestView {
    /// As against one that somebody closed or declined.
    fn is_open(&self) -> bool {
        matches!(self.state.as_str(), "open" | "conflict" | "edited")
    }

    fn brings(&self, stream: &StreamName) -> bool {
        self.images.iter().any(|(tag, _)| is_of(tag, stream))
    }
}

impl std::fmt::Display for PullRequestView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.number {
            Some(number) => write!(f, "#{number}")?,
            None => f.write_str(&self.branch)?,
        }
        write!(f, " {} in {}: {}", self.state, self.environment, self.title)
    }
}
