//! One run of a program: wall time, CPU time, peak memory.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// The shell's clock counts a child's user and system time in milliseconds; /proc has hundredths
/// of a second only.
const TIMED: &str = "TIMEFORMAT='%3R %3U %3S'; time \"$@\" >/dev/null";
/// Peak memory only grows, so that seldom looking misses little.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// What one run took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Measured {
    pub wall: Duration,
    /// User and system.
    pub cpu: Duration,
    pub peak_kib: u64,
}

/// Runs a program that must succeed, with its caches below `folder`.
pub fn run(program: &Path, words: &[&str], folder: &Path) -> Measured {
    let mut shell = Command::new("bash")
        .args(["-c", TIMED, "bash"])
        .arg(program)
        .args(words)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", folder)
        .env("XDG_CACHE_HOME", folder.join("cache"))
        .current_dir(folder)
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let peak_kib = peak_of_child(&mut shell);
    let output = shell.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{program:?} {words:?}: {said}");
    let times: Vec<f64> = said
        .lines()
        .last()
        .unwrap()
        .split(' ')
        .map(|seconds| seconds.parse().unwrap())
        .collect();
    Measured {
        wall: Duration::from_secs_f64(times[0]),
        cpu: Duration::from_secs_f64(times[1] + times[2]),
        peak_kib,
    }
}

/// Looks at what the shell runs until it has ended.
fn peak_of_child(shell: &mut Child) -> u64 {
    let id = shell.id();
    let children = format!("/proc/{id}/task/{id}/children");
    let mut peak = 0;
    while shell.try_wait().unwrap().is_none() {
        let running = fs::read_to_string(&children).unwrap_or_default();
        for child in running.split_whitespace() {
            peak = peak.max(high_water_mark(child).unwrap_or_default());
        }
        std::thread::sleep(LOOK_EVERY);
    }
    peak
}

/// In KiB.
fn high_water_mark(process: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// The run whose wall time is in the middle.
pub fn median(mut runs: Vec<Measured>) -> Measured {
    runs.sort_by_key(|run| run.wall);
    runs[runs.len() / 2]
}
