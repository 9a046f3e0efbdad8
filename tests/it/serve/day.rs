//! A day of the daemon in half a minute, with faults of all kinds: what it holds does not grow.

use std::cell::RefCell;
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use headwater::cli::serve::hands;
use headwater::clock::Clock;
use headwater::telemetry::{self, LogFormat, Verbosity};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::serve::free_ports;
use crate::support::git::HttpServer;
use crate::support::scene::{HOST, Scene, deployment, stream};
use crate::support::scripted::{Reply, Scripted};
use crate::support::wait::until;

/// Where the process of the daemon finds its server file.
const FILE: &str = "HEADWATER_TEST_DAY";
/// The clock of the test: an hour is a second and a quarter.
const SPEED: u32 = 2_880;
const HOURS: i64 = 24;
/// Caches and threads have come by then.
const SETTLED: usize = 8;
const SECRET: &str = "a secret of some length";
const INTERVAL: i64 = 300;

/// What the process holds at the end of an hour.
#[derive(Clone, Copy, Debug)]
struct Held {
    threads: u64,
    descriptors: u64,
    kibibytes: u64,
}

/// The parts that the daemon depends on, and what an hour does to them.
struct Day {
    scene: Scene,
    remote: HttpServer,
    second: PathBuf,
    hooks: u16,
    status: u16,
    file: PathBuf,
    odd: Scripted,
    deaf: Scripted,
    /// The digest that was pushed last.
    last: RefCell<String>,
}

#[test]
fn a_day_of_faults_leaves_threads_descriptors_and_memory_flat() {
    let day = Day::begin();
    let mut daemon = day.daemon();
    let begun = until("the status page", || {
        let ended = daemon.try_wait().unwrap();
        assert!(ended.is_none(), "{ended:?}: {}", day.log());
        day.now()
    });
    let mut held = Vec::new();
    for hour in 1..=HOURS {
        day.happens(hour);
        let end = begun.checked_add(SignedDuration::from_hours(hour)).unwrap();
        until("the end of the hour", || {
            day.storm(hour);
            (day.now()? >= end).then_some(())
        });
        held.push(Held::of(daemon.id()));
    }
    let passes = day.passes();
    println!(
        "{passes} passes, {} odd, {} deaf",
        day.odd.seen().len(),
        day.deaf.seen().len()
    );
    day.is_well();
    let id = daemon.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-TERM", &id])
            .status()
            .unwrap()
            .success()
    );
    let ended = daemon.wait().unwrap();
    assert!(ended.success(), "{ended}: {}", day.log());

    // A part of them was made, however busy the machine is: the day was one.
    let least = (HOURS * 3600 / INTERVAL / 4) as u64;
    assert!(passes >= least, "{passes} passes, {least} expected");
    let log = day.log();
    for fault in [
        "new settings are wrong",
        "new settings are in force",
        "a webhook is not authentic",
        "an event is dropped",
        "\"failed: ",
        "works again",
    ] {
        assert!(log.contains(fault), "{fault:?} in {log}");
    }
    assert!(day.odd.seen().len() > 8 && !day.deaf.seen().is_empty());
    // Whatever is sent, a hook is a line a minute at most.
    let hook = log
        .lines()
        .filter(|line| line.contains("webhook") && !line.contains("debug"));
    assert!(hook.count() < HOURS as usize * 60 + 2);

    let (early, late) = held.split_at(SETTLED * 2);
    let early = &early[SETTLED..];
    let most = |of: fn(&Held) -> u64, held: &[Held]| held.iter().map(of).max().unwrap();
    let threads = |held: &Held| held.threads;
    assert!(most(threads, late) <= most(threads, early) + 2, "{held:?}");
    let descriptors = |held: &Held| held.descriptors;
    assert!(
        most(descriptors, late) <= most(descriptors, early) + 8,
        "{held:?}"
    );
    // An allocator's rounding, and a history that is some commits longer.
    let memory = |held: &Held| held.kibibytes;
    assert!(
        most(memory, late) <= most(memory, early) * 11 / 10,
        "{held:?}"
    );
}

