//! The operator's file as a schema describes it, and the settings in force in its form.

use std::path::Path;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::events::{EventSettings, EventType};
use crate::config::forge::{ForgeKind, ForgeSettings, ForgeToken};
use crate::config::hooks::{HookKind, HookSettings};
use crate::config::integrated_registry::IntegratedRegistrySettings;
use crate::config::serve::{RepositorySettings, ServeSettings};
use crate::config::server::{GitCredential, RegistryHost, ServerConfig};

/// The operator's file, named by `--config` or `HEADWATER_CONFIG`. It names files with secrets and
/// holds none. Each key can be given by a variable too, which wins over the file:
/// `HEADWATER_SERVE__STATUS__LISTEN`.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "The server file of headwater")]
pub struct ServerFile {
    pub registries: Option<RegistriesFields>,
    pub git: Option<GitFields>,
    /// Where pull requests are opened; of other Git repositories, the branches are the pull
    /// requests.
    pub forges: Option<Vec<ForgeFields>>,
    pub integrated_registry: Option<IntegratedRegistryFields>,
    pub access: Option<AccessFields>,
    pub pull_secrets: Option<PullSecretsFields>,
    /// What the daemon keeps reconciled.
    pub repositories: Option<Vec<RepositoryFields>>,
    pub serve: Option<ServeFields>,
    /// Who may tell the daemon that something was pushed; each is served at `/hook/NAME`.
    #[schemars(length(max = 100))]
    pub hooks: Option<Vec<HookFields>>,
    /// Who is told what has happened, as `CloudEvents`.
    #[schemars(length(max = 100))]
    pub events: Option<Vec<EventFields>>,
}

/// Which registries are asked, and how.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RegistriesFields {
    /// `host[:port]` with the wildcards `*` and `?`: no other registry is asked. Without the list:
    /// those that manifests name.
    pub allow: Option<Vec<String>>,
    pub hosts: Option<Vec<RegistryFields>>,
}

/// How one registry is spoken to.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RegistryFields {
    /// `host[:port]`
    pub host: String,
    /// True: plain HTTP or unverified TLS, with credentials too.
    pub insecure: Option<bool>,
    /// A file with PEM certificates that are trusted beside the system's.
    pub ca_file: Option<String>,
    /// The host of its token server, where that is on another domain.
    pub token_realm: Option<String>,
    /// A file in the form of Docker's `config.json`.
    pub credentials_file: Option<String>,
    /// How many questions the daemon asks it in a minute, over all Git repositories; as many as
    /// there are by default.
    #[schemars(range(min = 1))]
    pub per_minute: Option<usize>,
}

/// How Git servers are reached, and whose the bot's commits are.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GitFields {
    pub author: Option<AuthorFields>,
    pub signing: Option<SigningFields>,
    /// A file with PEM certificates that are trusted beside the system's.
    pub ca_file: Option<String>,
    /// The hosts that are known over ssh, instead of `~/.ssh/known_hosts`.
    pub known_hosts: Option<String>,
    pub credentials: Option<Vec<CredentialFields>>,
}

/// Of the bot's commits.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AuthorFields {
    pub name: Option<String>,
    pub email: Option<String>,
}

/// What the bot's commits are signed with; no commit is made without its signature.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SigningFields {
    /// A private key in OpenSSH's form: ed25519 or ECDSA.
    pub ssh_key_file: String,
    /// Where the key has a passphrase.
    pub passphrase_file: Option<String>,
}

/// The credential for all Git repositories below a URL: one of `passwordFile`, `tokenFile` and
/// `sshKeyFile`.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CredentialFields {
    /// `https://host/path` or `ssh://user@host/path`, without a password; whole path segments
    /// count.
    pub url: String,
    /// `git` by default.
    pub username_file: Option<String>,
    pub password_file: Option<String>,
    pub token_file: Option<String>,
    /// A private key without a passphrase.
    pub ssh_key_file: Option<String>,
}

/// A forge, with either a `tokenFile` or an `app`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ForgeFields {
    pub kind: ForgeKind,
    /// Its root: the Git repositories below it are the forge's.
    pub url: String,
    /// Only the repositories of this account, organization or group.
    pub owner: Option<String>,
    /// The root of its API, where the kind does not have it at the usual place.
    pub api: Option<String>,
    /// Where ssh has a host of its own.
    pub ssh_host: Option<String>,
    /// Read anew for each request.
    pub token_file: Option<String>,
    pub app: Option<AppFields>,
    /// A file with PEM certificates that are trusted beside the system's.
    pub ca_file: Option<String>,
    /// A file with at least 16 random bytes, that the bot's marks in pull requests are
    /// authenticated with.
    pub marker_key_file: Option<String>,
    /// True: plain `http://`, by which the token is readable on the way.
    pub insecure: Option<bool>,
}

/// A GitHub App: tokens are made as they are needed.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AppFields {
    /// Its client id, or its number.
    pub id: AppId,
    /// Looked up where it is not given.
    #[schemars(range(min = 1))]
    pub installation: Option<u64>,
    /// The key in PEM form.
    pub private_key_file: String,
}

