//! Kustomize's graph: which files an environment reaches, and which namespaces they get.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use globset::{Glob, GlobSet, GlobSetBuilder};

use crate::environment::Environment;
use crate::field_path::FieldPath;
use crate::manifest::facts::{FileFacts, Gathered, KustomizationFacts, KustomizeImage};
use crate::manifest::read::is_kustomization;
use crate::manifest::reader::Reader;
use crate::problem::{Place, Problem};
use crate::snapshot::FilePath;
use crate::yaml::Node;

/// Which files an environment reaches, and in which namespaces.
#[derive(Debug)]
pub struct Reach {
    default_namespace: String,
    allowed_namespaces: Vec<String>,
    paths: Paths,
    /// Files that some kustomization gathers, with the namespaces that this environment gives
    /// them; without any where another environment's kustomizations gather them only.
    gathered: HashMap<FilePath, BTreeSet<Option<String>>>,
    /// What the `images[]` of kustomizations replace in the files that they gather.
    replaced: HashMap<FilePath, Vec<(String, Place)>>,
    pub problems: Vec<Problem>,
}

impl Reach {
    pub fn new(files: &[(FilePath, Arc<FileFacts>)], environment: &Environment) -> Self {
        let default_namespace = match environment.namespaces.as_slice() {
            [only] => only.clone(),
            _ => "default".to_owned(),
        };
        let mut reach = Self {
            default_namespace,
            allowed_namespaces: environment.namespaces.clone(),
            paths: Paths::new(&environment.paths),
            gathered: HashMap::new(),
            replaced: HashMap::new(),
            problems: Vec::new(),
        };
        let graph = Graph::new(files);
        reach.walk(&graph);
        reach.find_replaced(&graph);
        reach
    }

    /// Where a kustomization replaces `image` in `file`.
    pub fn replaced(&self, file: &FilePath, image: &str) -> Option<&Place> {
        let entries = self.replaced.get(file)?;
        let name = image_name(image);
        entries
            .iter()
            .find(|(replaced, _)| replaced == name)
            .map(|(_, place)| place)
    }

    fn find_replaced(&mut self, graph: &Graph<'_>) {
        let mut folders: Vec<&String> = graph.kustomizations.keys().collect();
        folders.sort_unstable();
        for folder in folders {
            let Some((file, facts)) = graph.kustomizations.get(folder) else {
                continue;
            };
            if facts.images.is_empty() {
                continue;
            }
            for gathered in graph.all_below(folder) {
                let entries = self.replaced.entry(gathered).or_default();
                let images = facts.images.iter();
                entries.extend(images.map(|image| (image.name.clone(), image.at.in_file(file))));
            }
        }
    }

    /// Whether the environment's paths or its kustomizations lead to the file.
    pub fn holds(&self, file: &FilePath) -> bool {
        match self.gathered.get(file) {
            Some(namespaces) => !namespaces.is_empty(),
            None => self.paths.matches(file),
        }
    }

    /// The namespaces of this environment in which an object of `file` lives, `own` being the
    /// one that it names. None: the object is not this environment's.
    pub fn namespaces(&self, file: &FilePath, own: Option<&str>) -> Vec<String> {
        if !self.holds(file) {
            return Vec::new();
        }
        let given = match (own, self.gathered.get(file)) {
            (Some(own), _) => BTreeSet::from([own]),
            (None, None) => BTreeSet::from([self.default_namespace.as_str()]),
            (None, Some(namespaces)) => namespaces
                .iter()
                .map(|namespace| namespace.as_deref().unwrap_or(&self.default_namespace))
                .collect(),
        };
        given
            .into_iter()
            .filter(|namespace| {
                self.allowed_namespaces.is_empty()
                    || self
                        .allowed_namespaces
                        .iter()
                        .any(|allowed| allowed == namespace)
            })
            .map(str::to_owned)
            .collect()
    }

    fn walk(&mut self, graph: &Graph<'_>) {
        let mut seen_folders = HashSet::new();
        for root in graph.roots() {
            self.walk_from(graph, root, &mut seen_folders);
        }
        // What no root leads to stands in a circle.
        let mut circles: Vec<&str> = graph
            .kustomizations
            .keys()
            .map(String::as_str)
            .filter(|folder| !seen_folders.contains(*folder))
            .collect();
        circles.sort_unstable();
        for folder in circles {
            if seen_folders.contains(folder) {
                continue;
            }
            if let Some((file, facts)) = graph.kustomizations.get(folder)
                && let Some(first) = facts.gathers.first()
            {
                self.problems.push(Problem::error(
                    first.at.in_file(file),
                    "the kustomization gathers itself, through others",
                ));
            }
            self.walk_from(graph, folder, &mut seen_folders);
        }
    }

    fn walk_from(&mut self, graph: &Graph<'_>, root: &str, seen_folders: &mut HashSet<String>) {
        let mut seen = HashSet::new();
        let mut open: Vec<(String, Option<String>, bool)> = vec![(root.to_owned(), None, false)];
        while let Some((folder, outer, inside)) = open.pop() {
            let Some((file, facts)) = graph.kustomizations.get(&folder) else {
                continue;
            };
            let namespace = outer.or_else(|| facts.namespace.clone());
            let inside = inside || self.paths.matches(file);
            if !seen.insert((folder.clone(), namespace.clone(), inside)) {
                continue;
            }
            seen_folders.insert(folder.clone());
            self.gather((*file).clone(), &namespace, inside);
            for gathered in &facts.gathers {
                let Some(path) = join(&folder, &gathered.path) else {
                    continue;
                };
                if graph.kustomizations.contains_key(&path) {
                    open.push((path, namespace.clone(), inside));
                } else if let Some(file) = graph.files.get(path.as_str()) {
                    let is_mine = inside || self.paths.matches(file);
                    self.gather((*file).clone(), &namespace, is_mine);
                }
            }
        }
    }

