//! `image`: images in registries, with streams or without; one command a file.

mod info;
mod mirror;
mod mirrored;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::registries::Asker;
use crate::image::Repository;
use crate::lookup::{Lookup, Wanted};
use crate::registry::CredentialSource;
use crate::stream::ImportMode;
use crate::verb::PlatformFilter;

/// Copy images between registries, and show what they are
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  headwater image info registry.example/web:1.8\n  headwater image mirror registry.example/web:1.8 mirror.example/web"
)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Info(info::Args),
    Mirror(mirror::Args),
}

pub fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    match &args.command {
        Command::Info(args) => info::run(args, context),
        Command::Mirror(args) => mirror::run(args, context),
    }
}

/// How registries are asked, and for which images of an index.
#[derive(Debug, clap::Args)]
struct Asking {
    /// Only these images of an index: os/arch[/variant],… or a regular expression
    #[arg(long, value_name = "PLATFORMS")]
    filter_by_os: Option<String>,

    /// The file with the credentials, instead of those of docker and podman
    #[arg(short = 'a', long, value_name = "FILE")]
    registry_config: Option<PathBuf>,

    /// Allow plain HTTP and unverified TLS; no credential is sent over them unless the server
    /// file lists the host as insecure
    #[arg(long)]
    insecure: bool,
}

impl Asking {
    /// None where every image is meant.
    fn filter(&self) -> Result<Option<PlatformFilter>, CliError> {
        let text = self.filter_by_os.as_deref().unwrap_or(".*");
        if text.is_empty() || text == ".*" {
            return Ok(None);
        }
        let filter = text.parse::<PlatformFilter>();
        filter
            .map(Some)
            .map_err(|error| CliError::usage(error.to_string()))
    }

    /// `at_once` requests to one host, where a number is given.
    fn asker(&self, context: &Context, at_once: Option<usize>) -> Result<Asker, CliError> {
        Asker::with(context, |options| {
            if let Some(at_once) = at_once {
                options.concurrency_per_host = at_once;
            }
            let Some(file) = &self.registry_config else {
                return Ok(());
            };
            let file = context.path(file);
            if let Err(error) = std::fs::metadata(&file) {
                let what = format!("unable to load --registry-config: {}", file.display());
                return Err(CliError::usage(what).because(&error));
            }
            options.credentials = CredentialSource::from_files(&[file]);
            context.problems(options.credentials.problems());
            Ok(())
        })
    }

    fn lookup(&self, repository: &Repository, wanted: Wanted) -> Lookup {
        Lookup {
            repository: repository.clone(),
            wanted,
            import_mode: ImportMode::PreserveOriginal,
            platforms: Vec::new(),
            insecure: self.insecure,
            secrets_of: None,
            known: BTreeSet::new(),
            chosen: BTreeMap::new(),
        }
    }
}
