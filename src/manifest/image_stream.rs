//! ImageStream manifests (openshift/api `image/v1/types.go`).

use std::collections::BTreeMap;

use crate::field_path::FieldPath;
use crate::image::Reference;
use crate::manifest::facts::{SourceFacts, StreamFacts, TagFacts};
use crate::manifest::parameters::parameter_in;
use crate::manifest::reader::Reader;
use crate::manifest::{hold, stream_status, tag_source};
use crate::problem::Severity;
use crate::stream::{
    From, INTERVAL, ImportMode, MINIMUM_AGE, ReferencePolicy, SELECT, StreamMetadata,
    StreamRepositories, TagSettings,
};
use crate::yaml::Node;

/// Reads the ImageStream `object`, which stands at `root`. None where it has no usable name.
pub(crate) fn read<'a>(
    reader: &mut Reader<'a>,
    object: &'a Node,
    root: &FieldPath,
) -> Option<StreamFacts> {
    if reader.in_template && is_left_to_others(reader, object) {
        return None;
    }
    let metadata = reader.get(object, "metadata");
    let Some(name_node) = metadata.and_then(|metadata| reader.get(metadata, "name")) else {
        reader.error(object, "the ImageStream has no metadata.name");
        return None;
    };
    let name = name_node.text().unwrap_or_default();
    if !is_stream_name(name) {
        reader.error(
            name_node,
            format!(
                "`{name}` is not a stream name; it must match \"[a-z0-9]+(?:[._-][a-z0-9]+)*\""
            ),
        );
        return None;
    }
    let namespace = metadata.and_then(|metadata| reader.text(metadata, "namespace"));
    let spec = reader.get(object, "spec");
    if let Some(spec) = spec {
        warn_of_unknown(reader, spec, "spec", SPEC);
    }
    let local_lookup = spec
        .and_then(|spec| reader.get(spec, "lookupPolicy"))
        .is_some_and(|policy| reader.flag(policy, "local"));
    Some(StreamFacts {
        name: name.to_owned(),
        namespace: namespace.map(str::to_owned),
        document: reader.document.index,
        root: root.clone(),
        at: reader.spot(object),
        metadata: read_metadata(reader, object),
        local_lookup,
        whole_repository: spec.and_then(|spec| read_whole_repository(reader, spec)),
        tags: spec.map_or_else(Vec::new, |spec| read_tags(reader, spec)),
        status: stream_status::read(reader, object),
        observed: metadata.map_or_else(Vec::new, |metadata| {
            stream_status::read_observed(reader, metadata)
        }),
    })
}

/// In a Template: a stream without tags is where a build's output goes, and one whose name or tags
/// take a parameter without a value is not known yet.
fn is_left_to_others<'a>(reader: &mut Reader<'a>, object: &'a Node) -> bool {
    let spec = reader.get(object, "spec");
    let tags = spec.map_or(&[][..], |spec| reader.items(spec, "tags"));
    let is_whole = spec.is_some_and(|spec| reader.get(spec, "dockerImageRepository").is_some());
    if tags.is_empty() && !is_whole {
        return true;
    }
    let own = [
        &["metadata", "name"],
        &["metadata", "namespace"],
        &["spec", "dockerImageRepository"],
    ];
    let own = own.iter().filter_map(|keys| reader.at(object, *keys));
    let of_tags = tags.iter().flat_map(|tag| {
        let keys: [&[&str]; 3] = [&["name"], &["from", "name"], &["from", "namespace"]];
        keys.into_iter()
            .filter_map(|keys| reader.at(reader.follow(tag), keys))
    });
    let open = own
        .chain(of_tags)
        .find_map(|node| Some((node, parameter_in(node.text()?)?)));
    let Some((node, name)) = open else {
        return false;
    };
    let message = format!("the ImageStream is left alone: the parameter `{name}` has no value");
    reader.find(node, Severity::Note, message, None);
    true
}

