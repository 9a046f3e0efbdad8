use std::collections::HashMap;
use std::collections::HashSet;
use std::fmt;
use std::ops::Range;

use granit_parser::{Event, Parser, StructureStyle};

pub use granit_parser::ScalarStyle;

/// A larger file is refused before it is parsed (hardening: unbounded reads).
pub const MAX_FILE_BYTES: usize = 1 << 20;
const MAX_DEPTH: usize = 128;
const MAX_NODES: usize = 200_000;
const MAX_DOCUMENTS: usize = 2_000;
const MAX_ALIASES: usize = 1_000;

/// A file's text, parsed into its documents.
///
/// A document that cannot be read is a fault, and the others are there all the same.
#[derive(Debug)]
pub struct Source<'a> {
    text: &'a str,
    /// In the order of the file; a document that could not be read keeps its number.
    pub documents: Vec<Document>,
    pub faults: Vec<Fault>,
    line_starts: Vec<usize>,
}

/// One document of a file.
#[derive(Debug)]
pub struct Document {
    /// Counted from 0 in the file, faulty ones too.
    pub index: usize,
    /// Whole lines: from the end of the document before, with directives and `---`.
    pub span: Range<usize>,
    /// None where the document is empty.
    pub root: Option<Node>,
    pub comments: Vec<Comment>,
    /// The nodes that anchors name, by the number in [`Value::Alias`], as byte ranges.
    pub anchors: HashMap<usize, Range<usize>>,
}

/// A comment, without its line break.
#[derive(Debug)]
pub struct Comment {
    /// From `#` to the end of the line.
    pub span: Range<usize>,
    /// What follows `#`.
    pub text: String,
}

/// A value and where it stands.
#[derive(Debug)]
pub struct Node {
    /// The bytes of the value itself, without anchor and tag; of a block scalar, from its first
    /// character to the end of its last line. Empty behind the `:` or `-` where nothing stands.
    pub span: Range<usize>,
    pub value: Value,
    /// The number of the anchor on this node; 0 is none.
    pub anchor: usize,
    /// The explicit tag, resolved.
    pub tag: Option<String>,
}

#[derive(Debug)]
pub enum Value {
    /// The text after unescaping. Tags and versions must be read from here: `1.10` stays `1.10`.
    Scalar {
        text: String,
        style: ScalarStyle,
    },
    Sequence {
        items: Vec<Node>,
        form: Collection,
    },
    Mapping {
        entries: Vec<(Node, Node)>,
        form: Collection,
    },
    /// `*name`, never expanded here: a bomb stays small.
    Alias(usize),
}

/// How a collection is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Collection {
    Block,
    /// Brackets or braces: flow style, and all of JSON.
    Flow,
}

/// Why a file, or one of its documents, cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub at: Position,
    /// The number of the document; none where the whole file cannot be read.
    pub document: Option<usize>,
    pub message: String,
}

/// Line and column, counted from 1; columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    pub line: u32,
    pub column: u32,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

impl<'a> Source<'a> {
    /// Parses all documents of `bytes`. Never fails as a whole: what cannot be read is in
    /// `faults`.
    pub fn parse(bytes: &'a [u8]) -> Self {
        let mut source = Self {
            text: "",
            documents: Vec::new(),
            faults: Vec::new(),
            line_starts: vec![0],
        };
        if bytes.len() > MAX_FILE_BYTES {
            source.whole_file_fault(format!(
                "the file has {} bytes, more than the {MAX_FILE_BYTES} that are read",
                bytes.len()
            ));
            return source;
        }
        match std::str::from_utf8(bytes) {
            Ok(text) => source.text = text,
            Err(error) => {
                source.whole_file_fault(format!(
                    "the file is not UTF-8: byte {} cannot be read",
                    error.valid_up_to()
                ));
                return source;
            }
        }
        source
            .line_starts
            .extend(memchr::memchr_iter(b'\n', bytes).map(|at| at + 1));
        source.build();
        source
    }

