//! A copy goes on where it was broken off.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use headwater::copying::CopyProgress;
use headwater::image::Digest;
use headwater::registry::{FailureKind, RegistryOptions, Retry};
use serde_json::json;

use crate::registry::copy::{copy, digest_of, order};
use crate::registry::{OCI_MANIFEST, Waits, options, registries};
use crate::support::layout::{Layout, noise, raw};
use crate::support::registry::DockerRegistry;
use crate::support::scripted::{Reply, Scripted, Seen};

/// More than fits between here and a registry: it is under way when a part of it has been sent.
const LARGE: usize = 48 * 1024 * 1024;

/// A registry that is stopped when so many bytes have been sent, and comes back when somebody
/// waits before the next try.
struct Outage {
    registry: Mutex<DockerRegistry>,
    is_down: AtomicBool,
    was_down: AtomicBool,
}

impl Outage {
    fn of(registry: DockerRegistry) -> Arc<Self> {
        Arc::new(Self {
            registry: Mutex::new(registry),
            is_down: AtomicBool::new(false),
            was_down: AtomicBool::new(false),
        })
    }

    fn begin_at(&self, progress: CopyProgress, bytes: u64) {
        if progress.bytes_done >= bytes && !self.was_down.swap(true, Ordering::SeqCst) {
            self.registry.lock().unwrap().stop();
            self.is_down.store(true, Ordering::SeqCst);
        }
    }

    fn options(self: &Arc<Self>) -> RegistryOptions {
        let outage = Arc::clone(self);
        RegistryOptions {
            retry: Retry {
                pause: Arc::new(move |_| {
                    if outage.is_down.swap(false, Ordering::SeqCst) {
                        outage.registry.lock().unwrap().start_again();
                    }
                    Box::pin(std::future::ready(()))
                }),
                ..Retry::default()
            },
            ..options()
        }
    }

    fn log(&self) -> Vec<String> {
        let registry = self.registry.lock().unwrap();
        let line = |line: crate::support::registry::LoggedRequest| {
            format!("{} {} {}", line.method, line.status, line.path)
        };
        registry.log().into_iter().map(line).collect()
    }
}

