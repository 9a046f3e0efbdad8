//! What Git's history and the bot branches say about what is due.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use crate::clock;
use crate::environment::EnvironmentName;
use crate::git::{Commit, Error, FileDelta, Merge, Repository};
use crate::image::{Digest, Reference};
use crate::manifest;
use crate::plain::plain;
use crate::plan::creation::Created;
use crate::plan::promotion::promoted;
use crate::plan::{
    self, BotBranch, BranchCommit, BranchState, CommitKind, FirstSeen, Question, Spot, TakenBack,
    Version, trailer,
};
use crate::revision::{BlobId, BranchName, CommitId};
use crate::snapshot::{FileChange, FilePath, Files};
use crate::stream::StreamTagName;
use crate::yaml::MAX_FILE_BYTES;

/// Commits looked at on a first-parent history.
const MAX_HISTORY: usize = 100_000;
/// Commits on a bot branch; the bot itself makes one.
pub const MAX_BRANCH_COMMITS: usize = 50;

/// The first-parent history of a commit. What was asked of it is remembered: a plan is made several
/// times of the same one.
pub struct Past<'a> {
    repository: &'a Repository,
    pub head: CommitId,
    answered: RefCell<BTreeMap<(Spot, Digest), Option<TakenBack>>>,
    /// By the files that were looked at.
    read: RefCell<BTreeMap<Vec<FilePath>, Arc<[Commit]>>>,
}

impl<'a> Past<'a> {
    pub fn new(repository: &'a Repository, head: CommitId) -> Self {
        Self {
            repository,
            head,
            answered: RefCell::default(),
            read: RefCell::default(),
        }
    }

    /// Which of the questions have a digest that was taken back. All of them must be about the same
    /// manifests each time.
    pub fn taken_back(&self, questions: &[Question]) -> Result<BTreeMap<Spot, TakenBack>, Error> {
        let mut answered = self.answered.borrow_mut();
        let open: Vec<Question> = questions
            .iter()
            .filter(|question| !answered.contains_key(&key(question)))
            .cloned()
            .collect();
        let mut found = self.ask(&open)?;
        for question in &open {
            let back = found.remove(&key(question));
            answered.entry(key(question)).or_insert(back);
        }
        let back = questions.iter().filter_map(|question| {
            let back = answered.get(&key(question))?.clone()?;
            Some((question.spot.clone(), back))
        });
        Ok(back.collect())
    }

    fn ask(&self, questions: &[Question]) -> Result<BTreeMap<(Spot, Digest), TakenBack>, Error> {
        let paths: BTreeSet<&FilePath> = questions.iter().flat_map(Question::files).collect();
        if paths.is_empty() {
            return Ok(BTreeMap::new());
        }
        let repository = self.repository;
        let commits = self.commits(paths.into_iter().cloned().collect())?;
        let mentioned = mentioned_digests(repository, &commits, questions)?;
        let mut found = BTreeMap::new();
        for question in questions {
            let is_mentioned = question
                .files()
                .any(|file| mentioned.contains(&(file, &question.digest)));
            if !is_mentioned {
                continue;
            }
            let versions = versions(repository, &commits, question)?;
            if let Some(back) = question.taken_back(&versions) {
                found.insert(key(question), back);
            }
        }
        Ok(found)
    }

    /// Those that changed one of the files.
    fn commits(&self, paths: Vec<FilePath>) -> Result<Arc<[Commit]>, Error> {
        if let Some(known) = self.read.borrow().get(&paths) {
            return Ok(Arc::clone(known));
        }
        let found = self.repository.history(self.head, &paths, MAX_HISTORY)?;
        let commits: Arc<[Commit]> = found.commits.into();
        self.read.borrow_mut().insert(paths, Arc::clone(&commits));
        Ok(commits)
    }
}

fn key(question: &Question) -> (Spot, Digest) {
    (question.spot.clone(), question.digest.clone())
}

/// The digests that some version of a file holds anywhere: nearly all questions end here.
fn mentioned_digests<'q>(
    repository: &Repository,
    commits: &[Commit],
    questions: &'q [Question],
) -> Result<BTreeSet<(&'q FilePath, &'q Digest)>, Error> {
    let mut asked: BTreeMap<&FilePath, BTreeSet<&Digest>> = BTreeMap::new();
    for question in questions {
        for file in question.files() {
            asked.entry(file).or_default().insert(&question.digest);
        }
    }
    let mut mentioned = BTreeSet::new();
    for delta in commits.iter().flat_map(|commit| &commit.changes) {
        let Some((file, digests)) = asked.get_key_value(&delta.path) else {
            continue;
        };
        let Some(bytes) = content(repository, delta.after)? else {
            continue;
        };
        for digest in digests {
            if memchr::memmem::find(&bytes, digest.as_str().as_bytes()).is_some() {
                mentioned.insert((*file, *digest));
            }
        }
    }
    Ok(mentioned)
}

