//! The HTTP client of all forges, against a server that says what no real one says on demand.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use headwater::forge::Error;
use headwater::forge::http::{Client, Dialect, Options, Request, Timeouts, Token, TokenHeader};
use headwater::tally::{Allowance, Tally};
use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::scripted::{Reply, Scripted, Seen};

type Pauses = Arc<Mutex<Vec<Duration>>>;

fn client(forge: &Scripted, token: Token) -> (Client, Pauses) {
    counting(forge, token, Arc::default())
}

fn counting(forge: &Scripted, token: Token, tally: Arc<Tally>) -> (Client, Pauses) {
    let pauses = Pauses::default();
    let seen = Arc::clone(&pauses);
    let options = Options {
        base: forge.url("/api/v3").parse().unwrap(),
        allows_plain: true,
        token,
        ca_files: Vec::new(),
        user_agent: "headwater".to_owned(),
        timeouts: Timeouts::default(),
        now: Arc::new(|| Timestamp::from_second(1_000_000).unwrap()),
        pause: Arc::new(move |pause| seen.lock().unwrap().push(pause)),
        tally,
    };
    let dialect = Dialect {
        token_header: TokenHeader::Bearer,
        headers: &[("x-github-api-version", "2022-11-28")],
        between_writes: Duration::from_secs(1),
    };
    (Client::new(options, dialect).unwrap(), pauses)
}

fn secret() -> Token {
    Token::Value("s3cret-token".into())
}

fn pulls() -> Request {
    let segments = ["repos", "o", "r", "pulls"];
    Request::new(Method::GET, &segments, "list them", "repository o/r")
}

fn post() -> Request {
    let segments = ["repos", "o", "r", "pulls"];
    Request::new(Method::POST, &segments, "open it", "repository o/r").body(json!({"a": 1}))
}

fn page(body: &str) -> Reply {
    Reply::ok("application/json", body)
}

fn numbered(script: impl Fn(usize, &Seen) -> Reply + Send + Sync + 'static) -> Scripted {
    let count = AtomicUsize::new(0);
    Scripted::start(move |seen| script(count.fetch_add(1, Ordering::SeqCst), seen))
}

fn seconds(pauses: &Pauses) -> Vec<u64> {
    pauses
        .lock()
        .unwrap()
        .iter()
        .map(Duration::as_secs)
        .collect()
}

#[test]
fn a_segment_is_one_segment_and_the_headers_are_there() {
    let forge = Scripted::start(|_| page("{}"));
    let (client, _) = client(&forge, secret());
    let request = |name| Request::new(Method::GET, &["projects", name], "read it", "it");
    client
        .get(&request("a/b c?#%2e").query("q", "x&y"))
        .unwrap();
    let seen = &forge.seen()[0];
    assert_eq!(seen.path, "/api/v3/projects/a%2Fb%20c%3F%23%252e?q=x%26y");
    assert_eq!(seen.header("authorization"), Some("Bearer s3cret-token"));
    assert_eq!(seen.header("x-github-api-version"), Some("2022-11-28"));
    for walk in ["..", ".", ""] {
        assert!(matches!(
            client.get(&request(walk)),
            Err(Error::Settings(_))
        ));
    }
    assert_eq!(forge.seen().len(), 1);
}

#[test]
fn pages_are_followed_within_the_origin_only() {
    let forge = numbered(|count, _| match count {
        0 => page("[1,2]").header(
            "link",
            "</p?page=1>; rel=\"first\", </p?page=2>; rel=\"next\"",
        ),
        _ => page("[3]"),
    });
    let (one, _) = client(&forge, secret());
    let all = one.list(&pulls(), None, 10).unwrap();
    assert_eq!(
        (all.items, all.is_complete),
        (vec![json!(1), json!(2), json!(3)], true)
    );

    let evil = Scripted::start(|_| page("[]"));
    let link = format!("<{}>; rel=next", evil.url("/p"));
    for link in [link, "<//evil.example/p>; rel=next".to_owned()] {
        let forge = Scripted::start(move |_| page("[1]").header("link", &link));
        let (client, _) = client(&forge, secret());
        let error = client.list(&pulls(), None, 10).unwrap_err();
        assert!(matches!(error, Error::Unusable { .. }), "{error}");
    }
    assert_eq!(evil.seen().len(), 0);
}

#[test]
fn what_the_forge_says_of_its_limit_is_counted() {
    let forge = Scripted::start(|_| {
        page("[]")
            .header("x-ratelimit-limit", "5000")
            .header("x-ratelimit-remaining", "4987")
            .header("x-ratelimit-reset", "1795262400")
    });
    let tally = Arc::new(Tally::default());
    let (client, _) = counting(&forge, secret(), Arc::clone(&tally));
    client.get(&pulls()).unwrap();
    let kept = tally.read().hosts;
    let allowance = Allowance {
        left: 4987,
        limit: Some(5000),
        resets: Timestamp::from_second(1_795_262_400).ok(),
    };
    assert_eq!(kept[client.host()].allowance, Some(allowance));
}