/// A client id, or a number.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum AppId {
    Client(String),
    Number(u64),
}

/// Who may use the streams of another namespace, and where pushes count.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AccessFields {
    /// True: only where a `RoleBinding` to `system:image-puller` in Git allows it; and what is
    /// pushed counts only where one to `system:image-pusher` or `system:image-builder` does.
    pub enforce: Option<bool>,
}

/// The registry that keeps what streams have; any OCI registry serves. A stream tag without `from`
/// follows what is pushed into it, as `<host>/<namespace>/<stream>:<tag>`.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IntegratedRegistryFields {
    /// `host[:port]`: where it is asked, and what pins name.
    pub host: String,
    /// `host[:port]` under which the outside reaches it.
    pub public_host: Option<String>,
    /// `host[:port]`: further names of it in manifests, beside those that it has in every cluster.
    pub aliases: Option<Vec<String>>,
    /// A file in the form of Docker's `config.json`.
    pub credentials_file: Option<String>,
    /// True: a stream, or a tag, that is pushed there and that no manifest names is proposed as
    /// one; false by default.
    pub create_streams: Option<bool>,
    /// Those that an environment may name instead, by `environments[].integratedRegistry`.
    #[schemars(length(max = 100))]
    pub others: Option<Vec<OtherRegistryFields>>,
}

/// A further integrated registry.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OtherRegistryFields {
    /// `host[:port]`: where it is asked, and what pins name.
    pub host: String,
    /// `host[:port]` under which the outside reaches it.
    pub public_host: Option<String>,
    /// `host[:port]`: further names of it in manifests.
    pub aliases: Option<Vec<String>>,
    /// A file in the form of Docker's `config.json`.
    pub credentials_file: Option<String>,
    /// As of the usual one.
    pub create_streams: Option<bool>,
}

/// The namespaces' logins for registries.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PullSecretsFields {
    /// Below it a folder for each namespace, with Secrets of the types
    /// `kubernetes.io/dockerconfigjson` and `kubernetes.io/dockercfg`.
    pub folder: Option<String>,
}

/// A Git repository that the daemon keeps reconciled.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RepositoryFields {
    /// As pages, metrics and events call it; the last part of `url` without `.git` by default.
    #[schemars(regex(pattern = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"))]
    pub name: Option<String>,
    /// A URL without a password, or an absolute path.
    pub url: String,
    /// How often it is looked at, at least; `serve.interval` by default, and no less than `10s`.
    pub interval: Option<String>,
}

/// How the daemon works, and where it listens; a listener that is not named is not opened.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServeFields {
    /// How often each Git repository is looked at, at least; `1m` by default, and no less than
    /// `10s`.
    pub interval: Option<String>,
    /// How many Git repositories are looked at at a time; 4 by default.
    #[schemars(range(min = 1))]
    pub concurrency: Option<usize>,
    /// Where webhooks are taken.
    pub hooks: Option<ListenFields>,
    pub status: Option<StatusFields>,
    /// Where metrics are served, and whether the daemon is alive and ready.
    pub metrics: Option<ListenFields>,
}

#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListenFields {
    /// Address and port, such as `0.0.0.0:8080`.
    pub listen: String,
}

/// Where the status page is shown.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StatusFields {
    /// Address and port, such as `127.0.0.1:8081`.
    pub listen: String,
    /// Holds the bearer token that readers must have; without it, everybody may read.
    pub token_file: Option<String>,
}

/// A sender of webhooks, with a `secretFile`, or `secretFiles` while one is being replaced.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HookFields {
    /// It stands in the hook's address.
    #[schemars(regex(pattern = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"))]
    pub name: String,
    /// How the sender writes and proves itself.
    pub kind: HookKind,
    pub secret_file: Option<String>,
    /// The old and the new one.
    #[schemars(length(min = 1, max = 2))]
    pub secret_files: Option<Vec<String>>,
    /// The registry's `host[:port]` as manifests write it, where the sender names none or another.
    pub host: Option<String>,
}

/// An address that events are posted to.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EventFields {
    /// `https://`, without an account; on the loopback `http://` too.
    pub url: String,
    /// What the events are signed with.
    pub secret_file: String,
    #[schemars(length(min = 1))]
    pub types: Vec<EventType>,
}

impl Default for AppId {
    fn default() -> Self {
        Self::Number(0)
    }
}

fn integrated_registry(settings: &IntegratedRegistrySettings) -> IntegratedRegistryFields {
    let own = other_registry(settings);
    IntegratedRegistryFields {
        host: own.host,
        public_host: own.public_host,
        aliases: own.aliases,
        credentials_file: own.credentials_file,
        create_streams: own.create_streams,
        others: listed(&settings.others, other_registry),
    }
}

fn other_registry(settings: &IntegratedRegistrySettings) -> OtherRegistryFields {
    let registry = &settings.registry;
    let aliases: Vec<String> = registry.aliases.iter().cloned().collect();
    OtherRegistryFields {
        host: registry.host.clone(),
        public_host: registry.public_host.clone(),
        aliases: (!aliases.is_empty()).then_some(aliases),
        credentials_file: settings.credentials_file.as_deref().map(text),
        create_streams: Some(registry.create_streams),
    }
}

