//! GitLab, API version 4, after its documentation and the source of its API.

mod checks;
mod described;
mod merge;
mod values;

use std::collections::BTreeSet;

use headwater::pull_request::MergeMethod;
use serde_json::{Value, json};

use crate::support::forge::call::{Call, json as reply};
use crate::support::forge::model::{CannotOpen, Model, New, Pull, State};
use crate::support::forge::{Face, Paths};
use crate::support::scripted::Reply;

pub struct GitLab;

/// What marks a draft in its title.
const DRAFT: &str = "Draft: ";

impl Face for GitLab {
    fn root(&self) -> &'static str {
        "/api/v4"
    }

    fn paths(&self) -> Paths {
        Paths {
            pulls: "/merge_requests",
            merge: ("PUT", "/merge"),
            comments: "/notes",
        }
    }

    fn admits(&mut self, model: &Model, call: &Call) -> bool {
        call.header("private-token") == Some(model.token.as_str())
    }

    fn faults(&self, call: &Call) -> Vec<String> {
        described::faults(call)
    }

    fn answer(&mut self, model: &mut Model, call: &Call) -> Option<Reply> {
        let segments: Vec<&str> = call.segments.iter().map(String::as_str).collect();
        match (call.method.as_str(), segments.as_slice()) {
            ("GET", ["version"]) => Some(reply(
                200,
                &json!({"version": "17.11.2-ee", "revision": "0a1b2c3d"}),
            )),
            ("GET", ["user"]) => Some(reply(200, &values::user(model, &model.me))),
            ("GET", ["users"]) => Some(users(model, call)),
            ("GET", ["personal_access_tokens", "self"]) => Some(reply(200, &values::token(model))),
            (_, ["projects", path, below @ ..]) => {
                if *path != format!("{}/{}", model.owner, model.name) {
                    return Some(missing("Project"));
                }
                in_project(model, call, below)
            }
            _ => None,
        }
    }
}

fn in_project(model: &mut Model, call: &Call, below: &[&str]) -> Option<Reply> {
    let answer = match (call.method.as_str(), below) {
        ("GET", []) => reply(200, &values::project(model)),
        ("GET", ["merge_requests"]) => list(model, call),
        ("POST", ["merge_requests"]) => open(model, call),
        ("GET", ["repository", "branches", name]) => {
            values::branch(model, name).map_or_else(|| missing("Branch"), |it| reply(200, &it))
        }
        (_, ["repository", "commits", commit, _] | ["statuses", commit])
            if !model.has_commit(commit) =>
        {
            missing("Commit")
        }
        ("GET", ["repository", "commits", commit, "statuses"]) => {
            paged(call, &checks::statuses(model, commit))
        }
        ("GET", ["repository", "commits", commit, "merge_requests"]) => {
            let found = model.pulls_with(commit).map(|it| values::pull(model, it));
            paged(call, &found.collect::<Vec<_>>())
        }
        ("POST", ["statuses", commit]) => checks::post(model, call, commit),
        // For maintainers, and the bot is a developer.
        ("GET", ["protected_branches"]) => refusal(403, "403 Forbidden"),
        ("GET", ["approval_rules"]) => paged(call, &values::approval_rules(model)),
        (_, ["merge_requests", number, below @ ..]) => {
            let number = number.parse().ok();
            match number.filter(|number| model.find(*number).is_some()) {
                Some(number) => in_merge_request(model, call, number, below)?,
                None => missing(""),
            }
        }
        _ => return None,
    };
    Some(answer)
}