const SPEC: &[&str] = &["lookupPolicy", "dockerImageRepository", "tags"];
const TAG: &[&str] = &[
    "name",
    "annotations",
    "from",
    "reference",
    "generation",
    "importPolicy",
    "referencePolicy",
];
const IMPORT_POLICY: &[&str] = &["insecure", "scheduled", "importMode"];

/// A field that does not exist does nothing, in the words of the API server.
fn warn_of_unknown<'a>(reader: &mut Reader<'a>, holder: &'a Node, path: &str, known: &[&str]) {
    for (key, _) in holder.entries() {
        let name = key.text().unwrap_or_default();
        if !known.contains(&name) && name != "<<" {
            reader.warning(key, format!("unknown field \"{path}.{name}\""));
        }
    }
}

fn is_stream_name(name: &str) -> bool {
    let is_alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    name.split(['.', '_', '-'])
        .all(|part| !part.is_empty() && part.bytes().all(is_alphanumeric))
}

fn read_tags<'a>(reader: &mut Reader<'a>, spec: &'a Node) -> Vec<TagFacts> {
    let mut tags: Vec<TagFacts> = Vec::new();
    for item in reader.items(spec, "tags") {
        let item = reader.follow(item);
        let Some(name) = reader.text(item, "name").filter(|name| !name.is_empty()) else {
            reader.error(item, "a tag has no name");
            continue;
        };
        if tags.iter().any(|tag| tag.name == name) {
            reader.error(item, format!("the tag `{name}` stands twice in spec.tags"));
            continue;
        }
        let tag = read_tag(reader, item, name);
        tags.push(tag);
    }
    tags
}

fn read_tag<'a>(reader: &mut Reader<'a>, item: &'a Node, name: &str) -> TagFacts {
    warn_of_unknown(reader, item, &format!("spec.tags[{name}]"), TAG);
    let policy = reader.get(item, "importPolicy");
    if let Some(policy) = policy {
        let path = format!("spec.tags[{name}].importPolicy");
        warn_of_unknown(reader, policy, &path, IMPORT_POLICY);
    }
    let source = tag_source::read(reader, item, name);
    let scheduled = policy.is_some_and(|policy| reader.flag(policy, "scheduled"));
    let is_image = matches!(
        source,
        SourceFacts::Image(_) | SourceFacts::None | SourceFacts::Invalid
    );
    if scheduled
        && !is_image
        && let Some(at) = reader.at(item, &["importPolicy", "scheduled"])
    {
        reader.error(
            at,
            "only tags pointing to Docker repositories may be scheduled for background import",
        );
    }
    let annotations = read_texts(reader, item, "annotations");
    TagFacts {
        name: name.to_owned(),
        at: reader.spot(item),
        source,
        settings: TagSettings {
            from: read_from(reader, item),
            reference: reader.flag(item, "reference"),
            scheduled,
            insecure: policy.is_some_and(|policy| reader.flag(policy, "insecure")),
            import_mode: policy.and_then(|policy| read_import_mode(reader, policy)),
            reference_policy: read_reference_policy(reader, item),
            generation: read_generation(reader, item),
            rule: read_annotation(reader, item, SELECT, |text| {
                text.parse().map_err(|error| format!("{error}"))
            }),
            interval: read_annotation(reader, item, INTERVAL, read_seconds),
            minimum_age: read_annotation(reader, item, MINIMUM_AGE, read_seconds),
            holds: hold::read(reader, item),
            annotations,
        },
    }
}

/// A mapping of texts; what is no text is left out.
fn read_texts<'a>(reader: &Reader<'a>, holder: &'a Node, key: &str) -> BTreeMap<String, String> {
    reader
        .get(holder, key)
        .map_or(&[][..], Node::entries)
        .iter()
        .filter_map(|(key, value)| {
            let value = reader.follow(value).text()?;
            Some((key.text()?.to_owned(), value.to_owned()))
        })
        .collect()
}

