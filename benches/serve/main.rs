//! What the daemon costs while nothing changes.
//!
//! `cargo bench --bench serve -- [--repositories N] [--tags N] [--hosts N] [--interval SECONDS]
//! [--program PATH]`
//!
//! Each of N bare repositories follows N tags, spread over N hosts, which answer from this process.
//! After all are pinned, processor time and memory are read over one interval; then the daemon is
//! started again, with its caches.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a benchmark may stop"
)]

use std::fmt::Write as _;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderName, Method, Uri};
use axum::response::{IntoResponse as _, Response};
use headwater::image::Digest;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// Processor time is counted in these.
const TICKS_A_SECOND: f64 = 100.0;

struct Settings {
    repositories: usize,
    tags: usize,
    hosts: usize,
    interval: u64,
    program: PathBuf,
}

fn main() {
    let settings = Settings::read();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let hosts: Vec<String> = (0..settings.hosts)
        .map(|_| runtime.block_on(host()))
        .collect();
    let folder = tempfile::tempdir().unwrap();
    let mut urls = Vec::new();
    for number in 0..settings.repositories {
        let path = folder.path().join(format!("repository-{number:03}.git"));
        make(&path, number, &hosts, &settings);
        urls.push(path);
    }
    let port = free_port();
    let file = folder.path().join("config.yaml");
    fs::write(&file, server_file(&settings, &hosts, &urls, port)).unwrap();
    say("| what | measured | wanted |\n|---|---|---|");
    let mut daemon = Daemon::start(&settings, &file, folder.path());
    let begun = Instant::now();
    daemon.is_ready(port);
    say(&format!(
        "| first pins of all | {:.1} s | |",
        begun.elapsed().as_secs_f64()
    ));
    // What was written is looked at once more.
    std::thread::sleep(Duration::from_secs(5));
    let (cpu, memory) = daemon.costs(Duration::from_secs(settings.interval));
    let share = cpu / settings.interval as f64 * 100.0;
    say(&format!(
        "| processor over one interval of {} s | {cpu:.1} s, {share:.1} % of a core | under 5 % |",
        settings.interval
    ));
    say(&format!("| memory on average | {memory} MiB | under 150 |"));
    drop(daemon);
    let begun = Instant::now();
    let mut daemon = Daemon::start(&settings, &file, folder.path());
    daemon.has_begun(port);
    say(&format!(
        "| start to first pass, warm | {:.1} s | under 5 |",
        begun.elapsed().as_secs_f64()
    ));
    daemon.is_ready(port);
    say(&format!(
        "| start to all passes, warm | {:.1} s | |",
        begun.elapsed().as_secs_f64()
    ));
}

impl Settings {
    fn read() -> Self {
        let mut settings = Self {
            repositories: 100,
            tags: 100,
            hosts: 20,
            interval: 300,
            program: env!("CARGO_BIN_EXE_headwater").into(),
        };
        let words: Vec<String> = std::env::args()
            .skip(1)
            .filter(|word| word != "--bench")
            .collect();
        for pair in words.chunks(2) {
            let [name, value] = pair else {
                panic!("{} has no value", pair[0]);
            };
            let number = || value.parse().expect("a number");
            match name.as_str() {
                "--repositories" => settings.repositories = number(),
                "--tags" => settings.tags = number(),
                "--hosts" => settings.hosts = number(),
                "--interval" => settings.interval = value.parse().expect("a number"),
                "--program" => settings.program = value.into(),
                _ => panic!("unknown: {name}"),
            }
        }
        settings
    }
}

#[allow(clippy::print_stdout, reason = "this is what a benchmark is for")]
fn say(line: &str) {
    println!("{line}");
}

/// A registry that has an image of its own in every repository, under every tag.
async fn host() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().fallback(answer);
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    address.to_string()
}

async fn answer(method: Method, uri: Uri) -> Response {
    let Some((repository, _)) = uri.path().split_once("/manifests/") else {
        return "{}".into_response();
    };
    let manifest = format!(
        "{{\"schemaVersion\":2,\"mediaType\":\"{MANIFEST}\",\"config\":{{\"mediaType\":\"application/vnd.oci.image.config.v1+json\",\"digest\":\"{}\",\"size\":2}},\"layers\":[]}}",
        Digest::of(repository.as_bytes())
    );
    let digest = Digest::of(manifest.as_bytes()).to_string();
    let head = [
        (CONTENT_TYPE, MANIFEST.to_owned()),
        (CONTENT_LENGTH, manifest.len().to_string()),
        (HeaderName::from_static("docker-content-digest"), digest),
    ];
    match method == Method::HEAD {
        true => (head, String::new()).into_response(),
        false => (head, manifest).into_response(),
    }
}

