use std::cmp::Reverse;

use serde_json::Value as Json;

use crate::yaml::edit::Reason;
use crate::yaml::layout::{column, line_end, line_indent, line_start};
use crate::yaml::locate::Way;
use crate::yaml::put::Pieces;
use crate::yaml::render::{Layout, inline, is_inline};
use crate::yaml::scalar::Context;
use crate::yaml::site::Site;
use crate::yaml::splice::Part;
use crate::yaml::{Collection, Node, ScalarStyle, Value, flow, set};

/// Writes `value` in the place of what stands at the end of `way`.
pub(crate) fn replace(
    site: &Site<'_>,
    layout: Layout,
    way: &Way<'_>,
    value: &Json,
) -> Result<Pieces, Reason> {
    let node = way.node();
    if site.is_json || way.parent().is_some_and(Node::is_flow) {
        return in_flow(site, layout, way, value);
    }
    match (is_block(node), is_inline(value)) {
        (false, true) => inline_by_inline(site, way, value),
        (false, false) => inline_by_block(site, layout, way, value),
        (true, true) => block_by_inline(site, way, value),
        (true, false) => block_by_block(site, layout, way, value),
    }
}

fn is_block(node: &Node) -> bool {
    matches!(
        node.value,
        Value::Mapping {
            form: Collection::Block,
            ..
        } | Value::Sequence {
            form: Collection::Block,
            ..
        }
    )
}

fn in_flow(site: &Site<'_>, layout: Layout, way: &Way<'_>, value: &Json) -> Result<Pieces, Reason> {
    let node = way.node();
    let style = flow::Style::of(site, layout, way);
    let (span, mut written) = place(site, node)?;
    let indent = line_indent(site.source.text(), node.span.start);
    style.flow().value(value, indent, &mut written);
    Ok(vec![(span, written, Part::Value)])
}

/// Where a value on one line is written, and the blank that goes before it.
fn place(site: &Site<'_>, node: &Node) -> Result<(std::ops::Range<usize>, String), Reason> {
    if node.span.is_empty() {
        let (at, blank) = set::gap(site, node)?;
        return Ok((at..at, blank.to_owned()));
    }
    Ok((node.span.clone(), String::new()))
}

fn inline_by_inline(site: &Site<'_>, way: &Way<'_>, value: &Json) -> Result<Pieces, Reason> {
    let node = way.node();
    let (mut span, mut written) = place(site, node)?;
    if let Some(header) = block_header(site, way)? {
        span = header..node.span.end;
    }
    written.push_str(&inline(value, Context::Block));
    Ok(vec![(span, written, Part::Value)])
}

fn inline_by_block(
    site: &Site<'_>,
    layout: Layout,
    way: &Way<'_>,
    value: &Json,
) -> Result<Pieces, Reason> {
    let node = way.node();
    let text = site.source.text();
    let mut written = String::new();
    let Some(parent) = way.parent().filter(|_| way.key().is_some()) else {
        // Behind a dash, or the whole document.
        if node.anchor != 0 {
            let why = "an anchor stands before the value, and would name only its first key";
            return Err(site.reason(node.span.start, why));
        }
        let (mut span, blank) = place(site, node)?;
        if let Some(header) = block_header(site, way)? {
            span = header..node.span.end;
        }
        let column = line_start(text, span.start).chars().count() + blank.len();
        written.push_str(&blank);
        layout.block(value, column, &mut written);
        return Ok(vec![(span, written, Part::Value)]);
    };
    let column = column(site.source, parent)
        .ok_or_else(|| site.reason(node.span.start, "the indentation of the field is not clear"))?;
    let column = layout.child(value, column);
    layout.line(column, &mut written);
    layout.block(value, column, &mut written);
    let start = block_header(site, way)?.unwrap_or(node.span.start);
    let end = node.span.end.max(start);
    let blanks = line_start(text, start);
    let start = start - (blanks.len() - blanks.trim_end_matches([' ', '\t']).len());
    let lines = Part::Lines {
        depth: Reverse(way.depth()),
    };
    if site.source.slice(&(start..end)).contains('\n') {
        return Ok(vec![(start..end, written, lines)]);
    }
    // A comment on the line stays there.
    let line_end = line_end(text, end);
    let mut pieces = vec![(line_end..line_end, written, lines)];
    if start < end && !node.span.is_empty() {
        pieces.push((start..end, String::new(), Part::Value));
    }
    Ok(pieces)
}

fn block_by_inline(site: &Site<'_>, way: &Way<'_>, value: &Json) -> Result<Pieces, Reason> {
    let node = way.node();
    // The comments inside a block go with it, the one on its last line too.
    let end = line_end(site.source.text(), node.span.end);
    let written = inline(value, Context::Block);
    let Some(key) = way.key() else {
        return Ok(vec![(node.span.start..end, written, Part::Value)]);
    };
    let key_line = line_end(site.source.text(), key.span.end);
    if key_line > node.span.start {
        return Err(site.reason(node.span.start, "the value begins on the line of its key"));
    }
    let comment = site.source.trailing_comment(site.document, key.span.end);
    let before = key.span.end..comment.map_or(key_line, |comment| comment.span.start);
    let at = key.span.end + site.source.slice(&before).trim_end().len();
    Ok(vec![
        (at..at, format!(" {written}"), Part::Value),
        (key_line..end, String::new(), Part::Value),
    ])
}

fn block_by_block(
    site: &Site<'_>,
    layout: Layout,
    way: &Way<'_>,
    value: &Json,
) -> Result<Pieces, Reason> {
    let node = way.node();
    // The comments inside a block go with it, the one on its last line too.
    let end = line_end(site.source.text(), node.span.end);
    let unclear = || site.reason(node.span.start, "the indentation of the field is not clear");
    let here = column(site.source, node).ok_or_else(unclear)?;
    let is_same_kind = value.is_array() == matches!(node.value, Value::Sequence { .. });
    let wanted = match way.parent().filter(|_| way.key().is_some()) {
        Some(parent) if !is_same_kind => {
            let parent = column(site.source, parent).ok_or_else(unclear)?;
            layout.child(value, parent)
        }
        _ => here,
    };
    let start = node.span.start - here;
    let mut written = String::new();
    if wanted == here {
        layout.block(value, here, &mut written);
        return Ok(vec![(node.span.start..end, written, Part::Value)]);
    }
    written.extend(std::iter::repeat_n(' ', wanted));
    layout.block(value, wanted, &mut written);
    Ok(vec![(start..end, written, Part::Value)])
}

/// Where `|` or `>` stands, when the value is a block scalar.
fn block_header(site: &Site<'_>, way: &Way<'_>) -> Result<Option<usize>, Reason> {
    let node = way.node();
    let is_block_scalar = matches!(
        node.value,
        Value::Scalar {
            style: ScalarStyle::Literal | ScalarStyle::Folded,
            ..
        }
    );
    if !is_block_scalar {
        return Ok(None);
    }
    let text = site.source.text();
    let start = way.key().map_or_else(
        || {
            // The line of the dash, above the content's.
            let above = text.get(..node.span.start).unwrap_or_default().trim_end();
            above.len() - line_start(text, above.len()).len()
        },
        |key| key.span.end,
    );
    let before = site.source.slice(&(start..node.span.start));
    let header = before
        .match_indices([' ', '\t'])
        .map(|(at, _)| at + 1)
        .find(|at| {
            before
                .get(*at..)
                .is_some_and(|rest| rest.starts_with(['|', '>']))
        });
    match header {
        Some(at) => Ok(Some(start + at)),
        None => Err(site.reason(node.span.start, "the start of the block is not clear")),
    }
}
