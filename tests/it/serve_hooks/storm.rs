use std::sync::Arc;

use headwater::config::hooks::HookKind;
use headwater::serve::hook::{HookOptions, path_secret};
use headwater::serve::listen;
use secrecy::SecretString;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::serve_hooks::{Listening, SECRET, case, hex_mac};

const MANY: usize = 1000;

/// Fault 41: each of a storm's requests is answered, and what was counted was told.
#[test]
fn fault_41_a_storm_of_hooks_is_answered() {
    let listening = Listening::start(&[("forge", HookKind::GitHub)]);
    let body = case("github/push.json");
    let signature = format!("sha256={}", hex_mac(SECRET, &body));
    let headers = [
        ("x-github-event", "push"),
        ("x-hub-signature-256", &*signature),
    ];
    let statuses = storm(
        &listening,
        (0..MANY).map(|_| listening.request("/hook/forge", &headers, &body)),
    );
    let of = |status: u16| statuses.iter().filter(|it| **it == status).count();
    assert_eq!(of(202) + of(429), MANY, "{statuses:?}");
    assert_eq!(listening.heard().len(), of(202));
    assert_eq!(
        listening.count(Some("forge"), "taken"),
        u64::try_from(of(202)).unwrap()
    );
    assert_eq!(
        listening.count(Some("forge"), "busy"),
        u64::try_from(of(429)).unwrap()
    );
    assert!(of(202) > 0);
}

/// GitHub's signatures have no time: what was recorded can be sent again.
#[test]
fn a_storm_of_one_delivery_is_told_once() {
    let options = HookOptions {
        at_once: MANY,
        ..HookOptions::default()
    };
    let listening = Listening::start_with(&[("forge", HookKind::GitHub)], options);
    let body = case("github/push.json");
    let signature = format!("sha256={}", hex_mac(SECRET, &body));
    let headers = [
        ("x-github-event", "push"),
        ("x-github-delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958"),
        ("x-hub-signature-256", &*signature),
    ];
    let requests = (0..MANY).map(|_| listening.request("/hook/forge", &headers, &body));
    assert_eq!(storm(&listening, requests), vec![202; MANY]);
    assert_eq!(listening.heard().len(), 1);
}

/// CVE-2026-49835: names from outside never become series of a metric.
#[test]
fn cve_2026_49835_counts_do_not_grow_with_what_is_asked_for() {
    let listening = Listening::start(&[("hub", HookKind::DockerHub)]);
    let before = listening.hooks.counts().len();
    let requests = (0..MANY).map(|number| {
        let path = match number % 2 {
            0 => format!("/hook/name-{number}"),
            _ => format!("/hook/hub/{number}"),
        };
        listening.request(&path, &[], "")
    });
    let statuses = storm(&listening, requests);
    assert!(
        statuses.iter().all(|status| matches!(status, 404 | 429)),
        "{statuses:?}"
    );
    assert_eq!(listening.hooks.counts().len(), before);
    assert_eq!(listening.count(None, "wrongPath"), 500);
}

fn storm(
    listening: &Listening,
    requests: impl Iterator<Item = reqwest::RequestBuilder>,
) -> Vec<u16> {
    let requests: Vec<_> = requests.collect();
    // As many connections as a sender might have.
    let places = Arc::new(tokio::sync::Semaphore::new(100));
    listening.runtime.block_on(async {
        let mut tasks = JoinSet::new();
        for request in requests {
            let places = Arc::clone(&places);
            tasks.spawn(async move {
                let _place = places.acquire().await;
                request.send().await.unwrap().status().as_u16()
            });
        }
        tasks.join_all().await
    })
}

/// Neither the address nor the body of a request is a line of the log.
#[test]
fn no_path_secret_and_no_body_reaches_the_log() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .finish();
    let listening = Listening::start(&[("hub", HookKind::DockerHub)]);
    let secret = path_secret("hub", &SecretString::from(SECRET));
    let router = listening.hooks.router();
    // This listener runs on this thread, whose log is looked at; the client on others.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    let wrong = secret.replace('a', "b");
    let requests = [secret.clone(), wrong].map(|secret| {
        let url = format!("http://{address}/hook/hub/{secret}");
        listening.client.post(url).body(case("dockerHub/push.json"))
    });
    let (stop, stopped) = oneshot::channel::<()>();
    let asked = listening.runtime.spawn(async move {
        let mut statuses = Vec::new();
        for request in requests {
            statuses.push(request.send().await.unwrap().status().as_u16());
        }
        drop(stop);
        statuses
    });
    let guard = tracing::subscriber::set_default(subscriber);
    runtime.block_on(listen::serve(listener, router, async {
        stopped.await.unwrap_or_default();
    }));
    drop(guard);
    assert_eq!(listening.runtime.block_on(asked).unwrap(), [202, 404]);
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(text.contains("a webhook") && text.contains("hub"), "{text}");
    for shown in [&*secret, &secret[..16], "/hook/", "svendowideit", SECRET] {
        assert!(!text.contains(shown), "{shown}: {text}");
    }
}

#[derive(Clone, Default)]
struct Log(Arc<std::sync::Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> tracing_subscriber::fmt::MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
