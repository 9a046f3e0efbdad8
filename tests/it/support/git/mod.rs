//! Git repositories made by Git itself, and real servers for them.

mod http;
mod process;
mod ssh;

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

pub use http::{HttpServer, Setup};
pub use ssh::{SshAgent, SshServer};

/// A repository in a temporary folder of its own, gone when dropped.
#[derive(Debug)]
pub struct Repo {
    folder: PathBuf,
    _keep: TempDir,
}

impl Repo {
    /// With a work tree; the branch is `main`, without a commit.
    pub fn init() -> Self {
        let keep = tempfile::tempdir().unwrap();
        let folder = keep.path().join("repo");
        git(keep.path(), &["init", "-q", "-b", "main", "repo"]);
        Self {
            folder,
            _keep: keep,
        }
    }

    /// A bare clone of it, `origin` and all.
    pub fn bare_clone(&self) -> Self {
        self.clone_with(&["--bare"])
    }

    /// A clone with a work tree.
    pub fn clone(&self) -> Self {
        self.clone_with(&[])
    }

    pub fn clone_with(&self, options: &[&str]) -> Self {
        let keep = tempfile::tempdir().unwrap();
        let from = format!("file://{}", self.folder.display());
        let clone = [&["clone", "-q"], options, &[&from, "repo"]].concat();
        git(keep.path(), &clone);
        Self {
            folder: keep.path().join("repo"),
            _keep: keep,
        }
    }

    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// Writes the files, commits them all, and returns the commit's id.
    pub fn commit_files(&self, files: &[(&str, &str)], message: &str) -> String {
        for (path, content) in files {
            self.write(path, content);
        }
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", message]);
        self.rev("HEAD")
    }

    pub fn write(&self, path: &str, content: &str) {
        let path = self.folder.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    /// The id of a revision.
    pub fn rev(&self, name: &str) -> String {
        self.git(&["rev-parse", "--verify", name])
    }

    /// A file at a revision.
    pub fn show(&self, revision: &str, path: &str) -> String {
        let output = command(&self.folder)
            .args(["show", &format!("{revision}:{path}")])
            .output()
            .unwrap();
        assert!(output.status.success(), "{revision}:{path}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs Git in the repository; its output without the last line break.
    pub fn git(&self, arguments: &[&str]) -> String {
        git(&self.folder, arguments)
    }

    /// Puts a hook into a repository, as a shell script.
    pub fn hook(&self, name: &str, script: &str) {
        use std::os::unix::fs::PermissionsExt;
        let hooks = self.git(&["rev-parse", "--git-path", "hooks"]);
        let hook = self.folder.join(hooks).join(name);
        std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
        std::fs::write(&hook, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&hook, PermissionsExt::from_mode(0o755)).unwrap();
    }
}

/// Git with no configuration but the repository's, and one author and time for all.
pub fn command(folder: &Path) -> Command {
    let mut command = Command::new("git");
    command
        .current_dir(folder)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_TERMINAL_PROMPT", "0");
    for who in ["AUTHOR", "COMMITTER"] {
        command
            .env(format!("GIT_{who}_NAME"), "Ada")
            .env(format!("GIT_{who}_EMAIL"), "ada@example.com")
            .env(format!("GIT_{who}_DATE"), "1700000000 +0000");
    }
    command
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = command(folder).args(arguments).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {arguments:?}: {text}{errors}");
    text.trim_end_matches('\n').to_owned()
}