/// The question's files at each commit that changed one of them, newest first.
fn versions(
    repository: &Repository,
    commits: &[Commit],
    question: &Question,
) -> Result<Vec<Version>, Error> {
    let files: BTreeSet<&FilePath> = question.files().collect();
    let touching: Vec<&Commit> = commits
        .iter()
        .filter(|commit| {
            commit
                .changes
                .iter()
                .any(|delta| files.contains(&delta.path))
        })
        .collect();
    let mut versions = Vec::new();
    for (number, commit) in touching.iter().enumerate() {
        let mut contents = BTreeMap::new();
        for file in &files {
            let blob = blob_at(touching.get(number..).unwrap_or_default(), file);
            contents.insert((*file).clone(), content(repository, blob)?);
        }
        versions.push(Version {
            commit: commit.id,
            author: plain(&commit.author.name).chars().take(100).collect(),
            time: clock::rfc3339(commit.time),
            files: contents,
        });
    }
    Ok(versions)
}

/// The file's blob after the first of `commits` (newest first): as the latest change left it.
fn blob_at(commits: &[&Commit], file: &FilePath) -> Option<BlobId> {
    commits
        .iter()
        .flat_map(|commit| &commit.changes)
        .find(|delta| delta.path == *file)
        .and_then(|delta| delta.after)
}

/// What a delta changes, with its bytes.
pub fn file_change(repository: &Repository, delta: &FileDelta) -> Result<FileChange, Error> {
    Ok(FileChange {
        path: delta.path.clone(),
        before: content_or_name(repository, delta.before)?,
        after: content_or_name(repository, delta.after)?,
    })
}

/// Empty where there is no file. What is too large to be a manifest is told apart by its id.
fn content_or_name(repository: &Repository, blob: Option<BlobId>) -> Result<Arc<[u8]>, Error> {
    let content = content(repository, blob)?;
    let name = || blob.map(|blob| format!("blob {blob}").into_bytes().into());
    Ok(content.or_else(name).unwrap_or_default())
}