fn read_from<'a>(reader: &Reader<'a>, item: &'a Node) -> Option<From> {
    let from = reader.get(item, "from")?;
    let text = |key| reader.text(from, key).unwrap_or_default().to_owned();
    Some(From {
        kind: text("kind"),
        name: text("name"),
        namespace: Some(text("namespace")).filter(|namespace| !namespace.is_empty()),
    })
}

/// An annotation of a tag that means something here; a wrong one is a finding.
fn read_annotation<'a, T>(
    reader: &mut Reader<'a>,
    item: &'a Node,
    key: &str,
    read: impl FnOnce(&str) -> Result<T, String>,
) -> Option<T> {
    let node = reader.at(item, &["annotations", key])?;
    match read(node.text().unwrap_or_default()) {
        Ok(value) => Some(value),
        Err(reason) => {
            reader.error(node, format!("{key}: {reason}"));
            None
        }
    }
}

fn read_seconds(text: &str) -> Result<u64, String> {
    let span: Option<jiff::SignedDuration> = text.parse().ok();
    span.and_then(|span| u64::try_from(span.as_secs()).ok())
        .ok_or_else(|| format!("`{text}` is no time span, for example 5m or 1h30m"))
}

fn read_metadata<'a>(reader: &Reader<'a>, object: &'a Node) -> StreamMetadata {
    let status = reader.get(object, "status");
    let repository = |key| {
        let text = status.and_then(|status| reader.text(status, key));
        text.filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let metadata = reader.get(object, "metadata");
    let texts = |key| metadata.map_or_else(BTreeMap::new, |node| read_texts(reader, node, key));
    StreamMetadata {
        labels: texts("labels"),
        annotations: texts("annotations"),
        created: metadata
            .and_then(|metadata| reader.text(metadata, "creationTimestamp"))
            .map(str::to_owned),
        repositories: StreamRepositories {
            repository: repository("dockerImageRepository"),
            public_repository: repository("publicDockerImageRepository"),
        },
    }
}

/// `spec.dockerImageRepository` (openshift-apiserver `image/validation/validation.go`,
/// `ValidateImageStreamWithWhitelister`).
fn read_whole_repository<'a>(
    reader: &mut Reader<'a>,
    spec: &'a Node,
) -> Option<(Reference, crate::manifest::Spot)> {
    let node = reader
        .get(spec, "dockerImageRepository")
        .filter(|node| node.text() != Some(""))?;
    let text = node.text().unwrap_or_default();
    let reference = match text.parse::<Reference>() {
        Ok(reference) if reference.digest.is_some() => {
            Err("the repository name may not contain an ID".to_owned())
        }
        Ok(reference) if reference.tag.is_some() => {
            Err("the repository name may not contain a tag".to_owned())
        }
        Ok(reference) => Ok(reference),
        Err(error) => Err(format!("`{text}`: {error}")),
    };
    match reference {
        Ok(reference) => Some((reference, reader.spot(node))),
        Err(message) => {
            reader.error(node, message);
            None
        }
    }
}

fn read_reference_policy<'a>(reader: &mut Reader<'a>, item: &'a Node) -> ReferencePolicy {
    let Some(kind) = reader.at(item, &["referencePolicy", "type"]) else {
        return ReferencePolicy::Source;
    };
    match kind.text() {
        Some("" | "Source") => ReferencePolicy::Source,
        Some("Local") => ReferencePolicy::Local,
        _ => {
            reader.error(kind, "valid values are \"Source\", \"Local\"");
            ReferencePolicy::Source
        }
    }
}

fn read_import_mode<'a>(reader: &mut Reader<'a>, policy: &'a Node) -> Option<ImportMode> {
    let mode = reader.get(policy, "importMode")?;
    match mode.text() {
        Some("") => None,
        Some("Legacy") => Some(ImportMode::Legacy),
        Some("PreserveOriginal") => Some(ImportMode::PreserveOriginal),
        _ => {
            reader.error(
                mode,
                "invalid import mode, valid modes are '', 'Legacy', 'PreserveOriginal'",
            );
            None
        }
    }
}

