//! Passes over 50 environments that are promoted from one another.
//!
//! `cargo bench --bench promotion -- [--streams N] [--runs N] [--program PATH]`
//!
//! Debian's docker-registry serves N repositories of one tiny image; a bare Git repository has a
//! branch for each environment, each with N ImageStreams, N Deployments and N other files. Each
//! step of a promotion is a pass of its own, since what merges without a forge is a fast-forward
//! that the next pass sees; the passes are printed until one has nothing to write. The pass after
//! it is the quiet one, whose median is printed, less what a client that only asks takes.

#![allow(
    clippy::cast_precision_loss,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a benchmark may stop"
)]

#[path = "../pass/bare.rs"]
mod bare;
mod fleet;
#[allow(dead_code, reason = "shared with the bench of a pass")]
#[path = "../pass/images.rs"]
mod images;
#[path = "../pass/measure.rs"]
mod measure;
#[allow(dead_code, reason = "shared with the tests, which use all of it")]
#[path = "../../tests/it/support"]
mod support {
    pub mod registry;
    pub mod wait;
}
#[allow(dead_code, reason = "shared with the bench of a pass")]
#[path = "../pass/workload.rs"]
mod workload;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use crate::measure::{Measured, median};
use crate::support::registry::DockerRegistry;

/// More passes than a change needs to come from the first environment to the last.
const MAX_PASSES: usize = 8;

fn main() {
    let mut words = std::env::args().skip(1).filter(|word| word != "--bench");
    match words.next().as_deref() {
        Some("--bare") => bare::ask(&words.collect::<Vec<_>>()),
        first => Bench::new(first.map(str::to_owned).into_iter().chain(words)).run(),
    }
}

struct Bench {
    streams: usize,
    runs: usize,
    program: PathBuf,
    registry: DockerRegistry,
    folder: tempfile::TempDir,
    repository: PathBuf,
}

impl Bench {
    fn new(words: impl Iterator<Item = String>) -> Self {
        let (mut streams, mut runs) = (200, 5);
        let mut program: PathBuf = env!("CARGO_BIN_EXE_headwater").into();
        let words: Vec<String> = words.collect();
        for pair in words.chunks(2) {
            let [name, value] = pair else {
                panic!("{} has no value", pair[0]);
            };
            match name.as_str() {
                "--streams" => streams = value.parse().expect("a number"),
                "--runs" => runs = value.parse().expect("a number"),
                "--program" => program = value.into(),
                _ => panic!("unknown: {name}"),
            }
        }
        let folder = tempfile::tempdir().unwrap();
        Self {
            streams,
            runs,
            program,
            registry: DockerRegistry::start(),
            repository: folder.path().join("fleet.git"),
            folder,
        }
    }

    fn run(&self) {
        images::serve(&self.registry, images::Kind::Image, self.streams);
        fleet::make(&self.repository, &self.registry.host(), self.streams);
        say(&format!(
            "50 environments, {} streams in each\n",
            self.streams
        ));
        say("| what | wall ms | CPU ms | own CPU ms | peak MiB | wanted |");
        say("|---|---|---|---|---|---|");
        self.passes("first pins");
        self.quiet("nothing to do");
        fleet::change_in_dev(&self.repository, 1);
        self.passes("one commit in dev");
        let moved = workload::repository(0);
        self.registry.push_image(&moved, "latest", "moved");
        self.passes("one image moves");
        self.quiet("nothing to do, after promotions");
        fleet::configure(&self.repository, ", gates: {soak: 24h}");
        fleet::change_in_dev(&self.repository, 2);
        self.passes("one commit in dev, prods soak");
        self.quiet("nothing to do, 40 prods wait");
    }

    /// Reconciles until there is nothing to write.
    fn passes(&self, name: &str) {
        for number in 1..=MAX_PASSES {
            let before = fleet::state(&self.repository);
            let measured = self.reconcile();
            let is_over = fleet::state(&self.repository) == before;
            let what = if is_over {
                "nothing written"
            } else {
                "written"
            };
            line(
                &format!("{name}, pass {number}: {what}"),
                measured,
                None,
                "",
            );
            if is_over {
                return;
            }
        }
        panic!("{name}: no end after {MAX_PASSES} passes");
    }

    fn quiet(&self, name: &str) {
        assert!(self.is_quiet(), "{name}: the pass before is not remembered");
        let before = fleet::state(&self.repository);
        let count = self.streams.to_string();
        let words = ["--bare", &self.registry.host(), &count, "head"];
        let program = std::env::current_exe().unwrap();
        let (mut bare, mut ours) = (Vec::new(), Vec::new());
        for _ in 0..self.runs {
            bare.push(measure::run(&program, &words, self.folder.path()));
            ours.push(self.reconcile());
        }
        assert_eq!(fleet::state(&self.repository), before, "{name}");
        let (bare, ours) = (median(bare), median(ours));
        line("bare client", bare, None, "");
        let own = ours.cpu.saturating_sub(bare.cpu);
        line(name, ours, Some(own), "CPU under 100");
    }

    /// Whether the last pass left what the next one need only compare.
    fn is_quiet(&self) -> bool {
        let folder = self.folder.path().join("cache/headwater/passes");
        let files = fs::read_dir(folder).unwrap();
        let mut names = files.map(|file| file.unwrap().path());
        names.any(|name| name.extension().is_some_and(|ending| ending == "quiet"))
    }

    fn reconcile(&self) -> Measured {
        let words = ["reconcile", "-q", &self.repository.to_string_lossy()];
        measure::run(&self.program, &words, self.folder.path())
    }
}

fn line(name: &str, measured: Measured, own: Option<Duration>, wanted: &str) {
    let millis = |time: Duration| format!("{:.0}", time.as_secs_f64() * 1000.0);
    say(&format!(
        "| {name} | {} | {} | {} | {:.0} | {wanted} |",
        millis(measured.wall),
        millis(measured.cpu),
        own.map(millis).unwrap_or_default(),
        measured.peak_kib as f64 / 1024.0,
    ));
}

/// The benchmark's own output.
fn say(text: &str) {
    use std::io::Write as _;
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{text}").unwrap();
    stdout.flush().unwrap();
}
