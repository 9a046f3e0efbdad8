//! Events out, to a server that answers as a test says.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use headwater::config::events::{EventSettings, EventType};
use headwater::serve::event::{Event, EventOptions, Events};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::support::scripted::{Reply, Scripted, Seen};
use crate::support::wait::until;

const SECRET: &str = "battery staple";
/// Its path is a secret, as those of chats are.
const PATH: &str = "/services/T0P/S3CRET";

struct Sending {
    server: Scripted,
    folder: TempDir,
    runtime: Runtime,
    events: Option<Events>,
    pauses: Arc<Mutex<Vec<Duration>>>,
}

impl Sending {
    fn start(script: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_with(script, EventOptions::default())
    }

    fn start_with(
        script: impl Fn(&Seen) -> Reply + Send + Sync + 'static,
        options: EventOptions,
    ) -> Self {
        let server = Scripted::start(script);
        let folder = TempDir::new().unwrap();
        let secret_file = folder.path().join("secret");
        fs::write(&secret_file, format!("{SECRET}\n")).unwrap();
        let settings = EventSettings {
            url: server.url(PATH).parse().unwrap(),
            secret_file,
            types: BTreeSet::from([EventType::ImageMoved, EventType::Failed]),
        };
        let pauses = Arc::new(Mutex::new(Vec::new()));
        let all = Arc::clone(&pauses);
        let options = EventOptions {
            pause: Arc::new(move |pause| {
                all.lock().unwrap().push(pause);
                Box::pin(async {})
            }),
            ..options
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let events = runtime.block_on(async { Events::start(&[settings], &options).unwrap() });
        Self {
            server,
            folder,
            runtime,
            events: Some(events),
            pauses,
        }
    }

    fn send(&self, kind: EventType, time: &str) {
        self.events.as_ref().unwrap().send(&event(kind, time));
    }

    /// How many reached the server, and how many did not, once there are as many as this.
    fn counts(&self, all: u64) -> (u64, u64) {
        let events = self.events.as_ref().unwrap();
        until("the events to be delivered or dropped", || {
            let count = events.counts().remove(0);
            (count.delivered + count.dropped >= all).then_some((count.delivered, count.dropped))
        })
    }

    fn seconds(&self) -> Vec<f64> {
        let pauses = self.pauses.lock().unwrap();
        pauses.iter().map(Duration::as_secs_f64).collect()
    }
}

fn event(kind: EventType, time: &str) -> Event {
    let repository = "https://bot@git.example/acme/deploy.git".parse().unwrap();
    Event {
        environment: Some("prod".to_owned()),
        stream_tag: Some("shop/web:1.8".to_owned()),
        reason: Some("because".to_owned()),
        ..Event::new(kind, repository, "deploy", time.parse().unwrap())
    }
}

const NOON: &str = "2026-11-28T12:00:00Z";

/// Answers with these, and with the last one ever after.
fn in_turn(replies: Vec<Reply>) -> impl Fn(&Seen) -> Reply + Send + Sync + 'static {
    let next = AtomicUsize::new(0);
    move |_| {
        let place = next.fetch_add(1, Ordering::SeqCst).min(replies.len() - 1);
        replies[place].clone()
    }
}

#[test]
fn an_event_is_posted_signed() {
    let sending = Sending::start(|_| Reply::status(204));
    sending.send(EventType::ImageMoved, NOON);
    sending.send(EventType::Promoted, NOON);
    assert_eq!(sending.counts(1), (1, 0));
    let seen = sending.server.seen();
    assert_eq!(seen.len(), 1, "only what is wanted is sent");
    let (seen, header) = (&seen[0], |name: &str| {
        seen[0].header(name).unwrap().to_owned()
    });
    assert_eq!((&*seen.method, &*seen.path), ("POST", PATH));
    let content_type = header("content-type");
    assert_eq!(content_type, "application/cloudevents+json; charset=utf-8");
    let body: serde_json::Value = serde_json::from_str(&seen.body).unwrap();
    assert_eq!(body["specversion"], "1.0");
    assert_eq!(body["type"], "dev.headwater.image.moved");
    assert_eq!(body["source"], "https://git.example/acme/deploy.git");
    assert_eq!(body["subject"], "shop/web:1.8");
    assert_eq!(body["data"]["environment"], "prod");
    assert_eq!(body["id"], header("webhook-id"));
    let timestamp = header("webhook-timestamp");
    let signed = format!("{}.{timestamp}.{}", header("webhook-id"), seen.body);
    assert_eq!(
        header("webhook-signature"),
        format!("v1,{}", openssl(&signed))
    );
    let now = headwater::clock::now().as_second();
    assert!((now - timestamp.parse::<i64>().unwrap()).abs() < 300);
}

