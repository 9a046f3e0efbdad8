//! The model's things as JSON.

use std::collections::BTreeSet;

use headwater::pull_request::MergeMethod;
use serde_json::{Value, json};

use crate::support::forge::gitlab::{DRAFT, is_open};
use crate::support::forge::model::{CheckState, Model, Pull, Remark, State};

pub fn user(model: &Model, login: &str) -> Value {
    json!({
        "id": model.account_id(login),
        "username": login,
        "name": login,
        "state": "active",
        "web_url": format!("{}/{login}", model.web),
    })
}

pub fn token(model: &Model) -> Value {
    json!({
        "id": 4,
        "name": "headwater",
        "revoked": false,
        "active": true,
        "user_id": model.account_id(&model.me),
        "scopes": model.scopes,
    })
}

pub fn project(model: &Model) -> Value {
    let level = if model.may_write { 30 } else { 20 };
    let squashes = model.merge_methods.contains(&MergeMethod::Squash);
    let is_only_squash = model.merge_methods == [MergeMethod::Squash];
    let squash = match (squashes, is_only_squash) {
        (false, _) => "never",
        (true, true) => "always",
        (true, false) => "default_off",
    };
    let needs_pipeline = model.rules.values().any(|rule| !rule.checks.is_empty());
    json!({
        "id": 1,
        "path_with_namespace": format!("{}/{}", model.owner, model.name),
        "default_branch": model.default_branch,
        "archived": model.is_archived,
        "visibility": "private",
        "merge_method": merge_method(model),
        "squash_option": squash,
        "only_allow_merge_if_pipeline_succeeds": needs_pipeline,
        "permissions": {
            "project_access": {"access_level": level, "notification_level": 3},
            "group_access": null,
        },
    })
}

/// GitLab has one way of merging for all, and an up-to-date branch is part of it.
pub fn merge_method(model: &Model) -> &'static str {
    let allows = |method| model.merge_methods.contains(&method);
    if model.rules.values().any(|rule| rule.requires_up_to_date) {
        "rebase_merge"
    } else if allows(MergeMethod::Rebase) && !allows(MergeMethod::Merge) {
        "ff"
    } else {
        "merge"
    }
}

pub fn state(state: State) -> &'static str {
    match state {
        State::Open => "opened",
        State::Closed => "closed",
        State::Merged => "merged",
    }
}

pub fn note(model: &Model, remark: &Remark) -> Value {
    json!({
        "id": remark.id,
        "body": remark.body,
        "author": user(model, &remark.author),
        "created_at": remark.created,
        "system": false,
        "noteable_type": "MergeRequest",
    })
}

/// What GitLab itself writes down under a merge request.
pub fn own_remark(model: &Model, pull: &Pull) -> Value {
    json!({
        "id": pull.number,
        "body": "requested review from @ada",
        "author": user(model, &pull.author),
        "created_at": pull.created,
        "system": true,
        "noteable_type": "MergeRequest",
    })
}

/// As it stands in a list.
pub fn pull(model: &Model, pull: &Pull) -> Value {
    let users = |logins: &BTreeSet<String>| {
        logins
            .iter()
            .map(|login| user(model, login))
            .collect::<Value>()
    };
    let mark = if pull.is_draft { DRAFT } else { "" };
    let is_merged = pull.state == State::Merged;
    json!({
        "id": pull.number + 1000,
        "iid": pull.number,
        "project_id": 1,
        "title": format!("{mark}{}", pull.title),
        "description": pull.body,
        "state": state(pull.state),
        "created_at": pull.created,
        "updated_at": pull.updated,
        "merged_at": pull.ended.filter(|_| is_merged),
        "closed_at": pull.ended.filter(|_| !is_merged),
        "prepared_at": pull.created,
        "source_branch": pull.head,
        "target_branch": pull.base,
        "source_project_id": if pull.fork.is_some() { 2 } else { 1 },
        "target_project_id": 1,
        "author": user(model, &pull.author),
        "assignees": users(&pull.assignees),
        "reviewers": users(&pull.reviewers),
        "labels": pull.labels,
        "draft": pull.is_draft,
        "work_in_progress": pull.is_draft,
        "merge_when_pipeline_succeeds": pull.scheduled.is_some(),
        "merge_status": if model.has_conflict(pull) { "cannot_be_merged" } else { "can_be_merged" },
        "detailed_merge_status": merge_status(model, pull),
        "sha": pull.head_commit,
        "merge_commit_sha": pull.merge_commit,
        "squash": false,
        "user_notes_count": pull.comments.len(),
        "web_url": format!(
            "{}/{}/{}/-/merge_requests/{}",
            model.web, model.owner, model.name, pull.number
        ),
    })
}

