//! What refers to an image: by the referrers API, by its tag where the source has none, and by
//! cosign's own tags. At a target without the API the list is kept under the tag (distribution
//! specification, "Pushing Manifests with Subject").

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use reqwest::header::{ETAG, HeaderMap, IF_MATCH};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::copying::Platforms;
use crate::image::{Digest, Referrer, Tag};
use crate::lookup::Wanted;
use crate::registry::copy::tree::{Item, Tree};
use crate::registry::copy::{AT_ONCE, Copying};
use crate::registry::error::{Failure, FailureKind};
use crate::registry::image_manifest::OCI_INDEX;
use crate::registry::question::MANIFEST_LIMIT;
use crate::registry::referrers::{COSIGN_SUFFIXES, tag_of};

/// A signature of an SBOM of an image.
const DEEPEST: usize = 3;
/// Of one order.
const MOST_REFERRERS: usize = 512;
/// Of all their blobs.
const MOST_BYTES: u64 = 2 * 1024 * 1024 * 1024;
/// Writes of one list, while others write it too.
const MOST_WRITES: usize = 4;

/// Of what refers to an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Amount {
    All,
    /// What the target does not list; what is there was copied with all that refers to it.
    Missing,
}

/// What is left of the limits.
#[derive(Debug, Default)]
struct Spent {
    referrers: AtomicUsize,
    bytes: AtomicU64,
}

