//! Notifications of `registry:2`, `registry:3` and of GitLab's registry
//! (distribution `notifications/event.go`). The registry sends the head of its queue again and
//! again until it is taken, so the listener takes all that is authentic.

use serde::Deserialize;

use crate::serve::hook::payload::{Few, hints, image, parse};
use crate::serve::hook::{Received, Refusal};

#[derive(Deserialize)]
struct Envelope {
    #[serde(default)]
    events: Option<Few<Event>>,
}

#[derive(Deserialize)]
struct Event {
    action: Option<String>,
    target: Option<Target>,
    request: Option<Request>,
}

#[derive(Deserialize)]
struct Target {
    repository: Option<String>,
    tag: Option<String>,
}

#[derive(Deserialize)]
struct Request {
    host: Option<String>,
}

/// Layers, and image manifests without a tag, move no tag.
pub fn read(host: Option<&str>, body: &[u8]) -> Result<Received, Refusal> {
    let envelope: Envelope = parse(body)?;
    let events = envelope.events.ok_or(Refusal::Unusable)?;
    Ok(hints(events.0.into_iter().map(|event| {
        let target = event
            .target
            .filter(|_| event.action.as_deref() == Some("push"))?;
        let tag = target.tag.filter(|tag| !tag.is_empty())?;
        let asked = event.request.and_then(|request| request.host);
        image(host.or(asked.as_deref()), &target.repository?, Some(&tag))
    })))
}
