//! A whole pass, against a bare client that only asks.
//!
//! `cargo bench --bench pass -- [--streams N] [--files N] [--runs N] [--program PATH]`
//!
//! `--program` measures another binary, such as an earlier release, against the same baseline.
//!
//! Debian's docker-registry serves N repositories of one tiny image; a bare Git repository holds
//! N ImageStreams, N Deployments and N other files. The baseline and headwater run in turn, each
//! in a process of its own; the median of the runs is printed, and the requests that the
//! registry's log counts for one run.

#![allow(
    clippy::cast_possible_truncation,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a benchmark may stop"
)]

mod bare;
mod images;
mod measure;
mod read;
#[allow(dead_code, reason = "shared with the tests, which use all of it")]
#[path = "../../tests/it/support"]
mod support {
    pub mod registry;
    pub mod wait;
}
mod workload;

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::images::Kind;
use crate::measure::{Measured, median};
use crate::support::registry::DockerRegistry;
use crate::workload::Size;

fn main() {
    let mut words = std::env::args().skip(1).filter(|word| word != "--bench");
    match words.next().as_deref() {
        Some("--bare") => bare::ask(&words.collect::<Vec<_>>()),
        Some("--read") => read::read(&words.collect::<Vec<_>>()),
        first => bench(&Settings::read(
            first.map(str::to_owned).into_iter().chain(words),
        )),
    }
}

struct Settings {
    streams: usize,
    files: usize,
    runs: usize,
    program: PathBuf,
}

impl Settings {
    fn read(words: impl Iterator<Item = String>) -> Self {
        let mut settings = Self {
            streams: 1_000,
            files: 50_000,
            runs: 3,
            program: env!("CARGO_BIN_EXE_headwater").into(),
        };
        let words: Vec<String> = words.collect();
        for pair in words.chunks(2) {
            let [name, value] = pair else {
                panic!("{} has no value", pair[0]);
            };
            let number = || value.parse().expect("a number");
            match name.as_str() {
                "--streams" => settings.streams = number(),
                "--files" => settings.files = number(),
                "--runs" => settings.runs = number(),
                "--program" => settings.program = value.into(),
                _ => panic!("unknown: {name}"),
            }
        }
        settings
    }
}

fn bench(settings: &Settings) {
    say(&format!(
        "{} streams, {} runs, medians\n",
        settings.streams, settings.runs
    ));
    say("| what | wall ms | CPU ms | own CPU ms | peak MiB | HEAD | GET | to bare | wanted |");
    say("|---|---|---|---|---|---|---|---|---|");
    first_pass(settings, Kind::Image);
    first_pass(settings, Kind::Index);
    nothing_changed(settings);
    reading(settings);
}

/// Everything is new: each tag is asked, each manifest read and hashed, everything is pinned.
fn first_pass(settings: &Settings, kind: Kind) {
    let bench = Bench::new(settings, kind);
    let (asks, name) = match kind {
        Kind::Image => ("pin", "first pass"),
        Kind::Index => ("index", "first pass, indexes"),
    };
    let mut bare = Vec::new();
    let mut fewer = Vec::new();
    let mut ours = Vec::new();
    for _ in 0..settings.runs {
        bare.push(bench.bare(asks));
        // What is new needs no HEAD: we ask less, and are held against that too.
        fewer.push(bench.bare(&format!("{asks}-new")));
        let repository = workload::copy_of(&bench.repository, "first.git");
        bench.delete_cache();
        ours.push(bench.reconcile(&repository));
        assert!(workload::merge_all(&repository) > 0, "nothing was proposed");
    }
    table(name, &bare, &ours, "under 1.5");
    line("bare client, only what we ask", &fewer, None, "");
    line(&format!("{name}, to that"), &ours, Some(&fewer), "");
}

/// The pins are merged and no tag has moved.
fn nothing_changed(settings: &Settings) {
    let bench = Bench::new(settings, Kind::Image);
    let repository = workload::copy_of(&bench.repository, "quiet.git");
    bench.delete_cache();
    bench.reconcile(&repository);
    workload::merge_all(&repository);
    bench.reconcile(&repository);
    for (name, keeps_cache, wanted) in [
        (
            "nothing changed",
            true,
            "under 1.2; own CPU under 30; one HEAD a tag, no object",
        ),
        ("nothing changed, no cache", false, ""),
    ] {
        let mut bare = Vec::new();
        let mut ours = Vec::new();
        let before = workload::objects(&repository);
        for _ in 0..settings.runs {
            bare.push(bench.bare("head"));
            if !keeps_cache {
                bench.delete_cache();
            }
            ours.push(bench.reconcile(&repository));
        }
        assert_eq!(
            workload::objects(&repository),
            before,
            "objects were written"
        );
        table(name, &bare, &ours, wanted);
    }
}

