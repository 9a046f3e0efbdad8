//! What a file names of the registry, whatever kind of file it is: no field is forgotten where
//! every word is read. Only what a stream's `status` lists is another matter.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use crate::image::Digest;
use crate::manifest::INTEGRATED;
use crate::policy::IntegratedRegistry;
use crate::yaml::{Node, Source, Value};

/// Hex digits of a beginning without an algorithm, as `web@3a335d7`.
const SHORTEST: usize = 6;
/// The same behind `sha256:`.
const SHORTEST_NAMED: usize = 3;

/// What one file names, with lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mentions {
    /// With the path of the repository, where one of the registry is named with it.
    pub digests: Vec<(Digest, Option<String>, u32)>,
    /// Beginnings of digests.
    pub beginnings: Vec<(String, u32)>,
    pub tags: Vec<(Tagged, u32)>,
}

/// Tags of the registry that may be meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tagged {
    pub repository: Named,
    pub tags: Tags,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    Path(String),
    /// Somewhere below, all of it where this is empty: the rest of the name is put together by
    /// a template, or stands somewhere else.
    Below(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tags {
    One(String),
    /// A template writes it.
    Any,
    /// It stands somewhere else in the file, if at all: one of its words.
    Among(Arc<BTreeSet<String>>),
}

impl Tagged {
    /// Whether a tag of the repository at `path` is meant.
    pub fn means(&self, path: &str, tag: &str) -> bool {
        let is_there = match &self.repository {
            Named::Path(own) => own == path,
            Named::Below(folder) => {
                folder.is_empty()
                    || path
                        .strip_prefix(folder.as_str())
                        .is_some_and(|rest| rest.starts_with('/'))
            }
        };
        is_there && self.tags.mean(tag)
    }
}

impl Tags {
    pub fn mean(&self, tag: &str) -> bool {
        match self {
            Self::One(own) => own == tag,
            Self::Any => true,
            Self::Among(words) => tag == "latest" || words.contains(tag),
        }
    }
}

/// Knows the names of the registries, and the streams.
#[derive(Debug)]
pub struct Finder {
    hosts: BTreeSet<String>,
    /// `namespace/name`
    paths: BTreeSet<String>,
    namespaces: BTreeSet<String>,
}

impl Finder {
    pub fn new<'a>(
        registries: impl IntoIterator<Item = &'a IntegratedRegistry>,
        paths: BTreeSet<String>,
    ) -> Self {
        let mut hosts: BTreeSet<String> = INTEGRATED.iter().map(|host| plain_host(host)).collect();
        for registry in registries {
            let names = [Some(&registry.host), registry.public_host.as_ref()];
            let names = names.into_iter().flatten().chain(&registry.aliases);
            hosts.extend(names.map(|host| plain_host(host)));
        }
        let namespaces = paths.iter().filter_map(|path| path.split_once('/'));
        Self {
            hosts,
            namespaces: namespaces.map(|(name, _)| name.to_owned()).collect(),
            paths,
        }
    }

    /// What a file names.
    pub fn find(&self, bytes: &[u8]) -> Mentions {
        let text = String::from_utf8_lossy(bytes);
        let text = match text.contains("\\/") {
            // As some write JSON.
            true => Cow::Owned(text.replace("\\/", "/")),
            false => text,
        };
        let mut search = Search {
            finder: self,
            text: &text,
            words: None,
            mentions: Mentions::default(),
        };
        for (line, row) in (1..).zip(text.split_inclusive('\n')) {
            let mut rest = row;
            while let Some(start) = rest.find(is_of_name) {
                let (_, at) = rest.split_at(start);
                let end = at.find(|c| !is_of_name(c)).unwrap_or(at.len());
                let (word, after) = at.split_at(end);
                search.word(word, after.chars().next(), line);
                rest = after;
            }
        }
        search.mentions
    }
}

struct Search<'a> {
    finder: &'a Finder,
    text: &'a str,
    words: Option<Arc<BTreeSet<String>>>,
    mentions: Mentions,
}

