//! Objects as OpenShift's API gives them, their defaults filled in (openshift/api
//! `image/v1/types.go`; openshift-apiserver `pkg/image/apis/image/v1/{defaults,conversion}.go`).
//! What only a server knows, such as a `uid`, is left out.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use crate::show::item::Tagged;
use crate::show::kind::Kind;
use crate::show::stream::observed_generation;
use crate::stream::{Condition, ImageStream, ReferencePolicy, SpecTag, StatusTag, TagEvent};

pub const API_VERSION: &str = "image.openshift.io/v1";

/// Several objects, as `kubectl get` prints them.
pub fn list(items: &[Json]) -> Json {
    json!({
        "apiVersion": "v1",
        "items": items,
        "kind": "List",
        "metadata": {"resourceVersion": ""},
    })
}

/// `object` with its version and kind.
pub(crate) fn typed(kind: Kind, mut object: Json) -> Json {
    if let Some(members) = object.as_object_mut() {
        members.insert("apiVersion".to_owned(), json!(API_VERSION));
        members.insert("kind".to_owned(), json!(kind.manifest_kind()));
    }
    object
}

pub(crate) fn stream(stream: &ImageStream) -> Json {
    let mut metadata = Map::new();
    let name = &stream.name;
    put_texts(&mut metadata, "annotations", &stream.metadata.annotations);
    put_text(
        &mut metadata,
        "creationTimestamp",
        stream.metadata.created.as_deref(),
    );
    metadata.insert("generation".to_owned(), json!(stream_generation(stream)));
    put_texts(&mut metadata, "labels", &stream.metadata.labels);
    metadata.insert("name".to_owned(), json!(name.name));
    metadata.insert("namespace".to_owned(), json!(name.namespace));

    let mut spec = Map::new();
    let whole = stream.whole_repository.as_ref();
    let whole = whole.map(|(reference, _)| reference.to_string());
    put_text(&mut spec, "dockerImageRepository", whole.as_deref());
    spec.insert("lookupPolicy".to_owned(), lookup_policy(stream));
    let mut tags: Vec<&SpecTag> = stream.tags.iter().collect();
    tags.sort_by_key(|tag| &tag.name);
    if !tags.is_empty() {
        let tags: Vec<Json> = tags.into_iter().map(|tag| spec_tag(stream, tag)).collect();
        spec.insert("tags".to_owned(), json!(tags));
    }

    let mut status = Map::new();
    let repositories = stream.repositories();
    let repository = repositories.repository.clone().or(whole);
    status.insert(
        "dockerImageRepository".to_owned(),
        json!(repository.unwrap_or_default()),
    );
    let public = repositories.public_repository.as_deref();
    put_text(&mut status, "publicDockerImageRepository", public);
    let mut tags: Vec<&StatusTag> = stream.status.iter().collect();
    tags.sort_by_key(|status| &status.tag);
    if !tags.is_empty() {
        let tags: Vec<Json> = tags.into_iter().map(status_tag).collect();
        status.insert("tags".to_owned(), json!(tags));
    }
    typed(
        Kind::Stream,
        json!({"metadata": metadata, "spec": spec, "status": status}),
    )
}

/// The tag, and `image` as [`image`] or a registry's facts give it.
pub(crate) fn stream_tag(tagged: &Tagged<'_>, mut image: Json) -> Json {
    let stream = tagged.stream;
    let spec = stream.tag(tagged.tag);
    if let Some(image) = image.as_object_mut() {
        image.insert("dockerImageReference".to_owned(), json!(tagged.pull_spec()));
    }
    let mut metadata = tag_metadata(stream, tagged.tag, &tagged.event.created);
    let annotations = spec.map(|spec| &spec.settings.annotations);
    put_texts(
        &mut metadata,
        "annotations",
        annotations.unwrap_or(&BTreeMap::new()),
    );
    let mut object = Map::new();
    put_conditions(&mut object, stream, tagged.tag);
    object.insert("generation".to_owned(), json!(tagged.event.generation));
    object.insert("image".to_owned(), image);
    object.insert("lookupPolicy".to_owned(), lookup_policy(stream));
    object.insert("metadata".to_owned(), json!(metadata));
    let tag = spec.map(|spec| spec_tag(stream, spec));
    object.insert("tag".to_owned(), json!(tag));
    typed(Kind::StreamTag, Json::Object(object))
}

