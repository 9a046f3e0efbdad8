//! `docker-credential-<name> get`: docker's protocol for keeping secrets elsewhere.

use std::fmt;
use std::io::ErrorKind;
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
    let child = Command::new(helper.to_string())
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) if error.kind() == ErrorKind::NotFound && may_be_absent => return Ok(None),
        Err(error) => {
            return Err(format!(
                "the credential helper {helper} does not start: {error}"
            ));
        }
    };
    match tokio::time::timeout(PATIENCE, converse(&mut child, server)).await {
        Ok(Ok((true, output))) => read_answer(&output).map_err(|()| {
            format!("the credential helper {helper} gives no usable answer for {server}")
        }),
        Ok(Ok((false, output))) if says_not_found(&output) => Ok(None),
        Ok(Ok((false, _))) => Err(format!(
            "the credential helper {helper} failed for {server}"
        )),
        Ok(Err(error)) => Err(format!("the credential helper {helper} broke off: {error}")),
        Err(_) => {
            let _ = child.kill().await;
            Err(format!(
                "the credential helper {helper} did not answer within {} s",
                PATIENCE.as_secs()
            ))
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
}
