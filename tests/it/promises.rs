//! SECURITY.md holds what it says: the tests that it names exist, each promise and each advisory
//! has one; and the promises that no other room shows.

use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::support::own_tests::{own_tests, root};
use crate::support::scene::{Scene, deployment, stream};
use crate::support::wait::until;
use crate::tidy::files_below;

const STREAMS: usize = 20;

#[test]
fn every_promise_has_tests_and_every_test_named_exists() {
    let tests = tests();
    let text = security();
    for name in named(&text) {
        assert!(tests.contains(&name), "SECURITY.md: there is no `{name}`");
    }
    for number in 1..=15 {
        let id = format!("P{number}");
        let section = text
            .split("\n### ")
            .find(|section| section.starts_with(&format!("{id}: ")))
            .unwrap_or_else(|| panic!("SECURITY.md: no section on {id}"));
        let section = section.split("\n## ").next().unwrap();
        let is_kept = !named(section).is_empty();
        assert!(is_kept, "{id}");
        assert!(!section.contains("Not applicable yet"), "{id}");
    }
}

#[test]
fn every_advisory_that_is_tested_is_listed() {
    let listed = named(&security());
    for test in tests() {
        let is_advisory = ["cve_", "ghsa_", "ggcr_", "quay_"]
            .iter()
            .any(|prefix| test.starts_with(prefix));
        assert!(
            !is_advisory || listed.contains(&test),
            "SECURITY.md does not list `{test}`"
        );
    }
}

#[test]
fn patterns_run_in_linear_time() {
    let folder = TempDir::new().unwrap();
    let pattern = "*a".repeat(40);
    let configuration = format!(
        "apiVersion: headwater.dev/v1alpha1\nkind: Config\nspec:\n  environments:\n    - {{name: dev, paths: [\"{pattern}b.yaml\", \"**/{pattern}b/**\"]}}\n"
    );
    fs::write(folder.path().join("headwater.yaml"), configuration).unwrap();
    for length in 190..200 {
        let name = format!("{}.yaml", "a".repeat(length));
        fs::write(folder.path().join(name), stream("dev", "web", "1")).unwrap();
    }
    let output = Command::new(env!("CARGO_BIN_EXE_headwater"))
        .args(["--timeout", "30s", "validate"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}

#[test]
fn a_pass_that_is_killed_leaves_whole_branches_and_the_next_one_finishes() {
    let scene = many_moved();
    let git = |arguments: &[&str]| scene.origin.git(arguments);
    for branches in [0, 1, STREAMS / 2] {
        let mut pass = scene
            .command(&["reconcile", &scene.bare()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        until("branches of the pass", || {
            let is_over = pass.try_wait().unwrap().is_some();
            (is_over || scene.bot_branches().len() >= branches).then_some(())
        });
        pass.kill().unwrap();
        pass.wait().unwrap();
        remove_locks(&scene);
        git(&["fsck", "--strict", "--no-dangling"]);
        for branch in scene.bot_branches() {
            assert_eq!(
                git(&["rev-list", "--count", &format!("main..{branch}")]),
                "1"
            );
            assert_eq!(scene.changed(&branch).len(), 2, "{branch}");
        }
    }
    scene.settle();
    assert_eq!(scene.bot_branches().len(), STREAMS);
}

/// Git itself leaves the lock of a ref behind when it is killed just then, and so do we; the next
/// pass names it: `a_lock_that_stays_is_named`.
fn remove_locks(scene: &Scene) {
    for file in files_below(&scene.origin.path().join("refs")) {
        if file
            .extension()
            .is_some_and(|extension| extension == "lock")
        {
            fs::remove_file(file).unwrap();
        }
    }
}

/// As many streams as there may be branches, all pinned, all moved on.
fn many_moved() -> Scene {
    let scene = Scene::new();
    let configuration = format!(
        "apiVersion: headwater.dev/v1alpha1\nkind: Config\nspec:\n  pullRequests: {{maxOpen: {STREAMS}}}\n"
    );
    let names: Vec<String> = (0..STREAMS).map(|number| format!("app-{number}")).collect();
    let mut files = vec![("headwater.yaml".to_owned(), configuration)];
    for name in &names {
        files.push((format!("streams/{name}.yaml"), stream("dev", name, "1")));
        files.push((format!("apps/{name}.yaml"), deployment("dev", name, "1")));
        scene.image(&format!("acme/{name}"), "1", "first");
    }
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()))
        .collect();
    scene.commit(&files, "add");
    scene.reconcile().exits(0);
    scene.merge("headwater/default/first-pins");
    scene.settle();
    for name in &names {
        scene.image(&format!("acme/{name}"), "1", &format!("second {name}"));
    }
    scene
}

fn security() -> String {
    fs::read_to_string(root().join(".github/SECURITY.md")).unwrap()
}

/// What stands between backticks and looks like a test's name.
fn named(text: &str) -> BTreeSet<String> {
    let is_name = |text: &&str| {
        text.matches('_').count() >= 2
            && text
                .chars()
                .all(|letter| matches!(letter, 'a'..='z' | '0'..='9' | '_'))
    };
    let quoted = text.split('`').skip(1).step_by(2);
    quoted.filter(is_name).map(str::to_owned).collect()
}

/// The names of all tests, without their modules.
fn tests() -> BTreeSet<String> {
    let tests = own_tests();
    let last = |name: &String| name.rsplit("::").next().map(str::to_owned);
    tests.keys().filter_map(last).collect()
}
