//! One thing that `get` shows: its name, its row, its object.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value as Json;

use crate::image::{Description, Reference};
use crate::show::ago::ago;
use crate::show::image;
use crate::show::kind::Kind;
use crate::show::object;
use crate::show::row;
use crate::show::trigger::TriggerLine;
use crate::stream::{ImageStream, ReferencePolicy, TagEvent};

/// One thing that `get` shows.
#[derive(Clone, Debug)]
pub enum Item<'m> {
    Stream(&'m ImageStream),
    /// A tag's current image; tags without one are no objects, as in the original.
    StreamTag(Tagged<'m>),
    /// An image by the id that it was asked for by.
    StreamImage {
        image: Tagged<'m>,
        id: String,
    },
    ImageTag {
        stream: &'m ImageStream,
        tag: &'m str,
    },
    Image(Tagged<'m>),
    Trigger(&'m TriggerLine),
}

/// An image in a stream's history.
#[derive(Clone, Debug)]
pub struct Tagged<'m> {
    pub stream: &'m ImageStream,
    pub tag: &'m str,
    /// Not the stream's own where the image is one of an index that the stream records.
    pub event: Cow<'m, TagEvent>,
}

impl Tagged<'_> {
    /// From where the tag's image is pulled (library-go `imageutil.ResolveLatestTaggedImage`):
    /// from where it was imported, or, by the reference policy Local, from the stream's own
    /// repository in the integrated registry.
    pub fn pull_spec(&self) -> String {
        let policy = self.stream.tag(self.tag);
        let is_local =
            policy.is_some_and(|tag| tag.settings.reference_policy == ReferencePolicy::Local);
        let repository = self.stream.repositories().repository.as_deref();
        let local = repository.filter(|_| is_local && !self.event.image.is_empty());
        match local.and_then(|text| text.parse::<Reference>().ok()) {
            Some(local) => format!("{}@{}", local.repository, self.event.image),
            None => self.event.reference.clone(),
        }
    }
}

/// The current image of each tag of a stream, by name.
pub fn stream_tags(stream: &ImageStream) -> Vec<Tagged<'_>> {
    let mut tags: Vec<Tagged<'_>> = stream
        .status
        .iter()
        .filter_map(|status| {
            Some(Tagged {
                stream,
                tag: &status.tag,
                event: Cow::Borrowed(status.items.first().filter(|it| !it.image.is_empty())?),
            })
        })
        .collect();
    tags.sort_by_key(|tagged| tagged.tag);
    tags
}

/// Every image in the history of a stream once, the newest first.
pub fn stream_images(stream: &ImageStream) -> Vec<Tagged<'_>> {
    let mut found: Vec<Tagged<'_>> = Vec::new();
    for status in &stream.status {
        for event in &status.items {
            let is_known = found.iter().any(|it| it.event.image == event.image);
            if !event.image.is_empty() && !is_known {
                found.push(Tagged {
                    stream,
                    tag: &status.tag,
                    event: Cow::Borrowed(event),
                });
            }
        }
    }
    let age = |tagged: &Tagged<'_>| tagged.event.created.parse::<Timestamp>().ok();
    found.sort_by_key(|tagged| std::cmp::Reverse(age(tagged)));
    found
}

/// The tags of a stream's spec and status, by name.
pub fn all_tags(stream: &ImageStream) -> Vec<&str> {
    let recorded = stream.status.iter().map(|status| status.tag.as_str());
    let mut tags: Vec<&str> = recorded
        .chain(stream.tags.iter().map(|tag| tag.name.as_str()))
        .collect();
    tags.sort_unstable();
    tags.dedup();
    tags
}

impl<'m> Item<'m> {
    /// An image of a stream by its whole digest.
    pub fn stream_image(image: Tagged<'m>) -> Self {
        Self::StreamImage {
            id: image.event.image.clone(),
            image,
        }
    }

