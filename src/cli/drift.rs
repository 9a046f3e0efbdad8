use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::output::{self, Format};
use crate::cli::place;
use crate::cli::report::painted_diff;
use crate::cli::server_file;
use crate::git::Error;
use crate::reconcile::{Survey, Surveyed, drift};
use crate::show::{Drift, drift_diff, drift_text};

/// Show what differs between environments beside pins
///
/// Compares what people wrote; pins, status, holds and what was observed are left out. Between
/// branches files are compared by their paths; on one branch, objects by kind and name, where an
/// environment's own namespace counts as equal. Without --from and --to each environment is
/// compared with the one that it is promoted from.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  headwater drift\n  headwater drift --to prod --diff\n  headwater drift --from staging --to prod --exit-code"
)]
pub struct Args {
    /// A folder in a clone, or the path or URL of a Git repository
    #[arg(value_name = "PATH|URL")]
    location: Option<String>,

    /// The environment that is compared; without it, the source of the other
    #[arg(long, value_name = "ENVIRONMENT")]
    from: Option<String>,

    /// The environment that it is compared with; without it, those promoted from the other
    #[arg(long, value_name = "ENVIRONMENT")]
    to: Option<String>,

    /// Print the differences as a unified diff
    #[arg(long, conflicts_with = "output")]
    diff: bool,

    /// Exit with 1 when something differs
    #[arg(long)]
    exit_code: bool,

    /// How it is printed; without it, as a list
    #[arg(short, long, value_enum, value_name = "FORMAT")]
    output: Option<Shape>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Shape {
    /// A unified diff
    Diff,
    /// For programs
    Json,
    /// For programs
    Yaml,
}

pub fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    let git = |error: Error| place::git_error(&error);
    let location = place::location(context, args.location.as_deref())?;
    let repository = place::repository(context, &location)?;
    let operator = server_file::operator_policy(context)?;
    let mut cache = place::cache(&location);
    let survey = Survey::read(&repository, &mut cache, &operator).map_err(git)?;
    let pairs = pairs(args, &survey)?;
    let pairs = pairs
        .into_iter()
        .map(|(from, to)| drift(&repository, from, to, &mut cache))
        .collect::<Result<_, Error>>()
        .map_err(git)?;
    context.save(&mut cache);
    let drift = Drift { pairs };
    let as_diff = |drift: &Drift| painted_diff(&drift_diff(drift), context.styles);
    match args.output {
        Some(Shape::Diff) => output::write(&as_diff(&drift))?,
        _ if args.diff => output::write(&as_diff(&drift))?,
        Some(Shape::Json) => output::write_document(Format::Json, "Drift", &drift, drift_text)?,
        Some(Shape::Yaml) => output::write_document(Format::Yaml, "Drift", &drift, drift_text)?,
        None => output::write(&drift_text(&drift))?,
    }
    let differs = drift.pairs.iter().any(|pair| !pair.differences.is_empty());
    Ok(if args.exit_code && differs {
        Exit::Differences
    } else {
        Exit::Success
    })
}

/// Which environments are compared.
fn pairs<'s>(
    args: &Args,
    survey: &'s Survey,
) -> Result<Vec<(&'s Surveyed, &'s Surveyed)>, CliError> {
    let one = |name: &Option<String>| {
        let name = name.as_deref();
        name.map(|name| named(survey, name)).transpose()
    };
    let (from, to) = (one(&args.from)?, one(&args.to)?);
    if let (Some(from), Some(to)) = (from, to) {
        return Ok(vec![(from, to)]);
    }
    let name = |one: &Surveyed| one.environment.name.clone();
    let targets = survey.environments.iter();
    let found: Vec<_> = targets
        .filter_map(|target| {
            let promotion = target.environment.promotion.as_ref()?;
            Some((survey.environment(&promotion.from)?, target))
        })
        .filter(|(source, target)| {
            from.is_none_or(|from| name(from) == name(source))
                && to.is_none_or(|to| name(to) == name(target))
        })
        .collect();
    if found.is_empty() {
        return Err(CliError::usage(
            "no environment is promoted from another, so say which to compare",
        )
        .hint(format!(
            "headwater drift --from NAME --to NAME; there is {}",
            names(survey)
        )));
    }
    Ok(found)
}

fn named<'s>(survey: &'s Survey, name: &str) -> Result<&'s Surveyed, CliError> {
    let mut all = survey.environments.iter();
    all.find(|one| one.environment.name.as_str() == name)
        .ok_or_else(|| {
            CliError::usage(format!("no environment here is called `{name}`"))
                .hint(format!("there is {}", names(survey)))
        })
}

fn names(survey: &Survey) -> String {
    let names = survey.environments.iter();
    let names: Vec<&str> = names.map(|one| one.environment.name.as_str()).collect();
    names.join(", ")
}
