//! Tokens of a GitHub App's installation: for one repository, with what is needed there and no
//! more, for an hour.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use jiff::fmt::rfc2822::DateTimeParser;
use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::json;

use crate::forge::Error;
use crate::forge::github::{DIALECT, jwt};
use crate::forge::http::{Client, Minted, Options, Renewed, Request, Token};

/// What is asked for, as far as the installation was granted it. Administration shows branch
/// protection whole; a commit status tells of an environment's gates.
const WANTED: &[(&str, Access)] = &[
    ("administration", Access::Read),
    ("checks", Access::Read),
    ("contents", Access::Write),
    ("metadata", Access::Read),
    ("pull_requests", Access::Write),
    ("statuses", Access::Write),
];

/// A GitHub App, as the operator names it.
#[derive(Clone, Debug)]
pub struct App {
    /// Its client id, or its App id.
    pub id: String,
    /// Its private key in PEM form; read anew for each token, so that it may rotate.
    pub key_file: PathBuf,
    /// Asked of GitHub where it is None.
    pub installation: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Access {
    Read,
    Write,
}

#[derive(Deserialize)]
struct Installation {
    id: u64,
    #[serde(default)]
    permissions: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Made {
    token: String,
    expires_at: Timestamp,
    #[serde(default)]
    permissions: BTreeMap<String, String>,
}

/// One App at one repository.
#[derive(Debug)]
struct Minter {
    app: App,
    /// Speaks as the App itself.
    client: Client,
    owner: String,
    repository: String,
}

impl App {
    /// The tokens of this App for one repository, at the forge of `options`, whose own token is
    /// not used. Nothing is asked yet. The same token is a password for Git over https, with the
    /// account `x-access-token`: [`Token::read`] gives the one of now.
    pub fn token(&self, options: &Options, owner: &str, repository: &str) -> Result<Token, Error> {
        let now = Arc::clone(&options.now);
        let app = self.clone();
        let statement = Renewed::new(Arc::clone(&now), move || {
            Ok(Minted {
                token: jwt::signed(&app.id, &app.key_file, now())?,
                life: jwt::LIFE,
                scopes: BTreeSet::new(),
            })
        });
        let options = Options {
            token: Token::Renewed(Arc::new(statement)),
            ..options.clone()
        };
        let now = Arc::clone(&options.now);
        let minter = Minter {
            app: self.clone(),
            client: Client::new(options, DIALECT)?,
            owner: owner.to_owned(),
            repository: repository.to_owned(),
        };
        let renewed = Renewed::new(now, move || minter.mint());
        Ok(Token::Renewed(Arc::new(renewed)))
    }
}

impl Minter {
    fn mint(&self) -> Result<Minted, Error> {
        self.try_mint().map_err(|error| match error {
            Error::Denied { host, reason } => Error::Denied {
                host,
                reason: format!("the App {}: {reason}", self.app.id),
            },
            error => error,
        })
    }

    fn try_mint(&self) -> Result<Minted, Error> {
        let installation = self.installation()?;
        let id = installation.id.to_string();
        let segments = ["app", "installations", &id, "access_tokens"];
        let asks = "make a token of the App";
        let request = Request::new(Method::POST, &segments, asks, &self.subject()).body(json!({
            "repositories": [self.repository],
            "permissions": wanted_of(&installation.permissions),
        }));
        let mut answer = self.client.write(&request);
        // A token that was made and lost ends by itself.
        if matches!(answer, Err(Error::Unavailable { .. })) {
            answer = self.client.write(&request);
        }
        let answer = answer?;
        let made: Made = answer.json(self.client.host(), &request)?;
        let date = answer
            .header("date")
            .and_then(|date| DateTimeParser::new().parse_timestamp(date).ok());
        let made_at = date.unwrap_or_else(|| (self.client.options().now)());
        let said = made.permissions.iter();
        Ok(Minted {
            token: SecretString::from(made.token),
            life: made
                .expires_at
                .duration_since(made_at)
                .max(SignedDuration::ZERO),
            scopes: said
                .map(|(name, access)| format!("{name}: {access}"))
                .collect(),
        })
    }

    fn installation(&self) -> Result<Installation, Error> {
        let asks = "tell the App's installation";
        let id = self.app.installation.map(|id| id.to_string());
        let segments = match &id {
            Some(id) => vec!["app", "installations", id],
            None => vec!["repos", &self.owner, &self.repository, "installation"],
        };
        let request = Request::new(Method::GET, &segments, asks, &self.subject());
        self.client
            .get(&request)?
            .json(self.client.host(), &request)
    }

    fn subject(&self) -> String {
        let place = format!("{}/{}", self.owner, self.repository);
        match self.app.installation {
            Some(id) => format!("installation {id} of the App {} for {place}", self.app.id),
            None => format!("installation of the App {} at {place}", self.app.id),
        }
    }
}

/// GitHub refuses the whole token where one permission was not granted.
fn wanted_of(granted: &BTreeMap<String, String>) -> BTreeMap<&'static str, &'static str> {
    WANTED
        .iter()
        .filter_map(|(name, wanted)| {
            let granted = match granted.get(*name)?.as_str() {
                "read" => Access::Read,
                "write" | "admin" => Access::Write,
                _ => return None,
            };
            Some((*name, granted.min(*wanted).name()))
        })
        .collect()
}

impl Access {
    fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }
}
