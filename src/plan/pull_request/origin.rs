//! Where an image says it comes from.
//!
//! These are the image's own words: an image that is built on another inherits its labels, and
//! nothing vouches for them. So what is concluded from them names the key.

use std::collections::BTreeMap;

use crate::image::Description;

/// The keys of the OCI image specification ("Annotations"), and those that were used before it, in
/// the order in which they count.
const SOURCE: &[&str] = &[
    "org.opencontainers.image.source",
    "io.openshift.build.source-location",
    "vcs-url",
    "org.label-schema.vcs-url",
    "org.opencontainers.image.url",
];
const REVISION: &[&str] = &[
    "org.opencontainers.image.revision",
    "io.openshift.build.commit.id",
    "vcs-ref",
    "org.label-schema.vcs-ref",
];
const VERSION: &[&str] = &["org.opencontainers.image.version"];
const CREATED: &[&str] = &["org.opencontainers.image.created"];
const BASE_NAME: &[&str] = &["org.opencontainers.image.base.name"];
const BASE_DIGEST: &[&str] = &["org.opencontainers.image.base.digest"];

/// Whether a label or an annotation says where its image comes from.
pub fn is_told(key: &str) -> bool {
    [SOURCE, REVISION, VERSION, CREATED, BASE_NAME, BASE_DIGEST]
        .iter()
        .any(|keys| keys.contains(&key))
}

/// What builders write where they know nothing.
const NOTHING: &[&str] = &[
    "",
    "unknown",
    "none",
    "null",
    "n/a",
    "head",
    "dirty",
    "<no value>",
];

/// A value, and the key that it was found under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Named<'a> {
    pub key: &'static str,
    pub value: &'a str,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Origin<'a> {
    /// The source repository's address.
    pub source: Option<Named<'a>>,
    pub revision: Option<Named<'a>>,
    pub version: Option<&'a str>,
    /// RFC 3339, where the image is honest.
    pub created: Option<&'a str>,
    pub base_name: Option<&'a str>,
    pub base_digest: Option<&'a str>,
}

impl<'a> Origin<'a> {
    /// Annotations of the image, then of its index, then labels; a key that comes first in the
    /// list wins wherever it stands.
    pub fn of(description: &'a Description) -> Self {
        let labels = description.configuration.as_ref();
        let maps = [
            Some(&description.annotations),
            Some(&description.index_annotations),
            labels.map(|configuration| &configuration.labels),
        ];
        let find = |keys: &'static [&'static str]| {
            keys.iter().find_map(|key| {
                maps.iter()
                    .flatten()
                    .find_map(|map| said(map, key))
                    .map(|value| Named { key, value })
            })
        };
        let value = |keys| find(keys).map(|named| named.value);
        let configured = labels.and_then(|configuration| configuration.created.as_deref());
        Self {
            source: find(SOURCE),
            revision: find(REVISION),
            version: value(VERSION),
            created: value(CREATED).or(configured),
            base_name: value(BASE_NAME),
            base_digest: value(BASE_DIGEST),
        }
    }

    /// The source revision as Git writes it: 40 or 64 hex digits, in lower case.
    pub fn commit(&self) -> Option<String> {
        commit(self.revision?.value)
    }
}

/// 40 or 64 hex digits, in lower case; None for anything else.
pub fn commit(revision: &str) -> Option<String> {
    let is_commit =
        matches!(revision.len(), 40 | 64) && revision.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_commit.then(|| revision.to_ascii_lowercase())
}

/// Whether two revisions are one: an abbreviated one is what it abbreviates.
pub fn is_same_revision(a: &str, b: &str) -> bool {
    let (a, b) = (a.to_ascii_lowercase(), b.to_ascii_lowercase());
    let (short, long) = if a.len() < b.len() {
        (&a, &b)
    } else {
        (&b, &a)
    };
    let is_short_id = short.len() >= 7 && short.bytes().all(|byte| byte.is_ascii_hexdigit());
    a == b || (is_short_id && long.starts_with(short.as_str()))
}

fn said<'a>(map: &'a BTreeMap<String, String>, key: &str) -> Option<&'a str> {
    let value = map.get(key)?.trim();
    let is_nothing = NOTHING
        .iter()
        .any(|nothing| value.eq_ignore_ascii_case(nothing));
    (!is_nothing).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_abbreviated_revision_is_the_same() {
        let whole = "3cab71fd0f3b5f0f4d1c0d9f1d7e0a4c5b6a7988";
        assert!(is_same_revision("3CAB71F", whole) && is_same_revision(whole, whole));
        assert!(!is_same_revision("3cab71", whole) && !is_same_revision("v1", "v1.2.345"));
        assert_eq!(commit("3cab71f"), None);
        assert_eq!(commit(&whole.to_uppercase()).as_deref(), Some(whole));
    }
}
