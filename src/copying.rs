//! Copying an image by its digest from one image repository to another: the order, and what came
//! of it.

use serde::{Deserialize, Serialize};

use crate::image::{Digest, Platform, Repository, Tag};

/// One image, all of what it consists of, to another image repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopyOrder {
    pub from: Repository,
    /// Of `from`, as in [`crate::lookup::Lookup`].
    pub insecure: bool,
    /// Of `from`, as in [`crate::lookup::Lookup`].
    pub secrets_of: Option<String>,
    pub digest: Digest,
    /// Written to with the operator's credentials.
    pub to: Repository,
    /// Of `to`: unverified TLS and plain HTTP will do, and get no credential unless the operator
    /// says so of the host.
    pub to_insecure: bool,
    /// Set at `to` after everything else is there.
    pub tags: Vec<Tag>,
    /// Signatures, attestations, SBOMs: what refers to the image or to one of its parts, and what
    /// stands under cosign's tags.
    pub with_referrers: bool,
    pub platforms: Platforms,
}

/// Which images of an index are copied. A single image is copied whatever it is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Platforms {
    /// The index as it is, byte for byte.
    All,
    /// As `oc image mirror --filter-by-os`: where only one image matches, that image; where
    /// several do, or `keeps_index`, an index of them, which has another digest. Where all match,
    /// the index as it is.
    Only {
        /// One without a variant matches each variant.
        platforms: Vec<Platform>,
        keeps_index: bool,
    },
}

/// What a copy has brought about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copied {
    /// What the tags name at the target: the order's digest, except by [`Platforms::Only`].
    pub digest: Digest,
    /// Written at the target, referrers among them.
    pub manifests: u64,
    /// Sent through here.
    pub blobs_copied: u64,
    /// Taken by the target from another of its repositories.
    pub blobs_mounted: u64,
    /// There before.
    pub blobs_present: u64,
    /// Of the blobs that were copied.
    pub bytes: u64,
    /// Referrers, and images under cosign's tags.
    pub referrers: u64,
    /// Referrers that cannot be copied by trying again.
    pub left_out: Vec<LeftOut>,
}

/// A referrer that was not copied, and why.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LeftOut {
    /// Its digest or its tag; of a whole list, that of the image it belongs to.
    pub name: String,
    /// One sentence without secrets.
    pub reason: String,
}

/// How far a copy is. The totals grow when referrers are found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CopyProgress {
    pub blobs: u64,
    pub blobs_done: u64,
    /// Of all blobs, also of those that need not be sent.
    pub bytes: u64,
    /// Sent, or not needed to be; a byte that is sent again counts once.
    pub bytes_done: u64,
}

/// Before the hex digits of the digest in a [`keeping_tag`].
const KEEPING: &str = "headwater-sha256-";

/// The tag that holds a copy in the integrated registry, whose cleaning takes what has none. None
/// where the digest is too long for a tag.
pub fn keeping_tag(digest: &Digest) -> Option<Tag> {
    let tag = format!("headwater-{}-{}", digest.algorithm(), digest.encoded());
    tag.parse().ok().filter(is_keeping_tag)
}

/// Whether the tag says nothing but that its image was copied here.
pub fn is_keeping_tag(tag: &Tag) -> bool {
    tag.as_str().strip_prefix(KEEPING).is_some_and(|hex| {
        let digest: Result<Digest, _> = format!("sha256:{hex}").parse();
        digest.is_ok()
    })
}

impl Platforms {
    /// Whether an image for this platform is copied.
    pub fn admits(&self, platform: Option<&Platform>) -> bool {
        let Self::Only { platforms, .. } = self else {
            return true;
        };
        platform.is_some_and(|platform| {
            platforms.iter().any(|wanted| {
                wanted.os == platform.os
                    && wanted.architecture == platform.architecture
                    && (wanted.variant.is_none() || wanted.variant == platform.variant)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keeping_tag_holds_one_digest() {
        let digest = Digest::of(b"image");
        let tag = keeping_tag(&digest).unwrap();
        assert_eq!(
            tag.as_str(),
            format!("headwater-sha256-{}", digest.encoded())
        );
        assert!(is_keeping_tag(&tag));
        for other in [
            "headwater-sha256-",
            "headwater-sha256-12ab",
            "sha256-1",
            "1.10",
        ] {
            assert!(!is_keeping_tag(&other.parse().unwrap()), "{other}");
        }
    }

    #[test]
    fn a_platform_without_a_variant_matches_each() {
        let platform = |text: &str| text.parse::<Platform>().unwrap();
        let only = |texts: &[&str]| Platforms::Only {
            platforms: texts.iter().map(|text| platform(text)).collect(),
            keeps_index: false,
        };
        for (wanted, there, is_in) in [
            (only(&["linux/arm"]), "linux/arm/v7", true),
            (only(&["linux/arm/v7"]), "linux/arm/v7", true),
            (only(&["linux/arm/v7"]), "linux/arm/v6", false),
            (only(&["linux/arm/v7"]), "linux/arm", false),
            (only(&["linux/amd64", "linux/arm"]), "linux/arm", true),
            (only(&["linux/amd64"]), "windows/amd64", false),
            (only(&[]), "linux/amd64", false),
            (Platforms::All, "linux/amd64", true),
        ] {
            assert_eq!(wanted.admits(Some(&platform(there))), is_in, "{wanted:?}");
        }
        assert!(Platforms::All.admits(None));
        assert!(!only(&["linux/amd64"]).admits(None));
    }
}
