//! GitHub Enterprise Server, API version 2022-11-28: REST, the GraphQL that is used, and Apps. The
//! token's account may write and is no administrator, so rulesets tell what protects a branch.

pub mod apps;
mod checks;
mod graphql;
mod merge;
mod values;

use std::sync::LazyLock;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::support::forge::call::Call;
use crate::support::forge::description::Description;
use crate::support::forge::model::{CannotOpen, Model, New, Pull, State};
use crate::support::forge::{Face, Paths};
use crate::support::scripted::Reply;

static DESCRIPTION: LazyLock<Description> =
    LazyLock::new(|| Description::parse(include_str!("descriptions/github.json")));

pub struct GitHub;

/// The team that there is, of the repository's owner.
pub const TEAM: &str = "platform";
const VERSION: &str = "3.19.0";

/// What is said, before the headers that GitHub adds to all of it.
pub struct Said {
    status: u16,
    body: Value,
    next: Option<String>,
}

impl Said {
    pub fn new(status: u16, body: Value) -> Self {
        Self {
            status,
            body,
            next: None,
        }
    }

    pub fn message(status: u16, message: &str) -> Self {
        let body = json!({
            "message": message,
            "documentation_url": "https://docs.github.com/rest",
            "status": status.to_string(),
        });
        Self::new(status, body)
    }

    pub fn missing() -> Self {
        Self::message(404, "Not Found")
    }

    /// 422, with one problem.
    pub fn invalid(error: &Value) -> Self {
        let body = json!({
            "message": "Validation Failed",
            "errors": [error],
            "documentation_url": "https://docs.github.com/rest",
            "status": "422",
        });
        Self::new(422, body)
    }

    /// With the tag by which an unchanged answer is known, and which then is all that is sent.
    fn reply(self, call: &Call) -> Reply {
        let text = self.body.to_string();
        let tag = format!("W/\"{}\"", hex(&Sha256::digest(text.as_bytes())));
        let is_tagged = call.method == "GET" && self.status == 200;
        let is_known = is_tagged && call.header("if-none-match") == Some(&tag);
        let status = if is_known { 304 } else { self.status };
        let mut reply = Reply::status(status)
            .header("x-github-enterprise-version", VERSION)
            .header("x-oauth-scopes", "repo, read:org");
        if is_tagged {
            reply = reply.header("etag", &tag);
        }
        if is_known {
            return reply;
        }
        if let Some(next) = self.next {
            reply = reply.header("link", &format!("<{next}>; rel=\"next\""));
        }
        if status == 204 {
            return reply;
        }
        let kind = "application/json; charset=utf-8";
        reply.header("content-type", kind).body(text)
    }
}

impl Face for GitHub {
    fn root(&self) -> &'static str {
        "/api/v3"
    }

    fn paths(&self) -> Paths {
        Paths {
            pulls: "/pulls",
            merge: ("PUT", "/merge"),
            comments: "/comments",
        }
    }

    /// GraphQL is described elsewhere.
    fn faults(&self, call: &Call) -> Vec<String> {
        if call.path == "/api/graphql" {
            return Vec::new();
        }
        DESCRIPTION.faults_of(call)
    }

    fn admits(&mut self, model: &Model, call: &Call) -> bool {
        let token = call.token().unwrap_or_default();
        match &model.app {
            Some(app) if apps::is_asked(call) => app.is_signed(token, model.now),
            Some(app) => app.knows(token, model.now),
            None => token == model.token,
        }
    }

    fn answer(&mut self, model: &mut Model, call: &Call) -> Option<Reply> {
        let segments: Vec<&str> = call.segments.iter().map(String::as_str).collect();
        let said = match (call.method.as_str(), segments.as_slice()) {
            ("POST", ["api", "graphql"]) => Said::new(200, graphql::answer(model, call)?),
            _ if apps::is_asked(call) => apps::answer(model, call)?,
            ("GET", ["user"]) if model.app.is_some() => {
                Said::message(403, "Resource not accessible by integration")
            }
            ("GET", ["user"]) => Said::new(200, values::user(model, &model.me)),
            (_, ["repos", owner, name, below @ ..]) => {
                let is_here = owner.eq_ignore_ascii_case(&model.owner)
                    && name.eq_ignore_ascii_case(&model.name);
                if is_here {
                    in_repository(model, call, below)?
                } else {
                    Said::missing()
                }
            }
            _ => return None,
        };
        Some(said.reply(call))
    }
}

