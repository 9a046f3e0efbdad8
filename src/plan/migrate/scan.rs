use crate::field_path::FieldPath;
use crate::problem::Place;
use crate::snapshot::{FilePath, Files};
use crate::yaml::{Document, Node, Source};

/// A file, parsed.
#[derive(Debug)]
pub(crate) struct Parsed<'f> {
    pub path: &'f FilePath,
    pub source: Source<'f>,
}

/// A manifest: a document, or an item of a List.
#[derive(Clone, Debug)]
pub(crate) struct Object<'p> {
    pub parsed: &'p Parsed<'p>,
    pub document: &'p Document,
    pub root: FieldPath,
    pub node: &'p Node,
}

/// The files in which one of `words` stands.
pub(crate) fn parse<'f>(files: &'f Files, words: &[&str]) -> Vec<Parsed<'f>> {
    files
        .iter()
        .filter(|(_, bytes)| {
            words
                .iter()
                .any(|word| memchr::memmem::find(bytes, word.as_bytes()).is_some())
        })
        .map(|(path, bytes)| Parsed {
            path,
            source: Source::parse(bytes),
        })
        .collect()
}

/// Every manifest of the files, in their order.
pub(crate) fn objects<'p>(files: &'p [Parsed<'p>]) -> Vec<Object<'p>> {
    let mut found = Vec::new();
    for parsed in files {
        for document in &parsed.source.documents {
            let Some(root) = &document.root else {
                continue;
            };
            let object = |root, node| Object {
                parsed,
                document,
                root,
                node,
            };
            let is_list = root
                .get("kind")
                .and_then(Node::text)
                .is_some_and(|kind| kind.ends_with("List"));
            match root.get("items").filter(|_| is_list) {
                Some(items) => {
                    let items = items.items().iter().enumerate();
                    found.extend(items.map(|(position, node)| {
                        object(FieldPath::root().key("items").index(position), node)
                    }));
                }
                None => found.push(object(FieldPath::root(), root)),
            }
        }
    }
    found
}

impl<'p> Object<'p> {
    pub fn is(&self, group: &str, kind: &str) -> bool {
        let version = self.text(&["apiVersion"]).unwrap_or_default();
        let its = version.split_once('/').map_or("", |(group, _)| group);
        its == group && self.text(&["kind"]) == Some(kind)
    }

    pub fn at(&self, keys: &[&str]) -> Option<&'p Node> {
        at(self.node, keys)
    }

    /// A text that is neither empty nor null.
    pub fn text(&self, keys: &[&str]) -> Option<&'p str> {
        text(self.node, keys)
    }

    pub fn flag(&self, keys: &[&str]) -> bool {
        self.text(keys) == Some("true")
    }

    pub fn name(&self) -> &'p str {
        self.text(&["metadata", "name"]).unwrap_or_default()
    }

    pub fn place(&self) -> Place {
        self.place_of(self.node)
    }

    pub fn place_of(&self, node: &Node) -> Place {
        place(self.parsed, node.span.start)
    }
}

pub(crate) fn place(parsed: &Parsed<'_>, offset: usize) -> Place {
    let position = parsed.source.position(offset);
    Place {
        file: parsed.path.clone(),
        line: position.line,
        column: position.column,
    }
}

pub(crate) fn at<'n>(node: &'n Node, keys: &[&str]) -> Option<&'n Node> {
    let found = keys.iter().try_fold(node, |node, key| node.get(key))?;
    (!found.is_null()).then_some(found)
}

pub(crate) fn text<'n>(node: &'n Node, keys: &[&str]) -> Option<&'n str> {
    at(node, keys)?.text().filter(|text| !text.is_empty())
}
