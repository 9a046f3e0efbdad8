use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use serde_json::{Value as Json, json};

use crate::plan::adopt::new_stream_manifest;
use crate::plan::migrate::scan::{self, Object};
use crate::plan::migrate::{Became, Inputs, Migration};
use crate::problem::{Place, Problem};
use crate::snapshot::{FileChange, FilePath};
use crate::stream::StreamName;
use crate::yaml::{self, Edit, Node, Source};

/// A migration as it grows.
#[derive(Debug)]
pub(crate) struct Work<'a> {
    pub inputs: &'a Inputs<'a>,
    pub problems: Vec<Problem>,
    became: Vec<Became>,
    streams: BTreeMap<StreamName, BTreeMap<String, Json>>,
    new_files: BTreeMap<FilePath, Vec<u8>>,
    edits: BTreeMap<FilePath, Vec<Edit>>,
    comments: BTreeMap<FilePath, Vec<(Range<usize>, String)>>,
    leaves_originals: bool,
}

impl<'a> Work<'a> {
    pub fn new(inputs: &'a Inputs<'a>) -> Self {
        Self {
            inputs,
            problems: Vec::new(),
            became: Vec::new(),
            streams: BTreeMap::new(),
            new_files: BTreeMap::new(),
            edits: BTreeMap::new(),
            comments: BTreeMap::new(),
            leaves_originals: false,
        }
    }

    pub fn became(&mut self, was: String, place: Place, is: String, file: FilePath) {
        self.became.push(Became {
            was,
            place,
            is,
            file,
        });
    }

    /// Whether a stream tag is there already, from an earlier run or by hand.
    pub fn has_tag(&self, name: &StreamName, tag: &str) -> bool {
        let old = self.inputs.streams.iter().find(|it| it.name == *name);
        old.is_some_and(|stream| stream.tag(tag).is_some())
            || self
                .streams
                .get(name)
                .is_some_and(|tags| tags.contains_key(tag))
    }

    /// Adds a tag to a stream, old or new; the file in which it will stand.
    pub fn add_tag(&mut self, name: &StreamName, tag: &str, spec: Json) -> FilePath {
        if let Some(stream) = self.inputs.streams.iter().find(|it| it.name == *name) {
            let file = stream.document.file.clone();
            if stream.tag(tag).is_none() {
                let edit = Edit::Put {
                    document: stream.document.document,
                    field: stream
                        .root
                        .clone()
                        .key("spec")
                        .key("tags")
                        .matching("name", tag),
                    value: spec,
                };
                self.edit(&file, edit);
            }
            return file;
        }
        let tags = self.streams.entry(name.clone()).or_default();
        tags.insert(tag.to_owned(), spec);
        self.path(&name.namespace, &name.name)
    }

    /// Where a new file of a namespace stands.
    pub fn path(&self, namespace: &str, name: &str) -> FilePath {
        let relative = format!("{namespace}/{name}.yaml");
        FilePath::resolve(self.inputs.folder, &relative).unwrap_or_else(|_| FilePath::unnamed())
    }

    /// Adds a manifest in a file of its own; not where the file is there already.
    pub fn add_file(&mut self, file: &FilePath, manifest: &Json) {
        let text = yaml::render(manifest).into_bytes();
        match self.inputs.files.get(file) {
            None => drop(self.new_files.insert(file.clone(), text)),
            Some(old) if old.as_ref() == text.as_slice() => {}
            Some(_) => self.problems.push(
                Problem::error(
                    None,
                    format!("{file} is there already; it is left as it is"),
                )
                .advice("name another folder by --folder, or move the file"),
            ),
        }
    }

    pub fn edit(&mut self, file: &FilePath, edit: Edit) {
        let edits = self.edits.entry(file.clone()).or_default();
        if !edits.contains(&edit) {
            edits.push(edit);
        }
    }

    /// Replaces a part of a comment.
    pub fn comment(&mut self, file: &FilePath, span: Range<usize>, text: String) {
        self.comments
            .entry(file.clone())
            .or_default()
            .push((span, text));
    }

    /// Takes out an object that became something else, where that is asked for.
    pub fn done_with(&mut self, object: &Object<'_>) {
        if self.may_remove() {
            let edit = Edit::Remove {
                document: object.document.index,
                field: object.root.clone(),
            };
            self.edit(object.parsed.path, edit);
        }
    }

    /// Whether an original may be taken out; one that is not stays beside what it became.
    pub fn may_remove(&mut self) -> bool {
        self.leaves_originals |= !self.inputs.remove;
        self.inputs.remove
    }

