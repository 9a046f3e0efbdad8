//! `delete`, and what a tag leaves behind (openshift-apiserver `registry/imagestreamtag/rest.go`).

use crate::stream::{ImageStream, StreamName};
use crate::verb::source::split_tag;
use crate::verb::{Draft, Refused, Scene};

/// A kind and the name of one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    Stream(String),
    StreamTag(String),
}

impl Named {
    /// Reads `KIND NAME…` or `KIND/NAME…`.
    pub fn read(words: &[String]) -> Result<Vec<Self>, Refused> {
        let [first, rest @ ..] = words else {
            return Err(Refused::new(
                "resource(s) were provided, but no name was specified",
            ));
        };
        if words.iter().all(|word| word.contains('/')) {
            let pairs = words.iter().filter_map(|word| word.split_once('/'));
            return pairs.map(|(kind, name)| Self::of(kind, name)).collect();
        }
        if first.contains('/') || rest.iter().any(|word| word.contains('/')) {
            return Err(Refused::new(
                "there is no need to specify a resource type as a separate argument when passing arguments in resource/name form",
            ));
        }
        if rest.is_empty() {
            Self::of(first, "x")?;
            return Err(Refused::new(
                "resource(s) were provided, but no name was specified",
            ));
        }
        rest.iter().map(|name| Self::of(first, name)).collect()
    }

    fn of(kind: &str, name: &str) -> Result<Self, Refused> {
        let plain = kind.strip_suffix(".image.openshift.io").unwrap_or(kind);
        match plain.to_ascii_lowercase().as_str() {
            "is" | "imagestream" | "imagestreams" => Ok(Self::Stream(name.to_owned())),
            "istag" | "istags" | "imagestreamtag" | "imagestreamtags" => {
                Ok(Self::StreamTag(name.to_owned()))
            }
            _ => Err(
                Refused::new(format!("the server doesn't have a resource type {kind:?}"))
                    .hint("only image streams and their tags are deleted here: is, istag"),
            ),
        }
    }
}

/// Decides what `delete` writes; `is_named` prints names alone, `-o name`.
pub fn delete(scene: &Scene<'_>, names: &[Named], is_named: bool) -> Result<Draft, Refused> {
    let mut draft = Draft::default();
    for name in names {
        let (kind, text) = match name {
            Named::Stream(text) => ("imagestream", text),
            Named::StreamTag(text) => ("imagestreamtag", text),
        };
        let missing = || Refused::new(format!("{kind}s.image.openshift.io {text:?} not found"));
        let (stream, tag) = match name {
            Named::Stream(text) => (text.as_str(), None),
            Named::StreamTag(text) => match split_tag(text) {
                Some((stream, tag)) if text.contains(':') => (stream, Some(tag)),
                _ => {
                    return Err(Refused::new(
                        "ImageStreamTags must be retrieved with <name>:<tag>",
                    ));
                }
            },
        };
        let stream = StreamName {
            namespace: scene.namespace.clone(),
            name: stream.to_owned(),
        };
        let (_, stream) = scene.stream(&stream)?.ok_or_else(missing)?;
        match tag {
            None => draft.remove_object(&stream.document, &stream.root),
            Some(tag) => {
                if !remove_tag(&mut draft, stream, tag) {
                    return Err(missing());
                }
            }
        }
        draft.say(match is_named {
            true => format!("{kind}.image.openshift.io/{text}"),
            false => format!("{kind}.image.openshift.io {text:?} deleted"),
        });
    }
    Ok(draft)
}

/// Takes a tag out of spec, status and the record of its source; false where it is in none.
pub(crate) fn remove_tag(draft: &mut Draft, stream: &ImageStream, tag: &str) -> bool {
    let at = &stream.document;
    let in_spec = stream.tag(tag).is_some();
    let in_status = stream.status.iter().any(|status| status.tag == tag);
    let list = |part: &str| stream.root.clone().key(part).key("tags");
    if in_spec {
        draft.remove(at, list("spec").matching("name", tag));
    }
    if in_status {
        draft.remove(at, list("status").matching("tag", tag));
    }
    if stream.observed.contains_key(tag) {
        draft.observed(stream).remove(tag);
    }
    in_spec || in_status
}
