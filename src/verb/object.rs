//! Kubernetes objects in files, for the commands that name them as oc does.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::field_path::FieldPath;
use crate::snapshot::FilePath;
use crate::stream::DocumentAddress;
use crate::verb::{Refused, Scene};
use crate::yaml::{Node, Source, to_json};

/// An object, and where it stands.
#[derive(Clone, Debug)]
pub struct Object {
    pub kind: &'static Kind,
    pub name: String,
    pub namespace: String,
    pub at: DocumentAddress,
    /// The document itself, or `items[n]` of a List.
    pub root: FieldPath,
    /// What the file says of it; aliases are null.
    pub value: Value,
}

/// A kind as oc names it.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    pub kind: &'static str,
    /// The plural.
    pub resource: &'static str,
    pub group: &'static str,
    short: &'static [&'static str],
}

const fn kind(
    kind: &'static str,
    resource: &'static str,
    group: &'static str,
    short: &'static [&'static str],
) -> Kind {
    Kind {
        kind,
        resource,
        group,
        short,
    }
}

const KINDS: &[Kind] = &[
    kind("Deployment", "deployments", "apps", &["deploy"]),
    kind("StatefulSet", "statefulsets", "apps", &["sts"]),
    kind("DaemonSet", "daemonsets", "apps", &["ds"]),
    kind("ReplicaSet", "replicasets", "apps", &["rs"]),
    kind("CronJob", "cronjobs", "batch", &["cj"]),
    kind("Job", "jobs", "batch", &[]),
    kind("Pod", "pods", "", &["po"]),
    kind(
        "ReplicationController",
        "replicationcontrollers",
        "",
        &["rc"],
    ),
    kind(
        "DeploymentConfig",
        "deploymentconfigs",
        "apps.openshift.io",
        &["dc"],
    ),
    kind("BuildConfig", "buildconfigs", "build.openshift.io", &["bc"]),
    kind("ImageStream", "imagestreams", "image.openshift.io", &["is"]),
    kind(
        "RoleBinding",
        "rolebindings",
        "rbac.authorization.k8s.io",
        &[],
    ),
    kind("Service", "services", "", &["svc"]),
    kind("Route", "routes", "route.openshift.io", &[]),
    kind("Ingress", "ingresses", "networking.k8s.io", &["ing"]),
];
/// These run nothing and follow nothing: of whole files they are left out.
const NETWORK: [&str; 3] = ["Service", "Route", "Ingress"];

impl Kind {
    pub fn find(word: &str) -> Result<&'static Self, Refused> {
        let plain = word.split('.').next().unwrap_or(word).to_ascii_lowercase();
        KINDS
            .iter()
            .find(|kind| {
                kind.resource == plain
                    || kind.kind.to_ascii_lowercase() == plain
                    || kind.short.contains(&plain.as_str())
            })
            .ok_or_else(|| {
                Refused::new(format!("the server doesn't have a resource type {word:?}"))
            })
    }

    /// `apps/v1`; every kind here is in the first version of its group.
    pub(crate) fn version(&self) -> String {
        match self.group {
            "" => "v1".to_owned(),
            group => format!("{group}/v1"),
        }
    }

    /// `deployments.apps`
    pub(crate) fn qualified(&self) -> String {
        match self.group {
            "" => self.resource.to_owned(),
            group => format!("{}.{group}", self.resource),
        }
    }
}

impl Object {
    /// `deployment.apps/web`
    pub fn full_name(&self) -> String {
        let kind = self.kind.kind.to_ascii_lowercase();
        match self.kind.group {
            "" => format!("{kind}/{}", self.name),
            group => format!("{kind}.{group}/{}", self.name),
        }
    }

    /// `deployments/web`
    pub fn resource_name(&self) -> String {
        format!("{}/{}", self.kind.resource, self.name)
    }

    pub(crate) fn text(&self, pointer: &str) -> Option<&str> {
        self.value.pointer(pointer)?.as_str()
    }

    pub(crate) fn list(&self, pointer: &str) -> &[Value] {
        let value = self.value.pointer(pointer).and_then(Value::as_array);
        value.map_or(&[], Vec::as_slice)
    }

    /// A field of the object, from the document's root.
    pub(crate) fn field(&self, keys: &[&str]) -> FieldPath {
        keys.iter()
            .fold(self.root.clone(), |path, key| path.key(*key))
    }
}

/// Which objects a command names.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// `KIND/NAME…`, or `KIND NAME…`, or with `all` or a selector `KIND`.
    pub words: Vec<String>,
    pub all: bool,
    /// `key=value,…`
    pub labels: Option<String>,
    /// Every object of these files.
    pub files: Vec<FilePath>,
    /// The kind of words that name none.
    pub default_kind: Option<&'static str>,
}

impl Selection {
    /// The objects, in the order of the words; one that is not there is refused.
    pub fn find(&self, scene: &Scene<'_>) -> Result<Vec<Object>, Refused> {
        let mut found = Vec::new();
        if !self.files.is_empty() {
            for path in &self.files {
                if !scene.files.contains_key(path) {
                    return Err(Refused::new(format!("the path {path:?} does not exist")));
                }
            }
            let kinds = KINDS.iter().map(|kind| kind.kind);
            let kinds: BTreeSet<&str> = kinds.filter(|kind| !NETWORK.contains(kind)).collect();
            let mut all = objects(scene, &kinds);
            all.retain(|object| self.files.contains(&object.at.file));
            found.append(&mut all);
        }
        let wanted = self.wanted()?;
        let kinds: BTreeSet<&str> = wanted.iter().map(|(kind, _)| kind.kind).collect();
        let mut here = objects(scene, &kinds);
        here.retain(|object| object.namespace == scene.namespace);
        for (kind, name) in wanted {
            let of_kind = here.iter().filter(|object| object.kind == kind);
            match name {
                None => found.extend(of_kind.filter(|object| self.has_labels(object)).cloned()),
                Some(name) => {
                    let object = of_kind.clone().find(|object| object.name == name);
                    found.push(object.cloned().ok_or_else(|| {
                        Refused::new(format!("{} {name:?} not found", kind.qualified()))
                    })?);
                }
            }
        }
        Ok(found)
    }

