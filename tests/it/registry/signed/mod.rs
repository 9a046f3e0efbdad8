//! Whether an image is signed: signatures by `openssl` and by cosign itself, beside images in
//! registries with and without the referrers API, and what hostile ones lay there.

mod bundles;
mod cosign;
mod endless;
mod keys;
mod outages;
mod tags;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use headwater::image::{Digest, PublicKey, Reference};
use headwater::lookup::{Answer, Question, Resolution, SignatureFlaw, SignedBy, SignedQuestion};
use headwater::registry::Registries;
use serde_json::{Value, json};

use crate::registry::{OCI_INDEX, OCI_MANIFEST, options, registries};
use crate::support::oci::{FerroRegistry, push_blob, push_manifest};
use crate::support::registry::DockerRegistry;
use crate::support::signer::Signer;

const REPOSITORY: &str = "acme/web";
const PAYLOAD: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
const SIGNATURE: &str = "dev.cosignproject.cosign/signature";
const COSIGN_2: &str = "application/vnd.dev.cosign.artifact.sig.v1+json";
const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
const PREDICATE: &str = "dev.sigstore.bundle.predicateType";
const SIGNED: &str = "https://sigstore.dev/cosign/sign/v1";
const IN_TOTO: &str = "application/vnd.in-toto+json";

/// A real registry.
struct Place {
    host: String,
    /// What the tags of referrers list, where there is no API.
    listed: RefCell<BTreeMap<Digest, Vec<Value>>>,
    has_api: bool,
    docker: Option<DockerRegistry>,
    _ferro: Option<FerroRegistry>,
}

impl Place {
    /// Debian's docker-registry: the referrers stand under a tag.
    fn with_tags() -> Self {
        let registry = DockerRegistry::start();
        Self {
            host: registry.host(),
            listed: RefCell::default(),
            has_api: false,
            docker: Some(registry),
            _ferro: None,
        }
    }

    fn with_api() -> Self {
        let registry = FerroRegistry::start();
        Self {
            host: registry.host(),
            listed: RefCell::default(),
            has_api: true,
            docker: None,
            _ferro: Some(registry),
        }
    }

    fn both() -> [Self; 2] {
        [Self::with_tags(), Self::with_api()]
    }

    /// An image of its own for each seed.
    fn image(&self, seed: &str) -> Digest {
        self.push(
            "",
            &self.manifest(&[(json!({"mediaType": "x"}), seed.as_bytes())]),
        )
    }