    pub fn text(&self) -> &'a str {
        self.text
    }

    /// The text of `span`; empty where it does not fit.
    pub fn slice(&self, span: &Range<usize>) -> &'a str {
        self.text.get(span.clone()).unwrap_or_default()
    }

    /// The document with this number, unless it could not be read.
    pub fn document(&self, index: usize) -> Option<&Document> {
        self.documents
            .iter()
            .find(|document| document.index == index)
    }

    pub fn position(&self, offset: usize) -> Position {
        let line = self.line_starts.partition_point(|start| *start <= offset);
        let start = line
            .checked_sub(1)
            .and_then(|line| self.line_starts.get(line))
            .copied()
            .unwrap_or(0);
        let before = self.text.get(start..offset).unwrap_or_default();
        let before = before.trim_start_matches('\u{feff}');
        Position {
            line: u32::try_from(line).unwrap_or(u32::MAX),
            column: u32::try_from(before.chars().count() + 1).unwrap_or(u32::MAX),
        }
    }

    /// The comment that stands on the line where `offset` is, after it.
    pub fn trailing_comment<'d>(
        &self,
        document: &'d Document,
        offset: usize,
    ) -> Option<&'d Comment> {
        let first = document
            .comments
            .partition_point(|comment| comment.span.start < offset);
        let comment = document.comments.get(first)?;
        let between = self.text.get(offset..comment.span.start)?;
        (!between.contains('\n')).then_some(comment)
    }

    fn whole_file_fault(&mut self, message: String) {
        self.faults.push(Fault {
            at: Position { line: 1, column: 1 },
            document: None,
            message,
        });
    }

    fn build(&mut self) {
        let options = granit_parser::options! {
            block_nesting_limit: MAX_DEPTH,
            flow_nesting_limit: MAX_DEPTH,
            // A licence header of a thousand lines is no attack.
            max_buffered_comment_events: 20_000,
            // Annotations hold whole JSON documents, in JSON as keys' neighbours.
            simple_key_max_lookahead: 4_096,
        };
        let mut parser = Parser::new_from_str_with_options(self.text, options);
        let mut builder = Builder {
            text: self.text,
            ..Builder::default()
        };
        while let Some(next) = parser.next_event() {
            match next {
                Ok((Event::StreamEnd, _)) => break,
                Ok((event, span)) => {
                    let range = span.byte_range().unwrap_or_default();
                    if let Err(message) = builder.event(event, range.clone()) {
                        let at = self.position(range.start);
                        self.faults.push(Fault {
                            at,
                            document: Some(builder.index),
                            message,
                        });
                        builder.failed = true;
                        if builder.exhausted() {
                            break;
                        }
                    }
                }
                Err(error) => {
                    let mark = error.marker();
                    let at = mark.byte_offset().map_or(
                        Position {
                            line: u32::try_from(mark.line()).unwrap_or(u32::MAX),
                            column: u32::try_from(mark.col() + 1).unwrap_or(u32::MAX),
                        },
                        |offset| self.position(offset),
                    );
                    if !builder.failed {
                        self.faults.push(Fault {
                            at,
                            document: Some(builder.index),
                            message: error.info().to_owned(),
                        });
                    }
                    builder.abandon();
                    if builder.exhausted() || !matches!(parser.proceed_next_document(), Ok(true)) {
                        break;
                    }
                }
            }
        }
        self.documents = builder.documents;
    }
}

/// Events to nodes, with budgets on everything that the text decides.
#[derive(Default)]
struct Builder<'a> {
    text: &'a str,
    documents: Vec<Document>,
    index: usize,
    /// Where the document before ended.
    start: usize,
    nodes: usize,
    aliases: usize,
    /// The document being read has a fault and will not be kept.
    failed: bool,
    open: Vec<Open>,
    root: Option<Node>,
    comments: Vec<Comment>,
    anchors: HashMap<usize, Range<usize>>,
}

