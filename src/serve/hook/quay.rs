//! Quay's notification "Push to Repository" by webhook (docs.redhat.com, "Repository
//! notifications").

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::serve::hook::payload::{Few, hints, parse, referred};
use crate::serve::hook::{Received, Refusal};

#[derive(Deserialize)]
struct Event {
    docker_url: Option<String>,
    updated_tags: Option<Tags>,
}

/// Older servers name the image of each tag.
#[derive(Deserialize)]
#[serde(untagged)]
enum Tags {
    List(Few<String>),
    Map(BTreeMap<String, IgnoredAny>),
}

pub fn read(host: Option<&str>, body: &[u8]) -> Result<Received, Refusal> {
    let event: Event = parse(body)?;
    // Builds and scans have no tags that moved.
    let Some(tags) = event.updated_tags else {
        return Ok(hints([]));
    };
    let url = event.docker_url.ok_or(Refusal::Unusable)?;
    let tags = match tags {
        Tags::List(tags) => tags.0,
        Tags::Map(tags) => tags.into_keys().collect(),
    };
    let each = tags
        .iter()
        .map(|tag| referred(host, &format!("{url}:{tag}")));
    Ok(hints(each))
}
