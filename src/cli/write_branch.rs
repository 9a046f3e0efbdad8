//! A command that writes, as one commit on a branch of its own.

use jiff::Timestamp;

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::forges;
use crate::cli::place;
use crate::cli::write::{Done, DryRun, Verb, WriteArgs, chosen, decide};
use crate::environment::Environment;
use crate::forge;
use crate::git::{Location, NewCommit, Repository};
use crate::plan::pull_request::command_draft;
use crate::policy::OperatorPolicy;
use crate::problem::Problem;
use crate::pull_request::{Draft, State};
use crate::reconcile::{
    CONFIG_FILE, Configuration, Desk, Hosting, MAX_SEARCHED_BYTES, Outcome, propose, proposed_at,
    tip_files,
};
use crate::revision::BranchName;
use crate::snapshot::{Files, Snapshot};
use crate::verb;

/// Where a command's branch begins: the tip of a branch, and the environments on it.
pub(super) struct Ground<'a> {
    context: &'a Context,
    location: Location,
    pub repository: Repository,
    pub snapshot: Snapshot,
    pub environments: Vec<Environment>,
    configuration: Configuration,
    /// As on the branch, with the default branch's headwater.yaml.
    files: Files,
    problems: Vec<Problem>,
    operator: OperatorPolicy,
    /// The last part of the branch's name.
    pub group: String,
}

impl<'a> Ground<'a> {
    pub fn open(
        args: &WriteArgs,
        context: &'a Context,
        location: Location,
        operator: OperatorPolicy,
    ) -> Result<Self, CliError> {
        let git = |error: crate::git::Error| place::git_error(&error);
        let repository = place::repository(context, &location)?;
        let default = repository.default_branch().map_err(git)?;
        let config = config_file(&repository, &default)?;
        let mut configuration = Configuration::read(config.as_deref(), Some(&default));
        let all = std::mem::take(&mut configuration.environments);
        let (branch, environments) = match environments(args, &repository, all, &default) {
            Ok(found) => found,
            Err(error) => {
                // One that has an error is left out.
                context.problems(&configuration.problems);
                return Err(error);
            }
        };
        let snapshot = repository.snapshot(&branch).map_err(git)?;
        let (mut files, problems) = tip_files(&repository, snapshot.tree).map_err(git)?;
        if let (Ok(path), Some(config)) = (CONFIG_FILE.parse(), config) {
            files.insert(path, config.into());
        }
        Ok(Self {
            context,
            location,
            repository,
            snapshot,
            environments,
            configuration,
            files,
            problems,
            operator,
            group: verb::group(&command()),
        })
    }

