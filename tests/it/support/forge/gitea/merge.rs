//! `POST pulls/{n}/merge`, with its ways to say no.

use serde_json::json;

use crate::support::forge::call::{Call, json as reply};
use crate::support::forge::gitea::{method_of, missing, refusal};
use crate::support::forge::merging::NotMerged;
use crate::support::forge::model::{CheckState, Model, State};
use crate::support::scripted::Reply;

pub fn merge(model: &mut Model, call: &Call, number: u64) -> Reply {
    let pull = model.pull_request(number).clone();
    match pull.state {
        // Without words.
        State::Merged => return refusal(405, ""),
        State::Closed => return missing(),
        State::Open => {}
    }
    if pull.is_draft {
        return refusal(405, "Work in progress PRs cannot be merged");
    }
    if model.has_conflict(&pull) {
        return refusal(405, "Please try again later");
    }
    let Some(method) = method_of(call.text_of("Do").unwrap_or_default()) else {
        return refusal(422, "[Do]: Required");
    };
    let is_later = call.is_set("merge_when_checks_succeed");
    let demands = model.demands_of(&pull);
    if !is_later && !demands.is_empty() {
        return refusal(405, "Please try again later");
    }
    // Asked first, and with any head: the head is compared only where it is merged now. A commit
    // without checks is none that passes.
    if is_later && model.checks_of(&pull.head_commit) != Some(CheckState::Passing) {
        if pull.scheduled.is_some() {
            return refusal(
                409,
                "pull request is already scheduled to auto merge when checks succeed",
            );
        }
        model.edit(number, |pull| pull.scheduled = Some(method));
        return Reply::status(201);
    }
    let wanted = call.text_of("head_commit_id").filter(|id| !id.is_empty());
    if wanted.is_some_and(|wanted| wanted != pull.head_commit) {
        return refusal(409, "head out of date");
    }
    match model.merge(number, method) {
        Ok(_) => Reply::status(200),
        Err(NotMerged::NotAllowed) => {
            let words = format!(
                "{} is not allowed an allowed merge style for this repository",
                method.name()
            );
            refusal(405, &words)
        }
        Err(NotMerged::NoBranch) => missing(),
        Err(NotMerged::NotOpen(_) | NotMerged::IsDraft) => refusal(405, ""),
        Err(NotMerged::NotReady(_)) => refusal(405, "Please try again later"),
        // What a rebase finds that a merge does not.
        Err(NotMerged::Conflict) => {
            reply(409, &json!({"Style": method.name(), "StdErr": "CONFLICT"}))
        }
    }
}
