//! The bot's mark at the end of a pull request's body: by it the bot knows what it proposed, also
//! after the branch is gone. What people write below it stays theirs.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::environment::EnvironmentName;
use crate::image::Digest;
use crate::plan::creation::Created;
use crate::revision::{BranchName, CommitId};
use crate::stream::StreamTagName;

const START: &str = "<!-- headwater:v1 ";
const END: &str = " -->";
/// A forge takes bodies of some 64 KiB; a mark is a part of one.
const MAX_MARK: usize = 48 * 1024;
/// Images of one pull request that are told apart. Beyond them, closing it declines just the same
/// images together.
const MAX_IMAGES: usize = 1500;
/// What was proposed before, in this pull request.
pub const MAX_HISTORY: usize = 10;

/// What the bot has to know of its pull request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Marker {
    /// The plan that the text tells of: the branch's `Headwater-Plan`.
    pub plan: String,
    /// The commit of the base that the branch was built on.
    #[serde(default, with = "hex", skip_serializing_if = "Option::is_none")]
    pub base: Option<CommitId>,
    /// A hash of what the text tells beside the plan; none where it tells nothing more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told: Option<String>,
    /// Which images it proposes, for which stream tags.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub images: BTreeSet<ImageKey>,
    /// The plain title, as the next entry of `history`.
    #[serde(default)]
    pub subject: String,
    /// Earlier subjects, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<Earlier>,
    /// The hold that it writes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold: Option<WantedHold>,
    /// The hash of the remark that was made under it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remark: Option<String>,
    /// The commit for which the forge was asked to merge it.
    #[serde(default, with = "hex", skip_serializing_if = "Option::is_none")]
    pub merging: Option<CommitId>,
    /// It is being opened: what is set beside it may not be there yet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub opening: bool,
    /// The bot itself closes it: that declines nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ended: bool,
}

/// Somebody wants a stream tag to stay where it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WantedHold {
    pub tag: String,
    /// As the hold is to say it.
    pub by: String,
}

/// What a pull request proposed before it moved on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Earlier {
    /// When it moved on: RFC 3339, UTC.
    pub time: String,
    pub subject: String,
}

/// A stream tag with a digest, short enough to stand there a thousand times.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ImageKey(String);

impl ImageKey {
    pub fn new(tag: &StreamTagName, digest: &Digest) -> Self {
        let hash = Digest::of(format!("{tag} {digest}").as_bytes());
        Self(hash.encoded().chars().take(16).collect())
    }

    /// For what a push created.
    pub fn of_creation(created: &Created) -> Self {
        let hash = Digest::of(format!("creation {created}").as_bytes());
        Self(hash.encoded().chars().take(16).collect())
    }

    /// For a promotion, which may bring no image.
    pub fn of_promotion(from: &EnvironmentName, commit: CommitId) -> Self {
        let hash = Digest::of(format!("promotion {from} {commit}").as_bytes());
        Self(hash.encoded().chars().take(16).collect())
    }
}

/// A body in its three parts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MarkedBody<'a> {
    /// What the bot wrote; all of it where there is no mark.
    pub text: &'a str,
    /// None where there is none, or one that somebody else wrote.
    pub marker: Option<Marker>,
    /// What a person wrote below the mark.
    pub tail: &'a str,
}

impl Marker {
    /// The images, or where they are too many, one key for exactly these.
    pub fn of_images(images: impl IntoIterator<Item = ImageKey>) -> BTreeSet<ImageKey> {
        let images: BTreeSet<ImageKey> = images.into_iter().collect();
        if images.len() <= MAX_IMAGES {
            return images;
        }
        let all: Vec<&str> = images.iter().map(|key| key.0.as_str()).collect();
        let hash = Digest::of(all.concat().as_bytes());
        BTreeSet::from([ImageKey(format!("all {}", hash.encoded()))])
    }

    /// Whether it names all of these.
    pub fn proposes(&self, images: &BTreeSet<ImageKey>) -> bool {
        images.is_subset(&self.images) || Self::of_images(images.iter().cloned()) == self.images
    }

    /// Reads the body of the pull request from `branch`. With a `key`, only a mark that was made
    /// with it counts.
    pub fn read<'a>(body: &'a str, branch: &BranchName, key: Option<&[u8]>) -> MarkedBody<'a> {
        let unmarked = MarkedBody {
            text: body,
            ..MarkedBody::default()
        };
        // The bot's own is the first one on a line of its own: text of others never begins one.
        let found = body.match_indices(START).find_map(|(at, _)| {
            let is_line = at == 0 || body.get(..at).is_some_and(|before| before.ends_with('\n'));
            let (mark, tail) = body.get(at + START.len()..)?.split_once(END)?;
            let text = body.get(..at)?;
            (is_line && mark.len() <= MAX_MARK).then_some((text, mark, tail))
        });
        let Some((text, mark, tail)) = found else {
            return unmarked;
        };
        MarkedBody {
            text,
            marker: opened(mark, branch, key),
            tail,
        }
    }

    /// A body with this mark between the bot's text and a person's.
    pub fn mark(&self, text: &str, tail: &str, branch: &BranchName, key: Option<&[u8]>) -> String {
        let text = text.trim_end();
        format!("{text}\n\n{START}{}{END}{tail}", self.sealed(branch, key))
    }

    /// The body with a mark that knows that the forge was asked to merge `head`; none where it has
    /// no mark.
    pub fn with_merging(
        body: &str,
        branch: &BranchName,
        key: Option<&[u8]>,
        head: CommitId,
    ) -> Option<String> {
        let before = Self::read(body, branch, key);
        let marker = Self {
            merging: Some(head),
            ..before.marker?
        };
        Some(marker.mark(before.text, before.tail, branch, key))
    }

    /// The body with a mark that says that it is being opened; none where it has no mark.
    pub fn with_opening(body: &str, branch: &BranchName, key: Option<&[u8]>) -> Option<String> {
        let before = Self::read(body, branch, key);
        let marker = Self {
            opening: true,
            ..before.marker?
        };
        Some(marker.mark(before.text, before.tail, branch, key))
    }

    fn sealed(&self, branch: &BranchName, key: Option<&[u8]>) -> String {
        // Strings, numbers and lists of them: nothing that JSON cannot hold.
        let json = serde_json::to_vec(self).unwrap_or_default();
        let text = BASE64.encode(json);
        match key {
            Some(key) => format!("{text}.{}", signature(&text, branch, key)),
            None => text,
        }
    }
}

