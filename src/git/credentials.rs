//! Logging in to a Git server.

use std::fmt;
use std::path::PathBuf;

use git2::{Cred, CredentialType};
use secrecy::{ExposeSecret, SecretString};

use crate::git::{Error, RemoteUrl, Scheme};

/// What a Git server may be told. Nothing of it ever stands in a URL or an argument.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    pub http: Vec<HttpCredential>,
    /// Tried in this order, each once.
    pub ssh: Vec<SshKey>,
    /// In OpenSSH's form. Empty: `~/.ssh/known_hosts` and `/etc/ssh/ssh_known_hosts`.
    pub known_hosts: Vec<PathBuf>,
}

/// A login that is only given to this scheme, host and port, at this path or below it.
#[derive(Clone, Debug)]
pub struct HttpCredential {
    pub prefix: RemoteUrl,
    pub username: String,
    pub password: SecretString,
}

#[derive(Clone, Debug)]
pub enum SshKey {
    /// What the agent at `SSH_AUTH_SOCK` holds.
    Agent,
    File {
        private_key: PathBuf,
        passphrase: Option<SecretString>,
    },
}

/// Where the key is, for people.
impl fmt::Display for SshKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Agent => f.write_str("those of the agent (`ssh-add -l` lists them)"),
            Self::File { private_key, .. } => write!(f, "{}", private_key.display()),
        }
    }
}

/// Answers for one connection. libgit2 asks again after each refusal, without end.
pub(crate) struct Login<'a> {
    credentials: &'a Credentials,
    url: &'a RemoteUrl,
    offered: usize,
    asked_for_user: bool,
}

impl<'a> Login<'a> {
    pub(crate) fn new(credentials: &'a Credentials, url: &'a RemoteUrl) -> Self {
        Self {
            credentials,
            url,
            offered: 0,
            asked_for_user: false,
        }
    }

    /// `asking` is the URL of the server that asks: another one than ours after a redirect.
    pub(crate) fn answer(
        &mut self,
        asking: &str,
        user: Option<&str>,
        allowed: CredentialType,
    ) -> Result<Cred, Error> {
        match self.url.scheme() {
            Scheme::Ssh => self.ssh(user, allowed),
            Scheme::Http | Scheme::Https => self.http(asking),
        }
    }

    fn http(&mut self, asking: &str) -> Result<Cred, Error> {
        let asking: Option<RemoteUrl> = asking.parse().ok();
        let is_elsewhere = |asking: &RemoteUrl| {
            (asking.host(), asking.port()) != (self.url.host(), self.url.port())
        };
        if asking.as_ref().is_none_or(is_elsewhere) {
            return Err(self.denied("it redirects to another server, which asks for the login"));
        }
        let credential = asking.and_then(|asking| {
            let fitting = self.credentials.http.iter();
            let fitting = fitting.filter(|credential| credential.prefix.covers(&asking));
            fitting.max_by_key(|credential| credential.prefix.project().len())
        });
        let Some(credential) = credential else {
            return Err(self.denied("it asks for a login, and there is none for it"));
        };
        self.offered += 1;
        if self.offered > 1 {
            return Err(self.denied("the user name or the password is wrong"));
        }
        Ok(Cred::userpass_plaintext(
            &credential.username,
            credential.password.expose_secret(),
        )?)
    }

    fn ssh(&mut self, user: Option<&str>, allowed: CredentialType) -> Result<Cred, Error> {
        let user = user.or(self.url.user()).unwrap_or("git");
        if allowed.contains(CredentialType::USERNAME) {
            if std::mem::replace(&mut self.asked_for_user, true) {
                return Err(self.denied("it asks for a user again and again"));
            }
            return Ok(Cred::username(user)?);
        }
        if !allowed.contains(CredentialType::SSH_KEY) {
            return Err(self.denied("it takes no ssh key"));
        }
        let key = self.credentials.ssh.get(self.offered);
        self.offered += 1;
        match key {
            Some(SshKey::Agent) => Ok(Cred::ssh_key_from_agent(user)?),
            Some(SshKey::File {
                private_key,
                passphrase,
            }) => {
                let passphrase = passphrase.as_ref().map(ExposeSecret::expose_secret);
                Ok(Cred::ssh_key(user, None, private_key, passphrase)?)
            }
            None if self.credentials.ssh.is_empty() => {
                Err(self.denied("it wants an ssh key, and none is given"))
            }
            None => {
                let tried: Vec<String> = self
                    .credentials
                    .ssh
                    .iter()
                    .map(ToString::to_string)
                    .collect();
                let tried = tried.join(", ");
                Err(self.denied(&format!("it accepts none of the ssh keys: {tried}")))
            }
        }
    }

    fn denied(&self, reason: &str) -> Error {
        Error::Denied {
            url: self.url.to_string(),
            reason: reason.to_owned(),
        }
    }
}
