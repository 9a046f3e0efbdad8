//! Merging, now or when GitLab's demands are met.

use reqwest::Method;
use serde_json::{Map, json};

use crate::forge::gitlab::GitLab;
use crate::forge::gitlab::wire::MergeRequest;
use crate::forge::http::Request;
use crate::forge::{Error, Merging};
use crate::plain::plain;
use crate::pull_request::MergeMethod;
use crate::revision::CommitId;

pub fn now(
    gitlab: &GitLab,
    number: u64,
    head: CommitId,
    method: MergeMethod,
) -> Result<Merging, Error> {
    match prepare(gitlab, number, head, method)? {
        Ok(_) => merge(gitlab, number, head, method),
        Err(outcome) => Ok(outcome),
    }
}

/// Soon after a merge request was opened, and for one that waits for no pipeline, GitLab says
/// 405 and means "there is nothing to wait for, yet or ever"
/// (python-gitlab/python-gitlab#1939, smarkets/marge-bot#240). `prepared_at` tells the two apart.
pub fn when_ready(
    gitlab: &GitLab,
    number: u64,
    head: CommitId,
    method: MergeMethod,
) -> Result<Merging, Error> {
    match prepare(gitlab, number, head, method)? {
        Ok(found) if found.merge_when_pipeline_succeeds => return Ok(Merging::Scheduled),
        Ok(_) => {}
        Err(outcome) => return Ok(outcome),
    }
    let request = request(gitlab, number, head, method, true);
    let outcome = outcome(gitlab, number, &request)?;
    let Merging::NotReady(_) = outcome else {
        return Ok(outcome);
    };
    let found = gitlab.merge_request(number)?;
    let waits_for_nothing = found.prepared_at.is_some()
        && found.head_pipeline.is_none()
        && found.detailed_merge_status.as_deref() == Some("mergeable");
    if waits_for_nothing {
        return merge(gitlab, number, head, method);
    }
    Ok(outcome)
}

/// The merge request that may be merged so, or what stands against it.
fn prepare(
    gitlab: &GitLab,
    number: u64,
    head: CommitId,
    method: MergeMethod,
) -> Result<Result<MergeRequest, Merging>, Error> {
    if !gitlab.project()?.merge_methods().contains(&method) {
        return Ok(Err(Merging::NotOffered));
    }
    let found = gitlab.merge_request(number)?;
    if found.sha.as_deref() != Some(head.to_string().as_str()) {
        return Ok(Err(Merging::HeadMoved));
    }
    match found.state.as_str() {
        "merged" => return Ok(Err(Merging::Merged)),
        "opened" | "locked" => {}
        state => return Ok(Err(Merging::NotReady(format!("it is {}", plain(state))))),
    }
    // New versions would wait until it is none.
    if found.draft {
        return Ok(Err(Merging::NotReady("it is a draft".to_owned())));
    }
    // The request to merge can switch squashing on, but not off.
    if found.squash && method != MergeMethod::Squash {
        let body = Map::from_iter([("squash".to_owned(), false.into())]);
        return Ok(Ok(gitlab.put(number, body, "merge without a squash")?));
    }
    Ok(Ok(found))
}

fn merge(
    gitlab: &GitLab,
    number: u64,
    head: CommitId,
    method: MergeMethod,
) -> Result<Merging, Error> {
    outcome(
        gitlab,
        number,
        &request(gitlab, number, head, method, false),
    )
}

fn request(
    gitlab: &GitLab,
    number: u64,
    head: CommitId,
    method: MergeMethod,
    when_ready: bool,
) -> Request {
    let mut body = json!({
        "sha": head.to_string(),
        "squash": method == MergeMethod::Squash,
        "should_remove_source_branch": false,
    });
    if let (true, Some(body)) = (when_ready, body.as_object_mut()) {
        // The second is the name since 17.11; the first goes on to be understood.
        body.insert("merge_when_pipeline_succeeds".to_owned(), true.into());
        body.insert("auto_merge".to_owned(), true.into());
    }
    gitlab
        .request_of(Method::PUT, number, &["merge"], "merge the merge request")
        .body(body)
}

/// Makes the request; what is claimed is what GitLab then says of the merge request.
fn outcome(gitlab: &GitLab, number: u64, request: &Request) -> Result<Merging, Error> {
    let lost = |error: Error| match reached(&gitlab.merge_request(number)?) {
        Some(outcome) => Ok(outcome),
        None => Err(error),
    };
    let answer = match gitlab.client.write(request) {
        Err(error) if gitlab.is_lost(&error) => return lost(error),
        // 401 is its word for one who may not merge into the base; the token has just been taken.
        Err(Error::Denied { reason, .. }) => {
            let why = format!("the account may not merge into this branch: {reason}");
            return Ok(Merging::NotReady(why));
        }
        answer => answer?,
    };
    match answer.status {
        409 if answer.reason.contains("SHA") => Ok(Merging::HeadMoved),
        // 406 was GitLab's word for a conflict until version 15.
        405 | 406 | 409 | 422 => {
            let found = gitlab.merge_request(number)?;
            if let Some(outcome) = reached(&found) {
                return Ok(outcome);
            }
            Ok(Merging::NotReady(why(&answer.reason, &found)))
        }
        _ => match answer.json::<MergeRequest>(gitlab.client.host(), request) {
            Ok(found) => Ok(reached(&found).unwrap_or_else(|| Merging::NotReady(why("", &found)))),
            Err(error) if gitlab.is_lost(&error) => lost(error),
            Err(error) => Err(error),
        },
    }
}

fn reached(found: &MergeRequest) -> Option<Merging> {
    if found.state == "merged" {
        Some(Merging::Merged)
    } else if found.merge_when_pipeline_succeeds {
        Some(Merging::Scheduled)
    } else {
        None
    }
}

/// GitLab's own answer is often only "405 Method Not Allowed": its `detailed_merge_status` says
/// why.
fn why(said: &str, found: &MergeRequest) -> String {
    let status = found.detailed_merge_status.as_deref().unwrap_or_default();
    let pipeline = found
        .head_pipeline
        .as_ref()
        .map_or("", |pipeline| pipeline.status.as_str());
    let mut words = Vec::new();
    for (name, value) in [
        ("", said),
        ("merge status ", status),
        ("pipeline ", pipeline),
    ] {
        if !value.is_empty() {
            words.push(format!("{name}{}", plain(value)));
        }
    }
    words.join(", ")
}
