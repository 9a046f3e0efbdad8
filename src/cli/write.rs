//! How a command that writes is carried out: the files of the folder are edited, or one commit is
//! made on a branch of its own.

use jiff::Timestamp;

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::namespace::NamespaceArgs;
use crate::cli::output;
use crate::cli::place::{self, Folder};
use crate::cli::registries::Asker;
use crate::cli::server_file;
use crate::clock;
use crate::environment::{Environment, current_namespace};
use crate::git::{Location, NewCommit, Repository};
use crate::lookup::{Answer, Question, Resolution};
use crate::plan::Reason;
use crate::policy::OperatorPolicy;
use crate::reconcile::{
    CONFIG_FILE, Carried, Configuration, Desk, Fault, MAX_SEARCHED_BYTES, Outcome, carry_out,
    propose, proposed_at, scene, tip_files,
};
use crate::resolve::Standing;
use crate::revision::BranchName;
use crate::snapshot::{Files, Snapshot};
use crate::verb::{self, Draft, Object, Refused, Scene, Selection};
use crate::worktree;

const HEADING: &str = "Where it is written";

/// The flags of every command that writes.
#[derive(Clone, Debug, clap::Args)]
pub struct WriteArgs {
    #[command(flatten)]
    pub namespace: NamespaceArgs,

    /// Make one commit on a branch of its own instead of editing the files
    #[arg(long, help_heading = HEADING)]
    pub pull_request: bool,

    /// Read from and push to this remote of the clone, such as origin
    #[arg(long, value_name = "REMOTE", requires = "pull_request", help_heading = HEADING)]
    pub push: Option<String>,

    /// The path or URL of another Git repository than the one around this folder
    #[arg(long, value_name = "PATH|URL", help_heading = HEADING)]
    pub repository: Option<String>,

    /// Only this environment
    #[arg(long, value_name = "NAME", help_heading = HEADING)]
    pub environment: Option<String>,

    /// Say what would be done and write nothing; `server` asks registries as well
    #[arg(
        long,
        value_enum,
        value_name = "MODE",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "client",
        default_value_t,
        help_heading = HEADING
    )]
    pub dry_run: DryRun,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum DryRun {
    #[default]
    None,
    Client,
    Server,
}

/// `-o` of the commands that print the objects which they wrote.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub struct ShapeArgs {
    /// Print the objects instead of a message
    #[arg(short, long, value_enum, value_name = "FORMAT")]
    pub output: Option<Shape>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Shape {
    Yaml,
    Json,
    Name,
}

/// What a command has come to.
#[derive(Debug)]
pub struct Done {
    pub carried: Carried,
    pub said: String,
    pub namespace: String,
    pub exit: Exit,
}

/// A command: its decision, and whether it asks registries.
pub(crate) struct Verb<'a> {
    pub decide: &'a mut dyn FnMut(&Scene<'_>) -> Result<Draft, Refused>,
    pub imports: bool,
}

/// Decides, plans and writes. Says nothing on stdout.
pub(crate) fn carry(
    args: &WriteArgs,
    context: &Context,
    verb: &mut Verb<'_>,
) -> Result<Done, CliError> {
    let operator = server_file::operator_policy(context)?;
    let location = place::location(context, args.repository.as_deref())?;
    let now = clock::now();
    if args.pull_request {
        let location = match &args.push {
            None => location,
            Some(remote) => place::repository(context, &location)?
                .remote_location(remote)
                .map_err(|error| place::git_error(&error))?,
        };
        return on_branch(args, context, &location, &operator, verb, now);
    }
    let Location::Local(path) = location else {
        return Err(
            CliError::usage("a URL has no files that can be edited in place")
                .hint("add --pull-request: the change goes to a branch of its own"),
        );
    };
    let folder = place::folder(&path)?;
    let desk = Desk::new(
        folder.files.clone(),
        folder.problems.clone(),
        &|all| chosen(folder.environments(all), args.environment.as_deref()),
        folder.history(),
        &operator,
    );
    let mut done = decide(args, context, &desk, verb, now)?;
    if args.dry_run == DryRun::None && !write(&folder, &done.carried, context) {
        done.exit = Exit::Failure;
    }
    Ok(done)
}

fn chosen(all: Vec<Environment>, name: Option<&str>) -> Vec<Environment> {
    let is_wanted =
        |environment: &Environment| name.is_none_or(|name| environment.name.as_str() == name);
    all.into_iter().filter(is_wanted).collect()
}

