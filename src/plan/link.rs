//! How a field is linked to its stream tag, where no trigger says so yet.

use serde_json::{Value, json};

use crate::field_path::FieldPath;
use crate::plan::version::node_at;
use crate::stream::{DocumentAddress, StreamTagName};
use crate::trigger::{MARKER, TRIGGERS};
use crate::yaml::{self, Edit, Source};

/// The marker comment, without its `#`, as people write it.
pub(crate) fn marker(from: &StreamTagName) -> String {
    format!("{{\"{MARKER}\": {}}}", Value::String(from.to_string()))
}

/// The object that an annotation trigger is written to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Holder<'a> {
    pub document: &'a DocumentAddress,
    /// The root, or `items[n]` of a List.
    pub object: &'a FieldPath,
    pub namespace: &'a str,
}

/// The edit that adds `links`, stream tags with fields counted from the document's root, to the
/// annotation of an object in `text`. None where what stands there is not understood.
pub(crate) fn annotation<'l>(
    text: &[u8],
    holder: Holder<'_>,
    links: impl IntoIterator<Item = (&'l StreamTagName, &'l FieldPath)>,
) -> Option<Edit> {
    let path = holder
        .object
        .clone()
        .key("metadata")
        .key("annotations")
        .key(TRIGGERS);
    let source = Source::parse(text);
    let document = source.document(holder.document.document)?;
    let written = node_at(document, &path).and_then(yaml::Node::text);
    let mut triggers: Vec<Value> = match written {
        Some(text) => serde_json::from_str(text).ok()?,
        None => Vec::new(),
    };
    for (from, field) in links {
        let steps = field.steps().get(holder.object.steps().len()..)?;
        let field: FieldPath = steps.iter().cloned().collect();
        let name = format!("{}:{}", from.stream.name, from.tag);
        let mut source = json!({"kind": "ImageStreamTag", "name": name});
        if from.stream.namespace != holder.namespace
            && let Some(source) = source.as_object_mut()
        {
            let namespace = Value::String(from.stream.namespace.clone());
            source.insert("namespace".to_owned(), namespace);
        }
        triggers.push(json!({"from": source, "fieldPath": field.to_string()}));
    }
    Some(Edit::Put {
        document: holder.document.document,
        field: path,
        value: Value::String(serde_json::to_string(&triggers).ok()?),
    })
}
