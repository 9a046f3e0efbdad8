//! What registries know of the images that are shown, asked by digest when it is needed.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::registries::Asker;
use crate::image::{Description, Digest, Reference, Repository};
use crate::lookup::{Lookup, Wanted};
use crate::registry::{Failure, FailureKind};
use crate::show::{self, Catalog, Item, Kind, Tagged};
use crate::stream::{ImportMode, TagEvent, is_image};

/// Of one stream, so many recorded images are searched for an image of an index.
const MAX_SEARCHED: usize = 20;

/// The registries, once one is needed, and how asking them ended.
#[derive(Debug)]
pub struct Facts<'c> {
    context: &'c Context,
    asker: Option<Asker>,
    exit: Exit,
}

impl<'c> Facts<'c> {
    pub fn new(context: &'c Context) -> Self {
        Self {
            context,
            asker: None,
            exit: Exit::Success,
        }
    }

    /// The gravest of what went wrong.
    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// What a registry says of an image. Where it says nothing, that is said on stderr, and what
    /// Git knows has to do.
    pub fn of(&mut self, image: &Tagged<'_>) -> Result<Option<Description>, CliError> {
        let Some(lookup) = lookup(image) else {
            self.context.note(&format!(
                "{} is no image with a digest; only what Git knows of it is shown",
                image.event.reference
            ));
            return Ok(None);
        };
        let shown = format!("only what Git knows of {} is shown", lookup.reference());
        let copies = image.stream.copies_of(image.tag);
        self.about(&lookup, copies, shown)
    }

    /// What a registry says to a question, the one with copies first; `otherwise` is what is done
    /// where none says anything.
    pub fn about(
        &mut self,
        lookup: &Lookup,
        copies: Option<Repository>,
        otherwise: String,
    ) -> Result<Option<Description>, CliError> {
        if let (Wanted::Digest(_), Some(repository)) = (&lookup.wanted, copies) {
            let of_copy = Lookup {
                repository,
                insecure: false,
                secrets_of: None,
                ..lookup.clone()
            };
            if let Ok(description) = self.ask(&of_copy)? {
                return Ok(Some(description));
            }
        }
        match self.ask(lookup)? {
            Ok(description) => Ok(Some(description)),
            Err(failure) => {
                self.exit = self.exit.max(match failure.kind {
                    FailureKind::Denied => Exit::Denied,
                    FailureKind::Unavailable => Exit::Unavailable,
                    _ => Exit::Failure,
                });
                self.context
                    .error(&CliError::failure(otherwise).because(&failure));
                Ok(None)
            }
        }
    }

    fn ask(&mut self, lookup: &Lookup) -> Result<Result<Description, Failure>, CliError> {
        let asker = match &self.asker {
            Some(asker) => asker,
            None => self.asker.insert(Asker::new(self.context)?),
        };
        Ok(asker.run(asker.registries().describe(lookup)))
    }

    /// The whole object, with what a registry knows.
    pub fn object(&mut self, item: &Item<'_>) -> Result<Json, CliError> {
        match item.image() {
            None => Ok(item.object()),
            Some(image) => {
                let description = self.of(image)?;
                Ok(item.object_with(description.as_ref()))
            }
        }
    }

    /// The image of an index in a stream's history that begins with the id of `name`: of a list
    /// the history names only the list itself (openshift-apiserver
    /// `registry/imagestreamimage/rest.go`).
    pub fn part_of_an_index<'m>(
        &mut self,
        catalog: &Catalog<'m>,
        kind: Kind,
        name: &str,
    ) -> Result<Option<Item<'m>>, CliError> {
        let (Kind::StreamImage, Ok((stream, prefix))) = (kind, show::split_image(name)) else {
            return Ok(None);
        };
        let mut found: BTreeMap<Digest, Tagged<'m>> = BTreeMap::new();
        for stream in catalog.streams_called(stream).unwrap_or_default() {
            let recorded = show::stream_images(stream).into_iter().take(MAX_SEARCHED);
            for image in recorded {
                let Some(lookup) = lookup(&image) else {
                    continue;
                };
                let Ok(description) = self.ask(&lookup)? else {
                    continue;
                };
                let parts = description.images.iter();
                for part in parts.filter(|part| is_image(part.digest.as_str(), prefix)) {
                    let reference =
                        Reference::pinned(lookup.repository.clone(), None, part.digest.clone());
                    found.entry(part.digest.clone()).or_insert(Tagged {
                        event: Cow::Owned(TagEvent {
                            reference: reference.to_string(),
                            image: part.digest.to_string(),
                            ..image.event.as_ref().clone()
                        }),
                        ..image.clone()
                    });
                }
            }
        }
        if found.len() > 1 {
            let images = found.keys().map(ToString::to_string).collect();
            return Err(CliError::usage(
                show::FindError::Ambiguous {
                    prefix: prefix.to_owned(),
                    images,
                }
                .to_string(),
            ));
        }
        Ok(found.into_values().next().map(|image| Item::StreamImage {
            image,
            id: prefix.to_owned(),
        }))
    }
}

/// The question for one recorded image; none where the record names no digest or repository.
fn lookup(image: &Tagged<'_>) -> Option<Lookup> {
    let stream = image.stream;
    let reference: Reference = image.event.reference.parse().ok()?;
    let digest: Digest = image.event.image.parse().ok()?;
    let settings = stream.tag(image.tag).map(|tag| &tag.settings);
    Some(Lookup {
        repository: reference.repository,
        wanted: Wanted::Digest(digest),
        import_mode: ImportMode::PreserveOriginal,
        platforms: Vec::new(),
        insecure: settings.is_some_and(|it| it.insecure) || stream.metadata.is_insecure(),
        secrets_of: Some(stream.name.namespace.clone()),
        known: BTreeSet::new(),
        chosen: BTreeMap::new(),
    })
}
