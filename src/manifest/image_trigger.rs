//! `ImageTrigger` (`headwater.dev/v1alpha1`): a stream tag goes to fields of named files.

use crate::field_path::FieldPath;
use crate::field_path::Step;
use crate::manifest::facts::{
    FieldFact, FieldFacts, ImageTriggerFacts, TargetFacts, Wanted, WantedDocument, WantedField,
};
use crate::manifest::kustomize::entry_path;
use crate::manifest::native_trigger::read_reported;
use crate::manifest::reader::{Reader, below, item_steps};
use crate::trigger::PinForm;
use crate::yaml::{Node, Source, Value};

/// Reads an ImageTrigger. A target that is not valid is a finding, and the others stay.
pub(crate) fn read<'a>(reader: &mut Reader<'a>, object: &'a Node) -> Option<ImageTriggerFacts> {
    let Some(spec) = reader.get(object, "spec") else {
        reader.error(object, "the ImageTrigger has no spec");
        return None;
    };
    check_fields(reader, spec, &["from", "paused", "targets"]);
    let Some(from) = reader.get(spec, "from") else {
        reader.error(spec, "`spec.from` is required");
        return None;
    };
    let from = read_reported(reader, from)?;
    let items = reader.items(spec, "targets");
    if items.is_empty() {
        reader.error(spec, "`spec.targets` names at least one file");
    }
    let mut targets = Vec::new();
    for item in items {
        targets.extend(read_target(reader, reader.follow(item)));
    }
    let metadata = |key| {
        reader
            .at(object, &["metadata", key])
            .and_then(Node::text)
            .map(str::to_owned)
    };
    Some(ImageTriggerFacts {
        name: metadata("name").unwrap_or_default(),
        namespace: metadata("namespace").filter(|namespace| !namespace.is_empty()),
        from,
        paused: reader.flag(spec, "paused"),
        targets,
    })
}

fn check_fields<'a>(reader: &mut Reader<'a>, node: &'a Node, known: &[&str]) {
    for (key, _) in node.entries() {
        let name = key.text().unwrap_or_default();
        if !known.contains(&name) {
            let message = format!(
                "unknown field `{name}`; one of {} is expected",
                known.join(", ")
            );
            reader.error(key, message);
        }
    }
}

fn read_target<'a>(reader: &mut Reader<'a>, item: &'a Node) -> Option<TargetFacts> {
    const KNOWN: &[&str] = &["file", "document", "kustomize", "helm", "field", "value"];
    check_fields(reader, item, KNOWN);
    let Some(file) = reader.text(item, "file").filter(|file| !file.is_empty()) else {
        reader.error(item, "a target names a `file`");
        return None;
    };
    let document = read_document(reader, item)?;
    let kustomize = reader.get(item, "kustomize");
    let helm = reader.get(item, "helm");
    let field = reader.get(item, "field");
    let what = match (kustomize, helm, field) {
        (Some(kustomize), None, None) => {
            check_fields(reader, kustomize, &["image"]);
            let image = required(reader, kustomize, "image")?;
            Wanted::Kustomize {
                image: image.text()?.to_owned(),
            }
        }
        (None, Some(helm), None) => {
            check_fields(reader, helm, &["path"]);
            let path = required(reader, helm, "path")?;
            Wanted::Helm {
                path: read_path(reader, path)?,
            }
        }
        (None, None, Some(field)) => Wanted::Field {
            path: read_path(reader, field)?,
            form: read_form(reader, item)?,
        },
        _ => {
            reader.error(
                item,
                "a target has exactly one of `kustomize`, `helm` and `field`",
            );
            return None;
        }
    };
    Some(TargetFacts {
        at: reader.spot(item),
        file: file.to_owned(),
        wanted: WantedField { document, what },
    })
}

fn required<'a>(reader: &mut Reader<'a>, node: &'a Node, key: &str) -> Option<&'a Node> {
    let found = reader
        .get(node, key)
        .filter(|value| value.text().is_some_and(|text| !text.is_empty()));
    if found.is_none() {
        reader.error(node, format!("`{key}` is required"));
    }
    found
}

