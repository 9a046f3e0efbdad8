//! The tests of this crate, as its sources declare them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::tidy::files_below;

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Tests that a macro makes of one list, for each forge: their names stand in no `fn`.
const BY_MACRO: [&str; 2] = ["forge::contract::", "hosting::every::"];

/// The file of each test by the name that `cargo test` gives it, such as
/// `plan::status::tests::the_history_has_openshifts_rules`.
pub fn own_tests() -> BTreeMap<String, String> {
    let mut tests = BTreeMap::new();
    for folder in ["src", "tests/it"] {
        for path in files_below(&root().join(folder)) {
            let Ok(text) = fs::read_to_string(&path) else {
                continue;
            };
            let file = path.strip_prefix(root()).unwrap().to_str().unwrap();
            let module = module(&file[folder.len() + 1..]);
            for name in tests_of(&text) {
                tests.insert(format!("{module}{name}"), file.to_owned());
            }
        }
    }
    tests
}

/// `a/b.rs` is `a::b::`, and so is `a/b/mod.rs`.
fn module(file: &str) -> String {
    let path = file.trim_end_matches(".rs");
    match path.strip_suffix("/mod").unwrap_or(path) {
        "lib" | "main" => String::new(),
        path => format!("{}::", path.replace('/', "::")),
    }
}

/// With the module inside the file that they stand in.
fn tests_of(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    let (mut is_test, mut inner) = (false, String::new());
    for line in text.lines() {
        match line
            .strip_prefix("mod ")
            .and_then(|rest| rest.strip_suffix(" {"))
        {
            Some(name) => inner = format!("{name}::"),
            None if line == "}" => inner.clear(),
            None => {}
        }
        let line = line.trim_start();
        is_test |= line == "#[test]" || line.starts_with("#[tokio::test");
        let name = line
            .trim_start_matches("async ")
            .strip_prefix("fn ")
            .and_then(|rest| rest.split('(').next());
        if let (true, Some(name)) = (is_test, name) {
            is_test = false;
            if name.starts_with('$') {
                continue;
            }
            names.push(format!("{inner}{name}"));
        }
    }
    names
}

/// What the test harness itself says of this binary.
#[test]
fn every_test_of_this_binary_is_found() {
    let listed = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--list", "--format", "terse"])
        .output()
        .unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    let listed: Vec<&str> = listed
        .lines()
        .filter_map(|line| line.strip_suffix(": test"))
        .filter(|name| !BY_MACRO.iter().any(|prefix| name.starts_with(prefix)))
        .collect();
    let found = own_tests();
    let in_this: Vec<&str> = found
        .iter()
        .filter(|(_, file)| file.starts_with("tests/it/"))
        .map(|(name, _)| name.as_str())
        .collect();
    let mut listed = listed;
    listed.sort_unstable();
    assert_eq!(in_this, listed);
}
