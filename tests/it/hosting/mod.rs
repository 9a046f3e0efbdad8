//! Pull requests on a forge, through the binary: a registry, Git over http, and a test forge.

#[macro_use]
mod every;

mod action;
mod app;
mod closing;
mod commands;
mod copies;
mod creates;
mod faults;
mod gates;
mod killed;
mod kinds;
mod leftovers;
mod lost;
mod many;
mod merging;
mod opening;
mod outcome;
mod people;
mod platforms;
mod quiet;
mod saved;
mod secrets;
mod verbs;

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::lifecycle::{WEB, web};
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
        Self::on(kind, scene, git)
    }

    fn on(kind: Kind, scene: Scene, git: HttpServer) -> Self {
        let forge = TestForge::start(kind, scene.origin.path());
        let hosted = Self { scene, git, forge };
        std::fs::write(hosted.token_file(), format!("{}\n", hosted.forge.token())).unwrap();
        hosted.write_server_file("");
        hosted
    }

    /// Nothing pinned yet, and people who are to look.
    fn with_people(kind: Kind) -> Self {
        let hosted = Self::new(kind, web());
        let config = "apiVersion: headwater.dev/v1alpha1
kind: Config
spec:
  pullRequests: {labels: [images], reviewers: [ada], assignees: [ben]}
";
        hosted
            .scene
            .commit(&[("headwater.yaml", config)], "configure");
        hosted
    }

    /// The first pins merged, and a newer image there.
    fn moved() -> Self {
        Self::moved_on(Kind::Gitea)
    }

    fn moved_on(kind: Kind) -> Self {
        let hosted = Self::new(kind, web());
        hosted.reconcile().exits(0);
        hosted.merge(1);
        hosted.scene.image("acme/web", "1", "second");
        hosted
    }

    /// The same with the pull request for it open: number 2.
    fn proposed() -> Self {
        Self::proposed_on(Kind::Gitea)
    }

    fn proposed_on(kind: Kind) -> Self {
        let hosted = Self::moved_on(kind);
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

    /// The same in a process whose number stands in the file `process` before it begins.
    fn numbered(&self, arguments: &[&str]) -> Command {
        let bare = self.command(arguments);
        let mut command = Command::new("sh");
        command
            .args(["-c", "echo $$ >process; exec \"$0\" \"$@\""])
            .arg(bare.get_program())
            .args(bare.get_args())
            .current_dir(self.scene.home())
            .env_clear();
        for (name, value) in bare.get_envs() {
            command.env(name, value.unwrap_or_default());
        }
        command
    }

    fn reconcile(&self) -> Run {
        self.run(&["reconcile", &self.git.url()])
    }

    /// Makes passes, each without a failure, until one has nothing to do.
    #[track_caller]
    fn settle(&self) {
        for _ in 0..4 {
            let writes = self.forge.writes().len();
            if self.reconcile().exits(0).stdout.contains("nothing to do") {
                assert_eq!(self.forge.writes().len(), writes);
                return;
            }
        }
        panic!("it does not settle");
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

    /// A person's commit on the bot's branch.
    fn take_over(&self) -> String {
        self.scene.take(WEB);
        let mine = [("apps/notes.txt", "mine")];
        self.scene.person.commit_files(&mine, "my own work");
        self.scene.give(WEB);
        let mine = self.scene.person.rev("HEAD");
        self.scene.person.git(&["checkout", "-q", "main"]);
        mine
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
