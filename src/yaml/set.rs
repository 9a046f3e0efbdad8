use std::ops::Range;

use crate::yaml::check::Change;
use crate::yaml::edit::Reason;
use crate::yaml::layout::line_end;
use crate::yaml::locate::Way;
use crate::yaml::scalar;
use crate::yaml::site::Site;
use crate::yaml::splice::Part;
use crate::yaml::{Node, ScalarStyle, Value};

/// A scalar's new value, as bytes and as what they mean.
#[derive(Debug, Default)]
pub(crate) struct Set {
    pub splices: Vec<(Range<usize>, String, Part)>,
    /// None where value and comment stand there already.
    pub change: Option<Change>,
}

/// Sets the scalar at the end of `way`, and puts `comment` behind it.
pub(crate) fn set(
    site: &Site<'_>,
    way: &Way<'_>,
    value: &str,
    comment: Option<&str>,
) -> Result<Set, Reason> {
    let node = way.node();
    let Value::Scalar { text, style } = &node.value else {
        return Err(site.reason(
            node.span.start,
            format!("the field is {}, not a single value", node.kind()),
        ));
    };
    check_tag(site, node)?;
    let mut set = Set::default();
    if text != value || node.is_null() {
        let (span, written, read) = match style {
            ScalarStyle::Literal | ScalarStyle::Folded => block(site, node, text, value)?,
            _ if node.span.is_empty() => fill(site, way, value)?,
            _ => {
                let context = site.context(way.parent());
                let written = scalar::rewrite(value, *style, context);
                (node.span.clone(), written, value.to_owned())
            }
        };
        if read != *text || node.is_null() {
            set.splices.push((span, written, Part::Value));
            set.change = Some(Change::Text(read));
        }
    }
    if let Some(comment) = comment
        && let Some(piece) = add_comment(site, way, *style, comment)?
    {
        set.splices.push(piece);
        set.change.get_or_insert(Change::Comment);
    }
    Ok(set)
}

fn check_tag(site: &Site<'_>, node: &Node) -> Result<(), Reason> {
    match node.tag.as_deref() {
        None => Ok(()),
        Some(tag) if tag == "!" || tag.ends_with("str") => Ok(()),
        Some(tag) => Err(site.reason(
            node.span.start,
            format!("the field has the tag {tag}, so a text would not stay a text"),
        )),
    }
}

/// The one line of a block scalar; its header, indentation and line ends stay.
fn block(
    site: &Site<'_>,
    node: &Node,
    old: &str,
    value: &str,
) -> Result<(Range<usize>, String, String), Reason> {
    let line = old.trim_end_matches('\n');
    let refuse = |message: &str| Err(site.reason(node.span.start, message));
    let written = site.source.slice(&node.span);
    if line.is_empty() || line.contains('\n') || !written.starts_with(line) {
        return refuse("the field is a block of several lines; write it on one line");
    }
    let fits = !value.is_empty()
        && value.trim() == value
        && !value.chars().any(|c| c.is_control() || c == '\u{feff}');
    if !fits {
        return refuse("the new value does not fit on the one line of this block");
    }
    let start = node.span.start;
    let ending = old.get(line.len()..).unwrap_or_default();
    Ok((
        start..start + line.len(),
        value.to_owned(),
        format!("{value}{ending}"),
    ))
}

/// Writes a value where none stands: `image:`.
fn fill(
    site: &Site<'_>,
    way: &Way<'_>,
    value: &str,
) -> Result<(Range<usize>, String, String), Reason> {
    let node = way.node();
    let written = scalar::write(value, site.context(way.parent()));
    let (at, blank) = gap(site, node)?;
    Ok((at..at, format!("{blank}{written}"), value.to_owned()))
}

/// Where a value that is not there would begin, and the blank that it needs before it.
pub(crate) fn gap(site: &Site<'_>, node: &Node) -> Result<(usize, &'static str), Reason> {
    let at = node.span.start;
    let text = site.source.text();
    let before = text.get(..at).unwrap_or_default();
    let rest = text.get(at..).unwrap_or_default();
    let has_property = node.anchor != 0 || node.tag.is_some();
    if !before.ends_with([':', '-']) && !has_property {
        return Err(site.reason(at, "the key stands alone; write `key: value`"));
    }
    let blanks = rest.len() - rest.trim_start_matches([' ', '\t']).len();
    let after = rest.get(blanks..).unwrap_or_default();
    if blanks > 0 && (after.is_empty() || after.starts_with(['\r', '\n'])) {
        return Ok((at + blanks, ""));
    }
    Ok((at, " "))
}

fn add_comment(
    site: &Site<'_>,
    way: &Way<'_>,
    style: ScalarStyle,
    comment: &str,
) -> Result<Option<(Range<usize>, String, Part)>, Reason> {
    let node = way.node();
    let refuse = |message: &str| Err(site.reason(node.span.start, message));
    if site.is_json {
        return refuse("JSON has no comments, so the field cannot carry a marker");
    }
    if way.parent().is_some_and(Node::is_flow) {
        return refuse("a comment does not fit behind a field in flow style, between braces");
    }
    let is_block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
    if is_block || site.source.slice(&node.span).contains('\n') {
        return refuse("a comment does not fit behind a value of several lines");
    }
    let comment = comment.trim();
    if comment.is_empty() || comment.chars().any(|c| c.is_control() || c == '\u{feff}') {
        return refuse("the comment does not fit on one line");
    }
    let present = site.source.trailing_comment(site.document, node.span.end);
    if present.is_some_and(|present| present.text.trim_end().ends_with(comment)) {
        return Ok(None);
    }
    let end = line_end(site.source.text(), node.span.end);
    let rest = site.source.slice(&(node.span.end..end));
    // A value that is filled in uses up the blanks that stand there.
    let is_filled = node.span.is_empty() && rest.trim().is_empty();
    let blank = match rest.ends_with([' ', '\t']) && !is_filled {
        true => "",
        false => " ",
    };
    Ok(Some((
        end..end,
        format!("{blank}# {comment}"),
        Part::Comment,
    )))
}
