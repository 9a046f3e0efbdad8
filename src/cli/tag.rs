use clap::builder::BoolishValueParser;

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::write::{Verb, WriteArgs, carry, print};
use crate::verb;

/// Tag an image, or the image of another tag, into image streams
///
/// What a tag has beside its source stays: annotations, and the import flags that are not given.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  headwater tag ruby:2.0 yourproject/ruby:tip\n  headwater tag --source=docker quay.io/acme/web:1.10 web:latest --scheduled\n  headwater tag --alias ruby:2.0 ruby:latest\n  headwater tag -d ruby:tip"
)]
pub struct Args {
    /// SOURCE, then one DEST or more, `[NAMESPACE/]STREAM:TAG`; with -d the tags to delete
    #[arg(value_name = "SOURCE DEST")]
    names: Vec<String>,

    /// What SOURCE is: imagestreamtag, istag, imagestreamimage, isimage or docker
    #[arg(long, value_name = "KIND")]
    source: Option<String>,

    /// Delete the tags
    #[arg(short, long)]
    delete: bool,

    /// Follow the source tag, in the same stream
    #[arg(long)]
    alias: bool,

    /// Use the image's name as written, never its digest
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = BoolishValueParser::new())]
    reference: Option<bool>,

    /// Import the image again whenever it moves
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = BoolishValueParser::new())]
    scheduled: Option<bool>,

    /// Allow plain HTTP and certificates that nobody vouches for
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = BoolishValueParser::new())]
    insecure: Option<bool>,

    /// Pull from the source, or local: from the integrated registry
    #[arg(long, value_name = "POLICY")]
    reference_policy: Option<String>,

    /// Legacy or PreserveOriginal: one platform's image, or the whole index
    #[arg(long, value_name = "MODE")]
    import_mode: Option<String>,

    #[command(flatten)]
    write: WriteArgs,
}

pub fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    let words = verb::Tag {
        source_kind: args.source.clone(),
        names: args.names.clone(),
        delete: args.delete,
        alias: args.alias,
        reference: args.reference,
        scheduled: args.scheduled,
        insecure: args.insecure,
        reference_policy: args.reference_policy.clone(),
        import_mode: args.import_mode.clone(),
    };
    let mut verb = Verb {
        decide: &mut |scene| verb::tag(scene, &words),
        imports: false,
        is_whole: false,
    };
    let done = carry(&args.write, context, &mut verb)?;
    print(&args.write, None, &done, &[])
}