fn in_repository(model: &mut Model, call: &Call, below: &[&str]) -> Option<Said> {
    let said = match (call.method.as_str(), below) {
        ("GET", []) => Said::new(200, values::repository(model)),
        ("GET", ["pulls"]) => list(model, call),
        ("POST", ["pulls"]) => open(model, call),
        ("GET", ["commits", commit, "status"]) => checks::status(model, call, commit),
        ("GET", ["commits", commit, "check-runs"]) => checks::runs(model, call, commit),
        ("GET", ["commits", commit, "pulls"]) => checks::pulls(model, call, commit),
        ("POST", ["statuses", commit]) => checks::post(model, call, commit),
        ("GET", ["branches", branch]) => {
            values::branch(model, branch).map_or_else(Said::missing, |it| Said::new(200, it))
        }
        // For administrators.
        ("GET", ["branches", _, "protection"]) => Said::missing(),
        ("GET", ["rules", "branches", branch]) => {
            paged(model, call, &values::rules(model, branch), None)
        }
        ("PATCH", ["issues", "comments", id]) => match model.remark_mut(id.parse().ok()?) {
            Some(remark) => {
                remark.body = call.text_of("body").unwrap_or_default().to_owned();
                let remark = remark.clone();
                Said::new(200, values::remark(model, &remark))
            }
            None => Said::missing(),
        },
        ("DELETE", ["issues", "comments", id]) => match model.remove_remark(id.parse().ok()?) {
            true => Said::new(204, Value::Null),
            false => Said::missing(),
        },
        (_, ["pulls" | "issues", number, below @ ..]) => {
            let number = number.parse().ok();
            match number.filter(|number| model.find(*number).is_some()) {
                Some(number) => in_pull_request(model, call, number, below)?,
                None => Said::missing(),
            }
        }
        _ => return None,
    };
    Some(said)
}

fn in_pull_request(model: &mut Model, call: &Call, number: u64, below: &[&str]) -> Option<Said> {
    let is_pull = call.path_without_query().contains("/pulls/");
    let said = match (call.method.as_str(), is_pull, below) {
        ("GET", true, []) => Said::new(200, values::pull(model, model.pull_request(number))),
        ("PATCH", true, []) => change(model, call, number),
        ("PUT", true, ["merge"]) => merge::merge(model, call, number),
        ("POST", true, ["requested_reviewers"]) => request_reviewers(model, call, number),
        ("POST", false, ["assignees"]) => {
            let mut named = call.texts_of("assignees").unwrap_or_default();
            // Others are left out without a word.
            named.retain(|login| model.account_id(login) != 0);
            model.edit(number, |pull| pull.assignees.extend(named));
            Said::new(201, values::pull(model, model.pull_request(number)))
        }
        ("GET", false, ["comments"]) => {
            let remarks = &model.pull_request(number).comments;
            let remarks: Vec<Value> = remarks.iter().map(|it| values::remark(model, it)).collect();
            paged(model, call, &remarks, None)
        }
        ("POST", false, ["comments"]) => {
            let me = model.me.clone();
            let id = model.comment(number, &me, call.text_of("body").unwrap_or_default());
            let remark = model.remark_mut(id)?.clone();
            Said::new(201, values::remark(model, &remark))
        }
        ("POST", false, ["labels"]) => {
            for label in call.texts_of("labels").unwrap_or_default() {
                // Names that differ by case alone are one.
                let known = model.labels.iter().map(|(known, _)| known.clone());
                let known = known.into_iter().find(|it| it.eq_ignore_ascii_case(&label));
                model.set_label(number, &known.unwrap_or(label));
            }
            Said::new(200, values::labels(model, number))
        }
        ("DELETE", false, ["labels", label]) => {
            let labels = model.pull_request(number).labels.clone();
            match labels.iter().find(|it| it.eq_ignore_ascii_case(label)) {
                Some(label) => {
                    model.remove_label(number, label);
                    Said::new(200, values::labels(model, number))
                }
                None => Said::message(404, "Label does not exist"),
            }
        }
        _ => return None,
    };
    Some(said)
}

/// One page of at most 100 items, itself or at `key` of an object that tells how many there are.
pub fn paged(model: &Model, call: &Call, items: &[Value], key: Option<&str>) -> Said {
    let page = call.page(items, "per_page", 30, 100);
    let body = match key {
        None => page.items.into(),
        Some(key) => json!({"total_count": page.all, key: page.items}),
    };
    Said {
        next: (!page.is_last).then(|| call.at_page(&model.web, page.number + 1)),
        ..Said::new(200, body)
    }
}

