use crate::field_path::{FieldPath, Step};
use crate::yaml::{Document, Node, Value};

/// Where a path leads in a document.
#[derive(Debug)]
pub enum Located<'d> {
    Found(Way<'d>),
    /// The path goes on where the document does not. The end of the way is the deepest holder
    /// that exists; it may be of a kind that cannot hold the next step, or null.
    Missing(Way<'d>),
    /// An alias stands on the way, at its end: what is behind it belongs to other fields too.
    Alias(Way<'d>),
    /// Two items of the sequence at the end of the way match the selector.
    Ambiguous {
        way: Way<'d>,
        second: &'d Node,
    },
    /// The document is empty.
    Empty,
}

/// The nodes from a document's root down to one of them.
#[derive(Clone, Debug)]
pub struct Way<'d> {
    holders: Vec<&'d Node>,
    node: &'d Node,
    key: Option<&'d Node>,
}

impl<'d> Way<'d> {
    /// The node at the end.
    pub fn node(&self) -> &'d Node {
        self.node
    }

    /// The key of that node, where a mapping holds it.
    pub fn key(&self) -> Option<&'d Node> {
        self.key
    }

    /// What holds the node, from the root down.
    pub fn holders(&self) -> &[&'d Node] {
        &self.holders
    }

    /// What holds the node directly; none for the root.
    pub fn parent(&self) -> Option<&'d Node> {
        self.holders.last().copied()
    }

    /// How many steps of the path led here.
    pub fn depth(&self) -> usize {
        self.holders.len()
    }

    fn down(&mut self, key: Option<&'d Node>, node: &'d Node) {
        self.holders.push(self.node);
        self.node = node;
        self.key = key;
    }
}

/// Follows `path` from the document's root. Merge keys (`<<`) are not followed.
pub fn locate<'d>(document: &'d Document, path: &FieldPath) -> Located<'d> {
    let Some(root) = &document.root else {
        return Located::Empty;
    };
    let mut way = Way {
        holders: Vec::new(),
        node: root,
        key: None,
    };
    for step in path.steps() {
        if matches!(way.node.value, Value::Alias(_)) {
            return Located::Alias(way);
        }
        let (key, node) = match step {
            Step::Key(key) => match way.node.entry(key) {
                Some((key, node)) => (Some(key), node),
                None => return Located::Missing(way),
            },
            Step::Index(index) => match way.node.items().get(*index) {
                Some(node) => (None, node),
                None => return Located::Missing(way),
            },
            Step::Where { key, value } => {
                let mut matches = way
                    .node
                    .items()
                    .iter()
                    .filter(|item| member_is(document, item, key, value));
                match (matches.next(), matches.next()) {
                    (Some(node), None) => (None, node),
                    (Some(_), Some(second)) => return Located::Ambiguous { way, second },
                    (None, _) => return Located::Missing(way),
                }
            }
        };
        way.down(key, node);
    }
    if matches!(way.node.value, Value::Alias(_)) {
        return Located::Alias(way);
    }
    Located::Found(way)
}

/// Whether `item` has the member `key: value`; an alias counts by what it stands for.
fn member_is(document: &Document, item: &Node, key: &str, value: &str) -> bool {
    let behind = |node: &'_ Node| match node.value {
        Value::Alias(anchor) => document
            .root
            .as_ref()
            .and_then(|root| anchored(root, anchor)),
        _ => None,
    };
    let item = behind(item).unwrap_or(item);
    item.get(key)
        .is_some_and(|member| behind(member).unwrap_or(member).text() == Some(value))
}

/// The node with this anchor, at `node` or below.
pub(crate) fn anchored(node: &Node, anchor: usize) -> Option<&Node> {
    if node.anchor == anchor {
        return Some(node);
    }
    let in_items = node.items().iter().find_map(|item| anchored(item, anchor));
    in_items.or_else(|| {
        node.entries()
            .iter()
            .find_map(|(key, value)| anchored(key, anchor).or_else(|| anchored(value, anchor)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::Source;

    fn outcome(text: &str, path: &str) -> String {
        let source = Source::parse(text.as_bytes());
        assert!(source.faults.is_empty(), "{:?}", source.faults);
        match locate(&source.documents[0], &path.parse().unwrap()) {
            Located::Found(way) => format!("found {}", source.slice(&way.node().span)),
            Located::Missing(way) => format!("missing after {}", way.depth()),
            Located::Alias(way) => format!("alias {}", source.slice(&way.node().span)),
            Located::Ambiguous { second, .. } => {
                format!("ambiguous {}", source.slice(&second.span))
            }
            Located::Empty => "empty".to_owned(),
        }
    }

    #[test]
    fn paths_lead_to_nodes() {
        let text = "\
base: &base {image: a}
list:
- name: x
  image: b
- name: y
  image: c
- *base
- name: y
";
        for (path, expected) in [
            ("list[0].image", "found b"),
            ("list[?(@.name==\"x\")].image", "found b"),
            ("list[?(@.name==\"y\")].image", "ambiguous name: y"),
            ("list[?(@.image==\"a\")]", "alias *base"),
            ("list[2].image", "alias *base"),
            ("list[9]", "missing after 1"),
            ("list.x", "missing after 1"),
            ("base.image.x", "missing after 2"),
            ("base.tag", "missing after 1"),
        ] {
            assert_eq!(outcome(text, path), expected, "{path}");
        }
        assert_eq!(
            outcome("a: &a 1\nb: {<<: {c: 1}}\n", "b.c"),
            "missing after 1"
        );
    }
}
