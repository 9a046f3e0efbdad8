use std::cmp::Reverse;

use serde_json::{Map, Value as Json};

use crate::yaml::Node;
use crate::yaml::edit::Reason;
use crate::yaml::flow;
use crate::yaml::layout::{begins_line, column, line_end, line_indent};
use crate::yaml::locate::Way;
use crate::yaml::put::Pieces;
use crate::yaml::render::Layout;
use crate::yaml::site::Site;
use crate::yaml::splice::Part;

/// Writes new members behind those of a mapping that has some.
pub(crate) fn members(
    site: &Site<'_>,
    layout: Layout,
    way: &Way<'_>,
    new: &Map<String, Json>,
) -> Result<Pieces, Reason> {
    let holder = way.node();
    let Some((last_key, last)) = holder.entries().last() else {
        return Ok(Vec::new());
    };
    if holder.is_flow() {
        let style = flow::Style::of(site, layout, way);
        let style = style.flow();
        let end = last.span.end.max(last_key.span.end);
        let (comma, indent) = flow::next(site, layout, last_key.span.start, style.space);
        // `b:,` would be a key to some readers.
        let blank = if last.span.is_empty() { " " } else { "" };
        let text = new.iter().fold(blank.to_owned(), |mut text, (key, value)| {
            text.push_str(&comma);
            style.member(key, value, indent, &mut text);
            text
        });
        return Ok(vec![(end..end, text, Part::Value)]);
    }
    let column = column(site.source, holder).ok_or_else(|| unclear(site, holder))?;
    let end = line_end(site.source.text(), last.span.end);
    let mut text = String::new();
    for (key, value) in new {
        layout.line(column, &mut text);
        layout.member(key, value, column, &mut text);
    }
    Ok(vec![(end..end, text, lines(way))])
}

/// Writes new items into a sequence that has some: behind them, or at their place where the
/// sequence is sorted by `selector`. Returns each with the number of the item that it precedes.
pub(crate) fn items(
    site: &Site<'_>,
    layout: Layout,
    way: &Way<'_>,
    new: &[Json],
    selector: Option<&str>,
) -> Result<(Vec<(usize, Json)>, Pieces), Reason> {
    let holder = way.node();
    let old = holder.items();
    let text = site.source.text();
    let first = old
        .first()
        .map_or(holder.span.start, |item| item.span.start);
    let in_front = holder.is_flow() || begins_line(text, holder.span.start);
    let mut placed: Vec<(usize, &Json)> = new
        .iter()
        .map(|item| (place(old, item, selector), item))
        .map(|(place, item)| {
            if place == 0 && !in_front {
                (old.len(), item)
            } else {
                (place, item)
            }
        })
        .collect();
    placed.sort_by_key(|(place, _)| *place);
    let mut pieces = Vec::new();
    for (place, item) in &placed {
        let before = place.checked_sub(1).and_then(|before| old.get(before));
        let mut written = String::new();
        if holder.is_flow() {
            let style = flow::Style::of(site, layout, way);
            let style = style.flow();
            let beside = before.map_or(first, |item| item.span.start);
            let (comma, indent) = flow::next(site, layout, beside, style.space);
            match before {
                Some(before) => {
                    written.push_str(&comma);
                    style.value(item, indent, &mut written);
                    pieces.push((before.span.end..before.span.end, written, Part::Value));
                }
                None => {
                    style.value(item, indent, &mut written);
                    written.push_str(&comma);
                    pieces.push((first..first, written, Part::Value));
                }
            }
            continue;
        }
        let column = column(site.source, holder).ok_or_else(|| unclear(site, holder))?;
        match before {
            Some(before) => {
                let end = line_end(text, before.span.end);
                layout.line(column, &mut written);
                layout.item(item, column, &mut written);
                pieces.push((end..end, written, lines(way)));
            }
            None => {
                let start = holder.span.start - column;
                written.push_str(line_indent(text, holder.span.start));
                layout.item(item, column, &mut written);
                written.push_str(layout.eol);
                pieces.push((start..start, written, lines(way)));
            }
        }
    }
    let placed = placed
        .into_iter()
        .map(|(place, item)| (place, item.clone()));
    Ok((placed.collect(), pieces))
}

fn lines(way: &Way<'_>) -> Part {
    Part::Lines {
        depth: Reverse(way.depth()),
    }
}

/// The number of the old item that a new one precedes.
fn place(old: &[Node], new: &Json, selector: Option<&str>) -> usize {
    let name = |key: &str| new.get(key).and_then(Json::as_str);
    let Some((key, name)) = selector.and_then(|key| Some((key, name(key)?))) else {
        return old.len();
    };
    let names: Option<Vec<&str>> = old
        .iter()
        .map(|item| item.get(key).and_then(Node::text))
        .collect();
    match names {
        Some(names) if names.is_sorted() => names.partition_point(|other| *other <= name),
        _ => old.len(),
    }
}

fn unclear(site: &Site<'_>, holder: &Node) -> Reason {
    site.reason(
        holder.span.start,
        "the indentation of what should hold the new value is not clear",
    )
}
