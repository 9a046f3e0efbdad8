//! What every process tells, under the names that Prometheus' own clients use; from Linux' /proc,
//! and on other systems none but the start.

use std::fs;

use jiff::Timestamp;

use crate::serve::metrics::exposition::{Exposition, Labels};

/// Of what Linux counts processor time in; the same on all architectures that matter (USER_HZ).
const TICKS_PER_SECOND: f64 = 100.0;

pub fn add(out: &mut Exposition, started: Timestamp) {
    let one = |value: f64| [(Labels::new(), value)];
    out.gauges(
        "process_start_time_seconds",
        "When the process began",
        one(started.as_second() as f64),
    );
    if let Some(seconds) = processor_seconds() {
        let help = "Processor time, of the system and of the user";
        out.counter("process_cpu_seconds", help, seconds);
    }
    for (name, help, value) in [
        (
            "process_resident_memory_bytes",
            "Memory that is in use",
            number_after("/proc/self/status", "VmRSS:").map(|kibibytes| kibibytes * 1024.0),
        ),
        (
            "process_open_fds",
            "File descriptors that are open",
            fs::read_dir("/proc/self/fd")
                .ok()
                .map(|entries| entries.count() as f64),
        ),
        (
            "process_max_fds",
            "File descriptors that may be open",
            number_after("/proc/self/limits", "Max open files"),
        ),
    ] {
        if let Some(value) = value {
            out.gauges(name, help, one(value));
        }
    }
}

/// The fields 14 and 15 of proc_pid_stat(5). The second one, in brackets, is the program's name.
fn processor_seconds() -> Option<f64> {
    let text = fs::read_to_string("/proc/self/stat").ok()?;
    let (_, after_name) = text.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / TICKS_PER_SECOND)
}

/// The first number in the line that begins so.
fn number_after(file: &str, begin: &str) -> Option<f64> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(begin))?;
    line.split_whitespace().next()?.parse().ok()
}
