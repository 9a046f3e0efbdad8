//! `get triggers`: which fields are kept at which stream tags.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use crate::field_path::FieldPath;
use crate::image::Reference;
use crate::manifest::Manifests;
use crate::snapshot::FilePath;
use crate::stream::{DocumentAddress, ImageStream, StreamTagName};
use crate::trigger::{PinForm, Target, Trigger, TriggerKind};
use crate::yaml::{Located, Source, locate};

/// One trigger, as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TriggerLine {
    /// The namespace of the object that holds the field.
    pub namespace: String,
    /// The stream tag, with its namespace where that is another one.
    pub from: String,
    pub kind: TriggerKind,
    /// `deployment/web`, or the file where the field belongs to no object.
    pub object: String,
    pub field: String,
    pub state: State,
    /// The digest in the field, or what else stands there.
    pub image: String,
    /// Where the field is.
    pub place: String,
}

/// Whether the field is where its stream tag is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The trigger says that it is paused, or is not automatic.
    Paused,
    /// The field holds the stream tag's current image.
    Pinned,
    /// It does not, yet.
    Pending,
    /// No ImageStream has that name.
    NoStream,
}

impl State {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Paused => "paused",
            Self::Pinned => "pinned",
            Self::Pending => "pending",
            Self::NoStream => "no stream",
        }
    }
}

/// The triggers of an environment in the order of their stream tags. `bytes_of` reads a file.
pub fn lines<'f>(
    manifests: &Manifests,
    bytes_of: impl Fn(&FilePath) -> Option<&'f [u8]>,
) -> Vec<TriggerLine> {
    let objects = objects(&manifests.triggers, bytes_of);
    let mut triggers: Vec<&Trigger> = manifests.triggers.iter().collect();
    triggers.sort_by_key(|trigger| (&trigger.from, &trigger.target.place));
    triggers
        .into_iter()
        .map(|trigger| {
            let stream = manifests
                .streams
                .iter()
                .find(|stream| stream.name == trigger.from.stream);
            let target = &trigger.target;
            let named = objects.get(&(&target.document, &target.object)).cloned();
            TriggerLine {
                namespace: target.namespace.clone(),
                from: shown_name(&trigger.from, &target.namespace),
                kind: trigger.kind,
                object: named.unwrap_or_else(|| target.document.file.file_name().to_owned()),
                field: trigger.field_name(),
                state: state(trigger, stream),
                image: image(target.current.as_deref().unwrap_or_default()),
                place: target.place.to_string(),
            }
        })
        .collect()
}

/// `kind/name` of each object that holds a field; every file is parsed once.
fn objects<'t, 'f>(
    triggers: &'t [Trigger],
    bytes_of: impl Fn(&FilePath) -> Option<&'f [u8]>,
) -> BTreeMap<(&'t DocumentAddress, &'t FieldPath), String> {
    let mut by_file: BTreeMap<&FilePath, Vec<&Target>> = BTreeMap::new();
    for trigger in triggers {
        let target = &trigger.target;
        by_file
            .entry(&target.document.file)
            .or_default()
            .push(target);
    }
    let mut objects = BTreeMap::new();
    for (file, targets) in by_file {
        let Some(bytes) = bytes_of(file) else {
            continue;
        };
        let source = Source::parse(bytes);
        for target in targets {
            if let Some(name) = object(&source, target) {
                objects.insert((&target.document, &target.object), name);
            }
        }
    }
    objects
}

fn shown_name(from: &StreamTagName, namespace: &str) -> String {
    if from.stream.namespace == namespace {
        format!("{}:{}", from.stream.name, from.tag)
    } else {
        from.to_string()
    }
}

/// `kind/name` of the object that holds the field.
fn object(source: &Source<'_>, target: &Target) -> Option<String> {
    let document = source.document(target.document.document)?;
    let Located::Found(way) = locate(document, &target.object) else {
        return None;
    };
    let node = way.node();
    let kind = node.get("kind")?.text()?.to_lowercase();
    let name = node
        .get("metadata")
        .and_then(|metadata| metadata.get("name"));
    match name.and_then(|name| name.text()) {
        Some(name) => Some(format!("{kind}/{name}")),
        None => Some(kind),
    }
}

fn state(trigger: &Trigger, stream: Option<&ImageStream>) -> State {
    if trigger.paused {
        return State::Paused;
    }
    let Some(stream) = stream else {
        return State::NoStream;
    };
    let current = trigger.target.current.as_deref().unwrap_or_default();
    let newest = stream.history(&trigger.from.tag).first();
    let is_there = match (trigger.target.form, newest) {
        // Of the image's parts these two hold none that moves with it.
        (PinForm::Tag | PinForm::Repository, _) => !current.trim().is_empty(),
        (_, Some(item)) if !item.image.is_empty() => current.ends_with(&item.image),
        (_, Some(item)) => current == item.reference,
        (_, None) => false,
    };
    if is_there {
        State::Pinned
    } else {
        State::Pending
    }
}

