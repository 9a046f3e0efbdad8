//! `import-image` (oc `pkg/cli/importimage/importimage.go`).

use serde_json::{Value, json};

use crate::manifest::INTEGRATED;
use crate::stream::{
    ALL_TAGS, From, INSECURE, ImageStream, ReferencePolicy, SpecTag, StreamName, StreamTagName,
    TagSource,
};
use crate::verb::source::Spec;
use crate::verb::spec_tag::{WantedTag, put_tag};
use crate::verb::tag::import_mode;
use crate::verb::{Draft, Refused, Scene};

/// Longer chains of aliases are no manifests of people.
const MAX_ALIASES: usize = 100;

/// The words of `import-image`. None of a flag: not given.
#[derive(Clone, Debug, Default)]
pub struct Import {
    pub target: String,
    pub from: Option<String>,
    pub confirm: bool,
    pub all: bool,
    pub scheduled: Option<bool>,
    pub insecure: Option<bool>,
    pub reference_policy: Option<String>,
    pub import_mode: Option<String>,
}

/// Decides what `import-image` writes, and the stream that it is about.
pub fn import_image(scene: &Scene<'_>, words: &Import) -> Result<(Draft, StreamName), Refused> {
    let target = Spec::parse(&words.target).map_err(|_| {
        Refused::new(
            "the image name must be a valid container image pull spec or reference to an image stream (e.g. myregistry/myteam/image:tag)",
        )
    })?;
    if target.id.is_some() {
        return Err(Refused::new(
            "to import images by ID, use the 'tag' command",
        ));
    }
    if target.tag.is_some() && words.all {
        return Err(Refused::new(format!(
            "cannot specify a tag {:?} as well as --all",
            words.target
        )));
    }
    let name = StreamName {
        namespace: scene.namespace.clone(),
        name: target.name.clone(),
    };
    let wanted = wanted(words)?;
    let from = words.from.as_deref().filter(|from| !from.is_empty());
    let tag = target.tag.as_deref().unwrap_or("latest");
    let mut importing = Importing {
        scene,
        name: &name,
        wanted,
        confirm: words.confirm,
        draft: Draft::default(),
    };
    match scene.stream(&name)? {
        None if !words.confirm => {
            return Err(Refused::new(format!(
                "no image stream named {:?} exists, pass --confirm to create and import",
                name.name
            )));
        }
        None if words.all => {
            let stream = importing.draft.new_stream(scene, &name)?;
            let from = from.map_or_else(|| words.target.clone(), str::to_owned);
            if let Some(spec) = stream.get_mut("spec").and_then(Value::as_object_mut) {
                spec.insert("dockerImageRepository".to_owned(), from.into());
            }
            importing.draft.whole = Some(name.clone());
        }
        None => importing.put(tag, from.unwrap_or(&words.target))?,
        Some((_, stream)) if words.all => importing.all(stream, from)?,
        Some((_, stream)) => importing.one(stream, tag, from)?,
    }
    if importing.draft.whole.is_some() {
        note_what_a_repository_cannot_say(&mut importing.draft, words);
    }
    if let Some(source) = from.and_then(|from| stream_of_ours(scene, from)) {
        importing.draft.notes.push(format!(
            "that is the stream tag {source} by its name in a cluster: `headwater tag {source} {}:{tag}` needs no registry",
            name.name
        ));
    }
    Ok((importing.draft, name))
}

/// The stream tag that a name at the integrated registry means, where there is such a stream.
fn stream_of_ours(scene: &Scene<'_>, from: &str) -> Option<StreamTagName> {
    let spec = Spec::parse(from).ok()?;
    let registry = spec.registry.as_deref()?;
    if !INTEGRATED.contains(&registry) {
        return None;
    }
    let tag = spec.tag.as_deref().unwrap_or("latest");
    let source = StreamTagName::new(spec.namespace.as_deref()?, &spec.name, tag);
    let is_there = matches!(scene.stream(&source.stream), Ok(Some(_)));
    is_there.then_some(source)
}

/// `spec.dockerImageRepository` has no import policy, and the tags that it gives are not in `spec`.
fn note_what_a_repository_cannot_say(draft: &mut Draft, words: &Import) {
    if words.scheduled == Some(true) {
        draft.notes.push(
            "--scheduled has no place beside a whole repository: `imports.follow: all` in headwater.yaml follows its tags".to_owned(),
        );
    }
    if words.insecure == Some(true) {
        draft.notes.push(format!(
            "--insecure has no place beside a whole repository: the stream's annotation {INSECURE}: \"true\" allows it"
        ));
    }
}

fn wanted(words: &Import) -> Result<WantedTag, Refused> {
    let policy = words
        .reference_policy
        .as_deref()
        .filter(|text| !text.is_empty());
    Ok(WantedTag {
        scheduled: words.scheduled,
        insecure: words.insecure,
        import_mode: import_mode(words.import_mode.as_deref())?,
        reference_policy: match policy {
            None => None,
            Some("source") => Some(ReferencePolicy::Source),
            Some("local") => Some(ReferencePolicy::Local),
            Some(_) => {
                return Err(Refused::new(
                    "reference policy must be set to 'source' or 'local'",
                ));
            }
        },
        import_again: true,
        ..WantedTag::default()
    })
}

