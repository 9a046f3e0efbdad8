//! A scene, and the steps of a story on it.
//!
//! | step | |
//! |---|---|
//! | `branches dev prod` | makes them, each from the one before it and its folder in `before/` |
//! | `branch prod dev~1` | makes one |
//! | `push web:1 second [made TIME]` | an image under `acme/web:1`; `now` is a time too |
//! | `at TIME`, `at now` | when people commit and merge from here on |
//! | `change BRANCH NAME "message"` | a person's commit of the files in `changes/NAME/` |
//! | `edit BRANCH FILE "text" "other"` | a person's commit of one replaced text |
//! | `rename BRANCH FILE OTHER`, `remove BRANCH FILE` | likewise |
//! | `reconcile [exits N]` | one pass |
//! | `settle [exits N]` | passes until one writes nothing |
//! | `idle` | one pass, which writes nothing |
//! | `forget` | the cache is gone |
//! | `open BRANCH…`, `open nothing` | these bot branches are open, and no other |
//! | `merge BRANCH`, `squash BRANCH`, … | as forges do; all ways are in `forge` |
//! | `merge-by-hand BRANCH into OTHER [keeping its own]`, `revert BRANCH`, `rewrite BRANCH`, `close BRANCH` | by a person |
//! | `run ARGUMENT… [exits N]` | the binary; `REPOSITORY` is the bare repository |
//! | `says TEXT`, `never says TEXT` | what ran last |
//! | `shows REVISION FILE TEXT`, `lacks REVISION FILE TEXT` | a file in the bare repository |
//! | `message REVISION TEXT` | a commit's message has that in it |
//! | `same BRANCH OTHER FILE` | byte for byte |
//!
//! `{second}`, in a step or in a file of `changes/`, is the digest of the image that was pushed
//! with that word.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use headwater::image::Platform;
use jiff::Timestamp;

use crate::support::git;
use crate::support::registry::configuration_of;
use crate::support::scene::{HOST, Run, Scene, masked};

/// Passes after which a scene must have come to rest.
const MAX_PASSES: usize = 6;
/// Stands for every time in `after/`.
const TIME: &str = "2026-01-02T03:04:05Z";

pub struct Stage {
    pub scene: Scene,
    /// Which step is taken.
    pub at: String,
    case: PathBuf,
    branches: Vec<String>,
    /// Of the images that were pushed, by their word.
    digests: BTreeMap<String, String>,
    /// When people commit.
    time: String,
    last: Option<Run>,
    /// The bot branches that were named last.
    open: Vec<String>,
    /// What a pass exits with.
    code: i32,
}

impl Stage {
    pub fn new(case: &Path) -> Self {
        let scene = Scene::new();
        let mut stage = Self {
            scene,
            at: String::new(),
            case: case.to_owned(),
            branches: Vec::new(),
            digests: BTreeMap::new(),
            time: "2026-01-01T00:00:00Z".to_owned(),
            last: None,
            open: Vec::new(),
            code: 0,
        };
        let config = case.join("headwater.yaml");
        if config.exists() {
            let config = stage.with_host(&fs::read(config).unwrap());
            fs::write(stage.scene.person.path().join("headwater.yaml"), config).unwrap();
        }
        let main = stage.main_folder("before");
        if main.is_dir() {
            stage.branches.push("main".to_owned());
            stage.overlay(&main);
        }
        stage.commit("begin");
        stage
    }

