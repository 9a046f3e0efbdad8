//! The cache of a remote repository: a bare mirror of its branches, which may be deleted at any
//! time and is made anew when it is damaged.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use git2::{Oid, Repository as Raw};
use sha2::{Digest, Sha256};

use crate::git::connection::{Conversation, Listed};
use crate::git::error::DONE;
use crate::git::setup::trust_ca_file;
use crate::git::{Credentials, Error, RemoteUrl, Repository, Timeouts, prepare};
use crate::revision::BranchName;
use crate::tally::Tally;

/// How long another process may hold the mirror.
const MAX_WAIT: Duration = Duration::from_secs(120);
const WAIT_STEP: Duration = Duration::from_millis(20);
/// Stands in a mirror whose objects turned out broken while they were read.
const DAMAGED: &str = "headwater-damaged";
/// How grave a server is that is not proved to be the one that was meant.
const UNTRUSTED: u8 = 3;
const HEADS: &str = "refs/heads/";

/// How remote repositories are reached and cached.
#[derive(Clone, Debug)]
pub struct Options {
    /// The mirrors stand in its folder `git`.
    pub cache_dir: PathBuf,
    pub credentials: Credentials,
    /// More certificate authorities for https, as PEM, beside the system's.
    pub ca_file: Option<PathBuf>,
    pub depth: Depth,
    /// Counts what servers are asked.
    pub tally: Arc<Tally>,
}

impl Options {
    /// No credentials, the whole history.
    pub fn new(cache_dir: impl Into<PathBuf>) -> Self {
        Self {
            cache_dir: cache_dir.into(),
            credentials: Credentials::default(),
            ca_file: None,
            depth: Depth::Full,
            tally: Arc::default(),
        }
    }
}

/// How much history is fetched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Depth {
    /// Needed for writing: what was taken back stands in the history.
    #[default]
    Full,
    /// The newest commit of each branch.
    Shallow,
}

/// Where a mirror comes from.
#[derive(Debug)]
pub(crate) struct Mirror {
    pub(crate) url: RemoteUrl,
    pub(crate) options: Options,
    folder: PathBuf,
}

impl Repository {
    /// The mirror of `url`, brought up to date.
    pub(crate) fn open_mirror(url: &RemoteUrl, options: &Options) -> Result<Self, Error> {
        prepare(Timeouts::default())?;
        if let Some(file) = &options.ca_file {
            trust_ca_file(file)?;
        }
        let mirror = Mirror {
            url: url.clone(),
            options: options.clone(),
            folder: folder_of(url, options),
        };
        let lock = mirror.lock()?;
        let raw = mirror.open_and_fetch()?;
        drop(lock);
        let mut repository = Self::from_raw(raw, url.to_string());
        repository.tally = Arc::clone(&options.tally);
        repository.mirror = Some(mirror);
        Ok(repository)
    }

    /// Brings the branches of a mirror up to date; does nothing in a local repository.
    pub fn fetch(&mut self) -> Result<(), Error> {
        let Some(mirror) = &self.mirror else {
            return Ok(());
        };
        let lock = mirror.lock()?;
        self.raw = mirror.open_and_fetch()?;
        drop(lock);
        self.scratch.take();
        Ok(())
    }

    /// Fetches one tag, for those who ask for it by name.
    pub(crate) fn fetch_tag(&self, mirror: &Mirror, tag: &BranchName) -> Result<(), Error> {
        let refspec = format!("+refs/tags/{tag}:refs/tags/{tag}");
        let _lock = mirror.lock()?;
        mirror
            .conversation()
            .fetch(&self.raw, &[&refspec], mirror.depth())
    }
}

