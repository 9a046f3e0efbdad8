use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use clap::builder::RangedU64ValueParser;
use futures_util::stream::{self, StreamExt as _};

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::image::Asking;
use crate::cli::image::mirrored::{Copies, Mirrored, Unread};
use crate::cli::output::{self, Format, OutputArgs};
use crate::cli::registries::{Asker, failed};
use crate::cli::write::refusal;
use crate::copying::{Copied, CopyOrder, CopyProgress, Platforms};
use crate::image::{Digest, Endpoint, Platform, Reference, Repository};
use crate::lookup::{Answer, Fault, Question, Reason, Resolution, TagListing, Wanted};
use crate::problem::Problem;
use crate::show::human_size;
use crate::verb::PlatformFilter;
use crate::verb::mirror::{self, Copy, Mapping};

/// Of one file of mappings.
const MOST_BYTES: u64 = 16 * 1024 * 1024;
const MOST_COPIES: usize = 100_000;
/// Images under way at once, as `oc image mirror --max-registry`; indexes that are read.
const AT_ONCE: usize = 4;

/// Copy images from one registry to another
///
/// Everything is copied by digest and byte for byte, an index with all of its images: what arrives
/// has the digest that it had, and the tag is set last. Signatures, SBOMs and attestations come
/// along. A source without a tag, or with `*` in it, means all tags that match; a destination
/// without a tag takes the source's. Prints digest and name of each tag that was set.
///
/// With --filter-by-os, an index of which several images remain is written anew and has another
/// digest; where one remains, that image is copied.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  headwater image mirror registry.example/web:1.8 mirror.example/web\n  headwater image mirror 'registry.example/web:1.*' mirror.example/web\n  headwater image mirror registry.example/web:1.8=mirror.example/web:stable registry.example/db:9=mirror.example/db\n  headwater image mirror -f mappings.txt --skip-missing --continue-on-error"
)]
pub struct Args {
    /// What is copied, and where to
    #[arg(value_name = "SRC DST [DST]... | SRC=DST")]
    words: Vec<String>,

    /// More of these, a mapping a line, comments behind `#`; `-` is stdin
    #[arg(short, long = "filename", value_name = "FILE", value_delimiter = ',')]
    files: Vec<PathBuf>,

    #[command(flatten)]
    asking: Asking,

    /// Write an index even where one image of it remains; without --filter-by-os it is kept anyway
    #[arg(long)]
    keep_manifest_list: bool,

    /// Print what would be copied, by the sources' digests, and write nothing
    #[arg(long)]
    dry_run: bool,

    /// Leave out sources that are not there
    #[arg(long)]
    skip_missing: bool,

    /// Copy what can be copied, whatever fails
    #[arg(long)]
    continue_on_error: bool,

    /// Requests to one registry at once
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = RangedU64ValueParser::<usize>::new().range(1..=64))]
    max_per_registry: usize,

    /// Leave signatures, SBOMs and attestations where they are, as oc does
    #[arg(long)]
    no_referrers: bool,

    #[command(flatten)]
    output: OutputArgs,
}

/// One image to one repository, and the names that it gets there.
struct Job {
    order: CopyOrder,
    copies: Vec<Copy>,
}

struct Mirroring<'a> {
    args: &'a Args,
    context: &'a Context,
    asker: &'a Asker,
    failures: Vec<Unread>,
    mirrored: Mirrored,
}

pub fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    let mappings = mappings(args, context)?;
    let filter = args.asking.filter()?;
    let plain = mappings.iter().filter(|mapping| mapping.listed().is_none());
    let plain: Vec<Copy> = plain.flat_map(|mapping| mapping.copies(&[])).collect();
    mirror::check(&plain).map_err(|refused| refusal(&refused))?;
    let asker = args.asking.asker(context, Some(args.max_per_registry))?;
    let mut mirroring = Mirroring {
        args,
        context,
        asker: &asker,
        failures: Vec::new(),
        mirrored: Mirrored::new(args.dry_run),
    };
    let copies = mirroring.copies(&mappings);
    if copies.len() > MOST_COPIES {
        return Err(CliError::usage(format!(
            "that is more than {MOST_COPIES} images; name fewer at once"
        )));
    }
    mirror::check(&copies).map_err(|refused| refusal(&refused))?;
    let jobs = mirroring.jobs(copies, filter.as_ref());
    mirroring.end_of_planning()?;
    if args.dry_run {
        for job in &jobs {
            mirroring.mirrored.add(&job.order, &job.copies, None);
        }
        if args.output.output == Format::Table {
            let lines = jobs
                .iter()
                .map(|job| lines(job, &job.order.digest, " (dry run)"));
            output::write(&lines.collect::<String>())?;
        }
    } else {
        mirroring.copy(&jobs)?;
    }
    mirroring.end()
}

