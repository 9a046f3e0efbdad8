use serde::Serialize;

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::output::{self, Format, OutputArgs};
use crate::cli::place;
use crate::cli::server_file;
use crate::cli::style::Styles;
use crate::cli::table::{Cell, Table, shortened};
use crate::git::Repository;
use crate::policy::OperatorPolicy;
use crate::reconcile::{Cache, Event, PromotedFrom, Survey, Surveyed, timeline};
use crate::revision::CommitId;
use crate::stream::{ImageStream, StreamTagName};

/// Show what a stream tag was: when, which image, by which commit, by whom
///
/// Read from the first-parent history of the environment's branch: the time is that of the merge,
/// and of a promotion the environment and commit are named that it came from. A first part that
/// is an environment's name is taken for that.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  headwater history shop/web:1\n  headwater history prod/web:1\n  headwater history prod/shop/web -o json"
)]
pub struct Args {
    /// The stream tag; what is left out must be clear without it
    #[arg(value_name = "[ENVIRONMENT/][NAMESPACE/]STREAM[:TAG]")]
    stream_tag: String,

    /// A folder in a clone, or the path or URL of a Git repository
    #[arg(value_name = "PATH|URL")]
    location: Option<String>,

    /// The environment, where the stream is in several
    #[arg(short, long, value_name = "NAME")]
    environment: Option<String>,

    #[command(flatten)]
    output: OutputArgs,
}

/// What `-o json` prints.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct History {
    stream_tag: String,
    environment: String,
    branch: String,
    events: Vec<Row>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    time: String,
    image: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    selected: Option<String>,
    previous: Option<String>,
    commit: String,
    author: String,
    /// Who let it in.
    who: String,
    subject: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    promoted_from: Option<PromotedFrom>,
}

impl From<Event> for Row {
    fn from(event: Event) -> Self {
        let entry = event.entry;
        Self {
            time: entry.time,
            image: event.image,
            selected: event.selected,
            previous: event.previous,
            commit: entry.commit.to_string(),
            author: entry.author,
            who: entry.who,
            subject: entry.subject,
            promoted_from: entry.promoted,
        }
    }
}

pub fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    let location = place::location(context, args.location.as_deref())?;
    let repository = place::repository(context, &location)?;
    let operator = server_file::operator_policy(context)?;
    let mut cache = place::cache(&location);
    let environment = args.environment.as_deref();
    let survey = Survey::read(&repository, &mut cache, &operator)
        .map_err(|error| place::git_error(&error))?;
    context.save(&mut cache);
    let found = find(&survey, &args.stream_tag, environment)?;
    if let Some(note) = &found.note {
        context.note(note);
    }
    let history = history(&repository, &found)?;
    if history.events.is_empty() && args.output.output == Format::Table {
        context.note(&format!(
            "{} has no image yet on the branch {}",
            history.stream_tag, history.branch
        ));
        return Ok(Exit::Success);
    }
    output::write_document(args.output.output, "History", &history, |history| {
        table(history, context.styles, context.width)
    })?;
    Ok(Exit::Success)
}

/// The history of a stream tag, given as on the command line.
pub(super) fn read(
    repository: &Repository,
    cache: &mut Cache,
    stream_tag: &str,
) -> Result<History, CliError> {
    let survey = Survey::read(repository, cache, &OperatorPolicy::default())
        .map_err(|error| place::git_error(&error))?;
    history(repository, &find(&survey, stream_tag, None)?)
}

fn history(repository: &Repository, found: &Found<'_>) -> Result<History, CliError> {
    let tag = &found.name.tag;
    let Surveyed {
        environment,
        snapshot,
        ..
    } = found.surveyed;
    let events = timeline(
        repository,
        snapshot.commit,
        &environment.name,
        found.stream,
        tag,
    )
    .map_err(|error| place::git_error(&error))?;
    if events.is_empty() && found.stream.tag(tag).is_none() {
        let tags = found.stream.tags.iter();
        let tags: Vec<&str> = tags.map(|tag| tag.name.as_str()).collect();
        return Err(
            CliError::usage(format!("{} has no tag `{tag}`", found.name.stream))
                .hint(format!("its tags are: {}", tags.join(", "))),
        );
    }
    Ok(History {
        stream_tag: found.name.to_string(),
        environment: environment.name.to_string(),
        branch: snapshot.branch.to_string(),
        events: events.into_iter().map(Row::from).collect(),
    })
}

struct Found<'s> {
    name: StreamTagName,
    surveyed: &'s Surveyed,
    stream: &'s ImageStream,
    /// What else the words could mean.
    note: Option<String>,
}

