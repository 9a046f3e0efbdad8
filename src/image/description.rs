use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::image::{Digest, Platform};

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
    /// Of the single image, or of the one of an index that import mode Legacy would take. None
    /// where it is no container image's, or cannot be read.
    pub configuration: Option<Configuration>,
}

/// One image of an index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlatformImage {
    pub digest: Digest,
    pub size: u64,
    /// None: attestations, and images that name none.
    pub platform: Option<Platform>,
}

/// The part of an image's configuration that people ask for (OCI image specification, "Image
/// configuration").
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Configuration {
    pub platform: Option<Platform>,
    /// As the image says, RFC 3339; many builders write 1970.
    pub created: Option<String>,
    pub labels: BTreeMap<String, String>,
}
