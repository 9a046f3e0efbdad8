//! `sshd` on the loopback interface, with keys of its own, and `ssh-agent`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::support::git::Repo;
use crate::support::git::http::is_root;
use crate::support::git::process::{Process, listening, wait_for};

/// Lets one key in, as the user that runs the tests.
#[derive(Debug)]
pub struct SshServer {
    repository: PathBuf,
    port: u16,
    _sshd: Process,
    folder: TempDir,
}

impl SshServer {
    pub fn start(bare: &Repo) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for key in ["host", "client", "stranger"] {
            generate(&folder.path().join(key));
        }
        fs::copy(
            folder.path().join("client.pub"),
            folder.path().join("authorized"),
        )
        .unwrap();
        if is_root() {
            // Where sshd locks itself in before the login.
            fs::create_dir_all("/run/sshd").unwrap();
        }
        let (sshd, port) = listening(|port| {
            let file = folder.path().join("sshd.conf");
            fs::write(&file, configuration(folder.path(), port)).unwrap();
            Process::start(
                Command::new("/usr/sbin/sshd")
                    .args(["-D", "-e", "-f"])
                    .arg(&file),
            )
        });
        let server = Self {
            repository: bare.path().to_owned(),
            port,
            _sshd: sshd,
            folder,
        };
        server.write_known_hosts("known", "host");
        server.write_known_hosts("changed", "stranger");
        server
    }

    pub fn url(&self) -> String {
        let user = Command::new("id").arg("-un").output().unwrap();
        let user = String::from_utf8(user.stdout).unwrap();
        let path = self.repository.display();
        format!("ssh://{}@127.0.0.1:{}{path}", user.trim(), self.port)
    }

    /// The key that is let in.
    pub fn client_key(&self) -> PathBuf {
        self.folder.path().join("client")
    }

    /// A key that is not let in.
    pub fn stranger_key(&self) -> PathBuf {
        self.folder.path().join("stranger")
    }

    pub fn known_hosts(&self) -> PathBuf {
        self.folder.path().join("known")
    }

    /// Has another key for the server.
    pub fn changed_known_hosts(&self) -> PathBuf {
        self.folder.path().join("changed")
    }

    /// As OpenSSH shows the server's key.
    pub fn fingerprint(&self) -> String {
        let mut command = Command::new("ssh-keygen");
        let output = command
            .arg("-lf")
            .arg(self.folder.path().join("host.pub"))
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.split(' ').nth(1).unwrap().to_owned()
    }

    fn write_known_hosts(&self, name: &str, key: &str) {
        let public = fs::read_to_string(self.folder.path().join(format!("{key}.pub"))).unwrap();
        let line = format!("[127.0.0.1]:{} {public}", self.port);
        fs::write(self.folder.path().join(name), line).unwrap();
    }
}

/// Holds keys, and ends with the test.
#[derive(Debug)]
pub struct SshAgent {
    _agent: Process,
    folder: TempDir,
}

impl SshAgent {
    /// Without a key.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        // In the foreground: it stays a child.
        let mut command = Command::new("ssh-agent");
        let agent = Process::start(command.args(["-D", "-a"]).arg(folder.path().join("socket")));
        let agent = Self {
            _agent: agent,
            folder,
        };
        wait_for(&agent.socket());
        agent
    }

    pub fn add(&self, key: &Path) {
        let mut command = Command::new("ssh-add");
        command
            .arg("-q")
            .arg(key)
            .env("SSH_AUTH_SOCK", self.socket());
        assert!(command.status().unwrap().success());
    }

    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }
}

fn generate(path: &Path) {
    let mut command = Command::new("ssh-keygen");
    command
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(path);
    assert!(command.status().unwrap().success());
}

fn configuration(folder: &Path, port: u16) -> String {
    let folder = folder.display();
    format!(
        "ListenAddress 127.0.0.1:{port}
HostKey {folder}/host
AuthorizedKeysFile {folder}/authorized
PidFile none
StrictModes no
UsePAM no
PermitRootLogin prohibit-password
PasswordAuthentication no
MaxStartups 100
"
    )
}