    fn gather(&mut self, file: FilePath, namespace: &Option<String>, is_mine: bool) {
        let namespaces = self.gathered.entry(file).or_default();
        if is_mine {
            namespaces.insert(namespace.clone());
        }
    }
}

/// Kustomizations by folder, and every file by path.
struct Graph<'f> {
    kustomizations: HashMap<String, (&'f FilePath, &'f KustomizationFacts)>,
    files: HashMap<&'f str, &'f FilePath>,
}

impl<'f> Graph<'f> {
    fn new(files: &'f [(FilePath, Arc<FileFacts>)]) -> Self {
        let kustomizations: HashMap<_, _> = files
            .iter()
            .filter(|(file, _)| is_kustomization(file.file_name()))
            .filter_map(|(file, facts)| {
                let facts = facts.kustomization.as_ref()?;
                Some((file.folder().to_owned(), (file, facts)))
            })
            .collect();
        let files = if kustomizations.is_empty() {
            HashMap::new()
        } else {
            files
                .iter()
                .map(|(file, _)| (file.as_str(), file))
                .collect()
        };
        Self {
            kustomizations,
            files,
        }
    }

    /// The files that the kustomization of `folder` gathers, itself or through others.
    fn all_below(&self, folder: &str) -> Vec<FilePath> {
        let mut files = Vec::new();
        let mut seen = HashSet::from([folder.to_owned()]);
        let mut open = vec![folder.to_owned()];
        while let Some(folder) = open.pop() {
            let Some((_, facts)) = self.kustomizations.get(&folder) else {
                continue;
            };
            let paths = facts.gathers.iter();
            for path in paths.filter_map(|gathered| join(&folder, &gathered.path)) {
                if let Some(file) = self.files.get(path.as_str()) {
                    files.push((*file).clone());
                } else if seen.insert(path.clone()) {
                    open.push(path);
                }
            }
        }
        files
    }

    /// Folders whose kustomization no other one gathers, in order.
    fn roots(&self) -> Vec<&str> {
        let gathered: HashSet<String> = self
            .kustomizations
            .iter()
            .flat_map(|(folder, (_, facts))| {
                facts
                    .gathers
                    .iter()
                    .filter_map(|gathered| join(folder, &gathered.path))
            })
            .collect();
        let mut roots: Vec<&str> = self
            .kustomizations
            .keys()
            .map(String::as_str)
            .filter(|folder| !gathered.contains(*folder))
            .collect();
        roots.sort_unstable();
        roots
    }
}

/// An image without its tag and digest, as Kustomize compares it (`api/filters/imagetag`).
pub(crate) fn image_name(image: &str) -> &str {
    let image = image.split_once('@').map_or(image, |(name, _)| name);
    match image.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => name,
        _ => image,
    }
}

/// `relative` as seen from `folder`; none where it is a URL or leaves the repository.
fn join(folder: &str, relative: &str) -> Option<String> {
    if relative.contains("://") || relative.starts_with('/') {
        return None;
    }
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in relative.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            _ => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// An environment's `paths`: globs, or folders with all below them. Empty: everything.
#[derive(Debug)]
struct Paths(Option<GlobSet>);

impl Paths {
    fn new(patterns: &[String]) -> Self {
        if patterns.is_empty() {
            return Self(None);
        }
        let mut globs = GlobSetBuilder::new();
        for pattern in patterns {
            let pattern = pattern.trim_start_matches("./").trim_matches('/');
            // What is no glob has been reported where the configuration was read.
            for pattern in [pattern.to_owned(), format!("{pattern}/**")] {
                if let Ok(glob) = Glob::new(&pattern) {
                    globs.add(glob);
                }
            }
        }
        Self(Some(globs.build().unwrap_or_default()))
    }

    fn matches(&self, file: &FilePath) -> bool {
        self.0
            .as_ref()
            .is_none_or(|globs| globs.is_match(file.as_str()))
    }
}

/// Reads what `root` says as a kustomization. None for what is another kind of object.
pub(crate) fn read<'a>(reader: &mut Reader<'a>, root: &'a Node) -> Option<KustomizationFacts> {
    let version = reader.text(root, "apiVersion").unwrap_or_default();
    let kind = reader.text(root, "kind").unwrap_or_default();
    let is_one = matches!(kind, "" | "Kustomization" | "Component")
        && (version.is_empty() || version.starts_with("kustomize.config.k8s.io/"));
    const FIELDS: &[&str] = &["resources", "components", "bases", "namespace", "images"];
    if !is_one || !FIELDS.iter().any(|field| reader.get(root, field).is_some()) {
        return None;
    }
    let mut facts = KustomizationFacts {
        namespace: reader
            .text(root, "namespace")
            .filter(|namespace| !namespace.is_empty())
            .map(str::to_owned),
        ..KustomizationFacts::default()
    };
    for list in ["resources", "components", "bases"] {
        for item in reader.items(root, list) {
            if let Some(path) = reader.follow(item).text() {
                facts.gathers.push(Gathered {
                    path: path.to_owned(),
                    at: reader.spot(item),
                });
            }
        }
    }
    for item in reader.items(root, "images") {
        let item = reader.follow(item);
        let text = |key| reader.text(item, key).map(str::to_owned);
        facts.images.push(KustomizeImage {
            name: text("name").unwrap_or_default(),
            at: reader.spot(item),
            new_name: text("newName"),
            new_tag: text("newTag"),
            digest: text("digest"),
        });
    }
    Some(facts)
}

/// The address of a kustomization's entry for `image`.
pub(crate) fn entry_path(image: &str) -> FieldPath {
    FieldPath::root().key("images").matching("name", image)
}
