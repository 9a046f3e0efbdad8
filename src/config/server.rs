//! The operator's file, `/etc/headwater/config.yaml`: hosts and credentials.
//!
//! A credential stands in a file of its own, that this one names; none stands here.

use std::path::PathBuf;
use std::time::Duration;

use crate::config::events::{EventSettings, read_events};
use crate::config::field::Fields;
use crate::config::forge::{ForgeSettings, read_forges};
use crate::config::hooks::{HookSettings, read_hooks};
use crate::config::integrated_registry::{IntegratedRegistrySettings, read_integrated_registry};
use crate::config::serve::{RepositorySettings, ServeSettings, read_repositories, read_serve};
use crate::config::variables::Variables;
use crate::image::{RegistryPattern, RegistryPatternError};
use crate::problem::Problem;
use crate::snapshot::FilePath;
use crate::yaml::{Node, Source};

/// What the operator's file says; without one, nothing is restricted and nothing is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerConfig {
    pub registries: RegistrySettings,
    pub git: GitSettings,
    /// Keeps what streams have; none: nothing is pushed anywhere that would be followed.
    pub integrated_registry: Option<IntegratedRegistrySettings>,
    pub access: AccessSettings,
    pub pull_secrets: PullSecretSettings,
    pub forges: Vec<ForgeSettings>,
    /// What the daemon keeps reconciled.
    pub repositories: Vec<RepositorySettings>,
    pub serve: ServeSettings,
    /// Who sends webhooks here.
    pub hooks: Vec<HookSettings>,
    /// Who is sent events.
    pub events: Vec<EventSettings>,
}

impl ServerConfig {
    /// How often a Git repository is looked at.
    pub fn interval_of(&self, repository: &RepositorySettings) -> Duration {
        repository.interval.unwrap_or(self.serve.interval)
    }
}

/// Where the namespaces' logins for registries are; never in Git.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PullSecretSettings {
    /// Below it a folder for each namespace, with Secret manifests.
    pub folder: Option<PathBuf>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessSettings {
    /// Whether a stream of another namespace needs a RoleBinding to `system:image-puller`.
    pub enforce: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RegistrySettings {
    /// The only registries that are asked; none: those that the manifests name.
    pub allow: Option<Vec<RegistryPattern>>,
    pub hosts: Vec<RegistryHost>,
}

/// How one registry is spoken to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryHost {
    /// `host[:port]`
    pub host: String,
    /// Plain HTTP or unverified TLS, with credentials too.
    pub insecure: bool,
    /// PEM certificates that are trusted beside the system's.
    pub ca_file: Option<PathBuf>,
    /// The host of the token server, where it is neither the registry's own nor of its domain.
    pub token_realm: Option<String>,
    /// A file in the form of Docker's `config.json`.
    pub credentials_file: Option<PathBuf>,
    /// How many questions the daemon asks it in a minute, over all Git repositories; none: as many
    /// as there are.
    pub per_minute: Option<usize>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GitSettings {
    /// Of the bot's commits.
    pub author_name: Option<String>,
    pub author_email: Option<String>,
    /// What the bot's commits are signed with.
    pub signing: Option<SigningSettings>,
    pub ca_file: Option<PathBuf>,
    pub known_hosts: Option<PathBuf>,
    pub credentials: Vec<GitCredential>,
}

/// An SSH key for commits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningSettings {
    /// A private key in OpenSSH's form.
    pub ssh_key_file: PathBuf,
    pub passphrase_file: Option<PathBuf>,
}

/// The credential for all Git repositories below one URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitCredential {
    /// `https://host/path` or `ssh://user@host/path`; whole path segments count.
    pub url: String,
    pub username_file: Option<PathBuf>,
    pub password_file: Option<PathBuf>,
    pub token_file: Option<PathBuf>,
    pub ssh_key_file: Option<PathBuf>,
}

/// Reads the operator's file; `name` is what problems call it. No configuration where a problem
/// is an error.
pub fn read(name: &FilePath, bytes: &[u8]) -> (Option<ServerConfig>, Vec<Problem>) {
    read_with(name, bytes, &Variables::default())
}

/// Reads the operator's file, and the variables that win over it. A problem with what a variable
/// says has no place and names the variable.
pub fn read_with(
    name: &FilePath,
    bytes: &[u8],
    variables: &Variables,
) -> (Option<ServerConfig>, Vec<Problem>) {
    read_and(name, bytes, variables, |config, _, _| config)
}

