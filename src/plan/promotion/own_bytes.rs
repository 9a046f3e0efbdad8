//! The bytes that are the bot's, in one version of a file as they are in another.
//!
//! A promotion merges what people wrote. Status, observed sources, holds and pinned fields are
//! first made those of the target in both other versions, so that merging by lines sees no
//! difference in them (a plain merge brings an image back that was rolled back, without a conflict).

use std::collections::BTreeSet;

use serde_json::Value;

use crate::dockerfile::{self, is_dockerfile};
use crate::field_path::{FieldPath, Step};
use crate::hold::HOLD;
use crate::manifest::Manifests;
use crate::plan::value::digest_in;
use crate::snapshot::{FilePath, Files};
use crate::stream::{DocumentAddress, ImageStream, OBSERVED, counterpart};
use crate::trigger::{Trigger, TriggerKind};
use crate::yaml::{self, Edit, Located, Node, Refusal, Source, to_json};

/// What the files of a commit say, and the content of those that are looked at.
#[derive(Clone, Copy, Debug)]
pub struct Version<'a> {
    /// Of all namespaces and paths.
    pub manifests: &'a Manifests,
    pub files: &'a Files,
}

impl Version<'_> {
    fn holds_own_bytes(&self, path: &FilePath) -> bool {
        let mut streams = self.manifests.streams.iter();
        let mut triggers = self.manifests.triggers.iter();
        streams.any(|stream| stream.document.file == *path)
            || triggers.any(|trigger| trigger.target.document.file == *path)
    }
}

/// The files of the target that have to be at hand to rewrite these files of another version.
pub fn needed_files<'p>(
    ours: &Manifests,
    theirs: &Manifests,
    paths: impl Iterator<Item = &'p FilePath>,
) -> BTreeSet<FilePath> {
    let mut needed = BTreeSet::new();
    for path in paths {
        let streams = theirs.streams.iter();
        let own = streams.filter(|stream| stream.document.file == *path);
        needed.extend(own.filter_map(|stream| {
            let found = counterpart(&ours.streams, &stream.name)?;
            Some(found.document.file.clone())
        }));
        let triggers = theirs.triggers.iter();
        let own = triggers.filter(|trigger| trigger.target.document.file == *path);
        needed.extend(own.filter_map(|trigger| {
            let found = same_field(ours, trigger)?;
            Some(found.target.document.file.clone())
        }));
        needed.insert(path.clone());
    }
    needed
}

/// The file `path` of `theirs` with the bot's bytes as in `ours`; none where it stays as it is.
///
/// # Errors
/// Where it cannot be edited exactly.
pub fn rewritten(
    ours: Version<'_>,
    theirs: Version<'_>,
    path: &FilePath,
) -> Result<Option<Vec<u8>>, Vec<Refusal>> {
    let Some(bytes) = theirs.files.get(path) else {
        return Ok(None);
    };
    if !theirs.holds_own_bytes(path) {
        return Ok(None);
    }
    let edits = edits(ours, theirs, path, bytes);
    if edits.is_empty() {
        return Ok(None);
    }
    let edited = match is_dockerfile(path) {
        true => dockerfile::edit(bytes, &edits)?,
        false => yaml::edit(bytes, &edits)?,
    };
    Ok((edited != **bytes).then_some(edited))
}

fn edits(ours: Version<'_>, theirs: Version<'_>, path: &FilePath, bytes: &[u8]) -> Vec<Edit> {
    let source = Source::parse(bytes);
    let mut edits = Vec::new();
    let streams = theirs.manifests.streams.iter();
    for stream in streams.filter(|stream| stream.document.file == *path) {
        let found = counterpart(&ours.manifests.streams, &stream.name);
        let file = found.and_then(|found| ours.files.get(&found.document.file));
        let parsed = file.map(|bytes| Source::parse(bytes));
        stream_edits(stream, &source, found.zip(parsed.as_ref()), &mut edits);
    }
    let triggers = theirs.manifests.triggers.iter();
    let own = triggers.filter(|trigger| trigger.target.document.file == *path);
    for (number, trigger) in own.enumerate() {
        if edits.len() > MAX_EDITS {
            break;
        }
        edits.extend(field_edit(ours, theirs, trigger, number));
    }
    edits
}

/// No file that people write has more.
const MAX_EDITS: usize = 100_000;

