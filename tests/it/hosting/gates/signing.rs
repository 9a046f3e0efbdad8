//! Signatures of what is promoted and of what is imported.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use headwater::image::Digest;
use serde_json::{Value, json};

use crate::hosting::gates::{TO_PROD, shop};
use crate::support::oci::{push_blob, push_manifest};
use crate::support::scene::{Scene, deployment, stream};
use crate::support::signer::{KeyKind, Signer};

const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
const SIGNED: &str = "https://sigstore.dev/cosign/sign/v1";
const IN_TOTO: &str = "application/vnd.in-toto+json";

fn gates(signer: &Signer) -> String {
    let pem = signer.pem(&[]).replace('\n', "\\n");
    format!("gates: {{signature: {{keys: [\"{pem}\"]}}}}")
}

fn manifest(host: &str, mut layer: Value, blob: &[u8]) -> Value {
    layer["digest"] = json!(push_blob(host, "acme/web", blob).to_string());
    layer["size"] = json!(blob.len());
    json!({
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {
            "mediaType": "application/vnd.oci.empty.v1+json",
            "digest": push_blob(host, "acme/web", b"{}").to_string(),
            "size": 2,
        },
        "layers": [layer],
    })
}

fn push(scene: &Scene, tag: &str, kind: &str, manifest: &Value) -> Digest {
    let body = manifest.to_string().into_bytes();
    push_manifest(&scene.registry.host(), "acme/web", tag, kind, &body)
}

/// As cosign 2 does it.
fn sign_under_tag(scene: &Scene, image: &Digest, signer: &Signer) {
    let payload = json!({
        "critical": {
            "identity": {"docker-reference": "registry.example/acme/web"},
            "image": {"docker-manifest-digest": image.to_string()},
            "type": "cosign container image signature",
        },
        "optional": null,
    });
    let payload = payload.to_string().into_bytes();
    let signature = STANDARD.encode(signer.sign(&payload));
    let layer = json!({
        "mediaType": "application/vnd.dev.cosign.simplesigning.v1+json",
        "annotations": {"dev.cosignproject.cosign/signature": signature},
    });
    let signed = manifest(&scene.registry.host(), layer, &payload);
    let tag = format!("sha256-{}.sig", image.encoded());
    push(scene, &tag, OCI_MANIFEST, &signed);
}

/// As cosign 3 does it, in a registry without the referrers API.
fn sign_by_bundle(scene: &Scene, image: &Digest, signer: &Signer) {
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"digest": {"sha256": image.encoded()}}],
        "predicateType": SIGNED,
        "predicate": {},
    });
    let payload = statement.to_string();
    let signed = format!("DSSEv1 28 {IN_TOTO} {} {payload}", payload.len());
    let bundle = json!({
        "mediaType": BUNDLE,
        "verificationMaterial": {"publicKey": {"hint": "nobody asks"}},
        "dsseEnvelope": {
            "payload": STANDARD.encode(&payload),
            "payloadType": IN_TOTO,
            "signatures": [{"sig": STANDARD.encode(signer.sign(signed.as_bytes()))}],
        },
    });
    let blob = bundle.to_string().into_bytes();
    let host = scene.registry.host();
    let mut referrer = manifest(&host, json!({"mediaType": BUNDLE}), &blob);
    referrer["annotations"] = json!({"dev.sigstore.bundle.predicateType": SIGNED});
    referrer["artifactType"] = json!(BUNDLE);
    referrer["subject"] =
        json!({"mediaType": OCI_MANIFEST, "digest": image.to_string(), "size": 1});
    let digest = push(scene, "", OCI_MANIFEST, &referrer);
    let listed = json!({
        "mediaType": OCI_MANIFEST,
        "artifactType": BUNDLE,
        "digest": digest.to_string(),
        "size": referrer.to_string().len(),
    });
    let index = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [listed]});
    push(
        scene,
        &format!("sha256-{}", image.encoded()),
        OCI_INDEX,
        &index,
    );
}

#[test]
fn only_what_the_key_has_signed_is_promoted() {
    let (signer, other) = (Signer::new(KeyKind::P256), Signer::new(KeyKind::P256));
    for sign in [sign_under_tag, sign_by_bundle] {
        let scene = shop(&gates(&signer));
        let image = scene.image("acme/web", "1", "second");
        scene.reconcile().exits(0);
        scene.reconcile().exits(0).says("waits for signature");
        scene.is_settled();
        sign(&scene, &image, &other);
        scene.reconcile().exits(0).says("waits for signature");
        assert_eq!(scene.bot_branches(), [""; 0]);
        sign(&scene, &image, &signer);
        scene.reconcile().exits(0);
        assert_eq!(scene.bot_branches(), [TO_PROD]);
        scene.is_settled();
    }
}

#[test]
fn only_what_the_key_has_signed_is_imported() {
    let (signer, other) = (Signer::new(KeyKind::P256), Signer::new(KeyKind::P256));
    let config = format!(
        "apiVersion: headwater.dev/v1alpha1
kind: Config
spec:
  environments: [{{name: prod, {}}}]
",
        gates(&signer)
    );
    for sign in [sign_under_tag, sign_by_bundle] {
        let scene = Scene::new();
        let image = scene.image("acme/web", "1", "first");
        scene.commit(
            &[
                ("headwater.yaml", &config),
                ("streams/web.yaml", &stream("shop", "web", "1")),
                ("apps/web.yaml", &deployment("shop", "web", "1")),
            ],
            "the shop",
        );
        scene.reconcile().exits(0).says("waits for signature");
        scene.is_settled();
        sign(&scene, &image, &other);
        scene.reconcile().exits(0).says("waits for signature");
        assert_eq!(scene.bot_branches(), [""; 0]);
        sign(&scene, &image, &signer);
        scene.reconcile().exits(0);
        assert_eq!(scene.bot_branches().len(), 1);
        scene.is_settled();
    }
}
