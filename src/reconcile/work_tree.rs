use std::collections::BTreeMap;

use crate::environment::Environment;
use crate::git::{self, Repository};
use crate::plan::{self, Mode, Plan};
use crate::problem::Problem;
use crate::reconcile::configuration::Configuration;
use crate::reconcile::evidence;
use crate::reconcile::pass::Ask;
use crate::reconcile::read::read_files;
use crate::reconcile::subject::{Planning, Subject};
use crate::resolve::{self, Questions};
use crate::revision::CommitId;
use crate::snapshot::Files;

/// Plans for the files of a work tree.
#[derive(Debug)]
pub struct InPlace {
    pub plans: Vec<Plan>,
    pub problems: Vec<Problem>,
}

/// Plans edits of `files` as they are, committed or not; `chosen` picks the environments that
/// the work tree stands for. With a `history`, what was taken back or closed there stays so.
/// `now` is RFC 3339.
pub fn plan_in_place(
    files: &Files,
    problems: Vec<Problem>,
    chosen: &dyn Fn(&[Environment]) -> Vec<Environment>,
    history: Option<(&Repository, CommitId)>,
    ask: &mut Ask<'_>,
    now: &str,
) -> Result<InPlace, git::Error> {
    let reading = read_files(files, problems);
    let configuration = Configuration::read(reading.config.as_deref());
    let environments = chosen(&configuration.environments);
    let mut questions = Questions::default();
    let policy = &configuration.policy;
    let subjects: Vec<Subject> = environments
        .iter()
        .map(|environment| {
            Subject::read(&reading, environment, &environments, policy, &mut questions)
        })
        .collect();
    let answers = ask(&questions.finish(&BTreeMap::new()));
    let mut edited = files.clone();
    let mut plans = Vec::new();
    for subject in subjects {
        let branches = match history {
            Some((repository, head)) => {
                evidence::environment_branches(repository, head, &subject.environment.name)?
            }
            None => evidence::Branches::default(),
        };
        let planning = Planning {
            policy,
            answers: &answers,
            branches: &branches,
            history,
            mode: Mode::InPlace,
            now,
        };
        let plan = subject.plan(&planning, |paths| {
            let touched = edited.iter().filter(|(path, _)| paths.contains(*path));
            Ok(touched
                .map(|(path, content)| (path.clone(), content.clone()))
                .collect())
        })?;
        for change in plan.proposals.iter().flat_map(|proposal| &proposal.changes) {
            edited.insert(change.path.clone(), change.after.clone());
        }
        plans.push(plan);
    }
    let mut problems = configuration.problems;
    problems.extend(reading.problems);
    Ok(InPlace { plans, problems })
}

/// What is wrong in `files`, as far as it can be told without asking anybody.
pub fn lint(
    files: &Files,
    problems: Vec<Problem>,
    chosen: &dyn Fn(&[Environment]) -> Vec<Environment>,
) -> Vec<Problem> {
    let reading = read_files(files, problems);
    let configuration = Configuration::read(reading.config.as_deref());
    let mut found = configuration.problems.clone();
    found.extend(reading.problems.iter().cloned());
    let environments = chosen(&configuration.environments);
    for environment in &environments {
        let policy = &configuration.policy;
        let questions = &mut Questions::default();
        let Subject {
            manifests,
            following,
            ..
        } = Subject::read(&reading, environment, &environments, policy, questions);
        let tags = resolve::answer(&following, &[]);
        let due = plan::due(&manifests.streams, &manifests.triggers, &tags, &policy.pins);
        found.extend(manifests.problems);
        found.extend(following.problems);
        found.extend(due.problems);
    }
    found
}
