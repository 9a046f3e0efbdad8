//! Looking at a Git server without changing anything: the key that it shows, and whether it
//! would let us push.

use std::cell::RefCell;
use std::path::PathBuf;

use base64::prelude::{BASE64_STANDARD, Engine};
use git2::{CertificateCheckStatus, Direction, ErrorClass, ErrorCode, Remote, RemoteCallbacks};

use crate::git::connection::{Conversation, cleaned};
use crate::git::known_hosts::{self, Verdict};
use crate::git::setup::trust_ca_file;
use crate::git::{Credentials, Error, Options, RemoteUrl, Timeouts, prepare};

/// The key by which a server proves over ssh that it is the one that is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostKey {
    /// Such as `ssh-ed25519`.
    pub kind: String,
    /// `SHA256:…`, as ssh-keygen shows it.
    pub fingerprint: String,
    /// What a `known_hosts` file would say.
    pub line: String,
    pub trust: HostTrust,
    /// The files that were read.
    pub files: Vec<PathBuf>,
    /// What they have for the host: type and fingerprint.
    pub expected: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostTrust {
    Known,
    /// No line is about the host.
    Unknown,
    /// There are lines about it, with other keys.
    Changed,
    Revoked,
}

/// The key that a server shows over ssh; nothing is logged in to.
pub fn host_key(url: &RemoteUrl, credentials: &Credentials) -> Result<HostKey, Error> {
    prepare(Timeouts::default())?;
    let shown: RefCell<Option<Vec<u8>>> = RefCell::new(None);
    let mut callbacks = RemoteCallbacks::new();
    callbacks.certificate_check(|certificate, _| {
        let key = certificate.as_hostkey().and_then(|key| key.hostkey());
        *shown.borrow_mut() = key.map(<[u8]>::to_vec);
        // The key is all that was wanted.
        Err::<CertificateCheckStatus, _>(git2::Error::new(
            ErrorCode::User,
            ErrorClass::Callback,
            "enough",
        ))
    });
    let mut remote = Remote::create_detached(url.connect_text())?;
    let ended = remote
        .connect_auth(Direction::Fetch, Some(callbacks), None)
        .map(|_| ());
    let Some(key) = shown.into_inner() else {
        return Err(Error::Unreachable {
            url: url.to_string(),
            reason: match ended {
                Err(error) => cleaned(error.message()),
                Ok(()) => "it shows no key".to_owned(),
            },
        });
    };
    Ok(judged(url, credentials, &key))
}

fn judged(url: &RemoteUrl, credentials: &Credentials, key: &[u8]) -> HostKey {
    let files = known_hosts::files(&credentials.known_hosts);
    let text = known_hosts::read(&files);
    let (host, port) = (url.host(), url.port());
    let trust = match known_hosts::check(&text, host, port, key) {
        Verdict::Known => HostTrust::Known,
        Verdict::Unknown => HostTrust::Unknown,
        Verdict::Other(_) => HostTrust::Changed,
        Verdict::Revoked => HostTrust::Revoked,
    };
    let kind = known_hosts::key_type(key);
    HostKey {
        line: format!(
            "{} {kind} {}",
            known_hosts::name(host, port),
            BASE64_STANDARD.encode(key)
        ),
        fingerprint: known_hosts::fingerprint(key),
        expected: known_hosts::expected(&text, host, port),
        kind,
        trust,
        files,
    }
}

/// Asks a server for what it says before a push, which it says to those who may push, and pushes
/// nothing. A branch that is protected is not told by it.
pub fn may_push(url: &RemoteUrl, options: &Options) -> Result<(), Error> {
    prepare(Timeouts::default())?;
    if let Some(file) = &options.ca_file {
        trust_ca_file(file)?;
    }
    Conversation::new(url, &options.credentials).greet(Direction::Push)
}
