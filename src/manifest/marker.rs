//! Marker comments: `image: ghcr.io/acme/web:1 # {"$imagestream": "app-dev/web:latest"}`.
//!
//! The text is `[namespace/]stream:tag`, with one more `:tag`, `:digest` or `:name` where only
//! that part of an image is written. Image streams' tags hold no colon, so this is unambiguous.

use std::collections::HashMap;

use serde::Deserialize;

use crate::field_path::{FieldPath, Step};
use crate::manifest::facts::{FileFacts, Finding, FromFacts, ObjectFacts, TriggerFacts};
use crate::manifest::reader::{Reader, below};
use crate::problem::Severity;
use crate::stream::StreamTagName;
use crate::trigger::{MARKER, PinForm, TriggerKind};
use crate::yaml::{Comment, Node, Value};

const TEMPLATED: &str = "the marker's value is a template, which is not changed";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Marker {
    #[serde(rename = "$imagestream")]
    image_stream: String,
}

/// Reads the markers of one document whose objects have been read into `facts`.
pub(crate) fn read<'a>(reader: &mut Reader<'a>, root: &'a Node, facts: &mut FileFacts) {
    let document = reader.document;
    let markers: Vec<&Comment> = document
        .comments
        .iter()
        .filter(|comment| marker_text(&comment.text).is_some())
        .collect();
    if markers.is_empty() {
        return;
    }
    let scalars = scalars_before(reader, root, &markers);
    for (comment, scalar) in markers.into_iter().zip(scalars) {
        // A line that somebody commented out, marker and all.
        if scalar.is_none() && !comment.text.trim_start().starts_with('{') {
            continue;
        }
        match read_one(reader, comment, scalar) {
            Ok((object, trigger)) => add(reader, root, facts, &object, trigger),
            Err(message) => {
                let at = reader.source.position(comment.span.start).into();
                // A template may mean to fill the value in itself.
                let severity = match message.as_str() {
                    TEMPLATED => Severity::Warning,
                    _ => Severity::Error,
                };
                reader.findings.push(Finding::new(at, severity, message));
            }
        }
    }
}

fn read_one(
    reader: &Reader<'_>,
    comment: &Comment,
    scalar: Option<(FieldPath, &Node)>,
) -> Result<(FieldPath, TriggerFacts), String> {
    let text = marker_text(&comment.text).unwrap_or_default();
    let marker: Marker = serde_json::from_str(text).map_err(|error| {
        format!("the marker is not {{\"{MARKER}\": \"namespace/stream:tag\"}}: {error}")
    })?;
    let (from, form) = parse(&marker.image_stream).ok_or_else(|| {
        format!(
            "the marker names `{}`; write [namespace/]stream:tag, with :tag, :digest or :name behind it where only that part is wanted",
            marker.image_stream
        )
    })?;
    let (field, scalar) =
        scalar.ok_or("the marker stands behind no value; put it at the end of the value's line")?;
    if reader.is_filled_in(scalar) {
        return Err(TEMPLATED.to_owned());
    }
    let object = match field.steps() {
        [list @ Step::Key(items), item @ Step::Index(_), ..]
            if matches!(items.as_str(), "items" | "objects") =>
        {
            [list.clone(), item.clone()].into_iter().collect()
        }
        _ => FieldPath::root(),
    };
    let trigger = TriggerFacts {
        from,
        kind: TriggerKind::Marker,
        at: reader.source.position(comment.span.start).into(),
        paused: false,
        group: None,
        has_fired: false,
        field,
        field_at: reader.spot(scalar),
        current: reader.follow(scalar).text().map(str::to_owned),
        form,
    };
    Ok((object, trigger))
}

/// The marker in a comment: all of it, or what follows a `#` of its own behind another remark.
fn marker_text(comment: &str) -> Option<&str> {
    let (before, _) = comment.split_once(MARKER)?;
    let (remark, _) = before.rsplit_once('{')?;
    let text = comment.get(remark.len()..)?.trim();
    let remark = remark.trim_end();
    (remark.is_empty() || remark.ends_with('#')).then_some(text)
}

