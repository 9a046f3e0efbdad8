//! An event as a CloudEvent 1.0 in structured JSON (cloudevents/spec `formats/json-format.md`).

use std::fmt::Write as _;

use serde::Serialize;
use sha2::{Digest as _, Sha256};
use url::Url;

use crate::clock::rfc3339;
use crate::config::events::EventType;
use crate::git::{Location, RemoteUrl};
use crate::serve::event::Event;

/// The longest reason, in characters.
const MOST_REASON: usize = 1000;

/// What is posted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloudEvent {
    /// The same for the same event, from whichever copy of the daemon it comes.
    pub id: String,
    pub kind: EventType,
    pub body: Vec<u8>,
}

#[derive(Serialize)]
struct Envelope<'e> {
    specversion: &'static str,
    id: &'e str,
    source: &'e str,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'e str>,
    time: &'e str,
    datacontenttype: &'static str,
    data: &'e Data<'e>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Data<'e> {
    repository: &'e str,
    #[serde(skip_serializing_if = "Option::is_none")]
    environment: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_tag: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_digest: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    commit: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    branch: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pull_request: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

pub fn cloud_event(event: &Event) -> CloudEvent {
    let source = source(&event.repository);
    let time = rfc3339(event.time);
    let data = Data {
        repository: &event.name,
        environment: event.environment.as_deref(),
        stream_tag: event.stream_tag.as_deref(),
        digest: event.digest.as_deref(),
        previous_digest: event.previous_digest.as_deref(),
        commit: event.commit.as_deref(),
        branch: event.branch.as_deref(),
        pull_request: event.pull_request.as_deref().filter(|url| is_page(url)),
        reason: event
            .reason
            .as_ref()
            .map(|reason| reason.chars().take(MOST_REASON).collect()),
    };
    let id = id(event, &source, &time);
    let envelope = Envelope {
        specversion: "1.0",
        id: &id,
        source: &source,
        kind: kind_name(event.kind),
        subject: data.stream_tag.or(data.branch).or(data.environment),
        time: &time,
        datacontenttype: "application/json",
        data: &data,
    };
    // Texts only: it cannot fail.
    let body = serde_json::to_vec(&envelope).unwrap_or_default();
    CloudEvent {
        id,
        kind: event.kind,
        body,
    }
}

/// `type` of the CloudEvent.
pub fn kind_name(kind: EventType) -> &'static str {
    match kind {
        EventType::ImageMoved => "dev.headwater.image.moved",
        EventType::PullRequestOpened => "dev.headwater.pullrequest.opened",
        EventType::Promoted => "dev.headwater.image.promoted",
        EventType::Blocked => "dev.headwater.change.blocked",
        EventType::Failed => "dev.headwater.pass.failed",
    }
}

