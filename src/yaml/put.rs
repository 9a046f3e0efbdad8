use std::collections::HashMap;
use std::ops::Range;

use serde_json::Value as Json;

use crate::field_path::{FieldPath, Step};
use crate::yaml::check::{Change, Changes, matches};
use crate::yaml::edit::{Reason, Refusal};
use crate::yaml::locate::{Located, Way, anchored, locate};
use crate::yaml::render::Layout;
use crate::yaml::site::Site;
use crate::yaml::splice::{Part, Splice};
use crate::yaml::{Node, ScalarStyle, Value, insert, replace, set};

/// The splices of one edit.
pub(crate) type Pieces = Vec<(Range<usize>, String, Part)>;

/// The whole values that are written into one file.
///
/// What is missing is gathered by its holder, so that two values can share holders that neither
/// finds.
#[derive(Debug, Default)]
pub(crate) struct Puts<'s> {
    layout: Option<Layout>,
    additions: Vec<Addition<'s>>,
    by_holder: HashMap<*const Node, usize>,
}

/// What is added to a holder.
#[derive(Debug)]
struct Addition<'s> {
    document: usize,
    /// The first edit that adds to it.
    edit: usize,
    holder: Way<'s>,
    /// New members, new items, or the whole value where there is none.
    value: Json,
    /// The member that items are selected by.
    selector: Option<String>,
}

impl<'s> Puts<'s> {
    /// Writes `value` at `field`.
    pub fn add(
        &mut self,
        site: &Site<'s>,
        edit: usize,
        field: &FieldPath,
        value: &Json,
        changes: &mut Changes,
        splices: &mut Vec<Splice>,
    ) -> Result<(), Reason> {
        match locate(site.document, field) {
            Located::Found(way) => {
                site.is_alone(&way)?;
                let layout = self.layout(site);
                let (change, pieces) = write_over(site, layout, &way, value)?;
                if let Some(change) = change {
                    changes.add(&way, edit, &change).map_err(|()| {
                        site.reason(
                            way.node().span.start,
                            format!("two edits write different values to {field}"),
                        )
                    })?;
                }
                extend(splices, pieces, edit);
                Ok(())
            }
            Located::Missing(way) => {
                site.is_alone(&way)?;
                self.gather(site, edit, field, way, value)
            }
            other => Err(site.why_not(field, &other)),
        }
    }

    fn layout(&mut self, site: &Site<'s>) -> Layout {
        *self.layout.get_or_insert_with(|| Layout::of(site.source))
    }

    fn gather(
        &mut self,
        site: &Site<'s>,
        edit: usize,
        field: &FieldPath,
        way: Way<'s>,
        value: &Json,
    ) -> Result<(), Reason> {
        let holder = way.node();
        let at = way.key().map_or(holder.span.start, |key| key.span.start);
        let mut steps: Vec<Step> = field.steps().iter().skip(way.depth()).cloned().collect();
        let fail = |message: String| Err(site.reason(at, message));
        let selector = match (&holder.value, steps.first_mut()) {
            (Value::Mapping { .. }, Some(Step::Key(key))) => {
                if let Some(merge) = merged(site, holder, key) {
                    return fail(format!(
                        "{field} comes from `<<` at {}; write it out to change it",
                        site.source.position(merge.span.start)
                    ));
                }
                None
            }
            (Value::Sequence { .. }, Some(Step::Where { key, .. })) => Some(key.clone()),
            (Value::Sequence { items, .. }, Some(Step::Index(index))) if *index >= items.len() => {
                *index -= items.len();
                None
            }
            (Value::Scalar { .. }, Some(_)) if holder.is_null() && holder.tag.is_none() => None,
            _ => {
                return fail(format!(
                    "{field} cannot be written: what should hold it is {}",
                    holder.kind()
                ));
            }
        };
        let empty = match &holder.value {
            Value::Mapping { .. } => Json::Object(serde_json::Map::new()),
            Value::Sequence { .. } => Json::Array(Vec::new()),
            _ => Json::Null,
        };
        let number = self.additions.len();
        let number = *self
            .by_holder
            .entry(std::ptr::from_ref(holder))
            .or_insert(number);
        if number == self.additions.len() {
            self.additions.push(Addition {
                document: site.document.index,
                edit,
                holder: way,
                value: empty,
                selector,
            });
        }
        match self.additions.get_mut(number) {
            Some(addition) => put_json(&mut addition.value, &steps, value)
                .or_else(|message| fail(format!("{field} cannot be written: {message}"))),
            None => Ok(()),
        }
    }

    /// The splices for all that was gathered.
    pub fn finish(
        &mut self,
        sites: &HashMap<usize, Site<'s>>,
        changes: &mut Changes,
        splices: &mut Vec<Splice>,
        refusals: &mut Vec<Refusal>,
    ) {
        for addition in std::mem::take(&mut self.additions) {
            let Some(site) = sites.get(&addition.document) else {
                continue;
            };
            let layout = self.layout(site);
            let edit = addition.edit;
            let done = write_into(site, layout, &addition).and_then(|(change, pieces)| {
                let node = addition.holder.node();
                changes.add(&addition.holder, edit, &change).map_err(|()| {
                    site.reason(node.span.start, "another edit writes this value whole")
                })?;
                extend(splices, pieces, edit);
                Ok(())
            });
            if let Err(reason) = done {
                refusals.push(reason.number(edit));
            }
        }
    }
}

