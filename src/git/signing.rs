//! Signing commits with SSH keys, as `git commit -S` does with `gpg.format=ssh`.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use ssh_key::{Algorithm, HashAlg, LineEnding, PrivateKey};

use crate::git::{Error, Signature};

/// What Git signs commits and tags under (Git, `gpg-interface.c`).
const NAMESPACE: &str = "git";
/// The header of a commit that holds its signature.
pub(crate) const HEADER: &str = "gpgsig";
/// A private key file is far smaller.
const MAX_KEY_BYTES: u64 = 64 << 10;

/// Who commits, and the key that the commits are signed with.
#[derive(Clone, Debug)]
pub struct Author {
    pub signature: Signature,
    /// None: commits are not signed.
    pub key: Option<SigningKey>,
}

/// An SSH private key for commits. What cannot be signed with it is not committed.
#[derive(Clone)]
pub struct SigningKey {
    key: Arc<PrivateKey>,
    path: PathBuf,
}

impl From<Signature> for Author {
    fn from(signature: Signature) -> Self {
        Self {
            signature,
            key: None,
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.path.display())
    }
}

impl SigningKey {
    /// Reads a private key in OpenSSH's form: ed25519, or ECDSA over P-256 or P-384.
    pub fn read(path: &Path, passphrase: Option<&SecretString>) -> Result<Self, Error> {
        let fail = |reason: String| Error::SigningKey {
            path: path.to_owned(),
            reason,
        };
        let size = std::fs::metadata(path).map_err(|error| fail(error.to_string()))?;
        if size.len() > MAX_KEY_BYTES {
            return Err(fail(format!("it has more than {MAX_KEY_BYTES} bytes")));
        }
        let text = std::fs::read_to_string(path)
            .map(SecretString::from)
            .map_err(|error| fail(error.to_string()))?;
        let key = PrivateKey::from_openssh(text.expose_secret()).map_err(|_| {
            fail(
                "it is no private key in OpenSSH's form, as `ssh-keygen -t ed25519` makes it"
                    .into(),
            )
        })?;
        let key = match (key.is_encrypted(), passphrase) {
            (false, _) => key,
            (true, None) => return Err(fail("it has a passphrase, and none is given".into())),
            (true, Some(passphrase)) => key
                .decrypt(passphrase.expose_secret())
                .map_err(|_| fail("the passphrase is wrong".into()))?,
        };
        match key.algorithm() {
            Algorithm::Ed25519 | Algorithm::Ecdsa { .. } => {}
            other => {
                return Err(fail(format!(
                    "keys of the kind {other} are not used; make one by `ssh-keygen -t ed25519`"
                )));
            }
        }
        let signing = Self {
            key: Arc::new(key),
            path: path.to_owned(),
        };
        // Better found out now than in the middle of a pass.
        signing.sign(b"")?;
        Ok(signing)
    }

    /// As `ssh-keygen -l` shows it.
    pub fn fingerprint(&self) -> String {
        self.key.fingerprint(HashAlg::Sha256).to_string()
    }

    /// The armored signature of a commit's bytes (OpenSSH, `PROTOCOL.sshsig`).
    pub(crate) fn sign(&self, commit: &[u8]) -> Result<String, Error> {
        self.key
            .sign(NAMESPACE, HashAlg::Sha512, commit)
            .and_then(|signature| signature.to_pem(LineEnding::LF))
            .map_err(|error| Error::SigningKey {
                path: self.path.clone(),
                reason: format!("it does not sign: {error}"),
            })
    }
}
