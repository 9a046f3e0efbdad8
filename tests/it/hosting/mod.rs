//! Pull requests on a forge, through the binary: a registry, Git over http, and a test forge.

mod closing;
mod commands;
mod faults;
mod merging;
mod opening;
mod people;
mod quiet;
mod verbs;

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::lifecycle::web;
use crate::support::forge::{Kind, TestForge};
use crate::support::git::HttpServer;
use crate::support::scene::{Run, Scene};

const KINDS: [Kind; 3] = [Kind::Gitea, Kind::GitHub, Kind::GitLab];

/// A scene whose repository is on a forge.
struct Hosted {
    scene: Scene,
    git: HttpServer,
    forge: TestForge,
}

impl Hosted {
    fn new(kind: Kind, scene: Scene) -> Self {
        let git = HttpServer::start(&scene.origin);
        let forge = TestForge::start(kind, scene.origin.path());
        let hosted = Self { scene, git, forge };
        std::fs::write(hosted.token_file(), format!("{}\n", hosted.forge.token())).unwrap();
        hosted.write_server_file("");
        hosted
    }

    /// The first pins merged, and a newer image there.
    fn moved() -> Self {
        let hosted = Self::new(Kind::Gitea, web());
        hosted.reconcile().exits(0);
        hosted.merge(1);
        hosted.scene.image("acme/web", "1", "second");
        hosted
    }

    /// The same with the pull request for it open: number 2.
    fn proposed() -> Self {
        let hosted = Self::moved();
        hosted.reconcile().exits(0).says("opened pull request #2");
        hosted
    }

    fn pr(&self, arguments: &[&str]) -> Run {
        self.run(&[&["pr"], arguments, &[&self.git.url()]].concat())
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let run = self.pr(&[arguments, &["-o", "json"]].concat()).exits(0);
        serde_json::from_str(&run.stdout).unwrap()
    }

    fn requests(&self) -> usize {
        self.forge.requests().len()
    }

    /// The first pull request is open.
    fn first(kind: Kind) -> Self {
        let hosted = Self::new(kind, web());
        hosted.reconcile().exits(0).says("#1");
        hosted
    }

    fn write_server_file(&self, more: &str) {
        let root = self.git.url().replace("/acme/shop.git", "");
        let text = format!(
            "forges:\n- kind: {}\n  url: {root}\n  api: {}\n  tokenFile: {}\n  insecure: true\n{more}",
            self.forge.model().kind.name(),
            self.forge.api(),
            self.token_file().display()
        );
        std::fs::write(self.server_file(), text).unwrap();
    }

    fn token_file(&self) -> PathBuf {
        self.scene.home().join("token")
    }

    fn server_file(&self) -> PathBuf {
        self.scene.home().join("config.yaml")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.scene.command(arguments);
        command.env("HEADWATER_CONFIG", self.server_file());
        command
    }

    fn run(&self, arguments: &[&str]) -> Run {
        self.scene.ended(&self.command(arguments).output().unwrap())
    }

    fn reconcile(&self) -> Run {
        self.run(&["reconcile", &self.git.url()])
    }

    /// Passes that must write nothing, to Git and to the forge.
    #[track_caller]
    fn is_settled(&self) {
        for is_fresh in [false, true] {
            if is_fresh {
                let _ = std::fs::remove_dir_all(self.scene.home().join("cache"));
            }
            let (state, writes) = (self.scene.state(), self.forge.writes().len());
            self.reconcile().exits(0).says("nothing to do");
            assert_eq!(self.scene.state(), state);
            let new = self.forge.writes().split_off(writes);
            assert!(new.is_empty(), "{new:?}");
        }
        assert_eq!(self.forge.violations(), [""; 0]);
    }

    /// A person presses the button, and the branch goes.
    fn merge(&self, number: u64) {
        let head = self.forge.model().pull_request(number).head.clone();
        self.forge
            .model()
            .merge(number, headwater::pull_request::MergeMethod::Merge)
            .unwrap();
        self.scene
            .origin
            .git(&["update-ref", "-d", &format!("refs/heads/{head}")]);
        self.scene
            .person
            .git(&["pull", "-q", "--ff-only", "origin", "main"]);
    }

    fn title(&self, number: u64) -> String {
        self.forge.model().pull_request(number).title.clone()
    }

    fn body(&self, number: u64) -> String {
        self.forge.model().pull_request(number).body.clone()
    }

    fn is_open(&self, number: u64) -> bool {
        self.forge
            .model()
            .open_ones()
            .any(|open| open.number == number)
    }

    fn remarks(&self, number: u64) -> Vec<String> {
        let model = self.forge.model();
        let remarks = model.pull_request(number).comments.iter();
        remarks.map(|remark| remark.body.clone()).collect()
    }

    /// The numbers of those that are open.
    fn open(&self) -> Vec<u64> {
        let model = self.forge.model();
        model.open_ones().map(|open| open.number).collect()
    }
}