/// Many files of which few matter, with no registry.
fn reading(settings: &Settings) {
    const MATTER: usize = 1_000;
    let folder = tempfile::tempdir().unwrap();
    let repository = folder.path().join("large.git");
    let size = Size {
        streams: MATTER / 2,
        others: settings.files.saturating_sub(MATTER),
    };
    workload::bare_repository(&repository, "registry.example:5000", size);
    let cache = folder.path().join("read-cache");
    let read = || {
        let words = [
            "--read",
            &repository.to_string_lossy(),
            &cache.to_string_lossy(),
        ];
        let program = std::env::current_exe().unwrap();
        Run::without_requests(measure::run(&program, &words, folder.path()))
    };
    let mut first = Vec::new();
    for _ in 0..settings.runs {
        let _ = std::fs::remove_dir_all(&cache);
        first.push(read());
    }
    let mut next = Vec::new();
    for _ in 0..settings.runs {
        workload::change_one_file(&repository);
        next.push(read());
    }
    let name = format!("read {} files", settings.files);
    line(&name, &first, None, "under 2000, 128 MiB");
    line("read after a commit", &next, None, "under 50");
}

/// A registry, a repository that follows it, and a folder for caches.
struct Bench {
    registry: DockerRegistry,
    folder: tempfile::TempDir,
    repository: PathBuf,
    streams: usize,
    program: PathBuf,
}

/// One run, and what the registry was asked in it.
#[derive(Clone, Copy)]
struct Run {
    measured: Measured,
    heads: usize,
    gets: usize,
}

impl Run {
    fn without_requests(measured: Measured) -> Self {
        Self {
            measured,
            heads: 0,
            gets: 0,
        }
    }
}

impl Bench {
    fn new(settings: &Settings, kind: Kind) -> Self {
        let registry = DockerRegistry::start();
        images::serve(&registry, kind, settings.streams);
        let folder = tempfile::tempdir().unwrap();
        let repository = folder.path().join("origin.git");
        let size = Size {
            streams: settings.streams,
            others: settings.streams,
        };
        workload::bare_repository(&repository, &registry.host(), size);
        Self {
            registry,
            folder,
            repository,
            streams: settings.streams,
            program: settings.program.clone(),
        }
    }

    fn bare(&self, what: &str) -> Run {
        let count = self.streams.to_string();
        let words = ["--bare", &self.registry.host(), &count, what];
        self.run(&std::env::current_exe().unwrap(), &words)
    }

    fn reconcile(&self, repository: &Path) -> Run {
        let words = ["reconcile", "-q", &repository.to_string_lossy()];
        self.run(&self.program, &words)
    }

    fn delete_cache(&self) {
        let _ = std::fs::remove_dir_all(self.folder.path().join("cache"));
    }

    fn run(&self, program: &Path, words: &[&str]) -> Run {
        let before = self.registry.log().len();
        let measured = measure::run(program, words, self.folder.path());
        let log = self.settled_log(before);
        let count = |method: &str| {
            log.iter()
                .filter(|request| request.method == method)
                .count()
        };
        Run {
            measured,
            heads: count("HEAD"),
            gets: count("GET"),
        }
    }

    /// What was asked since; a request's line comes a moment after its answer.
    fn settled_log(&self, before: usize) -> Vec<support::registry::LoggedRequest> {
        let mut last = 0;
        support::wait::until("the registry's log to settle", || {
            let mut log = self.registry.log();
            let is_settled = log.len() == last && log.len() >= before + self.streams;
            last = log.len();
            is_settled.then(|| log.split_off(before))
        })
    }
}

fn table(name: &str, bare: &[Run], ours: &[Run], wanted: &str) {
    line("bare client", bare, None, "");
    line(name, ours, Some(bare), wanted);
}

fn line(name: &str, runs: &[Run], bare: Option<&[Run]>, wanted: &str) {
    let middle = |runs: &[Run]| median(runs.iter().map(|run| run.measured).collect());
    let measured = middle(runs);
    let own = bare.map(|bare| measured.cpu.saturating_sub(middle(bare).cpu));
    let ratio = bare.map(|bare| measured.wall.as_secs_f64() / middle(bare).wall.as_secs_f64());
    let last = runs[runs.len() - 1];
    let millis = |time: Duration| format!("{:.1}", time.as_secs_f64() * 1000.0);
    say(&format!(
        "| {name} | {} | {} | {} | {:.1} | {} | {} | {} | {wanted} |",
        millis(measured.wall),
        millis(measured.cpu),
        own.map(millis).unwrap_or_default(),
        measured.peak_kib as f64 / 1024.0,
        last.heads,
        last.gets,
        ratio.map(|ratio| format!("{ratio:.2}")).unwrap_or_default(),
    ));
}

/// The benchmark's own output.
pub fn say(text: &str) {
    use std::io::Write as _;
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{text}").unwrap();
    stdout.flush().unwrap();
}
