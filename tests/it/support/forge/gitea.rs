//! Gitea and Forgejo, API version 1, as a real one answers.

mod checks;
mod merge;
mod values;

use std::sync::LazyLock;

use headwater::pull_request::MergeMethod;
use serde_json::{Value, json};

use crate::support::forge::call::{Call, json as reply};
use crate::support::forge::description::Description;
use crate::support::forge::model::{CannotOpen, Model, New, Pull, State};
use crate::support::forge::{Face, Paths};
use crate::support::scripted::Reply;

pub struct Gitea {
    /// Forgejo's names the version of Gitea that it keeps to.
    pub version: &'static str,
}

static GITEA: LazyLock<Description> =
    LazyLock::new(|| Description::parse(include_str!("descriptions/gitea.json")));
static FORGEJO: LazyLock<Description> =
    LazyLock::new(|| Description::parse(include_str!("descriptions/forgejo.json")));

/// What marks a draft in its title.
const DRAFT: &str = "WIP: ";

impl Face for Gitea {
    fn root(&self) -> &'static str {
        "/api/v1"
    }

    fn faults(&self, call: &Call) -> Vec<String> {
        let is_forgejo = self.version.contains("+gitea-");
        let description = if is_forgejo { &FORGEJO } else { &GITEA };
        description.faults_of(call)
    }

    fn paths(&self) -> Paths {
        Paths {
            pulls: "/pulls",
            merge: ("POST", "/merge"),
            comments: "/comments",
        }
    }

    fn answer(&mut self, model: &mut Model, call: &Call) -> Option<Reply> {
        let segments: Vec<&str> = call.segments.iter().map(String::as_str).collect();
        match (call.method.as_str(), segments.as_slice()) {
            ("GET", ["version"]) => Some(reply(200, &json!({"version": self.version}))),
            ("GET", ["user"]) => Some(reply(200, &values::user(model, &model.me))),
            (_, ["repos", owner, name, below @ ..]) => {
                if (*owner, *name) != (&*model.owner, &*model.name) {
                    return Some(missing());
                }
                in_repository(model, call, below)
            }
            _ => None,
        }
    }
}

fn in_repository(model: &mut Model, call: &Call, below: &[&str]) -> Option<Reply> {
    let answer = match (call.method.as_str(), below) {
        ("GET", []) => reply(200, &values::repository(model)),
        ("GET", ["pulls"]) => list(model, call),
        ("POST", ["pulls"]) => open(model, call),
        ("GET", ["labels"]) => {
            let labels = model
                .labels
                .iter()
                .map(|(name, _)| values::label(model, name));
            paged(call, &labels.collect::<Vec<_>>())
        }
        ("POST", ["labels"]) => define_label(model, call),
        ("PATCH", ["issues", "comments", id]) => edit_comment(model, call, id),
        ("DELETE", ["issues", "comments", id]) => match model.remove_remark(id.parse().ok()?) {
            true => Reply::status(204),
            false => missing(),
        },
        ("GET", ["commits", commit, "status"]) => reply(200, &checks::status(model, call, commit)),
        ("GET", ["commits", commit, "pull"]) => checks::pull(model, commit),
        ("GET", ["git", "commits", commit]) => match model.has_commit(commit) {
            true => reply(200, &json!({"sha": commit})),
            false => missing(),
        },
        ("POST", ["statuses", commit]) => checks::post(model, call, commit),
        ("GET", ["branch_protections"]) => reply(200, &values::rules(model)),
        ("GET", ["branches", branch]) => {
            values::branch(model, branch).map_or_else(missing, |it| reply(200, &it))
        }
        (method, ["pulls" | "issues", number, below @ ..]) => {
            let number = number.parse().ok();
            match number.filter(|number| model.find(*number).is_some()) {
                Some(number) => in_pull_request(model, call, number, below)?,
                None if method == "GET" && below == ["comments"] => refusal(500, ""),
                None => missing(),
            }
        }
        _ => return None,
    };
    Some(answer)
}