fn read_generation<'a>(reader: &mut Reader<'a>, item: &'a Node) -> Option<i64> {
    let node = reader.get(item, "generation")?;
    let number = node.text().and_then(|text| text.parse().ok());
    if number.is_none() {
        reader.error(node, "`generation` is a whole number");
    }
    number
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::read_file;

    fn stream_with(tag: &str) -> (Option<TagFacts>, Vec<String>) {
        let text = format!(
            "kind: ImageStream\napiVersion: v1\nmetadata: {{name: web}}\nspec: {{tags: [{tag}]}}\n"
        );
        let mut facts = read_file(text.as_bytes());
        let tag = facts.streams.pop().and_then(|mut stream| stream.tags.pop());
        (tag, facts.findings.into_iter().map(|f| f.message).collect())
    }

    #[test]
    fn a_tag_keeps_its_text_and_all_its_fields() {
        let (tag, findings) = stream_with(
            "{name: 1.10, reference: true, generation: 0, from: {kind: DockerImage, name: quay.io/a/b:1}, importPolicy: {scheduled: true, insecure: true, importMode: Legacy}, referencePolicy: {type: Local}}",
        );
        assert_eq!(findings, Vec::<String>::new());
        let tag = tag.unwrap();
        assert_eq!(tag.name, "1.10");
        let settings = tag.settings;
        assert!(settings.reference && settings.scheduled && settings.insecure);
        assert_eq!(settings.import_mode, Some(ImportMode::Legacy));
        assert_eq!(settings.generation, Some(0));
        assert_eq!(
            tag.source,
            SourceFacts::Image("quay.io/a/b:1".parse().unwrap())
        );
        let (tag, findings) = stream_with(
            "{name: a, generation: null, from: null, annotations: null, referencePolicy: {type: ''}, importPolicy: {importMode: ''}}",
        );
        assert!(findings.is_empty());
        let tag = tag.unwrap();
        assert_eq!(
            (tag.settings.generation, tag.source),
            (None, SourceFacts::None)
        );
        assert_eq!(tag.settings.reference_policy, ReferencePolicy::Source);
        assert_eq!(tag.settings.import_mode, None);
    }

    #[test]
    fn sources_have_openshifts_forms() {
        for (name, stream, tag) in [("a", None, "a"), ("s:a", Some("s"), "a")] {
            let (read, _) = stream_with(&format!(
                "{{name: x, from: {{kind: ImageStreamTag, name: \"{name}\", namespace: n}}}}"
            ));
            let expected = SourceFacts::StreamTag {
                namespace: Some("n".to_owned()),
                stream: stream.map(str::to_owned),
                tag: tag.to_owned(),
            };
            assert_eq!(read.unwrap().source, expected);
        }
    }

    #[test]
    fn an_image_of_a_stream_has_openshifts_forms() {
        for (name, stream, prefix) in [
            ("3a335d7", None, "3a335d7"),
            ("sha256:3a335d7", None, "sha256:3a335d7"),
            ("ruby@3a335d7", Some("ruby"), "3a335d7"),
            ("ruby@sha256:3a335d7", Some("ruby"), "sha256:3a335d7"),
        ] {
            let (read, findings) = stream_with(&format!(
                "{{name: x, from: {{kind: ImageStreamImage, name: \"{name}\"}}}}"
            ));
            assert!(findings.is_empty(), "{findings:?}");
            let expected = SourceFacts::StreamImage {
                namespace: None,
                stream: stream.map(str::to_owned),
                prefix: prefix.to_owned(),
            };
            assert_eq!(read.unwrap().source, expected);
        }
    }

    #[test]
    fn bad_tags_say_what_openshift_says() {
        for (tag, message) in [
            (
                "{name: x, from: {kind: Other, name: a}}",
                "valid values are 'DockerImage', 'ImageStreamImage', 'ImageStreamTag'",
            ),
            (
                "{name: x, from: {name: a}}",
                "valid values are 'DockerImage'",
            ),
            (
                "{name: x, from: {kind: DockerImage}}",
                "spec.tags[x].from.name is required",
            ),
            (
                "{name: x, from: {kind: DockerImage, name: A/b}}",
                "repository name must be lowercase",
            ),
            (
                "{name: x, from: {kind: ImageStreamTag, name: \"a:b:c\"}}",
                "must be of the form <tag>, <repo>:<tag>, <id>, or <repo>@<id>",
            ),
            (
                "{name: x, from: {kind: ImageStreamImage, name: \"a@b@c\"}}",
                "must be of the form",
            ),
            (
                "{name: x, from: {kind: ImageStreamTag, name: a}, importPolicy: {scheduled: true}}",
                "only tags pointing to Docker repositories may be scheduled",
            ),
            (
                "{name: x, importPolicy: {importMode: Old}}",
                "invalid import mode, valid modes are '', 'Legacy', 'PreserveOriginal'",
            ),
            (
                "{name: x, referencePolicy: {type: Remote}}",
                "valid values are \"Source\", \"Local\"",
            ),
            (
                "{name: x, importPolicy: {scheduled: yes please}}",
                "`scheduled` is true or false",
            ),
            (
                "{name: x, importPolicy: {schedule: true}}",
                "unknown field \"spec.tags[x].importPolicy.schedule\"",
            ),
            ("{name: x, form: {}}", "unknown field \"spec.tags[x].form\""),
            ("{name: x, generation: a}", "`generation` is a whole number"),
            ("{name: x}, {name: x}", "the tag `x` stands twice"),
            ("{from: null}", "a tag has no name"),
        ] {
            let (_, findings) = stream_with(tag);
            assert_eq!(findings.len(), 1, "{tag}: {findings:?}");
            assert!(findings[0].contains(message), "{tag}: {findings:?}");
        }
    }

    #[test]
    fn names_status_and_observed() {
        for name in ["a", "a1.b_c-d"] {
            assert!(is_stream_name(name), "{name}");
        }
        for name in ["", "A", "a..b", "-a", "a-", "a/b", "a:b"] {
            assert!(!is_stream_name(name), "{name}");
        }
        let text = "kind: ImageStreamList\nitems:\n- metadata:\n    name: web\n    annotations:\n      headwater.dev/observed: '{\"1.10\": {\"from\": \"a/b:1\", \"importMode\": \"Legacy\"}}'\n  status:\n    tags:\n    - tag: \"1.10\"\n      items:\n      - {created: \"2026-01-02T03:04:05Z\", dockerImageReference: a/b, image: x, generation: 2}\n      - {image: w}\n      - {image: w, dockerImageReference: A/w}\n";
        let facts = read_file(text.as_bytes());
        let findings: Vec<_> = facts
            .findings
            .iter()
            .map(|finding| (finding.at.line, finding.at.column, finding.message.as_str()))
            .collect();
        assert_eq!(
            findings,
            [
                (
                    12,
                    9,
                    "status.tags[1.10].items[1].dockerImageReference is required"
                ),
                (
                    13,
                    42,
                    "status.tags[1.10].items[2].dockerImageReference is `A/w`: repository name must be lowercase"
                ),
            ]
        );
        let stream = &facts.streams[0];
        assert_eq!(stream.root.to_string(), "items[0]");
        assert_eq!(stream.observed[0].1.from, "a/b:1");
        assert_eq!(stream.observed[0].1.import_mode, ImportMode::Legacy);
        let items = &stream.status[0].items;
        assert_eq!(
            (items.len(), items[0].generation, items[1].image.as_str()),
            (2, 2, "w")
        );
    }
}
