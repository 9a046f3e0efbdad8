//! Copying an image by its digest from one image repository to another: the order, and what came
//! of it.

use serde::{Deserialize, Serialize};

use crate::image::{Digest, Platform, Repository, Tag};

/// One image, all of what it consists of, to another image repository.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
    /// A repository at the host of `to` that may have the blobs already.
    pub mounts_from: Option<Repository>,
    /// Set at `to` after everything else is there.
    pub tags: Vec<Tag>,
    /// Signatures, attestations, SBOMs: what refers to the image or to one of its parts, and what
    /// stands under cosign's tags.
    pub with_referrers: bool,
    pub platforms: Platforms,
}

/// Which images of an index are copied. A single image is copied whatever it is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
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

/// Whether a copy that is asked for is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CopyState {
    /// All of it.
    There,
    /// All of it, and this answer has brought it there.
    Made(Copied),
    /// Not yet, and whoever asked only looks.
    Wanted,
    /// Not yet, and it is being made: who asks later is told what came of it.
    UnderWay,
}

/// What becomes of a copy that is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CopyMode {
    /// Nothing is written.
    #[default]
    Look,
    /// What is not there is copied.
    Missing,
    /// All is copied again, for what was attached to the source since.
    Anew,
}

/// What has no tag, many registries remove: this one keeps a copy, and is set when all of it is
/// there. A stream's own tags do not serve, since environments differ in what they have.
const KEEPING: &str = "headwater-";
/// A tag has 128 characters at most, which a SHA-512 would exceed.
const KEEPING_HEX: usize = 64;

/// The tag that keeps the copy of an image.
pub fn keeping_tag(digest: &Digest) -> Option<Tag> {
    let (algorithm, hex) = digest.as_str().split_once(':')?;
    let hex: String = hex.chars().take(KEEPING_HEX).collect();
    format!("{KEEPING}{algorithm}-{hex}").parse().ok()
}

/// Whether it is a tag that keeps a copy.
pub fn is_keeping_tag(tag: &Tag) -> bool {
    let parts = tag
        .as_str()
        .strip_prefix(KEEPING)
        .and_then(|rest| rest.split_once('-'));
    parts.is_some_and(|(algorithm, hex)| {
        matches!(algorithm, "sha256" | "sha512")
            && hex.len() == KEEPING_HEX
            && hex.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
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

impl Copied {
    /// Before anything of the image with this digest is copied.
    pub fn nothing(digest: &Digest) -> Self {
        Self {
            digest: digest.clone(),
            manifests: 0,
            blobs_copied: 0,
            blobs_mounted: 0,
            blobs_present: 0,
            bytes: 0,
            referrers: 0,
            left_out: Vec::new(),
        }
    }
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
    fn a_copy_is_kept_by_a_tag_of_its_digest() {
        for text in [
            format!("sha256:{}", "ab".repeat(32)),
            format!("sha512:{}", "ab".repeat(64)),
        ] {
            let digest: Digest = text.parse().unwrap();
            let tag = keeping_tag(&digest).unwrap();
            assert!(is_keeping_tag(&tag), "{tag}");
        }
        let cosign = format!("sha256-{}.sig", "ab".repeat(32));
        for other in ["latest", "headwater-1", "headwater-sha256-ab", &cosign] {
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
