//! Copying an image by its digest from one repository to another.
//!
//! Everything is read from the source and hashed, and written byte for byte: blobs first, then what
//! an index names, the index, what refers to them, and the tags last. A copy that is broken off
//! leaves no tag behind, and the next one finds what is there.

mod attached;
mod blob;
mod parts;
mod patience;
mod source;
mod tree;
mod turns;
mod upload;

use std::collections::{BTreeSet, HashMap};
use std::sync::Mutex;

use futures_util::stream::{self, TryStreamExt as _};
use tokio::sync::Semaphore;

use crate::copying::{Copied, CopyMode, CopyOrder, CopyProgress, CopyState, LeftOut};
use crate::image::{Digest, Repository, Tag};
use crate::lookup::Wanted;
use crate::registry::access::{Access, Purpose};
use crate::registry::copy::attached::Amount;
use crate::registry::copy::blob::Way;
use crate::registry::copy::parts::Blob;
use crate::registry::copy::tree::{Item, Tree};
use crate::registry::copy::turns::Turns;
use crate::registry::error::{Failure, FailureKind};
use crate::registry::host::lock;
use crate::registry::{Inner, Registries};

/// Requests for one image at once, as `oc image mirror --max-per-registry`.
const AT_ONCE: usize = 6;
/// Blobs under way at once, of all images: each holds some parts of a body.
const SENT_AT_ONCE: usize = 16;
/// Further ones are not told.
const MOST_LEFT_OUT: usize = 256;
/// Repositories in which blobs are known to be.
const MOST_PLACES: usize = 20_000;

/// What copies share.
#[derive(Debug)]
pub(super) struct Copies {
    turns: Turns,
    places_to_send: Semaphore,
    /// By host and digest, the path of a repository that has the blob.
    places: Mutex<HashMap<(String, Digest), String>>,
}

/// One order under way.
struct Copying<'a> {
    inner: &'a Inner,
    order: &'a CopyOrder,
    source: Access<'a>,
    target: Access<'a>,
    progress: Mutex<Progress>,
    on_progress: &'a (dyn Fn(CopyProgress) + Send + Sync),
}

struct Progress {
    copied: Copied,
    told: CopyProgress,
    /// Of blobs that are under way.
    sent: HashMap<Digest, u64>,
}

impl Registries {
    /// Copies an image by digest. `on_progress` is called often, and must be quick.
    ///
    /// Fails where the image cannot be copied; referrers that are missing, unreadable or over the
    /// limits are told in [`Copied::left_out`] instead, since no other try helps. A registry that is
    /// unavailable or denies something is a failure for a referrer too: else an image would be used
    /// without the signatures that it has.
    pub async fn copy(
        &self,
        order: &CopyOrder,
        on_progress: &(dyn Fn(CopyProgress) + Send + Sync),
    ) -> Result<Copied, Failure> {
        let copied = self.copy_uncounted(order, on_progress).await;
        let tally = &self.inner.transport.tally;
        match &copied {
            Ok(_) => {
                tally.succeeded(&order.from.endpoint().host);
                tally.succeeded(&order.to.endpoint().host);
            }
            Err(failure) => tally.failed(&failure.fault.host, &failure.fault.message),
        }
        copied
    }

    async fn copy_uncounted(
        &self,
        order: &CopyOrder,
        on_progress: &(dyn Fn(CopyProgress) + Send + Sync),
    ) -> Result<Copied, Failure> {
        self.copying(order, on_progress)?.run().await
    }

