//! An HTTP server that answers as a test says, down to the bytes, and writes down what it saw.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Seen {
    pub method: String,
    /// With the query.
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    pub fn is_authorized(&self) -> bool {
        self.header("authorization").is_some()
    }
}

/// What is sent back.
#[derive(Clone, Debug)]
pub struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    ending: Ending,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Ending {
    Whole,
    /// The header promises this many bytes more than come.
    Short(usize),
    /// Nothing is sent, and the connection stays open.
    Silent,
    /// The body is promised and never comes.
    Stalled,
    /// The body never ends.
    Endless,
    /// Nothing is sent, and the connection ends.
    Closed,
}

impl Reply {
    pub fn status(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Vec::new(),
            ending: Ending::Whole,
        }
    }

    pub fn ok(content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::status(200)
            .header("content-type", content_type)
            .body(body)
    }

    pub fn redirect(location: &str) -> Self {
        Self::status(307).header("location", location)
    }

    pub fn bearer(realm: &str) -> Self {
        Self::status(401).header(
            "www-authenticate",
            &format!("Bearer realm=\"{realm}\",service=\"scripted\",scope=\"repository:a/b:pull\""),
        )
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    pub fn short_by(mut self, bytes: usize) -> Self {
        self.ending = Ending::Short(bytes);
        self
    }

    pub fn silent() -> Self {
        Self {
            ending: Ending::Silent,
            ..Self::status(200)
        }
    }

    pub fn closed() -> Self {
        Self {
            ending: Ending::Closed,
            ..Self::status(200)
        }
    }

    /// The status that is sent; None where nothing is.
    pub fn code(&self) -> Option<u16> {
        (!matches!(self.ending, Ending::Closed | Ending::Silent)).then_some(self.status)
    }

    pub fn stalled(mut self) -> Self {
        self.ending = Ending::Stalled;
        self
    }

    pub fn endless(mut self) -> Self {
        self.ending = Ending::Endless;
        self
    }
}

type Script = dyn Fn(&Seen) -> Reply + Send + Sync;

/// A running scripted server.
pub struct Scripted {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    is_over: Arc<AtomicBool>,
}

impl Scripted {
    pub fn start(script: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let is_over = Arc::new(AtomicBool::new(false));
        let script: Arc<Script> = Arc::new(script);
        let (all_seen, over) = (Arc::clone(&seen), Arc::clone(&is_over));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if over.load(Ordering::SeqCst) {
                    return;
                }
                let (script, seen) = (Arc::clone(&script), Arc::clone(&all_seen));
                thread::spawn(move || {
                    // A client that hangs up is none of the server's business.
                    let _ = serve(stream, &script, &seen);
                });
            }
        });
        Self {
            address,
            seen,
            is_over,
        }
    }

    /// `127.0.0.1:<port>`
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// What came so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub fn count(&self, method: &str) -> usize {
        self.seen()
            .iter()
            .filter(|seen| seen.method == method)
            .count()
    }

    pub fn authorized(&self) -> usize {
        self.seen()
            .iter()
            .filter(|seen| seen.is_authorized())
            .count()
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(
    mut stream: TcpStream,
    script: &Arc<Script>,
    seen: &Mutex<Vec<Seen>>,
) -> std::io::Result<()> {
    // Else an answer on a connection that is used again waits for the other side's receipt.
    stream.set_nodelay(true)?;
    let mut first = [0];
    if stream.peek(&mut first)? == 0 {
        return Ok(());
    }
    if first == [0x16] {
        // TLS where there is none: what Go's server and nginx say.
        return stream.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
    }
    let mut reader = BufReader::new(stream.try_clone()?);
    while let Some(request) = read_request(&mut reader)? {
        let is_head = request.method == "HEAD";
        seen.lock().unwrap().push(request.clone());
        let reply = script(&request);
        if !send(&mut stream, &reply, is_head)? {
            return Ok(());
        }
    }
    Ok(())
}

fn read_request(reader: &mut BufReader<TcpStream>) -> std::io::Result<Option<Seen>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace().map(str::to_owned);
    let (Some(method), Some(path)) = (words.next(), words.next()) else {
        return Ok(None);
    };
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let mut request = Seen {
        method,
        path,
        headers,
        body: String::new(),
    };
    let length: u64 = request
        .header("content-length")
        .and_then(|length| length.parse().ok())
        .unwrap_or(0);
    reader.take(length).read_to_string(&mut request.body)?;
    Ok(Some(request))
}

/// Whether the connection can go on.
fn send(stream: &mut TcpStream, reply: &Reply, is_head: bool) -> std::io::Result<bool> {
    let wait_for_the_end = |stream: &mut TcpStream| -> std::io::Result<bool> {
        while stream.read(&mut [0; 64])? != 0 {}
        Ok(false)
    };
    if reply.ending == Ending::Silent {
        return wait_for_the_end(stream);
    }
    if reply.ending == Ending::Closed {
        return Ok(false);
    }
    let mut head = format!("HTTP/1.1 {} Scripted\r\n", reply.status);
    for (name, value) in &reply.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let more = match reply.ending {
        Ending::Short(more) => more,
        Ending::Stalled => 1,
        _ => 0,
    };
    if reply.ending == Ending::Endless {
        head.push_str("transfer-encoding: chunked\r\n\r\n1\r\n{\r\n");
    } else {
        head.push_str(&format!(
            "content-length: {}\r\n\r\n",
            reply.body.len() + more
        ));
    }
    stream.write_all(head.as_bytes())?;
    if is_head {
        return Ok(true);
    }
    if reply.ending != Ending::Endless {
        stream.write_all(&reply.body)?;
    }
    match reply.ending {
        Ending::Whole => Ok(true),
        Ending::Stalled => wait_for_the_end(stream),
        Ending::Endless => loop {
            stream.write_all(b"8\r\n        \r\n")?;
        },
        Ending::Short(_) | Ending::Silent | Ending::Closed => Ok(false),
    }
}
