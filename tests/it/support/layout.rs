//! Images on disk as the OCI image layout has them, and skopeo, which brings them to registries
//! and reads them there.

use std::fs;
use std::path::Path;
use std::process::Command;

use headwater::image::{Digest, Platform};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::registry::{PASSWORD, USER, configuration_of};

pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const OCI_LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// A layout in a folder of its own.
pub struct Layout {
    folder: TempDir,
    named: Vec<Value>,
}

impl Layout {
    pub fn new() -> Self {
        let folder = TempDir::new().unwrap();
        fs::create_dir_all(folder.path().join("blobs/sha256")).unwrap();
        let version = json!({"imageLayoutVersion": "1.0.0"}).to_string();
        fs::write(folder.path().join("oci-layout"), version).unwrap();
        Self {
            folder,
            named: Vec::new(),
        }
    }

    /// Its descriptor.
    pub fn blob(&self, media_type: &str, bytes: &[u8]) -> Value {
        let digest = Digest::of(bytes);
        let path = self.folder.path().join("blobs/sha256");
        fs::write(path.join(digest.encoded()), bytes).unwrap();
        json!({"mediaType": media_type, "digest": digest.as_str(), "size": bytes.len()})
    }

    /// The descriptor of an image for a platform with these layers.
    pub fn image(&self, platform: &str, layers: &[&[u8]]) -> Value {
        let platform: Platform = platform.parse().unwrap();
        let mut config = configuration_of(&platform.to_string(), &platform);
        let ids: Vec<Digest> = layers.iter().map(|layer| Digest::of(layer)).collect();
        config["rootfs"] = json!({"type": "layers", "diff_ids": ids});
        let layers: Vec<Value> = layers
            .iter()
            .map(|layer| self.blob(OCI_LAYER, layer))
            .collect();
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": self.blob(OCI_CONFIG, config.to_string().as_bytes()),
            "layers": layers,
        });
        let mut descriptor = self.blob(OCI_MANIFEST, manifest.to_string().as_bytes());
        descriptor["platform"] = json!(platform);
        descriptor
    }

    pub fn index(&self, children: &[Value]) -> Value {
        let index = json!({
            "schemaVersion": 2,
            "mediaType": OCI_INDEX,
            "manifests": children,
        });
        self.blob(OCI_INDEX, index.to_string().as_bytes())
    }

    /// Brings an image of the layout to a registry as it is.
    pub fn push(&mut self, image: &Value, to: &str) {
        self.push_by(image, to, "--preserve-digests");
    }

    /// As it is, or otherwise, by one of skopeo's options.
    pub fn push_by(&mut self, image: &Value, to: &str, option: &str) {
        let name = format!("n{}", self.named.len());
        let mut named = image.clone();
        named["annotations"] = json!({"org.opencontainers.image.ref.name": name});
        self.named.push(named);
        let index = json!({"schemaVersion": 2, "manifests": self.named});
        let folder = self.folder.path();
        fs::write(folder.join("index.json"), index.to_string()).unwrap();
        let from = format!("oci:{}:{name}", folder.display());
        let to = format!("docker://{to}");
        let words = [
            "copy",
            "--all",
            "--dest-tls-verify=false",
            option,
            &from,
            &to,
        ];
        skopeo(folder, &words);
    }
}

/// The image manifest of a reference, byte for byte as skopeo reads it.
pub fn raw(reference: &str, needs_login: bool) -> Vec<u8> {
    let folder = TempDir::new().unwrap();
    let login = format!("--creds={USER}:{PASSWORD}");
    let reference = format!("docker://{reference}");
    let mut words = vec!["inspect", "--raw", "--tls-verify=false"];
    if needs_login {
        words.push(&login);
    }
    words.push(&reference);
    skopeo(folder.path(), &words)
}

/// What skopeo prints; the test ends where it fails.
pub fn skopeo(home: &Path, words: &[&str]) -> Vec<u8> {
    let output = Command::new("skopeo")
        .arg("--insecure-policy")
        .args(words)
        .env_clear()
        .env("HOME", home)
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .output()
        .expect("skopeo is installed");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "skopeo {words:?}: {said}");
    output.stdout
}

/// Bytes that look like chance and are the same each time.
pub fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let words = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words.flatten().take(length).collect()
}
