//! The repository to reconcile: streams, workloads, and files that do not matter.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// How large the repository is.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// As many streams, and as many workloads.
    pub streams: usize,
    /// Other YAML files.
    pub others: usize,
}

/// The image repository of the stream with this number.
pub fn repository(number: usize) -> String {
    format!("bench/app-{number:05}")
}

/// Makes a bare repository of one commit on `main`.
pub fn bare_repository(path: &Path, host: &str, size: Size) {
    git(
        path.parent().unwrap(),
        &[
            "init",
            "-q",
            "--bare",
            "-b",
            "main",
            &path.to_string_lossy(),
        ],
    );
    let mut import = Command::new("git")
        .args(["fast-import", "--quiet"])
        .current_dir(path)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = std::io::BufWriter::new(import.stdin.take().unwrap());
    stdin
        .write_all(b"commit refs/heads/main\ncommitter Bench <bench@example.invalid> 1700000000 +0000\ndata 8\nworkload\n")
        .unwrap();
    for (path, text) in files(host, size) {
        write!(
            stdin,
            "M 100644 inline {path}\ndata {}\n{text}\n",
            text.len()
        )
        .unwrap();
    }
    drop(stdin);
    assert!(import.wait().unwrap().success());
}

/// Puts a commit on `main` that changes one file that does not matter.
pub fn change_one_file(repository: &Path) {
    let text = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: changed\n";
    let import = format!(
        "commit refs/heads/main\ncommitter Bench <bench@example.invalid> 1700000100 +0000\ndata 6\nchange\nfrom refs/heads/main^0\nM 100644 inline config/00/config-00000.yaml\ndata {}\n{text}\n",
        text.len()
    );
    let mut child = Command::new("git")
        .args(["fast-import", "--quiet"])
        .current_dir(repository)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(import.as_bytes())
        .unwrap();
    assert!(child.wait().unwrap().success());
}

/// Moves `main` to the bot's branch, as a merge by fast-forward does. The number of bot branches.
pub fn merge_all(repository: &Path) -> usize {
    let listed = git(
        repository,
        &[
            "for-each-ref",
            "--format=%(refname)",
            "refs/heads/headwater/",
        ],
    );
    let branches: Vec<&str> = listed.lines().collect();
    for branch in &branches {
        git(repository, &["update-ref", "refs/heads/main", branch]);
        git(repository, &["update-ref", "-d", branch]);
    }
    branches.len()
}

/// The number of objects, loose and packed.
pub fn objects(repository: &Path) -> usize {
    let listed = git(repository, &["count-objects", "-v"]);
    listed
        .lines()
        .filter_map(|line| line.split_once(": "))
        .filter(|(name, _)| matches!(*name, "count" | "in-pack"))
        .map(|(_, count)| count.parse::<usize>().unwrap())
        .sum()
}

/// A copy of a bare repository, for a run that writes to it.
pub fn copy_of(repository: &Path, name: &str) -> PathBuf {
    let copy = repository.with_file_name(name);
    if copy.exists() {
        fs::remove_dir_all(&copy).unwrap();
    }
    copy_folder(repository, &copy);
    copy
}

/// Copies a folder with everything in it.
pub fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
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

/// Paths and contents of all files, with images at `host`.
pub fn files(host: &str, size: Size) -> impl Iterator<Item = (String, String)> {
    let streams = (0..size.streams).map(move |number| {
        let path = format!("images/{:02}/app-{number:05}.yaml", number % 100);
        (path, stream(host, number))
    });
    let workloads = (0..size.streams).map(move |number| {
        let path = format!("apps/{:02}/app-{number:05}.yaml", number % 100);
        (path, workload(host, number))
    });
    let others = (0..size.others).map(|number| {
        let path = format!("config/{:02}/config-{number:05}.yaml", number % 100);
        (path, other(number))
    });
    streams.chain(workloads).chain(others)
}

// `insecure` lets a registry without TLS be asked, and never with a credential.
fn stream(host: &str, number: usize) -> String {
    let image = repository(number);
    format!(
        "apiVersion: image.openshift.io/v1
kind: ImageStream
metadata:
  name: app-{number:05}
  namespace: bench
spec:
  tags:
    - name: latest
      from:
        kind: DockerImage
        name: {host}/{image}:latest
      importPolicy:
        insecure: true
        scheduled: true
"
    )
}

/// Every other workload has an annotation, the rest a marker.
fn workload(host: &str, number: usize) -> String {
    let name = format!("app-{number:05}");
    let image = repository(number);
    let (annotations, marker) = if number.is_multiple_of(2) {
        let trigger = format!(
            r#"[{{"from":{{"kind":"ImageStreamTag","name":"{name}:latest"}},"fieldPath":"spec.template.spec.containers[?(@.name==\"app\")].image"}}]"#
        );
        let annotations = format!("\n  annotations:\n    image.openshift.io/triggers: '{trigger}'");
        (annotations, String::new())
    } else {
        let marker = format!(r#" # {{"$imagestream": "bench/{name}:latest"}}"#);
        (String::new(), marker)
    };
    format!(
        "apiVersion: apps/v1
kind: Deployment
metadata:
  name: {name}
  namespace: bench{annotations}
spec:
  replicas: 2
  selector:
    matchLabels:
      app: {name}
  template:
    metadata:
      labels:
        app: {name}
    spec:
      containers:
        - name: app
          image: {host}/{image}:latest{marker}
          ports:
            - containerPort: 8080
"
    )
}

fn other(number: usize) -> String {
    let mut text = format!(
        "apiVersion: v1
kind: ConfigMap
metadata:
  name: config-{number:05}
  namespace: bench
data:
"
    );
    for line in 0..12 {
        writeln!(text, "  KEY_{line}: \"value {line} of {number}\"").unwrap();
    }
    text
}
