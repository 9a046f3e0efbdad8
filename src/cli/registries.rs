//! Registries as a command asks them: credentials from where docker and podman keep them.

use std::path::PathBuf;
use std::sync::Arc;

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::place::path_variable;
use crate::cli::pull_secrets;
use crate::cli::server_file;
use crate::clock::Clock;
use crate::config::integrated_registry::IntegratedRegistrySettings;
use crate::config::server::RegistryHost;
use crate::copying::CopyMode;
use crate::image::ImageFacts;
use crate::lookup::{Answer, CopyMade, Lookup, Question, Resolution};
use crate::problem::Problem;
use crate::registry::{AllowedHosts, CredentialSource, Registries, RegistryOptions, Retry};
use crate::show::human_size;

/// The registries, and the runtime that asks them.
#[derive(Debug)]
pub struct Asker {
    runtime: tokio::runtime::Runtime,
    registries: Registries,
}

impl Asker {
    pub fn new(context: &Context) -> Result<Self, CliError> {
        Self::with(context, |_| Ok(()))
    }

    /// For what writes pins: what these are to name is copied first.
    pub fn copying(context: &Context, mode: CopyMode) -> Result<Self, CliError> {
        Self::with(context, |options| {
            options.copy_mode = mode;
            Ok(())
        })
    }

    /// With what a command's own flags change of the operator's settings.
    pub fn with(
        context: &Context,
        change: impl FnOnce(&mut RegistryOptions) -> Result<(), CliError>,
    ) -> Result<Self, CliError> {
        let mut options = options(context)?;
        change(&mut options)?;
        let registries = started(options)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| CliError::failure("cannot start the runtime").because(&error))?;
        Ok(Self {
            runtime,
            registries,
        })
    }

    /// Answers questions in their order, with a progress bar.
    pub fn answer(&self, context: &Context, questions: &[Question]) -> Vec<Answer> {
        let bar = context
            .progress
            .start("asking registries", questions.len() as u64);
        let asked = self.registries.answer_all(questions, || bar.advance(1));
        let answers = self.runtime.block_on(asked);
        drop(bar);
        let answered = questions.iter().zip(&answers);
        for made in answered.filter_map(|(question, answer)| CopyMade::of(question, answer)) {
            tell(context, &made);
        }
        answers
    }

    /// What is told of images, in the lookups' order; none where one could not be read.
    pub fn facts(&self, context: &Context, lookups: &[Lookup]) -> Vec<Option<ImageFacts>> {
        let bar = context
            .progress
            .start("looking at images", lookups.len() as u64);
        let facts = self.runtime.block_on(self.registries.facts_all(lookups));
        bar.advance(lookups.len() as u64);
        facts
    }

    pub fn registries(&self) -> &Registries {
        &self.registries
    }

    pub fn run<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }
}

fn tell(context: &Context, made: &CopyMade<'_>) {
    let CopyMade { order, copied, .. } = made;
    let (digest, from, to) = (order.digest.short(), &order.from, &order.to);
    let size = human_size(copied.bytes);
    let what = match (made.is_attached, copied.referrers) {
        (false, _) => Some(digest.to_owned()),
        (true, 0) => None,
        (true, _) => Some(format!("what was attached to {digest}")),
    };
    if let Some(what) = what {
        context.note(&format!("copied {what} of {from} to {to}: {size} sent"));
    }
    let left_out = copied.left_out.iter().map(|left_out| {
        let (name, reason) = (&left_out.name, &left_out.reason);
        let message = format!("the copy of {digest} of {from} lacks {name}: {reason}");
        Problem::warning(None, message)
    });
    context.problems(&left_out.collect::<Vec<_>>());
}

/// The registries of the operator's settings, for the daemon.
pub fn registries(context: &Context) -> Result<Registries, CliError> {
    started(RegistryOptions {
        copy_mode: CopyMode::Missing,
        ..options(context)?
    })
}

fn started(options: RegistryOptions) -> Result<Registries, CliError> {
    Registries::new(options)
        .map_err(|error| CliError::usage("the registry settings cannot be used").because(&error))
}

