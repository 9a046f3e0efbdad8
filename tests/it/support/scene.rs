//! A registry, a bare Git repository, a person's clone of it, and the binary in a home of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use headwater::image::Digest;
use tempfile::TempDir;

use crate::support::git::Repo;
use crate::support::registry::DockerRegistry;

/// Stands for the registry's host and port in every file that a scene writes or shows.
pub const HOST: &str = "registry.example:5000";

/// Everything of one test; nothing is shared with another.
pub struct Scene {
    pub registry: DockerRegistry,
    /// What headwater reads and writes.
    pub origin: Repo,
    /// Where a person edits, on `main`.
    pub person: Repo,
    pub home: TempDir,
}

/// What a run of the binary left.
#[derive(Debug)]
pub struct Run {
    pub code: i32,
    /// With [`HOST`] for the registry, as is `stderr`.
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    /// Fails unless the exit code is `code`.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(
            self.code, code,
            "stdout:\n{}\nstderr:\n{}",
            self.stdout, self.stderr
        );
        self
    }

    /// Fails unless stdout and stderr, in this order, hold `text`.
    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        assert!(
            self.all().contains(text),
            "{text:?} is not said\nstdout:\n{}\nstderr:\n{}",
            self.stdout,
            self.stderr
        );
        self
    }

    #[track_caller]
    pub fn never_says(self, text: &str) -> Self {
        assert!(
            !self.all().contains(text),
            "{text:?} is said\nstdout:\n{}\nstderr:\n{}",
            self.stdout,
            self.stderr
        );
        self
    }

    fn all(&self) -> String {
        format!("{}\n{}", self.stdout, self.stderr)
    }
}

impl Scene {
    /// With an empty commit on `main`.
    pub fn new() -> Self {
        Self::with_registry(DockerRegistry::start())
    }

    pub fn with_registry(registry: DockerRegistry) -> Self {
        let seed = Repo::init();
        seed.commit_files(&[], "begin");
        let origin = seed.bare_clone();
        let person = origin.clone();
        Self {
            registry,
            origin,
            person,
            home: TempDir::new().unwrap(),
        }
    }

    /// With files on `main`.
    pub fn of(files: &[(&str, &str)]) -> Self {
        let scene = Self::new();
        scene.commit(files, "add manifests");
        scene
    }

    /// Pushes an image of its own for each seed under a tag.
    pub fn image(&self, repository: &str, tag: &str, seed: &str) -> Digest {
        self.registry.push_image(repository, tag, seed)
    }

    /// A person's commit on the branch that is checked out, pushed; its id.
    pub fn commit(&self, files: &[(&str, &str)], message: &str) -> String {
        let files: Vec<_> = files
            .iter()
            .map(|(path, content)| (*path, self.with_host(content)))
            .collect();
        let files: Vec<_> = files
            .iter()
            .map(|(path, content)| (*path, content.as_str()))
            .collect();
        let commit = self.person.commit_files(&files, message);
        self.push();
        commit
    }

    /// A person's edit of one file on the branch that is checked out, pushed.
    pub fn edit(&self, path: &str, edit: impl FnOnce(&str) -> String) -> String {
        let before = std::fs::read_to_string(self.person.path().join(path)).unwrap();
        let after = edit(&before.replace(&self.registry.host(), HOST));
        self.commit(&[(path, &after)], &format!("edit {path}"))
    }

    pub fn push(&self) {
        self.person.git(&["push", "-q", "origin", "HEAD"]);
    }

    /// Checks a bot branch out for a person, as `mine`.
    pub fn take(&self, branch: &str) {
        self.person.git(&["fetch", "-q", "origin"]);
        let remote = format!("origin/{branch}");
        self.person.git(&["checkout", "-q", "-B", "mine", &remote]);
    }

    /// Puts what the person has checked out in the place of a bot branch.
    pub fn give(&self, branch: &str) {
        let place = format!("HEAD:refs/heads/{branch}");
        self.person.git(&["push", "-q", "-f", "origin", &place]);
    }

    /// Merges a bot branch as a forge's button does, with a commit of two parents.
    pub fn merge(&self, branch: &str) -> String {
        self.person.git(&["fetch", "-q", "--prune", "origin"]);
        let remote = format!("origin/{branch}");
        self.person
            .git(&["merge", "-q", "--no-ff", "--no-edit", &remote]);
        self.push();
        self.person.rev("HEAD")
    }

    /// Merges a bot branch by squashing it.
    pub fn squash(&self, branch: &str) -> String {
        self.person.git(&["fetch", "-q", "--prune", "origin"]);
        self.person
            .git(&["merge", "-q", "--squash", &format!("origin/{branch}")]);
        self.person.git(&["commit", "-q", "-m", "squashed"]);
        self.push();
        self.person.rev("HEAD")
    }

    pub fn revert(&self, commit: &str, options: &[&str]) -> String {
        let arguments = [&["revert", "--no-edit"], options, &[commit]].concat();
        self.person.git(&arguments);
        self.push();
        self.person.rev("HEAD")
    }

