//! How a command that writes is carried out: the files of the folder are edited, or one commit is
//! made on a branch of its own.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::namespace::NamespaceArgs;
use crate::cli::output;
use crate::cli::place::{self, Folder};
use crate::cli::registries::{self, Asker};
use crate::cli::{server_file, write_branch};
use crate::clock;
use crate::copying::CopyMode;
use crate::environment::{Environment, EnvironmentName};
use crate::git::Location;
use crate::lookup::{Answer, Question, Resolution};
use crate::namespace::current_namespace;
use crate::plan::Reason;
use crate::policy::OperatorPolicy;
use crate::reconcile::{Carried, Desk, Fault, carry_out, scene};
use crate::resolve::{Standing, Uncopied};
use crate::snapshot::Files;
use crate::stream::StreamTagName;
use crate::verb::{Draft, Object, Refused, Scene, Selection};

const HEADING: &str = "Where it is written";

/// The flags of every command that writes.
#[derive(Clone, Debug, clap::Args)]
pub struct WriteArgs {
    #[command(flatten)]
    pub namespace: NamespaceArgs,

    /// Make one commit on a branch of its own instead of editing the files; on a forge, with its
    /// pull request
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
    /// Whose stream tags it touched.
    pub environment: Option<EnvironmentName>,
    pub namespace: String,
    pub exit: Exit,
}

/// A command: its decision, and whether it asks registries.
pub(crate) struct Verb<'a> {
    pub decide: &'a mut dyn FnMut(&Scene<'_>) -> Result<Draft, Refused>,
    pub imports: bool,
    /// Nothing is written where a field cannot follow.
    pub is_whole: bool,
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
        return write_branch::on_branch(args, context, location, operator, verb, now);
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

pub(super) fn chosen(all: Vec<Environment>, name: Option<&str>) -> Vec<Environment> {
    let is_wanted =
        |environment: &Environment| name.is_none_or(|name| environment.name.as_str() == name);
    all.into_iter().filter(is_wanted).collect()
}

pub(super) fn decide(
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
    let of_tags = touched.first().map(|tag| tag.stream.namespace.as_str());
    let namespace = draft.home.as_deref().or(of_tags);
    let realm = scene.realm_of(namespace.unwrap_or(&scene.namespace));
    let environment = realm.ok().map(|realm| realm.environment.name.clone());
    let mut asker = None;
    let mut failed = None;
    let mut ask = |questions: &[Question]| -> Vec<Answer> {
        if asker.is_none() {
            let mode = match (args.dry_run, verb.imports) {
                (DryRun::None, true) => CopyMode::Anew,
                (DryRun::None, false) => CopyMode::Missing,
                _ => CopyMode::Look,
            };
            match Asker::copying(context, mode) {
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
    if verb.is_whole {
        check_copies(&carried, &touched)?;
    }
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
        environment,
        namespace: scene.namespace,
        // What follows from a command that did as it was told is shown above, and is no failure.
        exit: Exit::Success,
    })
}

/// A status that says what no field can follow is worse than neither.
fn check_copies(carried: &Carried, touched: &BTreeSet<StreamTagName>) -> Result<(), CliError> {
    let mut waiting = carried.plans.iter().flat_map(|plan| &plan.waiting);
    let failed = waiting.find_map(|waiting| match &waiting.reason {
        Reason::Uncopied(Uncopied::Failed(resolution)) if touched.contains(&waiting.tag) => {
            Some((&waiting.tag, resolution))
        }
        _ => None,
    });
    match failed {
        None => Ok(()),
        Some((tag, resolution)) => Err(registries::failed(
            format!(
                "{tag} cannot go there: the image is not in the integrated registry, and cannot be copied"
            ),
            resolution,
        )),
    }
}

pub(super) fn refusal(refused: &Refused) -> CliError {
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

/// Writes each file, and says so; whether all could be.
fn write(folder: &Folder, carried: &Carried, context: &Context) -> bool {
    let written = folder.write(&carried.changes, context);
    for change in written.changes {
        let what = match (change.before.is_empty(), change.after.is_empty()) {
            (true, _) => "wrote",
            (_, true) => "removed",
            _ => "edited",
        };
        context.note(&format!("{what} {}", change.path));
    }
    written.is_whole
}

/// Carries out a command that changes objects, and prints them; where none changes, what the
/// command said.
pub(crate) fn carry_objects(
    mut args: WriteArgs,
    shape: Option<Shape>,
    context: &Context,
    mut decide: impl FnMut(&Scene<'_>) -> Result<(Draft, Vec<Object>), Refused>,
) -> Result<Exit, CliError> {
    let mut changed: Vec<Object> = Vec::new();
    let mut verb = Verb {
        decide: &mut |scene| {
            let (draft, objects) = decide(scene)?;
            changed = objects;
            Ok(draft)
        },
        imports: false,
        is_whole: false,
    };
    let done = carry(&args, context, &mut verb)?;
    if changed.is_empty() {
        args.dry_run = DryRun::None;
    }
    let objects: Vec<(&str, &str)> = changed
        .iter()
        .map(|object| (object.kind.resource, object.name.as_str()))
        .collect();
    let shape = shape.filter(|_| !objects.is_empty());
    print(&args, shape, &done, &objects)
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
