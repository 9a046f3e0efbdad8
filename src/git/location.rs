//! Where a Git repository is: a path or a URL, checked before it is used.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use url::Url;

/// A repository on this machine, or one that is reached over the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// A path, or a `file://` URL: opened in place.
    Local(PathBuf),
    Remote(RemoteUrl),
}

/// A text that names no repository. The user's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not the path or URL of a Git repository: {reason}")]
pub struct LocationError {
    text: String,
    reason: &'static str,
}

/// What a [`RemoteUrl`] is spoken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    Http,
    Https,
    Ssh,
}

impl Scheme {
    /// As a URL begins.
    pub fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Ssh => "ssh",
        }
    }
}

/// An `http(s)://` or `ssh://` URL, or the form `user@host:path`. Holds no password; `Display`
/// and `Debug` show neither user nor query.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RemoteUrl {
    scheme: Scheme,
    user: Option<String>,
    /// As it stands in a URL: an IPv6 address in brackets, lower case.
    host: String,
    port: Option<u16>,
    /// With its leading `/`, but for `user@host:path`, where it is relative to the user's home.
    path: String,
    query: Option<String>,
}

impl RemoteUrl {
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Who to log in as over ssh, when the URL says.
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// Without the brackets of an IPv6 address.
    pub fn host(&self) -> &str {
        self.host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .unwrap_or(&self.host)
    }

    pub fn port(&self) -> u16 {
        self.port.unwrap_or(match self.scheme {
            Scheme::Http => 80,
            Scheme::Https => 443,
            Scheme::Ssh => 22,
        })
    }

    /// The path in whole parts, without `.git` at its end: `acme/shop`.
    pub fn project(&self) -> &str {
        let path = self.path.trim_matches('/');
        path.strip_suffix(".git").unwrap_or(path)
    }

    /// Whether `other` is on the same scheme, host and port, at this path or below it. Paths
    /// are compared by whole parts.
    pub fn covers(&self, other: &Self) -> bool {
        let same_server =
            self.scheme == other.scheme && self.host == other.host && self.port() == other.port();
        let prefix = self.project();
        same_server
            && (prefix.is_empty()
                || other.project() == prefix
                || other
                    .path
                    .trim_matches('/')
                    .strip_prefix(prefix)
                    .is_some_and(|rest| rest.starts_with('/') || rest.starts_with(".git/")))
    }

    /// The text for libgit2. Over http the user is left out: libgit2 would log in as that
    /// user without asking for the password.
    pub(crate) fn connect_text(&self) -> String {
        self.text(self.scheme == Scheme::Ssh, true)
    }

    fn text(&self, with_user: bool, with_query: bool) -> String {
        let user = match &self.user {
            Some(user) if with_user => format!("{user}@"),
            _ => String::new(),
        };
        let query = match &self.query {
            Some(query) if with_query => format!("?{query}"),
            _ => String::new(),
        };
        if !self.path.starts_with('/') {
            return format!("{user}{}:{}", self.host, self.path);
        }
        let scheme = self.scheme.name();
        let port = self.port.map(|port| format!(":{port}")).unwrap_or_default();
        format!("{scheme}://{user}{}{port}{}{query}", self.host, self.path)
    }
}

impl fmt::Display for RemoteUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(false, false))
    }
}

impl fmt::Debug for RemoteUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RemoteUrl({self})")
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(path) => write!(f, "{}", path.display()),
            Self::Remote(url) => write!(f, "{url}"),
        }
    }
}

impl FromStr for Location {
    type Err = LocationError;

    fn from_str(text: &str) -> Result<Self, LocationError> {
        read(text).map_err(|reason| LocationError {
            text: presentable(text),
            reason,
        })
    }
}

impl FromStr for RemoteUrl {
    type Err = LocationError;

    fn from_str(text: &str) -> Result<Self, LocationError> {
        match text.parse()? {
            Location::Remote(url) => Ok(url),
            Location::Local(_) => Err(LocationError {
                text: presentable(text),
                reason: "it is a path, where a URL is needed",
            }),
        }
    }
}

/// What may be shown of a text that was refused: nothing that could be a password.
fn presentable(text: &str) -> String {
    let text: String = text.escape_debug().take(200).collect();
    let (scheme, rest) = text.split_once("://").unwrap_or(("", &text));
    let rest = rest.split('?').next().unwrap_or_default();
    let rest = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    if scheme.is_empty() {
        rest.to_owned()
    } else {
        format!("{scheme}://{rest}")
    }
}

fn read(text: &str) -> Result<Location, &'static str> {
    if text.is_empty() {
        return Err("it is empty");
    }
    if text.len() > 4096 {
        return Err("it is longer than 4096 bytes");
    }
    if text.chars().any(char::is_control) {
        return Err("it holds a control character");
    }
    if text.starts_with('-') {
        return Err("it starts with `-`");
    }
    if text.contains("://") {
        return read_url(text);
    }
    match text.split_once(':') {
        Some((host, path)) if !host.is_empty() && !host.contains('/') => {
            read_scp(host, path).map(Location::Remote)
        }
        _ => Ok(Location::Local(PathBuf::from(text))),
    }
}

