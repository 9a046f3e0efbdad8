//! One repository of the integrated registry: what it has, what goes, and that it goes.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use crate::image::{Digest, Repository, Tag};
use crate::lookup::{Answer, Fault, Lookup, Question, Reason, Resolution, TagListing, Wanted};
use crate::registry::{Contents, Registries};
use crate::stream::ImportMode;
use crate::verb::prune::{Books, Order, Place, Stock, Tagging, Verdict, Wishes, going};

/// Images of one repository that are looked at.
const MOST_IMAGES: usize = 50_000;
/// What refers to what refers to an image.
const DEEPEST: usize = 3;
/// Of one repository.
const MOST_REFERRERS: usize = 50_000;

/// A repository of the registry.
pub struct Shelf<'a> {
    pub place: &'a Place,
    pub repository: Repository,
    registries: &'a Registries,
    at_once: usize,
}

/// What is to become of a repository's images.
pub struct Sorted {
    pub verdicts: Vec<Verdict>,
    pub orders: Vec<Order>,
    /// When it was looked at.
    pub tags: Tagging,
}

impl<'a> Shelf<'a> {
    /// None where no repository can have this name.
    pub fn new(place: &'a Place, registries: &'a Registries, at_once: usize) -> Option<Self> {
        let reference: crate::image::Reference = place.to_string().parse().ok()?;
        Some(Self {
            place,
            repository: reference.repository,
            registries,
            at_once,
        })
    }

    /// Asks for everything that has to be known, and decides. The error says why the repository
    /// is left alone. None where there is no such repository.
    pub async fn sort(&self, books: &Books, wishes: &Wishes) -> Result<Option<Sorted>, Resolution> {
        let Some((tags, images)) = self.tagged().await? else {
            return Ok(None);
        };
        let mut stock = Stock {
            tags,
            images,
            ..Stock::default()
        };
        let suspects = books.suspects(self.place, &stock.tags, wishes);
        self.read(suspects.iter(), &mut stock).await?;
        let there: Vec<&Digest> = suspects
            .iter()
            .filter(|it| stock.images.contains_key(*it))
            .collect();
        if !there.is_empty() {
            let needed = books.needed_at(self.place);
            self.read(needed.iter(), &mut stock).await?;
        }
        let timeless = there
            .into_iter()
            .filter(|it| books.is_timeless(self.place, it));
        stock.created = stream::iter(timeless)
            .map(|digest| self.created(digest))
            .buffer_unordered(self.at_once)
            .try_collect()
            .await?;
        let verdicts = books.verdicts(self.place, &stock, wishes);
        let referrers = self.referrers(going(&verdicts)).await?;
        Ok(Some(Sorted {
            orders: books.orders(self.place, &stock, &verdicts, &referrers),
            verdicts,
            tags: stock.tags,
        }))
    }

    /// All tags, and the images that they name now.
    pub async fn tagged(
        &self,
    ) -> Result<Option<(Tagging, BTreeMap<Digest, Vec<Digest>>)>, Resolution> {
        let listing = Question::Tags(TagListing {
            repository: self.repository.clone(),
            insecure: false,
            secrets_of: None,
        });
        let tags = match self.registries.answer(&listing).await {
            Answer::Tags(Ok(tags)) => tags,
            Answer::Tags(Err(Resolution::Missing(_))) => return Ok(None),
            Answer::Tags(Err(answer)) => return Err(answer),
            _ => Vec::new(),
        };
        self.limit(tags.len())?;
        let tags: Vec<Tag> = tags.iter().filter_map(|tag| tag.parse().ok()).collect();
        let found: Vec<(Tag, Option<Contents>)> = stream::iter(tags)
            .map(|tag| async move {
                let wanted = Wanted::Tag(tag.clone());
                let contents = self.registries.contents(&self.repository, &wanted).await;
                contents.map(|contents| (tag, contents))
            })
            .buffer_unordered(self.at_once)
            .try_collect()
            .await?;
        let (mut tagging, mut images) = (Tagging::new(), BTreeMap::new());
        for (tag, contents) in found {
            // One that is gone meanwhile names nothing.
            if let Some(contents) = contents {
                let named = tagging.entry(contents.digest.clone()).or_default();
                named.insert(tag);
                images.insert(contents.digest, contents.images);
            }
        }
        Ok(Some((tagging, images)))
    }

