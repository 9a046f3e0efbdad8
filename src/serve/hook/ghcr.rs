//! GitHub's container registry: the events `package` and `registry_package` of a repository or
//! an organization (docs.github.com, "Webhook events and payloads").

use axum::http::HeaderMap;
use serde::Deserialize;

use crate::serve::hook::payload::{hints, image, json_of, parse};
use crate::serve::hook::{Received, Refusal, header};

const HOST: &str = "ghcr.io";

#[derive(Deserialize)]
struct Event {
    action: Option<String>,
    #[serde(alias = "registry_package")]
    package: Option<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: Option<String>,
    package_type: Option<String>,
    owner: Option<Owner>,
    package_version: Option<Version>,
}

#[derive(Deserialize)]
struct Owner {
    login: Option<String>,
}

#[derive(Deserialize)]
struct Version {
    container_metadata: Option<Metadata>,
}

#[derive(Deserialize)]
struct Metadata {
    tag: Option<Tag>,
}

#[derive(Deserialize)]
struct Tag {
    name: Option<String>,
}

pub fn read(host: Option<&str>, headers: &HeaderMap, body: &[u8]) -> Result<Received, Refusal> {
    match header(headers, "x-github-event").ok_or(Refusal::Unusable)? {
        "ping" => Ok(Received::Ping),
        "package" | "registry_package" => read_package(host, &json_of(headers, body)?),
        _ => Ok(hints([])),
    }
}

/// An image without a tag says nothing: no tag has moved.
pub fn read_package(host: Option<&str>, body: &[u8]) -> Result<Received, Refusal> {
    let event: Event = parse(body)?;
    let package = event.package.ok_or(Refusal::Unusable)?;
    let is_push = matches!(event.action.as_deref(), Some("published" | "updated"));
    let kind = package.package_type.unwrap_or_default();
    let is_image = ["container", "docker"].contains(&&*kind.to_ascii_lowercase());
    let tag = package
        .package_version
        .and_then(|version| version.container_metadata)
        .and_then(|metadata| metadata.tag)
        .and_then(|tag| tag.name)
        .filter(|tag| !tag.is_empty());
    let (Some(tag), true) = (tag, is_push && is_image) else {
        return Ok(hints([]));
    };
    let owner = package.owner.and_then(|owner| owner.login);
    let (owner, name) = owner.zip(package.name).ok_or(Refusal::Unusable)?;
    // Accounts have capital letters, image names have none.
    let repository = format!("{owner}/{name}").to_ascii_lowercase();
    let hint = image(Some(host.unwrap_or(HOST)), &repository, Some(&tag));
    Ok(hints([hint]))
}
