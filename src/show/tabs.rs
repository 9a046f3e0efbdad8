use std::fmt;

/// Text in cells, aligned as Go's `text/tabwriter` does it.
///
/// A tab ends a cell; cells of one column in lines that follow one another get one width. What
/// stands behind a line's last tab belongs to no column.
#[derive(Debug)]
pub struct Tabs {
    padding: Padding,
    text: String,
}

/// How cells are made equally wide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Padding {
    /// With tabs of 8, at least one: what `oc describe` uses (oc `pkg/helpers/describe`,
    /// `tabbedString`).
    Tabs,
    /// With blanks, at least 3, to no less than 6: what `oc get` uses (cli-runtime
    /// `pkg/printers`, `GetNewTabWriter`).
    Blanks,
    /// With blanks, at least one: what `oc image info` uses.
    Narrow,
}

const TAB_WIDTH: usize = 8;

impl Padding {
    /// How wide a column is whose widest text has `width` characters.
    fn column(self, width: usize) -> usize {
        match self {
            Self::Tabs => width + 1,
            Self::Blanks => (width + 3).max(6),
            Self::Narrow => width + 1,
        }
    }

    fn fill(self, width: usize, column: usize, out: &mut String) {
        let (fill, count) = match self {
            Self::Tabs => {
                let column = column.next_multiple_of(TAB_WIDTH);
                let count = column.saturating_sub(width).div_ceil(TAB_WIDTH);
                ('\t', count)
            }
            Self::Blanks | Self::Narrow => (' ', column.saturating_sub(width)),
        };
        out.extend(std::iter::repeat_n(fill, count));
    }
}

impl Tabs {
    pub fn new(padding: Padding) -> Self {
        Self {
            padding,
            text: String::new(),
        }
    }

    /// Adds text, its cells ended by tabs and its lines by line breaks.
    pub fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Adds a line; the text needs no line break.
    pub fn line(&mut self, text: impl fmt::Display) {
        self.text.push_str(&text.to_string());
        self.text.push('\n');
    }

    /// The aligned text.
    pub fn finish(self) -> String {
        let lines: Vec<Vec<Cell<'_>>> = self
            .text
            .split('\n')
            .map(|line| line.split('\t').map(Cell::new).collect())
            .collect();
        let mut out = String::with_capacity(self.text.len() * 2);
        let widths = self.widths(&lines);
        for (number, (line, widths)) in lines.iter().zip(&widths).enumerate() {
            if number > 0 {
                out.push('\n');
            }
            for (position, cell) in line.iter().enumerate() {
                out.push_str(cell.text);
                if let Some(column) = widths.get(position) {
                    self.padding.fill(cell.width, *column, &mut out);
                }
            }
        }
        out
    }

    /// By line, the widths of its columns: all cells but the last one.
    fn widths(&self, lines: &[Vec<Cell<'_>>]) -> Vec<Vec<usize>> {
        let columns = lines.iter().map(|line| line.len().saturating_sub(1));
        let count = columns.clone().max().unwrap_or(0);
        let mut widths: Vec<Vec<usize>> = columns.map(Vec::with_capacity).collect();
        for column in 0..count {
            let mut run: Vec<&mut Vec<usize>> = Vec::new();
            let mut widest = 0;
            for (line, widths) in lines.iter().zip(&mut widths) {
                match line.split_last().and_then(|(_, cells)| cells.get(column)) {
                    Some(cell) => {
                        widest = cell.width.max(widest);
                        run.push(widths);
                    }
                    None => self.close(&mut run, &mut widest),
                }
            }
            self.close(&mut run, &mut widest);
        }
        widths
    }

    /// Gives the lines of a run the width of its widest cell.
    fn close(&self, run: &mut Vec<&mut Vec<usize>>, widest: &mut usize) {
        for widths in run.drain(..) {
            widths.push(self.padding.column(*widest));
        }
        *widest = 0;
    }
}

struct Cell<'t> {
    text: &'t str,
    /// In characters, as Go counts it.
    width: usize,
}

impl<'t> Cell<'t> {
    fn new(text: &'t str) -> Self {
        Self {
            text,
            width: text.chars().count(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aligned(padding: Padding, text: &str) -> String {
        let mut tabs = Tabs::new(padding);
        tabs.push(text);
        tabs.finish()
    }

    // The expected texts are what Go 1.22's text/tabwriter prints.
    #[test]
    fn tabs_reach_the_next_stop_behind_the_widest_cell() {
        assert_eq!(
            aligned(
                Padding::Tabs,
                "Name:\truby\nImage Repository:\t<none>\n\tb=c\n"
            ),
            "Name:\t\t\truby\nImage Repository:\t<none>\n\t\t\tb=c\n"
        );
        // 7 characters and the one of padding fill a stop of 8; one more needs a second.
        assert_eq!(aligned(Padding::Tabs, "1234567\tx\n"), "1234567\tx\n");
        assert_eq!(
            aligned(Padding::Tabs, "1234567\tx\n12345678\ty\n"),
            "1234567\t\tx\n12345678\ty\n"
        );
    }

    #[test]
    fn a_line_without_the_column_ends_it() {
        assert_eq!(
            aligned(
                Padding::Tabs,
                "a\tb\nUnique Images:\t2\n\nlatest\n  x ago\tsha256:1\n"
            ),
            "a\t\tb\nUnique Images:\t2\n\nlatest\n  x ago\tsha256:1\n"
        );
        assert_eq!(
            aligned(
                Padding::Blanks,
                "a\tb\tc\naa\tbbbbbbb\tc\nx\ty\nccccccc\t\td"
            ),
            "a         b         c\naa        bbbbbbb   c\nx         y\nccccccc         d"
        );
    }

    #[test]
    fn characters_count_and_not_bytes() {
        assert_eq!(
            aligned(Padding::Blanks, "für\tx\nabcd\ty\n"),
            "für    x\nabcd   y\n"
        );
    }
}
