//! `headwater init` on whole folders. `tests/cases/init/<name>` holds the folder `before` and
//! `after`, and what is printed. `UPDATE_CASES=1` writes what comes out, to be read and committed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::manifest::corpus::corpus;
use crate::support::registry::DockerRegistry;
use crate::tidy::files_below;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn init(folder: &Path, words: &[&str]) -> Output {
    headwater("init", folder, words)
}

pub fn headwater(command: &str, folder: &Path, words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_headwater"))
        .arg(command)
        .args(words)
        .current_dir(folder)
        .env("NO_COLOR", "1")
        .env_remove("HEADWATER_CONFIG")
        .env("HOME", folder)
        .output()
        .unwrap()
}

/// Every file below a folder, by its path there.
pub fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    files_below(folder)
        .into_iter()
        .map(|file| {
            let path = file.strip_prefix(folder).unwrap().to_str().unwrap();
            (path.to_owned(), fs::read(&file).unwrap())
        })
        .collect()
}

pub fn write(folder: &Path, files: &BTreeMap<String, Vec<u8>>) {
    for (path, content) in files {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
}

pub fn text(output: &Output) -> String {
    format!(
        "{}{}exit {}\n",
        String::from_utf8_lossy(&output.stderr),
        String::from_utf8_lossy(&output.stdout),
        output.status.code().unwrap()
    )
}

fn run(case: &Path) {
    let before = contents(&case.join("before"));
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &before);

    let dry = init(folder.path(), &["--dry-run"]);
    assert_eq!(contents(folder.path()), before, "{}", case.display());
    let first = init(folder.path(), &[]);
    let after = contents(folder.path());
    // The dry run shows what is then done.
    let shown = String::from_utf8_lossy(&dry.stdout);
    for (path, content) in &after {
        let is_shown = shown.contains(&format!("+++ b/{path}\n"));
        assert_eq!(is_shown, before.get(path) != Some(content), "{path}");
    }
    let second = init(folder.path(), &[]);
    assert_eq!(contents(folder.path()), after, "{}", case.display());
    assert!(
        String::from_utf8_lossy(&second.stdout).starts_with("Nothing to do: "),
        "{}: {}",
        case.display(),
        text(&second)
    );
    if std::env::var_os("UPDATE_CASES").is_some() {
        let _ = fs::remove_dir_all(case.join("after"));
        write(&case.join("after"), &after);
        fs::write(case.join("printed.txt"), text(&first)).unwrap();
        return;
    }
    let expected = contents(&case.join("after"));
    for (path, content) in &after {
        snapbox::assert_data_eq!(
            String::from_utf8_lossy(content).into_owned(),
            snapbox::Data::text(String::from_utf8_lossy(
                expected.get(path).map_or(&[][..], Vec::as_slice)
            ))
            .raw()
        );
    }
    assert_eq!(after, expected, "{}", case.display());
    let printed = fs::read_to_string(case.join("printed.txt")).unwrap();
    snapbox::assert_data_eq!(text(&first), snapbox::Data::text(printed).raw());
}

#[test]
fn every_case_comes_out_as_written() {
    let mut cases: Vec<PathBuf> = fs::read_dir(root().join("tests/cases/init"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    cases.sort();
    for case in cases {
        run(&case);
    }
}

/// Runs `init` in a copy of a folder, twice, and returns the first run.
fn adopts_by_comments_alone(folder: &Path) -> Output {
    let copy = tempfile::tempdir().unwrap();
    let before = contents(folder);
    write(copy.path(), &before);
    let output = init(copy.path(), &[]);
    let after = contents(copy.path());
    for (path, old) in &before {
        let old = String::from_utf8_lossy(old);
        let new = String::from_utf8_lossy(&after[path]);
        assert_eq!(without_markers(&new), old, "{path}");
    }
    for path in after.keys().filter(|path| !before.contains_key(*path)) {
        let is_ours = path.starts_with("imagestreams/") || path == "headwater.yaml";
        assert!(is_ours, "{path}");
    }
    let again = init(copy.path(), &[]);
    assert!(text(&again).contains("Nothing to do: "), "{}", text(&again));
    assert_eq!(contents(copy.path()), after);
    output
}

#[test]
fn only_comments_and_new_files_are_added() {
    let output = adopts_by_comments_alone(&root().join("tests/cases/init/kubernetes/before"));
    assert!(output.status.success(), "{}", text(&output));
}

#[test]
fn repositories_of_real_projects_are_adopted() {
    let Some(corpus) = corpus() else { return };
    let demo = text(&adopts_by_comments_alone(
        &corpus.join("microservices-demo"),
    ));
    assert!(demo.contains("29 images adopted.\n"), "{demo}");
    assert!(demo.ends_with("exit 0\n"), "{demo}");
    // One of these has a key twice in a mapping: it is said, and the others are adopted.
    let examples = text(&adopts_by_comments_alone(
        &corpus.join("kubernetes-examples"),
    ));
    assert!(examples.contains("31 images adopted, 2 left"), "{examples}");
    assert_eq!(examples.matches(": error: ").count(), 1, "{examples}");
    assert!(examples.ends_with("exit 3\n"), "{examples}");
}

#[test]
fn what_was_adopted_is_followed() {
    let registry = DockerRegistry::start();
    let digest = registry.push_image("shop/web", "1.29", "first");
    let image = format!("{}/shop/web:1.29", registry.host());
    let pod = |image: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\nspec:\n  containers:\n    - name: web\n      image: {image}\n"
        )
    };
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("pod.yaml"), pod(&image)).unwrap();

    let adopted = init(folder.path(), &[]);
    assert!(adopted.status.success(), "{}", text(&adopted));
    let planned = headwater("plan", folder.path(), &["--exit-code"]);
    assert_eq!(planned.status.code(), Some(1), "{}", text(&planned));
    let pinned = headwater("pin", folder.path(), &[]);
    assert!(pinned.status.success(), "{}", text(&pinned));
    let marker = r#" # {"$imagestream": "default/web:1.29"}"#;
    let written = fs::read_to_string(folder.path().join("pod.yaml")).unwrap();
    assert_eq!(written, pod(&format!("{image}@{digest}{marker}")));
    let quiet = headwater("plan", folder.path(), &["--exit-code"]);
    assert_eq!(quiet.status.code(), Some(0), "{}", text(&quiet));
}

fn without_markers(text: &str) -> String {
    text.split_inclusive('\n')
        .map(|line| match line.find(" # {\"$imagestream\"") {
            Some(at) => {
                let end = if line.ends_with("\r\n") { "\r\n" } else { "\n" };
                format!("{}{end}", &line[..at])
            }
            None => line.to_owned(),
        })
        .collect()
}

#[test]
fn a_url_and_a_folder_outside_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let url = init(folder.path(), &["https://git.example/a.git"]);
    assert_eq!(url.status.code(), Some(2), "{}", text(&url));
    let outside = init(folder.path(), &["--folder", "../x"]);
    assert_eq!(outside.status.code(), Some(2), "{}", text(&outside));
    assert_eq!(contents(folder.path()), BTreeMap::new());
}
