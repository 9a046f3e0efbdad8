//! `-l key=value,…` of commands that make objects.

use std::collections::BTreeMap;

use crate::verb::Refused;

/// kubectl `pkg/generate`, `ParseLabels`; an empty text is refused as there.
pub(crate) fn parse_labels(text: &str) -> Result<BTreeMap<String, String>, Refused> {
    if text.is_empty() {
        return Err(Refused::new("no label spec passed"));
    }
    let parts = text.split(',').map(|part| match part.split_once('=') {
        Some(("", _)) => Err(Refused::new("unexpected empty label key")),
        Some((key, value)) if !value.contains('=') => Ok((key.to_owned(), value.to_owned())),
        _ => Err(Refused::new(format!("unexpected label spec: {part}"))),
    });
    parts.collect()
}
