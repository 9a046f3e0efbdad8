//! Where new workloads, services and routes are put: beside those of their namespace.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::field_path::FieldPath;
use crate::snapshot::FilePath;
use crate::stream::DocumentAddress;
use crate::verb::draft::metadata;
use crate::verb::object::{Kind, Object, objects};
use crate::verb::{Draft, Realm, Refused, Scene};
use crate::yaml::Source;

/// What a namespace's folder is told by.
const NEIGHBOURS: [&str; 12] = [
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "ReplicaSet",
    "CronJob",
    "Job",
    "Pod",
    "ReplicationController",
    "DeploymentConfig",
    "Service",
    "Route",
    "Ingress",
];
/// The folder of a namespace that has none of them.
const FOLDER: &str = "apps";
/// As kustomize looks for them.
const KUSTOMIZATIONS: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// A folder that new objects are put into.
#[derive(Debug)]
pub(crate) struct Beside<'s> {
    scene: &'s Scene<'s>,
    realm: &'s Realm<'s>,
    namespace: String,
    folder: String,
    /// Whether the objects that stand there name their namespace; none where there are none.
    names_namespace: Option<bool>,
    kustomization: Option<DocumentAddress>,
    added: Vec<String>,
}

impl<'s> Beside<'s> {
    /// The folder with most workloads, services and routes of the namespace, the first of equals.
    /// Objects that several namespaces share do not count.
    pub fn workloads(scene: &'s Scene<'s>, namespace: &str) -> Result<Self, Refused> {
        let realm = scene.realm_of(namespace)?;
        let mut folders: BTreeMap<String, Vec<bool>> = BTreeMap::new();
        for object in objects(scene, &BTreeSet::from(NEIGHBOURS)) {
            let own = object.text("/metadata/namespace");
            let reached: BTreeSet<String> = scene
                .realms
                .iter()
                .flat_map(|realm| realm.reach.namespaces(&object.at.file, own))
                .collect();
            if reached.iter().eq([namespace]) {
                let folder = object.at.file.folder().to_owned();
                folders.entry(folder).or_default().push(own.is_some());
            }
        }
        let most = folders.values().map(Vec::len).max();
        let found = folders
            .into_iter()
            .find(|(_, names)| Some(names.len()) == most);
        let (folder, names) = match found {
            Some((folder, names)) => (folder, Some(names.contains(&true))),
            None => (free_folder(realm, namespace)?, None),
        };
        Ok(Self::new(scene, realm, namespace, folder, names))
    }

    /// The folder of an object that is there.
    pub fn object(scene: &'s Scene<'s>, object: &Object) -> Result<Self, Refused> {
        let realm = scene.realm_of(&object.namespace)?;
        let folder = object.at.file.folder().to_owned();
        let names = object.text("/metadata/namespace").is_some();
        let namespace = &object.namespace;
        Ok(Self::new(scene, realm, namespace, folder, Some(names)))
    }

    fn new(
        scene: &'s Scene<'s>,
        realm: &'s Realm<'s>,
        namespace: &str,
        folder: String,
        names_namespace: Option<bool>,
    ) -> Self {
        let kustomization = KUSTOMIZATIONS.iter().find_map(|name| {
            let file = FilePath::resolve(&folder, name).ok()?;
            let document = Source::parse(scene.files.get(&file)?)
                .documents
                .first()?
                .index;
            Some(DocumentAddress { file, document })
        });
        Self {
            scene,
            realm,
            namespace: namespace.to_owned(),
            folder,
            names_namespace,
            kustomization,
            added: Vec::new(),
        }
    }

    /// A new object in `NAME-KIND.yaml`; `rest` is all that stands behind `metadata.namespace`.
    /// One that is there already is refused in the API server's words.
    pub fn put(
        &mut self,
        draft: &mut Draft,
        kind: &'static Kind,
        name: &str,
        rest: New,
    ) -> Result<Object, Refused> {
        let taken = objects(self.scene, &BTreeSet::from([kind.kind]));
        if taken
            .iter()
            .any(|object| object.namespace == self.namespace && object.name == name)
        {
            return Err(
                Refused::new(format!("{} {name:?} already exists", kind.qualified()))
                    .hint("--name gives another name"),
            );
        }
        let path = self.free_path(draft, kind, name)?;
        let mut own = metadata(self.realm, &self.namespace, name);
        if self.leaves_namespace_out(&path) {
            own.remove("namespace");
        }
        own.extend(rest.metadata);
        let value = json!({
            "apiVersion": kind.version(),
            "kind": kind.kind,
            "metadata": own,
            "spec": rest.spec,
        });
        draft.new_object(path.clone(), value.clone());
        self.added.push(path.file_name().to_owned());
        Ok(Object {
            kind,
            name: name.to_owned(),
            namespace: self.namespace.clone(),
            at: DocumentAddress {
                file: path,
                document: 0,
            },
            root: FieldPath::root(),
            value,
        })
    }

