use std::collections::HashMap;
use std::ops::Range;

use serde_json::Value as Json;

use crate::yaml::locate::Way;
use crate::yaml::scalar::reads_as_string;
use crate::yaml::splice::Splice;
use crate::yaml::{Document, Node, ScalarStyle, Source, Value, second_reader};

/// What is wanted of a node.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Change {
    /// A scalar that reads as this text.
    Text(String),
    /// The same value, with a comment behind it.
    Comment,
    /// Another value altogether.
    Whole(Json),
    /// These members, behind those of the mapping.
    Members(Vec<(String, Json)>),
    /// These items, each before the old item of that number.
    Items(Vec<(usize, Json)>),
    /// The same collection without the members or items of these numbers.
    Without(Vec<usize>),
}

/// The changes of a file, by the nodes of the text before.
#[derive(Debug, Default)]
pub(crate) struct Changes(HashMap<*const Node, Entry>);

#[derive(Debug)]
struct Entry {
    /// The edit that it comes from, and what it changes.
    change: (usize, Change),
    holders: Vec<*const Node>,
}

impl Changes {
    /// Fails where another change is wanted of the same node.
    pub fn add(&mut self, way: &Way<'_>, edit: usize, change: &Change) -> Result<(), ()> {
        let entry = self
            .0
            .entry(std::ptr::from_ref(way.node()))
            .or_insert_with(|| Entry {
                change: (edit, change.clone()),
                holders: way
                    .holders()
                    .iter()
                    .map(|holder| std::ptr::from_ref(*holder))
                    .collect(),
            });
        if entry.change.1 == *change {
            Ok(())
        } else {
            Err(())
        }
    }

    pub fn get(&self, node: &Node) -> Option<&(usize, Change)> {
        Some(&self.0.get(&std::ptr::from_ref(node))?.change)
    }

    /// An edit inside a value that another edit writes whole.
    pub fn nested(&self) -> Option<usize> {
        let is_whole = |holder| {
            let entry: Option<&Entry> = self.0.get(holder);
            matches!(
                entry.map(|entry| &entry.change.1),
                Some(Change::Whole(_) | Change::Text(_))
            )
        };
        let mut entries = self.0.values();
        let nested = entries.find(|entry| entry.holders.iter().any(is_whole))?;
        Some(nested.change.0)
    }
}

/// How the edited text differs from what was wanted.
#[derive(Debug)]
pub(crate) struct Mismatch {
    pub edit: Option<usize>,
    pub message: String,
}

impl Mismatch {
    pub fn new(edit: Option<usize>, message: impl Into<String>) -> Self {
        Self {
            edit,
            message: message.into(),
        }
    }
}

/// Reads `edited` with both readers and compares: the changed fields hold what was wanted, and
/// everything else is as it was.
pub(crate) fn read_back(
    before: &Source<'_>,
    edited: &str,
    splices: &[Splice],
    changes: &Changes,
    documents: &[usize],
) -> Result<(), Mismatch> {
    let after = Source::parse(edited.as_bytes());
    if before.documents.len() != after.documents.len() || before.faults.len() != after.faults.len()
    {
        let fault = after.faults.last().map(|fault| fault.message.clone());
        let why =
            fault.unwrap_or_else(|| "the documents of the file are no longer the same".into());
        return Err(Mismatch::new(None, why));
    }
    let compare = Compare {
        before,
        after: &after,
        changes,
    };
    for (old, new) in before.documents.iter().zip(&after.documents) {
        if old.index != new.index {
            return Err(Mismatch::new(None, "the documents are no longer the same"));
        }
        match (&old.root, &new.root) {
            (Some(old), Some(new)) => compare.node(old, new)?,
            (None, None) => {}
            _ => return Err(Mismatch::new(None, "a document is no longer there")),
        }
        if documents.contains(&old.index) {
            second_reader::compare(before, old, &after, new, changes)?;
        }
    }
    comments(before, &after, splices)
}

/// Whether two documents hold the same, byte for byte in each scalar.
pub(crate) fn same_values(
    before: &Source<'_>,
    old: &Document,
    after: &Source<'_>,
    new: &Document,
) -> bool {
    let compare = Compare {
        before,
        after,
        changes: &Changes::default(),
    };
    match (&old.root, &new.root) {
        // Anchors are numbered through the file, so what they name is compared by its text.
        (Some(old), Some(new)) => {
            compare.same(old, new).is_ok() || before.slice(&old.span) == after.slice(&new.span)
        }
        (None, None) => true,
        _ => false,
    }
}

