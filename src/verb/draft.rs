//! The edits of one command, gathered.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::environment::Environment;
use crate::field_path::{FieldPath, Step};
use crate::problem::{Place, Problem};
use crate::snapshot::{FilePath, FilePathError, Files};
use crate::stream::{DocumentAddress, ImageStream, OBSERVED, StreamName, StreamTagName};
use crate::verb::{Realm, Refused, Scene};
use crate::yaml::{self, Edit, Source};

/// The folder that new streams are put into where the namespace has none yet; `init` takes the
/// same.
const STREAM_FOLDER: &str = "imagestreams";

/// What a command wants written, and what it says.
#[derive(Debug, Default)]
pub struct Draft {
    edits: BTreeMap<FilePath, Vec<Edit>>,
    new: BTreeMap<FilePath, Value>,
    new_streams: BTreeMap<StreamName, FilePath>,
    /// What [`OBSERVED`] is to say, for streams where a command changes it.
    observed: BTreeMap<StreamName, Map<String, Value>>,
    /// Whole objects that go: items of a List by their number, or a document.
    removed: BTreeMap<DocumentAddress, BTreeSet<Option<usize>>>,
    /// Stream tags that are planned for at once.
    pub touched: BTreeSet<StreamTagName>,
    /// The namespace of what is written, where the stream tags may be another's.
    pub home: Option<String>,
    /// A stream whose every tag is planned for at once: it imports a whole repository.
    pub whole: Option<StreamName>,
    /// Streams that must be there afterwards, or the new file does not belong to its environment.
    pub expected: BTreeSet<StreamName>,
    /// For stdout.
    pub said: String,
    /// For stderr.
    pub notes: Vec<String>,
}

/// A command's edits, made: each file that changes, once.
#[derive(Debug)]
pub struct Written {
    /// None: the file is removed.
    pub files: BTreeMap<FilePath, Option<Arc<[u8]>>>,
}

impl Draft {
    /// Nothing is to be written.
    pub fn is_empty(&self) -> bool {
        self.edits.values().all(Vec::is_empty)
            && self.new.is_empty()
            && self.observed.is_empty()
            && self.removed.is_empty()
    }

    /// Takes over the edits and notes of another draft.
    pub(crate) fn join(&mut self, other: Self) {
        for (file, edits) in other.edits {
            self.edits.entry(file).or_default().extend(edits);
        }
        self.notes.extend(other.notes);
    }

    pub fn say(&mut self, line: impl AsRef<str>) {
        self.said.push_str(line.as_ref());
        self.said.push('\n');
    }

    pub(crate) fn put(&mut self, at: &DocumentAddress, field: FieldPath, value: Value) {
        let edit = Edit::Put {
            document: at.document,
            field,
            value,
        };
        self.edit(at, edit);
    }

    pub(crate) fn remove(&mut self, at: &DocumentAddress, field: FieldPath) {
        let edit = Edit::Remove {
            document: at.document,
            field,
        };
        self.edit(at, edit);
    }

    pub(crate) fn edit(&mut self, at: &DocumentAddress, edit: Edit) {
        let edits = self.edits.entry(at.file.clone()).or_default();
        if !edits.contains(&edit) {
            edits.push(edit);
        }
    }

    /// Takes a whole object out of its file.
    pub(crate) fn remove_object(&mut self, at: &DocumentAddress, root: &FieldPath) {
        let item = root.steps().iter().find_map(|step| match step {
            Step::Index(number) => Some(*number),
            _ => None,
        });
        self.removed.entry(at.clone()).or_default().insert(item);
    }

    /// The new stream of this name, made where there is none yet.
    pub(crate) fn new_stream(
        &mut self,
        scene: &Scene<'_>,
        name: &StreamName,
    ) -> Result<&mut Value, Refused> {
        if !name.is_valid() {
            return Err(Refused::new(format!(
                "The ImageStream \"{0}\" is invalid: metadata.name: Invalid value: \"{0}\": must match \"[a-z0-9]+(?:[._-][a-z0-9]+)*\"",
                name.name
            )));
        }
        let path = match self.new_streams.get(name) {
            Some(path) => path.clone(),
            None => self.new_file(scene, &name.namespace, &name.name)?,
        };
        self.new_streams.insert(name.clone(), path.clone());
        self.expected.insert(name.clone());
        let realm = scene.realm_of(&name.namespace)?;
        let object = || new_stream(realm.environment, name);
        Ok(self.new.entry(path).or_insert_with(object))
    }

    /// A new object beside the streams of its namespace.
    pub(crate) fn new_object(&mut self, path: FilePath, object: Value) {
        self.new.insert(path, object);
    }

    /// Whether a new object has this path.
    pub(crate) fn has_new(&self, path: &FilePath) -> bool {
        self.new.contains_key(path)
    }

    /// A free path for a new object: beside the namespace's streams, else where `init` puts them.
    pub(crate) fn new_file(
        &self,
        scene: &Scene<'_>,
        namespace: &str,
        name: &str,
    ) -> Result<FilePath, Refused> {
        let realm = scene.realm_of(namespace)?;
        let folder = stream_folder(&realm.manifests.streams, namespace);
        for path in stream_files(&folder, name) {
            let path = path.map_err(|error| Refused::new(error.to_string()))?;
            if scene.files.contains_key(&path) || self.new.contains_key(&path) {
                continue;
            }
            if realm.reach.namespaces(&path, Some(namespace)).is_empty() {
                return Err(Refused::new(format!(
                    "the new file {path} would not belong to the environment {}",
                    realm.environment.name
                ))
                .hint("add its folder to the environment's `paths` in headwater.yaml"));
            }
            return Ok(path);
        }
        Err(Refused::new(format!(
            "no file name is free for {name} in {folder}"
        )))
    }