    pub fn desk(&self) -> Desk<'_> {
        Desk::new(
            self.files.clone(),
            self.problems.clone(),
            &|_| self.environments.clone(),
            Some((&self.repository, self.snapshot.commit)),
            &self.operator,
        )
    }

    /// The time of the command: that of its branch, where it was made before from the same commit.
    pub fn time(&self, now: Timestamp) -> Result<Timestamp, CliError> {
        let trailer = verb::command_trailer(&command());
        for environment in &self.environments {
            let made = proposed_at(
                &self.repository,
                &environment.name,
                &self.group,
                &trailer,
                self.snapshot.commit,
            );
            if let Some(time) = made.map_err(|error| place::git_error(&error))? {
                return Ok(time);
            }
        }
        Ok(now)
    }

    /// The one whose streams the command writes; else the first.
    fn environment(&self, done: &Done) -> Result<&Environment, CliError> {
        let mut all = self.environments.iter();
        let written = all
            .clone()
            .find(|it| Some(&it.name) == done.environment.as_ref());
        let branch = &self.snapshot.branch;
        let none = || CliError::usage(format!("no environment is on the branch {branch}"));
        written.or_else(|| all.next()).ok_or_else(none)
    }

    /// Decides, plans, and makes the branch with its pull request.
    pub fn carry(
        &self,
        args: &WriteArgs,
        desk: &Desk<'_>,
        verb: &mut Verb<'_>,
        now: Timestamp,
    ) -> Result<Done, CliError> {
        let context = self.context;
        let done = decide(args, context, desk, verb, now)?;
        if args.dry_run == DryRun::None && !done.carried.changes.is_empty() {
            let forge = forges::open(context, &self.location)?;
            let environment = self.environment(&done)?;
            let written = self.push(environment, &done, now)?;
            if let Some(forge) = forge {
                let Written { message, head, .. } = &written;
                let policy = &self.configuration.policy.pull_requests;
                let (name, branch) = (&environment.name, self.snapshot.branch.clone());
                let draft = command_draft(message, name, head.clone(), branch, policy);
                publish(context, &forge.hosting(), &draft, written.is_new)?;
            }
        }
        Ok(done)
    }

    fn push(
        &self,
        environment: &Environment,
        done: &Done,
        now: Timestamp,
    ) -> Result<Written, CliError> {
        let (context, repository, snapshot) = (self.context, &self.repository, &self.snapshot);
        let command = command();
        let moves: Vec<_> = done
            .carried
            .plans
            .iter()
            .flat_map(|plan| &plan.proposals)
            .flat_map(|proposal| &proposal.moves)
            .collect();
        let message = verb::message(&command, &done.said, &environment.name, &moves);
        let author = place::author(context)?;
        let new = NewCommit {
            parents: &[snapshot.commit],
            base: snapshot.tree,
            changes: &done.carried.changes,
            message: &message,
            author: &author,
            time: now,
        };
        let push = |branch: &BranchName, expected, new| repository.push(branch, expected, new);
        let proposed = propose(repository, &push, &environment.name, &self.group, &new)
            .map_err(|error| place::git_error(&error))?
            .ok_or_else(|| {
                CliError::failure("no branch name is free for this command")
                    .hint("merge or delete the branches that it made before")
            })?;
        let branch = &proposed.branch;
        let is_new = !matches!(proposed.outcome, Outcome::Kept);
        match proposed.outcome {
            Outcome::Kept => context.note(&format!("{branch} has this change already")),
            Outcome::Rejected { message, hint } => {
                return Err(place::push_denied(branch, &message, &hint));
            }
            _ => {
                context.note(&format!("wrote {branch} at {}", proposed.commit.short()));
                if repository.work_tree().is_some() {
                    context.note(&format!("  to share it: git push origin {branch}"));
                }
            }
        }
        Ok(Written {
            head: proposed.branch,
            message,
            is_new,
        })
    }
}

pub(super) fn on_branch(
    args: &WriteArgs,
    context: &Context,
    location: Location,
    operator: OperatorPolicy,
    verb: &mut Verb<'_>,
    now: Timestamp,
) -> Result<Done, CliError> {
    let ground = Ground::open(args, context, location, operator)?;
    let now = ground.time(now)?;
    ground.carry(args, &ground.desk(), verb, now)
}

/// Opens the branch's pull request, where none is open.
fn publish(
    context: &Context,
    hosting: &Hosting<'_>,
    draft: &Draft,
    is_new: bool,
) -> Result<(), CliError> {
    let failed = |error: forge::Error| {
        let what = format!("{} is there, without its pull request", draft.head);
        forges::error(what, &error).hint("repeat the command, or open it by hand")
    };
    if !is_new {
        let open = hosting.forge.pull_requests_of(&draft.head);
        let open = open.map_err(failed)?.into_iter().find(|found| {
            let is_open = found.state == State::Open;
            is_open && found.base == draft.base
        });
        if let Some(open) = open {
            context.note(&format!(
                "pull request #{} is open {}",
                open.number, open.url
            ));
            return Ok(());
        }
    }
    let opened = hosting.forge.open(draft).map_err(failed)?;
    let name = format!("pull request #{}", opened.pull_request.number);
    context.note(&format!("opened {name} {}", opened.pull_request.url));
    for warning in &opened.warnings {
        context.note(&format!("{name}: {warning}"));
    }
    Ok(())
}

