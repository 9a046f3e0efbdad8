//! The status page of a large Git repository: how long each page takes, and how long it is.
//!
//! `cargo bench --bench page -- [--streams N] [--runs N]`
//!
//! A state with N stream tags (1,000) in three environments, every tenth behind, is put together
//! in memory; each page is then made as a request makes it, without the network.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a benchmark may stop, and prints"
)]

#[allow(dead_code, reason = "shared with the tests, which use all of it")]
/// Named as the tests name it.
#[path = "../../tests/it/status_page"]
mod status_page {
    mod changes;
    pub mod scene;
}

use std::time::{Duration, Instant};

use headwater::serve::page::{Address, Pages};

const TARGETS: [&str; 10] = [
    "/",
    "/repository/shop/streams",
    "/repository/shop/streams?q=service-00",
    "/repository/shop/streams.json",
    "/repository/shop/stream/service-00000:1.0",
    "/repository/shop/promotions",
    "/pull-requests",
    "/problems",
    "/activity",
    "/activity.atom",
];

fn main() {
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| word != "--bench")
        .collect();
    let (mut streams, mut runs) = (1_000, 50);
    for pair in words.chunks(2) {
        let [name, value] = pair else {
            panic!("{} has no value", pair[0]);
        };
        let value = value.parse().expect("a number");
        match name.as_str() {
            "--streams" => streams = value,
            "--runs" => runs = value,
            _ => panic!("unknown: {name}"),
        }
    }
    let state = status_page::scene::large(streams);
    let pages = Pages::new().expect("the templates are right");
    let now = status_page::scene::NOW.parse().expect("a time");
    println!("{streams} stream tags in 3 environments, {runs} runs");
    for target in TARGETS {
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (target, None),
        };
        let mut times: Vec<Duration> = Vec::new();
        let mut length = 0;
        for _ in 0..runs {
            let begun = Instant::now();
            let address = Address::parse(path, query);
            let answer = pages.answer(&address, &state, &status_page::scene::timeline, now);
            let answer = answer.expect("a page");
            assert_eq!(answer.status, 200, "{target}");
            length = answer.body.len();
            std::hint::black_box(answer.tag());
            times.push(begun.elapsed());
        }
        times.sort();
        let (median, worst) = (times[times.len() / 2], times[times.len() - 1]);
        println!("{target:45} median {median:>9.2?}  worst {worst:>9.2?}  {length:>6} bytes");
    }
}
