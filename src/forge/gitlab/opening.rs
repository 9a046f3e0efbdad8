//! Opening a merge request, with the people it names.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use crate::forge::gitlab::wire::{MergeRequest, User};
use crate::forge::gitlab::{GitLab, label, title};
use crate::forge::http::Request;
use crate::forge::{Error, Opened};
use crate::pull_request::Draft;

const MAX_PEOPLE: usize = 50;

/// GitLab ignores people and labels that it does not take, and without a paid tier all but one
/// reviewer and one assignee: the answer is read for who is there.
pub fn open(gitlab: &GitLab, draft: &Draft) -> Result<Opened, Error> {
    let mut warnings = Vec::new();
    let assignees = people(gitlab, &draft.assignees, "assignee", &mut warnings)?;
    let reviewers = people(gitlab, &draft.reviewers, "reviewer", &mut warnings)?;
    let opened = opened(gitlab, draft, &reviewers, &assignees)?;
    let missing = |asked: &[User], there: &[User], what: &str| -> Vec<String> {
        asked
            .iter()
            .filter(|user| !there.iter().any(|there| there.id == user.id))
            .map(|user| format!("GitLab did not take {} as {what}", user.username))
            .collect()
    };
    warnings.extend(missing(&assignees, &opened.assignees, "assignee"));
    warnings.extend(missing(&reviewers, &opened.reviewers, "reviewer"));
    warnings.extend(
        draft
            .labels
            .difference(&opened.labels)
            .map(|label| format!("GitLab did not take the label `{label}`")),
    );
    Ok(Opened {
        pull_request: gitlab.value_of(opened)?,
        warnings,
        is_whole: true,
    })
}

fn opened(
    gitlab: &GitLab,
    draft: &Draft,
    reviewers: &[User],
    assignees: &[User],
) -> Result<MergeRequest, Error> {
    let ids = |users: &[User]| users.iter().map(|user| user.id).collect::<Vec<_>>();
    let mut body = json!({
        "source_branch": draft.head.as_str(),
        "target_branch": draft.base.as_str(),
        "title": title::with_prefix(&draft.title, draft.is_draft),
        "description": draft.body,
        // The bot deletes its branch itself, when it has seen the merge.
        "remove_source_branch": false,
    });
    let mut set = |name: &str, value: Value| {
        if let Some(body) = body.as_object_mut() {
            body.insert(name.to_owned(), value);
        }
    };
    if let Some(labels) = label::list(&draft.labels) {
        set("labels", labels.into());
    }
    if !reviewers.is_empty() {
        set("reviewer_ids", ids(reviewers).into());
    }
    if !assignees.is_empty() {
        set("assignee_ids", ids(assignees).into());
    }
    let request = gitlab
        .request(Method::POST, &["merge_requests"], "open the merge request")
        .body(body);
    let answer = gitlab.client.write(&request);
    let is_duplicate = matches!(&answer, Ok(answer) if answer.status == 409);
    let made = answer.and_then(|answer| answer.json(gitlab.client.host(), &request));
    match made {
        // There is one already, or the answer was lost and it may have arrived.
        Err(error) if is_duplicate || gitlab.is_lost(&error) => {
            match (open_one(gitlab, draft)?, &error) {
                (Some(found), _) => Ok(found),
                (None, Error::Unavailable { .. }) => gitlab.write(&request),
                (None, _) => Err(error),
            }
        }
        made => made,
    }
}

/// GitLab allows one open merge request between two branches.
fn open_one(gitlab: &GitLab, draft: &Draft) -> Result<Option<MergeRequest>, Error> {
    let found = gitlab.merge_requests_of(&draft.head, "opened")?;
    Ok(found
        .into_iter()
        .find(|found| found.target_branch == draft.base.as_str()))
}

fn people(
    gitlab: &GitLab,
    names: &BTreeSet<String>,
    what: &str,
    warnings: &mut Vec<String>,
) -> Result<Vec<User>, Error> {
    let mut users = Vec::new();
    for name in names.iter().take(MAX_PEOPLE) {
        if name.contains('/') {
            warnings.push(format!(
                "GitLab has no groups as {what}: {name} is left out"
            ));
            continue;
        }
        let request = Request::new(
            Method::GET,
            &["users"],
            "find people",
            &format!("user {name}"),
        )
        .query("username", name);
        let found: Vec<User> = gitlab.get(&request)?;
        match found
            .into_iter()
            .find(|user| user.username.eq_ignore_ascii_case(name))
        {
            Some(user) => users.push(user),
            None => warnings.push(format!("GitLab does not know the {what} {name}")),
        }
    }
    Ok(users)
}
