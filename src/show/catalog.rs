use crate::show::item::{Item, Tagged, all_tags, stream_images, stream_tags};
use crate::show::kind::Kind;
use crate::show::trigger::TriggerLine;
use crate::stream::{ImageStream, is_image};

/// Everything that `get` and `describe` may be asked for.
#[derive(Debug)]
pub struct Catalog<'m> {
    streams: Vec<&'m ImageStream>,
    triggers: &'m [TriggerLine],
    /// None stands for all of them.
    namespace: Option<&'m str>,
}

/// Why nothing can be shown for a name; the words are the API's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FindError {
    #[error("(NotFound): {resource} \"{name}\" not found")]
    NotFound { resource: String, name: String },
    #[error("(BadRequest): {0}")]
    BadName(&'static str),
    /// A prefix that fits several images is refused instead of choosing one.
    #[error("(Conflict): multiple images match the prefix \"{prefix}\": {}", images.join(", "))]
    Ambiguous { prefix: String, images: Vec<String> },
}

impl<'m> Catalog<'m> {
    /// A stream that two environments have is shown once.
    pub fn new(
        streams: impl IntoIterator<Item = &'m ImageStream>,
        triggers: &'m [TriggerLine],
        namespace: Option<&'m str>,
    ) -> Self {
        let mut streams: Vec<&ImageStream> = streams.into_iter().collect();
        let key = |stream: &'m ImageStream| (&stream.name, &stream.document, &stream.root);
        streams.sort_by_key(|stream| key(stream));
        streams.dedup_by_key(|stream| key(stream));
        Self {
            streams,
            triggers,
            namespace,
        }
    }

    /// Those of the namespace, by name.
    fn streams(&self) -> impl Iterator<Item = &'m ImageStream> {
        let is_wanted = |name: &str| self.namespace.is_none_or(|wanted| wanted == name);
        self.streams
            .iter()
            .copied()
            .filter(move |stream| is_wanted(&stream.name.namespace))
    }

    /// Everything of a kind, in the order in which it is listed.
    pub fn all(&self, kind: Kind) -> Vec<Item<'m>> {
        let streams = self.streams();
        match kind {
            Kind::Stream => streams.map(Item::Stream).collect(),
            Kind::StreamTag => streams.flat_map(stream_tags).map(Item::StreamTag).collect(),
            Kind::StreamImage => streams
                .flat_map(stream_images)
                .map(Item::stream_image)
                .collect(),
            Kind::ImageTag => streams
                .flat_map(|stream| {
                    let tags = all_tags(stream).into_iter();
                    tags.map(|tag| Item::ImageTag { stream, tag })
                })
                .collect(),
            Kind::Image => self.images().into_iter().map(Item::Image).collect(),
            Kind::Trigger => {
                let is_wanted = |name: &str| self.namespace.is_none_or(|wanted| wanted == name);
                self.triggers
                    .iter()
                    .filter(|line| is_wanted(&line.namespace))
                    .map(Item::Trigger)
                    .collect()
            }
        }
    }

    /// Every recorded image of every namespace once: images belong to none.
    fn images(&self) -> Vec<Tagged<'m>> {
        let mut images: Vec<Tagged<'m>> = self
            .streams
            .iter()
            .flat_map(|stream| stream_images(stream))
            .collect();
        images.sort_by(|a, b| a.event.image.cmp(&b.event.image));
        images.dedup_by(|a, b| a.event.image == b.event.image);
        images
    }

    /// What has this name; several where several environments have it.
    pub fn named(&self, kind: Kind, name: &str) -> Result<Vec<Item<'m>>, FindError> {
        match kind {
            Kind::StreamTag | Kind::ImageTag => {
                let (stream, tag) = name
                    .split_once(':')
                    .filter(|(stream, tag)| is_part(stream) && is_part(tag))
                    .ok_or(FindError::BadName(match kind {
                        Kind::ImageTag => "ImageTags must be retrieved with <name>:<tag>",
                        _ => "ImageStreamTags must be retrieved with <name>:<tag>",
                    }))?;
                self.streams_called(stream)?;
                self.tags(kind, stream, tag, name)
            }
            Kind::StreamImage => {
                let (stream, prefix) = split_image(name)?;
                let streams = self.streams_called(stream)?;
                let mut found = Vec::new();
                for stream in streams {
                    found.extend(image_of(stream, prefix)?);
                }
                let asked = |image| Item::StreamImage {
                    image,
                    id: prefix.to_owned(),
                };
                some(found.into_iter().map(asked).collect(), || {
                    not_found("imagestreamimage.image.openshift.io", name)
                })
            }
            Kind::Image => {
                let images = self.images();
                let is_hit = |it: &Tagged<'_>| is_image(&it.event.image, name);
                let found: Vec<Tagged<'m>> = images.into_iter().filter(is_hit).collect();
                let found = only(found, name)?;
                some(found.into_iter().map(Item::Image).collect(), || {
                    not_found(&kind.resource(), name)
                })
            }
            Kind::Stream | Kind::Trigger => {
                let all = self.all(kind).into_iter();
                some(all.filter(|item| item.name() == name).collect(), || {
                    not_found(&kind.resource(), name)
                })
            }
        }
    }

    fn tags(
        &self,
        kind: Kind,
        stream: &str,
        tag: &str,
        name: &str,
    ) -> Result<Vec<Item<'m>>, FindError> {
        let found = self.all(kind).into_iter().filter(|item| match item {
            Item::StreamTag(tagged) => tagged.stream.name.name == stream && tagged.tag == tag,
            Item::ImageTag {
                stream: of,
                tag: its,
            } => of.name.name == stream && *its == tag,
            _ => false,
        });
        some(found.collect(), || not_found(&kind.resource(), name))
    }

    /// The streams of a name; at least one.
    pub fn streams_called(&self, name: &str) -> Result<Vec<&'m ImageStream>, FindError> {
        let found = self.streams().filter(|stream| stream.name.name == name);
        some(found.collect(), || {
            not_found(&Kind::Stream.resource(), name)
        })
    }
}