fn in_merge_request(model: &mut Model, call: &Call, number: u64, below: &[&str]) -> Option<Reply> {
    let answer = match (call.method.as_str(), below) {
        ("GET", []) => reply(200, &values::single(model, model.pull_request(number))),
        ("PUT", []) => change(model, call, number),
        ("PUT", ["merge"]) => merge::merge(model, call, number),
        ("GET", ["notes"]) => notes(model, call, number),
        ("GET", ["approvals"]) => reply(200, &values::approvals(model, model.pull_request(number))),
        ("GET", ["versions"]) => paged(call, &values::versions(model.pull_request(number))),
        ("POST", ["notes"]) => {
            let body = call.text_of("body").unwrap_or_default().to_owned();
            if body.starts_with('/') {
                // A quick action is done, and is no note.
                return Some(reply(
                    202,
                    &json!({"commands_changes": {}, "summary": ["Done."]}),
                ));
            }
            let me = model.me.clone();
            let id = model.comment(number, &me, &body);
            let remark = model.remark_mut(id)?.clone();
            reply(201, &values::note(model, &remark))
        }
        ("DELETE", ["notes", id]) => match model.remove_remark(id.parse().ok()?) {
            true => Reply::status(204),
            false => missing("Note"),
        },
        ("PUT", ["notes", id]) => {
            let body = call.text_of("body").unwrap_or_default().to_owned();
            let Some(remark) = id.parse().ok().and_then(|id| model.remark_mut(id)) else {
                return Some(missing("Note"));
            };
            remark.body = body;
            let remark = remark.clone();
            reply(200, &values::note(model, &remark))
        }
        _ => return None,
    };
    Some(answer)
}

pub fn missing(what: &str) -> Reply {
    refusal(
        404,
        format!("404 {what} Not Found").replace("  ", " ").as_str(),
    )
}

pub fn refusal(status: u16, message: &str) -> Reply {
    reply(status, &json!({"message": message}))
}

/// One page, at most 100 items, with the headers that tell of more.
fn paged(call: &Call, items: &[Value]) -> Reply {
    let page = call.page(items, "per_page", 20, 100);
    let next = if page.is_last {
        String::new()
    } else {
        (page.number + 1).to_string()
    };
    let answer = reply(200, &page.items.into())
        .header("x-page", &page.number.to_string())
        .header("x-total", &page.all.to_string())
        .header("x-next-page", &next);
    if page.is_last {
        return answer;
    }
    // As configured by its external URL, which need not be where it is asked.
    let next = call.at_page("https://forge.example", page.number + 1);
    answer.header("link", &format!("<{next}>; rel=\"next\""))
}

fn users(model: &Model, call: &Call) -> Reply {
    let wanted = call.parameter("username");
    let found = model
        .accounts
        .iter()
        .filter(|login| login.eq_ignore_ascii_case(wanted));
    let found: Vec<Value> = found.map(|login| values::user(model, login)).collect();
    paged(call, &found)
}

fn list(model: &Model, call: &Call) -> Reply {
    let branch = call.parameter("source_branch");
    let is_everybodys = call.parameter("scope") == "all" || call.parameter("scope").is_empty();
    let fits = |pull: &&Pull| {
        let state = match call.parameter("state") {
            "" | "all" => true,
            wanted => wanted == values::state(pull.state),
        };
        let is_named = branch.is_empty() || pull.head == branch;
        state && is_named && (is_everybodys || pull.author == model.me)
    };
    let mut pulls: Vec<&Pull> = model.pulls.iter().filter(fits).collect();
    if call.parameter("sort") != "asc" {
        pulls.reverse();
    }
    let pulls: Vec<Value> = pulls.iter().map(|it| values::pull(model, it)).collect();
    paged(call, &pulls)
}

fn open(model: &mut Model, call: &Call) -> Reply {
    let text = |name: &str| call.text_of(name).unwrap_or_default().to_owned();
    let (title, is_draft) = without_mark(&text("title"));
    if text("source_branch") == text("target_branch") {
        let words = "You can't use same project/branch for source and target";
        return reply(422, &json!({"message": [words]}));
    }
    let made = model.create(New {
        head: text("source_branch"),
        fork: None,
        base: text("target_branch"),
        title,
        body: text("description"),
        is_draft,
        author: model.me.clone(),
    });
    match made {
        Ok(number) => {
            set(model, call, number);
            reply(201, &values::single(model, model.pull_request(number)))
        }
        Err(CannotOpen::Duplicate(number)) => {
            let words = format!(
                "Another open merge request already exists for this source branch: !{number}"
            );
            reply(409, &json!({"message": [words]}))
        }
        Err(CannotOpen::NoHead) => {
            let words = format!("Source branch \"{}\" does not exist", text("source_branch"));
            reply(422, &json!({"message": [words]}))
        }
        Err(CannotOpen::NoBase) => {
            let words = format!("Target branch \"{}\" does not exist", text("target_branch"));
            reply(422, &json!({"message": [words]}))
        }
        // A real one opens it, empty.
        Err(CannotOpen::NothingNew) => reply(422, &json!({"message": ["There are no changes"]})),
    }
}

