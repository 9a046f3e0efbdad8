//! What differs between two environments beside the bot's bytes.

use std::fmt::Write as _;

use serde::Serialize;
use similar::{ChangeTag, TextDiff};

use crate::plain::plain;

/// What `drift` shows.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Drift {
    pub pairs: Vec<Pair>,
}

/// Two environments.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Pair {
    pub from: String,
    pub to: String,
    pub differences: Vec<Difference>,
}

/// A file, or an object, that is not the same in both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// A path, or `Kind/name`.
    pub name: String,
    pub change: Change,
    pub added: usize,
    pub removed: usize,
    /// Unified; empty where it is no text.
    pub diff: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Change {
    Changed,
    OnlyInFrom,
    OnlyInTo,
    /// No text, or too large to be compared.
    NotCompared,
}

/// One side of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side<'a> {
    Missing,
    /// What people wrote.
    Text(&'a str),
    /// No text, or too large.
    Opaque,
}

/// None where both are the same. `labels` stand before the names in the diff's head.
pub fn difference(
    name: &str,
    from: Side<'_>,
    to: Side<'_>,
    labels: (&str, &str),
) -> Option<Difference> {
    let change = match (from, to) {
        (Side::Missing, Side::Missing) => return None,
        (Side::Missing, _) => Change::OnlyInTo,
        (_, Side::Missing) => Change::OnlyInFrom,
        (Side::Opaque, _) | (_, Side::Opaque) => Change::NotCompared,
        (Side::Text(from), Side::Text(to)) if from == to => return None,
        (Side::Text(_), Side::Text(_)) => Change::Changed,
    };
    let (Some(before), Some(after)) = (text(from), text(to)) else {
        return Some(Difference {
            name: name.to_owned(),
            change,
            added: 0,
            removed: 0,
            diff: String::new(),
        });
    };
    let compared = TextDiff::from_lines(before, after);
    let count = |tag| {
        let changes = compared.iter_all_changes();
        changes.filter(|change| change.tag() == tag).count()
    };
    let head = |side, label: &str| match side {
        Side::Missing => "/dev/null".to_owned(),
        _ => format!("{label}/{name}"),
    };
    let mut unified = compared.unified_diff();
    let unified = unified
        .context_radius(3)
        .header(&head(from, labels.0), &head(to, labels.1));
    Some(Difference {
        name: name.to_owned(),
        change,
        added: count(ChangeTag::Insert),
        removed: count(ChangeTag::Delete),
        diff: unified.to_string(),
    })
}

fn text(side: Side<'_>) -> Option<&str> {
    match side {
        Side::Missing => Some(""),
        Side::Text(text) => Some(text),
        Side::Opaque => None,
    }
}

/// The differences as a list.
pub fn drift_text(drift: &Drift) -> String {
    let mut text = String::new();
    for pair in &drift.pairs {
        if !text.is_empty() {
            text.push('\n');
        }
        let Pair {
            from,
            to,
            differences,
        } = pair;
        if differences.is_empty() {
            let _ = writeln!(text, "{from} -> {to}: nothing differs beside pins");
            continue;
        }
        let plural = if differences.len() == 1 { "s" } else { "" };
        let _ = writeln!(
            text,
            "{from} -> {to}: {} differ{plural} beside pins",
            differences.len()
        );
        for difference in differences {
            let name = plain(&difference.name);
            let _ = match difference.change {
                Change::Changed => writeln!(
                    text,
                    "  {name}  +{} -{}",
                    difference.added, difference.removed
                ),
                Change::OnlyInFrom => writeln!(text, "  {name}  only in {from}"),
                Change::OnlyInTo => writeln!(text, "  {name}  only in {to}"),
                Change::NotCompared => writeln!(text, "  {name}  differs, and is no text"),
            };
        }
    }
    text
}

/// All diffs, one after the other.
pub fn drift_diff(drift: &Drift) -> String {
    let pairs = drift.pairs.iter();
    let differences = pairs.flat_map(|pair| {
        let all = pair.differences.iter();
        all.map(move |difference| match difference.diff.as_str() {
            "" => format!(
                "{} differs between {} and {}\n",
                plain(&difference.name),
                pair.from,
                pair.to
            ),
            diff => diff.to_owned(),
        })
    });
    differences.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_counted_and_shown() {
        let of = |from, to| difference("a.yaml", from, to, ("dev", "prod"));
        assert_eq!(of(Side::Text("a\n"), Side::Text("a\n")), None);
        assert_eq!(of(Side::Missing, Side::Missing), None);
        let changed = of(Side::Text("a\nb\n"), Side::Text("a\nc\nd\n")).unwrap();
        assert_eq!((changed.added, changed.removed), (2, 1));
        assert_eq!(
            changed.diff,
            "--- dev/a.yaml\n+++ prod/a.yaml\n@@ -1,2 +1,3 @@\n a\n-b\n+c\n+d\n"
        );
        let only = of(Side::Text("a\n"), Side::Missing).unwrap();
        assert_eq!(only.change, Change::OnlyInFrom);
        assert!(only.diff.contains("+++ /dev/null"), "{}", only.diff);
        let opaque = of(Side::Opaque, Side::Text("a\n")).unwrap();
        assert_eq!(opaque.change, Change::NotCompared);
        let drift = Drift {
            pairs: vec![
                Pair {
                    from: "dev".to_owned(),
                    to: "prod".to_owned(),
                    differences: vec![changed, only, opaque],
                },
                Pair {
                    from: "dev".to_owned(),
                    to: "qa".to_owned(),
                    differences: Vec::new(),
                },
            ],
        };
        assert_eq!(
            drift_text(&drift),
            "\
dev -> prod: 3 differ beside pins
  a.yaml  +2 -1
  a.yaml  only in dev
  a.yaml  differs, and is no text

dev -> qa: nothing differs beside pins
"
        );
    }
}
