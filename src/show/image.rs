//! An image: `describe`, and its object (oc `pkg/helpers/describe/describer.go`, `DescribeImage`;
//! openshift/api `image/docker10`).

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value as Json, json};

use crate::image::{Configuration, Description, PlatformImage};
use crate::show::ago::ago;
use crate::show::item::{Item, Tagged};
use crate::show::object;
use crate::show::size::human_size;
use crate::show::stream::held;
use crate::show::tabs::{Padding, Tabs};
use crate::stream::SpecTag;

/// A tag's or a stream's image as `oc describe istag` shows it; without a description, what Git
/// knows. Empty for what has no image.
pub fn describe(item: &Item<'_>, description: Option<&Description>, now: Timestamp) -> String {
    let Some(image) = item.image() else {
        return String::new();
    };
    let mut out = Tabs::new(Padding::Tabs);
    let (name, reference) = match item {
        Item::Image(_) => (None, image.event.reference.clone()),
        Item::StreamTag(_) => (Some(item.name()), image.pull_spec()),
        _ => (Some(item.name()), image.event.reference.clone()),
    };
    if let Some(name) = name {
        out.row("Image Name", &name);
    }
    out.row("Docker Image", &reference);
    out.row("Name", &image.event.image);
    if let Some(created) = ago(&image.event.created, now) {
        out.row("Created", &created);
    }
    let annotations = annotations(item);
    if !annotations.is_empty() {
        out.annotations(annotations, "");
    }
    if let Some(spec) = spec(item).filter(|spec| !spec.settings.holds.is_empty()) {
        out.list("Holds", held(&spec.settings.holds), "");
    }
    if let Some(description) = description {
        described(description, now, &mut out);
    }
    out.finish()
}

/// Those of the tag: an image that is asked for by one is shown with them.
fn annotations<'i>(item: &'i Item<'_>) -> &'i BTreeMap<String, String> {
    const NONE: &BTreeMap<String, String> = &BTreeMap::new();
    spec(item).map_or(NONE, |tag| &tag.settings.annotations)
}

fn spec<'i>(item: &'i Item<'_>) -> Option<&'i SpecTag> {
    match item {
        Item::StreamTag(image) => image.stream.tag(image.tag),
        _ => None,
    }
}

fn described(description: &Description, now: Timestamp, out: &mut Tabs) {
    let configuration = description.configuration.as_ref();
    if let Some(size) = description.image_size() {
        let layers = &description.layers;
        let size = human_size(size);
        out.row("Image Size", &format!("{size} in {} layers", layers.len()));
        let layers: Vec<String> = layers
            .iter()
            .map(|layer| format!("{}\t{}", human_size(layer.size), layer.digest))
            .collect();
        out.row("Layers", &layers.join("\n"));
    }
    if let Some(configuration) = configuration {
        let created = configuration.created.as_deref();
        let created = created.and_then(|time| ago(time, now)).unwrap_or_default();
        out.row("Image Created", &created);
        out.row(
            "Author",
            configuration.author.as_deref().unwrap_or_default(),
        );
        let platform = configuration.platform.as_ref();
        out.row("Arch", platform.map_or("", |it| &it.architecture));
    }
    let images: Vec<String> = description.images.iter().filter_map(manifest).collect();
    if !images.is_empty() {
        out.row("Manifests", &images.join("\n"));
    }
    if let Some(configuration) = configuration {
        run(configuration, out);
    }
}

/// `os/arch[/variant]` and the digest; attestations are no images.
fn manifest(image: &PlatformImage) -> Option<String> {
    let platform = image.platform.as_ref()?;
    Some(format!("{platform}\t{}", image.digest))
}

/// `describeDockerImage`.
fn run(configuration: &Configuration, out: &mut Tabs) {
    let entrypoint = configuration.entrypoint.join(" ");
    let command = configuration.command.join(" ");
    if !entrypoint.is_empty() {
        out.row("Entrypoint", &entrypoint);
    }
    if !command.is_empty() || entrypoint.is_empty() {
        out.row("Command", &command);
    }
    out.row(
        "Working Dir",
        configuration.working_dir.as_deref().unwrap_or_default(),
    );
    out.row("User", configuration.user.as_deref().unwrap_or_default());
    out.row("Exposes Ports", &configuration.exposed_ports.join(", "));
    out.map("Docker Labels", &configuration.labels);
    for (label, texts) in [
        ("Environment", &configuration.environment),
        ("Volumes", &configuration.volumes),
    ] {
        if !texts.is_empty() {
            out.list(label, texts.iter().cloned(), "");
        }
    }
}

