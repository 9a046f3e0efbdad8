//! `image info` (oc `pkg/cli/image/info/info.go`, `describeImage`).

use jiff::Timestamp;
use serde_json::{Map, Value as Json, json};

use crate::image::{Configuration, Description, Digest, PlatformImage, Referrer};
use crate::plain::plain;
use crate::show::ago::short_ago;
use crate::show::image::docker_config;
use crate::show::object;
use crate::show::size::human_size;
use crate::show::tabs::{Padding, Tabs};

/// One image, as it was asked for.
#[derive(Clone, Debug)]
pub struct ImageInfo {
    /// As it was written.
    pub name: String,
    pub description: Description,
    /// What refers to the image.
    pub referrers: Vec<Referrer>,
    /// The index of which it is a part.
    pub list: Option<ImageList>,
}

/// An index, and what refers to it.
#[derive(Clone, Debug)]
pub struct ImageList {
    pub digest: Digest,
    pub referrers: Vec<Referrer>,
}

/// The image in rows, with an empty line behind them.
pub fn info(image: &ImageInfo, now: Timestamp) -> String {
    let description = &image.description;
    let mut out = Tabs::new(Padding::Narrow);
    out.row("Name", &image.name);
    let digest = description.digest.to_string();
    if !image.name.ends_with(&format!("@{digest}")) {
        out.row("Digest", &digest);
    }
    if let Some(list) = &image.list {
        out.row("Manifest List", list.digest.as_str());
    }
    out.row("Media Type", &description.media_type);
    let configuration = description.configuration.as_ref();
    let created = configuration.and_then(|it| short_ago(it.created.as_deref()?, now));
    out.row("Created", created.as_deref().unwrap_or("<unknown>"));
    layers(description, &mut out);
    if let Some(configuration) = configuration {
        run(configuration, &mut out);
    }
    referrers("Referrers", &image.referrers, &mut out);
    if let Some(list) = &image.list {
        referrers("List Referrers", &list.referrers, &mut out);
    }
    let mut text = out.finish();
    text.push('\n');
    text
}

fn layers(description: &Description, out: &mut Tabs) {
    let layers = &description.layers;
    let count = layers.len();
    let size = match description.image_size() {
        Some(size) => format!("{} in {count} layers", human_size(size)),
        None => format!("{count} layers (size unavailable)"),
    };
    out.row("Image Size", &size);
    let layers: Vec<String> = layers
        .iter()
        .map(|layer| format!("{}\t{}", human_size(layer.size), layer.digest))
        .collect();
    if !layers.is_empty() {
        out.row("Layers", &layers.join("\n"));
    }
}

fn run(configuration: &Configuration, out: &mut Tabs) {
    let platform = configuration.platform.as_ref();
    out.row("OS", platform.map_or("", |it| &it.os));
    out.row("Arch", platform.map_or("", |it| &it.architecture));
    let entrypoint = configuration.entrypoint.join(" ");
    let command = configuration.command.join(" ");
    let is_run = !entrypoint.is_empty() || !command.is_empty();
    let ports = configuration.exposed_ports.join(", ");
    for (label, text) in [
        (
            "Author",
            configuration.author.as_deref().unwrap_or_default(),
        ),
        ("Entrypoint", &entrypoint),
        ("Command", if is_run { &command } else { "<none>" }),
        (
            "Working Dir",
            configuration.working_dir.as_deref().unwrap_or_default(),
        ),
        ("User", configuration.user.as_deref().unwrap_or_default()),
        ("Exposes Ports", &ports),
    ] {
        if !text.is_empty() {
            out.row(label, &plain(text));
        }
    }
    let labels = configuration.labels.iter();
    let labels = labels.map(|(key, value)| format!("{key}={value}"));
    for (label, texts) in [
        ("Environment", configuration.environment.clone()),
        ("Labels", labels.collect()),
        ("Volumes", configuration.volumes.clone()),
    ] {
        if !texts.is_empty() {
            out.list(label, texts, "");
        }
    }
}

fn referrers(label: &str, referrers: &[Referrer], out: &mut Tabs) {
    let lines: Vec<String> = referrers
        .iter()
        .map(|referrer| format!("{}\t{}", plain(&kind(referrer)), referrer.digest))
        .collect();
    if !lines.is_empty() {
        out.row(label, &lines.join("\n"));
    }
}

/// The artifact type, and what a bundle states; the tag where cosign has set one instead.
fn kind(referrer: &Referrer) -> String {
    match (&referrer.artifact_type, &referrer.predicate, &referrer.tag) {
        (Some(kind), Some(predicate), _) => format!("{kind} ({predicate})"),
        (Some(kind), None, _) => kind.clone(),
        (None, _, Some(tag)) => {
            let suffix = tag.as_str().rsplit('.').next().unwrap_or_default();
            format!("cosign tag .{suffix}")
        }
        (None, _, None) => "<unknown>".to_owned(),
    }
}

/// The images of an index, where one of them has to be chosen.
pub fn choices<'i>(images: impl IntoIterator<Item = &'i PlatformImage>) -> String {
    let mut out = Tabs::new(Padding::Narrow);
    out.line("  OS\tDIGEST");
    for image in images {
        if let Some(platform) = &image.platform {
            let platform = platform.to_string();
            out.line(format_args!("  {}\t{}", plain(&platform), image.digest));
        }
    }
    out.finish()
}

/// The image as `-o json` has it in the original, with what refers to it.
pub fn info_object(image: &ImageInfo) -> Json {
    let description = &image.description;
    let mut object = Map::new();
    let mut put = |key: &str, value: Json| object.insert(key.to_owned(), value);
    put("name", json!(image.name));
    put("digest", json!(description.digest));
    // What the content hashes to: anything else was refused.
    put("contentDigest", json!(description.digest));
    let list = image.list.as_ref();
    put(
        "listDigest",
        json!(list.map_or("", |list| list.digest.as_str())),
    );
    put("mediaType", json!(description.media_type));
    put("layers", json!(description.layers));
    let config = description.configuration.as_ref();
    put(
        "config",
        json!(config.map(|it| config_object(it, description))),
    );
    put("referrers", json!(image.referrers));
    if let Some(list) = list {
        put("listReferrers", json!(list.referrers));
    }
    json!(object)
}

/// library-go `pkg/image/dockerv1client`, `DockerImageConfig`.
fn config_object(configuration: &Configuration, description: &Description) -> Json {
    let mut object = Map::new();
    let platform = configuration.platform.as_ref();
    for (key, text) in [
        ("created", configuration.created.as_deref()),
        ("docker_version", configuration.docker_version.as_deref()),
        ("author", configuration.author.as_deref()),
        ("architecture", platform.map(|it| it.architecture.as_str())),
        ("variant", platform.and_then(|it| it.variant.as_deref())),
        ("os", platform.map(|it| it.os.as_str())),
    ] {
        object::put_text(&mut object, key, text);
    }
    object.insert("config".to_owned(), docker_config(configuration));
    object.insert("size".to_owned(), json!(description.image_size()));
    json!(object)
}
