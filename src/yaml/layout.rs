use std::collections::BTreeMap;

use crate::yaml::render::Layout;
use crate::yaml::{Collection, Node, Source, Value};

impl Layout {
    /// The style that most of the file is written in.
    pub fn of(source: &Source<'_>) -> Self {
        let mut units = BTreeMap::new();
        let mut dashes = BTreeMap::new();
        for root in source.documents.iter().filter_map(|d| d.root.as_ref()) {
            count(source, root, &mut units, &mut dashes);
        }
        let default = Self::default();
        Self {
            eol: eol(source.text()),
            unit: most(&units).unwrap_or(default.unit),
            dash: most(&dashes).unwrap_or(default.dash),
        }
    }
}

fn eol(text: &str) -> &'static str {
    match text.split_once('\n') {
        Some((line, _)) if line.ends_with('\r') => "\r\n",
        _ => "\n",
    }
}

/// The most frequent depth, the smaller of two.
fn most(counts: &BTreeMap<usize, usize>) -> Option<usize> {
    let most = counts.values().max()?;
    counts
        .iter()
        .find(|(_, count)| *count == most)
        .map(|(depth, _)| *depth)
}

fn count(
    source: &Source<'_>,
    node: &Node,
    units: &mut BTreeMap<usize, usize>,
    dashes: &mut BTreeMap<usize, usize>,
) {
    for (_, value) in node.entries() {
        if let (Some(holder), Some(child)) = (column(source, node), column(source, value)) {
            let depth = child.saturating_sub(holder);
            match &value.value {
                Value::Mapping { .. } => *units.entry(depth.max(1)).or_default() += 1,
                _ => *dashes.entry(depth).or_default() += 1,
            }
        }
        count(source, value, units, dashes);
    }
    for item in node.items() {
        count(source, item, units, dashes);
    }
}

/// The column, from 0, where the keys or dashes of a block collection stand.
pub(crate) fn column(source: &Source<'_>, node: &Node) -> Option<usize> {
    let start = match &node.value {
        Value::Mapping {
            entries,
            form: Collection::Block,
        } => {
            // An anchor before a key hides where its line begins.
            let (key, _) = entries
                .iter()
                .find(|(key, _)| key.anchor == 0 && key.tag.is_none())?;
            key.span.start
        }
        Value::Sequence {
            form: Collection::Block,
            ..
        } => node.span.start,
        _ => return None,
    };
    let before = line_start(source.text(), start);
    let blanks_and_dashes = before
        .bytes()
        .all(|byte| matches!(byte, b' ' | b'-' | b'?'));
    blanks_and_dashes.then_some(before.len())
}

/// What stands on the line before `offset`.
pub(crate) fn line_start(text: &str, offset: usize) -> &str {
    let before = text.get(..offset).unwrap_or_default();
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    let line = before.get(start..).unwrap_or_default();
    line.trim_start_matches('\u{feff}')
}

/// The blanks that the line of `offset` begins with.
pub(crate) fn line_indent(text: &str, offset: usize) -> &str {
    let line = line_start(text, offset);
    let blanks = line.len() - line.trim_start_matches([' ', '\t']).len();
    line.get(..blanks).unwrap_or_default()
}

/// Whether only blanks stand on the line before `offset`.
pub(crate) fn begins_line(text: &str, offset: usize) -> bool {
    line_start(text, offset)
        .trim_matches([' ', '\t'])
        .is_empty()
}

/// The end of the line where `offset` stands, before its line break.
pub(crate) fn line_end(text: &str, offset: usize) -> usize {
    let rest = text.get(offset..).unwrap_or_default();
    let line = rest.split('\n').next().unwrap_or_default();
    offset + line.strip_suffix('\r').unwrap_or(line).len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_majority_of_a_file_is_its_style() {
        for (text, unit, dash) in [
            ("a: 1\n", 2, 0),
            ("a:\n    b:\n        c: 1\n", 4, 0),
            ("a:\n  - b: 1\n    c:\n      - 1\n", 2, 2),
            ("a:\n- b: 1\n  c:\n  - 1\nd:\n  - 1\n", 2, 0),
            ("a:\n   b: &x\n     - 1\n", 3, 2),
        ] {
            let layout = Layout::of(&Source::parse(text.as_bytes()));
            assert_eq!((layout.unit, layout.dash), (unit, dash), "{text}");
        }
        assert_eq!(Layout::of(&Source::parse(b"a: 1\r\n")).eol, "\r\n");
    }
}