fn without_mark(title: &str) -> (String, bool) {
    match title.strip_prefix(DRAFT) {
        Some(rest) => (rest.to_owned(), true),
        None => (title.to_owned(), false),
    }
}

/// Labels and people; unknown numbers are passed over in silence.
fn set(model: &mut Model, call: &Call, number: u64) {
    let names = |name: &str| -> Option<BTreeSet<String>> {
        let labels = call.text_of(name)?.split(',').map(str::trim);
        Some(
            labels
                .filter(|label| !label.is_empty())
                .map(str::to_owned)
                .collect(),
        )
    };
    if let Some(labels) = names("labels") {
        model.edit(number, |pull| pull.labels.clear());
        for label in labels {
            model.set_label(number, &label);
        }
    }
    for label in names("add_labels").unwrap_or_default() {
        model.set_label(number, &label);
    }
    for label in names("remove_labels").unwrap_or_default() {
        model.remove_label(number, &label);
    }
    let people = |name: &str| -> Option<BTreeSet<String>> {
        let ids = call.body.get(name)?.as_array()?.iter();
        let login = |id: &Value| {
            let place = usize::try_from(id.as_u64()?).ok()?.checked_sub(1)?;
            model.accounts.get(place).cloned()
        };
        Some(ids.filter_map(login).collect())
    };
    let (reviewers, assignees) = (people("reviewer_ids"), people("assignee_ids"));
    model.edit(number, |pull| {
        pull.reviewers = reviewers.unwrap_or_else(|| pull.reviewers.clone());
        pull.assignees = assignees.unwrap_or_else(|| pull.assignees.clone());
    });
}

fn change(model: &mut Model, call: &Call, number: u64) -> Reply {
    if call.body.as_object().is_none_or(serde_json::Map::is_empty) {
        return refusal(400, "at least one parameter must be provided");
    }
    match call.text_of("state_event") {
        // One that has been merged stays so, and no word is said.
        Some("close") => model.close(number),
        Some("reopen") => model.reopen(number),
        _ => {}
    }
    model.edit(number, |pull| {
        if let Some(title) = call.text_of("title") {
            (pull.title, pull.is_draft) = without_mark(title);
        }
        if let Some(body) = call.text_of("description") {
            pull.body = body.to_owned();
        }
        if let Some(base) = call.text_of("target_branch") {
            pull.base = base.to_owned();
        }
    });
    set(model, call, number);
    reply(200, &values::single(model, model.pull_request(number)))
}

/// With a remark of GitLab's own at the beginning, unless only people's are asked for.
fn notes(model: &Model, call: &Call, number: u64) -> Reply {
    let pull = model.pull_request(number);
    let mut notes = Vec::new();
    if call.parameter("activity_filter") != "only_comments" {
        notes.push(values::own_remark(model, pull));
    }
    notes.extend(pull.comments.iter().map(|it| values::note(model, it)));
    if call.parameter("sort") != "asc" {
        notes.reverse();
    }
    paged(call, &notes)
}

/// How the project merges what is not to be squashed.
fn usual_method(model: &Model) -> MergeMethod {
    match values::merge_method(model) {
        "ff" => MergeMethod::Rebase,
        _ => MergeMethod::Merge,
    }
}

fn is_open(pull: &Pull) -> bool {
    pull.state == State::Open
}
