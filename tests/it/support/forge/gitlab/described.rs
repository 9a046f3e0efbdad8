//! What GitLab's documentation says can be asked, operation by operation: `doc/api/` of
//! `merge_requests.md`, `notes.md`, `commits.md`, `branches.md`, `protected_branches.md`,
//! `merge_request_approvals.md`, `projects.md`, `users.md`, `personal_access_tokens.md`.

use serde_json::Value;

use crate::support::forge::call::Call;

#[derive(Clone, Copy)]
enum Type {
    Text,
    Number,
    Flag,
    Numbers,
}

struct Operation {
    method: &'static str,
    /// `*` stands for one segment.
    path: &'static [&'static str],
    query: &'static [&'static str],
    body: &'static [(&'static str, Type)],
    required: &'static [&'static str],
}

const PAGES: &[&str] = &["page", "per_page"];
const CHANGE: &[(&str, Type)] = &[
    ("title", Type::Text),
    ("description", Type::Text),
    ("target_branch", Type::Text),
    ("state_event", Type::Text),
    ("labels", Type::Text),
    ("add_labels", Type::Text),
    ("remove_labels", Type::Text),
    ("assignee_ids", Type::Numbers),
    ("reviewer_ids", Type::Numbers),
    ("milestone_id", Type::Number),
    ("remove_source_branch", Type::Flag),
    ("squash", Type::Flag),
    ("discussion_locked", Type::Flag),
    ("allow_collaboration", Type::Flag),
];
const OPEN: &[(&str, Type)] = &[
    ("source_branch", Type::Text),
    ("target_branch", Type::Text),
    ("title", Type::Text),
    ("description", Type::Text),
    ("target_project_id", Type::Number),
    ("labels", Type::Text),
    ("assignee_ids", Type::Numbers),
    ("reviewer_ids", Type::Numbers),
    ("milestone_id", Type::Number),
    ("remove_source_branch", Type::Flag),
    ("squash", Type::Flag),
    ("allow_collaboration", Type::Flag),
];
const MERGE: &[(&str, Type)] = &[
    ("auto_merge", Type::Flag),
    ("merge_commit_message", Type::Text),
    ("merge_when_pipeline_succeeds", Type::Flag),
    ("sha", Type::Text),
    ("should_remove_source_branch", Type::Flag),
    ("squash_commit_message", Type::Text),
    ("squash", Type::Flag),
];
const STATUS: &[(&str, Type)] = &[
    ("state", Type::Text),
    ("ref", Type::Text),
    ("name", Type::Text),
    ("context", Type::Text),
    ("target_url", Type::Text),
    ("description", Type::Text),
    ("coverage", Type::Number),
    ("pipeline_id", Type::Number),
];
const LIST: &[&str] = &[
    "state",
    "order_by",
    "sort",
    "scope",
    "source_branch",
    "target_branch",
    "labels",
    "search",
    "author_username",
    "view",
    "page",
    "per_page",
];
const NOTES: &[&str] = &["sort", "order_by", "activity_filter", "page", "per_page"];
const STATUSES: &[&str] = &[
    "ref",
    "stage",
    "name",
    "pipeline_id",
    "all",
    "order_by",
    "sort",
    "page",
    "per_page",
];
const USERS: &[&str] = &["username", "search", "active", "page", "per_page"];

const OPERATIONS: &[Operation] = &[
    get(&["version"], &[]),
    get(&["user"], &[]),
    get(&["users"], USERS),
    get(&["personal_access_tokens", "self"], &[]),
    get(&["projects", "*"], &["statistics", "license"]),
    get(&["projects", "*", "members", "all", "*"], &[]),
    get(&["projects", "*", "repository", "branches", "*"], &[]),
    get(
        &["projects", "*", "repository", "commits", "*", "statuses"],
        STATUSES,
    ),
    get(
        &[
            "projects",
            "*",
            "repository",
            "commits",
            "*",
            "merge_requests",
        ],
        &["state", "page", "per_page"],
    ),
    get(
        &["projects", "*", "protected_branches"],
        &["search", "page", "per_page"],
    ),
    get(&["projects", "*", "approval_rules"], PAGES),
    get(&["projects", "*", "merge_requests"], LIST),
    get(
        &["projects", "*", "merge_requests", "*"],
        &["include_rebase_in_progress"],
    ),
    get(&["projects", "*", "merge_requests", "*", "notes"], NOTES),
    get(&["projects", "*", "merge_requests", "*", "approvals"], &[]),
    get(&["projects", "*", "merge_requests", "*", "versions"], PAGES),
    Operation {
        method: "POST",
        path: &["projects", "*", "statuses", "*"],
        query: &[],
        body: STATUS,
        required: &["state"],
    },
    Operation {
        method: "POST",
        path: &["projects", "*", "merge_requests"],
        query: &[],
        body: OPEN,
        required: &["source_branch", "target_branch", "title"],
    },
    Operation {
        method: "PUT",
        path: &["projects", "*", "merge_requests", "*"],
        query: &[],
        body: CHANGE,
        required: &[],
    },
    Operation {
        method: "PUT",
        path: &["projects", "*", "merge_requests", "*", "merge"],
        query: &[],
        body: MERGE,
        required: &[],
    },
    Operation {
        method: "POST",
        path: &["projects", "*", "merge_requests", "*", "notes"],
        query: &[],
        body: &[("body", Type::Text), ("internal", Type::Flag)],
        required: &["body"],
    },
    Operation {
        method: "DELETE",
        path: &["projects", "*", "merge_requests", "*", "notes", "*"],
        query: &[],
        body: &[],
        required: &[],
    },
    Operation {
        method: "PUT",
        path: &["projects", "*", "merge_requests", "*", "notes", "*"],
        query: &[],
        body: &[("body", Type::Text)],
        required: &["body"],
    },
];

