use std::collections::{BTreeMap, BTreeSet};

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::output::{self, Format};
use crate::cli::overview::Overview;
use crate::cli::place;
use crate::cli::report::painted;
use crate::clock;
use crate::environment::EnvironmentName;
use crate::git::Error;
use crate::reconcile::{Entry, Sought, Surveyed, entries, timeline};
use crate::show::{
    Cell, Column, Compared, Line, Pending, Running, Status, StatusStyle, Why, reasons, rows,
    running, status_text,
};
use crate::stream::StreamTagName;

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
    let status = status(&overview).map_err(|error| place::git_error(&error))?;
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

/// What is gathered once for all rows.
struct Gathered<'o> {
    overview: &'o Overview,
    /// By environment, as in the survey.
    running: Vec<BTreeMap<StreamTagName, Running<'o>>>,
    entries: BTreeMap<(EnvironmentName, StreamTagName), Entry>,
    waiting: BTreeMap<EnvironmentName, BTreeMap<StreamTagName, Vec<Why>>>,
    open: BTreeMap<(EnvironmentName, StreamTagName), BTreeSet<Pending>>,
}

fn status(overview: &Overview) -> Result<Status, Error> {
    let environments = &overview.survey.environments;
    let running: Vec<Vec<Running<'_>>> = environments
        .iter()
        .map(|surveyed| running(&surveyed.manifests))
        .collect();
    let entries = since(overview, &running)?;
    let plans = overview.plans.iter();
    let mut open: BTreeMap<_, BTreeSet<Pending>> = BTreeMap::new();
    for branch in &overview.open {
        for image in &branch.images {
            let key = (branch.environment.clone(), image.tag.clone());
            open.entry(key).or_default().insert(branch.with(image));
        }
    }
    let names: Vec<Vec<StreamTagName>> = running
        .iter()
        .map(|tags| tags.iter().map(|one| one.tag.clone()).collect())
        .collect();
    let gathered = Gathered {
        overview,
        running: running
            .into_iter()
            .map(|tags| tags.into_iter().map(|one| (one.tag.clone(), one)).collect())
            .collect(),
        entries,
        waiting: plans
            .map(|plan| (plan.environment.name.clone(), reasons(plan)))
            .collect(),
        open,
    };
    let mut lines = Vec::new();
    for row in rows(&names) {
        let cells = (0..environments.len()).map(|number| gathered.cell(number, &row.tags));
        lines.push(Line {
            name: row.name,
            environments: cells.collect::<Result<_, Error>>()?,
        });
    }
    Ok(Status {
        environments: environments.iter().map(column).collect(),
        stream_tags: lines,
    })
}

fn column(surveyed: &Surveyed) -> Column {
    let promotion = surveyed.environment.promotion.as_ref();
    Column {
        name: surveyed.environment.name.to_string(),
        branch: surveyed.snapshot.branch.to_string(),
        commit: surveyed.snapshot.commit.to_string(),
        promoted_from: promotion.map(|promotion| promotion.from.to_string()),
    }
}

/// The commits that brought what is recorded now.
fn since(
    overview: &Overview,
    running: &[Vec<Running<'_>>],
) -> Result<BTreeMap<(EnvironmentName, StreamTagName), Entry>, Error> {
    let environments = overview.survey.environments.iter();
    let sought: Vec<Sought<'_>> = environments
        .zip(running)
        .flat_map(|(surveyed, tags)| tags.iter().filter_map(|one| sought(surveyed, one)))
        .collect();
    entries(&overview.repository, &sought)
}

/// None where no record says what runs.
pub fn sought<'a>(surveyed: &'a Surveyed, one: &'a Running<'_>) -> Option<Sought<'a>> {
    let image = one.image.as_deref()?;
    let newest = one.recorded.first()?;
    let is_recorded = newest.image == image || newest.image.is_empty();
    is_recorded.then_some(Sought {
        environment: &surveyed.environment.name,
        head: surveyed.snapshot.commit,
        stream: one.stream,
        tag: &one.tag.tag,
        image,
    })
}

impl Gathered<'_> {
    fn cell(&self, number: usize, tags: &[Option<StreamTagName>]) -> Result<Cell, Error> {
        let Some(surveyed) = self.overview.survey.environments.get(number) else {
            return Ok(Cell::default());
        };
        let environment = &surveyed.environment.name;
        let mut cell = Cell {
            environment: environment.to_string(),
            ..Cell::default()
        };
        let Some(tag) = tags.get(number).and_then(Option::as_ref) else {
            return Ok(cell);
        };
        let running = self.running.get(number).and_then(|tags| tags.get(tag));
        let key = (environment.clone(), tag.clone());
        let entry = self.entries.get(&key);
        cell.stream_tag = Some(tag.to_string());
        cell.image = running.and_then(|running| running.image.clone());
        cell.mixed = running.is_some_and(Running::is_mixed);
        cell.since = entry.map(|entry| entry.time.clone());
        cell.commit = entry.map(|entry| entry.commit.to_string());
        cell.proposed = self.open.get(&key).into_iter().flatten().cloned().collect();
        let waiting = self.waiting.get(environment);
        let waiting = waiting.and_then(|waiting| waiting.get(tag));
        cell.waiting = waiting.cloned().unwrap_or_default();
        cell.source = self.compared(surveyed, tags, cell.image.as_deref())?;
        Ok(cell)
    }

    /// How the image stands to what the environment's source has.
    fn compared(
        &self,
        target: &Surveyed,
        tags: &[Option<StreamTagName>],
        image: Option<&str>,
    ) -> Result<Option<Compared>, Error> {
        let environments = &self.overview.survey.environments;
        let from = target.environment.promotion.as_ref();
        let source = from.and_then(|promotion| {
            let mut all = environments.iter();
            all.position(|one| one.environment.name == promotion.from)
        });
        let found = source.and_then(|number| {
            let tag = tags.get(number)?.as_ref()?;
            let running = self.running.get(number)?.get(tag)?;
            Some((environments.get(number)?, running))
        });
        let (Some((surveyed, running)), Some(image)) = (found, image) else {
            return Ok(None);
        };
        let Some(now) = &running.image else {
            return Ok(None);
        };
        let recorded = running.recorded.iter().map(|item| item.image.as_str());
        let compared = Compared::of(image, std::iter::once(now.as_str()).chain(recorded));
        if compared != Compared::Unknown {
            return Ok(Some(compared));
        }
        // What has left the status is in the history still.
        let events = timeline(
            &self.overview.repository,
            surveyed.snapshot.commit,
            &surveyed.environment.name,
            running.stream,
            &running.tag.tag,
        )?;
        let had = events.iter().filter_map(|event| event.image.as_deref());
        Ok(Some(Compared::of(
            image,
            std::iter::once(now.as_str()).chain(had),
        )))
    }
}