/// The parts of `<name>@<id>`.
pub fn split_image(name: &str) -> Result<(&str, &str), FindError> {
    name.split_once('@')
        .filter(|(stream, id)| is_part(stream) && !id.is_empty() && !id.contains(['@', '/']))
        .ok_or(FindError::BadName(
            "ImageStreamImages must be retrieved with <name>@<id>",
        ))
}

fn is_part(text: &str) -> bool {
    !text.is_empty() && !text.contains([':', '@', '/'])
}

fn image_of<'m>(stream: &'m ImageStream, prefix: &str) -> Result<Option<Tagged<'m>>, FindError> {
    let hits = stream.images_by_prefix(prefix);
    let images = stream_images(stream);
    let is_hit = |it: &Tagged<'_>| hits.iter().any(|hit| hit.image == it.event.image);
    only(images.into_iter().filter(is_hit).collect(), prefix)
}

fn only<'m>(mut found: Vec<Tagged<'m>>, prefix: &str) -> Result<Option<Tagged<'m>>, FindError> {
    if found.len() > 1 {
        return Err(FindError::Ambiguous {
            prefix: prefix.to_owned(),
            images: found.iter().map(|it| it.event.image.clone()).collect(),
        });
    }
    Ok(found.pop())
}

fn not_found(resource: &str, name: &str) -> FindError {
    FindError::NotFound {
        resource: resource.to_owned(),
        name: name.to_owned(),
    }
}

