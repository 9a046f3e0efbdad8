//! Trailers at the end of a commit message, as `git interpret-trailers` reads them.

use crate::image::{Digest, Reference};
use crate::stream::StreamTagName;

pub const IMAGE_STREAM: &str = "Image-Stream";
pub const IMAGE: &str = "Image";
pub const IMAGE_PREVIOUS: &str = "Image-Previous";
pub const ENVIRONMENT: &str = "Environment";
/// The commit that the image says it was built from.
pub const SOURCE_REVISION: &str = "Source-Revision";
/// The source environment's commit whose images, and with [`PROMOTED_CARRY`] `merge` all else, a
/// promotion brings.
pub const PROMOTED_COMMIT: &str = "Promoted-Commit";
/// The source environment.
pub const PROMOTED_FROM: &str = "Promoted-From";
/// A stream or stream tag that alone was asked for; one a line.
pub const PROMOTED_ONLY: &str = "Promoted-Only";
/// Who asked for just this promotion.
pub const PROMOTED_BY: &str = "Promoted-By";
/// `merge` or `pins`.
pub const PROMOTED_CARRY: &str = "Promoted-Carry";
pub const PLAN: &str = "Headwater-Plan";
/// A stream that a push created, or a tag that it added; one a line.
pub const CREATED: &str = "Created";
pub const CLOSED: &str = "Headwater-Closed";

/// An image that a bot commit proposes, or declines, for a stream tag.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TaggedImage {
    pub tag: StreamTagName,
    pub digest: Digest,
}

/// The trailers of a message, in order; none where its last paragraph holds anything else.
pub fn trailers(message: &str) -> Vec<(&str, &str)> {
    let body = message.trim_end();
    let last = body.rsplit("\n\n").next().unwrap_or(body);
    if last.len() == body.len() {
        // A subject alone is no trailer.
        return Vec::new();
    }
    let parsed: Option<Vec<_>> = last.lines().map(|line| line.split_once(": ")).collect();
    parsed.unwrap_or_default()
}

/// The value of the trailer `key`, the last one where there are several.
pub fn trailer<'a>(message: &'a str, key: &str) -> Option<&'a str> {
    trailers(message)
        .into_iter()
        .rev()
        .find_map(|(name, value)| (name == key).then_some(value))
}

/// The value of the first line `key: value` anywhere in the message: a squash by a forge may have
/// put the trailers among other lines.
pub fn kept<'a>(message: &'a str, key: &str) -> Option<&'a str> {
    kept_all(message, key).next()
}

/// The values of all such lines, in order.
pub fn kept_all<'a>(message: &'a str, key: &str) -> impl Iterator<Item = &'a str> {
    let lines = message.lines();
    lines.filter_map(move |line| Some(line.trim().strip_prefix(key)?.strip_prefix(": ")?.trim()))
}

/// The images that a bot commit names: each `Image-Stream` with the `Image` after it.
pub fn named_images(message: &str) -> Vec<(StreamTagName, Reference)> {
    let mut images = Vec::new();
    let mut tag = None;
    for (key, value) in trailers(message) {
        match key {
            IMAGE_STREAM => tag = StreamTagName::parse(value, ""),
            IMAGE => images.extend(tag.take().zip(value.parse().ok())),
            _ => {}
        }
    }
    images
}

/// Those of [`named_images`] that have a digest.
pub fn images(message: &str) -> Vec<TaggedImage> {
    let named = named_images(message).into_iter();
    named
        .filter_map(|(tag, image)| {
            let digest = image.digest?;
            Some(TaggedImage { tag, digest })
        })
        .collect()
}

/// The images that a message names, each with the commit that it was built from, where that is
/// said. A squash may have put several of the bot's messages into one.
pub fn sources(message: &str) -> Vec<(TaggedImage, Option<String>)> {
    let mut found: Vec<(TaggedImage, Option<String>)> = Vec::new();
    let (mut tag, mut first, mut is_over) = (None, 0, false);
    for line in message.lines() {
        let Some((key, value)) = line.trim().split_once(": ") else {
            continue;
        };
        match key {
            IMAGE_STREAM => {
                // What follows the environment is of the next message.
                if std::mem::take(&mut is_over) {
                    first = found.len();
                }
                tag = StreamTagName::parse(value, "");
            }
            IMAGE => {
                let image = value.parse::<Reference>().ok();
                let digest = image.and_then(|image| image.digest);
                let named = tag.take().zip(digest);
                found.extend(named.map(|(tag, digest)| (TaggedImage { tag, digest }, None)));
            }
            ENVIRONMENT => is_over = true,
            SOURCE_REVISION => {
                if let Some([(_, revision)]) = found.get_mut(first..) {
                    *revision = Some(value.to_owned());
                }
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

    #[test]
    fn images_come_in_pairs() {
        let message = format!(
            "pin\n\nbody: text\n\nImage-Stream: dev/web:1\nImage: quay.io/a/web:1@{DIGEST}\nImage-Stream: dev/x:1\nEnvironment: dev\n"
        );
        let images = images(&message);
        assert_eq!(images.len(), 1);
        assert_eq!(images[0].tag.to_string(), "dev/web:1");
        assert_eq!(trailer(&message, ENVIRONMENT), Some("dev"));
    }

    #[test]
    fn a_source_is_told_of_one_image_alone() {
        let one = format!("Image-Stream: dev/web:1\nImage: quay.io/a/web:1@{DIGEST}\n");
        let end = "Environment: dev\nSource-Revision: 3cab71f\n";
        let shown = |message: String| -> Vec<String> {
            let sources = sources(&message).into_iter();
            let shown = sources.map(|(image, revision)| format!("{} {revision:?}", image.tag));
            shown.collect()
        };
        let known = "dev/web:1 Some(\"3cab71f\")".to_owned();
        let unknown = "dev/web:1 None".to_owned();
        assert_eq!(
            shown(format!("pin\n\n{one}{end}")),
            std::slice::from_ref(&known)
        );
        assert_eq!(
            shown(format!("pin\n\n{one}{one}{end}")),
            [unknown.clone(), unknown]
        );
        assert_eq!(
            shown(format!("pin (#1)\n\n* a\n\n{one}{end}\n* b\n\n{one}{end}")),
            [known.clone(), known]
        );
    }

    #[test]
    fn lines_that_a_squash_kept_are_found_anywhere() {
        let message = "Release (#7)\n\n* promote\n\n  Promoted-From: dev\n  Promoted-From: qa\n\nCo-authored-by: x <x@y>\n";
        assert_eq!(kept(message, PROMOTED_FROM), Some("dev"));
        assert_eq!(kept_all(message, PROMOTED_FROM).count(), 2);
        assert_eq!(kept(message, PROMOTED_COMMIT), None);
    }

    #[test]
    fn only_a_last_paragraph_of_trailers_counts() {
        assert_eq!(trailer("Environment: dev", ENVIRONMENT), None);
        assert_eq!(
            trailer("a\n\nEnvironment: dev\n\nthe end", ENVIRONMENT),
            None
        );
        assert_eq!(
            trailer("a\n\nEnvironment: dev\nand prose", ENVIRONMENT),
            None
        );
    }
}