/// Whose image a name is.
enum Owner<'a> {
    /// Of the registry, by one of its names.
    Own(&'a str),
    /// No host is named, or a template writes it.
    Unnamed(&'a str),
    Foreign,
}

impl Search<'_> {
    /// A run of characters of image names, with what follows it.
    fn word(&mut self, word: &str, next: Option<char>, line: u32) {
        let word = word.split_once("://").map_or(word, |(_, rest)| rest);
        let Some((name, digest)) = word.split_once('@') else {
            if word.contains("sha256:") || word.contains("sha512:") {
                self.digest(word, None, line);
            }
            if word.contains('/') {
                self.name(word, next, line);
            }
            return;
        };
        let path = match self.owner(name) {
            Owner::Foreign => return,
            Owner::Own(path) => Some(without_tag(path).0),
            Owner::Unnamed(_) => None,
        };
        self.digest(digest, path, line);
    }

    /// All digests, and beginnings of them, in `text`.
    fn digest(&mut self, text: &str, path: Option<&str>, line: u32) {
        let mut rest = text;
        let mut is_algorithm_named = false;
        while let Some(at) = ["sha256:", "sha512:"]
            .iter()
            .filter_map(|name| rest.find(name))
            .min()
        {
            is_algorithm_named = true;
            let (_, found) = rest.split_at(at);
            let (algorithm, hex) = found.split_at("sha256:".len());
            let end = hex.find(|c| !is_hex(c)).unwrap_or(hex.len());
            let (hex, after) = hex.split_at(end);
            let written = format!("{algorithm}{hex}");
            match written.parse::<Digest>() {
                Ok(digest) => {
                    let path = path.map(str::to_owned);
                    self.mentions.digests.push((digest, path, line));
                }
                Err(_) if hex.len() >= SHORTEST_NAMED => {
                    self.mentions.beginnings.push((written, line));
                }
                Err(_) => {}
            }
            rest = after;
        }
        if !is_algorithm_named && text.len() >= SHORTEST && text.chars().all(is_hex) {
            self.mentions.beginnings.push((text.to_owned(), line));
        }
    }

    /// A name without a digest.
    fn name(&mut self, word: &str, next: Option<char>, line: u32) {
        let is_template = matches!(next, Some('{' | '$' | '%' | '<' | '('));
        let (path, is_own) = match self.owner(word) {
            Owner::Own(path) => (path, true),
            Owner::Unnamed(path) => (path, false),
            Owner::Foreign => return,
        };
        let (path, tag) = without_tag(path);
        let path = path.trim_end_matches(['/', '.', '-']);
        let finder = self.finder;
        let repository = if is_own && tag.is_none() && is_template {
            Named::Below(path.to_owned())
        } else if is_own && finder.paths.contains(path) {
            Named::Path(path.to_owned())
        } else if is_own && tag.is_none() && finder.namespaces.contains(path) {
            Named::Below(path.to_owned())
        } else if !is_own && let Some(path) = last_two(path).filter(|it| finder.paths.contains(*it))
        {
            Named::Path(path.to_owned())
        } else {
            return;
        };
        let tags = match tag {
            _ if is_template => Tags::Any,
            // A sentence may end behind it.
            Some(tag) if tag.ends_with('.') => {
                let both = [tag, tag.trim_end_matches('.')].map(str::to_owned);
                Tags::Among(Arc::new(BTreeSet::from(both)))
            }
            Some(tag) if !tag.is_empty() => Tags::One(tag.to_owned()),
            _ => Tags::Among(self.words()),
        };
        let found = Tagged { repository, tags };
        self.mentions.tags.push((found, line));
    }

    fn owner<'n>(&self, name: &'n str) -> Owner<'n> {
        if let Some(rest) = name.strip_prefix('/') {
            return Owner::Unnamed(rest.trim_start_matches('/'));
        }
        let Some((host, path)) = name.split_once('/') else {
            return Owner::Unnamed(name);
        };
        if self.finder.hosts.contains(&plain_host(host)) {
            Owner::Own(path)
        } else if host.contains(['.', ':']) || host == "localhost" {
            Owner::Foreign
        } else {
            Owner::Unnamed(name)
        }
    }

    fn words(&mut self) -> Arc<BTreeSet<String>> {
        let text = self.text;
        let read = || {
            let is_of_tag = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
            let words = text.split(|c| !is_of_tag(c));
            let words = words.filter(|word| !word.is_empty() && word.len() <= 128);
            Arc::new(words.map(str::to_owned).collect())
        };
        Arc::clone(self.words.get_or_insert_with(read))
    }
}

