//! libgit2's settings for the whole process.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use git2::ConfigLevel;

use crate::git::Error;

/// How long a server may be silent, for every connection of this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    pub connect: Duration,
    /// Between two reads or writes; not a limit of the whole transfer.
    pub idle: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            idle: Duration::from_secs(60),
        }
    }
}

/// Prepares libgit2: time-outs, no configuration but the repository's own, every object checked
/// when it is read and when it is written. The first call decides; opening a repository calls it
/// with the defaults, so a program that wants others calls it first, before it starts threads.
pub fn prepare(timeouts: Timeouts) -> Result<(), Error> {
    static DONE: OnceLock<Result<(), String>> = OnceLock::new();
    DONE.get_or_init(|| set(timeouts).map_err(|error| error.message().to_owned()))
        .clone()
        .map_err(|reason| Error::Git(git2::Error::from_str(&reason)))
}

#[allow(unsafe_code)]
fn set(timeouts: Timeouts) -> Result<(), git2::Error> {
    let milliseconds = |time: Duration| i32::try_from(time.as_millis()).unwrap_or(i32::MAX);
    git2::opts::strict_object_creation(true);
    git2::opts::strict_hash_verification(true);
    // SAFETY: these are plain variables of libgit2 that its threads read; `prepare` runs this
    // once, and every repository of ours is opened after it.
    unsafe {
        git2::opts::set_server_connect_timeout_in_milliseconds(milliseconds(timeouts.connect))?;
        git2::opts::set_server_timeout_in_milliseconds(milliseconds(timeouts.idle))?;
        for level in [
            ConfigLevel::ProgramData,
            ConfigLevel::System,
            ConfigLevel::XDG,
            ConfigLevel::Global,
        ] {
            git2::opts::set_search_path(level, "")?;
        }
    }
    Ok(())
}

/// Trusts the certificate authorities of a PEM file for https, beside the system's. They are
/// trusted by the whole process: libgit2 has one set of them.
#[allow(unsafe_code)]
pub fn trust_ca_file(file: &Path) -> Result<(), Error> {
    static TRUSTED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
    let mut trusted = TRUSTED.lock().unwrap_or_else(PoisonError::into_inner);
    if trusted.contains(file) {
        return Ok(());
    }
    // OpenSSL's own message names neither the file nor the reason.
    std::fs::File::open(file).map_err(|source| Error::Io {
        path: file.to_owned(),
        source,
    })?;
    // SAFETY: adds to OpenSSL's certificate store, which has a lock of its own.
    unsafe { git2::opts::set_ssl_cert_file(file)? };
    trusted.insert(file.to_owned());
    Ok(())
}
