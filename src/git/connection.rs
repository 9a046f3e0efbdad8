//! One conversation with a Git server: login, trust, limits, and what it says.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use git2::{
    AutotagOption, CertificateCheckStatus, Direction, ErrorClass, ErrorCode, FetchOptions, Oid,
    PushOptions, Remote, RemoteCallbacks, RemoteRedirect, Repository as Raw,
};
use secrecy::ExposeSecret;

use crate::git::credentials::Login;
use crate::git::known_hosts::{self, Verdict};
use crate::git::{Credentials, Error, RemoteUrl};

const MAX_BYTES: usize = 8 << 30;
const MAX_TIME: Duration = Duration::from_secs(30 * 60);
const MAX_SAID: usize = 16 << 10;
const MAX_REFS: usize = 500_000;

/// A ref as the server lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) name: String,
    pub(crate) target: Oid,
    /// Of HEAD: the branch that it stands for.
    pub(crate) symbolic: Option<String>,
}

/// What the callbacks of a conversation share.
pub(crate) struct Conversation<'a> {
    url: &'a RemoteUrl,
    credentials: &'a Credentials,
    begin: Instant,
    shared: Rc<RefCell<Shared>>,
}

#[derive(Default)]
struct Shared {
    /// The reason that libgit2 would lose.
    failure: Option<Error>,
    said: Vec<u8>,
}

impl<'a> Conversation<'a> {
    pub(crate) fn new(url: &'a RemoteUrl, credentials: &'a Credentials) -> Self {
        Self {
            url,
            credentials,
            begin: Instant::now(),
            shared: Rc::default(),
        }
    }

    /// The server's refs, over a connection of its own.
    pub(crate) fn list(&self, raw: &Raw) -> Result<Vec<Listed>, Error> {
        let mut remote = self.remote(raw)?;
        let connected = remote.connect_auth(Direction::Fetch, Some(self.callbacks()), None);
        let connection = connected.map_err(|error| self.blame(error))?;
        let heads = connection.list().map_err(|error| self.blame(error))?;
        if heads.len() > MAX_REFS {
            return Err(Error::TooLarge {
                what: format!("the number of refs of {}", self.url),
                limit: MAX_REFS as u64,
            });
        }
        Ok(heads
            .iter()
            .map(|head| Listed {
                name: head.name().to_owned(),
                target: head.oid(),
                symbolic: head.symref_target().map(str::to_owned),
            })
            .collect())
    }

    /// Says hello, for reading or for pushing, and nothing more.
    pub(crate) fn greet(&self, direction: Direction) -> Result<(), Error> {
        let mut remote = Remote::create_detached(self.url.connect_text())?;
        let connected = remote.connect_auth(direction, Some(self.callbacks()), None);
        connected.map(|_| ()).map_err(|error| self.blame(error))
    }

    pub(crate) fn fetch(
        &self,
        raw: &Raw,
        refspecs: &[&str],
        depth: Option<i32>,
    ) -> Result<(), Error> {
        let mut options = FetchOptions::new();
        options
            .remote_callbacks(self.callbacks())
            .download_tags(AutotagOption::None)
            .update_fetchhead(false)
            .follow_redirects(RemoteRedirect::None);
        if let Some(depth) = depth {
            options.depth(depth);
        }
        self.remote(raw)?
            .fetch(refspecs, Some(&mut options), Some("headwater"))
            .map_err(|error| self.blame(error))
    }

    /// `watch` may add to the callbacks.
    pub(crate) fn push<'w>(
        &'w self,
        raw: &Raw,
        refspec: &str,
        watch: impl FnOnce(&mut RemoteCallbacks<'w>),
    ) -> Result<(), Error> {
        let mut callbacks = self.callbacks();
        watch(&mut callbacks);
        let mut options = PushOptions::new();
        options
            .remote_callbacks(callbacks)
            .follow_redirects(RemoteRedirect::None);
        self.remote(raw)?
            .push(&[refspec], Some(&mut options))
            .map_err(|error| self.blame(error))
    }

    /// What the server said beside the protocol, cleaned.
    pub(crate) fn said(&self) -> String {
        cleaned(&String::from_utf8_lossy(&self.shared.borrow().said))
    }

    /// The text without our own passwords: a server may repeat what it was told.
    pub(crate) fn redacted(&self, text: String) -> String {
        let passwords = self.credentials.http.iter();
        let passwords = passwords.map(|login| login.password.expose_secret());
        passwords
            .filter(|password| !password.is_empty())
            .fold(text, |text, password| text.replace(password, "***"))
    }