/// Characters of image names, an IPv6 host's among them.
fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | ':' | '@' | '[' | ']')
}

fn is_hex(c: char) -> bool {
    matches!(c, '0'..='9' | 'a'..='f')
}

/// A colon behind the last slash is a tag's.
fn without_tag(name: &str) -> (&str, Option<&str>) {
    match name.rsplit_once(':') {
        Some((path, tag)) if !tag.contains('/') => (path, Some(tag)),
        _ => (name, None),
    }
}

fn last_two(path: &str) -> Option<&str> {
    let (before, _) = path.rsplit_once('/')?;
    let start = before.rfind('/').map_or(0, |at| at + 1);
    path.get(start..)
}

/// In lower case, and without a port that need not be written.
fn plain_host(host: &str) -> String {
    let host = host.to_ascii_lowercase();
    let bare = host.strip_suffix(":443").or(host.strip_suffix(":80"));
    bare.unwrap_or(&host).to_owned()
}

/// A manifest without the `status` of the streams in it: what that lists is judged by itself. Lines
/// stay where they are. What cannot be read stays as it is.
pub fn without_status(bytes: &[u8]) -> Cow<'_, [u8]> {
    let source = Source::parse(bytes);
    if !source.faults.is_empty() {
        return Cow::Borrowed(bytes);
    }
    let mut spans = Vec::new();
    for document in &source.documents {
        if let Some(root) = &document.root {
            statuses(root, &mut spans);
        }
    }
    let mut text = source.text().as_bytes().to_vec();
    for span in spans {
        let status = text.get_mut(span.clone()).into_iter().flatten();
        for byte in status.filter(|byte| **byte != b'\n') {
            *byte = b' ';
        }
    }
    Cow::Owned(text)
}