impl Copying<'_> {
    /// What refers to the images of the tree, to what refers to them, and so on.
    pub async fn copy_attached(&self, tree: &Tree, amount: Amount) -> Result<(), Failure> {
        let spent = Spent::default();
        let subjects = tree.items.iter().filter(|item| !item.is_attestation);
        let mut level: Vec<Digest> = subjects.map(|item| item.digest.clone()).collect();
        let mut seen: HashSet<Digest> = tree.items.iter().map(|item| item.digest.clone()).collect();
        for _ in 0..DEEPEST {
            let mut attached = stream::iter(level)
                .map(|subject| self.copy_attached_to(subject, amount, &spent))
                .buffer_unordered(AT_ONCE);
            let mut next = Vec::new();
            while let Some(digests) = attached.try_next().await? {
                next.extend(digests);
            }
            drop(attached);
            next.retain(|digest| seen.insert(digest.clone()));
            if next.is_empty() {
                break;
            }
            level = next;
        }
        Ok(())
    }

    /// What was copied.
    async fn copy_attached_to(
        &self,
        subject: Digest,
        amount: Amount,
        spent: &Spent,
    ) -> Result<Vec<Digest>, Failure> {
        let mut copied = Vec::new();
        let mut unlisted = Vec::new();
        let mut list = match self.source.all_referrers(&subject).await {
            Ok(list) => list,
            Err(failure) => {
                self.leave_out(subject.as_str(), failure)?;
                Vec::new()
            }
        };
        if amount == Amount::Missing && !list.is_empty() {
            let there = self.target.all_referrers(&subject).await?;
            let there: HashSet<Digest> = there.into_iter().map(|it| it.digest).collect();
            list.retain(|referrer| !there.contains(&referrer.digest));
        }
        for Referrer { digest, .. } in list {
            if spent.referrers.load(Ordering::Relaxed) >= MOST_REFERRERS {
                let what = format!("the others: more than {MOST_REFERRERS} referrers in all");
                self.tell_left_out(subject.as_str(), what);
                break;
            }
            match self.copy_referrer(&digest, &subject, spent).await {
                Ok(Some(descriptor)) => unlisted.push(descriptor),
                Ok(None) => {}
                Err(failure) => {
                    self.leave_out(digest.as_str(), failure)?;
                    continue;
                }
            }
            copied.push(digest);
        }
        if !unlisted.is_empty()
            && let Err(failure) = self.list_at_target(&subject, unlisted).await
        {
            self.leave_out(subject.as_str(), failure)?;
        }
        for suffix in COSIGN_SUFFIXES {
            let tag = format!("{}.{suffix}", tag_of(&subject));
            match self.copy_cosign_tag(&tag, amount, spent).await {
                Ok(digest) => copied.extend(digest),
                Err(failure) => self.leave_out(tag, failure)?,
            }
        }
        Ok(copied)
    }

    /// The descriptor for the list under the tag, where the target keeps none by itself.
    async fn copy_referrer(
        &self,
        digest: &Digest,
        subject: &Digest,
        spent: &Spent,
    ) -> Result<Option<Value>, Failure> {
        let tree = self
            .read_within(Wanted::Digest(digest.clone()), spent)
            .await?;
        let Some(top) = tree.top() else {
            return Err(self.source.refused("the referrer is empty"));
        };
        if top.parts.subject.as_ref() != Some(subject) {
            return Err(self.source.refused(&format!(
                "{digest} is listed as a referrer of {subject} and does not say so itself"
            )));
        }
        let listed = self.write(&tree).await?;
        self.count_referrer();
        let is_listed = listed.last().copied().unwrap_or_default();
        Ok((!is_listed).then(|| descriptor(top)))
    }

    async fn copy_cosign_tag(
        &self,
        tag: &str,
        amount: Amount,
        spent: &Spent,
    ) -> Result<Option<Digest>, Failure> {
        let Ok(tag) = tag.parse::<Tag>() else {
            // Of a digest that is too long for a tag, there is none.
            return Ok(None);
        };
        let wanted = Wanted::Tag(tag);
        if amount == Amount::Missing && !self.differs(&wanted).await? {
            return Ok(None);
        }
        let tree = match self.read_within(wanted.clone(), spent).await {
            Ok(tree) => tree,
            Err(failure) if failure.kind == FailureKind::Missing => return Ok(None),
            Err(failure) => return Err(failure),
        };
        let Some(top) = tree.top() else {
            return Ok(None);
        };
        if !self.may_replace(&wanted, top).await? {
            self.tell_left_out(
                self.target.image(&wanted).trim_matches('"'),
                "the target has other signatures or statements under this tag, which are kept",
            );
            return Ok(None);
        }
        self.write(&tree).await?;
        self.put(&wanted, top).await?;
        self.count_referrer();
        Ok(Some(top.digest.clone()))
    }

    /// Whether the source has something under the tag that the target does not have there.
    async fn differs(&self, wanted: &Wanted) -> Result<bool, Failure> {
        match self.source.named(wanted).await? {
            Some(digest) => Ok(!self.target.names(wanted, &digest).await?),
            None => Ok(false),
        }
    }

    /// Whether all that the target has under the tag is in `new`: cosign adds to what is there.
    async fn may_replace(&self, wanted: &Wanted, new: &Item) -> Result<bool, Failure> {
        let old = match self.target.read(wanted).await {
            Ok(read) if read.digest == new.digest => return Ok(true),
            Ok(read) => Item::new(&self.target, read)?,
            Err(failure) if failure.kind == FailureKind::Missing => return Ok(true),
            Err(failure) => return Err(failure),
        };
        // The first blob is the configuration, which lists the others.
        let mut layers = old.parts.blobs.iter().skip(1);
        Ok(old.parts.children.is_none() && layers.all(|layer| new.parts.blobs.contains(layer)))
    }

    /// A referrer, when it is within what one order may copy.
    async fn read_within(&self, wanted: Wanted, spent: &Spent) -> Result<Tree, Failure> {
        let read = self.source.read(&wanted).await?;
        spent.referrers.fetch_add(1, Ordering::Relaxed);
        let item = Item::new(&self.source, read)?;
        let tree = Tree::below(&self.source, item, &Platforms::All).await?;
        let bytes = tree
            .blobs
            .iter()
            .fold(0_u64, |sum, blob| sum.saturating_add(blob.size));
        let before = spent
            .bytes
            .fetch_add(bytes.min(MOST_BYTES + 1), Ordering::Relaxed);
        if before.saturating_add(bytes) > MOST_BYTES {
            let what = format!(
                "the referrers have more than {} MiB",
                MOST_BYTES / (1024 * 1024)
            );
            return Err(self.source.refused(&what));
        }
        Ok(tree)
    }

    /// Adds to the list under the tag at the target, and keeps what is there.
    async fn list_at_target(&self, subject: &Digest, new: Vec<Value>) -> Result<(), Failure> {
        let tag: Tag = tag_of(subject)
            .parse()
            .map_err(|_| self.target.refused("the digest is too long for a tag"))?;
        let wanted = Wanted::Tag(tag);
        let image = self.target.image(&wanted);
        let key = format!("list {image}");
        let _turn = self.inner.copies.turns.take(key).await;
        for _ in 0..=MOST_WRITES {
            let rest = format!("manifests/{}", tag_of(subject));
            let answer = self
                .target
                .ask_for(OCI_INDEX, Method::GET, &rest, MANIFEST_LIMIT)
                .await?;
            let list = match answer.status {
                StatusCode::NOT_FOUND => None,
                status if status.is_success() => Some(answer.body.as_slice()),
                _ => return Err(self.target.explain(&answer, &wanted)),
            };
            let Some(body) = added(list, &new).map_err(|reason| self.target.refused(reason))?
            else {
                return Ok(());
            };
            let etag = answer.headers.get(ETAG).filter(|_| list.is_some());
            let headers = HeaderMap::from_iter(etag.map(|etag| (IF_MATCH, etag.clone())));
            let answer = self
                .target
                .ask_to_put(&wanted, OCI_INDEX, &body.into(), headers)
                .await?;
            let is_outrun = answer.status == StatusCode::PRECONDITION_FAILED;
            if !answer.status.is_success() && !is_outrun {
                return Err(self.target.explain_push(&answer, &image));
            }
            // Read again: without the registry's help another writer may have come between.
        }
        Err(Failure::unavailable(
            &self.target.name(),
            format!("{image} is written by others at the same time"),
        )
        .advice("copy it again"))
    }

    fn count_referrer(&self) {
        crate::registry::host::lock(&self.progress).copied.referrers += 1;
    }
}

