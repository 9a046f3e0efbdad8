mod image;
mod registry;
mod scene;

use std::fmt::Write as _;

use crate::cli::context::Context;
use crate::cli::demo::scene::{STREAM_TAG, Scene};
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::output;
use crate::cli::report::painted_diff;
use crate::cli::style::{Role, Styles};
use crate::cli::table::shortened;
use crate::plan::diff;

/// Show the whole way of an image, from a moved tag to its history, offline
///
/// Makes a Git repository and a registry of its own in a temporary folder, and runs on them what
/// the other commands run. Nothing of yours is read or written.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  headwater demo --keep")]
pub struct Args {
    /// Keep the Git repository, and say where it is
    #[arg(long)]
    keep: bool,
}

pub fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    let mut scene = Scene::set()?;
    let story = Story {
        styles: context.styles,
    };
    story
        .note("On a Git repository and a registry of its own. Files show 12 digits of a digest.")?;

    let (path, text) = scene.deployment()?;
    story.heading(&format!(
        "1. {path} on {}: the comment ties the image to a stream tag",
        scene.main()
    ))?;
    story.text(&shortened(&text))?;

    let (was, now) = scene.move_tag()?;
    let image = scene.image();
    story.heading("2. The tag moves: somebody pushes it again")?;
    story.text(&format!("{image}\n  was  {was}\n  now  {now}"))?;

    let proposal = scene.pass()?;
    story.heading("3. `headwater reconcile` sees it, and pushes a branch")?;
    if let Some(branch) = &proposal.branch {
        let subject = proposal.message.lines().next().unwrap_or_default();
        story.text(&format!("{branch}\n  {subject}"))?;
    }

    story.heading("4. The diff: the pin, and the stream's own record of it")?;
    story.text(&painted_diff(
        &shortened(&diff(&proposal.changes)),
        context.styles,
    ))?;

    let merged = scene.merge(&proposal)?;
    story.heading("5. You merge it")?;
    story.text(&format!(
        "{}  {} -> {}  {}",
        scene.main(),
        merged.before.short(),
        merged.after.short(),
        merged.subject
    ))?;

    story.heading(&format!(
        "6. `headwater history {STREAM_TAG}` reads it from Git alone"
    ))?;
    story.text(&scene.history(context.styles)?)?;

    story.heading("7. Now yours: in a clone of your own repository, run")?;
    story.text("headwater init --dry-run")?;
    if args.keep {
        story.heading("Kept")?;
        story.text(&scene.keep().display().to_string())?;
    }
    Ok(Exit::Success)
}

/// Tells it on stdout, chapter by chapter.
struct Story {
    styles: Styles,
}

impl Story {
    fn note(&self, text: &str) -> Result<(), CliError> {
        output::write(&format!("{}\n", self.styles.paint(Role::Muted, text)))
    }

    fn heading(&self, text: &str) -> Result<(), CliError> {
        let heading = self.styles.paint(Role::Heading, text);
        output::write(&format!("\n{heading}\n\n"))
    }

    fn text(&self, text: &str) -> Result<(), CliError> {
        let mut indented = String::new();
        for line in text.lines() {
            let _ = writeln!(indented, "  {line}");
        }
        output::write(&indented)
    }
}
