//! A relay before a server: what is asked through it, and for how long answers are waited for.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// One request, from its first byte to the last of its answer.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// `GET /path HTTP/1.1`
    pub line: String,
    begin: Instant,
    end: Instant,
}

/// A running relay. Its threads end with the process.
pub struct Tap {
    address: SocketAddr,
    exchanges: Arc<Mutex<Vec<Exchange>>>,
}

impl Tap {
    /// To a server at `127.0.0.1:<port>`.
    pub fn start(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let exchanges = Arc::new(Mutex::new(Vec::new()));
        let all = Arc::clone(&exchanges);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let server = TcpStream::connect(&server).unwrap();
                for stream in [&client, &server] {
                    stream.set_nodelay(true).unwrap();
                }
                relay(client, server, &all);
            }
        });
        Self { address, exchanges }
    }

    /// `127.0.0.1:<port>`
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// What was asked since the last call.
    pub fn take(&self) -> Vec<Exchange> {
        std::mem::take(&mut self.exchanges.lock().unwrap())
    }
}

/// Where a connection is: the exchange that it is in, and whether its answer has begun.
#[derive(Default)]
struct Turn {
    exchange: Option<usize>,
    is_answered: bool,
}

fn relay(client: TcpStream, server: TcpStream, all: &Arc<Mutex<Vec<Exchange>>>) {
    let turn = Arc::new(Mutex::new(Turn::default()));
    let (from, to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    let (exchanges, turns) = (Arc::clone(all), Arc::clone(&turn));
    thread::spawn(move || {
        copy(from, to, |bytes| asked(bytes, &exchanges, &turns), || {});
    });
    let exchanges = Arc::clone(all);
    thread::spawn(move || {
        copy(server, client, |_| {}, || answered(&exchanges, &turn));
    });
}

fn copy(mut from: TcpStream, mut to: TcpStream, before: impl Fn(&[u8]), after: impl Fn()) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        before(&buffer[..count]);
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
        after();
    }
    // The other direction may have bytes on the way.
    let _ = to.shutdown(Shutdown::Write);
}

fn asked(bytes: &[u8], exchanges: &Mutex<Vec<Exchange>>, turn: &Mutex<Turn>) {
    let mut turn = turn.lock().unwrap();
    if turn.exchange.is_some() && !turn.is_answered {
        return;
    }
    let line = bytes.split(|byte| *byte == b'\r').next().unwrap();
    let now = Instant::now();
    let mut exchanges = exchanges.lock().unwrap();
    exchanges.push(Exchange {
        line: String::from_utf8_lossy(line).into_owned(),
        begin: now,
        end: now,
    });
    *turn = Turn {
        exchange: Some(exchanges.len() - 1),
        is_answered: false,
    };
}

fn answered(exchanges: &Mutex<Vec<Exchange>>, turn: &Mutex<Turn>) {
    let mut turn = turn.lock().unwrap();
    turn.is_answered = true;
    let mut exchanges = exchanges.lock().unwrap();
    // None where what belongs to it was taken.
    if let Some(exchange) = turn.exchange.and_then(|place| exchanges.get_mut(place)) {
        exchange.end = Instant::now();
    }
}

/// The time in which at least one of them was waited for.
pub fn busy(exchanges: &[Exchange]) -> Duration {
    let mut spans: Vec<_> = exchanges.iter().map(|one| (one.begin, one.end)).collect();
    spans.sort();
    let mut sum = Duration::ZERO;
    let mut until = None;
    for (begin, end) in spans {
        let begin = until.map_or(begin, |until| begin.max(until));
        sum += end.saturating_duration_since(begin);
        until = Some(until.map_or(end, |until| end.max(until)));
    }
    sum
}