impl Mirror {
    pub(crate) fn conversation(&self) -> Conversation<'_> {
        Conversation::new(&self.url, &self.options.credentials)
    }

    /// Counts what came of asking the server.
    fn counted<T>(
        &self,
        op: &'static str,
        ask: impl FnOnce() -> Result<T, Error>,
    ) -> Result<T, Error> {
        let begun = Instant::now();
        let result = ask();
        let word = result.as_ref().err().map_or(DONE, Error::result);
        self.options
            .tally
            .request(self.url.host(), op, word, begun.elapsed());
        match &result {
            Ok(_) => self.options.tally.succeeded(self.url.host()),
            Err(error) => self.note_failure(error),
        }
        result
    }

    pub(crate) fn note_failure(&self, error: &Error) {
        let (tally, host) = (&self.options.tally, self.url.host());
        tally.failed(host, &error.to_string());
        if let Error::Untrusted { .. } = error
            && tally.alarm(UNTRUSTED, &error.to_string())
        {
            // Key exchange without entity authentication, if it were let pass.
            tracing::error!(security = UNTRUSTED, cwe = 322, host, "{error}");
        }
    }

    /// The mirror is made anew by whoever opens it next.
    pub(crate) fn mark_damaged(&self) {
        // Without the mark the damage is met again, and named again.
        let _ = fs::write(self.folder.join(DAMAGED), "");
    }

    /// Sets a branch to what the server is known to have.
    pub(crate) fn note(
        &self,
        raw: &Raw,
        branch: &BranchName,
        target: Option<Oid>,
    ) -> Result<(), Error> {
        let _lock = self.lock()?;
        set(raw, &branch.ref_name(), target)?;
        Ok(())
    }

    fn open_and_fetch(&self) -> Result<Raw, Error> {
        let first = self.open().and_then(|raw| self.update(raw));
        match first {
            Err(error) if is_damage(&error) => {
                self.set_aside()?;
                self.open().and_then(|raw| self.update(raw))
            }
            result => result,
        }
    }

    fn open(&self) -> Result<Raw, Error> {
        if self.folder.join(DAMAGED).exists() {
            self.set_aside()?;
        }
        if self.folder.exists() {
            return Ok(Raw::open_bare(&self.folder)?);
        }
        new_bare(&self.folder)
    }

    /// Fetches when the server's own listing differs from ours, and then only.
    fn update(&self, raw: Raw) -> Result<Raw, Error> {
        let conversation = self.conversation();
        let listed = self.counted("list", || conversation.list(&raw))?;
        let branches = branches_of(&listed);
        let ours = ours(&raw)?;
        // First, since `a` may have made room for `a/b`.
        for gone in ours.keys().filter(|name| !branches.contains_key(*name)) {
            set(&raw, gone, None)?;
        }
        if branches
            .iter()
            .any(|(name, target)| ours.get(name) != Some(target))
        {
            let all = format!("+{HEADS}*:{HEADS}*");
            self.counted("fetch", || conversation.fetch(&raw, &[&all], self.depth()))?;
        }
        if let Some(head) = listed.iter().find(|listed| listed.name == "HEAD") {
            let target = head
                .symbolic
                .clone()
                .or_else(|| guess(head.target, &branches));
            if let Some(target) = target.filter(|name| name.starts_with(HEADS)) {
                raw.set_head(&target)?;
            }
        }
        for tip in branches.values() {
            raw.find_commit(*tip)?.tree()?;
        }
        Ok(raw)
    }

    fn depth(&self) -> Option<i32> {
        (self.options.depth == Depth::Shallow).then_some(1)
    }

    /// Held while refs of the mirror move; the system frees it when a process dies.
    fn lock(&self) -> Result<File, Error> {
        let path = self.folder.with_extension("lock");
        let io_error = |source| Error::Io {
            path: path.clone(),
            source,
        };
        fs::create_dir_all(path.parent().unwrap_or(&path)).map_err(io_error)?;
        let file = File::create(&path).map_err(io_error)?;
        let begin = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::Error(error)) => return Err(io_error(error)),
                Err(TryLockError::WouldBlock) if begin.elapsed() > MAX_WAIT => {
                    return Err(Error::Busy { path });
                }
                Err(TryLockError::WouldBlock) => std::thread::sleep(WAIT_STEP),
            }
        }
    }

    /// Out of the way at once, also for those who have it open.
    fn set_aside(&self) -> Result<(), Error> {
        let aside = self.folder.with_extension("damaged");
        let io_error = |source| Error::Io {
            path: self.folder.clone(),
            source,
        };
        if aside.exists() {
            fs::remove_dir_all(&aside).map_err(io_error)?;
        }
        fs::rename(&self.folder, &aside).map_err(io_error)
    }
}

/// An empty bare repository that follows no redirect.
fn new_bare(folder: &Path) -> Result<Raw, Error> {
    let raw = Raw::init_bare(folder)?;
    raw.config()?.set_bool("http.followRedirects", false)?;
    Ok(raw)
}

fn folder_of(url: &RemoteUrl, options: &Options) -> PathBuf {
    let key = format!("{} {:?}", url.connect_text(), options.depth);
    let name: String = Sha256::digest(key)
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    options.cache_dir.join("git").join(name)
}

fn branches_of(listed: &[Listed]) -> BTreeMap<String, Oid> {
    listed
        .iter()
        .filter(|listed| listed.name.starts_with(HEADS))
        .map(|listed| (listed.name.clone(), listed.target))
        .collect()
}

fn ours(raw: &Raw) -> Result<BTreeMap<String, Oid>, git2::Error> {
    let mut ours = BTreeMap::new();
    for reference in raw.references_glob("refs/heads/*")? {
        let reference = reference?;
        if let (Ok(name), Some(target)) = (reference.name(), reference.target()) {
            ours.insert(name.to_owned(), target);
        }
    }
    Ok(ours)
}

/// Old servers do not say which branch HEAD is.
fn guess(head: Oid, branches: &BTreeMap<String, Oid>) -> Option<String> {
    let usual = ["refs/heads/main", "refs/heads/master"].map(str::to_owned);
    let fits = |name: &&String| branches.get(*name) == Some(&head);
    usual.iter().chain(branches.keys()).find(fits).cloned()
}

fn set(raw: &Raw, name: &str, target: Option<Oid>) -> Result<(), git2::Error> {
    match target {
        Some(target) => raw.reference(name, target, true, "headwater").map(|_| ()),
        None => match raw.find_reference(name) {
            Ok(mut reference) => reference.delete(),
            Err(error) if error.code() == git2::ErrorCode::NotFound => Ok(()),
            Err(error) => Err(error),
        },
    }
}

/// Everything that libgit2 finds wrong on this side: no other process of ours is at work in the
/// mirror, so a lock in it is a dead one's.
fn is_damage(error: &Error) -> bool {
    matches!(error, Error::Git(_) | Error::Damaged { .. })
}
