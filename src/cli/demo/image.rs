//! A real image that is as small as an image can be.

use serde_json::json;

use crate::image::Digest;

pub const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";

/// The parts of an image, as a registry takes them.
#[derive(Debug)]
pub struct Image {
    pub layer: Vec<u8>,
    pub config: Vec<u8>,
    pub manifest: Vec<u8>,
}

impl Image {
    /// The same version gives the same bytes.
    pub fn new(version: &str) -> Self {
        // An archive without files: the two blocks of zeros at the end of every tar.
        let layer = vec![0; 1024];
        let config = json!({
            "os": "linux",
            "architecture": "amd64",
            "config": {"Labels": {"org.opencontainers.image.version": version}},
            "rootfs": {"type": "layers", "diff_ids": [Digest::of(&layer)]},
        })
        .to_string()
        .into_bytes();
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "digest": Digest::of(&config),
                "size": config.len(),
            },
            "layers": [{
                "mediaType": "application/vnd.oci.image.layer.v1.tar",
                "digest": Digest::of(&layer),
                "size": layer.len(),
            }],
        })
        .to_string()
        .into_bytes();
        Self {
            layer,
            config,
            manifest,
        }
    }

    pub fn digest(&self) -> Digest {
        Digest::of(&self.manifest)
    }
}
