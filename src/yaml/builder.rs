use std::collections::{HashMap, HashSet};
use std::ops::Range;

use granit_parser::{Event, StructureStyle};

use crate::yaml::{Collection, Comment, Document, Node, ScalarStyle, Value};

/// How deep collections may stand in one another.
pub(crate) const MAX_DEPTH: usize = 128;
const MAX_NODES: usize = 200_000;
const MAX_DOCUMENTS: usize = 2_000;
const MAX_ALIASES: usize = 1_000;

/// Events to nodes, with budgets on everything that the text decides.
#[derive(Debug, Default)]
pub(crate) struct Builder<'a> {
    text: &'a str,
    pub documents: Vec<Document>,
    pub index: usize,
    /// Where the document before ended.
    start: usize,
    nodes: usize,
    aliases: usize,
    /// The document being read has a fault and will not be kept.
    pub failed: bool,
    /// The text up to here could not be read.
    lost: bool,
    open: Vec<Open>,
    root: Option<Node>,
    comments: Vec<Comment>,
    anchors: HashMap<usize, Range<usize>>,
}

#[derive(Debug)]
struct Open {
    node: Node,
    /// A mapping's key that waits for its value.
    key: Option<Node>,
    seen: HashSet<String>,
}

impl<'a> Builder<'a> {
    pub fn new(text: &'a str) -> Self {
        Self {
            text,
            ..Self::default()
        }
    }

    pub fn exhausted(&self) -> bool {
        self.nodes > MAX_NODES || self.index >= MAX_DOCUMENTS || self.aliases > MAX_ALIASES
    }

    /// Leaves the document that is being read: it cannot be.
    pub fn abandon(&mut self) {
        self.open.clear();
        self.root = None;
        self.comments.clear();
        self.anchors.clear();
        self.failed = false;
        self.lost = true;
        self.index += 1;
    }

    pub fn event(&mut self, event: Event<'_>, span: Range<usize>) -> Result<(), String> {
        match event {
            Event::DocumentEnd => {
                if self.index >= MAX_DOCUMENTS {
                    return Err(format!("the file has more than {MAX_DOCUMENTS} documents"));
                }
                let end = self.line_after(span.end);
                let start = std::mem::replace(&mut self.start, end);
                if self.failed {
                    self.abandon();
                    return Ok(());
                }
                let mut comments = std::mem::take(&mut self.comments);
                comments.sort_by_key(|comment| comment.span.start);
                self.documents.push(Document {
                    index: self.index,
                    span: start..end,
                    root: self.root.take(),
                    comments,
                    anchors: std::mem::take(&mut self.anchors),
                });
                self.index += 1;
                Ok(())
            }
            Event::Comment(text, _) => {
                self.comments.push(Comment {
                    span,
                    text: text.into_owned(),
                });
                Ok(())
            }
            Event::DocumentStart(..) if std::mem::take(&mut self.lost) => {
                self.start = span.start;
                Ok(())
            }
            _ if self.failed => Ok(()),
            Event::Scalar(text, style, anchor, tag) => {
                let mut text = text.into_owned();
                let span = match style {
                    ScalarStyle::Plain if span.is_empty() => {
                        text.clear();
                        self.empty_span(span, anchor != 0 || tag.is_some())
                    }
                    ScalarStyle::Literal | ScalarStyle::Folded => self.without_break(span, &text),
                    _ => span,
                };
                let value = Value::Scalar { text, style };
                self.leaf(span, value, anchor, tag.map(|tag| tag.to_string()))
            }
            Event::Alias(anchor) => {
                self.aliases += 1;
                if self.aliases > MAX_ALIASES {
                    return Err(format!("the file has more than {MAX_ALIASES} aliases"));
                }
                self.leaf(span, Value::Alias(anchor), 0, None)
            }
            Event::SequenceStart(style, anchor, tag) => {
                let value = Value::Sequence {
                    items: Vec::new(),
                    form: collection(style),
                };
                self.start(span, value, anchor, tag.map(|tag| tag.to_string()))
            }
            Event::MappingStart(style, anchor, tag) => {
                let value = Value::Mapping {
                    entries: Vec::new(),
                    form: collection(style),
                };
                self.start(span, value, anchor, tag.map(|tag| tag.to_string()))
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(mut open) = self.open.pop() else {
                    return Err("a collection ends that never began".to_owned());
                };
                open.node.span.end = self.end_of(&open.node, span.end);
                open.node.span.start = self.start_of(&open.node);
                self.attach(open.node)
            }
            _ => Ok(()),
        }
    }

    /// A block collection ends with its last child: the parser's own end mark lies behind the
    /// blanks and comments that follow.
    fn end_of(&self, node: &Node, end: usize) -> usize {
        match &node.value {
            Value::Sequence {
                items,
                form: Collection::Block,
            } => items.last().map_or(node.span.start, |item| item.span.end),
            Value::Mapping {
                entries,
                form: Collection::Block,
            } => entries.last().map_or(node.span.start, |(key, value)| {
                value.span.end.max(key.span.end)
            }),
            _ => end,
        }
    }

