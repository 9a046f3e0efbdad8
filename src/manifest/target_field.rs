//! The fields of other files that `ImageTrigger` manifests name.

use crate::dockerfile;
use crate::field_path::{FieldPath, Step};
use crate::manifest::facts::{
    FieldFact, FieldFacts, Wanted, WantedDocument, WantedField, WorkflowPart,
};
use crate::manifest::kustomize::entry_path;
use crate::manifest::reader::{Reader, below};
use crate::trigger::{DOCKER_ACTION, PinForm};
use crate::yaml::{Node, Source, Value};

/// Reads the fields that ImageTriggers name in one file.
pub fn read_fields(bytes: &[u8], wanted: &[WantedField]) -> FieldFacts {
    let source = Source::parse(bytes);
    let readers: Vec<Reader<'_>> = source
        .documents
        .iter()
        .map(|document| Reader::new(&source, document))
        .collect();
    let answers = wanted
        .iter()
        .map(|wanted| (wanted.clone(), answer(bytes, &source, &readers, wanted)))
        .collect();
    FieldFacts { answers }
}

fn answer(
    bytes: &[u8],
    source: &Source<'_>,
    readers: &[Reader<'_>],
    wanted: &WantedField,
) -> Result<Vec<FieldFact>, String> {
    if let Wanted::Dockerfile { stage } = &wanted.what {
        return dockerfile::stage(bytes, stage.as_deref()).map(|stage| vec![stage_fact(stage)]);
    }
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
        Wanted::Compose { service } => compose_field(reader, root, service),
        Wanted::Workflow { job, part } => workflow_field(reader, root, job, part),
        Wanted::Field { path, form } => {
            let (field, node) = find(reader, root, path)?;
            if node.text().is_none() {
                return Err(format!("`{path}` is no text"));
            }
            Ok(vec![fact(reader, root, field, node, Some(node), *form)])
        }
        // Read before, and not as YAML.
        Wanted::Dockerfile { .. } => Ok(Vec::new()),
    }
}

fn stage_fact(stage: dockerfile::Stage) -> FieldFact {
    FieldFact {
        document: 0,
        field: stage.field,
        object: FieldPath::root(),
        at: stage.at.into(),
        current: Some(stage.image),
        form: PinForm::Image,
        namespace: None,
    }
}

/// `image` of a service (compose-spec, "image").
fn compose_field<'a>(
    reader: &Reader<'a>,
    root: &'a Node,
    service: &str,
) -> Result<Vec<FieldFact>, String> {
    let path = FieldPath::root().key("services").key(service);
    let (field, node) = find(reader, root, &path)?;
    let field = field.key("image");
    let Some(image) = reader.get(node, "image") else {
        let why = match reader.get(node, "build") {
            Some(_) => "the service is built and names no image",
            None => "the service has no `image`",
        };
        return Err(format!("`{path}`: {why}"));
    };
    let text = image
        .text()
        .ok_or_else(|| format!("`{field}` is no text"))?;
    if text.contains('$') {
        return Err(format!(
            "`{field}`: the image `{text}` is filled in from the environment; write it out"
        ));
    }
    Ok(vec![fact(
        reader,
        root,
        field,
        image,
        Some(image),
        PinForm::Image,
    )])
}

/// A job's container, one of its services, or a step that runs an image (GitHub Actions,
/// "Workflow syntax": `jobs.<job_id>.container`, `.services.<service_id>.image`, `.steps[*].uses`).
fn workflow_field<'a>(
    reader: &Reader<'a>,
    root: &'a Node,
    job: &str,
    part: &WorkflowPart,
) -> Result<Vec<FieldFact>, String> {
    let path = FieldPath::root().key("jobs").key(job);
    let path = match part {
        WorkflowPart::Container => {
            let (_, container) = find(reader, root, &path.clone().key("container"))?;
            let path = path.key("container");
            if container.text().is_some() {
                path
            } else {
                path.key("image")
            }
        }
        WorkflowPart::Service(service) => path.key("services").key(service).key("image"),
        WorkflowPart::Step(step) => {
            let (_, steps) = find(reader, root, &path.clone().key("steps"))?;
            let number = step_number(reader, steps, step)
                .ok_or_else(|| format!("the job `{job}` has no step `{step}`"))?;
            path.key("steps").index(number).key("uses")
        }
    };
    let (field, node) = find(reader, root, &path)?;
    let text = node.text().ok_or_else(|| format!("`{field}` is no text"))?;
    if text.contains("${{") {
        return Err(format!(
            "`{field}`: `{text}` is an expression; write the image out"
        ));
    }
    let form = match part {
        WorkflowPart::Step(_) if !text.starts_with(DOCKER_ACTION) => {
            return Err(format!(
                "`{field}`: `{text}` is no image; a step that runs one has `uses: {DOCKER_ACTION}…`"
            ));
        }
        WorkflowPart::Step(_) => PinForm::DockerAction,
        _ => PinForm::Image,
    };
    Ok(vec![fact(reader, root, field, node, Some(node), form)])
}

/// By number, counted from 0, by `id` or by `name`.
fn step_number<'a>(reader: &Reader<'a>, steps: &'a Node, wanted: &str) -> Option<usize> {
    let items = steps.items();
    let by = |key| {
        let mut items = items.iter();
        items.position(|item| reader.text(reader.follow(item), key) == Some(wanted))
    };
    let number = wanted.parse().ok().filter(|number| *number < items.len());
    by("id").or_else(|| by("name")).or(number)
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
                let steps = reader.item_steps(items);
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