    pub fn step(&mut self, words: &[String]) {
        let words: Vec<String> = words.iter().map(|word| self.filled(word)).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["branches", names @ ..] => self.make_branches(names),
            ["branch", name, revision] => {
                self.git(&["fetch", "-q", "--prune", "origin"]);
                let revision = format!("origin/{revision}");
                self.git(&["checkout", "-q", "-B", name, &revision]);
                self.push();
                self.branches.push((*name).to_owned());
            }
            ["push", image, seed] => self.image(image, seed, TIME),
            ["push", image, seed, "made", "now"] => self.image(image, seed, &now()),
            ["push", image, seed, "made", time] => self.image(image, seed, time),
            ["at", "now"] => self.time = now(),
            ["at", time] => (*time).clone_into(&mut self.time),
            ["change", branch, name, message] => {
                self.on(branch);
                self.overlay(&self.case.join("changes").join(name));
                self.commit(message);
            }
            ["edit", branch, file, text, other] => self.edit(branch, file, text, other),
            ["rename", branch, file, other] => {
                self.on(branch);
                let target = self.scene.person.path().join(other);
                fs::create_dir_all(target.parent().unwrap()).unwrap();
                self.git(&["mv", file, other]);
                self.commit(&format!("rename {file}"));
            }
            ["remove", branch, file] => {
                self.on(branch);
                self.git(&["rm", "-q", file]);
                self.commit(&format!("remove {file}"));
            }
            ["reconcile"] => self.reconcile(0),
            ["reconcile", "exits", code] => self.reconcile(code.parse().unwrap()),
            ["settle"] => self.settle(0),
            ["settle", "exits", code] => self.settle(code.parse().unwrap()),
            ["idle"] => self.idle(),
            ["forget"] => self.forget(),
            ["open", "nothing"] => self.check_open(&[]),
            ["open", branches @ ..] => self.check_open(branches),
            ["merge-by-hand", branch, "into", other] => self.merge_by_hand(branch, other, &[]),
            [
                "merge-by-hand",
                branch,
                "into",
                other,
                "keeping",
                "its",
                "own",
            ] => {
                self.merge_by_hand(branch, other, &["-X", "ours"]);
            }
            ["revert", branch] => self.revert(branch),
            ["close", branch] => self.close(branch),
            ["rewrite", branch] => self.rewrite(branch),
            ["run", arguments @ ..] => self.run(arguments),
            ["says", text] => self.check_said(text, true),
            ["never", "says", text] => self.check_said(text, false),
            ["shows", revision, file, text] => self.check_file(revision, file, text, true),
            ["lacks", revision, file, text] => self.check_file(revision, file, text, false),
            ["message", revision, text] => {
                let message = self.scene.message(revision);
                assert!(message.contains(text), "{}\n{message}", self.at);
            }
            ["same", branch, other, file] => {
                let [one, two] = [branch, other].map(|branch| self.scene.file(branch, file));
                assert_eq!(one, two, "{}", self.at);
            }
            [way, branch] if branch.starts_with("headwater/") => self.land(way, branch),
            _ => panic!("{}\nthis is no step", self.at),
        }
    }

    /// Where the files of `main` stand: where `headwater.yaml` is one of them, it may be the whole
    /// folder.
    fn main_folder(&self, part: &str) -> PathBuf {
        match self.case.join("before/headwater.yaml").exists() {
            true => self.case.join(part),
            false => self.case.join(part).join("main"),
        }
    }

    /// Where the files of a branch stand at the end.
    pub fn after(&self, branch: &str) -> PathBuf {
        match branch {
            "main" => self.main_folder("after"),
            branch => self.case.join("after").join(branch),
        }
    }

    /// Branches whose files are compared at the end.
    pub fn branches(&self) -> Vec<String> {
        self.branches.clone()
    }

    fn make_branches(&mut self, names: &[&str]) {
        self.git(&["checkout", "-q", "--orphan", "first"]);
        self.git(&["rm", "-q", "-r", "-f", "."]);
        for name in names {
            self.git(&["checkout", "-q", "-B", name]);
            let folder = self.case.join("before").join(name);
            if folder.is_dir() || self.branches.is_empty() {
                self.overlay(&folder);
                self.commit(&format!("begin {name}"));
            } else {
                self.push();
            }
            self.branches.push((*name).to_owned());
        }
    }

    fn image(&mut self, image: &str, seed: &str, created: &str) {
        let (name, tag) = image.split_once(':').unwrap();
        let mut config = configuration_of(seed, &Platform::linux_amd64());
        config["created"] = created.into();
        let repository = match name.contains('/') {
            true => name.to_owned(),
            false => format!("acme/{name}"),
        };
        let registry = &self.scene.registry;
        let digest = registry.push_configured(&repository, tag, seed, config);
        self.digests.insert(seed.to_owned(), digest.to_string());
    }

    fn filled(&self, text: &str) -> String {
        let mut filled = text.to_owned();
        for (seed, digest) in &self.digests {
            filled = filled.replace(&format!("{{{seed}}}"), digest);
        }
        filled
    }

    fn edit(&self, branch: &str, file: &str, text: &str, other: &str) {
        self.on(branch);
        let path = self.scene.person.path().join(file);
        let before = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}\n{e}", self.at));
        let [text, other] = [text, other].map(|text| self.scene.with_host(text));
        let count = before.matches(&text).count();
        assert_eq!(count, 1, "{}\nis there {count} times in\n{before}", self.at);
        fs::write(&path, before.replace(&text, &other)).unwrap();
        self.commit(&format!("edit {file}"));
    }

    fn reconcile(&mut self, code: i32) {
        let run = self.scene.reconcile();
        assert_eq!(run.code, code, "{}\n{}{}", self.at, run.stdout, run.stderr);
        self.code = code;
        self.last = Some(run);
    }

    fn settle(&mut self, code: i32) {
        for _ in 0..MAX_PASSES {
            let before = self.scene.state();
            self.reconcile(code);
            if self.scene.state() == before {
                return;
            }
        }
        panic!("{}\ndoes not come to rest", self.at);
    }

    fn idle(&mut self) {
        let before = self.scene.state();
        self.reconcile(self.code);
        let run = self.last.as_ref().unwrap();
        assert_eq!(
            self.scene.state(),
            before,
            "{}\nwrote something:\n{}{}",
            self.at,
            run.stdout,
            run.stderr
        );
    }

    /// A further pass writes nothing, with and without a cache; and what was last said to be open
    /// is.
    pub fn rests(&mut self) {
        self.idle();
        self.forget();
        self.idle();
        assert_eq!(self.scene.bot_branches(), self.open, "{}", self.at);
    }

    fn forget(&self) {
        let _ = fs::remove_dir_all(self.scene.home().join("cache"));
    }

    fn check_open(&mut self, branches: &[&str]) {
        let mut expected: Vec<String> = branches.iter().map(|it| (*it).to_owned()).collect();
        expected.sort();
        let open = self.scene.bot_branches();
        if open != expected {
            let said = self.last.as_ref();
            let said = said.map(|run| format!("{}{}", run.stdout, run.stderr));
            let show = ["show", "--first-parent"];
            let shown = open.iter().filter(|branch| !expected.contains(branch));
            let shown: Vec<String> = shown
                .map(|branch| self.scene.origin.git(&[&show[..], &[branch]].concat()))
                .collect();
            panic!(
                "{}\nopen are {open:?}\n{}{}",
                self.at,
                said.unwrap_or_default(),
                shown.join("\n")
            );
        }
        self.open = expected;
    }

    fn run(&mut self, arguments: &[&str]) {
        let (arguments, code) = match arguments {
            [arguments @ .., "exits", code] => (arguments, code.parse().unwrap()),
            arguments => (arguments, 0),
        };
        let bare = self.scene.bare();
        let arguments: Vec<&str> = arguments
            .iter()
            .map(|word| match *word {
                "REPOSITORY" => bare.as_str(),
                word => word,
            })
            .collect();
        let run = self.scene.run(&arguments);
        assert_eq!(run.code, code, "{}\n{}{}", self.at, run.stdout, run.stderr);
        self.last = Some(run);
    }

    fn check_said(&self, text: &str, is_said: bool) {
        let run = self.last.as_ref().expect("something ran");
        let said = format!("{}{}", run.stdout, run.stderr);
        assert_eq!(said.contains(text), is_said, "{}\n{said}", self.at);
    }

    fn check_file(&self, revision: &str, file: &str, text: &str, is_there: bool) {
        let content = self.scene.file(revision, file);
        assert_eq!(content.contains(text), is_there, "{}\n{content}", self.at);
    }

    /// All files of a branch, as they stand in `after/`.
    pub fn files(&self, branch: &str) -> BTreeMap<PathBuf, Vec<u8>> {
        self.on(branch);
        let files = files_below(self.scene.person.path());
        let is_elsewhere = self.case.join("headwater.yaml").exists();
        let own = files.into_iter().filter(|(path, _)| {
            let is_config = path.as_os_str() == "headwater.yaml";
            !(path.starts_with(".git") || is_config && is_elsewhere)
        });
        own.map(|(path, content)| (path, self.shown(content)))
            .collect()
    }

    fn shown(&self, content: Vec<u8>) -> Vec<u8> {
        match String::from_utf8(content) {
            Ok(text) => {
                let text = text.replace(&self.scene.registry.host(), HOST);
                masked(&text).replace("TIME", TIME).into_bytes()
            }
            Err(error) => error.into_bytes(),
        }
    }

    fn with_host(&self, content: &[u8]) -> Vec<u8> {
        match std::str::from_utf8(content) {
            Ok(text) => self.filled(&self.scene.with_host(text)).into_bytes(),
            Err(_) => content.to_vec(),
        }
    }

    /// Puts the files of a folder where the person works.
    fn overlay(&self, folder: &Path) {
        let files = files_below(folder);
        assert!(!files.is_empty(), "{}\n{folder:?} has no file", self.at);
        for (path, content) in files {
            let path = self.scene.person.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, self.with_host(&content)).unwrap();
        }
    }

    /// Puts the person on a branch as it stands.
    pub fn on(&self, branch: &str) {
        self.git(&["fetch", "-q", "--prune", "origin"]);
        let remote = format!("origin/{branch}");
        self.git(&["checkout", "-q", "-f", "-B", branch, &remote]);
    }

    fn commit(&self, message: &str) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", message]);
        self.push();
    }

    pub fn push(&self) {
        self.git(&["push", "-q", "origin", "HEAD"]);
    }

    /// Git as the person, at the story's time.
    pub fn git(&self, arguments: &[&str]) -> String {
        let output = git::command(self.scene.person.path())
            .env("GIT_AUTHOR_DATE", &self.time)
            .env("GIT_COMMITTER_DATE", &self.time)
            .args(arguments)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "{}\ngit {arguments:?}: {text}{errors}",
            self.at
        );
        text.trim_end_matches('\n').to_owned()
    }
}

fn now() -> String {
    let now = Timestamp::from_second(Timestamp::now().as_second()).unwrap();
    now.to_string()
}

/// Every file below a folder, by its path in it; none where there is no folder.
pub fn files_below(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let content = fs::read(&path).unwrap();
                files.insert(path.strip_prefix(folder).unwrap().to_owned(), content);
            }
        }
    }
    files
}
