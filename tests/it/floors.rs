//! The laws of the house, read from the paths that each source file names.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The rooms of each floor; `src/main.rs` stands on the roof and `src/lib.rs` only declares.
const FLOORS: [&[&str]; 6] = [
    &[
        "access",
        "copying",
        "environment",
        "field_path",
        "gate",
        "gate",
        "hold",
        "image",
        "lookup",
        "namespace",
        "object",
        "plain",
        "policy",
        "problem",
        "pull_request",
        "pull_secret",
        "revision",
        "selection",
        "snapshot",
        "stream",
        "tally",
        "trigger",
        "window",
    ],
    &["config", "dockerfile", "manifest", "yaml"],
    &["plan", "resolve", "show", "verb"],
    &["clock", "forge", "git", "registry", "worktree"],
    &["reconcile"],
    &["cli", "main", "serve", "telemetry"],
];
const ADAPTERS: usize = 3;

/// What floors 0 to 2 may not name: IO, the clock, the environment, randomness, logging.
const IMPURE: &[&str] = &[
    "axum",
    "clap",
    "git2",
    "ignore",
    "indicatif",
    "jiff::Timestamp::now",
    "jiff::Zoned::now",
    "reqwest",
    "std::env",
    "std::fs",
    "std::net::TcpListener",
    "std::net::TcpStream",
    "std::net::ToSocketAddrs",
    "std::net::UdpSocket",
    "std::net::self",
    "std::os",
    "std::process",
    "std::thread",
    "std::time::Instant",
    "std::time::SystemTime",
    "tokio",
    "tracing",
    "tracing_subscriber",
];

#[test]
fn the_house_keeps_its_laws() {
    let mut house = House::default();
    for (path, text) in sources() {
        house.visit(&path, &text);
    }
    house.find_circles();
    assert!(
        house.violations.is_empty(),
        "{}",
        house.violations.join("\n")
    );
}

#[test]
fn planted_violations_are_found() {
    for (path, text, expected) in [
        ("image/tag.rs", "use crate::yaml::Node;", "names `yaml`"),
        ("plan/pin.rs", "fn f() { crate::git::x() }", "names `git`"),
        (
            "git/read.rs",
            "use crate::{image::Tag, yaml};",
            "names `yaml`",
        ),
        (
            "git/read.rs",
            "use crate::registry::Client;",
            "names `registry`",
        ),
        (
            "registry/mod.rs",
            "use crate::resolve::x;",
            "names `resolve`",
        ),
        ("plan/pin.rs", "use super::branch::Name;", "`super::`"),
        ("plan/pin.rs", "use std::{fmt, fs};", "names `std::fs`"),
        (
            "yaml/edit.rs",
            "use std::time::{self, Instant};",
            "names `std::time::Instant`",
        ),
        ("plan/mod.rs", "pub async fn plan() {}", "is asynchronous"),
        ("plan/mod.rs", "use tracing::info;", "names `tracing`"),
        ("attic/mod.rs", "", "`attic` stands on no floor"),
        ("git/mod.rs", "use crate::Git;", "`Git` stands on no floor"),
    ] {
        let mut house = House::default();
        house.visit(Path::new(path), text);
        assert!(
            house
                .violations
                .iter()
                .any(|found| found.contains(expected)),
            "{path}: {text}: {:?}",
            house.violations
        );
    }
}

#[test]
fn circles_are_found() {
    let mut house = House::default();
    house.visit(Path::new("yaml/mod.rs"), "use crate::config::Limits;");
    house.visit(Path::new("config/mod.rs"), "use crate::yaml::Node;");
    house.find_circles();
    assert_eq!(house.violations, ["rooms name one another: config, yaml"]);
}