fn mappings(args: &Args, context: &Context) -> Result<Vec<Mapping>, CliError> {
    let mut all = mirror::mappings(&args.words).map_err(|refused| refusal(&refused))?;
    for file in &args.files {
        let text = text_of(file, context)?;
        let name = file.display().to_string();
        let found = mirror::mappings_of_file(&name, &text);
        all.extend(found.map_err(|refused| refusal(&refused))?);
    }
    if all.is_empty() {
        return Err(CliError::usage(
            "you must specify at least one source image to pull and the destination to push to as SRC=DST or SRC DST [DST2 DST3 ...]",
        ));
    }
    Ok(all)
}

fn text_of(file: &Path, context: &Context) -> Result<String, CliError> {
    let what = || CliError::usage(format!("{} cannot be read", file.display()));
    let mut text = String::new();
    let read = if file == Path::new("-") {
        std::io::stdin()
            .take(MOST_BYTES + 1)
            .read_to_string(&mut text)
    } else {
        std::fs::File::open(context.path(file))
            .and_then(|opened| opened.take(MOST_BYTES + 1).read_to_string(&mut text))
    };
    read.map_err(|error| what().because(&error))?;
    if text.len() as u64 > MOST_BYTES {
        return Err(what().why(format!("it has more than {MOST_BYTES} bytes")));
    }
    Ok(text)
}

