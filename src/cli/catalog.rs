use serde::Serialize;

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::output::{self, Format as Document};
use crate::cli::table::{Cell, Table};
use crate::cli::view::{View, ViewArgs};
use crate::plain::plain;
use crate::show::{Builder, builders};

/// What everybody may build with.
const SHARED: &str = "openshift";
/// Of a digest.
const SHORT: usize = "sha256:".len() + 12;

/// List builder images, with what their streams say of them
///
/// Those of the namespace and of `openshift`: tags whose annotation `tags` has `builder`, and not
/// `hidden`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  headwater catalog\n  headwater catalog -n openshift -o wide\n  headwater catalog -A -o json"
)]
pub struct Args {
    #[command(flatten)]
    view: ViewArgs,

    /// How it is printed; without it, as a table
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Format,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people
    #[default]
    Table,
    /// A table with more columns
    Wide,
    /// For programs
    Json,
    /// For programs
    Yaml,
    /// NAMESPACE/STREAM:TAG, one a line
    Name,
}

/// What `-o json` prints.
#[derive(Serialize)]
struct Builders {
    builders: Vec<Builder>,
}

pub fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    let view = View::read(&args.view, context)?;
    let namespace = view.namespace.as_deref();
    let is_wanted = |own: &str| namespace.is_none_or(|wanted| own == wanted || own == SHARED);
    let streams = view.streams().filter(|stream| {
        let labels = &stream.metadata.labels;
        is_wanted(&stream.name.namespace) && args.view.selector.matches(labels)
    });
    let mut builders: Vec<Builder> = streams.flat_map(builders).collect();
    builders.sort();
    // Several environments may have the same stream.
    builders.dedup();
    let all = Builders { builders };
    let document = |format| output::write_document(format, "Catalog", &all, |_| String::new());
    match args.output {
        Format::Json => document(Document::Json)?,
        Format::Yaml => document(Document::Yaml)?,
        Format::Name => {
            let names = all.builders.iter();
            let names = names.map(|it| plain(&it.full_name()).into_owned() + "\n");
            output::write(&names.collect::<String>())?;
        }
        Format::Table | Format::Wide => {
            if all.builders.is_empty() {
                output::write_note(&format!("No builder images found{}.\n", view.scope()));
            }
            let table = table(&all.builders, args.output == Format::Wide, namespace);
            output::write(&table.render(context.styles))?;
        }
    }
    Ok(view.exit)
}

/// A name is what `new-app` and triggers take in that namespace.
fn table(builders: &[Builder], is_wide: bool, namespace: Option<&str>) -> Table {
    let mut head = vec!["NAME", "DISPLAY NAME", "VERSION", "SUPPORTS", "SAMPLE"];
    if is_wide {
        head.extend(["PROVIDER", "ICON", "IMAGE", "DESCRIPTION"]);
    }
    let mut table = Table::new(head);
    for it in builders {
        let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "<none>".to_owned());
        let supports = match it.supports.is_empty() {
            true => "<none>".to_owned(),
            false => it.supports.join(","),
        };
        let name = match namespace == Some(it.namespace.as_str()) {
            true => it.name(),
            false => it.full_name(),
        };
        let mut cells = vec![
            name,
            text(&it.display_name),
            text(&it.version),
            supports,
            text(&it.sample_repo),
        ];
        if is_wide {
            let image = it.image.as_ref();
            let image = image.map(|image| image.get(..SHORT).unwrap_or(image).to_owned());
            cells.extend([
                text(&it.provider),
                text(&it.icon_class),
                text(&image),
                text(&it.description),
            ]);
        }
        table.row(cells.into_iter().map(Cell::new));
    }
    table
}