fn push_large(registry: &DockerRegistry) -> Digest {
    let mut layout = Layout::new();
    let image = layout.image("linux/amd64", &[&noise(3, LARGE)]);
    layout.push(&image, &format!("{}/a/b:1", registry.host()));
    digest_of(&image)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_is_restarted_and_knows_the_upload_no_more_gets_all_anew() {
    let source = DockerRegistry::start();
    let digest = push_large(&source);
    let target = DockerRegistry::start();
    let to = format!("{}/c", target.host());
    let outage = Outage::of(target);
    let order = order(&format!("{}/a/b", source.host()), &digest, &to);
    let registries = registries(outage.options());
    let copied = registries
        .copy(&order, &|progress| {
            outage.begin_at(progress, 20 * 1024 * 1024);
        })
        .await
        .unwrap();
    assert!(outage.was_down.load(Ordering::SeqCst));
    assert_eq!(copied.blobs_copied, 2);
    assert_eq!(Digest::of(&raw(&format!("{to}:1"), false)), digest);
    let log = outage.log();
    // What was under way does not fit its state any more; distribution drops it then.
    let count = |beginning: &str| {
        let is_upload =
            |line: &&String| line.starts_with(beginning) && line.contains("/blobs/uploads/");
        log.iter().filter(is_upload).count()
    };
    assert_eq!((count("GET 404 "), count("POST 202 ")), (1, 3), "{log:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_is_restarted_is_asked_for_the_rest() {
    let source = DockerRegistry::start();
    let digest = push_large(&source);
    let target = DockerRegistry::start();
    let to = format!("{}/c", target.host());
    let order = order(&format!("{}/a/b", source.host()), &digest, &to);
    let outage = Outage::of(source);
    let registries = registries(outage.options());
    let copied = registries
        .copy(&order, &|progress| {
            outage.begin_at(progress, 20 * 1024 * 1024);
        })
        .await
        .unwrap();
    assert_eq!(copied.blobs_copied, 2);
    assert_eq!(Digest::of(&raw(&format!("{to}:1"), false)), digest);
    let log = outage.log();
    assert!(
        log.iter().any(|line| line.starts_with("GET 206 ")),
        "{log:#?}"
    );
    // The target has noticed nothing.
    assert_eq!(target.requests("PATCH", 2).len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_is_broken_off_leaves_no_tag_and_the_next_one_finds_its_blobs() {
    let source = DockerRegistry::start();
    let target = DockerRegistry::start();
    let mut layout = Layout::new();
    let image = layout.image("linux/amd64", &[&noise(1, 1000), &noise(2, LARGE)]);
    layout.push(&image, &format!("{}/a/b:1", source.host()));
    let digest = digest_of(&image);
    let order = order(
        &format!("{}/a/b", source.host()),
        &digest,
        &format!("{}/c", target.host()),
    );
    let (seen, first) = (AtomicU64::new(0), registries(options()));
    let noted = tokio::sync::Notify::new();
    let on_progress = |progress: CopyProgress| {
        let is_far = progress.blobs_done == 2 && progress.bytes_done > 2 * 1024 * 1024;
        if is_far && seen.fetch_add(1, Ordering::SeqCst) == 0 {
            noted.notify_one();
        }
    };
    tokio::select! {
        copied = first.copy(&order, &on_progress) => panic!("{copied:?}"),
        () = noted.notified() => {}
    }
    let next = registries(options());
    assert!(!next.is_there(&order.to, &digest).await.unwrap());
    let copied = copy(&next, &order).await.unwrap();
    assert_eq!((copied.blobs_present, copied.blobs_copied), (2, 1));
    assert!(next.is_there(&order.to, &digest).await.unwrap());
}

/// A source with one image of one layer, which the script sends.
fn source_of(
    layer: &'static str,
    script: impl Fn(&Seen) -> Reply + Send + Sync + 'static,
) -> (Scripted, Digest) {
    let config = "{}";
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {"mediaType": "x", "digest": Digest::of(config.as_bytes()), "size": config.len()},
        "layers": [{"mediaType": "x", "digest": Digest::of(layer.as_bytes()), "size": layer.len()}],
    })
    .to_string();
    let digest = Digest::of(manifest.as_bytes());
    let source = Scripted::start(move |request| {
        if request.path.contains("/manifests/") {
            return Reply::ok(OCI_MANIFEST, manifest.clone());
        }
        if request
            .path
            .ends_with(Digest::of(config.as_bytes()).as_str())
        {
            return Reply::ok("application/octet-stream", config);
        }
        script(request)
    });
    (source, digest)
}

const LAYER: &str = "0123456789abcdefghijklmnopqrstuvwxyz";

/// Where a request's range begins.
fn begin(request: &Seen) -> usize {
    let range = request.header("range").unwrap_or("bytes=0-");
    range
        .trim_start_matches("bytes=")
        .trim_end_matches('-')
        .parse()
        .unwrap()
}

#[tokio::test]
async fn a_body_that_breaks_off_is_continued_by_range_or_from_the_beginning() {
    for knows_ranges in [true, false] {
        let sent = AtomicU64::new(0);
        let (source, digest) = source_of(LAYER, move |request| {
            let begin = if knows_ranges { begin(request) } else { 0 };
            // Each time some bytes more than before.
            let end = (5 + 7 * sent.fetch_add(1, Ordering::SeqCst) as usize).min(LAYER.len());
            let part = &LAYER[begin..end.max(begin)];
            let reply = if begin == 0 {
                Reply::status(200)
            } else {
                let range = format!("bytes {begin}-{}/{}", LAYER.len() - 1, LAYER.len());
                Reply::status(206).header("content-range", &range)
            };
            let missing = LAYER.len() - begin - part.len();
            let reply = reply.body(part);
            if missing == 0 {
                reply
            } else {
                reply.short_by(missing)
            }
        });
        let target = DockerRegistry::start();
        let to = format!("{}/c", target.host());
        let order = order(&format!("{}/a/b", source.host()), &digest, &to);
        let copied = copy(&registries(options()), &order).await.unwrap();
        assert_eq!(copied.blobs_copied, 2);
        assert_eq!(Digest::of(&raw(&format!("{to}:1"), false)), digest);
        assert_eq!(target.requests("PATCH", 2).len(), 2);
    }
}

#[tokio::test]
async fn a_source_that_never_gets_on_is_given_up() {
    let (source, digest) = source_of(LAYER, |request| {
        let begin = begin(request);
        let range = format!("bytes {begin}-{}/{}", LAYER.len() - 1, LAYER.len());
        match begin {
            0 => Reply::status(200).body(&LAYER[..5]),
            _ => Reply::status(206).header("content-range", &range),
        }
        .short_by(LAYER.len() - 5)
    });
    let target = DockerRegistry::start();
    let to = format!("{}/c", target.host());
    let order = order(&format!("{}/a/b", source.host()), &digest, &to);
    let failure = copy(&registries(options()), &order).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Unavailable);
    assert_eq!(failure.fault.host, source.host());
    assert!(
        failure.to_string().contains("after 5 of 36 bytes"),
        "{failure}"
    );
    assert!(source.count("GET") < 20, "{}", source.count("GET"));
}

/// A target that breaks off twice in the middle of the layer and keeps what it has got. What it has,
/// and where the parts began.
#[derive(Default)]
struct Keeper {
    has: Mutex<String>,
    begins: Mutex<Vec<usize>>,
}

impl Keeper {
    fn reply(&self, request: &Seen) -> Reply {
        let mut has = self.has.lock().unwrap();
        let is_layer = request.body.len() != 2;
        let range = |has: &str| format!("0-{}", has.len().saturating_sub(1));
        match request.method.as_str() {
            "POST" => Reply::status(202).header("location", "/v2/c/blobs/uploads/1?state=a"),
            "GET" => Reply::status(204)
                .header("location", "/v2/c/blobs/uploads/1?state=b")
                .header("range", &range(&has)),
            "PATCH" if is_layer => {
                let begin = request
                    .header("content-range")
                    .map_or(0, |range| range.split_once('-').unwrap().0.parse().unwrap());
                self.begins.lock().unwrap().push(begin);
                assert_eq!(begin, has.len());
                let taken = request.body.len().min(11);
                has.push_str(&request.body[..taken]);
                if taken < request.body.len() {
                    return Reply::closed();
                }
                Reply::status(202)
                    .header("location", "/v2/c/blobs/uploads/1?state=c")
                    .header("range", &range(&has))
            }
            "PATCH" => Reply::status(202),
            "PUT" => Reply::status(201),
            _ => Reply::status(404),
        }
    }
}

#[tokio::test]
async fn a_target_that_breaks_off_gets_what_it_does_not_have() {
    let (source, digest) = source_of(LAYER, |request| {
        let begin = begin(request);
        if begin == 0 {
            return Reply::status(200).body(LAYER);
        }
        let range = format!("bytes {begin}-{}/{}", LAYER.len() - 1, LAYER.len());
        Reply::status(206)
            .header("content-range", &range)
            .body(&LAYER[begin..])
    });
    let keeper = Arc::new(Keeper::default());
    let kept = Arc::clone(&keeper);
    let target = Scripted::start(move |request| kept.reply(request));
    let order = order(
        &format!("{}/a/b", source.host()),
        &digest,
        &format!("{}/c", target.host()),
    );
    // The manifest is not there at the end: all this target can is uploads.
    let failure = copy(&registries(options()), &order).await.unwrap_err();
    assert!(
        failure.to_string().contains("written just now"),
        "{failure}"
    );
    assert_eq!(*keeper.has.lock().unwrap(), LAYER);
    assert_eq!(*keeper.begins.lock().unwrap(), [0, 11, 22, 33]);
    let last = |seen: &&Seen| seen.method == "PUT" && seen.path.contains("state=c");
    assert_eq!(target.seen().iter().filter(last).count(), 1);
}

#[tokio::test]
async fn a_target_that_asks_to_wait_is_waited_for() {
    let (source, digest) = source_of(LAYER, |_| Reply::status(200).body(LAYER));
    let busy = AtomicBool::new(true);
    let target = Scripted::start(move |request| match request.method.as_str() {
        "POST" => Reply::status(202).header("location", "/v2/c/blobs/uploads/1"),
        "PATCH" if busy.swap(false, Ordering::SeqCst) => {
            Reply::status(429).header("retry-after", "7")
        }
        "PATCH" => Reply::status(202),
        "PUT" => Reply::status(201),
        _ => Reply::status(404),
    });
    let order = order(
        &format!("{}/a/b", source.host()),
        &digest,
        &format!("{}/c", target.host()),
    );
    let waits = Waits::default();
    let options = RegistryOptions {
        retry: waits.retry(),
        ..options()
    };
    let failure = copy(&registries(options), &order).await.unwrap_err();
    assert!(
        failure.to_string().contains("written just now"),
        "{failure}"
    );
    assert!(
        waits.longest() > std::time::Duration::from_secs(6),
        "{waits:?}"
    );
}

#[tokio::test]
async fn a_target_that_never_gets_on_is_given_up() {
    let (source, digest) = source_of(LAYER, |_| Reply::status(200).body(LAYER));
    let target = Scripted::start(|request| match request.method.as_str() {
        "POST" => Reply::status(202).header("location", "/v2/c/blobs/uploads/1"),
        "PATCH" => Reply::closed(),
        _ => Reply::status(404),
    });
    let order = order(
        &format!("{}/a/b", source.host()),
        &digest,
        &format!("{}/c", target.host()),
    );
    let failure = copy(&registries(options()), &order).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Unavailable);
    assert_eq!(failure.fault.host, target.host());
    // Two blobs, each begun again some times.
    assert!(target.count("POST") <= 18, "{}", target.count("POST"));
}
