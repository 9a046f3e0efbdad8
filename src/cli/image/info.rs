use serde_json::{Value as Json, json};

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::image::Asking;
use crate::cli::output::{self, Format, OutputArgs};
use crate::cli::registries::{Asker, failed};
use crate::cli::write::refusal;
use crate::clock;
use crate::image::{Description, Digest, PlatformImage, Reference, Referrer, Repository, Tag};
use crate::lookup::{Answer, Question, Resolution, TagListing, Wanted};
use crate::problem::Problem;
use crate::show::{self, ImageInfo, ImageList};
use crate::verb::PlatformFilter;
use crate::verb::mirror::{self, Source};

/// By one name with wildcards.
const MOST_MATCHING: usize = 100;

/// Show what registries have under a name
///
/// Digest, layers, what the image runs and how, labels and environment, and what refers to it:
/// signatures, SBOMs and attestations, by their type and digest. Of an index, one image is shown;
/// --filter-by-os says which.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  headwater image info quay.io/acme/web:1.2\n  headwater image info 'quay.io/acme/web:1.*'\n  headwater image info quay.io/acme/web:1.2 --filter-by-os=linux/arm64 -o json"
)]
pub struct Args {
    /// Images; `*` in a tag means all tags that match
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<String>,

    #[command(flatten)]
    asking: Asking,

    /// Show each image of an index
    #[arg(long)]
    show_multiarch: bool,

    #[command(flatten)]
    output: OutputArgs,
}

struct Looking<'a> {
    args: &'a Args,
    context: &'a Context,
    asker: &'a Asker,
    filter: Option<PlatformFilter>,
    found: Vec<ImageInfo>,
    exit: Exit,
}

pub fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    let sources: Vec<Source> = args
        .images
        .iter()
        .map(|text| source(text))
        .collect::<Result<_, _>>()?;
    let filter = args.asking.filter()?;
    let asker = args.asking.asker(context, None)?;
    let mut looking = Looking {
        args,
        context,
        asker: &asker,
        filter,
        found: Vec::new(),
        exit: Exit::Success,
    };
    let is_one = matches!(sources.as_slice(), [Source::Image(_)]);
    for source in sources {
        match source {
            Source::Image(image) => looking.look_at(&image),
            Source::Tags {
                repository,
                pattern,
            } => looking.look_at_tags(&repository, &pattern),
        }
    }
    looking.print(is_one)?;
    Ok(looking.exit)
}

/// Without a tag, `latest`: who asks for all writes `:*`.
fn source(text: &str) -> Result<Source, CliError> {
    match mirror::source(text).map_err(|refused| refusal(&refused))? {
        Source::Tags { repository, .. } if !text.contains('*') => Ok(Source::Image(Reference {
            repository,
            tag: None,
            digest: None,
        })),
        source => Ok(source),
    }
}