/// What cannot be done because of a registry's answer, as the failure of a command.
pub fn failed(what: impl Into<String>, answer: &Resolution) -> CliError {
    let error = match answer {
        Resolution::Denied(_) => CliError::denied(what),
        Resolution::Unavailable(_) => CliError::unavailable(what),
        _ => CliError::failure(what),
    };
    let Some(fault) = answer.fault() else {
        return error;
    };
    let error = error.why(format!("{}: {}", fault.host, fault.message));
    match &fault.advice {
        Some(advice) => error.hint(advice.clone()),
        None => error,
    }
}

/// The operator's settings, and what the environment says.
fn options(context: &Context) -> Result<RegistryOptions, CliError> {
    let config = server_file::read(context)?;
    let settings = config.registries.clone();
    let integrated = config.integrated_registry.as_ref();
    let own = || {
        integrated
            .into_iter()
            .flat_map(IntegratedRegistrySettings::all)
    };
    let hosts = settings.hosts.iter();
    let named: Vec<PathBuf> = hosts
        .filter_map(|host| host.credentials_file.clone())
        .chain(own().filter_map(|it| it.credentials_file.clone()))
        .collect();
    let files: Vec<PathBuf> = named.into_iter().chain(credential_files()).collect();
    let mut credentials = CredentialSource::from_files(&files);
    if let Some(folder) = &config.pull_secrets.folder {
        let (secrets, problems) = pull_secrets::read(folder);
        context.problems(&problems);
        credentials = credentials.with_pull_secrets(&secrets);
    }
    context.problems(credentials.problems());
    let realm = |host: &RegistryHost| {
        let realm = host.token_realm.as_ref()?;
        Some((host.host.clone(), vec![format!("https://{realm}")]))
    };
    Ok(RegistryOptions {
        credentials,
        allowed: match settings.allow {
            Some(allow) => {
                // Who names it as the integrated registry lets it be asked.
                let own = own().filter_map(|it| it.registry.host.parse().ok());
                AllowedHosts::Only(allow.into_iter().chain(own).collect())
            }
            None => AllowedHosts::AnyNamed,
        },
        insecure_hosts: settings
            .hosts
            .iter()
            .filter(|host| host.insecure)
            .map(|host| host.host.clone())
            .collect(),
        token_realms: settings.hosts.iter().filter_map(realm).collect(),
        ca_files: settings
            .hosts
            .iter()
            .filter_map(|host| host.ca_file.clone())
            .chain(ca_files())
            .collect(),
        retry: retry(context.clock),
        tally: Arc::clone(&context.tallies.registries),
        ..RegistryOptions::default()
    })
}

/// With pauses of this time.
fn retry(clock: Clock) -> Retry {
    let retry = Retry::default();
    Retry {
        first: clock.lasts(retry.first),
        longest: clock.lasts(retry.longest),
        patience: clock.lasts(retry.patience),
        rest: clock.lasts(retry.rest),
        ..retry
    }
}

/// Where docker, podman and skopeo keep credentials; the first file that knows a host wins.
fn credential_files() -> Vec<PathBuf> {
    let named = path_variable("REGISTRY_AUTH_FILE");
    let docker = path_variable("DOCKER_CONFIG")
        .or_else(|| path_variable("HOME").map(|home| home.join(".docker")))
        .map(|folder| folder.join("config.json"));
    let runtime =
        path_variable("XDG_RUNTIME_DIR").map(|folder| folder.join("containers/auth.json"));
    let config = path_variable("XDG_CONFIG_HOME")
        .or_else(|| path_variable("HOME").map(|home| home.join(".config")))
        .map(|folder| folder.join("containers/auth.json"));
    [named, runtime, config, docker]
        .into_iter()
        .flatten()
        .collect()
}

/// `SSL_CERT_FILE`, beside the system's authorities.
fn ca_files() -> Vec<PathBuf> {
    path_variable("SSL_CERT_FILE").into_iter().collect()
}
