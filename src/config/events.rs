//! The operator's `events`: who is told what has happened.

use std::collections::BTreeSet;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::{Host, Url};

use crate::config::field::{Fields, MOST, nearest};
use crate::config::server::path;
use crate::yaml::Node;

/// An address that `CloudEvents` are posted to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventSettings {
    /// `https://`, on the loopback `http://` too; without an account. Its path may be a secret:
    /// only its host is shown.
    pub url: Url,
    /// What the events are signed with.
    pub secret_file: PathBuf,
    /// Never empty.
    pub types: BTreeSet<EventType>,
}

/// What may have happened.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub enum EventType {
    /// A bot branch proposes another image for a stream tag, or an environment has one.
    ImageMoved,
    PullRequestOpened,
    /// An environment has an image of the one before it.
    Promoted,
    /// A person has to do something about a bot branch.
    Blocked,
    /// Passes over a repository fail from now on.
    Failed,
}

impl EventType {
    pub const ALL: [Self; 5] = [
        Self::ImageMoved,
        Self::PullRequestOpened,
        Self::Promoted,
        Self::Blocked,
        Self::Failed,
    ];

    /// As the server file writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::ImageMoved => "imageMoved",
            Self::PullRequestOpened => "pullRequestOpened",
            Self::Promoted => "promoted",
            Self::Blocked => "blocked",
            Self::Failed => "failed",
        }
    }
}

pub(crate) fn read_events<'a>(fields: &mut Fields<'a>, root: &'a Node) -> Vec<EventSettings> {
    let items = fields.list(root, "events");
    if items.len() > MOST
        && let Some(list) = fields.get(root, "events")
    {
        fields.error(list, format!("`events` has more than {MOST} items"));
        return Vec::new();
    }
    let mut targets: Vec<EventSettings> = Vec::new();
    for item in items {
        let Some(target) = read_target(fields, item) else {
            continue;
        };
        if targets.iter().any(|other| other.url == target.url) {
            // The URL is not repeated: it may hold a secret.
            fields.error(item, "this `url` stands twice");
        }
        targets.push(target);
    }
    targets
}

fn read_target<'a>(fields: &mut Fields<'a>, item: &'a Node) -> Option<EventSettings> {
    fields.check(item, &["url", "secretFile", "types"]);
    let url = read_url(fields, item);
    let secret_file = path(fields, item, "secretFile").filter(|file| !file.as_os_str().is_empty());
    let is_missing = |key| fields.get(item, key).is_none();
    let (no_url, no_types) = (is_missing("url"), is_missing("types"));
    if no_url {
        fields.error(item, "an event's target has a `url`");
    }
    if secret_file.is_none() {
        let message = "an event's target has a `secretFile`: events are signed with it";
        fields.error(item, message);
    }
    let types = read_types(fields, item);
    if no_types {
        let known = EventType::ALL.map(EventType::name).join(", ");
        fields.error(item, format!("an event's target has `types`: {known}"));
    }
    Some(EventSettings {
        url: url?,
        secret_file: secret_file?,
        types,
    })
}

fn read_types<'a>(fields: &mut Fields<'a>, item: &'a Node) -> BTreeSet<EventType> {
    let names = EventType::ALL.map(EventType::name);
    let mut types = BTreeSet::new();
    let texts = fields.few_texts(item, "types");
    if texts.is_empty()
        && let Some(list) = fields.get(item, "types")
    {
        fields.error(list, "`types` is a list of at least one type");
    }
    for (node, text) in texts {
        match EventType::ALL.into_iter().find(|kind| kind.name() == text) {
            Some(kind) => {
                types.insert(kind);
            }
            None => {
                let advice = match nearest(&text, &names) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("known are {}", names.join(", ")),
                };
                fields.error_with(node, "no such type of events", advice);
            }
        }
    }
    types
}

/// It is never repeated in a message.
fn read_url<'a>(fields: &mut Fields<'a>, item: &'a Node) -> Option<Url> {
    let node = fields.get(item, "url")?;
    let text = fields.text(item, "url")?;
    let url = Url::parse(&text).ok().filter(|url| {
        let has_account = !url.username().is_empty() || url.password().is_some();
        url.has_host() && !has_account && matches!(url.scheme(), "https" | "http")
    });
    match url {
        Some(url) if url.scheme() == "https" || is_loopback(&url) => Some(url),
        Some(_) => {
            let message = "`url` begins with https://; plain http is for the loopback only";
            fields.error(node, message);
            None
        }
        None => {
            fields.error(node, "`url` is an https:// URL without an account");
            None
        }
    }
}

/// Whether the URL names this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::server;

    fn read(text: &str) -> Result<Vec<EventSettings>, Vec<String>> {
        let (config, problems) = server::read(&"config.yaml".parse().unwrap(), text.as_bytes());
        match config {
            Some(config) => Ok(config.events),
            None => Err(problems.iter().map(ToString::to_string).collect()),
        }
    }

    #[test]
    fn targets_are_read() {
        let text = "events:
- {url: \"https://chat.example/hook\", secretFile: /s, types: [imageMoved, pullRequestOpened, promoted, blocked, failed]}
- {url: \"http://127.0.0.1:8000\", secretFile: /s, types: [failed]}
- {url: \"http://[::1]/\", secretFile: /s, types: [failed]}
- {url: \"http://localhost/\", secretFile: /s, types: [failed]}
";
        let events = read(text).unwrap();
        assert_eq!(events.len(), 4);
        assert_eq!(events[0].types, BTreeSet::from(EventType::ALL));
        assert_eq!(events[1].types, BTreeSet::from([EventType::Failed]));
        assert_eq!(read("events: []"), Ok(Vec::new()));
    }

    #[test]
    fn faults_have_places_and_never_repeat_a_url() {
        let known = "imageMoved, pullRequestOpened, promoted, blocked, failed";
        for (event, expected) in [
            (
                "{}",
                vec![
                    "1:10: error: an event's target has a `url`".to_owned(),
                    "1:10: error: an event's target has a `secretFile`: events are signed with it"
                        .to_owned(),
                    format!("1:10: error: an event's target has `types`: {known}"),
                ],
            ),
            (
                "{url: \"http://chat.example/secret\", secretFile: /s, types: [failed]}",
                vec![
                    "1:16: error: `url` begins with https://; plain http is for the loopback only"
                        .to_owned(),
                ],
            ),
            (
                "{url: \"https://a:secret@chat.example\", secretFile: /s, types: [failed]}",
                vec!["1:16: error: `url` is an https:// URL without an account".to_owned()],
            ),
            (
                "{url: \"https://a.example\", secretFile: /s, types: [imagemoved]}",
                vec!["1:61: error: no such type of events; did you mean `imageMoved`?".to_owned()],
            ),
            (
                "{url: \"https://a.example\", secretFile: /s, types: [x]}",
                vec![format!(
                    "1:61: error: no such type of events; known are {known}"
                )],
            ),
            (
                "{url: \"https://a.example\", secretFile: /s, types: []}",
                vec!["1:60: error: `types` is a list of at least one type".to_owned()],
            ),
            (
                "{url: \"https://a.example\", secretFile: /s, types: [failed]}, {url: \"https://a.example/\", secretFile: /t, types: [failed]}",
                vec!["1:71: error: this `url` stands twice".to_owned()],
            ),
        ] {
            let problems = read(&format!("events: [{event}]")).unwrap_err();
            let expected: Vec<_> = expected
                .iter()
                .map(|e| format!("config.yaml:{e}"))
                .collect();
            assert_eq!(problems, expected, "{event}");
        }
    }
}
