//! The daemon, as a process beside real registries and real Git.

mod activity;
mod beside;
mod builders;
mod copies;
mod day;
mod describing;
pub mod hooks;
mod settings;
mod story;
mod telling;
mod watching;

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::support::scene::{HOST, Scene};
use crate::support::wait::until;

/// A daemon that looks after the repositories of a scene.
pub struct Daemon {
    process: Child,
    log: PathBuf,
    file: PathBuf,
    host: String,
}

impl Daemon {
    /// With these repositories, and more settings.
    pub fn start(scene: &Scene, repositories: &[&str], more: &str) -> Self {
        Self::start_copy("server", scene, repositories, more)
    }

    /// One of several, with files of its own.
    fn start_copy(name: &str, scene: &Scene, repositories: &[&str], more: &str) -> Self {
        let file = scene.home().join(name).join("config.yaml");
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, settings(scene, repositories, more)).unwrap();
        let log = scene.home().join(format!("{name}.log"));
        let process = scene
            .command(&["serve", "--config", &file.to_string_lossy(), "-vv"])
            .env(
                "XDG_CACHE_HOME",
                scene.home().join(format!("cache-of-{name}")),
            )
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let daemon = Self {
            process,
            log,
            file,
            host: scene.registry.host(),
        };
        daemon.says("\"msg\":\"started\"");
        daemon
    }

    fn write_settings(&self, scene: &Scene, repositories: &[&str], more: &str) {
        fs::write(&self.file, settings(scene, repositories, more)).unwrap();
    }

    /// With [`HOST`] for the registry.
    fn log(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        log.replace(&self.host, HOST)
    }

    /// Waits until a line of the log has all of `texts`, separated by ` … `.
    #[track_caller]
    pub fn says(&self, texts: &str) -> String {
        let has_all = |line: &str| texts.split(" … ").all(|text| line.contains(text));
        until(&format!("{texts:?} in {}", self.log.display()), || {
            let log = self.log();
            log.lines().find(|line| has_all(line)).map(str::to_owned)
        })
    }

    fn count(&self, text: &str) -> usize {
        self.log()
            .lines()
            .filter(|line| line.contains(text))
            .count()
    }

    /// Waits until so many passes have ended.
    fn passes(&self, at_least: usize) {
        until(&format!("{at_least} passes"), || {
            (self.count("a pass has ended") >= at_least).then_some(())
        });
    }

    fn signal(&self, name: &str) {
        let id = self.process.id().to_string();
        let sent = Command::new("kill").args([name, &id]).status();
        assert!(sent.unwrap().success());
    }

    /// Its exit code after SIGTERM.
    pub fn ends(&mut self) -> i32 {
        self.signal("-TERM");
        self.process.wait().unwrap().code().unwrap_or(-1)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn settings(scene: &Scene, repositories: &[&str], more: &str) -> String {
    let repositories: Vec<String> = repositories
        .iter()
        .map(|url| format!("  - {{url: {url}}}\n"))
        .collect();
    let list = match repositories.is_empty() {
        true => "repositories: []\n".to_owned(),
        false => format!("repositories:\n{}", repositories.concat()),
    };
    let host = scene.registry.host();
    if more.starts_with("registries:") {
        return format!("{list}{more}");
    }
    format!(
        "registries: {{allow: [\"{host}\"], hosts: [{{host: \"{host}\", insecure: true}}]}}\n{list}{more}"
    )
}

/// A port of the loopback interface that nobody listens at.
pub fn free_port() -> u16 {
    let [port] = free_ports();
    port
}

/// Several, no two the same.
pub fn free_ports<const N: usize>() -> [u16; N] {
    // All are held until all are known.
    let listeners = [(); N].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners
        .each_ref()
        .map(|listener| listener.local_addr().unwrap().port())
}

/// A page of the status listener at `port`.
fn text(port: u16, path: &str) -> String {
    let mut connection = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: status\r\nConnection: close\r\n\r\n");
    connection.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{path}: {head}");
    body.to_owned()
}

/// The same as JSON.
fn get(port: u16, path: &str) -> Value {
    serde_json::from_str(&text(port, path)).unwrap()
}

/// No interval ends during a test.
const SELDOM: &str = "serve: {interval: 10h}\n";