fn stream_edits(
    stream: &ImageStream,
    source: &Source<'_>,
    ours: Option<(&ImageStream, &Source<'_>)>,
    edits: &mut Vec<Edit>,
) {
    let document = stream.document.document;
    let status = |of: &ImageStream| of.root.clone().key("status");
    let before = value_at(source, document, &status(stream));
    let wanted = ours.and_then(|(own, source)| {
        let value = value_at(source, own.document.document, &status(own))?;
        Some(value)
    });
    if before != wanted {
        let field = status(stream);
        edits.push(match wanted {
            Some(value) => Edit::Put {
                document,
                field,
                value,
            },
            None => Edit::Remove { document, field },
        });
    }
    let own = ours.map(|(own, _)| own);
    edits.extend(annotation_edit(
        document,
        stream.root.clone().key("metadata").key("annotations"),
        OBSERVED,
        &stream.metadata.annotations,
        own.map(|own| &own.metadata.annotations),
    ));
    for tag in &stream.tags {
        let tags = stream.root.clone().key("spec").key("tags");
        let found = own.and_then(|own| own.tag(&tag.name));
        edits.extend(annotation_edit(
            document,
            tags.matching("name", &tag.name).key("annotations"),
            HOLD,
            &tag.settings.annotations,
            found.map(|found| &found.settings.annotations),
        ));
    }
}

type Annotations = std::collections::BTreeMap<String, String>;

fn annotation_edit(
    document: usize,
    holder: FieldPath,
    key: &str,
    before: &Annotations,
    wanted: Option<&Annotations>,
) -> Option<Edit> {
    let now = before.get(key);
    let then = wanted.and_then(|wanted| wanted.get(key));
    if now == then {
        return None;
    }
    Some(match then {
        Some(text) => Edit::Put {
            document,
            field: holder.key(key),
            value: Value::String(text.clone()),
        },
        // It came with the annotation, and goes with it.
        None if before.len() == 1 && wanted.is_none_or(Annotations::is_empty) => Edit::Remove {
            document,
            field: holder,
        },
        None => Edit::Remove {
            document,
            field: holder.key(key),
        },
    })
}

fn field_edit(
    ours: Version<'_>,
    theirs: Version<'_>,
    trigger: &Trigger,
    number: usize,
) -> Option<Edit> {
    let target = &trigger.target;
    if trigger.kind == TriggerKind::TemplateMarker {
        return template_edit(ours.manifests, theirs.manifests, trigger, number);
    }
    let wanted = own_value(ours, trigger)?;
    let is_people = |value: Option<&str>| value.is_none_or(|value| digest_in(value).is_none());
    if trigger.paused && is_people(target.current.as_deref()) && is_people(wanted.as_deref()) {
        return None;
    }
    let document = target.document.document;
    let field = target.field.clone();
    match (&target.current, wanted) {
        (Some(now), Some(value)) if *now == value => None,
        (Some(_), Some(value)) => Some(Edit::SetScalar {
            document,
            field,
            value,
        }),
        (None, Some(value)) => Some(Edit::Put {
            document,
            field,
            value: Value::String(value),
        }),
        (Some(_), None) => Some(Edit::Remove { document, field }),
        (None, None) => None,
    }
}

/// What `ours` has at the field: `Some(None)` where it has the holder without the field; none where
/// it has neither, and the field comes new.
fn own_value(ours: Version<'_>, trigger: &Trigger) -> Option<Option<String>> {
    if let Some(found) = same_field(ours.manifests, trigger) {
        return Some(found.target.current.clone());
    }
    let DocumentAddress { file, document } = &trigger.target.document;
    let bytes = ours.files.get(file)?;
    let field = &trigger.target.field;
    if is_dockerfile(file) {
        return dockerfile::image_at(bytes, field).map(Some);
    }
    let source = Source::parse(bytes);
    let document = source.document(*document)?;
    match yaml::locate(document, field) {
        Located::Found(way) => Some(way.node().text().map(str::to_owned)),
        Located::Missing(way) if way.depth() + 1 == field.steps().len() => {
            let is_optional =
                matches!(field.steps().last(), Some(Step::Key(key)) if key != "image");
            is_optional.then_some(None)
        }
        _ => None,
    }
}

/// The trigger of the same field, at its place or, where its file has moved, the only one of that
/// stream tag that has the same address in its object.
fn same_field<'m>(manifests: &'m Manifests, trigger: &Trigger) -> Option<&'m Trigger> {
    let wanted = &trigger.target;
    let at_its_place = manifests.triggers.iter().find(|other| {
        other.target.document == wanted.document && other.target.field == wanted.field
    });
    if at_its_place.is_some() {
        return at_its_place;
    }
    let below = |of: &Trigger| -> Option<FieldPath> {
        let steps = of.target.field.steps();
        let steps = steps.get(of.target.object.steps().len()..)?;
        Some(steps.iter().cloned().collect())
    };
    let address = below(trigger)?;
    let mut moved = manifests.triggers.iter().filter(|other| {
        other.from.tag == trigger.from.tag
            && other.from.stream.name == trigger.from.stream.name
            && other.kind == trigger.kind
            && other.kind != TriggerKind::TemplateMarker
            && below(other).as_ref() == Some(&address)
    });
    match (moved.next(), moved.next()) {
        (Some(only), None) => Some(only),
        _ => None,
    }
}

/// Lines of a template are known by their stream tag and their order.
fn template_edit(
    ours: &Manifests,
    theirs: &Manifests,
    trigger: &Trigger,
    number: usize,
) -> Option<Edit> {
    let file = &trigger.target.document.file;
    let of = |manifests: &'_ Manifests| -> Vec<Trigger> {
        let triggers = manifests.triggers.iter().filter(|other| {
            other.kind == TriggerKind::TemplateMarker
                && other.target.document.file == *file
                && other.from == trigger.from
        });
        triggers.cloned().collect()
    };
    let place = of(theirs).iter().position(|other| other == trigger);
    let found = of(ours)
        .get(place.unwrap_or(number))?
        .target
        .current
        .clone()?;
    if Some(&found) == trigger.target.current.as_ref() {
        return None;
    }
    let steps = trigger.target.field.steps().iter().skip(1).cloned();
    Some(Edit::OnLine {
        line: trigger.target.place.line,
        field: steps.collect(),
        value: found,
    })
}

fn value_at(source: &Source<'_>, document: usize, path: &FieldPath) -> Option<Value> {
    let document = source.document(document)?;
    let node: &Node = match yaml::locate(document, path) {
        Located::Found(way) => way.node(),
        _ => return None,
    };
    Some(to_json(node))
}