    /// The parser puts a value that is not there before the `:`, or behind what follows the `-`; it
    /// belongs right behind them.
    fn empty_span(&self, span: Range<usize>, has_properties: bool) -> Range<usize> {
        let waits = self.open.last().is_some_and(|open| open.key.is_some());
        if has_properties {
            return span;
        }
        if !waits {
            let before = self.text.get(..span.start).unwrap_or_default();
            let before = without_comments(before);
            return match before.ends_with('-') {
                true => before.len()..before.len(),
                false => span,
            };
        }
        let rest = self.text.get(span.start..).unwrap_or_default();
        let blanks = rest.len() - rest.trim_start_matches([' ', '\t']).len();
        if rest.get(blanks..).is_some_and(|rest| rest.starts_with(':')) {
            let behind = span.start + blanks + 1;
            return behind..behind;
        }
        span
    }

    /// A block scalar's span reaches into the lines that follow: it ends with its last line that
    /// is not blank, unless blank lines are kept.
    fn without_break(&self, span: Range<usize>, text: &str) -> Range<usize> {
        let content = self.text.get(span.clone()).unwrap_or_default();
        let end = if text.ends_with("\n\n") {
            let lines = content.trim_end_matches([' ', '\t']);
            lines.strip_suffix('\n').unwrap_or(content).len()
        } else {
            let last = content.trim_end().len();
            let rest = content.get(last..).unwrap_or_default();
            last + rest.find('\n').unwrap_or(rest.len())
        };
        let line = content.get(..end).unwrap_or_default();
        span.start..span.start + line.strip_suffix('\r').unwrap_or(line).len()
    }

    /// The parser starts a block sequence behind its first dash where it stands no deeper than
    /// its key.
    fn start_of(&self, node: &Node) -> usize {
        let start = node.span.start;
        let is_block = matches!(
            node.value,
            Value::Sequence {
                form: Collection::Block,
                ..
            }
        );
        let before = self.text.get(..start).unwrap_or_default();
        let rest = self.text.get(start..).unwrap_or_default();
        let at_dash = rest
            .strip_prefix('-')
            .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']));
        let is_indentless = self.open.last().is_some_and(|open| open.key.is_some());
        if !is_block || !is_indentless {
            return start;
        }
        let first_item = match &node.value {
            Value::Sequence { items, .. } => items.first().map_or(start, |item| item.span.start),
            _ => start,
        };
        if at_dash && first_item != start {
            return start;
        }
        before
            .trim_end_matches([' ', '\t', '\r', '\n'])
            .strip_suffix('-')
            .map_or(start, str::len)
    }

    /// The start of the next line, unless `offset` is one.
    fn line_after(&self, offset: usize) -> usize {
        let before = self.text.get(..offset).unwrap_or_default();
        let rest = self.text.get(offset..).unwrap_or_default();
        match rest.find('\n') {
            _ if before.is_empty() || before.ends_with('\n') => offset,
            Some(at) => offset + at + 1,
            None => self.text.len(),
        }
    }

    fn leaf(
        &mut self,
        span: Range<usize>,
        value: Value,
        anchor: usize,
        tag: Option<String>,
    ) -> Result<(), String> {
        self.count_node()?;
        self.attach(Node {
            span,
            value,
            anchor,
            tag,
        })
    }

    fn start(
        &mut self,
        span: Range<usize>,
        value: Value,
        anchor: usize,
        tag: Option<String>,
    ) -> Result<(), String> {
        self.count_node()?;
        if self.open.len() >= MAX_DEPTH {
            return Err(format!("nested deeper than {MAX_DEPTH} levels"));
        }
        self.open.push(Open {
            node: Node {
                span,
                value,
                anchor,
                tag,
            },
            key: None,
            seen: HashSet::new(),
        });
        Ok(())
    }

    fn count_node(&mut self) -> Result<(), String> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(format!("the file has more than {MAX_NODES} values"));
        }
        Ok(())
    }

    fn attach(&mut self, node: Node) -> Result<(), String> {
        if node.anchor != 0 {
            self.anchors.insert(node.anchor, node.span.clone());
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match &mut open.node.value {
            Value::Sequence { items, .. } => items.push(node),
            Value::Mapping { entries, .. } => match open.key.take() {
                None => {
                    if let Value::Scalar { text, .. } = &node.value
                        // Several merge keys are common, and harmless: nothing is merged here.
                        && text != "<<"
                        && !open.seen.insert(text.clone())
                    {
                        return Err(format!("the key `{text}` stands twice in one mapping"));
                    }
                    open.key = Some(node);
                }
                Some(key) => entries.push((key, node)),
            },
            Value::Scalar { .. } | Value::Alias(_) => {}
        }
        Ok(())
    }
}

/// `text` without the blanks, line breaks and comments at its end.
fn without_comments(text: &str) -> &str {
    let mut text = text.trim_end();
    loop {
        let line = text.rfind('\n').map_or(0, |at| at + 1);
        let comment = text.get(line..).and_then(|line| {
            let mut hashes = line.match_indices('#').map(|(at, _)| at);
            hashes.find(|at| {
                let before = line.get(..*at).unwrap_or_default();
                before.is_empty() || before.ends_with([' ', '\t'])
            })
        });
        match comment.and_then(|at| text.get(..line + at)) {
            Some(before) => text = before.trim_end(),
            None => return text,
        }
    }
}

fn collection(style: StructureStyle) -> Collection {
    match style {
        StructureStyle::Block => Collection::Block,
        StructureStyle::Flow => Collection::Flow,
    }
}