    fn remote<'r>(&self, raw: &'r Raw) -> Result<Remote<'r>, Error> {
        Ok(raw.remote_anonymous(&self.url.connect_text())?)
    }

    fn callbacks<'c>(&'c self) -> RemoteCallbacks<'c> {
        let mut callbacks = RemoteCallbacks::new();
        let mut login = Login::new(self.credentials, self.url);
        callbacks.credentials(move |asking, user, allowed| {
            login
                .answer(asking, user, allowed)
                .map_err(|error| self.fail(error))
        });
        callbacks.certificate_check(|certificate, _| {
            let Some(key) = certificate.as_hostkey() else {
                // OpenSSL has judged it, and its judgement stands.
                return Ok(CertificateCheckStatus::CertificatePassthrough);
            };
            self.check_host_key(key.hostkey().unwrap_or_default())
                .map(|()| CertificateCheckStatus::CertificateOk)
                .map_err(|error| self.fail(error))
        });
        callbacks.sideband_progress(|text| {
            let said = &mut self.shared.borrow_mut().said;
            let room = MAX_SAID.saturating_sub(said.len());
            said.extend(text.iter().take(room));
            self.begin.elapsed() < MAX_TIME
        });
        callbacks.transfer_progress(|progress| {
            progress.received_bytes() < MAX_BYTES && self.begin.elapsed() < MAX_TIME
        });
        callbacks
    }

    /// Keeps the reason, since libgit2 keeps only a text.
    fn fail(&self, error: Error) -> git2::Error {
        let text = error.to_string();
        self.shared.borrow_mut().failure = Some(error);
        git2::Error::new(ErrorCode::User, ErrorClass::Callback, text)
    }

    fn check_host_key(&self, key: &[u8]) -> Result<(), Error> {
        let files = known_hosts::files(&self.credentials.known_hosts);
        let (host, port) = (self.url.host(), self.url.port());
        let shown = format!(
            "{} {}",
            known_hosts::key_type(key),
            known_hosts::fingerprint(key)
        );
        let places: Vec<_> = files
            .iter()
            .map(|file| file.display().to_string())
            .collect();
        let places = places.join(" or ");
        let reason = match known_hosts::check(&known_hosts::read(&files), host, port, key) {
            Verdict::Known => return Ok(()),
            Verdict::Unknown => format!(
                "it shows the key {shown}, and {places} has none for it; compare it with what the host publishes, then add the line that `ssh-keyscan -p {port} {host}` prints"
            ),
            Verdict::Revoked => format!("its key {shown} is revoked in {places}"),
            Verdict::Other(types) if types.contains(&known_hosts::key_type(key)) => format!(
                "its key is not the one in {places}: it shows {shown}; either the host has a new key, or somebody is in between: ask its owner before you replace the line"
            ),
            Verdict::Other(types) => format!(
                "it shows the key {shown}, and {places} has only {} for it; add the line of that type from `ssh-keyscan -p {port} {host}` after comparing it",
                types.join(", ")
            ),
        };
        Err(Error::Untrusted {
            host: host.to_owned(),
            reason,
        })
    }

    /// Whose fault an error of the network is.
    fn blame(&self, error: git2::Error) -> Error {
        if let Some(failure) = self.shared.borrow_mut().failure.take() {
            return failure;
        }
        let url = self.url.to_string();
        let reason = cleaned(error.message());
        let status = reason.strip_prefix("unexpected http status code: ");
        match (error.class(), error.code()) {
            (_, ErrorCode::Certificate) | (ErrorClass::Ssl, _) if is_about_trust(&reason) => {
                Error::Untrusted {
                    host: self.url.host().to_owned(),
                    reason: format!(
                        "{reason}; if its certificate is signed by your own authority, name the CA file"
                    ),
                }
            }
            (_, ErrorCode::Auth) => Error::Denied { url, reason },
            (ErrorClass::Http, _) => match status {
                Some("401" | "403") => Error::Denied {
                    url,
                    reason: format!("it answers with status {}", status.unwrap_or_default()),
                },
                Some("404") => Error::Server {
                    url,
                    reason: "there is no such repository, or it is hidden without a login".into(),
                },
                _ => Error::Server { url, reason },
            },
            (ErrorClass::Net | ErrorClass::Ssl | ErrorClass::Ssh, _)
                if reason.contains("redirect") =>
            {
                Error::Server { url, reason }
            }
            (ErrorClass::Net | ErrorClass::Ssl | ErrorClass::Ssh, _) => {
                Error::Unreachable { url, reason }
            }
            // The others of this class are about files of ours.
            (ErrorClass::Os, _)
                if reason.starts_with("failed to connect") || reason.starts_with("SSL") =>
            {
                Error::Unreachable { url, reason }
            }
            (ErrorClass::Indexer | ErrorClass::Callback, _) => Error::Server { url, reason },
            _ => Error::Git(error),
        }
    }
}

fn is_about_trust(reason: &str) -> bool {
    reason.to_ascii_lowercase().contains("certificate")
}

/// A server's text for people: printable, without colours, of bounded length.
pub(crate) fn cleaned(text: &str) -> String {
    let mut lines = Vec::new();
    for line in text.split(['\n', '\r']) {
        let line = without_escapes(line);
        let line = line.trim();
        if !line.is_empty() {
            lines.push(line.to_owned());
        }
    }
    lines.join("\n").chars().take(4000).collect()
}

fn without_escapes(line: &str) -> String {
    let mut clean = String::new();
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        if character == '\u{1b}' {
            // A colour: everything up to its letter.
            characters.by_ref().find(char::is_ascii_alphabetic);
        } else if !character.is_control() && !is_invisible(character) {
            clean.push(character);
        }
    }
    clean
}

/// Marks that turn the direction of writing, or have no width.
fn is_invisible(character: char) -> bool {
    matches!(character, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_servers_text_is_cleaned() {
        let text = "\u{1b}[31merror: GH006\u{1b}[0m\r\n\n  see\u{202e} here\u{7}\n";
        assert_eq!(cleaned(text), "error: GH006\nsee here");
    }
}
