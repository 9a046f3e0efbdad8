//! JSON that a stranger sent: limited in depth and in the length of lists, everything optional.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::marker::PhantomData;

use axum::http::HeaderMap;
use serde::de::{DeserializeOwned, IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::git::{RemoteUrl, Scheme};
use crate::image::{Reference, Tag};
use crate::serve::hook::{Hint, Received, Refusal, header};

/// The real ones have at most eight.
const MOST_DEPTH: usize = 32;
/// So many items of a list count; what is beyond is left to the next regular check.
const MOST_ITEMS: usize = 100;

/// Reads a body.
pub fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    if is_too_deep(body) {
        return Err(Refusal::Unusable);
    }
    serde_json::from_slice(body).map_err(|_| Refusal::Unusable)
}

/// The JSON of a body that may be a form with the field `payload`: GitHub's and Gitea's other
/// content type.
pub fn json_of<'b>(headers: &HeaderMap, body: &'b [u8]) -> Result<Cow<'b, [u8]>, Refusal> {
    let is_form = header(headers, "content-type")
        .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
    if !is_form {
        return Ok(Cow::Borrowed(body));
    }
    url::form_urlencoded::parse(body)
        .find(|(name, _)| name == "payload")
        .map(|(_, json)| Cow::Owned(json.into_owned().into_bytes()))
        .ok_or(Refusal::Unusable)
}

fn is_too_deep(body: &[u8]) -> bool {
    let (mut depth, mut in_text, mut is_escaped) = (0_usize, false, false);
    for byte in body {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_text => is_escaped = true,
            b'"' => in_text = !in_text,
            b'{' | b'[' if !in_text => depth += 1,
            b'}' | b']' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MOST_DEPTH {
            return true;
        }
    }
    false
}

/// The first [`MOST_ITEMS`] of a list; `null` is an empty one.
#[derive(Debug)]
pub struct Few<T>(pub Vec<T>);

impl<T> Default for Few<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Few<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FewVisitor(PhantomData))
    }
}

struct FewVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for FewVisitor<T> {
    type Value = Few<T>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a list")
    }

    fn visit_unit<E>(self) -> Result<Few<T>, E> {
        Ok(Few::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Few<T>, A::Error> {
        let mut few = Vec::new();
        while few.len() < MOST_ITEMS {
            match items.next_element()? {
                Some(item) => few.push(item),
                None => return Ok(Few(few)),
            }
        }
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Few(few))
    }
}

/// A Git repository of the payload, if any of the URLs is one that a repository can have.
pub fn git(urls: impl IntoIterator<Item = Option<String>>) -> Option<Hint> {
    let urls: BTreeSet<String> = urls.into_iter().flatten().filter_map(clean_url).collect();
    (!urls.is_empty()).then(|| Hint::Git {
        urls: urls.into_iter().collect(),
    })
}

fn clean_url(text: String) -> Option<String> {
    // It takes no URL with a password.
    let url: RemoteUrl = text.parse().ok()?;
    match url.scheme() {
        Scheme::Http | Scheme::Https => Some(url.to_string()),
        // The account belongs to the address.
        Scheme::Ssh => Some(text),
    }
}

/// An image, if a reference can be written like that.
pub fn image(host: Option<&str>, repository: &str, tag: Option<&str>) -> Option<Hint> {
    // Any registry serves to check the rest.
    let registry = host.unwrap_or("registry.invalid");
    let tag_part = tag.map(|tag| format!(":{tag}")).unwrap_or_default();
    let reference: Reference = format!("{registry}/{repository}{tag_part}").parse().ok()?;
    let is_whole = reference.repository.registry() == Some(registry)
        && reference.repository.path() == repository
        && reference.digest.is_none()
        && reference.tag.is_some() == tag.is_some();
    is_whole.then(|| Hint::Image {
        host: host.map(str::to_ascii_lowercase),
        repository: repository.to_owned(),
        tag: tag.map(str::to_owned),
    })
}

/// The image of a whole reference, its digest left out; the operator's host wins.
pub fn referred(host: Option<&str>, text: &str) -> Option<Hint> {
    let name = text.split('@').next().unwrap_or(text);
    let reference: Reference = name.parse().ok()?;
    let host = host.or(reference.repository.registry());
    let tag = reference.tag.as_ref().map(Tag::as_str);
    image(host, reference.repository.path(), tag)
}

/// Each hint once, and no more than a list may be long.
pub fn hints(hints: impl IntoIterator<Item = Option<Hint>>) -> Received {
    let each: BTreeSet<Hint> = hints.into_iter().flatten().take(MOST_ITEMS).collect();
    Received::Hints(each.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_is_counted_outside_of_texts() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(!is_too_deep(nested(MOST_DEPTH).as_bytes()));
        assert!(is_too_deep(nested(MOST_DEPTH + 1).as_bytes()));
        let text = format!("\"\\\"{}\"", "[".repeat(100));
        assert!(!is_too_deep(text.as_bytes()));
        let wide = "[],".repeat(1000);
        assert!(!is_too_deep(wide.as_bytes()));
    }

    #[test]
    fn long_lists_are_cut() {
        let long = format!("[{}1]", "1,".repeat(10 * MOST_ITEMS));
        let few: Few<u8> = parse(long.as_bytes()).unwrap();
        assert_eq!(few.0.len(), MOST_ITEMS);
        assert!(parse::<Few<u8>>(b"null").unwrap().0.is_empty());
        assert!(parse::<Few<u8>>(b"{}").is_err());
    }

    #[test]
    fn names_that_no_reference_can_have_are_no_hints() {
        let name = |host, repository, tag| image(host, repository, tag).is_some();
        assert!(name(Some("ghcr.io"), "acme/web", Some("1.8")));
        assert!(name(Some("127.0.0.1:5000"), "web", None));
        assert!(name(None, "acme/web", Some("1")));
        for host in ["evil", "a/b", "a@b.example", "", "a.example b"] {
            assert!(!name(Some(host), "acme/web", Some("1")), "{host}");
        }
        for repository in [
            "",
            "../etc",
            "a//b",
            "Acme/web",
            "a:1",
            "a@sha256:00",
            "a\n",
        ] {
            assert!(
                !name(Some("ghcr.io"), repository, Some("1")),
                "{repository}"
            );
        }
        for tag in ["", "sha256:00", "a b", "-x"] {
            assert!(!name(Some("ghcr.io"), "acme/web", Some(tag)), "{tag}");
        }
    }

    #[test]
    fn urls_lose_their_accounts() {
        let some = |text: &str| Some(text.to_owned());
        let hint = git([
            some("https://user@git.example/a/b.git"),
            some("https://user:secret@git.example/a/b.git"),
            some("git@git.example:a/b.git"),
            some("ssh://git@git.example/a/b.git"),
            some("git://git.example/a/b.git"),
            some("/etc/passwd"),
            None,
        ]);
        let urls = [
            "git@git.example:a/b.git",
            "https://git.example/a/b.git",
            "ssh://git@git.example/a/b.git",
        ];
        let urls = urls.map(str::to_owned).to_vec();
        assert_eq!(hint, Some(Hint::Git { urls }));
        assert_eq!(git([some("nothing")]), None);
    }
}
