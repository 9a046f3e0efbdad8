//! What a Git repository says of images, for those who delete them: all environments at the tips of
//! their branches, the bot branches that wait, and what streams have had before.

use std::collections::{BTreeMap, BTreeSet};

use crate::environment::{Environment, EnvironmentName};
use crate::git::{Error, Repository};
use crate::manifest::{self, FileFacts, Manifests};
use crate::plan::BranchState;
use crate::policy::{IntegratedRegistry, OperatorPolicy};
use crate::problem::{Problem, Severity};
use crate::reconcile::bot_branch::proposed;
use crate::reconcile::cache::Cache;
use crate::reconcile::configuration::Configuration;
use crate::reconcile::evidence::branch_prefix;
use crate::reconcile::pass::missing_branch;
use crate::reconcile::read::{CONFIG_FILE, MAX_SEARCHED_BYTES, is_read, read_tree};
use crate::reconcile::subject::Subject;
use crate::reconcile::timeline::{MAX_HISTORY, is_stream};
use crate::revision::{BlobId, BranchName, CommitId, TreeId};
use crate::snapshot::FilePath;
use crate::verb::prune::{Books, Finder, Wishes, without_status};
use crate::yaml::MAX_FILE_BYTES;

/// Blobs in memory at one time.
const CHUNK: usize = 256;
/// Versions of one file that are read for images that left a status.
const MAX_VERSIONS: usize = 1_000;

/// A Git repository as it speaks for images.
#[derive(Debug)]
pub struct Grounds {
    grounds: Vec<Ground>,
    default: BranchName,
    environments: Vec<Environment>,
    /// What was read: the environments' branches, and those of the bot.
    heads: Vec<(BranchName, CommitId)>,
    /// Whatever could not be read. Nobody knows what it needs.
    pub errors: Vec<Problem>,
}

/// One environment on one branch, or a branch that waits for it.
#[derive(Debug)]
struct Ground {
    place: String,
    head: CommitId,
    tree: TreeId,
    manifests: Manifests,
    /// Of an environment's own branch, where its streams are kept.
    registry: Option<IntegratedRegistry>,
}

impl Grounds {
    /// Reads all branches that count, as a pass reads them.
    pub fn read(
        repository: &Repository,
        cache: &mut Cache,
        operator: &OperatorPolicy,
    ) -> Result<Self, Error> {
        let default = repository.default_branch()?;
        let tree = repository.snapshot(&default)?.tree;
        let reading = read_tree(repository, tree, cache)?;
        let configuration = Configuration::read(reading.config.as_deref(), Some(&default));
        let all: Vec<Environment> = configuration
            .environments
            .iter()
            .map(|environment| Environment {
                branch: Some(branch_of(environment, &default)),
                ..environment.clone()
            })
            .collect();
        let mut reader = Reader {
            repository,
            cache,
            operator,
            environments: &all,
            found: Self {
                grounds: Vec::new(),
                default: default.clone(),
                environments: all.clone(),
                heads: heads(repository, &all, &default)?,
                errors: errors(None, &configuration.problems),
            },
        };
        if all.is_empty() {
            let message = format!("{CONFIG_FILE} of {default} cannot be used");
            reader.found.errors.push(Problem::error(None, message));
        }
        for environment in &all {
            let branch = branch_of(environment, &default);
            if repository.branch(&branch)?.is_none() {
                let at_origin = repository.at_origin(&branch);
                let own = std::slice::from_ref(environment);
                let problem = missing_branch(&branch, own, default.as_str(), at_origin.as_deref());
                reader.found.errors.push(problem);
                continue;
            }
            let snapshot = repository.snapshot(&branch)?;
            let place = environment.name.to_string();
            let at = (snapshot.commit, snapshot.tree);
            let registry = operator.registry_of(environment).cloned();
            reader.add(environment, place, at, registry)?;
        }
        for waiting in proposed(repository, &all, &default, &|_| true)? {
            let is_over = matches!(
                waiting.state,
                BranchState::Closed { .. } | BranchState::Merged
            );
            let mut environments = all.iter();
            let environment = environments.find(|it| it.name == waiting.environment);
            if let Some(environment) = environment.filter(|_| !is_over) {
                let at = (waiting.head, repository.tree_of(waiting.head)?);
                reader.add(environment, waiting.branch.to_string(), at, None)?;
            }
        }
        Ok(reader.found)
    }

