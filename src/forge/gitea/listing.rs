//! Pages of pull requests and of other things.

use std::collections::HashSet;

use reqwest::Method;
use serde::de::DeserializeOwned;

use crate::forge::gitea::Gitea;
use crate::forge::gitea::values::Pull;
use crate::forge::http::Request;
use crate::forge::{Error, MAX_LOOKED_AT, MAX_OPEN};
use crate::pull_request::PullRequest;
use crate::revision::BranchName;

/// What both give at most, unless they are configured to give less.
const PAGE: usize = 50;
/// Also holds where pages are shorter than asked for.
const MAX_PAGES: usize = 200;

impl Gitea {
    pub(crate) fn all_open(&self, prefix: &str) -> Result<Vec<PullRequest>, Error> {
        let mut found = Vec::new();
        self.each_pull("open", "oldest", |pull| {
            if pull.is_below(prefix) {
                found.extend(pull.value());
            }
            true
        })?;
        // The order holds within a second only.
        found.sort_by_key(|pull| (pull.created, pull.number));
        Ok(found)
    }

    /// Neither of them can be asked for one branch only: all branches are looked for in one walk.
    pub(crate) fn all_of_each(&self, heads: &[BranchName]) -> Result<Vec<Vec<PullRequest>>, Error> {
        let mut found = vec![Vec::new(); heads.len()];
        if heads.is_empty() {
            return Ok(found);
        }
        self.each_pull("all", "", |pull| {
            let head = heads.iter().position(|head| pull.is_from(head.as_str()));
            if let Some(of_head) = head.and_then(|place| found.get_mut(place))
                && of_head.len() < MAX_LOOKED_AT
            {
                of_head.extend(pull.value());
            }
            found.iter().any(|of_head| of_head.len() < MAX_LOOKED_AT)
        })?;
        for of_head in &mut found {
            of_head.sort_by_key(|pull| std::cmp::Reverse((pull.created, pull.number)));
        }
        Ok(found)
    }

    /// The one that is open from a branch of this repository to a base. Asking by the names of
    /// both would give a closed one although there is an open one.
    pub(crate) fn open_one(&self, head: &str, base: &str) -> Result<Option<Pull>, Error> {
        let mut found = None;
        self.each_pull("open", "", |pull| {
            if pull.is_from(head) && pull.is_onto(base) {
                found = Some(pull);
            }
            found.is_none()
        })?;
        Ok(found)
    }

    /// The first [`MAX_OPEN`] in this state, until `wants_more` says no.
    fn each_pull(
        &self,
        state: &str,
        sort: &str,
        mut wants_more: impl FnMut(Pull) -> bool,
    ) -> Result<(), Error> {
        let asks = "list the pull requests";
        let mut request = self
            .request(Method::GET, &["pulls"], asks)
            .query("state", state);
        if !sort.is_empty() {
            request = request.query("sort", sort);
        }
        // One that is opened meanwhile moves the others to a later page, where they come again.
        let mut seen = HashSet::new();
        self.each(&request, MAX_OPEN, &mut |pull: Pull| {
            !seen.insert(pull.number) || wants_more(pull)
        })
    }

    /// The items of all pages, up to `max`, until `wants_more` says no.
    pub(crate) fn each<T: DeserializeOwned>(
        &self,
        request: &Request,
        max: usize,
        wants_more: &mut dyn FnMut(T) -> bool,
    ) -> Result<(), Error> {
        let mut seen = 0;
        for page in 1..=MAX_PAGES {
            let request = request
                .clone()
                .query("page", &page.to_string())
                .query("limit", &PAGE.to_string());
            let answer = self.client.get(&request)?;
            let items: Vec<T> = answer.json(self.client.host(), &request)?;
            let count = items.len();
            let is_enough = items
                .into_iter()
                .take(max - seen)
                .any(|item| !wants_more(item));
            seen += count;
            let all = answer.header("x-total-count");
            let is_last = match all.and_then(|all| all.parse::<usize>().ok()) {
                Some(all) => seen >= all,
                None => count < PAGE,
            };
            if is_enough || is_last || count == 0 || seen >= max {
                return Ok(());
            }
        }
        Err(Error::Unusable {
            host: self.client.host().to_owned(),
            reason: format!("it has more than {MAX_PAGES} pages"),
        })
    }
}
