//! Files with more bytes than are parsed: bundles of CustomResourceDefinitions, mostly.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

use crate::manifest::facts::{FieldFacts, FileFacts, Finding, Spot, WantedField};
use crate::problem::Severity;
use crate::yaml::MAX_FILE_BYTES;

/// Words that only somebody writes who means us.
const SIGNS: &[&str] = &[
    "ImageStream",
    "image.openshift.io",
    "alpha.image.policy.openshift.io",
    "$imagestream",
    "headwater.dev/",
];

/// The facts of a file of `size` bytes, which is not parsed. `bytes` is its content, or none
/// where even a search in it would take too long. An error only where it means us.
pub fn oversized(size: u64, bytes: Option<&[u8]>) -> FileFacts {
    static SEARCH: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| AhoCorasick::new(SIGNS).ok());
    let means_us = |bytes: &[u8]| SEARCH.as_ref().is_none_or(|search| search.is_match(bytes));
    let severity = if bytes.is_none_or(means_us) {
        Severity::Error
    } else {
        Severity::Note
    };
    let start = Spot { line: 1, column: 1 };
    FileFacts {
        findings: vec![Finding::new(start, severity, message(size))],
        ..FileFacts::default()
    }
}

/// The answers where a file of `size` bytes was asked for fields.
pub fn oversized_fields(size: u64, wanted: &[WantedField]) -> FieldFacts {
    FieldFacts {
        answers: wanted
            .iter()
            .map(|wanted| (wanted.clone(), Err(message(size))))
            .collect(),
    }
}

fn message(size: u64) -> String {
    format!("the file has {size} bytes, more than the {MAX_FILE_BYTES} that are read")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_file_that_means_us_is_an_error() {
        let severity = |bytes: Option<&[u8]>| oversized(9, bytes).findings[0].severity;
        assert_eq!(
            severity(Some(b"kind: CustomResourceDefinition")),
            Severity::Note
        );
        assert_eq!(severity(Some(b"kind: ImageStream")), Severity::Error);
        assert_eq!(severity(None), Severity::Error);
    }
}
