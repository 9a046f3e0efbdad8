//! `tag` (oc `pkg/cli/tag/tag.go`).

use crate::stream::{From, ImportMode, ReferencePolicy, StreamName, StreamTagName};
use crate::verb::delete::remove_tag;
use crate::verb::source::{Spec, is_tag_name, split_namespace, split_tag};
use crate::verb::spec_tag::{WantedTag, put_tag};
use crate::verb::{Draft, Refused, Scene};

/// The words of `tag`. None of a flag: not given.
#[derive(Clone, Debug, Default)]
pub struct Tag {
    pub source_kind: Option<String>,
    /// SOURCE and DESTs, or with `delete` the tags to delete.
    pub names: Vec<String>,
    pub delete: bool,
    pub alias: bool,
    pub reference: Option<bool>,
    pub scheduled: Option<bool>,
    pub insecure: Option<bool>,
    pub reference_policy: Option<String>,
    pub import_mode: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Image,
    StreamTag,
    StreamImage,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Image => "DockerImage",
            Self::StreamTag => "ImageStreamTag",
            Self::StreamImage => "ImageStreamImage",
        }
    }
}

const SOURCES: &str = "docker, dockerimage, imagestreamimage, imagestreamtag, isimage, istag";

/// Decides what `tag` writes.
pub fn tag(scene: &Scene<'_>, words: &Tag) -> Result<Draft, Refused> {
    if words.delete {
        return delete_tags(scene, words);
    }
    let [source, destinations @ ..] = words.names.as_slice() else {
        return Err(Refused::new(
            "you must specify a source and at least one destination or one or more tags to delete",
        ));
    };
    let (kind, spec) = source_of(scene, words, source)?;
    let policy = words.reference_policy.as_deref().unwrap_or("source");
    let policy = match policy {
        "source" => ReferencePolicy::Source,
        "local" => ReferencePolicy::Local,
        _ => {
            return Err(Refused::new(
                "reference policy must be set to 'source' or 'local'",
            ));
        }
    };
    let import_mode = import_mode(words.import_mode.as_deref())?;
    let mut places = Vec::new();
    for destination in destinations {
        places.push(split_namespace(destination, &scene.namespace)?);
    }
    if places.is_empty() {
        return Err(Refused::new("at least a destination is required"));
    }
    let imports = words.scheduled == Some(true) || words.insecure == Some(true);
    if kind != Kind::Image && imports {
        return Err(Refused::new(
            "only container images can have importing flags set",
        ));
    }
    if words.alias {
        if imports {
            return Err(Refused::new(
                "cannot set a container image tag as an alias and also set import flags",
            ));
        }
        check_alias(scene, &spec, &places)?;
    }
    let mut draft = Draft::default();
    for (namespace, name_and_tag) in places {
        let name = destination(&namespace, name_and_tag)?;
        let from = source_for(scene, kind, &spec, &namespace);
        let wanted = WantedTag {
            from: Some(from),
            reference: Some(words.reference.unwrap_or(false)),
            scheduled: words.scheduled,
            insecure: words.insecure,
            import_mode,
            reference_policy: Some(policy),
            import_again: kind == Kind::Image,
            ..WantedTag::default()
        };
        put_tag(&mut draft, scene, &name, &wanted)?;
        if kind == Kind::Image && words.reference != Some(true) {
            // Its image is not known before it is imported.
            draft.touched.remove(&name);
        }
        say(&mut draft, scene, words, &spec, (&namespace, name_and_tag));
    }
    if kind == Kind::Image && words.reference != Some(true) {
        draft.notes.push(
            "the image is imported by the next `headwater pin`, `reconcile` or `import-image`"
                .to_owned(),
        );
    }
    Ok(draft)
}

