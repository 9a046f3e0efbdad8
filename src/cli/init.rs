use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::output;
use crate::cli::place::{self, Folder};
use crate::cli::style::{Role, Styles};
use crate::cli::table::{Cell, Table};
use crate::git::Location;
use crate::plain::plain_lines;
use crate::plan::adopt::{Adoption, Ci};
use crate::plan::diff;
use crate::problem::Severity;
use crate::reconcile::{Adopting, adopt_in_place};
use crate::snapshot::FilePath;

/// Adopt a repository: streams and markers for the images that it uses
///
/// Writes one ImageStream for each image repository and namespace, a marker comment behind each
/// use, a commented headwater.yaml and a CI job. Images that are followed already, and files that
/// exist, stay as they are. Commits nothing.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  headwater init --dry-run\n  headwater init --folder deploy/streams --ci gitlab"
)]
pub struct Args {
    /// A folder, with or without Git
    #[arg(value_name = "PATH")]
    location: Option<String>,

    /// Where new streams are put: a folder that your deployer does not apply
    #[arg(long, value_name = "FOLDER", default_value = "imagestreams")]
    folder: String,

    /// The CI system to write a job for; told from the repository by default
    #[arg(long, value_enum, value_name = "SYSTEM", default_value_t)]
    ci: CiChoice,

    /// Print a unified diff and write nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum CiChoice {
    /// GitHub or GitLab, where the files or the remote `origin` are theirs.
    #[default]
    Auto,
    Github,
    Gitlab,
    None,
}

pub fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    let Location::Local(path) = place::location(context, args.location.as_deref())? else {
        return Err(
            CliError::usage("`init` edits the files of a folder, and this is a URL")
                .hint("clone it and run `headwater init` there"),
        );
    };
    let streams = stream_folder(&args.folder)?;
    let folder = place::folder(&path)?;
    let ci = ci(args.ci, &folder);
    let adopting = adopt_in_place(
        &folder.files,
        folder.problems.clone(),
        &|all| folder.environments(all),
        &streams,
        ci,
    );
    let adoption = &adopting.adoption;
    context.problems(
        adopting
            .problems
            .iter()
            .chain(&adoption.problems)
            .chain(&adopting.faults),
    );
    if !adopting.faults.is_empty() {
        return Err(CliError::failure("nothing was written"));
    }
    if args.dry_run {
        output::write(&plain_lines(&diff(&adoption.changes)))?;
        context.note("nothing was written");
        return Ok(exit(&adopting, true));
    }
    let is_written = folder.write(&adoption.changes, context).is_whole;
    output::write(&summary(adoption, args.location.as_deref(), context.styles))?;
    if ci.is_none() && args.ci == CiChoice::Auto && !adoption.changes.is_empty() {
        context.note("No CI job was written; `headwater init --ci github` or `--ci gitlab` does.");
    }
    Ok(exit(&adopting, is_written))
}

/// The folder's path inside the repository, without `.` and `..`; empty: the root.
fn stream_folder(text: &str) -> Result<String, CliError> {
    // A file's path is what can be checked.
    FilePath::resolve("", &format!("{text}/x"))
        .map(|file| file.folder().to_owned())
        .map_err(|error| CliError::usage("--folder cannot be used").because(&error))
}

fn ci(choice: CiChoice, folder: &Folder) -> Option<Ci> {
    match choice {
        CiChoice::Github => return Some(Ci::Github),
        CiChoice::Gitlab => return Some(Ci::Gitlab),
        CiChoice::None => return None,
        CiChoice::Auto => {}
    }
    let origin = folder
        .repository
        .as_ref()
        .and_then(|repository| repository.remote_location("origin").ok());
    let host = match &origin {
        Some(Location::Remote(url)) => url.host(),
        _ => "",
    };
    // A host says more than left-over files of a mirror's or of an earlier home.
    if host.contains("gitlab") {
        Some(Ci::Gitlab)
    } else if host.contains("github") || folder.root.join(".github").is_dir() {
        Some(Ci::Github)
    } else {
        let is_gitlab = folder.root.join(".gitlab-ci.yml").is_file();
        is_gitlab.then_some(Ci::Gitlab)
    }
}

