use crate::cli::context::Context;
use crate::cli::daemon::{self, DaemonArgs};
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::facts::Facts;
use crate::cli::get::{not_there, report};
use crate::cli::output;
use crate::cli::resource::Wanted;
use crate::cli::view::{View, ViewArgs};
use crate::clock;
use crate::show::daemon::{DaemonView, RepositoryView};
use crate::show::{self, Catalog, FindError, Item, Kind, image, stream};

/// Describe streams, tags and images
///
/// The types are is, istag, isimage, imagetag and images.
/// A stream is described by its files, and by what a daemon knows where one is named: next check,
/// last failure, open pull requests. Of a tag or an image the registry tells layers, configuration
/// and labels.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  headwater describe is web\n  headwater describe istag/web:1 -n shop\n  headwater describe isimage web@3a335d7"
)]
pub struct Args {
    /// A type and names, or the beginning of one, or TYPE/NAME for each
    #[arg(value_name = "TYPE [NAME] | TYPE/NAME")]
    resources: Vec<String>,

    #[command(flatten)]
    view: ViewArgs,

    #[command(flatten)]
    daemon: DaemonArgs,
}

pub fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    let wanted = Wanted::parse(&args.resources)?;
    if wanted.kinds.iter().any(|(kind, _)| *kind == Kind::Trigger) {
        return Err(CliError::usage("a trigger has no description")
            .hint("`headwater get triggers` shows all that there is"));
    }
    let view = View::read(&args.view, context)?;
    let catalog = view.catalog(&[]);
    let mut facts = Facts::new(context);
    let mut items: Vec<Item<'_>> = Vec::new();
    let mut failures = Vec::new();
    for (kind, names) in &wanted.kinds {
        let kind = match kind {
            // Its image is what there is to describe.
            Kind::ImageTag => &Kind::StreamTag,
            kind => kind,
        };
        if names.is_empty() {
            items.extend(catalog.all(*kind));
        }
        for name in names {
            match named(&catalog, *kind, name) {
                Ok(named) => items.extend(named),
                Err(error) => match facts.part_of_an_index(&catalog, *kind, name)? {
                    Some(part) => items.push(part),
                    None => failures.push(not_there(&error, &view)),
                },
            }
        }
    }
    let selector = &args.view.selector;
    items.retain(|item| match item.labels() {
        Some(labels) => selector.matches(labels),
        None => selector.is_empty(),
    });
    let is_all = wanted.kinds.iter().any(|(_, names)| names.is_empty());
    if items.is_empty() && is_all {
        output::write_note(&format!("No resources found{}.\n", view.scope()));
    }
    let is_stream = |item: &Item<'_>| matches!(item, Item::Stream(_));
    let asked = match items.iter().any(is_stream) {
        true => daemon::ask(&args.daemon, context)?,
        false => None,
    };
    let known = asked.as_ref().and_then(|view| known(view, context));
    let mut texts = Vec::new();
    for item in &items {
        let mut text = described(item, &mut facts)?;
        if let (Item::Stream(it), Some((view, repository))) = (item, known) {
            text.push('\n');
            text.push_str(&show::daemon::describe(view, repository, &it.name));
        }
        texts.push(text);
    }
    output::write(&texts.join("\n\n"))?;
    report(failures, context)?;
    Ok(facts.exit().max(view.exit))
}

/// The daemon's repository, where it looks after this one.
fn known<'v>(
    view: &'v DaemonView,
    context: &Context,
) -> Option<(&'v DaemonView, &'v RepositoryView)> {
    let repository = daemon::repository(view, context);
    if repository.is_none() {
        context.note("the daemon does not look after this Git repository");
    }
    Some((view, repository?))
}

/// What has the name; else, as in `oc`, what has a name that begins so.
fn named<'m>(catalog: &Catalog<'m>, kind: Kind, name: &str) -> Result<Vec<Item<'m>>, FindError> {
    catalog.named(kind, name).or_else(|error| {
        let all = catalog.all(kind).into_iter();
        let found: Vec<Item<'m>> = all.filter(|item| item.name().starts_with(name)).collect();
        match &error {
            FindError::NotFound { .. } if !found.is_empty() => Ok(found),
            _ => Err(error),
        }
    })
}

fn described(item: &Item<'_>, facts: &mut Facts<'_>) -> Result<String, CliError> {
    let now = clock::now();
    match (item, item.image()) {
        (Item::Stream(it), _) => Ok(stream::describe(it, now)),
        (_, Some(image)) => {
            let description = facts.of(image)?;
            Ok(image::describe(item, description.as_ref(), now))
        }
        (_, None) => Ok(String::new()),
    }
}
