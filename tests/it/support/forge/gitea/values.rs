//! The model's things as JSON.

use headwater::pull_request::MergeMethod;
use serde_json::{Value, json};

use crate::support::forge::gitea::DRAFT;
use crate::support::forge::model::{Model, Pull, Remark, Rule, State};
use crate::support::forge::reviews::{Opinion, Review};

pub fn user(model: &Model, login: &str) -> Value {
    json!({"id": model.account_id(login), "login": login, "username": login, "full_name": ""})
}

pub fn repository(model: &Model) -> Value {
    let allows = |method| model.merge_methods.contains(&method);
    json!({
        "id": 1,
        "owner": user(model, &model.owner),
        "name": model.name,
        "full_name": format!("{}/{}", model.owner, model.name),
        "default_branch": model.default_branch,
        "archived": model.is_archived,
        "has_pull_requests": true,
        "allow_merge_commits": allows(MergeMethod::Merge),
        "allow_squash_merge": allows(MergeMethod::Squash),
        "allow_rebase": allows(MergeMethod::Rebase),
        "permissions": {"admin": false, "push": model.may_write, "pull": true},
    })
}

pub fn label(model: &Model, name: &str) -> Value {
    let color = model.labels.iter().find(|(known, _)| known == name);
    json!({
        "id": model.label_id(name),
        "name": name,
        "color": color.map(|(_, color)| color),
        "description": "",
        "exclusive": false,
    })
}

pub fn remark(model: &Model, remark: &Remark) -> Value {
    json!({
        "id": remark.id,
        "user": user(model, &remark.author),
        "body": remark.body,
        "created_at": remark.created,
    })
}

pub fn pull(model: &Model, pull: &Pull) -> Value {
    let users = |logins: &std::collections::BTreeSet<String>| {
        logins
            .iter()
            .map(|login| user(model, login))
            .collect::<Value>()
    };
    let labels: Value = pull.labels.iter().map(|name| label(model, name)).collect();
    let web = format!(
        "{}/{}/{}/pulls/{}",
        model.web, model.owner, model.name, pull.number
    );
    let mark = if pull.is_draft { DRAFT } else { "" };
    let own = format!("{}/{}", model.owner, model.name);
    let is_there = model.head_of(pull).is_some();
    let head = pull.fork.clone().unwrap_or_else(|| own.clone());
    let gone = format!("refs/pull/{}/head", pull.number);
    json!({
        "id": pull.number + 1000,
        "number": pull.number,
        "url": web,
        "html_url": web,
        "state": if pull.state == State::Open { "open" } else { "closed" },
        "title": format!("{mark}{}", pull.title),
        "body": pull.body,
        "draft": pull.is_draft,
        "user": user(model, &pull.author),
        "labels": labels,
        "assignees": users(&pull.assignees),
        "requested_reviewers": users(&pull.reviewers),
        "comments": pull.comments.len(),
        "merged": pull.state == State::Merged,
        "mergeable": !model.has_conflict(pull),
        "merged_at": pull.ended.filter(|_| pull.state == State::Merged),
        "merge_commit_sha": pull.merge_commit,
        "created_at": pull.created,
        "updated_at": pull.updated,
        "closed_at": pull.ended,
        "base": {
            "label": pull.base,
            "ref": pull.base,
            "sha": model.tip(&pull.base).map(|tip| tip.to_string()).unwrap_or_default(),
            "repo_id": 1,
            "repo": {"id": 1, "full_name": own},
        },
        "head": {
            "label": pull.head,
            "ref": if is_there { &pull.head } else { &gone },
            "sha": pull.head_commit,
            "repo_id": if pull.fork.is_some() { 2 } else { 1 },
            "repo": {"id": if pull.fork.is_some() { 2 } else { 1 }, "full_name": head},
        },
    })
}

pub fn review(model: &Model, pull: &Pull, review: &Review) -> Value {
    json!({
        "id": review.id,
        "user": user(model, &review.author),
        "team": null,
        "state": match review.opinion {
            Opinion::Approves => "APPROVED",
            Opinion::Refuses => "REQUEST_CHANGES",
            Opinion::Remarks => "COMMENT",
        },
        "body": "",
        "commit_id": review.commit,
        "stale": review.commit != pull.head_commit,
        "official": review.is_by_writer() && review.opinion != Opinion::Remarks,
        "dismissed": review.is_dismissed,
        "submitted_at": review.created,
    })
}

pub fn rules(model: &Model) -> Value {
    model
        .rules
        .iter()
        .map(|(name, it)| rule(name, it))
        .collect()
}

fn rule(name: &str, rule: &Rule) -> Value {
    json!({
        "branch_name": name,
        "rule_name": name,
        "enable_push": false,
        "enable_status_check": !rule.checks.is_empty(),
        "status_check_contexts": rule.checks,
        "required_approvals": rule.approvals,
        "block_on_outdated_branch": rule.requires_up_to_date,
    })
}

/// None where there is no such branch.
pub fn branch(model: &Model, name: &str) -> Option<Value> {
    let tip = model.tip(name)?.to_string();
    let rule = model.rule_of(name);
    let rule_name = model.rules.iter().find(|(_, it)| Some(*it) == rule);
    let no_checks = std::collections::BTreeSet::new();
    Some(json!({
        "name": name,
        "commit": {"id": tip},
        "protected": rule.is_some(),
        "required_approvals": rule.map_or(0, |rule| rule.approvals),
        "enable_status_check": rule.is_some_and(|rule| !rule.checks.is_empty()),
        "status_check_contexts": rule.map_or(&no_checks, |rule| &rule.checks),
        "user_can_push": rule.is_none(),
        "user_can_merge": true,
        "effective_branch_protection_name": rule_name.map_or("", |(name, _)| name),
    }))
}
