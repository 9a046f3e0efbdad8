use std::collections::BTreeMap;

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::forges::{self, Opened};
use crate::cli::output;
use crate::cli::place;
use crate::cli::registries::Asker;
use crate::cli::report::painted;
use crate::cli::results;
use crate::cli::server_file;
use crate::clock;
use crate::copying::CopyMode;
use crate::git::{Author, Error, Location, Repository};
use crate::plan::{Plan, Reason, Waiting};
use crate::problem::Severity;
use crate::reconcile::{
    Applied, AppliedPlan, Cache, Outcome, Pass, Planned, Prose, Publishing, Request, Scope, apply,
};
use crate::revision::{BranchName, CommitId};

/// How often a pass that lost a race starts over.
const MAX_ROUNDS: usize = 5;

/// Make one pass: read commits, ask registries, push branches
///
/// A path gets its branches in that repository itself; a URL gets them pushed. What is done
/// follows headwater.yaml on the default branch: branches to review, or commits. A push that the
/// server refuses is named PushDenied, with the server's own words and what to do. Where the server
/// file has the repository's forge, pull requests are opened, updated, merged and closed there.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  headwater reconcile ssh://git@git.example/shop/deploy.git\n  headwater reconcile --push origin"
)]
pub struct Args {
    /// The path or URL of a Git repository
    #[arg(value_name = "PATH|URL")]
    location: Option<String>,

    /// Read from and push to this remote of the clone, such as origin
    #[arg(long, value_name = "REMOTE")]
    push: Option<String>,
}

pub fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    let location = target(context, args.location.as_deref(), args.push.as_deref())?;
    let scope = Scope {
        is_unattended: true,
        ..Scope::default()
    };
    rounds(context, &location, &scope)
}

/// Passes over one Git repository until none of its pushes loses a race. Of a request, all else is
/// left to the next pass.
pub(super) fn rounds(
    context: &Context,
    location: &Location,
    scope: &Scope,
) -> Result<Exit, CliError> {
    let author = place::author(context)?;
    let asker = Asker::copying(context, CopyMode::Missing)?;
    let mut cache = place::cache(location);
    let mut repository = place::repository(context, location)?;
    if repository.is_shallow() {
        return Err(CliError::usage(format!("{location} is a shallow clone"))
            .hint("its whole history is needed to keep what was taken back; run `git fetch --unshallow`"));
    }
    let forge = forges::open(context, location)?;
    let tools = Tools {
        context,
        asker: &asker,
        author: &author,
        forge: forge.as_ref(),
        scope,
    };
    let mut ended = tools.round(&repository, &mut cache)?;
    for _ in 1..MAX_ROUNDS {
        if !ended.lost_a_race {
            break;
        }
        context.note("a branch moved in the meantime; planning again");
        repository
            .fetch()
            .map_err(|error| place::git_error(&error))?;
        ended = tools.round(&repository, &mut cache)?;
    }
    context.save(&mut cache);
    // The process ends here: to free thousands of small values one by one costs more than a pass
    // looks at.
    std::mem::forget(cache);
    Ok(if ended.has_failures || ended.lost_a_race {
        Exit::Failure
    } else {
        Exit::Success
    })
}

/// Where to read and push: the location itself, or the remote of a clone.
pub(super) fn target(
    context: &Context,
    location: Option<&str>,
    push: Option<&str>,
) -> Result<Location, CliError> {
    let location = place::location(context, location)?;
    match push {
        None => Ok(location),
        Some(remote) => place::repository(context, &location)?
            .remote_location(remote)
            .map_err(|error| place::git_error(&error)),
    }
}

struct Ended {
    has_failures: bool,
    lost_a_race: bool,
}

/// What a round is made with.
struct Tools<'a> {
    context: &'a Context,
    asker: &'a Asker,
    author: &'a Author,
    forge: Option<&'a Opened>,
    scope: &'a Scope,
}

impl Tools<'_> {
    /// One pass, planned and applied.
    fn round(&self, repository: &Repository, cache: &mut Cache) -> Result<Ended, CliError> {
        let now = clock::now();
        let context = self.context;
        let operator = server_file::operator_policy(context)?;
        let hosting = self.forge.map(Opened::hosting);
        let mut pass = Pass {
            repository,
            cache,
            operator: &operator,
            ask: &mut |questions| self.asker.answer(context, questions),
            hosting: hosting.as_ref(),
            prose: Some(Prose {
                facts: &mut |lookups| self.asker.facts(context, lookups),
                forges: forges::known(context)?,
            }),
            now,
        };
        let (mut planned, problems) = pass
            .plan(self.scope)
            .map_err(|error| place::pass_error(&error))?;
        if let Some(request) = &self.scope.request {
            planned.retain_mut(|planned| is_of_request(planned, request));
        }
        context.problems(&problems);
        let mut ended = Ended {
            has_failures: problems
                .iter()
                .any(|problem| problem.severity == Severity::Error),
            lost_a_race: false,
        };
        let push = |branch: &BranchName, expected, new| repository.push(branch, expected, new);
        // Where this round's own commits have taken the environments' branches.
        let mut tips: BTreeMap<BranchName, CommitId> = BTreeMap::new();
        for (number, planned) in planned.into_iter().enumerate() {
            if number > 0 {
                output::write("\n")?;
            }
            match planned {
                Planned::Quiet(quiet) => {
                    output::write(&painted(&quiet.report, context.styles))?;
                    context.problems(&quiet.problems);
                    ended.has_failures |= quiet.has_failures;
                }
                Planned::Plan(planned) => {
                    let (mut snapshot, plan) = *planned;
                    if let Some(tip) = tips.get(&snapshot.branch) {
                        snapshot.commit = *tip;
                    }
                    output::write(&painted(&plan.to_string(), context.styles))?;
                    context.problems(&plan.problems);
                    ended.has_failures |= plan.has_failures();
                    ended.has_failures |= self.is_in_vain(&plan);
                    let hosting = hosting.as_ref();
                    let author = self.author;
                    let applied = apply(repository, &push, &snapshot, &plan, author, hosting, now);
                    output::write(&results::written(context, repository, &applied))?;
                    ended.add(&applied);
                    tips.extend(applied.branches.iter().filter_map(Applied::own_commit));
                }
            }
        }
        Ok(ended)
    }

    /// Whether a request came to nothing although something is to come.
    fn is_in_vain(&self, plan: &Plan) -> bool {
        let waits = |waiting: &Waiting| matches!(waiting.reason, Reason::Gated(_));
        self.scope.request.is_some() && plan.proposals.is_empty() && plan.waiting.iter().any(waits)
    }
}

/// Whether it is the environment that a request is for; all but its promotion is taken out.
fn is_of_request(planned: &mut Planned, request: &Request) -> bool {
    let Planned::Plan(planned) = planned else {
        return false;
    };
    let (_, plan) = planned.as_mut();
    plan.narrow_to_promotion(&request.from);
    plan.environment.name == request.to
}

impl Ended {
    fn add(&mut self, applied: &AppliedPlan) {
        for result in &applied.branches {
            match &result.outcome {
                Outcome::Kept | Outcome::Done => {}
                Outcome::Moved | Outcome::Failed(Error::Stale { .. }) => self.lost_a_race = true,
                Outcome::Rejected { .. } | Outcome::Failed(_) => self.has_failures = true,
            }
        }
        let mut published = applied.pull_requests.iter();
        self.has_failures |= published.any(|done| matches!(done.what, Publishing::Failed { .. }));
    }
}
