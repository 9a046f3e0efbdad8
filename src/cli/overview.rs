//! What the commands gather that look over all environments: their files, what is open, and what
//! their plans wait for.

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::forges::{self, Opened};
use crate::cli::place;
use crate::cli::registries::Asker;
use crate::cli::server_file;
use crate::clock;
use crate::git::{Location, Repository};
use crate::plan::Plan;
use crate::problem::{Problem, Severity};
use crate::reconcile::{Cache, Hosting, OpenBranch, Pass, Planned, Scope, Survey, open_branches};

/// All environments of a Git repository.
#[derive(Debug)]
pub struct Overview {
    pub repository: Repository,
    pub survey: Survey,
    /// One for each environment that could be planned.
    pub plans: Vec<Plan>,
    /// Bot branches that would bring images.
    pub open: Vec<OpenBranch>,
    pub problems: Vec<Problem>,
}

impl Overview {
    /// Registries and the forge are asked unless `is_offline`.
    pub fn gather(
        context: &Context,
        location: &Location,
        is_offline: bool,
    ) -> Result<Self, CliError> {
        let git = |error: crate::git::Error| place::git_error(&error);
        let repository = place::repository(context, location)?;
        let mut cache = place::cache(location);
        let operator = server_file::operator_policy(context)?;
        let survey = Survey::read(&repository, &mut cache, &operator).map_err(git)?;
        let forge = match is_offline {
            true => None,
            false => forges::open(context, location)?,
        };
        let hosting = forge.as_ref().map(Opened::hosting);
        let hosting = hosting.as_ref();
        let asker = match is_offline {
            true => None,
            false => Some(Asker::new(context)?),
        };
        let (plans, mut problems) =
            plan(context, &repository, &mut cache, asker.as_ref(), hosting)?;
        problems.extend(survey.configuration.problems.iter().cloned());
        problems.sort();
        problems.dedup();
        context.save(&mut cache);
        let open = open_branches(&repository, &survey, hosting).map_err(git)?;
        Ok(Self {
            repository,
            survey,
            plans,
            open,
            problems,
        })
    }

    /// Whether something could not be looked at.
    pub fn has_errors(&self) -> bool {
        let mut problems = self.problems.iter();
        problems.any(|problem| problem.severity == Severity::Error)
    }
}

/// The plans of all environments; nothing is written but the cache.
fn plan(
    context: &Context,
    repository: &Repository,
    cache: &mut Cache,
    asker: Option<&Asker>,
    hosting: Option<&Hosting<'_>>,
) -> Result<(Vec<Plan>, Vec<Problem>), CliError> {
    let operator = server_file::operator_policy(context)?;
    let mut ask = |questions: &[_]| match asker {
        Some(asker) => asker.answer(context, questions),
        None => Vec::new(),
    };
    let mut pass = Pass {
        repository,
        cache,
        operator: &operator,
        ask: &mut ask,
        hosting,
        prose: None,
        now: clock::now(),
    };
    let (planned, problems) = pass
        .plan(&Scope::default())
        .map_err(|error| place::pass_error(&error))?;
    let plans = planned.into_iter().filter_map(|planned| match planned {
        Planned::Plan(planned) => Some(planned.1),
        Planned::Quiet(_) => None,
    });
    Ok((plans.collect(), problems))
}