fn some<T>(found: Vec<T>, otherwise: impl FnOnce() -> FindError) -> Result<Vec<T>, FindError> {
    if found.is_empty() {
        Err(otherwise())
    } else {
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use crate::show::stream_tests::streams;

    use super::*;

    const STREAMS: &str = "\
kind: ImageStreamList
items:
- metadata: {name: web, namespace: demo}
  spec: {tags: [{name: new, from: {kind: DockerImage, name: x}}]}
  status:
    tags:
    - tag: b
      items:
      - {created: 2026-11-21T11:00:00Z, dockerImageReference: x, image: 'sha256:ab1'}
      - {created: 2026-11-20T11:00:00Z, dockerImageReference: x, image: 'sha256:ab2'}
    - tag: a
      items: [{created: 2026-11-19T11:00:00Z, dockerImageReference: x, image: 'sha256:cd'}]
- metadata: {name: api, namespace: demo}
- metadata: {name: web, namespace: prod}
  status: {tags: [{tag: b, items: [{dockerImageReference: x, image: 'sha256:ab1'}]}]}
";

    fn names(items: &[Item<'_>]) -> Vec<String> {
        items
            .iter()
            .map(|item| format!("{}/{}", item.namespace().unwrap_or("-"), item.name()))
            .collect()
    }

    #[test]
    fn things_are_listed_by_namespace_and_name() {
        let streams = streams(STREAMS);
        let twice = || streams.iter().chain(&streams);
        let demo = Catalog::new(twice(), &[], Some("demo"));
        let all = Catalog::new(twice(), &[], None);
        assert_eq!(names(&demo.all(Kind::Stream)), ["demo/api", "demo/web"]);
        assert_eq!(
            names(&all.all(Kind::Stream)),
            ["demo/api", "demo/web", "prod/web"]
        );
        assert_eq!(
            names(&all.all(Kind::StreamTag)),
            ["demo/web:a", "demo/web:b", "prod/web:b"]
        );
        assert_eq!(
            names(&demo.all(Kind::ImageTag)),
            ["demo/web:a", "demo/web:b", "demo/web:new"]
        );
        assert_eq!(
            names(&demo.all(Kind::StreamImage)),
            [
                "demo/web@sha256:ab1",
                "demo/web@sha256:ab2",
                "demo/web@sha256:cd"
            ]
        );
        assert_eq!(
            names(&demo.all(Kind::Image)),
            ["-/sha256:ab1", "-/sha256:ab2", "-/sha256:cd"],
            "each image once, of all namespaces"
        );
    }

    #[test]
    fn names_find_one_thing_or_say_why_not() {
        let streams = streams(STREAMS);
        let demo = Catalog::new(&streams, &[], Some("demo"));
        for (kind, name, expected) in [
            (Kind::Stream, "web", Ok("demo/web")),
            (
                Kind::Stream,
                "x",
                Err("(NotFound): imagestreams.image.openshift.io \"x\" not found"),
            ),
            (Kind::StreamTag, "web:a", Ok("demo/web:a")),
            (
                Kind::StreamTag,
                "web:new",
                Err("(NotFound): imagestreamtags.image.openshift.io \"web:new\" not found"),
            ),
            (Kind::ImageTag, "web:new", Ok("demo/web:new")),
            (
                Kind::StreamTag,
                "x:a",
                Err("(NotFound): imagestreams.image.openshift.io \"x\" not found"),
            ),
            (
                Kind::StreamTag,
                "web",
                Err("(BadRequest): ImageStreamTags must be retrieved with <name>:<tag>"),
            ),
            (Kind::StreamImage, "web@c", Ok("demo/web@c")),
            (Kind::StreamImage, "web@sha256:c", Ok("demo/web@sha256:c")),
            (
                Kind::StreamImage,
                "web@ab",
                Err("(Conflict): multiple images match the prefix \"ab\": sha256:ab1, sha256:ab2"),
            ),
            (
                Kind::StreamImage,
                "web@ef",
                Err("(NotFound): imagestreamimage.image.openshift.io \"web@ef\" not found"),
            ),
            (
                Kind::StreamImage,
                "web:a",
                Err("(BadRequest): ImageStreamImages must be retrieved with <name>@<id>"),
            ),
            (Kind::Image, "sha256:cd", Ok("-/sha256:cd")),
            (
                Kind::Image,
                "ab",
                Err("(Conflict): multiple images match the prefix \"ab\": sha256:ab1, sha256:ab2"),
            ),
        ] {
            let found = demo.named(kind, name);
            match expected {
                Ok(expected) => assert_eq!(names(&found.unwrap()), [expected]),
                Err(expected) => assert_eq!(found.unwrap_err().to_string(), expected),
            }
        }
    }
}
