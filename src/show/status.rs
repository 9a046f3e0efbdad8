//! Stream tags through the environments: which image each has, since when, and what it waits for.

use jiff::Timestamp;
use serde::Serialize;

use crate::show::reasons::Why;

/// What `status` shows.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// A source before what is promoted from it.
    pub environments: Vec<Column>,
    pub stream_tags: Vec<Line>,
}

/// An environment.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Column {
    pub name: String,
    pub branch: String,
    pub commit: String,
    /// Its source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub promoted_from: Option<String>,
}

/// A stream tag in all environments.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    pub name: String,
    /// In the order of [`Status::environments`].
    pub environments: Vec<Cell>,
}

/// A stream tag in one environment.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Cell {
    pub environment: String,
    /// None: there is none here.
    pub stream_tag: Option<String>,
    /// A digest, or a name without one.
    pub image: Option<String>,
    /// Fields are pinned to other images too.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub mixed: bool,
    /// RFC 3339: when the commit that brought it entered the branch.
    pub since: Option<String>,
    pub commit: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Compared>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub proposed: Vec<Pending>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub waiting: Vec<Why>,
}

/// How an image stands to what the source environment has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", tag = "state")]
pub enum Compared {
    Same,
    /// The source has moved on by so many images.
    Behind {
        images: usize,
    },
    /// The source never had it.
    Unknown,
}

/// A branch that would bring another image.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Pending {
    pub branch: String,
    /// As `pr list` says it: open, conflict, edited.
    pub state: &'static str,
    pub image: Option<String>,
    /// Of its pull request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

impl Compared {
    /// `history` is what the source had, its present image first.
    pub fn of(image: &str, history: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        let mut distinct: Vec<String> = Vec::new();
        for had in history {
            if distinct.last().is_none_or(|last| last != had.as_ref()) {
                distinct.push(had.as_ref().to_owned());
            }
        }
        match distinct.iter().position(|had| had == image) {
            Some(0) => Self::Same,
            Some(images) => Self::Behind { images },
            None => Self::Unknown,
        }
    }
}

/// How a status is printed.
#[derive(Clone, Copy, Debug)]
pub struct StatusStyle {
    /// Whole times, longer digests and commits.
    pub wide: bool,
    /// What lines should fit into.
    pub width: Option<usize>,
    pub now: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_counted_from_the_newest() {
        let history = ["c", "b", "b", "a"];
        assert_eq!(Compared::of("c", history), Compared::Same);
        assert_eq!(Compared::of("b", history), Compared::Behind { images: 1 });
        assert_eq!(Compared::of("a", history), Compared::Behind { images: 2 });
        assert_eq!(Compared::of("x", history), Compared::Unknown);
        assert_eq!(Compared::of("x", [""; 0]), Compared::Unknown);
        // Back at what it was before: as new as can be.
        assert_eq!(Compared::of("a", ["a", "b", "a"]), Compared::Same);
    }
}
