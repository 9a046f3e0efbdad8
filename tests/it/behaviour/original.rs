//! The rows of the original description: the rows of its tables, the items of its lists, the lines
//! of its code and its paragraphs, numbered in each section.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use headwater::image::Digest;

use crate::support::own_tests::root;

/// The texts of the rows by section; none where the description is not there.
pub fn rows() -> Option<BTreeMap<String, Vec<String>>> {
    let named = std::env::var_os("HEADWATER_REFERENCE").map(PathBuf::from);
    let file = named.unwrap_or_else(|| root().join("../shared/imagestreams.md"));
    let Ok(text) = fs::read_to_string(&file) else {
        println!("skipped: no description of OpenShift at {}", file.display());
        return None;
    };
    let rows = rows_of(&text);
    assert!(!rows.is_empty(), "{} has no rows", file.display());
    Some(rows)
}

/// Enough of a hash to see that a text has changed.
pub fn hash(texts: &[String]) -> String {
    let digest = Digest::of(texts.join("\n").as_bytes());
    digest.encoded()[..6].to_owned()
}

fn rows_of(text: &str) -> BTreeMap<String, Vec<String>> {
    let mut rows = BTreeMap::new();
    let mut section = None;
    let mut open: Option<String> = None;
    let mut is_code = false;
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let is_fence = line.starts_with("```");
        let is_bare = line.chars().all(|letter| matches!(letter, '-' | ' '));
        let is_row = line.starts_with('|');
        let is_heading = !is_code && line.starts_with('#');
        if is_code || is_fence || is_bare || is_row || is_heading || begins_item(line) {
            close(&mut rows, section.as_ref(), open.take());
        }
        is_code ^= is_fence;
        if is_heading {
            section = number(line);
        } else if !(is_fence || is_bare) {
            let next = lines.peek().copied().unwrap_or_default();
            let is_head = is_row && [line, next].iter().any(|line| line.starts_with("|---"));
            match &mut open {
                _ if is_head => {}
                Some(text) => {
                    text.push(' ');
                    text.push_str(line);
                }
                None => open = Some(line.to_owned()),
            }
            if is_code || is_row {
                close(&mut rows, section.as_ref(), open.take());
            }
        }
    }
    close(&mut rows, section.as_ref(), open);
    rows
}

/// Lists of files say where something stands, not what happens.
fn close(rows: &mut BTreeMap<String, Vec<String>>, section: Option<&String>, open: Option<String>) {
    let (Some(section), Some(text)) = (section, open) else {
        return;
    };
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if !text.starts_with("Files:") {
        rows.entry(section.clone()).or_default().push(text);
    }
}

/// `- ` or `1. `
fn begins_item(line: &str) -> bool {
    let digits = line.trim_start_matches(|letter: char| letter.is_ascii_digit());
    line.starts_with("- ") || digits.len() < line.len() && digits.starts_with(". ")
}

/// `### 1.5 History` and `## 3. Triggers` have numbers.
fn number(heading: &str) -> Option<String> {
    let word = heading.trim_start_matches('#').split_whitespace().next()?;
    let is_number = word.starts_with(|letter: char| letter.is_ascii_digit());
    is_number.then(|| word.trim_end_matches('.').to_owned())
}

#[test]
fn rows_of_every_kind_are_found() {
    let text = "before\n## 1. One\nFiles: a,\nb\n\na paragraph\nof two lines\n- an item\n  of two\n1. first\n\n----\n### 1.2 Two\n| a | b |\n|---|---|\n| c | d |\nbelow\n```\ncode\n\n- more\n```\nend\n## 11b. Last\nx\n## No number\ny\n";
    let expected = [
        (
            "1",
            vec!["a paragraph of two lines", "- an item of two", "1. first"],
        ),
        ("1.2", vec!["| c | d |", "below", "code", "- more", "end"]),
        ("11b", vec!["x"]),
    ];
    let expected: BTreeMap<String, Vec<String>> = expected
        .map(|(section, rows)| {
            let rows = rows.into_iter().map(str::to_owned).collect();
            (section.to_owned(), rows)
        })
        .into();
    assert_eq!(rows_of(text), expected);
}
