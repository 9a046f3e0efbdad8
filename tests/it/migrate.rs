//! `headwater migrate` on whole folders. `tests/cases/migrate/<name>` holds the folder `before` and
//! `after`, what is printed, and in `args.txt` the flags, if any. `UPDATE_CASES=1` writes what
//! comes out, to be read and committed.

use std::fs;
use std::path::{Path, PathBuf};

use crate::init::{contents, headwater, text, write};
use crate::support::scene::{HOST, Scene};

fn run(case: &Path) {
    let name = case.display();
    let words = fs::read_to_string(case.join("args.txt")).unwrap_or_default();
    let words: Vec<&str> = words.split_whitespace().collect();
    let before = contents(&case.join("before"));
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &before);

    let dry: Vec<&str> = words.iter().copied().chain(["--dry-run"]).collect();
    headwater("migrate", folder.path(), &dry);
    assert_eq!(contents(folder.path()), before, "{name}");
    let first = headwater("migrate", folder.path(), &words);
    let after = contents(folder.path());
    let valid = headwater("validate", folder.path(), &[]);
    assert!(valid.status.success(), "{name}: {}", text(&valid));
    let second = headwater("migrate", folder.path(), &words);
    assert_eq!(contents(folder.path()), after, "{name}");
    let said = String::from_utf8_lossy(&second.stdout);
    assert!(
        said.starts_with("Nothing to do: "),
        "{name}: {}",
        text(&second)
    );
    if std::env::var_os("UPDATE_CASES").is_some() {
        let _ = fs::remove_dir_all(case.join("after"));
        write(&case.join("after"), &after);
        fs::write(case.join("printed.txt"), text(&first)).unwrap();
        return;
    }
    assert_eq!(
        readable(&after),
        readable(&contents(&case.join("after"))),
        "{name}"
    );
    let printed = fs::read_to_string(case.join("printed.txt")).unwrap();
    snapbox::assert_data_eq!(text(&first), snapbox::Data::text(printed).raw());
}

fn readable(files: &std::collections::BTreeMap<String, Vec<u8>>) -> Vec<(&str, String)> {
    files
        .iter()
        .map(|(path, content)| (path.as_str(), String::from_utf8_lossy(content).into_owned()))
        .collect()
}

#[test]
fn every_case_comes_out_as_written() {
    let cases = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/cases/migrate");
    let mut cases: Vec<PathBuf> = fs::read_dir(cases)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    cases.sort();
    assert!(!cases.is_empty());
    for case in cases {
        run(&case);
    }
}

#[test]
fn what_flux_followed_is_found_by_the_next_plan() {
    let policies = format!(
        "apiVersion: image.toolkit.fluxcd.io/v1
kind: ImageRepository
metadata: {{name: web, namespace: shop}}
spec: {{image: '{HOST}/acme/web', interval: 5m}}
---
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImagePolicy
metadata: {{name: stable, namespace: shop}}
spec:
  imageRepositoryRef: {{name: web}}
  policy: {{semver: {{range: 5.0.x}}}}
---
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImagePolicy
metadata: {{name: build, namespace: shop}}
spec:
  imageRepositoryRef: {{name: web}}
  filterTags: {{pattern: '^main-[a-f0-9]+-(?P<n>[0-9]+)$', extract: '$n'}}
  policy: {{numerical: {{order: asc}}}}
"
    );
    let deployment = format!(
        "apiVersion: apps/v1
kind: Deployment
metadata: {{name: web, namespace: shop}}
spec:
  template:
    spec:
      containers:
      - name: web
        image: {HOST}/acme/web:5.0.0 # {{\"$imagepolicy\": \"shop:stable\"}}
      - name: next
        image: {HOST}/acme/web:main-aa-1 # {{\"$imagepolicy\": \"shop:build\"}}
"
    );
    let scene = Scene::of(&[("flux.yaml", &policies), ("web.yaml", &deployment)]);
    for tag in [
        "5.0.0",
        "5.0.3",
        "5.0",
        "5.1.0",
        "main-aa-9",
        "main-bb-10",
        "dev-cc-11",
    ] {
        scene.image("acme/web", tag, tag);
    }
    let clone = |words: &[&str]| {
        let mut command = scene.command(words);
        scene.ended(&command.current_dir(scene.person.path()).output().unwrap())
    };
    clone(&["migrate"]).exits(0);
    clone(&["pin"]).exits(0);
    let pinned = fs::read_to_string(scene.person.path().join("web.yaml")).unwrap();
    let images: Vec<&str> = pinned
        .lines()
        .filter_map(|line| line.split_once("/acme/web:")?.1.split('@').next())
        .collect();
    assert_eq!(images, ["5.0.3", "main-bb-10"], "{pinned}");
    clone(&["describe", "is", "web"])
        .exits(0)
        .says("\n    selects 5.0.3 (regex ")
        .says("\n    selects main-bb-10 (regex ");
}