impl Looking<'_> {
    fn look_at_tags(&mut self, repository: &Repository, pattern: &str) {
        let listing = Question::Tags(TagListing {
            repository: repository.clone(),
            insecure: self.args.asking.insecure,
            secrets_of: None,
        });
        let name = format!("{repository}:{pattern}");
        let tags = match self.asker.answer(self.context, &[listing]).pop() {
            Some(Answer::Tags(Ok(tags))) => mirror::matching(pattern, &tags),
            Some(Answer::Tags(Err(answer))) => return self.not_there(&name, &answer),
            _ => Vec::new(),
        };
        if tags.is_empty() || tags.len() > MOST_MATCHING {
            let what = match tags.len() {
                0 => format!("no tag matches {name}"),
                count => format!("{count} tags match {name}; at most {MOST_MATCHING} are shown"),
            };
            return self.fail(&CliError::failure(what));
        }
        for tag in tags {
            self.look_at_tag(repository, tag);
        }
    }

    fn look_at_tag(&mut self, repository: &Repository, tag: Tag) {
        self.look_at(&Reference {
            repository: repository.clone(),
            tag: Some(tag),
            digest: None,
        });
    }

    fn look_at(&mut self, image: &Reference) {
        let name = image.to_string();
        let description = match self.describe(&image.repository, Wanted::of(image)) {
            Ok(description) => description,
            Err(answer) => return self.not_there(&name, &answer),
        };
        if description.images.is_empty() {
            let referrers = self.referrers(&image.repository, &description.digest);
            self.found.push(ImageInfo {
                name,
                description,
                referrers,
                list: None,
            });
            return;
        }
        // What names no platform is an attestation, or no image.
        let is_meant = |part: &&PlatformImage| {
            let platform = part.platform.as_ref();
            platform.is_some_and(|it| self.filter.as_ref().is_none_or(|all| all.admits(it)))
        };
        let parts: Vec<&PlatformImage> = description.images.iter().filter(is_meant).collect();
        if parts.is_empty() || (parts.len() > 1 && !self.args.show_multiarch) {
            return self.choose(&name, &description, parts.is_empty());
        }
        let list = ImageList {
            digest: description.digest.clone(),
            referrers: self.referrers(&image.repository, &description.digest),
        };
        for part in parts {
            let wanted = Wanted::Digest(part.digest.clone());
            match self.describe(&image.repository, wanted) {
                Ok(description) => {
                    let referrers = self.referrers(&image.repository, &part.digest);
                    self.found.push(ImageInfo {
                        name: name.clone(),
                        description,
                        referrers,
                        list: Some(list.clone()),
                    });
                }
                Err(answer) => self.not_there(&name, &answer),
            }
        }
    }

    fn describe(&self, repository: &Repository, wanted: Wanted) -> Result<Description, Resolution> {
        let lookup = self.args.asking.lookup(repository, wanted);
        let described = self.asker.run(self.asker.registries().describe(&lookup));
        described.map_err(Resolution::from)
    }

    /// That they cannot be told makes the rest no worse.
    fn referrers(&self, repository: &Repository, digest: &Digest) -> Vec<Referrer> {
        let registries = self.asker.registries();
        let insecure = self.args.asking.insecure;
        let found = registries.referrers_of(repository, insecure, digest);
        self.asker.run(found).unwrap_or_else(|failure| {
            let what = format!("what refers to {repository}@{digest} is not shown: {failure}");
            self.context.problems(&[Problem::warning(None, what)]);
            Vec::new()
        })
    }

    fn choose(&mut self, name: &str, list: &Description, is_none: bool) {
        let error = match is_none {
            true => CliError::failure(format!("no manifests could be found for {name:?}")),
            false => CliError::usage(
                "the image is a manifest list and contains multiple images - use --filter-by-os to select from:",
            ),
        };
        self.fail(&error);
        output::write_note(&format!("\n{}\n", show::choices(&list.images)));
    }

    fn not_there(&mut self, name: &str, answer: &Resolution) {
        self.fail(&failed(format!("unable to read image {name}"), answer));
    }

    fn fail(&mut self, error: &CliError) {
        self.context.error(error);
        self.exit = self.exit.max(error.exit());
    }

    /// One image that was asked for by its name is a document, and several are a list.
    fn print(&self, is_one: bool) -> Result<(), CliError> {
        let format = self.args.output.output;
        if format == Format::Table {
            let now = clock::now();
            let texts = self.found.iter().map(|image| show::info(image, now));
            return output::write(&texts.collect::<String>());
        }
        let mut objects: Vec<Json> = self.found.iter().map(show::info_object).collect();
        let no_text = |_: &Json| String::new();
        match (objects.len(), is_one) {
            (0, true) => Ok(()),
            (1, true) => {
                let object = objects.pop().unwrap_or_default();
                output::write_document(format, "ImageInfo", &object, no_text)
            }
            _ => {
                let list = json!({"items": objects});
                output::write_document(format, "ImageInfoList", &list, no_text)
            }
        }
    }
}
