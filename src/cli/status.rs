use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::output::{self, Format};
use crate::cli::overview::Overview;
use crate::cli::place;
use crate::cli::report::painted;
use crate::clock;
use crate::reconcile;
use crate::show::{StatusStyle, status_text};

/// Show what each environment has: streams by environments
///
/// A cell is the image, for how long the environment has had it, `=` where its source has the
/// same, else how many images it is behind (`!=`: the source never had it), its open pull request
/// or bot branch, and in brackets what waits. Below the table stands all that is open, and each
/// reason in full. Streams of one name are one row, also in different namespaces. Read from Git;
/// registries and the forge are asked for what is new, unless --offline.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  headwater status\n  headwater status --offline -o wide\n  headwater status https://git.example/shop/deploy.git -o json"
)]
pub struct Args {
    /// A folder in a clone, or the path or URL of a Git repository
    #[arg(value_name = "PATH|URL")]
    location: Option<String>,

    /// Ask no registry and no forge
    #[arg(long)]
    offline: bool,

    /// How it is printed; without it, as a table
    #[arg(short, long, value_enum, value_name = "FORMAT")]
    output: Option<Shape>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Shape {
    /// With whole times, longer digests and commits
    Wide,
    /// For programs
    Json,
    /// For programs
    Yaml,
}

pub fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    let location = place::location(context, args.location.as_deref())?;
    let overview = Overview::gather(context, &location, args.offline)?;
    let status = reconcile::status(
        &overview.repository,
        &overview.survey,
        &overview.plans,
        &overview.open,
    )
    .map_err(|error| place::git_error(&error))?;
    let format = match args.output {
        Some(Shape::Json) => Format::Json,
        Some(Shape::Yaml) => Format::Yaml,
        Some(Shape::Wide) | None => Format::Table,
    };
    if status.stream_tags.is_empty() && format == Format::Table {
        context.note("no stream tag was found; `headwater init --dry-run` shows how to begin");
    } else {
        let style = StatusStyle {
            wide: args.output == Some(Shape::Wide),
            width: context.width,
            now: clock::now(),
        };
        output::write_document(format, "Status", &status, |status| {
            painted(&status_text(status, style), context.styles)
        })?;
    }
    context.problems(&overview.problems);
    Ok(if overview.has_errors() {
        Exit::Failure
    } else {
        Exit::Success
    })
}
