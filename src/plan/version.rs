//! Files at a commit of the past, and where an object of today stands in them.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::field_path::FieldPath;
use crate::revision::CommitId;
use crate::snapshot::FilePath;
use crate::stream::{DocumentAddress, StreamTagName};
use crate::trigger::MARKER;
use crate::yaml::{self, Document, Located, Node, Source};

/// Files at one commit of a branch's first-parent history.
#[derive(Clone, Debug)]
pub struct Version {
    pub commit: CommitId,
    pub author: String,
    /// RFC 3339, UTC.
    pub time: String,
    /// A file that does not exist there is `None`, or absent.
    pub files: BTreeMap<FilePath, Option<Arc<[u8]>>>,
}

/// Where an object stands now. In older versions of the file it is looked for by its kind and
/// name: documents before it may have come or gone.
#[derive(Clone, Debug)]
pub(crate) struct ObjectAddress {
    pub document: DocumentAddress,
    pub root: FieldPath,
}

/// The kind, name and namespace of an object.
pub(crate) type ObjectName = [String; 3];

fn object_name(node: &Node) -> Option<ObjectName> {
    let metadata = node.get("metadata")?;
    let text = |node: Option<&Node>| node.and_then(Node::text).unwrap_or_default().to_owned();
    let name = [
        text(node.get("kind")),
        text(metadata.get("name")),
        text(metadata.get("namespace")),
    ];
    (!name.get(1)?.is_empty()).then_some(name)
}

/// The object's name in the newest of `versions`, which holds it as it is now.
pub(crate) fn name_now(versions: &[Version], object: &ObjectAddress) -> Option<ObjectName> {
    let bytes = versions
        .first()?
        .files
        .get(&object.document.file)?
        .as_deref()?;
    let source = Source::parse(bytes);
    let document = source.document(object.document.document)?;
    node_at(document, &object.root).and_then(object_name)
}

/// Reads the node at `below` the object, wherever the object stands in this version.
pub(crate) fn with_node<T>(
    version: &Version,
    object: &ObjectAddress,
    name: Option<&ObjectName>,
    below: &FieldPath,
    read: impl FnOnce(&Node) -> T,
) -> Option<T> {
    let bytes = version.files.get(&object.document.file)?.as_deref()?;
    let source = Source::parse(bytes);
    let same_place = source
        .document(object.document.document)
        .map(|document| (document, object.root.clone()));
    let Some(name) = name else {
        let (document, root) = same_place?;
        return node_at(document, &root.join(below)).map(read);
    };
    let is_it = |(document, root): &(&Document, FieldPath)| {
        node_at(document, root).and_then(object_name).as_ref() == Some(name)
    };
    let (document, root) = same_place
        .filter(is_it)
        .or_else(|| source.documents.iter().flat_map(objects).find(is_it))?;
    node_at(document, &root.join(below)).map(read)
}

/// The roots of the objects in a document: its own, and those of a List's or a Template's.
fn objects(document: &Document) -> impl Iterator<Item = (&Document, FieldPath)> {
    let items = ["items", "objects"].into_iter().flat_map(move |list| {
        let root = document.root.as_ref();
        let count = root
            .and_then(|root| root.get(list))
            .map_or(0, |list| list.items().len());
        (0..count).map(move |index| FieldPath::root().key(list).index(index))
    });
    std::iter::once(FieldPath::root())
        .chain(items)
        .map(move |root| (document, root))
}

/// The lines of a template whose markers name the stream tag, with or without its namespace.
pub(crate) fn marked_lines<'v>(
    version: &'v Version,
    file: &FilePath,
    tag: &StreamTagName,
) -> impl Iterator<Item = &'v str> {
    let bytes = version.files.get(file).and_then(|bytes| bytes.as_deref());
    let text = bytes
        .and_then(|bytes| std::str::from_utf8(bytes).ok())
        .unwrap_or_default();
    let name = format!("{}:{}", tag.stream.name, tag.tag);
    text.lines().filter(move |line| {
        line.split_once(MARKER)
            .is_some_and(|(_, marker)| marker.contains(&name))
    })
}

/// The node that a path leads to.
pub(crate) fn node_at<'d>(document: &'d Document, path: &FieldPath) -> Option<&'d Node> {
    match yaml::locate(document, path) {
        Located::Found(way) => Some(way.node()),
        _ => None,
    }
}
