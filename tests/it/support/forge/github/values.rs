//! The model's things as JSON.

use std::collections::BTreeSet;

use headwater::pull_request::MergeMethod;
use serde_json::{Value, json};

use crate::support::forge::model::{Model, Pull, Remark, State};

pub fn user(model: &Model, login: &str) -> Value {
    json!({"login": login, "id": model.account_id(login), "type": "User"})
}

pub fn repository(model: &Model) -> Value {
    let allows = |method| model.merge_methods.contains(&method);
    // GitHub says of an App's token that it may nothing.
    let may_push = model.may_write && model.app.is_none();
    let mut repository = json!({
        "id": 1,
        "name": model.name,
        "full_name": format!("{}/{}", model.owner, model.name),
        "owner": user(model, &model.owner),
        "default_branch": model.default_branch,
        "archived": model.is_archived,
        "permissions": {
            "admin": false, "maintain": false, "push": may_push, "triage": may_push, "pull": true,
        },
    });
    // Shown to those only who may write.
    if may_push {
        for (name, is_allowed) in [
            ("allow_merge_commit", allows(MergeMethod::Merge)),
            ("allow_squash_merge", allows(MergeMethod::Squash)),
            ("allow_rebase_merge", allows(MergeMethod::Rebase)),
            ("allow_auto_merge", model.has_automerge),
        ] {
            repository[name] = is_allowed.into();
        }
    }
    repository
}

fn label(model: &Model, name: &str) -> Value {
    let color = model.labels.iter().find(|(known, _)| known == name);
    json!({
        "id": model.label_id(name),
        "name": name,
        "color": color.map(|(_, color)| color),
        "default": false,
    })
}

pub fn labels(model: &Model, number: u64) -> Value {
    let labels = &model.pull_request(number).labels;
    labels.iter().map(|name| label(model, name)).collect()
}

pub fn remark(model: &Model, remark: &Remark) -> Value {
    json!({
        "id": remark.id,
        "user": user(model, &remark.author),
        "body": remark.body,
        "created_at": remark.created,
        "updated_at": remark.created,
    })
}

pub fn node_id(pull: &Pull) -> String {
    format!("PR_kwDOA{}", pull.number)
}

/// As it stands in a list: without what GitHub has to work out.
pub fn pull_in_list(model: &Model, pull: &Pull) -> Value {
    let users = |logins: &BTreeSet<String>| {
        let users = logins.iter().map(|login| user(model, login));
        users.collect::<Value>()
    };
    let own = format!("{}/{}", model.owner, model.name);
    let head = pull.fork.as_ref().unwrap_or(&own);
    let head_owner = head.split('/').next().unwrap_or_default();
    let (teams, reviewers): (BTreeSet<_>, BTreeSet<_>) = pull
        .reviewers
        .iter()
        .cloned()
        .partition(|name| name.contains('/'));
    let team = |name: &String| json!({"slug": name.split('/').next_back()});
    json!({
        "id": pull.number + 1000,
        "node_id": node_id(pull),
        "number": pull.number,
        "html_url": format!("{}/{own}/pull/{}", model.web, pull.number),
        "state": if pull.state == State::Open { "open" } else { "closed" },
        "locked": false,
        "title": pull.title,
        "body": Some(&pull.body).filter(|body| !body.is_empty()),
        "draft": pull.is_draft,
        "user": user(model, &pull.author),
        "labels": labels(model, pull.number),
        "assignees": users(&pull.assignees),
        "requested_reviewers": users(&reviewers),
        "requested_teams": teams.iter().map(team).collect::<Value>(),
        "created_at": pull.created,
        "updated_at": pull.updated,
        "closed_at": pull.ended,
        "merged_at": pull.ended.filter(|_| pull.state == State::Merged),
        "merge_commit_sha": pull.merge_commit,
        "auto_merge": pull.scheduled.map(|method| json!({
            "enabled_by": user(model, &model.me),
            "merge_method": method.name(),
        })),
        "base": {
            "label": format!("{}:{}", model.owner, pull.base),
            "ref": pull.base,
            "sha": model.tip(&pull.base).map(|tip| tip.to_string()).unwrap_or_default(),
            "repo": {"id": 1, "full_name": own},
        },
        // Of a branch that is gone, too.
        "head": {
            "label": format!("{head_owner}:{}", pull.head),
            "ref": pull.head,
            "sha": pull.head_commit,
            "repo": {"id": if pull.fork.is_some() { 2 } else { 1 }, "full_name": head},
        },
    })
}

pub fn pull(model: &Model, pull: &Pull) -> Value {
    let mut value = pull_in_list(model, pull);
    value["merged"] = (pull.state == State::Merged).into();
    value["mergeable"] = (!model.has_conflict(pull)).into();
    value["comments"] = pull.comments.len().into();
    value
}

/// None where there is no such branch.
pub fn branch(model: &Model, name: &str) -> Option<Value> {
    let tip = model.tip(name)?.to_string();
    Some(json!({
        "name": name,
        "commit": {"sha": tip},
        "protected": model.rule_of(name).is_some(),
        "protection": {
            "enabled": false,
            "required_status_checks": {"enforcement_level": "off", "contexts": [], "checks": []},
        },
    }))
}

/// The rules that are in force for a branch.
pub fn rules(model: &Model, branch: &str) -> Vec<Value> {
    let Some(rule) = model.rule_of(branch) else {
        return Vec::new();
    };
    let ruled = |kind: &str, parameters: Value| {
        json!({
            "type": kind,
            "ruleset_source_type": "Repository",
            "ruleset_source": format!("{}/{}", model.owner, model.name),
            "ruleset_id": 42,
            "parameters": parameters,
        })
    };
    let contexts = rule
        .checks
        .iter()
        .map(|context| json!({"context": context}));
    vec![
        json!({"type": "deletion", "ruleset_id": 42}),
        ruled(
            "pull_request",
            json!({
                "required_approving_review_count": rule.approvals,
                "dismiss_stale_reviews_on_push": false,
            }),
        ),
        ruled(
            "required_status_checks",
            json!({
                "strict_required_status_checks_policy": rule.requires_up_to_date,
                "required_status_checks": contexts.collect::<Value>(),
            }),
        ),
    ]
}
