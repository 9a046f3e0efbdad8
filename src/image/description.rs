use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::image::{Digest, Platform, Tag};

/// What a registry says of an image, all of it read by the one digest and hashed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Description {
    pub digest: Digest,
    pub media_type: String,
    /// Of the image manifest or index itself, in bytes.
    pub size: u64,
    /// The images of an index, in its order; empty for a single image.
    pub images: Vec<PlatformImage>,
    /// Of an index: the one of its images that import mode Legacy would take, and that the layers
    /// and the configuration are of.
    pub chosen: Option<Digest>,
    /// Of the single image, or of the chosen one, the base first.
    pub layers: Vec<Layer>,
    /// None where it is no container image's, or cannot be read.
    pub configuration: Option<Configuration>,
    /// Of the single image's manifest, or of the chosen one's.
    pub annotations: BTreeMap<String, String>,
    /// Of the index itself; empty for a single image.
    pub index_annotations: BTreeMap<String, String>,
}

/// What can be told of an image that is proposed, all of it of the one digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageFacts {
    pub description: Description,
    pub signature: Signature,
}

/// Whether a signature lies beside an image. It is not verified: found is a fact, no trust.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signature {
    Found,
    NotFound,
    /// The registry did not say, or said more than is read.
    Unknown,
}

/// What refers to an image: a signature, an SBOM, an attestation. Its word is not verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Referrer {
    pub digest: Digest,
    /// As the registry lists it.
    pub artifact_type: Option<String>,
    /// What a Sigstore bundle says that it states.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub predicate: Option<String>,
    /// Where cosign has set a tag instead of a reference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<Tag>,
}

/// One image of an index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlatformImage {
    pub digest: Digest,
    pub media_type: String,
    pub size: u64,
    /// None: attestations, and images that name none.
    pub platform: Option<Platform>,
}

/// One layer of an image, as it is stored: compressed, mostly.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Layer {
    pub digest: Digest,
    pub media_type: String,
    pub size: u64,
}

/// The part of an image's configuration that people ask for (OCI image specification, "Image
/// configuration"; OpenShift's `DockerImage`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Configuration {
    /// Of the configuration itself: what Docker calls the image's id.
    pub digest: Digest,
    /// In bytes.
    pub size: u64,
    pub platform: Option<Platform>,
    /// As the image says, RFC 3339; many builders write 1970.
    pub created: Option<String>,
    pub author: Option<String>,
    /// The Docker that built the image; current builders write none.
    pub docker_version: Option<String>,
    pub user: Option<String>,
    pub working_dir: Option<String>,
    pub entrypoint: Vec<String>,
    pub command: Vec<String>,
    /// `NAME=value`
    pub environment: Vec<String>,
    /// `8080/tcp`, in order.
    pub exposed_ports: Vec<String>,
    /// Paths, in order.
    pub volumes: Vec<String>,
    pub labels: BTreeMap<String, String>,
    /// `SIGTERM` where none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_signal: Option<String>,
    /// What Docker runs to see whether it is well; Kubernetes does not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub healthcheck: Vec<String>,
}

impl Description {
    /// The configuration, and each layer once (library-go `pkg/image/imageutil`); none where
    /// there is no image to speak of.
    pub fn image_size(&self) -> Option<u64> {
        let configuration = self.configuration.as_ref()?;
        let mut counted = BTreeSet::new();
        let layers = self
            .layers
            .iter()
            .filter(|layer| counted.insert(&layer.digest));
        Some(layers.fold(configuration.size, |sum, layer| {
            sum.saturating_add(layer.size)
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layer_that_stands_twice_counts_once() {
        let layer = |name: &str, size| Layer {
            digest: Digest::of(name.as_bytes()),
            media_type: String::new(),
            size,
        };
        let mut description = Description {
            digest: Digest::of(b"image"),
            media_type: String::new(),
            size: 1000,
            images: Vec::new(),
            chosen: None,
            layers: vec![layer("a", 10), layer("b", 20), layer("a", 10)],
            configuration: Some(Configuration {
                digest: Digest::of(b"configuration"),
                size: 5,
                platform: None,
                created: None,
                author: None,
                docker_version: None,
                user: None,
                working_dir: None,
                entrypoint: Vec::new(),
                command: Vec::new(),
                environment: Vec::new(),
                exposed_ports: Vec::new(),
                volumes: Vec::new(),
                labels: BTreeMap::new(),
                stop_signal: None,
                healthcheck: Vec::new(),
            }),
            annotations: BTreeMap::new(),
            index_annotations: BTreeMap::new(),
        };
        assert_eq!(description.image_size(), Some(35));
        description.layers.push(layer("c", u64::MAX));
        assert_eq!(description.image_size(), Some(u64::MAX));
        description.configuration = None;
        assert_eq!(description.image_size(), None);
    }
}
