//! `image`: images in registries, without any stream.

mod info;
mod mirror;

use std::fs;
use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use headwater::image::Digest;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::layout::{OCI_MANIFEST, raw};
use crate::support::oci::{push_blob, push_manifest};
use crate::support::registry::{DockerRegistry, Setup, USER};
use crate::support::scene::Run;

const PLATFORMS: [&str; 3] = ["linux/amd64", "linux/arm64", "linux/arm/v7"];

/// Where somebody types commands.
struct Desk {
    home: TempDir,
    /// Hosts, and what stands for them in what is said.
    names: Vec<(String, &'static str)>,
}

impl Desk {
    fn new(names: &[(&str, &'static str)]) -> Self {
        Self {
            home: TempDir::new().unwrap(),
            names: names
                .iter()
                .map(|(host, name)| ((*host).to_owned(), *name))
                .collect(),
        }
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path = self.home.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// As `docker login` does it, in a file of this name.
    fn log_in(&self, file: &str, host: &str, password: &str) -> String {
        let auth = BASE64_STANDARD.encode(format!("{USER}:{password}"));
        let auths = json!({"auths": {host: {"auth": auth}}});
        self.write(file, &auths.to_string())
    }

    fn run(&self, words: &[&str]) -> Run {
        self.run_with(words, "")
    }

    fn run_with(&self, words: &[&str], stdin: &str) -> Run {
        let mut child = Command::new(env!("CARGO_BIN_EXE_headwater"))
            .arg("image")
            .args(words)
            .current_dir(self.home.path())
            .env_clear()
            .env("HOME", self.home.path())
            .env("NO_COLOR", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut pipe = child.stdin.take().unwrap();
        pipe.write_all(stdin.as_bytes()).unwrap();
        drop(pipe);
        self.ended(&child.wait_with_output().unwrap())
    }

    fn ended(&self, output: &Output) -> Run {
        let text = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes).into_owned();
            let named = self.names.iter();
            named.fold(text, |text, (host, name)| text.replace(host, name))
        };
        Run {
            code: output.status.code().unwrap_or(-1),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }
}

pub fn with_password() -> DockerRegistry {
    DockerRegistry::start_with(Setup {
        password: true,
        ..Setup::default()
    })
}

/// What skopeo finds there.
pub fn there(reference: &str, needs_login: bool) -> Digest {
    Digest::of(&raw(reference, needs_login))
}

/// The tags that the registry's files have.
pub fn tags(registry: &DockerRegistry, repository: &str) -> Vec<String> {
    let folder = format!("docker/registry/v2/repositories/{repository}/_manifests/tags");
    let Ok(entries) = fs::read_dir(registry.storage().join(folder)) else {
        return Vec::new();
    };
    let name = |entry: fs::DirEntry| entry.file_name().into_string().unwrap();
    let mut tags: Vec<String> = entries.map(|entry| name(entry.unwrap())).collect();
    tags.sort();
    tags
}

/// Digest and size of a manifest with a layer, in a repository of a host.
pub fn push_artifact(
    (host, repository): (&str, &str),
    tag: &str,
    extra: &Value,
) -> (Digest, usize) {
    let blob = |text: &str| {
        let digest = push_blob(host, repository, text.as_bytes());
        json!({"mediaType": "application/x", "digest": digest, "size": text.len()})
    };
    let mut manifest = json!({
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": blob("{}"),
        "layers": [blob("layer")],
    });
    let members = manifest.as_object_mut().unwrap();
    members.extend(extra.as_object().unwrap().clone());
    let body = manifest.to_string();
    let digest = push_manifest(host, repository, tag, OCI_MANIFEST, body.as_bytes());
    (digest, body.len())
}
