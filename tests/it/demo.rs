//! `headwater demo`, through the binary: the same words every time, and nothing left behind.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use headwater::image::Digest;
use tempfile::TempDir;

const GOLDEN: &str = "tests/cases/demo.txt";
/// What stands in the golden file for what differs from run to run, in order of appearance.
const COMMITS: [&str; 2] = ["7d0c4be", "c2f91a6"];
const TIMES: [&str; 2] = ["2026-11-21T07:41:00Z", "2026-11-20T07:41:00Z"];

/// The binary in a world of its own: a home, a cache and a folder for temporary files, and
/// settings that would break whoever read them.
struct World {
    home: TempDir,
    temporary: TempDir,
}

impl World {
    fn new() -> Self {
        let home = TempDir::new().unwrap();
        fs::create_dir(home.path().join(".docker")).unwrap();
        fs::write(home.path().join(".docker/config.json"), "{ broken").unwrap();
        fs::write(home.path().join(".gitconfig"), "[broken").unwrap();
        Self {
            home,
            temporary: TempDir::new().unwrap(),
        }
    }

    fn demo(&self, words: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_headwater"))
            .arg("demo")
            .args(words)
            .env_clear()
            .env("HOME", self.home.path())
            .env("TMPDIR", self.temporary.path())
            .env("HTTP_PROXY", "http://127.0.0.1:9")
            .env("http_proxy", "http://127.0.0.1:9")
            .env("GIT_DIR", "/nowhere/at/all")
            .current_dir(self.home.path())
            .output()
            .unwrap()
    }
}

fn stdout_of(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    assert_eq!(output.stderr, b"", "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn names_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn it_tells_the_whole_story() {
    let world = World::new();
    let text = masked(&stdout_of(&world.demo(&[])));
    snapbox::assert_data_eq!(
        text.clone(),
        snapbox::Data::read_from(
            &Path::new(env!("CARGO_MANIFEST_DIR")).join(GOLDEN),
            Some(snapbox::data::DataFormat::Text)
        )
        .raw()
    );
    assert!(text.lines().count() <= 70);
    assert!(text.lines().all(|line| line.chars().count() <= 100));
}

#[test]
fn it_leaves_nothing_behind_and_reads_nothing_of_the_user() {
    let world = World::new();
    stdout_of(&world.demo(&[]));
    assert_eq!(names_in(world.temporary.path()), Vec::<String>::new());
    assert_eq!(names_in(world.home.path()), [".docker", ".gitconfig"]);
}

#[test]
fn with_keep_the_repository_stays_and_holds_the_pin() {
    let world = World::new();
    let text = stdout_of(&world.demo(&["--keep"]));
    let kept = text.lines().last().unwrap().trim();
    assert!(
        Path::new(kept).starts_with(world.temporary.path()),
        "{kept}"
    );
    let git = |words: &[&str]| {
        let output = Command::new("git")
            .args(["-C", kept])
            .args(words)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    git(&["fsck", "--strict"]);
    assert_eq!(
        git(&["log", "--first-parent", "--format=%s", "main"]),
        "Merge headwater/default/shop.web\n\
         Merge headwater/default/first-pins\n\
         Deploy the shop\n"
    );
    let now = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("now  "))
        .unwrap();
    let digest: Digest = now.parse().unwrap();
    assert!(git(&["show", "main:apps/web.yaml"]).contains(digest.as_str()));
    assert!(git(&["show", "main:headwater/web.yaml"]).contains(digest.as_str()));
}

#[test]
fn without_a_temporary_folder_it_says_so() {
    let world = World::new();
    let missing = world.temporary.path().join("missing");
    let output = Command::new(env!("CARGO_BIN_EXE_headwater"))
        .arg("demo")
        .env("TMPDIR", &missing)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(
        stderr.starts_with("error: no temporary folder can be made"),
        "{stderr}"
    );
}

/// The text with one port, and with the commits and times of the golden file.
pub fn masked(text: &str) -> String {
    let text = with_port(text);
    let is_commit = |word: &str| {
        word.len() == COMMITS[0].len() && word.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    let is_time = |word: &str| {
        word.len() == TIMES[0].len() && word.ends_with('Z') && word.as_bytes()[10] == b'T'
    };
    // The commit's subject names the start of a digest, which is always the same.
    let text = with_words(&text, &TIMES, is_time);
    let subject = text.lines().find(|line| line.trim().starts_with("pin "));
    let digest = subject
        .and_then(|line| line.split_whitespace().find(|word| is_commit(word)))
        .unwrap()
        .to_owned();
    with_words(&text, &COMMITS, |word| is_commit(word) && word != digest)
}

fn with_port(text: &str) -> String {
    const HOST: &str = "127.0.0.1:";
    let mut parts = text.split(HOST);
    let mut masked = parts.next().unwrap().to_owned();
    for part in parts {
        masked.push_str(HOST);
        masked.push_str("5000");
        masked.push_str(part.trim_start_matches(|c: char| c.is_ascii_digit()));
    }
    masked
}

/// Each distinct word that `is_one` is replaced by the next of `names`.
fn with_words(text: &str, names: &[&str], is_one: impl Fn(&str) -> bool) -> String {
    let mut seen: Vec<&str> = Vec::new();
    for word in text.split(|c: char| c.is_whitespace() || c == '"') {
        if is_one(word) && !seen.contains(&word) {
            seen.push(word);
        }
    }
    assert_eq!(seen.len(), names.len(), "{seen:?}");
    let mut masked = text.to_owned();
    for (word, name) in seen.iter().zip(names) {
        masked = masked.replace(word, name);
    }
    masked
}
