//! One stream for each image repository and namespace: one that exists, or a new one.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::image::{DOCKER_HUB_HOST, Reference};
use crate::manifest::Manifests;
use crate::plan::adopt::uses::Found;
use crate::plan::adopt::{AdoptedStream, Adoption, Edited, Inputs};
use crate::problem::Problem;
use crate::snapshot::{FilePath, Files};
use crate::stream::{ImageStream, StreamName, StreamTagName, TagSource};
use crate::yaml::{self, Edit};

/// Longer names are cut: the longest name of most objects in Kubernetes, less a number.
const MAX_NAME: usize = 58;

/// Every use with the stream tag that it follows, and what the streams lack for that.
#[derive(Debug, Default)]
pub(crate) struct Named<'a> {
    pub uses: Vec<NamedUse<'a>>,
    lacking: BTreeMap<StreamName, Lacking<'a>>,
}

#[derive(Debug)]
pub(crate) struct NamedUse<'a> {
    pub found: Found<'a>,
    pub from: StreamTagName,
}

#[derive(Debug)]
struct Lacking<'a> {
    /// None: the stream itself.
    stream: Option<&'a ImageStream>,
    tags: BTreeMap<String, Reference>,
}

/// Where a repository is used, in the order in which names are given: Docker Hub's official
/// images keep their plain names.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Origin {
    namespace: String,
    is_qualified: bool,
    host: String,
    path: String,
}

impl Origin {
    fn of(found: &Found<'_>) -> Self {
        let endpoint = found.image.repository.endpoint();
        let is_official = endpoint.host == DOCKER_HUB_HOST && endpoint.path.starts_with("library/");
        Self {
            namespace: found.field.namespace.clone(),
            is_qualified: !is_official,
            host: endpoint.host,
            path: endpoint.path,
        }
    }
}

/// Finds or names a stream tag for each use; what cannot be named is a problem.
pub(crate) fn name<'a>(
    found: &[Found<'a>],
    manifests: &'a [Manifests],
    problems: &mut Vec<Problem>,
) -> Named<'a> {
    let mut origins: BTreeMap<Origin, Vec<&Found<'a>>> = BTreeMap::new();
    for found in found {
        origins.entry(Origin::of(found)).or_default().push(found);
    }
    let known: Vec<&ImageStream> = manifests.iter().flat_map(|m| &m.streams).collect();
    let mut taken: BTreeSet<StreamName> = known.iter().map(|stream| stream.name.clone()).collect();
    let mut named = Named::default();
    for (origin, uses) in origins {
        let streams: Vec<&ImageStream> = known
            .iter()
            .copied()
            .filter(|stream| stream.name.namespace == origin.namespace && follows(stream, &uses))
            .collect();
        let name = match streams.first() {
            Some(stream) => stream.name.clone(),
            None => free_name(&origin, &taken),
        };
        taken.insert(name.clone());
        for found in uses {
            match named.tag_for(found, &name, &streams) {
                Ok(from) => named.uses.push(NamedUse {
                    found: found.clone(),
                    from,
                }),
                Err(problem) => problems.push(problem),
            }
        }
    }
    named
        .uses
        .sort_by_key(|used| used.found.field.place.clone());
    named
}

