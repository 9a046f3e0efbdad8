use serde::Serialize;

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::output::{self, Format, OutputArgs};
use crate::cli::place;
use crate::cli::style::Styles;
use crate::cli::table::{Cell, Table, shortened};
use crate::environment::Environment;
use crate::git::Repository;
use crate::manifest;
use crate::reconcile::{Cache, read_tree, timeline};
use crate::revision::CommitId;
use crate::snapshot::Snapshot;
use crate::stream::{ImageStream, StreamTagName};

/// Show what a stream tag was: when, which image, by which commit, by whom
///
/// Read from the first-parent history of the environment's branch.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  headwater history shop/web:1\n  headwater history web -o json"
)]
pub struct Args {
    /// The stream tag; the namespace may be left out where one stream has that name
    #[arg(value_name = "[NAMESPACE/]STREAM[:TAG]")]
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
    subject: String,
}

pub fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    let location = place::location(context, args.location.as_deref())?;
    let repository = place::repository(context, &location)?;
    let mut cache = place::cache(&location);
    let environment = args.environment.as_deref();
    let history = read(&repository, &mut cache, &args.stream_tag, environment)?;
    if history.events.is_empty() && args.output.output == Format::Table {
        context.note(&format!(
            "{} has no image yet on the branch {}",
            history.stream_tag, history.branch
        ));
        return Ok(Exit::Success);
    }
    output::write_document(args.output.output, "History", &history, |history| {
        table(history, context.styles)
    })?;
    Ok(Exit::Success)
}

/// The history of a stream tag, given as on the command line.
pub(super) fn read(
    repository: &Repository,
    cache: &mut Cache,
    stream_tag: &str,
    environment: Option<&str>,
) -> Result<History, CliError> {
    let found = find(repository, cache, stream_tag, environment)?;
    let tag = &found.name.tag;
    let events = timeline(repository, found.snapshot.commit, &found.stream, tag)
        .map_err(|error| place::git_error(&error))?;
    if events.is_empty() && found.stream.tag(tag).is_none() {
        let tags: Vec<&str> = found
            .stream
            .tags
            .iter()
            .map(|tag| tag.name.as_str())
            .collect();
        return Err(
            CliError::usage(format!("{} has no tag `{tag}`", found.name.stream))
                .hint(format!("its tags are: {}", tags.join(", "))),
        );
    }
    Ok(History {
        stream_tag: found.name.to_string(),
        environment: found.environment.name.to_string(),
        branch: found.snapshot.branch.to_string(),
        events: events
            .into_iter()
            .map(|event| Row {
                time: event.time,
                image: event.image,
                selected: event.selected,
                previous: event.previous,
                commit: event.commit.to_string(),
                author: event.author,
                subject: event.subject,
            })
            .collect(),
    })
}

struct Found {
    name: StreamTagName,
    environment: Environment,
    snapshot: Snapshot,
    stream: ImageStream,
}

fn find(
    repository: &Repository,
    cache: &mut Cache,
    stream_tag: &str,
    wanted_environment: Option<&str>,
) -> Result<Found, CliError> {
    let git = |error: crate::git::Error| place::git_error(&error);
    let wanted = StreamTagName::parse(stream_tag, "*").ok_or_else(|| {
        CliError::usage(format!("`{stream_tag}` is no stream tag"))
            .hint("write it as namespace/stream:tag, for example app-dev/web:latest")
    })?;
    let (default, configuration) = place::configuration(repository, cache)?;
    let mut found = Vec::new();
    for environment in &configuration.environments {
        if wanted_environment.is_some_and(|name| name != environment.name.as_str()) {
            continue;
        }
        let branch = environment.branch.as_ref().unwrap_or(&default);
        if repository.branch(branch).map_err(git)?.is_none() {
            continue;
        }
        let snapshot = repository.snapshot(branch).map_err(git)?;
        let reading = read_tree(repository, snapshot.tree, cache).map_err(git)?;
        let manifests = manifest::assemble(
            &reading.files,
            &reading.fields,
            environment,
            std::slice::from_ref(environment),
        );
        for stream in manifests.streams {
            let is_wanted = stream.name.name == wanted.stream.name
                && (wanted.stream.namespace == "*"
                    || stream.name.namespace == wanted.stream.namespace);
            if is_wanted {
                found.push(Found {
                    name: StreamTagName {
                        stream: stream.name.clone(),
                        tag: wanted.tag.clone(),
                    },
                    environment: environment.clone(),
                    snapshot: snapshot.clone(),
                    stream,
                });
            }
        }
    }
    only(found, stream_tag)
}

fn only(mut found: Vec<Found>, stream_tag: &str) -> Result<Found, CliError> {
    let choices: Vec<String> = found
        .iter()
        .map(|found| format!("{} in {}", found.name, found.environment.name))
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

pub(super) fn table(history: &History, styles: Styles) -> String {
    let mut table = Table::new(["WHEN", "IMAGE", "COMMIT", "WHO", "SUBJECT"]);
    for row in &history.events {
        // What it was before stands one row further down.
        let image = row.image.as_deref().unwrap_or("none");
        let commit: String = row.commit.chars().take(CommitId::SHORT).collect();
        table.row([
            Cell::new(&row.time),
            Cell::new(match &row.selected {
                Some(tag) => format!("{tag}@{}", shortened(image)),
                None => shortened(image).to_string(),
            }),
            Cell::new(commit),
            Cell::new(&row.author),
            Cell::new(&row.subject),
        ]);
    }
    table.render(styles)
}
