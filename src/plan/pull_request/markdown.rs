//! The one writer of Markdown.
//!
//! What acts in it (emphasis, links, tables, HTML) comes from literals in this program, from
//! numbers and from names whose grammar leaves nothing to act with. Everything else is a
//! [`Foreign`] and comes out as a code span: CommonMark 0.31 part 6.1, in which nothing but the
//! fence itself has a meaning. What is written renders alike at GitHub, GitLab, Gitea and Forgejo.

use std::fmt::Write as _;

use jiff::Timestamp;

use crate::environment::EnvironmentName;
use crate::image::Digest;
use crate::plan::pull_request::foreign::Foreign;
use crate::revision::CommitId;

/// Text within one line, which can be written as Markdown and as plain text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inline(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    /// Markdown of ours.
    Ours(String),
    Bold(Inline),
    Code(Foreign),
    Link(&'static str, Link),
}

/// An address that this program made; only https, and nothing in it that Markdown acts on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link(String);

impl Link {
    /// `https://host/part/part`; None where `host` is no plain host name with or without a port.
    pub fn https(host: &str, path: &[&str]) -> Option<Self> {
        let (name, port) = host.split_once(':').unwrap_or((host, "443"));
        let is_host = !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'));
        let is_port = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
        if !is_host || !is_port {
            return None;
        }
        let mut url = format!("https://{}", host.to_ascii_lowercase());
        for part in path {
            url.push('/');
            push_encoded(&mut url, part, |byte| {
                matches!(byte, b'.' | b'_' | b'~' | b'-')
            });
        }
        Some(Self(url))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Percent-encoding (RFC 3986): letters, digits and what `keeps` says stay.
pub fn push_encoded(out: &mut String, text: &str, keeps: impl Fn(u8) -> bool) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || keeps(byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

impl Inline {
    pub fn new() -> Self {
        Self::default()
    }

    /// Words of this program.
    pub fn of(words: &'static str) -> Self {
        Self::new().words(words)
    }

    pub fn of_code(text: Foreign) -> Self {
        Self::new().code(text)
    }

    fn push(mut self, piece: Piece) -> Self {
        self.0.push(piece);
        self
    }

    pub fn words(self, words: &'static str) -> Self {
        self.push(Piece::Ours(words.to_owned()))
    }

    pub fn bold(self, inner: Self) -> Self {
        self.push(Piece::Bold(inner))
    }

    pub fn code(self, text: Foreign) -> Self {
        self.push(Piece::Code(text))
    }

    /// Its first hex digits, as people name it.
    pub fn digest(self, digest: &Digest) -> Self {
        self.code(Foreign::name(&format!(
            "{}:{}…",
            digest.algorithm(),
            digest.short()
        )))
    }

    pub fn link(self, words: &'static str, link: Link) -> Self {
        self.push(Piece::Link(words, link))
    }

    pub fn number(self, number: usize) -> Self {
        self.push(Piece::Ours(number.to_string()))
    }

    /// `1 layer`, `2 layers`
    pub fn count(self, number: usize, one: &'static str, many: &'static str) -> Self {
        self.number(number)
            .words(" ")
            .words(if number == 1 { one } else { many })
    }

    /// `182.4 MiB`
    pub fn size(self, bytes: u64) -> Self {
        self.push(Piece::Ours(mebibytes(bytes)))
    }

    /// By its first hex digits.
    pub fn commit(self, commit: CommitId) -> Self {
        self.code(Foreign::name(&commit.short()))
    }

    /// An environment's name is letters, digits and `-`.
    pub fn environment(self, name: &EnvironmentName) -> Self {
        self.push(Piece::Ours(name.to_string()))
    }

    /// To the minute, in UTC.
    pub fn at(self, time: Timestamp) -> Self {
        self.push(Piece::Ours(time.strftime("%Y-%m-%d %H:%MZ").to_string()))
    }

    /// As [`Self::at`]; what is no time is said as it is written.
    pub fn time(self, text: &str) -> Self {
        match text.parse::<Timestamp>() {
            Ok(time) => self.at(time),
            Err(_) if text.is_empty() => self.words("at an unknown time"),
            Err(_) => self.code(Foreign::name(text)),
        }
    }

    pub fn then(mut self, next: Self) -> Self {
        self.0.extend(next.0);
        self
    }

    /// `a, b, c`; at most so many, then "and N more".
    pub fn list(self, items: impl IntoIterator<Item = Self>, most: usize) -> Self {
        let mut items = items.into_iter();
        let mut all = self;
        for (number, item) in items.by_ref().take(most).enumerate() {
            let comma = if number > 0 { ", " } else { "" };
            all = all.words(comma).then(item);
        }
        match items.count() {
            0 => all,
            more => all.words(" and ").number(more).words(" more"),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The same as plain text, for a commit message. Links stand on lines of their own there.
    pub fn plain(&self) -> String {
        let mut text = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Ours(words) => text.push_str(words),
                Piece::Bold(inner) => text.push_str(&inner.plain()),
                Piece::Code(foreign) => text.push_str(&foreign.bare()),
                Piece::Link(words, _) => text.push_str(words),
            }
        }
        text
    }

    fn write(&self, out: &mut String, is_in_table: bool) {
        for piece in &self.0 {
            match piece {
                Piece::Ours(words) => out.push_str(words),
                Piece::Bold(inner) => {
                    out.push_str("**");
                    inner.write(out, is_in_table);
                    out.push_str("**");
                }
                Piece::Code(foreign) => push_code(out, foreign.as_str(), is_in_table),
                Piece::Link(words, link) => {
                    let _ = write!(out, "[{words}]({})", link.0);
                }
            }
        }
    }
}

/// A fence longer than any run of backticks inside. In a table a `|` is written `\|`, which GFM
/// takes back inside a code span too; behind a `\` that would be read in more than one way, so
/// there it is shown as an escape.
fn push_code(out: &mut String, text: &str, is_in_table: bool) {
    if text.is_empty() {
        out.push_str("(empty)");
        return;
    }
    let fence = "`".repeat(longest_run(text) + 1);
    let is_bare_space = text.starts_with(' ') && text.ends_with(' ') && !text.trim().is_empty();
    let padded = text.starts_with('`') || text.ends_with('`') || is_bare_space;
    let pad = if padded { " " } else { "" };
    out.push_str(&fence);
    out.push_str(pad);
    let mut before = ' ';
    for character in text.chars() {
        match (character, before) {
            ('|', '\\') if is_in_table => out.push_str("u{7c}"),
            ('|', _) if is_in_table => out.push_str("\\|"),
            _ => out.push(character),
        }
        before = character;
    }
    out.push_str(pad);
    out.push_str(&fence);
}

/// Of backticks.
fn longest_run(text: &str) -> usize {
    let runs = text.split(|c| c != '`').map(str::len);
    runs.max().unwrap_or(0)
}

fn mebibytes(bytes: u64) -> String {
    const KIB: f64 = 1024.0;
    let kib = bytes as f64 / KIB;
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..1_048_576 => format!("{kib:.0} KiB"),
        1_048_576..1_073_741_824 => format!("{:.1} MiB", kib / KIB),
        _ => format!("{:.2} GiB", kib / KIB / KIB),
    }
}

/// What a checkbox stands for, as a comment behind it.
pub trait Mark {
    fn comment(&self) -> String;
}

/// Paragraphs, tables and folded parts, in order.
#[derive(Clone, Debug, Default)]
pub struct Document(Vec<Block>);

#[derive(Clone, Debug)]
enum Block {
    Paragraph(Inline),
    List(Vec<Inline>),
    Table(Vec<Inline>, Vec<Vec<Inline>>),
    Folded(Folded),
    Tasks(Vec<(Inline, String)>),
    Fenced(Vec<Foreign>),
    Rule,
}

/// A part that is closed until somebody opens it, and that may be left out where the whole is too
/// long.
#[derive(Clone, Debug)]
pub struct Folded {
    /// What it is called where it was left out.
    pub name: &'static str,
    /// Words and numbers only: Markdown is not read there.
    pub summary: Inline,
    pub content: Document,
}

impl Document {
    pub fn new() -> Self {
        Self::default()
    }

    fn push(&mut self, block: Block) {
        self.0.push(block);
    }

    pub fn paragraph(&mut self, text: Inline) {
        self.push(Block::Paragraph(text));
    }

    pub fn list(&mut self, items: Vec<Inline>) {
        if !items.is_empty() {
            self.push(Block::List(items));
        }
    }

    pub fn table(&mut self, head: Vec<Inline>, rows: Vec<Vec<Inline>>) {
        self.push(Block::Table(head, rows));
    }

    pub fn folded(&mut self, part: Folded) {
        self.push(Block::Folded(part));
    }

    pub fn tasks(&mut self, tasks: Vec<(Inline, &dyn Mark)>) {
        let tasks = tasks
            .into_iter()
            .map(|(text, mark)| (text, mark.comment()))
            .collect();
        self.push(Block::Tasks(tasks));
    }

    /// Lines that are shown letter by letter.
    pub fn fenced(&mut self, lines: Vec<Foreign>) {
        self.push(Block::Fenced(lines));
    }

    pub fn rule(&mut self) {
        self.push(Block::Rule);
    }

    /// The Markdown, of at most so many bytes as long as folded parts can be left out, the last
    /// ones first; no table is cut.
    pub fn markdown(&self, most: usize) -> String {
        let folded: Vec<usize> = self
            .0
            .iter()
            .enumerate()
            .filter(|(_, block)| matches!(block, Block::Folded(_)))
            .map(|(number, _)| number)
            .collect();
        let mut left_out = Vec::new();
        let mut text = self.write(&left_out);
        for number in folded.into_iter().rev() {
            if text.len() <= most {
                break;
            }
            left_out.push(number);
            text = self.write(&left_out);
        }
        text
    }

    fn write(&self, left_out: &[usize]) -> String {
        let mut out = String::new();
        let mut names = Vec::new();
        for (number, block) in self.0.iter().enumerate() {
            match block {
                Block::Folded(part) if left_out.contains(&number) => names.push(part.name),
                _ => {
                    // What was left out is told where it would have stood.
                    if !matches!(block, Block::Folded(_)) {
                        push_left_out(&mut out, &mut names);
                    }
                    block.write(&mut out);
                }
            }
        }
        push_left_out(&mut out, &mut names);
        out
    }
}

fn push_left_out(out: &mut String, names: &mut Vec<&str>) {
    if !names.is_empty() {
        let names = std::mem::take(names).join(", ");
        start_block(out);
        let _ = writeln!(out, "Left out, since the text would be too long: {names}.");
    }
}

fn start_block(out: &mut String) {
    if !out.is_empty() {
        out.push('\n');
    }
}

impl Block {
    fn write(&self, out: &mut String) {
        start_block(out);
        match self {
            Self::Paragraph(text) => {
                text.write(out, false);
                out.push('\n');
            }
            Self::List(items) => {
                for item in items {
                    out.push_str("- ");
                    item.write(out, false);
                    out.push('\n');
                }
            }
            Self::Table(head, rows) => {
                push_row(out, head);
                out.push('|');
                out.push_str(&"---|".repeat(head.len()));
                out.push('\n');
                for row in rows {
                    push_row(out, row);
                }
            }
            Self::Folded(part) => {
                let summary = part.summary.plain();
                let _ = writeln!(out, "<details><summary>{summary}</summary>\n");
                out.push_str(&part.content.write(&[]));
                out.push_str("\n</details>\n");
            }
            Self::Tasks(tasks) => {
                for (text, comment) in tasks {
                    out.push_str("- [ ] ");
                    text.write(out, false);
                    let _ = writeln!(out, " {comment}");
                }
            }
            Self::Fenced(lines) => {
                let longest = lines.iter().map(|line| longest_run(line.as_str())).max();
                let fence = "`".repeat(longest.map_or(3, |longest| 3.max(longest + 1)));
                let _ = writeln!(out, "{fence}text");
                for line in lines {
                    let _ = writeln!(out, "{line}");
                }
                let _ = writeln!(out, "{fence}");
            }
            Self::Rule => out.push_str("---\n"),
        }
    }
}

fn push_row(out: &mut String, cells: &[Inline]) {
    out.push('|');
    for cell in cells {
        out.push(' ');
        cell.write(out, true);
        out.push_str(" |");
    }
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str, is_in_table: bool) -> String {
        let mut out = String::new();
        push_code(&mut out, text, is_in_table);
        out
    }

    #[test]
    fn a_fence_is_longer_than_what_it_holds() {
        for (text, expected) in [
            ("a", "`a`"),
            ("", "(empty)"),
            ("a`b", "``a`b``"),
            ("``a", "``` ``a ```"),
            (" a ", "`  a  `"),
            ("a|b", "`a|b`"),
        ] {
            assert_eq!(code(text, false), expected);
        }
        assert_eq!(code("a|b", true), r"`a\|b`");
        assert_eq!(code(r"a\|b", true), r"`a\u{7c}b`");
    }

    #[test]
    fn fenced_lines_cannot_end_their_block() {
        let fenced = |lines: &[&str]| {
            let mut document = Document::new();
            document.fenced(lines.iter().map(|line| Foreign::new(line)).collect());
            document.markdown(1000)
        };
        assert_eq!(fenced(&["a", "", " b"]), "```text\na\n\n b\n```\n");
        assert_eq!(
            fenced(&["```", "~~~ ````"]),
            "`````text\n```\n~~~ ````\n`````\n"
        );
        assert_eq!(
            fenced(&["<!-- headwater:v1 x -->", "@all\u{202e}\r"]),
            "```text\n\\u{3c}!-- headwater:v1 x -->\n\\u{40}all\\u{202e}\\u{d}\n```\n"
        );
    }

    #[test]
    fn links_are_https_and_encoded() {
        let link = |host: &str, path: &[&str]| Link::https(host, path).map(|link| link.0);
        assert_eq!(
            link("GitHub.com", &["a", "b) [x](http:", "c"]).as_deref(),
            Some("https://github.com/a/b%29%20%5Bx%5D%28http%3A/c")
        );
        assert_eq!(link("h:8443", &["a"]).as_deref(), Some("https://h:8443/a"));
        for bad in ["", "a b", "u@h", "h:", "h:x", "h/x", "h:1:2"] {
            assert_eq!(link(bad, &[]), None, "{bad}");
        }
    }

    #[test]
    fn folded_parts_go_first_and_whole() {
        let mut document = Document::new();
        document.paragraph(Inline::of("first"));
        for name in ["one", "two"] {
            let mut content = Document::new();
            content.paragraph(Inline::of("0123456789012345678901234567890123456789"));
            document.folded(Folded {
                name,
                summary: Inline::of(name),
                content,
            });
        }
        document.paragraph(Inline::of("last"));
        let whole = document.markdown(1000);
        assert!(whole.contains(">two<") && whole.ends_with("\nlast\n"));
        let cut = document.markdown(whole.len() - 1);
        assert!(cut.contains(">one<") && !cut.contains(">two<"), "{cut}");
        assert!(cut.contains("too long: two.\n\nlast\n"), "{cut}");
        assert!(document.markdown(0).contains("too long: one, two."));
    }

    #[test]
    fn sizes_have_one_unit() {
        for (bytes, expected) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1 KiB"),
            (191_259_607, "182.4 MiB"),
            (2_147_483_648, "2.00 GiB"),
        ] {
            assert_eq!(mebibytes(bytes), expected);
        }
    }
}
