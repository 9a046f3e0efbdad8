use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::image::{Digest, DigestError, Repository, Tag, TagError};

/// An image reference, `repository[:tag][@digest]`, spelling kept as written.
///
/// No default is filled in: an absent tag stays absent (library-go `pkg/image/reference`,
/// `Parse`). Stricter than the original in two places: a registry alone (`quay.io`,
/// `foo.bar:tag`) is an error, because nothing can be asked there; and a digest must be one that
/// can be verified, where the original takes any algorithm with 32 hex digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Reference {
    pub repository: Repository,
    pub tag: Option<Tag>,
    pub digest: Option<Digest>,
}

/// Why a text is not an image reference. The first words are the originals'
/// (distribution `reference`, library-go `pkg/image/internal/reference`).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    #[error("repository name must have at least one component")]
    Empty,
    #[error("repository name must be lowercase")]
    Uppercase,
    #[error("repository name must not be more than 255 characters")]
    TooLong,
    #[error("`{0}` names a registry without a repository")]
    RegistryOnly(String),
    #[error("invalid reference format: {0}")]
    Format(&'static str),
    #[error("invalid reference format: {0}")]
    Tag(#[from] TagError),
    #[error("invalid reference format: {0}")]
    Digest(#[from] DigestError),
}

impl Reference {
    /// A reference to `digest` in `repository`, with the tag it was followed by, if any.
    pub fn pinned(repository: Repository, tag: Option<Tag>, digest: Digest) -> Self {
        Self {
            repository,
            tag,
            digest: Some(digest),
        }
    }

    /// Whether both mean one image, Docker's defaults filled in: `nginx` is
    /// `docker.io/library/nginx:latest` (library-go `DockerImageReference.Equal`).
    pub fn is_same(&self, other: &Self) -> bool {
        self.repository.is_same(&other.repository)
            && self.tag_or_latest() == other.tag_or_latest()
            && self.digest == other.digest
    }

    /// The tag, `latest` where none is written, even beside a digest
    /// (library-go `DockerImageReference.DockerClientDefaults`).
    pub fn tag_or_latest(&self) -> &str {
        self.tag.as_ref().map_or("latest", Tag::as_str)
    }

    /// The form that OpenShift records: a digest makes the tag go
    /// (library-go `DockerImageReference.MostSpecific`).
    pub fn most_specific(mut self) -> Self {
        if self.digest.is_some() {
            self.tag = None;
        }
        self
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let (name_and_tag, digest) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(digest.parse::<Digest>()?)),
            None => (text, None),
        };
        // A colon before the last slash belongs to a port.
        let (name, tag) = match name_and_tag.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
            _ => (name_and_tag, None),
        };
        if name.is_empty() {
            return Err(ReferenceError::Empty);
        }
        let (registry, path) = split_registry(name, tag)?;
        let tag = tag.map(str::parse::<Tag>).transpose()?;
        check_path(path)?;
        if name.len() > 255 {
            return Err(ReferenceError::TooLong);
        }
        Ok(Self {
            repository: Repository::new(registry.map(str::to_owned), path.to_owned()),
            tag,
            digest,
        })
    }
}

/// The first component is a registry when it holds a dot or a colon or is `localhost`.
fn split_registry<'a>(
    name: &'a str,
    tag: Option<&str>,
) -> Result<(Option<&'a str>, &'a str), ReferenceError> {
    let Some((first, rest)) = name.split_once('/') else {
        // The prefix is the original's: `localhostess` is a registry to it too.
        let is_host = name.contains('.') || name.starts_with("localhost");
        return if is_host {
            let tag = tag.map(|tag| format!(":{tag}")).unwrap_or_default();
            Err(ReferenceError::RegistryOnly(format!("{name}{tag}")))
        } else {
            Ok((None, name))
        };
    };
    if !(first.contains(['.', ':']) || first == "localhost") {
        return Ok((None, name));
    }
    check_registry(first)?;
    if rest.is_empty() {
        return Err(ReferenceError::RegistryOnly(first.to_owned()));
    }
    Ok((Some(first), rest))
}

