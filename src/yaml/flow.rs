use crate::yaml::layout::{begins_line, line_indent};
use crate::yaml::locate::Way;
use crate::yaml::render::{Flow, Layout};
use crate::yaml::scalar::Context;
use crate::yaml::site::Site;
use crate::yaml::{Node, Source};

/// How the collections around a place are written in brackets and braces.
#[derive(Debug)]
pub(crate) struct Style<'s> {
    context: Context,
    colon: &'s str,
    eol: &'static str,
    /// None where members stand side by side.
    unit: Option<&'s str>,
}

impl<'s> Style<'s> {
    /// The style for what is written at the end of `way`: that of the collection itself where it
    /// holds something, else that of what holds it.
    pub fn of(site: &Site<'s>, layout: Layout, way: &Way<'s>) -> Self {
        let source = site.source;
        let mut around = std::iter::once(way.node()).chain(way.holders().iter().rev().copied());
        let model = around.find(|node| node.is_flow() && first(node).is_some());
        let has_lines = match model.and_then(first) {
            Some(first) => begins_line(source.text(), first.span.start),
            // An empty document.
            None => site.is_json,
        };
        let in_lines = has_lines
            || model.is_some_and(|node| {
                // `[{` and its members below.
                node.items()
                    .iter()
                    .any(|item| source.slice(&item.span).contains('\n'))
            });
        Self {
            context: if site.is_json {
                Context::Json
            } else {
                Context::Flow
            },
            colon: model.map_or(": ", |node| colon(source, node, site.is_json)),
            eol: layout.eol,
            unit: in_lines.then(|| unit(source, site.document.root.as_ref())),
        }
    }

    pub fn flow(&self) -> Flow<'_> {
        Flow {
            context: self.context,
            colon: self.colon,
            space: if self.colon.ends_with(' ') { " " } else { "" },
            lines: self.unit.map(|unit| (self.eol, unit)),
        }
    }
}

/// What separates a new member from the one beside it that starts at `beside`, and the
/// indentation of its line.
pub(crate) fn next<'s>(
    site: &Site<'s>,
    layout: Layout,
    beside: usize,
    space: &str,
) -> (String, &'s str) {
    let text = site.source.text();
    let indent = line_indent(text, beside);
    if begins_line(text, beside) {
        (format!(",{}{indent}", layout.eol), indent)
    } else {
        (format!(",{space}"), indent)
    }
}

fn first(node: &Node) -> Option<&Node> {
    let key = node.entries().first().map(|(key, _)| key);
    key.or_else(|| node.items().first())
}

/// What stands between a key and its value. Without a blank it is safe in JSON only.
fn colon<'s>(source: &Source<'s>, node: &Node, is_json: bool) -> &'s str {
    let full = |(_, value): &&(Node, Node)| !value.span.is_empty();
    let pair = node.entries().iter().find(full).or_else(|| {
        let mut items = node.items().iter();
        items.find_map(|item| item.entries().iter().find(full))
    });
    let between = pair.map_or("", |(key, value)| {
        source.slice(&(key.span.end..value.span.start))
    });
    let is_colon = between.trim_matches([' ', '\t']) == ":";
    if is_colon && (is_json || between.ends_with([' ', '\t'])) {
        between
    } else {
        ": "
    }
}

/// The unit of indentation: how deep the first line inside the outermost collection stands.
fn unit<'s>(source: &Source<'s>, root: Option<&Node>) -> &'s str {
    let inside = root
        .and_then(first)
        .map_or("", |first| line_indent(source.text(), first.span.start));
    if inside.is_empty() { "  " } else { inside }
}
