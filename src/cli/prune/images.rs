use jiff::SignedDuration;

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::place;
use crate::cli::prune::pruned::{Pruned, Shape};
use crate::cli::prune::shelf::{Shelf, Sorted};
use crate::cli::registries::{Asker, failed};
use crate::cli::server_file;
use crate::clock;
use crate::git::{Location, Repository};
use crate::problem::Problem;
use crate::reconcile::Grounds;
use crate::verb::prune::{Books, Finder, Order, Place, Wishes};

/// Images that are deleted between two looks at the tags.
const BATCH: usize = 20;

/// Delete images of the integrated registry that nobody needs
///
/// Looks at the repository of each stream, and at no other: at images that the stream has had, by
/// Git, and at copies that headwater has put there. An image stays in all of them that a file of
/// any environment names by its digest or a tag, that a stream tag has, or had a few images ago,
/// that an open branch of the bot proposes, and that is young. All Git repositories of the server
/// file are read; where one cannot be, or has errors, nothing is deleted. Nothing is deleted
/// without --confirm, and nothing changes in Git.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  headwater prune images --config config.yaml\n  headwater prune images --config config.yaml -o wide\n  headwater prune images https://git.example/shop/deploy.git --config config.yaml --keep-younger-than=96h --confirm"
)]
pub struct Args {
    /// A clone, or the path or URL of a Git repository, beside those of the server file; of a
    /// clone, its origin is read
    #[arg(value_name = "PATH|URL")]
    location: Option<String>,

    /// Delete; without it, print what would be deleted
    #[arg(long)]
    confirm: bool,

    /// Also copies of images from other registries, and not only what was pushed
    #[arg(
        long,
        value_name = "BOOL",
        default_value_t = true,
        num_args = 0..=1,
        default_missing_value = "true",
        require_equals = true,
        action = clap::ArgAction::Set
    )]
    all: bool,

    /// Keep images that a stream has had for less than this time, and new streams
    #[arg(long, value_name = "TIME", default_value = "60m", value_parser = span)]
    keep_younger_than: SignedDuration,

    /// Keep so many of the newest images of each tag in each environment; the one that it has now
    /// stays in any case
    #[arg(long, value_name = "N", default_value_t = 3)]
    keep_tag_revisions: usize,

    /// Requests to the registry at once
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=64))]
    num_workers: usize,

    /// Only streams of this namespace; what is needed elsewhere stays all the same
    #[arg(short, long, value_name = "NAMESPACE")]
    namespace: Option<String>,

    /// How it is printed
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Shape,
}

/// A Git repository that speaks for images.
struct Witness {
    location: Location,
    repository: Repository,
    grounds: Grounds,
}

pub fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    let operator = server_file::operator_policy(context)?;
    if operator.integrated.is_none() {
        return Err(CliError::usage("there is no integrated registry to prune")
            .hint("the server file, --config FILE, names it: `integratedRegistry: {host: …}`"));
    }
    let wishes = Wishes {
        keep_younger_than: args.keep_younger_than,
        keep_revisions: args.keep_tag_revisions,
        all: args.all,
        namespace: args.namespace.clone(),
        now: clock::now(),
    };
    if !args.confirm {
        context.note(
            "Dry run enabled - no modifications will be made. Add --confirm to remove images",
        );
    }
    let mut witnesses = Vec::new();
    for location in locations(args, context)? {
        let witness = Witness::read(context, location.clone());
        witnesses.push(witness.map_err(|error| unread(&location, &error))?);
    }
    let books = books(context, &mut witnesses, &wishes)?;
    let asker = Asker::with(context, |options| {
        options.concurrency_per_host = args.num_workers;
        Ok(())
    })?;
    let mut pruning = Pruning {
        args,
        context,
        asker: &asker,
        witnesses: &witnesses,
        pruned: Pruned::new(args.confirm, args.output),
    };
    let sorted = pruning.sort(&books, &wishes);
    for (shelf, sorted) in &sorted {
        pruning.pruned.keep(shelf.place, sorted);
    }
    pruning.pruned.tell_kept()?;
    for (shelf, sorted) in &sorted {
        if !pruning.delete(shelf, sorted)? {
            break;
        }
    }
    pruning.pruned.end()
}