/// The list with those of `new` that it does not have; none where it has all.
fn added(list: Option<&[u8]>, new: &[Value]) -> Result<Option<Vec<u8>>, &'static str> {
    let unreadable = "the list of referrers under the tag cannot be read";
    let mut index: Value = match list {
        Some(body) => serde_json::from_slice(body).map_err(|_| unreadable)?,
        None => json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []}),
    };
    let entries = index
        .get_mut("manifests")
        .and_then(Value::as_array_mut)
        .ok_or(unreadable)?;
    let before = entries.len();
    for descriptor in new {
        let digest = descriptor.get("digest");
        if !entries.iter().any(|entry| entry.get("digest") == digest) {
            entries.push(descriptor.clone());
        }
    }
    if entries.len() == before {
        return Ok(None);
    }
    let body = serde_json::to_vec(&index).map_err(|_| unreadable)?;
    if body.len() > MANIFEST_LIMIT {
        return Err("the list of referrers under the tag would be too large");
    }
    Ok(Some(body))
}

/// As the referrers API would list it.
fn descriptor(item: &Item) -> Value {
    let mut descriptor = json!({
        "mediaType": item.media_type,
        "digest": item.digest,
        "size": item.body.len(),
    });
    if let Some(object) = descriptor.as_object_mut() {
        let kind = item.parts.artifact_type.clone().map(Value::from);
        object.extend(kind.map(|kind| ("artifactType".to_owned(), kind)));
        let annotations = item.parts.annotations.clone();
        object.extend(annotations.map(|all| ("annotations".to_owned(), all)));
    }
    descriptor
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_keeps_what_it_has() {
        let entry = |digest: &str| json!({"digest": digest, "size": 1});
        let first = added(None, &[entry("a")]).unwrap().unwrap();
        assert_eq!(added(Some(&first), &[entry("a")]), Ok(None));
        let both = added(Some(&first), &[entry("b"), entry("a")])
            .unwrap()
            .unwrap();
        let index: Value = serde_json::from_slice(&both).unwrap();
        assert_eq!(index["manifests"], json!([entry("a"), entry("b")]));
        assert_eq!(index["mediaType"], OCI_INDEX);
        for bad in ["", "[]", "{}", r#"{"manifests":{}}"#] {
            assert!(added(Some(bad.as_bytes()), &[entry("a")]).is_err(), "{bad}");
        }
        let large = json!({"digest": "c", "annotations": {"a": "x".repeat(MANIFEST_LIMIT)}});
        assert!(added(Some(&first), &[large]).is_err());
    }
}
