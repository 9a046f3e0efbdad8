//! Image manifests and indices: read strictly, because a body that two readers understand
//! differently is an attack (CVE-2021-41190, GHSA-qq97-vm5h-rrhg).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::image::{Digest, Platform};
use crate::registry::configuration;

pub(super) const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(super) const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(super) const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
pub(super) const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// Everything that can be pinned; a registry may answer another digest where one is missing.
pub(super) const ACCEPT: &str = "application/vnd.oci.image.index.v1+json, \
     application/vnd.oci.image.manifest.v1+json, \
     application/vnd.docker.distribution.manifest.list.v2+json, \
     application/vnd.docker.distribution.manifest.v2+json";

/// Images in one index that are looked at.
const MOST_CHILDREN: usize = 256;
/// Layers of one image that are told of; Docker makes at most 127.
const MOST_LAYERS: usize = 1024;

/// Whether a Content-Type is not a single image's.
pub(super) fn is_index(content_type: &str) -> bool {
    !(content_type.starts_with(OCI_MANIFEST) || content_type.starts_with(DOCKER_MANIFEST))
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ImageManifest {
    Index {
        media_type: String,
        children: Vec<Descriptor>,
        annotations: BTreeMap<String, String>,
    },
    Image {
        media_type: String,
        config: Descriptor,
        /// Those that can be read; no pin is decided by them.
        layers: Vec<Descriptor>,
        annotations: BTreeMap<String, String>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Descriptor {
    pub digest: Digest,
    pub media_type: String,
    pub size: u64,
    pub platform: Option<Platform>,
    /// Docker's and BuildKit's attestations: no image for a platform.
    pub is_attestation: bool,
}

impl ImageManifest {
    /// Reads a body that came with `content_type`. The error says why it is not pinned.
    pub fn read(body: &[u8], content_type: Option<&str>) -> Result<Self, String> {
        let Unambiguous(value) = serde_json::from_slice(body)
            .map_err(|error| format!("the image manifest cannot be read: {error}"))?;
        let Value::Object(object) = value else {
            return Err("the image manifest is no JSON object".to_owned());
        };
        let has = |key: &str| object.contains_key(key);
        if object.get("schemaVersion").and_then(Value::as_u64) == Some(1) {
            return Err("an image manifest of schema 1, which cannot be pinned; \
                 push the image again with a current client"
                .to_owned());
        }
        if object.get("schemaVersion").and_then(Value::as_u64) != Some(2) {
            return Err("the image manifest has no schemaVersion 2".to_owned());
        }
        if has("manifests") && (has("layers") || has("config") || has("fsLayers")) {
            return Err("the body is an index and an image manifest at once".to_owned());
        }
        let media_type = media_type(&object, content_type)?;
        match media_type.as_str() {
            OCI_INDEX | DOCKER_LIST => Ok(Self::Index {
                children: children(&object)?,
                annotations: annotations(&object),
                media_type,
            }),
            OCI_MANIFEST | DOCKER_MANIFEST => Ok(Self::Image {
                config: object
                    .get("config")
                    .and_then(Value::as_object)
                    .ok_or("the image manifest names no configuration")
                    .map_err(str::to_owned)
                    .and_then(descriptor)?,
                layers: layers(&object),
                annotations: annotations(&object),
                media_type,
            }),
            other => Err(format!(
                "the media type {} is not an image's",
                crate::registry::error::clean(other)
            )),
        }
    }

    pub fn media_type(&self) -> &str {
        match self {
            Self::Index { media_type, .. } | Self::Image { media_type, .. } => media_type,
        }
    }
}

/// The field and the header must agree where both are there; OCI lets the field be absent.
fn media_type(object: &Map<String, Value>, header: Option<&str>) -> Result<String, String> {
    let header = header
        .map(|text| {
            text.split(';')
                .next()
                .unwrap_or_default()
                .trim()
                .to_ascii_lowercase()
        })
        .filter(|text| !text.is_empty());
    let field = match object.get("mediaType") {
        Some(Value::String(text)) => Some(text.clone()),
        Some(_) => return Err("the image manifest's mediaType is no string".to_owned()),
        None => None,
    };
    match (field, header) {
        (Some(field), Some(header)) if field != header => Err(format!(
            "the image manifest says it is {}, its Content-Type says {}",
            crate::registry::error::clean(&field),
            crate::registry::error::clean(&header)
        )),
        (Some(text), _) | (None, Some(text)) => Ok(text),
        (None, None) => Err("the image manifest has no media type".to_owned()),
    }
}

fn children(object: &Map<String, Value>) -> Result<Vec<Descriptor>, String> {
    let children = object
        .get("manifests")
        .and_then(Value::as_array)
        .ok_or("the index names no images")?;
    if children.is_empty() {
        return Err("the index names no images".to_owned());
    }
    if children.len() > MOST_CHILDREN {
        return Err(format!(
            "the index names {} images; at most {MOST_CHILDREN} are looked at",
            children.len()
        ));
    }
    children
        .iter()
        .map(|child| {
            child
                .as_object()
                .ok_or_else(|| "the index holds something that is no descriptor".to_owned())
                .and_then(descriptor)
        })
        .collect()
}

fn layers(object: &Map<String, Value>) -> Vec<Descriptor> {
    let layers = object.get("layers").and_then(Value::as_array);
    layers
        .into_iter()
        .flatten()
        .take(MOST_LAYERS)
        .filter_map(|layer| descriptor(layer.as_object()?).ok())
        .collect()
}

/// Those that are text; nothing is decided by them.
fn annotations(object: &Map<String, Value>) -> BTreeMap<String, String> {
    let annotations = object.get("annotations").and_then(Value::as_object);
    configuration::pairs(
        annotations
            .into_iter()
            .flatten()
            .filter_map(|(key, value)| Some((key.as_str(), value.as_str()?))),
    )
}

fn descriptor(object: &Map<String, Value>) -> Result<Descriptor, String> {
    let digest = object
        .get("digest")
        .and_then(Value::as_str)
        .ok_or("a descriptor has no digest")?
        .parse()
        .map_err(|error| format!("a descriptor's digest cannot be used: {error}"))?;
    let size = object
        .get("size")
        .and_then(Value::as_u64)
        .ok_or("a descriptor has no size")?;
    let platform = object
        .get("platform")
        .and_then(Value::as_object)
        .and_then(platform);
    let is_attestation = object
        .get("annotations")
        .and_then(|annotations| annotations.get("vnd.docker.reference.type"))
        .is_some();
    let media_type = object
        .get("mediaType")
        .and_then(Value::as_str)
        .map(crate::registry::error::clean)
        .unwrap_or_default();
    Ok(Descriptor {
        digest,
        media_type,
        size,
        platform,
        is_attestation,
    })
}

fn platform(object: &Map<String, Value>) -> Option<Platform> {
    let text = |key: &str| {
        object
            .get(key)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
            .map(crate::registry::error::clean)
    };
    Some(Platform {
        os: text("os")?,
        architecture: text("architecture")?,
        variant: text("variant"),
    })
}

/// JSON in which no object names a key twice, and no two keys of one object differ in case only
/// (Go's reader takes them for the same).
pub(super) struct Unambiguous(pub Value);

impl<'de> Deserialize<'de> for Unambiguous {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UnambiguousVisitor)
    }
}

struct UnambiguousVisitor;

impl<'de> Visitor<'de> for UnambiguousVisitor {
    type Value = Unambiguous;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Unambiguous, A::Error> {
        let mut object = Map::new();
        let mut seen = BTreeSet::new();
        while let Some((key, Unambiguous(value))) = access.next_entry::<String, Unambiguous>()? {
            if !seen.insert(key.to_lowercase()) {
                return Err(A::Error::custom(format!(
                    "the key `{}` stands twice",
                    crate::registry::error::clean(&key)
                )));
            }
            object.insert(key, value);
        }
        Ok(Unambiguous(Value::Object(object)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Unambiguous, A::Error> {
        let mut items = Vec::new();
        while let Some(Unambiguous(item)) = access.next_element()? {
            items.push(item);
        }
        Ok(Unambiguous(Value::Array(items)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Unambiguous, E> {
        Ok(Unambiguous(Value::String(text.to_owned())))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Unambiguous, E> {
        Ok(Unambiguous(number.into()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Unambiguous, E> {
        Ok(Unambiguous(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Unambiguous, E> {
        Ok(Unambiguous(number.into()))
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Unambiguous, E> {
        Ok(Unambiguous(Value::Bool(truth)))
    }

    fn visit_unit<E>(self) -> Result<Unambiguous, E> {
        Ok(Unambiguous(Value::Null))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex() -> String {
        format!("sha256:{}", "ab".repeat(32))
    }

    fn image() -> String {
        format!(
            r#"{{"schemaVersion":2,"mediaType":"{OCI_MANIFEST}","config":{{"digest":"{}","size":2}},"layers":[]}}"#,
            hex()
        )
    }

    #[test]
    fn images_and_indices_are_told_apart() {
        let read = ImageManifest::read(
            image().as_bytes(),
            Some("application/vnd.oci.image.manifest.v1+json; charset=utf-8"),
        );
        assert!(matches!(read, Ok(ImageManifest::Image { .. })), "{read:?}");
        let index = format!(
            r#"{{"schemaVersion":2,"manifests":[{{"digest":"{}","size":7,"platform":{{"os":"linux","architecture":"arm","variant":"v7"}}}}]}}"#,
            hex()
        );
        let read = ImageManifest::read(index.as_bytes(), Some(OCI_INDEX)).unwrap();
        let ImageManifest::Index { children, .. } = &read else {
            panic!("{read:?}")
        };
        assert_eq!(
            children[0].platform.as_ref().unwrap().to_string(),
            "linux/arm/v7"
        );
        assert_eq!(read.media_type(), OCI_INDEX);
    }

    #[test]
    fn cve_2021_41190_ambiguous_bodies_are_refused() {
        let hex = hex();
        let both = format!(
            r#"{{"schemaVersion":2,"manifests":[{{"digest":"{hex}","size":1}}],"layers":[]}}"#
        );
        let twice = image().replace("\"layers\":[]", "\"layers\":[],\"config\":{}");
        let case = image().replace("\"layers\":[]", "\"layers\":[],\"Config\":{}");
        let deep = format!(
            r#"{{"schemaVersion":2,"x":{}1{}}}"#,
            "[".repeat(10_000),
            "]".repeat(10_000)
        );
        for (body, content_type, reason) in [
            (both.as_str(), Some(OCI_INDEX), "at once"),
            (&twice, Some(OCI_MANIFEST), "stands twice"),
            (&case, Some(OCI_MANIFEST), "stands twice"),
            (&deep, Some(OCI_MANIFEST), "recursion limit"),
            (&image(), Some(DOCKER_MANIFEST), "Content-Type says"),
            (&image(), Some(OCI_INDEX), "Content-Type says"),
            (
                r#"{"schemaVersion":1,"name":"x"}"#,
                Some(DOCKER_MANIFEST),
                "schema 1",
            ),
            (r#"{"schemaVersion":2}"#, Some(OCI_INDEX), "names no images"),
            (
                r#"{"schemaVersion":2}"#,
                Some(OCI_MANIFEST),
                "no configuration",
            ),
            (
                r#"{"schemaVersion":2}"#,
                Some("text/html"),
                "not an image's",
            ),
            (r#"{"schemaVersion":2}"#, None, "no media type"),
            (r#"{"schemaVersion":2,"mediaType":7}"#, None, "no string"),
            ("{}", Some(OCI_MANIFEST), "no schemaVersion"),
            ("[]", Some(OCI_MANIFEST), "no JSON object"),
            ("<html>", Some(OCI_MANIFEST), "cannot be read"),
            ("", Some(OCI_MANIFEST), "cannot be read"),
        ] {
            let error = ImageManifest::read(body.as_bytes(), content_type).unwrap_err();
            assert!(error.contains(reason), "{body:.80}: {error}");
        }
    }
}
