//! Webhooks out: what has happened, as CloudEvents that are signed as Standard Webhooks, so that
//! a rebuild or a chat message can hang on it. They are told once they have happened, on the way
//! out of a pass, and what nobody takes is lost: the truth is in Git.

mod cloud_event;
mod delivery;
mod target;

use jiff::Timestamp;

use crate::config::events::EventType;
use crate::git::Location;

pub use cloud_event::{CloudEvent, cloud_event};
pub use delivery::{EventCount, EventOptions, Events};

/// Something that has happened. What does not belong to it is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub kind: EventType,
    /// The Git repository; its type shows no account and no password.
    pub repository: Location,
    /// As the server file calls the Git repository.
    pub name: String,
    pub environment: Option<String>,
    /// `namespace/stream:tag`
    pub stream_tag: Option<String>,
    /// The image now and before, as `sha256:…`.
    pub digest: Option<String>,
    pub previous_digest: Option<String>,
    /// The commit that did it.
    pub commit: Option<String>,
    pub branch: Option<String>,
    pub pull_request: Option<String>,
    /// Why it is blocked or failed, in words; no secret.
    pub reason: Option<String>,
    /// When it happened; for what lasts, when it began.
    pub time: Timestamp,
}

impl Event {
    /// One of which nothing but this is known.
    pub fn new(kind: EventType, repository: Location, name: &str, time: Timestamp) -> Self {
        Self {
            kind,
            repository,
            name: name.to_owned(),
            environment: None,
            stream_tag: None,
            digest: None,
            previous_digest: None,
            commit: None,
            branch: None,
            pull_request: None,
            reason: None,
            time,
        }
    }
}
