//! What a name is at a registry, and what it is made of.

use std::collections::BTreeSet;

use crate::image::{Digest, Repository};
use crate::lookup::Wanted;
use crate::registry::Registries;
use crate::registry::access::Access;
use crate::registry::error::{Failure, FailureKind};
use crate::registry::image_manifest::{DOCKER_LIST, Descriptor, ImageManifest, OCI_INDEX};

/// An index of indices.
const DEEPEST: usize = 3;
/// Indices in one index.
const MOST_INDICES: usize = 64;

/// An image or an index, and all images that it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    pub digest: Digest,
    /// Also through indices in it; empty for a single image.
    pub images: Vec<Digest>,
}

impl Registries {
    /// Reads a tag or a digest with the operator's credentials. None where it is not there.
    pub async fn contents(
        &self,
        repository: &Repository,
        wanted: &Wanted,
    ) -> Result<Option<Contents>, Failure> {
        let access = self.access(repository, false, &None)?;
        let Some((digest, children)) = access.children(wanted).await? else {
            return Ok(None);
        };
        let mut images: BTreeSet<Digest> = BTreeSet::new();
        let mut level = children;
        let mut indices = 0;
        for _ in 0..DEEPEST {
            let mut next = Vec::new();
            for child in level {
                let is_new = images.insert(child.digest.clone());
                let is_index = [OCI_INDEX, DOCKER_LIST].contains(&child.media_type.as_str());
                if !is_new || !is_index {
                    continue;
                }
                indices += 1;
                if indices > MOST_INDICES {
                    let what = format!("{digest} has more than {MOST_INDICES} indices in it");
                    return Err(access.refused(&what));
                }
                let inner = Wanted::Digest(child.digest);
                let found = access.children(&inner).await?;
                next.extend(found.into_iter().flat_map(|(_, children)| children));
            }
            level = next;
        }
        if !level.is_empty() {
            let what = format!("{digest} is an index of indices, more than {DEEPEST} deep");
            return Err(access.refused(&what));
        }
        Ok(Some(Contents {
            digest,
            images: images.into_iter().collect(),
        }))
    }
}

impl Access<'_> {
    async fn children(
        &self,
        wanted: &Wanted,
    ) -> Result<Option<(Digest, Vec<Descriptor>)>, Failure> {
        match self.read(wanted).await {
            Ok(read) => {
                let children = match read.manifest {
                    ImageManifest::Index { children, .. } => children,
                    ImageManifest::Image { .. } => Vec::new(),
                };
                Ok(Some((read.digest, children)))
            }
            Err(failure) if failure.kind == FailureKind::Missing => Ok(None),
            Err(failure) => Err(failure),
        }
    }
}
