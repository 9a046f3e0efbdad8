//! Who approves a pull request now.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use serde::Deserialize;

use crate::forge::gitea::Gitea;
use crate::forge::gitea::values::User;
use crate::forge::{Error, MAX_CHECKS, needing};
use crate::revision::CommitId;

#[derive(Deserialize)]
struct Review {
    id: u64,
    /// None where a team was asked.
    user: Option<User>,
    #[serde(default)]
    state: String,
    /// Whether somebody who may write, or whom the rule names, has said it.
    #[serde(default)]
    official: bool,
    #[serde(default)]
    dismissed: bool,
    /// Whether what the pull request changes has become different since.
    #[serde(default)]
    stale: bool,
}

impl Gitea {
    pub(crate) fn approvals_of(
        &self,
        number: u64,
        head: CommitId,
    ) -> Result<BTreeSet<String>, Error> {
        let pull = self.pull(number)?;
        if pull.head_commit() != Some(head.to_string().as_str()) {
            return Ok(BTreeSet::new());
        }
        let mut newest = self.opinions_on(number)?;
        if let Some(author) = &pull.user {
            newest.remove(&author.login);
        }
        newest.retain(|_, review| {
            review.state == "APPROVED" && review.official && !review.dismissed && !review.stale
        });
        if !newest.is_empty()
            && let Some(own) = self.told::<User>("user")?
        {
            newest.remove(&own.login);
        }
        Ok(newest.into_keys().collect())
    }

    /// The last approval or refusal of each account; a remark takes nothing back.
    fn opinions_on(&self, number: u64) -> Result<BTreeMap<String, Review>, Error> {
        let below = ["pulls", &number.to_string(), "reviews"];
        let request = self.request(Method::GET, &below, "list the reviews");
        let mut newest: BTreeMap<String, Review> = BTreeMap::new();
        let mut seen = 0;
        let read = self.each(&request, MAX_CHECKS, &mut |review: Review| {
            seen += 1;
            let is_opinion = matches!(review.state.as_str(), "APPROVED" | "REQUEST_CHANGES");
            if let Some(user) = review.user.as_ref().filter(|_| is_opinion) {
                let known = newest.get(&user.login);
                if known.is_none_or(|known| known.id < review.id) {
                    newest.insert(user.login.clone(), review);
                }
            }
            true
        });
        needing(read, "read:repository")?;
        if seen >= MAX_CHECKS {
            return Err(self.unusable("a pull request has too many reviews"));
        }
        Ok(newest)
    }
}
