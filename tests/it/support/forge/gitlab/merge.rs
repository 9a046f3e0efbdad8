//! `PUT merge_requests/{iid}/merge`, in the order of GitLab's source.

use headwater::pull_request::MergeMethod;
use serde_json::json;

use crate::support::forge::call::{Call, json as reply};
use crate::support::forge::gitlab::{is_open, refusal, usual_method, values};
use crate::support::forge::model::{CheckState, Model};
use crate::support::scripted::Reply;

pub fn merge(model: &mut Model, call: &Call, number: u64) -> Reply {
    let pull = model.pull_request(number).clone();
    if !model.may_write {
        return refusal(401, "401 Unauthorized");
    }
    let is_later = call.is_set("merge_when_pipeline_succeeds") || call.is_set("auto_merge");
    let pipeline = model.checks_of(&pull.head_commit);
    let is_fine = is_open(&pull) && !pull.is_draft && model.demands_of(&pull).is_empty();
    let is_mergeable = is_fine && !model.has_conflict(&pull);
    // Something to wait for there must be.
    let can_wait = is_later
        && is_open(&pull)
        && !model.has_conflict(&pull)
        && (!is_mergeable || pipeline == Some(CheckState::Pending));
    let is_now = if is_later {
        pipeline == Some(CheckState::Passing)
    } else {
        is_fine
    };
    if !is_now && !can_wait {
        return refusal(405, "405 Method Not Allowed");
    }
    if !can_wait && !is_mergeable {
        return refusal(422, "Branch cannot be merged");
    }
    let wanted = call.text_of("sha").filter(|sha| !sha.is_empty());
    if wanted.is_some_and(|wanted| wanted != pull.head_commit) {
        let words = format!(
            "SHA does not match HEAD of source branch: {}",
            pull.head_commit
        );
        return reply(409, &json!({"message": words}));
    }
    let method = if call.is_set("squash") {
        MergeMethod::Squash
    } else {
        usual_method(model)
    };
    if !is_now {
        model.edit(number, |pull| pull.scheduled = Some(method));
    } else if model.merge(number, method).is_err() {
        return refusal(422, "Branch cannot be merged");
    }
    reply(200, &values::single(model, model.pull_request(number)))
}