fn extend(splices: &mut Vec<Splice>, pieces: Pieces, edit: usize) {
    for (number, (span, text, part)) in pieces.into_iter().enumerate() {
        splices.push(Splice {
            span,
            text,
            part,
            order: format!("{number:08}"),
            edit,
        });
    }
}

/// Replaces what stands at the end of `way`.
fn write_over(
    site: &Site<'_>,
    layout: Layout,
    way: &Way<'_>,
    value: &Json,
) -> Result<(Option<Change>, Pieces), Reason> {
    let node = way.node();
    if matches(node, value) {
        return Ok((None, Vec::new()));
    }
    if let (Json::String(text), Value::Scalar { style, .. }) = (value, &node.value)
        && !matches!(style, ScalarStyle::Literal | ScalarStyle::Folded)
    {
        let set = set::set(site, way, text, None)?;
        return Ok((set.change, set.splices));
    }
    if let Some(tag) = &node.tag {
        return Err(site.reason(
            node.span.start,
            format!("the value has the tag {tag}, which may not fit a new one"),
        ));
    }
    let pieces = replace::replace(site, layout, way, value)?;
    Ok((Some(Change::Whole(value.clone())), pieces))
}

/// Adds members or items to a holder, or makes a collection of one that is empty.
fn write_into(
    site: &Site<'_>,
    layout: Layout,
    addition: &Addition<'_>,
) -> Result<(Change, Pieces), Reason> {
    let way = &addition.holder;
    match (&way.node().value, &addition.value) {
        (Value::Mapping { entries, .. }, Json::Object(members)) => {
            let pieces = if entries.is_empty() {
                replace::replace(site, layout, way, &addition.value)?
            } else {
                insert::members(site, layout, way, members)?
            };
            let members = members.iter().map(|(k, v)| (k.clone(), v.clone()));
            Ok((Change::Members(members.collect()), pieces))
        }
        (Value::Sequence { items, .. }, Json::Array(new)) => {
            if items.is_empty() {
                let pieces = replace::replace(site, layout, way, &addition.value)?;
                let items = new.iter().map(|item| (0, item.clone()));
                return Ok((Change::Items(items.collect()), pieces));
            }
            let (new, pieces) =
                insert::items(site, layout, way, new, addition.selector.as_deref())?;
            Ok((Change::Items(new), pieces))
        }
        _ => {
            let pieces = replace::replace(site, layout, way, &addition.value)?;
            Ok((Change::Whole(addition.value.clone()), pieces))
        }
    }
}

/// The merge key of `holder` through which `key` may come, or is not known not to.
fn merged<'n>(site: &Site<'_>, holder: &'n Node, key: &str) -> Option<&'n Node> {
    let (merge, value) = holder.entry("<<")?;
    let sources = match &value.value {
        Value::Sequence { items, .. } => items.iter().collect(),
        _ => vec![value],
    };
    let root = site.document.root.as_ref();
    let has_it = |source: &Node| {
        let source = match source.value {
            Value::Alias(anchor) => root.and_then(|root| anchored(root, anchor)),
            _ => Some(source),
        };
        source.is_none_or(|source| source.get(key).is_some() || source.get("<<").is_some())
    };
    sources.into_iter().any(has_it).then_some(merge)
}

/// Writes `value` at `steps` below `target`, which is null where nothing stands yet.
fn put_json(target: &mut Json, steps: &[Step], value: &Json) -> Result<(), String> {
    let Some((step, rest)) = steps.split_first() else {
        if !target.is_null() && target != value {
            return Err("another edit writes a different value there".to_owned());
        }
        *target = value.clone();
        return Ok(());
    };
    if target.is_null() {
        *target = match step {
            Step::Key(_) => Json::Object(serde_json::Map::new()),
            Step::Index(_) | Step::Where { .. } => Json::Array(Vec::new()),
        };
    }
    match (step, target) {
        (Step::Key(key), Json::Object(members)) => {
            put_json(members.entry(key).or_insert(Json::Null), rest, value)
        }
        (Step::Index(index), Json::Array(items)) => {
            if *index == items.len() {
                items.push(Json::Null);
            }
            match items.get_mut(*index) {
                Some(item) => put_json(item, rest, value),
                None => Err("the sequence has fewer items".to_owned()),
            }
        }
        (Step::Where { key, value: name }, Json::Array(items)) => {
            put_item(items, key, name, rest, value)
        }
        _ => Err("another edit writes a different value there".to_owned()),
    }
}

/// The item whose member `key` is `name`; a new one goes to its place in a sorted sequence.
fn put_item(
    items: &mut Vec<Json>,
    key: &str,
    name: &str,
    rest: &[Step],
    value: &Json,
) -> Result<(), String> {
    let named = |item: &Json| item.get(key).and_then(Json::as_str).map(str::to_owned);
    let is_new = !items
        .iter()
        .any(|item| named(item).as_deref() == Some(name));
    if is_new {
        let is_sorted = items.iter().map(named).is_sorted();
        let place = match is_sorted {
            true => items.partition_point(|item| named(item).as_deref() <= Some(name)),
            false => items.len(),
        };
        items.insert(place, serde_json::json!({ key: name }));
    }
    let Some(item) = items
        .iter_mut()
        .find(|item| named(item).as_deref() == Some(name))
    else {
        return Ok(());
    };
    if !rest.is_empty() {
        return put_json(item, rest, value);
    }
    if named(value).as_deref() != Some(name) {
        return Err(format!("the new item has no `{key}: {name}`"));
    }
    if !is_new && item != value {
        return Err("another edit writes a different value there".to_owned());
    }
    *item = value.clone();
    Ok(())
}
