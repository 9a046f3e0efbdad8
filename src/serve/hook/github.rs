//! GitHub's webhooks (docs.github.com, "Webhook events and payloads").

use axum::http::HeaderMap;
use serde::Deserialize;

use crate::serve::hook::payload::{git, hints, json_of, parse};
use crate::serve::hook::{Received, Refusal, ghcr, header};

/// What may let a change go on: commits and branches, pull requests, reviews, and checks.
const EVENTS: &[&str] = &[
    "push",
    "create",
    "delete",
    "pull_request",
    "pull_request_review",
    "check_suite",
    "status",
];

#[derive(Deserialize)]
struct Event {
    repository: Option<Repository>,
}

#[derive(Deserialize)]
pub struct Repository {
    pub clone_url: Option<String>,
    pub ssh_url: Option<String>,
}

pub fn read(headers: &HeaderMap, body: &[u8]) -> Result<Received, Refusal> {
    let event = header(headers, "x-github-event").ok_or(Refusal::Unusable)?;
    let body = json_of(headers, body)?;
    match event {
        "ping" => Ok(Received::Ping),
        "package" | "registry_package" => ghcr::read_package(None, &body),
        event if EVENTS.contains(&event) => {
            let event: Event = parse(&body)?;
            let repository = event.repository.ok_or(Refusal::Unusable)?;
            Ok(hints([git([repository.clone_url, repository.ssh_url])]))
        }
        _ => Ok(hints([])),
    }
}
