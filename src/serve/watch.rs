//! Changes on this machine: of local Git repositories, and of the settings.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use crate::config::server::ServerConfig;
use crate::git::{Location, Repository};
use crate::serve::daemon::Shared;

/// What a folder is watched for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Meaning {
    Settings,
    Repository(String),
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
            let known = known.lock().unwrap_or_else(PoisonError::into_inner);
            for path in &event.paths {
                // Git renames a lock over what it was for: that is told by itself.
                if path.extension().is_some_and(|it| it == "lock") {
                    continue;
                }
                let found = path.ancestors().find_map(|folder| known.get(folder));
                match found {
                    Some(Meaning::Settings) => shared.reload(),
                    Some(Meaning::Repository(name)) => shared.changed(name),
                    None => {}
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
        for path in self.watched.drain(..) {
            let _ = watcher.unwatch(&path);
        }
        let mut wanted: Vec<(PathBuf, RecursiveMode, Meaning)> = Vec::new();
        // A mounted ConfigMap changes by a link beside the file: so its folder is watched.
        for folder in self.settings.iter().filter_map(|file| file.parent()) {
            let mode = RecursiveMode::NonRecursive;
            wanted.push((real(folder), mode, Meaning::Settings));
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
        let mut meanings = self.meanings.lock().unwrap_or_else(PoisonError::into_inner);
        meanings.clear();
        for (path, mode, meaning) in wanted {
            match watcher.watch(&path, mode) {
                Ok(()) => {
                    meanings.insert(path.clone(), meaning);
                    self.watched.push(path);
                }
                Err(error) => {
                    tracing::warn!(path = %path.display(), %error, "changes here are not told; intervals are");
                }
            }
        }
    }
}

/// As events name it.
fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}
