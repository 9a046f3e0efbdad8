//! What a pass learned and the next one need not learn again. May be deleted at any time.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::image::Digest;
use crate::lookup::Verified;
use crate::manifest::{FieldFacts, FileFacts, WantedField};
use crate::problem::Problem;
use crate::reconcile::quiet::QuietPass;
use crate::resolve::Followed;
use crate::revision::{BlobId, BranchName, CommitId, TreeId};
use crate::snapshot::FilePath;

/// Raised with every change of what is stored: an older file is not read.
const FORMAT: u32 = 11;
/// Branches and recent commits of one repository; the oldest go.
const MAX_TREES: usize = 32;
/// A repository's cache beyond this is not read: something is wrong with it.
const MAX_BYTES: u64 = 512 << 20;

/// The relevant files of a tree.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TreeRecord {
    pub tree: TreeId,
    pub files: Vec<(FilePath, BlobId)>,
    pub problems: Vec<Problem>,
}

/// One Git repository's cache: two files, of which a quiet pass reads only the small one.
#[derive(Debug, Default)]
pub struct Cache {
    path: Option<PathBuf>,
    is_full: bool,
    dirty: bool,
    is_quiet_dirty: bool,
    /// Newest last.
    trees: Vec<TreeRecord>,
    facts: HashMap<BlobId, Arc<FileFacts>>,
    fields: BTreeMap<(BlobId, Vec<WantedField>), FieldFacts>,
    small_files: BTreeMap<BlobId, Vec<u8>>,
    /// By endpoint.
    verified: BTreeMap<String, Verified>,
    /// When tags whose looks are limited were looked at.
    checked: BTreeMap<Followed, Timestamp>,
    /// When commits of a branch were seen first, newest last; none for those that were there when
    /// the branch was.
    seen: BTreeMap<BranchName, Vec<(CommitId, Option<Timestamp>)>>,
    quiet: Option<QuietPass>,
}

/// As on disk.
#[derive(Serialize, Deserialize)]
struct Stored {
    trees: Vec<TreeRecord>,
    facts: Vec<(BlobId, FileFacts)>,
    fields: BTreeMap<(BlobId, Vec<WantedField>), FieldFacts>,
    small_files: BTreeMap<BlobId, Vec<u8>>,
    verified: BTreeMap<String, Verified>,
    /// In seconds since 1970.
    checked: BTreeMap<Followed, i64>,
    /// In seconds since 1970.
    seen: BTreeMap<BranchName, Vec<(CommitId, Option<i64>)>>,
}

impl Cache {
    /// The cache of the repository called `name`, below `folder`. What cannot be read is empty.
    pub fn load(folder: &Path, name: &str) -> Self {
        let file = format!("{}.cache", Digest::of(name.as_bytes()).short());
        let path = folder.join("passes").join(file);
        Self {
            quiet: read(&quiet_path(&path)),
            path: Some(path),
            ..Self::default()
        }
    }