#[test]
fn what_is_allowed_passes() {
    let mut house = House::default();
    for (path, text) in [
        (
            "manifest/read.rs",
            "use crate::{image::Tag, yaml::{self, Node}};",
        ),
        (
            "plan/pin.rs",
            "// use crate::git;\nconst A: &str = \"crate::git::x\";",
        ),
        (
            "plan/pin.rs",
            "const A: char = '\"'; /* std::fs */ const B: &str = r#\"std::\"fs\"#;",
        ),
        (
            "plan/pin.rs",
            "fn f<'a>(x: &'a str) -> &'a str { x }\npub(super) fn g() {}",
        ),
        (
            "git/mod.rs",
            "use crate::revision::BranchName;\nuse crate::git::read;",
        ),
        (
            "yaml/edit.rs",
            "#[cfg(test)]\nmod tests {\n use super::*;\n use std::fs;\n}",
        ),
    ] {
        house.visit(Path::new(path), text);
    }
    assert_eq!(house.violations, [""; 0]);
}

#[derive(Default)]
struct House {
    /// Room → the rooms that it names.
    names: BTreeMap<String, BTreeSet<String>>,
    violations: Vec<String>,
}

impl House {
    /// Holds one file against the laws; `path` counts from `src/`.
    fn visit(&mut self, path: &Path, text: &str) {
        let room = room_of(path);
        if room == "lib" || is_test_file(path) {
            return;
        }
        let Some(floor) = floor_of(&room) else {
            self.report(
                path,
                &format!("`{room}` stands on no floor; say which in tests/it/floors.rs"),
            );
            return;
        };
        let tokens = tokens(product_part(text));
        if floor < ADAPTERS && tokens.iter().any(|token| token == "async") {
            self.report(path, "is asynchronous; floors 0 to 2 are not");
        }
        for named in paths(&tokens) {
            self.check(path, &room, floor, &named);
        }
    }

    fn check(&mut self, path: &Path, room: &str, floor: usize, named: &[String]) {
        let whole = named.join("::");
        let is_below =
            |prefix: &&&str| whole == **prefix || whole.starts_with(&format!("{prefix}::"));
        match named {
            [first, ..] if first == "super" => {
                self.report(path, "uses `super::`; write the path from `crate::`");
            }
            [first, other, ..] if first == "crate" || first == "headwater" => {
                if other == room || other == "self" {
                    return;
                }
                match floor_of(other) {
                    None => self.report(
                        path,
                        &format!("names `{whole}`: `{other}` stands on no floor"),
                    ),
                    Some(below) if below > floor || (floor == ADAPTERS && below > 0) => {
                        self.report(
                            path,
                            &format!("names `{other}` of floor {below} from floor {floor}"),
                        );
                    }
                    Some(_) => {
                        self.names
                            .entry(room.to_owned())
                            .or_default()
                            .insert(other.clone());
                    }
                }
            }
            _ if floor < ADAPTERS => {
                if let Some(impure) = IMPURE.iter().find(is_below) {
                    self.report(path, &format!("names `{impure}`; floors 0 to 2 are pure"));
                }
            }
            _ => {}
        }
    }

    /// Rooms of one floor may name one another in one direction only.
    fn find_circles(&mut self) {
        let mut left = self.names.clone();
        loop {
            let rooms: BTreeSet<String> = left.keys().cloned().collect();
            for named in left.values_mut() {
                named.retain(|room| rooms.contains(room));
            }
            let before = left.len();
            left.retain(|_, named| !named.is_empty());
            if left.len() == before {
                break;
            }
        }
        if !left.is_empty() {
            let rooms: Vec<&str> = left.keys().map(String::as_str).collect();
            self.violations
                .push(format!("rooms name one another: {}", rooms.join(", ")));
        }
    }

    fn report(&mut self, path: &Path, what: &str) {
        self.violations
            .push(format!("src/{}: {what}", path.display()));
    }
}

fn floor_of(room: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&room))
}

/// The first part of the path, without `.rs`.
fn room_of(path: &Path) -> String {
    let first = path.iter().next().unwrap_or_default().to_string_lossy();
    first.trim_end_matches(".rs").to_owned()
}

fn is_test_file(path: &Path) -> bool {
    path.iter().skip(1).any(|part| {
        let part = part.to_string_lossy();
        let stem = part.trim_end_matches(".rs");
        stem == "tests" || stem.ends_with("_tests")
    })
}

