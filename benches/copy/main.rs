//! Copying between two registries, against skopeo.
//!
//! `cargo bench --bench copy -- [--mib N] [--images N] [--image-mib N] [--runs N]`
//!
//! Debian's docker-registry serves one image of N MiB in four layers, and N small ones. Skopeo and
//! headwater copy them in turn, each run in a process of its own and to a registry that is empty;
//! the median of the runs is printed. Small images are copied by `skopeo sync`, one after another,
//! and by headwater some at once. Needs room for four times the large image below the temporary
//! folder.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a benchmark may stop"
)]

#[path = "../pass/measure.rs"]
mod measure;
#[allow(dead_code, reason = "shared with the tests, which use all of it")]
#[path = "../../tests/it/support"]
mod support {
    pub mod layout;
    pub mod registry;
    pub mod wait;
}

use std::path::Path;

use futures_util::stream::{self, StreamExt as _};
use headwater::copying::{CopyOrder, Platforms};
use headwater::image::Reference;
use headwater::registry::{Registries, RegistryOptions};

use crate::measure::{Measured, median};
use crate::support::layout::{Layout, noise};
use crate::support::registry::DockerRegistry;

const LAYERS: usize = 4;
/// Images under way at once in this process.
const AT_ONCE: usize = 4;
const MIB: usize = 1024 * 1024;

struct Settings {
    mib: usize,
    images: usize,
    image_mib: usize,
    runs: usize,
}

fn main() {
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| word != "--bench")
        .collect();
    match words.split_first() {
        Some((first, rest)) if first == "--copy" => copy(rest),
        _ => bench(&Settings::read(&words)),
    }
}

impl Settings {
    fn read(words: &[String]) -> Self {
        let mut settings = Self {
            mib: 1024,
            images: 200,
            image_mib: 5,
            runs: 3,
        };
        for pair in words.chunks(2) {
            let [name, value] = pair else {
                panic!("{} has no value", pair[0]);
            };
            let number = value.parse().expect("a number");
            match name.as_str() {
                "--mib" => settings.mib = number,
                "--images" => settings.images = number,
                "--image-mib" => settings.image_mib = number,
                "--runs" => settings.runs = number,
                _ => panic!("unknown: {name}"),
            }
        }
        settings
    }
}

/// `FROM TO`: pairs of references, the first of each with its digest.
fn copy(words: &[String]) {
    let orders: Vec<CopyOrder> = words
        .chunks(2)
        .map(|pair| {
            let [from, to] = pair else {
                panic!("{} goes nowhere", pair[0]);
            };
            let (from, to): (Reference, Reference) = (from.parse().unwrap(), to.parse().unwrap());
            CopyOrder {
                from: from.repository,
                insecure: false,
                secrets_of: None,
                digest: from.digest.unwrap(),
                to: to.repository,
                to_insecure: false,
                mounts_from: None,
                tags: to.tag.into_iter().collect(),
                with_referrers: false,
                platforms: Platforms::All,
            }
        })
        .collect();
    let registries = Registries::new(RegistryOptions::default()).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        stream::iter(&orders)
            .map(|order| async { registries.copy(order, &|_| {}).await.unwrap() })
            .buffer_unordered(AT_ONCE)
            .collect::<Vec<_>>()
            .await
    });
}

fn bench(settings: &Settings) {
    let source = DockerRegistry::start();
    let large = push(&source, "large", 1, settings.mib);
    let medium = push(&source, "medium", 1, settings.mib / 16);
    let many = push(&source, "many/app", settings.images, settings.image_mib);
    say("| what | wall ms | CPU ms | peak MiB | speed to skopeo's | wanted |");
    say("|---|---|---|---|---|---|");
    for (name, images) in [
        (format!("one image of {} MiB", settings.mib), &large),
        (format!("one image of {} MiB", settings.mib / 16), &medium),
        (
            format!("{} images of {} MiB", settings.images, settings.image_mib),
            &many,
        ),
    ] {
        let (mut skopeo, mut ours) = (Vec::new(), Vec::new());
        for _ in 0..settings.runs {
            skopeo.push(by_skopeo(&source, images));
            ours.push(by_us(images));
        }
        let (skopeo, ours) = (median(skopeo), median(ours));
        line(&format!("{name}, skopeo"), skopeo, "", "");
        let ratio = skopeo.wall.as_secs_f64() / ours.wall.as_secs_f64();
        line(&name, ours, &format!("{ratio:.2}"), "0.8 or more");
    }
}

/// `HOST/PATH:TAG@DIGEST` of images of so many MiB, with the tags 0, 1, …
fn push(source: &DockerRegistry, path: &str, images: usize, mib: usize) -> Vec<String> {
    (0..images)
        .map(|number| {
            let mut layout = Layout::new();
            let layers: Vec<Vec<u8>> = (0..LAYERS)
                .map(|layer| {
                    let seed = path.len() * 1_000_000 + number * LAYERS + layer;
                    noise(seed as u64 + 1, mib * MIB / LAYERS)
                })
                .collect();
            let layers: Vec<&[u8]> = layers.iter().map(Vec::as_slice).collect();
            let image = layout.image("linux/amd64", &layers);
            let name = format!("{}/{path}:{number}", source.host());
            layout.push(&image, &name);
            format!("{name}@{}", image["digest"].as_str().unwrap())
        })
        .collect()
}

fn by_skopeo(source: &DockerRegistry, images: &[String]) -> Measured {
    let target = DockerRegistry::start();
    let name = images[0].split('@').next().unwrap();
    let fixed = ["--insecure-policy", "--preserve-digests", "--all"];
    let insecure = ["--src-tls-verify=false", "--dest-tls-verify=false"];
    let from_one = format!("docker://{name}");
    let to_one = format!("docker://{}/copied:0", target.host());
    let repository = format!("{}/many/app", source.host());
    let place = format!("{}/synced", target.host());
    let mut words = vec![fixed[0]];
    if images.len() == 1 {
        words.extend(["copy", fixed[1], fixed[2], insecure[0], insecure[1]]);
        words.extend([from_one.as_str(), &to_one]);
    } else {
        words.extend(["sync", "--src=docker", "--dest=docker", fixed[1], fixed[2]]);
        words.extend([insecure[0], insecure[1], repository.as_str(), &place]);
    }
    // Its cache of what is where would begin with what it has learned before.
    let folder = tempfile::tempdir().unwrap();
    let measured = measure::run(Path::new("skopeo"), &words, folder.path());
    check(&target, images.len());
    measured
}

fn by_us(images: &[String]) -> Measured {
    let target = DockerRegistry::start();
    let mut words = vec!["--copy".to_owned()];
    for (number, image) in images.iter().enumerate() {
        words.push(image.clone());
        words.push(format!("{}/copied:{number}", target.host()));
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let folder = tempfile::tempdir().unwrap();
    let measured = measure::run(&std::env::current_exe().unwrap(), &words, folder.path());
    check(&target, images.len());
    measured
}

/// Everything was sent, and nothing mounted: configurations are the same in all images.
fn check(target: &DockerRegistry, images: usize) {
    let blobs = images * LAYERS;
    assert!(target.requests("PATCH", blobs).len() >= blobs);
}

fn line(name: &str, measured: Measured, ratio: &str, wanted: &str) {
    let millis = |time: std::time::Duration| format!("{:.0}", time.as_secs_f64() * 1000.0);
    say(&format!(
        "| {name} | {} | {} | {:.1} | {ratio} | {wanted} |",
        millis(measured.wall),
        millis(measured.cpu),
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