/// A hash of what happened. A commit or a pull request happens once; what has neither, such as a
/// failure, is told from the next one like it by when it began.
fn id(event: &Event, source: &str, time: &str) -> String {
    let is_once = event.commit.is_some() || event.pull_request.is_some();
    let parts = [
        Some(kind_name(event.kind)),
        Some(source),
        event.environment.as_deref(),
        event.stream_tag.as_deref(),
        event.previous_digest.as_deref(),
        event.digest.as_deref(),
        event.commit.as_deref(),
        event.branch.as_deref(),
        event.pull_request.as_deref(),
        event.reason.as_deref(),
        (!is_once).then_some(time),
    ];
    let mut hash = Sha256::new();
    for part in parts {
        // Neither a missing part nor where one ends is open to doubt.
        hash.update([u8::from(part.is_some())]);
        let part = part.unwrap_or_default();
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    let mut id = "evt_".to_owned();
    for byte in hash.finalize().iter().take(16) {
        let _ = write!(id, "{byte:02x}");
    }
    id
}

/// A URI without account.
fn source(location: &Location) -> String {
    match location {
        Location::Local(path) => {
            Url::from_file_path(path).map_or_else(|()| "file:///".to_owned(), |url| url.to_string())
        }
        Location::Remote(url) => remote_source(url),
    }
}

/// `user@host:path` is no URI.
fn remote_source(url: &RemoteUrl) -> String {
    let text = url.to_string();
    if text.contains("://") {
        return text;
    }
    let path = text.split_once(':').map_or("", |(_, path)| path);
    format!("ssh://{}/{path}", url.host())
}

fn is_page(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| {
        let has_account = !url.username().is_empty() || url.password().is_some();
        matches!(url.scheme(), "https" | "http") && !has_account
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moved() -> Event {
        Event {
            environment: Some("prod".to_owned()),
            stream_tag: Some("shop/web:1.8".to_owned()),
            digest: Some("sha256:bb".to_owned()),
            previous_digest: Some("sha256:aa".to_owned()),
            commit: Some("c0ffee".to_owned()),
            ..Event::new(
                EventType::ImageMoved,
                "https://bot@git.example/acme/deploy.git".parse().unwrap(),
                "deploy",
                "2026-11-28T10:00:00.5Z".parse().unwrap(),
            )
        }
    }

    #[test]
    fn an_event_is_a_cloud_event() {
        let event = cloud_event(&moved());
        let text = String::from_utf8(event.body).unwrap();
        assert_eq!(
            text,
            format!(
                "{{\"specversion\":\"1.0\",\"id\":\"{}\",\"source\":\"https://git.example/acme/deploy.git\",\"type\":\"dev.headwater.image.moved\",\"subject\":\"shop/web:1.8\",\"time\":\"2026-11-28T10:00:00Z\",\"datacontenttype\":\"application/json\",\"data\":{{\"repository\":\"deploy\",\"environment\":\"prod\",\"streamTag\":\"shop/web:1.8\",\"digest\":\"sha256:bb\",\"previousDigest\":\"sha256:aa\",\"commit\":\"c0ffee\"}}}}",
                event.id
            )
        );
    }

    #[test]
    fn ids_tell_events_apart_and_copies_together() {
        let id = |change: &dyn Fn(&mut Event)| {
            let mut event = moved();
            change(&mut event);
            cloud_event(&event).id
        };
        let same = id(&|_| ());
        let later = "2026-11-28T10:00:07Z".parse().unwrap();
        assert_eq!(id(&|event| event.time = later), same);
        assert_ne!(id(&|event| event.commit = Some("dead".to_owned())), same);
        assert_ne!(id(&|event| event.kind = EventType::Promoted), same);
        assert_ne!(id(&|event| event.environment = None), same);
        let shifted = id(&|event| {
            event.environment = None;
            event.stream_tag = Some("prodshop/web:1.8".to_owned());
        });
        assert_ne!(shifted, same);
        let failed = |time: &str| {
            let repository = "/srv/git/deploy.git".parse().unwrap();
            let time = time.parse().unwrap();
            cloud_event(&Event::new(EventType::Failed, repository, "deploy", time)).id
        };
        assert_eq!(
            failed("2026-11-28T10:00:00Z"),
            failed("2026-11-28T10:00:00.9Z")
        );
        assert_ne!(
            failed("2026-11-28T10:00:00Z"),
            failed("2026-11-29T10:00:00Z")
        );
    }

    #[test]
    fn sources_are_uris_without_accounts() {
        for (text, expected) in [
            (
                "ssh://git@git.example:2222/a/b.git",
                "ssh://git.example:2222/a/b.git",
            ),
            ("git@git.example:a/b.git", "ssh://git.example/a/b.git"),
            ("/srv/git/a b.git", "file:///srv/git/a%20b.git"),
        ] {
            assert_eq!(source(&text.parse().unwrap()), expected);
        }
        let mut event = moved();
        event.pull_request = Some("javascript:alert(1)".to_owned());
        event.reason = Some("x".repeat(5000));
        let body: serde_json::Value = serde_json::from_slice(&cloud_event(&event).body).unwrap();
        assert!(body["data"]["pullRequest"].is_null());
        assert_eq!(body["data"]["reason"].as_str().unwrap().len(), MOST_REASON);
    }
}
