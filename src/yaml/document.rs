use std::collections::HashMap;
use std::fmt;
use std::ops::Range;

use granit_parser::{Event, Parser};

pub use granit_parser::ScalarStyle;

use crate::yaml::builder::{Builder, MAX_DEPTH};

/// A larger file is refused before it is parsed (hardening: unbounded reads).
pub const MAX_FILE_BYTES: usize = 1 << 20;

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
#[derive(Clone, Debug)]
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
#[derive(Clone, Debug)]
pub struct Comment {
    /// From `#` to the end of the line.
    pub span: Range<usize>,
    /// What follows `#`.
    pub text: String,
}

/// A value and where it stands.
#[derive(Clone, Debug)]
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

#[derive(Clone, Debug)]
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
        if is_utf16(bytes) {
            source.whole_file_fault("the file is UTF-16; save it as UTF-8".to_owned());
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
        let mut builder = Builder::new(self.text);
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

/// Whether the text is UTF-16, by its mark or by a first character that is ASCII
/// (YAML 1.2, "Character Encodings"). UTF-32 counts too.
pub(crate) fn is_utf16(bytes: &[u8]) -> bool {
    matches!(bytes, [0xff, 0xfe, ..] | [0xfe, 0xff, ..])
        || matches!(bytes, [0, second, ..] if *second != 0)
        || matches!(bytes, [first, 0, ..] if *first != 0)
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
