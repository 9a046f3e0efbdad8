//! Servers as child processes: started, waited for, and ended with all that they started.

use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(30);

/// A process and its children.
#[derive(Debug)]
pub struct Process(Child);

impl Process {
    pub fn start(command: &mut Command) -> Self {
        let name = format!("{command:?}");
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn();
        Self(child.unwrap_or_else(|error| panic!("{name}: {error}")))
    }

    fn is_running(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let group = format!("-{}", self.0.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
        let _ = self.0.wait();
    }
}

/// A port of the loopback interface that nobody listens at.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

/// Starts a server at a free port; takes another one when somebody else was faster.
pub fn listening(mut start: impl FnMut(u16) -> Process) -> (Process, u16) {
    for _ in 0..5 {
        let port = free_port();
        let mut process = start(port);
        let is_up =
            until(|| !process.is_running() || TcpStream::connect(("127.0.0.1", port)).is_ok());
        if is_up && process.is_running() {
            return (process, port);
        }
    }
    panic!("a server does not come up");
}

/// Waits for a socket to appear.
pub fn wait_for(path: &Path) {
    assert!(
        until(|| path.exists()),
        "{} does not appear",
        path.display()
    );
}

/// Waits for a condition; false when it does not come.
pub fn until(mut condition: impl FnMut() -> bool) -> bool {
    let begin = Instant::now();
    while begin.elapsed() < PATIENCE {
        if condition() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    false
}
