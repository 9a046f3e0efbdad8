//! What an image manifest consists of, read strictly: what is not understood is not copied.

use serde_json::{Map, Value};

use crate::image::{Digest, Platform};
use crate::registry::image_manifest::{self, ImageManifest};

/// Layers of one image; Docker makes at most 127.
const MOST_LAYERS: usize = 1024;
/// Layers that stay where they are: their licence or their owner does not let them be pushed (OCI
/// image specification, "Non-Distributable Layers"; Docker's schema 2, "foreign").
const FOREIGN: [&str; 2] = [
    "application/vnd.docker.image.rootfs.foreign.diff.tar",
    "application/vnd.oci.image.layer.nondistributable.v1.tar",
];

/// A configuration or a layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Blob {
    pub digest: Digest,
    pub size: u64,
}

/// What an index names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Child {
    pub digest: Digest,
    pub size: u64,
    pub platform: Option<Platform>,
    pub is_index: bool,
    /// BuildKit's, of the image with this digest.
    pub attests: Option<String>,
    pub is_attestation: bool,
    /// As it stands in the index.
    pub raw: Value,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Parts {
    /// To be copied; no foreign layers.
    pub blobs: Vec<Blob>,
    /// None: a single image.
    pub children: Option<Vec<Child>>,
    pub subject: Option<Digest>,
    /// Of the manifest as a referrer; else of its configuration.
    pub artifact_type: Option<String>,
    pub annotations: Option<Value>,
}

impl Parts {
    /// Reads a body that [`ImageManifest`] has read before: unambiguous JSON of a known type.
    pub fn read(body: &[u8], manifest: &ImageManifest) -> Result<Self, String> {
        let object: Map<String, Value> =
            serde_json::from_slice(body).map_err(|error| error.to_string())?;
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        let subject = match object.get("subject") {
            None | Some(Value::Null) => None,
            Some(subject) => Some(digest_of(subject)?),
        };
        let mut parts = Self {
            subject,
            artifact_type: text(object.get("artifactType")),
            annotations: object.get("annotations").cloned(),
            ..Self::default()
        };
        match manifest {
            ImageManifest::Index { children, .. } => {
                let raw = object.get("manifests").and_then(Value::as_array);
                let raw = raw.into_iter().flatten();
                parts.children = Some(children.iter().zip(raw).map(child).collect());
            }
            ImageManifest::Image { config, .. } => {
                parts.blobs.push(Blob {
                    digest: config.digest.clone(),
                    size: config.size,
                });
                let kind = object.get("config").and_then(|kind| kind.get("mediaType"));
                parts.artifact_type = parts.artifact_type.take().or(text(kind));
                parts.blobs.extend(layers(&object)?);
            }
        }
        Ok(parts)
    }
}

fn child((read, raw): (&image_manifest::Descriptor, &Value)) -> Child {
    let annotation = |key: &str| raw.get("annotations").and_then(|all| all.get(key));
    Child {
        digest: read.digest.clone(),
        size: read.size,
        platform: read.platform.clone(),
        is_index: matches!(
            read.media_type.as_str(),
            image_manifest::OCI_INDEX | image_manifest::DOCKER_LIST
        ),
        attests: annotation("vnd.docker.reference.digest")
            .and_then(Value::as_str)
            .map(str::to_owned),
        is_attestation: read.is_attestation,
        raw: raw.clone(),
    }
}

fn layers(object: &Map<String, Value>) -> Result<Vec<Blob>, String> {
    let layers = match object.get("layers") {
        // The image specification wants the list; artifacts have been made without.
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(layers)) => layers,
        Some(_) => return Err("the image manifest's layers are no list".to_owned()),
    };
    if layers.len() > MOST_LAYERS {
        return Err(format!(
            "the image has {} layers; at most {MOST_LAYERS} are copied",
            layers.len()
        ));
    }
    layers
        .iter()
        .filter(|layer| !is_foreign(layer))
        .map(|layer| {
            Ok(Blob {
                digest: digest_of(layer)?,
                size: layer
                    .get("size")
                    .and_then(Value::as_u64)
                    .ok_or("a layer has no size")?,
            })
        })
        .collect()
}

/// Its addresses are never asked (CVE-2020-15157).
fn is_foreign(layer: &Value) -> bool {
    let has_urls = layer
        .get("urls")
        .and_then(Value::as_array)
        .is_some_and(|urls| !urls.is_empty());
    let kind = layer.get("mediaType").and_then(Value::as_str);
    has_urls && kind.is_some_and(|kind| FOREIGN.iter().any(|foreign| kind.starts_with(foreign)))
}

fn digest_of(descriptor: &Value) -> Result<Digest, String> {
    descriptor
        .get("digest")
        .and_then(Value::as_str)
        .ok_or("a descriptor has no digest")?
        .parse()
        .map_err(|error| format!("a descriptor's digest cannot be used: {error}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::registry::image_manifest::OCI_MANIFEST;

    fn read(extra: &Value) -> Result<Parts, String> {
        let mut manifest = json!({
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": {"mediaType": "a/config", "digest": Digest::of(b"c").as_str(), "size": 1},
        });
        let object = manifest.as_object_mut().unwrap();
        object.extend(extra.as_object().unwrap().clone());
        let body = manifest.to_string().into_bytes();
        Parts::read(&body, &ImageManifest::read(&body, None)?)
    }

    #[test]
    fn foreign_layers_are_no_blobs_to_copy() {
        let layer = |kind: &str, urls: Value| json!({"mediaType": kind, "digest": Digest::of(b"l").as_str(), "size": 1, "urls": urls});
        let foreign = format!("{}.gzip", FOREIGN[0]);
        for (layer, is_copied) in [
            (layer(&foreign, json!(["https://x.example/l"])), false),
            (layer(FOREIGN[1], json!(["https://x.example/l"])), false),
            // There is no other place to have it from.
            (layer(FOREIGN[1], json!([])), true),
            // The addresses of an ordinary layer are not asked; the registry has it.
            (layer("a/layer", json!(["https://x.example/l"])), true),
        ] {
            let parts = read(&json!({"layers": [layer]})).unwrap();
            assert_eq!(parts.blobs.len() == 2, is_copied, "{layer}");
        }
    }

    #[test]
    fn what_is_not_understood_is_no_image() {
        let many = vec![json!({"digest": Digest::of(b"l").as_str(), "size": 1}); 1025];
        for (extra, reason) in [
            (json!({"layers": {}}), "no list"),
            (json!({"layers": [{"size": 1}]}), "no digest"),
            (
                json!({"layers": [{"digest": "sha256:x", "size": 1}]}),
                "cannot be used",
            ),
            (
                json!({"layers": [{"digest": Digest::of(b"l").as_str(), "size": -1}]}),
                "no size",
            ),
            (json!({"layers": many}), "at most 1024"),
            (json!({"subject": {}}), "no digest"),
        ] {
            let error = read(&extra).unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
        let parts = read(&json!({"subject": {"digest": Digest::of(b"s").as_str()}})).unwrap();
        assert_eq!(parts.subject, Some(Digest::of(b"s")));
        assert_eq!(parts.artifact_type.as_deref(), Some("a/config"));
    }
}
