//! The manifests of one commit, parsing only what no pass has seen before.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::dockerfile::is_dockerfile_name;
use crate::git::{Error, Repository};
use crate::manifest::{self, FieldFacts, FileFacts, WantedField};
use crate::policy::IntegratedRegistries;
use crate::problem::Problem;
use crate::reconcile::cache::{Cache, TreeRecord};
use crate::revision::{BlobId, TreeId};
use crate::snapshot::FilePath;
use crate::yaml::MAX_FILE_BYTES;

/// The repository's policy, at the root of its default branch.
pub const CONFIG_FILE: &str = "headwater.yaml";
/// A file of up to so many bytes is searched for what is ours, even where it is too large to be
/// parsed.
pub const MAX_SEARCHED_BYTES: u64 = 16 << 20;
/// Blobs in memory at one time.
const CHUNK: usize = 512;

/// What the files of a commit, or of a work tree, say by themselves.
#[derive(Debug, Default)]
pub struct Reading {
    pub files: Vec<(FilePath, Arc<FileFacts>)>,
    pub fields: BTreeMap<FilePath, FieldFacts>,
    pub problems: Vec<Problem>,
    /// The content of [`CONFIG_FILE`].
    pub config: Option<Vec<u8>>,
    /// As the operator names it.
    pub integrated: Option<IntegratedRegistries>,
}

/// Whether a file of a work tree is read: manifests, and what ImageTriggers may name.
pub fn is_read(path: &str) -> bool {
    is_manifest(path) || is_dockerfile_name(path)
}

/// Whether a file may hold manifests.
pub fn is_manifest(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name == "Kustomization"
        || [".yaml", ".yml", ".json"]
            .iter()
            .any(|ending| name.ends_with(ending))
}

/// Reads a tree; blobs are read only where the cache does not know them.
pub fn read_tree(
    repository: &Repository,
    tree: TreeId,
    cache: &mut Cache,
) -> Result<Reading, Error> {
    cache.fill();
    let record = match cache.tree(tree) {
        Some(record) => record.clone(),
        None => {
            let record = changed_record(repository, tree, cache)
                .map_or_else(|| full_record(repository, tree, cache), Ok)?;
            cache.put_tree(record.clone());
            record
        }
    };
    let mut reading = Reading {
        problems: record.problems.clone(),
        ..Reading::default()
    };
    for (path, blob) in &record.files {
        if path.as_str() == CONFIG_FILE {
            reading.config = Some(small_file(repository, *blob, cache)?);
        } else if let Some(facts) = cache.facts(*blob) {
            reading.files.push((path.clone(), facts));
        }
    }
    reading.fields = read_fields(repository, tree, &reading.files, &record, cache)?;
    Ok(reading)
}

fn small_file(repository: &Repository, blob: BlobId, cache: &mut Cache) -> Result<Vec<u8>, Error> {
    if let Some(bytes) = cache.small_file(blob) {
        return Ok(bytes.to_vec());
    }
    // One that is too large is a problem of its own, with the file's name.
    let bytes = repository.read_blob(blob, MAX_SEARCHED_BYTES)?.to_vec();
    cache.put_small_file(blob, bytes.clone());
    Ok(bytes)
}

/// The record by what changed since the newest known tree; none where that cannot be told.
fn changed_record(repository: &Repository, tree: TreeId, cache: &mut Cache) -> Option<TreeRecord> {
    let known = cache.newest_tree()?.clone();
    let changes = repository.changed_entries(known.tree, tree).ok()??;
    let mut files: BTreeMap<FilePath, BlobId> = known.files.into_iter().collect();
    let mut fresh = Vec::new();
    for change in changes {
        files.remove(&change.path);
        if let Some(blob) = change.blob
            && is_manifest(change.path.as_str())
        {
            fresh.push((change.path, blob));
        }
    }
    files.extend(relevant(repository, fresh, cache).ok()?);
    Some(TreeRecord {
        tree,
        files: files.into_iter().collect(),
        problems: known.problems,
    })
}

fn full_record(
    repository: &Repository,
    tree: TreeId,
    cache: &mut Cache,
) -> Result<TreeRecord, Error> {
    let (entries, problems) = repository.entries(tree, is_manifest)?;
    let entries = entries
        .into_iter()
        .map(|entry| (entry.path, entry.blob))
        .collect();
    let mut files = relevant(repository, entries, cache)?;
    files.sort();
    Ok(TreeRecord {
        tree,
        files,
        problems,
    })
}

/// Those of `entries` that hold something of ours; their facts are put into the cache.
fn relevant(
    repository: &Repository,
    entries: Vec<(FilePath, BlobId)>,
    cache: &mut Cache,
) -> Result<Vec<(FilePath, BlobId)>, Error> {
    let (mut known, unknown): (Vec<_>, Vec<_>) = entries
        .into_iter()
        .partition(|(path, blob)| path.as_str() == CONFIG_FILE || cache.facts(*blob).is_some());
    for chunk in unknown.chunks(CHUNK) {
        let blobs: Vec<BlobId> = chunk.iter().map(|(_, blob)| *blob).collect();
        let contents = repository.read_blobs(&blobs, MAX_FILE_BYTES as u64);
        let mut files: Vec<(&FilePath, BlobId, Arc<[u8]>)> = Vec::new();
        for ((path, blob), content) in chunk.iter().zip(contents) {
            match content {
                Ok(bytes) => files.push((path, *blob, bytes)),
                // A file over the limit is a finding of its own, not a failure of the pass.
                Err(Error::TooLarge { .. }) => {
                    if let Some(facts) = oversized(repository, path, *blob)? {
                        cache.put_facts(*blob, facts);
                        known.push((path.clone(), *blob));
                    }
                }
                Err(error) => return Err(error),
            }
        }
        for (path, blob, facts) in parse(&files) {
            cache.put_facts(blob, facts);
            known.push((path, blob));
        }
    }
    Ok(known)
}

