//! `describe` of a stream (oc `pkg/helpers/describe/{describer,helpers}.go`,
//! `DescribeImageStream`).

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::hold::Holds;
use crate::image::Reference;
use crate::plain::{plain, plain_lines};
use crate::selection::prioritize;
use crate::show::ago::ago;
use crate::show::tabs::{Padding, Tabs};
use crate::stream::{
    Condition, From, IMPORT_SUCCESS, ImageStream, OBSERVED, ReferencePolicy, SpecTag, StatusTag,
    TagEvent, TagSource,
};

/// A stream as `oc describe is` shows it, and below a tag's source the tag that a rule chose.
pub fn describe(stream: &ImageStream, now: Timestamp) -> String {
    let mut out = Tabs::new(Padding::Tabs);
    let metadata = &stream.metadata;
    out.row("Name", &stream.name.name);
    out.row("Namespace", &stream.name.namespace);
    let created = created(stream).and_then(|time| ago(time, now));
    out.row("Created", created.as_deref().unwrap_or("<unknown>"));
    out.map("Labels", &metadata.labels);
    out.annotations(&metadata.annotations, OBSERVED);
    let repositories = stream.repositories();
    let names = [&repositories.public_repository, &repositories.repository];
    let repository = names.into_iter().flatten().find(|it| !it.is_empty());
    out.row("Image Repository", repository.map_or("", String::as_str));
    out.row("Image Lookup", &format!("local={}", stream.local_lookup));
    tags(stream, now, &mut out);
    out.finish()
}

/// When the stream was made; a file seldom says so, but its first image is about as old.
fn created(stream: &ImageStream) -> Option<&str> {
    let items = stream.status.iter().flat_map(|status| &status.items);
    let times = items
        .map(|item| item.created.as_str())
        .filter(|time| time.parse::<Timestamp>().is_ok());
    let own = stream.metadata.created.as_deref();
    own.filter(|time| !time.is_empty())
        .or_else(|| times.min_by_key(|time| time.parse::<Timestamp>().ok()))
}

fn tags(stream: &ImageStream, now: Timestamp, out: &mut Tabs) {
    if stream.tags.is_empty() && stream.status.is_empty() {
        out.line("Tags:\t<none>");
        return;
    }
    let names = tag_names(stream);
    out.line(format_args!("Unique Images:\t{}", unique_images(stream)));
    out.line(format_args!("Tags:\t{}\n", names.len()));
    let aliases = aliases(stream);
    let targets: BTreeSet<&str> = aliases.values().flatten().copied().collect();
    let shown = names.into_iter().filter(|name| !targets.contains(name));
    for (number, name) in shown.enumerate() {
        if number > 0 {
            out.line("");
        }
        let mut others = aliases.get(name).cloned().unwrap_or_default();
        prioritize(&mut others);
        let others = match others.as_slice() {
            [] => String::new(),
            others => format!(" ({})", others.join(", ")),
        };
        out.line(plain(&format!("{name}{others}")));
        let spec = stream.tag(name);
        let status = stream.status.iter().find(|status| status.tag == name);
        source(stream, spec, out);
        if let Some(spec) = spec {
            catalog(spec, out);
        }
        if spec.is_some_and(|spec| is_importing(stream, spec, status)) {
            out.line("  ~ importing latest image ...");
        }
        if let Some(status) = status {
            history(status, now, out);
        }
    }
}

/// The tags of status and spec, the important ones first.
fn tag_names(stream: &ImageStream) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    let recorded = stream.status.iter().map(|status| status.tag.as_str());
    for name in recorded.chain(stream.tags.iter().map(|tag| tag.name.as_str())) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    prioritize(&mut names);
    names
}

/// Items without a digest count as one, as the original has it.
fn unique_images(stream: &ImageStream) -> usize {
    let items = stream.status.iter().flat_map(|status| &status.items);
    items
        .filter(|item| !item.image.is_empty() || !item.reference.is_empty())
        .map(|item| item.image.as_str())
        .collect::<BTreeSet<&str>>()
        .len()
}

/// By the tag that is followed in the end, the tags of this stream that follow it.
fn aliases(stream: &ImageStream) -> BTreeMap<&str, Vec<&str>> {
    let mut aliases: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for tag in &stream.tags {
        match followed(stream, tag) {
            Some(target) if target != tag.name => {
                aliases.entry(target).or_default().push(&tag.name);
            }
            _ => {}
        }
    }
    aliases
}

/// The tag of the same stream at the end of a chain; None for a circle, and for a chain that
/// leaves the stream or ends nowhere (oc `pkg/helpers/image`, `FollowTagReference`).
fn followed<'s>(stream: &'s ImageStream, tag: &'s SpecTag) -> Option<&'s str> {
    let mut seen = BTreeSet::new();
    let mut at = tag;
    while let TagSource::StreamTag(next) = &at.source {
        if !seen.insert(at.name.as_str()) || next.stream != stream.name {
            return None;
        }
        at = stream.tag(&next.tag)?;
    }
    Some(&at.name)
}