    /// Whether a branch that counts stands somewhere else now.
    pub fn has_moved(&self, repository: &Repository) -> Result<bool, Error> {
        let now = heads(repository, &self.environments, &self.default)?;
        Ok(now != self.heads)
    }

    fn environment(&self, name: &EnvironmentName) -> Option<&Ground> {
        let mut own = self.grounds.iter().filter(|it| it.registry.is_some());
        own.find(|it| it.place == name.as_str())
    }

    /// `namespace/name` of each stream.
    pub fn streams(&self) -> BTreeSet<String> {
        let streams = self.grounds.iter().flat_map(|it| &it.manifests.streams);
        streams.map(|stream| stream.name.to_string()).collect()
    }

    /// Where the environments' streams are kept.
    pub fn registries(&self) -> impl Iterator<Item = &IntegratedRegistry> {
        self.grounds.iter().filter_map(|it| it.registry.as_ref())
    }

    /// Puts down what streams have and had, and what every file names.
    pub fn tell(
        &mut self,
        repository: &Repository,
        finder: &Finder,
        wishes: &Wishes,
        books: &mut Books,
    ) -> Result<(), Error> {
        for ground in &self.grounds {
            let registry = ground.registry.as_ref();
            books.read_streams(&ground.place, &ground.manifests, registry, wishes);
        }
        let mut told = Told::default();
        for ground in &self.grounds {
            let errors = ground.name(repository, &self.grounds, finder, books, &mut told)?;
            self.errors.extend(errors);
        }
        for ground in &self.grounds {
            ground.remember(repository, books)?;
        }
        for environment in &self.environments {
            let Some(promotion) = &environment.promotion else {
                continue;
            };
            let source = self.environment(&promotion.from);
            let target = self.environment(&environment.name);
            if let (Some(source), Some(target)) = (source, target) {
                books.read_promotion(
                    (&source.place, &source.manifests),
                    (&target.place, &target.manifests),
                    promotion.carry,
                );
            }
        }
        Ok(())
    }
}

/// The branches that count, with the commits at which they stand.
fn heads(
    repository: &Repository,
    environments: &[Environment],
    default: &BranchName,
) -> Result<Vec<(BranchName, CommitId)>, Error> {
    let mut own: BTreeSet<BranchName> = BTreeSet::from([default.clone()]);
    own.extend(environments.iter().map(|it| branch_of(it, default)));
    let prefixes: Vec<String> = environments
        .iter()
        .map(|it| branch_prefix(&it.name))
        .collect();
    let mut all = repository.branches("")?;
    all.retain(|(branch, _)| {
        let mut prefixes = prefixes.iter();
        own.contains(branch) || prefixes.any(|prefix| branch.as_str().starts_with(prefix))
    });
    all.sort();
    Ok(all)
}

fn branch_of(environment: &Environment, default: &BranchName) -> BranchName {
    environment
        .branch
        .clone()
        .unwrap_or_else(|| default.clone())
}

/// Errors, with the branch or environment in which they were found.
fn errors<'a>(
    place: Option<&str>,
    problems: impl IntoIterator<Item = &'a Problem>,
) -> Vec<Problem> {
    let errors = problems
        .into_iter()
        .filter(|problem| problem.severity == Severity::Error);
    errors
        .map(|problem| Problem {
            message: match place {
                Some(place) => format!("{place}: {}", problem.message),
                None => problem.message.clone(),
            },
            ..problem.clone()
        })
        .collect()
}

struct Reader<'a> {
    repository: &'a Repository,
    cache: &'a mut Cache,
    operator: &'a OperatorPolicy,
    environments: &'a [Environment],
    found: Grounds,
}

impl Reader<'_> {
    fn add(
        &mut self,
        environment: &Environment,
        place: String,
        (head, tree): (CommitId, TreeId),
        registry: Option<IntegratedRegistry>,
    ) -> Result<(), Error> {
        let mut reading = read_tree(self.repository, tree, self.cache)?;
        reading.integrated.clone_from(&self.operator.integrated);
        let on_branch: Vec<Environment> = self
            .environments
            .iter()
            .filter(|other| other.branch == environment.branch)
            .cloned()
            .collect();
        let manifests = Subject::manifests(&reading, environment, &on_branch);
        let mut wrong = errors(Some(&place), &reading.problems);
        wrong.extend(errors(Some(&place), &manifests.problems));
        let known = &self.found.errors;
        wrong.retain(|problem| !known.contains(problem));
        self.found.errors.extend(wrong);
        self.found.grounds.push(Ground {
            place,
            head,
            tree,
            manifests,
            registry,
        });
        Ok(())
    }
}

