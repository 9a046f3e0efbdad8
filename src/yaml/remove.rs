use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;

use serde_json::{Value as Json, json};

use crate::field_path::FieldPath;
use crate::yaml::check::{Change, Changes, same_values};
use crate::yaml::edit::{Reason, Refusal};
use crate::yaml::layout::{column, line_end};
use crate::yaml::locate::Way;
use crate::yaml::put::Pieces;
use crate::yaml::render::Layout;
use crate::yaml::site::Site;
use crate::yaml::splice::{Part, Splice};
use crate::yaml::{Edit, Node, Position, Source, Value, replace};

/// The members and items that are removed from one file, by what holds them.
#[derive(Debug, Default)]
pub(crate) struct Removals<'s> {
    holders: Vec<Removal<'s>>,
    by_holder: HashMap<*const Node, usize>,
}

#[derive(Debug)]
struct Removal<'s> {
    document: usize,
    /// The first edit that removes from it.
    edit: usize,
    holder: Way<'s>,
    children: BTreeSet<usize>,
}

impl<'s> Removals<'s> {
    /// Removes what stands at `field`, which is not the document itself.
    pub fn add(&mut self, site: &Site<'s>, edit: usize, field: &FieldPath) -> Result<(), Reason> {
        let way = site.existing(field)?;
        let Some((parent, _)) = field.split_last() else {
            return Ok(());
        };
        let holder = site.existing(&parent)?;
        let node = std::ptr::from_ref(way.node());
        let child = children(holder.node())
            .iter()
            .position(|child| std::ptr::eq(child.value, node));
        let Some(child) = child else {
            return Err(site.reason(way.node().span.start, "what holds the field is not clear"));
        };
        let next = self.holders.len();
        let number = *self
            .by_holder
            .entry(std::ptr::from_ref(holder.node()))
            .or_insert(next);
        if number == next {
            self.holders.push(Removal {
                document: site.document.index,
                edit,
                holder,
                children: BTreeSet::new(),
            });
        }
        if let Some(removal) = self.holders.get_mut(number) {
            removal.children.insert(child);
        }
        Ok(())
    }

    /// The splices for all that was gathered.
    pub fn finish(
        self,
        sites: &HashMap<usize, Site<'s>>,
        changes: &mut Changes,
        splices: &mut Vec<Splice>,
        refusals: &mut Vec<Refusal>,
    ) {
        for removal in self.holders {
            let Some(site) = sites.get(&removal.document) else {
                continue;
            };
            let edit = removal.edit;
            let done = removal.pieces(site).and_then(|(change, pieces)| {
                let start = removal.holder.node().span.start;
                changes
                    .add(&removal.holder, edit, &change)
                    .map_err(|()| site.reason(start, "another edit writes what holds this"))?;
                splices.extend(pieces.into_iter().map(|(span, text, part)| Splice {
                    span,
                    text,
                    part,
                    order: String::new(),
                    edit,
                }));
                Ok(())
            });
            if let Err(reason) = done {
                refusals.push(reason.number(edit));
            }
        }
    }
}

impl Removal<'_> {
    fn pieces(&self, site: &Site<'_>) -> Result<(Change, Pieces), Reason> {
        let holder = self.holder.node();
        let all = children(holder);
        if self.children.len() == all.len() {
            let empty = match holder.value {
                Value::Sequence { .. } => json!([]),
                _ => json!({}),
            };
            return emptied(site, &self.holder, empty);
        }
        let change = Change::Without(self.children.iter().copied().collect());
        let mut pieces = Pieces::new();
        if holder.is_flow() {
            for run in runs(&self.children) {
                pieces.push((flow_span(&all, &run), String::new(), Part::Value));
            }
            return Ok((change, pieces));
        }
        for child in &self.children {
            let span = block_span(site, holder, &all, *child)?;
            pieces.push((span, String::new(), Part::Value));
        }
        Ok((change, pieces))
    }
}

/// A collection that loses all that it holds stays, as `[]` or `{}`.
fn emptied(site: &Site<'_>, holder: &Way<'_>, empty: Json) -> Result<(Change, Pieces), Reason> {
    let layout = Layout::of(site.source);
    let pieces = replace::replace(site, layout, holder, &empty)?;
    Ok((Change::Whole(empty), pieces))
}

