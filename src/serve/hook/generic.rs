//! What anybody can send: a signed line of JSON, or a CloudEvent around it.

use serde::Deserialize;

use crate::serve::hook::payload::{git, hints, image, parse, referred};
use crate::serve::hook::{Received, Refusal};

#[derive(Deserialize)]
struct Event {
    /// A CloudEvent's (structured mode).
    data: Option<Data>,
    #[serde(flatten)]
    bare: Data,
}

#[derive(Default, Deserialize)]
struct Data {
    /// `host/repository:tag`; without a tag, any of the repository.
    image: Option<String>,
    registry: Option<String>,
    repository: Option<String>,
    tag: Option<String>,
    /// The URL of a Git repository.
    git: Option<String>,
}

pub fn read(host: Option<&str>, body: &[u8]) -> Result<Received, Refusal> {
    let event: Event = parse(body)?;
    let data = event.data.unwrap_or(event.bare);
    let registry = host.or(data.registry.as_deref());
    let hint = match (&data.image, &data.repository, data.git) {
        (Some(image), None, None) => referred(host, image),
        (None, Some(repository), None) => image(registry, repository, data.tag.as_deref()),
        (None, None, Some(url)) => git([Some(url)]),
        _ => None,
    };
    // Who writes the payload wants to know that it says nothing.
    hint.map(|hint| hints([Some(hint)]))
        .ok_or(Refusal::Unusable)
}
