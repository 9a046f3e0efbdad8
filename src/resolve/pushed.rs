//! What is pushed into the integrated registry and no manifest names: which repositories are asked
//! for their tags, and which tags count.

use std::collections::BTreeSet;

use crate::access::{Access, IMAGE_BUILDER, Right};
use crate::copying::is_keeping_tag;
use crate::manifest::Manifests;
use crate::problem::Problem;
use crate::selection::prioritize;
use crate::stream::{ImageStream, StreamName, TagSource};

/// Repositories of one environment that are asked in a pass; the rest are named in a note.
const MOST_ASKED: usize = 1000;
/// Names in a note.
const MOST_NAMED: usize = 5;
/// What lies beside images under tags of its own: cosign's signatures, attestations and lists of
/// parts, lists of referrers.
const BESIDE: &str = "sha256-";
/// Of a digest.
const DIGITS: usize = 64;

/// The streams whose repositories are asked for their tags.
#[derive(Debug, Default)]
pub struct Candidates {
    pub streams: BTreeSet<StreamName>,
    pub problems: Vec<Problem>,
}

/// Streams that are there and follow pushes, and repositories of namespaces that are there: those
/// of the registry's `catalog`, and those that triggers name. The right to push is asked for where
/// that is enforced.
pub fn candidates(manifests: &Manifests, catalog: &[String], access: &Access) -> Candidates {
    let own = manifests.streams.iter();
    let known: BTreeSet<&StreamName> = own.clone().map(|stream| &stream.name).collect();
    let namespaces = manifests.namespaces();
    let in_catalog = catalog.iter().filter_map(|path| {
        let (namespace, name) = path.split_once('/')?;
        Some(StreamName {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        })
    });
    let named = manifests.triggers.iter();
    let named = named.map(|trigger| trigger.from.stream.clone());
    let new: BTreeSet<StreamName> = in_catalog
        .chain(named)
        .filter(|name| namespaces.contains(&name.namespace) && name.is_valid())
        // openshift-apiserver `image/validation/validation.go`
        .filter(|name| name.to_string().len() <= 255)
        .filter(|name| !known.contains(name))
        .collect();
    let (new, denied): (BTreeSet<_>, BTreeSet<_>) = new
        .into_iter()
        .partition(|name| access.lets_anybody(Right::Create, &name.namespace));
    let follows = own.filter(|stream| {
        let namespace = &stream.name.namespace;
        follows_pushes(stream) && access.lets_anybody(Right::Push, namespace)
    });
    let all = follows.map(|stream| stream.name.clone()).chain(new);
    let all: BTreeSet<StreamName> = all.collect();
    let mut candidates = Candidates::default();
    let catalog: BTreeSet<&str> = catalog.iter().map(String::as_str).collect();
    let denied: Vec<&StreamName> = denied
        .iter()
        .filter(|name| catalog.contains(name.to_string().as_str()))
        .collect();
    candidates.problems.extend(forbidden(&denied));
    candidates.problems.extend(too_many(all.len()));
    candidates.streams = all.into_iter().take(MOST_ASKED).collect();
    candidates
}

/// Whether tags that are pushed into its repository are its own: one that is only imported has
/// others.
fn follows_pushes(stream: &ImageStream) -> bool {
    let mut tags = stream.tags.iter();
    let is_empty = stream.tags.is_empty() && stream.whole_repository.is_none();
    is_empty || tags.any(|tag| matches!(tag.source, TagSource::Pushed(_)))
}

/// The tags of a repository that its stream's spec does not name, the most important first, and
/// how many there are beyond `limit`.
pub fn unnamed(
    stream: Option<&ImageStream>,
    listed: &[String],
    limit: usize,
) -> (Vec<String>, usize) {
    let is_named = |tag: &str| stream.is_some_and(|stream| stream.tag(tag).is_some());
    let listed = listed.iter();
    let found = listed.filter(|tag| !is_beside(tag) && !is_named(tag));
    let mut tags: Vec<String> = found.cloned().collect();
    prioritize(&mut tags);
    let rest = tags.len().saturating_sub(limit);
    tags.truncate(limit);
    (tags, rest)
}

/// Whether a tag is another tool's, or our own, for what is no image of the stream.
fn is_beside(tag: &str) -> bool {
    let Some(rest) = tag.strip_prefix(BESIDE) else {
        return tag.parse().is_ok_and(|tag| is_keeping_tag(&tag));
    };
    let (digits, end) = rest.split_at_checked(DIGITS).unwrap_or((rest, ""));
    let is_digest = digits.len() == DIGITS && digits.bytes().all(|b| b.is_ascii_hexdigit());
    is_digest && (end.is_empty() || end.starts_with(['.', '-']))
}

fn forbidden(streams: &[&StreamName]) -> Option<Problem> {
    let first = streams.first()?;
    let named: Vec<String> = streams
        .iter()
        .take(MOST_NAMED)
        .map(ToString::to_string)
        .collect();
    let more = match streams.len().saturating_sub(MOST_NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let message = format!(
        "pushed and not created: no RoleBinding in their namespaces lets anybody create streams: {}{more}",
        named.join(", ")
    );
    let namespace = &first.namespace;
    Some(Problem::note(None, message).advice(format!(
        "headwater policy add-role-to-user {IMAGE_BUILDER} USER -n {namespace}"
    )))
}

fn too_many(count: usize) -> Option<Problem> {
    (count > MOST_ASKED).then(|| {
        let message = format!(
            "{count} repositories may have tags that no manifest names; the first {MOST_ASKED} are looked at"
        );
        Problem::note(None, message).advice("name the streams and their tags in manifests")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_beside_images_is_no_tag_of_a_stream() {
        let digits = "a".repeat(64);
        for (tag, expected) in [
            (format!("sha256-{digits}"), true),
            (format!("sha256-{digits}.sig"), true),
            (format!("sha256-{digits}.att"), true),
            (format!("sha256-{digits}.sbom"), true),
            (format!("headwater-sha256-{digits}"), true),
            (format!("sha256-{digits}b"), false),
            (format!("x-sha256-{digits}"), false),
            ("sha256-abc".to_owned(), false),
            ("1.0".to_owned(), false),
        ] {
            assert_eq!(is_beside(&tag), expected, "{tag}");
        }
    }

    #[test]
    fn the_most_important_tags_come_first_and_the_rest_is_counted() {
        let listed = ["b", "latest", "2.0.1", "a"].map(str::to_owned);
        let (tags, rest) = unnamed(None, &listed, 3);
        assert_eq!(
            (tags, rest),
            (["latest", "2.0.1", "a"].map(str::to_owned).to_vec(), 1)
        );
    }
}
