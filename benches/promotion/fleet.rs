//! The repository: one product of many streams on 50 branches.
//!
//! dev is promoted to test, test to eight stagings, each staging to five prods.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::workload::{self, Size};

const STAGINGS: usize = 8;
const PRODS_OF_EACH: usize = 5;
const CONFIG_FILE: &str = "headwater.yaml";

/// Makes it, with all branches at one commit without a pin.
pub fn make(repository: &Path, host: &str, streams: usize) {
    let size = Size {
        streams,
        others: streams,
    };
    workload::bare_repository(repository, host, size);
    configure(repository, "");
    for branch in branches() {
        git(repository, &["branch", &branch, "main"]);
    }
}

/// Writes the configuration, with `gates` in each prod.
pub fn configure(repository: &Path, gates: &str) {
    let mut text = "apiVersion: headwater.dev/v1alpha1
kind: Config
spec:
  environments:
    - {name: dev, branch: env/dev, delivery: commit}
    - {name: test, branch: env/test, promotedFrom: dev, automerge: true}
"
    .to_owned();
    for staging in 0..STAGINGS {
        let name = format!("staging-{staging}");
        let _ = writeln!(
            text,
            "    - {{name: {name}, branch: env/{name}, promotedFrom: test, automerge: true}}"
        );
        for number in 0..PRODS_OF_EACH {
            let prod = format!("prod-{staging}-{number}");
            let _ = writeln!(
                text,
                "    - {{name: {prod}, branch: env/{prod}, promotedFrom: {name}, automerge: true{gates}}}"
            );
        }
    }
    commit(repository, "main", CONFIG_FILE, &text);
}

fn branches() -> Vec<String> {
    let mut branches = vec!["env/dev".to_owned(), "env/test".to_owned()];
    for staging in 0..STAGINGS {
        branches.push(format!("env/staging-{staging}"));
        for number in 0..PRODS_OF_EACH {
            branches.push(format!("env/prod-{staging}-{number}"));
        }
    }
    branches
}

/// A person's commit in dev, beside everything that is ours.
pub fn change_in_dev(repository: &Path, number: usize) {
    let text = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: config-00000\ndata:\n  number: \"{number}\"\n"
    );
    commit(repository, "env/dev", "config/00/config-00000.yaml", &text);
}

fn commit(repository: &Path, branch: &str, path: &str, text: &str) {
    let size = text.len();
    let import = format!(
        "commit refs/heads/{branch}\ncommitter Bench <bench@example.invalid> 1700000100 +0000\ndata 6\nchange\nfrom refs/heads/{branch}^0\nM 100644 inline {path}\ndata {size}\n{text}\n"
    );
    let mut child = Command::new("git")
        .args(["fast-import", "--quiet"])
        .current_dir(repository)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(import.as_bytes()).unwrap();
    drop(stdin);
    assert!(child.wait().unwrap().success());
}

/// All branches with their commits.
pub fn state(repository: &Path) -> String {
    git(repository, &["for-each-ref", "refs/heads/"])
}

fn git(folder: &Path, words: &[&str]) -> String {
    let output = Command::new("git")
        .args(words)
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(output.status.success(), "git {words:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}