fn in_pull_request(model: &mut Model, call: &Call, number: u64, below: &[&str]) -> Option<Reply> {
    let is_pull = call.path_without_query().contains("/pulls/");
    let answer = match (call.method.as_str(), is_pull, below) {
        ("GET", true, []) => reply(200, &values::pull(model, model.pull_request(number))),
        ("PATCH", true, []) => change(model, call, number),
        ("POST", true, ["merge"]) => merge::merge(model, call, number),
        ("POST", true, ["requested_reviewers"]) => request_reviewers(model, call, number),
        ("GET", true, ["reviews"]) => {
            let pull = model.pull_request(number);
            let reviews = pull.reviews.iter();
            let reviews = reviews.map(|it| values::review(model, pull, it));
            paged(call, &reviews.collect::<Vec<_>>())
        }
        ("GET", false, ["comments"]) => {
            let remarks = &model.pull_request(number).comments;
            // Not paged: all of them.
            let remarks = remarks.iter().map(|it| values::remark(model, it));
            reply(200, &remarks.collect())
        }
        ("POST", false, ["comments"]) => {
            let me = model.me.clone();
            let id = model.comment(number, &me, call.text_of("body").unwrap_or_default());
            let remark = model.remark_mut(id)?.clone();
            reply(201, &values::remark(model, &remark))
        }
        ("POST", false, ["labels"]) => add_labels(model, call, number),
        ("DELETE", false, ["labels", id]) => remove_label(model, number, id),
        _ => return None,
    };
    Some(answer)
}

pub fn missing() -> Reply {
    let message = "The target couldn't be found.";
    reply(
        404,
        &json!({"errors": [], "message": message, "url": "/api/swagger"}),
    )
}

pub fn refusal(status: u16, message: &str) -> Reply {
    reply(status, &json!({"message": message, "url": "/api/swagger"}))
}

/// One page, at most 50 items, with the headers that tell of more.
fn paged(call: &Call, items: &[Value]) -> Reply {
    let page = call.page(items, "limit", 30, 50);
    let answer = reply(200, &page.items.into()).header("x-total-count", &page.all.to_string());
    if page.is_last {
        return answer;
    }
    // As configured by its ROOT_URL, which need not be where it is asked.
    let next = call.at_page("https://forge.example", page.number + 1);
    answer.header("link", &format!("<{next}>; rel=\"next\""))
}

fn list(model: &Model, call: &Call) -> Reply {
    let fits = |pull: &&Pull| match call.parameter("state") {
        "closed" => pull.state != State::Open,
        "all" => true,
        _ => pull.state == State::Open,
    };
    let mut pulls: Vec<&Pull> = model.pulls.iter().filter(fits).collect();
    if call.parameter("sort") != "oldest" {
        pulls.reverse();
    }
    let pulls: Vec<Value> = pulls.iter().map(|it| values::pull(model, it)).collect();
    paged(call, &pulls)
}

fn open(model: &mut Model, call: &Call) -> Reply {
    for login in call.texts_of("assignees").unwrap_or_default() {
        if model.account_id(&login) == 0 {
            let words = format!("Assignee does not exist: [name: {login}]");
            return refusal(422, &words);
        }
    }
    let text = |name: &str| call.text_of(name).unwrap_or_default().to_owned();
    let (title, is_draft) = without_mark(&text("title"));
    let made = model.create(New {
        head: text("head"),
        fork: None,
        base: text("base"),
        title,
        body: text("body"),
        is_draft,
        author: model.me.clone(),
    });
    match made {
        Ok(number) => {
            let labels = label_names(model, &call.body["labels"]);
            let assignees = call.texts_of("assignees").unwrap_or_default();
            model.edit(number, |pull| {
                pull.labels.extend(labels);
                pull.assignees.extend(assignees);
            });
            reply(201, &values::pull(model, model.pull_request(number)))
        }
        Err(CannotOpen::Duplicate(number)) => {
            let words = format!("pull request already exists for these targets [index: {number}]");
            refusal(409, &words)
        }
        Err(CannotOpen::NoHead | CannotOpen::NoBase) => missing(),
        Err(CannotOpen::NothingNew) => unreachable!("it opens empty ones"),
    }
}

fn without_mark(title: &str) -> (String, bool) {
    match title.strip_prefix(DRAFT) {
        Some(rest) => (rest.to_owned(), true),
        None => (title.to_owned(), false),
    }
}