/// A member with its key, or an item.
struct Child<'n> {
    key: Option<&'n Node>,
    value: &'n Node,
}

impl Child<'_> {
    fn start(&self) -> usize {
        self.key.unwrap_or(self.value).span.start
    }

    fn end(&self) -> usize {
        let key = self.key.map_or(0, |key| key.span.end);
        self.value.span.end.max(key)
    }
}

fn children(holder: &Node) -> Vec<Child<'_>> {
    match &holder.value {
        Value::Sequence { items, .. } => items
            .iter()
            .map(|value| Child { key: None, value })
            .collect(),
        Value::Mapping { entries, .. } => entries
            .iter()
            .map(|(key, value)| Child {
                key: Some(key),
                value,
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// Neighbours, together.
fn runs(numbers: &BTreeSet<usize>) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for number in numbers {
        match runs.last_mut() {
            Some(run) if run.end == *number => run.end += 1,
            _ => runs.push(*number..number + 1),
        }
    }
    runs
}

/// What stands between brackets goes with one comma: the one before it, or behind the first.
fn flow_span(all: &[Child<'_>], run: &Range<usize>) -> Range<usize> {
    let end_of = |number: usize| all.get(number).map_or(0, Child::end);
    let start_of = |number: usize| all.get(number).map_or(0, Child::start);
    match run.start.checked_sub(1) {
        Some(before) => end_of(before)..end_of(run.end - 1),
        None => start_of(0)..start_of(run.end),
    }
}

/// Whole lines: those of the child, the comments straight above it in its column, and those
/// below it that stand deeper.
fn block_span(
    site: &Site<'_>,
    holder: &Node,
    all: &[Child<'_>],
    number: usize,
) -> Result<Range<usize>, Reason> {
    let text = site.source.text();
    let child = all.get(number).map_or(holder, |child| child.value);
    let unclear = || {
        site.reason(
            child.span.start,
            "it cannot be removed exactly as it stands",
        )
    };
    let column = column(site.source, holder).ok_or_else(unclear)?;
    let (Some(child), floor) = (
        all.get(number),
        number
            .checked_sub(1)
            .and_then(|before| all.get(before))
            .map_or(0, Child::end),
    ) else {
        return Err(unclear());
    };
    let first = match child.key {
        Some(key) => line_of(text, key.span.start),
        None => dash_line(text, child.start(), column, floor).ok_or_else(unclear)?,
    };
    let indent = text.get(first.clone()).unwrap_or_default();
    let indent = indent.trim_start_matches('\u{feff}');
    let blanks = indent.len() - indent.trim_start_matches(' ').len();
    if blanks != column {
        // Behind the dash of an item: the next member takes its place.
        return match (all.get(number + 1), number) {
            (Some(next), 0) if child.key.is_some() => Ok(child.start()..next.start()),
            _ => Err(unclear()),
        };
    }
    let mut start = first.start;
    while start > floor {
        let above = line_of(text, start.saturating_sub(1));
        let line = text.get(above.clone()).unwrap_or_default();
        let is_own = line.trim_start_matches(' ').starts_with('#')
            && line.len() - line.trim_start_matches(' ').len() == column;
        if !is_own || above.start < floor {
            break;
        }
        start = above.start;
    }
    let mut end = after_line(text, child.end());
    while let Some(line) = text.get(end..).and_then(|rest| rest.lines().next()) {
        let depth = line.len() - line.trim_start_matches(' ').len();
        if !(line.trim_start().starts_with('#') && depth > column) {
            break;
        }
        end = after_line(text, end);
    }
    if end == text.len() && !text.ends_with('\n') {
        // The file goes on ending without a line break.
        let before = text.get(..start).unwrap_or_default();
        let before = before.strip_suffix('\n').unwrap_or(before);
        start = before.strip_suffix('\r').unwrap_or(before).len();
    }
    Ok(start..end)
}

/// The line where `offset` stands, without its line break.
fn line_of(text: &str, offset: usize) -> Range<usize> {
    let before = text.get(..offset).unwrap_or_default();
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    start..line_end(text, offset)
}

/// The start of the next line.
fn after_line(text: &str, offset: usize) -> usize {
    let rest = text.get(offset..).unwrap_or_default();
    rest.find('\n').map_or(text.len(), |at| offset + at + 1)
}

/// The line of the dash before the item whose content starts at `content`, not above `floor`.
fn dash_line(text: &str, content: usize, column: usize, floor: usize) -> Option<Range<usize>> {
    let mut line = line_of(text, content);
    loop {
        let written = text.get(line.clone())?;
        let has_dash = written
            .get(column..)
            .is_some_and(|rest| rest == "-" || rest.starts_with("- ") || rest.starts_with("-\t"));
        if has_dash {
            return Some(line);
        }
        if line.start <= floor {
            return None;
        }
        line = line_of(text, line.start - 1);
    }
}

/// `text` without the documents that `edits` remove whole; the numbers of the others count as
/// before. Nothing is left where no document is.
pub(crate) fn remove_documents(text: &[u8], edits: &[(usize, usize)]) -> Result<Vec<u8>, Refusal> {
    let source = Source::parse(text);
    let refuse = |edit: usize, at: Position, message: String| Refusal { at, message, edit };
    let removed: BTreeMap<usize, usize> = edits
        .iter()
        .map(|(edit, document)| (*document, *edit))
        .collect();
    let edit = edits.first().map_or(0, |(edit, _)| *edit);
    if let Some(fault) = source.faults.first() {
        let message = format!("the file cannot be read: {}", fault.message);
        return Err(refuse(edit, fault.at, message));
    }
    let mut kept = String::new();
    let mut copied = 0;
    for (document, edit) in &removed {
        let Some(found) = source.document(*document) else {
            let at = source.position(source.text().len());
            let message = format!("the file has no document {}", document + 1);
            return Err(refuse(*edit, at, message));
        };
        kept.push_str(source.slice(&(copied..found.span.start)));
        copied = found.span.end;
    }
    kept.push_str(source.slice(&(copied..source.text().len())));
    let left: Vec<_> = source
        .documents
        .iter()
        .filter(|document| !removed.contains_key(&document.index) && document.root.is_some())
        .collect();
    if left.is_empty() {
        return Ok(Vec::new());
    }
    let after = Source::parse(kept.as_bytes());
    let mut roots = after
        .documents
        .iter()
        .filter(|document| document.root.is_some());
    let is_same = left.iter().all(|old| {
        roots
            .next()
            .is_some_and(|new| same_values(&source, old, &after, new))
    });
    if is_same && roots.next().is_none() && after.faults.is_empty() {
        Ok(kept.into_bytes())
    } else {
        let message = "the document cannot be removed exactly as it stands".to_owned();
        Err(refuse(edit, source.position(0), message))
    }
}

/// The documents that `edits` remove whole, by the numbers of the edits.
pub(crate) fn whole_documents(edits: &[Edit]) -> Vec<(usize, usize)> {
    edits
        .iter()
        .enumerate()
        .filter_map(|(number, edit)| match edit {
            Edit::Remove { document, field } if field.steps().is_empty() => {
                Some((number, *document))
            }
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_go_together() {
        assert_eq!(runs(&BTreeSet::from([0, 1, 3])), [0..2, 3..4]);
    }

    #[test]
    fn a_document_goes_with_its_line_and_the_others_stay() {
        let text = b"# first\na: 1\n---\nb: 2 # b\n---\nc: 3\n";
        let without = |document| {
            let field = FieldPath::root();
            let edited = crate::yaml::edit(text, &[Edit::Remove { document, field }]);
            String::from_utf8(edited.unwrap()).unwrap()
        };
        assert_eq!(without(0), "---\nb: 2 # b\n---\nc: 3\n");
        assert_eq!(without(1), "# first\na: 1\n---\nc: 3\n");
        assert_eq!(without(2), "# first\na: 1\n---\nb: 2 # b\n");
        let all: Vec<Edit> = (0..3)
            .map(|document| Edit::Remove {
                document,
                field: FieldPath::root(),
            })
            .collect();
        assert_eq!(crate::yaml::edit(text, &all).unwrap(), b"");
        let missing = Edit::Remove {
            document: 3,
            field: FieldPath::root(),
        };
        assert!(crate::yaml::edit(text, &[missing]).is_err());
    }
}
