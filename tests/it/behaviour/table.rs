//! The table: `tests/behaviour/*.yaml`, a list of sections each.

use std::fs;

use serde::Deserialize;

use crate::support::own_tests::root;
use crate::tidy::files_below;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Section {
    /// As the original numbers it: `1.5`, `11b`.
    pub section: String,
    pub title: String,
    pub rows: Vec<Row>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// `3 89056a`: the third row of the original, and the beginning of the hash of its text. `3b …`
    /// where one row says several things, `3-7 …` where several say one.
    pub row: String,
    /// What OpenShift does.
    pub is: String,
    /// What headwater does instead, on purpose.
    pub differs: Option<String>,
    /// Why headwater has nothing of the kind.
    pub not_here: Option<String>,
    /// As `cargo test` names them. `test#folder` where it is one case of the test that shows it, in
    /// `tests/cases/folder`.
    #[serde(default)]
    pub tests: Vec<String>,
}

/// Where a row stands in its section of the original.
#[derive(Debug, PartialEq, Eq)]
pub struct Place<'a> {
    pub first: usize,
    pub last: usize,
    pub part: Option<char>,
    pub hash: &'a str,
}

impl Row {
    pub fn place(&self) -> Place<'_> {
        let (numbers, hash) = self
            .row
            .split_once(' ')
            .unwrap_or_else(|| panic!("`{}` has no hash", self.row));
        let part = numbers.chars().last().filter(char::is_ascii_lowercase);
        let numbers = numbers.trim_end_matches(|letter: char| letter.is_ascii_lowercase());
        let (first, last) = numbers.split_once('-').unwrap_or((numbers, numbers));
        let number = |text: &str| match text.parse() {
            Ok(number @ 1..) => number,
            _ => panic!("`{}` is no row", self.row),
        };
        Place {
            first: number(first),
            last: number(last),
            part,
            hash,
        }
    }
}

/// A test's name, and the folder of the case that is meant.
pub fn test_and_case(name: &str) -> (&str, Option<&str>) {
    match name.split_once('#') {
        Some((test, case)) => (test, Some(case)),
        None => (name, None),
    }
}

/// All sections, in the order of the files and in them.
pub fn sections() -> Vec<Section> {
    let mut sections = Vec::new();
    for file in files_below(&root().join("tests/behaviour")) {
        let text = fs::read_to_string(&file).unwrap();
        let read: Result<Vec<Section>, _> = serde_yaml::from_str(&text);
        sections.extend(read.unwrap_or_else(|error| panic!("{}: {error}", file.display())));
    }
    sections
}

#[test]
fn rows_are_numbers_ranges_and_parts() {
    let row = |text: &str| Row {
        row: text.to_owned(),
        is: String::new(),
        differs: None,
        not_here: None,
        tests: Vec::new(),
    };
    for (text, first, last, part) in [
        ("3 0a1b2c", 3, 3, None),
        ("3b 0a1b2c", 3, 3, Some('b')),
        ("3-12 0a1b2c", 3, 12, None),
    ] {
        let row = row(text);
        let expected = Place {
            first,
            last,
            part,
            hash: "0a1b2c",
        };
        assert_eq!(row.place(), expected, "{text}");
    }
}