/// Reads them, and hands what came of it to `then`, with the fields and their root.
pub(crate) fn read_and<T>(
    name: &FilePath,
    bytes: &[u8],
    variables: &Variables,
    then: impl FnOnce(ServerConfig, &Fields<'_>, Option<&Node>) -> T,
) -> (Option<T>, Vec<Problem>) {
    let source = Source::parse(bytes);
    let (fields, root) = Fields::new(name, &source);
    let overlaid = variables.over(root, Fields::end(&source));
    let (mut fields, root) = fields.overlaid(&overlaid);
    let config = match root {
        Some(root) => read_root(&mut fields, root),
        None => ServerConfig::default(),
    };
    let read = (!fields.has_errors()).then(|| then(config, &fields, root));
    (read, fields.problems)
}

fn read_root<'a>(fields: &mut Fields<'a>, root: &'a Node) -> ServerConfig {
    let mut config = ServerConfig::default();
    const KNOWN: &[&str] = &[
        "registries",
        "git",
        "forges",
        "integratedRegistry",
        "access",
        "pullSecrets",
        "repositories",
        "serve",
        "hooks",
        "events",
    ];
    fields.check(root, KNOWN);
    if let Some(node) = fields.mapping(root, "registries", &["allow", "hosts"]) {
        config.registries = read_registries(fields, node);
    }
    const GIT: &[&str] = &["author", "signing", "caFile", "knownHosts", "credentials"];
    if let Some(node) = fields.mapping(root, "git", GIT) {
        config.git = read_git(fields, node);
    }
    config.integrated_registry = read_integrated_registry(fields, root);
    config.forges = read_forges(fields, root);
    config.hooks = read_hooks(fields, root);
    config.events = read_events(fields, root);
    config.repositories = read_repositories(fields, root);
    config.serve = read_serve(fields, root);
    if let Some(node) = fields.mapping(root, "pullSecrets", &["folder"]) {
        config.pull_secrets.folder = path(fields, node, "folder");
    }
    if let Some(node) = fields.mapping(root, "access", &["enforce"]) {
        config.access.enforce = fields.flag(node, "enforce").unwrap_or_default();
    }
    config
}

fn read_registries<'a>(fields: &mut Fields<'a>, node: &'a Node) -> RegistrySettings {
    let allow = fields.get(node, "allow").is_some().then(|| {
        let mut patterns = Vec::new();
        for (node, text) in fields.texts(node, "allow") {
            match text.parse() {
                Ok(pattern) => patterns.push(pattern),
                Err(error) => fields.error(node, RegistryPatternError::to_string(&error)),
            }
        }
        patterns
    });
    let mut hosts: Vec<RegistryHost> = Vec::new();
    for item in fields.list(node, "hosts") {
        const KNOWN: &[&str] = &[
            "host",
            "insecure",
            "caFile",
            "tokenRealm",
            "credentialsFile",
            "perMinute",
        ];
        fields.check(item, KNOWN);
        let Some(host) = fields.text(item, "host") else {
            fields.error(item, "a registry has a `host`");
            continue;
        };
        if let Some(node) = fields.get(item, "host") {
            check_host(fields, node, &host);
        }
        if hosts.iter().any(|other| other.host == host) {
            fields.error_in(item, "host", format!("the host `{host}` stands twice"));
        }
        hosts.push(RegistryHost {
            insecure: fields.flag(item, "insecure").unwrap_or_default(),
            ca_file: path(fields, item, "caFile"),
            token_realm: fields.text(item, "tokenRealm"),
            credentials_file: path(fields, item, "credentialsFile"),
            per_minute: fields.number(item, "perMinute", 1),
            host,
        });
    }
    RegistrySettings { allow, hosts }
}

/// A host stands alone: with a scheme or a path it would never match one.
pub(crate) fn check_host(fields: &mut Fields<'_>, node: &Node, host: &str) {
    if host.is_empty() || host.contains(['/', '@', ' ', '*']) {
        fields.error(node, format!("`{host}` is not host[:port]"));
    }
}

fn read_git<'a>(fields: &mut Fields<'a>, node: &'a Node) -> GitSettings {
    let author = fields.mapping(node, "author", &["name", "email"]);
    let mut credentials = Vec::new();
    for item in fields.list(node, "credentials") {
        credentials.extend(read_credential(fields, item));
    }
    GitSettings {
        author_name: author.and_then(|author| fields.text(author, "name")),
        author_email: author.and_then(|author| fields.text(author, "email")),
        signing: read_signing(fields, node),
        ca_file: path(fields, node, "caFile"),
        known_hosts: path(fields, node, "knownHosts"),
        credentials,
    }
}

fn read_signing<'a>(fields: &mut Fields<'a>, node: &'a Node) -> Option<SigningSettings> {
    let signing = fields.mapping(node, "signing", &["sshKeyFile", "passphraseFile"])?;
    let Some(ssh_key_file) = path(fields, signing, "sshKeyFile") else {
        fields.error(signing, "`signing` has an `sshKeyFile`");
        return None;
    };
    Some(SigningSettings {
        ssh_key_file,
        passphrase_file: path(fields, signing, "passphraseFile"),
    })
}

