use std::collections::BTreeSet;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use secrecy::SecretString;
use url::Url;

use crate::forge::Error;
use crate::forge::http::Renewed;
use crate::tally::Tally;

const MAX_TOKEN: u64 = 64 * 1024;

/// Where one forge is and how it is asked: the operator's words only.
#[derive(Clone)]
pub struct Options {
    /// The root of its API, such as `https://api.github.com`.
    pub base: Url,
    /// Allows `http://`: the token is readable on the way.
    pub allows_plain: bool,
    pub token: Token,
    /// PEM files of authorities that are trusted beside the system's.
    pub ca_files: Vec<PathBuf>,
    pub user_agent: String,
    pub timeouts: Timeouts,
    /// The present time.
    pub now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    /// Waits for so long.
    pub pause: Arc<dyn Fn(Duration) + Send + Sync>,
    /// Counts requests.
    pub tally: Arc<Tally>,
}

impl fmt::Debug for Options {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Options")
            .field("base", &self.base.host_str())
            .field("token", &self.token)
            .finish_non_exhaustive()
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    pub connect: Duration,
    /// Between two pieces of an answer.
    pub idle: Duration,
    /// Of one request with its answer.
    pub total: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            idle: Duration::from_secs(20),
            total: Duration::from_secs(60),
        }
    }
}

/// Where the token comes from.
#[derive(Clone, Debug)]
pub enum Token {
    /// Read anew for each request, so that it may rotate.
    File(PathBuf),
    Value(SecretString),
    /// Made by us and renewed before its end.
    Renewed(Arc<Renewed>),
}

impl Token {
    /// The token of now, without white space around it. It serves as password for Git over https
    /// too: on GitHub with the account `x-access-token`.
    pub fn read(&self) -> Result<SecretString, Error> {
        let path = match self {
            Self::Value(value) => return Ok(value.clone()),
            Self::Renewed(renewed) => return Ok(renewed.current()?.token),
            Self::File(path) => path,
        };
        let fail = |reason: &str| {
            Error::Settings(format!(
                "the token file {} cannot be used: {reason}",
                path.display()
            ))
        };
        let mut text = String::new();
        File::open(path)
            .and_then(|file| file.take(MAX_TOKEN).read_to_string(&mut text))
            .map_err(|error| fail(&error.to_string()))?;
        match text.trim() {
            "" => Err(fail("it is empty")),
            token => Ok(SecretString::from(token)),
        }
    }

    /// Tells that this token was answered with 401: where it is ours to renew, the next
    /// [`read`](Self::read) gives another.
    pub fn refused(&self, token: &SecretString) {
        if let Self::Renewed(renewed) = self {
            renewed.refused(token);
        }
    }

    /// What a token of ours may do; None where only the forge knows.
    pub(crate) fn scopes(&self) -> Result<Option<BTreeSet<String>>, Error> {
        match self {
            Self::Renewed(renewed) => Ok(Some(renewed.current()?.scopes)),
            Self::File(_) | Self::Value(_) => Ok(None),
        }
    }
}

/// What differs between forges in how they are asked.
#[derive(Clone, Copy, Debug)]
pub struct Dialect {
    pub token_header: TokenHeader,
    /// Sent with each request.
    pub headers: &'static [(&'static str, &'static str)],
    /// At least so long between two writes; GitHub asks for a second.
    pub between_writes: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenHeader {
    /// `Authorization: Bearer …`
    Bearer,
    /// `Authorization: token …`
    Token,
    /// `PRIVATE-TOKEN: …`
    PrivateToken,
}