/// A time that may be none at all.
fn span(text: &str) -> Result<SignedDuration, String> {
    let parsed: Result<SignedDuration, _> = text.parse();
    parsed
        .ok()
        .filter(|span| !span.is_negative())
        .ok_or_else(|| "a time is written like 0s, 60m or 96h".to_owned())
}

/// All Git repositories whose environments may need an image.
fn locations(args: &Args, context: &Context) -> Result<Vec<Location>, CliError> {
    let listed = &server_file::read(context)?.repositories;
    let mut all: Vec<Location> = Vec::new();
    let mut add = |location: Location| {
        if !all.contains(&location) {
            all.push(location);
        }
    };
    for settings in listed {
        add(place::location(context, Some(&settings.url))?);
    }
    if listed.is_empty() || args.location.is_some() {
        let location = place::location(context, args.location.as_deref())?;
        add(shared(context, location));
    }
    Ok(all)
}

/// Of a clone, what others push to: its own branches may be old.
fn shared(context: &Context, location: Location) -> Location {
    let Location::Local(path) = &location else {
        return location;
    };
    let clone = Repository::open_local(path).ok();
    let clone = clone.filter(|clone| clone.work_tree().is_some());
    match clone.and_then(|clone| clone.remote_location("origin").ok()) {
        None => location,
        Some(origin) => {
            context.note(&format!("reading {origin}, of which this is a clone"));
            origin
        }
    }
}

fn unread(location: &Location, error: &CliError) -> CliError {
    let (why, hint) = error.told();
    let what = format!("{location} cannot be read, so nothing is deleted");
    let told = CliError::new(error.exit(), what).why(why);
    match hint {
        Some(hint) => told.hint(hint),
        None => told,
    }
}

/// What all of them say. Where they cannot say all, nothing may be deleted.
fn books(context: &Context, witnesses: &mut [Witness], wishes: &Wishes) -> Result<Books, CliError> {
    let streams = witnesses.iter().flat_map(|it| it.grounds.streams());
    let streams = streams.collect();
    let registries = witnesses.iter().flat_map(|it| it.grounds.registries());
    let finder = Finder::new(registries, streams);
    let mut books = Books::default();
    for witness in &mut *witnesses {
        let told = witness
            .grounds
            .tell(&witness.repository, &finder, wishes, &mut books);
        told.map_err(|error| unread(&witness.location, &place::git_error(&error)))?;
    }
    let faulty: Vec<&Witness> = witnesses
        .iter()
        .filter(|it| !it.grounds.errors.is_empty())
        .collect();
    if faulty.is_empty() {
        return Ok(books);
    }
    let names: Vec<String> = faulty.iter().map(|it| it.location.to_string()).collect();
    for witness in faulty {
        context.problems(&witness.grounds.errors);
    }
    let what = format!("nothing is deleted: {} has errors", names.join(", "));
    Err(CliError::failure(what)
        .why("what cannot be read may need any image")
        .hint("mend what is named above; `headwater validate` shows it in a clone"))
}

impl Witness {
    fn read(context: &Context, location: Location) -> Result<Self, CliError> {
        let operator = server_file::operator_policy(context)?;
        let repository = place::repository(context, &location)?;
        let mut cache = place::cache(&location);
        let grounds = Grounds::read(&repository, &mut cache, &operator)
            .map_err(|error| place::git_error(&error))?;
        context.save(&mut cache);
        Ok(Self {
            location,
            repository,
            grounds,
        })
    }

    /// Fails where somebody has pushed since it was read.
    fn stands(&self, context: &Context) -> Result<(), CliError> {
        let repository = place::repository(context, &self.location);
        let moved = repository.and_then(|repository| {
            let moved = self.grounds.has_moved(&repository);
            moved.map_err(|error| place::git_error(&error))
        });
        if moved.map_err(|error| unread(&self.location, &error))? {
            let what = format!(
                "{} has moved meanwhile, so nothing else is deleted",
                self.location
            );
            return Err(CliError::failure(what).hint("run it again"));
        }
        Ok(())
    }
}