fn read_url(text: &str) -> Result<Location, &'static str> {
    let folded = text.to_ascii_lowercase();
    if ["%0a", "%0d", "%00"].iter().any(|bad| folded.contains(bad)) {
        return Err("it holds an encoded line break");
    }
    let url = Url::parse(text).map_err(|_| "it cannot be read, or has no host")?;
    let scheme = match url.scheme() {
        "file" => {
            return url
                .to_file_path()
                .map(Location::Local)
                .map_err(|()| "a file URL has no host and an absolute path");
        }
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        "ssh" | "git+ssh" | "ssh+git" => Scheme::Ssh,
        _ => return Err("only https, ssh, http and file are spoken"),
    };
    if url.password().is_some() {
        return Err("a password does not belong in a URL; give it by environment variable or file");
    }
    if url.fragment().is_some() {
        return Err("it has a `#`");
    }
    let host = url.host_str().unwrap_or_default();
    check_host(host)?;
    let user = (!url.username().is_empty()).then(|| url.username().to_owned());
    user.as_deref().map_or(Ok(()), check_user)?;
    if url.path().trim_matches('/').is_empty() {
        return Err("it has no path");
    }
    Ok(Location::Remote(RemoteUrl {
        scheme,
        user,
        host: host.to_ascii_lowercase(),
        port: url.port(),
        path: url.path().to_owned(),
        query: url.query().map(str::to_owned),
    }))
}

fn read_scp(host: &str, path: &str) -> Result<RemoteUrl, &'static str> {
    let (user, host) = match host.rsplit_once('@') {
        Some((user, host)) => (Some(user.to_owned()), host),
        None => (None, host),
    };
    check_host(host)?;
    user.as_deref().map_or(Ok(()), check_user)?;
    if path.is_empty() || path.starts_with([':', '-']) {
        return Err("the path after the host is missing or starts with `:` or `-`");
    }
    if path
        .split_once('@')
        .is_some_and(|(_, rest)| rest.contains(':'))
    {
        return Err("a password does not belong in it");
    }
    Ok(RemoteUrl {
        scheme: Scheme::Ssh,
        user,
        host: host.to_ascii_lowercase(),
        port: None,
        path: path.to_owned(),
        query: None,
    })
}

fn check_host(host: &str) -> Result<(), &'static str> {
    let is_good = !host.is_empty()
        && !host.starts_with(['-', '.'])
        && host.bytes().all(|b| {
            b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':' | b'[' | b']')
        });
    is_good
        .then_some(())
        .ok_or("its host is missing or malformed")
}

fn check_user(user: &str) -> Result<(), &'static str> {
    let is_good = !user.is_empty()
        && !user.starts_with('-')
        && user
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'+' | b'~'));
    is_good
        .then_some(())
        .ok_or("its user is malformed, or a password stands in it")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remote(text: &str) -> RemoteUrl {
        text.parse().unwrap()
    }

    #[test]
    fn what_git_accepts_is_accepted() {
        for (text, connect) in [
            (
                "https://git.example.com/acme/shop.git",
                "https://git.example.com/acme/shop.git",
            ),
            (
                "https://me@Git.example.com:8443/a",
                "https://git.example.com:8443/a",
            ),
            (
                "ssh://git@host.example:2222/a/b",
                "ssh://git@host.example:2222/a/b",
            ),
            ("git@host.example:a/b.git", "git@host.example:a/b.git"),
            ("http://[::1]:80/a", "http://[::1]/a"),
        ] {
            assert_eq!(remote(text).connect_text(), connect, "{text}");
        }
        for path in [".", "/srv/git/a", "./a:b", "a/b"] {
            assert_eq!(path.parse(), Ok(Location::Local(PathBuf::from(path))));
        }
        assert_eq!(
            "file:///srv/a%20b".parse(),
            Ok(Location::Local("/srv/a b".into()))
        );
    }

    #[test]
    fn what_could_mislead_is_refused() {
        for bad in [
            "",
            "--upload-pack=touch x",
            "-oProxyCommand=x",
            "https://",
            "https://host.example",
            "https:///path",
            "https://u:p@host.example/a",
            "https://host.example/a%0aprotocol=http",
            "https://host.example/a%0Dx",
            "https://host.example/a\nb",
            "ssh://-oProxyCommand=x/a",
            "ssh://-x@host.example/a",
            "-x@host:a",
            "ext::sh -c x",
            "git@host.example:-a",
            "git://host.example/a",
            "file://host.example/a",
            "user:pw@host.example:a",
        ] {
            assert!(bad.parse::<Location>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn neither_a_url_nor_its_error_shows_a_password() {
        let url = remote("https://tok3n@host.example/a?private=tok3n");
        assert_eq!(
            format!("{url} {url:?}"),
            "https://host.example/a RemoteUrl(https://host.example/a)"
        );
        for bad in [
            "https://u:tok3n@host.example/a",
            "https://host.example/%0a?x=tok3n",
            "u:tok3n@h:a",
        ] {
            let error = bad.parse::<Location>().unwrap_err();
            assert!(!format!("{error} {error:?}").contains("tok3n"), "{error}");
        }
    }

    #[test]
    fn a_prefix_covers_whole_parts_on_one_server_only() {
        let prefix = remote("https://host.example/acme");
        for covered in [
            "https://host.example/acme",
            "https://host.example:443/acme/shop.git",
        ] {
            assert!(prefix.covers(&remote(covered)), "{covered}");
        }
        for other in [
            "http://host.example/acme",
            "https://host.example:8443/acme",
            "https://host.example.evil.example/acme",
            "https://host.example/acmeevil",
            "https://host.example/",
        ] {
            assert!(
                !other.parse().is_ok_and(|url| prefix.covers(&url)),
                "{other}"
            );
        }
    }
}
