//! Who asks, and what they may do in the project.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use reqwest::Method;
use serde::Deserialize;

use crate::forge::Error;
use crate::forge::gitlab::GitLab;
use crate::forge::gitlab::project::{Access, Project};
use crate::forge::http::Request;
use crate::pull_request::Standing;

/// The one scope that opens merge requests.
const API: &str = "api";

#[derive(Debug, Deserialize)]
struct Account {
    id: u64,
    username: String,
    /// Told to administrators only, who are members of nothing and may write everywhere.
    #[serde(default)]
    is_admin: bool,
}

#[derive(Debug, Default, Deserialize)]
struct AccessToken {
    #[serde(default)]
    scopes: BTreeSet<String>,
}

#[derive(Debug, Deserialize)]
struct Version {
    version: String,
}

pub fn of(gitlab: &GitLab) -> Result<Standing, Error> {
    let who = Request::new(Method::GET, &["user"], "name the account", "account");
    let answer = gitlab.client.get(&who)?;
    let time = answer.header("date").and_then(time_in);
    let account: Account = answer.json(gitlab.client.host(), &who)?;
    let scopes = scopes(gitlab)?;
    let project = gitlab.project()?;
    let may_write = (scopes.is_empty() || scopes.contains(API))
        && (account.is_admin || is_developer(gitlab, &project, &account)?);
    Ok(Standing {
        may_write,
        merge_methods: project.merge_methods(),
        account: account.username,
        scopes,
        default_branch: project.default_branch.unwrap_or_default(),
        is_archived: project.archived,
        has_automerge: true,
        time,
        version: version(gitlab)?,
    })
}

fn time_in(date: &str) -> Option<Timestamp> {
    DateTimeParser::new().parse_timestamp(date).ok()
}

/// The project names only membership of itself and its groups; who was invited with another
/// group is found among all its members.
fn is_developer(gitlab: &GitLab, project: &Project, account: &Account) -> Result<bool, Error> {
    if let Some(access) = project.access() {
        return Ok(access.may_write());
    }
    let id = account.id.to_string();
    let segments = ["members", "all", &id];
    let request = gitlab.request(Method::GET, &segments, "name the members");
    let access: Option<Access> = optional(gitlab, &request)?;
    Ok(access.is_some_and(|access| access.may_write()))
}

/// Empty where GitLab does not say: before version 15, or for a token of another kind.
fn scopes(gitlab: &GitLab) -> Result<BTreeSet<String>, Error> {
    let segments = ["personal_access_tokens", "self"];
    let request = Request::new(Method::GET, &segments, "describe the token", "token");
    let token: Option<AccessToken> = optional(gitlab, &request)?;
    Ok(token.unwrap_or_default().scopes)
}

fn version(gitlab: &GitLab) -> Result<Option<String>, Error> {
    let request = Request::new(Method::GET, &["version"], "name its version", "version");
    let version: Option<Version> = optional(gitlab, &request)?;
    Ok(version.map(|version| version.version))
}

/// None where it is not there for this token.
fn optional<T: serde::de::DeserializeOwned>(
    gitlab: &GitLab,
    request: &Request,
) -> Result<Option<T>, Error> {
    match gitlab.get(request) {
        Err(Error::Denied { .. } | Error::Missing { .. } | Error::Refused { .. }) => Ok(None),
        result => result.map(Some),
    }
}