    /// The file that it is kept in, where it is.
    pub fn file(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// The cache of such a file, to be read only.
    pub fn of_file(file: &Path) -> Self {
        Self {
            path: Some(file.to_owned()),
            ..Self::default()
        }
    }

    /// Reads what a pass that is not quiet needs, once.
    pub fn fill(&mut self) {
        if std::mem::replace(&mut self.is_full, true) {
            return;
        }
        let stored: Option<Stored> = self.path.as_deref().and_then(read);
        if let Some(stored) = stored {
            self.trees = stored.trees;
            self.facts = stored
                .facts
                .into_iter()
                .map(|(blob, facts)| (blob, Arc::new(facts)))
                .collect();
            self.fields = stored.fields;
            self.small_files = stored.small_files;
            self.verified = stored.verified;
            self.checked = stored
                .checked
                .into_iter()
                .filter_map(|(tag, time)| Some((tag, Timestamp::from_second(time).ok()?)))
                .collect();
            let time = |(commit, seen): (CommitId, Option<i64>)| {
                (
                    commit,
                    seen.and_then(|seen| Timestamp::from_second(seen).ok()),
                )
            };
            self.seen = stored
                .seen
                .into_iter()
                .map(|(branch, seen)| (branch, seen.into_iter().map(time).collect()))
                .collect();
        }
    }

    /// Writes what was learned, if anything. A cache that cannot be written is no failure of a
    /// pass: the next one is slower.
    pub fn save(&mut self) -> std::io::Result<()> {
        let Some(path) = self.path.clone() else {
            return Ok(());
        };
        if std::mem::take(&mut self.is_quiet_dirty) {
            match &self.quiet {
                Some(quiet) => write(&quiet_path(&path), quiet)?,
                None => {
                    let _ = fs::remove_file(quiet_path(&path));
                }
            }
        }
        if !std::mem::take(&mut self.dirty) {
            return Ok(());
        }
        self.forget_old();
        let stored = Stored {
            trees: std::mem::take(&mut self.trees),
            facts: self
                .facts
                .iter()
                .map(|(blob, facts)| (*blob, FileFacts::clone(facts)))
                .collect(),
            fields: std::mem::take(&mut self.fields),
            small_files: std::mem::take(&mut self.small_files),
            verified: std::mem::take(&mut self.verified),
            checked: self
                .checked
                .iter()
                .map(|(tag, time)| (tag.clone(), time.as_second()))
                .collect(),
            seen: self
                .seen
                .iter()
                .map(|(branch, seen)| {
                    let seconds = |(commit, seen): &(CommitId, Option<Timestamp>)| {
                        (*commit, seen.map(Timestamp::as_second))
                    };
                    (branch.clone(), seen.iter().map(seconds).collect())
                })
                .collect(),
        };
        write(&path, &stored)
    }

    pub fn tree(&self, tree: TreeId) -> Option<&TreeRecord> {
        self.trees.iter().find(|record| record.tree == tree)
    }

    /// The tree that was read last: the next one likely differs in few files.
    pub fn newest_tree(&self) -> Option<&TreeRecord> {
        self.trees.last()
    }

    pub fn put_tree(&mut self, record: TreeRecord) {
        self.dirty = true;
        self.trees.retain(|known| known.tree != record.tree);
        self.trees.push(record);
    }

    pub fn facts(&self, blob: BlobId) -> Option<Arc<FileFacts>> {
        self.facts.get(&blob).cloned()
    }

    pub fn put_facts(&mut self, blob: BlobId, facts: FileFacts) {
        self.dirty = true;
        self.facts.insert(blob, Arc::new(facts));
    }

    pub fn fields(&self, key: &(BlobId, Vec<WantedField>)) -> Option<&FieldFacts> {
        self.fields.get(key)
    }

    pub fn put_fields(&mut self, key: (BlobId, Vec<WantedField>), fields: FieldFacts) {
        self.dirty = true;
        self.fields.insert(key, fields);
    }

    pub fn small_file(&self, blob: BlobId) -> Option<&[u8]> {
        self.small_files.get(&blob).map(Vec::as_slice)
    }

    pub fn put_small_file(&mut self, blob: BlobId, bytes: Vec<u8>) {
        self.dirty = true;
        self.small_files.insert(blob, bytes);
    }

    pub fn verified(&self) -> &BTreeMap<String, Verified> {
        &self.verified
    }

    /// Remembers the digests of this pass; those of earlier ones at the same endpoints go.
    pub fn put_verified(&mut self, now: BTreeMap<String, Verified>) {
        for (endpoint, verified) in now {
            if self.verified.get(&endpoint) != Some(&verified) {
                self.dirty = true;
                self.verified.insert(endpoint, verified);
            }
        }
    }

    /// When tags whose looks are limited were looked at.
    pub fn checked(&self) -> &BTreeMap<Followed, Timestamp> {
        &self.checked
    }

    pub fn put_checked(&mut self, tags: &BTreeSet<Followed>, now: Timestamp) {
        const MAX_CHECKED: usize = 1_000_000;
        if self.checked.len() > MAX_CHECKED {
            self.checked.clear();
        }
        self.dirty |= !tags.is_empty();
        self.checked
            .extend(tags.iter().map(|tag| (tag.clone(), now)));
    }

    /// When commits of a branch, newest first, were seen there for the first time. What a branch
    /// had when it was first looked at has no such time, nor has what is older than a known one.
    /// Times are whole seconds, as the file has them: what is told of them outlives the process.
    pub fn first_sight(
        &mut self,
        branch: &BranchName,
        commits: &[CommitId],
        now: Timestamp,
    ) -> BTreeMap<CommitId, Timestamp> {
        const MAX_SEEN: usize = 2_000;
        self.fill();
        let now = Timestamp::from_second(now.as_second()).unwrap_or(now);
        let is_new = !self.seen.contains_key(branch);
        let seen = self.seen.entry(branch.clone()).or_default();
        let known: HashSet<CommitId> = seen.iter().map(|(commit, _)| *commit).collect();
        let newest_known = commits.iter().position(|commit| known.contains(commit));
        for (place, commit) in commits.iter().enumerate().rev() {
            if known.contains(commit) {
                continue;
            }
            let is_older = newest_known.is_some_and(|newest| newest < place);
            self.dirty = true;
            seen.push((*commit, (!is_new && !is_older).then_some(now)));
        }
        seen.drain(..seen.len().saturating_sub(MAX_SEEN));
        let times = seen
            .iter()
            .filter_map(|(commit, time)| Some((*commit, (*time)?)));
        times.collect()
    }

    pub fn quiet(&self) -> Option<&QuietPass> {
        self.quiet.as_ref()
    }

    pub fn put_quiet(&mut self, quiet: Option<QuietPass>) {
        if self.quiet != quiet {
            self.is_quiet_dirty = true;
            self.quiet = quiet;
        }
    }

    /// The next pass is not quiet, whatever the one before was.
    pub fn forget_quiet(&mut self) {
        self.put_quiet(None);
    }

    /// When time alone changes what the last pass found; none where it wrote something.
    pub fn quiet_ends(&self) -> Option<Timestamp> {
        let ends = self.quiet.as_ref()?.ends?;
        Timestamp::from_second(ends).ok()
    }

    fn forget_old(&mut self) {
        let excess = self.trees.len().saturating_sub(MAX_TREES);
        self.trees.drain(..excess);
        let used: HashSet<BlobId> = self
            .trees
            .iter()
            .flat_map(|record| record.files.iter().map(|(_, blob)| *blob))
            .collect();
        self.facts.retain(|blob, _| used.contains(blob));
        self.small_files.retain(|blob, _| used.contains(blob));
        // The targets of ImageTriggers need not be relevant by themselves.
        const MAX_FIELDS: usize = 10_000;
        if self.fields.len() > MAX_FIELDS {
            self.fields.clear();
        }
    }
}

fn quiet_path(path: &Path) -> PathBuf {
    path.with_extension("quiet")
}

fn read<T: DeserializeOwned>(path: &Path) -> Option<T> {
    if fs::metadata(path).ok()?.len() > MAX_BYTES {
        return None;
    }
    let bytes = fs::read(path).ok()?;
    let (format, rest) = bytes.split_first_chunk::<4>()?;
    (u32::from_le_bytes(*format) == FORMAT).then_some(())?;
    postcard::from_bytes(rest).ok()
}

/// Writes beside the file and renames: nobody reads half of it.
fn write<T: Serialize>(path: &Path, value: &T) -> std::io::Result<()> {
    let mut bytes = FORMAT.to_le_bytes().to_vec();
    bytes.extend(postcard::to_stdvec(value).map_err(std::io::Error::other)?);
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
    let written = fs::File::create(&temporary)
        .and_then(|mut file| file.write_all(&bytes))
        .and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commits(numbers: &[u8]) -> Vec<CommitId> {
        let id = |number: &u8| format!("{number:040x}").parse().unwrap();
        numbers.iter().map(id).collect()
    }

    #[test]
    fn what_comes_to_a_known_branch_is_seen_at_its_time() {
        let (dev, prod): (BranchName, BranchName) =
            ("dev".parse().unwrap(), "prod".parse().unwrap());
        let at = |second| Timestamp::from_second(second).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let mut cache = Cache::load(folder.path(), "shop");
        let [one, two, three, four] = [1, 2, 3, 4].map(|number| commits(&[number])[0]);
        // Nobody knows since when what is there at the first look is there.
        assert_eq!(cache.first_sight(&dev, &[two, one], at(10)), [].into());
        let seen = cache.first_sight(&dev, &[three, two, one], at(20));
        assert_eq!(seen, [(three, at(20))].into());
        // It keeps its time, in another process and beside another branch too.
        cache.save().unwrap();
        let mut cache = Cache::load(folder.path(), "shop");
        assert_eq!(cache.first_sight(&prod, &[three], at(30)), [].into());
        let seen = cache.first_sight(&dev, &[four, three, two, one], at(40));
        assert_eq!(seen, [(three, at(20)), (four, at(40))].into());
    }

    #[test]
    fn what_was_seen_has_the_same_time_in_the_next_process() {
        let dev: BranchName = "dev".parse().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let mut cache = Cache::load(folder.path(), "shop");
        cache.first_sight(&dev, &[], Timestamp::UNIX_EPOCH);
        let now = Timestamp::new(20, 460_913_085).unwrap();
        let seen = cache.first_sight(&dev, &commits(&[1]), now);
        cache.save().unwrap();
        let mut cache = Cache::load(folder.path(), "shop");
        assert_eq!(cache.first_sight(&dev, &commits(&[1]), now), seen);
    }

    #[test]
    fn what_is_behind_a_known_commit_was_there_before_it() {
        let dev: BranchName = "dev".parse().unwrap();
        let at = |second| Timestamp::from_second(second).unwrap();
        let mut cache = Cache::default();
        let line = commits(&[5, 4, 3, 2, 1]);
        // Another target needs the newest alone, and this one is new.
        assert_eq!(cache.first_sight(&dev, &line[1..2], at(10)), [].into());
        let seen = cache.first_sight(&dev, &line, at(20));
        assert_eq!(seen, [(line[0], at(20))].into());
    }

    #[test]
    fn a_branch_without_commits_is_known_too() {
        let dev: BranchName = "dev".parse().unwrap();
        let at = |second| Timestamp::from_second(second).unwrap();
        let mut cache = Cache::default();
        assert_eq!(cache.first_sight(&dev, &[], at(10)), [].into());
        let line = commits(&[1]);
        let seen = cache.first_sight(&dev, &line, at(20));
        assert_eq!(seen, [(line[0], at(20))].into());
    }
}