/// None where there is no file, or one that is too large to be a manifest.
fn content(repository: &Repository, blob: Option<BlobId>) -> Result<Option<Arc<[u8]>>, Error> {
    let Some(blob) = blob else { return Ok(None) };
    match repository.read_blob(blob, MAX_FILE_BYTES as u64) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(Error::TooLarge { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The bot branches of an environment, and when each image that they propose was first seen.
#[derive(Debug, Default)]
pub struct Branches {
    pub branches: Vec<BotBranch>,
    pub first_seen: FirstSeen,
}

/// Reads the bot branches of one environment.
pub fn environment_branches(
    repository: &Repository,
    tip: CommitId,
    environment: &EnvironmentName,
) -> Result<Branches, Error> {
    let heads = repository.branches(&branch_prefix(environment))?;
    branches(repository, tip, &heads, &BTreeMap::new())
}

/// Reads the bot branches with these heads. `bases` are the commits that branches were built on,
/// as far as their pull requests say.
pub fn branches(
    repository: &Repository,
    tip: CommitId,
    heads: &[(BranchName, CommitId)],
    bases: &BTreeMap<BranchName, CommitId>,
) -> Result<Branches, Error> {
    let mut found = Branches::default();
    for (name, head) in heads {
        let commits = branch_commits(repository, tip, *head)?;
        let mut state = branch_state(repository, tip, *head, commits.as_deref())?;
        if let Some(base) = bases.get(name)
            && has_more(repository, *base, tip)
        {
            state = rebased(repository, *base, *head)?.unwrap_or(state);
        }
        let own = commits.iter().flatten();
        let own = own.filter(|(_, commit)| commit.is_bots_own());
        let mut newest = None;
        if matches!(state, BranchState::Ours { .. }) {
            for (time, commit) in own {
                note_first_seen(commit, &mut found.first_seen);
                newest = newest.or(Some((*time, commit)));
            }
        }
        let plan = |commit: &BranchCommit| {
            trailer::trailer(&commit.message, trailer::PLAN).map(str::to_owned)
        };
        found.branches.push(BotBranch {
            name: name.clone(),
            head: *head,
            state,
            is_behind: has_more(repository, tip, *head),
            plan: newest.and_then(|(_, commit)| plan(commit)),
            time: newest.map(|(time, _)| time),
            promoted: commits
                .iter()
                .flatten()
                .find_map(|(_, commit)| promoted(&commit.message)),
            created: commits
                .iter()
                .flatten()
                .flat_map(|(_, commit)| Created::all_of(&commit.message))
                .collect(),
        });
    }
    Ok(found)
}

/// Whether a commit has something in its history that `other` has not; so too where it is gone.
fn has_more(repository: &Repository, commit: CommitId, other: CommitId) -> bool {
    repository.commits_between(other, commit, 0).is_err()
}

/// The branch as one on a base that was rewritten, where all that it has beside that base is the
/// bot's.
fn rebased(
    repository: &Repository,
    base: CommitId,
    head: CommitId,
) -> Result<Option<BranchState>, Error> {
    // What a rewritten history has left behind may be gone.
    let Ok(Some(commits)) = branch_commits(repository, base, head) else {
        return Ok(None);
    };
    let commits: Vec<BranchCommit> = commits.into_iter().map(|(_, commit)| commit).collect();
    Ok(match plan::classify(&commits, None) {
        BranchState::Ours { images, .. } => Some(BranchState::Rebased { images }),
        _ => None,
    })
}

/// What a branch has beside `tip`, newest first; none where that is too much to be the bot's.
fn branch_commits(
    repository: &Repository,
    tip: CommitId,
    head: CommitId,
) -> Result<Option<Vec<(Timestamp, BranchCommit)>>, Error> {
    let commits = match repository.first_parents_between(tip, head, MAX_BRANCH_COMMITS) {
        Ok(commits) => commits,
        Err(Error::TooLarge { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    let read = |commit: &Commit| Ok((commit.time, branch_commit(repository, tip, commit)?));
    commits
        .iter()
        .map(read)
        .collect::<Result<_, Error>>()
        .map(Some)
}

/// Whether a message says that the bot wrote it.
pub fn has_plan(message: &str) -> bool {
    trailer::trailer(message, trailer::PLAN).is_some()
}

/// The prefix of an environment's bot branches.
pub fn branch_prefix(environment: &EnvironmentName) -> String {
    format!("headwater/{environment}/")
}

fn branch_state(
    repository: &Repository,
    tip: CommitId,
    head: CommitId,
    commits: Option<&[(Timestamp, BranchCommit)]>,
) -> Result<BranchState, Error> {
    let Some(commits) = commits else {
        return Ok(BranchState::Foreign {
            reason: format!("more than {MAX_BRANCH_COMMITS} commits"),
        });
    };
    let commits: Vec<BranchCommit> = commits.iter().map(|(_, commit)| commit.clone()).collect();
    let merged = match repository.merge(tip, head)? {
        Merge::Clean(deltas) => Some(merged_files(repository, &deltas)?),
        Merge::Conflict(_) => None,
    };
    Ok(plan::classify(&commits, merged))
}

fn commit_kind(
    repository: &Repository,
    tip: CommitId,
    commit: &Commit,
) -> Result<CommitKind, Error> {
    let (first, second) = match commit.parents.as_slice() {
        [first, second] => (*first, *second),
        [] | [_] => return Ok(CommitKind::Single),
        _ => return Ok(CommitKind::Merge),
    };
    if promoted(&commit.message).is_some_and(|promoted| promoted.commit == second) {
        return Ok(CommitKind::Promotion);
    }
    let is_update = repository.is_in_history(second, tip)?
        && repository.is_clean_merge(first, second, commit.tree)?;
    Ok(match is_update {
        true => CommitKind::Update,
        false => CommitKind::Merge,
    })
}

fn branch_commit(
    repository: &Repository,
    tip: CommitId,
    commit: &Commit,
) -> Result<BranchCommit, Error> {
    let changes = commit
        .changes
        .iter()
        .map(|delta| file_change(repository, delta))
        .collect::<Result<_, Error>>()?;
    Ok(BranchCommit {
        id: commit.id,
        message: commit.message.clone(),
        kind: commit_kind(repository, tip, commit)?,
        changes,
    })
}

fn merged_files(repository: &Repository, deltas: &[FileDelta]) -> Result<Files, Error> {
    deltas
        .iter()
        .map(|delta| {
            let after = content_or_name(repository, delta.after)?;
            Ok((delta.path.clone(), after))
        })
        .collect()
}

/// The `created` of the images that a branch of ours proposes.
fn note_first_seen(commit: &BranchCommit, first_seen: &mut FirstSeen) {
    let images = plan::named_images(&commit.message);
    for change in &commit.changes {
        let facts = manifest::read_file(&change.after);
        for stream in &facts.streams {
            for status in &stream.status {
                let Some(newest) = status.items.first() else {
                    continue;
                };
                let is_newest = |(tag, image): &&(StreamTagName, Reference)| {
                    tag.stream.name == stream.name
                        && tag.tag == status.tag
                        && plan::recorded_reference(image) == newest.reference
                };
                if let Some((tag, _)) = images.iter().find(is_newest) {
                    first_seen
                        .entry((tag.clone(), newest.reference.clone()))
                        .or_insert_with(|| newest.created.clone());
                }
            }
        }
    }
}
