//! Comments are notes; GitLab's own remarks among them are left out.

use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

use crate::forge::gitlab::GitLab;
use crate::forge::gitlab::wire::User;
use crate::forge::{Error, MAX_LOOKED_AT, unless_gone};
use crate::pull_request::Comment;

/// Older GitLabs do not know `activity_filter` and give their own remarks too.
const MAX_READ: usize = 5 * MAX_LOOKED_AT;

#[derive(Debug, Deserialize)]
struct Note {
    id: u64,
    body: String,
    author: User,
    #[serde(default)]
    system: bool,
}

impl Note {
    fn into_comment(self) -> Comment {
        Comment {
            id: self.id,
            author: self.author.username,
            body: self.body.replace("\r\n", "\n"),
        }
    }
}

/// Oldest first.
pub fn list(gitlab: &GitLab, number: u64) -> Result<Vec<Comment>, Error> {
    let mut comments = read(gitlab, number, "asc", MAX_READ)?;
    comments.truncate(MAX_LOOKED_AT);
    Ok(comments)
}

fn read(gitlab: &GitLab, number: u64, sort: &str, max: usize) -> Result<Vec<Comment>, Error> {
    let request = gitlab
        .request_of(Method::GET, number, &["notes"], "list comments")
        .query("activity_filter", "only_comments")
        .query("order_by", "created_at")
        .query("sort", sort);
    let (notes, _) = gitlab.pages::<Note>(&request, max)?;
    Ok(notes
        .into_iter()
        .filter(|note| !note.system)
        .map(Note::into_comment)
        .collect())
}

pub fn add(gitlab: &GitLab, number: u64, body: &str) -> Result<Comment, Error> {
    let request = gitlab
        .request_of(Method::POST, number, &["notes"], "take a comment")
        .body(json!({ "body": body }));
    let write = || gitlab.write::<Note>(&request).map(Note::into_comment);
    match write() {
        // It may have arrived.
        Err(error) if gitlab.is_lost(&error) => {
            let newest = read(gitlab, number, "desc", MAX_LOOKED_AT)?;
            match (newest.into_iter().find(|note| note.body == body), &error) {
                (Some(comment), _) => Ok(comment),
                (None, Error::Unavailable { .. }) => write(),
                (None, _) => Err(error),
            }
        }
        result => result,
    }
}

pub fn edit(gitlab: &GitLab, number: u64, id: u64, body: &str) -> Result<(), Error> {
    let id = id.to_string();
    let request = gitlab
        .request_of(Method::PUT, number, &["notes", &id], "change a comment")
        .body(json!({ "body": body }));
    gitlab.write::<Note>(&request).map(|_| ())
}

pub fn delete(gitlab: &GitLab, number: u64, id: u64) -> Result<(), Error> {
    let id = id.to_string();
    let request = gitlab.request_of(Method::DELETE, number, &["notes", &id], "delete a comment");
    let answer = gitlab.client.write(&request)?;
    unless_gone(answer.check(gitlab.client.host(), &request))
}
