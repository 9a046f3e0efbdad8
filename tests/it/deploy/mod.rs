//! What stands in `examples/deploy/`, `action.yml` and `.github/`: that it parses, that its parts
//! agree with one another and with the code, and that nothing in it is more than it has to be.

mod kubernetes;
mod release;
mod systemd;
mod workflows;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;
use serde_json::Value;
use tempfile::TempDir;

use crate::tidy::files_below;

const SERVER_FILES: [&str; 2] = [
    "examples/deploy/kubernetes/base/config.yaml",
    "examples/deploy/systemd/config.yaml",
];
#[test]
fn every_yaml_file_is_yaml() {
    let mut count = 0;
    for folder in ["examples/deploy", ".github"] {
        for path in files_below(&root().join(folder)) {
            if matches!(extension(&path), "yaml" | "yml") {
                let file = path.strip_prefix(root()).unwrap();
                assert!(!documents(&file.to_string_lossy()).is_empty(), "{file:?}");
                count += 1;
            }
        }
    }
    assert!(count >= 20, "{count}");
}

#[test]
fn the_server_files_are_accepted() {
    for file in SERVER_FILES {
        let (config, problems) = read_server_file(&text(file));
        assert!(config && problems.is_empty(), "{file}: {problems:?}");
    }
}

/// Whether there is a configuration, and the problems.
fn read_server_file(text: &str) -> (bool, Vec<String>) {
    let name = "config.yaml".parse().unwrap();
    let (config, problems) = headwater::config::server::read(&name, text.as_bytes());
    let problems = problems.iter().map(ToString::to_string).collect();
    (config.is_some(), problems)
}

/// The folder is what headwater makes of any other: its streams are followed to its own images.
#[test]
fn the_folder_keeps_its_own_images_up_to_date() {
    let copy = TempDir::new().unwrap();
    copy_folder(&root().join("examples/deploy"), copy.path());
    let run = |words: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_headwater"))
            .args(words)
            .env_clear()
            .env("HOME", copy.path().join("home"))
            .current_dir(copy.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{words:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    run(&["validate", "--strict"]);
    let triggers = run(&["get", "triggers", "-A"]);
    for (tag, place) in [
        ("headwater:stable", "kubernetes/base/deployment.yaml"),
        ("rust:builder", "container/Containerfile"),
        ("alpine:files", "container/Containerfile"),
    ] {
        let is_followed = |line: &str| line.contains(tag) && line.contains(place);
        assert!(triggers.lines().any(is_followed), "{tag}:\n{triggers}");
    }
}

#[test]
fn versions_are_those_of_this_crate() {
    let version = env!("CARGO_PKG_VERSION");
    for (file, line) in [
        (
            "examples/deploy/container/Containerfile",
            format!("ARG VERSION={version}\n"),
        ),
        (
            "examples/deploy/kubernetes/base/deployment.yaml",
            format!("image: ghcr.io/headwater-dev/headwater:{version} # "),
        ),
        (
            "examples/deploy/gitlab/templates/headwater.yml",
            format!("default: {version}\n"),
        ),
        ("action.yml", format!("default: {version}\n")),
    ] {
        assert!(text(file).contains(&line), "{file}: {line:?}");
    }
    let minor = version.rsplit_once('.').unwrap().0;
    let streams = text("examples/deploy/streams/images.yaml");
    assert!(streams.contains(&format!("select: \"semver: {minor}\"")));
}

#[test]
fn what_builds_a_release_is_the_toolchain_that_the_crate_names() {
    let manifest = text("Cargo.toml");
    let rust = manifest
        .lines()
        .find_map(|line| line.strip_prefix("rust-version = "))
        .unwrap()
        .trim_matches('"');
    let container = text("examples/deploy/container/Containerfile");
    assert!(container.contains(&format!("/rust:{rust}-alpine")));
    let workflow = text(".github/workflows/release.yml");
    assert!(workflow.contains(&format!("cargo +{rust} build --locked")));
}

/// What the image's build reads is in its context, and all else is not.
#[test]
fn the_containers_context_is_what_it_copies() {
    let mut shown: Vec<String> = text("examples/deploy/container/Containerfile.dockerignore")
        .lines()
        .filter_map(|line| line.strip_prefix('!').map(str::to_owned))
        .collect();
    shown.sort();
    let container = text("examples/deploy/container/Containerfile");
    let mut copied: Vec<String> = container
        .lines()
        .filter_map(|line| line.strip_prefix("COPY "))
        .filter(|line| !line.starts_with("--"))
        .flat_map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            words[..words.len() - 1]
                .iter()
                .map(|word| word.trim_end_matches('/').to_owned())
                .collect::<Vec<_>>()
        })
        .collect();
    copied.sort();
    assert_eq!(shown, copied);
    for name in copied.iter().filter(|name| *name != "out") {
        assert!(root().join(name).exists(), "{name}");
    }
}

#[test]
fn the_image_runs_as_nobody_and_writes_to_two_places() {
    let container = text("examples/deploy/container/Containerfile");
    let last = container.rsplit("\nFROM ").next().unwrap();
    assert!(last.starts_with("scratch\n"));
    for line in [
        "USER 65532:0",
        "VOLUME [\"/tmp\", \"/var/cache/headwater\"]",
        "ENV XDG_CACHE_HOME=/var/cache \\",
        "ENTRYPOINT [\"/usr/bin/headwater\"]",
    ] {
        assert!(last.lines().any(|it| it == line), "{line}");
    }
    assert!(!last.contains("\nRUN "), "there is nothing to run it with");
}

/// Every link of the guide leads to something.
#[test]
fn the_guide_links_to_what_is_there() {
    for file in ["docs/deploy.md", "examples/deploy/README.md"] {
        let folder = root().join(file).parent().unwrap().to_owned();
        let text = text(file);
        let links: Vec<&str> = text
            .split("](")
            .skip(1)
            .map(|rest| rest.split([')', '#']).next().unwrap())
            .filter(|link| !link.is_empty() && !link.contains("://"))
            .collect();
        assert!(links.len() >= 5, "{file}: {links:?}");
        for link in links {
            assert!(folder.join(link).exists(), "{file}: {link}");
        }
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn text(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn extension(path: &Path) -> &str {
    path.extension()
        .and_then(|it| it.to_str())
        .unwrap_or_default()
}

/// The documents of a YAML file.
fn documents(file: &str) -> Vec<Value> {
    let text = text(file);
    serde_yaml::Deserializer::from_str(&text)
        .map(|document| {
            Value::deserialize(document).unwrap_or_else(|error| panic!("{file}: {error}"))
        })
        .filter(|value| !value.is_null())
        .collect()
}

fn document(file: &str) -> Value {
    let documents = documents(file);
    assert_eq!(documents.len(), 1, "{file}");
    documents.into_iter().next().unwrap()
}

fn copy_folder(from: &Path, to: &Path) {
    for file in files_below(from) {
        let target: PathBuf = to.join(file.strip_prefix(from).unwrap());
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(&file, target).unwrap();
    }
}

/// The texts below a value, in order.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::Object(fields) => fields.values().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}
