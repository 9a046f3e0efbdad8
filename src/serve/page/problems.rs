//! What is wrong in the files of all Git repositories.

use std::cmp::Reverse;

use serde::Serialize;

use crate::problem::{Problem, Severity};
use crate::serve::page::address::Query;
use crate::serve::page::paging::Paging;
use crate::serve::page::text::{LONGEST, weight};
use crate::serve::state::DaemonState;

const BUDGET: usize = 80_000;
const MOST: usize = 300;
const ROW: usize = 200;

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Problems {
    pub filter: String,
    pub paging: Paging,
    pub errors: usize,
    pub warnings: usize,
    /// Errors first.
    pub problems: Vec<Found>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Found {
    pub repository: String,
    /// `path:line:column`
    pub at: Option<String>,
    #[serde(flatten)]
    pub problem: Problem,
}

impl Problems {
    pub fn of(state: &DaemonState, query: &Query) -> Self {
        let mut all: Vec<Found> = Vec::new();
        for repository in &state.repositories {
            for problem in &repository.problems {
                let found = Found {
                    repository: repository.name.clone(),
                    at: problem.place.as_ref().map(ToString::to_string),
                    problem: problem.clone(),
                };
                if query.takes(|| words(&found)) {
                    all.push(found);
                }
            }
        }
        all.sort_by_key(|it| Reverse(it.problem.severity));
        let count = |severity| {
            let of_it = all.iter().filter(|it| it.problem.severity == severity);
            of_it.count()
        };
        let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
        let weights = all.iter().map(|found| {
            let texts = [&found.problem.message];
            let texts = texts.into_iter().chain(&found.problem.advice);
            ROW + texts
                .chain(&found.at)
                .map(|text| weight(text, LONGEST))
                .sum::<usize>()
        });
        let (paging, range) = Paging::of(weights, BUDGET, MOST, query.page);
        Self {
            filter: query.filter.clone(),
            paging,
            errors,
            warnings,
            problems: all.get(range).unwrap_or_default().to_vec(),
        }
    }
}

fn words(found: &Found) -> Vec<&str> {
    let mut words = vec![found.repository.as_str(), &found.problem.message];
    words.extend(found.at.as_deref());
    words.extend(found.problem.advice.as_deref());
    words
}
