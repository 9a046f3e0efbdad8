//! `docker-credential-<name> get`: docker's protocol for keeping secrets elsewhere.

use std::fmt;
use std::io::ErrorKind;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};

use crate::registry::credentials::Secret;

const PATIENCE: Duration = Duration::from_secs(10);
const MOST_OUTPUT: u64 = 64 * 1024;

/// What stands behind `docker-credential-`: letters, digits, `-` and `_` only, so that it names a
/// program on the path and nothing else.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct HelperName(String);

impl HelperName {
    pub fn new(name: &str) -> Option<Self> {
        let is_good = !name.is_empty()
            && name.len() <= 64
            && !name.starts_with('-')
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        is_good.then(|| Self(name.to_owned()))
    }
}

impl fmt::Display for HelperName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "docker-credential-{}", self.0)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    username: String,
    secret: String,
}

/// Asks a helper for a server's login; none when it has none. No shell, the server on standard
/// input, killed after ten seconds. The error names the helper and repeats nothing that it said.
pub(super) async fn get(
    helper: &HelperName,
    server: &str,
    may_be_absent: bool,
) -> Result<Option<Secret>, String> {
    let program = helper.to_string();
    match ask(Path::new(&program), server, PATIENCE).await {
        Ok(secret) => Ok(secret),
        Err(Trouble::Start(error)) if error.kind() == ErrorKind::NotFound && may_be_absent => {
            Ok(None)
        }
        Err(trouble) => Err(format!("the credential helper {helper} {trouble}")),
    }
}

#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("does not start: {0}")]
    Start(std::io::Error),
    #[error("broke off: {0}")]
    Broken(std::io::Error),
    #[error("failed for {0}")]
    Failed(String),
    #[error("gives no usable answer for {0}")]
    Unusable(String),
    #[error("did not answer within {} s", .0.as_secs())]
    Slow(Duration),
}

async fn ask(program: &Path, server: &str, patience: Duration) -> Result<Option<Secret>, Trouble> {
    let mut child = Command::new(program)
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(Trouble::Start)?;
    match tokio::time::timeout(patience, converse(&mut child, server)).await {
        Ok(Ok((true, output))) => {
            read_answer(&output).map_err(|()| Trouble::Unusable(server.to_owned()))
        }
        Ok(Ok((false, output))) if says_not_found(&output) => Ok(None),
        Ok(Ok((false, _))) => Err(Trouble::Failed(server.to_owned())),
        Ok(Err(error)) => Err(Trouble::Broken(error)),
        Err(_) => {
            let _ = child.kill().await;
            Err(Trouble::Slow(patience))
        }
    }
}

/// Whether it succeeded, and what it wrote.
async fn converse(child: &mut Child, server: &str) -> std::io::Result<(bool, Vec<u8>)> {
    if let Some(mut input) = child.stdin.take() {
        // A helper that has what it needs may close its input early.
        let _ = input.write_all(format!("{server}\n").as_bytes()).await;
    }
    let mut output = Vec::new();
    if let Some(pipe) = child.stdout.take() {
        // The pipe is closed after that: a helper that goes on writing ends by a signal.
        pipe.take(MOST_OUTPUT).read_to_end(&mut output).await?;
    }
    Ok((child.wait().await?.success(), output))
}

fn read_answer(output: &[u8]) -> Result<Option<Secret>, ()> {
    let answer: Answer = serde_json::from_slice(output).map_err(|_| ())?;
    if answer.secret.is_empty() {
        return Ok(None);
    }
    Ok(Some(Secret::of(answer.username, answer.secret)))
}

/// docker-credential-helpers `credentials/error.go`, and the words of some others.
fn says_not_found(output: &[u8]) -> bool {
    let text = String::from_utf8_lossy(output).to_lowercase();
    text.contains("credentials not found") || text.contains("no credentials")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_hold_no_path_and_no_option() {
        for good in ["desktop", "ecr-login", "osx_keychain", "gcr2"] {
            assert!(HelperName::new(good).is_some(), "{good}");
        }
        for bad in ["", "-x", "a/b", "../x", "a b", "a;b", "é", &"a".repeat(65)] {
            assert!(HelperName::new(bad).is_none(), "{bad}");
        }
    }

    #[tokio::test]
    async fn a_store_that_is_not_installed_is_no_login() {
        let helper = HelperName::new("headwater-test-absent").unwrap();
        assert!(matches!(get(&helper, "x.example", true).await, Ok(None)));
        let error = get(&helper, "x.example", false).await.err().unwrap();
        assert!(
            error.contains("docker-credential-headwater-test-absent"),
            "{error}"
        );
    }

    #[tokio::test]
    async fn helpers_answer_for_a_server_and_their_words_are_not_repeated() {
        const FIXTURE: &str = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/it/registry/docker-credential-fixture"
        );
        let ask = |server, patience| ask(Path::new(FIXTURE), server, patience);
        let known = ask("known.example", PATIENCE).await.unwrap().unwrap();
        assert!(matches!(known, Secret::Password { username, .. } if username == "user"));
        let token = ask("token.example", PATIENCE).await.unwrap().unwrap();
        assert!(matches!(token, Secret::IdentityToken(_)));
        assert!(matches!(ask("unknown.example", PATIENCE).await, Ok(None)));
        for (server, reason) in [
            ("locked.example", "failed for locked.example"),
            ("other.example", "no usable answer"),
        ] {
            let error = ask(server, PATIENCE).await.err().unwrap().to_string();
            assert!(error.contains(reason), "{error}");
            assert!(!error.contains("canary"), "{error}");
        }
        assert!(ask("chatty.example", PATIENCE).await.is_err());
        let slow = ask("silent.example", Duration::from_millis(300)).await;
        assert!(matches!(slow, Err(Trouble::Slow(_))));
    }
}
