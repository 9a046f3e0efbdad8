//! A marker behind each use; an annotation where no comment can stand.

use std::collections::{BTreeMap, BTreeSet};

use crate::plan::adopt::streams::{Named, NamedUse};
use crate::plan::adopt::{Adoption, Edited, Link, Use};
use crate::plan::link::{self, Holder};
use crate::problem::{Place, Problem};
use crate::snapshot::{FilePath, Files};
use crate::yaml::{self, Edit, Refusal};

/// Any digest: what can be set to it can be pinned.
const SAMPLE: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";

/// Adds a link to every use that can be pinned later; reports the others.
pub(crate) fn add(named: &Named<'_>, files: &Files, edited: &mut Edited, adoption: &mut Adoption) {
    let mut by_file: BTreeMap<&FilePath, Vec<&NamedUse<'_>>> = BTreeMap::new();
    for used in &named.uses {
        let file = &used.found.field.document.file;
        by_file.entry(file).or_default().push(used);
    }
    for (path, uses) in by_file {
        let Some(before) = files.get(path) else {
            continue;
        };
        let mut file = LinkedFile {
            text: before.to_vec(),
            adoption,
        };
        let uses = file.pinnable(uses);
        let refused = file.mark(uses);
        file.annotate(refused);
        let text = file.text;
        edited.insert(path.clone(), text);
    }
}

struct LinkedFile<'a> {
    text: Vec<u8>,
    adoption: &'a mut Adoption,
}

impl LinkedFile<'_> {
    /// Those whose value can be replaced; a link that can never act is not written.
    fn pinnable<'u>(&mut self, uses: Vec<&'u NamedUse<'u>>) -> Vec<&'u NamedUse<'u>> {
        let edits = uses.iter().map(|used| Edit::SetScalar {
            document: used.found.field.document.document,
            field: used.found.field.field.clone(),
            value: format!("{}@{SAMPLE}", used.found.image),
        });
        let (_, refused) = edit_possible(&self.text, edits.collect());
        let mut kept = Vec::new();
        for (number, used) in uses.into_iter().enumerate() {
            match refused.get(&number) {
                Some(refusal) => self.refuse(used, refusal),
                None => kept.push(used),
            }
        }
        kept
    }

    /// Marks what can be marked, and returns the rest.
    fn mark<'u>(&mut self, uses: Vec<&'u NamedUse<'u>>) -> Vec<&'u NamedUse<'u>> {
        let edits = uses.iter().map(|used| Edit::SetScalarAndComment {
            document: used.found.field.document.document,
            field: used.found.field.field.clone(),
            value: used.found.field.image.clone().unwrap_or_default(),
            comment: link::marker(&used.from),
        });
        let (text, refused) = edit_possible(&self.text, edits.collect());
        self.text = text;
        let mut rest = Vec::new();
        for (number, used) in uses.into_iter().enumerate() {
            if refused.contains_key(&number) {
                rest.push(used);
            } else {
                self.done(used, Link::Marker);
            }
        }
        rest
    }

    /// Writes one annotation for each object.
    fn annotate<'u>(&mut self, uses: Vec<&'u NamedUse<'u>>) {
        let mut objects: BTreeMap<(usize, String), Vec<&NamedUse<'_>>> = BTreeMap::new();
        for used in uses {
            let field = used.found.field;
            let key = (field.document.document, field.object.to_string());
            objects.entry(key).or_default().push(used);
        }
        let mut edits = Vec::new();
        let mut owners = Vec::new();
        for uses in objects.into_values() {
            let Some(field) = uses.first().map(|used| used.found.field) else {
                continue;
            };
            let holder = Holder {
                document: &field.document,
                object: &field.object,
                namespace: &field.namespace,
            };
            let links = uses
                .iter()
                .map(|used| (&used.from, &used.found.field.field));
            match link::annotation(&self.text, holder, links) {
                Some(edit) => {
                    edits.push(edit);
                    owners.push(uses);
                }
                None => uses
                    .iter()
                    .for_each(|used| self.leave(used, "its triggers cannot be read")),
            }
        }
        let (text, refused) = edit_possible(&self.text, edits);
        self.text = text;
        for (number, uses) in owners.into_iter().enumerate() {
            for used in uses {
                match refused.get(&number) {
                    Some(refusal) => self.refuse(used, refusal),
                    None => self.done(used, Link::Annotation),
                }
            }
        }
    }

    fn done(&mut self, used: &NamedUse<'_>, link: Link) {
        let field = used.found.field;
        self.adoption.uses.push(Use {
            document: field.document.clone(),
            field: field.field.to_string(),
            place: field.place.clone(),
            from: used.from.clone(),
            link,
        });
    }

    fn refuse(&mut self, used: &NamedUse<'_>, refusal: &Refusal) {
        let place = Place {
            file: used.found.field.document.file.clone(),
            line: refusal.at.line,
            column: refusal.at.column,
        };
        let message = format!("the image is left: {}", refusal.message);
        self.adoption.left += 1;
        self.adoption
            .problems
            .push(Problem::warning(place, message));
    }

    fn leave(&mut self, used: &NamedUse<'_>, why: &str) {
        let message = format!("the image is left: {why}");
        let place = used.found.field.place.clone();
        self.adoption.left += 1;
        self.adoption
            .problems
            .push(Problem::warning(place, message));
    }
}

/// The text after all edits that can be made, and the refusals of the others by their number.
fn edit_possible(text: &[u8], edits: Vec<Edit>) -> (Vec<u8>, BTreeMap<usize, Refusal>) {
    let mut refused = BTreeMap::new();
    let mut open: Vec<(usize, Edit)> = edits.into_iter().enumerate().collect();
    while !open.is_empty() {
        let edits: Vec<Edit> = open.iter().map(|(_, edit)| edit.clone()).collect();
        let refusals = match yaml::edit(text, &edits) {
            Ok(edited) => return (edited, refused),
            Err(refusals) => refusals,
        };
        let numbers: BTreeSet<usize> = refusals.iter().map(|refusal| refusal.edit).collect();
        for refusal in refusals {
            if let Some((number, _)) = open.get(refusal.edit) {
                refused.entry(*number).or_insert(refusal);
            }
        }
        let before = open.len();
        let mut at = 0;
        open.retain(|_| {
            at += 1;
            !numbers.contains(&(at - 1))
        });
        if open.len() == before {
            break;
        }
    }
    (text.to_vec(), refused)
}