fn exit(adopting: &Adopting, is_written: bool) -> Exit {
    let mut problems = adopting.problems.iter().chain(&adopting.adoption.problems);
    if !is_written || problems.any(|problem| problem.severity == Severity::Error) {
        Exit::Failure
    } else {
        Exit::Success
    }
}

fn summary(adoption: &Adoption, location: Option<&str>, styles: Styles) -> String {
    let mut text = table(adoption).render(styles);
    if !text.is_empty() {
        text.push('\n');
    }
    let followed = adoption.followed;
    if adoption.changes.is_empty() {
        let _ = match (followed, adoption.left) {
            (0, 0) => writeln!(
                text,
                "Nothing to do: no container image was found in a pod template."
            ),
            (_, 0) => writeln!(
                text,
                "Nothing to do: {} followed already.",
                images(followed)
            ),
            (_, left) => writeln!(
                text,
                "Nothing to do: {} followed already, {} left as {} (see above).",
                images(followed),
                images(left),
                if left == 1 { "it is" } else { "they are" },
            ),
        };
    } else {
        let _ = writeln!(text, "{}", counts(adoption));
        for line in written(adoption) {
            let _ = writeln!(text, "{line}");
        }
    }
    let next = styles.paint(Role::Hint, "Next:");
    if adoption.uses.len() + followed == 0 {
        let _ = writeln!(
            text,
            "\n{next} write an ImageStream, and an ImageTrigger for Helm values or Kustomize `images`; `headwater demo` shows how it works"
        );
    } else {
        let location = location.map_or(String::new(), |location| format!(" {location}"));
        let _ = writeln!(text, "\n{next} headwater plan{location}");
    }
    text
}

fn table(adoption: &Adoption) -> Table {
    let mut uses: BTreeMap<String, usize> = BTreeMap::new();
    for used in &adoption.uses {
        *uses.entry(used.from.stream.to_string()).or_default() += 1;
    }
    let mut table = Table::new(["STREAM", "NEW TAGS", "USES", "FILE"]);
    let mut row = |name: &str, tags: &str, file: &str, count: usize| {
        let count = count.to_string();
        let cells: [Cell; 4] = [name.into(), tags.into(), count.into(), file.into()];
        table.row(cells);
    };
    for stream in &adoption.streams {
        let count = uses.remove(&stream.name).unwrap_or(0);
        let tags = stream.tags.join(", ");
        row(&stream.name, &tags, stream.file.as_str(), count);
    }
    for (name, count) in uses {
        row(&name, "", "(exists)", count);
    }
    table
}

fn counts(adoption: &Adoption) -> String {
    let total = adoption.uses.len() + adoption.followed + adoption.left;
    if total == 0 {
        return "No container image was found in a pod template.".to_owned();
    }
    let mut text = format!("{} adopted", images(adoption.uses.len()));
    if adoption.followed > 0 {
        let _ = write!(text, ", {} followed already", adoption.followed);
    }
    if adoption.left > 0 {
        let _ = write!(text, ", {} left (see above)", adoption.left);
    }
    text.push('.');
    text
}

fn images(count: usize) -> String {
    match count {
        1 => "1 image".to_owned(),
        count => format!("{count} images"),
    }
}

/// What was written, in a line for each sort of file.
fn written(adoption: &Adoption) -> Vec<String> {
    let mut lines = Vec::new();
    let files = |count: usize| match count {
        1 => "1 file".to_owned(),
        count => format!("{count} files"),
    };
    let is_stream = |path: &FilePath| adoption.streams.iter().any(|stream| &stream.file == path);
    let (new, edited): (Vec<_>, Vec<_>) = adoption
        .changes
        .iter()
        .partition(|change| change.before.is_empty());
    let (streams, others): (Vec<_>, Vec<_>) =
        new.into_iter().partition(|change| is_stream(&change.path));
    if !streams.is_empty() {
        lines.push(format!(
            "  wrote   {} with streams, for headwater only: keep them out of what is deployed",
            files(streams.len())
        ));
    }
    for change in others {
        lines.push(format!("  wrote   {}", change.path));
    }
    if !edited.is_empty() {
        lines.push(format!("  edited  {}", files(edited.len())));
    }
    lines
}
