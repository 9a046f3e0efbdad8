//! The last changes of state, in memory: they begin with the daemon. Git has what was before.

use std::collections::VecDeque;

use jiff::Timestamp;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::clock;
use crate::config::events::EventType;
use crate::serve::news::{News, What};

/// So many changes are kept.
pub const MOST: usize = 200;

/// The last [`MOST`] changes of state.
#[derive(Debug, Default)]
pub struct Journal {
    /// Oldest first.
    entries: VecDeque<JournalEntry>,
    /// How many were ever written.
    count: u64,
}

/// A change of state, and when it was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JournalEntry {
    /// `urn:uuid:…`, of this entry alone.
    pub id: String,
    /// When the pass that saw it ended.
    pub time: String,
    /// As the server file calls it.
    pub repository: String,
    /// As events call it; `recovered`, of which there is no event.
    pub kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// The environment that it was promoted from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_environment: Option<String>,
    /// `namespace/stream:tag`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream_tag: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous_image: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// The bot branch that it is about, or that proposes the image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// Of the pull request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Journal {
    /// Writes down what was seen at `now`. `location` is the repository's, without a login, and
    /// `started` the daemon's start: names alone are the same in other daemons.
    pub fn add(&mut self, news: &News, location: &str, started: Timestamp, now: Timestamp) {
        self.count += 1;
        let (started, count) = (started.to_string(), self.count.to_string());
        let entry = JournalEntry {
            id: urn(&[&started, &count, location, &news.repository]),
            time: clock::rfc3339(now),
            repository: news.repository.clone(),
            ..JournalEntry::of(&news.what)
        };
        self.entries.push_back(entry);
        if self.entries.len() > MOST {
            self.entries.pop_front();
        }
    }

    /// Newest first.
    pub fn entries(&self) -> Vec<JournalEntry> {
        self.entries.iter().rev().cloned().collect()
    }
}

impl JournalEntry {
    fn of(what: &What) -> Self {
        let facts = what.facts();
        Self {
            kind: facts.kind.map_or("recovered", EventType::name),
            environment: facts.environment,
            from_environment: facts.from_environment,
            stream_tag: facts.stream_tag,
            previous_image: facts.from,
            image: facts.to,
            branch: facts.branch,
            title: facts.title,
            url: facts.url,
            reason: facts.reason,
            ..Self::default()
        }
    }
}

/// A name for what `parts` say, always the same and nobody else's: a UUID of version 8 (RFC 9562,
/// 5.8), the beginning of a SHA-256.
pub fn urn(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_be_bytes());
        hash.update(part.as_bytes());
    }
    let bytes = hash.finalize();
    let bytes = bytes.iter().take(16);
    let number = bytes.fold(0_u128, |number, byte| (number << 8) | u128::from(*byte));
    let number = (number & !(0xf << 76)) | (8 << 76);
    let number = (number & !(0x3 << 62)) | (0x2 << 62);
    format!(
        "urn:uuid:{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        number >> 96,
        (number >> 80) & 0xffff,
        (number >> 64) & 0xffff,
        (number >> 48) & 0xffff,
        number & 0xffff_ffff_ffff
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_last_ones_are_kept_newest_first_and_each_has_a_name_of_its_own() {
        let mut journal = Journal::default();
        let news = News {
            commit: None,
            repository: "deploy".to_owned(),
            what: What::Recovered,
        };
        let mut names = BTreeSet::new();
        for second in 0..500 {
            let now = Timestamp::from_second(second / 2).unwrap();
            journal.add(&news, "/srv/deploy", Timestamp::UNIX_EPOCH, now);
            names.insert(journal.entries()[0].id.clone());
        }
        assert_eq!(names.len(), 500);
        let entries = journal.entries();
        assert_eq!(entries.len(), MOST);
        assert_eq!(entries[0].time, "1970-01-01T00:04:09Z");
        assert_eq!(entries[MOST - 1].time, "1970-01-01T00:02:30Z");
    }

    #[test]
    fn a_name_is_a_uuid_of_version_8() {
        let name = urn(&["a", "b"]);
        assert_eq!(name, urn(&["a", "b"]));
        assert_ne!(name, urn(&["ab", ""]));
        let uuid = name.strip_prefix("urn:uuid:").unwrap();
        let parts: Vec<&str> = uuid.split('-').collect();
        let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12]);
        assert!(parts[2].starts_with('8'), "{uuid}");
        assert!(parts[3].starts_with(['8', '9', 'a', 'b']), "{uuid}");
    }
}
