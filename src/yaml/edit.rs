use std::collections::HashMap;

use crate::field_path::FieldPath;
use crate::yaml::check::{self, Change, Changes};
use crate::yaml::locate::{Located, Way, locate};
use crate::yaml::scalar::Context;
use crate::yaml::splice::{self, Splice};
use crate::yaml::{Collection, Document, Node, Position, Source, Value, put, set};

/// A change of one field of one document.
#[derive(Clone, Debug, PartialEq)]
pub enum Edit {
    /// Replaces the scalar's value and no other byte.
    SetScalar {
        document: usize,
        field: FieldPath,
        value: String,
    },
    /// The same, and puts a comment (given without `#`) behind it on its line, after any comment
    /// that stands there.
    SetScalarAndComment {
        document: usize,
        field: FieldPath,
        value: String,
        comment: String,
    },
    /// Writes a whole value: replaces what stands at `field`, or inserts it, with the holders
    /// that are missing on the way, in the file's own style. A missing selector step inserts an
    /// item.
    Put {
        document: usize,
        field: FieldPath,
        value: serde_json::Value,
    },
}

/// Why an edit cannot be made exactly.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {message}")]
pub struct Refusal {
    pub at: Position,
    pub message: String,
    /// The number of the edit, counted from 0.
    pub edit: usize,
}

/// Applies all `edits` to `text`, and reads the result back.
///
/// Every edit addresses the text as it is given. No byte changes but those that the edits name;
/// when one edit cannot be made exactly, none is, and all that were refused are returned in
/// their order.
pub fn edit(text: &[u8], edits: &[Edit]) -> Result<Vec<u8>, Vec<Refusal>> {
    let source = Source::parse(text);
    let mut batch = Batch::new(&source);
    for (number, edit) in edits.iter().enumerate() {
        if let Err(refusal) = batch.add(number, edit) {
            batch.refusals.push(refusal.number(number));
        }
    }
    batch.finish()
}

/// A refusal that does not know its edit yet.
#[derive(Debug)]
pub(crate) struct Reason {
    pub at: Position,
    pub message: String,
}

impl Reason {
    pub fn number(self, edit: usize) -> Refusal {
        Refusal {
            at: self.at,
            message: self.message,
            edit,
        }
    }
}

/// The edits of one text, as splices of it and as changes of its values.
#[derive(Debug)]
struct Batch<'s> {
    source: &'s Source<'s>,
    sites: HashMap<usize, Site<'s>>,
    puts: put::Puts<'s>,
    splices: Vec<Splice>,
    changes: Changes,
    refusals: Vec<Refusal>,
}

/// A document that is edited, and what is asked about it more than once.
#[derive(Debug)]
pub(crate) struct Site<'s> {
    pub source: &'s Source<'s>,
    pub document: &'s Document,
    pub is_json: bool,
    /// For each anchor that an alias uses, the first such alias.
    aliases: HashMap<usize, &'s Node>,
}

impl<'s> Batch<'s> {
    fn new(source: &'s Source<'s>) -> Self {
        Self {
            source,
            sites: HashMap::new(),
            puts: put::Puts::default(),
            splices: Vec::new(),
            changes: Changes::default(),
            refusals: Vec::new(),
        }
    }

