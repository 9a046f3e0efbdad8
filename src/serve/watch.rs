//! Changes on this machine: of local Git repositories, and of the settings.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use crate::config::integrated_registry::IntegratedRegistrySettings;
use crate::config::server::ServerConfig;
use crate::git::{Location, Repository};
use crate::serve::shared::{Shared, lock};

/// What a folder is watched for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Meaning {
    /// These files in it; none: all.
    Settings(BTreeSet<OsString>),
    Repository(String),
}

impl Meaning {
    fn is_settings(&self) -> bool {
        matches!(self, Self::Settings(_))
    }
}

/// Watches until it is dropped. Where a file system gives no events, intervals do the work.
#[derive(Debug)]
pub struct Watch {
    watcher: Option<RecommendedWatcher>,
    meanings: Arc<Mutex<BTreeMap<PathBuf, Meaning>>>,
    watched: Vec<PathBuf>,
    /// The files whose change means new settings.
    settings: Vec<PathBuf>,
}

impl Watch {
    pub fn new(shared: Arc<Shared>, settings: Vec<PathBuf>) -> Self {
        let meanings: Arc<Mutex<BTreeMap<PathBuf, Meaning>>> = Arc::default();
        let known = Arc::clone(&meanings);
        let on_event = move |event: notify::Result<Event>| {
            let Ok(event) = event else { return };
            if matches!(event.kind, EventKind::Access(_)) {
                return;
            }
            let known = lock(&known);
            for path in &event.paths {
                // Git renames a lock over what it was for: that is told by itself.
                if path.extension().is_some_and(|it| it == "lock") {
                    continue;
                }
                let found = path.ancestors().find_map(|folder| known.get(folder));
                match found {
                    Some(Meaning::Settings(files)) if is_of(path, files) => shared.reload(),
                    Some(Meaning::Repository(name)) => shared.changed(name),
                    Some(Meaning::Settings(_)) | None => {}
                }
            }
        };
        let watcher = notify::recommended_watcher(on_event);
        if let Err(error) = &watcher {
            tracing::warn!(%error, "changes on disk are not told; intervals are");
        }
        Self {
            watcher: watcher.ok(),
            meanings,
            watched: Vec::new(),
            settings,
        }
    }

    /// Watches what these settings name, and nothing else.
    pub fn put(&mut self, config: &ServerConfig) {
        let Some(watcher) = &mut self.watcher else {
            return;
        };
        let mut wanted: Vec<(PathBuf, RecursiveMode, Meaning)> = Vec::new();
        // A mounted ConfigMap changes by a link beside the file: so its folder is watched.
        let mut files: BTreeMap<PathBuf, BTreeSet<OsString>> = BTreeMap::new();
        let hosts = config.registries.hosts.iter();
        let integrated = config.integrated_registry.as_ref();
        let credentials = hosts
            .filter_map(|host| host.credentials_file.as_ref())
            .chain(
                integrated
                    .into_iter()
                    .flat_map(IntegratedRegistrySettings::all)
                    .filter_map(|it| it.credentials_file.as_ref()),
            );
        for file in self.settings.iter().chain(credentials) {
            if let (Some(folder), Some(name)) = (file.parent(), file.file_name()) {
                let names = files.entry(real(folder)).or_default();
                names.insert(name.to_owned());
            }
        }
        for (folder, names) in files {
            let mode = RecursiveMode::NonRecursive;
            wanted.push((folder, mode, Meaning::Settings(names)));
        }
        if let Some(folder) = &config.pull_secrets.folder {
            let meaning = Meaning::Settings(BTreeSet::new());
            wanted.push((real(folder), RecursiveMode::Recursive, meaning));
        }
        for settings in &config.repositories {
            let Ok(Location::Local(path)) = settings.url.parse() else {
                continue;
            };
            let Ok(repository) = Repository::open_local(&path) else {
                continue;
            };
            let folder = real(repository.folder());
            let meaning = Meaning::Repository(settings.name.clone());
            wanted.push((
                folder.join("refs"),
                RecursiveMode::Recursive,
                meaning.clone(),
            ));
            // `packed-refs` and HEAD.
            wanted.push((folder, RecursiveMode::NonRecursive, meaning));
        }
        // Before the first event of any of them. The watcher waits for whoever is being told of an
        // event, so the lock is not held while it is spoken to.
        let meanings = wanted.iter();
        let meanings = meanings.map(|(path, _, meaning)| (path.clone(), meaning.clone()));
        *lock(&self.meanings) = meanings.collect();
        // Settings may change at any moment: what is watched for them stays so throughout. A
        // repository is looked at after new settings anyway, and may be another folder by now.
        let (kept, left): (Vec<_>, Vec<_>) = std::mem::take(&mut self.watched)
            .into_iter()
            .partition(|path| wanted.iter().any(|it| it.0 == *path && it.2.is_settings()));
        for path in left {
            let _ = watcher.unwatch(&path);
        }
        self.watched = kept;
        for (path, mode, _) in wanted {
            if self.watched.contains(&path) {
                continue;
            }
            match watcher.watch(&path, mode) {
                Ok(()) => self.watched.push(path),
                Err(error) => {
                    tracing::warn!(path = %path.display(), %error, "changes here are not told; intervals are");
                }
            }
        }
    }
}

/// Kubernetes swaps the content of a mounted folder by a link whose name begins with two dots.
fn is_of(path: &Path, files: &BTreeSet<OsString>) -> bool {
    let name = path.file_name().unwrap_or_default();
    files.is_empty() || files.contains(name) || name.as_encoded_bytes().starts_with(b"..")
}

/// As events name it.
fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    /// An event that is told while the settings are put in place holds up nobody.
    #[test]
    fn events_and_new_settings_do_not_wait_for_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.yaml");
        fs::write(&file, "a").unwrap();
        let shared = Arc::new(Shared::new(None));
        let mut watch = Watch::new(Arc::clone(&shared), vec![file.clone()]);
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    fs::write(&file, "b").unwrap();
                }
            });
            for _ in 0..500 {
                watch.put(&ServerConfig::default());
            }
            is_over.store(true, Ordering::Relaxed);
        });
        assert!(shared.reload.load(Ordering::Relaxed));
    }
}