fn decide(
    args: &WriteArgs,
    context: &Context,
    desk: &Desk<'_>,
    verb: &mut Verb<'_>,
    now: Timestamp,
) -> Result<Done, CliError> {
    if desk.environments().is_empty() {
        context.problems(desk.problems());
        let named = args.environment.as_deref().unwrap_or_default();
        return Err(match named {
            "" => CliError::usage("headwater.yaml names no environment that can be written to"),
            name => CliError::usage(format!("there is no environment {name} here")),
        });
    }
    let scene = scene(desk, &|realms| {
        let asked = args.namespace.namespace.clone();
        asked.filter(|name| !name.is_empty()).unwrap_or_else(|| {
            let environments = realms.iter().map(|realm| realm.environment);
            let streams = realms.iter().flat_map(|realm| &realm.manifests.streams);
            current_namespace(environments, streams.map(|stream| &stream.name))
        })
    });
    let mut draft = (verb.decide)(&scene).map_err(|refused| refusal(&refused))?;
    let notes = std::mem::take(&mut draft.notes);
    let said = std::mem::take(&mut draft.said);
    let touched = draft.touched.clone();
    let mut asker = None;
    let mut failed = None;
    let mut ask = |questions: &[Question]| -> Vec<Answer> {
        if asker.is_none() {
            match Asker::new(context) {
                Ok(new) => asker = Some(new),
                Err(error) => failed = Some(error),
            }
        }
        asker
            .as_ref()
            .map_or_else(Vec::new, |asker| asker.answer(context, questions))
    };
    let carried = carry_out(desk, &scene, draft, verb.imports, &mut ask, now);
    if let Some(error) = failed {
        return Err(error);
    }
    let carried = carried.map_err(|fault| not_carried(context, &fault))?;
    for note in &notes {
        context.note(note);
    }
    context.problems(&carried.problems);
    let waiting = carried.plans.iter().flat_map(|plan| &plan.waiting);
    for waiting in waiting.filter(|waiting| {
        let is_news = match &waiting.reason {
            Reason::NotFollowed(standing) => {
                matches!(standing, Standing::SourceEmpty(_) | Standing::Elsewhere(_))
            }
            // Nobody was asked.
            Reason::Unresolved(Resolution::Unavailable(_)) => false,
            // What could not be imported is the command's own to report.
            reason => !(verb.imports && reason.is_failure()),
        };
        is_news && touched.contains(&waiting.tag) && waiting.field.is_none()
    }) {
        context.note(&format!("{}: {}", waiting.tag, waiting.reason));
    }
    Ok(Done {
        carried,
        said,
        namespace: scene.namespace,
        // What follows from a command that did as it was told is shown above, and is no failure.
        exit: Exit::Success,
    })
}