const fn get(path: &'static [&'static str], query: &'static [&'static str]) -> Operation {
    Operation {
        method: "GET",
        path,
        query,
        body: &[],
        required: &[],
    }
}

/// Values that GitLab takes for a parameter; others are 400.
fn values_of(name: &str, operation: &Operation) -> Option<&'static [&'static str]> {
    let is_list = operation.path.ends_with(&["merge_requests"]);
    let is_status = operation.path.contains(&"statuses") && operation.method == "POST";
    Some(match name {
        "state" if is_status => &[
            "pending", "running", "success", "failed", "canceled", "skipped",
        ],
        "state" => &["opened", "closed", "locked", "merged", "all"],
        "sort" => &["asc", "desc"],
        "scope" => &["created_by_me", "assigned_to_me", "reviews_for_me", "all"],
        "order_by" if is_list => &[
            "created_at",
            "label_priority",
            "milestone_due",
            "popularity",
            "priority",
            "title",
            "updated_at",
            "merged_at",
        ],
        "order_by" => &["created_at", "updated_at", "id", "pipeline_id"],
        "activity_filter" => &["all_notes", "only_comments", "only_activity"],
        "state_event" => &["close", "reopen"],
        _ => return None,
    })
}

/// What of a request the documentation does not know.
pub fn faults(call: &Call) -> Vec<String> {
    let fits = |operation: &&Operation| {
        operation.method == call.method
            && operation.path.len() == call.segments.len()
            && operation
                .path
                .iter()
                .zip(&call.segments)
                .all(|(wanted, segment)| *wanted == "*" || wanted == segment)
    };
    let place = format!("{} {}", call.method, call.path);
    let Some(operation) = OPERATIONS.iter().find(fits) else {
        return vec![format!("{place}: not documented")];
    };
    let mut faults = Vec::new();
    for (name, value) in &call.query {
        if !operation.query.contains(&name.as_str()) {
            faults.push(format!("{place}: no query parameter {name}"));
        }
        if values_of(name, operation).is_some_and(|known| !known.contains(&value.as_str())) {
            faults.push(format!("{place}: {name} cannot be {value}"));
        }
    }
    let empty = serde_json::Map::new();
    let body = call.body.as_object().unwrap_or(&empty);
    for (name, value) in body {
        let known = operation.body.iter().find(|(known, _)| known == name);
        match known {
            None => faults.push(format!("{place}: no body parameter {name}")),
            Some((_, kind)) if !is_of(value, *kind) => {
                faults.push(format!("{place}: {name} cannot be {value}"));
            }
            Some(_) => {}
        }
        let known = values_of(name, operation).zip(value.as_str());
        if known.is_some_and(|(known, value)| !known.contains(&value)) {
            faults.push(format!("{place}: {name} cannot be {value}"));
        }
    }
    for name in operation.required {
        if !body.contains_key(*name) {
            faults.push(format!("{place}: {name} is missing"));
        }
    }
    if !call.text.is_empty() && call.header("content-type") != Some("application/json") {
        faults.push(format!("{place}: the body is not said to be JSON"));
    }
    faults
}

fn is_of(value: &Value, kind: Type) -> bool {
    match kind {
        Type::Text => value.is_string(),
        Type::Number => value.is_u64(),
        Type::Flag => value.is_boolean(),
        Type::Numbers => value
            .as_array()
            .is_some_and(|all| all.iter().all(Value::is_u64)),
    }
}
