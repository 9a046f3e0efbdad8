use std::collections::{BTreeMap, BTreeSet};

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::output::{self, OutputArgs};
use crate::cli::overview::Overview;
use crate::cli::place;
use crate::cli::registries::Asker;
use crate::git::Error;
use crate::image::{Digest, Reference};
use crate::lookup::{Lookup, Wanted};
use crate::plan::named_images;
use crate::plan::pull_request::origin::{Origin, is_same_revision};
use crate::reconcile::{Entry, Surveyed, Told, entries, sought, timeline, told, told_by};
use crate::show::{
    ImagePlaces, Presence, Running, Spot, Whereabouts, Why, reasons, rows, running,
    whereabouts_text,
};
use crate::stream::{ImportMode, StreamTagName, is_image};

/// Images whose registries are asked what they were built from.
const MAX_ASKED: usize = 200;
/// Digits of a commit or a digest that must be given.
const SHORTEST: usize = 7;

/// Say in which environments a source commit or an image runs, and what it waits for
///
/// The commit is the one that an image was built from, as its label
/// org.opencontainers.image.revision says: read from the trailers of the bot's commits, and where
/// they do not tell, asked of registries. Of each environment: since when it runs there and who
/// let it in, or what it waits for.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  headwater where 3cab71f\n  headwater where sha256:9f86d081884c\n  headwater where 3cab71f --offline -o json"
)]
pub struct Args {
    /// A commit of the image's source, or an image's digest; the beginning is enough
    #[arg(value_name = "COMMIT|DIGEST")]
    wanted: String,

    /// A folder in a clone, or the path or URL of a Git repository
    #[arg(value_name = "PATH|URL")]
    location: Option<String>,

    /// Ask no registry and no forge
    #[arg(long)]
    offline: bool,

    #[command(flatten)]
    output: OutputArgs,
}

pub fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    let wanted = Query::parse(&args.wanted)?;
    let location = place::location(context, args.location.as_deref())?;
    let overview = Overview::gather(context, &location, args.offline)?;
    let mut known = Known::gather(&overview).map_err(|error| place::git_error(&error))?;
    let mut digests = wanted.among(&known)?;
    if digests.is_empty() && wanted.may_be_commit && !args.offline {
        known.ask(context)?;
        digests = wanted.among(&known)?;
    }
    if digests.is_empty() {
        let advice = match args.offline {
            true => {
                "no registry was asked: without --offline, images are asked what they were built from"
            }
            false => {
                "it is the commit that an image names as org.opencontainers.image.revision, or an image's digest"
            }
        };
        context.problems(&overview.problems);
        return Err(CliError::usage(format!(
            "no image of any environment is `{}` or was built from it",
            args.wanted
        ))
        .hint(advice));
    }
    let found = known
        .places(&digests)
        .map_err(|error| place::git_error(&error))?;
    output::write_document(args.output.output, "Whereabouts", &found, |found| {
        whereabouts_text(found, context.width)
    })?;
    context.problems(&overview.problems);
    Ok(if overview.has_errors() {
        Exit::Failure
    } else {
        Exit::Success
    })
}

/// What is looked for.
struct Query {
    text: String,
    may_be_commit: bool,
}

impl Query {
    fn parse(text: &str) -> Result<Self, CliError> {
        let text = text.to_ascii_lowercase();
        let hex = text
            .strip_prefix("sha256:")
            .or(text.strip_prefix("sha512:"));
        let digits = hex.unwrap_or(&text);
        let is_good =
            digits.len() >= SHORTEST && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_good {
            return Err(
                CliError::usage(format!("`{text}` is neither a commit nor a digest")).hint(
                    format!("write at least {SHORTEST} hex digits, with or without sha256:"),
                ),
            );
        }
        Ok(Self {
            may_be_commit: hex.is_none(),
            text,
        })
    }

    /// The images that are meant. A commit may have several; the beginning of a digest must not.
    fn among(&self, known: &Known<'_>) -> Result<BTreeSet<Digest>, CliError> {
        let revisions = known.revisions.iter();
        let built: BTreeSet<Digest> = revisions
            .filter(|(_, revision)| self.may_be_commit && is_same_revision(revision, &self.text))
            .map(|(digest, _)| digest.clone())
            .collect();
        let digests = known.digests();
        let named: Vec<&Digest> = digests
            .iter()
            .filter(|digest| is_image(digest.as_str(), &self.text))
            .collect();
        if built.is_empty() && named.len() > 1 {
            let names: Vec<&str> = named.iter().map(|digest| digest.as_str()).collect();
            return Err(CliError::usage(format!(
                "`{}` is the beginning of several images",
                self.text
            ))
            .hint(format!("write more of it; there is {}", names.join(", "))));
        }
        Ok(built
            .into_iter()
            .chain(named.into_iter().cloned())
            .collect())
    }
}

/// What is known of images in all environments.
struct Known<'o> {
    overview: &'o Overview,
    /// By environment, as in the survey.
    running: Vec<BTreeMap<StreamTagName, Running<'o>>>,
    /// What their histories tell.
    told: Vec<Vec<Told>>,
    /// What images were built from.
    revisions: BTreeMap<Digest, String>,
}

