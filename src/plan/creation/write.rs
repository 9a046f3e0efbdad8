//! What was pushed, as bytes of a file.

use serde_json::{Value, json};

use crate::plan::creation::NewStream;
use crate::problem::{Place, Problem};
use crate::snapshot::{FileChange, Files};
use crate::stream::ImageStream;
use crate::yaml::{self, Edit};

/// The manifest of a new stream with these tags, which say nothing but their names: each is what
/// is pushed.
pub fn new_file(new: &NewStream, tags: &[String]) -> FileChange {
    let mut object = new.object.clone();
    let tags: Vec<Value> = tags.iter().map(|tag| json!({"name": tag})).collect();
    if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) {
        spec.insert("tags".to_owned(), tags.into());
    }
    FileChange {
        path: new.path.clone(),
        before: [].into(),
        after: yaml::render(&object).into_bytes().into(),
    }
}

/// The stream's file with these tags behind those that it has. None where they are there.
///
/// # Errors
/// Where the file cannot be edited exactly.
pub fn add_tags(
    stream: &ImageStream,
    tags: &[String],
    files: &Files,
) -> Result<Option<FileChange>, Problem> {
    let file = &stream.document.file;
    let bytes = files
        .get(file)
        .ok_or_else(|| Problem::error(stream.place.clone(), format!("{file} is not at hand")))?;
    let own = stream.root.clone().key("spec").key("tags");
    let edits: Vec<Edit> = tags
        .iter()
        .map(|tag| Edit::Put {
            document: stream.document.document,
            field: own.clone().matching("name", tag),
            value: json!({"name": tag}),
        })
        .collect();
    let after = yaml::edit(bytes, &edits).map_err(|refusals| {
        let refusal = refusals.into_iter().next();
        let message = refusal.as_ref().map_or("", |refusal| &refusal.message);
        let place = refusal.as_ref().map(|refusal| Place {
            file: file.clone(),
            line: refusal.at.line,
            column: refusal.at.column,
        });
        let message = format!(
            "what is pushed into {} cannot be written exactly: {message}",
            stream.name
        );
        Problem::error(place, message)
    })?;
    Ok((*after != **bytes).then(|| FileChange {
        path: file.clone(),
        before: bytes.clone(),
        after: after.into(),
    }))
}
