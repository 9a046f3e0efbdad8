//! Jobs and statuses of commits.

use serde_json::{Value, json};

use crate::support::forge::call::{Call, json as reply};
use crate::support::forge::gitlab::refusal;
use crate::support::forge::model::{CheckState, Model, Status};
use crate::support::scripted::Reply;

pub fn statuses(model: &Model, commit: &str) -> Vec<Value> {
    let statuses = model.statuses_of(commit).into_iter();
    statuses.map(value).collect()
}

fn value(status: &Status) -> Value {
    json!({
        "id": status.id,
        "sha": status.commit,
        "name": status.context,
        "status": match status.state {
            CheckState::Pending => "running",
            CheckState::Passing => "success",
            CheckState::Failing => "failed",
        },
        "description": status.description,
        "allow_failure": false,
        "created_at": status.created,
    })
}

/// One that is pending cannot become so.
pub fn post(model: &mut Model, call: &Call, commit: &str) -> Reply {
    if !model.may_write {
        let words = "The request requires higher privileges than provided by the access token.";
        let body = json!({
            "error": "insufficient_scope", "error_description": words, "scope": "api",
        });
        return reply(403, &body);
    }
    let [name, description, wanted] =
        ["name", "description", "state"].map(|name| call.text_of(name).unwrap_or_default());
    let long = [description, call.text_of("target_url").unwrap_or_default()];
    if long.iter().any(|text| text.chars().count() > 255) {
        return refusal(400, "is too long (maximum is 255 characters)");
    }
    let state = match wanted {
        "pending" => CheckState::Pending,
        "success" => CheckState::Passing,
        "failed" => CheckState::Failing,
        _ => return refusal(400, "state does not have a valid value"),
    };
    let before = model.statuses_of(commit);
    let mut before = before.iter().filter(|status| status.context == name);
    let is_pending = before.any(|status| status.state == CheckState::Pending);
    if is_pending && state == CheckState::Pending {
        let words = "Cannot transition status via :enqueue from :pending (Reason(s): Status \
                     cannot transition via \"enqueue\")";
        return refusal(400, words);
    }
    let status = model.post_status(commit, name, state, description);
    let mut posted = value(&status);
    posted["status"] = wanted.into();
    reply(201, &posted)
}
