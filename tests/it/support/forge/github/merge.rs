//! `PUT pulls/{n}/merge`, with its ways to say no.

use headwater::pull_request::MergeMethod;
use serde_json::json;

use crate::support::forge::call::Call;
use crate::support::forge::github::Said;
use crate::support::forge::merging::NotMerged;
use crate::support::forge::model::{Model, State};

pub fn merge(model: &mut Model, call: &Call, number: u64) -> Said {
    let pull = model.pull_request(number).clone();
    let not_mergeable = || Said::message(405, "Pull Request is not mergeable");
    if pull.state != State::Open {
        return not_mergeable();
    }
    if call
        .text_of("sha")
        .is_some_and(|head| head != pull.head_commit)
    {
        let words = "Head branch was modified. Review and try the merge again.";
        return Said::message(409, words);
    }
    let method = method_of(call.text_of("merge_method").unwrap_or("merge"));
    match model.merge(number, method) {
        Ok(commit) => Said::new(
            200,
            json!({
                "sha": commit,
                "merged": true,
                "message": "Pull Request successfully merged",
            }),
        ),
        Err(NotMerged::NotAllowed) => {
            let kind = match method {
                MergeMethod::Merge => "Merge commits",
                MergeMethod::Squash => "Squash merges",
                MergeMethod::Rebase => "Rebase merges",
            };
            Said::message(405, &format!("{kind} are not allowed on this repository."))
        }
        Err(NotMerged::IsDraft) => Said::message(405, "Pull Request is still a draft"),
        Err(NotMerged::NotReady(demands)) => Said::message(
            405,
            &format!("Repository rule violations found\n\n{}", demands.join("\n")),
        ),
        Err(NotMerged::NotOpen(_) | NotMerged::NoBranch | NotMerged::Conflict) => not_mergeable(),
    }
}

pub fn method_of(name: &str) -> MergeMethod {
    match name.to_lowercase().as_str() {
        "squash" => MergeMethod::Squash,
        "rebase" => MergeMethod::Rebase,
        _ => MergeMethod::Merge,
    }
}