    /// The binary, in a home of its own and without anything inherited.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_headwater"));
        let path = std::env::var_os("PATH").unwrap_or_default();
        command
            .args(arguments)
            .current_dir(self.home.path())
            .env_clear()
            .env("PATH", path)
            .env("HOME", self.home.path())
            .env("XDG_CACHE_HOME", self.cache())
            .env("NO_COLOR", "1");
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Run {
        self.ended(&self.command(arguments).output().unwrap())
    }

    /// What a run said, with [`HOST`] for the registry.
    pub fn ended(&self, output: &Output) -> Run {
        let text =
            |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(&self.registry.host(), HOST);
        Run {
            code: output.status.code().unwrap_or(-1),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }

    /// One pass over the bare repository.
    pub fn reconcile(&self) -> Run {
        self.run(&["reconcile", &self.bare()])
    }

    /// One pass that must succeed, and a second one that must write nothing.
    #[track_caller]
    pub fn settle(&self) -> Run {
        let run = self.reconcile().exits(0);
        self.is_settled();
        run
    }

    /// Runs again, with and without its cache: nothing may be written.
    #[track_caller]
    pub fn is_settled(&self) {
        let before = self.state();
        self.reconcile().exits(0).says("nothing to do");
        assert_eq!(self.state(), before, "a second pass wrote something");
        let _ = std::fs::remove_dir_all(self.cache());
        self.reconcile().exits(0).says("nothing to do");
        assert_eq!(
            self.state(),
            before,
            "a pass without its cache wrote something"
        );
    }

    /// Refs and objects of the bare repository.
    pub fn state(&self) -> String {
        let refs = self.origin.git(&["for-each-ref"]);
        let objects = self.origin.git(&["count-objects", "-v"]);
        format!("{refs}\n{objects}")
    }

    pub fn bare(&self) -> String {
        self.origin.path().display().to_string()
    }

    pub fn home(&self) -> &Path {
        self.home.path()
    }

    fn cache(&self) -> PathBuf {
        self.home.path().join("cache")
    }

    /// The bot's branches in the bare repository, in order.
    pub fn bot_branches(&self) -> Vec<String> {
        let format = "--format=%(refname:short)";
        let text = self
            .origin
            .git(&["for-each-ref", format, "refs/heads/headwater/"]);
        text.lines().map(str::to_owned).collect()
    }

    /// The one bot branch that there is.
    #[track_caller]
    pub fn bot_branch(&self) -> String {
        let branches = self.bot_branches();
        assert_eq!(branches.len(), 1, "{branches:?}");
        branches[0].clone()
    }

    /// A file at a revision of the bare repository, with [`HOST`] for the registry and `TIME` for
    /// the times of a status.
    pub fn file(&self, revision: &str, path: &str) -> String {
        masked(
            &self
                .origin
                .show(revision, path)
                .replace(&self.registry.host(), HOST),
        )
    }

    /// Which files a branch changes against `main`.
    pub fn changed(&self, branch: &str) -> Vec<String> {
        let range = format!("main...{branch}");
        let text = self.origin.git(&["diff", "--name-only", &range]);
        text.lines().map(str::to_owned).collect()
    }

    /// The message of a revision of the bare repository.
    pub fn message(&self, revision: &str) -> String {
        let text = self.origin.git(&["log", "-1", "--format=%B", revision]);
        text.replace(&self.registry.host(), HOST)
    }

    pub fn with_host(&self, text: &str) -> String {
        text.replace(HOST, &self.registry.host())
    }
}

/// `TIME` for every RFC 3339 time behind `created`.
pub fn masked(text: &str) -> String {
    let mut masked = String::new();
    for line in text.split_inclusive('\n') {
        let at = line
            .find("created")
            .and_then(|key| Some(key + line.get(key..)?.find("20")?));
        let end = at.and_then(|at| Some(at + line.get(at..)?.find('Z')? + 1));
        match (at, end) {
            (Some(at), Some(end)) if end - at == "2026-01-02T03:04:05Z".len() => {
                masked.push_str(&line[..at]);
                masked.push_str("TIME");
                masked.push_str(&line[end..]);
            }
            _ => masked.push_str(line),
        }
    }
    masked
}

/// An ImageStream whose one tag follows `HOST/acme/<name>:<tag>`.
pub fn stream(namespace: &str, name: &str, tag: &str) -> String {
    format!(
        "apiVersion: image.openshift.io/v1
kind: ImageStream
metadata:
  name: {name}
  namespace: {namespace}
spec:
  tags:
    - name: \"{tag}\"
      from:
        kind: DockerImage
        name: {HOST}/acme/{name}:{tag}
      importPolicy:
        scheduled: true
"
    )
}

/// A Deployment whose one container follows the stream tag of the same name by a marker.
pub fn deployment(namespace: &str, name: &str, tag: &str) -> String {
    format!(
        "apiVersion: apps/v1
kind: Deployment
metadata:
  name: {name}
  namespace: {namespace}
spec:
  template:
    spec:
      containers:
        - name: {name}
          image: {HOST}/acme/{name}:{tag} # {{\"$imagestream\": \"{namespace}/{name}:{tag}\"}}
"
    )
}
