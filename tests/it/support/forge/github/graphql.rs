//! The queries and mutations that are used, by their names.

use serde_json::{Value, json};

use headwater::pull_request::MergeMethod;

use crate::support::forge::call::Call;
use crate::support::forge::github::merge::method_of;
use crate::support::forge::github::values::node_id;
use crate::support::forge::model::{CheckState, Model, State};
use crate::support::forge::reviews::{Opinion, Review};

/// None where it is none of them.
pub fn answer(model: &mut Model, call: &Call) -> Option<Value> {
    let query = call.text_of("query")?;
    let variables = &call.body["variables"];
    if query.contains("latestOpinionatedReviews") {
        return Some(reviews(model, variables));
    }
    if query.contains("viewer") {
        return Some(json!({"data": {"viewer": {"login": model.me}}}));
    }
    if query.contains("autoMergeAllowed") {
        return Some(settings(model));
    }
    let mutation = [
        "convertPullRequestToDraft",
        "enablePullRequestAutoMerge",
        "markPullRequestReadyForReview",
    ]
    .into_iter()
    .find(|name| query.contains(name))?;
    // Answers stand under the alias, where there is one.
    let alias = query.split(mutation).next()?.trim_end();
    let alias = alias.strip_suffix(':').and_then(|before| {
        let name = before.rsplit(|c: char| !c.is_alphanumeric()).next()?;
        Some(name.to_owned())
    });
    let key = alias.unwrap_or_else(|| mutation.to_owned());
    let changed = match pull_of(model, variables) {
        None => Err((
            "NOT_FOUND",
            format!(
                "Could not resolve to a node with the global id of '{}'",
                variables["id"]
            ),
        )),
        Some(number) => match mutation {
            "enablePullRequestAutoMerge" => schedule(model, number, variables)
                .map_err(|words| ("UNPROCESSABLE", words.to_owned())),
            _ => {
                let is_draft = mutation == "convertPullRequestToDraft";
                model.edit(number, |pull| pull.is_draft = is_draft);
                Ok(json!({"isDraft": is_draft}))
            }
        },
    };
    Some(match changed {
        Ok(pull) => json!({"data": {key: {"pullRequest": pull}}}),
        Err((kind, message)) => json!({
            "data": {key.as_str(): null},
            "errors": [{
                "type": kind,
                "path": [key],
                "locations": [{"line": 1, "column": 10}],
                "message": message,
            }],
        }),
    })
}

/// Those of writers only.
fn reviews(model: &Model, variables: &Value) -> Value {
    let number = variables["number"].as_u64().unwrap_or_default();
    let Some(pull) = model.find(number) else {
        let words = format!("Could not resolve to a PullRequest with the number of {number}.");
        return json!({
            "data": {"viewer": {"login": model.me}, "repository": {"pullRequest": null}},
            "errors": [{
                "type": "NOT_FOUND",
                "path": ["repository", "pullRequest"],
                "locations": [{"line": 1, "column": 1}],
                "message": words,
            }],
        });
    };
    let actor = |login: &str| json!({"__typename": "User", "login": login});
    let state = |review: &Review| match review.opinion {
        _ if review.is_dismissed => "DISMISSED",
        Opinion::Approves => "APPROVED",
        Opinion::Refuses | Opinion::Remarks => "CHANGES_REQUESTED",
    };
    let opinions = pull.opinions().into_iter();
    let nodes = opinions.filter(|it| it.is_by_writer()).map(|review| {
        json!({
            "state": state(review),
            "author": actor(&review.author),
            "commit": {"oid": review.commit},
        })
    });
    json!({"data": {
        "viewer": {"login": model.me},
        "repository": {"pullRequest": {
            "headRefOid": pull.head_commit,
            "author": actor(&pull.author),
            "latestOpinionatedReviews": {"nodes": nodes.collect::<Value>()},
        }},
    }})
}

fn pull_of(model: &Model, variables: &Value) -> Option<u64> {
    let id = variables["id"].as_str()?;
    let pull = model.pulls.iter().find(|pull| node_id(pull) == id)?;
    Some(pull.number)
}

fn settings(model: &Model) -> Value {
    let allows = |method| model.merge_methods.contains(&method);
    json!({"data": {"repository": {
        "mergeCommitAllowed": allows(MergeMethod::Merge),
        "squashMergeAllowed": allows(MergeMethod::Squash),
        "rebaseMergeAllowed": allows(MergeMethod::Rebase),
        "autoMergeAllowed": model.has_automerge,
    }}})
}

/// There must be something to wait for.
fn schedule(model: &mut Model, number: u64, variables: &Value) -> Result<Value, &'static str> {
    let pull = model.pull_request(number).clone();
    let method = method_of(variables["method"].as_str().unwrap_or_default());
    if !model.has_automerge {
        return Err("Pull request Auto merge is not allowed for this repository");
    }
    if !model.merge_methods.contains(&method) {
        return Err("Pull request Merge method is not allowed on this repository");
    }
    if variables["head"].as_str() != Some(&pull.head_commit) {
        return Err("Head branch was modified. Review and try the merge again.");
    }
    if pull.state != State::Open || pull.is_draft || model.has_conflict(&pull) {
        return Err("Pull request is not in the correct state to enable auto-merge");
    }
    if model.demands_of(&pull).is_empty() {
        return Err(match model.checks_of(&pull.head_commit) {
            None | Some(CheckState::Passing) => "Pull request Pull request is in clean status",
            Some(_) => "Pull request Pull request is in unstable status",
        });
    }
    model.edit(number, |pull| pull.scheduled = Some(method));
    Ok(json!({"autoMergeRequest": {"enabledAt": model.now}}))
}
