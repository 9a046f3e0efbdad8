//! Copies that take long: they go on beside the passes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use headwater::image::Digest;
use serde_json::json;

use super::{Daemon, free_ports, get, text};
use crate::image::{tags, there};
use crate::registry::OCI_MANIFEST;
use crate::support::registry::DockerRegistry;
use crate::support::scene::{Scene, deployment};
use crate::support::scripted::{Reply, Scripted, Seen};
use crate::support::wait::until;

const LAYER: &[u8] = b"a layer that takes its time";

const SIGNATURE: &[u8] = b"a signature that takes its time";

/// A registry with one image, whose layer comes when it is let go, as does its signature's.
struct Slow {
    server: Scripted,
    digest: Digest,
    gate: Arc<(Mutex<bool>, Condvar)>,
    is_signed: Arc<AtomicBool>,
}

impl Slow {
    fn start() -> Self {
        let gate: Arc<(Mutex<bool>, Condvar)> = Arc::default();
        let described = |media_type: &str, blob: &[u8]| json!({"mediaType": media_type, "digest": Digest::of(blob), "size": blob.len()});
        let manifest = |layer: &[u8]| {
            json!({
                "schemaVersion": 2,
                "mediaType": OCI_MANIFEST,
                "config": described("application/vnd.oci.image.config.v1+json", b"{}"),
                "layers": [described("application/vnd.oci.image.layer.v1.tar", layer)],
            })
            .to_string()
        };
        let (manifest, signature) = (manifest(LAYER), manifest(SIGNATURE));
        let digest = Digest::of(manifest.as_bytes());
        let signed = Digest::of(signature.as_bytes());
        let image = digest.clone();
        let (held, is_signed) = (Arc::clone(&gate), Arc::<AtomicBool>::default());
        let signs = Arc::clone(&is_signed);
        let server = Scripted::start(move |seen: &Seen| {
            let path = seen.path.as_str();
            let name = path.rsplit('/').next().unwrap();
            for layer in [LAYER, SIGNATURE] {
                if path.contains("/blobs/") && name == Digest::of(layer).as_str() {
                    let (is_open, changed) = &*held;
                    let closed = is_open.lock().unwrap();
                    drop(changed.wait_while(closed, |is_open| !*is_open).unwrap());
                    return Reply::ok("application/octet-stream", layer);
                }
            }
            if name == signature_tag(&image) && signs.load(Ordering::Relaxed) {
                return Reply::ok(OCI_MANIFEST, signature.clone())
                    .header("docker-content-digest", signed.as_str());
            }
            match (path.contains("/blobs/"), name) {
                (_, "") => Reply::status(200),
                (true, _) => Reply::ok("application/octet-stream", b"{}".as_slice()),
                (false, name) if name == "1" || name == image.as_str() => {
                    Reply::ok(OCI_MANIFEST, manifest.clone())
                        .header("docker-content-digest", image.as_str())
                }
                _ => Reply::status(404),
            }
        });
        Self {
            server,
            digest,
            gate,
            is_signed,
        }
    }

    fn sign(&self) {
        self.is_signed.store(true, Ordering::Relaxed);
    }

    fn hold(&self) {
        *self.gate.0.lock().unwrap() = false;
    }

    fn let_go(&self) {
        let (is_open, changed) = &*self.gate;
        *is_open.lock().unwrap() = true;
        changed.notify_all();
    }
}

/// Whoever fails leaves no thread that waits.
impl Drop for Slow {
    fn drop(&mut self) {
        self.let_go();
    }
}

fn signature_tag(digest: &Digest) -> String {
    format!("{}.sig", digest.as_str().replace(':', "-"))
}

