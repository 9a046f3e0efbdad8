//! The table as a page for people.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::behaviour::CASES;
use crate::behaviour::table::{Row, Section, test_and_case};

const HEAD: &str = "# OpenShift's behaviour, row by row

What OpenShift's image streams and triggers do, what headwater does there, and the tests that show
it. Nothing under \"Here\" means: the same. Generated from `tests/behaviour/`; the tests keep it in
step (`HEADWATER_BLESS=1 cargo test --test it behaviour` writes it anew).
";

/// `tests` has the file of each test, by name.
pub fn page(sections: &[Section], tests: &BTreeMap<String, String>) -> String {
    let mut page = HEAD.to_owned();
    for section in sections {
        write!(page, "\n## {} {}\n\n", section.section, section.title).unwrap();
        page.push_str("| | OpenShift | Here | Shown by |\n|---|---|---|---|\n");
        for row in &section.rows {
            let number = row.row.split(' ').next().unwrap_or_default();
            let links: Vec<String> = row.tests.iter().map(|name| link(name, tests)).collect();
            let (is, here) = (cell(&row.is), cell(&here(row)));
            let links = links.join(", ");
            writeln!(page, "| {number} | {is} | {here} | {links} |").unwrap();
        }
    }
    page
}

fn here(row: &Row) -> String {
    match (&row.differs, &row.not_here) {
        (Some(differs), _) => differs.clone(),
        (None, Some(reason)) => format!("Not here: {reason}"),
        (None, None) => String::new(),
    }
}

fn cell(text: &str) -> String {
    text.trim().replace('|', "\\|").replace('\n', " ")
}

fn link(name: &str, tests: &BTreeMap<String, String>) -> String {
    let (test, case) = test_and_case(name);
    if let Some(case) = case {
        return format!("[`{case}`](../{CASES}/{case})");
    }
    let short = test.rsplit("::").next().unwrap_or(test);
    let file = tests.get(test).map_or("", String::as_str);
    format!("[`{short}`](../{file})")
}
