//! Docker Hub's webhooks (docs.docker.com, "Webhooks"). Its `callback_url` is never called.

use serde::Deserialize;

use crate::image::DOCKER_HUB;
use crate::serve::hook::payload::{hints, image, parse};
use crate::serve::hook::{Received, Refusal};

#[derive(Deserialize)]
struct Event {
    push_data: Option<Push>,
    repository: Option<Repository>,
}

#[derive(Deserialize)]
struct Push {
    tag: Option<String>,
}

#[derive(Deserialize)]
struct Repository {
    repo_name: Option<String>,
}

pub fn read(host: Option<&str>, body: &[u8]) -> Result<Received, Refusal> {
    let event: Event = parse(body)?;
    let name = event.repository.and_then(|repository| repository.repo_name);
    let name = name.ok_or(Refusal::Unusable)?;
    let tag = event.push_data.and_then(|push| push.tag);
    let hint = image(Some(host.unwrap_or(DOCKER_HUB)), &name, tag.as_deref());
    Ok(hints([hint]))
}
