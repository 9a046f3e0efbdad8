//! All tags of a repository (distribution specification, "Listing Tags").

use std::collections::HashSet;

use reqwest::Method;
use serde::Deserialize;

use crate::image::Tag;
use crate::registry::access::Access;
use crate::registry::error::Failure;
use crate::registry::transport::Answer;

const MOST_PAGES: usize = 1000;
const MOST_TAGS: usize = 100_000;
/// One page; a registry that knows no pages sends all tags in one.
const PAGE_LIMIT: usize = 8 * 1024 * 1024;
const BYTES_LIMIT: usize = 32 * 1024 * 1024;

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
        let first = self.address(&format!("tags/list?n={per_page}")).await?;
        let mut page = first.clone();
        let mut visited = HashSet::new();
        let mut listed = HashSet::new();
        let mut tags = Vec::new();
        let mut bytes = 0;
        loop {
            if visited.len() >= MOST_PAGES {
                return Err(self.too_many(&format!("{MOST_PAGES} pages")));
            }
            let query = page.query().unwrap_or_default();
            if !visited.insert(query.to_owned()) {
                return Err(self.refused("the pages of the tag list go round in a circle"));
            }
            let answer = self.page(query).await?;
            bytes += answer.body.len();
            let found = read_page(&answer.body).map_err(|reason| self.refused(reason))?;
            for tag in found {
                if tag.parse::<Tag>().is_ok() && listed.insert(tag.clone()) {
                    tags.push(tag);
                }
            }
            if tags.len() > MOST_TAGS {
                return Err(self.too_many(&format!("{MOST_TAGS} tags")));
            }
            let Some(next) = self.next_page(&answer, &page, &first)? else {
                return Ok(tags);
            };
            if bytes > BYTES_LIMIT {
                return Err(self.too_many(&format!("{} KiB", BYTES_LIMIT / 1024)));
            }
            page = next;
        }
    }

    async fn page(&self, query: &str) -> Result<Answer, Failure> {
        let rest = format!("tags/list?{query}");
        let answer = self
            .ask_for("application/json", Method::GET, &rest, PAGE_LIMIT)
            .await?;
        if answer.status.is_success() {
            return Ok(answer);
        }
        self.check_version(&answer).await?;
        Err(self.explain_for(&answer, &format!("\"{}\"", self.repository)))
    }

    fn too_many(&self, limit: &str) -> Failure {
        self.refused(&format!("the tag list has more than {limit}"))
            .advice("name the tags that are wanted, each as a tag of the stream")
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
