use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::write::{ShapeArgs, Verb, WriteArgs, carry, print};
use crate::verb;

/// Create a tag of an image stream, and the stream where there is none
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  headwater create imagestreamtag mysql:latest --from-image=quay.io/acme/mysql:5.0"
)]
pub struct Args {
    /// The tag, STREAM:TAG
    name: String,

    /// Another stream tag or image, `[NAMESPACE/]NAME[:TAG|@ID]`; `:2` is a tag of this stream
    #[arg(long, value_name = "TAG")]
    from: Option<String>,

    /// An image at a registry
    #[arg(long, value_name = "IMAGE")]
    from_image: Option<String>,

    /// An annotation of the tag, or several: KEY=VALUE,KEY=VALUE
    #[arg(short = 'A', long = "annotation", value_name = "KEY=VALUE")]
    annotations: Vec<String>,

    /// Import again whenever the image moves
    #[arg(long)]
    scheduled: bool,

    /// Allow plain HTTP and certificates that nobody vouches for
    #[arg(long)]
    insecure: bool,

    /// Use the image's name as written, never its digest
    #[arg(long)]
    reference: bool,

    /// Pull from the source, or local: from the integrated registry
    #[arg(long, value_name = "POLICY")]
    reference_policy: Option<String>,

    /// Legacy or PreserveOriginal: one platform's image, or the whole index
    #[arg(long, value_name = "MODE")]
    import_mode: Option<String>,

    /// Print the stream that holds the tag instead of a message
    #[command(flatten)]
    shape: ShapeArgs,

    #[command(flatten)]
    write: WriteArgs,
}

pub fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    let words = verb::CreateTag {
        name: args.name.clone(),
        from: args.from.clone(),
        from_image: args.from_image.clone(),
        annotations: args.annotations.clone(),
        scheduled: args.scheduled,
        insecure: args.insecure,
        reference: args.reference,
        reference_policy: args.reference_policy.clone(),
        import_mode: args.import_mode.clone(),
    };
    let mut verb = Verb {
        decide: &mut |scene| verb::create_tag(scene, &words),
        imports: false,
        is_whole: false,
    };
    let done = carry(&args.write, context, &mut verb)?;
    let stream = args.name.split(':').next().unwrap_or_default();
    print(
        &args.write,
        args.shape.output,
        &done,
        &[("imagestream", stream)],
    )
}
