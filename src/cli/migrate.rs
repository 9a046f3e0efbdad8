use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::output;
use crate::cli::place;
use crate::cli::server_file;
use crate::cli::style::{Role, Styles};
use crate::cli::table::{Cell, Table};
use crate::clock;
use crate::git::Location;
use crate::plain::plain_lines;
use crate::plan::diff;
use crate::plan::migrate::{Migration, Origin};
use crate::problem::Severity;
use crate::reconcile::{Migrating, WantedMigration, migrate_in_place};
use crate::snapshot::FilePath;

/// Turn another tool's manifests into streams and triggers
///
/// Flux: ImageRepository, ImagePolicy and setter markers. argocd-image-updater: annotations and
/// ImageUpdater, with their write-back targets. OpenShift: streams exported by `oc get is -o yaml`,
/// and the settings for imports. What has no counterpart is named, with its place and what to do.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  headwater migrate --dry-run\n  headwater migrate --from flux --remove\n\n\
OpenShift's settings, and the same in headwater.yaml:\n  \
maxScheduledImageImportsPerMinute           imports.perMinute\n  \
scheduledImageImportMinimumIntervalSeconds  imports.interval\n  \
maxImagesBulkImportedPerRepository          imports.bulkPerRepository\n  \
disableScheduledImport: true                imports.scheduled: false\n  \
allowedRegistriesForImport                  registries.allow, in the server file"
)]
pub struct Args {
    /// A folder, with or without Git
    #[arg(value_name = "PATH")]
    location: Option<String>,

    /// Only this tool's; without it, all that are found
    #[arg(long, value_enum, value_name = "TOOL")]
    from: Option<From>,

    /// Print the changes as a unified diff and write nothing
    #[arg(long)]
    dry_run: bool,

    /// Take out what became something else
    #[arg(long)]
    remove: bool,

    /// Where new streams and triggers are put
    #[arg(long, value_name = "FOLDER", default_value = "headwater")]
    folder: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum From {
    Flux,
    Argocd,
    Openshift,
}

pub fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    let Location::Local(path) = place::location(context, args.location.as_deref())? else {
        return Err(
            CliError::usage("`migrate` edits the files of a folder, and this is a URL")
                .hint("clone it and run `headwater migrate` there"),
        );
    };
    let streams = FilePath::resolve("", &format!("{}/x", args.folder))
        .map_err(|error| CliError::usage("--folder cannot be used").because(&error))?;
    let folder = place::folder(&path)?;
    let operator = server_file::operator_policy(context)?;
    let wanted = WantedMigration {
        from: args.from.map(|from| match from {
            From::Flux => Origin::Flux,
            From::Argocd => Origin::Argocd,
            From::Openshift => Origin::Openshift,
        }),
        folder: streams.folder(),
        remove: args.remove,
    };
    let migrating = migrate_in_place(
        &folder.files,
        &|all| folder.environments(all),
        &operator,
        wanted,
        clock::now(),
    )
    .map_err(|error| place::git_error(&error))?;
    let Migrating { migration, faults } = &migrating;
    context.problems(
        folder
            .problems
            .iter()
            .chain(&migration.problems)
            .chain(faults),
    );
    if !faults.is_empty() {
        return Err(CliError::failure("nothing was written")
            .why("the files would have errors that they do not have now"));
    }
    if args.dry_run {
        output::write(&plain_lines(&diff(&migration.changes)))?;
        context.note("nothing was written");
        return Ok(exit(migration, true));
    }
    let is_whole = folder.write(&migration.changes, context).is_whole;
    output::write(&summary(migration, args, context.styles))?;
    Ok(exit(migration, is_whole))
}

fn exit(migration: &Migration, is_whole: bool) -> Exit {
    let mut problems = migration.problems.iter();
    if !is_whole || problems.any(|problem| problem.severity == Severity::Error) {
        Exit::Failure
    } else {
        Exit::Success
    }
}

fn summary(migration: &Migration, args: &Args, styles: Styles) -> String {
    if migration.changes.is_empty() {
        return if migration.became.is_empty() && migration.problems.is_empty() {
            "Nothing to do: nothing of Flux, argocd-image-updater or an OpenShift export was found.\n"
                .to_owned()
        } else {
            "Nothing to do: what can be migrated has been.\n".to_owned()
        };
    }
    let mut table = Table::new(["WAS", "AT", "IS NOW", "IN"]);
    for row in &migration.became {
        table.row([
            Cell::new(&row.was),
            Cell::new(format!("{}:{}", row.place.file, row.place.line)),
            Cell::new(&row.is),
            Cell::new(row.file.as_str()),
        ]);
    }
    let mut text = table.render(styles);
    if migration.leaves_originals {
        text.push_str(
            "\nThe originals stay; both tools must not write the same field. `--remove` takes them out.\n",
        );
    }
    let next = styles.paint(Role::Hint, "Next:");
    let location = args.location.as_deref();
    let location = location.map_or(String::new(), |location| format!(" {location}"));
    text.push_str(&format!(
        "\n{next} headwater validate{location}, and headwater plan{location}\n"
    ));
    text
}
