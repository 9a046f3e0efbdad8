//! A command for one environment: one commit on a branch of its own, from the environment's branch.

use jiff::Timestamp;

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::namespace::NamespaceArgs;
use crate::cli::output;
use crate::cli::place;
use crate::cli::server_file;
use crate::cli::write::{DryRun, Verb, WriteArgs, refusal};
use crate::cli::write_branch::Ground;
use crate::clock;
use crate::environment::EnvironmentName;
use crate::git::Repository;
use crate::plain::plain_lines;
use crate::plan::diff;
use crate::reconcile::{Desk, scene};
use crate::verb::{self, Draft, EnvironmentTag, EnvironmentTagError, Note, Refused, Scene};

const HEADING: &str = "Where it is written";

/// The flags of every command for one environment.
#[derive(Clone, Debug, clap::Args)]
pub struct BranchArgs {
    /// The path or URL of another Git repository than the one around this folder
    #[arg(long, value_name = "PATH|URL", help_heading = HEADING)]
    repository: Option<String>,

    /// Read from and push to this remote of the clone, such as origin
    #[arg(long, value_name = "REMOTE", help_heading = HEADING)]
    push: Option<String>,

    /// Print a unified diff and write nothing
    #[arg(long, help_heading = HEADING)]
    dry_run: bool,
}

/// What a hold says beside what it holds.
#[derive(Clone, Debug, clap::Args)]
pub struct NoteArgs {
    /// Why, for those who read the plan
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,

    /// When the hold is over, such as 2026-12-24T08:00:00Z; without it, once it is released
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub until: Option<Timestamp>,
}

/// The branch of the environment, before the command is decided.
pub(crate) struct Branch<'a> {
    pub context: &'a Context,
    pub ground: &'a Ground<'a>,
    pub desk: &'a Desk<'a>,
    /// The time of what is written.
    pub now: Timestamp,
}

/// A time of the command line.
pub(crate) fn time(text: &str) -> Result<Timestamp, String> {
    let fault = |_| "write a time as 2026-12-24T08:00:00Z or 2026-12-24T09:00:00+01:00".to_owned();
    text.parse().map_err(fault)
}

/// The stream tag that was typed.
pub(crate) fn environment_tag(text: &str) -> Result<EnvironmentTag, CliError> {
    text.parse()
        .map_err(|error: EnvironmentTagError| CliError::usage(error.to_string()))
}

impl NoteArgs {
    pub fn check(&self) -> Result<(), CliError> {
        match self.until {
            Some(until) if until <= clock::now() => {
                Err(CliError::usage(format!("--until {until} is past")))
            }
            _ => Ok(()),
        }
    }

    pub fn note(&self, branch: &Branch<'_>) -> Result<Note, CliError> {
        Ok(Note {
            by: Some(person(branch.context, &branch.ground.repository)?),
            reason: self.reason.clone().filter(|reason| !reason.is_empty()),
            until: self.until,
            now: branch.now,
        })
    }
}

/// Who types: as Git would call the author of a commit, else the bot.
fn person(context: &Context, repository: &Repository) -> Result<String, CliError> {
    let typed = std::env::var("GIT_AUTHOR_NAME").ok();
    let name = typed.filter(|name| !name.trim().is_empty());
    match name.or_else(|| repository.user_name()) {
        Some(name) => Ok(name),
        None => Ok(place::author(context)?.signature.name),
    }
}

impl BranchArgs {
    fn write_args(&self, environment: &EnvironmentName) -> WriteArgs {
        WriteArgs {
            namespace: NamespaceArgs { namespace: None },
            pull_request: true,
            push: self.push.clone(),
            repository: self.repository.clone(),
            environment: Some(environment.to_string()),
            dry_run: match self.dry_run {
                true => DryRun::Client,
                false => DryRun::None,
            },
        }
    }

    /// Carries out the command `name`: `prepare` gathers what it is decided from.
    pub(crate) fn carry<P>(
        &self,
        context: &Context,
        (name, tag): (&str, &EnvironmentTag),
        prepare: impl FnOnce(&Branch<'_>) -> Result<P, CliError>,
        decide: impl Fn(&Scene<'_>, &P) -> Result<Draft, Refused>,
    ) -> Result<Exit, CliError> {
        let args = self.write_args(&tag.environment);
        let operator = server_file::operator_policy(context)?;
        let mut location = place::location(context, self.repository.as_deref())?;
        if let Some(remote) = &self.push {
            location = place::repository(context, &location)?
                .remote_location(remote)
                .map_err(|error| place::git_error(&error))?;
        }
        let mut ground = Ground::open(&args, context, location, operator)?;
        ground.group = verb::group(&[name.to_owned(), tag.to_string()]);
        let desk = ground.desk();
        let branch = Branch {
            context,
            ground: &ground,
            desk: &desk,
            now: ground.time(clock::now())?,
        };
        let prepared = prepare(&branch)?;
        let mut verb = Verb {
            decide: &mut |scene| decide(scene, &prepared),
            imports: false,
            is_whole: true,
        };
        let done = ground.carry(&args, &desk, &mut verb, branch.now)?;
        let mut said = done.said;
        if self.dry_run {
            said.push_str(&plain_lines(&diff(&done.carried.changes)));
        }
        output::write(&said)?;
        if self.dry_run {
            context.note("nothing was written");
        }
        Ok(done.exit)
    }
}

impl Branch<'_> {
    pub fn scene(&self) -> Scene<'_> {
        scene(self.desk, &|_| String::new())
    }
}

pub(crate) fn refuse(refused: &Refused) -> CliError {
    refusal(refused)
}
