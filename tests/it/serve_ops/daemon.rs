//! A daemon of the binary, its log, and its metrics listener.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

use crate::support::wait;

/// Killed when dropped.
pub struct Daemon {
    child: Child,
    log: Arc<Mutex<Vec<String>>>,
    address: String,
}

/// What a listener answers.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    /// Lower case.
    pub head: String,
    pub body: String,
}

/// By name and labels as they are written: `name{a="b"}`.
pub type Samples = BTreeMap<String, f64>;

impl Daemon {
    /// `serve` with this server file, and a metrics listener beside what is in it.
    pub fn start(command: impl Fn(&[&str]) -> Command, folder: &Path, file: &str) -> Self {
        let path = folder.join("config.yaml");
        fs::write(&path, file).unwrap();
        let path = path.display().to_string();
        let mut child = command(&["--log-format", "json", "--config", &path, "serve"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log: Arc<Mutex<Vec<String>>> = Arc::default();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let sink = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                sink.lock().unwrap().push(line);
            }
        });
        let mut daemon = Self {
            child,
            log,
            address: String::new(),
        };
        daemon.address = wait::until("the metrics listener", || {
            assert!(
                daemon.child.try_wait().unwrap().is_none(),
                "{:?}",
                daemon.log()
            );
            let log = daemon.log();
            let line = log
                .iter()
                .find(|line| line["msg"] == "listening for metrics")?;
            Some(line["address"].as_str().unwrap().to_owned())
        });
        daemon
    }

    /// The lines of the log so far.
    pub fn log(&self) -> Vec<Value> {
        let log = self.log.lock().unwrap();
        log.iter()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}")))
            .collect()
    }

    pub fn get(&self, path: &str) -> Answer {
        self.ask("GET", path)
    }

    pub fn ask(&self, method: &str, path: &str) -> Answer {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let patience = Some(Duration::from_secs(30));
        stream.set_read_timeout(patience).unwrap();
        let request = format!("{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        Answer {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            head: head.to_ascii_lowercase(),
            body: body.to_owned(),
        }
    }

    pub fn metrics(&self) -> Samples {
        let answer = self.get("/metrics");
        assert_eq!(answer.status, 200, "{answer:?}");
        let lines = answer.body.lines().filter(|line| !line.starts_with('#'));
        let sample = |line: &str| {
            let (name, value) = line.rsplit_once(' ').unwrap();
            (name.to_owned(), value.parse().unwrap())
        };
        lines.map(sample).collect()
    }

    /// Waits until a sample is as it is to be.
    #[track_caller]
    pub fn until(&self, name: &str, is_it: impl Fn(f64) -> bool) -> Samples {
        wait::until(name, || {
            let samples = self.metrics();
            let value = samples.get(name).copied();
            value.is_some_and(&is_it).then_some(samples)
        })
    }

    /// Waits for an answer with this status.
    pub fn until_status(&self, path: &str, status: u16) -> Answer {
        wait::until(path, || {
            let answer = self.get(path);
            (answer.status == status).then_some(answer)
        })
    }

    /// The exit code after SIGTERM.
    pub fn end(&mut self) -> Option<i32> {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &id]).status();
        assert!(sent.unwrap().success());
        self.child.wait().unwrap().code()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