fn list(model: &Model, call: &Call) -> Said {
    let state = call.parameter("state");
    let head = call.parameter("head").split_once(':');
    let base = call.parameter("base");
    let fits = |pull: &&Pull| {
        let is_of_state = match state {
            "all" => true,
            "closed" => pull.state != State::Open,
            _ => pull.state == State::Open,
        };
        // Without an owner it is ignored.
        let is_of_head = head.is_none_or(|(owner, branch)| {
            let fork = pull.fork.as_deref().and_then(|fork| fork.split('/').next());
            pull.head == branch && fork.unwrap_or(&model.owner).eq_ignore_ascii_case(owner)
        });
        is_of_state && is_of_head && (base.is_empty() || pull.base == base)
    };
    let mut pulls: Vec<&Pull> = model.pulls.iter().filter(fits).collect();
    if call.parameter("direction") != "asc" {
        pulls.reverse();
    }
    let pulls: Vec<Value> = pulls
        .iter()
        .map(|pull| values::pull_in_list(model, pull))
        .collect();
    paged(model, call, &pulls, None)
}

fn open(model: &mut Model, call: &Call) -> Said {
    let text = |name: &str| call.text_of(name).unwrap_or_default().to_owned();
    let head = text("head");
    let own = format!("{}:", model.owner);
    let made = model.create(New {
        head: head.strip_prefix(&own).unwrap_or(&head).to_owned(),
        fork: None,
        base: text("base"),
        title: text("title"),
        body: text("body"),
        is_draft: call.is_set("draft"),
        author: model.me.clone(),
    });
    let custom = |message: &str| {
        Said::invalid(&json!({"resource": "PullRequest", "code": "custom", "message": message}))
    };
    let field = |field: &str| {
        Said::invalid(&json!({"resource": "PullRequest", "field": field, "code": "invalid"}))
    };
    match made {
        Ok(number) => Said::new(201, values::pull(model, model.pull_request(number))),
        Err(CannotOpen::Duplicate(_)) => custom(&format!(
            "A pull request already exists for {own}{}.",
            text("head")
        )),
        Err(CannotOpen::NoHead) => field("head"),
        Err(CannotOpen::NoBase) => field("base"),
        Err(CannotOpen::NothingNew) => custom(&format!(
            "No commits between {} and {}",
            text("base"),
            text("head")
        )),
    }
}

fn change(model: &mut Model, call: &Call, number: u64) -> Said {
    let base = call.text_of("base").map(str::to_owned);
    if let Some(base) = base.as_deref().filter(|base| model.tip(base).is_none()) {
        return Said::invalid(&json!({
            "message": format!("Proposed base branch '{base}' was not found"),
            "resource": "PullRequest",
            "field": "base",
            "code": "invalid",
        }));
    }
    match (call.text_of("state"), model.pull_request(number).state) {
        (Some("closed"), _) => model.close(number),
        (Some("open"), State::Closed) => model.reopen(number),
        _ => {}
    }
    let texts = ["title", "body"].map(|name| call.text_of(name).map(str::to_owned));
    let [title, body] = texts;
    if title.is_some() || body.is_some() || base.is_some() {
        model.edit(number, |pull| {
            pull.title = title.unwrap_or_else(|| pull.title.clone());
            pull.body = body.unwrap_or_else(|| pull.body.clone());
            pull.base = base.unwrap_or_else(|| pull.base.clone());
        });
    }
    Said::new(200, values::pull(model, model.pull_request(number)))
}

/// All of them, or none.
fn request_reviewers(model: &mut Model, call: &Call, number: u64) -> Said {
    let mut asked = call.texts_of("reviewers").unwrap_or_default();
    let teams = call.texts_of("team_reviewers").unwrap_or_default();
    if asked.contains(&model.pull_request(number).author) {
        return Said::message(422, "Review cannot be requested from pull request author.");
    }
    let is_known = asked.iter().all(|login| model.account_id(login) != 0)
        && teams.iter().all(|team| team == TEAM);
    if !is_known {
        return Said::message(
            422,
            &format!(
                "Reviews may only be requested from collaborators. One or more of the users or \
                 teams you specified is not a collaborator of the {}/{} repository.",
                model.owner, model.name
            ),
        );
    }
    asked.extend(teams.iter().map(|team| format!("{}/{team}", model.owner)));
    model.edit(number, |pull| pull.reviewers.extend(asked));
    Said::new(201, values::pull(model, model.pull_request(number)))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