/// The image as an object, with what a registry says where it says something.
pub(crate) fn object(image: &Tagged<'_>, description: Option<&Description>) -> Json {
    let mut object = object::image(image);
    let (Some(description), Some(members)) = (description, object.as_object_mut()) else {
        return object;
    };
    let layers: Vec<Json> = description
        .layers
        .iter()
        .map(|layer| {
            json!({
                "mediaType": layer.media_type,
                "name": layer.digest,
                "size": layer.size,
            })
        })
        .collect();
    members.insert("dockerImageLayers".to_owned(), json!(layers));
    let media_type = &description.media_type;
    members.insert("dockerImageManifestMediaType".to_owned(), json!(media_type));
    if !description.images.is_empty() {
        let images: Vec<Json> = description.images.iter().filter_map(part).collect();
        members.insert("dockerImageManifests".to_owned(), json!(images));
    }
    if let Some(configuration) = &description.configuration {
        let metadata = docker_image(configuration, description.image_size());
        members.insert("dockerImageMetadata".to_owned(), metadata);
        members.insert("dockerImageMetadataVersion".to_owned(), json!("1.0"));
    }
    object
}

/// openshift/api `image/v1`, `ImageManifest`.
fn part(image: &PlatformImage) -> Option<Json> {
    let platform = image.platform.as_ref()?;
    let mut object = Map::new();
    object.insert("architecture".to_owned(), json!(platform.architecture));
    object.insert("digest".to_owned(), json!(image.digest));
    object.insert("manifestSize".to_owned(), json!(image.size));
    object.insert("mediaType".to_owned(), json!(image.media_type));
    object.insert("os".to_owned(), json!(platform.os));
    object::put_text(&mut object, "variant", platform.variant.as_deref());
    Some(json!(object))
}

/// openshift/api `image/docker10`, `DockerImage`.
fn docker_image(configuration: &Configuration, size: Option<u64>) -> Json {
    let mut object = Map::new();
    let platform = configuration.platform.as_ref();
    object::put_text(
        &mut object,
        "Architecture",
        platform.map(|platform| platform.architecture.as_str()),
    );
    object::put_text(&mut object, "Author", configuration.author.as_deref());
    object.insert("Config".to_owned(), docker_config(configuration));
    object.insert("ContainerConfig".to_owned(), json!({}));
    // The original writes `null` where an image says nothing.
    object.insert("Created".to_owned(), json!(configuration.created));
    let version = configuration.docker_version.as_deref();
    object::put_text(&mut object, "DockerVersion", version);
    object.insert("Id".to_owned(), json!(configuration.digest));
    if let Some(size) = size {
        object.insert("Size".to_owned(), json!(size));
    }
    object.insert("apiVersion".to_owned(), json!("1.0"));
    object.insert("kind".to_owned(), json!("DockerImage"));
    json!(object)
}

pub(crate) fn docker_config(configuration: &Configuration) -> Json {
    let mut object = Map::new();
    for (key, texts) in [
        ("Cmd", &configuration.command),
        ("Entrypoint", &configuration.entrypoint),
        ("Env", &configuration.environment),
    ] {
        if !texts.is_empty() {
            object.insert(key.to_owned(), json!(texts));
        }
    }
    for (key, names) in [
        ("ExposedPorts", &configuration.exposed_ports),
        ("Volumes", &configuration.volumes),
    ] {
        if !names.is_empty() {
            let members: Map<String, Json> =
                names.iter().map(|name| (name.clone(), json!({}))).collect();
            object.insert(key.to_owned(), json!(members));
        }
    }
    object::put_texts(&mut object, "Labels", &configuration.labels);
    object::put_text(&mut object, "User", configuration.user.as_deref());
    object::put_text(
        &mut object,
        "WorkingDir",
        configuration.working_dir.as_deref(),
    );
    json!(object)
}
