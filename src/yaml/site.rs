use std::collections::HashMap;

use crate::field_path::FieldPath;
use crate::yaml::edit::Reason;
use crate::yaml::locate::{Located, Way, locate};
use crate::yaml::scalar::Context;
use crate::yaml::{Document, Node, Source, Value};

/// A document that is edited, and what is asked about it more than once.
#[derive(Debug)]
pub(crate) struct Site<'s> {
    pub source: &'s Source<'s>,
    pub document: &'s Document,
    pub is_json: bool,
    /// For each anchor that an alias uses, the first such alias.
    aliases: HashMap<usize, &'s Node>,
}

impl<'s> Site<'s> {
    pub fn new(source: &'s Source<'s>, index: usize) -> Result<Self, Reason> {
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
    pub fn existing(&self, field: &FieldPath) -> Result<Way<'s>, Reason> {
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
