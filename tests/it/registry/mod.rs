//! Tag to digest and images from one to another, against real registries and hostile ones.

mod catalog;
mod copy;
mod credentials;
mod describe;
mod digests;
mod facts;
mod faults;
mod real;
mod redirects;
mod secrets;
mod signed;
mod tags;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use headwater::image::{Digest, Reference, Tag};
use headwater::lookup::{Answer, Fault, Found, Lookup, Question, Resolution, Wanted};
use headwater::registry::{CredentialSource, Registries, RegistryOptions, Retry};
use headwater::stream::ImportMode;
use serde_json::json;

use crate::support::scripted::Reply;

pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
const SECRET: &str = "canary-secret";

/// A question about a reference as people write it.
fn lookup(reference: &str) -> Lookup {
    let reference: Reference = reference.parse().unwrap();
    Lookup {
        wanted: match (reference.digest, reference.tag) {
            (Some(digest), _) => Wanted::Digest(digest),
            (None, Some(tag)) => Wanted::Tag(tag),
            (None, None) => Wanted::Tag(Tag::latest()),
        },
        repository: reference.repository,
        import_mode: ImportMode::PreserveOriginal,
        platforms: Vec::new(),
        insecure: false,
        secrets_of: None,
        known: BTreeSet::new(),
        chosen: BTreeMap::new(),
    }
}

fn known(reference: &str, digest: &Digest) -> Lookup {
    Lookup {
        known: BTreeSet::from([digest.clone()]),
        ..lookup(reference)
    }
}

/// The waits that were asked for; none is waited.
#[derive(Clone, Debug, Default)]
struct Waits(Arc<Mutex<Vec<Duration>>>);

impl Waits {
    fn retry(&self) -> Retry {
        let waits = self.clone();
        Retry {
            pause: Arc::new(move |wait| {
                waits.0.lock().unwrap().push(wait);
                Box::pin(std::future::ready(()))
            }),
            ..Retry::default()
        }
    }

    fn longest(&self) -> Duration {
        self.0
            .lock()
            .unwrap()
            .iter()
            .max()
            .copied()
            .unwrap_or_default()
    }
}

/// Without waiting between tries.
fn options() -> RegistryOptions {
    RegistryOptions {
        retry: Waits::default().retry(),
        ..RegistryOptions::default()
    }
}

/// With a login for one host.
fn options_with_login(host: &str) -> RegistryOptions {
    RegistryOptions {
        credentials: CredentialSource::none().with_password(host, "user", SECRET.into()),
        ..options()
    }
}

fn registries(options: RegistryOptions) -> Registries {
    Registries::new(options).unwrap()
}

/// Which images these are, all asked at once.
async fn resolve_all(registries: &Registries, lookups: &[Lookup]) -> Vec<Resolution> {
    let questions: Vec<Question> = lookups.iter().cloned().map(Question::Image).collect();
    let answers = registries.answer_all(&questions, || {}).await;
    answers.into_iter().filter_map(Answer::image).collect()
}

/// Debug output may go to logs: nothing secret stands there.
fn assert_no_secret(value: &impl std::fmt::Debug) {
    let text = format!("{value:?}");
    assert!(!text.contains(SECRET), "{text}");
}

fn found(resolution: &Resolution) -> &Digest {
    match resolution {
        Resolution::Found(Found { digest, .. }) => digest,
        other => panic!("{other:?}"),
    }
}

fn fault<'a>(resolution: &'a Resolution, kind: &str) -> &'a Fault {
    assert_eq!(resolution.kind(), kind, "{resolution:?}");
    assert_no_secret(resolution);
    resolution.fault().unwrap()
}

/// A small image manifest.
fn image_body(seed: &str) -> String {
    json!({
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {"mediaType": "x", "digest": Digest::of(seed.as_bytes()).to_string(), "size": 1},
        "layers": [],
    })
    .to_string()
}

/// A whole and honest answer with an image.
fn image_reply(seed: &str) -> Reply {
    manifest_reply(OCI_MANIFEST, &image_body(seed))
}

fn manifest_reply(media_type: &str, body: &str) -> Reply {
    Reply::ok(media_type, body).header(
        "docker-content-digest",
        Digest::of(body.as_bytes()).as_str(),
    )
}

/// A file for the length of a test.
fn file(folder: &tempfile::TempDir, name: &str, text: &str) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    path
}
