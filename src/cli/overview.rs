//! What the commands gather that look over all environments: their files, what is open, and what
//! their plans wait for.

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::forges::{self, Opened};
use crate::cli::place;
use crate::cli::pr;
use crate::cli::registries::Asker;
use crate::cli::server_file;
use crate::clock;
use crate::environment::{Environment, EnvironmentName};
use crate::git::{Location, Repository};
use crate::plan::{BranchState, Plan, TaggedImage, images};
use crate::problem::{Problem, Severity};
use crate::reconcile::{self, Cache, Hosting, Pass, Planned, Proposed, Scope, Survey};
use crate::show::Pending;

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

/// A bot branch that waits for somebody.
#[derive(Debug)]
pub struct OpenBranch {
    pub environment: EnvironmentName,
    pub images: Vec<TaggedImage>,
    pub message: String,
    pending: Pending,
}

impl OpenBranch {
    /// The branch with one of the images that it would bring.
    pub fn with(&self, image: &TaggedImage) -> Pending {
        Pending {
            image: Some(image.digest.to_string()),
            ..self.pending.clone()
        }
    }
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
        let open = open(&repository, &survey, hosting).map_err(git)?;
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

fn open(
    repository: &Repository,
    survey: &Survey,
    hosting: Option<&Hosting<'_>>,
) -> Result<Vec<OpenBranch>, crate::git::Error> {
    let environments: Vec<Environment> = survey
        .environments
        .iter()
        .map(|surveyed| surveyed.environment.clone())
        .collect();
    let all = |_: &_| true;
    let found = reconcile::proposed(repository, &environments, &survey.default, &all)?;
    let view = hosting.map(Hosting::view);
    let mut open = Vec::new();
    for proposed in found {
        if matches!(
            proposed.state,
            BranchState::Closed { .. } | BranchState::Merged
        ) {
            continue;
        }
        let message = message(repository, &proposed)?;
        let page = view
            .as_ref()
            .and_then(|view| view.open_of(&proposed.branch, &proposed.base));
        open.push(OpenBranch {
            images: images(&message),
            message,
            pending: Pending {
                branch: proposed.branch.to_string(),
                state: pr::state(&proposed.state),
                image: None,
                number: page.map(|page| page.number),
                url: page.map(|page| page.url.clone()),
            },
            environment: proposed.environment,
        });
    }
    Ok(open)
}

/// What the bot says on its branch: a promotion's has the source's commits too.
fn message(repository: &Repository, proposed: &Proposed) -> Result<String, crate::git::Error> {
    match proposed.main_commit() {
        Some(commit) => Ok(commit.message.clone()),
        None => repository.message(proposed.head),
    }
}
