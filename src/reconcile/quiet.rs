//! A pass that had nothing to write, remembered so that the next one needs only to ask.
//!
//! A plan is a function of the branches and of the answers. Where both are as they were, nothing
//! has to be read or planned.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::copying::CopyOrder;
use crate::git::{Error, Repository};
use crate::image::Digest;
use crate::lookup::{Answer, Lookup, Question, Resolution};
use crate::plan::pull_request::ForgeView;
use crate::policy::OperatorPolicy;
use crate::problem::Problem;
use crate::reconcile::gather::Ask;
use crate::revision::{BranchName, CommitId};

/// What a pass without writing was made from, and what it said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuietPass {
    /// Of the branches: [`state`].
    pub state: String,
    /// From this second since 1970 on, a hold is over that counted.
    pub ends: Option<i64>,
    pub questions: Vec<Question>,
    /// Of the answers: [`fingerprint`].
    pub answers: String,
    pub forge: Option<QuietForge>,
    pub environments: Vec<Quiet>,
    pub problems: Vec<Problem>,
}

/// What a pass without writing knew of the forge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuietForge {
    /// Branches whose ended pull requests were asked for.
    pub branches: Vec<BranchName>,
    /// Base branches whose protection was asked for.
    pub bases: Vec<BranchName>,
    /// Commits whose checks were asked for.
    pub checks: Vec<CommitId>,
    /// Pull requests whose approvals were asked for.
    pub approvals: Vec<u64>,
    /// Of all that was answered: [`ForgeView::fingerprint`].
    pub answers: String,
}

impl From<&ForgeView> for QuietForge {
    fn from(view: &ForgeView) -> Self {
        Self {
            branches: view.asked_branches().cloned().collect(),
            bases: view.demands.keys().cloned().collect(),
            checks: view.checks.keys().copied().collect(),
            approvals: view.approvals.keys().copied().collect(),
            answers: view.fingerprint(),
        }
    }
}

impl QuietPass {
    /// Whether the passing of time alone has changed what it was made from.
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.ends.is_some_and(|end| end <= now.as_second())
    }
}

/// What a pass without writing said of one environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quiet {
    pub report: String,
    pub problems: Vec<Problem>,
    pub has_failures: bool,
}

/// The hash of what a pass is made from beside answers: the branches' commits, and what the
/// operator decides.
pub fn state(
    repository: &Repository,
    default: &BranchName,
    operator: &OperatorPolicy,
) -> Result<String, Error> {
    let mut text = format!("{} {default} {operator:?}", env!("CARGO_PKG_VERSION"));
    for (branch, commit) in repository.branches("")? {
        text.push_str(&format!("\n{branch} {commit}"));
    }
    Ok(Digest::of(text.as_bytes()).to_string())
}

/// The hash of the answers to `questions`.
pub fn fingerprint(questions: &[Question], answers: &[Answer]) -> String {
    let mut text = Vec::new();
    for (question, answer) in questions.iter().zip(answers) {
        text.extend(identity(question).bytes());
        match answer {
            // Nearly all of them, thousands at a time.
            Answer::Image(Resolution::Found(found)) => text.extend(found.digest.as_str().bytes()),
            // No plan depends on it.
            Answer::Attached(_) => {}
            other => text.extend(format!("{other:?}").bytes()),
        }
        text.push(b'\n');
    }
    Digest::of(&text).to_string()
}

/// The questions with what their answers have verified: asked again, each is one HEAD.
pub fn verified(questions: &[Question], answers: &[Answer]) -> Vec<Question> {
    let mut questions = questions.to_vec();
    for (question, answer) in questions.iter_mut().zip(answers) {
        if let (Question::Image(lookup), Answer::Image(Resolution::Found(found))) =
            (question, answer)
        {
            lookup.known.insert(found.digest.clone());
            if let Some(index) = &found.index {
                lookup.chosen.insert(index.clone(), found.digest.clone());
            }
        }
    }
    questions
}

/// Answers of this pass: no question is asked twice.
#[derive(Default)]
pub struct Asked(HashMap<String, Answer>);

impl Asked {
    pub fn remember(&mut self, questions: &[Question], answers: Vec<Answer>) {
        self.0.extend(questions.iter().map(identity).zip(answers));
    }

    /// Answers all of `questions`, asking for those that have not been.
    pub fn ask(&mut self, questions: &[Question], ask: &mut Ask<'_>) -> Vec<Answer> {
        let fresh: Vec<Question> = questions
            .iter()
            .filter(|question| !self.0.contains_key(&identity(question)))
            .cloned()
            .collect();
        if !fresh.is_empty() {
            let answers = ask(&fresh);
            self.remember(&fresh, answers);
        }
        questions
            .iter()
            .filter_map(|question| self.0.get(&identity(question)).cloned())
            .collect()
    }
}

/// A question without what is known already.
pub fn identity(question: &Question) -> String {
    match question {
        Question::Image(lookup) => lookup_identity("image", lookup),
        Question::Created(lookup) => lookup_identity("created", lookup),
        Question::Tags(listing) => format!(
            "tags {} {} {:?} ",
            listing.repository, listing.insecure, listing.secrets_of
        ),
        Question::Signed(question) => format!(
            "signed {} {} {:?} {} {:?} ",
            question.repository,
            question.digest,
            question.keys,
            question.insecure,
            question.secrets_of
        ),
        Question::Copied(order) => order_identity("copied", order),
        Question::Attached(order) => order_identity("attached", order),
        Question::Catalog(question) => format!("catalog {} ", question.repository.endpoint().host),
    }
}

fn order_identity(kind: &str, order: &CopyOrder) -> String {
    format!(
        "{kind} {} {} {} {} {:?} ",
        order.to, order.digest, order.from, order.insecure, order.secrets_of
    )
}

fn lookup_identity(kind: &str, lookup: &Lookup) -> String {
    format!(
        "{kind} {} {} {:?} {} {:?} ",
        lookup.reference(),
        lookup.import_mode,
        lookup.platforms,
        lookup.insecure,
        lookup.secrets_of
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quiet_pass_is_over_when_a_hold_is() {
        let quiet = |ends: Option<&str>| QuietPass {
            ends: ends.map(|end| end.parse::<Timestamp>().unwrap().as_second()),
            ..QuietPass::default()
        };
        let now: Timestamp = "2026-09-01T08:00:00.5Z".parse().unwrap();
        for (ends, is_over) in [
            (None, false),
            (Some("2026-09-01T08:00:00Z"), true),
            (Some("2026-09-01T08:00:01Z"), false),
        ] {
            assert_eq!(quiet(ends).is_over(now), is_over, "{ends:?}");
        }
    }
}
