//! Senders that take their time, and the end.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use headwater::config::hooks::HookKind;
use headwater::serve::hook::HookOptions;
use headwater::serve::listen;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::serve_hooks::{Listening, SECRET, case};
use crate::support::wait::until;

/// Longer than any of these connections lasts.
const LONG: Duration = Duration::from_secs(60);

/// A request whose body never comes.
fn begin(address: std::net::SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    let head = format!(
        "POST /hook/forge HTTP/1.1\r\nhost: a\r\nx-hub-signature-256: sha256={}\r\ncontent-length: 10\r\n\r\n",
        "0".repeat(64)
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream
}

fn answer(mut stream: TcpStream) -> String {
    stream.set_read_timeout(Some(LONG)).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn a_body_that_does_not_come_is_not_waited_for() {
    let options = HookOptions {
        patience: Duration::ZERO,
        ..HookOptions::default()
    };
    let listening = Listening::start_with(&[("forge", HookKind::GitHub)], options);
    let text = answer(begin(listening.address));
    assert!(text.starts_with("HTTP/1.1 408 "), "{text}");
    assert_eq!(listening.count(Some("forge"), "slow"), 1);
}

#[test]
fn more_at_a_time_than_there_are_places_come_again_later() {
    let options = HookOptions {
        at_once: 1,
        ..HookOptions::default()
    };
    let listening = Listening::start_with(&[("forge", HookKind::GitHub)], options);
    let push = || listening.push("/hook/forge", SECRET, &case("github/push.json"));
    let slow = begin(listening.address);
    let busy = until("the only place to be taken", || {
        let answer = push();
        (answer.status == 429).then_some(answer)
    });
    assert_eq!(busy.headers["retry-after"], "1");
    drop(slow);
    until("the place to be free", || {
        (push().status == 202).then_some(())
    });
}

#[test]
fn a_header_that_does_not_come_ends_the_connection() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    let patience = Duration::from_millis(20);
    let (_stop, stopped) = oneshot::channel::<()>();
    let stopped = async { stopped.await.unwrap_or_default() };
    runtime.spawn(listen::serve_patiently(
        listener,
        axum::Router::new(),
        stopped,
        patience,
    ));
    for begun in ["", "POST /hook/forge HTTP/1.1\r\nhost:"] {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(begun.as_bytes()).unwrap();
        let text = answer(stream);
        assert!(
            text.is_empty() || text.starts_with("HTTP/1.1 408 "),
            "{text}"
        );
    }
    // Nor may one that has asked once stay for ever.
    let mut stream = TcpStream::connect(address).unwrap();
    let whole = "POST /none HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n";
    stream.write_all(whole.as_bytes()).unwrap();
    let text = answer(stream);
    assert!(text.starts_with("HTTP/1.1 404 "), "{text}");
    let mut stream = TcpStream::connect(address).unwrap();
    let large = format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "y".repeat(100_000));
    // It may hang up before it has read all.
    let _ = stream.write_all(large.as_bytes());
    let mut first = [0; 12];
    let is_refused = stream.read_exact(&mut first).is_err() || &first == b"HTTP/1.1 431";
    assert!(is_refused, "{first:?}");
}

#[test]
fn the_end_waits_for_what_is_under_way_and_takes_nothing_more() {
    let mut listening = Listening::start(&[("forge", HookKind::GitHub)]);
    let idle = TcpStream::connect(listening.address).unwrap();
    let mut begun = begin(listening.address);
    // It has been taken up: the place behind it is asked for.
    assert_eq!(listening.push("/hook/forge", "x", "").status, 401);
    drop(listening.stop.take());
    until("the listener to be closed", || {
        TcpStream::connect(listening.address).is_err().then_some(())
    });
    begun.write_all(b"0123456789").unwrap();
    let text = answer(begun);
    assert!(text.starts_with("HTTP/1.1 401 "), "{text}");
    assert_eq!(answer(idle), "");
}
