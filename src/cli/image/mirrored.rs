//! What `image mirror` has done, as `-o json` prints it.

use serde::Serialize;

use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::copying::{Copied, CopyOrder, LeftOut};
use crate::image::{Digest, Reference};
use crate::verb::mirror::Copy;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Mirrored {
    dry_run: bool,
    images: Vec<Image>,
    /// Left out because it was asked for.
    skipped: Vec<Told>,
    failures: Vec<Told>,
    /// Left because of a failure.
    pub not_begun: u64,
    #[serde(skip)]
    exit: Exit,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Image {
    /// By digest.
    source: Reference,
    /// What the destinations name; none where nothing was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<Digest>,
    destinations: Vec<String>,
    #[serde(flatten)]
    done: Option<Done>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Done {
    manifests: u64,
    blobs_copied: u64,
    blobs_mounted: u64,
    blobs_present: u64,
    bytes: u64,
    referrers: u64,
    left_out: Vec<LeftOut>,
}

#[derive(Debug, Serialize)]
struct Told {
    source: String,
    reason: String,
}

/// A source that was not copied, and why.
#[derive(Debug)]
pub struct Unread {
    pub source: String,
    pub error: CliError,
}

/// Of all images together.
#[derive(Clone, Copy, Debug, Default)]
pub struct Copies {
    pub images: u64,
    pub blobs_copied: u64,
    pub blobs_mounted: u64,
    pub blobs_present: u64,
    pub bytes: u64,
}

impl Mirrored {
    pub fn new(dry_run: bool) -> Self {
        Self {
            dry_run,
            images: Vec::new(),
            skipped: Vec::new(),
            failures: Vec::new(),
            not_begun: 0,
            exit: Exit::Success,
        }
    }

    /// Without what came of it where nothing is written.
    pub fn add(&mut self, order: &CopyOrder, copies: &[Copy], copied: Option<&Copied>) {
        self.images.push(Image {
            source: Reference::pinned(order.from.clone(), None, order.digest.clone()),
            digest: copied.map(|copied| copied.digest.clone()),
            destinations: copies.iter().map(Copy::destination).collect(),
            done: copied.map(|copied| Done {
                manifests: copied.manifests,
                blobs_copied: copied.blobs_copied,
                blobs_mounted: copied.blobs_mounted,
                blobs_present: copied.blobs_present,
                bytes: copied.bytes,
                referrers: copied.referrers,
                left_out: copied.left_out.clone(),
            }),
        });
    }

    pub fn skip(&mut self, source: String, reason: &str) {
        let reason = reason.to_owned();
        self.skipped.push(Told { source, reason });
    }

    pub fn fail(&mut self, failure: Unread) {
        self.exit = self.exit.max(failure.error.exit());
        self.failures.push(Told {
            source: failure.source,
            reason: failure.error.told().0,
        });
    }

    /// The gravest of what went wrong.
    pub fn exit(&self) -> Exit {
        self.exit
    }

    pub fn total(&self) -> Copies {
        let mut total = Copies::default();
        for done in self.images.iter().filter_map(|image| image.done.as_ref()) {
            total.images += 1;
            total.blobs_copied += done.blobs_copied;
            total.blobs_mounted += done.blobs_mounted;
            total.blobs_present += done.blobs_present;
            total.bytes += done.bytes;
        }
        total
    }
}
