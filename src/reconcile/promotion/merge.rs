use std::collections::BTreeSet;

use crate::environment::{Environment, EnvironmentName};
use crate::git::{EditedTree, Error, FileDelta, Repository};
use crate::manifest::Manifests;
use crate::plan::promotion::{
    CarriedCommit, CarriedConfiguration, Version, needed_files, rewritten,
};
use crate::policy::OperatorPolicy;
use crate::problem::{Place, Problem, Severity};
use crate::reconcile::cache::Cache;
use crate::reconcile::evidence::{file_change, has_plan};
use crate::reconcile::read::{Reading, read_tree};
use crate::reconcile::subject::Subject;
use crate::resolve::Following;
use crate::revision::{CommitId, TreeId};
use crate::snapshot::{FileChange, FilePath, Files, Snapshot};
use crate::yaml::MAX_FILE_BYTES;

/// Files that a conflict names.
const MAX_NAMED: usize = 20;
/// Commits that are tried as a base where the merge conflicts.
const MAX_BASES: usize = 20;
/// Commits that are told of; more are counted.
const MAX_TOLD: usize = 30;
/// Commits that are counted.
const MAX_COUNTED: usize = 1_000;

/// The target with what people wrote in the source since they had the same, ready to be planned
/// on: the bot's bytes are those of the target.
pub struct Merged {
    pub from: EnvironmentName,
    pub tree: TreeId,
    /// The source's commit, where the target has it not yet.
    pub source: Option<CommitId>,
    /// Against the target.
    pub changes: Vec<FileChange>,
    pub subject: Subject,
    pub following: Following,
}

/// One commit's tree, and everything in it that matters here.
pub(crate) struct Side {
    pub tree: TreeId,
    pub reading: Reading,
    pub manifests: Manifests,
}

impl Side {
    pub fn read(
        repository: &Repository,
        cache: &mut Cache,
        operator: &OperatorPolicy,
        tree: TreeId,
    ) -> Result<Self, Error> {
        let mut reading = read_tree(repository, tree, cache)?;
        reading.integrated.clone_from(&operator.integrated);
        let everything = Environment::default();
        let environments = std::slice::from_ref(&everything);
        let manifests = Subject::manifests(&reading, &everything, environments);
        Ok(Self {
            tree,
            reading,
            manifests,
        })
    }

    pub fn files(
        &self,
        repository: &Repository,
        paths: &BTreeSet<FilePath>,
    ) -> Result<Files, Error> {
        read_files(repository, self.tree, paths)
    }

    fn fault_in(&self, path: &FilePath) -> Option<Problem> {
        let mut files = self.reading.files.iter();
        let (_, facts) = files.find(|(other, _)| other == path)?;
        let mut findings = facts.findings.iter();
        let finding = findings.find(|finding| finding.severity == Severity::Error)?;
        let place = Place {
            file: path.clone(),
            line: finding.at.line,
            column: finding.at.column,
        };
        Some(Problem::error(place, finding.message.clone()))
    }
}

