//! `ImageTrigger` (`headwater.dev/v1alpha1`): a stream tag goes to fields of named files.

use crate::dockerfile::is_dockerfile_name;
use crate::field_path::FieldPath;
use crate::manifest::facts::{
    ImageTriggerFacts, TargetFacts, Wanted, WantedDocument, WantedField, WorkflowPart,
};
use crate::manifest::native_trigger::read_reported;
use crate::manifest::reader::Reader;
use crate::trigger::PinForm;
use crate::yaml::Node;

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

/// What a target names in its file.
const WHATS: &[&str] = &[
    "kustomize",
    "helm",
    "compose",
    "dockerfile",
    "workflow",
    "field",
];
const KNOWN: &[&str] = &[
    "file",
    "document",
    "value",
    "kustomize",
    "helm",
    "compose",
    "dockerfile",
    "workflow",
    "field",
];

fn read_target<'a>(reader: &mut Reader<'a>, item: &'a Node) -> Option<TargetFacts> {
    check_fields(reader, item, KNOWN);
    let Some(file) = reader.text(item, "file").filter(|file| !file.is_empty()) else {
        reader.error(item, "a target names a `file`");
        return None;
    };
    let document = read_document(reader, item)?;
    let mut given = WHATS.iter().filter(|key| item.get(key).is_some());
    let (Some(what), None) = (given.next(), given.next()) else {
        let all: Vec<String> = WHATS.iter().map(|what| format!("`{what}`")).collect();
        let message = format!("a target has exactly one of {}", all.join(", "));
        reader.error(item, message);
        return None;
    };
    if (*what == "dockerfile") != is_dockerfile_name(file) {
        let message = "`dockerfile` is for files named Dockerfile, Dockerfile.*, Containerfile, Containerfile.* or *.Dockerfile, and only it is";
        reader.error(item, message);
        return None;
    }
    let node = item.get(what).map(|node| reader.follow(node))?;
    let what = read_what(reader, item, what, node)?;
    Some(TargetFacts {
        at: reader.spot(item),
        file: file.to_owned(),
        wanted: WantedField { document, what },
    })
}

fn read_what<'a>(
    reader: &mut Reader<'a>,
    item: &'a Node,
    what: &str,
    node: &'a Node,
) -> Option<Wanted> {
    let text = |reader: &Reader<'a>, key| reader.text(node, key).map(str::to_owned);
    match what {
        "kustomize" => {
            check_fields(reader, node, &["image"]);
            let image = required(reader, node, "image")?.text()?.to_owned();
            Some(Wanted::Kustomize { image })
        }
        "helm" => {
            check_fields(reader, node, &["path"]);
            let path = required(reader, node, "path")?;
            Some(Wanted::Helm {
                path: read_path(reader, path)?,
            })
        }
        "compose" => {
            check_fields(reader, node, &["service"]);
            let service = required(reader, node, "service")?.text()?.to_owned();
            Some(Wanted::Compose { service })
        }
        "dockerfile" => {
            check_fields(reader, node, &["stage"]);
            let stage = text(reader, "stage");
            Some(Wanted::Dockerfile { stage })
        }
        "workflow" => {
            check_fields(reader, node, &["job", "service", "step"]);
            let job = required(reader, node, "job")?.text()?.to_owned();
            let part = match (text(reader, "service"), text(reader, "step")) {
                (None, None) => WorkflowPart::Container,
                (Some(service), None) => WorkflowPart::Service(service),
                (None, Some(step)) => WorkflowPart::Step(step),
                (Some(_), Some(_)) => {
                    reader.error(node, "`workflow` has `service` or `step`, not both");
                    return None;
                }
            };
            Some(Wanted::Workflow { job, part })
        }
        _ => Some(Wanted::Field {
            path: read_path(reader, node)?,
            form: read_form(reader, item)?,
        }),
    }
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
