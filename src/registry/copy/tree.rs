//! All image manifests of an image, read and hashed before anything is written.

use std::collections::{HashMap, HashSet};

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use hyper::body::Bytes;
use serde_json::{Map, Value};

use crate::copying::Platforms;
use crate::image::Digest;
use crate::lookup::Wanted;
use crate::registry::access::Access;
use crate::registry::copy::AT_ONCE;
use crate::registry::copy::parts::{Blob, Child, Parts};
use crate::registry::error::Failure;
use crate::registry::question::Read;

/// An index in an index in an index, with images.
const DEEPEST: usize = 4;
const MOST_MANIFESTS: usize = 512;
/// All of them are kept until they are written.
const MOST_BYTES: usize = 32 * 1024 * 1024;
const MOST_BLOBS: usize = 8 * 1024;
/// One layer: some registries take no more than 10 GiB, models of machine learning have more.
const LARGEST_BLOB: u64 = 256 * 1024 * 1024 * 1024;

/// One image manifest.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub digest: Digest,
    pub media_type: String,
    /// Byte for byte as it came.
    pub body: Bytes,
    pub parts: Parts,
    /// BuildKit's, for another image of the same index.
    pub is_attestation: bool,
}

/// An image and what it consists of.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    /// What each names comes before it; the last is the image itself.
    pub items: Vec<Item>,
    /// Each once.
    pub blobs: Vec<Blob>,
}

impl Item {
    pub fn new(access: &Access<'_>, read: Read) -> Result<Self, Failure> {
        let parts =
            Parts::read(&read.body, &read.manifest).map_err(|reason| access.refused(&reason))?;
        Ok(Self {
            digest: read.digest,
            media_type: read.manifest.media_type().to_owned(),
            body: read.body.into(),
            parts,
            is_attestation: false,
        })
    }

    fn children(&self) -> &[Child] {
        self.parts.children.as_deref().unwrap_or_default()
    }
}

impl Tree {
    pub async fn read(
        access: &Access<'_>,
        digest: &Digest,
        platforms: &Platforms,
    ) -> Result<Self, Failure> {
        let read = access.read(&Wanted::Digest(digest.clone())).await?;
        Self::below(access, Item::new(access, read)?, platforms).await
    }

    /// With all that this one names.
    pub async fn below(
        access: &Access<'_>,
        root: Item,
        platforms: &Platforms,
    ) -> Result<Self, Failure> {
        let too_much = |what: String| {
            access.refused(&format!("the image has more than {what}; it is not copied"))
        };
        let top = root.digest.clone();
        let mut bytes = root.body.len();
        let mut level = unread(&root, platforms);
        let mut items = HashMap::from([(top.clone(), root)]);
        for depth in 0.. {
            level.retain(|child| !items.contains_key(&child.digest));
            let mut seen = HashSet::new();
            level.retain(|child| seen.insert(child.digest.clone()));
            if level.is_empty() {
                break;
            }
            if depth >= DEEPEST {
                return Err(too_much(format!("{DEEPEST} indexes one in another")));
            }
            if items.len() + level.len() > MOST_MANIFESTS {
                return Err(too_much(format!("{MOST_MANIFESTS} image manifests")));
            }
            let mut read = stream::iter(level)
                .map(|child| read_child(access, child))
                .buffer_unordered(AT_ONCE);
            let mut next = Vec::new();
            while let Some(item) = read.try_next().await? {
                bytes += item.body.len();
                if bytes > MOST_BYTES {
                    return Err(too_much(format!(
                        "{} KiB of image manifests",
                        MOST_BYTES / 1024
                    )));
                }
                next.extend(unread(&item, platforms));
                items.insert(item.digest.clone(), item);
            }
            drop(read);
            level = next;
        }
        let top = match platforms {
            Platforms::All => top,
            Platforms::Only { keeps_index, .. } => {
                chosen(access, &mut items, &top, platforms, *keeps_index)?
            }
        };
        Self::in_order(access, items, &top)
    }

    fn in_order(
        access: &Access<'_>,
        mut items: HashMap<Digest, Item>,
        top: &Digest,
    ) -> Result<Self, Failure> {
        let mut ordered = Vec::new();
        take(&mut items, top, &mut ordered);
        let mut blobs: HashMap<&Digest, &Blob> = HashMap::new();
        let mut list = Vec::new();
        for blob in ordered.iter().flat_map(|item| &item.parts.blobs) {
            match blobs.insert(&blob.digest, blob) {
                None => list.push(blob.clone()),
                Some(other) if other.size == blob.size => {}
                Some(_) => {
                    let what = format!("the image gives the blob {} two sizes", blob.digest);
                    return Err(access.refused(&what));
                }
            }
            if blob.size > LARGEST_BLOB {
                let what = format!("the blob {} has {} bytes", blob.digest, blob.size);
                return Err(access.refused(&format!("{what}; at most {LARGEST_BLOB} are copied")));
            }
        }
        if list.len() > MOST_BLOBS {
            let what = format!("the image has more than {MOST_BLOBS} blobs; it is not copied");
            return Err(access.refused(&what));
        }
        Ok(Self {
            items: ordered,
            blobs: list,
        })
    }