    fn wanted(&self) -> Result<Vec<(&'static Kind, Option<String>)>, Refused> {
        let Some(first) = self.words.first() else {
            return Ok(Vec::new());
        };
        if self.words.iter().any(|word| word.contains('/')) {
            return self
                .words
                .iter()
                .map(|word| match (word.split_once('/'), self.default_kind) {
                    (Some((kind, name)), _) => Ok((Kind::find(kind)?, Some(name.to_owned()))),
                    (None, Some(kind)) => Ok((Kind::find(kind)?, Some(word.clone()))),
                    (None, None) => Err(Refused::new(
                        "there is no need to specify a resource type as a separate argument when passing arguments in resource/name form",
                    )),
                })
                .collect();
        }
        if let Some(kind) = self.default_kind {
            let kind = Kind::find(kind)?;
            let names = self.words.iter().cloned();
            return Ok(names.map(|name| (kind, Some(name))).collect());
        }
        let names = self.words.get(1..).unwrap_or_default();
        if names.is_empty() {
            if !self.all && self.labels.is_none() {
                return Err(Refused::new(
                    "resource(s) were provided, but no name, label selector, or --all flag specified",
                ));
            }
            let kinds = first.split(',');
            return kinds.map(|kind| Ok((Kind::find(kind)?, None))).collect();
        }
        let kind = Kind::find(first)?;
        Ok(names
            .iter()
            .map(|name| (kind, Some(name.clone())))
            .collect())
    }

    fn has_labels(&self, object: &Object) -> bool {
        let label = |key: &str| {
            let labels = object.value.pointer("/metadata/labels")?;
            labels.get(key)?.as_str()
        };
        let wanted = self.labels.as_deref().unwrap_or_default().split(',');
        wanted.filter(|part| !part.is_empty()).all(|part| {
            if let Some((key, value)) = part.split_once("!=") {
                return label(key) != Some(value);
            }
            match part.split_once('=') {
                Some((key, value)) => label(key) == Some(value.trim_start_matches('=')),
                None => label(part).is_some(),
            }
        })
    }
}

/// The objects of these kinds in the files of all environments, each once, by file.
pub(crate) fn objects(scene: &Scene<'_>, kinds: &BTreeSet<&str>) -> Vec<Object> {
    let mut found = Vec::new();
    if kinds.is_empty() {
        return found;
    }
    for (path, bytes) in scene.files {
        let mentions = |kind: &&str| memchr::memmem::find(bytes, kind.as_bytes()).is_some();
        if !crate::manifest::is_manifest_name(path.as_str()) || !kinds.iter().any(mentions) {
            continue;
        }
        let source = Source::parse(bytes);
        for document in &source.documents {
            let Some(root) = &document.root else { continue };
            let at = DocumentAddress {
                file: path.clone(),
                document: document.index,
            };
            let mut add = |node: &Node, root: FieldPath, default: Option<&str>| {
                found.extend(object(scene, kinds, node, &at, root, default));
            };
            let own = root.get("kind").and_then(Node::text).unwrap_or_default();
            match (own.strip_suffix("List"), root.get("items")) {
                (Some(kind), Some(items)) => {
                    let kind = Some(kind).filter(|kind| !kind.is_empty());
                    for (number, item) in items.items().iter().enumerate() {
                        add(item, FieldPath::root().key("items").index(number), kind);
                    }
                }
                _ => add(root, FieldPath::root(), None),
            }
        }
    }
    found
}

fn object(
    scene: &Scene<'_>,
    kinds: &BTreeSet<&str>,
    node: &Node,
    at: &DocumentAddress,
    root: FieldPath,
    default: Option<&str>,
) -> Option<Object> {
    let kind = node.get("kind").and_then(Node::text).or(default)?;
    let kind = KINDS
        .iter()
        .find(|known| known.kind == kind && kinds.contains(kind))?;
    let metadata = node.get("metadata")?;
    let name = metadata.get("name")?.text()?;
    let own = metadata.get("namespace").and_then(Node::text);
    let own = own.filter(|namespace| !namespace.is_empty());
    let mut namespaces = scene
        .realms
        .iter()
        .flat_map(|realm| realm.reach.namespaces(&at.file, own));
    let namespace = namespaces.next()?;
    Some(Object {
        kind,
        name: name.to_owned(),
        namespace,
        at: at.clone(),
        root,
        value: to_json(node),
    })
}

/// The containers of a workload: their names, and whether each is an init container.
pub(crate) fn containers(object: &Object, pod_spec: &str) -> BTreeMap<String, bool> {
    let names = |list: &str, is_init: bool| {
        let items = object.list(&format!("{pod_spec}/{list}")).iter();
        items
            .filter_map(move |item| Some((item.get("name")?.as_str()?.to_owned(), is_init)))
            .collect::<Vec<_>>()
    };
    let init = names("initContainers", true).into_iter();
    init.chain(names("containers", false)).collect()
}
