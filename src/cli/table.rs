//! Aligned columns for people; programs read JSON.

use std::borrow::Cow;

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr};

use crate::cli::style::{Role, Styles};
use crate::image::Digest;
use crate::plain::plain;

const GAP: usize = 2;

/// Rows under a head. Cells are made [`plain`]; nothing is wrapped.
#[derive(Debug)]
pub struct Table {
    head: Vec<&'static str>,
    rows: Vec<Vec<Cell>>,
}

/// One field of a table.
#[derive(Debug)]
pub struct Cell {
    text: String,
    role: Option<Role>,
}

impl Cell {
    pub fn new(text: impl AsRef<str>) -> Self {
        Self {
            text: plain(text.as_ref()).into_owned(),
            role: None,
        }
    }

    #[must_use]
    pub fn role(mut self, role: Role) -> Self {
        self.role = Some(role);
        self
    }
}

impl<T: AsRef<str>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::new(text)
    }
}

impl Table {
    pub fn new(head: impl IntoIterator<Item = &'static str>) -> Self {
        Self {
            head: head.into_iter().collect(),
            rows: Vec::new(),
        }
    }

    pub fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The lines, each with its line break; none where there is no row.
    pub fn render(&self, styles: Styles) -> String {
        self.render_within(None, styles)
    }

    /// As [`Self::render`]; what of the last column does not fit into `width` is cut, where enough
    /// of it stays to be of use.
    pub fn render_within(&self, width: Option<usize>, styles: Styles) -> String {
        if self.rows.is_empty() {
            return String::new();
        }
        let head: Vec<Cell> = self
            .head
            .iter()
            .map(|title| Cell::new(title).role(Role::Heading))
            .collect();
        let lines: Vec<&Vec<Cell>> = std::iter::once(&head).chain(&self.rows).collect();
        let widths = widths(&lines);
        let room = width.and_then(|width| room_of_last(&widths, width));
        lines
            .iter()
            .map(|line| render(line, &widths, room, styles))
            .collect()
    }
}

fn widths(lines: &[&Vec<Cell>]) -> Vec<usize> {
    let mut widths: Vec<usize> = Vec::new();
    for line in lines {
        for (column, cell) in line.iter().enumerate() {
            let width = cell.text.width();
            match widths.get_mut(column) {
                Some(known) => *known = width.max(*known),
                None => widths.push(width),
            }
        }
    }
    widths
}

/// The columns that the last cell of a line has; none where it must not be cut.
fn room_of_last(widths: &[usize], width: usize) -> Option<usize> {
    const LEAST: usize = 12;
    let (_, others) = widths.split_last()?;
    let taken: usize = others.iter().map(|width| width + GAP).sum();
    width.checked_sub(taken).filter(|room| *room >= LEAST)
}

/// The beginning of a text that fits into `room` columns, with a sign that there was more.
pub fn cut(text: &str, room: usize) -> Cow<'_, str> {
    if text.width() <= room {
        return Cow::Borrowed(text);
    }
    let mut short = String::new();
    for character in text.chars() {
        if short.width() + character.width().unwrap_or_default() >= room {
            break;
        }
        short.push(character);
    }
    Cow::Owned(format!("{}…", short.trim_end()))
}

fn render(line: &[Cell], widths: &[usize], room: Option<usize>, styles: Styles) -> String {
    let mut text = String::new();
    let last = widths.len().saturating_sub(1);
    // White space is put before a cell, so that no line ends in it.
    let mut owed = 0;
    for (column, (cell, width)) in line.iter().zip(widths).enumerate() {
        let shown = match room {
            Some(room) if column == last => cut(&cell.text, room),
            _ => Cow::Borrowed(cell.text.as_str()),
        };
        if !cell.text.is_empty() {
            text.push_str(&" ".repeat(owed));
            owed = 0;
            match cell.role {
                Some(role) => text.push_str(&styles.paint(role, &shown).to_string()),
                None => text.push_str(&shown),
            }
        }
        owed += width.saturating_sub(cell.text.width()) + GAP;
    }
    text.push('\n');
    text
}

/// The algorithm and the first 12 hex digits: `sha256:0123456789ab`.
pub fn short(digest: &Digest) -> String {
    shortened(&digest.to_string()).into_owned()
}

/// A text in which every long run of hex digits behind `sha256:` or `sha512:` keeps 12 of them.
pub fn shortened(text: &str) -> Cow<'_, str> {
    const SHOWN: usize = 12;
    let mut short = String::new();
    let mut rest = text;
    while let Some((before, after)) = split_behind_algorithm(rest) {
        let digits = after.bytes().take_while(u8::is_ascii_hexdigit).count();
        let (digits, after) = after.split_at(digits);
        short.push_str(before);
        short.push_str(digits.get(..SHOWN).unwrap_or(digits));
        rest = after;
    }
    if short.is_empty() {
        return Cow::Borrowed(text);
    }
    short.push_str(rest);
    Cow::Owned(short)
}

fn split_behind_algorithm(text: &str) -> Option<(&str, &str)> {
    let at = ["sha256:", "sha512:"]
        .iter()
        .filter_map(|algorithm| Some(text.find(algorithm)? + algorithm.len()))
        .min()?;
    text.split_at_checked(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_align_and_lines_end_where_their_text_ends() {
        let mut table = Table::new(["STREAM", "DIGEST", "WHY"]);
        table.row(["dev/web:1".into(), "sha256:ab".into(), "".into()]);
        table.row(["東京/x".into(), "".into(), "waits".into()]);
        let expected = "\
STREAM     DIGEST     WHY
dev/web:1  sha256:ab
東京/x                waits
";
        assert_eq!(table.render(Styles::none()), expected);
    }

    #[test]
    fn the_last_column_fits_into_the_terminal_where_that_helps() {
        let mut table = Table::new(["TAG", "SUBJECT"]);
        table.row(["web:1".into(), "a subject of many words".into()]);
        let within = |width| table.render_within(Some(width), Styles::none());
        assert_eq!(within(21), "TAG    SUBJECT\nweb:1  a subject of…\n");
        assert_eq!(within(30), table.render(Styles::none()));
        assert_eq!(within(10), table.render(Styles::none()));
    }

    #[test]
    fn an_empty_table_has_no_head() {
        assert_eq!(Table::new(["A"]).render(Styles::none()), "");
    }

    #[test]
    fn cells_cannot_steer_the_terminal() {
        let mut table = Table::new(["TAG"]);
        table.row(["a\x1b[31m\nb".into()]);
        assert_eq!(table.render(Styles::none()), "TAG\na[31m b\n");
    }

    #[test]
    fn digests_are_cut_to_twelve_digits() {
        let digest = format!("sha256:{}", "0123456789abcdef".repeat(4));
        assert_eq!(shortened(&digest), "sha256:0123456789ab");
        assert_eq!(
            shortened(&format!("web:1@{digest} and {digest}.")),
            "web:1@sha256:0123456789ab and sha256:0123456789ab."
        );
        assert_eq!(shortened("sha256:ab"), "sha256:ab");
        assert_eq!(shortened("nothing"), "nothing");
        assert_eq!(short(&digest.parse().unwrap()), "sha256:0123456789ab");
    }
}
