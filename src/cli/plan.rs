use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::forges::{self, Opened};
use crate::cli::output::{self, Format, OutputArgs};
use crate::cli::place;
use crate::cli::registries::Asker;
use crate::cli::report::{painted, painted_diff};
use crate::cli::server_file;
use crate::clock;
use crate::git::Location;
use crate::plan::{Action, Plan, PlanReport, diff};
use crate::problem::{Problem, Severity};
use crate::reconcile::{Pass, Planned, Prose, Scope};

/// Show what would change, and why; writes nothing
///
/// A folder is read as it stands, uncommitted edits too, with or without Git. A bare repository, a
/// URL and `--ref` are read at a commit.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  headwater plan\n  headwater plan --diff apps/\n  headwater plan https://git.example/shop/deploy.git"
)]
pub struct Args {
    /// A folder, or the path or URL of a Git repository
    #[arg(value_name = "PATH|URL")]
    location: Option<String>,

    /// Read this branch, tag or commit instead of the files
    #[arg(long = "ref", value_name = "REVISION")]
    revision: Option<String>,

    /// Print the changes as a unified diff instead of a list
    #[arg(long)]
    diff: bool,

    /// Exit with 1 when something would change
    #[arg(long)]
    exit_code: bool,

    #[command(flatten)]
    output: OutputArgs,
}

/// What `-o json` prints.
#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    environments: Vec<PlanReport>,
    problems: Vec<crate::plan::ProblemReport>,
}

pub fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    let location = place::location(context, args.location.as_deref())?;
    let (plans, problems) = plans(args, context, &location)?;
    show(args, context, &plans, &problems)?;
    let has_failures = plans.iter().any(Plan::has_failures)
        || problems
            .iter()
            .any(|problem| problem.severity == Severity::Error);
    Ok(if has_failures {
        Exit::Failure
    } else if args.exit_code && !plans.iter().all(Plan::is_empty) {
        Exit::Differences
    } else {
        Exit::Success
    })
}

fn plans(
    args: &Args,
    context: &Context,
    location: &Location,
) -> Result<(Vec<Plan>, Vec<Problem>), CliError> {
    let asker = Asker::new(context)?;
    let operator = server_file::operator_policy(context)?;
    let mut ask = |questions: &[_]| asker.answer(context, questions);
    if let (Location::Local(path), None) = (location, &args.revision)
        && !place::is_bare(path)
    {
        let folder = place::folder(path)?;
        let planned = folder
            .desk(&operator)
            .plan(None, &mut ask, clock::now())
            .map_err(|error| place::git_error(&error))?;
        return Ok((planned.plans, planned.problems));
    }
    let repository = place::repository(context, location)?;
    let mut cache = place::cache(location);
    let forge = forges::open(context, location)?;
    let hosting = forge.as_ref().map(Opened::hosting);
    let mut pass = Pass {
        repository: &repository,
        cache: &mut cache,
        operator: &operator,
        ask: &mut ask,
        hosting: hosting.as_ref(),
        prose: Some(Prose {
            facts: &mut |lookups| asker.facts(context, lookups),
            forges: forges::known(context)?,
        }),
        now: clock::now(),
    };
    let scope = Scope {
        revision: args.revision.clone(),
        is_unattended: false,
        request: None,
    };
    let (planned, problems) = pass
        .plan(&scope)
        .map_err(|error| place::pass_error(&error))?;
    context.save(&mut cache);
    let plans = planned
        .into_iter()
        .filter_map(|planned| match planned {
            Planned::Plan(planned) => Some(planned.1),
            Planned::Quiet(_) => None,
        })
        .collect();
    Ok((plans, problems))
}

fn show(
    args: &Args,
    context: &Context,
    plans: &[Plan],
    problems: &[Problem],
) -> Result<(), CliError> {
    if args.diff && args.output.output == Format::Table {
        let mut text = String::new();
        for proposal in plans.iter().flat_map(|plan| &plan.proposals) {
            if !matches!(proposal.action, Action::Keep { .. }) {
                text.push_str(&diff(&proposal.changes));
            }
        }
        let text = crate::plain::plain_lines(&text);
        output::write(&painted_diff(&text, context.styles))?;
    } else {
        let report = Report {
            environments: plans.iter().map(PlanReport::from).collect(),
            problems: problems.iter().map(Into::into).collect(),
        };
        output::write_document(args.output.output, "Plan", &report, |_| {
            let texts: Vec<String> = plans.iter().map(ToString::to_string).collect();
            painted(&texts.join("\n"), context.styles)
        })?;
    }
    context.problems(
        problems
            .iter()
            .chain(plans.iter().flat_map(|plan| &plan.problems)),
    );
    if !plans.is_empty() && plans.iter().all(|plan| plan.tags == 0) {
        context.note("no stream tag was found; `headwater init --dry-run` shows how to begin");
    }
    Ok(())
}
