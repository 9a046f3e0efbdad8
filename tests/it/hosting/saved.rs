//! A scene to begin again from.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::hosting::Hosted;
use crate::support::forge::Model;

/// Everything that a pass reads and writes, to begin again from.
pub struct Saved {
    model: Model,
    folders: TempDir,
}

impl Saved {
    pub fn of(hosted: &Hosted) -> Self {
        let saved = Self {
            model: hosted.forge.model().clone(),
            folders: TempDir::new().unwrap(),
        };
        for (name, folder) in folders(hosted) {
            copy(&folder, &saved.folders.path().join(name));
        }
        saved
    }

    pub fn restore(&self, hosted: &Hosted) {
        *hosted.forge.model() = self.model.clone();
        for (name, folder) in folders(hosted) {
            let _ = std::fs::remove_dir_all(&folder);
            copy(&self.folders.path().join(name), &folder);
        }
    }
}

fn folders(hosted: &Hosted) -> [(&'static str, PathBuf); 2] {
    let origin = hosted.scene.origin.path().to_owned();
    [
        ("origin", origin),
        ("cache", hosted.scene.home().join("cache")),
    ]
}

fn copy(from: &Path, to: &Path) {
    if from.exists() {
        let copied = Command::new("cp").arg("-a").args([from, to]).status();
        assert!(copied.unwrap().success());
    }
}
