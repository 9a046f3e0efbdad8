//! A registry, a Git repository over http and a forge, and runs of headwater over them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::gitea::Gitea;
use crate::images::{self, Kind};
use crate::measure::{self, Measured};
use crate::support::git::{HttpServer, Repo};
use crate::support::registry::DockerRegistry;
use crate::tap::{Exchange, Tap, busy};
use crate::workload::{self, Size, repository};

/// Everything is asked through taps, so that a run's time can be told apart.
pub struct Site {
    registry: DockerRegistry,
    to_registry: Tap,
    origin: Repo,
    _git: HttpServer,
    to_git: Tap,
    pub forge: Gitea,
    to_forge: Tap,
    folder: tempfile::TempDir,
    program: PathBuf,
}

/// One run.
#[derive(Clone, Debug)]
pub struct Run {
    pub measured: Measured,
    pub registry: Vec<Exchange>,
    /// Until the registry was asked.
    pub fetch: Vec<Exchange>,
    pub push: Vec<Exchange>,
    pub forge: Vec<Exchange>,
}

impl Run {
    /// What is left of the wall time when nobody is waited for.
    pub fn rest(&self) -> Duration {
        let all = [&self.registry, &self.fetch, &self.push, &self.forge];
        let waited: Vec<Exchange> = all.into_iter().flatten().cloned().collect();
        self.measured.wall.saturating_sub(busy(&waited))
    }

    pub fn writes(&self) -> usize {
        let is_read = |one: &&Exchange| one.line.starts_with("GET ");
        self.forge.len() - self.forge.iter().filter(is_read).count()
    }

    /// Requests to the registry that only texts are made of: by digest, for a configuration, a
    /// signature or a referrer.
    pub fn facts(&self) -> usize {
        let is_of_facts = |one: &&Exchange| {
            [
                "/manifests/sha256:",
                "/manifests/sha256-",
                "/blobs/",
                "/referrers/",
            ]
            .iter()
            .any(|part| one.line.contains(part))
        };
        self.registry.iter().filter(is_of_facts).count()
    }
}

impl Site {
    /// As many streams, workloads and other files; nothing is pinned. `config` is headwater.yaml.
    pub fn new(program: &Path, streams: usize, config: &str) -> Self {
        let registry = DockerRegistry::start();
        images::serve(&registry, Kind::Image, streams);
        let to_registry = Tap::start(registry.host());
        let size = Size {
            streams,
            others: streams,
        };
        let mut files: Vec<_> = workload::files(&to_registry.host(), size).collect();
        files.push(("headwater.yaml".to_owned(), config.to_owned()));
        let files: Vec<_> = files
            .iter()
            .map(|(a, b)| (a.as_str(), b.as_str()))
            .collect();
        let seed = Repo::init();
        seed.commit_files(&files, "workload");
        let origin = seed.bare_clone();
        let git = HttpServer::start(&origin);
        let forge = Gitea::start(origin.path());
        let site = Self {
            registry,
            to_registry,
            to_git: Tap::start(format!("127.0.0.1:{}", git.port())),
            _git: git,
            to_forge: Tap::start(forge.host()),
            forge,
            origin,
            folder: tempfile::tempdir().unwrap(),
            program: program.to_owned(),
        };
        site.write_settings();
        site
    }

    fn write_settings(&self) {
        let token = self.folder.path().join("token");
        std::fs::write(&token, "t0ken\n").unwrap();
        let settings = format!(
            "forges:\n- kind: gitea\n  url: http://{}\n  api: {}\n  tokenFile: {}\n  insecure: true\n",
            self.to_git.host(),
            Gitea::api(&self.to_forge.host()),
            token.display()
        );
        std::fs::write(self.folder.path().join("settings.yaml"), settings).unwrap();
    }

    /// Puts a new image under the tag of the stream with this number.
    pub fn move_tag(&self, number: usize, seed: &str) {
        self.registry
            .push_image(&repository(number), "latest", seed);
    }

    /// One pass of the binary.
    pub fn reconcile(&self) -> Run {
        for tap in [&self.to_registry, &self.to_git, &self.to_forge] {
            tap.take();
        }
        let url = format!("http://{}/acme/shop.git", self.to_git.host());
        let words = ["reconcile", "-q", "--config", "settings.yaml", &url];
        let measured = measure::run(&self.program, &words, self.folder.path());
        assert_eq!(self.forge.unknown(), [""; 0]);
        let is_push = |one: &Exchange| one.line.contains("git-receive-pack");
        let git = self.to_git.take();
        // A branch that was pushed is read back.
        let first_push = git.iter().position(is_push).unwrap_or(git.len());
        let (fetch, push) = git.split_at(first_push);
        Run {
            measured,
            registry: self.to_registry.take(),
            fetch: fetch.to_vec(),
            push: push.to_vec(),
            forge: self.to_forge.take(),
        }
    }

    /// Merges what is open, by fast-forward.
    pub fn merge(&self) {
        assert!(
            workload::merge_all(self.origin.path()) > 0,
            "nothing was proposed"
        );
        self.forge.end_all();
    }

    pub fn delete_cache(&self) {
        let _ = std::fs::remove_dir_all(self.folder.path().join("cache"));
    }

    /// Everything is pinned, and a pass has seen so.
    pub fn settle(&self) {
        self.reconcile();
        self.merge();
        self.reconcile();
        let quiet = self.reconcile();
        assert_eq!(quiet.writes(), 0, "it does not settle");
    }
}