struct Compare<'c> {
    before: &'c Source<'c>,
    after: &'c Source<'c>,
    changes: &'c Changes,
}

impl Compare<'_> {
    fn node(&self, old: &Node, new: &Node) -> Result<(), Mismatch> {
        let change = self.changes.get(old);
        let edit = change.map(|(edit, _)| *edit);
        let fail = |what: &str| {
            let at = self.before.position(old.span.start);
            Err(Mismatch::new(edit, format!("{what} at {at}")))
        };
        if old.anchor != new.anchor {
            return fail("an anchor would change");
        }
        match change.map(|(_, change)| change) {
            Some(Change::Text(text)) if new.reads_as(text) && old.tag == new.tag => Ok(()),
            Some(Change::Text(_)) => fail("the new value would not read as wanted"),
            Some(Change::Whole(json)) if matches(new, json) => Ok(()),
            Some(Change::Whole(_)) => fail("the new value would not read as wanted"),
            _ if old.tag != new.tag => fail("a tag would change"),
            Some(Change::Members(members)) => match self.members(old, new, members)? {
                true => Ok(()),
                false => fail("the new members would not read as wanted"),
            },
            Some(Change::Items(items)) => match self.items(old, new, items)? {
                true => Ok(()),
                false => fail("the new items would not read as wanted"),
            },
            Some(Change::Without(removed)) => match self.without(old, new, removed)? {
                true => Ok(()),
                false => fail("what is left would not read as wanted"),
            },
            Some(Change::Comment) | None => self.same(old, new),
        }
    }

    fn without(&self, old: &Node, new: &Node, removed: &[usize]) -> Result<bool, Mismatch> {
        let kept = |number: &usize| !removed.contains(number);
        match (&old.value, &new.value) {
            (Value::Mapping { entries, .. }, Value::Mapping { entries: left, .. }) => {
                let stay = entries.iter().enumerate().filter(|(n, _)| kept(n));
                for ((_, (old_key, old)), (new_key, new)) in stay.zip(left) {
                    self.same(old_key, new_key)?;
                    self.node(old, new)?;
                }
                Ok(entries.len() == left.len() + removed.len())
            }
            (Value::Sequence { items, .. }, Value::Sequence { items: left, .. }) => {
                let stay = items.iter().enumerate().filter(|(n, _)| kept(n));
                for ((_, old), new) in stay.zip(left) {
                    self.node(old, new)?;
                }
                Ok(items.len() == left.len() + removed.len())
            }
            _ => Ok(false),
        }
    }

    fn same(&self, old: &Node, new: &Node) -> Result<(), Mismatch> {
        let is_same = match (&old.value, &new.value) {
            (Value::Alias(old), Value::Alias(new)) => old == new,
            (
                Value::Scalar { text, style },
                Value::Scalar {
                    text: new_text,
                    style: new_style,
                },
            ) => text == new_text && style == new_style && self.same_bytes(old, new),
            (Value::Mapping { form, .. }, Value::Mapping { form: new_form, .. }) => {
                form == new_form && self.members(old, new, &[])?
            }
            (Value::Sequence { form, .. }, Value::Sequence { form: new_form, .. }) => {
                form == new_form && self.items(old, new, &[])?
            }
            _ => false,
        };
        if is_same {
            return Ok(());
        }
        let at = self.before.position(old.span.start);
        Err(Mismatch::new(
            None,
            format!("the value at {at} would change too"),
        ))
    }

    fn same_bytes(&self, old: &Node, new: &Node) -> bool {
        self.before.slice(&old.span) == self.after.slice(&new.span)
    }

    fn members(&self, old: &Node, new: &Node, added: &[(String, Json)]) -> Result<bool, Mismatch> {
        let (before, after) = (old.entries(), new.entries());
        if !matches!(new.value, Value::Mapping { .. }) || before.len() + added.len() != after.len()
        {
            return Ok(false);
        }
        for ((old_key, old), (new_key, new)) in before.iter().zip(after) {
            self.same(old_key, new_key)?;
            self.node(old, new)?;
        }
        let behind = after.iter().skip(before.len());
        Ok(added
            .iter()
            .zip(behind)
            .all(|((key, json), (new_key, new))| new_key.reads_as(key) && matches(new, json)))
    }

    fn items(&self, old: &Node, new: &Node, added: &[(usize, Json)]) -> Result<bool, Mismatch> {
        let mut after = new.items().iter();
        if !matches!(new.value, Value::Sequence { .. })
            || old.items().len() + added.len() != new.items().len()
        {
            return Ok(false);
        }
        let mut added = added.iter().peekable();
        let mut is_wanted = true;
        for (number, old) in old.items().iter().enumerate() {
            while let Some((_, json)) = added.next_if(|(before, _)| *before <= number) {
                is_wanted &= after.next().is_some_and(|new| matches(new, json));
            }
            match after.next() {
                Some(new) => self.node(old, new)?,
                None => return Ok(false),
            }
        }
        Ok(is_wanted && added.zip(after).all(|((_, json), new)| matches(new, json)))
    }
}