/// The signature as another program makes it.
fn openssl(signed: &str) -> String {
    let mut child = Command::new("openssl")
        .args(["dgst", "-sha256", "-hmac", SECRET, "-binary"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("openssl is installed");
    let mut input = child.stdin.take().unwrap();
    input.write_all(signed.as_bytes()).unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap().stdout;
    base64::Engine::encode(&base64::prelude::BASE64_STANDARD, output)
}

#[test]
fn a_target_that_fails_is_tried_again_after_growing_pauses() {
    let replies = vec![
        Reply::status(503),
        Reply::closed(),
        Reply::status(429),
        Reply::status(500),
        Reply::status(200),
    ];
    let sending = Sending::start(in_turn(replies));
    sending.send(EventType::Failed, NOON);
    assert_eq!(sending.counts(1), (1, 0));
    let seen = sending.server.seen();
    assert_eq!(seen.len(), 5);
    let ids: BTreeSet<_> = seen.iter().map(|seen| seen.header("webhook-id")).collect();
    assert_eq!(ids.len(), 1);
    let wholes = [1.0, 4.0, 16.0, 60.0];
    let seconds = sending.seconds();
    assert_eq!(seconds.len(), wholes.len());
    for (pause, whole) in seconds.iter().zip(wholes) {
        assert!(*pause >= whole / 2.0 && *pause <= whole, "{seconds:?}");
    }
}

#[test]
fn after_five_tries_an_event_is_dropped_and_the_next_one_sent() {
    let mut replies = vec![Reply::status(503); 5];
    replies.push(Reply::status(200));
    let sending = Sending::start(in_turn(replies));
    sending.send(EventType::Failed, NOON);
    sending.send(EventType::ImageMoved, NOON);
    assert_eq!(sending.counts(2), (1, 1));
    assert_eq!(sending.server.seen().len(), 6);
}

#[test]
fn what_the_target_does_not_want_is_not_tried_again() {
    for reply in [
        Reply::status(400),
        Reply::status(401),
        Reply::status(410),
        // It is not followed.
        Reply::redirect("/elsewhere"),
    ] {
        let sending = Sending::start(move |_| reply.clone());
        sending.send(EventType::Failed, NOON);
        assert_eq!(sending.counts(1), (0, 1));
        let paths: Vec<_> = sending
            .server
            .seen()
            .into_iter()
            .map(|seen| seen.path)
            .collect();
        assert_eq!(paths, [PATH]);
    }
}

#[test]
fn the_target_says_when_to_come_again_within_limits() {
    let replies = vec![
        Reply::status(429).header("retry-after", "30"),
        Reply::status(503).header("retry-after", "86400"),
        Reply::status(200),
    ];
    let sending = Sending::start(in_turn(replies));
    sending.send(EventType::Failed, NOON);
    assert_eq!(sending.counts(1), (1, 0));
    assert_eq!(sending.seconds(), [30.0, 60.0]);
}

#[test]
fn an_answer_is_not_read_to_its_end() {
    let replies = vec![Reply::ok("text/plain", "").endless(), Reply::status(200)];
    let sending = Sending::start(in_turn(replies));
    sending.send(EventType::Failed, NOON);
    sending.send(EventType::Failed, "2026-11-28T13:00:00Z");
    assert_eq!(sending.counts(2), (2, 0));
}

#[test]
fn the_secret_is_read_for_each_try() {
    let sending = Sending::start(|_| Reply::status(200));
    let file = sending.folder.path().join("secret");
    fs::remove_file(&file).unwrap();
    sending.send(EventType::Failed, NOON);
    assert_eq!(sending.counts(1), (0, 1));
    assert_eq!(sending.server.seen().len(), 0);
    fs::write(&file, SECRET).unwrap();
    sending.send(EventType::Failed, NOON);
    assert_eq!(sending.counts(2), (1, 1));
}

#[test]
fn a_target_that_never_answers_holds_up_nobody() {
    let options = EventOptions {
        queue: 3,
        last_patience: Duration::ZERO,
        ..EventOptions::default()
    };
    let mut sending = Sending::start_with(|_| Reply::silent(), options);
    for second in 10..60 {
        sending.send(EventType::Failed, &format!("2026-11-28T12:00:{second}Z"));
    }
    // One may be under way, three wait, and the rest is gone.
    let (delivered, dropped) = sending.counts(46);
    assert_eq!(delivered, 0);
    assert!((46..=47).contains(&dropped), "{dropped}");
    let shown = format!("{:?}", sending.events);
    assert!(
        !shown.contains("S3CRET") && !shown.contains(SECRET),
        "{shown}"
    );
    let events = sending.events.take().unwrap();
    sending.runtime.block_on(events.end());
}

#[test]
fn the_end_waits_for_what_is_queued() {
    let mut sending = Sending::start(|_| Reply::status(200));
    for second in 10..30 {
        sending.send(EventType::Failed, &format!("2026-11-28T12:00:{second}Z"));
    }
    let events = sending.events.take().unwrap();
    sending.runtime.block_on(events.end());
    assert_eq!(sending.server.seen().len(), 20);
}
