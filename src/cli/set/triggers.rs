use std::path::PathBuf;

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::set::files;
use crate::cli::write::{DryRun, ShapeArgs, WriteArgs, carry_objects};
use crate::verb::{self, Selection, Webhook};

/// Show, add, pause or remove the triggers of workloads, deployment and build configs
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  headwater set triggers deploy/web\n  headwater set triggers deploy/web --from-image=web:latest -c web\n  headwater set triggers dc/web --manual\n  headwater set triggers bc/web --remove-all"
)]
pub struct Args {
    /// KIND/NAME…, or KIND NAME…
    #[arg(value_name = "KIND/NAME")]
    names: Vec<String>,

    /// Every object of the kind
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

    /// The trigger on changes of the configuration
    #[arg(long)]
    from_config: bool,

    /// The trigger on this stream tag
    #[arg(long, value_name = "TAG")]
    from_image: Option<String>,

    /// The GitHub webhook
    #[arg(long)]
    from_github: bool,

    /// The generic webhook
    #[arg(long)]
    from_webhook: bool,

    /// The generic webhook that may pass variables
    #[arg(long)]
    from_webhook_allow_env: bool,

    /// The GitLab webhook
    #[arg(long)]
    from_gitlab: bool,

    /// The Bitbucket webhook
    #[arg(long)]
    from_bitbucket: bool,

    /// Make all triggers automatic, or the named one
    #[arg(long)]
    auto: bool,

    /// Pause all triggers, or the named one
    #[arg(long)]
    manual: bool,

    /// Remove the named trigger
    #[arg(long)]
    remove: bool,

    /// Remove all triggers
    #[arg(long)]
    remove_all: bool,

    /// The containers that get the image, separated by commas
    #[arg(short, long, value_name = "NAMES")]
    containers: Option<String>,

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
    let webhooks = [
        (args.from_github, Webhook::GitHub),
        (args.from_webhook, Webhook::Generic),
        (args.from_webhook_allow_env, Webhook::Generic),
        (args.from_gitlab, Webhook::GitLab),
        (args.from_bitbucket, Webhook::Bitbucket),
    ];
    let words = verb::Triggers {
        selection: Selection {
            words: args.names.clone(),
            all: args.all,
            labels: args.selector.clone(),
            files: files(context, write.repository.as_deref(), &args.files)?,
            default_kind: None,
        },
        from_config: args.from_config,
        from_image: args.from_image.clone(),
        webhooks: webhooks
            .into_iter()
            .filter(|(is_given, _)| *is_given)
            .map(|(_, webhook)| webhook)
            .collect(),
        auto: args.auto,
        manual: args.manual,
        remove: args.remove,
        remove_all: args.remove_all,
        containers: args.containers.clone(),
    };
    carry_objects(write, args.shape.output, context, |scene| {
        verb::set_triggers(scene, &words)
    })
}
