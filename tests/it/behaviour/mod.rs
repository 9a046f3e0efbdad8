//! What OpenShift does, row by row, and the test that shows what headwater does there: the table
//! under `tests/behaviour/`, and the page that is made of it.
//!
//! The numbers of the rows are those of a description of OpenShift that lies beside the checkout;
//! where it does, no row of it may be missing in the table, and none may have changed unseen.

mod original;
mod page;
mod table;

use std::collections::BTreeSet;
use std::fs;

use crate::behaviour::table::{Row, Section, sections};
use crate::support::own_tests::{own_tests, root};

const PAGE: &str = "docs/openshift-behaviour.md";
const CASES: &str = "tests/cases";

#[test]
fn every_row_has_tests_or_a_reason() {
    for (section, row) in rows(&sections()) {
        let place = format!("tests/behaviour: {section} row {}", row.row);
        let is_shown = !row.tests.is_empty();
        assert!(
            is_shown || row.not_here.is_some(),
            "{place}: neither tests nor a reason"
        );
        assert!(
            row.differs.is_none() || is_shown,
            "{place}: what differs has no test"
        );
        assert!(
            row.differs.is_none() || row.not_here.is_none(),
            "{place}: both `differs` and `not_here`"
        );
        let texts = [Some(&row.is), row.differs.as_ref(), row.not_here.as_ref()];
        for text in texts.into_iter().flatten() {
            assert!(!text.trim().is_empty(), "{place}: an empty text");
        }
    }
}

#[test]
fn every_test_named_exists_and_none_is_named_twice_in_a_row() {
    let tests = own_tests();
    let mut missing = BTreeSet::new();
    for (section, row) in rows(&sections()) {
        let named: BTreeSet<&String> = row.tests.iter().collect();
        assert_eq!(named.len(), row.tests.len(), "{section} row {}", row.row);
        for (test, case) in row.tests.iter().map(|name| table::test_and_case(name)) {
            let is_case = case.is_none_or(|case| root().join(CASES).join(case).is_dir());
            if !(tests.contains_key(test) && is_case) {
                let case = case.unwrap_or_default();
                missing.insert(format!("{section} row {}: {test} {case}", row.row));
            }
        }
    }
    assert!(missing.is_empty(), "no such tests: {missing:#?}");
}

/// `HEADWATER_BLESS=1` writes the page anew.
#[test]
fn the_page_is_the_table() {
    let expected = page::page(&sections(), &own_tests());
    let file = root().join(PAGE);
    if std::env::var_os("HEADWATER_BLESS").is_some() {
        fs::write(&file, &expected).unwrap();
    }
    let committed = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        committed == expected,
        "{PAGE} differs from tests/behaviour; run the tests with HEADWATER_BLESS=1"
    );
}

#[test]
fn every_row_of_the_original_is_in_the_table_as_it_is_now() {
    let Some(original) = original::rows() else {
        return;
    };
    let sections = sections();
    let mut faults = Vec::new();
    for (section, texts) in &original {
        let mut open: BTreeSet<usize> = (1..=texts.len()).collect();
        for row in sections
            .iter()
            .filter(|it| it.section == *section)
            .flat_map(|it| &it.rows)
        {
            let place = row.place();
            match texts.get(place.first - 1..place.last) {
                Some(texts) if original::hash(texts) == place.hash => {}
                Some(texts) => faults.push(format!(
                    "{section}/{} has changed, and is {} now: {texts:?}",
                    row.row,
                    original::hash(texts)
                )),
                None => faults.push(format!("{section}/{} is gone", row.row)),
            }
            for number in place.first..=place.last {
                let is_new = open.remove(&number);
                if !is_new && place.part.is_none() {
                    faults.push(format!("{section}/{number} stands twice"));
                }
            }
        }
        for number in open {
            let text = &texts[number - 1..number];
            let hash = original::hash(text);
            faults.push(format!("{section}/{number} {hash} is missing: {text:?}"));
        }
    }
    for section in &sections {
        if !original.contains_key(&section.section) {
            faults.push(format!("the section {} is gone", section.section));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

fn rows(sections: &[Section]) -> impl Iterator<Item = (&str, &Row)> {
    sections.iter().flat_map(|section| {
        section
            .rows
            .iter()
            .map(|row| (section.section.as_str(), row))
    })
}
