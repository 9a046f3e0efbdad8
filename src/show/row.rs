//! The rows of `get` (openshift-apiserver `pkg/image/printers/internalversion/printer.go`).

use std::cmp::Reverse;

use jiff::Timestamp;

use crate::show::ago::ago;
use crate::show::stream::failed_import;
use crate::stream::{ImageStream, StatusTag};

/// How wide the names of a stream's tags may be together.
const TAGS_WIDTH: i64 = 40;

pub(crate) fn stream(stream: &ImageStream, now: Timestamp) -> Vec<String> {
    let repositories = stream.repositories();
    let own = stream
        .whole_repository
        .as_ref()
        .map(|(reference, _)| reference.to_string());
    let repository = repositories
        .public_repository
        .clone()
        .or(own)
        .or(repositories.repository.clone());
    let latest = stream.status.iter().filter_map(created).max();
    let updated = latest.and_then(|time| ago(&time.to_string(), now));
    vec![
        stream.name.name.clone(),
        repository.unwrap_or_default(),
        tags_up_to(&newest_first(&stream.status), TAGS_WIDTH),
        updated.unwrap_or_default(),
    ]
}

fn created(status: &StatusTag) -> Option<Timestamp> {
    status.items.first()?.created.parse().ok()
}

/// By time, then by name; tags without an image come last.
fn newest_first(status: &[StatusTag]) -> Vec<&str> {
    let mut tags: Vec<&StatusTag> = status.iter().collect();
    tags.sort_by_key(|status| {
        let second = created(status).map(Timestamp::as_second);
        (Reverse(second), status.tag.as_str())
    });
    tags.into_iter().map(|status| status.tag.as_str()).collect()
}

/// As many names as fit, at least one, and one more where that makes the edge less ragged
/// (`printTagsUpToWidth`).
fn tags_up_to(tags: &[&str], width: i64) -> String {
    let margin = width / 4;
    let mut remaining = width;
    let mut shown = 0;
    for (position, tag) in tags.iter().enumerate() {
        let length = i64::try_from(tag.len()).unwrap_or(i64::MAX / 4);
        remaining -= length + 1;
        let is_less_ragged = margin < remaining + length && margin >= -remaining;
        if position > 0 && remaining < 0 && !is_less_ragged {
            break;
        }
        shown += 1;
        if position == 0 && remaining < 0 {
            break;
        }
    }
    let names: Vec<&str> = tags.iter().take(shown).copied().collect();
    match tags.len() - shown {
        0 => names.join(","),
        more => format!("{} + {more} more...", names.join(",")),
    }
}

/// `printImageTag`.
pub(crate) fn image_tag(stream: &ImageStream, tag: &str, now: Timestamp) -> Vec<String> {
    let spec = stream.tag(tag);
    let status = stream.status.iter().find(|status| status.tag == tag);
    let generation = spec.and_then(|it| it.settings.generation).unwrap_or(0);
    let (mut shown, mut source, mut state) = match spec {
        Some(spec) => from(&spec.settings),
        None => ("", String::new(), String::new()),
    };
    let mut updated = None;
    if let Some(status) = status {
        if let Some(event) = status.items.first() {
            updated = event.created.parse::<Timestamp>().ok();
            if generation > 0 && event.generation > 0 && event.generation < generation {
                "Importing".clone_into(&mut state);
            } else if !event.image.is_empty() {
                source = format!("image/{}", event.image);
            } else if !event.reference.is_empty() {
                source.clone_from(&event.reference);
            }
            let is_newer = generation > 0 && event.generation > generation;
            let is_pushed = !source.is_empty() && shown.is_empty();
            if is_pushed || (shown != "Track" && is_newer) {
                shown = "Push";
            }
        }
        if let Some(failed) = failed_import(status) {
            state = format!("ImportFailed ({})", failed.reason);
        }
        let changes = status.conditions.iter();
        let changes = changes.filter_map(|condition| condition.time.parse().ok());
        updated = updated.into_iter().chain(changes).max();
    }
    let count = status.map_or(0, |status| status.items.len());
    let updated = updated.and_then(|time| ago(&time.to_string(), now));
    vec![
        format!("{}:{tag}", stream.name.name),
        shown.to_owned(),
        if state.is_empty() { source } else { state },
        if count > 0 {
            count.to_string()
        } else {
            String::new()
        },
        updated.unwrap_or_default(),
    ]
}

