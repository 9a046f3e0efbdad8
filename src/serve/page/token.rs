//! Who may read: a bearer token out of a file, which may change while the daemon runs.

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;

const MAX_BYTES: u64 = 4_096;

/// The token of a file, read again whenever the file is another one.
#[derive(Debug)]
pub struct Token {
    file: PathBuf,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    stamp: Option<Stamp>,
    /// None: nobody may read.
    token: Option<SecretString>,
}

/// A mounted secret is replaced by another file, often of the same size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    modified: (i64, i64),
    inode: u64,
    size: u64,
}

impl Token {
    pub fn new(file: PathBuf) -> Self {
        Self {
            file,
            known: Mutex::default(),
        }
    }

    /// Whether an `Authorization` header has the token (RFC 6750, 2.1).
    ///
    /// A file that cannot be read leaves the last good token in force; with none yet, nobody may
    /// read. Reads from disk: not for a thread of the runtime.
    pub fn admits(&self, authorization: Option<&[u8]>) -> bool {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(stamp) = stamp(&self.file)
            && known.stamp != Some(stamp)
        {
            match read(&self.file) {
                Ok(token) => {
                    known.token = Some(token);
                    known.stamp = Some(stamp);
                }
                Err(reason) => {
                    let file = self.file.display();
                    tracing::warn!("the status page's token: {file}: {reason}");
                    known.stamp = Some(stamp);
                }
            }
        }
        let (Some(token), Some(given)) = (&known.token, authorization.and_then(bearer)) else {
            return false;
        };
        is_equal(token.expose_secret().as_bytes(), given)
    }
}

fn stamp(file: &Path) -> Option<Stamp> {
    let found = fs::metadata(file).ok()?;
    Some(Stamp {
        modified: (found.mtime(), found.mtime_nsec()),
        inode: found.ino(),
        size: found.size(),
    })
}

fn read(file: &Path) -> Result<SecretString, String> {
    let opened = fs::File::open(file).map_err(|error| error.to_string())?;
    let mut text = String::new();
    let read = opened.take(MAX_BYTES + 1).read_to_string(&mut text);
    // The words of the error could not hold the token, and neither do these.
    read.map_err(|_| "it is no text".to_owned())?;
    if text.len() as u64 > MAX_BYTES {
        return Err(format!("it has more than {MAX_BYTES} bytes"));
    }
    let token = text.trim();
    if token.is_empty() {
        return Err("it is empty".to_owned());
    }
    Ok(token.to_owned().into())
}

fn bearer(header: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = header.split_at_checked("Bearer ".len())?;
    scheme
        .eq_ignore_ascii_case(b"Bearer ")
        .then(|| token.trim_ascii())
}

/// In a time that says nothing of either: what is compared are codes keyed by them.
fn is_equal(expected: &[u8], given: &[u8]) -> bool {
    const TEXT: &[u8] = b"headwater status page";
    let code = |key: &[u8]| {
        Hmac::<Sha256>::new_from_slice(key)
            .ok()
            .map(|it| it.chain_update(TEXT))
    };
    let (Some(expected), Some(given)) = (code(expected), code(given)) else {
        return false;
    };
    expected
        .verify_slice(&given.finalize().into_bytes())
        .is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_read_again_when_its_file_is_another_one() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        let token = Token::new(file.clone());
        assert!(!token.admits(Some(b"Bearer ")), "without a file nobody");
        fs::write(&file, "  first\n").unwrap();
        for (header, expected) in [
            (Some(&b"Bearer first"[..]), true),
            (Some(b"bearer  first "), true),
            (Some(b"Bearer firs"), false),
            (Some(b"Bearer first1"), false),
            (Some(b"Bearer"), false),
            (Some(b"Basic first"), false),
            (Some(b"first"), false),
            (Some(b""), false),
            (None, false),
        ] {
            assert_eq!(token.admits(header), expected, "{header:?}");
        }
        let other = folder.path().join("other");
        fs::write(&other, "other\n").unwrap();
        fs::rename(&other, &file).unwrap();
        assert!(!token.admits(Some(b"Bearer first")));
        assert!(token.admits(Some(b"Bearer other")));
        for bad in ["", "\n", &"x".repeat(5_000)] {
            fs::write(&other, bad).unwrap();
            fs::rename(&other, &file).unwrap();
            assert!(token.admits(Some(b"Bearer other")), "the last good one");
            assert!(!token.admits(Some(b"Bearer ")));
        }
        fs::remove_file(&file).unwrap();
        assert!(token.admits(Some(b"Bearer other")));
        assert!(!format!("{token:?}").contains("other\""), "{token:?}");
    }
}
