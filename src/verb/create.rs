//! `create imagestream` and `create imagestreamtag` (oc `pkg/cli/create`).

use serde_json::{Map, Value, json};

use crate::stream::{From, ReferencePolicy, StreamName, StreamTagName};
use crate::verb::source::{Spec, split_tag};
use crate::verb::spec_tag::{WantedTag, put_tag};
use crate::verb::tag::import_mode;
use crate::verb::{Draft, Refused, Scene};

/// The words of `create imagestreamtag`.
#[derive(Clone, Debug, Default)]
pub struct CreateTag {
    pub name: String,
    pub from: Option<String>,
    pub from_image: Option<String>,
    /// `key=value`
    pub annotations: Vec<String>,
    pub scheduled: bool,
    pub insecure: bool,
    pub reference: bool,
    pub reference_policy: Option<String>,
    pub import_mode: Option<String>,
}

/// Decides what `create imagestream` writes.
pub fn create_stream(scene: &Scene<'_>, name: &str, lookup_local: bool) -> Result<Draft, Refused> {
    let stream = StreamName {
        namespace: scene.namespace.clone(),
        name: name.to_owned(),
    };
    if scene.stream(&stream)?.is_some() {
        return Err(exists("imagestreams", name));
    }
    let mut draft = Draft::default();
    let object = draft.new_stream(scene, &stream)?;
    if let (true, Some(spec)) = (
        lookup_local,
        object.get_mut("spec").and_then(Value::as_object_mut),
    ) {
        spec.insert("lookupPolicy".to_owned(), json!({"local": true}));
    }
    draft.say(format!("imagestream.image.openshift.io/{name} created"));
    Ok(draft)
}

/// Decides what `create imagestreamtag` writes; the stream is made where it is missing
/// (openshift-apiserver `registry/imagestreamtag/rest.go`).
pub fn create_tag(scene: &Scene<'_>, words: &CreateTag) -> Result<Draft, Refused> {
    let policy = words
        .reference_policy
        .as_deref()
        .map(str::to_ascii_lowercase);
    let policy = match policy.as_deref() {
        None | Some("") => None,
        Some("source") => Some(ReferencePolicy::Source),
        Some("local") => Some(ReferencePolicy::Local),
        Some(_) => {
            return Err(Refused::new(
                "valid values for --reference-policy are: source, local",
            ));
        }
    };
    let annotations = annotations(&words.annotations)?;
    let from = source(words)?;
    let import_mode = import_mode(words.import_mode.as_deref())?;
    let Some((stream, tag)) = split_tag(&words.name).filter(|_| words.name.contains(':')) else {
        return Err(Refused::new(
            "ImageStreamTags must be created with <name>:<tag>",
        ));
    };
    let name = StreamTagName::new(&scene.namespace, stream, tag);
    if let Some((_, stream)) = scene.stream(&name.stream)?
        && stream.tag(tag).is_some()
    {
        return Err(exists("imagestreamtags", &words.name));
    }
    let is_image = from.as_ref().is_some_and(|from| from.kind == "DockerImage");
    if words.scheduled && !is_image {
        return Err(Refused::new(
            "only tags pointing to Docker repositories may be scheduled for background import",
        ));
    }
    let wanted = WantedTag {
        from,
        reference: Some(words.reference),
        scheduled: Some(words.scheduled),
        insecure: Some(words.insecure),
        import_mode,
        reference_policy: policy,
        annotations,
        import_again: false,
    };
    let mut draft = Draft::default();
    put_tag(&mut draft, scene, &name, &wanted)?;
    draft.say(format!(
        "imagestreamtag.image.openshift.io/{} created",
        words.name
    ));
    if is_image && !words.reference {
        draft.touched.remove(&name);
        draft.notes.push(
            "the image is imported by the next `headwater pin`, `reconcile` or `import-image`"
                .to_owned(),
        );
    }
    Ok(draft)
}

fn exists(kind: &str, name: &str) -> Refused {
    Refused::new(format!("{kind}.image.openshift.io {name:?} already exists"))
}

/// A comma before a name begins the next annotation; any other one is the value's own, where the
/// original refuses it: `tags=builder,ruby` is what every builder has.
fn annotations(words: &[String]) -> Result<Map<String, Value>, Refused> {
    let mut annotations: Vec<(String, String)> = Vec::new();
    for word in words {
        for (number, part) in word.split(',').enumerate() {
            match (part.split_once('='), annotations.last_mut()) {
                (Some((name, value)), _) if !name.is_empty() => {
                    annotations.push((name.to_owned(), value.to_owned()));
                }
                (None, Some((_, value))) if number > 0 => {
                    value.push(',');
                    value.push_str(part);
                }
                _ => return Err(Refused::new("annotations must be of the form name=value")),
            }
        }
    }
    let values = annotations.into_iter();
    Ok(values.map(|(name, value)| (name, value.into())).collect())
}

fn source(words: &CreateTag) -> Result<Option<From>, Refused> {
    let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    match (given(&words.from), given(&words.from_image)) {
        (Some(_), Some(_)) => Err(Refused::new(
            "--from and --from-image may not be used together",
        )),
        (None, Some(image)) => Ok(Some(From {
            kind: "DockerImage".to_owned(),
            name: image,
            namespace: None,
        })),
        (Some(from), None) => stream_source(&from).map(Some),
        (None, None) => Ok(None),
    }
}

/// `:2` is another tag of the stream itself.
fn stream_source(text: &str) -> Result<From, Refused> {
    if let Some(tag) = text.strip_prefix(':') {
        return Ok(From {
            kind: "ImageStreamTag".to_owned(),
            name: tag.to_owned(),
            namespace: None,
        });
    }
    let spec = Spec::parse(text).map_err(|why| {
        Refused::new(format!(
            "Invalid --from, must be a valid image stream tag or image stream image: {why}"
        ))
    })?;
    if spec.registry.is_some() {
        return Err(Refused::new(
            "Invalid --from, registry may not be specified",
        ));
    }
    let kind = match spec.id {
        Some(_) => "ImageStreamImage",
        None => "ImageStreamTag",
    };
    Ok(From {
        kind: kind.to_owned(),
        name: spec.name_string(),
        namespace: spec.namespace,
    })
}