/// As it stands alone: with its pipeline.
pub fn single(model: &Model, of: &Pull) -> Value {
    let mut value = pull(model, of);
    value["head_pipeline"] = match model.checks_of(&of.head_commit) {
        None => Value::Null,
        Some(state) => {
            let status = match state {
                CheckState::Pending => "running",
                CheckState::Passing => "success",
                CheckState::Failing => "failed",
            };
            json!({"id": 77, "sha": of.head_commit, "status": status})
        }
    };
    value
}

fn merge_status(model: &Model, pull: &Pull) -> &'static str {
    if !is_open(pull) {
        return "not_open";
    }
    if pull.is_draft {
        return "draft_status";
    }
    if model.has_conflict(pull) {
        return "conflict";
    }
    match model.demands_of(pull).first() {
        None => "mergeable",
        Some(&"approvals are missing") => "not_approved",
        Some(&"the branch is behind its base") => "need_rebase",
        Some(_) if model.checks_of(&pull.head_commit) == Some(CheckState::Pending) => {
            "ci_still_running"
        }
        Some(_) => "ci_must_pass",
    }
}

/// Who may not write cannot approve, and what is taken back is gone.
pub fn approvals(model: &Model, pull: &Pull) -> Value {
    let opinions = pull.opinions().into_iter();
    let approvals = opinions.filter(|it| it.is_approval() && it.is_by_writer());
    let approval = |review: &crate::support::forge::reviews::Review| json!({"user": user(model, &review.author), "approved_at": review.created});
    let approved_by: Vec<Value> = approvals.map(approval).collect();
    json!({
        "user_has_approved": false,
        "user_can_approve": true,
        "approved": !approved_by.is_empty(),
        "approved_by": approved_by,
    })
}

/// Newest first.
pub fn versions(pull: &Pull) -> Vec<Value> {
    let versions = pull.heads.iter().enumerate().rev();
    let version = |(id, (commit, since)): (usize, &(String, jiff::Timestamp))| {
        json!({
            "id": id + 1,
            "head_commit_sha": commit,
            "created_at": since,
            "merge_request_id": pull.number + 1000,
            "state": "collected",
        })
    };
    versions.map(version).collect()
}

/// None where there is no such branch.
pub fn branch(model: &Model, name: &str) -> Option<Value> {
    let tip = model.tip(name)?.to_string();
    let is_protected = model.rule_of(name).is_some();
    Some(json!({
        "name": name,
        "merged": false,
        "protected": is_protected,
        "default": name == model.default_branch,
        "developers_can_push": false,
        "developers_can_merge": false,
        "can_push": model.may_write && !is_protected,
        "commit": {"id": tip},
    }))
}

pub fn approval_rules(model: &Model) -> Vec<Value> {
    let rules = model.rules.iter().filter(|(_, rule)| rule.approvals > 0);
    let value = |(id, (name, rule)): (usize, (&String, &crate::support::forge::model::Rule))| {
        json!({
            "id": id + 1,
            "name": format!("for {name}"),
            "rule_type": "regular",
            "approvals_required": rule.approvals,
            "applies_to_all_protected_branches": false,
            "protected_branches": [{"id": id + 1, "name": name}],
        })
    };
    rules.enumerate().map(value).collect()
}
