//! Moves to final bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use crate::dockerfile::{self, is_dockerfile};
use crate::field_path::FieldPath;
use crate::plan::due::{FieldPin, Move};
use crate::plan::history::status_path;
use crate::plan::link::{self, Holder};
use crate::plan::status;
use crate::policy::PinPolicy;
use crate::problem::{Place, Problem};
use crate::snapshot::{FileChange, FilePath, Files};
use crate::stream::{DocumentAddress, ImageStream, OBSERVED};
use crate::trigger::TriggerKind;
use crate::yaml::{self, Edit, Refusal};

/// The edits of some moves that belong together: all are made, or none.
struct Batch {
    /// The file's edits, and what a refusal of them is about.
    document: DocumentAddress,
    edits: Vec<Edit>,
    /// Tried where `edits` are refused.
    otherwise: Option<Vec<Edit>>,
    place: Place,
    owner: Owner,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Owner {
    /// The status of these moves' stream: without it none of its moves is made.
    Status(usize),
    Field {
        moved: usize,
        field: usize,
    },
}

/// Files after `moves`, each changed once; the moves that were refused leave `moves`.
///
/// `created` gives the time of an image that is proposed already, by stream tag and digest; `now`
/// is RFC 3339.
pub fn apply(
    moves: &mut Vec<Move>,
    streams: &[ImageStream],
    files: &Files,
    created: &dyn Fn(&Move) -> String,
    policy: &PinPolicy,
    problems: &mut Vec<Problem>,
) -> Vec<FileChange> {
    loop {
        let mut refused = BTreeSet::new();
        let mut changes = Vec::new();
        let mut by_file: BTreeMap<&FilePath, Vec<Batch>> = BTreeMap::new();
        let batches = batches(moves, streams, files, created, policy);
        for batch in batches {
            if let Some((path, _)) = files.get_key_value(&batch.document.file) {
                by_file.entry(path).or_default().push(batch);
            } else {
                problems.push(Problem::error(
                    batch.place.clone(),
                    "the file could not be read",
                ));
                refused.insert(batch.owner);
            }
        }
        for (path, batches) in by_file {
            let Some(before) = files.get(path) else {
                continue;
            };
            match edit_file(path, before, &batches, problems, &mut refused) {
                Some(after) if after != **before => changes.push(FileChange {
                    path: path.clone(),
                    before: Arc::clone(before),
                    after: after.into(),
                }),
                _ => {}
            }
        }
        if refused.is_empty() {
            return changes;
        }
        // What was refused goes, and the rest is edited anew: each round has fewer moves.
        remove(moves, &refused);
    }
}

fn edit(path: &FilePath, text: &[u8], edits: &[Edit]) -> Result<Vec<u8>, Vec<Refusal>> {
    if is_dockerfile(path) {
        dockerfile::edit(text, edits)
    } else {
        yaml::edit(text, edits)
    }
}

/// The file after all batches; none where one was refused.
fn edit_file(
    path: &FilePath,
    before: &[u8],
    batches: &[Batch],
    problems: &mut Vec<Problem>,
    refused: &mut BTreeSet<Owner>,
) -> Option<Vec<u8>> {
    let all: Vec<Edit> = batches
        .iter()
        .flat_map(|batch| batch.edits.iter().cloned())
        .collect();
    if let Ok(after) = edit(path, before, &all) {
        return Some(after);
    }
    // One by one, to learn which it was.
    let mut after = before.to_vec();
    let mut is_whole = true;
    for batch in batches {
        let tried = edit(path, &after, &batch.edits).or_else(|refusals| {
            batch
                .otherwise
                .as_ref()
                .map_or(Err(refusals), |edits| edit(path, &after, edits))
        });
        match tried {
            Ok(edited) => after = edited,
            Err(refusals) => {
                is_whole = false;
                refused.insert(batch.owner);
                problems.extend(
                    refusals
                        .iter()
                        .map(|refusal| refusal_problem(batch, refusal)),
                );
            }
        }
    }
    is_whole.then_some(after)
}

fn refusal_problem(batch: &Batch, refusal: &Refusal) -> Problem {
    let place = Place {
        file: batch.document.file.clone(),
        line: refusal.at.line,
        column: refusal.at.column,
    };
    Problem::error(
        place,
        format!("cannot be edited exactly: {}", refusal.message),
    )
}

fn remove(moves: &mut Vec<Move>, refused: &BTreeSet<Owner>) {
    let streams: BTreeSet<usize> = refused
        .iter()
        .filter_map(|owner| match owner {
            Owner::Status(stream) => Some(*stream),
            Owner::Field { .. } => None,
        })
        .collect();
    let mut number = 0;
    moves.retain_mut(|moved| {
        let this = number;
        number += 1;
        if moved
            .record
            .as_ref()
            .is_some_and(|record| streams.contains(&record.stream))
        {
            return false;
        }
        let mut field = 0;
        moved.fields.retain(|_| {
            let owner = Owner::Field { moved: this, field };
            field += 1;
            !refused.contains(&owner)
        });
        moved.record.is_some() || !moved.fields.is_empty()
    });
}

fn batches(
    moves: &[Move],
    streams: &[ImageStream],
    files: &Files,
    created: &dyn Fn(&Move) -> String,
    policy: &PinPolicy,
) -> Vec<Batch> {
    let mut by_stream: BTreeMap<usize, Vec<&Move>> = BTreeMap::new();
    let mut batches = Vec::new();
    for (number, moved) in moves.iter().enumerate() {
        if let Some(record) = &moved.record {
            by_stream.entry(record.stream).or_default().push(moved);
        }
        for (field, pin) in moved.fields.iter().enumerate() {
            let owner = Owner::Field {
                moved: number,
                field,
            };
            batches.push(field_batch(pin, owner, files));
        }
    }
    for (number, moves) in by_stream {
        if let Some(stream) = streams.get(number) {
            batches.push(status_batch(number, stream, &moves, created, policy));
        }
    }
    batches
}

fn status_batch(
    number: usize,
    stream: &ImageStream,
    moves: &[&Move],
    created: &dyn Fn(&Move) -> String,
    policy: &PinPolicy,
) -> Batch {
    let put = |field: FieldPath, value: Value| Edit::Put {
        document: stream.document.document,
        field,
        value,
    };
    let mut edits = Vec::new();
    for moved in moves {
        let Some(record) = &moved.record else {
            continue;
        };
        let items = status::items(&moved.image, record, &created(moved), policy.history_limit);
        if items != record.before || record.adopted {
            let tag = &moved.tag.tag;
            edits.push(put(status_path(stream, tag), status::entry(tag, &items)));
        }
    }
    if !edits.is_empty() {
        let repositories = status::repositories(stream).into_iter();
        edits.extend(repositories.map(|(field, value)| put(field, value.into())));
    }
    if let Some(text) = status::observed(stream, moves) {
        let field = stream
            .root
            .clone()
            .key("metadata")
            .key("annotations")
            .key(OBSERVED);
        edits.push(put(field, Value::String(text)));
    }
    Batch {
        document: stream.document.clone(),
        edits,
        otherwise: None,
        place: stream.place.clone(),
        owner: Owner::Status(number),
    }
}

fn field_batch(pin: &FieldPin, owner: Owner, files: &Files) -> Batch {
    let target = &pin.trigger.target;
    let document = target.document.document;
    let field = target.field.clone();
    let value = pin.value.clone();
    let (edits, otherwise) = match pin.trigger.kind {
        TriggerKind::LocalName => {
            let comment = link::marker(&pin.trigger.from);
            let annotated = annotation(pin, files).map(|annotation| {
                let set = Edit::SetScalar {
                    document,
                    field: field.clone(),
                    value: value.clone(),
                };
                vec![set, annotation]
            });
            let marked = Edit::SetScalarAndComment {
                document,
                field,
                value,
                comment,
            };
            (vec![marked], annotated)
        }
        TriggerKind::TemplateMarker => {
            let line = target.place.line;
            let steps = field.steps().iter().skip(1).cloned();
            let field = steps.collect();
            (vec![Edit::OnLine { line, field, value }], None)
        }
        _ if target.current.is_none() => {
            let value = Value::String(value);
            (
                vec![Edit::Put {
                    document,
                    field,
                    value,
                }],
                None,
            )
        }
        _ => (
            vec![Edit::SetScalar {
                document,
                field,
                value,
            }],
            None,
        ),
    };
    Batch {
        document: target.document.clone(),
        edits,
        otherwise,
        place: target.place.clone(),
        owner,
    }
}

/// The annotation trigger that keeps a local name's link where no comment can stand.
fn annotation(pin: &FieldPin, files: &Files) -> Option<Edit> {
    let target = &pin.trigger.target;
    let holder = Holder {
        document: &target.document,
        object: &target.object,
        namespace: &target.namespace,
    };
    let links = [(&pin.trigger.from, &target.field)];
    link::annotation(files.get(&target.document.file)?, holder, links)
}