    fn copying<'a>(
        &'a self,
        order: &'a CopyOrder,
        on_progress: &'a (dyn Fn(CopyProgress) + Send + Sync),
    ) -> Result<Copying<'a>, Failure> {
        let source = self.access(&order.from, order.insecure, &order.secrets_of)?;
        let target = Access {
            purpose: Purpose::Push { mounts_from: None },
            ..self.access(&order.to, order.to_insecure, &None)?
        };
        Ok(Copying {
            inner: &self.inner,
            order,
            source,
            target,
            progress: Mutex::new(Progress {
                copied: Copied::nothing(&order.digest),
                told: CopyProgress::default(),
                sent: HashMap::new(),
            }),
            on_progress,
        })
    }

    /// The answer to [`crate::lookup::Question::Attached`]: where copies are made, what the target
    /// lacks of it is brought there.
    pub(super) async fn attached(&self, order: &CopyOrder) -> Result<Copied, Failure> {
        match self.copy_mode {
            CopyMode::Look => Ok(Copied::nothing(&order.digest)),
            CopyMode::Missing | CopyMode::Anew => self.copying(order, &|_| ())?.attach().await,
        }
    }

    /// The answer to [`crate::lookup::Question::Copied`]: by the options' mode, what is not there is
    /// brought there.
    pub(super) async fn copied(&self, order: &CopyOrder) -> Result<CopyState, Failure> {
        let mode = self.copy_mode;
        let is_kept = self.is_kept(order).await?;
        match (mode, is_kept) {
            (CopyMode::Look | CopyMode::Missing, true) => return Ok(CopyState::There),
            (CopyMode::Look, false) => return Ok(CopyState::Wanted),
            (CopyMode::Missing, false) | (CopyMode::Anew, _) => {}
        }
        match self.copy_uncounted(order, &|_| ()).await {
            // Of what was there before, nothing is told but what came.
            Ok(copied) if is_kept && copied.manifests == 0 => Ok(CopyState::There),
            Ok(copied) => Ok(CopyState::Made(copied)),
            // Nothing new can come; what is there stays.
            Err(_) if is_kept => Ok(CopyState::There),
            Err(mut failure) => {
                let (digest, from) = (order.digest.short(), &order.from);
                let message = &failure.fault.message;
                failure.fault.message = format!("{digest} of {from}: {message}");
                Err(failure)
            }
        }
    }

    /// Whether all of the order was done before: its tags come last.
    async fn is_kept(&self, order: &CopyOrder) -> Result<bool, Failure> {
        if order.tags.is_empty() {
            return self.is_there(&order.to, &order.digest).await;
        }
        let target = self.access(&order.to, order.to_insecure, &None)?;
        for tag in &order.tags {
            if !target
                .names(&Wanted::Tag(tag.clone()), &order.digest)
                .await?
            {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether images may be pushed to the repository with the operator's credentials: an upload is
    /// begun and given up. A registry that does not let it be given up forgets it by itself.
    pub async fn check_push(&self, repository: &Repository) -> Result<(), Failure> {
        let purpose = Purpose::Push { mounts_from: None };
        self.writing(repository, purpose)?.check_upload().await
    }

    /// Whether this image is in the repository, asked with the operator's credentials.
    pub async fn is_there(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<bool, Failure> {
        let wanted = Wanted::Digest(digest.clone());
        self.access(repository, false, &None)?
            .names(&wanted, digest)
            .await
    }

    /// Deletes an image, and in most registries all tags of it; false where there was none.
    pub async fn delete_manifest(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<bool, Failure> {
        self.writing(repository, Purpose::Delete)?
            .delete(&Wanted::Digest(digest.clone()))
            .await
    }

    /// Deletes a tag and leaves its image; false where there was none. Many registries cannot.
    pub async fn delete_tag(&self, repository: &Repository, tag: &Tag) -> Result<bool, Failure> {
        self.writing(repository, Purpose::Delete)?
            .delete(&Wanted::Tag(tag.clone()))
            .await
    }

    /// With the operator's credentials, by what only the operator says of the host.
    fn writing(&self, repository: &Repository, purpose: Purpose) -> Result<Access<'_>, Failure> {
        Ok(Access {
            purpose,
            ..self.access(repository, false, &None)?
        })
    }
}

impl Copying<'_> {
    async fn run(&self) -> Result<Copied, Failure> {
        let tree = Tree::read(&self.source, &self.order.digest, &self.order.platforms).await?;
        let Some(top) = tree.top() else {
            return Err(self.source.refused("the image is empty"));
        };
        self.write(&tree).await?;
        if self.order.with_referrers {
            self.copy_attached(&tree, Amount::All).await?;
        }
        let tags: BTreeSet<&Tag> = self.order.tags.iter().collect();
        for tag in &tags {
            self.put(&Wanted::Tag((*tag).clone()), top).await?;
        }
        let mut written: Vec<Wanted> = tags.into_iter().cloned().map(Wanted::Tag).collect();
        if written.is_empty() {
            written.push(Wanted::Digest(top.digest.clone()));
        }
        for wanted in &written {
            self.target.check_arrived(wanted, &top.digest).await?;
        }
        let mut progress = lock(&self.progress);
        progress.copied.digest = top.digest.clone();
        progress.copied.left_out.sort();
        Ok(progress.copied.clone())
    }

    /// What has come to the image since it was copied. The target knows what the image consists of.
    async fn attach(&self) -> Result<Copied, Failure> {
        let tree = Tree::read(&self.target, &self.order.digest, &self.order.platforms).await?;
        self.copy_attached(&tree, Amount::Missing).await?;
        let mut progress = lock(&self.progress);
        progress.copied.left_out.sort();
        Ok(progress.copied.clone())
    }

    /// Blobs and image manifests, under their digests. For each of the manifests, whether the
    /// target lists it as a referrer.
    async fn write(&self, tree: &Tree) -> Result<Vec<bool>, Failure> {
        self.announce(&tree.blobs);
        stream::iter(tree.blobs.iter().map(Ok))
            .try_for_each_concurrent(AT_ONCE, |blob| self.bring(blob))
            .await?;
        let mut listed = Vec::new();
        for item in &tree.items {
            let wanted = Wanted::Digest(item.digest.clone());
            listed.push(self.put(&wanted, item).await?);
            lock(&self.progress).copied.manifests += 1;
        }
        Ok(listed)
    }

    async fn put(&self, wanted: &Wanted, item: &Item) -> Result<bool, Failure> {
        self.target
            .put_manifest(wanted, &item.digest, &item.media_type, &item.body)
            .await
    }

    fn is_same_host(&self) -> bool {
        self.source.host.authority == self.target.host.authority
    }

    fn announce(&self, blobs: &[Blob]) {
        let mut progress = lock(&self.progress);
        progress.told.blobs += blobs.len() as u64;
        progress.told.bytes += blobs.iter().map(|blob| blob.size).sum::<u64>();
        (self.on_progress)(progress.told);
    }

    fn note_sent(&self, blob: &Blob, at: u64) {
        let mut progress = lock(&self.progress);
        let sent = progress.sent.entry(blob.digest.clone()).or_default();
        let new = at.saturating_sub(*sent);
        *sent += new;
        progress.told.bytes_done += new;
        (self.on_progress)(progress.told);
    }

    fn count(&self, blob: &Blob, way: Way) {
        self.note_sent(blob, blob.size);
        let mut progress = lock(&self.progress);
        progress.sent.remove(&blob.digest);
        progress.told.blobs_done += 1;
        let copied = &mut progress.copied;
        match way {
            Way::Present => copied.blobs_present += 1,
            Way::Mounted => copied.blobs_mounted += 1,
            Way::Sent => {
                copied.blobs_copied += 1;
                copied.bytes += blob.size;
            }
        }
        (self.on_progress)(progress.told);
    }

    /// What no other try helps is told, and left out.
    fn leave_out(&self, name: impl Into<String>, failure: Failure) -> Result<(), Failure> {
        match failure.kind {
            FailureKind::Missing | FailureKind::Refused | FailureKind::Unsettled => {
                self.tell_left_out(name, failure.fault.to_string());
                Ok(())
            }
            FailureKind::Denied | FailureKind::Unavailable => Err(failure),
        }
    }

    fn tell_left_out(&self, name: impl Into<String>, reason: impl Into<String>) {
        let left_out = &mut lock(&self.progress).copied.left_out;
        if left_out.len() < MOST_LEFT_OUT {
            left_out.push(LeftOut {
                name: name.into(),
                reason: reason.into(),
            });
        }
    }
}

impl Access<'_> {
    /// As this one, with a token by which blobs are taken from another repository too.
    fn pushing(&self, mounts_from: Option<String>) -> Self {
        Self {
            purpose: Purpose::Push { mounts_from },
            ..self.clone()
        }
    }
}

impl Copies {
    /// For hosts of which each takes so many requests at once.
    pub fn new(concurrency_per_host: usize) -> Self {
        Self {
            turns: Turns::default(),
            places_to_send: Semaphore::new(concurrency_per_host.clamp(1, SENT_AT_ONCE)),
            places: Mutex::default(),
        }
    }

    fn place(&self, target: &Access<'_>, digest: &Digest) -> Option<String> {
        let key = (target.name(), digest.clone());
        lock(&self.places).get(&key).cloned()
    }

    fn note_place(&self, target: &Access<'_>, digest: &Digest) {
        let mut places = lock(&self.places);
        if places.len() >= MOST_PLACES {
            places.clear();
        }
        places.insert((target.name(), digest.clone()), target.path.clone());
    }
}