struct Pruning<'a> {
    args: &'a Args,
    context: &'a Context,
    asker: &'a Asker,
    witnesses: &'a [Witness],
    pruned: Pruned,
}

impl<'a> Pruning<'a> {
    /// What becomes of the images of each repository that could be looked at.
    fn sort<'b>(&mut self, books: &'b Books, wishes: &Wishes) -> Vec<(Shelf<'b>, Sorted)>
    where
        'a: 'b,
    {
        let places = books.places(wishes);
        let bar = self
            .context
            .progress
            .start("looking at repositories", places.len() as u64);
        let mut found = Vec::new();
        for place in places {
            let at_once = self.args.num_workers;
            let Some(shelf) = Shelf::new(place, self.asker.registries(), at_once) else {
                continue;
            };
            match self.asker.run(shelf.sort(books, wishes)) {
                Ok(Some(sorted)) => found.push((shelf, sorted)),
                Ok(None) => {}
                Err(answer) => bar.aside(|| {
                    let what = format!("{place} was left alone");
                    self.fail(place, &failed(what, &answer));
                }),
            }
            bar.advance(1);
        }
        found
    }

    fn fail(&mut self, place: &Place, error: &CliError) {
        self.context.error(error);
        self.pruned.fail(place, error);
    }

    /// Deletes what was found, unless somebody has pushed since. False where that was to Git, and
    /// nothing else may be deleted.
    fn delete(&mut self, shelf: &Shelf<'_>, sorted: &Sorted) -> Result<bool, CliError> {
        let place = shelf.place;
        for batch in sorted.orders.chunks(BATCH) {
            let mut standing: Vec<&Order> = batch.iter().collect();
            if self.args.confirm {
                let mut witnesses = self.witnesses.iter();
                if let Err(error) = witnesses.try_for_each(|it| it.stands(self.context)) {
                    self.fail(place, &error);
                    return Ok(false);
                }
                standing = match self.standing(shelf, sorted, batch) {
                    Ok(standing) => standing,
                    Err(error) => {
                        self.fail(place, &error);
                        return Ok(true);
                    }
                };
            }
            for order in standing {
                self.pruned.tell(place, order)?;
                let deleted = match self.args.confirm {
                    false => Ok(0),
                    true => self.asker.run(shelf.delete(order)),
                };
                if let Err(answer) = deleted {
                    let what = format!("{} was not deleted from {place}", order.digest);
                    self.fail(place, &failed(what, &answer));
                    return Ok(true);
                }
                self.pruned.delete(place, order);
            }
        }
        Ok(true)
    }

    /// Those whose tags are the same as when it was decided.
    fn standing<'o>(
        &self,
        shelf: &Shelf<'_>,
        sorted: &Sorted,
        batch: &'o [Order],
    ) -> Result<Vec<&'o Order>, CliError> {
        let tagged = self.asker.run(shelf.tagged());
        let tagged = tagged.map_err(|answer| {
            let what = format!("{} was left alone", shelf.place);
            failed(what, &answer)
        })?;
        let now = tagged.map(|(tags, _)| tags).unwrap_or_default();
        let (standing, moved): (Vec<&Order>, Vec<&Order>) =
            batch.iter().partition(|it| it.stands(&sorted.tags, &now));
        let moved: Vec<Problem> = moved
            .into_iter()
            .map(|order| {
                let digest = &order.digest;
                let what = format!("{digest} stays in {}: its tags have moved", shelf.place);
                Problem::warning(None, what)
            })
            .collect();
        self.context.problems(&moved);
        Ok(standing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_may_be_none_at_all() {
        assert_eq!(span("0s"), Ok(SignedDuration::ZERO));
        assert_eq!(span("60m"), Ok(SignedDuration::from_mins(60)));
        assert_eq!(span("96h"), Ok(SignedDuration::from_hours(96)));
        for bad in ["", "60", "-1s", "soon"] {
            assert!(span(bad).is_err(), "{bad}");
        }
    }
}
