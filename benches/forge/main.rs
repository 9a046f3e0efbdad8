//! Passes with a forge: from a moved tag to an open pull request, with nothing to do, with many
//! that are closed, and what the texts' facts cost.
//!
//! `cargo bench --bench forge -- [--streams N] [--open N] [--closed N] [--runs N]
//! [--program PATH]`, another binary to measure.
//!
//! Debian's docker-registry, `git http-backend` behind nginx and a small Gitea, all on the
//! loopback interface. Each is asked through a relay that notes how long it was waited for; what
//! is left of the wall time is headwater's own, and the start of the process.

#![allow(
    clippy::cast_precision_loss,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a benchmark may stop"
)]

mod gitea;
#[allow(dead_code, reason = "shared with another benchmark")]
#[path = "../pass/images.rs"]
mod images;
#[allow(dead_code, reason = "shared with another benchmark")]
#[path = "../pass/measure.rs"]
mod measure;
mod site;
#[allow(
    dead_code,
    unused_imports,
    reason = "shared with the tests, which use all of it"
)]
#[path = "../../tests/it/support"]
mod support {
    pub mod git;
    pub mod registry;
    pub mod scripted;
    pub mod wait;
}
mod tap;
#[allow(dead_code, reason = "shared with another benchmark")]
#[path = "../pass/workload.rs"]
mod workload;

use std::path::PathBuf;
use std::time::Duration;

use crate::site::{Run, Site};
use crate::tap::{Exchange, busy};

struct Settings {
    streams: usize,
    open: usize,
    closed: usize,
    runs: usize,
    program: PathBuf,
}

impl Settings {
    fn read(words: impl Iterator<Item = String>) -> Self {
        let mut settings = Self {
            streams: 1_000,
            open: 100,
            closed: 5_000,
            runs: 5,
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
                "--open" => settings.open = number(),
                "--closed" => settings.closed = number(),
                "--runs" => settings.runs = number(),
                "--program" => settings.program = value.into(),
                _ => panic!("unknown: {name}"),
            }
        }
        settings
    }
}

fn main() {
    let words = std::env::args().skip(1).filter(|word| word != "--bench");
    let settings = Settings::read(words);
    say(&format!(
        "{} runs, medians with the least and the most; ms, and requests in brackets\n",
        settings.runs
    ));
    say(
        "| what | wall | CPU | peak MiB | Git: fetch | registry | of it facts | Git: push | forge | writes | rest | wanted |",
    );
    say("|---|---|---|---|---|---|---|---|---|---|---|---|");
    for streams in [1, settings.streams] {
        moved_tag(&settings, streams);
    }
    nothing_to_do(&settings);
    many_closed(&settings);
    facts(&settings);
}

/// From a moved tag to an open pull request.
fn moved_tag(settings: &Settings, streams: usize) {
    let site = Site::new(&settings.program, streams, "");
    site.settle();
    let quiet: Vec<Run> = (0..settings.runs).map(|_| site.reconcile()).collect();
    line(&format!("nothing to do, {streams} streams"), &quiet, "");
    let mut runs = Vec::new();
    for number in 0..settings.runs {
        site.move_tag(0, &format!("move {number}"));
        let run = site.reconcile();
        assert_eq!(site.forge.open(), 1);
        runs.push(run);
        site.merge();
        site.reconcile();
    }
    line(
        &format!("moved tag, {streams} streams"),
        &runs,
        "under 1000 ms",
    );
}

/// Many are open, and no tag has moved.
fn nothing_to_do(settings: &Settings) {
    let site = Site::new(&settings.program, settings.open, &most_open(settings.open));
    site.settle();
    for number in 0..settings.open {
        site.move_tag(number, &format!("second {number}"));
    }
    let opening = site.reconcile();
    assert_eq!(site.forge.open(), settings.open);
    line(&format!("{} opened", settings.open), &[opening], "");
    site.reconcile();
    for (is_fresh, name) in [(false, "cache warm"), (true, "no cache")] {
        let runs: Vec<Run> = (0..settings.runs)
            .map(|_| {
                if is_fresh {
                    site.delete_cache();
                }
                site.reconcile()
            })
            .collect();
        let name = format!("{} open, {name}", settings.open);
        line(&name, &runs, "one listing request a page, no write");
    }
}