/// The text before the tests, which stand at a file's end.
fn product_part(text: &str) -> &str {
    let tests = text.match_indices("#[cfg(test)]").find(|(at, attribute)| {
        text[at + attribute.len()..]
            .trim_start()
            .starts_with("mod tests {")
    });
    tests.map_or(text, |(at, _)| &text[..at])
}

/// Identifiers, `::` and single characters; without comments and without what is in quotes.
fn tokens(text: &str) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    let starts = |at: usize, with: &str| {
        with.chars()
            .enumerate()
            .all(|(i, c)| characters.get(at + i) == Some(&c))
    };
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(&character) = characters.get(at) {
        if starts(at, "//") {
            at += characters[at..].iter().take_while(|&&c| c != '\n').count();
        } else if starts(at, "/*") {
            at += 2;
            while at < characters.len() && !starts(at, "*/") {
                at += 1;
            }
            at += 2;
        } else if character == '"' {
            at = behind_string(&characters, at);
        } else if character == 'r'
            && (starts(at, "r#\"") || starts(at, "r\"") || starts(at, "r##\""))
        {
            let hashes = characters[at + 1..]
                .iter()
                .take_while(|&&c| c == '#')
                .count();
            let end = format!("\"{}", "#".repeat(hashes));
            at += hashes + 2;
            while at < characters.len() && !starts(at, &end) {
                at += 1;
            }
            at += end.len();
        } else if character == '\'' {
            at = behind_quote(&characters, at);
        } else if character.is_alphanumeric() || character == '_' {
            let word: String = characters[at..]
                .iter()
                .take_while(|c| c.is_alphanumeric() || **c == '_')
                .collect();
            at += word.chars().count();
            tokens.push(word);
        } else if starts(at, "::") {
            tokens.push("::".to_owned());
            at += 2;
        } else {
            if !character.is_whitespace() {
                tokens.push(character.to_string());
            }
            at += 1;
        }
    }
    tokens
}

fn behind_string(characters: &[char], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(&character) = characters.get(at) {
        match character {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    at
}

/// Behind a character in quotes, or behind the `'` of a lifetime.
fn behind_quote(characters: &[char], start: usize) -> usize {
    if characters.get(start + 1) == Some(&'\\') {
        let length = characters[start + 3..]
            .iter()
            .take_while(|&&c| c != '\'')
            .count();
        return start + 3 + length + 1;
    }
    if characters.get(start + 2) == Some(&'\'') {
        return start + 3;
    }
    start + 1
}

/// Every path of two parts or more, groups spread out: `a::{b, c::d}` gives `a::b` and `a::c::d`.
fn paths(tokens: &[String]) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let is_path = is_word(&tokens[at]) && tokens.get(at + 1).is_some_and(|next| next == "::");
        at = if is_path {
            path(tokens, at, &[], &mut found)
        } else {
            at + 1
        };
    }
    found
}

/// Reads the path that starts at `at`; gives what stands behind it.
fn path(tokens: &[String], mut at: usize, above: &[String], found: &mut Vec<Vec<String>>) -> usize {
    let mut path = above.to_vec();
    while let Some(token) = tokens.get(at) {
        if token == "{" {
            at += 1;
            while tokens.get(at).is_some_and(|token| token != "}") {
                at = if tokens[at] == "," {
                    at + 1
                } else {
                    self::path(tokens, at, &path, found)
                };
            }
            return at + 1;
        }
        if is_word(token) {
            path.push(token.clone());
        }
        at += 1;
        if tokens.get(at).is_none_or(|token| token != "::") {
            break;
        }
        at += 1;
    }
    // `use a::b as c` inside a group.
    if tokens.get(at).is_some_and(|token| token == "as") {
        at += 2;
    }
    found.push(path);
    at
}

fn is_word(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Every source file, by its path below `src/`.
fn sources() -> Vec<(PathBuf, String)> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = crate::tidy::files_below(&src);
    files.retain(|file| file.extension().is_some_and(|extension| extension == "rs"));
    files
        .into_iter()
        .map(|file| {
            let text = std::fs::read_to_string(&file).unwrap();
            (file.strip_prefix(&src).unwrap().to_owned(), text)
        })
        .collect()
}
