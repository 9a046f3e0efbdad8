//! Gitea's and Forgejo's webhooks, and those of their package registries
//! (gitea `modules/structs/hook.go`, `hook_package.go`).

use axum::http::HeaderMap;
use serde::Deserialize;
use url::Url;

use crate::serve::hook::github::Repository;
use crate::serve::hook::payload::{git, hints, image, json_of, parse};
use crate::serve::hook::{Received, Refusal, header};

/// What may let a change go on; `pull_request_approved` and its kin begin like `pull_request`.
const EVENTS: &[&str] = &["push", "create", "delete", "status"];

#[derive(Deserialize)]
struct Event {
    repository: Option<Repository>,
}

#[derive(Deserialize)]
struct PackageEvent {
    action: Option<String>,
    package: Option<Package>,
}

#[derive(Deserialize)]
struct Package {
    #[serde(rename = "type")]
    kind: Option<String>,
    name: Option<String>,
    version: Option<String>,
    html_url: Option<String>,
    owner: Option<Owner>,
}

#[derive(Deserialize)]
struct Owner {
    login: Option<String>,
}

pub fn read(host: Option<&str>, headers: &HeaderMap, body: &[u8]) -> Result<Received, Refusal> {
    let event = ["x-forgejo-event", "x-gitea-event", "x-github-event"]
        .iter()
        .find_map(|name| header(headers, name))
        .ok_or(Refusal::Unusable)?;
    let body = json_of(headers, body)?;
    if event == "package" {
        return read_package(host, &body);
    }
    if !EVENTS.contains(&event) && !event.starts_with("pull_request") {
        return Ok(hints([]));
    }
    let event: Event = parse(&body)?;
    let repository = event.repository.ok_or(Refusal::Unusable)?;
    Ok(hints([git([repository.clone_url, repository.ssh_url])]))
}

/// A version of a container is a tag, or a digest where nothing was tagged.
fn read_package(host: Option<&str>, body: &[u8]) -> Result<Received, Refusal> {
    let event: PackageEvent = parse(body)?;
    let package = event.package.ok_or(Refusal::Unusable)?;
    let is_push = event.action.as_deref() == Some("created");
    if !is_push || package.kind.as_deref() != Some("container") {
        return Ok(hints([]));
    }
    let owner = package.owner.and_then(|owner| owner.login);
    let (owner, name) = owner.zip(package.name).ok_or(Refusal::Unusable)?;
    let repository = format!("{owner}/{name}").to_ascii_lowercase();
    let site = package.html_url.as_deref().and_then(host_of);
    let host = host.map(str::to_owned).or(site);
    let hint = package
        .version
        .and_then(|tag| image(host.as_deref(), &repository, Some(&tag)));
    Ok(hints([hint]))
}

/// The registry is where the pages are.
fn host_of(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    let host = url.host_str()?;
    Some(match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    })
}