/// What was looked at already.
#[derive(Debug, Default)]
struct Told {
    trees: BTreeSet<TreeId>,
    /// With whether the status in it was left out.
    blobs: BTreeSet<(BlobId, bool)>,
}

impl Ground {
    /// Puts down what the files name; gives what could not be read.
    fn name(
        &self,
        repository: &Repository,
        all: &[Ground],
        finder: &Finder,
        books: &mut Books,
        told: &mut Told,
    ) -> Result<Vec<Problem>, Error> {
        if !told.trees.insert(self.tree) {
            return Ok(Vec::new());
        }
        // The status of these streams was judged by itself.
        let same = all.iter().filter(|other| other.tree == self.tree);
        let judged: BTreeSet<&FilePath> = same
            .flat_map(|ground| &ground.manifests.streams)
            .map(|stream| &stream.document.file)
            .collect();
        let (entries, _) = repository.entries(self.tree, |_| true)?;
        let mut new: Vec<(FilePath, BlobId, bool)> = Vec::new();
        for entry in entries {
            let is_judged = judged.contains(&entry.path);
            if told.blobs.insert((entry.blob, is_judged)) {
                new.push((entry.path, entry.blob, is_judged));
            }
        }
        let mut errors = Vec::new();
        for chunk in new.chunks(CHUNK) {
            let blobs: Vec<BlobId> = chunk.iter().map(|(_, blob, _)| *blob).collect();
            let contents = repository.read_blobs(&blobs, MAX_SEARCHED_BYTES);
            for ((path, _, is_judged), content) in chunk.iter().zip(contents) {
                match content {
                    Ok(bytes) => {
                        let text = match is_judged {
                            true => without_status(&bytes),
                            false => (&*bytes).into(),
                        };
                        books.read_mentions(&self.place, path, finder.find(&text));
                    }
                    // What is no text names nothing.
                    Err(Error::TooLarge { .. }) if !is_read(path.as_str()) => {}
                    Err(error @ Error::TooLarge { .. }) => {
                        let message = format!("{}: {path}: {error}", self.place);
                        errors.push(Problem::error(None, message));
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(errors)
    }

    /// Puts down what earlier versions of the streams' files have recorded, and since when they are
    /// there.
    fn remember(&self, repository: &Repository, books: &mut Books) -> Result<(), Error> {
        let Some(registry) = &self.registry else {
            return Ok(());
        };
        let streams = &self.manifests.streams;
        let files: BTreeSet<FilePath> = streams.iter().map(|it| it.document.file.clone()).collect();
        if files.is_empty() {
            return Ok(());
        }
        let files: Vec<FilePath> = files.into_iter().collect();
        let history = repository.history(self.head, &files, MAX_HISTORY)?;
        let mut versions: BTreeMap<&FilePath, Vec<BlobId>> = BTreeMap::new();
        let mut first = BTreeMap::new();
        for commit in &history.commits {
            for delta in &commit.changes {
                first.insert(&delta.path, commit.time);
                let known = versions.entry(&delta.path).or_default();
                if known.len() < MAX_VERSIONS {
                    known.extend(delta.after);
                }
            }
        }
        for stream in streams {
            if let Some(time) = first.get(&stream.document.file) {
                books.was_there(registry, stream, *time);
            }
        }
        for (file, blobs) in versions {
            for blob in blobs.into_iter().collect::<BTreeSet<_>>() {
                let found = match repository.read_blob(blob, MAX_FILE_BYTES as u64) {
                    Ok(bytes) => manifest::read_file(&bytes),
                    Err(Error::TooLarge { .. }) => FileFacts::default(),
                    Err(error) => return Err(error),
                };
                let own = streams.iter().filter(|it| it.document.file == *file);
                for stream in own {
                    let found = found.streams.iter().filter(|it| is_stream(it, stream));
                    for status in found.flat_map(|it| &it.status) {
                        books.record(&self.place, registry, stream, status);
                    }
                }
            }
        }
        Ok(())
    }
}
