//! `headwater history` over a long history.
//!
//! `cargo bench --bench history -- [--commits N] [--runs N] [--program PATH]`
//!
//! A bare repository has N commits on one branch. In one case every commit moves the stream tag,
//! so that N versions of its file are read; in the other every fiftieth does. The median of the
//! runs is printed.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a benchmark may stop"
)]

#[allow(dead_code, reason = "shared with the bench of a pass")]
#[path = "../pass/measure.rs"]
mod measure;

use std::fmt::Write as _;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use headwater::image::Digest;

/// Files beside the stream's in each of two folders.
const FILES: usize = 200;
/// Images that stay in a stream's status.
const RECORDED: usize = 10;

fn main() {
    let (mut commits, mut runs) = (10_000, 3);
    let mut program: PathBuf = env!("CARGO_BIN_EXE_headwater").into();
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| word != "--bench")
        .collect();
    for pair in words.chunks(2) {
        let [name, value] = pair else {
            panic!("{} has no value", pair[0]);
        };
        match name.as_str() {
            "--commits" => commits = value.parse().expect("a number"),
            "--runs" => runs = value.parse().expect("a number"),
            "--program" => program = value.into(),
            _ => panic!("unknown: {name}"),
        }
    }
    say("| what | wall ms | CPU ms | peak MiB | wanted |");
    say("|---|---|---|---|---|");
    for (every, name) in [(1, "each commit moves the tag"), (50, "each fiftieth does")] {
        let folder = tempfile::tempdir().unwrap();
        let repository = folder.path().join("long.git");
        make(&repository, commits, every);
        let words = ["history", "shop/web:latest", &repository.to_string_lossy()];
        let measured = measure::median(
            (0..runs)
                .map(|_| measure::run(&program, &words, folder.path()))
                .collect(),
        );
        say(&format!(
            "| {commits} commits, {name} | {} | {} | {} | under 1000 |",
            measured.wall.as_millis(),
            measured.cpu.as_millis(),
            measured.peak_kib / 1024
        ));
    }
}

#[allow(clippy::print_stdout, reason = "this is what a benchmark is for")]
fn say(line: &str) {
    println!("{line}");
}

fn make(repository: &Path, commits: usize, every: usize) {
    let made = Command::new("git")
        .args(["init", "-q", "--bare", "-b", "main"])
        .arg(repository)
        .status();
    assert!(made.unwrap().success());
    let mut import = Command::new("git")
        .args(["fast-import", "--quiet"])
        .current_dir(repository)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = BufWriter::new(import.stdin.take().unwrap());
    for number in 0..commits {
        let time = 1_700_000_000 + number * 60;
        let message = format!("commit {number}");
        write!(
            stdin,
            "commit refs/heads/main\ncommitter Bench <bench@example.invalid> {time} +0000\ndata {}\n{message}\n",
            message.len()
        )
        .unwrap();
        let mut file = |path: &str, text: &str| {
            let size = text.len();
            write!(stdin, "M 100644 inline {path}\ndata {size}\n{text}\n").unwrap();
        };
        if number == 0 {
            for other in 0..FILES {
                file(&format!("streams/other-{other:03}.yaml"), "kind: Other\n");
                file(&format!("apps/other-{other:03}.yaml"), "kind: Other\n");
            }
        }
        file("apps/config.yaml", &format!("number: {number}\n"));
        if number.is_multiple_of(every) {
            file("streams/web.yaml", &stream(number / every));
        }
    }
    drop(stdin);
    assert!(import.wait().unwrap().success());
}

fn stream(newest: usize) -> String {
    let mut text = "apiVersion: image.openshift.io/v1
kind: ImageStream
metadata:
  name: web
  namespace: shop
spec:
  tags:
    - name: latest
      from:
        kind: DockerImage
        name: quay.io/acme/web:latest
      importPolicy:
        scheduled: true
status:
  tags:
    - tag: latest
      items:
"
    .to_owned();
    let oldest = newest.saturating_sub(RECORDED - 1);
    for number in (oldest..=newest).rev() {
        let digest = Digest::of(&number.to_le_bytes());
        let _ = write!(
            text,
            "        - created: 2026-01-01T00:00:00Z\n          dockerImageReference: quay.io/acme/web@{digest}\n          image: {digest}\n"
        );
    }
    text
}
