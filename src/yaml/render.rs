use serde_json::Value as Json;

use crate::yaml::scalar::{self, Context};

/// How a file is indented in block style.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    pub eol: &'static str,
    /// How much deeper a mapping stands than the one that holds it.
    pub unit: usize,
    /// How much deeper a sequence's dashes stand than the key that holds it.
    pub dash: usize,
}

/// How a file writes collections in brackets and braces.
#[derive(Clone, Debug)]
pub(crate) struct Flow<'a> {
    pub context: Context,
    /// What stands between key and value.
    pub colon: &'a str,
    /// What follows a comma on the same line.
    pub space: &'a str,
    /// The line break and the unit of indentation, where each member has its own line.
    pub lines: Option<(&'static str, &'a str)>,
}

impl Default for Layout {
    fn default() -> Self {
        Self {
            eol: "\n",
            unit: 2,
            dash: 0,
        }
    }
}

/// A whole new document in block style, with a line break at its end.
pub fn render(value: &Json) -> String {
    let mut text = String::new();
    let layout = Layout::default();
    match value {
        _ if is_inline(value) => text.push_str(&inline(value, Context::Block)),
        _ => layout.block(value, 0, &mut text),
    }
    text.push('\n');
    text
}

/// Whether `value` stands behind its key or dash on the same line.
pub(crate) fn is_inline(value: &Json) -> bool {
    match value {
        Json::Array(items) => items.is_empty(),
        Json::Object(members) => members.is_empty(),
        _ => true,
    }
}

/// A scalar or an empty collection.
pub(crate) fn inline(value: &Json, context: Context) -> String {
    match value {
        Json::String(text) => scalar::write(text, context),
        Json::Array(_) => "[]".to_owned(),
        Json::Object(_) => "{}".to_owned(),
        other => other.to_string(),
    }
}

impl Layout {
    /// A collection that is not empty, its lines `column` deep: no blanks before the first line
    /// and no line break behind the last.
    pub fn block(&self, value: &Json, column: usize, out: &mut String) {
        match value {
            Json::Object(members) => {
                for (number, (key, value)) in members.iter().enumerate() {
                    if number > 0 {
                        self.line(column, out);
                    }
                    self.member(key, value, column, out);
                }
            }
            Json::Array(items) => {
                for (number, item) in items.iter().enumerate() {
                    if number > 0 {
                        self.line(column, out);
                    }
                    self.item(item, column, out);
                }
            }
            other => out.push_str(&inline(other, Context::Block)),
        }
    }

    /// `key: value`, with the key at `column`.
    pub fn member(&self, key: &str, value: &Json, column: usize, out: &mut String) {
        out.push_str(&scalar::write(key, Context::Block));
        out.push(':');
        if is_inline(value) {
            out.push(' ');
            out.push_str(&inline(value, Context::Block));
        } else {
            let column = self.child(value, column);
            self.line(column, out);
            self.block(value, column, out);
        }
    }

    /// `- value`, with the dash at `column`.
    pub fn item(&self, value: &Json, column: usize, out: &mut String) {
        out.push_str("- ");
        if is_inline(value) {
            out.push_str(&inline(value, Context::Block));
        } else {
            self.block(value, column + 2, out);
        }
    }

    /// The column of a collection whose key stands at `column`.
    pub fn child(&self, value: &Json, column: usize) -> usize {
        match value {
            Json::Array(_) => column + self.dash,
            _ => column + self.unit,
        }
    }

    /// Begins a line.
    pub fn line(&self, column: usize, out: &mut String) {
        out.push_str(self.eol);
        out.extend(std::iter::repeat_n(' ', column));
    }
}

impl Flow<'_> {
    /// Any value; its last line stands `indent` deep.
    pub fn value(&self, value: &Json, indent: &str, out: &mut String) {
        match value {
            Json::Object(members) if !members.is_empty() => {
                let members = members.iter().map(|(key, value)| (Some(key), value));
                self.collection(('{', '}'), members, indent, out);
            }
            Json::Array(items) if !items.is_empty() => {
                let items = items.iter().map(|item| (None, item));
                self.collection(('[', ']'), items, indent, out);
            }
            other => out.push_str(&inline(other, self.context)),
        }
    }

    /// `"key": value`.
    pub fn member(&self, key: &str, value: &Json, indent: &str, out: &mut String) {
        out.push_str(&scalar::write(key, self.context));
        out.push_str(self.colon);
        self.value(value, indent, out);
    }

    fn collection<'j>(
        &self,
        (open, close): (char, char),
        members: impl Iterator<Item = (Option<&'j String>, &'j Json)>,
        indent: &str,
        out: &mut String,
    ) {
        let inner = match self.lines {
            Some((_, unit)) => format!("{indent}{unit}"),
            None => String::new(),
        };
        out.push(open);
        for (number, (key, value)) in members.enumerate() {
            if number > 0 {
                out.push(',');
            }
            match self.lines {
                Some((eol, _)) => {
                    out.push_str(eol);
                    out.push_str(&inner);
                }
                None if number > 0 => out.push_str(self.space),
                None => {}
            }
            match key {
                Some(key) => self.member(key, value, &inner, out),
                None => self.value(value, &inner, out),
            }
        }
        if let Some((eol, _)) = self.lines {
            out.push_str(eol);
            out.push_str(indent);
        }
        out.push(close);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_document_is_plain_block_yaml() {
        let value = serde_json::json!({
            "kind": "ImageStream",
            "metadata": {"name": "web", "annotations": {"a/b": "{\"x\":1}", "c": ""}},
            "spec": {"tags": [{"name": "1.10", "from": {"kind": "DockerImage"}, "weight": 1.5}, [], [1, [true, null]]]},
            "x": {}, "at": "2026-11-21T07:41:00Z",
        });
        let text = render(&value);
        assert_eq!(
            text,
            "\
kind: ImageStream
metadata:
  name: web
  annotations:
    a/b: '{\"x\":1}'
    c: \"\"
spec:
  tags:
  - name: \"1.10\"
    from:
      kind: DockerImage
    weight: 1.5
  - []
  - - 1
    - - true
      - null
x: {}
at: \"2026-11-21T07:41:00Z\"
"
        );
        assert_eq!(serde_yaml::from_str::<Json>(&text).unwrap(), value);
        assert_eq!(render(&serde_json::json!([])), "[]\n");
    }
}