/// The image `id`, as it was asked for.
pub(crate) fn stream_image(tagged: &Tagged<'_>, id: &str, image: &Json) -> Json {
    let stream = tagged.stream;
    let mut metadata = Map::new();
    put_texts(&mut metadata, "annotations", &stream.metadata.annotations);
    put_text(
        &mut metadata,
        "creationTimestamp",
        Some(&tagged.event.created),
    );
    metadata.insert(
        "name".to_owned(),
        json!(format!("{}@{id}", stream.name.name)),
    );
    metadata.insert("namespace".to_owned(), json!(stream.name.namespace));
    typed(
        Kind::StreamImage,
        json!({"image": image, "metadata": metadata}),
    )
}

pub(crate) fn image_tag(stream: &ImageStream, tag: &str) -> Json {
    let status = stream.status.iter().find(|status| status.tag == tag);
    let item = status.and_then(|status| status.items.first());
    let metadata = tag_metadata(stream, tag, item.map_or("", |item| &item.created));
    let spec = stream.tag(tag).map(|spec| spec_tag(stream, spec));
    let image = item.filter(|item| !item.image.is_empty()).map(|event| {
        image(&Tagged {
            stream,
            tag,
            event: Cow::Borrowed(event),
        })
    });
    typed(
        Kind::ImageTag,
        json!({
            "image": image,
            "metadata": metadata,
            "spec": spec,
            "status": status.map(status_tag),
        }),
    )
}

/// What Git alone knows of an image.
pub(crate) fn image(tagged: &Tagged<'_>) -> Json {
    let mut metadata = Map::new();
    put_text(
        &mut metadata,
        "creationTimestamp",
        Some(&tagged.event.created),
    );
    metadata.insert("name".to_owned(), json!(tagged.event.image));
    json!({
        "dockerImageReference": tagged.event.reference,
        "metadata": metadata,
    })
}

fn tag_metadata(stream: &ImageStream, tag: &str, created: &str) -> Map<String, Json> {
    let mut metadata = Map::new();
    put_text(&mut metadata, "creationTimestamp", Some(created));
    put_texts(&mut metadata, "labels", &stream.metadata.labels);
    let name = &stream.name;
    metadata.insert("name".to_owned(), json!(format!("{}:{tag}", name.name)));
    metadata.insert("namespace".to_owned(), json!(name.namespace));
    metadata
}

fn lookup_policy(stream: &ImageStream) -> Json {
    json!({"local": stream.local_lookup})
}

fn spec_tag(stream: &ImageStream, tag: &SpecTag) -> Json {
    let settings = &tag.settings;
    let mut object = Map::new();
    let annotations = &settings.annotations;
    object.insert(
        "annotations".to_owned(),
        match annotations.is_empty() {
            true => Json::Null,
            false => json!(annotations),
        },
    );
    if let Some(from) = &settings.from {
        let mut source = Map::new();
        source.insert("kind".to_owned(), json!(from.kind));
        source.insert("name".to_owned(), json!(from.name));
        put_text(&mut source, "namespace", from.namespace.as_deref());
        object.insert("from".to_owned(), json!(source));
    }
    object.insert("generation".to_owned(), json!(generation(stream, tag)));
    let mut policy = Map::new();
    if let Some(mode) = settings.import_mode {
        policy.insert("importMode".to_owned(), json!(mode.to_string()));
    }
    put_flag(&mut policy, "insecure", settings.insecure);
    put_flag(&mut policy, "scheduled", settings.scheduled);
    object.insert("importPolicy".to_owned(), json!(policy));
    object.insert("name".to_owned(), json!(tag.name));
    put_flag(&mut object, "reference", settings.reference);
    let policy = match settings.reference_policy {
        ReferencePolicy::Source => "Source",
        ReferencePolicy::Local => "Local",
    };
    object.insert("referencePolicy".to_owned(), json!({"type": policy}));
    json!(object)
}

