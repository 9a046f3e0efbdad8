//! What no compiler looks at: sizes, forgotten files, left-over notes, the top level.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const MAX_LINES: usize = 600;

const TOP_LEVEL: &[&str] = &[
    ".ci",
    ".github",
    ".gitignore",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "action.yml",
    "benches",
    "docs",
    "examples",
    "schemas",
    "src",
    "tests",
];

/// Folders whose files are input and expectation, kept byte for byte.
const DATA: &[&str] = &["examples/", "tests/cases/", "schemas/"];

#[test]
fn no_source_file_is_too_long() {
    for file in own_files() {
        if is_rust(&file) {
            let lines = text_of(&file).lines().count();
            assert!(lines <= MAX_LINES, "{file}: {lines} lines; split it");
        }
    }
}

#[test]
fn every_source_file_is_declared() {
    for file in own_files() {
        let is_entry = matches!(
            file.as_str(),
            "src/lib.rs" | "src/main.rs" | "tests/it/main.rs"
        );
        let is_ours = file.starts_with("src/") || file.starts_with("tests/it/");
        if !is_rust(&file) || is_entry || !is_ours {
            continue;
        }
        let (name, holders) = declared_in(&file);
        let declaration = format!("mod {name};");
        let is_declared = holders
            .iter()
            .filter_map(|holder| fs::read_to_string(root().join(holder)).ok())
            .any(|text| {
                text.lines().any(|line| {
                    line.trim()
                        .trim_start_matches("pub ")
                        .trim_start_matches("pub(crate) ")
                        == declaration
                })
            });
        assert!(is_declared, "{file}: no `{declaration}` in {holders:?}");
    }
}

#[test]
fn integration_tests_are_listed_in_order() {
    let text = text_of("tests/it/main.rs");
    let listed: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("mod "))
        .collect();
    assert!(listed.is_sorted(), "{listed:?}");
}

#[test]
fn nothing_is_left_for_later() {
    // Put together here, so that this file does not find itself.
    let notes = [
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("XX", "X:"),
    ];
    let ignored = concat!("#[", "ignore");
    for file in own_files().into_iter().filter(|file| !is_data(file)) {
        for (number, line) in text_of(&file).lines().enumerate() {
            let is_note = notes.iter().any(|note| line.contains(note));
            let is_ignored = is_rust(&file) && line.contains(ignored);
            assert!(!is_note && !is_ignored, "{file}:{}: {line}", number + 1);
        }
    }
}

#[test]
fn lines_end_where_their_text_ends() {
    for file in own_files().into_iter().filter(|file| !is_data(file)) {
        let text = text_of(&file);
        for (number, line) in text.split('\n').enumerate() {
            assert!(
                !line.ends_with([' ', '\t', '\r']),
                "{file}:{}: white space at the end of the line",
                number + 1
            );
        }
        assert!(
            text.is_empty() || text.ends_with('\n'),
            "{file}: no line break at the end"
        );
    }
}

#[test]
fn the_top_level_holds_only_what_belongs_there() {
    let found: BTreeSet<String> = own_files()
        .into_iter()
        .map(|file| file.split('/').next().unwrap_or_default().to_owned())
        .collect();
    for name in &found {
        assert!(
            TOP_LEVEL.contains(&name.as_str()),
            "{name} does not belong on the top level"
        );
    }
}

#[test]
fn every_example_is_complete() {
    complete(
        "examples",
        &[&["README.md"], &["before"], &["images.json", "story"]],
    );
    // A tutorial may begin in an empty folder, which Git does not keep.
    complete(
        "examples/tutorials",
        &[&["README.md"], &["after"], &["images.json"]],
    );
}

/// Every folder in this one has one of each of these parts; one that holds examples itself, or what
/// is run and not reconciled, is looked at apart.
fn complete(folder: &str, parts: &[&[&str]]) {
    for entry in fs::read_dir(root().join(folder)).unwrap() {
        let folder = entry.unwrap().path();
        let is_apart = folder.ends_with("tutorials") || folder.ends_with("deploy");
        if folder.is_dir() && !is_apart {
            for part in parts {
                assert!(
                    part.iter().any(|name| folder.join(name).exists()),
                    "{} has no {part:?}",
                    folder.display()
                );
            }
        }
    }
}

/// The files below a folder, in order.
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            } else {
                files.push(entry.path());
            }
        }
    }
    files.sort();
    files
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The repository's text files: Git's list, and without Git what stands in the known folders.
fn own_files() -> Vec<String> {
    let git = Command::new("git")
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .current_dir(root())
        .output();
    let listed = match git {
        Ok(output) if output.status.success() => String::from_utf8(output.stdout)
            .unwrap()
            .split_terminator('\0')
            .map(str::to_owned)
            .collect(),
        _ => known_files(),
    };
    let is_text = |file: &String| fs::read_to_string(root().join(file)).is_ok();
    listed.into_iter().filter(is_text).collect()
}

fn known_files() -> Vec<String> {
    TOP_LEVEL
        .iter()
        .map(|name| root().join(name))
        .filter(|path| path.exists())
        .flat_map(|path| {
            if path.is_dir() {
                files_below(&path)
            } else {
                vec![path]
            }
        })
        .map(|path| {
            path.strip_prefix(root())
                .unwrap()
                .to_string_lossy()
                .replace('\\', "/")
        })
        .collect()
}

fn text_of(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap()
}

fn is_rust(file: &str) -> bool {
    file.ends_with(".rs")
}

fn is_data(file: &str) -> bool {
    file == "LICENSE" || DATA.iter().any(|folder| file.starts_with(folder))
}

/// The module's name, and the files that may declare it.
fn declared_in(file: &str) -> (String, Vec<String>) {
    let path = file.trim_end_matches("/mod.rs").trim_end_matches(".rs");
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let holders = ["mod.rs", "lib.rs", "main.rs"].map(|holder| format!("{folder}/{holder}"));
    let mut holders = holders.to_vec();
    holders.push(format!("{folder}.rs"));
    (name.to_owned(), holders)
}
