//! Who asks, and what they may do.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

use crate::forge::Error;
use crate::forge::github::GitHub;
use crate::forge::github::wire::Account;
use crate::forge::http::{Answer, Request};
use crate::pull_request::{MergeMethod, Standing};

const VIEWER: &str = "query { viewer { login } }";
const SETTINGS: &str = "query($owner: String!, $name: String!) { \
    repository(owner: $owner, name: $name) { \
    mergeCommitAllowed squashMergeAllowed rebaseMergeAllowed autoMergeAllowed } }";

#[derive(Deserialize)]
struct Repository {
    default_branch: String,
    #[serde(default)]
    archived: bool,
    permissions: Option<Permissions>,
    // GitHub shows these to those only who may write.
    allow_merge_commit: Option<bool>,
    allow_squash_merge: Option<bool>,
    allow_rebase_merge: Option<bool>,
    allow_auto_merge: Option<bool>,
}

#[derive(Deserialize)]
struct Permissions {
    push: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Settings {
    merge_commit_allowed: bool,
    squash_merge_allowed: bool,
    rebase_merge_allowed: bool,
    auto_merge_allowed: bool,
}

impl GitHub {
    pub(crate) fn read_standing(&self) -> Result<Standing, Error> {
        let subject = format!("repository {}", self.full_name());
        let request = self.request(Method::GET, &[], "read the repository", &subject);
        let answer = self.client.get(&request)?;
        let repository: Repository = answer.json(self.client.host(), &request)?;
        let minted = self.client.options().token.scopes()?;
        let may_push = repository
            .permissions
            .as_ref()
            .is_some_and(|permissions| permissions.push);
        let may_write = match &minted {
            Some(scopes) => may_open(scopes),
            None => may_push || self.is_installation()?,
        };
        let settings = self.settings(&repository)?;
        Ok(Standing {
            account: self.account()?,
            scopes: minted.unwrap_or_else(|| scopes_of(&answer)),
            default_branch: repository.default_branch,
            may_write,
            is_archived: repository.archived,
            merge_methods: settings.merge_methods(),
            has_automerge: settings.auto_merge_allowed,
            time: time_of(&answer),
            version: answer
                .header("x-github-enterprise-version")
                .map(str::to_owned),
        })
    }

    /// The account of the token, or the App's as `name[bot]`.
    pub(crate) fn account(&self) -> Result<String, Error> {
        #[derive(Deserialize)]
        struct Viewer {
            viewer: Account,
        }
        let subject = "account of this token";
        let request = Request::new(Method::GET, &["user"], "tell the account", subject);
        let answer = self.client.get(&request)?;
        if answer.status != 403 {
            let account: Account = answer.json(self.client.host(), &request)?;
            return Ok(account.login);
        }
        // An App's token has no user, but a name.
        let what = "tell the account";
        let viewer: Viewer = self
            .graphql(what, subject, VIEWER, &json!({}))?
            .map_err(|reason| self.refused(what, reason))?;
        Ok(viewer.viewer.login)
    }

    /// Whether the token is an App's that others made: such a one may write, as GitHub shows it,
    /// nowhere (semantic-release/github, lib/verify.js); what it may do is not to be had.
    fn is_installation(&self) -> Result<bool, Error> {
        let segments = ["installation", "repositories"];
        let subject = "installation of this token";
        let request = Request::new(Method::GET, &segments, "tell the installation", subject)
            .query("per_page", "1");
        Ok(self.client.get(&request)?.is_success())
    }

    fn settings(&self, repository: &Repository) -> Result<Settings, Error> {
        #[derive(Deserialize)]
        struct Answer {
            repository: Settings,
        }
        if let (Some(merge), Some(squash), Some(rebase)) = (
            repository.allow_merge_commit,
            repository.allow_squash_merge,
            repository.allow_rebase_merge,
        ) {
            return Ok(Settings {
                merge_commit_allowed: merge,
                squash_merge_allowed: squash,
                rebase_merge_allowed: rebase,
                auto_merge_allowed: repository.allow_auto_merge.unwrap_or_default(),
            });
        }
        let what = "tell the repository's settings";
        let subject = format!("repository {}", self.full_name());
        let variables = json!({"owner": self.owner, "name": self.repository});
        let answer: Answer = self
            .graphql(what, &subject, SETTINGS, &variables)?
            .map_err(|reason| self.refused(what, reason))?;
        Ok(answer.repository)
    }
}

impl Settings {
    fn merge_methods(&self) -> Vec<MergeMethod> {
        [
            (self.merge_commit_allowed, MergeMethod::Merge),
            (self.squash_merge_allowed, MergeMethod::Squash),
            (self.rebase_merge_allowed, MergeMethod::Rebase),
        ]
        .into_iter()
        .filter_map(|(is_allowed, method)| is_allowed.then_some(method))
        .collect()
    }
}

/// Whether an App's permissions are enough for branches and pull requests.
fn may_open(scopes: &BTreeSet<String>) -> bool {
    ["contents: write", "pull_requests: write"]
        .iter()
        .all(|needed| scopes.contains(*needed))
}

/// Told of classic tokens only.
fn scopes_of(answer: &Answer) -> BTreeSet<String> {
    answer
        .header("x-oauth-scopes")
        .into_iter()
        .flat_map(|scopes| scopes.split(','))
        .map(|scope| scope.trim().to_owned())
        .filter(|scope| !scope.is_empty())
        .collect()
}

fn time_of(answer: &Answer) -> Option<Timestamp> {
    DateTimeParser::new()
        .parse_timestamp(answer.header("date")?)
        .ok()
}