    /// The image that a registry can tell more of.
    pub fn image(&self) -> Option<&Tagged<'m>> {
        match self {
            Self::StreamTag(image) | Self::StreamImage { image, .. } | Self::Image(image) => {
                Some(image)
            }
            Self::Stream(_) | Self::ImageTag { .. } | Self::Trigger(_) => None,
        }
    }

    pub fn kind(&self) -> Kind {
        match self {
            Self::Stream(_) => Kind::Stream,
            Self::StreamTag(_) => Kind::StreamTag,
            Self::StreamImage { .. } => Kind::StreamImage,
            Self::ImageTag { .. } => Kind::ImageTag,
            Self::Image(_) => Kind::Image,
            Self::Trigger(_) => Kind::Trigger,
        }
    }

    pub fn name(&self) -> String {
        match self {
            Self::Stream(stream) => stream.name.name.clone(),
            Self::StreamTag(tagged) => format!("{}:{}", tagged.stream.name.name, tagged.tag),
            Self::StreamImage { image, id } => format!("{}@{id}", image.stream.name.name),
            Self::ImageTag { stream, tag } => format!("{}:{tag}", stream.name.name),
            Self::Image(tagged) => tagged.event.image.clone(),
            Self::Trigger(line) => line.from.clone(),
        }
    }

    /// None for an image: it belongs to no namespace.
    pub fn namespace(&self) -> Option<&str> {
        match self {
            Self::Stream(stream) | Self::ImageTag { stream, .. } => Some(&stream.name.namespace),
            Self::StreamTag(tagged) | Self::StreamImage { image: tagged, .. } => {
                Some(&tagged.stream.name.namespace)
            }
            Self::Image(_) => None,
            Self::Trigger(line) => Some(&line.namespace),
        }
    }

    /// Those of the stream; none where the thing has none.
    pub fn labels(&self) -> Option<&BTreeMap<String, String>> {
        match self {
            Self::Stream(stream) | Self::ImageTag { stream, .. } => Some(&stream.metadata.labels),
            Self::StreamTag(tagged) | Self::StreamImage { image: tagged, .. } => {
                Some(&tagged.stream.metadata.labels)
            }
            Self::Image(_) | Self::Trigger(_) => None,
        }
    }

    /// The cells of [`Kind::columns`], those of `-o wide` too.
    pub fn row(&self, now: Timestamp) -> Vec<String> {
        let updated = |tagged: &Tagged<'_>| ago(&tagged.event.created, now).unwrap_or_default();
        match self {
            Self::Stream(stream) => row::stream(stream, now),
            Self::StreamTag(tagged) => vec![
                self.name(),
                tagged.pull_spec(),
                updated(tagged),
                tagged.event.image.clone(),
            ],
            Self::StreamImage { image, .. } => vec![
                self.name(),
                updated(image),
                image.event.reference.clone(),
                image.event.image.clone(),
            ],
            Self::ImageTag { stream, tag } => row::image_tag(stream, tag, now),
            Self::Image(tagged) => vec![self.name(), tagged.event.reference.clone()],
            Self::Trigger(line) => line.row(),
        }
    }

    /// The object as OpenShift's API gives it in a list, without what only a registry knows.
    pub fn object(&self) -> Json {
        self.object_with(None)
    }

    /// The same with what a registry says of the image.
    pub fn object_with(&self, description: Option<&Description>) -> Json {
        let of = |tagged| image::object(tagged, description);
        match self {
            Self::Stream(stream) => object::stream(stream),
            Self::StreamTag(tagged) => object::stream_tag(tagged, of(tagged)),
            Self::StreamImage { image, id } => object::stream_image(image, id, &of(image)),
            Self::ImageTag { stream, tag } => object::image_tag(stream, tag),
            Self::Image(tagged) => object::typed(Kind::Image, of(tagged)),
            Self::Trigger(line) => line.object(),
        }
    }
}
