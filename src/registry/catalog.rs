//! All repositories of a registry (distribution `docs/content/spec/api.md`, "Catalog"): not every
//! registry has such a list, and some show it to administrators only.

use reqwest::StatusCode;
use serde::Deserialize;

use crate::image::Reference;
use crate::lookup::Reason;
use crate::registry::access::{Access, Place};
use crate::registry::envelope;
use crate::registry::error::Failure;
use crate::registry::name_list::List;
use crate::registry::transport::Answer;

const CATALOG: List = List {
    place: |rest| Place::Registry(rest),
    path: "_catalog",
    name: "catalog",
    names: "repositories",
    read: read_page,
    is_name: is_path,
    advice: "add the streams by hand: headwater create imagestream NAME",
};

#[derive(Deserialize)]
struct RawPage {
    /// `null` where there is none.
    repositories: Option<Vec<String>>,
}

impl Access<'_> {
    /// Paths in the registry's order, each once. Whole or not at all: a limit that is reached is a
    /// refusal.
    pub async fn catalog(&self, per_page: usize) -> Result<Vec<String>, Failure> {
        self.listed(&CATALOG, per_page, |answer| self.without_catalog(answer))
            .await
    }

    fn without_catalog(&self, answer: &Answer) -> Failure {
        let host = self.name();
        let said = envelope::message(&answer.body)
            .map(|text| format!(" ({text})"))
            .unwrap_or_default();
        match answer.status {
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => {
                Failure::missing(&host, format!("it has no list of its repositories{said}"))
            }
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                let message = format!("the list of its repositories is denied{said}");
                Failure::denied(&host, message).reason(Reason::Forbidden)
            }
            status => Failure::unavailable(
                &host,
                format!("its list of repositories: the registry answers {status}{said}"),
            ),
        }
    }
}

/// The repositories of one page, where it is one.
fn read_page(body: &[u8]) -> Result<Vec<String>, &'static str> {
    let page: RawPage =
        serde_json::from_slice(body).map_err(|_| "the answer is no list of repositories")?;
    Ok(page.repositories.unwrap_or_default())
}

fn is_path(name: &str) -> bool {
    let reference = format!("registry.example/{name}").parse::<Reference>();
    reference.is_ok_and(|found| found.repository.path() == name && found.tag.is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_without_repositories_is_empty_and_anything_else_is_no_page() {
        for (body, expected) in [
            (r#"{"repositories":["a/b","c"]}"#, Some(2)),
            (r#"{"repositories":[],"next":1}"#, Some(0)),
            (r#"{"repositories":null}"#, Some(0)),
            (r#"{"repositories":[1]}"#, None),
            ("[]", None),
            ("<html>", None),
            ("", None),
        ] {
            let read = read_page(body.as_bytes()).ok().map(|names| names.len());
            assert_eq!(read, expected, "{body}");
        }
    }

    #[test]
    fn what_is_no_path_is_no_repository() {
        for (name, expected) in [
            ("shop/web", true),
            ("a/b/c", true),
            ("../x", false),
            ("A/b", false),
            ("", false),
        ] {
            assert_eq!((CATALOG.is_name)(name), expected, "{name}");
        }
    }
}
