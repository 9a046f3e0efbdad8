//! The pull secrets of namespaces, and which login of them a repository gets
//! (Kubernetes `pkg/credentialprovider/keyring.go`; whole path segments here).

use std::cmp::Reverse;
use std::collections::BTreeMap;

use secrecy::ExposeSecret as _;

use crate::image::{DOCKER_HUB, DOCKER_HUB_HOST, matches_wildcards};
use crate::problem::Problem;
use crate::pull_secret::{PullSecret, PullSecretForm};
use crate::registry::credentials::{Credential, entry};

/// The logins of one namespace, the first match first.
#[derive(Clone, Debug, Default)]
pub(super) struct NamespaceSecrets(Vec<Login>);

#[derive(Clone)]
struct Login {
    pattern: Pattern,
    credential: Credential,
}

impl NamespaceSecrets {
    /// What cannot be used is a problem by its file, and the rest works.
    pub fn read(namespace: &str, secrets: &[PullSecret], problems: &mut Vec<Problem>) -> Self {
        let mut logins = Vec::new();
        for secret in secrets {
            let mut complain = |what: &str| {
                let message = format!("{}: {what}", secret.origin);
                problems.push(Problem::warning(None, message));
            };
            let Some(entries) = entries(secret) else {
                complain("the pull secret is no JSON of docker's form");
                continue;
            };
            for (key, value) in entries {
                match (Pattern::of(&key), entry(value)) {
                    (Some(pattern), Ok(Some(secret))) => logins.push((pattern, secret)),
                    (_, Ok(None)) => {}
                    (None, Ok(Some(_))) => complain(&format!("`{key}` is no registry")),
                    (_, Err(reason)) => {
                        complain(&format!("the entry for {key} cannot be used: {reason}"));
                    }
                }
            }
        }
        // Longer paths first, then hosts that are spelled out; among equals the first file.
        logins.sort_by_key(|(pattern, _)| {
            let wildcards = pattern.host.matches(['*', '?']).count();
            (Reverse(pattern.path.len()), wildcards)
        });
        let logins = logins.into_iter().enumerate();
        Self(
            logins
                .map(|(number, (pattern, secret))| Login {
                    pattern,
                    credential: Credential {
                        id: format!("pull secret {number} of {namespace}"),
                        secret,
                    },
                })
                .collect(),
        )
    }

    /// The first login that holds the repository; no other one is tried.
    pub fn find(&self, host: &str, path: &str) -> Option<Credential> {
        let login = self
            .0
            .iter()
            .find(|login| login.pattern.matches(host, path));
        login.map(|login| login.credential.clone())
    }
}

fn entries(secret: &PullSecret) -> Option<BTreeMap<String, serde_json::Value>> {
    let content = secret.content.expose_secret();
    match secret.form {
        PullSecretForm::Dockercfg => serde_json::from_str(content).ok(),
        PullSecretForm::DockerConfigJson => {
            #[derive(serde::Deserialize)]
            struct Raw {
                #[serde(default)]
                auths: BTreeMap<String, serde_json::Value>,
            }
            let raw: Raw = serde_json::from_str(content).ok()?;
            Some(raw.auths)
        }
    }
}

/// What an entry's key stands for: `[scheme://]host[:port][/path]`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Pattern {
    host: String,
    port: Option<String>,
    path: Vec<String>,
}

impl Pattern {
    fn of(key: &str) -> Option<Self> {
        let key = key
            .strip_prefix("https://")
            .or_else(|| key.strip_prefix("http://"))
            .unwrap_or(key);
        let (authority, path) = key.split_once('/').unwrap_or((key, ""));
        // The version of the protocol stands for the host.
        let path = ["v1", "v2"]
            .iter()
            .find_map(|version| match path.strip_prefix(version)? {
                "" => Some(""),
                rest => rest.strip_prefix('/'),
            })
            .unwrap_or(path);
        let (host, port) = split_port(authority);
        (!host.is_empty()).then(|| Self {
            host: host.to_ascii_lowercase(),
            port: port.map(str::to_owned),
            path: path
                .split('/')
                .filter(|segment| !segment.is_empty())
                .map(str::to_owned)
                .collect(),
        })
    }

    fn matches(&self, host: &str, path: &str) -> bool {
        let (host, port) = split_port(host);
        let mut segments = path.split('/');
        port == self.port.as_deref()
            && self.matches_host(host)
            && self.path.iter().all(|own| segments.next() == Some(own))
    }

    fn matches_host(&self, host: &str) -> bool {
        if host == DOCKER_HUB_HOST {
            [DOCKER_HUB, "index.docker.io", DOCKER_HUB_HOST]
                .iter()
                .any(|name| self.matches_labels(name))
        } else {
            self.matches_labels(host)
        }
    }

    /// A wildcard stays within one label.
    fn matches_labels(&self, host: &str) -> bool {
        let (own, theirs) = (self.host.split('.'), host.split('.'));
        own.clone().count() == theirs.clone().count()
            && own
                .zip(theirs)
                .all(|(own, theirs)| matches_wildcards(own, theirs))
    }
}

