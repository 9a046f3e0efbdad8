//! What stands before a branch: branch protection, which only administrators may read whole, and
//! rulesets, which everybody may.

use reqwest::Method;
use serde::Deserialize;
use serde_json::Value;

use crate::forge::Error;
use crate::forge::github::GitHub;
use crate::forge::http::Request;
use crate::pull_request::Protection;
use crate::revision::BranchName;

const MAX_RULES: usize = 500;

#[derive(Deserialize)]
struct Classic {
    required_status_checks: Option<Required>,
    required_pull_request_reviews: Option<Reviews>,
    restrictions: Option<Value>,
    lock_branch: Option<Switch>,
}

#[derive(Deserialize)]
struct Required {
    #[serde(default)]
    strict: bool,
    #[serde(default)]
    contexts: Vec<String>,
}

#[derive(Deserialize)]
struct Reviews {
    #[serde(default)]
    required_approving_review_count: u32,
}

#[derive(Deserialize)]
struct Switch {
    #[serde(default)]
    enabled: bool,
}

/// What a branch itself shows to everybody.
#[derive(Deserialize)]
struct Branch {
    protected: bool,
    protection: Option<Shown>,
}

#[derive(Deserialize)]
struct Shown {
    required_status_checks: Option<Required>,
}

#[derive(Deserialize)]
struct Rule {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    parameters: Parameters,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Parameters {
    required_approving_review_count: u32,
    strict_required_status_checks_policy: bool,
    required_status_checks: Vec<Context>,
}

#[derive(Deserialize)]
struct Context {
    context: String,
}

impl GitHub {
    pub(crate) fn protection_of(&self, branch: &BranchName) -> Result<Protection, Error> {
        let mut protection = self.rules_of(branch)?;
        let request = self.about(branch, &["branches", branch.as_str(), "protection"]);
        let answer = self.client.get(&request)?;
        match answer.status {
            403 => self.add_what_is_shown(&mut protection, branch)?,
            404 if answer.reason.starts_with("Branch not protected") => {}
            404 => self.add_what_is_shown(&mut protection, branch)?,
            _ => add(&mut protection, answer.json(self.client.host(), &request)?),
        }
        Ok(protection)
    }

    fn about(&self, branch: &BranchName, below: &[&str]) -> Request {
        let subject = format!("branch {branch} of {}", self.full_name());
        self.request(Method::GET, below, "read what protects a branch", &subject)
    }

    /// Those of the organization are among them. Older servers and private repositories of the
    /// free plan have none.
    fn rules_of(&self, branch: &BranchName) -> Result<Protection, Error> {
        let request = self
            .about(branch, &["rules", "branches", branch.as_str()])
            .query("per_page", "100");
        let mut protection = Protection::default();
        let listing = match self.client.list(&request, None, MAX_RULES) {
            Err(Error::Denied { .. } | Error::Missing { .. }) => return Ok(protection),
            listing => listing?,
        };
        for rule in self.read::<Vec<Rule>>(Value::Array(listing.items))? {
            obey(&mut protection, rule);
        }
        Ok(protection)
    }

    /// A token without administration sees that a branch is protected, and which checks it needs.
    fn add_what_is_shown(
        &self,
        protection: &mut Protection,
        branch: &BranchName,
    ) -> Result<(), Error> {
        let request = self.about(branch, &["branches", branch.as_str()]);
        let shown: Branch = self
            .client
            .get(&request)?
            .json(self.client.host(), &request)?;
        protection.is_protected |= shown.protected;
        let required = shown
            .protection
            .and_then(|protection| protection.required_status_checks);
        protection
            .checks
            .extend(required.into_iter().flat_map(|required| required.contexts));
        Ok(())
    }
}

fn add(protection: &mut Protection, classic: Classic) {
    protection.is_protected |= classic.required_status_checks.is_some()
        || classic.required_pull_request_reviews.is_some()
        || classic.restrictions.is_some()
        || classic.lock_branch.is_some_and(|lock| lock.enabled);
    if let Some(required) = classic.required_status_checks {
        protection.requires_up_to_date |= required.strict;
        protection.checks.extend(required.contexts);
    }
    if let Some(reviews) = classic.required_pull_request_reviews {
        protection.approvals = protection
            .approvals
            .max(reviews.required_approving_review_count);
    }
}

/// The strictest of all rules counts.
fn obey(protection: &mut Protection, rule: Rule) {
    let parameters = rule.parameters;
    match rule.kind.as_str() {
        "update" | "merge_queue" => {}
        "pull_request" => {
            let approvals = parameters.required_approving_review_count;
            protection.approvals = protection.approvals.max(approvals);
        }
        "required_status_checks" => {
            protection.requires_up_to_date |= parameters.strict_required_status_checks_policy;
            let contexts = parameters.required_status_checks.into_iter();
            protection
                .checks
                .extend(contexts.map(|check| check.context));
        }
        _ => return,
    }
    protection.is_protected = true;
}