/// headwater.yaml on the default branch.
fn config_file(repository: &Repository, default: &BranchName) -> Result<Option<Vec<u8>>, CliError> {
    let git = |error: crate::git::Error| place::git_error(&error);
    let snapshot = repository.snapshot(default).map_err(git)?;
    let (entries, _) = repository
        .entries(snapshot.tree, |path| path == CONFIG_FILE)
        .map_err(git)?;
    match entries.first() {
        None => Ok(None),
        Some(entry) => {
            let bytes = repository.read_blob(entry.blob, MAX_SEARCHED_BYTES);
            Ok(Some(bytes.map_err(git)?.to_vec()))
        }
    }
}

/// The environments of one branch: of the one that is named, of the branch that is checked out, or
/// of the default branch.
fn environments(
    args: &WriteArgs,
    repository: &Repository,
    all: Vec<Environment>,
    default: &BranchName,
) -> Result<(BranchName, Vec<Environment>), CliError> {
    let branch_of = |environment: &Environment| {
        let branch = environment.branch.clone();
        branch.unwrap_or_else(|| default.clone())
    };
    if let Some(name) = &args.environment {
        let found = chosen(all, Some(name));
        let branch = found
            .first()
            .map(branch_of)
            .ok_or_else(|| CliError::usage(format!("headwater.yaml has no environment {name}")))?;
        return Ok((branch, found));
    }
    let current = repository
        .work_tree()
        .and_then(|_| repository.current_branch().ok().flatten());
    let on = |branch: &BranchName| -> Vec<Environment> {
        let own = all
            .iter()
            .filter(|environment| branch_of(environment) == *branch);
        own.cloned().collect()
    };
    match current.map(|branch| (on(&branch), branch)) {
        Some((found, branch)) if !found.is_empty() => Ok((branch, found)),
        _ => match on(default) {
            found if found.is_empty() => Err(CliError::usage(format!(
                "no environment is on the branch {default}"
            ))
            .hint("give --environment")),
            found => Ok((default.clone(), found)),
        },
    }
}

/// The command as it was typed.
fn command() -> Vec<String> {
    command_words(std::env::args_os().map(|word| word.to_string_lossy().into_owned()))
}

/// The branch of a command.
struct Written {
    head: BranchName,
    /// Of its commit.
    message: String,
    /// It was not there before.
    is_new: bool,
}

/// The command as it was typed, without what says where it runs and how it looks.
fn command_words(typed: impl Iterator<Item = String>) -> Vec<String> {
    const ALONE: &[&str] = &[
        "--pull-request",
        "--no-progress",
        "-q",
        "--quiet",
        "-v",
        "-vv",
        "--verbose",
    ];
    const WITH_VALUE: &[&str] = &[
        "--push",
        "--repository",
        "-C",
        "--directory",
        "--config",
        "--color",
        "--log-format",
        "--timeout",
    ];
    let mut words = Vec::new();
    let mut typed = typed.skip(1);
    while let Some(word) = typed.next() {
        let name = word.split_once('=').map_or(word.as_str(), |(name, _)| name);
        let is_joined = word.contains('=') || (word.starts_with("-C") && word.len() > 2);
        if ALONE.contains(&word.as_str()) || (word.starts_with("-C") && word.len() > 2) {
            continue;
        }
        if WITH_VALUE.contains(&name) {
            if !is_joined {
                typed.next();
            }
            continue;
        }
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_names_the_command_and_not_where_it_ran() {
        let typed = "headwater -C /tmp/x tag --pull-request --push origin --source=docker a:1 b:2 -n dev --color=never";
        let words = command_words(typed.split(' ').map(str::to_owned));
        assert_eq!(words.join(" "), "tag --source=docker a:1 b:2 -n dev");
    }
}
