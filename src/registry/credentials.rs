//! Credentials as docker, podman and skopeo keep them.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use secrecy::SecretString;
use serde::Deserialize;
use tokio::sync::OnceCell;

use crate::image::DOCKER_HUB_HOST;
use crate::problem::Problem;
use crate::pull_secret::PullSecret;
use crate::registry::credential_helper::{self, HelperName};
use crate::registry::host::lock;
use crate::registry::pull_secrets::NamespaceSecrets;

/// Under this name docker keeps Docker Hub's login.
const HUB_KEY: &str = "https://index.docker.io/v1/";
/// A larger file is no credential file.
const LARGEST_FILE: u64 = 1024 * 1024;

/// Where credentials come from: files in docker's form, the first one that knows a host wins.
#[derive(Clone, Default)]
pub struct CredentialSource {
    files: Arc<[AuthFile]>,
    namespaces: Arc<BTreeMap<String, NamespaceSecrets>>,
    problems: Arc<[Problem]>,
    /// What helpers answered: each is asked once a process.
    answers: Arc<Mutex<HelperAnswers>>,
}

/// By helper and server.
type HelperAnswers = BTreeMap<(HelperName, String), Arc<OnceCell<Option<Secret>>>>;

/// What lets in, and what it is called where tokens are told apart.
#[derive(Clone)]
pub(super) struct Credential {
    pub id: String,
    pub secret: Secret,
}

#[derive(Clone)]
pub(super) enum Secret {
    Password {
        username: String,
        password: SecretString,
    },
    /// Exchanged for access tokens (OAuth 2 refresh token).
    IdentityToken(SecretString),
}

#[derive(Default)]
struct AuthFile {
    path: PathBuf,
    /// By `host[:port][/path]`.
    auths: BTreeMap<String, Secret>,
    helpers: BTreeMap<String, HelperName>,
    store: Option<HelperName>,
}

impl CredentialSource {
    /// Everything is asked anonymously.
    pub fn none() -> Self {
        Self::default()
    }

    /// Reads files in the form of `~/.docker/config.json` and `auth.json`. A file that is not
    /// there is left out; a broken one is a problem, and the others work.
    pub fn from_files(paths: &[PathBuf]) -> Self {
        let mut files = Vec::new();
        let mut problems = Vec::new();
        for path in paths {
            match read_file(path, &mut problems) {
                Ok(file) => files.extend(file),
                Err(reason) => problems.push(
                    Problem::warning(
                        None,
                        format!(
                            "the credential file {} cannot be used: {reason}",
                            path.display()
                        ),
                    )
                    .advice("log in again, or mend the file"),
                ),
            }
        }
        Self {
            files: files.into(),
            problems: problems.into(),
            ..Self::default()
        }
    }

    /// One login for one registry (`host[:port]`), or for a part of it (`host/path`).
    #[must_use]
    pub fn with_password(self, registry: &str, username: &str, password: SecretString) -> Self {
        let secret = Secret::Password {
            username: username.to_owned(),
            password,
        };
        let file = AuthFile {
            auths: BTreeMap::from([(normal_key(registry), secret)]),
            ..AuthFile::default()
        };
        let mut files = vec![file];
        files.extend(self.files.iter().map(AuthFile::copy));
        Self {
            files: files.into(),
            ..self
        }
    }

    /// The pull secrets of namespaces, each for its own streams, before everything else.
    #[must_use]
    pub fn with_pull_secrets(self, by_namespace: &BTreeMap<String, Vec<PullSecret>>) -> Self {
        let mut problems = self.problems.to_vec();
        let namespaces = by_namespace
            .iter()
            .map(|(namespace, secrets)| {
                let secrets = NamespaceSecrets::read(namespace, secrets, &mut problems);
                (namespace.clone(), secrets)
            })
            .collect();
        Self {
            namespaces: Arc::new(namespaces),
            problems: problems.into(),
            ..self
        }
    }

