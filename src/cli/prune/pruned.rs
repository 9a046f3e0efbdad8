//! What `prune images` says: a line for each image, and what it comes to.

use serde::Serialize;

use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::output::{self, Format};
use crate::cli::prune::shelf::Sorted;
use crate::image::{Digest, Tag};
use crate::verb::prune::{Order, Outcome, Place};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Shape {
    /// A line for each image that goes
    #[default]
    Table,
    /// Also one for each that stays, with the reason
    Wide,
    /// For programs
    Json,
    /// For programs
    Yaml,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Pruned {
    dry_run: bool,
    /// Those that are deleted, or would be.
    images: Vec<Gone>,
    kept: Vec<Kept>,
    /// Repositories that were left alone, or with which it went no further.
    failures: Vec<Told>,
    #[serde(skip)]
    shape: Shape,
    #[serde(skip)]
    exit: Exit,
}

#[derive(Debug, Serialize)]
struct Gone {
    repository: String,
    #[serde(flatten)]
    order: Order,
}

#[derive(Debug, Serialize)]
struct Kept {
    repository: String,
    digest: Digest,
    tags: Vec<Tag>,
    reason: &'static str,
    message: String,
}

#[derive(Debug, Serialize)]
struct Told {
    repository: String,
    reason: String,
}

impl Pruned {
    pub fn new(confirm: bool, shape: Shape) -> Self {
        Self {
            dry_run: !confirm,
            images: Vec::new(),
            kept: Vec::new(),
            failures: Vec::new(),
            shape,
            exit: Exit::Success,
        }
    }

    /// Remembers what stays in a repository.
    pub fn keep(&mut self, place: &Place, sorted: &Sorted) {
        let kept = sorted.verdicts.iter().filter_map(|verdict| {
            let Outcome::Stays(reason) = &verdict.outcome else {
                return None;
            };
            Some(Kept {
                repository: place.to_string(),
                digest: verdict.digest.clone(),
                tags: verdict.tags.clone(),
                reason: reason.word(),
                message: reason.to_string(),
            })
        });
        self.kept.extend(kept);
    }

    /// Prints what stays, where that is asked for.
    pub fn tell_kept(&self) -> Result<(), CliError> {
        if self.shape != Shape::Wide {
            return Ok(());
        }
        let lines = self.kept.iter().map(|it| {
            let image = image(&it.digest, &it.repository, &it.tags);
            format!("Keeping image {image}: {}\n", it.message)
        });
        output::write(&crate::plain::plain_lines(&lines.collect::<String>()))
    }

    /// Prints what is about to be deleted.
    pub fn tell(&self, place: &Place, order: &Order) -> Result<(), CliError> {
        match self.shape {
            Shape::Json | Shape::Yaml => Ok(()),
            Shape::Table | Shape::Wide => {
                let image = image(&order.digest, &place.to_string(), &order.tags);
                output::write(&format!("Deleting image {image}\n"))
            }
        }
    }

    pub fn delete(&mut self, place: &Place, order: &Order) {
        self.images.push(Gone {
            repository: place.to_string(),
            order: order.clone(),
        });
    }

    pub fn fail(&mut self, place: &Place, error: &CliError) {
        self.exit = self.exit.max(error.exit());
        self.failures.push(Told {
            repository: place.to_string(),
            reason: error.told().0,
        });
    }

    /// Prints the rest.
    pub fn end(self) -> Result<Exit, CliError> {
        let summary = |it: &Self| it.summary();
        match self.shape {
            Shape::Table | Shape::Wide => output::write(&self.summary())?,
            Shape::Json => output::write_document(Format::Json, "ImagePrune", &self, summary)?,
            Shape::Yaml => output::write_document(Format::Yaml, "ImagePrune", &self, summary)?,
        }
        Ok(self.exit)
    }

    fn summary(&self) -> String {
        let count = |number: usize, one: &str, more: &str| match number {
            1 => format!("1 {one}"),
            number => format!("{number} {more}"),
        };
        let mut repositories: Vec<&String> = self.images.iter().map(|it| &it.repository).collect();
        repositories.dedup();
        let sum = |of: fn(&Order) -> &Vec<Digest>| -> usize {
            self.images.iter().map(|it| of(&it.order).len()).sum()
        };
        let verb = match self.dry_run {
            true => "would delete",
            false => "deleted",
        };
        format!(
            "Summary: {verb} {} with {} of indices and {}, from {}; kept {}\n",
            count(self.images.len(), "image", "images"),
            count(sum(|it| &it.parts), "part", "parts"),
            count(sum(|it| &it.attached), "attachment", "attachments"),
            count(repositories.len(), "repository", "repositories"),
            count(self.kept.len(), "image", "images"),
        )
    }
}

fn image(digest: &Digest, repository: &str, tags: &[Tag]) -> String {
    let tags: Vec<&str> = tags.iter().map(Tag::as_str).collect();
    match tags.as_slice() {
        [] => format!("{digest} from {repository}"),
        tags => format!("{digest} from {repository} ({})", tags.join(", ")),
    }
}