/// Files seldom have generations; a server would have given the tag the one that it was
/// imported at, or its first.
fn generation(stream: &ImageStream, tag: &SpecTag) -> i64 {
    let status = stream.status.iter().find(|status| status.tag == tag.name);
    let written = tag.settings.generation.filter(|generation| *generation > 0);
    written.unwrap_or_else(|| status.map_or(0, observed_generation).max(1))
}

/// A stream is as new as its newest tag.
fn stream_generation(stream: &ImageStream) -> i64 {
    let tags = stream.tags.iter().map(|tag| generation(stream, tag));
    tags.max().unwrap_or(1)
}

fn status_tag(status: &StatusTag) -> Json {
    let mut object = Map::new();
    if !status.conditions.is_empty() {
        let conditions: Vec<Json> = status.conditions.iter().map(condition).collect();
        object.insert("conditions".to_owned(), json!(conditions));
    }
    let items: Vec<Json> = status.items.iter().map(event).collect();
    object.insert("items".to_owned(), json!(items));
    object.insert("tag".to_owned(), json!(status.tag));
    json!(object)
}

fn event(event: &TagEvent) -> Json {
    json!({
        "created": event.created,
        "dockerImageReference": event.reference,
        "generation": event.generation,
        "image": event.image,
    })
}

fn condition(condition: &Condition) -> Json {
    let mut object = Map::new();
    object.insert("generation".to_owned(), json!(condition.generation));
    object.insert("lastTransitionTime".to_owned(), json!(condition.time));
    put_text(&mut object, "message", Some(&condition.message));
    put_text(&mut object, "reason", Some(&condition.reason));
    object.insert("status".to_owned(), json!(condition.status));
    object.insert("type".to_owned(), json!(condition.kind));
    json!(object)
}

fn put_conditions(object: &mut Map<String, Json>, stream: &ImageStream, tag: &str) {
    let status = stream.status.iter().find(|status| status.tag == tag);
    let conditions: Vec<Json> = status
        .into_iter()
        .flat_map(|status| &status.conditions)
        .map(condition)
        .collect();
    if !conditions.is_empty() {
        object.insert("conditions".to_owned(), json!(conditions));
    }
}

pub(crate) fn put_text(object: &mut Map<String, Json>, key: &str, text: Option<&str>) {
    if let Some(text) = text.filter(|text| !text.is_empty()) {
        object.insert(key.to_owned(), json!(text));
    }
}

pub(crate) fn put_texts(
    object: &mut Map<String, Json>,
    key: &str,
    texts: &BTreeMap<String, String>,
) {
    if !texts.is_empty() {
        object.insert(key.to_owned(), json!(texts));
    }
}

fn put_flag(object: &mut Map<String, Json>, key: &str, flag: bool) {
    if flag {
        object.insert(key.to_owned(), json!(true));
    }
}

#[cfg(test)]
mod tests {
    use crate::show::item::Item;
    use crate::show::item::{stream_images, stream_tags};
    use crate::show::stream_tests::streams;
    use crate::yaml;

    use super::*;

    const STREAM: &str = r#"
kind: ImageStream
metadata:
  name: web
  namespace: demo
  labels: {app: web}
  annotations: {a: b}
spec:
  tags:
  - {name: "b", reference: true, from: {kind: DockerImage, name: "x:1"}}
  - name: a
    annotations: {description: A}
    from: {kind: ImageStreamTag, name: "web:1", namespace: prod}
    importPolicy: {scheduled: true}
    referencePolicy: {type: Local}
status:
  dockerImageRepository: registry.svc:5000/demo/web
  tags:
  - tag: b
    items: [{created: "2026-11-20T00:00:00Z", dockerImageReference: "x:1", image: "", generation: 1}]
  - tag: a
    conditions: [{type: ImportSuccess, status: "False", reason: NotFound, message: m, generation: 3, lastTransitionTime: "2026-11-21T00:00:00Z"}]
    items:
    - {created: "2026-11-20T00:00:00Z", dockerImageReference: "x@sha256:aa", image: "sha256:aa", generation: 2}
    - {created: "2026-11-19T00:00:00Z", dockerImageReference: "x@sha256:bb", image: "sha256:bb", generation: 1}
"#;