    /// What is wrong with the files.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// The credential for a repository, if there is one: of the namespace's pull secrets, else
    /// of the files. The error says which helper failed.
    pub(super) async fn find(
        &self,
        namespace: Option<&str>,
        host: &str,
        path: &str,
    ) -> Result<Option<Credential>, String> {
        let secrets = namespace.and_then(|namespace| self.namespaces.get(namespace));
        if let Some(found) = secrets.and_then(|secrets| secrets.find(host, path)) {
            return Ok(Some(found));
        }
        for (number, file) in self.files.iter().enumerate() {
            if let Some(helper) = file.helpers.get(&normal_key(host)) {
                return self.ask_helper(helper, host, false).await;
            }
            if let Some((key, secret)) = file.longest_match(host, path) {
                return Ok(Some(Credential {
                    id: format!("{number} {key}"),
                    secret: secret.clone(),
                }));
            }
            if let Some(store) = &file.store
                && let Some(found) = self.ask_helper(store, host, true).await?
            {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// A store for all hosts may be absent on this machine (a copied file); a helper that is
    /// named for this very host may not.
    async fn ask_helper(
        &self,
        helper: &HelperName,
        host: &str,
        may_be_absent: bool,
    ) -> Result<Option<Credential>, String> {
        let server = if host == DOCKER_HUB_HOST {
            HUB_KEY
        } else {
            host
        };
        let cell = Arc::clone(
            lock(&self.answers)
                .entry((helper.clone(), server.to_owned()))
                .or_default(),
        );
        let secret = cell
            .get_or_try_init(|| credential_helper::get(helper, server, may_be_absent))
            .await?;
        Ok(secret.clone().map(|secret| Credential {
            id: format!("{helper} {server}"),
            secret,
        }))
    }
}

impl AuthFile {
    /// The longest key that holds the repository, by whole path segments.
    fn longest_match(&self, host: &str, path: &str) -> Option<(&str, &Secret)> {
        let mut wanted = format!("{host}/{path}");
        loop {
            if let Some((key, secret)) = self.auths.get_key_value(&wanted) {
                return Some((key, secret));
            }
            let end = wanted.rfind('/')?;
            wanted.truncate(end);
        }
    }

    fn copy(&self) -> Self {
        Self {
            path: self.path.clone(),
            auths: self.auths.clone(),
            helpers: self.helpers.clone(),
            store: self.store.clone(),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawFile {
    #[serde(default)]
    auths: BTreeMap<String, serde_json::Value>,
    #[serde(default)]
    cred_helpers: BTreeMap<String, String>,
    #[serde(default)]
    creds_store: Option<String>,
}

#[derive(Deserialize)]
struct RawAuth {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
}

fn read_file(path: &Path, problems: &mut Vec<Problem>) -> Result<Option<AuthFile>, String> {
    let text = match std::fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.to_string()),
        Ok(metadata) if metadata.len() > LARGEST_FILE => return Err("it is too large".to_owned()),
        Ok(_) => std::fs::read(path).map_err(|error| error.to_string())?,
    };
    // serde_json's words name the place, never the value of a string.
    let raw: RawFile = serde_json::from_slice(&text).map_err(|error| {
        format!(
            "line {}, column {}: it is no JSON of docker's form",
            error.line(),
            error.column()
        )
    })?;
    let mut file = AuthFile {
        path: path.to_owned(),
        ..AuthFile::default()
    };
    let mut complain = |what: String| {
        problems.push(Problem::warning(
            None,
            format!("{}: {what}", path.display()),
        ));
    };
    for (key, value) in raw.auths {
        match entry(value) {
            Ok(Some(secret)) => {
                file.auths.insert(normal_key(&key), secret);
            }
            Ok(None) => {}
            Err(reason) => complain(format!("the entry for {key} cannot be used: {reason}")),
        }
    }
    for (host, name) in raw.cred_helpers {
        match HelperName::new(&name) {
            Some(name) => {
                file.helpers.insert(normal_key(&host), name);
            }
            None => complain(format!(
                "the credential helper for {host} has no usable name"
            )),
        }
    }
    if let Some(name) = raw.creds_store.filter(|name| !name.is_empty()) {
        file.store = HelperName::new(&name);
        if file.store.is_none() {
            complain("credsStore has no usable name".to_owned());
        }
    }
    Ok(Some(file))
}

/// One of `auths`. Empty: the secret is in a store.
pub(super) fn entry(value: serde_json::Value) -> Result<Option<Secret>, String> {
    let raw: RawAuth =
        serde_json::from_value(value).map_err(|_| "it is not of docker's form".to_owned())?;
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    if let Some(token) = given(raw.identitytoken) {
        return Ok(Some(Secret::IdentityToken(token.into())));
    }
    if let (Some(username), Some(password)) = (given(raw.username), given(raw.password)) {
        return Ok(Some(Secret::of(username, password)));
    }
    let Some(auth) = given(raw.auth) else {
        return Ok(None);
    };
    let engine = base64::engine::GeneralPurpose::new(
        &base64::alphabet::STANDARD,
        base64::engine::GeneralPurposeConfig::new()
            .with_decode_padding_mode(base64::engine::DecodePaddingMode::Indifferent),
    );
    let decoded = engine
        .decode(auth.trim())
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or("`auth` is not in base64")?;
    let (username, password) = decoded
        .split_once(':')
        .ok_or("`auth` holds no user name and password")?;
    // Docker pads with zero bytes.
    Ok(Some(Secret::of(
        username.to_owned(),
        password.trim_end_matches('\0').to_owned(),
    )))
}

impl Secret {
    /// Docker's convention: the user name `<token>` marks an identity token.
    pub fn of(username: String, password: String) -> Self {
        if username == "<token>" {
            Self::IdentityToken(password.into())
        } else {
            Self::Password {
                username,
                password: password.into(),
            }
        }
    }
}

/// `host[:port][/path]`: without scheme, API version and closing slash, Docker Hub by one name.
fn normal_key(key: &str) -> String {
    let key = key
        .strip_prefix("https://")
        .or_else(|| key.strip_prefix("http://"))
        .unwrap_or(key)
        .trim_end_matches('/');
    let (host, path) = key.split_once('/').unwrap_or((key, ""));
    let host = match host.to_ascii_lowercase().as_str() {
        "docker.io" | "index.docker.io" | DOCKER_HUB_HOST => DOCKER_HUB_HOST.to_owned(),
        other => other.to_owned(),
    };
    match path {
        "" | "v1" | "v2" => host,
        path => format!("{host}/{path}"),
    }
}

impl fmt::Debug for CredentialSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let paths = self.files.iter().map(|file| &file.path);
        f.write_str("CredentialSource")?;
        f.debug_list().entries(paths).finish()
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credential({})", self.id)
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    fn source(text: &str) -> CredentialSource {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.json");
        std::fs::write(&path, text).unwrap();
        CredentialSource::from_files(&[folder.path().join("absent.json"), path])
    }

    async fn user(source: &CredentialSource, host: &str, path: &str) -> Option<String> {
        match source.find(None, host, path).await.unwrap()?.secret {
            Secret::Password { username, password } => {
                Some(format!("{username}/{}", password.expose_secret()))
            }
            Secret::IdentityToken(token) => Some(format!("token {}", token.expose_secret())),
        }
    }

    fn auth(text: &str) -> String {
        base64::engine::general_purpose::STANDARD.encode(text)
    }

    #[tokio::test]
    async fn the_longest_whole_path_wins() {
        let source = source(&format!(
            r#"{{"auths":{{
                "quay.io":{{"auth":"{}"}},
                "quay.io/foo":{{"auth":"{}"}},
                "quay.io/foo/bar":{{"username":"c","password":"3"}},
                "https://index.docker.io/v1/":{{"auth":"{}"}},
                "https://Private.example:5000/v2/":{{"auth":"{}"}},
                "acr.example":{{"auth":"{}","identitytoken":"long"}},
                "empty.example":{{}}
            }}}}"#,
            auth("a:1"),
            auth("b:2:2").trim_end_matches('='),
            auth("hub:5"),
            auth("d:4"),
            auth("00000000-0000-0000-0000-000000000000:"),
        ));
        assert!(source.problems().is_empty(), "{:?}", source.problems());
        for (host, path, expected) in [
            ("quay.io", "foobar/x", Some("a/1")),
            ("quay.io", "foo/x", Some("b/2:2")),
            ("quay.io", "foo/bar", Some("c/3")),
            ("quay.io", "foo/barn", Some("b/2:2")),
            ("registry-1.docker.io", "library/nginx", Some("hub/5")),
            ("private.example:5000", "x", Some("d/4")),
            ("private.example", "x", None),
            ("acr.example", "x", Some("token long")),
            ("empty.example", "x", None),
            ("evil.example", "quay.io/foo", None),
        ] {
            assert_eq!(
                user(&source, host, path).await.as_deref(),
                expected,
                "{host}/{path}"
            );
        }
    }

    #[tokio::test]
    async fn a_broken_entry_or_file_leaves_the_others() {
        let source = source(&format!(
            r#"{{"auths":{{"a.example":{{"auth":"%%"}},"b.example":[1],"c.example":{{"auth":"{}"}}}},
               "credHelpers":{{"d.example":"../evil"}}}}"#,
            auth("c:secret-canary")
        ));
        assert_eq!(source.problems().len(), 3);
        assert_eq!(
            user(&source, "c.example", "x").await.as_deref(),
            Some("c/secret-canary")
        );
        assert!(!format!("{source:?}").contains("canary"));
        let broken = self::source(r#"{"auths": "secret-canary"#);
        let [problem] = broken.problems() else {
            panic!("{broken:?}")
        };
        assert!(problem.message.contains("line 1"), "{problem}");
        assert!(!problem.to_string().contains("canary"), "{problem}");
    }
}