fn make(repository: &Path, number: usize, hosts: &[String], settings: &Settings) {
    let (tags, interval) = (settings.tags, settings.interval);
    let made = Command::new("git")
        .args(["init", "-q", "--bare", "-b", "main"])
        .arg(repository)
        .status();
    assert!(made.unwrap().success());
    let mut text = "commit refs/heads/main\ncommitter Bench <bench@example.invalid> 1700000000 +0000\ndata 5\nbegin\n".to_owned();
    let mut file = |path: &str, content: &str| {
        let size = content.len();
        let _ = write!(text, "M 100644 inline {path}\ndata {size}\n{content}\n");
    };
    file(
        "headwater.yaml",
        &format!(
            "apiVersion: headwater.dev/v1alpha1\nkind: Config\nspec:\n  environments: [{{name: dev, delivery: commit}}]\n  imports: {{interval: {interval}s}}\n"
        ),
    );
    for tag in 0..tags {
        let host = &hosts[(number * tags + tag) % hosts.len()];
        file(
            &format!("streams/app-{tag:03}.yaml"),
            &format!(
                "apiVersion: image.openshift.io/v1\nkind: ImageStream\nmetadata:\n  name: app-{tag:03}\n  namespace: shop\nspec:\n  tags:\n    - name: latest\n      from:\n        kind: DockerImage\n        name: {host}/r{number}/app-{tag:03}:latest\n      importPolicy:\n        scheduled: true\n"
            ),
        );
    }
    let mut import = Command::new("git")
        .args(["fast-import", "--quiet"])
        .current_dir(repository)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    import
        .stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    assert!(import.wait().unwrap().success());
}

fn server_file(settings: &Settings, hosts: &[String], urls: &[PathBuf], port: u16) -> String {
    let quoted: Vec<String> = hosts.iter().map(|host| format!("\"{host}\"")).collect();
    let mut text = format!("registries:\n  allow: [{}]\n  hosts:\n", quoted.join(", "));
    for host in &quoted {
        let _ = writeln!(text, "    - {{host: {host}, insecure: true}}");
    }
    text.push_str("repositories:\n");
    for url in urls {
        let _ = writeln!(text, "  - {{url: {}}}", url.display());
    }
    let interval = settings.interval;
    let _ = writeln!(
        text,
        "serve: {{interval: {interval}s, metrics: {{listen: \"127.0.0.1:{port}\"}}}}"
    );
    text
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

struct Daemon(Child);

impl Daemon {
    fn start(settings: &Settings, file: &Path, folder: &Path) -> Self {
        let child = Command::new(&settings.program)
            .args(["serve", "-q", "--config"])
            .arg(file)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", folder)
            .env("XDG_CACHE_HOME", folder.join("cache"))
            .stdin(Stdio::null())
            .spawn();
        Self(child.unwrap())
    }

    fn until(&mut self, what: impl Fn() -> bool) {
        while !what() {
            assert!(self.0.try_wait().unwrap().is_none(), "the daemon has ended");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn is_ready(&mut self, port: u16) {
        self.until(|| get(port, "/readyz").starts_with("HTTP/1.1 200"));
    }

    fn has_begun(&mut self, port: u16) {
        self.until(|| {
            let metrics = get(port, "/metrics");
            metrics.lines().any(|line| {
                line.starts_with("headwater_reconcile_total")
                    && line.contains("result=\"ok\"")
                    && !line.ends_with(" 0")
            })
        });
    }

    /// Seconds of processor time over this while, and the average memory in MiB.
    fn costs(&self, over: Duration) -> (f64, u64) {
        let id = self.0.id();
        let (begun, before) = (Instant::now(), processor_time(id));
        let mut memory = Vec::new();
        while begun.elapsed() < over {
            std::thread::sleep(Duration::from_secs(1));
            memory.push(resident_mib(id));
        }
        let average = memory.iter().sum::<u64>() / memory.len().max(1) as u64;
        (processor_time(id) - before, average)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let id = self.0.id().to_string();
        let _ = Command::new("kill").args(["-TERM", &id]).status();
        let _ = self.0.wait();
    }
}

fn get(port: u16, path: &str) -> String {
    let Ok(mut connection) = TcpStream::connect(("127.0.0.1", port)) else {
        return String::new();
    };
    let request = format!("GET {path} HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n");
    let mut answer = String::new();
    let _ = connection.write_all(request.as_bytes());
    let _ = connection.read_to_string(&mut answer);
    answer
}

fn processor_time(id: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap();
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .collect();
    let ticks = |at: usize| fields[at].parse::<f64>().unwrap();
    (ticks(11) + ticks(12)) / TICKS_A_SECOND
}

fn resident_mib(id: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib / 1024
}