    fn add(&mut self, number: usize, edit: &Edit) -> Result<(), Reason> {
        let (document, field) = match edit {
            Edit::SetScalar {
                document, field, ..
            }
            | Edit::SetScalarAndComment {
                document, field, ..
            }
            | Edit::Put {
                document, field, ..
            } => (*document, field),
        };
        if !self.sites.contains_key(&document) {
            self.sites
                .insert(document, Site::new(self.source, document)?);
        }
        let Some(site) = self.sites.get(&document) else {
            return Ok(());
        };
        let (value, comment) = match edit {
            Edit::SetScalar { value, .. } => (value, None),
            Edit::SetScalarAndComment { value, comment, .. } => (value, Some(comment.as_str())),
            Edit::Put { value, .. } => {
                return self.puts.add(
                    site,
                    number,
                    field,
                    value,
                    &mut self.changes,
                    &mut self.splices,
                );
            }
        };
        let way = site.existing(field)?;
        let set = set::set(site, &way, value, comment)?;
        if let Some(change) = set.change {
            self.changes
                .add(&way, number, change)
                .map_err(|()| site.reason(way.node().span.start, twice(field)))?;
        }
        for (span, text, part) in set.splices {
            self.splices.push(Splice {
                span,
                text,
                part,
                order: String::new(),
                edit: number,
            });
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Vec<u8>, Vec<Refusal>> {
        self.puts.finish(
            &self.sites,
            &mut self.changes,
            &mut self.splices,
            &mut self.refusals,
        );
        let overlap = splice::order(&mut self.splices).err();
        if let Some(second) = overlap.or_else(|| self.changes.nested()) {
            let at = self.start_of(second);
            let message = "two edits would write over one another here".to_owned();
            self.refusals.push(Reason { at, message }.number(second));
        }
        if !self.refusals.is_empty() {
            self.refusals.sort_by_key(|refusal| refusal.edit);
            return Err(self.refusals);
        }
        if self.splices.is_empty() {
            return Ok(self.source.text().as_bytes().to_vec());
        }
        let edited = splice::apply(self.source.text(), &self.splices);
        let documents: Vec<usize> = self.sites.keys().copied().collect();
        check::read_back(
            self.source,
            &edited,
            &self.splices,
            &self.changes,
            &documents,
        )
        .map_err(|mismatch| {
            let edit = mismatch
                .edit
                .or_else(|| self.splices.first().map(|splice| splice.edit))
                .unwrap_or(0);
            let at = self.start_of(edit);
            let message = format!(
                "the field cannot be edited exactly as it is written: {}",
                mismatch.message
            );
            vec![Reason { at, message }.number(edit)]
        })?;
        Ok(edited.into_bytes())
    }

    fn start_of(&self, edit: usize) -> Position {
        let splice = self.splices.iter().find(|splice| splice.edit == edit);
        self.source
            .position(splice.map_or(0, |splice| splice.span.start))
    }
}

fn twice(field: &FieldPath) -> String {
    format!("two edits write different values to {field}")
}

impl<'s> Site<'s> {
    fn new(source: &'s Source<'s>, index: usize) -> Result<Self, Reason> {
        let Some(document) = source.document(index) else {
            let fault = source
                .faults
                .iter()
                .find(|fault| fault.document.is_none_or(|document| document == index));
            return Err(match fault {
                Some(fault) => Reason {
                    at: fault.at,
                    message: format!("the document cannot be read: {}", fault.message),
                },
                None => Reason {
                    at: source.position(source.text().len()),
                    message: format!("the file has no document {}", index + 1),
                },
            });
        };
        let mut aliases = HashMap::new();
        if let Some(root) = &document.root {
            collect_aliases(root, &mut aliases);
        }
        Ok(Self {
            source,
            document,
            is_json: is_json(source, document),
            aliases,
        })
    }

    pub fn reason(&self, offset: usize, message: impl Into<String>) -> Reason {
        Reason {
            at: self.source.position(offset),
            message: message.into(),
        }
    }

    /// How a scalar below `parent` is written.
    pub fn context(&self, parent: Option<&Node>) -> Context {
        if self.is_json {
            Context::Json
        } else if parent.is_some_and(Node::is_flow) {
            Context::Flow
        } else {
            Context::Block
        }
    }

    /// The way to a field that exists and that no other field shares.
    fn existing(&self, field: &FieldPath) -> Result<Way<'s>, Reason> {
        match locate(self.document, field) {
            Located::Found(way) => {
                self.is_alone(&way)?;
                Ok(way)
            }
            Located::Missing(way) => {
                let at = way
                    .key()
                    .map_or(way.node().span.start, |key| key.span.start);
                Err(self.reason(at, self.why_missing(field, &way)))
            }
            other => Err(self.why_not(field, &other)),
        }
    }

    fn why_missing(&self, field: &FieldPath, way: &Way<'_>) -> String {
        let there: FieldPath = field.steps().iter().take(way.depth()).cloned().collect();
        let end = if way.depth() == 0 {
            "the document".to_owned()
        } else {
            there.to_string()
        };
        match way.node().entry("<<") {
            Some((merge, _)) => format!(
                "the document has no {field} of its own: {end} merges others by `<<` at {}; write the field out to pin it",
                self.source.position(merge.span.start)
            ),
            None => format!("the document has no {field}: it ends at {end}"),
        }
    }

    /// Why a way that is no plain one cannot be edited.
    pub fn why_not(&self, field: &FieldPath, located: &Located<'_>) -> Reason {
        match located {
            Located::Alias(way) => {
                let node = way.node();
                let name = self.source.slice(&node.span);
                self.reason(
                    node.span.start,
                    format!(
                        "the field is written through the alias {name}; pin the anchor's own value or write the value out"
                    ),
                )
            }
            Located::Ambiguous { way, second } => self.reason(
                second.span.start,
                format!(
                    "{field} names two items of the sequence at {}; give its number instead",
                    self.source.position(way.node().span.start)
                ),
            ),
            _ => self.reason(
                self.document.span.start,
                format!("the document is empty, it has no {field}"),
            ),
        }
    }

    /// Refuses what an alias repeats elsewhere: the edit would change that place too.
    pub fn is_alone(&self, way: &Way<'_>) -> Result<(), Reason> {
        for node in way.holders().iter().copied().chain([way.node()]) {
            if let Some(alias) = self.aliases.get(&node.anchor) {
                let name = self.source.slice(&alias.span);
                return Err(self.reason(
                    way.node().span.start,
                    format!(
                        "the field is repeated by the alias {name} at {}, where the edit would change another field; write one of the two out",
                        self.source.position(alias.span.start)
                    ),
                ));
            }
        }
        Ok(())
    }
}

fn collect_aliases<'d>(node: &'d Node, aliases: &mut HashMap<usize, &'d Node>) {
    match &node.value {
        Value::Alias(anchor) => {
            aliases.entry(*anchor).or_insert(node);
        }
        Value::Sequence { items, .. } => {
            for item in items {
                collect_aliases(item, aliases);
            }
        }
        Value::Mapping { entries, .. } => {
            for (key, value) in entries {
                collect_aliases(key, aliases);
                collect_aliases(value, aliases);
            }
        }
        Value::Scalar { .. } => {}
    }
}

/// Whether a document is JSON, and has to stay so.
fn is_json(source: &Source<'_>, document: &Document) -> bool {
    document.root.as_ref().is_some_and(|root| {
        root.is_flow()
            && serde_json::from_str::<serde::de::IgnoredAny>(source.slice(&root.span)).is_ok()
    })
}

impl Node {
    /// Whether this is a collection in brackets or braces.
    pub(crate) fn is_flow(&self) -> bool {
        matches!(
            &self.value,
            Value::Sequence {
                form: Collection::Flow,
                ..
            } | Value::Mapping {
                form: Collection::Flow,
                ..
            }
        )
    }

    /// What a person calls this kind of value.
    pub(crate) fn kind(&self) -> &'static str {
        match &self.value {
            Value::Scalar { .. } if self.is_null() => "empty",
            Value::Scalar { .. } => "a text",
            Value::Sequence { .. } => "a sequence",
            Value::Mapping { .. } => "a mapping",
            Value::Alias(_) => "an alias",
        }
    }
}

impl Change {
    /// What a scalar reads as once it is set.
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }
}
