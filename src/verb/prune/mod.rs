//! `prune images`: which images of the integrated registry nobody needs.
//!
//! | step | file |
//! |---|---|
//! | what a file names: digests, tags of the registry | `mention` |
//! | what Git says of all environments together | `books` |
//! | what a promotion may still choose | `trail` |
//! | what stays in one repository, and why; what goes | `verdict` |
//!
//! An image is a digest: what names it keeps it in every repository of the registry. Whatever
//! cannot be told keeps it too.

mod books;
mod mention;
#[cfg(test)]
mod tests;
mod trail;
mod verdict;

use std::fmt;

use jiff::{SignedDuration, Timestamp};

use crate::image::Digest;
use crate::stream::{StreamName, StreamTagName};

pub use books::{Books, Recorded};
pub use mention::{Finder, Mentions, without_status};
pub use verdict::{Order, Outcome, Stock, Tagging, Verdict, going};

/// What a person asks for.
#[derive(Clone, Debug)]
pub struct Wishes {
    pub keep_younger_than: SignedDuration,
    /// Of each tag in each environment; the newest stays in any case.
    pub keep_revisions: usize,
    /// Copies of images from other registries too.
    pub all: bool,
    /// None: every namespace.
    pub namespace: Option<String>,
    pub now: Timestamp,
}

impl Wishes {
    /// Whether something of this time is too young to go.
    pub fn is_young(&self, time: Timestamp) -> bool {
        self.now.duration_since(time) < self.keep_younger_than
    }
}

/// Where a registry keeps the images of a stream.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// `host[:port]`
    pub host: String,
    pub stream: StreamName,
}

/// `host/namespace/name`
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.host, self.stream)
    }
}

/// Why an image stays. A `place` says where in Git: `prod: web.yaml:12`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A file names its digest.
    Named {
        place: String,
    },
    /// A tag that a file names, or that takes pushes, is this image now.
    Tagged {
        tag: String,
        place: String,
    },
    /// A file names the beginning of its digest.
    Begun {
        beginning: String,
        place: String,
    },
    /// It is among the newest that a stream tag has.
    Newest {
        tag: StreamTagName,
        position: usize,
        place: String,
    },
    /// The source had it since the one that the target has, which may still be given it.
    Ahead {
        tag: StreamTagName,
        source: String,
        target: String,
    },
    NewStream,
    Young,
    /// Nothing says when it came, and it does not say when it was made.
    UnknownAge,
    /// An index that stays names it.
    PartOf(Digest),
    /// It is an index that names an image which stays.
    Has(Digest),
    /// The stream has not had it, or not yet.
    Unrecorded,
    /// It came from another registry, and only what was pushed is asked for.
    Copied,
}

impl Reason {
    /// One word for programs.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Named { .. } => "named",
            Self::Tagged { .. } => "tagged",
            Self::Begun { .. } => "begun",
            Self::Newest { .. } => "newest",
            Self::Ahead { .. } => "ahead",
            Self::NewStream => "newStream",
            Self::Young => "young",
            Self::UnknownAge => "unknownAge",
            Self::PartOf(_) => "partOf",
            Self::Has(_) => "has",
            Self::Unrecorded => "unrecorded",
            Self::Copied => "copied",
        }
    }
}

/// One phrase.
impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named { place } => write!(f, "named by {place}"),
            Self::Tagged { tag, place } => write!(f, "it is {tag} now, by {place}"),
            Self::Begun { beginning, place } => write!(f, "named as {beginning} by {place}"),
            Self::Newest {
                tag,
                position: 0,
                place,
            } => write!(f, "{tag} has it in {place}"),
            Self::Newest {
                tag,
                position,
                place,
            } => write!(f, "{tag} had it {position} before in {place}"),
            Self::Ahead {
                tag,
                source,
                target,
            } => write!(f, "{target} may take it from {source}, where {tag} had it"),
            Self::NewStream => f.write_str("the stream is younger than the limit"),
            Self::Young => f.write_str("younger than the limit"),
            Self::UnknownAge => f.write_str("nothing says how old it is"),
            Self::PartOf(index) => write!(f, "{index} names it"),
            Self::Has(image) => write!(f, "it names {image}, which stays"),
            Self::Unrecorded => f.write_str("the stream has not had it, or not yet"),
            Self::Copied => f.write_str("a copy of another registry's image"),
        }
    }
}