/// Commits as people write them.
mod hex {
    use serde::{Deserialize as _, Deserializer, Serializer};

    use crate::revision::CommitId;

    pub fn serialize<S: Serializer>(id: &Option<CommitId>, to: S) -> Result<S::Ok, S::Error> {
        match id {
            Some(id) => to.collect_str(id),
            None => to.serialize_none(),
        }
    }

    pub fn deserialize<'d, D: Deserializer<'d>>(from: D) -> Result<Option<CommitId>, D::Error> {
        let text = Option::<String>::deserialize(from)?;
        text.map(|text| text.parse().map_err(serde::de::Error::custom))
            .transpose()
    }
}

fn opened(mark: &str, branch: &BranchName, key: Option<&[u8]>) -> Option<Marker> {
    let (text, signed) = match mark.split_once('.') {
        Some((text, signed)) => (text, Some(signed)),
        None => (mark, None),
    };
    if let Some(key) = key {
        let signed = BASE64.decode(signed?).ok()?;
        mac(text, branch, key)?.verify_slice(&signed).ok()?;
    }
    serde_json::from_slice(&BASE64.decode(text).ok()?).ok()
}

fn signature(text: &str, branch: &BranchName, key: &[u8]) -> String {
    let mac = mac(text, branch, key);
    mac.map_or_else(String::new, |mac| {
        BASE64.encode(mac.finalize().into_bytes())
    })
}

/// With the branch in it, so that no mark can be moved to another pull request.
fn mac(text: &str, branch: &BranchName, key: &[u8]) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(branch.as_str().as_bytes());
    mac.update(b"\n");
    mac.update(text.as_bytes());
    Some(mac)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn branch() -> BranchName {
        "headwater/dev/app.web".parse().unwrap()
    }

    fn marker() -> Marker {
        let tag = StreamTagName::parse("app/web:1", "").unwrap();
        Marker {
            plan: "ab".repeat(32),
            images: Marker::of_images([ImageKey::new(&tag, &Digest::of(b"a"))]),
            subject: "pin a--b".to_owned(),
            base: Some("0123456789abcdef0123456789abcdef01234567".parse().unwrap()),
            ..Marker::default()
        }
    }

    #[test]
    fn a_mark_is_read_back_and_what_stands_around_it_stays() {
        for key in [None, Some(b"sixteen bytes or".as_slice())] {
            let body = marker().mark("ours\n", "\r\nmine <!-- x -->", &branch(), key);
            let read = Marker::read(&body, &branch(), key);
            assert_eq!(read.text, "ours\n\n");
            assert_eq!(read.tail, "\r\nmine <!-- x -->");
            assert_eq!(read.marker, Some(marker()));
        }
    }

    #[test]
    fn only_a_mark_made_with_the_key_counts() {
        let key = Some(b"key".as_slice());
        let body = marker().mark("", "", &branch(), key);
        let other: BranchName = "headwater/dev/app.api".parse().unwrap();
        assert_eq!(Marker::read(&body, &other, key).marker, None);
        assert_eq!(Marker::read(&body, &branch(), Some(b"other")).marker, None);
        let unsigned = marker().mark("", "", &branch(), None);
        assert_eq!(Marker::read(&unsigned, &branch(), key).marker, None);
        assert_eq!(Marker::read(&unsigned, &branch(), key).tail, "");
    }

    #[test]
    fn what_is_no_mark_is_text() {
        for body in [
            "",
            "`<!-- headwater:v1 e30 -->`",
            "text <!-- headwater:v1 e30 -->",
            "<!-- headwater:v1 e30",
        ] {
            let read = Marker::read(body, &branch(), None);
            assert_eq!((read.text, read.marker, read.tail), (body, None, ""));
        }
        let read = Marker::read("<!-- headwater:v1 !! -->x", &branch(), None);
        assert_eq!((read.text, read.marker, read.tail), ("", None, "x"));
    }

    #[test]
    fn a_mark_of_many_images_is_short() {
        let tag = StreamTagName::parse("app/web:1", "").unwrap();
        let key = |number: usize| ImageKey::new(&tag, &Digest::of(&number.to_le_bytes()));
        assert_eq!(Marker::of_images((0..1500).map(key)).len(), 1500);
        let many = Marker::of_images((0..1501).map(key));
        assert_eq!(many.len(), 1);
        assert_ne!(many, Marker::of_images((0..1502).map(key)));
        let marker = Marker {
            images: Marker::of_images((0..1500).map(key)),
            ..marker()
        };
        let body = marker.mark("", "", &branch(), Some(b"key"));
        assert!(body.len() < MAX_MARK);
        let read = Marker::read(&body, &branch(), Some(b"key"));
        assert_eq!(read.marker, Some(marker));
    }
}
