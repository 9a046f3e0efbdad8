//! Labels go over in one text, with commas between them.

use std::collections::BTreeSet;

/// None where there are none. GitLab knows no label with a comma in it: one would be two.
pub fn list(labels: &BTreeSet<String>) -> Option<String> {
    let labels: Vec<&str> = labels
        .iter()
        .map(String::as_str)
        .filter(|label| !label.contains(','))
        .collect();
    (!labels.is_empty()).then(|| labels.join(","))
}
