//! `spec.tags[].from`: what a tag follows (openshift-apiserver
//! `registry/imagestream/strategy.go`, `parseFromReference`).

use crate::image::Reference;
use crate::manifest::facts::SourceFacts;
use crate::manifest::reader::Reader;
use crate::yaml::Node;

/// None where the tag has no `from`: it is filled by pushes.
pub(crate) fn read<'a>(reader: &mut Reader<'a>, item: &'a Node, tag: &str) -> SourceFacts {
    let Some(from) = reader.get(item, "from") else {
        return SourceFacts::None;
    };
    let kind = reader.text(from, "kind").unwrap_or_default();
    if !matches!(kind, "DockerImage" | "ImageStreamTag" | "ImageStreamImage") {
        let at = reader.get(from, "kind").unwrap_or(from);
        reader.error(
            at,
            "valid values are 'DockerImage', 'ImageStreamImage', 'ImageStreamTag'",
        );
        return SourceFacts::Invalid;
    }
    let Some(name_node) = reader
        .get(from, "name")
        .filter(|name| name.text() != Some(""))
    else {
        reader.error(from, format!("spec.tags[{tag}].from.name is required"));
        return SourceFacts::Invalid;
    };
    let name = name_node.text().unwrap_or_default();
    let namespace = reader
        .text(from, "namespace")
        .filter(|namespace| !namespace.is_empty())
        .map(str::to_owned);
    let source = match kind {
        "DockerImage" => name
            .parse::<Reference>()
            .map(SourceFacts::Image)
            .map_err(|error| format!("`{name}`: {error}")),
        "ImageStreamTag" => stream_tag(name, namespace),
        _ => stream_image(name, namespace),
    };
    source.unwrap_or_else(|message| {
        reader.error(name_node, message);
        SourceFacts::Invalid
    })
}

const FORMS: &str = "must be of the form <tag>, <repo>:<tag>, <id>, or <repo>@<id>";

/// `<tag>` or `<stream>:<tag>` (openshift-apiserver `imagestream/strategy.go`,
/// `parseFromReference`).
fn stream_tag(name: &str, namespace: Option<String>) -> Result<SourceFacts, String> {
    let (stream, tag) = match name.split_once(':') {
        Some((stream, tag)) => (Some(stream.to_owned()), tag),
        None => (None, name),
    };
    if tag.is_empty() || tag.contains(':') || stream.as_deref() == Some("") || name.contains('@') {
        return Err(FORMS.to_owned());
    }
    Ok(SourceFacts::StreamTag {
        namespace,
        stream,
        tag: tag.to_owned(),
    })
}

/// `<id>` or `<stream>@<id>`, where the id may be the beginning of one.
fn stream_image(name: &str, namespace: Option<String>) -> Result<SourceFacts, String> {
    let (stream, prefix) = match name.split_once('@') {
        Some((stream, prefix)) => (Some(stream.to_owned()), prefix),
        None => (None, name),
    };
    if prefix.is_empty() || prefix.contains('@') || stream.as_deref() == Some("") {
        return Err(FORMS.to_owned());
    }
    Ok(SourceFacts::StreamImage {
        namespace,
        stream,
        prefix: prefix.to_owned(),
    })
}
