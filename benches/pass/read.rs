//! Reading alone: the manifests of one commit, from Git's objects or from the cache.

use std::path::Path;
use std::time::Instant;

use headwater::git::Repository;
use headwater::reconcile::{Cache, read_tree};

/// `REPOSITORY CACHE`: prints the milliseconds that reading took, with the cache's loading and
/// saving, and the number of files that matter.
pub fn read(words: &[String]) {
    let [path, cache] = words else {
        panic!("REPOSITORY CACHE");
    };
    let start = Instant::now();
    let repository = Repository::open_local(Path::new(path)).unwrap();
    let branch = repository.default_branch().unwrap();
    let commit = repository.branch(&branch).unwrap().unwrap();
    let mut cache = Cache::load(Path::new(cache), path);
    let reading = read_tree(&repository, repository.tree_of(commit).unwrap(), &mut cache).unwrap();
    cache.save().unwrap();
    let took = start.elapsed();
    crate::say(&format!("{} files matter, {took:?}", reading.files.len()));
}
