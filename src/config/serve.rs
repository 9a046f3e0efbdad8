//! What the daemon keeps reconciled, and where it listens: `repositories` and `serve` of the
//! operator's file.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::config::field::Fields;
use crate::config::repository::SHORTEST_INTERVAL;
use crate::config::server::path;
use crate::yaml::Node;

/// Longer names are cut in no page and no metric.
const LONGEST_NAME: usize = 100;

/// How the daemon works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServeSettings {
    /// At least so often each Git repository is looked at.
    pub interval: Duration,
    /// Git repositories that are looked at at a time.
    pub concurrency: usize,
    /// Webhooks are taken here; none: nowhere.
    pub hooks: Option<SocketAddr>,
    pub status: Option<Listener>,
    pub metrics: Option<SocketAddr>,
}

/// Where pages are shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    pub listen: SocketAddr,
    /// Holds the bearer token that readers must have; none: everybody may read.
    pub token_file: Option<PathBuf>,
}

/// A Git repository that the daemon keeps reconciled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositorySettings {
    /// As pages, metrics and events call it.
    pub name: String,
    /// A URL or an absolute path.
    pub url: String,
    /// None: [`ServeSettings::interval`].
    pub interval: Option<Duration>,
}

impl Default for ServeSettings {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(60),
            concurrency: 4,
            hooks: None,
            status: None,
            metrics: None,
        }
    }
}

pub(crate) fn read_serve<'a>(fields: &mut Fields<'a>, root: &'a Node) -> ServeSettings {
    let mut settings = ServeSettings::default();
    const KNOWN: &[&str] = &["interval", "concurrency", "hooks", "status", "metrics"];
    let Some(node) = fields.mapping(root, "serve", KNOWN) else {
        return settings;
    };
    if let Some(interval) = interval(fields, node) {
        settings.interval = interval;
    }
    if let Some(concurrency) = fields.number(node, "concurrency", 1) {
        settings.concurrency = concurrency;
    }
    settings.hooks = listener(fields, node, "hooks", &["listen"]).map(|it| it.listen);
    settings.status = listener(fields, node, "status", &["listen", "tokenFile"]);
    settings.metrics = listener(fields, node, "metrics", &["listen"]).map(|it| it.listen);
    settings
}

pub(crate) fn read_repositories<'a>(
    fields: &mut Fields<'a>,
    root: &'a Node,
) -> Vec<RepositorySettings> {
    let mut repositories: Vec<RepositorySettings> = Vec::new();
    let mut urls = BTreeSet::new();
    for item in fields.list(root, "repositories") {
        fields.check(item, &["name", "url", "interval"]);
        let Some(url) = fields.text(item, "url") else {
            fields.error(item, "a repository has a `url`");
            continue;
        };
        if let Err(fault) = check_url(&url) {
            // The URL is not repeated: it may hold a secret.
            fields.error_in(item, "url", fault);
            continue;
        }
        if !url.contains(':') && !url.starts_with('/') {
            let message = format!("`{url}` is neither a URL nor an absolute path");
            fields.error_in(item, "url", message);
        }
        let name = fields.text(item, "name").unwrap_or_else(|| last_part(&url));
        if !is_name(&name) {
            let message = format!(
                "`{name}` is no name for a repository: letters, digits, `.`, `_` and `-`, up to {LONGEST_NAME}"
            );
            fields.error_in(item, "name", message);
        }
        if repositories.iter().any(|other| other.name == name) {
            let message = format!("two repositories are called `{name}`; give one a `name`");
            fields.error_in(item, "name", message);
        }
        if !urls.insert(url.clone()) {
            fields.error_in(item, "url", "the repository stands twice");
        }
        repositories.push(RepositorySettings {
            interval: interval(fields, item),
            name,
            url,
        });
    }
    repositories
}

fn check_url(text: &str) -> Result<(), &'static str> {
    match url::Url::parse(text) {
        Ok(url) if url.password().is_some() => {
            Err("`url` holds a password; put it into a file below `git`")
        }
        // Whether it holds one cannot be known.
        Err(_) if text.contains("://") => Err("`url` is no URL"),
        _ => Ok(()),
    }
}

