use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::forges;
use crate::cli::place;
use crate::cli::registries;
use crate::cli::server_file;
use crate::clock::Clock;
use crate::config::forge::ForgeSettings;
use crate::config::serve::RepositorySettings;
use crate::config::server::ServerConfig;
use crate::git::Location;
use crate::registry::Registries;
use crate::serve::daemon::Hands;
use crate::serve::pass::{Site, SiteForge, Trouble};
use crate::serve::shard::Shard;
use crate::serve::{self, RunError};
use crate::tally::Tallies;

/// Keep Git repositories reconciled, unattended
///
/// The repositories, and where webhooks, the status page and metrics are served, stand in the
/// server file, or in variables. A pass is made when its time has come, when Git or a registry says that something
/// has changed, and when a gate opens by itself. SIGTERM ends it gracefully; SIGHUP, or a change of
/// the file, has the settings read again, and the last good ones are kept where the new ones are
/// wrong. Several copies are harmless; --shard divides the work.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  headwater serve --config /etc/headwater/config.yaml\n  headwater serve --config config.yaml --shard 0/3"
)]
pub struct Args {
    /// Look after this part of the repositories only: `i` of `0..n`
    #[arg(
        long,
        value_name = "I/N",
        env = "HEADWATER_SHARD",
        hide_env_values = true
    )]
    shard: Option<Shard>,
}

pub fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    let file = context.server_file.as_deref();
    if file.is_none() && server_file::variables().is_empty() {
        return Err(CliError::usage("the daemon needs a server file")
            .hint("give --config FILE; `repositories` in it names what is looked after"));
    }
    let config = server_file::read(context)?.clone();
    if config.repositories.is_empty() {
        tracing::warn!("the settings name no `repositories`: there is nothing to look after yet");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| CliError::failure("cannot start the runtime").because(&error))?;
    let hands = hands(&context.folder, file, context.clock);
    let ended = runtime.block_on(serve::run(hands, config, args.shard));
    runtime.shutdown_background();
    ended.map_err(|error| told(&error))?;
    Ok(Exit::Success)
}

/// What the daemon cannot know: how a repository, its forge and registries are reached, and by which
/// time it lives.
pub fn hands(folder: &Path, file: Option<&Path>, clock: Clock) -> Hands {
    let tallies = Tallies::with_clock(move || clock.now());
    let open = {
        let (folder, tallies) = (folder.to_owned(), tallies.clone());
        let forges: Mutex<BTreeMap<String, (ForgeSettings, SiteForge)>> = Mutex::default();
        move |config: &ServerConfig, settings: &RepositorySettings| {
            let context = unattended(&folder, config, clock, &tallies);
            open(&context, settings, &forges).map_err(|error| trouble(&error))
        }
    };
    let registries = {
        let (folder, tallies) = (folder.to_owned(), tallies.clone());
        move |config: &ServerConfig| -> Result<Registries, Trouble> {
            let context = unattended(&folder, config, clock, &tallies);
            registries::registries(&context).map_err(|error| trouble(&error))
        }
    };
    let settings = {
        let file = file.map(Path::to_owned);
        move || server_file::read_anew(file.as_deref()).map_err(|error| trouble(&error))
    };
    Hands {
        open: Arc::new(open),
        registries: Arc::new(registries),
        settings: Arc::new(settings),
        watched: file.map(Path::to_owned).into_iter().collect(),
        cache: place::cache_folder(),
        clock,
        tallies,
    }
}

fn unattended(folder: &Path, config: &ServerConfig, clock: Clock, tallies: &Tallies) -> Context {
    Context::unattended(folder.to_owned(), config.clone(), clock, tallies.clone())
}

fn open(
    context: &Context,
    settings: &RepositorySettings,
    known: &Mutex<BTreeMap<String, (ForgeSettings, SiteForge)>>,
) -> Result<Site, CliError> {
    let location: Location = settings
        .url
        .parse()
        .map_err(|error| CliError::usage("this location cannot be used").because(&error))?;
    let location = match location {
        Location::Local(path) => Location::Local(context.path(&path)),
        remote => remote,
    };
    let repository = place::repository(context, &location)?;
    if repository.is_shallow() {
        return Err(CliError::usage(format!("{location} is a shallow clone"))
            .hint("its whole history is needed to keep what was taken back; run `git fetch --unshallow`"));
    }
    let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
    let forge = match forges::place(context, &location)? {
        None => None,
        Some(place) => match known.get(&settings.url) {
            Some((settings, forge)) if *settings == place.settings => Some(forge.clone()),
            _ => {
                let forge = forges::open(context, &location)?.map(|opened| opened.shared());
                if let Some(forge) = &forge {
                    known.insert(settings.url.clone(), (place.settings, forge.clone()));
                }
                forge
            }
        },
    };
    drop(known);
    Ok(Site {
        cache: place::cache(&location),
        operator: server_file::operator_policy(context)?,
        author: place::author(context)?,
        forges: forges::known(context)?,
        forge,
        repository,
    })
}

fn trouble(error: &CliError) -> Trouble {
    let (message, hint) = error.told();
    Trouble { message, hint }
}

fn told(error: &RunError) -> CliError {
    let (error, trouble) = match error {
        RunError::Settings(trouble) => (CliError::usage(&trouble.message), trouble),
        RunError::System(trouble) => (CliError::failure(&trouble.message), trouble),
    };
    match &trouble.hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}