impl<'o> Known<'o> {
    fn gather(overview: &'o Overview) -> Result<Self, Error> {
        let environments = &overview.survey.environments;
        let tags = environments.iter().map(|surveyed| {
            let tags = running(&surveyed.manifests).into_iter();
            tags.map(|one| (one.tag.clone(), one)).collect()
        });
        let histories = environments
            .iter()
            .map(|surveyed| told(&overview.repository, surveyed))
            .collect::<Result<Vec<_>, Error>>()?;
        let open = overview.open.iter();
        let proposed: Vec<Told> = open.flat_map(|branch| told_by(&branch.message)).collect();
        let mut revisions = BTreeMap::new();
        for one in histories.iter().flatten().chain(&proposed) {
            if let Some(revision) = &one.revision {
                revisions.insert(one.digest.clone(), revision.clone());
            }
        }
        Ok(Self {
            overview,
            running: tags.collect(),
            told: histories,
            revisions,
        })
    }

    fn digests(&self) -> BTreeSet<Digest> {
        let running = self.running.iter().flat_map(BTreeMap::values);
        let recorded = running.flat_map(|one| {
            let recorded = one
                .recorded
                .iter()
                .filter_map(|item| item.image.parse().ok());
            recorded.chain(one.pinned.iter().cloned())
        });
        let told = self.told.iter().flatten().map(|one| one.digest.clone());
        let open = self.overview.open.iter().flat_map(|branch| &branch.images);
        let planned = self.overview.plans.iter().flat_map(|plan| &plan.proposals);
        let moves = planned.flat_map(|proposal| &proposal.moves);
        recorded
            .chain(told)
            .chain(open.map(|image| image.digest.clone()))
            .chain(moves.filter_map(|moved| moved.digest().cloned()))
            .collect()
    }

    /// Asks registries what the images were built from that are in place or proposed.
    fn ask(&mut self, context: &Context) -> Result<(), CliError> {
        let running = self.running.iter().flat_map(BTreeMap::values);
        let mut lookups: BTreeMap<Digest, Lookup> = running
            .filter_map(|one| lookup(one, &one.recorded.first()?.reference))
            .collect();
        for branch in &self.overview.open {
            let images = named_images(&branch.message).into_iter();
            let tags = self.running.iter();
            let tag_of = |name: &StreamTagName| tags.clone().find_map(|tags| tags.get(name));
            lookups.extend(
                images.filter_map(|(tag, image)| lookup(tag_of(&tag)?, &image.to_string())),
            );
        }
        lookups.retain(|digest, _| !self.revisions.contains_key(digest));
        if lookups.len() > MAX_ASKED {
            context.note(&format!(
                "of {} images only {MAX_ASKED} are asked what they were built from",
                lookups.len()
            ));
        }
        let (digests, lookups): (Vec<Digest>, Vec<Lookup>) =
            lookups.into_iter().take(MAX_ASKED).unzip();
        let facts = Asker::new(context)?.facts(context, &lookups);
        for (digest, facts) in digests.into_iter().zip(facts) {
            let Some(facts) = facts else { continue };
            let revision = Origin::of(&facts.description).revision;
            let revision = revision.map(|named| named.value.to_owned());
            self.revisions
                .extend(revision.map(|revision| (digest, revision)));
        }
        Ok(())
    }

    fn places(&self, digests: &BTreeSet<Digest>) -> Result<Whereabouts, Error> {
        let names: Vec<Vec<StreamTagName>> = self
            .running
            .iter()
            .map(|tags| tags.keys().cloned().collect())
            .collect();
        let rows = rows(&names);
        let waiting: BTreeMap<_, _> = self
            .overview
            .plans
            .iter()
            .map(|plan| (plan.environment.name.clone(), reasons(plan)))
            .collect();
        let mut images = Vec::new();
        for digest in digests {
            let mut places = Vec::new();
            for row in &rows {
                let met: Vec<bool> = (0..row.tags.len())
                    .map(|number| self.has_met(number, row.tags.get(number), digest))
                    .collect();
                if !met.contains(&true) {
                    continue;
                }
                for (number, surveyed) in self.overview.survey.environments.iter().enumerate() {
                    let tag = row.tags.get(number).and_then(Option::as_ref);
                    let whys = waiting.get(&surveyed.environment.name);
                    let whys = tag.and_then(|tag| whys?.get(tag));
                    let whys = whys.map(Vec::as_slice).unwrap_or_default();
                    places.push(self.spot(number, surveyed, tag, digest, whys)?);
                }
            }
            images.push(ImagePlaces {
                image: digest.to_string(),
                revision: self.revisions.get(digest).cloned(),
                places,
            });
        }
        Ok(Whereabouts { images })
    }