fn check_registry(registry: &str) -> Result<(), ReferenceError> {
    let (host, port) = match registry.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest
                .split_once(']')
                .ok_or(ReferenceError::Format("an IPv6 address ends with `]`"))?;
            if address.parse::<std::net::Ipv6Addr>().is_err() {
                return Err(ReferenceError::Format("not an IPv6 address"));
            }
            return match port.strip_prefix(':') {
                Some(port) => check_port(port),
                None if port.is_empty() => Ok(()),
                None => Err(ReferenceError::Format("a port follows `]:`")),
            };
        }
        None => match registry.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (registry, None),
        },
    };
    let good_label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    if !host.split('.').all(good_label) {
        return Err(ReferenceError::Format("the registry is not a host name"));
    }
    port.map_or(Ok(()), check_port)
}

fn check_port(port: &str) -> Result<(), ReferenceError> {
    match port.parse::<u16>() {
        Ok(1..) if !port.starts_with('+') => Ok(()),
        _ => Err(ReferenceError::Format(
            "the registry's port is not a number",
        )),
    }
}

/// Components `[a-z0-9]+`, joined inside by `.`, `_`, `__` or any number of `-`.
fn check_path(path: &str) -> Result<(), ReferenceError> {
    if path.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err(ReferenceError::Uppercase);
    }
    let is_alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    for component in path.split('/') {
        if component.is_empty() {
            return Err(ReferenceError::Format("an empty path component"));
        }
        let mut separators = component.split(|c: char| is_alphanumeric(c as u8) && c.is_ascii());
        let good = component.bytes().next().is_some_and(is_alphanumeric)
            && component.bytes().last().is_some_and(is_alphanumeric)
            && separators.all(|separator| {
                matches!(separator, "" | "." | "_" | "__") || separator.bytes().all(|b| b == b'-')
            });
        if !good {
            return Err(ReferenceError::Format(
                "path components hold lower-case letters and digits, joined by `.`, `_`, `__` or `-`",
            ));
        }
    }
    Ok(())
}

impl TryFrom<String> for Reference {
    type Error = ReferenceError;

    fn try_from(text: String) -> Result<Self, ReferenceError> {
        text.parse()
    }
}

