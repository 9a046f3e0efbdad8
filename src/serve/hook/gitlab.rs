//! GitLab's webhooks of a project, a group or the system (docs.gitlab.com, "Webhook events").

use serde::Deserialize;

use crate::serve::hook::payload::{git, hints, parse};
use crate::serve::hook::{Received, Refusal};

/// What may let a change go on: commits and branches, merge requests, and their checks.
const EVENTS: &[&str] = &["push", "merge_request", "pipeline"];

#[derive(Deserialize)]
struct Event {
    object_kind: Option<String>,
    /// A system hook's.
    event_name: Option<String>,
    project: Option<Project>,
}

#[derive(Deserialize)]
struct Project {
    git_http_url: Option<String>,
    git_ssh_url: Option<String>,
}

pub fn read(body: &[u8]) -> Result<Received, Refusal> {
    let event: Event = parse(body)?;
    let kind = event
        .object_kind
        .or(event.event_name)
        .ok_or(Refusal::Unusable)?;
    if !EVENTS.contains(&&*kind) {
        return Ok(hints([]));
    }
    let project = event.project.ok_or(Refusal::Unusable)?;
    Ok(hints([git([project.git_http_url, project.git_ssh_url])]))
}