/// Whether a tag of the stream follows the repository of these uses.
fn follows(stream: &ImageStream, uses: &[&Found<'_>]) -> bool {
    let repository = uses.first().map(|found| &found.image.repository);
    stream.tags.iter().any(|tag| match &tag.source {
        TagSource::Image(image) => {
            repository.is_some_and(|repository| image.repository.is_same(repository))
        }
        _ => false,
    })
}

impl<'a> Named<'a> {
    fn tag_for(
        &mut self,
        found: &Found<'a>,
        name: &StreamName,
        streams: &[&'a ImageStream],
    ) -> Result<StreamTagName, Problem> {
        let existing = streams.iter().find_map(|stream| {
            let tag = stream
                .tags
                .iter()
                .find(|tag| is_of(&tag.source, &found.image))?;
            Some((&stream.name, &tag.name))
        });
        if let Some((stream, tag)) = existing {
            return Ok(StreamTagName {
                stream: stream.clone(),
                tag: tag.clone(),
            });
        }
        let tag = found.image.tag.as_ref().map(ToString::to_string);
        let tag = tag.unwrap_or_default();
        let stream = streams.first().copied();
        if stream.is_some_and(|stream| stream.tag(&tag).is_some()) {
            let place = found.field.place.clone();
            let message = format!(
                "`{}` is left: {name}:{tag} follows something else",
                found.image
            );
            return Err(Problem::warning(place, message));
        }
        let lacking = self.lacking.entry(name.clone()).or_insert(Lacking {
            stream,
            tags: BTreeMap::new(),
        });
        let image = found.image.clone();
        lacking.tags.entry(tag.clone()).or_insert(image);
        Ok(StreamTagName {
            stream: name.clone(),
            tag,
        })
    }
}

/// Whether a stream tag's source is the image: same repository, same tag, no digest.
fn is_of(source: &TagSource, image: &Reference) -> bool {
    let TagSource::Image(source) = source else {
        return false;
    };
    let tag = source.tag.as_ref().map_or("latest", |tag| tag.as_str());
    source.digest.is_none()
        && source.repository.is_same(&image.repository)
        && image
            .tag
            .as_ref()
            .is_some_and(|wanted| wanted.as_str() == tag)
}

/// The repository's last segment; with as many of those before it, and the host, as it needs to
/// be the only one.
fn free_name(origin: &Origin, taken: &BTreeSet<StreamName>) -> StreamName {
    let full = format!("{}/{}", origin.host, origin.path);
    let segments: Vec<&str> = full.split('/').collect();
    let qualified = (1..=segments.len())
        .filter_map(|count| segments.get(segments.len() - count..))
        .map(|parts| valid(&parts.join("-")));
    let plain = valid(segments.last().copied().unwrap_or_default());
    let numbered = (2u32..).map(|number| format!("{plain}-{number}"));
    let name = qualified
        .chain(numbered)
        .map(|name| StreamName {
            namespace: origin.namespace.clone(),
            name,
        })
        .find(|name| !taken.contains(name));
    // The numbers do not end before the names do.
    name.unwrap_or_else(|| StreamName {
        namespace: origin.namespace.clone(),
        name: plain,
    })
}

/// A name as OpenShift takes it: lower-case letters and digits, joined by one `-` or `.`.
fn valid(text: &str) -> String {
    let mut name = String::new();
    for c in text.chars().take(MAX_NAME) {
        match c.to_ascii_lowercase() {
            c @ ('a'..='z' | '0'..='9') => name.push(c),
            _ if name.is_empty() || name.ends_with(['-', '.']) => {}
            '.' => name.push('.'),
            _ => name.push('-'),
        }
    }
    let name = name.trim_end_matches(['-', '.']);
    if name.is_empty() { "image" } else { name }.to_owned()
}

/// Writes the streams and tags that the uses which were linked need.
pub(crate) fn write(
    named: &Named<'_>,
    inputs: &Inputs<'_>,
    edited: &mut Edited,
    adoption: &mut Adoption,
) {
    let linked: BTreeSet<StreamTagName> =
        adoption.uses.iter().map(|used| used.from.clone()).collect();
    for (name, lacking) in &named.lacking {
        let mut tags = lacking.tags.clone();
        tags.retain(|tag, _| {
            linked.contains(&StreamTagName {
                stream: name.clone(),
                tag: tag.clone(),
            })
        });
        if tags.is_empty() {
            continue;
        }
        let written = match lacking.stream {
            Some(stream) => add_tags(stream, &tags, inputs.files, edited),
            None => new_stream(name, &tags, inputs, edited),
        };
        match written {
            Ok(file) => adoption.streams.push(AdoptedStream {
                file,
                name: name.to_string(),
                is_new: lacking.stream.is_none(),
                tags: tags.into_keys().collect(),
            }),
            Err(problem) => adoption.problems.push(problem),
        }
    }
}

/// A stream that no deployer is to apply, with these `spec.tags`.
pub(crate) fn new_stream_manifest(name: &StreamName, tags: &[Value]) -> Value {
    json!({
        "apiVersion": "image.openshift.io/v1",
        "kind": "ImageStream",
        "metadata": {
            "name": name.name,
            "namespace": name.namespace,
            "annotations": {"config.kubernetes.io/local-config": "true"},
        },
        "spec": {"tags": tags},
    })
}

fn new_stream(
    name: &StreamName,
    tags: &BTreeMap<String, Reference>,
    inputs: &Inputs<'_>,
    edited: &mut Edited,
) -> Result<FilePath, Problem> {
    let tags: Vec<Value> = tags
        .iter()
        .map(|(tag, image)| spec_tag(tag, image))
        .collect();
    let stream = new_stream_manifest(name, &tags);
    let path = free_path(name, inputs, edited)?;
    edited.insert(path.clone(), yaml::render(&stream).into_bytes());
    Ok(path)
}

fn spec_tag(tag: &str, image: &Reference) -> Value {
    json!({
        "name": tag,
        "from": {"kind": "DockerImage", "name": image.to_string()},
        "importPolicy": {"scheduled": true},
    })
}

/// A file of its own for each stream, so that changes of two streams never meet.
fn free_path(name: &StreamName, inputs: &Inputs<'_>, edited: &Edited) -> Result<FilePath, Problem> {
    let mut number = 1u32;
    loop {
        let suffix = match number {
            1 => String::new(),
            number => format!("-{number}"),
        };
        let relative = format!("{}/{}{suffix}.yaml", name.namespace, name.name);
        let path = FilePath::resolve(inputs.folder, &relative)
            .map_err(|error| Problem::error(None, error.to_string()))?;
        if !inputs.files.contains_key(&path) && !edited.contains_key(&path) {
            return Ok(path);
        }
        number = number.saturating_add(1);
    }
}

fn add_tags(
    stream: &ImageStream,
    tags: &BTreeMap<String, Reference>,
    files: &Files,
    edited: &mut Edited,
) -> Result<FilePath, Problem> {
    let path = stream.document.file.clone();
    let before = match edited.get(&path) {
        Some(text) => text.clone(),
        None => files
            .get(&path)
            .map(|text| text.to_vec())
            .unwrap_or_default(),
    };
    let edits: Vec<Edit> = tags
        .iter()
        .map(|(tag, image)| Edit::Put {
            document: stream.document.document,
            field: stream
                .root
                .clone()
                .key("spec")
                .key("tags")
                .matching("name", tag),
            value: spec_tag(tag, image),
        })
        .collect();
    let after = yaml::edit(&before, &edits).map_err(|refusals| {
        let why: Vec<String> = refusals.iter().map(ToString::to_string).collect();
        let message = format!(
            "tags cannot be added to {}: {}",
            stream.name,
            why.join("; ")
        );
        Problem::error(stream.place.clone(), message)
    })?;
    edited.insert(path.clone(), after);
    Ok(path)
}
