//! Random documents, written as people write them, from a list of throws.

use std::fmt::Write;

/// Choices come from here; when the throws are used up, every choice is the first one.
#[derive(Debug)]
pub struct Dice<'a>(std::slice::Iter<'a, u8>);

impl<'a> Dice<'a> {
    pub fn new(throws: &'a [u8]) -> Self {
        Self(throws.iter())
    }

    pub fn below(&mut self, sides: usize) -> usize {
        usize::from(*self.0.next().unwrap_or(&0)) % sides
    }

    pub fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// A file of one or more documents.
    pub fn file(&mut self) -> String {
        let mut text = self
            .pick(&["", "\u{feff}", "# über\n", "---\n", "%YAML 1.2\n---\n"])
            .to_owned();
        for number in 0..=self.below(2) {
            if number > 0 {
                text.push_str(self.pick(&["---\n", "--- # next\n", "...\n---\n"]));
            }
            match self.below(5) {
                0 => {
                    let flow = self.flow(2);
                    let _ = writeln!(text, "{flow}");
                }
                1 => self.sequence(0, 3, &mut text),
                _ => self.mapping(0, 3, "", &mut text),
            }
        }
        if self.below(4) == 0 {
            text.truncate(text.trim_end_matches('\n').len());
        }
        if self.below(4) == 0 {
            text = text.replace('\n', "\r\n");
        }
        text
    }

    fn mapping(&mut self, column: usize, depth: usize, first: &str, text: &mut String) {
        let keys = [
            "image",
            "é",
            "\"a b\"",
            "'tag'",
            "x-y",
            "headwater.dev/observed",
            "n1",
        ];
        let skip = self.below(keys.len());
        for number in 0..=self.below(3) {
            let indent = " ".repeat(column);
            text.push_str(if number == 0 && !first.is_empty() {
                first
            } else {
                &indent
            });
            text.push_str(keys[(skip + number) % keys.len()]);
            text.push(':');
            self.value(column, depth, text);
            self.between(column, text);
        }
    }

    fn sequence(&mut self, column: usize, depth: usize, text: &mut String) {
        for _ in 0..=self.below(3) {
            let indent = " ".repeat(column);
            match self.below(3) {
                0 if depth > 0 => {
                    self.mapping(column + 2, depth - 1, &format!("{indent}- "), text);
                }
                _ => {
                    text.push_str(&indent);
                    text.push('-');
                    let before = text.len();
                    self.value(column, 0, text);
                    // A scalar on the next line would be indented like the dash.
                    if text[before..].trim().is_empty() {
                        continue;
                    }
                }
            }
            self.between(column, text);
        }
    }

    /// Blank lines and comments.
    fn between(&mut self, column: usize, text: &mut String) {
        match self.below(9) {
            1 => text.push('\n'),
            2 => {
                let _ = writeln!(text, "{}# between", " ".repeat(column));
            }
            3 => text.push_str("# far left\n\n"),
            _ => {}
        }
    }

    /// What follows a `:` or a `-`, with the end of the line.
    fn value(&mut self, column: usize, depth: usize, text: &mut String) {
        let deeper = column + self.pick(&[2, 4, 3]);
        let comment = self.pick(&["", " # keep", "\t#  tab ", "  "]);
        match self.below(if depth == 0 { 7 } else { 10 }) {
            0..=2 => {
                let blank = self.pick(&[" ", "  ", " ", " !!str ", " &x "]);
                let scalar = self.scalar();
                // One anchor a file: a second would be another with the same name.
                let blank = if text.contains("&x") && blank == " &x " {
                    " "
                } else {
                    blank
                };
                let _ = writeln!(text, "{blank}{scalar}{comment}");
            }
            3 => {
                let _ = writeln!(text, "{comment}");
            }
            4 => {
                let flow = self.flow(2);
                let _ = writeln!(text, " {flow}{comment}");
            }
            5 => {
                let header = self.pick(&["|", "|-", ">", ">-", "|+", ">2-", "|2"]);
                let indent = if header.contains('2') {
                    column + 2
                } else {
                    deeper
                };
                let line = self.pick(&["nginx", "a b: c # d", "'x'"]);
                let tail = self.pick(&["\n", "\n", "\n\n", "\n\n\n"]);
                let _ = write!(text, " {header}\n{}{line}{tail}", " ".repeat(indent));
            }
            6 => {
                let indent = " ".repeat(deeper);
                let quote = self.pick(&["", "'", "\""]);
                let _ = writeln!(text, " {quote}two\n{indent}lines{quote}{comment}");
            }
            7 | 8 => {
                let _ = writeln!(text, "{comment}");
                self.mapping(deeper, depth - 1, "", text);
            }
            _ => {
                let _ = writeln!(text, "{comment}");
                let dash = self.pick(&[column, column + 2]);
                self.sequence(dash, depth - 1, text);
            }
        }
    }

    fn scalar(&mut self) -> &'static str {
        self.pick(&[
            "nginx:1.10",
            "' '",
            "\" \"",
            "'it''s'",
            "\"a\\\"b\\u00e9\"",
            "1.10",
            "null",
            "~",
            "true",
            "a#b",
            "ü",
            "2024-01-01",
            "''",
            "\"{\\\"a\\\": 1}\"",
        ])
    }

    fn flow(&mut self, depth: usize) -> String {
        let scalar = self.scalar();
        let other = if depth > 0 {
            self.flow(depth - 1)
        } else {
            self.scalar().to_owned()
        };
        match self.below(8) {
            0 => "{}".to_owned(),
            1 => "[]".to_owned(),
            2 => format!("{{a: {scalar}, b: {other}}}"),
            3 => format!("[{scalar}, {other} ]"),
            4 => format!("{{ a: , \"b\": {other}, }}"),
            5 => format!(
                "{{\"a\":\"{}\",\"b\":{other}}}",
                self.pick(&["x", "\\u00e9", " "])
            ),
            6 => format!("[\n     {other},\n     {scalar}\n     ]"),
            _ => format!("{{\n     \"a\": {other}, # one\n     b: {scalar}\n     }}"),
        }
    }
}