/// SPEC, and STATUS as far as the spec alone tells: the source, or what is wrong with it.
fn from(settings: &crate::stream::TagSettings) -> (&'static str, String, String) {
    let Some(from) = &settings.from else {
        return ("", String::new(), String::new());
    };
    let shown = match (settings.scheduled, settings.reference) {
        (true, _) => "Scheduled",
        (false, true) => "Ref",
        (false, false) => "Tag",
    };
    let name = &from.name;
    match from.kind.as_str() {
        "DockerImage" => (shown, name.clone(), String::new()),
        "ImageStreamImage" => match name.split_once('@') {
            Some((_, id)) => (shown, format!("image/{id}"), String::new()),
            None => (shown, String::new(), "InvalidRefName".to_owned()),
        },
        "ImageStreamTag" => {
            let source = match &from.namespace {
                Some(namespace) => format!("istag {namespace}/{name}"),
                None => format!("istag/{name}"),
            };
            let shown = if name.contains(':') { shown } else { "Track" };
            (shown, source, String::new())
        }
        _ => (shown, String::new(), "InvalidRefKind".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use crate::show::stream_tests::{now, streams};

    use super::*;

    #[test]
    fn tags_are_shown_up_to_a_width() {
        for (tags, expected) in [
            (vec![], ""),
            (vec!["latest"], "latest"),
            (
                vec!["0123456789", "0123456789", "0123456789"],
                "0123456789,0123456789,0123456789",
            ),
            // The fourth would be more than a quarter too wide, the room left less than one.
            (
                vec![
                    "0123456789",
                    "0123456789",
                    "0123456789",
                    "01234567890123456789",
                ],
                "0123456789,0123456789,0123456789 + 1 more...",
            ),
            // It begins early and ends within the margin.
            (
                vec!["0123456789", "0123456789", "0123456789012345678", "b"],
                "0123456789,0123456789,0123456789012345678 + 1 more...",
            ),
            (
                vec!["01234567890123456789012345678901234567890123456789", "b"],
                "01234567890123456789012345678901234567890123456789 + 1 more...",
            ),
        ] {
            assert_eq!(tags_up_to(&tags, TAGS_WIDTH), expected);
        }
    }

    #[test]
    fn a_stream_row_names_the_newest_tags_first() {
        let text = "kind: ImageStream\nmetadata: {name: web}\nspec: {dockerImageRepository: quay.io/acme/web}\nstatus:\n  dockerImageRepository: registry.svc:5000/demo/web\n  tags:\n  - {tag: a, items: [{created: 2026-11-20T12:00:00Z, dockerImageReference: x, image: x}]}\n  - {tag: c, items: [{created: 2026-11-21T11:00:00Z, dockerImageReference: x, image: x}]}\n  - {tag: b, items: [{created: 2026-11-21T11:00:00Z, dockerImageReference: x, image: x}, {created: 2026-11-21T11:59:00Z, dockerImageReference: x, image: x}]}\n  - {tag: d, items: []}\n";
        assert_eq!(
            stream(&streams(text)[0], now()),
            ["web", "quay.io/acme/web", "b,c,a,d", "About an hour ago"]
        );
        let public = text.replace(
            "status:\n",
            "status:\n  publicDockerImageRepository: r.example/web\n",
        );
        assert_eq!(stream(&streams(&public)[0], now())[1], "r.example/web");
        let own = text.replace("spec: {dockerImageRepository: quay.io/acme/web}\n", "");
        assert_eq!(
            stream(&streams(&own)[0], now())[1],
            "registry.svc:5000/demo/web"
        );
    }

    #[test]
    fn an_image_tag_row_tells_spec_and_status() {
        let text = |tag: &str, status: &str| {
            format!(
                "kind: ImageStream\nmetadata: {{name: web}}\nspec: {{tags: [{tag}]}}\nstatus: {{tags: [{status}]}}\n"
            )
        };
        let item = "{tag: a, items: [{created: 2026-11-21T11:00:00Z, dockerImageReference: x, image: 'sha256:ab', generation: 2}]}";
        for (tag, status, expected) in [
            ("{name: a}", "", ["", "", "", ""]),
            (
                "{name: a, from: {kind: DockerImage, name: b:1}}",
                "",
                ["Tag", "b:1", "", ""],
            ),
            (
                "{name: a, reference: true, from: {kind: DockerImage, name: b:1}}",
                "",
                ["Ref", "b:1", "", ""],
            ),
            (
                "{name: a, generation: 2, importPolicy: {scheduled: true}, from: {kind: DockerImage, name: b:1}}",
                item,
                ["Scheduled", "image/sha256:ab", "1", "About an hour ago"],
            ),
            (
                "{name: a, generation: 3, from: {kind: DockerImage, name: b:1}}",
                item,
                ["Tag", "Importing", "1", "About an hour ago"],
            ),
            (
                "{name: a, generation: 1, from: {kind: DockerImage, name: b:1}}",
                item,
                ["Push", "image/sha256:ab", "1", "About an hour ago"],
            ),
            (
                "",
                item,
                ["Push", "image/sha256:ab", "1", "About an hour ago"],
            ),
            (
                "{name: a, from: {kind: ImageStreamTag, name: b}}",
                "",
                ["Track", "istag/b", "", ""],
            ),
            (
                "{name: a, from: {kind: ImageStreamTag, name: 'x:1', namespace: demo}}",
                "",
                ["Tag", "istag demo/x:1", "", ""],
            ),
            (
                "{name: a, from: {kind: ImageStreamImage, name: x@ab}}",
                "",
                ["Tag", "image/ab", "", ""],
            ),
            (
                "{name: a, from: {kind: ImageStreamImage, name: x}}",
                "",
                ["Tag", "InvalidRefName", "", ""],
            ),
            (
                "{name: a, from: {kind: Image, name: x}}",
                "",
                ["Tag", "InvalidRefKind", "", ""],
            ),
            (
                "{name: a, from: {kind: DockerImage, name: b:1}}",
                "{tag: a, conditions: [{type: ImportSuccess, status: 'False', reason: NotFound, lastTransitionTime: 2026-11-21T11:58:00Z}]}",
                ["Tag", "ImportFailed (NotFound)", "", "2 minutes ago"],
            ),
        ] {
            let streams = streams(&text(tag, status));
            let row = image_tag(&streams[0], "a", now());
            assert_eq!(row[0], "web:a");
            assert_eq!(row[1..], expected, "{tag} {status}");
        }
    }
}
