//! All tags of a repository (distribution specification, "Listing Tags").

use serde::Deserialize;

use crate::image::Tag;
use crate::registry::access::{Access, Place};
use crate::registry::error::Failure;
use crate::registry::name_list::List;

const TAGS: List = List {
    place: |rest| Place::Below(rest),
    path: "tags/list",
    name: "tag list",
    names: "tags",
    read: read_page,
    is_name: |name| name.parse::<Tag>().is_ok(),
    advice: "name the tags that are wanted, each as a tag of the stream",
};

#[derive(Deserialize)]
struct RawPage {
    name: Option<String>,
    /// `null` where there is none.
    #[serde(default)]
    tags: Option<Vec<String>>,
}

impl Access<'_> {
    /// In the registry's order, each once, without names that no tag can have. Whole or not at
    /// all: a limit that is reached is a refusal.
    pub async fn tags(&self, per_page: usize) -> Result<Vec<String>, Failure> {
        let repository = format!("\"{}\"", self.repository);
        self.listed(&TAGS, per_page, |answer| {
            self.explain_for(answer, &repository)
        })
        .await
    }
}

/// The tags of one page, where it is one.
fn read_page(body: &[u8]) -> Result<Vec<String>, &'static str> {
    let page: RawPage =
        serde_json::from_slice(body).map_err(|_| "the answer is no list of tags")?;
    match (page.tags, page.name) {
        (Some(tags), _) => Ok(tags),
        (None, Some(_)) => Ok(Vec::new()),
        (None, None) => Err("the answer is no list of tags"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_without_tags_is_empty_and_anything_else_is_no_page() {
        for (body, expected) in [
            (r#"{"name":"a","tags":["1","2"]}"#, Some(2)),
            (r#"{"tags":["1"],"child":[],"manifest":{}}"#, Some(1)),
            (r#"{"name":"a","tags":null}"#, Some(0)),
            (r#"{"name":"a"}"#, Some(0)),
            (r#"{"name":"a","tags":[]}"#, Some(0)),
            (r#"{"name":"a","tags":[1]}"#, None),
            (r#"{"tags":null}"#, None),
            ("{}", None),
            ("[]", None),
            ("<html>", None),
            ("", None),
        ] {
            let read = read_page(body.as_bytes()).ok().map(|tags| tags.len());
            assert_eq!(read, expected, "{body}");
        }
    }
}