    /// What [`OBSERVED`] says of the stream, to be changed.
    pub(crate) fn observed(&mut self, stream: &ImageStream) -> &mut Map<String, Value> {
        self.observed
            .entry(stream.name.clone())
            .or_insert_with(|| observed_of(stream))
    }

    /// Makes the edits on `files`. Nothing is written where one of them cannot be made exactly.
    pub fn write(mut self, scene: &Scene<'_>) -> Result<Written, Vec<Problem>> {
        self.settle_observed(scene);
        self.settle_removed(scene.files);
        let mut files = BTreeMap::new();
        let mut problems = Vec::new();
        for (path, edits) in &self.edits {
            let before = scene.files.get(path).map_or(&[][..], |bytes| bytes);
            match yaml::edit(before, edits) {
                Ok(after) if after.is_empty() => {
                    files.insert(path.clone(), None);
                }
                Ok(after) if after != before => {
                    files.insert(path.clone(), Some(after.into()));
                }
                Ok(_) => {}
                Err(refusals) => problems.extend(refusals.iter().map(|refusal| {
                    let place = Place {
                        file: path.clone(),
                        line: refusal.at.line,
                        column: refusal.at.column,
                    };
                    let message = format!("cannot be edited exactly: {}", refusal.message);
                    Problem::error(place, message)
                })),
            }
        }
        for (path, object) in &self.new {
            files.insert(path.clone(), Some(yaml::render(object).into_bytes().into()));
        }
        if problems.is_empty() {
            Ok(Written { files })
        } else {
            Err(problems)
        }
    }

    fn settle_observed(&mut self, scene: &Scene<'_>) {
        for (name, observed) in std::mem::take(&mut self.observed) {
            let Ok(Some((_, stream))) = scene.stream(&name) else {
                continue;
            };
            if observed == observed_of(stream) {
                continue;
            }
            let holder = stream.root.clone().key("metadata").key("annotations");
            if !observed.is_empty() {
                let text = Value::Object(observed).to_string();
                self.put(&stream.document, holder.key(OBSERVED), Value::String(text));
            } else if stream.metadata.annotations.len() == 1 {
                self.remove(&stream.document, holder);
            } else {
                self.remove(&stream.document, holder.key(OBSERVED));
            }
        }
    }

    /// A List that loses all its items goes as a whole.
    fn settle_removed(&mut self, files: &Files) {
        for (address, items) in std::mem::take(&mut self.removed) {
            let bytes = files.get(&address.file).map_or(&[][..], |bytes| bytes);
            let source = Source::parse(bytes);
            let root = source
                .document(address.document)
                .and_then(|document| document.root.as_ref());
            let count = root
                .and_then(|root| root.get("items"))
                .map_or(0, |items| items.items().len());
            if items.contains(&None) || items.len() == count {
                let edits = self.edits.entry(address.file.clone()).or_default();
                edits.retain(|edit| match edit {
                    Edit::Put { document, .. } | Edit::Remove { document, .. } => {
                        *document != address.document
                    }
                    _ => true,
                });
                self.remove(&address, FieldPath::root());
                continue;
            }
            for number in items.into_iter().flatten() {
                let item = FieldPath::root().key("items").index(number);
                self.remove(&address, item);
            }
        }
    }
}

/// A new stream of an environment, without tags.
pub fn new_stream(environment: &Environment, name: &StreamName) -> Value {
    let mut metadata = metadata_in(environment, &name.namespace, &name.name);
    metadata.insert(
        "annotations".to_owned(),
        json!({"config.kubernetes.io/local-config": "true"}),
    );
    json!({
        "apiVersion": "image.openshift.io/v1",
        "kind": "ImageStream",
        "metadata": metadata,
        "spec": {},
    })
}

/// The folder of new objects: beside the namespace's streams, else where `init` puts them.
pub fn stream_folder(streams: &[ImageStream], namespace: &str) -> String {
    let mut streams = streams.iter();
    let beside = streams.find(|stream| stream.name.namespace == namespace);
    match beside {
        Some(stream) => stream.document.file.folder().to_owned(),
        None => format!("{STREAM_FOLDER}/{namespace}"),
    }
}

/// The paths of a new object in a folder, of which the first free one is taken.
pub fn stream_files(
    folder: &str,
    name: &str,
) -> impl Iterator<Item = Result<FilePath, FilePathError>> {
    (1..=1000u32).map(move |number| {
        let suffix = match number {
            1 => String::new(),
            number => format!("-{number}"),
        };
        FilePath::resolve(folder, &format!("{name}{suffix}.yaml"))
    })
}

fn observed_of(stream: &ImageStream) -> Map<String, Value> {
    stream
        .metadata
        .annotations
        .get(OBSERVED)
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default()
}

/// `metadata` of a new object: the namespace stands there unless the environment gives it.
pub(crate) fn metadata(realm: &Realm<'_>, namespace: &str, name: &str) -> Map<String, Value> {
    metadata_in(realm.environment, namespace, name)
}

fn metadata_in(environment: &Environment, namespace: &str, name: &str) -> Map<String, Value> {
    let mut metadata = Map::new();
    metadata.insert("name".to_owned(), name.into());
    let is_given = matches!(environment.namespaces.as_slice(), [only] if only == namespace);
    if !is_given {
        metadata.insert("namespace".to_owned(), namespace.into());
    }
    metadata
}
