//! The page about operations tells what there is, and nothing else.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use headwater::serve::metrics::NAMES;

#[test]
fn every_metric_is_documented_and_no_other() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operations.md");
    let page = fs::read_to_string(path).unwrap();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
    let named: BTreeSet<&str> = rows
        .filter_map(|row| row.split(['`', '{']).next())
        .filter(|name| name.starts_with("headwater_") || name.starts_with("process_"))
        .collect();
    assert_eq!(named, NAMES.into_iter().collect());
}