/// With more and more closed ones, nothing to do and one new proposal.
fn many_closed(settings: &Settings) {
    let site = Site::new(&settings.program, 1, "");
    site.settle();
    let few = settings.closed / 5;
    type Branch = fn(usize) -> String;
    let others: Branch = |number| format!("feature/{number}");
    let bots: Branch = |number| format!("headwater/default/old-{number}");
    let steps = [
        ("0 closed".to_owned(), 0, others),
        (format!("{few} closed, of others"), few, others),
        (
            format!("{} closed, of others", settings.closed),
            settings.closed - few,
            others,
        ),
        (
            format!("{0} more closed, of the bot", settings.closed),
            settings.closed,
            bots,
        ),
    ];
    let mut seed = 0;
    for (name, more, branch) in steps {
        site.forge.add_closed(more, branch);
        site.reconcile();
        let quiet: Vec<Run> = (0..settings.runs).map(|_| site.reconcile()).collect();
        line(&format!("{name}, nothing to do"), &quiet, "no growth");
        let moved: Vec<Run> = (0..settings.runs)
            .map(|_| {
                seed += 1;
                site.move_tag(0, &format!("closed {seed}"));
                let run = site.reconcile();
                assert_eq!(site.forge.open(), 1);
                site.merge();
                site.reconcile();
                run
            })
            .collect();
        line(&format!("{name}, one moved"), &moved, "no growth");
    }
}

/// Everything is new; then ten tags have moved.
fn facts(settings: &Settings) {
    const MOVES: usize = 10;
    let site = Site::new(&settings.program, settings.streams, &most_open(MOVES));
    let first: Vec<Run> = (0..settings.runs)
        .map(|_| {
            site.delete_cache();
            site.reconcile()
        })
        .collect();
    // The branch is there from the second run on.
    line(
        &format!("first pass, {} streams", settings.streams),
        &first[..1],
        "",
    );
    if first.len() > 1 {
        line("first pass again, no cache", &first[1..], "");
    }
    site.merge();
    site.reconcile();
    let moved: Vec<Run> = (0..settings.runs)
        .map(|run| {
            for number in 0..MOVES {
                site.move_tag(number, &format!("move {run} {number}"));
            }
            let run = site.reconcile();
            assert_eq!(site.forge.open(), MOVES);
            merge_each(&site);
            run
        })
        .collect();
    line(
        &format!("{MOVES} moved of {}", settings.streams),
        &moved,
        "",
    );
}

/// Branches of ten pull requests: the next pass needs them merged one onto another, which a
/// fast-forward is not.
fn merge_each(site: &Site) {
    while site.forge.open() > 0 {
        site.merge();
        site.reconcile();
    }
}

fn most_open(count: usize) -> String {
    format!(
        "apiVersion: headwater.dev/v1alpha1\nkind: Config\nspec:\n  pullRequests: {{maxOpen: {count}}}\n"
    )
}

fn line(name: &str, runs: &[Run], wanted: &str) {
    let time = |of: &dyn Fn(&Run) -> Duration| {
        let mut times: Vec<Duration> = runs.iter().map(of).collect();
        times.sort();
        times[times.len() / 2]
    };
    let waited = |of: &dyn Fn(&Run) -> &Vec<Exchange>| {
        let last = of(&runs[runs.len() - 1]).len();
        format!("{} ({last})", millis(time(&|run| busy(of(run)))))
    };
    let wall = |run: &Run| run.measured.wall;
    let (least, most) = (runs.iter().map(wall).min(), runs.iter().map(wall).max());
    let peak = runs.iter().map(|run| run.measured.peak_kib).max().unwrap();
    let last = &runs[runs.len() - 1];
    say(&format!(
        "| {name} | {} ({}–{}) | {} | {:.1} | {} | {} | {} | {} | {} | {} | {} | {wanted} |",
        millis(time(&wall)),
        millis(least.unwrap()),
        millis(most.unwrap()),
        millis(time(&|run| run.measured.cpu)),
        peak as f64 / 1024.0,
        waited(&|run| &run.fetch),
        waited(&|run| &run.registry),
        last.facts(),
        waited(&|run| &run.push),
        waited(&|run| &run.forge),
        last.writes(),
        millis(time(&Run::rest)),
    ));
}

fn millis(time: Duration) -> String {
    format!("{:.0}", time.as_secs_f64() * 1000.0)
}

/// The benchmark's own output.
fn say(text: &str) {
    use std::io::Write as _;
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{text}").unwrap();
    stdout.flush().unwrap();
}