/// `[namespace/]stream[:tag][:part]`
fn parse(text: &str) -> Option<(FromFacts, PinForm)> {
    let (name, form) = match text.rsplit_once(':') {
        Some((name, part)) if name.contains(':') => (
            name,
            match part {
                "tag" => PinForm::Tag,
                "digest" => PinForm::Digest,
                "name" => PinForm::Repository,
                _ => return None,
            },
        ),
        _ => (text, PinForm::Image),
    };
    let explicit = name.contains('/');
    let name = StreamTagName::parse(name, "-")?;
    let from = FromFacts {
        namespace: explicit.then_some(name.stream.namespace),
        stream: name.stream.name,
        tag: name.tag,
    };
    Some((from, form))
}

/// Puts the trigger to the object that holds its field.
fn add<'a>(
    reader: &Reader<'a>,
    root: &'a Node,
    facts: &mut FileFacts,
    object: &FieldPath,
    trigger: TriggerFacts,
) {
    let document = reader.document.index;
    let holder = facts
        .objects
        .iter_mut()
        .find(|held| held.document == document && &held.root == object);
    if let Some(holder) = holder {
        holder.triggers.push(trigger);
        return;
    }
    let node = match object.steps() {
        [Step::Key(list), Step::Index(index)] => reader
            .items(root, list)
            .get(*index)
            .map_or(root, |item| reader.follow(item)),
        _ => root,
    };
    let text = |keys: &[&str]| {
        reader
            .at(node, keys)
            .and_then(Node::text)
            .map(str::to_owned)
    };
    facts.objects.push(ObjectFacts {
        kind: text(&["kind"]).unwrap_or_default(),
        name: text(&["metadata", "name"]).unwrap_or_default(),
        namespace: text(&["metadata", "namespace"]).filter(|namespace| !namespace.is_empty()),
        document,
        root: object.clone(),
        resolve_names: false,
        is_owned: false,
        is_template: reader.in_template,
        containers: Vec::new(),
        triggers: vec![trigger],
    });
}