struct Open {
    node: Node,
    /// A mapping's key that waits for its value.
    key: Option<Node>,
    seen: HashSet<String>,
}

impl Builder<'_> {
    fn exhausted(&self) -> bool {
        self.nodes > MAX_NODES || self.index >= MAX_DOCUMENTS || self.aliases > MAX_ALIASES
    }

    fn abandon(&mut self) {
        self.open.clear();
        self.root = None;
        self.comments.clear();
        self.anchors.clear();
        self.failed = false;
        self.index += 1;
    }

    fn event(&mut self, event: Event<'_>, span: Range<usize>) -> Result<(), String> {
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

impl Node {
    /// The text of a scalar.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// A mapping's member.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|(_, value)| value)
    }

    /// A mapping's member, with its key.
    pub fn entry(&self, key: &str) -> Option<&(Node, Node)> {
        self.entries()
            .iter()
            .find(|(node, _)| node.text() == Some(key))
    }

    /// A mapping's members; none where it is no mapping.
    pub fn entries(&self) -> &[(Node, Node)] {
        match &self.value {
            Value::Mapping { entries, .. } => entries,
            _ => &[],
        }
    }

    /// A sequence's items; none where it is no sequence.
    pub fn items(&self) -> &[Node] {
        match &self.value {
            Value::Sequence { items, .. } => items,
            _ => &[],
        }
    }

    /// Whether this is `null`, `~` or nothing, unquoted.
    pub fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar { text, style: ScalarStyle::Plain }
            if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_byte_ranges_of_the_value() {
        let text =
            "\u{feff}é: # über\r\n  image:\t\"nginx:1.10\" # note\r\n---\r\n{\"a\": [1.10]}\r\n";
        let source = Source::parse(text.as_bytes());
        assert!(source.faults.is_empty(), "{:?}", source.faults);
        let image = source.documents[0]
            .root
            .as_ref()
            .unwrap()
            .get("é")
            .unwrap()
            .get("image")
            .unwrap();
        assert_eq!(source.slice(&image.span), "\"nginx:1.10\"");
        assert_eq!(image.text(), Some("nginx:1.10"));
        assert_eq!(
            source.position(image.span.start),
            Position {
                line: 2,
                column: 10
            }
        );
        let comment = source
            .trailing_comment(&source.documents[0], image.span.end)
            .unwrap();
        assert_eq!(comment.text, " note");
        let item = &source.documents[1]
            .root
            .as_ref()
            .unwrap()
            .get("a")
            .unwrap()
            .items()[0];
        assert_eq!(item.text(), Some("1.10"));
    }

    #[test]
    fn a_broken_document_leaves_the_others() {
        let source = Source::parse(b"a: 1\n---\nb: [1\n---\nc: 3\n---\nd: 1\nd: 2\n---\ne: 5\n");
        let roots: Vec<_> = source.documents.iter().map(|d| d.index).collect();
        assert_eq!(roots, [0, 2, 4]);
        assert_eq!(source.faults.len(), 2, "{:?}", source.faults);
        assert_eq!(source.faults[0].document, Some(1));
        assert_eq!(source.faults[1].at, Position { line: 8, column: 1 });
        assert!(source.faults[1].message.contains("stands twice"));
    }

    #[test]
    fn bombs_are_faults() {
        let deep = "[".repeat(100_000);
        let aliases = format!("a: &a x\nb: [{}]\n", "*a,".repeat(2_000));
        let many = "- x\n".repeat(210_000);
        let documents = "---\na: 1\n".repeat(3_000);
        let long = vec![b'a'; MAX_FILE_BYTES + 1];
        for bytes in [
            deep.as_bytes(),
            aliases.as_bytes(),
            many.as_bytes(),
            documents.as_bytes(),
            &long,
            b"\xff\xfe",
        ] {
            assert_eq!(Source::parse(bytes).faults.len(), 1);
        }
    }
}