fn oversized(
    repository: &Repository,
    path: &FilePath,
    blob: BlobId,
) -> Result<Option<FileFacts>, Error> {
    let size = repository.blob_size(blob)?;
    match repository.read_blob(blob, MAX_SEARCHED_BYTES) {
        Ok(bytes) => Ok(manifest::screen(path.as_str(), &bytes)
            .then(|| manifest::oversized(size, Some(&bytes)))),
        Err(Error::TooLarge { .. }) => Ok(Some(manifest::oversized(size, None))),
        Err(error) => Err(error),
    }
}

/// Screens and parses on two threads.
fn parse(files: &[(&FilePath, BlobId, Arc<[u8]>)]) -> Vec<(FilePath, BlobId, FileFacts)> {
    let half = files.len().div_ceil(2).max(1);
    std::thread::scope(|scope| {
        let workers: Vec<_> = files
            .chunks(half)
            .map(|files| {
                scope.spawn(move || files.iter().filter_map(parse_one).collect::<Vec<_>>())
            })
            .collect();
        workers
            .into_iter()
            .flat_map(|worker| worker.join().unwrap_or_default())
            .collect()
    })
}

fn parse_one(
    (path, blob, bytes): &(&FilePath, BlobId, Arc<[u8]>),
) -> Option<(FilePath, BlobId, FileFacts)> {
    manifest::screen(path.as_str(), bytes)
        .then(|| ((*path).clone(), *blob, manifest::read_file(bytes)))
}

/// The fields of other files that ImageTriggers name.
fn read_fields(
    repository: &Repository,
    tree: TreeId,
    files: &[(FilePath, Arc<FileFacts>)],
    record: &TreeRecord,
    cache: &mut Cache,
) -> Result<BTreeMap<FilePath, FieldFacts>, Error> {
    let wanted = manifest::wanted_fields(files);
    if wanted.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut blobs: HashMap<&FilePath, BlobId> = record
        .files
        .iter()
        .map(|(path, blob)| (path, *blob))
        .collect();
    let missing = wanted.keys().any(|path| !blobs.contains_key(path));
    let others = if missing {
        repository
            .entries(tree, |path| {
                wanted.keys().any(|wanted| wanted.as_str() == path)
            })?
            .0
    } else {
        Vec::new()
    };
    blobs.extend(others.iter().map(|entry| (&entry.path, entry.blob)));
    let mut fields = BTreeMap::new();
    for (path, wanted) in &wanted {
        let Some(blob) = blobs.get(path).copied() else {
            continue;
        };
        let key = (blob, wanted.clone());
        let facts = match cache.fields(&key) {
            Some(facts) => facts.clone(),
            None => {
                let facts = match repository.read_blob(blob, MAX_FILE_BYTES as u64) {
                    Ok(bytes) => manifest::read_fields(&bytes, wanted),
                    Err(Error::TooLarge { .. }) => {
                        manifest::oversized_fields(repository.blob_size(blob)?, wanted)
                    }
                    Err(error) => return Err(error),
                };
                cache.put_fields(key, facts.clone());
                facts
            }
        };
        fields.insert(path.clone(), facts);
    }
    Ok(fields)
}

/// Reads files that are in memory: a work tree's.
pub fn read_files(files: &BTreeMap<FilePath, Arc<[u8]>>, problems: Vec<Problem>) -> Reading {
    let parsed: Vec<(FilePath, Arc<FileFacts>)> = files
        .iter()
        .filter(|(path, bytes)| {
            path.as_str() != CONFIG_FILE && manifest::screen(path.as_str(), bytes)
        })
        .map(|(path, bytes)| (path.clone(), Arc::new(read_bytes(bytes))))
        .collect();
    let wanted: BTreeMap<FilePath, Vec<WantedField>> = manifest::wanted_fields(&parsed);
    let fields = wanted
        .into_iter()
        .filter_map(|(path, wanted)| {
            let bytes = files.get(&path)?;
            let facts = if bytes.len() > MAX_FILE_BYTES {
                manifest::oversized_fields(bytes.len() as u64, &wanted)
            } else {
                manifest::read_fields(bytes, &wanted)
            };
            Some((path, facts))
        })
        .collect();
    let config = files
        .iter()
        .find(|(path, _)| path.as_str() == CONFIG_FILE)
        .map(|(_, bytes)| bytes.to_vec());
    Reading {
        files: parsed,
        fields,
        problems,
        config,
        integrated: None,
    }
}

fn read_bytes(bytes: &[u8]) -> FileFacts {
    if bytes.len() > MAX_FILE_BYTES {
        manifest::oversized(bytes.len() as u64, Some(bytes))
    } else {
        manifest::read_file(bytes)
    }
}