/// For each comment, the last scalar value that ends on its line before it, and its address.
fn scalars_before<'a>(
    reader: &Reader<'a>,
    root: &'a Node,
    comments: &[&Comment],
) -> Vec<Option<(FieldPath, &'a Node)>> {
    let mut found: Vec<Option<(FieldPath, &Node)>> = comments.iter().map(|_| None).collect();
    let by_line: HashMap<u32, usize> = comments
        .iter()
        .enumerate()
        .map(|(number, comment)| (reader.source.position(comment.span.start).line, number))
        .collect();
    let last = comments.last().map_or(0, |comment| comment.span.start);
    let mut open = vec![(FieldPath::root(), root)];
    while let Some((path, node)) = open.pop() {
        if node.span.start > last {
            continue;
        }
        match &node.value {
            Value::Scalar { .. } | Value::Alias(_) => {
                let line = reader.source.position(node.span.end).line;
                let Some(number) = by_line.get(&line) else {
                    continue;
                };
                let (Some(comment), Some(slot)) = (comments.get(*number), found.get_mut(*number))
                else {
                    continue;
                };
                let is_later = slot
                    .as_ref()
                    .is_none_or(|(_, other)| other.span.end <= node.span.start);
                if node.span.end <= comment.span.start && is_later {
                    *slot = Some((path, node));
                }
            }
            Value::Sequence { items, .. } => {
                for (item, step) in items.iter().zip(reader.item_steps(items)) {
                    open.push((below(&path, step), item));
                }
            }
            Value::Mapping { entries, .. } => {
                for (key, value) in entries {
                    if let Some(key) = key.text() {
                        open.push((path.clone().key(key), value));
                    }
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::read_file;

    /// `field = current <- from form` of each trigger.
    fn markers(text: &str) -> Vec<String> {
        let facts = read_file(text.as_bytes());
        let line = |t: &TriggerFacts| {
            let namespace = t.from.namespace.as_deref().unwrap_or("-");
            let current = t.current.as_deref().unwrap_or("(none)");
            format!(
                "{} = {current} <- {namespace}/{}:{} {:?}",
                t.field, t.from.stream, t.from.tag, t.form
            )
        };
        let triggers = facts.objects.iter().flat_map(|object| &object.triggers);
        triggers.map(line).collect()
    }

    #[test]
    fn a_marker_names_the_value_before_it() {
        for (text, expected) in [
            (
                "a: x # {\"$imagestream\": \"n/s:1.10\"}\n",
                "a = x <- n/s:1.10 Image",
            ),
            (
                "a: x # note {\"$imagestream\": \"n/s:1\"}\nb: y # {\"$imagestream\": \"s\"}",
                "b = y <- -/s:latest Image",
            ),
            (
                "a: x # keep # {\"$imagestream\": \"n/s:1\"}\n",
                "a = x <- n/s:1 Image",
            ),
            (
                "# a: x # {\"$imagestream\": \"n/s:1\"}\nb: y # {\"$imagestream\": \"n/s:2\"}\n",
                "b = y <- n/s:2 Image",
            ),
            (
                "a: {b: 1, c: 'x'} # {\"$imagestream\":\"s:1:tag\"}\n",
                "a.c = x <- -/s:1 Tag",
            ),
            (
                "- - x # {\"$imagestream\": \"s:1:digest\"}\n",
                "[0][0] = x <- -/s:1 Digest",
            ),
            (
                "a:\n- name: q\n  v: \"x\"   #{\"$imagestream\": \"n/s:1:name\"}\r\n",
                "a[?(@.name==\"q\")].v = x <- n/s:1 Repository",
            ),
            (
                "a: &a x # {\"$imagestream\": \"s:tag\"}\n",
                "a = x <- -/s:tag Image",
            ),
            (
                "items:\n- kind: Pod\n  x: y # {\"$imagestream\": \"s:1\"}\n",
                "items[0].x = y <- -/s:1 Image",
            ),
            (
                "a: \"x\n  y\" # {\"$imagestream\": \"s:1\"}\n",
                "a = x y <- -/s:1 Image",
            ),
        ] {
            assert_eq!(markers(text), [expected], "{text}");
        }
    }

    #[test]
    fn a_bad_marker_is_a_finding_and_the_others_work() {
        for (line, message) in [
            ("a: x # {\"$imagestream\": \"n/s:1\"", "the marker is not"),
            ("a: x # {\"$imagestream\": 1}", "the marker is not"),
            (
                "a: x # {\"$imagestream\": \"s:1\", \"b\": 1}",
                "unknown field",
            ),
            ("a: x # {\"$imagestream\": \"s:1:sha\"}", "the marker names"),
            ("a: x # {\"$imagestream\": \"a/b/c:1\"}", "the marker names"),
            ("a: x # {\"$imagestream\": \"\"}", "the marker names"),
            (
                "a: # {\"$imagestream\": \"s:1\"}\n  c: x",
                "stands behind no value",
            ),
            (
                "# {\"$imagestream\": \"s:1\"}\na: x",
                "stands behind no value",
            ),
            (
                "a: \"{{ x }}\" # {\"$imagestream\": \"s:1\"}",
                "is a template",
            ),
        ] {
            let text = format!("{line}\nz: y # {{\"$imagestream\": \"s:1\"}}\n");
            assert_eq!(markers(&text), ["z = y <- -/s:1 Image"], "{text}");
            let findings = read_file(text.as_bytes()).findings;
            let [finding] = findings.as_slice() else {
                panic!("{text}: {findings:?}");
            };
            assert!(finding.message.contains(message), "{text}: {finding:?}");
        }
    }
}
