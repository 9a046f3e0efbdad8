//! `tests/cases/verbs/<name>` holds a folder `before` and `after`, the `commands` that are typed
//! there, and their `output`. `UPDATE_CASES=1` writes what comes out, to be read and committed.
//! With a file `settled`, planning afterwards finds nothing to do.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::tidy::files_below;

const TIME: &str = "2026-01-01T00:00:00Z";

/// Words as a shell takes them, with single quotes only.
pub(super) fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut is_quoted = false;
    for c in line.chars() {
        match c {
            '\'' => is_quoted = !is_quoted,
            ' ' if !is_quoted => words.push(String::new()),
            c => words.last_mut().unwrap().push(c),
        }
    }
    words
}

pub(super) fn headwater(folder: &Path, words: &[String]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_headwater"))
        .args(words)
        .current_dir(folder)
        .env("NO_COLOR", "1")
        .env_remove("HEADWATER_CONFIG")
        .env_remove("HEADWATER_NAMESPACE")
        .env_remove("GIT_AUTHOR_NAME")
        .env("HOME", "/nonexistent")
        .output()
        .unwrap()
}

/// Every file below a folder, by its path there.
pub(super) fn contents(folder: &Path) -> BTreeMap<String, String> {
    files_below(folder)
        .into_iter()
        .map(|file| {
            let path = file.strip_prefix(folder).unwrap().to_str().unwrap();
            (path.to_owned(), fs::read_to_string(&file).unwrap())
        })
        .collect()
}

pub(super) fn write(folder: &Path, files: &BTreeMap<String, String>) {
    for (path, content) in files {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
}

/// Times that were not there before read the same in every run.
pub(super) fn masked(text: &str, before: &BTreeMap<String, String>) -> String {
    let mut masked = text.to_owned();
    for (at, _) in text.match_indices('Z') {
        let Some(time) = at.checked_sub(19).and_then(|start| text.get(start..=at)) else {
            continue;
        };
        let is_known = before.values().any(|content| content.contains(time));
        if time.parse::<jiff::Timestamp>().is_ok() && !is_known {
            masked = masked.replace(time, TIME);
        }
    }
    masked
}

fn run(case: &Path) -> Result<(), String> {
    let work = tempfile::tempdir().unwrap();
    let before = contents(&case.join("before"));
    write(work.path(), &before);
    let mut said = String::new();
    for line in fs::read_to_string(case.join("commands")).unwrap().lines() {
        let output = headwater(work.path(), &words(line)[1..]);
        said.push_str(&format!(
            "$ {line}\n{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        ));
        if !output.status.success() {
            said.push_str(&format!("exit {}\n", output.status.code().unwrap()));
        }
    }
    let said = masked(&said, &before);
    let after: BTreeMap<String, String> = contents(work.path())
        .into_iter()
        .map(|(path, content)| (path, masked(&content, &before)))
        .collect();
    if std::env::var_os("UPDATE_CASES").is_some() {
        let _ = fs::remove_dir_all(case.join("after"));
        write(&case.join("after"), &after);
        fs::write(case.join("output"), &said).unwrap();
    }
    let name = case.file_name().unwrap().to_str().unwrap();
    if fs::read_to_string(case.join("output")).ok().as_deref() != Some(&said) {
        return Err(format!("{name}: output is not\n{said}"));
    }
    if contents(&case.join("after")) != after {
        return Err(format!("{name}: after is not\n{after:#?}"));
    }
    if case.join("settled").exists() {
        let plan = headwater(work.path(), &words("plan --exit-code"));
        if !plan.status.success() {
            let plan = String::from_utf8_lossy(&plan.stdout).into_owned();
            return Err(format!("{name}: something is left to do\n{plan}"));
        }
    }
    Ok(())
}

#[test]
fn every_case_comes_out_as_written() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/cases/verbs");
    let mut cases: Vec<_> = fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    cases.sort();
    let wrong: Vec<_> = cases.iter().filter_map(|case| run(case).err()).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