impl Node {
    fn is_plain(&self, text: &str) -> bool {
        matches!(&self.value, Value::Scalar { text: read, style: ScalarStyle::Plain } if read == text)
    }

    /// Whether this is `text` to every reader, and no number, time or truth.
    fn reads_as(&self, text: &str) -> bool {
        match &self.value {
            Value::Scalar {
                text: read,
                style: ScalarStyle::Plain,
            } => read == text && (self.tag.is_some() || reads_as_string(text)),
            Value::Scalar { text: read, .. } => read == text,
            _ => false,
        }
    }
}

/// Whether `node` is the value `json`.
pub(crate) fn matches(node: &Node, json: &Json) -> bool {
    match json {
        Json::String(text) => node.reads_as(text),
        Json::Array(items) => {
            matches!(node.value, Value::Sequence { .. })
                && items.len() == node.items().len()
                && node.items().iter().zip(items).all(|(n, j)| matches(n, j))
        }
        Json::Object(members) => {
            matches!(node.value, Value::Mapping { .. })
                && members.len() == node.entries().len()
                && node
                    .entries()
                    .iter()
                    .zip(members)
                    .all(|((key, value), (name, json))| key.reads_as(name) && matches(value, json))
        }
        Json::Null => node.is_null(),
        Json::Bool(truth) => node.is_plain(if *truth { "true" } else { "false" }),
        Json::Number(number) => node.is_plain(&number.to_string()),
    }
}

/// Comments stay, in their order, each where its bytes went.
fn comments(before: &Source<'_>, after: &Source<'_>, splices: &[Splice]) -> Result<(), Mismatch> {
    let mut new = after
        .documents
        .iter()
        .flat_map(|document: &Document| &document.comments);
    let mut moved = Moved::new(splices);
    for old in before
        .documents
        .iter()
        .flat_map(|document| &document.comments)
    {
        let Some(start) = moved.start(&old.span) else {
            continue;
        };
        let found = new
            .by_ref()
            .find(|comment| comment.span.start >= start)
            .is_some_and(|comment| {
                comment.span.start == start && comment.text.starts_with(old.text.as_str())
            });
        if !found {
            let at = before.position(old.span.start);
            return Err(Mismatch::new(
                None,
                format!("the comment at {at} would be lost"),
            ));
        }
    }
    Ok(())
}

/// Where bytes of the old text stand in the new one; asked in ascending order.
struct Moved<'s> {
    splices: std::iter::Peekable<std::slice::Iter<'s, Splice>>,
    removed: usize,
    added: usize,
    replaced: usize,
}

impl<'s> Moved<'s> {
    fn new(splices: &'s [Splice]) -> Self {
        Self {
            splices: splices.iter().peekable(),
            removed: 0,
            added: 0,
            replaced: 0,
        }
    }

    /// The new start of `span`; none where it was replaced.
    fn start(&mut self, span: &Range<usize>) -> Option<usize> {
        while let Some(splice) = self
            .splices
            .next_if(|splice| splice.span.start <= span.start)
        {
            self.removed += splice.span.len();
            self.added += splice.text.len();
            self.replaced = splice.span.end;
        }
        (span.start >= self.replaced).then(|| span.start + self.added - self.removed)
    }
}
