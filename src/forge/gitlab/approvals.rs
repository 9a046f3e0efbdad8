//! Who approves a merge request now.

use std::collections::BTreeSet;

use jiff::Timestamp;
use reqwest::Method;
use serde::Deserialize;

use crate::forge::gitlab::GitLab;
use crate::forge::gitlab::wire::User;
use crate::forge::http::Request;
use crate::forge::{Error, MAX_LOOKED_AT, needing};
use crate::revision::CommitId;

/// Without a paid tier too; who may not write cannot approve.
#[derive(Deserialize)]
struct Approvals {
    #[serde(default)]
    approved_by: Vec<Approval>,
}

#[derive(Deserialize)]
struct Approval {
    user: User,
    /// Since version 18.
    #[serde(default)]
    approved_at: Option<Timestamp>,
}

/// What the merge request was at a time; a new base makes one too.
#[derive(Deserialize)]
struct Version {
    head_commit_sha: String,
    created_at: Timestamp,
}

pub fn of(gitlab: &GitLab, number: u64, head: CommitId) -> Result<BTreeSet<String>, Error> {
    let found = gitlab.merge_request(number)?;
    if found.sha.as_deref() != Some(head.to_string().as_str()) {
        return Ok(BTreeSet::new());
    }
    let asks = "list the approvals";
    let request = gitlab.request_of(Method::GET, number, &["approvals"], asks);
    let approvals: Approvals = needing(gitlab.get(&request), "the scope `api`")?;
    let mut approvals = approvals.approved_by;
    approvals.retain(|it| it.user.id != found.author.id);
    if approvals.is_empty() {
        return Ok(BTreeSet::new());
    }
    let who = Request::new(Method::GET, &["user"], "name the account", "account");
    let own: User = gitlab.get(&who)?;
    approvals.retain(|it| it.user.id != own.id);
    if approvals.iter().any(|it| it.approved_at.is_some()) {
        // Whether a push takes approvals back is a setting that the free tier does not have.
        let since = head_since(gitlab, number, head)?;
        approvals.retain(|it| match (it.approved_at, since) {
            (Some(at), Some(since)) => at >= since,
            (Some(_), None) => false,
            (None, _) => true,
        });
    }
    let names = approvals.into_iter().map(|it| it.user.username);
    Ok(names.collect())
}

/// When the branch came to `head`, where it still is; None where that is not known yet.
fn head_since(gitlab: &GitLab, number: u64, head: CommitId) -> Result<Option<Timestamp>, Error> {
    let head = head.to_string();
    let request = gitlab.request_of(Method::GET, number, &["versions"], "list the versions");
    // Newest first.
    let (versions, _) = gitlab.pages::<Version>(&request, MAX_LOOKED_AT)?;
    let of_head = versions.iter().take_while(|it| it.head_commit_sha == head);
    Ok(of_head.last().map(|it| it.created_at))
}
