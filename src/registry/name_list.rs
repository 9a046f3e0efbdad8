//! A list of names in pages, whole or not at all.

use std::collections::HashSet;

use reqwest::Method;

use crate::registry::access::{Access, Ask, Place};
use crate::registry::error::Failure;
use crate::registry::transport::Answer;

const MOST_PAGES: usize = 1000;
const MOST_NAMES: usize = 100_000;
/// One page; a registry that knows no pages sends all names in one.
const PAGE_LIMIT: usize = 8 * 1024 * 1024;
const BYTES_LIMIT: usize = 32 * 1024 * 1024;

/// A list, and how its pages are read.
pub(super) struct List {
    /// Where it is, without a query.
    pub place: fn(&str) -> Place<'_>,
    pub path: &'static str,
    /// As messages call it, and what it has.
    pub name: &'static str,
    pub names: &'static str,
    /// The names of one page, where it is one.
    pub read: fn(&[u8]) -> Result<Vec<String>, &'static str>,
    pub is_name: fn(&str) -> bool,
    /// What to do where it is too long.
    pub advice: &'static str,
}

impl Access<'_> {
    /// In the registry's order, each once, without what is no name. A limit that is reached is a
    /// refusal. `explain` says what an answer means that is no success.
    pub async fn listed(
        &self,
        list: &List,
        per_page: usize,
        explain: impl Fn(&Answer) -> Failure,
    ) -> Result<Vec<String>, Failure> {
        let first = format!("{}?n={per_page}", list.path);
        let first = self.address_of((list.place)(&first)).await?;
        let mut page = first.clone();
        let mut visited = HashSet::new();
        let mut listed = HashSet::new();
        let mut names = Vec::new();
        let mut bytes = 0;
        loop {
            if visited.len() >= MOST_PAGES {
                return Err(self.too_many(list, &format!("{MOST_PAGES} pages")));
            }
            let query = page.query().unwrap_or_default();
            if !visited.insert(query.to_owned()) {
                let message = format!("the pages of the {} go round in a circle", list.name);
                return Err(self.refused(&message));
            }
            let answer = self.page_of(list, query).await?;
            if !answer.status.is_success() {
                self.check_version(&answer).await?;
                return Err(explain(&answer));
            }
            bytes += answer.body.len();
            let found = (list.read)(&answer.body).map_err(|reason| self.refused(reason))?;
            for name in found {
                if (list.is_name)(&name) && listed.insert(name.clone()) {
                    names.push(name);
                }
            }
            if names.len() > MOST_NAMES {
                return Err(self.too_many(list, &format!("{MOST_NAMES} {}", list.names)));
            }
            let Some(next) = self.next_page(&answer, &page, &first)? else {
                return Ok(names);
            };
            if bytes > BYTES_LIMIT {
                return Err(self.too_many(list, &format!("{} KiB", BYTES_LIMIT / 1024)));
            }
            page = next;
        }
    }

    async fn page_of(&self, list: &List, query: &str) -> Result<Answer, Failure> {
        let rest = format!("{}?{query}", list.path);
        let ask = Ask {
            accept: "application/json",
            limit: PAGE_LIMIT,
            ..Ask::new(Method::GET, (list.place)(&rest))
        };
        self.ask_this(&ask).await
    }

    fn too_many(&self, list: &List, limit: &str) -> Failure {
        self.refused(&format!("the {} has more than {limit}", list.name))
            .advice(list.advice)
    }
}