    fn free_path(&self, draft: &Draft, kind: &Kind, name: &str) -> Result<FilePath, Refused> {
        let kind = kind.kind.to_ascii_lowercase();
        for number in 1..=1000u32 {
            let file = match number {
                1 => format!("{name}-{kind}.yaml"),
                number => format!("{name}-{kind}-{number}.yaml"),
            };
            let path = FilePath::resolve(&self.folder, &file)
                .map_err(|error| Refused::new(error.to_string()))?;
            if self.scene.files.contains_key(&path) || draft.has_new(&path) {
                continue;
            }
            let reached = self.realm.reach.namespaces(&path, Some(&self.namespace));
            if self.kustomization.is_none() && reached.is_empty() {
                return Err(outside(&path, self.realm));
            }
            return Ok(path);
        }
        Err(Refused::new(format!(
            "no file name is free for {name} in {}",
            self.folder
        )))
    }

    /// Where its neighbours do, and their namespace is the one that it gets.
    fn leaves_namespace_out(&self, path: &FilePath) -> bool {
        let given = self.realm.reach.namespaces(path, None);
        self.names_namespace == Some(false)
            && (self.kustomization.is_some() || given.contains(&self.namespace))
    }

    /// Lists the new files in the folder's kustomization, where it has one.
    pub fn finish(self, draft: &mut Draft) {
        let Some(at) = &self.kustomization else {
            return;
        };
        let bytes = self.scene.files.get(&at.file).map_or(&[][..], |it| it);
        let source = Source::parse(bytes);
        let root = source.document(at.document);
        let listed = root
            .and_then(|document| document.root.as_ref()?.get("resources"))
            .map(|resources| resources.items().len());
        let field = FieldPath::root().key("resources");
        match listed {
            None | Some(0) => draft.put(at, field, json!(self.added)),
            Some(count) => {
                for (number, name) in self.added.iter().enumerate() {
                    let item = field.clone().index(count + number);
                    draft.put(at, item, name.as_str().into());
                }
            }
        }
    }
}

/// What a new object says beside its name and namespace.
#[derive(Debug, Default)]
pub(crate) struct New {
    /// `labels` and `annotations`
    pub metadata: Map<String, Value>,
    pub spec: Value,
}

/// `apps/NAMESPACE`, else the first folder that the environment takes as a whole.
fn free_folder(realm: &Realm<'_>, namespace: &str) -> Result<String, Refused> {
    let usual = format!("{FOLDER}/{namespace}");
    let paths = realm.environment.paths.iter();
    let own = paths.filter_map(|path| {
        let folder = path.strip_suffix("/**").unwrap_or(path);
        let folder = folder.trim_start_matches("./").trim_matches('/');
        let is_folder = !folder.contains(['*', '?', '[', '{']) && !folder.ends_with(".yaml");
        is_folder.then(|| folder.to_owned())
    });
    let mut first = None;
    for folder in std::iter::once(usual).chain(own) {
        let Ok(path) = FilePath::resolve(&folder, "new.yaml") else {
            continue;
        };
        if !realm.reach.namespaces(&path, Some(namespace)).is_empty() {
            return Ok(folder);
        }
        first.get_or_insert(path);
    }
    Err(match first {
        Some(path) => outside(&path, realm),
        None => Refused::new(format!("there is no folder for {namespace}")),
    })
}

fn outside(path: &FilePath, realm: &Realm<'_>) -> Refused {
    Refused::new(format!(
        "the new file {path} would not belong to the environment {}",
        realm.environment.name
    ))
    .hint("add its folder to the environment's `paths` in headwater.yaml")
}