/// Without `.git`.
fn last_part(url: &str) -> String {
    let path = url.trim_end_matches('/');
    let last = path.rsplit(['/', ':']).next().unwrap_or_default();
    last.strip_suffix(".git").unwrap_or(last).to_owned()
}

fn is_name(name: &str) -> bool {
    let is_known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let begins = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    begins && name.len() <= LONGEST_NAME && name.chars().all(is_known)
}

fn interval<'a>(fields: &mut Fields<'a>, node: &'a Node) -> Option<Duration> {
    let interval = fields.duration(node, "interval")?;
    if interval < SHORTEST_INTERVAL {
        let member = fields.get(node, "interval").unwrap_or(node);
        fields.warning(member, "`interval` is at least 10s; that is used");
        return Some(SHORTEST_INTERVAL);
    }
    Some(interval)
}

fn listener<'a>(
    fields: &mut Fields<'a>,
    node: &'a Node,
    key: &str,
    known: &[&str],
) -> Option<Listener> {
    let node = fields.mapping(node, key, known)?;
    let Some(listen) = fields.parsed::<SocketAddr>(node, "listen") else {
        if fields.get(node, "listen").is_none() {
            fields.error(
                node,
                format!("`{key}` has a `listen`, for example 127.0.0.1:8080"),
            );
        }
        return None;
    };
    Some(Listener {
        listen,
        token_file: path(fields, node, "tokenFile"),
    })
}

#[cfg(test)]
mod tests {
    use crate::config::server::read;

    use super::*;

    fn read_text(text: &str) -> (Option<crate::config::server::ServerConfig>, Vec<String>) {
        let (config, problems) = read(&"config.yaml".parse().unwrap(), text.as_bytes());
        (config, problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn repositories_and_listeners_are_read() {
        let (config, problems) = read_text(
            "repositories:
  - {url: \"https://git.example/acme/deploy.git\"}
  - {url: /srv/shop.git, name: shop-of-old, interval: 30s}
  - {url: \"git@git.example:tools\"}
serve:
  interval: 2m
  concurrency: 9
  hooks: {listen: \"0.0.0.0:8080\"}
  status: {listen: \"[::1]:8081\", tokenFile: /t}
  metrics: {listen: \"127.0.0.1:9090\"}
",
        );
        assert!(problems.is_empty(), "{problems:?}");
        let config = config.unwrap();
        let names: Vec<&str> = config
            .repositories
            .iter()
            .map(|it| it.name.as_str())
            .collect();
        assert_eq!(names, ["deploy", "shop-of-old", "tools"]);
        assert_eq!(
            config.repositories[1].interval,
            Some(Duration::from_secs(30))
        );
        assert_eq!(config.serve.interval, Duration::from_secs(120));
        assert_eq!(config.serve.concurrency, 9);
        assert_eq!(config.serve.hooks.unwrap().port(), 8080);
        assert!(config.serve.status.unwrap().token_file.is_some());
        assert_eq!(read_text("").0.unwrap().serve, ServeSettings::default());
    }

    #[test]
    fn faults_have_places_and_never_repeat_a_secret() {
        for (text, expected) in [
            (
                "repositories: [{url: \"https://a:secret@b/c\"}]",
                "config.yaml:1:22: error: `url` holds a password; put it into a file below `git`",
            ),
            (
                "repositories: [{url: ../shop}]",
                "config.yaml:1:22: error: `../shop` is neither a URL nor an absolute path",
            ),
            (
                "repositories: [{url: /a/shop}, {url: /b/shop.git}]",
                "config.yaml:1:32: error: two repositories are called `shop`; give one a `name`",
            ),
            (
                "repositories: [{url: /a, name: x}, {url: /a, name: y}]",
                "config.yaml:1:42: error: the repository stands twice",
            ),
            (
                "repositories: [{url: /a, name: a/b}]",
                "config.yaml:1:32: error: `a/b` is no name for a repository: letters, digits, `.`, `_` and `-`, up to 100",
            ),
            (
                "serve: {status: {}}",
                "config.yaml:1:17: error: `status` has a `listen`, for example 127.0.0.1:8080",
            ),
            (
                "serve: {hooks: {listen: here}}",
                "config.yaml:1:25: error: `listen`: invalid socket address syntax",
            ),
        ] {
            assert_eq!(read_text(text), (None, vec![expected.to_owned()]), "{text}");
        }
    }
}
