//! What GitLab demands of changes to a branch.

use reqwest::Method;
use serde::Deserialize;

use crate::forge::Error;
use crate::forge::gitlab::GitLab;
use crate::pull_request::Protection;
use crate::revision::BranchName;

const MAX_RULES: usize = 500;

#[derive(Debug, Deserialize)]
struct Branch {
    protected: bool,
    /// Whether the account that asks may push to it.
    #[serde(default)]
    can_push: bool,
}

#[derive(Debug, Deserialize)]
struct ProtectedBranch {
    /// A name, or a pattern in which `*` is any text.
    name: String,
}

#[derive(Debug, Deserialize)]
struct ApprovalRule {
    #[serde(default)]
    approvals_required: u32,
    /// Empty where it is for all branches.
    #[serde(default)]
    protected_branches: Vec<ProtectedBranch>,
    #[serde(default)]
    applies_to_all_protected_branches: bool,
}

/// GitLab has no named checks, only "pipelines must succeed": that one is called `pipeline`.
pub fn of(gitlab: &GitLab, branch: &BranchName) -> Result<Protection, Error> {
    let project = gitlab.project()?;
    let state = state_of(gitlab, branch)?;
    let needs_pipeline = project.only_allow_merge_if_pipeline_succeeds == Some(true);
    Ok(Protection {
        is_protected: state.protected && !state.can_push,
        requires_up_to_date: project.requires_up_to_date(),
        approvals: approvals(gitlab, branch, state.protected)?,
        checks: needs_pipeline
            .then(|| "pipeline".to_owned())
            .into_iter()
            .collect(),
    })
}

/// The branch itself tells it to every role; the list of protected ones, which also tells of a
/// branch that is not there yet, only to maintainers (403 for others).
fn state_of(gitlab: &GitLab, branch: &BranchName) -> Result<Branch, Error> {
    let segments = ["repository", "branches", branch.as_str()];
    let request = gitlab.request(Method::GET, &segments, "show the branch");
    let answer = gitlab.client.get(&request)?;
    if answer.status != 404 {
        return answer.json(gitlab.client.host(), &request);
    }
    let list = gitlab.request(
        Method::GET,
        &["protected_branches"],
        "list protected branches",
    );
    let patterns = match gitlab.pages::<ProtectedBranch>(&list, MAX_RULES) {
        Ok((patterns, _)) => patterns,
        Err(Error::Denied { .. } | Error::Missing { .. }) => Vec::new(),
        Err(error) => return Err(error),
    };
    Ok(Branch {
        protected: patterns
            .iter()
            .any(|pattern| is_match(&pattern.name, branch.as_str())),
        can_push: false,
    })
}

/// The most that one rule asks for: one approval may count for several rules.
///
/// Without a paid tier there are no rules, and asking for them is 403 or 404.
fn approvals(gitlab: &GitLab, branch: &BranchName, is_protected: bool) -> Result<u32, Error> {
    let request = gitlab.request(Method::GET, &["approval_rules"], "list approval rules");
    let rules = match gitlab.pages::<ApprovalRule>(&request, MAX_RULES) {
        Ok((rules, _)) => rules,
        Err(Error::Denied { .. } | Error::Missing { .. }) => return Ok(0),
        Err(error) => return Err(error),
    };
    let applies = |rule: &ApprovalRule| {
        if rule.applies_to_all_protected_branches {
            return is_protected;
        }
        rule.protected_branches.is_empty()
            || rule
                .protected_branches
                .iter()
                .any(|pattern| is_match(&pattern.name, branch.as_str()))
    };
    Ok(rules
        .iter()
        .filter(|rule| applies(rule))
        .map(|rule| rule.approvals_required)
        .max()
        .unwrap_or_default())
}

/// Whether a pattern of GitLab's means `name`: `*` stands for any text, slashes too.
fn is_match(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else {
        return false;
    };
    let Some(last) = parts.next_back() else {
        return rest.is_empty();
    };
    for part in parts {
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_gitlab_says() {
        for (pattern, name, expected) in [
            ("main", "main", true),
            ("main", "main2", false),
            ("*", "env/prod", true),
            ("env/*", "env/prod", true),
            ("env/*", "env", false),
            ("*-stable", "1-2-stable", true),
            ("*-stable", "stable", false),
            ("a*b*c", "axxbyyc", true),
            ("a*b*c", "ac", false),
            ("a*a", "a", false),
            ("*gitlab*", "gitlab", true),
        ] {
            assert_eq!(is_match(pattern, name), expected, "{pattern} {name}");
        }
    }
}