impl From<Reference> for String {
    fn from(reference: Reference) -> Self {
        reference.to_string()
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b";

    #[test]
    fn good_references_keep_their_spelling() {
        let pinned = format!("ghcr.io/acme/web:1.10@sha256:{HEX}");
        for (text, registry, path, host, full_path) in [
            (
                "nginx",
                None,
                "nginx",
                "registry-1.docker.io",
                "library/nginx",
            ),
            (
                "acme/web:1.10",
                None,
                "acme/web",
                "registry-1.docker.io",
                "acme/web",
            ),
            (
                "docker.io/nginx",
                Some("docker.io"),
                "nginx",
                "registry-1.docker.io",
                "library/nginx",
            ),
            (
                "index.docker.io/a/b",
                Some("index.docker.io"),
                "a/b",
                "registry-1.docker.io",
                "a/b",
            ),
            ("localhost/a", Some("localhost"), "a", "localhost", "a"),
            (
                "localhost:5000/a/b:t",
                Some("localhost:5000"),
                "a/b",
                "localhost:5000",
                "a/b",
            ),
            ("[::1]:5000/a", Some("[::1]:5000"), "a", "[::1]:5000", "a"),
            (
                "quay.io/a/b/c",
                Some("quay.io"),
                "a/b/c",
                "quay.io",
                "a/b/c",
            ),
            (
                "acme/a__b--c.d_e",
                None,
                "acme/a__b--c.d_e",
                "registry-1.docker.io",
                "acme/a__b--c.d_e",
            ),
            (&pinned, Some("ghcr.io"), "acme/web", "ghcr.io", "acme/web"),
        ] {
            let reference: Reference = text.parse().unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!(reference.to_string(), text);
            assert_eq!(reference.repository.registry(), registry, "{text}");
            assert_eq!(reference.repository.path(), path, "{text}");
            let endpoint = reference.repository.endpoint();
            assert_eq!(
                (endpoint.host.as_str(), endpoint.path.as_str()),
                (host, full_path)
            );
        }
    }

    #[test]
    fn bad_references_say_why() {
        for (text, reason) in [
            ("", "at least one component"),
            (":tag", "at least one component"),
            ("quay.io", "registry without a repository"),
            ("foo.bar:tag", "registry without a repository"),
            ("quay.io/", "registry without a repository"),
            ("localhost:5000", "registry without a repository"),
            ("localhostess", "registry without a repository"),
            ("a@sha384:00", "use sha256 or sha512"),
            ("a@", "no algorithm"),
            ("quay.io/Acme/web", "must be lowercase"),
            ("a//b", "empty path component"),
            ("a b", "path components"),
            (" ", "path components"),
            ("a/-b", "path components"),
            ("x/a._b", "path components"),
            ("a:", "may not be empty"),
            ("a@sha256:12", "64 lower-case hex digits"),
            ("a:5000:b/c", "registry's port"),
            ("evil.example:99999/x", "registry's port"),
            ("user@host.example/x", "no algorithm"),
            ("a/../b", "path components"),
            ("${IMAGE}", "must be lowercase"),
        ] {
            let error = text.parse::<Reference>().unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
        assert!(
            format!("{}a", "a/".repeat(200))
                .parse::<Reference>()
                .is_err()
        );
    }

    /// library-go's `DockerImageReference` by method, and what takes its place here.
    #[test]
    fn the_originals_methods_have_their_place() {
        let parse = |text: &str| {
            text.replace("@X", &format!("@sha256:{HEX}"))
                .parse::<Reference>()
                .unwrap()
        };
        // DockerClientDefaults and AsV2
        for (text, endpoint, tag) in [
            ("nginx", "registry-1.docker.io/library/nginx", "latest"),
            (
                "index.docker.io/nginx:1",
                "registry-1.docker.io/library/nginx",
                "1",
            ),
            ("quay.io/nginx@X", "quay.io/nginx", "latest"),
        ] {
            let reference = parse(text);
            assert_eq!(reference.repository.endpoint().to_string(), endpoint);
            assert_eq!(reference.tag_or_latest(), tag);
        }
        // MostSpecific, Exact and NameString: a digest makes the tag go, the spelling stays.
        for (text, exact) in [
            ("mysql:5.7@X", "mysql@X"),
            ("docker.io/mysql:5.7", "docker.io/mysql:5.7"),
            ("quay.io/a/b/c@X", "quay.io/a/b/c@X"),
        ] {
            let written = parse(text).most_specific().to_string();
            assert_eq!(written, parse(exact).to_string());
        }
        // AsRepository
        assert_eq!(
            parse("quay.io/a/b:1@X").repository.to_string(),
            "quay.io/a/b"
        );
        // Equal
        for (a, b, is_same) in [
            ("foobar", "docker.io/library/foobar:latest", true),
            ("foobar:1", "foobar", false),
            ("foobar@X", "foobar:latest@X", true),
            ("foobar@X", "foobar", false),
            ("quay.io/foobar", "foobar", false),
        ] {
            assert_eq!(parse(a).is_same(&parse(b)), is_same, "{a} {b}");
        }
    }

    #[test]
    fn two_spellings_of_one_repository_are_the_same() {
        let repository = |text: &str| text.parse::<Reference>().unwrap().repository;
        assert!(repository("nginx").is_same(&repository("docker.io/library/nginx")));
        assert!(repository("library/nginx").is_same(&repository("index.docker.io/nginx")));
        assert!(!repository("nginx").is_same(&repository("quay.io/library/nginx")));
        assert_ne!(repository("nginx"), repository("docker.io/library/nginx"));
    }
}
