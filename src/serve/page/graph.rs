//! The picture of the promotions: environments from left to right, and what holds each up.

use std::fmt::Write as _;

use crate::serve::page::promotions::{Edge, Node};
use crate::serve::page::text::shown;

const NODE: (usize, usize) = (156, 56);
/// From one node to the next: room for what the gates say.
const GAP: (usize, usize) = (204, 28);
const MARGIN: usize = 8;
const LONGEST_NAME: usize = 20;
const LONGEST_LABEL: usize = 28;

struct Colours {
    text: &'static str,
    muted: &'static str,
    line: &'static str,
    ground: &'static str,
    waits: &'static str,
    failed: &'static str,
}

const LIGHT: Colours = Colours {
    text: "#1d2025",
    muted: "#59606a",
    line: "#9aa1ab",
    ground: "#ffffff",
    waits: "#0b57a4",
    failed: "#b3261e",
};
const DARK: Colours = Colours {
    text: "#e5e7ea",
    muted: "#a4abb5",
    line: "#6b7380",
    ground: "#1c1f25",
    waits: "#86bcff",
    failed: "#ff9a92",
};

/// An SVG of its own.
pub fn graph(roots: &[Node], is_dark: bool) -> String {
    let colours = if is_dark { &DARK } else { &LIGHT };
    let mut canvas = Canvas {
        body: String::new(),
        colours,
        rows: 0,
        columns: 0,
    };
    for root in roots {
        canvas.tree(root, 0);
    }
    let width = canvas.columns.max(1) * (NODE.0 + GAP.0) - GAP.0 + 2 * MARGIN;
    let height = canvas.rows.max(1) * (NODE.1 + GAP.1) - GAP.1 + 2 * MARGIN;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" font-family=\"system-ui, sans-serif\" font-size=\"13\">\
         <title>Promotions</title>{}</svg>\n",
        canvas.body
    )
}

struct Canvas {
    body: String,
    colours: &'static Colours,
    rows: usize,
    columns: usize,
}

impl Canvas {
    /// Draws a node in the next row, and right of it those that take from it; gives its row.
    fn tree(&mut self, node: &Node, column: usize) -> usize {
        let row = self.rows;
        self.columns = self.columns.max(column + 1);
        if node.targets.is_empty() {
            self.rows += 1;
        }
        for target in &node.targets {
            let below = self.tree(target, column + 1);
            if let Some(edge) = &target.edge {
                self.edge(edge, (column, row), below);
            }
        }
        self.node(node, (column, row));
        row
    }

    fn node(&mut self, node: &Node, at: (usize, usize)) {
        let (x, y) = corner(at);
        let (width, height) = NODE;
        let Colours { ground, line, .. } = self.colours;
        let _ = write!(
            self.body,
            "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"6\" \
             fill=\"{ground}\" stroke=\"{line}\"/>"
        );
        let tags = match node.stream_tags {
            1 => "1 stream tag".to_owned(),
            count => format!("{count} stream tags"),
        };
        let below = match node.differing {
            0 => tags,
            differing => format!("{tags}, {differing} differ"),
        };
        let (text, muted) = (self.colours.text, self.colours.muted);
        self.text((x + 12, y + 23), 14, text, &node.name, LONGEST_NAME);
        self.text((x + 12, y + 42), 12, muted, &below, LONGEST_LABEL);
    }

    fn edge(&mut self, edge: &Edge, from: (usize, usize), below: usize) {
        let (left, top) = corner(from);
        let (right, bottom) = corner((from.0 + 1, below));
        let (start, y) = (left + NODE.0, top + NODE.1 / 2);
        let (end, below) = (right, bottom + NODE.1 / 2);
        let bend = start + 12;
        let gate = edge.promotion.as_ref().and_then(|it| it.gates.first());
        let colour = match gate {
            Some(gate) if gate.verdict == "failed" => self.colours.failed,
            Some(_) => self.colours.waits,
            None => self.colours.line,
        };
        let dash = if gate.is_some() {
            " stroke-dasharray=\"4 3\""
        } else {
            ""
        };
        let _ = write!(
            self.body,
            "<path d=\"M{start} {y}H{bend}V{below}H{}\" fill=\"none\" stroke=\"{colour}\" \
             stroke-width=\"1.5\"{dash}/><path d=\"M{} {}l8 5l-8 5z\" fill=\"{colour}\"/>",
            end - 6,
            end - 8,
            below - 5,
        );
        let (first, second) = labels(edge);
        let label = bend + 8;
        let muted = self.colours.muted;
        self.text(
            (label, below - 7),
            12,
            colour_of(colour, self.colours),
            &first,
            LONGEST_LABEL,
        );
        self.text((label, below + 17), 12, muted, &second, LONGEST_LABEL);
    }

    fn text(&mut self, at: (usize, usize), size: usize, colour: &str, text: &str, longest: usize) {
        if !text.is_empty() {
            let (x, y) = at;
            let text = shown(text, longest);
            let _ = write!(
                self.body,
                "<text x=\"{x}\" y=\"{y}\" font-size=\"{size}\" fill=\"{colour}\">{text}</text>"
            );
        }
    }
}

/// Lines may be faint, words may not.
fn colour_of(line: &'static str, colours: &Colours) -> &'static str {
    if line == colours.line {
        colours.muted
    } else {
        line
    }
}

fn corner((column, row): (usize, usize)) -> (usize, usize) {
    (
        MARGIN + column * (NODE.0 + GAP.0),
        MARGIN + row * (NODE.1 + GAP.1),
    )
}

/// What is waited for, and until when.
fn labels(edge: &Edge) -> (String, String) {
    let number = edge.number.map(|number| format!("#{number}"));
    let Some(promotion) = &edge.promotion else {
        return (String::new(), String::new());
    };
    match promotion.gates.as_slice() {
        [] => {
            let is_open = promotion.branch.is_some();
            let open = number.unwrap_or_else(|| "a branch".to_owned());
            let open = if is_open {
                format!("{open} is open")
            } else {
                String::new()
            };
            (open, String::new())
        }
        [gate, rest @ ..] => {
            let more = match rest.len() {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let verb = if gate.verdict == "failed" {
                "failed"
            } else {
                "waits"
            };
            let until = gate.until.as_deref().and_then(minutes);
            let until = until.map(|until| format!("until {until}"));
            (
                format!("{verb}: {}{more}", gate.gate),
                until.or(number).unwrap_or_default(),
            )
        }
    }
}

fn minutes(time: &str) -> Option<String> {
    let time: jiff::Timestamp = time.parse().ok()?;
    Some(time.strftime("%Y-%m-%d %H:%M UTC").to_string())
}