fn image(current: &str) -> String {
    let digest = current.parse::<Reference>().ok().and_then(|it| it.digest);
    digest.map_or_else(|| current.trim().to_owned(), |digest| digest.to_string())
}

impl TriggerLine {
    pub(crate) fn row(&self) -> Vec<String> {
        vec![
            self.from.clone(),
            self.object.clone(),
            self.field.clone(),
            self.state.as_str().to_owned(),
            short(&self.image),
            self.place.clone(),
        ]
    }

    pub(crate) fn object(&self) -> Json {
        json!({
            "apiVersion": "headwater.dev/v1alpha1",
            "field": self.field,
            "from": self.from,
            "image": self.image,
            "kind": "Trigger",
            "namespace": self.namespace,
            "object": self.object,
            "place": self.place,
            "state": self.state.as_str(),
            "writtenAs": written_as(self.kind),
        })
    }
}

fn written_as(kind: TriggerKind) -> &'static str {
    match kind {
        TriggerKind::Annotation => "annotation",
        TriggerKind::DeploymentConfig => "deploymentConfig",
        TriggerKind::BuildConfig => "buildConfig",
        TriggerKind::Marker | TriggerKind::TemplateMarker => "marker",
        TriggerKind::ImageTrigger => "imageTrigger",
        TriggerKind::LocalName => "localName",
    }
}

/// The first 12 hex digits of a digest.
fn short(image: &str) -> String {
    match image.split_once(':') {
        Some((algorithm @ ("sha256" | "sha512"), hex)) => {
            let hex: String = hex.chars().take(12).collect();
            format!("{algorithm}:{hex}")
        }
        _ => image.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::environment::Environment;
    use crate::manifest;

    use super::*;

    #[test]
    fn a_trigger_says_where_its_image_goes_and_whether_it_is_there() {
        let (old, new) = ("a".repeat(64), "b".repeat(64));
        let text = format!(
            "\
apiVersion: image.openshift.io/v1
kind: ImageStream
metadata: {{name: web, namespace: demo}}
status:
  tags:
  - tag: '1'
    items:
    - {{dockerImageReference: 'quay.io/acme/web@sha256:{new}', image: 'sha256:{new}'}}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: front
  namespace: demo
  annotations:
    image.openshift.io/triggers: |-
      [{{\"from\":{{\"kind\":\"ImageStreamTag\",\"name\":\"web:1\"}},\"fieldPath\":\"spec.template.spec.containers[0].image\",\"paused\":true}}]
spec:
  template:
    spec:
      containers:
      - name: a
        image: quay.io/acme/web@sha256:{old}
      - name: b
        image: quay.io/acme/web@sha256:{old} # {{\"$imagestream\": \"demo/web:1\"}}
      - name: c
        image: quay.io/acme/web:1@sha256:{new} # {{\"$imagestream\": \"demo/web:1\"}}
      - name: d
        image: x # {{\"$imagestream\": \"prod/api:1\"}}
"
        );
        let facts = Arc::new(manifest::read_file(text.as_bytes()));
        let environment = Environment::default();
        let files = [("web.yaml".parse().unwrap(), facts)];
        let environments = std::slice::from_ref(&environment);
        let manifests = manifest::assemble(&files, &Default::default(), &environment, environments);
        let lines = lines(&manifests, |_| Some(text.as_bytes()));
        let rows: Vec<String> = lines
            .iter()
            .map(|line| format!("{} {}", line.row()[1], line.row()[3..5].join(" ")))
            .collect();
        assert_eq!(
            rows,
            [
                "deployment/front paused sha256:aaaaaaaaaaaa",
                "deployment/front pending sha256:aaaaaaaaaaaa",
                "deployment/front pinned sha256:bbbbbbbbbbbb",
                "deployment/front no stream x",
            ]
        );
        assert_eq!(lines[0].from, "web:1");
        assert_eq!(lines[3].from, "prod/api:1");
        assert_eq!(
            lines[0].field,
            "spec.template.spec.containers[?(@.name==\"a\")].image"
        );
        assert!(
            lines[1].place.starts_with("web.yaml:25:"),
            "{}",
            lines[1].place
        );
        assert_eq!(lines[2].object()["state"], "pinned");
    }
}
