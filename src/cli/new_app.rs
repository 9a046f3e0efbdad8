use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::facts::Facts;
use crate::cli::output;
use crate::cli::write::{DryRun, Shape, ShapeArgs, Verb, WriteArgs, carry, print};
use crate::clock;
use crate::image::Description;
use crate::verb::{self, App, NewAppDraft, Refused};

/// Write a Deployment and a Service for an image stream
///
/// Ports and volumes are those of the stream tag's image, which its registry is asked for.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  headwater new-app --image-stream=web:1.10\n  headwater new-app mysql MYSQL_USER=shop -l tier=database --name db\n  headwater new-app --image-stream=openshift/httpd -n shop --dry-run -o yaml"
)]
pub struct Args {
    /// Streams, `[NAMESPACE/]STREAM[:TAG]`, and variables, `NAME=VALUE`
    #[arg(value_name = "STREAM | NAME=VALUE")]
    words: Vec<String>,

    /// A stream; looked for in the namespace, then in `openshift`
    #[arg(
        short = 'i',
        long = "image-stream",
        value_name = "STREAM[:TAG]",
        value_delimiter = ','
    )]
    streams: Vec<String>,

    /// The application's name, instead of the stream's
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    /// Labels of everything that is made, key=value,…
    #[arg(short, long, value_name = "LABELS")]
    labels: Option<String>,

    /// A variable of the container
    #[arg(short = 'e', long = "env", value_name = "NAME=VALUE")]
    variables: Vec<String>,

    /// Write a DeploymentConfig instead of a Deployment
    #[arg(long)]
    as_deployment_config: bool,

    /// Take a tag that the stream does not have yet
    #[arg(long)]
    allow_missing_imagestream_tags: bool,

    #[command(flatten)]
    shape: ShapeArgs,

    #[command(flatten)]
    write: WriteArgs,
}

pub fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    let words = verb::NewApp {
        streams: args.streams.clone(),
        words: args.words.clone(),
        name: args.name.clone(),
        environment: args.variables.clone(),
        labels: args.labels.clone(),
        is_deployment_config: args.as_deployment_config,
        allows_missing: args.allow_missing_imagestream_tags,
    };
    let mut facts = Facts::new(context);
    let mut failed = None;
    let mut made = None;
    let mut verb = Verb {
        decide: &mut |scene| {
            let apps = verb::find_apps(scene, &words)?;
            let known = match known(&apps, &mut facts, context) {
                Ok(known) => known,
                Err(error) => {
                    failed = Some(error);
                    return Err(Refused::new("registries cannot be asked"));
                }
            };
            let mut new = verb::new_app(scene, &words, &apps, &known, clock::now())?;
            let draft = std::mem::take(&mut new.draft);
            made = Some(new);
            Ok(draft)
        },
        imports: false,
        is_whole: false,
    };
    let done = carry(&args.write, context, &mut verb);
    if let Some(error) = failed {
        return Err(error);
    }
    let done = done?;
    let exit = done.exit.max(facts.exit());
    let Some(made) = made else {
        return Ok(exit);
    };
    match args.shape.output {
        None => {
            output::write(&told(&made, &done.said, args.write.dry_run))?;
        }
        Some(Shape::Name) => {
            print(&args.write, Some(Shape::Name), &done, &[])?;
        }
        shape => {
            let objects = made.objects.iter();
            let objects: Vec<(&str, &str)> = objects
                .map(|object| (object.kind.resource, object.name.as_str()))
                .collect();
            print(&args.write, shape, &done, &objects)?;
        }
    }
    Ok(exit)
}

/// What registries say of the images. Where one says nothing, that is said on stderr.
fn known(
    apps: &[App],
    facts: &mut Facts<'_>,
    context: &Context,
) -> Result<Vec<Option<Description>>, CliError> {
    let known = apps.iter().map(|app| match &app.lookup {
        Some(lookup) => {
            let reference = lookup.reference();
            facts.about(
                lookup,
                app.copies.clone(),
                format!("the ports and volumes of {reference} are not known, and none are written"),
            )
        }
        None => {
            context.note(&format!(
                "{} has no image that a registry could be asked for: no ports and volumes are written",
                app.tag
            ));
            Ok(None)
        }
    });
    known.collect()
}

/// As `oc new-app` says it.
fn told(made: &NewAppDraft, said: &str, dry_run: DryRun) -> String {
    let ending = match dry_run {
        DryRun::None => "",
        DryRun::Client => " (dry run)",
        DryRun::Server => " (server dry run)",
    };
    let mut text = made.found.clone();
    text.push_str("--> Creating resources ");
    if !made.labels.is_empty() {
        text.push_str(&format!("with label {} ", made.labels));
    }
    text.push_str("...\n");
    for line in said.lines() {
        let (object, done) = line.split_once(' ').unwrap_or((line, ""));
        let (kind, name) = object.split_once('/').unwrap_or((object, ""));
        text.push_str(&format!("    {kind} {name:?} {done}{ending}\n"));
    }
    text.push_str(&format!("--> Success{ending}\n"));
    if dry_run == DryRun::None {
        text.push_str(&made.next);
    }
    crate::plain::plain_lines(&text).into_owned()
}
