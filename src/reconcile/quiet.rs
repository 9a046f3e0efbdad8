//! A pass that had nothing to write, remembered so that the next one needs only to ask.
//!
//! A plan is a function of the branches and of the answers. Where both are as they were, nothing
//! has to be read or planned.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::git::{Error, Repository};
use crate::image::Digest;
use crate::lookup::{Lookup, Resolution};
use crate::problem::Problem;
use crate::reconcile::pass::Ask;
use crate::revision::BranchName;

/// What a pass without writing was made from, and what it said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuietPass {
    /// Of the branches: [`state`].
    pub state: String,
    pub lookups: Vec<Lookup>,
    /// Of the answers: [`fingerprint`].
    pub answers: String,
    pub environments: Vec<Quiet>,
    pub problems: Vec<Problem>,
}

/// What a pass without writing said of one environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quiet {
    pub report: String,
    pub problems: Vec<Problem>,
    pub has_failures: bool,
}

/// The hash of everything in Git that a pass is made from: the branches' commits.
pub fn state(repository: &Repository, default: &BranchName) -> Result<String, Error> {
    let mut text = format!("{} {default}", env!("CARGO_PKG_VERSION"));
    for (branch, commit) in repository.branches("")? {
        text.push_str(&format!("\n{branch} {commit}"));
    }
    Ok(Digest::of(text.as_bytes()).to_string())
}

/// The hash of the answers to `lookups`.
pub fn fingerprint(lookups: &[Lookup], answers: &[Resolution]) -> String {
    let mut text = Vec::new();
    for (lookup, answer) in lookups.iter().zip(answers) {
        text.extend(question(lookup).bytes());
        match answer {
            // Nearly all of them, thousands at a time.
            Resolution::Found(found) => text.extend(found.digest.as_str().bytes()),
            other => text.extend(format!("{other:?}").bytes()),
        }
        text.push(b'\n');
    }
    Digest::of(&text).to_string()
}

/// The lookups with what their answers have verified: asked again, each is one HEAD.
pub fn verified(lookups: &[Lookup], answers: &[Resolution]) -> Vec<Lookup> {
    let mut lookups = lookups.to_vec();
    for (lookup, answer) in lookups.iter_mut().zip(answers) {
        if let Resolution::Found(found) = answer {
            lookup.known.insert(found.digest.clone());
            if let Some(index) = &found.index {
                lookup.chosen.insert(index.clone(), found.digest.clone());
            }
        }
    }
    lookups
}

/// Answers of this pass: no question is asked twice.
#[derive(Default)]
pub struct Asked(HashMap<String, Resolution>);

impl Asked {
    pub fn remember(&mut self, lookups: &[Lookup], answers: Vec<Resolution>) {
        self.0.extend(lookups.iter().map(question).zip(answers));
    }

    /// Answers all of `lookups`, asking for those that have not been.
    pub fn ask(&mut self, lookups: &[Lookup], ask: &mut Ask<'_>) -> Vec<Resolution> {
        let fresh: Vec<Lookup> = lookups
            .iter()
            .filter(|lookup| !self.0.contains_key(&question(lookup)))
            .cloned()
            .collect();
        if !fresh.is_empty() {
            let answers = ask(&fresh);
            self.remember(&fresh, answers);
        }
        lookups
            .iter()
            .filter_map(|lookup| self.0.get(&question(lookup)).cloned())
            .collect()
    }
}

/// A lookup without what is known already.
fn question(lookup: &Lookup) -> String {
    format!(
        "{} {} {:?} {} ",
        lookup.reference(),
        lookup.import_mode,
        lookup.platforms,
        lookup.insecure
    )
}