fn read_path<'a>(reader: &mut Reader<'a>, node: &'a Node) -> Option<FieldPath> {
    match node.text().unwrap_or_default().parse() {
        Ok(path) => Some(path),
        Err(error) => {
            reader.error(node, error.to_string());
            None
        }
    }
}

fn read_form<'a>(reader: &mut Reader<'a>, item: &'a Node) -> Option<PinForm> {
    let Some(node) = reader.get(item, "value") else {
        return Some(PinForm::Image);
    };
    let form = match node.text().unwrap_or_default() {
        "image" => PinForm::Image,
        "digestReference" => PinForm::DigestReference,
        "tag" => PinForm::Tag,
        "digest" => PinForm::Digest,
        "repository" => PinForm::Repository,
        _ => {
            reader.error(
                node,
                "`value` is one of image, digestReference, tag, digest and repository",
            );
            return None;
        }
    };
    Some(form)
}

fn read_document<'a>(reader: &mut Reader<'a>, item: &'a Node) -> Option<WantedDocument> {
    let Some(node) = reader.get(item, "document") else {
        return Some(WantedDocument::Any);
    };
    if let Some(text) = node.text() {
        let number = text.parse().map(WantedDocument::Number).ok();
        if number.is_none() {
            reader.error(
                node,
                "`document` is a number, counted from 0, or {kind, name}",
            );
        }
        return number;
    }
    check_fields(reader, node, &["kind", "name"]);
    let kind = required(reader, node, "kind")?.text()?.to_owned();
    let name = reader.text(node, "name").map(str::to_owned);
    Some(WantedDocument::Object { kind, name })
}

/// Reads the fields that ImageTriggers name in one file.
pub(crate) fn read_fields(bytes: &[u8], wanted: &[WantedField]) -> FieldFacts {
    let source = Source::parse(bytes);
    let readers: Vec<Reader<'_>> = source
        .documents
        .iter()
        .map(|document| Reader::new(&source, document))
        .collect();
    let answers = wanted
        .iter()
        .map(|wanted| (wanted.clone(), answer(&source, &readers, wanted)))
        .collect();
    FieldFacts { answers }
}

fn answer(
    source: &Source<'_>,
    readers: &[Reader<'_>],
    wanted: &WantedField,
) -> Result<Vec<FieldFact>, String> {
    let mut found = Vec::new();
    let mut fault = None;
    for reader in readers {
        let Some(root) = &reader.document.root else {
            continue;
        };
        if !is_wanted(reader, root, &wanted.document) {
            continue;
        }
        match fields_of(reader, root, &wanted.what) {
            Ok(fields) => found.push(fields),
            Err(message) => fault = fault.or(Some(message)),
        }
    }
    let unreadable = || {
        source.faults.first().map(|fault| {
            format!(
                "the file cannot be read: line {}: {}",
                fault.at.line, fault.message
            )
        })
    };
    match (found.pop(), found.is_empty()) {
        (Some(fields), true) => Ok(fields),
        (Some(_), false) => {
            Err("several documents of the file have the field; say which by `document`".to_owned())
        }
        (None, _) => Err(unreadable()
            .or(fault)
            .unwrap_or_else(|| "the file has no such document".to_owned())),
    }
}

fn is_wanted<'a>(reader: &Reader<'a>, root: &'a Node, document: &WantedDocument) -> bool {
    match document {
        WantedDocument::Any => true,
        WantedDocument::Number(number) => reader.document.index == *number,
        WantedDocument::Object { kind, name } => {
            reader.text(root, "kind") == Some(kind)
                && name.as_deref().is_none_or(|name| {
                    reader.at(root, &["metadata", "name"]).and_then(Node::text) == Some(name)
                })
        }
    }
}

fn fields_of<'a>(
    reader: &Reader<'a>,
    root: &'a Node,
    what: &Wanted,
) -> Result<Vec<FieldFact>, String> {
    match what {
        Wanted::Kustomize { image } => Ok(kustomize_fields(reader, root, image)),
        Wanted::Helm { path } => helm_fields(reader, root, path),
        Wanted::Field { path, form } => {
            let (field, node) = find(reader, root, path)?;
            if node.text().is_none() {
                return Err(format!("`{path}` is no text"));
            }
            Ok(vec![fact(reader, root, field, node, Some(node), *form)])
        }
    }
}

