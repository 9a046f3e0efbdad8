use std::path::PathBuf;

use clap::builder::BoolishValueParser;

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::set::files;
use crate::cli::write::{DryRun, ShapeArgs, WriteArgs, carry_objects};
use crate::verb::{self, Selection};

/// Let images be named by a stream alone, or an object name them so
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  headwater set image-lookup\n  headwater set image-lookup mysql\n  headwater set image-lookup deploy/mysql --enabled=false"
)]
pub struct Args {
    /// Streams, or KIND/NAME of other objects
    #[arg(value_name = "STREAM")]
    names: Vec<String>,

    /// Whether names are looked up
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "true", value_parser = BoolishValueParser::new())]
    enabled: bool,

    /// Show how it is
    #[arg(long)]
    list: bool,

    /// Every stream
    #[arg(long)]
    all: bool,

    /// Only objects with these labels, key=value,…
    #[arg(short = 'l', long, value_name = "LABELS")]
    selector: Option<String>,

    /// The objects of these files
    #[arg(short, long = "filename", value_name = "FILE")]
    files: Vec<PathBuf>,

    /// Print what would be and write nothing
    #[arg(long)]
    local: bool,

    #[command(flatten)]
    shape: ShapeArgs,

    #[command(flatten)]
    write: WriteArgs,
}

pub fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    let mut write = args.write.clone();
    if args.local {
        write.dry_run = DryRun::Client;
    }
    let words = verb::Lookup {
        selection: Selection {
            words: args.names.clone(),
            all: args.all,
            labels: args.selector.clone(),
            files: files(context, write.repository.as_deref(), &args.files)?,
            default_kind: None,
        },
        list: args.list,
        disabled: !args.enabled,
        local: args.local,
    };
    carry_objects(write, args.shape.output, context, |scene| {
        verb::set_image_lookup(scene, &words)
    })
}