/// The contents of those files that are there and no larger than manifests may be.
pub(crate) fn read_files(
    repository: &Repository,
    tree: TreeId,
    paths: &BTreeSet<FilePath>,
) -> Result<Files, Error> {
    let wanted: BTreeSet<&str> = paths.iter().map(FilePath::as_str).collect();
    let (entries, _) = repository.entries(tree, |path| wanted.contains(path))?;
    let blobs: Vec<_> = entries.iter().map(|entry| entry.blob).collect();
    let contents = repository.read_blobs(&blobs, MAX_FILE_BYTES as u64);
    let mut files = Files::new();
    for (entry, content) in entries.into_iter().zip(contents) {
        match content {
            Ok(content) => {
                files.insert(entry.path, content);
            }
            Err(Error::TooLarge { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(files)
}

/// The tree of a merge, and what it changes of the target.
#[derive(Debug)]
pub struct MergedTree {
    /// The commit of the source since which its changes are taken.
    pub base: Option<CommitId>,
    pub tree: TreeId,
    pub changes: Vec<FileChange>,
}

/// Merges what people changed in the source between `base` and `chosen` into `target`.
///
/// The inner result is why it cannot be merged: a problem that names the files.
pub fn merge(
    repository: &Repository,
    cache: &mut Cache,
    operator: &OperatorPolicy,
    names: (&EnvironmentName, &EnvironmentName),
    target: &Snapshot,
    base: Option<CommitId>,
    chosen: CommitId,
) -> Result<Result<MergedTree, Problem>, Error> {
    let Some(base) = base else {
        let (from, to) = names;
        let message = format!("{from} and {to} have no commit in common, so nothing can be merged");
        let advice = format!(
            "start {to} from {from}: git push origin {}:refs/heads/{}, or use `carry: pins`",
            chosen, target.branch
        );
        return Ok(Err(Problem::error(None, message).advice(advice)));
    };
    // Going back goes back to images alone: what people wrote since stays.
    if repository.is_in_history(chosen, base)? {
        return Ok(Ok(MergedTree {
            base: Some(base),
            tree: target.tree,
            changes: Vec::new(),
        }));
    }
    let mut merging = Merging {
        ours: Side::read(repository, cache, operator, target.tree)?,
        repository,
        cache,
        operator,
    };
    let paths = match merging.merge(base, chosen)? {
        Ok(merged) => return Ok(Ok(merged)),
        Err(Unmerged::Unreadable(problem)) => {
            return Ok(Err(unmergeable(names, chosen, problem)));
        }
        Err(Unmerged::Conflict(paths)) => paths,
    };
    // A squash whose message was thrown away leaves no trace of the commit that it brought. All of
    // a commit is there where merging it changes nothing.
    let since = repository.newest_first_parents(base, chosen, MAX_BASES)?;
    for commit in since.iter().filter(|commit| commit.id != chosen) {
        let is_there =
            matches!(merging.merge(base, commit.id)?, Ok(merged) if merged.tree == target.tree);
        if is_there && let Ok(merged) = merging.merge(commit.id, chosen)? {
            return Ok(Ok(merged));
        }
    }
    Ok(Err(conflict(names, target, chosen, &paths)))
}

struct Merging<'a> {
    repository: &'a Repository,
    cache: &'a mut Cache,
    operator: &'a OperatorPolicy,
    ours: Side,
}

/// Why two trees are not merged.
enum Unmerged {
    Unreadable(Problem),
    Conflict(Vec<FilePath>),
}

impl Merging<'_> {
    fn merge(
        &mut self,
        base: CommitId,
        chosen: CommitId,
    ) -> Result<Result<MergedTree, Unmerged>, Error> {
        let (repository, ours) = (self.repository, &self.ours);
        let (before, after) = (repository.tree_of(base)?, repository.tree_of(chosen)?);
        let deltas = repository.tree_deltas(before, after)?;
        let base_side = Side::read(repository, self.cache, self.operator, before)?;
        let theirs = Side::read(repository, self.cache, self.operator, after)?;
        let paths: BTreeSet<FilePath> = deltas.iter().map(|delta| delta.path.clone()).collect();
        let of_base = with_own_bytes(repository, ours, &base_side, &paths)?;
        let of_theirs = with_own_bytes(repository, ours, &theirs, &paths)?;
        let (of_base, of_theirs) = match (of_base, of_theirs) {
            (Ok(of_base), Ok(of_theirs)) => (of_base, of_theirs),
            (Err(problem), _) | (_, Err(problem)) => {
                return Ok(Err(Unmerged::Unreadable(problem)));
            }
        };
        let edited = |tree, changes| EditedTree { tree, changes };
        let merged = repository.merge_edited(
            Some(edited(before, &of_base)),
            ours.tree,
            edited(after, &of_theirs),
        )?;
        Ok(match merged {
            Err(paths) => Err(Unmerged::Conflict(paths)),
            Ok(tree) => {
                let deltas = repository.tree_deltas(ours.tree, tree)?;
                Ok(MergedTree {
                    base: Some(base),
                    tree,
                    changes: changes(repository, &deltas)?,
                })
            }
        })
    }
}

fn changes(repository: &Repository, deltas: &[FileDelta]) -> Result<Vec<FileChange>, Error> {
    let changes = deltas.iter().map(|delta| file_change(repository, delta));
    changes.collect()
}

/// The files of `theirs` among `paths` whose bot's bytes are not as in `ours`, as they would be.
pub(crate) fn with_own_bytes(
    repository: &Repository,
    ours: &Side,
    theirs: &Side,
    paths: &BTreeSet<FilePath>,
) -> Result<Result<Vec<FileChange>, Problem>, Error> {
    let needed = needed_files(&ours.manifests, &theirs.manifests, paths.iter());
    let own = ours.files(repository, &needed)?;
    let other = theirs.files(repository, paths)?;
    let (ours_version, theirs_version) = (
        Version {
            manifests: &ours.manifests,
            files: &own,
        },
        Version {
            manifests: &theirs.manifests,
            files: &other,
        },
    );
    let mut changes = Vec::new();
    for path in paths {
        // What cannot be read may hold what is the bot's.
        if let Some(fault) = theirs.fault_in(path) {
            return Ok(Err(fault));
        }
        match rewritten(ours_version, theirs_version, path) {
            Ok(None) => {}
            Ok(Some(after)) => {
                let before = other.get(path).cloned().unwrap_or_default();
                changes.push(FileChange {
                    path: path.clone(),
                    before,
                    after: after.into(),
                });
            }
            Err(refusals) => {
                let refusal = refusals.into_iter().next();
                let place = refusal.as_ref().map(|refusal| Place {
                    file: path.clone(),
                    line: refusal.at.line,
                    column: refusal.at.column,
                });
                let why = refusal.map(|refusal| refusal.message).unwrap_or_default();
                let message = format!("{path} cannot be edited exactly: {why}");
                return Ok(Err(Problem::error(place, message)));
            }
        }
    }
    Ok(Ok(changes))
}

fn unmergeable(
    (from, to): (&EnvironmentName, &EnvironmentName),
    chosen: CommitId,
    problem: Problem,
) -> Problem {
    let message = format!(
        "{} of {from} cannot be promoted to {to}: {}",
        chosen.short(),
        problem.message
    );
    Problem { message, ..problem }.advice("correct the file in the source")
}

fn conflict(
    (from, to): (&EnvironmentName, &EnvironmentName),
    target: &Snapshot,
    chosen: CommitId,
    paths: &[FilePath],
) -> Problem {
    let named: Vec<&str> = paths.iter().take(MAX_NAMED).map(FilePath::as_str).collect();
    let more = match paths.len().saturating_sub(MAX_NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let message = format!(
        "{} of {from} conflicts with {to}: both have changed {}{more}",
        chosen.short(),
        named.join(", ")
    );
    let advice = format!(
        "merge it by hand: git switch {} && git merge {chosen}; where pins, `status` or holds conflict too, take those of {to}: headwater moves its images then",
        target.branch
    );
    Problem::error(None, message).advice(advice)
}

/// What comes along beside images: the commits of people between `base` and `chosen`, and the files
/// that the merge changes.
pub fn configuration(
    repository: &Repository,
    base: Option<CommitId>,
    chosen: CommitId,
    changes: &[FileChange],
) -> Result<CarriedConfiguration, Error> {
    let mut configuration = CarriedConfiguration {
        paths: changes.iter().map(|change| change.path.clone()).collect(),
        ..CarriedConfiguration::default()
    };
    let Some(base) = base.filter(|_| !changes.is_empty()) else {
        return Ok(configuration);
    };
    let commits = repository.newest_first_parents(base, chosen, MAX_COUNTED)?;
    for commit in commits.iter().filter(|commit| !has_plan(&commit.message)) {
        configuration.commit_count += 1;
        if configuration.commits.len() < MAX_TOLD {
            configuration.commits.push(CarriedCommit {
                commit: commit.id,
                author: commit.author.name.clone(),
                subject: commit.message.lines().next().unwrap_or_default().to_owned(),
            });
        }
    }
    Ok(configuration)
}

/// The files that differ between a commit of the source and the target beside images.
pub fn difference(
    repository: &Repository,
    cache: &mut Cache,
    operator: &OperatorPolicy,
    target: &Snapshot,
    chosen: CommitId,
) -> Result<CarriedConfiguration, Error> {
    let theirs = Side::read(repository, cache, operator, repository.tree_of(chosen)?)?;
    let deltas = repository.tree_deltas(target.tree, theirs.tree)?;
    let paths: BTreeSet<FilePath> = deltas.iter().map(|delta| delta.path.clone()).collect();
    let ours = Side::read(repository, cache, operator, target.tree)?;
    let changes = with_own_bytes(repository, &ours, &theirs, &paths)?.unwrap_or_default();
    let own = ours.files(repository, &paths)?;
    let is_same = |path: &FilePath| {
        let change = changes.iter().find(|change| change.path == *path);
        change.is_some_and(|change| own.get(path) == Some(&change.after))
    };
    let differing = paths.iter().filter(|path| !is_same(path));
    Ok(CarriedConfiguration {
        paths: differing.cloned().collect(),
        ..CarriedConfiguration::default()
    })
}