#[test]
fn pages_end() {
    let round =
        Scripted::start(|seen| page("[1]").header("link", &format!("<{}>; rel=next", seen.path)));
    let (one, _) = client(&round, secret());
    assert!(
        one.list(&pulls(), None, 10)
            .unwrap_err()
            .to_string()
            .contains("circle")
    );
    let endless = numbered(|count, _| page("[]").header("link", &format!("</{count}>; rel=next")));
    let (one, _) = client(&endless, secret());
    assert!(
        one.list(&pulls(), None, 10)
            .unwrap_err()
            .to_string()
            .contains("100 pages")
    );
    assert_eq!(endless.seen().len(), 100);
    let long = Scripted::start(|_| page("{\"runs\":[1,2,3]}"));
    let (one, _) = client(&long, secret());
    assert!(!one.list(&pulls(), Some("runs"), 2).unwrap().is_complete);
}

#[test]
fn an_unchanged_answer_comes_from_the_store() {
    let forge = Scripted::start(|seen| match seen.header("if-none-match") {
        Some("\"one\"") => Reply::status(304),
        _ => page("[7]").header("etag", "\"one\""),
    });
    let (client, _) = client(&forge, secret());
    for _ in 0..2 {
        let value: Value = client.get(&pulls()).unwrap().json("it", &pulls()).unwrap();
        assert_eq!(value, json!([7]));
    }
    assert_eq!(forge.seen().len(), 2);
}

#[test]
fn fault_12_a_lost_answer_is_asked_for_again_and_never_a_lost_write() {
    let forge = Scripted::start(|_| Reply::status(502));
    let (client, pauses) = client(&forge, secret());
    let read = client.get(&pulls());
    assert!(matches!(read, Err(Error::Unavailable { .. })));
    let written = client.write(&post());
    assert!(matches!(written, Err(Error::Unavailable { .. })));
    assert_eq!((forge.count("GET"), forge.count("POST")), (3, 1));
    assert_eq!(seconds(&pauses), [1, 2]);
}

#[test]
fn fault_13_short_limits_are_waited_for_and_long_ones_told() {
    let forge = numbered(|count, _| match count {
        0 => Reply::status(429).header("retry-after", "7"),
        _ => page("[]"),
    });
    let (one, pauses) = client(&forge, secret());
    one.write(&post()).unwrap();
    one.write(&post()).unwrap();
    assert_eq!(
        seconds(&pauses),
        [7, 1],
        "the limit, then the space between two writes"
    );

    let until = |reply: fn() -> Reply| {
        let forge = Scripted::start(move |_| reply());
        let (client, pauses) = client(&forge, secret());
        let error = client.get(&pulls()).unwrap_err();
        assert!(seconds(&pauses).is_empty());
        match error {
            Error::Limited { until, .. } => until.unwrap(),
            error => panic!("{error}"),
        }
    };
    let reset = || {
        Reply::status(403)
            .header("x-ratelimit-remaining", "0")
            .header("x-ratelimit-reset", "1000600")
    };
    assert_eq!(until(reset), "1970-01-12T13:56:40Z");
    let unsaid =
        || Reply::status(403).body("{\"message\":\"You have exceeded a secondary rate limit\"}");
    assert_eq!(until(unsaid), "1970-01-12T13:47:40Z");
}

#[test]
fn fault_14_a_token_that_rotates_is_read_again_after_a_401() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    std::fs::write(&path, "old\n").unwrap();
    let file = path.clone();
    let forge = Scripted::start(move |seen| match seen.header("authorization") {
        Some("Bearer new") => page("[]"),
        _ => {
            std::fs::write(&file, "new\n").unwrap();
            Reply::status(401)
        }
    });
    let (client, _) = client(&forge, Token::File(path));
    assert!(client.get(&pulls()).unwrap().is_success());
    assert_eq!(forge.seen().len(), 2);
}

#[test]
fn no_error_and_no_debug_has_the_token() {
    let said = "{\"message\":\"bad\\u001b[31m token s3cret-token\"}";
    for status in [401, 403, 404, 422, 500] {
        let forge = Scripted::start(move |_| Reply::status(status).body(said));
        let (client, _) = client(&forge, secret());
        let error = client
            .get(&pulls())
            .and_then(|answer| answer.check(client.host(), &pulls()))
            .unwrap_err();
        let text = format!("{error} {error:?} {client:?}");
        assert!(
            !text.contains("s3cret") && !error.to_string().contains('\u{1b}'),
            "{text}"
        );
    }
}

#[test]
fn a_redirect_is_not_followed() {
    let other = Scripted::start(|_| page("[]"));
    let place = other.url("/x");
    let forge = Scripted::start(move |_| Reply::redirect(&place));
    let (client, _) = client(&forge, secret());
    let answer = client.get(&pulls()).unwrap();
    assert!(matches!(
        answer.check("it", &pulls()),
        Err(Error::Unusable { .. })
    ));
    assert_eq!(other.seen().len(), 0);
}