fn read_credential<'a>(fields: &mut Fields<'a>, item: &'a Node) -> Option<GitCredential> {
    const KNOWN: &[&str] = &[
        "url",
        "usernameFile",
        "passwordFile",
        "tokenFile",
        "sshKeyFile",
    ];
    fields.check(item, KNOWN);
    let Some(url) = fields.text(item, "url") else {
        fields.error(item, "a credential has the `url` that it is for");
        return None;
    };
    match url::Url::parse(&url) {
        // The URL is not repeated: it may hold a secret.
        Ok(parsed) if parsed.password().is_some() => {
            fields.error_in(item, "url", "`url` holds a password; put it into a file");
        }
        Ok(parsed) if matches!(parsed.scheme(), "https" | "http" | "ssh") => {}
        _ => fields.error_in(item, "url", "`url` begins with https://, http:// or ssh://"),
    }
    let credential = GitCredential {
        url,
        username_file: path(fields, item, "usernameFile"),
        password_file: path(fields, item, "passwordFile"),
        token_file: path(fields, item, "tokenFile"),
        ssh_key_file: path(fields, item, "sshKeyFile"),
    };
    let ways = [
        &credential.password_file,
        &credential.token_file,
        &credential.ssh_key_file,
    ];
    if ways.into_iter().flatten().count() != 1 {
        fields.error(
            item,
            "a credential has one of `passwordFile`, `tokenFile` and `sshKeyFile`",
        );
    }
    Some(credential)
}

pub(crate) fn path<'a>(fields: &mut Fields<'a>, node: &'a Node, key: &str) -> Option<PathBuf> {
    fields.text(node, key).map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> (Option<ServerConfig>, Vec<String>) {
        let (config, problems) = read(&"config.yaml".parse().unwrap(), text.as_bytes());
        (config, problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn hosts_and_credentials_are_read() {
        let (config, problems) = read_text(
            "registries:
  allow: [ghcr.io, \"*.example:50??\"]
  hosts:
    - {host: \"registry.example:5000\", insecure: true, caFile: /a.pem, tokenRealm: auth.example, credentialsFile: /d.json, perMinute: 60}
pullSecrets: {folder: /etc/headwater/pull-secrets}
git:
  author: {name: bot, email: bot@example.com}
  signing: {sshKeyFile: /sign, passphraseFile: /p}
  knownHosts: /k
  credentials:
    - {url: \"https://git.example/acme\", tokenFile: /t}
    - {url: \"ssh://git@git.example/acme\", sshKeyFile: /s}
",
        );
        assert!(problems.is_empty(), "{problems:?}");
        let config = config.unwrap();
        assert_eq!(config.registries.allow.unwrap().len(), 2);
        assert!(config.registries.hosts[0].insecure);
        assert_eq!(config.registries.hosts[0].per_minute, Some(60));
        assert_eq!(config.git.credentials.len(), 2);
        let folder = config.pull_secrets.folder.unwrap();
        assert_eq!(folder.to_str(), Some("/etc/headwater/pull-secrets"));
        assert_eq!(config.git.author_name.as_deref(), Some("bot"));
        let signing = config.git.signing.unwrap();
        assert_eq!(signing.ssh_key_file.to_str(), Some("/sign"));
        assert_eq!(signing.passphrase_file.unwrap().to_str(), Some("/p"));
        assert_eq!(read_text("").0, Some(ServerConfig::default()));
        // Nothing at all may be asked.
        let (config, _) = read_text("registries: {allow: []}");
        assert_eq!(config.unwrap().registries.allow, Some(Vec::new()));
    }

    #[test]
    fn faults_have_places_and_never_repeat_a_secret() {
        for (text, expected) in [
            (
                "registries: {allow: [\"https://ghcr.io\"]}",
                "config.yaml:1:22: error: `https://ghcr.io` is not host[:port]",
            ),
            (
                "registries: {allow: [ghcr.io, 'a:b:c']}",
                "config.yaml:1:31: error: failed to parse allowed registry \"a:b:c\": too many colons",
            ),
            (
                "registry: {}",
                "config.yaml:1:1: error: unknown field `registry`; did you mean `registries`?",
            ),
            (
                "git: {credentials: [{url: \"https://a:secret@b/c\", tokenFile: /t}]}",
                "config.yaml:1:27: error: `url` holds a password; put it into a file",
            ),
            (
                "git: {signing: {passphraseFile: /p}}",
                "config.yaml:1:16: error: `signing` has an `sshKeyFile`",
            ),
            (
                "git: {credentials: [{url: \"https://b/c\"}]}",
                "config.yaml:1:21: error: a credential has one of `passwordFile`, `tokenFile` and `sshKeyFile`",
            ),
        ] {
            let (config, problems) = read_text(text);
            assert_eq!((config, problems), (None, vec![expected.to_owned()]));
        }
    }
}