/// `digest` of the entry, and `newTag` and `newName` in step with it where they stand. Kustomize
/// takes the digest over the tag. An entry that is missing is added.
fn kustomize_fields<'a>(reader: &Reader<'a>, root: &'a Node, image: &str) -> Vec<FieldFact> {
    let entry = reader
        .items(root, "images")
        .iter()
        .map(|item| reader.follow(item))
        .find(|item| reader.text(item, "name") == Some(image));
    let path = entry_path(image);
    let holder = entry.or_else(|| reader.get(root, "images")).unwrap_or(root);
    let member = |key: &str, form| {
        let node = entry.and_then(|entry| reader.get(entry, key));
        fact(
            reader,
            root,
            path.clone().key(key),
            node.unwrap_or(holder),
            node,
            form,
        )
    };
    let has = |key| entry.is_some_and(|entry| reader.get(entry, key).is_some());
    // A `newName` that is missing is dropped again where the stream's repository is `image`.
    let mut fields = vec![member("newName", PinForm::Repository)];
    if has("newTag") {
        fields.push(member("newTag", PinForm::Tag));
    }
    fields.push(member("digest", PinForm::Digest));
    fields
}

/// `digest` where there is one, with `tag` kept in step; else `tag` becomes `tag@digest`.
fn helm_fields<'a>(
    reader: &Reader<'a>,
    root: &'a Node,
    path: &FieldPath,
) -> Result<Vec<FieldFact>, String> {
    let (field, node) = find(reader, root, path)?;
    if node.entries().is_empty() {
        return Err(format!(
            "`{path}` is no mapping with `repository` and `tag`; for a whole image write `field: {path}`"
        ));
    }
    let scalar = |key: &str| {
        node.get(key)
            .map(|value| reader.follow(value))
            .filter(|v| v.text().is_some())
    };
    let member = |key: &str, value: &'a Node, form| {
        fact(
            reader,
            root,
            field.clone().key(key),
            value,
            Some(value),
            form,
        )
    };
    match (scalar("tag"), scalar("digest")) {
        (tag, Some(digest)) => Ok(tag
            .map(|tag| member("tag", tag, PinForm::Tag))
            .into_iter()
            .chain([member("digest", digest, PinForm::Digest)])
            .collect()),
        (Some(tag), None) => Ok(vec![member("tag", tag, PinForm::TagAndDigest)]),
        (None, None) => Err(format!("`{path}` has neither `tag` nor `digest`")),
    }
}

fn fact<'a>(
    reader: &Reader<'a>,
    root: &'a Node,
    field: FieldPath,
    near: &Node,
    value: Option<&Node>,
    form: PinForm,
) -> FieldFact {
    FieldFact {
        document: reader.document.index,
        field,
        object: FieldPath::root(),
        at: reader.spot(near),
        current: value.and_then(Node::text).map(str::to_owned),
        form,
        namespace: reader
            .at(root, &["metadata", "namespace"])
            .and_then(Node::text)
            .map(str::to_owned),
    }
}

/// The node at `path`, and its address with items by name where that is unique.
fn find<'a>(
    reader: &Reader<'a>,
    root: &'a Node,
    path: &FieldPath,
) -> Result<(FieldPath, &'a Node), String> {
    let mut node = reader.follow(root);
    let mut address = FieldPath::root();
    for step in path.steps() {
        let (own_step, next) = match (step, &node.value) {
            (Step::Key(key), _) => (step.clone(), node.get(key)),
            (_, Value::Sequence { items, .. }) => {
                let position = items.iter().position(|item| match step {
                    Step::Where { key, value } => {
                        reader.text(reader.follow(item), key) == Some(value)
                    }
                    _ => false,
                });
                let index = match step {
                    Step::Index(index) => Some(*index),
                    _ => position,
                };
                let steps = item_steps(items);
                let step = index
                    .and_then(|index| steps.into_iter().nth(index))
                    .unwrap_or_else(|| step.clone());
                (step, index.and_then(|index| items.get(index)))
            }
            _ => (step.clone(), None),
        };
        address = below(&address, own_step);
        node = reader.follow(next.ok_or_else(|| format!("the file has no `{address}`"))?);
    }
    Ok((address, node))
}