    pub fn finish(mut self) -> Migration {
        let streams = std::mem::take(&mut self.streams);
        for (name, tags) in streams {
            let tags: Vec<Json> = tags.into_values().collect();
            let stream = new_stream_manifest(&name, &tags);
            let file = self.path(&name.namespace, &name.name);
            self.add_file(&file, &stream);
        }
        let mut after: BTreeMap<FilePath, Vec<u8>> = std::mem::take(&mut self.new_files);
        let edited: BTreeSet<FilePath> = self
            .edits
            .keys()
            .chain(self.comments.keys())
            .cloned()
            .collect();
        let mut emptied = Vec::new();
        for file in edited {
            if let Some(text) = self.edited(&file) {
                if self.inputs.remove && is_empty(&text) {
                    emptied.push(file.clone());
                    after.insert(file, Vec::new());
                } else {
                    after.insert(file, text);
                }
            }
        }
        for file in &emptied {
            self.unlist(file, &mut after);
        }
        let changes = after
            .into_iter()
            .map(|(path, after)| FileChange {
                before: self
                    .inputs
                    .files
                    .get(&path)
                    .map_or_else(|| Arc::from([]), Arc::clone),
                path,
                after: after.into(),
            })
            .filter(|change| change.before != change.after)
            .collect();
        self.problems.sort();
        self.problems.dedup();
        Migration {
            became: self.became,
            leaves_originals: self.leaves_originals,
            changes,
            problems: self.problems,
        }
    }

    /// A file with its edits made; None, and a problem, where one cannot be made exactly.
    fn edited(&mut self, file: &FilePath) -> Option<Vec<u8>> {
        let mut text = self.inputs.files.get(file)?.to_vec();
        let mut comments = self.comments.remove(file).unwrap_or_default();
        comments.sort_by_key(|(span, _)| std::cmp::Reverse(span.start));
        for (span, new) in comments {
            text.splice(span, new.into_bytes());
        }
        let edits = self.edits.remove(file).unwrap_or_default();
        match yaml::edit(&text, &edits) {
            Ok(text) => Some(text),
            Err(refusals) => {
                let why: Vec<String> = refusals.iter().map(ToString::to_string).collect();
                let message = format!("{file} cannot be edited exactly: {}", why.join("; "));
                self.problems
                    .push(Problem::error(None, message).advice("edit it by hand"));
                None
            }
        }
    }

    /// Takes a file that is gone out of the kustomizations that list it.
    fn unlist(&mut self, gone: &FilePath, after: &mut BTreeMap<FilePath, Vec<u8>>) {
        for (path, bytes) in self.inputs.files {
            if !is_kustomization(path) {
                continue;
            }
            let text = after.get(path).cloned().unwrap_or_else(|| bytes.to_vec());
            let source = Source::parse(&text);
            let Some(root) = source
                .document(0)
                .and_then(|document| document.root.as_ref())
            else {
                continue;
            };
            let listed = root.get("resources").map_or(&[][..], Node::items);
            let position = listed.iter().position(|item| {
                let name = item.text().unwrap_or_default();
                FilePath::resolve(path.folder(), name).is_ok_and(|file| file == *gone)
            });
            let Some(position) = position else {
                continue;
            };
            let edit = Edit::Remove {
                document: 0,
                field: crate::field_path::FieldPath::root()
                    .key("resources")
                    .index(position),
            };
            match yaml::edit(&text, &[edit]) {
                Ok(text) => drop(after.insert(path.clone(), text)),
                Err(_) => self.problems.push(Problem::error(
                    None,
                    format!("{path} lists {gone}, which is gone; take it out by hand"),
                )),
            }
        }
    }
}

pub(crate) fn is_kustomization(path: &FilePath) -> bool {
    matches!(
        path.file_name(),
        "kustomization.yaml" | "kustomization.yml" | "Kustomization"
    )
}

/// Whether no document says anything.
fn is_empty(text: &[u8]) -> bool {
    let source = Source::parse(text);
    source.faults.is_empty() && source.documents.iter().all(|it| it.root.is_none())
}

/// A tag that follows an image, by a rule where there is one.
pub(crate) fn spec_tag(
    name: &str,
    image: &str,
    annotations: &BTreeMap<&str, String>,
    insecure: bool,
    scheduled: bool,
) -> Json {
    let mut policy = serde_json::Map::new();
    if insecure {
        policy.insert("insecure".to_owned(), json!(true));
    }
    if scheduled {
        policy.insert("scheduled".to_owned(), json!(true));
    }
    let mut tag = serde_json::Map::new();
    tag.insert("name".to_owned(), json!(name));
    if !annotations.is_empty() {
        tag.insert("annotations".to_owned(), json!(annotations));
    }
    tag.insert(
        "from".to_owned(),
        json!({"kind": "DockerImage", "name": image}),
    );
    if !policy.is_empty() {
        tag.insert("importPolicy".to_owned(), json!(policy));
    }
    Json::Object(tag)
}

/// Says that something has no counterpart.
pub(crate) fn no_counterpart(
    object: &Object<'_>,
    keys: &[&str],
    message: impl Into<String>,
    advice: impl Into<String>,
) -> Problem {
    let node = scan::at(object.node, keys).unwrap_or(object.node);
    Problem::warning(object.place_of(node), message).advice(advice)
}
