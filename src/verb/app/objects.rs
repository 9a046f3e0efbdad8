//! The objects of an application (oc `pkg/helpers/newapp/app/{app,imageref,pipeline}.go`).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::image::Configuration;
use crate::stream::StreamTagName;
use crate::verb::beside::New;

const GENERATED_BY: &str = "openshift.io/generated-by";
const TRIGGERS: &str = "image.openshift.io/triggers";
/// Stands where an image is to be filled in.
const PLACEHOLDER: &str = " ";
/// Of a label's value, as names of volumes are.
const MAX_LABEL: usize = 63;

/// What an application is made of.
#[derive(Debug)]
pub(crate) struct Parts<'a> {
    pub name: &'a str,
    /// The container, called as the stream is.
    pub container: &'a str,
    pub tag: &'a StreamTagName,
    /// Where it runs.
    pub namespace: &'a str,
    pub environment: &'a BTreeMap<String, String>,
    /// Those that were asked for.
    pub labels: &'a BTreeMap<String, String>,
    pub ports: Vec<Port>,
    /// Paths.
    pub volumes: Vec<String>,
}

/// A port that an image exposes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Port {
    pub number: u16,
    /// `TCP` or `UDP`
    pub protocol: &'static str,
}

impl Port {
    /// `8080-tcp`
    fn name(&self) -> String {
        format!("{}-{}", self.number, self.protocol.to_ascii_lowercase())
    }
}

/// The ports of `EXPOSE`, each once and in order: one text may hold several, and what is no port
/// is left out (oc `pkg/helpers/newapp/portutils`).
pub(crate) fn ports(configuration: &Configuration) -> Vec<Port> {
    let texts = configuration.exposed_ports.iter();
    let found: BTreeSet<Port> = texts
        .flat_map(|text| text.split(' '))
        .filter_map(|text| {
            let (number, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
            let protocol = match protocol.to_ascii_lowercase().as_str() {
                "" | "tcp" => "TCP",
                "udp" => "UDP",
                _ => return None,
            };
            let number = number.parse().ok().filter(|number| *number > 0)?;
            Some(Port { number, protocol })
        })
        .collect();
    found.into_iter().collect()
}

impl Parts<'_> {
    /// The labels of every object: those that were asked for, and the application's own unless
    /// one of them was.
    fn labels(&self) -> BTreeMap<String, String> {
        let mut labels = self.labels.clone();
        let own = [
            ("app", self.name),
            ("app.kubernetes.io/component", self.name),
            ("app.kubernetes.io/instance", self.name),
            ("app.kubernetes.io/name", &self.tag.stream.name),
        ];
        if own.iter().all(|(key, _)| !labels.contains_key(*key)) {
            labels.extend(own.map(|(key, value)| (key.to_owned(), value.to_owned())));
        }
        labels
    }

    fn metadata(&self, triggers: Option<String>) -> Map<String, Value> {
        let mut annotations = Map::new();
        if let Some(triggers) = triggers {
            annotations.insert(TRIGGERS.to_owned(), triggers.into());
        }
        annotations.insert(GENERATED_BY.to_owned(), "OpenShiftNewApp".into());
        let mut metadata = Map::new();
        metadata.insert("labels".to_owned(), json!(self.labels()));
        metadata.insert("annotations".to_owned(), annotations.into());
        metadata
    }

    fn selector(&self, key: &str) -> Value {
        let mut selector = self.labels.clone();
        selector.insert(key.to_owned(), self.name.to_owned());
        json!(selector)
    }

    /// The stream tag; its namespace where it is another one, as `set triggers` writes it.
    fn from(&self) -> Value {
        let mut from = Map::new();
        from.insert("kind".to_owned(), "ImageStreamTag".into());
        let name = format!("{}:{}", self.tag.stream.name, self.tag.tag);
        from.insert("name".to_owned(), name.into());
        if self.tag.stream.namespace != self.namespace {
            let namespace = self.tag.stream.namespace.clone();
            from.insert("namespace".to_owned(), namespace.into());
        }
        from.into()
    }

    pub fn deployment(&self) -> New {
        let path = format!(
            "spec.template.spec.containers[?(@.name==\"{}\")].image",
            self.container
        );
        let triggers = json!([{"from": self.from(), "fieldPath": path}]);
        let selector = self.selector("deployment");
        New {
            metadata: self.metadata(Some(triggers.to_string())),
            spec: json!({
                "replicas": 1,
                "selector": {"matchLabels": selector},
                "template": self.template(&selector),
            }),
        }
    }

    pub fn deployment_config(&self) -> New {
        let selector = self.selector("deploymentconfig");
        New {
            metadata: self.metadata(None),
            spec: json!({
                "replicas": 1,
                "selector": selector,
                "template": self.template(&selector),
                "triggers": [
                    {"type": "ConfigChange"},
                    {
                        "type": "ImageChange",
                        "imageChangeParams": {
                            "automatic": true,
                            "containerNames": [self.container],
                            "from": self.from(),
                        },
                    },
                ],
            }),
        }
    }

    /// `IfNotPresent` is what the API server gives the original's blank image, and keeps; here it
    /// would be `Always` for `web:latest@sha256:…`.
    fn template(&self, labels: &Value) -> Value {
        let mut container = Map::new();
        let mut put = |key: &str, value: Value| container.insert(key.to_owned(), value);
        put("name", self.container.into());
        put("image", PLACEHOLDER.into());
        put("imagePullPolicy", "IfNotPresent".into());
        if !self.environment.is_empty() {
            let variables = self.environment.iter();
            let variables = variables.map(|(name, value)| json!({"name": name, "value": value}));
            put("env", variables.collect());
        }
        if !self.ports.is_empty() {
            let ports = self.ports.iter();
            let ports =
                ports.map(|it| json!({"containerPort": it.number, "protocol": it.protocol}));
            put("ports", ports.collect());
        }
        let mounts: Vec<(String, &String)> = self.mounts();
        if !mounts.is_empty() {
            let mounts = mounts.iter();
            let mounts = mounts.map(|(name, path)| json!({"name": name, "mountPath": path}));
            put("volumeMounts", mounts.collect());
        }
        let mut spec = Map::new();
        spec.insert("containers".to_owned(), json!([container]));
        if !mounts.is_empty() {
            let volumes = mounts.iter();
            let volumes = volumes.map(|(name, _)| json!({"name": name, "emptyDir": {}}));
            spec.insert("volumes".to_owned(), volumes.collect());
        }
        json!({
            "metadata": {
                "labels": labels,
                "annotations": {GENERATED_BY: "OpenShiftNewApp"},
            },
            "spec": spec,
        })
    }

    /// A volume of its own for each path.
    fn mounts(&self) -> Vec<(String, &String)> {
        let digits = self.volumes.len().to_string().len();
        let room = MAX_LABEL - "-volume-".len() - digits;
        let base = self.container.get(..room).unwrap_or(self.container);
        let numbered = self.volumes.iter().zip(1..);
        numbered
            .map(|(path, number): (_, usize)| (format!("{base}-volume-{number}"), path))
            .collect()
    }

    /// Of all ports; none where there are none.
    pub fn service(&self, key: &str) -> Option<New> {
        if self.ports.is_empty() {
            return None;
        }
        let ports = self.ports.iter().map(|port| {
            json!({
                "name": port.name(),
                "port": port.number,
                "protocol": port.protocol,
                "targetPort": port.number,
            })
        });
        Some(New {
            metadata: self.metadata(None),
            spec: json!({
                "ports": ports.collect::<Vec<_>>(),
                "selector": self.selector(key),
            }),
        })
    }
}