fn say(
    draft: &mut Draft,
    scene: &Scene<'_>,
    words: &Tag,
    spec: &Spec,
    (namespace, name): (&str, &str),
) {
    let is_here = namespace == scene.namespace;
    let destination = match is_here {
        true => name.to_owned(),
        false => format!("{namespace}/{name}"),
    };
    let source = spec.exact();
    draft.say(
        match (words.alias, words.scheduled == Some(true), is_here) {
            (true, _, _) => format!("Tag {destination} set up to track {source}."),
            (false, true, true) => {
                format!("Tag {destination} set to import {source} periodically.")
            }
            // The original's own words, without `import`.
            (false, true, false) => format!("Tag {destination} set to {source} periodically."),
            (false, false, _) => format!("Tag {destination} set to {source}."),
        },
    );
}

/// The kind of SOURCE and its parts; a stream tag that is not to be tracked is resolved.
fn source_of(scene: &Scene<'_>, words: &Tag, source: &str) -> Result<(Kind, Spec), Refused> {
    let kind = words.source_kind.as_deref().filter(|kind| !kind.is_empty());
    let kind = kind
        .map(|kind| match kind.to_ascii_lowercase().as_str() {
            "imagestreamtag" | "istag" => Ok(Kind::StreamTag),
            "imagestreamimage" | "isimage" => Ok(Kind::StreamImage),
            "docker" | "dockerimage" => Ok(Kind::Image),
            _ => Err(Refused::new(format!(
                "invalid source {kind:?}; valid values are {SOURCES}"
            ))),
        })
        .transpose()?;
    let spec = Spec::parse(source).map_err(|why| Refused::new(format!("invalid SOURCE: {why}")))?;
    let kind = match kind {
        Some(kind @ (Kind::StreamTag | Kind::StreamImage)) => {
            if spec.registry.is_some() {
                return Err(Refused::new(
                    "server in SOURCE is only allowed when providing a container image",
                ));
            }
            if kind == Kind::StreamTag && spec.tag.is_none() {
                return Err(Refused::new(
                    "--source=ImageStreamTag requires a valid <name>:<tag> in SOURCE",
                ));
            }
            if kind == Kind::StreamImage && spec.id.is_none() {
                return Err(Refused::new(
                    "--source=ImageStreamImage requires a valid <name>@<id> in SOURCE",
                ));
            }
            kind
        }
        Some(Kind::Image) => Kind::Image,
        None if spec.registry.is_some() => Kind::Image,
        None if spec.id.is_some() => Kind::StreamImage,
        None if spec.tag.is_some() => Kind::StreamTag,
        None => Kind::Image,
    };
    if kind == Kind::StreamTag && !words.alias {
        return resolved(scene, spec, source);
    }
    Ok((kind, spec))
}

/// A permanent tag names the image that the source is at now.
fn resolved(scene: &Scene<'_>, mut spec: Spec, source: &str) -> Result<(Kind, Spec), Refused> {
    let name = StreamName {
        namespace: spec
            .namespace
            .clone()
            .unwrap_or_else(|| scene.namespace.clone()),
        name: spec.name.clone(),
    };
    let (_, stream) = scene.existing(&name)?;
    let tag = spec.tag.as_deref().unwrap_or("latest");
    let Some(event) = stream.history(tag).first() else {
        return Err(Refused::new(format!(
            "{source:?} is not currently pointing to an image, cannot use it as the source of a tag"
        )));
    };
    if event.image.is_empty() {
        let spec = Spec::parse(&event.reference).map_err(|why| {
            Refused::new(format!(
                "the image stream tag {source:?} has an invalid pull spec and cannot be used to tag: {why}"
            ))
        })?;
        return Ok((Kind::Image, spec));
    }
    spec.id = Some(event.image.clone());
    spec.tag = None;
    Ok((Kind::StreamImage, spec))
}

