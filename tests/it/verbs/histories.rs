//! `tests/cases/histories/<name>` holds a Git history, the `commands` that are typed in a clone of
//! it, their `output`, and in `after/<branch>` the files that each bot branch changed. A folder
//! `before/<number> <branch>` holds the files of one commit; `+` stands for `/` in a branch.
//! `UPDATE_CASES=1` writes what comes out, to be read and committed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::verbs::cases::{contents, headwater, masked, words, write};

/// The commits are the same in every run.
fn git(folder: &Path, time: &str, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "commit.gpgsign=false"])
        .args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_AUTHOR_DATE", time)
        .env("GIT_COMMITTER_DATE", time)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    assert!(output.status.success(), "git {arguments:?}: {output:?}");
    said
}

/// The Git repository of a case, with `main` checked out.
fn repository(case: &Path, folder: &Path) {
    git(folder, "", &["init", "-q", "-b", "main"]);
    git(folder, "", &["config", "user.name", "Ada"]);
    git(folder, "", &["config", "user.email", "ada@example.org"]);
    let mut steps: Vec<PathBuf> = fs::read_dir(case.join("before"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    steps.sort();
    for step in steps {
        let name = step.file_name().unwrap().to_str().unwrap();
        let (number, branch) = name.split_once(' ').unwrap();
        let branch = branch.replace('+', "/");
        let time = format!("2026-01-{number:0>2}T08:00:00Z");
        let exists = !git(folder, "", &["branch", "--list", &branch]).is_empty();
        match (exists, branch.as_str()) {
            (true, _) => git(folder, "", &["checkout", "-q", &branch]),
            (false, "main") => String::new(),
            (false, _) => git(folder, "", &["checkout", "-q", "-b", &branch, "main"]),
        };
        write(folder, &contents(&step));
        git(folder, "", &["add", "-A"]);
        git(
            folder,
            &time,
            &["commit", "-q", "-m", &format!("step {number}")],
        );
    }
    git(folder, "", &["checkout", "-q", "main"]);
}

/// What each bot branch changed.
fn changed(folder: &Path) -> BTreeMap<String, String> {
    let format = "--format=%(refname:short)";
    let branches = git(
        folder,
        "",
        &["for-each-ref", format, "refs/heads/headwater"],
    );
    let mut files = BTreeMap::new();
    for branch in branches.lines() {
        let parent = format!("{branch}^");
        for path in git(folder, "", &["diff", "--name-only", &parent, branch]).lines() {
            let content = git(folder, "", &["show", &format!("{branch}:{path}")]);
            files.insert(
                format!("{}/{path}", branch.replace('/', "+")),
                content + "\n",
            );
        }
    }
    files
}

/// A commit of the bot has the time of the run.
fn without_commits(text: &str) -> String {
    let lines = text.split_inclusive('\n').map(|line| {
        match line
            .strip_prefix("wrote ")
            .and_then(|line| line.split_once(" at "))
        {
            Some((branch, _)) => format!("wrote {branch}\n"),
            None => line.to_owned(),
        }
    });
    lines.collect()
}

fn run(case: &Path) -> Result<(), String> {
    let work = tempfile::tempdir().unwrap();
    repository(case, work.path());
    let before = contents(&case.join("before"));
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
    let mut known = before;
    known.insert(
        "commands".to_owned(),
        fs::read_to_string(case.join("commands")).unwrap(),
    );
    let said = said.replace(work.path().to_str().unwrap(), "CLONE");
    let said = masked(&without_commits(&said), &known);
    let after: BTreeMap<String, String> = changed(work.path())
        .into_iter()
        .map(|(path, content)| (path, masked(&content, &known)))
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
    let expected = case.join("after");
    let is_same = match expected.exists() {
        true => contents(&expected) == after,
        false => after.is_empty(),
    };
    if !is_same {
        return Err(format!("{name}: after is not\n{after:#?}"));
    }
    Ok(())
}

#[test]
fn every_history_comes_out_as_written() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/cases/histories");
    let mut cases: Vec<_> = fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    cases.sort();
    assert!(cases.len() >= 6);
    let failures: Vec<String> = cases.iter().filter_map(|case| run(case).err()).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}
