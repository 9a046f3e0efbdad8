//! Statuses of commits, and the pull requests that made them.

use serde_json::{Value, json};

use crate::support::forge::call::{Call, json as reply};
use crate::support::forge::gitea::{refusal, values};
use crate::support::forge::model::{CheckState, Model, State, Status};
use crate::support::scripted::Reply;

/// Nothing of a commit that is not there, too.
pub fn status(model: &Model, call: &Call, commit: &str) -> Value {
    let statuses = model.statuses_of(commit);
    if statuses.is_empty() {
        return json!({"state": "", "sha": "", "total_count": 0, "statuses": null});
    }
    let shown = call.page(&statuses, "limit", 30, 50).items;
    let any = |state| shown.iter().any(|status| status.state == state);
    // Of this page only.
    let worst = [CheckState::Failing, CheckState::Pending]
        .into_iter()
        .find(|state| any(*state));
    json!({
        "state": word(worst.unwrap_or(CheckState::Passing)),
        "sha": commit,
        "total_count": shown.len(),
        "statuses": shown.iter().map(|it| value(it)).collect::<Value>(),
    })
}

fn value(status: &Status) -> Value {
    json!({
        "id": status.id,
        "context": status.context,
        "status": word(status.state),
        "description": status.description,
        "created_at": status.created,
    })
}

pub fn post(model: &mut Model, call: &Call, commit: &str) -> Reply {
    if !model.may_write {
        let words = "token does not have at least one of required scope(s): [write:repository]";
        return refusal(403, words);
    }
    if !model.has_commit(commit) {
        return refusal(500, "");
    }
    let state = match call.text_of("state") {
        Some("pending") => CheckState::Pending,
        Some("success") => CheckState::Passing,
        Some("error" | "failure") => CheckState::Failing,
        state => return refusal(500, &format!("state {state:?}")),
    };
    let [context, description] =
        ["context", "description"].map(|name| call.text_of(name).unwrap_or_default());
    let status = model.post_status(commit, context, state, description);
    reply(201, &value(&status))
}

/// Only the one that made this commit.
pub fn pull(model: &Model, commit: &str) -> Reply {
    let made = |pull: &&crate::support::forge::Pull| {
        pull.state == State::Merged && pull.merge_commit.as_deref() == Some(commit)
    };
    match model.pulls.iter().find(made) {
        Some(pull) => reply(200, &values::pull(model, pull)),
        None => refusal(
            404,
            "pull request does not exist [id: 0, issue_id: 0, head_repo_id: 0, base_repo_id: 1, \
             head_branch: , base_branch: ]",
        ),
    }
}

fn word(state: CheckState) -> &'static str {
    match state {
        CheckState::Pending => "pending",
        CheckState::Passing => "success",
        CheckState::Failing => "failure",
    }
}