    #[test]
    fn a_stream_is_given_with_its_defaults() {
        let streams = streams(STREAM);
        let expected = "\
apiVersion: image.openshift.io/v1
kind: ImageStream
metadata:
  annotations:
    a: b
  generation: 3
  labels:
    app: web
  name: web
  namespace: demo
spec:
  lookupPolicy:
    local: false
  tags:
  - annotations:
      description: A
    from:
      kind: ImageStreamTag
      name: web:1
      namespace: prod
    generation: 3
    importPolicy:
      scheduled: true
    name: a
    referencePolicy:
      type: Local
  - annotations: null
    from:
      kind: DockerImage
      name: x:1
    generation: 1
    importPolicy: {}
    name: b
    reference: true
    referencePolicy:
      type: Source
status:
  dockerImageRepository: registry.svc:5000/demo/web
  tags:
  - conditions:
    - generation: 3
      lastTransitionTime: \"2026-11-21T00:00:00Z\"
      message: m
      reason: NotFound
      status: \"False\"
      type: ImportSuccess
    items:
    - created: \"2026-11-20T00:00:00Z\"
      dockerImageReference: x@sha256:aa
      generation: 2
      image: sha256:aa
    - created: \"2026-11-19T00:00:00Z\"
      dockerImageReference: x@sha256:bb
      generation: 1
      image: sha256:bb
    tag: a
  - items:
    - created: \"2026-11-20T00:00:00Z\"
      dockerImageReference: x:1
      generation: 1
      image: \"\"
    tag: b
";
        assert_eq!(yaml::render(&sorted(stream(&streams[0]))), expected);
    }

    #[test]
    fn what_is_printed_is_read_as_the_same_stream() {
        let before = streams(STREAM);
        let text = yaml::render(&sorted(stream(&before[0])));
        let after = streams(&text);
        assert_eq!(after[0].status[0], before[0].status[1]);
        assert_eq!(stream(&after[0]), stream(&before[0]));
    }

    #[test]
    fn a_tag_with_an_image_is_an_object_and_its_local_reference_is_followed() {
        let streams = streams(STREAM);
        let tags = stream_tags(&streams[0]);
        assert_eq!(tags.len(), 1, "a tag without a digest is none");
        let object = Item::StreamTag(tags[0].clone()).object();
        assert_eq!(object["kind"], "ImageStreamTag");
        assert_eq!(object["metadata"]["name"], "web:a");
        assert_eq!(
            object["metadata"]["creationTimestamp"],
            "2026-11-20T00:00:00Z"
        );
        assert_eq!(object["metadata"]["annotations"]["description"], "A");
        assert_eq!(object["metadata"]["labels"]["app"], "web");
        assert_eq!(object["generation"], 2);
        assert_eq!(object["tag"]["from"]["namespace"], "prod");
        assert_eq!(object["conditions"][0]["reason"], "NotFound");
        assert_eq!(object["lookupPolicy"]["local"], false);
        assert_eq!(object["image"]["metadata"]["name"], "sha256:aa");
        assert_eq!(
            object["image"]["dockerImageReference"],
            "registry.svc:5000/demo/web@sha256:aa"
        );
    }

    #[test]
    fn images_of_the_history_are_objects() {
        let streams = streams(STREAM);
        let images = stream_images(&streams[0]);
        let names: Vec<String> = images
            .iter()
            .map(|it| Item::stream_image(it.clone()).name())
            .collect();
        assert_eq!(names, ["web@sha256:aa", "web@sha256:bb"]);
        let object = Item::stream_image(images[1].clone()).object();
        assert_eq!(object["kind"], "ImageStreamImage");
        assert_eq!(object["metadata"]["name"], "web@sha256:bb");
        assert_eq!(object["image"]["dockerImageReference"], "x@sha256:bb");
        let object = Item::Image(images[1].clone()).object();
        assert_eq!(object["kind"], "Image");
        assert_eq!(object["metadata"]["name"], "sha256:bb");
    }

    fn sorted(value: Json) -> Json {
        crate::show::sorted(value)
    }
}
