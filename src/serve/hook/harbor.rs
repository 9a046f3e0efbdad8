//! Harbor's webhooks, in both of its payload formats, Default and CloudEvents
//! (goharbor.io, "Configure Webhook Notifications").

use serde::Deserialize;

use crate::serve::hook::payload::{Few, hints, image, parse};
use crate::serve::hook::{Hint, Received, Refusal};

#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: Option<String>,
    /// `data` in CloudEvents.
    #[serde(alias = "data")]
    event_data: Option<Data>,
}

#[derive(Deserialize)]
struct Data {
    #[serde(default)]
    resources: Few<Resource>,
    repository: Option<Repository>,
}

#[derive(Deserialize)]
struct Resource {
    tag: Option<String>,
    resource_url: Option<String>,
}

#[derive(Deserialize)]
struct Repository {
    repo_full_name: Option<String>,
}

pub fn read(host: Option<&str>, body: &[u8]) -> Result<Received, Refusal> {
    let event: Event = parse(body)?;
    let kind = event.kind.ok_or(Refusal::Unusable)?;
    if !matches!(&*kind, "PUSH_ARTIFACT" | "harbor.artifact.pushed") {
        return Ok(hints([]));
    }
    let data = event.event_data.ok_or(Refusal::Unusable)?;
    let name = data
        .repository
        .and_then(|repository| repository.repo_full_name);
    let name = name.ok_or(Refusal::Unusable)?;
    let resources = data.resources.0.into_iter();
    Ok(hints(
        resources.map(|resource| pushed(host, &name, resource)),
    ))
}

/// Where nothing was tagged, `tag` is a digest.
fn pushed(host: Option<&str>, name: &str, resource: Resource) -> Option<Hint> {
    let tag = resource.tag.filter(|tag| !tag.is_empty())?;
    let url = resource.resource_url.unwrap_or_default();
    let own = url.split_once('/').map(|(host, _)| host);
    image(host.or(own), name, Some(&tag))
}
