//! What the forge demands and allows: protection, and who asks.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use reqwest::Method;
use serde::Deserialize;

use crate::forge::Error;
use crate::forge::gitea::Gitea;
use crate::forge::gitea::values::User;
use crate::forge::http::Request;
use crate::pull_request::{MergeMethod, Protection, Standing};
use crate::revision::BranchName;

#[derive(Deserialize)]
struct Branch {
    protected: bool,
    #[serde(default)]
    required_approvals: u32,
    #[serde(default)]
    enable_status_check: bool,
    #[serde(default)]
    status_check_contexts: Option<BTreeSet<String>>,
    #[serde(default)]
    user_can_push: bool,
    /// Told to administrators of the repository only.
    #[serde(default)]
    effective_branch_protection_name: String,
}

#[derive(Deserialize)]
struct Rule {
    #[serde(default)]
    rule_name: String,
    #[serde(default)]
    block_on_outdated_branch: bool,
}

#[derive(Deserialize)]
struct Repository {
    #[serde(default)]
    default_branch: String,
    #[serde(default)]
    archived: bool,
    #[serde(default)]
    has_pull_requests: bool,
    #[serde(default)]
    allow_merge_commits: bool,
    #[serde(default)]
    allow_squash_merge: bool,
    #[serde(default)]
    allow_rebase: bool,
    permissions: Option<Permissions>,
}

#[derive(Deserialize)]
struct Permissions {
    #[serde(default)]
    push: bool,
}

#[derive(Deserialize)]
struct Version {
    version: String,
}

impl Gitea {
    /// The forge itself finds the rule that fits: rules may be patterns. Who may not see the
    /// rules learns everything of them but whether a branch must be up to date.
    pub(crate) fn protection_of(&self, branch: &BranchName) -> Result<Protection, Error> {
        let below = ["branches", branch.as_str()];
        let branch: Branch = self.read(&self.request(Method::GET, &below, "show the branch"))?;
        if !branch.protected {
            return Ok(Protection::default());
        }
        let name = &branch.effective_branch_protection_name;
        let requires_up_to_date = !name.is_empty() && self.blocks_outdated(name)?;
        let checks = branch.status_check_contexts.unwrap_or_default();
        Ok(Protection {
            is_protected: !branch.user_can_push,
            requires_up_to_date,
            approvals: branch.required_approvals,
            checks: if branch.enable_status_check {
                checks
            } else {
                BTreeSet::new()
            },
        })
    }

    fn blocks_outdated(&self, name: &str) -> Result<bool, Error> {
        let request = self.request(Method::GET, &["branch_protections"], "list the rules");
        match self.read::<Vec<Rule>>(&request) {
            Ok(rules) => Ok(rules
                .iter()
                .any(|rule| rule.rule_name == name && rule.block_on_outdated_branch)),
            Err(Error::Denied { .. } | Error::Missing { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub(crate) fn standing_here(&self) -> Result<Standing, Error> {
        let request = self.request(Method::GET, &[], "show the repository");
        let answer = self.client.get(&request)?;
        let repository: Repository = answer.json(self.client.host(), &request)?;
        let user = self.told::<User>("user")?;
        let version = self.told::<Version>("version")?;
        let methods = [
            (MergeMethod::Merge, repository.allow_merge_commits),
            (MergeMethod::Squash, repository.allow_squash_merge),
            (MergeMethod::Rebase, repository.allow_rebase),
        ];
        let may_push = repository.permissions.is_some_and(|it| it.push);
        Ok(Standing {
            account: user.map(|user| user.login).unwrap_or_default(),
            // Neither of them says what a token may do.
            scopes: BTreeSet::new(),
            default_branch: repository.default_branch,
            may_write: may_push && repository.has_pull_requests,
            is_archived: repository.archived,
            merge_methods: methods
                .into_iter()
                .filter_map(|(method, is_allowed)| is_allowed.then_some(method))
                .collect(),
            has_automerge: true,
            time: answer.header("date").and_then(time_of),
            version: version.map(|it| it.version),
        })
    }

    /// What a token for the repository alone may not ask; None then.
    pub(crate) fn told<T: serde::de::DeserializeOwned>(
        &self,
        what: &str,
    ) -> Result<Option<T>, Error> {
        match self.read(&Request::new(Method::GET, &[what], "say who it is", what)) {
            Ok(told) => Ok(Some(told)),
            Err(Error::Denied { .. } | Error::Missing { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn time_of(date: &str) -> Option<Timestamp> {
    rfc2822::DateTimeParser::new().parse_timestamp(date).ok()
}