/// `from` of a tag in `namespace`: a source without a namespace is in the current one.
fn source_for(scene: &Scene<'_>, kind: Kind, spec: &Spec, namespace: &str) -> From {
    if kind == Kind::Image {
        return From {
            kind: kind.name().to_owned(),
            name: spec.exact(),
            namespace: None,
        };
    }
    let elsewhere = || (namespace != scene.namespace).then(|| scene.namespace.clone());
    From {
        kind: kind.name().to_owned(),
        name: spec.name_string(),
        namespace: spec.namespace.clone().or_else(elsewhere),
    }
}

/// Unlike the original's, the check counts the namespace that SOURCE names.
fn check_alias(scene: &Scene<'_>, spec: &Spec, places: &[(String, &str)]) -> Result<(), Refused> {
    let own = spec.namespace.as_ref().unwrap_or(&scene.namespace);
    for (namespace, name_and_tag) in places {
        let (name, _) = split_tag(name_and_tag).ok_or_else(|| form(name_and_tag))?;
        if namespace != own || name != spec.name {
            return Err(Refused::new(
                "cannot set alias across different Image Streams",
            ));
        }
    }
    Ok(())
}

fn destination(namespace: &str, name_and_tag: &str) -> Result<StreamTagName, Refused> {
    let (name, tag) = split_tag(name_and_tag).ok_or_else(|| form(name_and_tag))?;
    if !is_tag_name(tag) {
        return Err(Refused::new(format!(
            "invalid tag {tag:?} format, tags must start with an alphanumeric character followed by alphanumeric, '.' or '-' characters, and have a maximum of 128 characters"
        )));
    }
    Ok(StreamTagName::new(namespace, name, tag))
}

fn form(text: &str) -> Refused {
    Refused::new(format!("{text:?} must be of the form <stream_name>:<tag>"))
}

pub(crate) fn import_mode(text: Option<&str>) -> Result<Option<ImportMode>, Refused> {
    match text {
        None | Some("") => Ok(None),
        Some("Legacy") => Ok(Some(ImportMode::Legacy)),
        Some("PreserveOriginal") => Ok(Some(ImportMode::PreserveOriginal)),
        Some(_) => Err(Refused::new(
            "valid ImportMode values are Legacy or PreserveOriginal",
        )),
    }
}

/// Decides what `tag -d` writes.
pub fn delete_tags(scene: &Scene<'_>, words: &Tag) -> Result<Draft, Refused> {
    let refuse = |message: &str| Err(Refused::new(message));
    if words.names.is_empty() {
        return refuse(
            "you must specify a source and at least one destination or one or more tags to delete",
        );
    }
    if words.alias {
        return refuse("--alias and --delete may not be both specified");
    }
    if !matches!(
        words.reference_policy.as_deref(),
        None | Some("source" | "local")
    ) {
        return refuse("reference policy must be set to 'source' or 'local'");
    }
    if words
        .source_kind
        .as_deref()
        .is_some_and(|kind| !kind.is_empty())
    {
        return refuse("cannot specify a source kind when deleting");
    }
    if words.scheduled == Some(true) || words.insecure == Some(true) {
        return refuse("cannot set flags for importing images when deleting a tag");
    }
    if words
        .import_mode
        .as_deref()
        .is_some_and(|mode| !mode.is_empty())
    {
        return refuse("cannot specify an import mode when deleting");
    }
    let mut draft = Draft::default();
    for text in &words.names {
        let (namespace, name_and_tag) = split_namespace(text, &scene.namespace)?;
        let (name, tag) = split_tag(name_and_tag).ok_or_else(|| form(name_and_tag))?;
        let name = StreamTagName::new(&namespace, name, tag);
        let Some((_, stream)) = scene.stream(&name.stream)? else {
            draft.say(format!(
                "Image stream {:?} does not exist.",
                name.stream.name
            ));
            continue;
        };
        if !remove_tag(&mut draft, stream, &name.tag) {
            return Err(Refused::new(format!(
                "destination tag {namespace}/{name_and_tag} does not exist."
            )));
        }
        draft.say(format!("Deleted tag {namespace}/{name_and_tag}."));
    }
    Ok(draft)
}