/// The process of the test above: the daemon, with a clock that is fast. Without its file it is no
/// test.
#[test]
fn the_daemon_of_a_day() {
    let Some(file) = std::env::var_os(FILE).map(PathBuf::from) else {
        return;
    };
    telemetry::start(LogFormat::Json, Verbosity::Debug);
    let hands = hands(file.parent().unwrap(), Some(&file), Clock::fast(SPEED));
    let config = (hands.settings)().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime
        .block_on(headwater::serve::run(hands, config, None))
        .unwrap();
    runtime.shutdown_background();
}

impl Held {
    fn of(process: u32) -> Self {
        let folder = Path::new("/proc").join(process.to_string());
        let status = fs::read_to_string(folder.join("status")).unwrap();
        let field = |name: &str| -> u64 {
            let line = status
                .lines()
                .find_map(|line| line.strip_prefix(name))
                .unwrap();
            line.split_whitespace().next().unwrap().parse().unwrap()
        };
        Self {
            threads: field("Threads:"),
            descriptors: fs::read_dir(folder.join("fd")).unwrap().count() as u64,
            kibibytes: field("VmRSS:"),
        }
    }
}

impl Day {
    fn begin() -> Self {
        // Each answer another fault, and none that makes anybody wait.
        let odd = Scripted::start({
            let count = std::sync::atomic::AtomicU32::new(0);
            move |seen| {
                let json = "application/vnd.oci.image.manifest.v1+json";
                match count.fetch_add(1, std::sync::atomic::Ordering::Relaxed) % 8 {
                    0 => Reply::status(500),
                    1 => Reply::status(429).header("retry-after", "1"),
                    2 => Reply::ok(json, "{"),
                    3 => Reply::ok(json, "[]").short_by(7),
                    4 => Reply::redirect("http://169.254.169.254/latest"),
                    5 => Reply::bearer("https://elsewhere.example/token"),
                    6 => Reply::status(404),
                    _ => Reply::ok("text/html", format!("<h1>{}</h1>", seen.path)),
                }
            }
        });
        let [hooks, status, nobody] = free_ports();
        let deaf = Scripted::start(|_| Reply::status(503));
        let scene = Scene::of(&[
            ("streams/web.yaml", &stream("shop", "web", "1")),
            ("web.yaml", &deployment("shop", "web", "1")),
            ("streams/odd.yaml", &elsewhere("odd", &odd.host())),
            ("odd.yaml", &deployment("shop", "odd", "1")),
            (
                "streams/gone.yaml",
                &elsewhere("gone", &format!("127.0.0.1:{nobody}")),
            ),
            ("gone.yaml", &deployment("shop", "gone", "1")),
        ]);
        scene.image("acme/web", "1", "the first");
        let remote = HttpServer::start(&scene.origin);
        let second = scene.home().join("second.git");
        scene
            .origin
            .git(&["clone", "-q", "--bare", ".", &second.to_string_lossy()]);
        let day = Self {
            remote,
            second,
            hooks,
            status,
            file: scene.home().join("config.yaml"),
            scene,
            odd,
            deaf,
            last: RefCell::default(),
        };
        fs::write(day.scene.home().join("secret"), SECRET).unwrap();
        day.settings("");
        day
    }

