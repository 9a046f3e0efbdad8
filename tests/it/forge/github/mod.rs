//! What is GitHub's own.

mod answers;
mod apps;
mod etags;
mod gates;
mod merging;
mod people;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use headwater::forge::github::GitHub;
use headwater::forge::http::{Options, Timeouts, Token};
use jiff::Timestamp;

use crate::support::scripted::{Reply, Scripted, Seen};

type Pauses = Arc<Mutex<Vec<Duration>>>;

/// A time that stands until a test sets it.
#[derive(Clone)]
struct Clock(Arc<Mutex<Timestamp>>);

impl Clock {
    fn at(time: &str) -> Self {
        Self(Arc::new(Mutex::new(time.parse().unwrap())))
    }

    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }

    fn set(&self, now: Timestamp) {
        *self.0.lock().unwrap() = now;
    }
}

fn options(base: &str, clock: &Clock, pauses: &Pauses) -> Options {
    let (clock, pauses) = (clock.clone(), Arc::clone(pauses));
    Options {
        base: base.parse().unwrap(),
        allows_plain: true,
        token: Token::Value("s3cret-token".into()),
        ca_files: Vec::new(),
        user_agent: "headwater".to_owned(),
        timeouts: Timeouts::default(),
        now: Arc::new(move || clock.now()),
        pause: Arc::new(move |pause| pauses.lock().unwrap().push(pause)),
        tally: Arc::default(),
    }
}

/// A client of a server that answers as a test says, and the pauses that it made.
fn scripted(script: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> (Scripted, GitHub, Pauses) {
    let forge = Scripted::start(script);
    let pauses = Pauses::default();
    let clock = Clock::at("2026-08-23T07:40:00Z");
    let options = options(&forge.url("/api/v3"), &clock, &pauses);
    let client = GitHub::new(options, "acme", "shop").unwrap();
    (forge, client, pauses)
}

fn said(status: u16, body: &serde_json::Value) -> Reply {
    Reply::status(status)
        .header("content-type", "application/json")
        .body(body.to_string())
}