    /// Which of the images are there, and what they are made of.
    async fn read(
        &self,
        digests: impl Iterator<Item = &Digest>,
        stock: &mut Stock,
    ) -> Result<(), Resolution> {
        let new: Vec<&Digest> = digests
            .filter(|digest| !stock.images.contains_key(*digest))
            .collect();
        self.limit(stock.images.len() + new.len())?;
        let found: Vec<Option<Contents>> = stream::iter(new)
            .map(|digest| async move {
                let wanted = Wanted::Digest(digest.clone());
                self.registries.contents(&self.repository, &wanted).await
            })
            .buffer_unordered(self.at_once)
            .try_collect()
            .await?;
        let found = found.into_iter().flatten();
        stock
            .images
            .extend(found.map(|contents| (contents.digest, contents.images)));
        Ok(())
    }

    async fn created(
        &self,
        digest: &Digest,
    ) -> Result<(Digest, Option<jiff::Timestamp>), Resolution> {
        let question = Question::Created(Lookup {
            repository: self.repository.clone(),
            wanted: Wanted::Digest(digest.clone()),
            import_mode: ImportMode::PreserveOriginal,
            platforms: Vec::new(),
            insecure: false,
            secrets_of: None,
            known: BTreeSet::new(),
            chosen: BTreeMap::new(),
        });
        let created = match self.registries.answer(&question).await {
            Answer::Created(Ok(created)) => created.and_then(|time| time.parse().ok()),
            Answer::Created(Err(answer)) if !matches!(answer, Resolution::Missing(_)) => {
                return Err(answer);
            }
            _ => None,
        };
        Ok((digest.clone(), created))
    }

    /// What refers to each of the images, and to what refers to them.
    async fn referrers(
        &self,
        gone: BTreeSet<Digest>,
    ) -> Result<BTreeMap<Digest, Vec<Digest>>, Resolution> {
        let mut all: BTreeMap<Digest, Vec<Digest>> = BTreeMap::new();
        let mut level = gone;
        for _ in 0..DEEPEST {
            let found: Vec<(Digest, Vec<Digest>)> = stream::iter(level)
                .map(|digest| async move {
                    let found = self
                        .registries
                        .referrers_of(&self.repository, false, &digest);
                    let found = found.await?.into_iter().map(|it| it.digest).collect();
                    Ok::<_, Resolution>((digest, found))
                })
                .buffer_unordered(self.at_once)
                .try_collect()
                .await?;
            all.extend(found.iter().filter(|(_, it)| !it.is_empty()).cloned());
            level = found.into_iter().flat_map(|(_, it)| it).collect();
            level.retain(|digest| !all.contains_key(digest));
            if all.len() + level.len() > MOST_REFERRERS {
                return Err(
                    self.refused(format!("more than {MOST_REFERRERS} images refer to others"))
                );
            }
        }
        Ok(all)
    }

    /// Deletes all of it; gives how many image manifests were there.
    pub async fn delete(&self, order: &Order) -> Result<u64, Resolution> {
        let mut deleted = 0;
        for digest in order.digests() {
            let was_there = self.registries.delete_manifest(&self.repository, digest);
            deleted += u64::from(was_there.await?);
        }
        Ok(deleted)
    }

    fn limit(&self, count: usize) -> Result<(), Resolution> {
        match count > MOST_IMAGES {
            true => Err(self.refused(format!("more than {MOST_IMAGES} images are there"))),
            false => Ok(()),
        }
    }

    fn refused(&self, message: String) -> Resolution {
        Resolution::Refused(Fault {
            host: self.place.host.clone(),
            message,
            advice: None,
            reason: Reason::InternalError,
        })
    }
}