fn source(stream: &ImageStream, spec: Option<&SpecTag>, out: &mut Tabs) {
    let Some(spec) = spec else {
        out.line("  no spec tag\n");
        return;
    };
    let settings = &spec.settings;
    match &settings.from {
        None => out.line("  tag without source image"),
        Some(from) => {
            let verb = source_verb(&from.kind, settings.reference, settings.is_followed());
            let name = source_name(stream, from);
            out.line(plain(&format!("  {verb} {name}")));
            if settings.insecure {
                out.line("    will use insecure HTTPS or HTTP connections");
            }
        }
    }
    if let Some(rule) = &settings.rule {
        let observed = stream.observed.get(&spec.name);
        let chosen = observed.and_then(|observed| observed.selected.as_deref());
        let line = match chosen {
            Some(tag) => format!("    selects {tag} ({rule})"),
            None => format!("    selects by {rule}"),
        };
        out.line(plain(&line));
    }
    for line in held(&settings.holds) {
        out.line(plain(&format!("    {line}")));
    }
    if settings.reference_policy == ReferencePolicy::Local {
        out.line("    prefer registry pullthrough when referencing this tag");
    }
    out.line("");
}

/// The holds of a tag, one a line.
pub(crate) fn held(holds: &Holds) -> impl Iterator<Item = String> {
    let sound = holds.sound.iter();
    let sound = sound.map(|hold| format!("in {}: {hold}", hold.environment));
    let faulty = holds.faulty.iter().map(|hold| match &hold.environment {
        Some(environment) => format!("in {environment}: {hold}"),
        None => format!("everywhere: {hold}"),
    });
    sound.chain(faulty)
}

fn source_verb(kind: &str, reference: bool, scheduled: bool) -> String {
    match (kind, reference, scheduled) {
        ("ImageStreamTag", true, _) => "reference to".to_owned(),
        ("ImageStreamTag", false, true) => "updates automatically from".to_owned(),
        ("DockerImage", true, _) => "reference to registry".to_owned(),
        ("DockerImage", false, true) => "updates automatically from registry".to_owned(),
        ("ImageStreamImage", true, _) => "reference to image".to_owned(),
        ("ImageStreamTag" | "DockerImage" | "ImageStreamImage", false, _) => {
            "tagged from".to_owned()
        }
        (kind, true, _) => format!("reference to {kind}"),
        (kind, false, _) => format!("updates from {kind}"),
    }
}

fn source_name(stream: &ImageStream, from: &From) -> String {
    match &from.namespace {
        Some(namespace) if !namespace.is_empty() && *namespace != stream.name.namespace => {
            format!("{namespace}/{}", from.name)
        }
        _ => from.name.clone(),
    }
}

/// What a catalogue shows of a tag, and a blank line if it shows anything.
fn catalog(spec: &SpecTag, out: &mut Tabs) {
    let text = |key: &str| {
        let text = spec.settings.annotations.get(key)?;
        (!text.is_empty()).then(|| plain_lines(text))
    };
    let list = |key: &str| text(key).map(|text| text.split(',').collect::<Vec<_>>().join(", "));
    let lines: Vec<String> = [
        text("description").map(|text| format!("  {text}")),
        list("tags").map(|list| format!("  Tags: {list}")),
        list("supports").map(|list| format!("  Supports: {list}")),
        text("sampleRepo").map(|text| format!("  Example Repo: {text}")),
    ]
    .into_iter()
    .flatten()
    .collect();
    for line in &lines {
        out.line(line);
    }
    if !lines.is_empty() {
        out.line("");
    }
}

/// Whether the next pass will import the tag: its generation is newer than what was seen, or,
/// since a file seldom has generations, nothing was seen, or another source.
fn is_importing(stream: &ImageStream, spec: &SpecTag, status: Option<&StatusTag>) -> bool {
    let (Some(from), false) = (&spec.settings.from, spec.settings.reference) else {
        return false;
    };
    let Some(status) = status else {
        return true;
    };
    let seen = observed_generation(status);
    let is_newer = spec
        .settings
        .generation
        .is_some_and(|generation| generation > seen);
    let is_moved = matches!(spec.source, TagSource::Image(_))
        && stream
            .observed
            .get(&spec.name)
            .is_some_and(|observed| observed.from != from.name);
    is_newer || is_moved
}

/// openshift-controller-manager `latestObservedTagGeneration`.
pub(crate) fn observed_generation(status: &StatusTag) -> i64 {
    let item = status.items.first().map_or(0, |item| item.generation);
    let condition = status
        .conditions
        .iter()
        .find(|it| it.kind == IMPORT_SUCCESS);
    condition.map_or(item, |condition| condition.generation.max(item))
}

/// Why the last import failed, where it did.
pub(crate) fn failed_import(status: &StatusTag) -> Option<&Condition> {
    status
        .conditions
        .iter()
        .find(|condition| condition.kind == IMPORT_SUCCESS && condition.status == "False")
}

fn history(status: &StatusTag, now: Timestamp, out: &mut Tabs) {
    if let Some(failed) = failed_import(status) {
        out.line(plain(&format!(
            "  ! error: Import failed ({}): {}",
            failed.reason, failed.message
        )));
        out.line(format_args!("      {}", age(&failed.time, now)));
    }
    for (number, item) in status.items.iter().enumerate() {
        let mark = if number == 0 { "*" } else { " " };
        out.line(plain(&format!("  {mark} {}", item.reference)));
        let age = age(&item.created, now);
        if is_id_shown(item) {
            out.line(format_args!("      {age}\t{}", plain(&item.image)));
        } else {
            out.line(format_args!("      {age}"));
        }
    }
}

fn age(time: &str, now: Timestamp) -> String {
    ago(time, now).unwrap_or_else(|| "<unknown>".to_owned())
}

/// Whether the reference can be read and names another digest than the image has.
fn is_id_shown(item: &TagEvent) -> bool {
    let digest = item.reference.parse::<Reference>().map(|it| it.digest);
    let digest = digest.map(|digest| digest.map(|digest| digest.to_string()));
    !item.image.is_empty() && digest.is_ok_and(|it| it.as_deref() != Some(item.image.as_str()))
}