    /// The image itself.
    pub fn top(&self) -> Option<&Item> {
        self.items.last()
    }
}

/// What has to be read for this one. An index is read to know what it holds.
fn unread(item: &Item, platforms: &Platforms) -> Vec<Child> {
    let is_wanted = |child: &&Child| {
        child.is_index || child.is_attestation || platforms.admits(child.platform.as_ref())
    };
    item.children().iter().filter(is_wanted).cloned().collect()
}

async fn read_child(access: &Access<'_>, child: Child) -> Result<Item, Failure> {
    let read = access.read(&Wanted::Digest(child.digest.clone())).await?;
    if read.body.len() as u64 != child.size {
        return Err(access.refused(&format!(
            "the index gives {} a size that it does not have",
            child.digest
        )));
    }
    let mut item = Item::new(access, read)?;
    item.is_attestation = child.is_attestation;
    Ok(item)
}

/// Children first; each once. A digest cannot be below itself, and the depth is limited.
fn take(items: &mut HashMap<Digest, Item>, digest: &Digest, ordered: &mut Vec<Item>) {
    let Some(item) = items.remove(digest) else {
        return;
    };
    for child in item.children() {
        take(items, &child.digest, ordered);
    }
    ordered.push(item);
}

/// What stands for the image when only some platforms are wanted; put among the items where it is
/// new.
fn chosen(
    access: &Access<'_>,
    items: &mut HashMap<Digest, Item>,
    top: &Digest,
    platforms: &Platforms,
    keeps_index: bool,
) -> Result<Digest, Failure> {
    let Some(root) = items.get(top).filter(|root| root.parts.children.is_some()) else {
        return Ok(top.clone());
    };
    let mut leaves = Vec::new();
    let mut visited = HashSet::new();
    leaves_below(items, root, &mut visited, &mut leaves);
    let images = || leaves.iter().filter(|leaf| !leaf.is_attestation);
    let matching: Vec<&Child> = images()
        .filter(|leaf| platforms.admits(leaf.platform.as_ref()))
        .collect();
    if matching.is_empty() {
        let there: Vec<String> = images()
            .filter_map(|leaf| leaf.platform.as_ref())
            .take(20)
            .map(ToString::to_string)
            .collect();
        return Err(Failure::missing(
            &access.name(),
            format!("no image of {top} is for a platform that is wanted"),
        )
        .advice(format!("it has {}", there.join(", "))));
    }
    if matching.len() == images().count() {
        return Ok(top.clone());
    }
    if let ([only], false) = (matching.as_slice(), keeps_index) {
        return Ok(only.digest.clone());
    }
    let kept: HashSet<&str> = matching.iter().map(|image| image.digest.as_str()).collect();
    let children: Vec<Child> = leaves
        .iter()
        .filter(|leaf| {
            let attested = leaf.attests.as_deref().unwrap_or_default();
            kept.contains(leaf.digest.as_str()) || kept.contains(attested)
        })
        .cloned()
        .collect();
    let index = cut(access, root, children)?;
    let digest = index.digest.clone();
    items.insert(digest.clone(), index);
    Ok(digest)
}

fn leaves_below(
    items: &HashMap<Digest, Item>,
    item: &Item,
    visited: &mut HashSet<Digest>,
    leaves: &mut Vec<Child>,
) {
    for child in item.children() {
        if !visited.insert(child.digest.clone()) {
            continue;
        }
        match items.get(&child.digest) {
            Some(inner) if inner.parts.children.is_some() => {
                leaves_below(items, inner, visited, leaves);
            }
            _ => leaves.push(child.clone()),
        }
    }
}

/// The index with these children only.
fn cut(access: &Access<'_>, root: &Item, children: Vec<Child>) -> Result<Item, Failure> {
    let unreadable = |error: serde_json::Error| access.refused(&error.to_string());
    let mut object: Map<String, Value> = serde_json::from_slice(&root.body).map_err(unreadable)?;
    let raw = children.iter().map(|child| child.raw.clone()).collect();
    object.insert("manifests".to_owned(), Value::Array(raw));
    let body = serde_json::to_vec(&object).map_err(unreadable)?;
    Ok(Item {
        digest: Digest::of(&body),
        media_type: root.media_type.clone(),
        body: body.into(),
        parts: Parts {
            children: Some(children),
            ..root.parts.clone()
        },
        is_attestation: false,
    })
}
