//! Which moves share a branch, and what it is called.

use std::collections::BTreeMap;

use crate::environment::EnvironmentName;
use crate::image::Digest;
use crate::plan::due::Move;
use crate::policy::GroupBy;
use crate::revision::BranchName;
use crate::stream::{DocumentAddress, ImageStream, StreamTagName};

/// Moves that are proposed together.
#[derive(Debug)]
pub struct Group {
    pub name: String,
    /// The environment that its images come from, where some do.
    pub from: Option<EnvironmentName>,
    pub moves: Vec<Move>,
}

/// The group of images that had no digest before.
pub const FIRST_PINS: &str = "first-pins";

/// Divides the moves; groups that edit one document become one.
pub fn groups(moves: Vec<Move>, streams: &[ImageStream], group_by: GroupBy) -> Vec<Group> {
    let mut sets = DisjointSets::new(moves.len());
    let mut by_name: BTreeMap<String, usize> = BTreeMap::new();
    let mut by_document: BTreeMap<DocumentAddress, usize> = BTreeMap::new();
    for (number, moved) in moves.iter().enumerate() {
        let first = *by_name.entry(group_name(moved, group_by)).or_insert(number);
        sets.join(first, number);
        for document in documents(moved, streams) {
            let first = *by_document.entry(document).or_insert(number);
            sets.join(first, number);
        }
    }
    let mut groups: BTreeMap<usize, Group> = BTreeMap::new();
    for (number, moved) in moves.into_iter().enumerate() {
        let name = group_name(&moved, group_by);
        let group = groups.entry(sets.root(number)).or_insert_with(|| Group {
            name: name.clone(),
            from: None,
            moves: Vec::new(),
        });
        let from = moved.promotion().map(|from| &from.environment);
        let is_better = match (from, &group.from) {
            // What is promoted comes in one group, whatever has to come along.
            (Some(from), None) => {
                group.from = Some(from.clone());
                true
            }
            (None, Some(_)) => false,
            _ => is_better_name(&name, &group.name),
        };
        if is_better {
            group.name = name;
        }
        group.moves.push(moved);
    }
    let mut groups: Vec<Group> = groups.into_values().collect();
    groups.sort_by(|a, b| a.name.cmp(&b.name));
    groups
}

/// The group of all that comes from one environment.
pub fn promotion_group(from: &EnvironmentName) -> String {
    format!("from-{from}")
}

/// A joined group goes by its first name, and by [`FIRST_PINS`] only where all are.
fn is_better_name(name: &str, than: &str) -> bool {
    name != FIRST_PINS && (than == FIRST_PINS || name < than)
}

fn group_name(moved: &Move, group_by: GroupBy) -> String {
    let StreamTagName { stream, tag } = &moved.tag;
    if let Some(from) = moved.promotion() {
        return promotion_group(&from.environment);
    }
    if moved.is_first_pin() {
        return FIRST_PINS.to_owned();
    }
    // `.` cannot stand in a namespace, nor `@` in any of the three: no two groups share a name.
    match group_by {
        GroupBy::Stream => format!("{}.{}", stream.namespace, stream.name),
        GroupBy::Tag => format!("{}.{}@{tag}", stream.namespace, stream.name),
        GroupBy::Namespace => stream.namespace.clone(),
        GroupBy::Environment => "images".to_owned(),
    }
}

fn documents<'a>(
    moved: &'a Move,
    streams: &'a [ImageStream],
) -> impl Iterator<Item = DocumentAddress> + 'a {
    let stream = moved
        .record
        .as_ref()
        .and_then(|record| streams.get(record.stream))
        .map(|stream| stream.document.clone());
    let fields = moved
        .fields
        .iter()
        .map(|field| field.trigger.target.document.clone());
    stream.into_iter().chain(fields)
}

/// `headwater/<environment>/<group>`; what would not be a valid or a short name ends in 8 hex
/// digits of its hash.
pub fn branch_name(
    environment: &EnvironmentName,
    group: &str,
    attempt: usize,
) -> Option<BranchName> {
    const LONGEST: usize = 100;
    let suffix = if attempt > 1 {
        format!("-{attempt}")
    } else {
        String::new()
    };
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '@');
    let is_good = group.len() <= LONGEST
        && group.chars().all(is_plain)
        && format!("x/{group}").parse::<BranchName>().is_ok();
    let part = if is_good {
        group.to_owned()
    } else {
        let plain: String = group
            .chars()
            .map(|c| {
                if is_plain(c) && c != '.' && c != '@' {
                    c
                } else {
                    '-'
                }
            })
            .take(LONGEST)
            .collect();
        let hash: String = Digest::of(group.as_bytes())
            .encoded()
            .chars()
            .take(8)
            .collect();
        format!("{plain}-{hash}")
    };
    format!("headwater/{environment}/{part}{suffix}")
        .parse()
        .ok()
}

struct DisjointSets(Vec<usize>);

impl DisjointSets {
    fn new(count: usize) -> Self {
        Self((0..count).collect())
    }

    fn root(&mut self, mut number: usize) -> usize {
        while let Some(parent) = self.0.get(number).copied() {
            if parent == number {
                break;
            }
            let grandparent = self.0.get(parent).copied().unwrap_or(parent);
            if let Some(slot) = self.0.get_mut(number) {
                *slot = grandparent;
            }
            number = grandparent;
        }
        number
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        // The smaller number stays: the order of the groups is that of the moves.
        if let Some(slot) = self.0.get_mut(a.max(b)) {
            *slot = a.min(b);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branch_names_are_valid_whatever_the_group() {
        let dev = "dev".parse().unwrap();
        let name = |group: &str, attempt| branch_name(&dev, group, attempt).unwrap().to_string();
        assert_eq!(name("app.web", 1), "headwater/dev/app.web");
        assert_eq!(name("app.web@1.10", 2), "headwater/dev/app.web@1.10-2");
        for odd in [
            "a b",
            "x..y",
            "end.lock",
            "ü",
            &"long".repeat(60),
            "a@{1}",
            "-.",
            "a\nb",
        ] {
            let name = name(odd, 1);
            assert!(name.len() < 140, "{name}");
            assert!(name.rsplit('-').next().unwrap().len() == 8, "{name}");
        }
        assert_ne!(name("a b", 1), name("a  b", 1));
    }
}