fn refusal(refused: &Refused) -> CliError {
    let error = CliError::usage(&refused.message);
    match &refused.hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

fn not_carried(context: &Context, fault: &Fault) -> CliError {
    match fault {
        Fault::Files(problems) => {
            context.problems(problems);
            CliError::failure("nothing was written")
        }
        Fault::Outside(name) => CliError::usage(format!(
            "the image stream {name} would not belong to the environment"
        ))
        .hint("add its folder or namespace to the environment in headwater.yaml"),
        Fault::Git(error) => place::git_error(error),
    }
}

/// Writes each file; whether all could be.
fn write(folder: &Folder, carried: &Carried, context: &Context) -> bool {
    let mut is_whole = true;
    for change in &carried.changes {
        match worktree::write(&folder.root, change) {
            Ok(()) => {
                let what = match (change.before.is_empty(), change.after.is_empty()) {
                    (true, _) => "wrote",
                    (_, true) => "removed",
                    _ => "edited",
                };
                context.note(&format!("{what} {}", change.path));
            }
            Err(error) => {
                is_whole = false;
                let what = format!("cannot write {}", change.path);
                context.error(&CliError::failure(what).because(&error));
            }
        }
    }
    is_whole
}

fn on_branch(
    args: &WriteArgs,
    context: &Context,
    location: &Location,
    operator: &OperatorPolicy,
    verb: &mut Verb<'_>,
    now: Timestamp,
) -> Result<Done, CliError> {
    let git = |error: crate::git::Error| place::git_error(&error);
    let repository = place::repository(context, location)?;
    let default = repository.default_branch().map_err(git)?;
    let config = config_file(&repository, &default)?;
    let all = Configuration::read(config.as_deref()).environments;
    let (branch, environments) = environments(args, &repository, all, &default)?;
    let snapshot = repository.snapshot(&branch).map_err(git)?;
    let (mut files, problems) = tip_files(&repository, snapshot.tree).map_err(git)?;
    if let (Ok(path), Some(config)) = (CONFIG_FILE.parse(), config) {
        files.insert(path, config.into());
    }
    let desk = Desk::new(
        files,
        problems,
        &|_| environments.clone(),
        Some((&repository, snapshot.commit)),
        operator,
    );
    let environment = environments
        .first()
        .ok_or_else(|| CliError::usage(format!("no environment is on the branch {branch}")))?;
    let command = command();
    let group = verb::group(&command);
    let trailer = verb::command_trailer(&command);
    let now = proposed_at(
        &repository,
        &environment.name,
        &group,
        &trailer,
        snapshot.commit,
    )
    .map_err(git)?
    .unwrap_or(now);
    let mut done = decide(args, context, &desk, verb, now)?;
    if args.dry_run == DryRun::None && !done.carried.changes.is_empty() {
        push(context, &repository, &snapshot, environment, &mut done, now)?;
    }
    Ok(done)
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

fn push(
    context: &Context,
    repository: &Repository,
    snapshot: &Snapshot,
    environment: &Environment,
    done: &mut Done,
    now: Timestamp,
) -> Result<(), CliError> {
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
    let group = verb::group(&command);
    let proposed = propose(repository, &push, &environment.name, &group, &new)
        .map_err(|error| place::git_error(&error))?
        .ok_or_else(|| {
            CliError::failure("no branch name is free for this command")
                .hint("merge or delete the branches that it made before")
        })?;
    let branch = &proposed.branch;
    match proposed.outcome {
        Outcome::Kept => context.note(&format!("{branch} has this change already")),
        Outcome::Rejected { message, hint } => {
            let what = format!("{branch} was not accepted: {message}");
            return Err(CliError::failure(what).hint(hint));
        }
        _ => {
            context.note(&format!("wrote {branch} at {}", proposed.commit.short()));
            if repository.work_tree().is_some() {
                context.note(&format!("  to share it: git push origin {branch}"));
            }
        }
    }
    Ok(())
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

/// Prints what was done in kubectl's way: a line for each object, or the objects themselves.
pub fn print(
    args: &WriteArgs,
    shape: Option<Shape>,
    done: &Done,
    objects: &[(&str, &str)],
) -> Result<Exit, CliError> {
    let ending = match args.dry_run {
        DryRun::None => "",
        DryRun::Client => " (dry run)",
        DryRun::Server => " (server dry run)",
    };
    let mut text = String::new();
    match shape {
        None => {
            for line in done.said.lines() {
                text.push_str(line);
                text.push_str(ending);
                text.push('\n');
            }
        }
        Some(Shape::Name) => {
            for line in done.said.lines() {
                let name = line.split(' ').next().unwrap_or_default();
                text.push_str(name);
                text.push('\n');
            }
        }
        Some(shape) => text = documents(args, done, objects, shape)?,
    }
    output::write(&text)?;
    Ok(done.exit)
}

/// The objects, kind and name, as they stand in the files afterwards.
fn documents(
    args: &WriteArgs,
    done: &Done,
    objects: &[(&str, &str)],
    shape: Shape,
) -> Result<String, CliError> {
    let operator = OperatorPolicy::default();
    let files: Files = done.carried.files.clone();
    let name = args.environment.as_deref();
    let desk = Desk::new(
        files,
        Vec::new(),
        &|all| chosen(all.to_vec(), name),
        None,
        &operator,
    );
    let scene = scene(&desk, &|_| done.namespace.clone());
    let mut texts = Vec::new();
    for (kind, name) in objects {
        let selection = Selection {
            words: vec![format!("{kind}/{name}")],
            ..Selection::default()
        };
        for Object { value, .. } in selection
            .find(&scene)
            .map_err(|refused| refusal(&refused))?
        {
            texts.push(match shape {
                Shape::Json => serde_json::to_string_pretty(&value)
                    .map(|text| text + "\n")
                    .map_err(|error| {
                        CliError::failure("cannot write the object as JSON").because(&error)
                    })?,
                _ => crate::yaml::render(&value),
            });
        }
    }
    Ok(texts.join(if shape == Shape::Json { "" } else { "---\n" }))
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
