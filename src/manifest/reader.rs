use std::collections::HashMap;

use crate::field_path::{FieldPath, Step};
use crate::manifest::facts::{Finding, Spot};
use crate::manifest::parameters::parameter_in;
use crate::problem::Severity;
use crate::yaml::{Document, Node, Position, Source, Value};

/// Mappings that are merged into one: an anchor may merge itself, and one that does is no end.
const MAX_MERGES: usize = 32;

/// One document being read: lookups that follow aliases, and the findings so far.
pub(crate) struct Reader<'a> {
    pub source: &'a Source<'a>,
    pub document: &'a Document,
    anchored: HashMap<usize, &'a Node>,
    /// Whether any mapping may merge another: hardly one does.
    has_merges: bool,
    pub findings: Vec<Finding>,
    /// The document is an OpenShift Template with its parameters filled in.
    pub in_template: bool,
}

impl<'a> Reader<'a> {
    pub fn new(source: &'a Source<'a>, document: &'a Document) -> Self {
        let mut anchored = HashMap::new();
        if let (Some(root), false) = (&document.root, document.anchors.is_empty()) {
            collect_anchors(root, &mut anchored);
        }
        Self {
            source,
            document,
            anchored,
            has_merges: source.slice(&document.span).contains("<<"),
            findings: Vec::new(),
            in_template: false,
        }
    }

    /// What makes the value, where a template does: then nobody else changes it.
    pub fn filled_in(&self, node: &Node) -> Option<String> {
        let written = self.source.slice(&node.span);
        if self.in_template && written.contains("${") {
            let name = parameter_in(written).unwrap_or_default();
            return Some(format!("the parameter `{name}`"));
        }
        written.contains("{{").then(|| "a template".to_owned())
    }

    pub fn is_filled_in(&self, node: &Node) -> bool {
        self.filled_in(node).is_some()
    }

    /// The node that an alias stands for; any other node is itself.
    pub fn follow(&self, node: &'a Node) -> &'a Node {
        match &node.value {
            Value::Alias(number) => self.anchored.get(number).copied().unwrap_or(node),
            _ => node,
        }
    }

    /// A mapping's member, its own or one that it merges by `<<`; `null` counts as absent.
    pub fn get(&self, node: &'a Node, key: &str) -> Option<&'a Node> {
        let node = self.follow(node);
        let member = match node.get(key) {
            Some(member) => self.follow(member),
            None if self.has_merges => self.merged(node, key)?,
            None => return None,
        };
        (!member.is_null()).then_some(member)
    }

    /// The member of the first mapping that is merged and has it (yaml.org `type/merge`).
    fn merged(&self, node: &'a Node, key: &str) -> Option<&'a Node> {
        let mut open = vec![self.follow(node.get("<<")?)];
        for _ in 0..MAX_MERGES {
            let merged = open.pop()?;
            if let Some(member) = merged.get(key) {
                return Some(self.follow(member));
            }
            if let Some(more) = merged.get("<<") {
                open.push(self.follow(more));
            }
            open.extend(merged.items().iter().rev().map(|item| self.follow(item)));
        }
        None
    }

    /// A member some levels down.
    pub fn at(&self, node: &'a Node, keys: &[&str]) -> Option<&'a Node> {
        keys.iter().try_fold(node, |node, key| self.get(node, key))
    }

    pub fn text(&self, node: &'a Node, key: &str) -> Option<&'a str> {
        self.get(node, key)?.text()
    }

    /// The items of a member that is a sequence.
    pub fn items(&self, node: &'a Node, key: &str) -> &'a [Node] {
        self.get(node, key).map_or(&[], Node::items)
    }

    /// A boolean member, absent as false. Anything else is a finding, and false.
    pub fn flag(&mut self, node: &'a Node, key: &str) -> bool {
        match self.get(node, key) {
            None => false,
            Some(value) => match value.text() {
                Some("true" | "True" | "TRUE") => true,
                Some("false" | "False" | "FALSE") => false,
                _ => {
                    self.error(value, format!("`{key}` is true or false"));
                    false
                }
            },
        }
    }

    /// The steps to the items of a sequence: by `name` where that is unique among its neighbours,
    /// so that an insertion before it leaves the address as it is, else by number.
    pub fn item_steps(&self, items: &[Node]) -> Vec<Step> {
        let name_of = |item: &'_ Node| {
            let name = item.get("name").filter(|name| !self.is_filled_in(name));
            let name = name.and_then(Node::text);
            name.filter(|name| !name.is_empty()).map(str::to_owned)
        };
        let names: Vec<Option<String>> = items.iter().map(name_of).collect();
        let mut counts: HashMap<&str, usize> = HashMap::new();
        for name in names.iter().flatten() {
            *counts.entry(name).or_default() += 1;
        }
        let step = |(index, name): (usize, &Option<String>)| match name {
            Some(name) if counts.get(name.as_str()) == Some(&1) => Step::Where {
                key: "name".to_owned(),
                value: name.clone(),
            },
            _ => Step::Index(index),
        };
        names.iter().enumerate().map(step).collect()
    }

    pub fn spot(&self, node: &Node) -> Spot {
        self.source.position(node.span.start).into()
    }

    pub fn error(&mut self, node: &Node, message: impl Into<String>) {
        self.find(node, Severity::Error, message, None);
    }

    pub fn warning(&mut self, node: &Node, message: impl Into<String>) {
        self.find(node, Severity::Warning, message, None);
    }

    pub fn find(
        &mut self,
        node: &Node,
        severity: Severity,
        message: impl Into<String>,
        advice: Option<&str>,
    ) {
        let mut finding = Finding::new(self.spot(node), severity, message);
        finding.advice = advice.map(str::to_owned);
        self.findings.push(finding);
    }
}

impl From<Position> for Spot {
    fn from(position: Position) -> Self {
        Self {
            line: position.line,
            column: position.column,
        }
    }
}

fn collect_anchors<'a>(root: &'a Node, anchored: &mut HashMap<usize, &'a Node>) {
    let mut open = vec![root];
    while let Some(node) = open.pop() {
        if node.anchor != 0 {
            anchored.insert(node.anchor, node);
        }
        open.extend(node.items());
        open.extend(node.entries().iter().map(|(_, value)| value));
    }
}

/// `path` with one more step.
pub(crate) fn below(path: &FieldPath, step: Step) -> FieldPath {
    path.steps()
        .iter()
        .cloned()
        .chain(std::iter::once(step))
        .collect()
}