fn statuses(node: &Node, spans: &mut Vec<std::ops::Range<usize>>) {
    let is_stream = node.get("kind").and_then(Node::text) == Some("ImageStream");
    match &node.value {
        Value::Mapping { entries, .. } => {
            for (key, value) in entries {
                if is_stream && key.text() == Some("status") {
                    spans.push(value.span.clone());
                } else {
                    statuses(value, spans);
                }
            }
        }
        Value::Sequence { items, .. } => items.iter().for_each(|item| statuses(item, spans)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finder() -> Finder {
        let registry = IntegratedRegistry {
            host: "images.example:5000".to_owned(),
            public_host: Some("images.example".to_owned()),
            aliases: BTreeSet::from(["old.svc:5000".to_owned()]),
            ..IntegratedRegistry::default()
        };
        let paths = ["shop/web", "shop/web-db"].map(str::to_owned);
        Finder::new([&registry], BTreeSet::from(paths))
    }

    fn found(text: &str) -> Mentions {
        finder().find(text.as_bytes())
    }

    #[test]
    fn a_digest_counts_unless_it_is_another_hosts() {
        let hex = "3a".repeat(32);
        for (text, expected) in [
            (
                format!("image: images.example:5000/shop/web@sha256:{hex}"),
                Some(Some("shop/web")),
            ),
            (
                format!("image: IMAGES.example/shop/web:1@sha256:{hex}"),
                Some(Some("shop/web")),
            ),
            (
                format!("docker://old.svc:5000/shop/web@sha256:{hex}"),
                Some(Some("shop/web")),
            ),
            (
                format!("image-registry.openshift-image-registry.svc:5000/shop/web@sha256:{hex}"),
                Some(Some("shop/web")),
            ),
            (
                format!("image: images.example:443/shop/web@sha256:{hex}"),
                Some(Some("shop/web")),
            ),
            (
                format!("{{\"image\":\"images.example\\/shop\\/web@sha256:{hex}\"}}"),
                Some(Some("shop/web")),
            ),
            (format!("digest: sha256:{hex}"), Some(None)),
            (format!("RELATED_IMAGE=sha256:{hex}"), Some(None)),
            (format!("image: web@sha256:{hex}"), Some(None)),
            (
                format!("image: {{{{ .host }}}}/shop/web@sha256:{hex}"),
                Some(None),
            ),
            (format!("image: quay.io/shop/web@sha256:{hex}"), None),
            (
                format!("image: images.example:5001/shop/web@sha256:{hex}"),
                None,
            ),
            (format!("image: localhost/shop/web@sha256:{hex}"), None),
            (format!("digest: sha256:{hex}0"), None),
        ] {
            let digests = found(&text).digests;
            let paths: Vec<_> = digests.iter().map(|(_, path, _)| path.as_deref()).collect();
            assert_eq!(paths, Vec::from_iter(expected), "{text}");
        }
    }

    #[test]
    fn a_beginning_of_a_digest_counts() {
        for (text, expected) in [
            ("name: web@3a335d7", Some("3a335d7")),
            ("name: web@sha256:3a3", Some("sha256:3a3")),
            ("image: sha256:3a335d7", Some("sha256:3a335d7")),
            ("mail: ada@example.com", None),
            ("name: quay.io/web@3a335d7", None),
        ] {
            let beginnings = found(text).beginnings;
            let beginnings: Vec<_> = beginnings.iter().map(|(text, _)| text.as_str()).collect();
            assert_eq!(beginnings, Vec::from_iter(expected), "{text}");
        }
    }

    #[test]
    fn a_tag_is_meant_by_every_way_to_write_it() {
        for (text, path, tag, is_meant) in [
            ("images.example/shop/web:1", "shop/web", "1", true),
            ("images.example/shop/web:1.", "shop/web", "1", true),
            ("images.example/shop/web:1", "shop/web", "2", false),
            ("images.example/shop/web:1", "shop/web-db", "1", false),
            ("images.example/shop/web", "shop/web", "latest", true),
            ("images.example/shop/web", "shop/web", "1", false),
            ("shop/web:1", "shop/web", "1", true),
            ("REGISTRY/shop/web:1", "shop/web", "1", true),
            ("${HOST}/shop/web:1", "shop/web", "1", true),
            ("quay.io/shop/web:1", "shop/web", "1", false),
            ("images.example/shop/web:{{ .tag }}", "shop/web", "7", true),
            (
                "images.example/shop/web:1.{{ .minor }}",
                "shop/web",
                "1.7",
                true,
            ),
            ("images.example/shop/{{ .name }}:1", "shop/web", "1", true),
            ("images.example/{{ .name }}", "shop/web", "1", true),
            ("images.example/{{ .name }}", "other/web", "1", true),
            (
                "images.example/shop/{{ .name }}",
                "shopping/web",
                "1",
                false,
            ),
            (
                "repository: images.example/shop/web\ntag: \"1.2\"\n",
                "shop/web",
                "1.2",
                true,
            ),
            (
                "registry: images.example\nrepository: shop/web\ntag: v1\n",
                "shop/web",
                "v1",
                true,
            ),
            (
                "registry: images.example/shop\nname: web-db\ntag: v1\n",
                "shop/web-db",
                "v1",
                true,
            ),
        ] {
            let tags = found(text).tags;
            let found = tags.iter().any(|(tagged, _)| tagged.means(path, tag));
            assert_eq!(found, is_meant, "{text}: {tags:?}");
        }
        // The digest alone counts where both stand.
        let both = format!("images.example/shop/web:1@sha256:{}", "3a".repeat(32));
        assert_eq!(found(&both).tags, []);
    }

    #[test]
    fn what_a_status_lists_is_left_out_and_lines_stay() {
        let text = "kind: List\nitems:\n- kind: ImageStream\n  status:\n    tags:\n    - tag: a1\n  spec: {x: a2}\n- kind: Pod\n  status: {x: a3}\n---\n{\"kind\": \"ImageStream\", \"status\": {\"x\": \"a4\"}, \"z\": \"a5\"}\n";
        let left = without_status(text.as_bytes());
        let left = std::str::from_utf8(&left).unwrap();
        let words = ["a1", "a2", "a3", "a4", "a5"];
        let kept: Vec<&str> = words.into_iter().filter(|it| left.contains(it)).collect();
        assert_eq!(kept, ["a2", "a3", "a5"]);
        assert_eq!(left.lines().count(), text.lines().count());
        let broken = "kind: ImageStream\nstatus: [a1\n";
        assert_eq!(&*without_status(broken.as_bytes()), broken.as_bytes());
    }
}