/// An IPv6 address stands in brackets, with colons of its own.
fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} {:?}", self.pattern, self.credential)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::credentials::Secret;

    fn secret(origin: &str, form: PullSecretForm, content: &str) -> PullSecret {
        PullSecret {
            origin: origin.to_owned(),
            form,
            content: content.to_owned().into(),
        }
    }

    fn user(secrets: &NamespaceSecrets, host: &str, path: &str) -> Option<String> {
        match secrets.find(host, path)?.secret {
            Secret::Password { username, password } => {
                Some(format!("{username}/{}", password.expose_secret()))
            }
            Secret::IdentityToken(_) => None,
        }
    }

    #[test]
    fn the_longest_whole_path_wins_and_wildcards_stay_within_a_label() {
        let content = r#"{
            "quay.io": {"auth": "YTox"},
            "quay.io/foo": {"auth": "YjoyOjI="},
            "unpadded.example": {"auth": "YjoyOjI"},
            "https://quay.io/v2/foo/bar": {"auth": "Yzoz"},
            "*.quay.io": {"auth": "ZDo0"},
            "eu.quay.io": {"username": "e", "password": "5"},
            "registry?.example:50*": {"auth": "eDp4"},
            "registry1.example:5000": {"auth": "Zjo2"},
            "https://index.docker.io/v1/": {"auth": "aDo3"},
            "docker.io/acme": {"auth": "aTo4"},
            "empty.example": {}
        }"#;
        let mut problems = Vec::new();
        let secrets = [secret("a", PullSecretForm::Dockercfg, content)];
        let secrets = NamespaceSecrets::read("app", &secrets, &mut problems);
        assert!(problems.is_empty(), "{problems:?}");
        for (host, path, expected) in [
            ("quay.io", "foobar", Some("a/1")),
            ("quay.io", "foo", Some("b/2:2")),
            ("unpadded.example", "x", Some("b/2:2")),
            ("quay.io", "foo/barn", Some("b/2:2")),
            ("quay.io", "foo/bar/x", Some("c/3")),
            ("quay.io:443", "foo", None),
            ("us.quay.io", "x", Some("d/4")),
            ("eu.quay.io", "x", Some("e/5")),
            ("a.b.quay.io", "x", None),
            ("registry1.example:5000", "x", Some("f/6")),
            ("registry1.example", "x", None),
            // A port is no wildcard.
            ("registry2.example:5000", "x", None),
            ("registry-1.docker.io", "library/nginx", Some("h/7")),
            ("registry-1.docker.io", "acme/web", Some("i/8")),
            ("empty.example", "x", None),
            ("evil.example", "quay.io/foo", None),
        ] {
            assert_eq!(
                user(&secrets, host, path).as_deref(),
                expected,
                "{host}/{path}"
            );
        }
    }

    #[test]
    fn all_secrets_of_a_namespace_count_and_a_broken_one_stops_no_other() {
        let good =
            r#"{"auths": {"good.example": {"auth": "YTox"}, "bad.example": {"auth": "%%"}}}"#;
        let mut problems = Vec::new();
        let secrets = [
            secret(
                "app/broken.yaml",
                PullSecretForm::DockerConfigJson,
                "{\"canary",
            ),
            secret("app/good.yaml", PullSecretForm::DockerConfigJson, good),
            secret("app/none.yaml", PullSecretForm::DockerConfigJson, "{}"),
            secret(
                "app/old.yaml",
                PullSecretForm::Dockercfg,
                r#"{"old.example": {"auth": "Yjoy"}, "": {"auth": "Yjoy"}}"#,
            ),
        ];
        let secrets = NamespaceSecrets::read("app", &secrets, &mut problems);
        assert_eq!(user(&secrets, "good.example", "x").as_deref(), Some("a/1"));
        assert_eq!(user(&secrets, "old.example", "x").as_deref(), Some("b/2"));
        let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(
            problems,
            [
                "warning: app/broken.yaml: the pull secret is no JSON of docker's form",
                "warning: app/good.yaml: the entry for bad.example cannot be used: `auth` is not in base64",
                "warning: app/old.yaml: `` is no registry",
            ]
        );
        assert!(!format!("{secrets:?}").contains("canary"));
    }

    #[test]
    fn the_first_of_two_equal_entries_wins_and_each_has_its_own_name() {
        let content = |auth: &str| format!(r#"{{"quay.io": {{"auth": "{auth}"}}}}"#);
        let secrets = [
            secret("a", PullSecretForm::Dockercfg, &content("YTox")),
            secret("b", PullSecretForm::Dockercfg, &content("Yjoy")),
        ];
        let one = NamespaceSecrets::read("one", &secrets, &mut Vec::new());
        let two = NamespaceSecrets::read("two", &secrets, &mut Vec::new());
        assert_eq!(user(&one, "quay.io", "x").as_deref(), Some("a/1"));
        let id = |secrets: &NamespaceSecrets| secrets.find("quay.io", "x").unwrap().id;
        assert_ne!(id(&one), id(&two));
    }
}
