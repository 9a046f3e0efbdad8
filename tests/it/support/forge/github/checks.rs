//! What is said of a commit, and the pull requests that it is in.

use serde_json::{Value, json};

use crate::support::forge::call::Call;
use crate::support::forge::github::{Said, paged, values};
use crate::support::forge::model::{CheckState, Model, Status};

fn unknown(commit: &str) -> Said {
    Said::message(422, &format!("No commit found for SHA: {commit}"))
}

/// Of all statuses, with one page of them.
pub fn status(model: &Model, call: &Call, commit: &str) -> Said {
    if !model.has_commit(commit) {
        return unknown(commit);
    }
    let mut statuses = model.statuses_of(commit);
    statuses.retain(|status| !status.is_run);
    let any = |state| statuses.iter().any(|status| status.state == state);
    let state = if any(CheckState::Failing) {
        CheckState::Failing
    } else if statuses.is_empty() || any(CheckState::Pending) {
        CheckState::Pending
    } else {
        CheckState::Passing
    };
    let values: Vec<Value> = statuses.iter().map(|it| value(it)).collect();
    let mut said = paged(model, call, &values, Some("statuses"));
    said.body["state"] = word(state).into();
    said.body["sha"] = commit.into();
    said
}

pub fn runs(model: &Model, call: &Call, commit: &str) -> Said {
    if !model.has_commit(commit) {
        return unknown(commit);
    }
    let runs = model.statuses_of(commit).into_iter();
    let runs = runs.filter(|status| status.is_run).map(|run| {
        let is_over = run.state != CheckState::Pending;
        json!({
            "id": run.id,
            "head_sha": commit,
            "name": run.context,
            "app": {"id": 15368, "slug": "github-actions"},
            "status": if is_over { "completed" } else { "in_progress" },
            "conclusion": is_over.then(|| word(run.state)),
            "started_at": run.created,
        })
    });
    paged(model, call, &runs.collect::<Vec<_>>(), Some("check_runs"))
}

fn value(status: &Status) -> Value {
    json!({
        "id": status.id,
        "context": status.context,
        "state": word(status.state),
        "description": status.description,
        "created_at": status.created,
    })
}

pub fn post(model: &mut Model, call: &Call, commit: &str) -> Said {
    let granted = model.app.as_ref().map(|app| app.granted.get("statuses"));
    let is_granted = granted.is_none_or(|access| access.is_some_and(|it| it == "write"));
    if !model.may_write || !is_granted {
        return Said::message(403, "Resource not accessible by integration");
    }
    if !model.has_commit(commit) {
        return unknown(commit);
    }
    let [context, description, state] =
        ["context", "description", "state"].map(|name| call.text_of(name).unwrap_or_default());
    if description.chars().count() > 140 {
        let words = "description is too long (maximum is 140 characters)";
        return Said::invalid(&json!({"resource": "Status", "code": "custom", "message": words}));
    }
    let state = match state {
        "pending" => CheckState::Pending,
        "success" => CheckState::Passing,
        _ => CheckState::Failing,
    };
    let status = model.post_status(commit, context, state, description);
    Said::new(201, value(&status))
}

pub fn pulls(model: &Model, call: &Call, commit: &str) -> Said {
    if !model.has_commit(commit) {
        return unknown(commit);
    }
    let pulls = model.pulls_with(commit);
    let pulls: Vec<Value> = pulls.map(|it| values::pull_in_list(model, it)).collect();
    paged(model, call, &pulls, None)
}

fn word(state: CheckState) -> &'static str {
    match state {
        CheckState::Pending => "pending",
        CheckState::Passing => "success",
        CheckState::Failing => "failure",
    }
}