fn find<'s>(
    survey: &'s Survey,
    stream_tag: &str,
    wanted_environment: Option<&str>,
) -> Result<Found<'s>, CliError> {
    let named = named_environment(survey, stream_tag).filter(|_| wanted_environment.is_none());
    let whole = StreamTagName::parse(stream_tag, "*");
    if let Some((environment, rest)) = named
        && let Some(wanted) = StreamTagName::parse(rest, "*")
    {
        let mut found = found_in(survey, &wanted, Some(environment));
        let other = whole.as_ref();
        let others = other.map_or(0, |other| found_in(survey, other, None).len());
        // Where only the other reading finds anything, that one is meant.
        if !found.is_empty() || others == 0 {
            if others > 0 {
                let note = format!(
                    "`{environment}` is taken for the environment; there is a namespace of that name too: `--environment NAME {stream_tag}` takes that"
                );
                for found in &mut found {
                    found.note = Some(note.clone());
                }
            }
            return only(found, stream_tag);
        }
    }
    let wanted = whole.ok_or_else(|| {
        CliError::usage(format!("`{stream_tag}` is no stream tag"))
            .hint("write it as namespace/stream:tag or environment/namespace/stream:tag, for example app-dev/web:latest")
    })?;
    only(found_in(survey, &wanted, wanted_environment), stream_tag)
}

/// The environment that the words begin with, and what follows.
fn named_environment<'t>(survey: &Survey, text: &'t str) -> Option<(&'t str, &'t str)> {
    let (first, rest) = text.split_once('/')?;
    let mut all = survey.configuration.environments.iter();
    all.any(|environment| environment.name.as_str() == first)
        .then_some((first, rest))
}

fn found_in<'s>(
    survey: &'s Survey,
    wanted: &StreamTagName,
    environment: Option<&str>,
) -> Vec<Found<'s>> {
    let all = survey.environments.iter().filter(|surveyed| {
        environment.is_none_or(|name| name == surveyed.environment.name.as_str())
    });
    let streams = all.flat_map(|surveyed| {
        let streams = surveyed.manifests.streams.iter();
        streams.map(move |stream| (surveyed, stream))
    });
    let is_wanted = |(_, stream): &(&Surveyed, &ImageStream)| {
        let namespace = &wanted.stream.namespace;
        stream.name.name == wanted.stream.name
            && (namespace == "*" || stream.name.namespace == *namespace)
    };
    streams
        .filter(is_wanted)
        .map(|(surveyed, stream)| Found {
            name: StreamTagName {
                stream: stream.name.clone(),
                tag: wanted.tag.clone(),
            },
            surveyed,
            stream,
            note: None,
        })
        .collect()
}

fn only<'s>(mut found: Vec<Found<'s>>, stream_tag: &str) -> Result<Found<'s>, CliError> {
    let choices: Vec<String> = found
        .iter()
        .map(|found| format!("{} in {}", found.name, found.surveyed.environment.name))
        .collect();
    match (found.pop(), choices.len()) {
        (Some(one), 1) => Ok(one),
        (Some(_), _) => Err(
            CliError::usage(format!("`{stream_tag}` means several stream tags")).hint(format!(
                "name the namespace or --environment; there is {}",
                choices.join(", ")
            )),
        ),
        (None, _) => Err(
            CliError::usage(format!("no ImageStream is called `{stream_tag}`"))
                .hint("`headwater plan` lists what is followed"),
        ),
    }
}

pub(super) fn table(history: &History, styles: Styles, width: Option<usize>) -> String {
    let is_promoted = history.events.iter().any(|row| row.promoted_from.is_some());
    let mut head = vec!["WHEN", "IMAGE", "COMMIT", "WHO", "SUBJECT"];
    if is_promoted {
        head.insert(2, "FROM");
    }
    let mut table = Table::new(head);
    let short = |commit: &str| commit.chars().take(CommitId::SHORT).collect::<String>();
    for row in &history.events {
        // What it was before stands one row further down.
        let image = row.image.as_deref().unwrap_or("none");
        let mut cells = vec![
            Cell::new(&row.time),
            Cell::new(match &row.selected {
                Some(tag) => format!("{tag}@{}", shortened(image)),
                None => shortened(image).to_string(),
            }),
            Cell::new(short(&row.commit)),
            Cell::new(&row.who),
            Cell::new(&row.subject),
        ];
        if is_promoted {
            let from = row.promoted_from.as_ref();
            let from = from.map(|from| format!("{}@{}", from.environment, short(&from.commit)));
            cells.insert(2, Cell::new(from.unwrap_or_default()));
        }
        table.row(cells);
    }
    table.render_within(width, styles)
}