impl Mirroring<'_> {
    /// With the tags of sources that have wildcards.
    fn copies(&mut self, mappings: &[Mapping]) -> Vec<Copy> {
        let listing = |repository: &Repository| {
            Question::Tags(TagListing {
                repository: repository.clone(),
                insecure: self.args.asking.insecure,
                secrets_of: None,
            })
        };
        let questions: Vec<Question> = mappings
            .iter()
            .filter_map(Mapping::listed)
            .map(listing)
            .collect();
        let mut answers = self.asker.answer(self.context, &questions).into_iter();
        let mut all = Vec::new();
        for mapping in mappings {
            if mapping.listed().is_none() {
                all.extend(mapping.copies(&[]));
                continue;
            }
            let source = mapping.source_text();
            match answers.next() {
                Some(Answer::Tags(Ok(tags))) => {
                    let found = mapping.copies(&tags);
                    if found.is_empty() {
                        self.nothing_matches(source);
                    }
                    all.extend(found);
                }
                Some(Answer::Tags(Err(answer))) => self.not_there(source, &answer),
                _ => {}
            }
        }
        all
    }

    fn nothing_matches(&mut self, source: String) {
        if self.args.skip_missing {
            self.skip(source, "no tag matches");
        } else {
            let error = CliError::failure(format!("no tag matches {source}"));
            self.failures.push(Unread { source, error });
        }
    }

    fn not_there(&mut self, source: String, answer: &Resolution) {
        if self.args.skip_missing && matches!(answer, Resolution::Missing(_)) {
            self.skip(source, "it does not exist");
        } else {
            let error = failed(format!("unable to retrieve source image {source}"), answer);
            self.failures.push(Unread { source, error });
        }
    }

    fn skip(&mut self, source: String, reason: &str) {
        let what = format!("Image {source} will not be mirrored: {reason}");
        self.context.problems(&[Problem::warning(None, what)]);
        self.mirrored.skip(source, reason);
    }

    /// By the digests that the sources have now; each image goes to each repository once.
    fn jobs(&mut self, copies: Vec<Copy>, filter: Option<&PlatformFilter>) -> Vec<Job> {
        let questions: Vec<Question> = copies
            .iter()
            .map(|copy| {
                let wanted = Wanted::of(&copy.source);
                Question::Image(self.args.asking.lookup(&copy.source.repository, wanted))
            })
            .collect();
        let answers = self.asker.answer(self.context, &questions);
        let mut found = Vec::new();
        for (copy, answer) in copies.into_iter().zip(answers) {
            match answer.image() {
                Some(Resolution::Found(image)) => found.push((copy, image.digest)),
                Some(answer) => self.not_there(copy.source.to_string(), &answer),
                None => {}
            }
        }
        let chosen = filter.map(|filter| self.chosen(filter, &found));
        let mut jobs: Vec<Job> = Vec::new();
        let mut places: BTreeMap<(Endpoint, Digest, Endpoint), usize> = BTreeMap::new();
        for (copy, digest) in found {
            let from = copy.source.repository.endpoint();
            let platforms = match &chosen {
                None => Platforms::All,
                Some(chosen) => match chosen.get(&(from.clone(), digest.clone())) {
                    Some(Ok(Some(platforms))) => platforms.clone(),
                    Some(Err(answer)) => {
                        self.not_there(copy.source.to_string(), answer);
                        continue;
                    }
                    Some(Ok(None)) | None => {
                        self.skip(
                            copy.source.to_string(),
                            "--filter-by-os leaves no image of it",
                        );
                        continue;
                    }
                },
            };
            let place = *places
                .entry((from, digest.clone(), copy.to.endpoint()))
                .or_insert(jobs.len());
            if place == jobs.len() {
                jobs.push(self.job(&copy, digest, platforms));
            }
            if let Some(job) = jobs.get_mut(place) {
                job.order.tags.extend(copy.tag.clone());
                job.copies.push(copy);
            }
        }
        jobs
    }

    fn job(&self, copy: &Copy, digest: Digest, platforms: Platforms) -> Job {
        Job {
            order: CopyOrder {
                from: copy.source.repository.clone(),
                insecure: self.args.asking.insecure,
                secrets_of: None,
                digest,
                to: copy.to.clone(),
                to_insecure: self.args.asking.insecure,
                mounts_from: None,
                tags: Vec::new(),
                with_referrers: !self.args.no_referrers,
                platforms,
            },
            copies: Vec::new(),
        }
    }

    /// For each image, what the filter leaves of it; none where that is nothing.
    fn chosen(
        &self,
        filter: &PlatformFilter,
        found: &[(Copy, Digest)],
    ) -> BTreeMap<(Endpoint, Digest), Result<Option<Platforms>, Resolution>> {
        let mut asked: BTreeMap<(Endpoint, Digest), &Reference> = BTreeMap::new();
        for (copy, digest) in found {
            let key = (copy.source.repository.endpoint(), digest.clone());
            asked.insert(key, &copy.source);
        }
        let registries = self.asker.registries();
        self.asker.run(
            stream::iter(asked)
                .map(|(key, source)| async move {
                    let wanted = Wanted::Digest(key.1.clone());
                    let lookup = self.args.asking.lookup(&source.repository, wanted);
                    let described = registries.describe(&lookup).await;
                    let left = described.map_err(Resolution::from);
                    let left = left.and_then(|description| {
                        if description.images.is_empty() {
                            return Ok(Some(Platforms::All));
                        }
                        let images = description.images.iter();
                        let there: Vec<&Platform> =
                            images.filter_map(|image| image.platform.as_ref()).collect();
                        self.left(filter, &there, &key.0)
                    });
                    (key, left)
                })
                .buffer_unordered(AT_ONCE)
                .collect(),
        )
    }

    fn left(
        &self,
        filter: &PlatformFilter,
        there: &[&Platform],
        from: &Endpoint,
    ) -> Result<Option<Platforms>, Resolution> {
        let platforms = filter.among(there.iter().copied());
        if platforms.is_empty() {
            return Ok(None);
        }
        let only = Platforms::Only {
            platforms,
            keeps_index: self.args.keep_manifest_list,
        };
        // An expression may mean linux/arm and not linux/arm/v7.
        let is_exact =
            |platform: &&&Platform| only.admits(Some(**platform)) == filter.admits(platform);
        if let Some(other) = there.iter().find(|platform| !is_exact(platform)) {
            return Err(Resolution::Refused(Fault {
                host: from.host.clone(),
                message: format!(
                    "--filter-by-os leaves out {other} and not the image without a variant; they cannot be told apart"
                ),
                advice: Some("take both, or name variants".to_owned()),
                reason: Reason::InternalError,
            }));
        }
        Ok(Some(only))
    }

    /// Nothing is copied where not all of it can be, unless that is asked for.
    fn end_of_planning(&mut self) -> Result<(), CliError> {
        const HINT: &str =
            "--skip-missing leaves out what is not there, --continue-on-error copies the rest";
        let mut failures = std::mem::take(&mut self.failures);
        let exit = failures.iter().map(|failure| failure.error.exit()).max();
        let Some(exit) = exit else {
            return Ok(());
        };
        if !self.args.continue_on_error {
            if failures.len() == 1
                && let Some(only) = failures.pop()
            {
                return Err(only.error.hint(HINT));
            }
            for failure in &failures {
                self.context.error(&failure.error);
            }
            let what = "an error occurred during planning, and nothing was copied";
            return Err(CliError::new(exit, what).hint(HINT));
        }
        for failure in failures {
            self.fail(failure);
        }
        Ok(())
    }

    fn fail(&mut self, failure: Unread) {
        self.context.error(&failure.error);
        self.mirrored.fail(failure);
    }

    fn copy(&mut self, jobs: &[Job]) -> Result<(), CliError> {
        let (context, asker, args) = (self.context, self.asker, self.args);
        let bar = context.progress.start_bytes("copying");
        let told = Mutex::new(vec![CopyProgress::default(); jobs.len()]);
        let tell = |number: usize, progress: CopyProgress| {
            let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(place) = told.get_mut(number) {
                *place = progress;
            }
            let sum = |of: fn(&CopyProgress) -> u64| told.iter().map(of).sum();
            bar.set(sum(|it| it.bytes_done), sum(|it| it.bytes));
        };
        let (tell, is_over) = (&tell, &Cell::new(false));
        asker.run(async {
            let mut ended = stream::iter(jobs.iter().enumerate())
                .map(|(number, job)| async move {
                    if is_over.get() {
                        return (job, None);
                    }
                    let on_progress = |progress| tell(number, progress);
                    let copied = asker.registries().copy(&job.order, &on_progress).await;
                    // What is under way ends as it ends: it may have set its tags.
                    if copied.is_err() && !args.continue_on_error {
                        is_over.set(true);
                    }
                    (job, Some(copied))
                })
                .buffered(AT_ONCE);
            while let Some((job, copied)) = ended.next().await {
                bar.aside(|| match copied {
                    Some(Ok(copied)) => self.copied(job, &copied),
                    Some(Err(failure)) => {
                        self.not_copied(job, &failure.into());
                        Ok(())
                    }
                    None => {
                        self.mirrored.not_begun += 1;
                        Ok(())
                    }
                })?;
            }
            Ok(())
        })
    }

    fn copied(&mut self, job: &Job, copied: &Copied) -> Result<(), CliError> {
        let warnings: Vec<Problem> = copied
            .left_out
            .iter()
            .map(|left_out| {
                let source = &job.order.from;
                let what = format!(
                    "{source}: {} was not copied: {}",
                    left_out.name, left_out.reason
                );
                Problem::warning(None, what)
            })
            .collect();
        self.context.problems(&warnings);
        self.mirrored.add(&job.order, &job.copies, Some(copied));
        match self.args.output.output {
            Format::Table => output::write(&lines(job, &copied.digest, "")),
            Format::Json | Format::Yaml => Ok(()),
        }
    }

    fn not_copied(&mut self, job: &Job, answer: &Resolution) {
        for copy in &job.copies {
            let (source, to) = (copy.source.to_string(), copy.destination());
            let error = failed(format!("{source} was not copied to {to}"), answer);
            self.fail(Unread { source, error });
        }
    }

    fn end(self) -> Result<Exit, CliError> {
        if !self.args.dry_run {
            self.context.note(&summary(&self.mirrored.total()));
        }
        if self.mirrored.not_begun > 0 {
            self.context.note(&format!(
                "{} more were not begun; --continue-on-error goes on behind a failure",
                self.mirrored.not_begun
            ));
        }
        let exit = self.mirrored.exit();
        if self.args.output.output != Format::Table {
            let document = &self.mirrored;
            output::write_document(self.args.output.output, "ImageMirror", document, |_| {
                String::new()
            })?;
        }
        Ok(exit)
    }
}

fn lines(job: &Job, digest: &Digest, ending: &str) -> String {
    job.copies
        .iter()
        .map(|copy| format!("{digest} {}{ending}\n", copy.destination()))
        .collect()
}

fn summary(total: &Copies) -> String {
    let plural = |count: u64, what: &str| match count {
        1 => format!("1 {what}"),
        count => format!("{count} {what}s"),
    };
    format!(
        "{} copied, {} with {} sent, {} there already",
        plural(total.images, "image"),
        plural(total.blobs_copied, "blob"),
        human_size(total.bytes),
        total.blobs_present + total.blobs_mounted,
    )
}