fn kept(name: &str, image: &str) -> String {
    format!(
        "apiVersion: image.openshift.io/v1
kind: ImageStream
metadata: {{name: {name}, namespace: shop}}
spec:
  tags:
    - name: \"1\"
      from: {{kind: DockerImage, name: \"{image}\"}}
      importPolicy: {{scheduled: true}}
      referencePolicy: {{type: Local}}
"
    )
}

#[test]
fn a_copy_that_takes_long_holds_up_no_other_tag() {
    let slow = Slow::start();
    let own = DockerRegistry::start();
    let scene = Scene::new();
    let (host, slow_host) = (scene.registry.host(), slow.server.host());
    scene.commit(
        &[
            (
                "streams/web.yaml",
                &kept("web", &format!("{host}/acme/web:1")),
            ),
            (
                "streams/big.yaml",
                &kept("big", &format!("{slow_host}/acme/big:1")),
            ),
            ("web.yaml", &deployment("shop", "web", "1")),
            ("big.yaml", &deployment("shop", "big", "1")),
        ],
        "add the shop",
    );
    let small = scene.image("acme/web", "1", "one");
    let [port, metrics] = free_ports();
    let more = format!(
        "registries: {{allow: [\"{host}\", \"{slow_host}\"]}}
integratedRegistry: {{host: \"{}\"}}
serve: {{interval: 10h, status: {{listen: \"127.0.0.1:{port}\"}}, metrics: {{listen: \"127.0.0.1:{metrics}\"}}}}
",
        own.host()
    );
    let mut daemon = Daemon::start(&scene, &[&scene.bare()], &more);
    let branch = until("the other tag's branch", || scene.bot_branches().pop());
    assert!(scene.file(&branch, "web.yaml").contains(small.as_str()));
    assert_eq!(scene.changed(&branch), ["streams/web.yaml", "web.yaml"]);
    // It is no failure, and is said.
    let told = until("the page", || {
        let repository = get(port, "/state.json")["repositories"][0].take();
        let told = repository.to_string();
        (!repository["read"].is_null()).then_some(told)
    });
    assert!(
        told.contains("being copied to the integrated registry"),
        "{told}"
    );
    assert_eq!(daemon.count("not copied"), 0);
    let is_counted = |line: &str| text(metrics, "/metrics").contains(&format!("\n{line}\n"));
    assert!(is_counted("headwater_copies_under_way 1.0"));
    assert!(is_counted("headwater_copies_total{result=\"ok\"} 1.0"));
    // No interval ends, and nobody pushes: its end is what makes the next pass.
    slow.let_go();
    let pin = format!("{}/shop/big:1@{}", own.host(), slow.digest);
    until("its pin", || {
        scene.file(&branch, "big.yaml").contains(&pin).then_some(())
    });
    let copy = format!("{}/shop/big@{}", own.host(), slow.digest);
    assert_eq!(there(&copy, false), slow.digest);
    assert_eq!(daemon.count("an image has been copied"), 2);
    assert!(is_counted("headwater_copies_under_way 0.0"));
    assert!(is_counted("headwater_copies_total{result=\"ok\"} 2.0"));
    assert_eq!(daemon.ends(), 0);
}

/// A slow registry, the one that keeps copies, a stream of the one to be kept in the other, and what
/// the server file says of them.
fn with_a_slow_image() -> (Slow, DockerRegistry, Scene, String) {
    let slow = Slow::start();
    let own = DockerRegistry::start();
    let scene = Scene::new();
    let slow_host = slow.server.host();
    scene.commit(
        &[
            (
                "streams/big.yaml",
                &kept("big", &format!("{slow_host}/acme/big:1")),
            ),
            ("big.yaml", &deployment("shop", "big", "1")),
        ],
        "add the shop",
    );
    let more = format!(
        "registries: {{allow: [\"{slow_host}\"]}}
integratedRegistry: {{host: \"{}\"}}
serve: {{interval: 10h}}
",
        own.host()
    );
    (slow, own, scene, more)
}

/// It goes on where it was when the daemon comes back.
#[test]
fn the_end_of_the_daemon_waits_for_no_copy() {
    let (slow, own, scene, more) = with_a_slow_image();
    let mut daemon = Daemon::start(&scene, &[&scene.bare()], &more);
    daemon.says("a pass has ended");
    assert_eq!(daemon.ends(), 0);
    assert_eq!(tags(&own, "shop/big"), [""; 0], "nothing half");
    slow.let_go();
    let mut daemon = Daemon::start(&scene, &[&scene.bare()], &more);
    until("its branch", || scene.bot_branches().pop());
    assert_eq!(daemon.ends(), 0);
}

#[test]
fn a_signature_that_takes_long_holds_up_nothing() {
    let (slow, own, scene, more) = with_a_slow_image();
    slow.let_go();
    let mut daemon = Daemon::start(&scene, &[&scene.bare()], &more);
    let branch = until("the pin", || scene.bot_branches().pop());
    daemon.says("a pass has ended");
    assert_eq!(daemon.ends(), 0);
    scene.merge(&branch);
    // A daemon that begins looks for all that has come.
    slow.hold();
    slow.sign();
    let mut daemon = Daemon::start(&scene, &[&scene.bare()], &more);
    daemon.says("a pass has ended");
    let signature = signature_tag(&slow.digest);
    assert!(!tags(&own, "shop/big").contains(&signature));
    slow.let_go();
    daemon.says("what refers to an image has been copied … \"referrers\":1");
    assert!(tags(&own, "shop/big").contains(&signature));
    assert_eq!(daemon.ends(), 0);
}