    fn settings(&self, more: &str) {
        let secret = self.scene.home().join("secret");
        let secret = secret.display();
        let (registry, odd) = (self.scene.registry.host(), self.odd.host());
        let text = format!(
            "registries:
  allow: [\"127.0.0.1:*\"]
  hosts: [{{host: \"{registry}\", insecure: true}}, {{host: \"{odd}\", insecure: true}}]
repositories:
  - {{name: shop, url: \"{}\"}}
  - {{name: second, url: \"{}\"}}
  - {{name: never, url: \"{}\"}}
serve:
  interval: {INTERVAL}s
  hooks: {{listen: \"127.0.0.1:{}\"}}
  status: {{listen: \"127.0.0.1:{}\"}}
hooks: [{{name: images, kind: distribution, secretFile: {secret}}}]
events: [{{url: \"http://{}/events\", secretFile: {secret}, types: [imageMoved, pullRequestOpened, failed]}}]
{more}",
            self.remote.url(),
            self.second.display(),
            self.scene.home().join("never.git").display(),
            self.hooks,
            self.status,
            self.deaf.host(),
        );
        fs::write(&self.file, text).unwrap();
    }

    fn daemon(&self) -> Dying {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "serve::day::the_daemon_of_a_day", "--nocapture"])
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.scene.home())
            .env("XDG_CACHE_HOME", self.scene.home().join("cache"))
            .env(FILE, &self.file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(self.scene.home().join("daemon.log")).unwrap())
            .spawn()
            .unwrap();
        Dying(child)
    }

    /// What goes wrong in an hour, and well again in a later one.
    fn happens(&self, hour: i64) {
        let away = self.second.with_extension("away");
        match hour % 6 {
            0 => {
                let image = format!("image of hour {hour}");
                let digest = self.scene.image("acme/web", "1", &image);
                self.last.replace(digest.to_string());
            }
            1 => self.settings("no: setting\n"),
            2 => self.settings("git: {author: {name: other}}\n"),
            3 => {
                fs::rename(&self.second, &away).unwrap();
                self.scene
                    .commit(&[("broken.yaml", "kind: ImageStream\n  a: [\n")], "break");
            }
            4 => {
                fs::rename(&away, &self.second).unwrap();
                self.scene.commit(&[("broken.yaml", "a: b\n")], "mend");
            }
            _ => {
                // Caches may be deleted at any time.
                let _ = fs::remove_dir_all(self.scene.home().join("cache"));
                self.settings("");
                for branch in self.scene.bot_branches() {
                    self.scene.merge(&branch);
                }
            }
        }
    }

    /// Webhooks without end, every other one forged, all of an hour saying the same.
    fn storm(&self, hour: i64) {
        let body = format!(
            "{{\"events\": [{{\"id\": \"{hour}\", \"action\": \"push\", \"target\": {{\"repository\": \"acme/web\", \"tag\": \"1\"}}, \"request\": {{\"host\": \"{}\"}}}}]}}",
            self.scene.registry.host()
        );
        for secret in [SECRET, "another secret of some length"] {
            let _ = exchange(
                self.hooks,
                &format!(
                    "POST /hook/images HTTP/1.1\r\nHost: hooks\r\nConnection: close\r\nAuthorization: Bearer {secret}\r\nContent-Type: application/vnd.docker.distribution.events.v2+json\r\nContent-Length: {}\r\n\r\n{body}",
                    body.len()
                ),
            );
        }
    }

    fn get(&self, path: &str) -> Option<String> {
        let request = format!("GET {path} HTTP/1.1\r\nHost: status\r\nConnection: close\r\n\r\n");
        let answer = exchange(self.status, &request)?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        head.starts_with("HTTP/1.1 200").then(|| body.to_owned())
    }

    fn state(&self) -> Option<Value> {
        serde_json::from_str(&self.get("/state.json")?).ok()
    }

    /// By the daemon's clock.
    fn now(&self) -> Option<Timestamp> {
        self.get("/")?;
        self.state()?["now"].as_str()?.parse().ok()
    }

    /// Of the repository that has no rest.
    fn passes(&self) -> u64 {
        let log = self.log();
        log.lines()
            .filter(|line| line.contains("a pass has ended") && line.contains("\"shop\""))
            .count() as u64
    }

    /// What was pushed last is proposed, or is there.
    fn is_well(&self) {
        let last = self.last.borrow().clone();
        until("the last image in Git", || {
            let branch = self.scene.bot_branches().pop();
            let places = ["main".to_owned()].into_iter().chain(branch);
            let mut files = places.map(|place| self.scene.origin.show(&place, "web.yaml"));
            files.any(|file| file.contains(&last)).then_some(())
        });
    }

    fn log(&self) -> String {
        fs::read_to_string(self.scene.home().join("daemon.log")).unwrap_or_default()
    }
}

/// Killed when dropped.
struct Dying(Child);

impl std::ops::Deref for Dying {
    type Target = Child;
    fn deref(&self) -> &Child {
        &self.0
    }
}

impl std::ops::DerefMut for Dying {
    fn deref_mut(&mut self) -> &mut Child {
        &mut self.0
    }
}

impl Drop for Dying {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn exchange(port: u16, request: &str) -> Option<String> {
    let mut connection = TcpStream::connect(("127.0.0.1", port)).ok()?;
    connection.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer).ok()?;
    Some(answer)
}

/// A stream that follows another registry.
fn elsewhere(name: &str, host: &str) -> String {
    stream("shop", name, "1").replace(HOST, host)
}