/// The names of labels by their numbers; those that there are.
fn label_names(model: &Model, ids: &Value) -> Vec<String> {
    let ids = ids.as_array().into_iter().flatten();
    let known = |id: &Value| {
        let place = usize::try_from(id.as_u64()?).ok()?.checked_sub(1)?;
        model.labels.get(place).map(|(name, _)| name.clone())
    };
    ids.filter_map(known).collect()
}

fn change(model: &mut Model, call: &Call, number: u64) -> Reply {
    let state = model.pull_request(number).state;
    if call.body.get("state").is_some() && state == State::Merged {
        let words = "cannot change state of this pull request, it was already merged";
        return refusal(412, words);
    }
    let base = call.text_of("base").filter(|base| !base.is_empty());
    if base.is_some_and(|base| model.tip(base).is_none()) {
        return refusal(404, "new base does not exist");
    }
    let assignees = call.texts_of("assignees");
    let unknown = assignees
        .iter()
        .flatten()
        .find(|login| model.account_id(login) == 0);
    if let Some(login) = unknown {
        let words = format!("Assignee does not exist: [name: {login}]");
        return refusal(422, &words);
    }
    match call.text_of("state") {
        Some("closed") => model.close(number),
        Some("open") => model.reopen(number),
        _ => {}
    }
    model.edit(number, |pull| {
        if let Some(title) = call.text_of("title").filter(|title| !title.is_empty()) {
            (pull.title, pull.is_draft) = without_mark(title);
        }
        if let Some(body) = call.text_of("body") {
            pull.body = body.to_owned();
        }
        if let Some(base) = base {
            pull.base = base.to_owned();
        }
        if let Some(assignees) = assignees {
            pull.assignees = assignees.into_iter().collect();
        }
    });
    reply(201, &values::pull(model, model.pull_request(number)))
}

fn request_reviewers(model: &mut Model, call: &Call, number: u64) -> Reply {
    let reviewers = call.texts_of("reviewers").unwrap_or_default();
    let author = model.pull_request(number).author.clone();
    for login in &reviewers {
        if model.account_id(login) == 0 {
            let words = format!("User '{login}' not exist");
            return refusal(404, &words);
        }
        if *login == author {
            return refusal(422, "poster of pr can't be reviewer");
        }
    }
    model.edit(number, |pull| pull.reviewers.extend(reviewers));
    reply(201, &json!([]))
}

fn define_label(model: &mut Model, call: &Call) -> Reply {
    let name = call.text_of("name").unwrap_or_default().to_owned();
    let color = call.text_of("color").unwrap_or_default();
    let color = color.trim_start_matches('#').to_owned();
    if name.is_empty() || color.len() != 6 {
        return refusal(422, "[Name, Color]: Required");
    }
    model.labels.push((name.clone(), color));
    reply(201, &values::label(model, &name))
}

fn add_labels(model: &mut Model, call: &Call, number: u64) -> Reply {
    for name in label_names(model, &call.body["labels"]) {
        model.set_label(number, &name);
    }
    let labels = model.pull_request(number).labels.iter();
    let labels: Vec<Value> = labels.map(|name| values::label(model, name)).collect();
    reply(200, &labels.into())
}

fn remove_label(model: &mut Model, number: u64, id: &str) -> Reply {
    let names = label_names(model, &json!([id.parse::<u64>().unwrap_or(0)]));
    let Some(name) = names.first() else {
        return refusal(422, "label does not exist");
    };
    model.remove_label(number, name);
    Reply::status(204)
}

fn edit_comment(model: &mut Model, call: &Call, id: &str) -> Reply {
    let body = call.text_of("body").unwrap_or_default().to_owned();
    let Some(remark) = id.parse().ok().and_then(|id| model.remark_mut(id)) else {
        return missing();
    };
    remark.body = body;
    let remark = remark.clone();
    reply(200, &values::remark(model, &remark))
}

fn method_of(name: &str) -> Option<MergeMethod> {
    let all = [MergeMethod::Merge, MergeMethod::Squash, MergeMethod::Rebase];
    all.into_iter().find(|method| method.name() == name)
}
