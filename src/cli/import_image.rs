use std::collections::BTreeSet;

use clap::builder::BoolishValueParser;

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::facts::Facts;
use crate::cli::output;
use crate::cli::write::{Done, DryRun, Shape, ShapeArgs, Verb, WriteArgs, carry, print};
use crate::clock;
use crate::manifest;
use crate::plan::{Plan, Reason, Waiting};
use crate::problem::Severity;
use crate::resolve::Uncopied;
use crate::show::{self, Item};
use crate::stream::{
    ALL_TAGS, Condition, IMPORT_SUCCESS, ImageStream, StatusTag, StreamName, StreamTagName,
};
use crate::verb;

/// Import an image, or all of a repository, into an image stream now
///
/// Asks the registry, and writes the stream's spec and status and the fields that follow it.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  headwater import-image web --from=quay.io/acme/web:1.10 --confirm\n  headwater import-image web:stable\n  headwater import-image web --all --from=quay.io/acme/web --confirm"
)]
pub struct Args {
    /// The stream, and the tag to import; `latest` where none is named
    #[arg(value_name = "STREAM[:TAG]", default_value = "")]
    target: String,

    /// The image or repository to import from
    #[arg(long, value_name = "IMAGE")]
    from: Option<String>,

    /// Make the stream, or change what it imports
    #[arg(long)]
    confirm: bool,

    /// Import every tag of the repository, or every tag of the stream that names an image
    #[arg(long)]
    all: bool,

    /// Import again whenever the image moves
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
    shape: ShapeArgs,

    #[command(flatten)]
    write: WriteArgs,
}

pub fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    if args.target.is_empty() {
        return Err(CliError::usage(
            "you must specify the name of an image stream",
        ));
    }
    let words = verb::Import {
        target: args.target.clone(),
        from: args.from.clone(),
        confirm: args.confirm,
        all: args.all,
        scheduled: args.scheduled,
        insecure: args.insecure,
        reference_policy: args.reference_policy.clone(),
        import_mode: args.import_mode.clone(),
    };
    let mut name = None;
    let mut touched = BTreeSet::new();
    let mut verb = Verb {
        decide: &mut |scene| {
            let (draft, stream) = verb::import_image(scene, &words)?;
            name = Some(stream);
            touched.clone_from(&draft.touched);
            Ok(draft)
        },
        imports: true,
        is_whole: false,
    };
    let mut done = carry(&args.write, context, &mut verb)?;
    let Some(name) = name else {
        return Ok(done.exit);
    };
    let failed = failed(&done.carried.plans, &name);
    let failures: Vec<String> = failed.iter().map(failure).collect();
    let with_errors = if failures.is_empty() {
        ""
    } else {
        " with errors"
    };
    done.said = format!(
        "imagestream.image.openshift.io/{} imported{with_errors}\n",
        name.name
    );
    let objects = [("imagestream", name.name.as_str())];
    match args.shape.output {
        Some(shape @ (Shape::Yaml | Shape::Json)) => {
            print(&args.write, Some(shape), &done, &objects)?;
        }
        shape => {
            print(&args.write, shape, &done, &objects)?;
            if shape.is_none()
                && let Some(mut stream) = stream(&done, &name)
            {
                let now = clock::now().to_string();
                for waiting in &failed {
                    put_failure(&mut stream, waiting, &now);
                }
                let text = show::stream::describe(&stream, clock::now());
                output::write(&format!("\n{text}"))?;
                let is_imported = |tag: &str| {
                    let name = StreamTagName::new(&name.namespace, &name.name, tag);
                    let is_failed = failed.iter().any(|waiting| waiting.tag == name);
                    (args.all || touched.contains(&name)) && !is_failed
                };
                describe_images(&stream, is_imported, context)?;
            }
        }
    }
    for failure in &failures {
        output::write_note(&format!("error: {}\n", crate::plain::plain(failure)));
    }
    for plan in &done.carried.plans {
        let of_stream = plan.problems.iter().filter(|problem| {
            problem.severity == Severity::Note && problem.message.contains("additional tags")
        });
        context.problems(of_stream);
    }
    if failures.is_empty() {
        return Ok(done.exit);
    }
    Err(
        CliError::failure("imported completed with errors").hint(match args.write.dry_run {
            DryRun::None => "what the stream says is written; what it had imported before stays",
            _ => "nothing was written",
        }),
    )
}

/// The images that were imported, each as `describe istag` has it.
fn describe_images(
    stream: &ImageStream,
    is_imported: impl Fn(&str) -> bool,
    context: &Context,
) -> Result<(), CliError> {
    let mut facts = Facts::new(context);
    for image in show::stream_tags(stream) {
        if is_imported(image.tag) {
            let description = facts.of(&image)?;
            let item = Item::StreamTag(image);
            let text = show::image::describe(&item, description.as_ref(), clock::now());
            output::write(&format!("\n{text}"))?;
        }
    }
    Ok(())
}

/// The tags that could not be imported.
fn failed<'p>(plans: &'p [Plan], name: &StreamName) -> Vec<&'p Waiting> {
    let waiting = plans.iter().flat_map(|plan| &plan.waiting);
    let own = waiting.filter(|waiting| waiting.tag.stream == *name && waiting.field.is_none());
    own.filter(|waiting| waiting.reason.is_failure()).collect()
}

fn failure(waiting: &&Waiting) -> String {
    let why = match &waiting.reason {
        Reason::Unresolved(resolution) => match resolution.fault() {
            Some(fault) => fault.to_string(),
            None => resolution.kind().to_owned(),
        },
        other => other.to_string(),
    };
    match waiting.tag.tag.as_str() {
        ALL_TAGS => format!("repository failed: {why}"),
        tag => format!("tag {tag} failed: {why}"),
    }
}

/// Gives a tag the condition that the original's server has recorded by now. Files hold none:
/// a failure may be over in the next minute.
fn put_failure(stream: &mut ImageStream, waiting: &Waiting, now: &str) {
    let (Reason::Unresolved(resolution) | Reason::Uncopied(Uncopied::Failed(resolution))) =
        &waiting.reason
    else {
        return;
    };
    let Some(fault) = resolution.fault() else {
        return;
    };
    let tag = waiting.tag.tag.as_str();
    let Some(spec) = stream.tag(tag) else {
        return;
    };
    let condition = Condition {
        kind: IMPORT_SUCCESS.to_owned(),
        status: "False".to_owned(),
        reason: fault.reason.to_string(),
        message: fault.message.clone(),
        time: now.to_owned(),
        generation: spec.settings.generation.unwrap_or(1),
    };
    // The import is over, not under way.
    stream.observed.remove(tag);
    match stream.status.iter_mut().find(|status| status.tag == tag) {
        Some(status) => status.conditions = vec![condition],
        None => stream.status.push(StatusTag {
            tag: tag.to_owned(),
            items: Vec::new(),
            conditions: vec![condition],
        }),
    }
}

/// The stream as it stands afterwards.
fn stream(done: &Done, name: &StreamName) -> Option<ImageStream> {
    done.carried.plans.iter().find_map(|plan| {
        let files = done.carried.files.iter();
        let facts: Vec<_> = files
            .filter(|(path, bytes)| manifest::screen(path.as_str(), bytes))
            .map(|(path, bytes)| {
                (
                    path.clone(),
                    std::sync::Arc::new(manifest::read_file(bytes)),
                )
            })
            .collect();
        let own = std::slice::from_ref(&plan.environment);
        let manifests = manifest::assemble(&facts, &Default::default(), &plan.environment, own);
        let mut streams = manifests.streams.into_iter();
        streams.find(|stream| stream.name == *name)
    })
}