    /// Whether a stream tag of an environment has, had or is to have the image.
    fn has_met(&self, number: usize, tag: Option<&Option<StreamTagName>>, digest: &Digest) -> bool {
        let Some(Some(tag)) = tag else { return false };
        let environment = self.overview.survey.environments.get(number);
        let Some(name) = environment.map(|surveyed| &surveyed.environment.name) else {
            return false;
        };
        let open = self.overview.open.iter();
        let mut open = open.filter(|branch| branch.environment == *name);
        let plans = self.overview.plans.iter();
        let plans = plans.filter(|plan| plan.environment.name == *name);
        let mut moves = plans
            .flat_map(|plan| &plan.proposals)
            .flat_map(|it| &it.moves);
        self.had(number, tag, digest)
            || open.any(|branch| {
                let mut images = branch.images.iter();
                images.any(|image| image.tag == *tag && image.digest == *digest)
            })
            || moves.any(|moved| moved.tag == *tag && moved.digest() == Some(digest))
    }

    fn had(&self, number: usize, tag: &StreamTagName, digest: &Digest) -> bool {
        let running = self.running.get(number).and_then(|tags| tags.get(tag));
        let is_recorded = running.is_some_and(|one| {
            let mut recorded = one.recorded.iter();
            one.runs(digest) || recorded.any(|item| item.image == digest.as_str())
        });
        let mut told = self.told.get(number).into_iter().flatten();
        is_recorded || told.any(|one| one.tag == *tag && one.digest == *digest)
    }

    fn spot(
        &self,
        number: usize,
        surveyed: &Surveyed,
        tag: Option<&StreamTagName>,
        digest: &Digest,
        whys: &[Why],
    ) -> Result<Spot, Error> {
        let environment = &surveyed.environment;
        let mut spot = Spot {
            environment: environment.name.to_string(),
            stream_tag: tag.map(ToString::to_string),
            ..Spot::default()
        };
        let running = self.running.get(number).zip(tag);
        let running = running.and_then(|(tags, tag)| tags.get(tag));
        let (Some(tag), Some(running)) = (tag, running) else {
            return Ok(spot);
        };
        if running.runs(digest) {
            spot.state = Presence::Runs;
            let sought = sought(surveyed, running).filter(|it| it.image == digest.as_str());
            let found = entries(&self.overview.repository, sought.as_slice())?;
            let entry = found.get(&(environment.name.clone(), tag.clone()));
            spot.since = entry.map(|entry| entry.time.clone());
            brought(&mut spot, entry);
            return Ok(spot);
        }
        spot.instead.clone_from(&running.image);
        if self.had(number, tag, digest) {
            self.past(surveyed, running, digest, &mut spot)?;
        }
        let is_past = spot.state == Presence::Ran;
        let open = self.overview.open.iter();
        let open = open.filter(|branch| branch.environment == environment.name);
        spot.proposed = open
            .flat_map(|branch| branch.images.iter().map(move |image| (branch, image)))
            .filter(|(_, image)| image.tag == *tag && image.digest == *digest)
            .map(|(branch, image)| branch.with(image))
            .collect();
        // What has been here waits for nothing, unless it was taken back or is held.
        let is_of_it = |why: &&Why| match &why.image {
            Some(image) => image == digest,
            None => !is_past,
        };
        spot.waiting = whys.iter().filter(is_of_it).cloned().collect();
        let promotion = environment.promotion.as_ref().filter(|_| !is_past);
        spot.awaited_from = promotion.map(|promotion| promotion.from.to_string());
        Ok(spot)
    }

    /// When it came and went, the last time.
    fn past(
        &self,
        surveyed: &Surveyed,
        running: &Running<'_>,
        digest: &Digest,
        spot: &mut Spot,
    ) -> Result<(), Error> {
        let events = timeline(
            &self.overview.repository,
            surveyed.snapshot.commit,
            &surveyed.environment.name,
            running.stream,
            &running.tag.tag,
        )?;
        let is_it = |image: &Option<String>| image.as_deref() == Some(digest.as_str());
        let Some(came) = events.iter().position(|event| is_it(&event.image)) else {
            return Ok(());
        };
        spot.state = Presence::Ran;
        let since = events.get(came).map(|event| event.entry.time.clone());
        let left = came.checked_sub(1).and_then(|newer| events.get(newer));
        spot.since = since;
        spot.until = left.map(|event| event.entry.time.clone());
        brought(spot, left.map(|event| &event.entry));
        Ok(())
    }
}

fn brought(spot: &mut Spot, entry: Option<&Entry>) {
    spot.commit = entry.map(|entry| entry.commit.to_string());
    spot.who = entry.map(|entry| entry.who.clone());
}

/// The question for what an image of a stream tag was built from.
fn lookup(running: &Running<'_>, image: &str) -> Option<(Digest, Lookup)> {
    let reference: Reference = image.parse().ok()?;
    let digest = reference.digest?;
    let stream = running.stream;
    let settings = stream.tag(&running.tag.tag).map(|tag| &tag.settings);
    let lookup = Lookup {
        repository: reference.repository,
        wanted: Wanted::Digest(digest.clone()),
        import_mode: ImportMode::PreserveOriginal,
        platforms: Vec::new(),
        insecure: settings.is_some_and(|it| it.insecure) || stream.metadata.is_insecure(),
        secrets_of: Some(stream.name.namespace.clone()),
        known: BTreeSet::new(),
        chosen: BTreeMap::new(),
    };
    Some((digest, lookup))
}