struct Importing<'a> {
    scene: &'a Scene<'a>,
    name: &'a StreamName,
    wanted: WantedTag,
    confirm: bool,
    draft: Draft,
}

impl Importing<'_> {
    fn put(&mut self, tag: &str, from: &str) -> Result<(), Refused> {
        let name = StreamTagName {
            stream: self.name.clone(),
            tag: tag.to_owned(),
        };
        let wanted = WantedTag {
            from: Some(From {
                kind: "DockerImage".to_owned(),
                name: from.to_owned(),
                namespace: None,
            }),
            ..self.wanted.clone()
        };
        put_tag(&mut self.draft, self.scene, &name, &wanted)
    }

    /// The whole repository, or all tags that name an image.
    fn all(&mut self, stream: &ImageStream, from: Option<&str>) -> Result<(), Refused> {
        let whole = stream.whole_repository.as_ref();
        let whole = whole.map(|(repository, _)| repository.to_string());
        let Some(from) = from.map(str::to_owned).or_else(|| whole.clone()) else {
            let images: Vec<(&SpecTag, String)> = stream
                .tags
                .iter()
                .filter(|tag| matches!(tag.source, TagSource::Image(_)))
                .filter_map(|tag| Some((tag, tag.settings.from.as_ref()?.name.clone())))
                .collect();
            if images.is_empty() {
                return Err(Refused::new(
                    "image stream does not have tags pointing to external container images",
                ));
            }
            for (tag, from) in images {
                self.put(&tag.name, &from)?;
            }
            return Ok(());
        };
        self.draft.whole = Some(self.name.clone());
        if stream.observed.contains_key(ALL_TAGS) || !stream.status.is_empty() {
            // Another source than any asks for the whole repository again.
            let observed = self.draft.observed(stream);
            observed.insert(ALL_TAGS.to_owned(), json!({"from": ""}));
        }
        if whole.as_deref() == Some(from.as_str()) {
            return Ok(());
        }
        if !self.confirm {
            return Err(Refused::new(match whole {
                None => "the image stream does not currently import an entire Docker repository, pass --confirm to update".to_owned(),
                Some(whole) => format!(
                    "the image stream has a different import spec {whole:?}, pass --confirm to update"
                ),
            }));
        }
        let field = stream.root.clone().key("spec").key("dockerImageRepository");
        self.draft.put(&stream.document, field, from.into());
        Ok(())
    }

    /// One tag, or the one that it is an alias of.
    fn one(&mut self, stream: &ImageStream, tag: &str, from: Option<&str>) -> Result<(), Refused> {
        let Some((last, existing)) = follow(stream, tag)? else {
            let whole = stream.whole_repository.as_ref().filter(|_| tag == "latest");
            let from = from
                .map(str::to_owned)
                .or_else(|| whole.map(|(repository, _)| repository.to_string()));
            let Some(from) = from else {
                return Err(Refused::new(format!(
                    "the tag {tag:?} does not exist on the image stream - choose an existing tag to import or use the 'tag' command to create a new tag"
                )));
            };
            return self.put(tag, &from);
        };
        let Some(source) = &existing.settings.from else {
            return Err(Refused::new(format!(
                "tag {tag:?} already exists - you must use the 'tag' command if you want to change the source to {:?}",
                from.unwrap_or_default()
            )));
        };
        if source.kind != "DockerImage" {
            return Err(Refused::new(format!(
                "tag {tag:?} points to existing {} {:?}, it cannot be re-imported",
                source.kind, source.name
            )));
        }
        if let Some(from) = from
            && from != source.name
        {
            let way = match last == tag {
                true => format!("the tag {tag:?} points to {:?}", source.name),
                false => format!(
                    "the tag {tag:?} points to the tag {last:?} which points to {:?}",
                    source.name
                ),
            };
            return Err(Refused::new(format!(
                "{way} - use the 'tag' command if you want to change the source to {from:?}"
            )));
        }
        let name = source.name.clone();
        self.put(last, &name)
    }
}

/// The tag at the end of a chain of aliases (oc `pkg/helpers/image`, `FollowTagReference`).
/// None: there is no such tag.
fn follow<'s>(
    stream: &'s ImageStream,
    tag: &'s str,
) -> Result<Option<(&'s str, &'s SpecTag)>, Refused> {
    let mut seen = Vec::new();
    let mut name = tag;
    while seen.len() < MAX_ALIASES {
        if seen.contains(&name) {
            break;
        }
        seen.push(name);
        let Some(found) = stream.tag(name) else {
            return Ok(None);
        };
        match &found.source {
            TagSource::StreamTag(next) if next.stream == stream.name => name = &next.tag,
            TagSource::StreamTag(_) => {
                return Err(Refused::new(format!(
                    "tag {tag:?} points to an imagestreamtag from another ImageStream"
                )));
            }
            TagSource::Invalid
                if found
                    .settings
                    .from
                    .as_ref()
                    .is_some_and(|from| from.kind == "ImageStreamTag") =>
            {
                return Err(Refused::new(format!(
                    "tag {tag:?} points to an invalid imagestreamtag"
                )));
            }
            _ => return Ok(Some((name, found))),
        }
    }
    Err(Refused::new(format!(
        "tag {tag:?} on the image stream is a reference to same tag"
    )))
}
