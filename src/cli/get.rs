use serde_json::Value as Json;

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::facts::Facts;
use crate::cli::output;
use crate::cli::resource::Wanted;
use crate::cli::view::{View, ViewArgs};
use crate::show::{self, Item, Kind, TableStyle};
use crate::yaml;
use crate::{clock, plain};

/// Show streams, tags, images and triggers
///
/// The types are is, istag, isimage, imagetag, images and triggers.
/// `get isimage web@3a335d7 -o yaml` gives the whole image: its layers, configuration and
/// labels, as the registry has them.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  headwater get is\n  headwater get istag -A -o wide\n  headwater get isimage web@3a335d7 -o yaml\n  headwater get is/web istag/web:1 -o json"
)]
pub struct Args {
    /// A type and names, or TYPE/NAME for each
    #[arg(value_name = "TYPE [NAME] | TYPE/NAME")]
    resources: Vec<String>,

    #[command(flatten)]
    view: ViewArgs,

    /// How it is printed; without it, as a table
    #[arg(short, long, value_enum, value_name = "FORMAT")]
    output: Option<Format>,

    /// Print no head above a table
    #[arg(long)]
    no_headers: bool,

    /// A name that is not there is no error
    #[arg(long)]
    ignore_not_found: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// A table with more columns
    Wide,
    /// The objects, as OpenShift's API gives them
    Json,
    /// The objects, as OpenShift's API gives them
    Yaml,
    /// TYPE/NAME, one a line
    Name,
}

pub fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    let wanted = Wanted::parse(&args.resources)?;
    let view = View::read(&args.view, context)?;
    let is_triggers = wanted.kinds.iter().any(|(kind, _)| *kind == Kind::Trigger);
    let triggers = if is_triggers {
        view.trigger_lines()
    } else {
        Vec::new()
    };
    let catalog = view.catalog(&triggers);
    let mut facts = Facts::new(context);
    let mut found: Vec<(Kind, Vec<Item<'_>>)> = Vec::new();
    let mut failures = Vec::new();
    for (kind, names) in &wanted.kinds {
        let mut items = if names.is_empty() {
            catalog.all(*kind)
        } else {
            Vec::new()
        };
        for name in names {
            match catalog.named(*kind, name) {
                Ok(named) => items.extend(named),
                // An image of an index is in no history; registries know it.
                Err(error) => match facts.part_of_an_index(&catalog, *kind, name)? {
                    Some(part) => items.push(part),
                    None => failures.push(not_there(&error, &view)),
                },
            }
        }
        select(args, &mut items)?;
        found.push((*kind, items));
    }
    let is_named = wanted.kinds.iter().any(|(_, names)| !names.is_empty());
    // As the original: who asks for names and gets none is not given an empty list.
    if !is_named || found.iter().any(|(_, items)| !items.is_empty()) {
        show(args, &wanted, &view, &found, &mut facts)?;
    }
    if !args.ignore_not_found {
        report(failures, context)?;
    }
    Ok(facts.exit().max(view.exit))
}

fn select(args: &Args, items: &mut Vec<Item<'_>>) -> Result<(), CliError> {
    let selector = &args.view.selector;
    if selector.is_empty() {
        return Ok(());
    }
    if let Some(item) = items.iter().find(|item| item.labels().is_none()) {
        let kind = item.kind();
        return Err(
            CliError::usage(format!("{} have no labels", kind.resource()))
                .hint("-l selects streams, their tags and their images"),
        );
    }
    items.retain(|item| item.labels().is_some_and(|labels| selector.matches(labels)));
    Ok(())
}

fn show(
    args: &Args,
    wanted: &Wanted,
    view: &View,
    found: &[(Kind, Vec<Item<'_>>)],
    facts: &mut Facts<'_>,
) -> Result<(), CliError> {
    let is_named = wanted.kinds.iter().any(|(_, names)| !names.is_empty());
    let items = || found.iter().flat_map(|(_, items)| items);
    match args.output {
        Some(format @ (Format::Json | Format::Yaml)) => {
            let mut objects = Vec::new();
            for item in items() {
                objects.push(match is_named {
                    true => facts.object(item)?,
                    false => item.object(),
                });
            }
            let object = match objects.pop() {
                Some(only) if is_named && objects.is_empty() => only,
                last => {
                    objects.extend(last);
                    show::list(&objects)
                }
            };
            let object = show::sorted(object);
            output::write(&if format == Format::Json {
                json(&object)?
            } else {
                yaml::render(&object)
            })
        }
        Some(Format::Name) => {
            let mut text = String::new();
            for item in items() {
                text.push_str(&plain::plain(&format!("{}/{}", item.kind(), item.name())));
                text.push('\n');
            }
            output::write(&text)
        }
        Some(Format::Wide) | None => {
            let style = TableStyle {
                wide: args.output.is_some(),
                namespaces: view.namespace.is_none(),
                kinds: wanted.is_mixed,
                no_head: args.no_headers,
            };
            let tables: Vec<String> = found
                .iter()
                .map(|(kind, items)| show::table(*kind, items, style, clock::now()))
                .filter(|table| !table.is_empty())
                .collect();
            if tables.is_empty() && !is_named {
                output::write_note(&format!("No resources found{}.\n", view.scope()));
            }
            output::write(&tables.join("\n"))
        }
    }
}

fn json(object: &Json) -> Result<String, CliError> {
    let mut text = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    let mut writer = serde_json::Serializer::with_formatter(&mut text, formatter);
    serde::Serialize::serialize(object, &mut writer)
        .map_err(|error| CliError::failure("cannot write the data as JSON").because(&error))?;
    text.push(b'\n');
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// A name that was not found, and which there are.
pub(super) fn not_there(error: &show::FindError, view: &View) -> CliError {
    let failure = CliError::usage(error.to_string());
    match (error, &view.namespace) {
        (show::FindError::NotFound { .. }, Some(namespace)) => failure.hint(format!(
            "looked in namespace {namespace}; -n names another, -A looks in all of them"
        )),
        _ => failure,
    }
}

/// Shows all failures; the last one ends the command.
pub(super) fn report(mut failures: Vec<CliError>, context: &Context) -> Result<(), CliError> {
    let Some(last) = failures.pop() else {
        return Ok(());
    };
    for failure in &failures {
        context.error(failure);
    }
    Err(last)
}