    /// A manifest of these layers; what is known of a blob is added to its descriptor.
    fn manifest(&self, layers: &[(Value, &[u8])]) -> Value {
        let layers: Vec<Value> = layers
            .iter()
            .map(|(descriptor, blob)| {
                let digest = push_blob(&self.host, REPOSITORY, blob);
                let mut descriptor = descriptor.clone();
                descriptor["digest"] = json!(digest.to_string());
                descriptor["size"] = json!(blob.len());
                descriptor
            })
            .collect();
        let config = push_blob(&self.host, REPOSITORY, b"{}");
        json!({
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": {
                "mediaType": "application/vnd.oci.empty.v1+json",
                "digest": config.to_string(),
                "size": 2,
            },
            "layers": layers,
        })
    }

    fn push(&self, tag: &str, manifest: &Value) -> Digest {
        let media_type = manifest["mediaType"].as_str().unwrap();
        let body = manifest.to_string().into_bytes();
        push_manifest(&self.host, REPOSITORY, tag, media_type, &body)
    }

    /// The image of signed payloads.
    fn payloads(&self, signed: &[(Vec<u8>, Value)]) -> Value {
        let layers: Vec<(Value, &[u8])> = signed
            .iter()
            .map(|(payload, signature)| {
                let annotations = json!({SIGNATURE: signature});
                let descriptor = json!({"mediaType": PAYLOAD, "annotations": annotations});
                (descriptor, payload.as_slice())
            })
            .collect();
        self.manifest(&layers)
    }

    /// Puts signed payloads where cosign 2 puts them.
    fn sign_under_tag(&self, image: &Digest, signed: &[(Vec<u8>, Value)]) {
        let tag = format!("sha256-{}.sig", image.encoded());
        self.push(&tag, &self.payloads(signed));
    }

    /// Puts a bundle where cosign 3 puts it.
    fn sign_by_bundle(&self, image: &Digest, bundle: &Value) {
        self.attach_bundle(image, bundle.to_string().as_bytes(), SIGNED);
    }

    fn attach_bundle(&self, image: &Digest, bundle: &[u8], predicate: &str) {
        let mut manifest = self.manifest(&[(json!({"mediaType": BUNDLE}), bundle)]);
        manifest["annotations"] = json!({PREDICATE: predicate});
        self.refer(image, BUNDLE, manifest);
    }

    /// Pushes what refers to an image; without the API, as clients do it then.
    fn refer(&self, image: &Digest, kind: &str, mut manifest: Value) {
        manifest["artifactType"] = json!(kind);
        manifest["subject"] =
            json!({"mediaType": OCI_MANIFEST, "digest": image.to_string(), "size": 1});
        let digest = self.push("", &manifest);
        let descriptor = json!({
            "mediaType": OCI_MANIFEST,
            "artifactType": kind,
            "digest": digest.to_string(),
            "size": manifest.to_string().len(),
        });
        self.list(image, descriptor);
    }

    fn list(&self, image: &Digest, descriptor: Value) {
        if self.has_api {
            return;
        }
        let mut listed = self.listed.borrow_mut();
        let listed = listed.entry(image.clone()).or_default();
        listed.push(descriptor);
        let index = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": listed});
        self.push(&format!("sha256-{}", image.encoded()), &index);
    }

    async fn ask(&self, image: &Digest, keys: &[PublicKey]) -> SignedBy {
        ask(&registries(options()), &self.host, image, keys)
            .await
            .unwrap()
    }

    async fn flaws(&self, image: &Digest, keys: &[PublicKey]) -> BTreeSet<SignatureFlaw> {
        match self.ask(image, keys).await {
            SignedBy::Others(flaws) => flaws,
            other => panic!("{other:?}"),
        }
    }
}

async fn ask(
    registries: &Registries,
    host: &str,
    image: &Digest,
    keys: &[PublicKey],
) -> Result<SignedBy, Resolution> {
    let reference: Reference = format!("{host}/{REPOSITORY}").parse().unwrap();
    let question = Question::Signed(SignedQuestion {
        repository: reference.repository,
        digest: image.clone(),
        keys: keys.to_vec(),
        insecure: false,
        secrets_of: None,
    });
    match registries.answer(&question).await {
        Answer::Signed(answer) => answer,
        other => panic!("{other:?}"),
    }
}

/// What cosign 2 signs.
fn payload(image: &Digest) -> Vec<u8> {
    payload_of("cosign container image signature", image)
}

fn payload_of(kind: &str, image: &Digest) -> Vec<u8> {
    json!({
        "critical": {
            "identity": {"docker-reference": "registry.example/acme/web"},
            "image": {"docker-manifest-digest": image.to_string()},
            "type": kind,
        },
        "optional": null,
    })
    .to_string()
    .into_bytes()
}

/// A payload with its signature.
fn signed(signer: &Signer, payload: Vec<u8>) -> (Vec<u8>, Value) {
    let signature = STANDARD.encode(signer.sign(&payload));
    (payload, json!(signature))
}

/// What cosign 3 signs.
fn statement(image: &Digest) -> Value {
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"digest": {"sha256": image.encoded()}}],
        "predicateType": SIGNED,
        "predicate": {},
    })
}

/// A bundle with a signed envelope.
fn envelope(signer: &Signer, statement: &Value) -> Value {
    let payload = statement.to_string();
    let signed = format!("DSSEv1 28 {IN_TOTO} {} {payload}", payload.len());
    assert_eq!(IN_TOTO.len(), 28);
    json!({
        "mediaType": BUNDLE,
        "verificationMaterial": {"publicKey": {"hint": "nobody asks"}},
        "dsseEnvelope": {
            "payload": STANDARD.encode(&payload),
            "payloadType": IN_TOTO,
            "signatures": [{"sig": STANDARD.encode(signer.sign(signed.as_bytes()))}],
        },
    })
}
