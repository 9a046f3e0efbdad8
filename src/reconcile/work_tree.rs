use std::collections::BTreeMap;

use crate::environment::Environment;
use crate::git::{self, Repository};
use crate::manifest;
use crate::plan::{self, Inputs, Mode, Plan};
use crate::problem::Problem;
use crate::reconcile::configuration::Configuration;
use crate::reconcile::evidence;
use crate::reconcile::holding::due_without_held;
use crate::reconcile::pass::{Ask, touched_files};
use crate::reconcile::read::read_files;
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
/// the work tree stands for. With a `history`, what was taken back or
/// closed there stays so. `now` is
/// RFC 3339.
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
    let subjects: Vec<_> = environments
        .iter()
        .map(|environment| {
            let manifests =
                manifest::assemble(&reading.files, &reading.fields, environment, &environments);
            let imports = &configuration.policy.imports;
            let following = resolve::follow(
                &manifests.streams,
                &manifests.triggers,
                imports,
                &mut questions,
            );
            (environment, manifests, following)
        })
        .collect();
    let answers = ask(&questions.finish(&BTreeMap::new()));
    let mut edited = files.clone();
    let mut plans = Vec::new();
    for (environment, mut manifests, following) in subjects {
        let mut tags = resolve::answer(&following, &answers);
        let branches = match history {
            Some((repository, head)) => {
                evidence::environment_branches(repository, head, &environment.name)?
            }
            None => evidence::Branches::default(),
        };
        let (due, taken_back) = due_without_held(
            &manifests,
            &configuration.policy.pins,
            &mut tags,
            &branches.branches,
            history,
        )?;
        let touched = touched_files(&due, &manifests);
        let files: Files = edited
            .iter()
            .filter(|(path, _)| touched.contains(*path))
            .map(|(path, content)| (path.clone(), content.clone()))
            .collect();
        let mut problems = std::mem::take(&mut manifests.problems);
        problems.extend(following.problems);
        let plan = plan::plan(Inputs {
            environment,
            policy: &configuration.policy,
            base: None,
            mode: Mode::InPlace,
            streams: &manifests.streams,
            tags: &tags,
            due,
            problems,
            files: &files,
            taken_back: &taken_back,
            branches: &branches.branches,
            first_seen: &branches.first_seen,
            now,
        });
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
    found.extend(reading.problems);
    let environments = chosen(&configuration.environments);
    for environment in &environments {
        let manifests =
            manifest::assemble(&reading.files, &reading.fields, environment, &environments);
        let imports = &configuration.policy.imports;
        let following = resolve::follow(
            &manifests.streams,
            &manifests.triggers,
            imports,
            &mut Questions::default(),
        );
        let tags = resolve::answer(&following, &[]);
        let due = plan::due(
            &manifests.streams,
            &manifests.triggers,
            &tags,
            &configuration.policy.pins,
        );
        found.extend(manifests.problems);
        found.extend(following.problems);
        found.extend(due.problems);
    }
    found
}
