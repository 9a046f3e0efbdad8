//! The pull secrets of a namespace: whose logins its streams use first.

use secrecy::SecretString;

/// The key of a Secret of type `kubernetes.io/dockercfg`.
pub const DOCKERCFG: &str = ".dockercfg";
/// The key of a Secret of type `kubernetes.io/dockerconfigjson`.
pub const DOCKER_CONFIG_JSON: &str = ".dockerconfigjson";

/// The logins of one Secret, not read yet.
#[derive(Clone, Debug)]
pub struct PullSecret {
    /// What problems call it: its file, and nothing of what is in it.
    pub origin: String,
    pub form: PullSecretForm,
    pub content: SecretString,
}

/// What the content of a [`PullSecret`] looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PullSecretForm {
    /// Logins by registry.
    Dockercfg,
    /// `{"auths": …}`, as in Docker's `config.json`.
    DockerConfigJson,
}

impl PullSecretForm {
    /// The form that a Secret's `type` names; none where it holds no logins for registries.
    pub fn of_type(secret_type: &str) -> Option<Self> {
        match secret_type {
            "kubernetes.io/dockercfg" => Some(Self::Dockercfg),
            "kubernetes.io/dockerconfigjson" => Some(Self::DockerConfigJson),
            _ => None,
        }
    }

    /// The key under which a Secret of this form keeps it.
    pub fn key(self) -> &'static str {
        match self {
            Self::Dockercfg => DOCKERCFG,
            Self::DockerConfigJson => DOCKER_CONFIG_JSON,
        }
    }
}