/// The settings in force, defaults included.
impl From<&ServerConfig> for ServerFile {
    fn from(config: &ServerConfig) -> Self {
        let git = &config.git;
        Self {
            registries: Some(RegistriesFields {
                allow: config.registries.allow.as_ref().map(|patterns| {
                    let texts = patterns.iter().map(ToString::to_string);
                    texts.collect()
                }),
                hosts: listed(&config.registries.hosts, registry),
            }),
            git: Some(GitFields {
                author: Some(AuthorFields {
                    name: git.author_name.clone(),
                    email: git.author_email.clone(),
                }),
                signing: git.signing.as_ref().map(|signing| SigningFields {
                    ssh_key_file: text(&signing.ssh_key_file),
                    passphrase_file: signing.passphrase_file.as_deref().map(text),
                }),
                ca_file: git.ca_file.as_deref().map(text),
                known_hosts: git.known_hosts.as_deref().map(text),
                credentials: listed(&git.credentials, credential),
            }),
            forges: listed(&config.forges, forge),
            integrated_registry: config.integrated_registry.as_ref().map(integrated_registry),
            access: Some(AccessFields {
                enforce: Some(config.access.enforce),
            }),
            pull_secrets: Some(PullSecretsFields {
                folder: config.pull_secrets.folder.as_deref().map(text),
            }),
            repositories: listed(&config.repositories, repository),
            serve: Some(serve(&config.serve)),
            hooks: listed(&config.hooks, hook),
            events: listed(&config.events, event),
        }
    }
}

/// None where there is nothing, so that no empty list is shown.
fn listed<T, F>(items: &[T], form: impl Fn(&T) -> F) -> Option<Vec<F>> {
    (!items.is_empty()).then(|| items.iter().map(form).collect())
}

fn registry(host: &RegistryHost) -> RegistryFields {
    RegistryFields {
        host: host.host.clone(),
        insecure: Some(host.insecure),
        ca_file: host.ca_file.as_deref().map(text),
        token_realm: host.token_realm.clone(),
        credentials_file: host.credentials_file.as_deref().map(text),
        per_minute: host.per_minute,
    }
}

fn credential(credential: &GitCredential) -> CredentialFields {
    CredentialFields {
        url: credential.url.clone(),
        username_file: credential.username_file.as_deref().map(text),
        password_file: credential.password_file.as_deref().map(text),
        token_file: credential.token_file.as_deref().map(text),
        ssh_key_file: credential.ssh_key_file.as_deref().map(text),
    }
}

fn forge(forge: &ForgeSettings) -> ForgeFields {
    let (token_file, app) = match &forge.token {
        ForgeToken::File(file) => (Some(text(file)), None),
        ForgeToken::App {
            id,
            installation,
            private_key_file,
        } => {
            let app = AppFields {
                id: AppId::Client(id.clone()),
                installation: *installation,
                private_key_file: text(private_key_file),
            };
            (None, Some(app))
        }
    };
    ForgeFields {
        kind: forge.kind,
        url: forge.url.to_string(),
        owner: forge.owner.clone(),
        api: Some(forge.api.to_string()),
        ssh_host: forge.ssh_host.clone(),
        token_file,
        app,
        ca_file: forge.ca_file.as_deref().map(text),
        marker_key_file: forge.marker_key_file.as_deref().map(text),
        insecure: Some(forge.allows_plain),
    }
}

fn repository(repository: &RepositorySettings) -> RepositoryFields {
    RepositoryFields {
        name: Some(repository.name.clone()),
        url: repository.url.clone(),
        interval: repository.interval.map(span),
    }
}

fn serve(serve: &ServeSettings) -> ServeFields {
    let listen = |address: std::net::SocketAddr| ListenFields {
        listen: address.to_string(),
    };
    ServeFields {
        interval: Some(span(serve.interval)),
        concurrency: Some(serve.concurrency),
        hooks: serve.hooks.map(listen),
        status: serve.status.as_ref().map(|status| StatusFields {
            listen: status.listen.to_string(),
            token_file: status.token_file.as_deref().map(text),
        }),
        metrics: serve.metrics.map(listen),
    }
}

fn hook(hook: &HookSettings) -> HookFields {
    let files: Vec<String> = hook.secret_files.iter().map(|file| text(file)).collect();
    let (secret_file, secret_files) = match files.as_slice() {
        [only] => (Some(only.clone()), None),
        _ => (None, Some(files)),
    };
    HookFields {
        name: hook.name.clone(),
        kind: hook.kind,
        secret_file,
        secret_files,
        host: hook.host.clone(),
    }
}

fn event(event: &EventSettings) -> EventFields {
    EventFields {
        // The rest of the address may be a secret.
        url: format!("{}/…", event.url.origin().ascii_serialization()),
        secret_file: text(&event.secret_file),
        types: event.types.iter().copied().collect(),
    }
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn span(span: Duration) -> String {
    match jiff::SignedDuration::try_from(span) {
        Ok(span) => format!("{span:#}"),
        Err(_) => format!("{}s", span.as_secs()),
    }
}
