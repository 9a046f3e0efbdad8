use std::collections::HashMap;

use crate::field_path::FieldPath;
use crate::yaml::check::{self, Changes};
use crate::yaml::on_line::{LineEdit, edit_lines};
use crate::yaml::site::Site;
use crate::yaml::splice::{self, Splice};
use crate::yaml::{Position, Source, put, remove, set};

/// A change of one field of one document.
#[derive(Clone, Debug, PartialEq)]
pub enum Edit {
    /// Replaces the scalar's value and no other byte.
    SetScalar {
        document: usize,
        field: FieldPath,
        value: String,
    },
    /// The same, and puts a comment (given without `#`) behind it on its line, after any comment
    /// that stands there.
    SetScalarAndComment {
        document: usize,
        field: FieldPath,
        value: String,
        comment: String,
    },
    /// Writes a whole value: replaces what stands at `field`, or inserts it, with the holders
    /// that are missing on the way, in the file's own style. A missing selector step inserts an
    /// item.
    Put {
        document: usize,
        field: FieldPath,
        value: serde_json::Value,
    },
    /// Takes out a member or an item, with the comments that belong to it: those straight above
    /// it in its column, and those inside and behind it. A holder that becomes empty stays, as
    /// `[]` or `{}`. The root is the whole document; of a file without another one nothing is
    /// left.
    Remove { document: usize, field: FieldPath },
    /// As [`Edit::SetScalar`] on one line, counted from 1, of a file that is no YAML as a whole.
    /// The field is addressed as if the line were a document.
    OnLine {
        line: u32,
        field: FieldPath,
        value: String,
    },
}

/// Why an edit cannot be made exactly.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {message}")]
pub struct Refusal {
    pub at: Position,
    pub message: String,
    /// The number of the edit, counted from 0.
    pub edit: usize,
}

/// Applies all `edits` to `text`, and reads the result back.
///
/// Every edit addresses the text as it is given. No byte changes but those that the edits name;
/// when one edit cannot be made exactly, none is, and all that were refused are returned in
/// their order.
pub fn edit(text: &[u8], edits: &[Edit]) -> Result<Vec<u8>, Vec<Refusal>> {
    let lines: Vec<LineEdit<'_>> = edits
        .iter()
        .enumerate()
        .filter_map(|(number, edit)| match edit {
            Edit::OnLine { line, field, value } => Some(LineEdit {
                number,
                line: *line,
                field,
                value,
            }),
            _ => None,
        })
        .collect();
    if lines.is_empty() {
        return edit_documents(text, edits);
    }
    // Line edits keep the number of lines, and a template has no documents to edit beside them.
    let edited = edit_lines(text, &lines)?;
    if lines.len() == edits.len() {
        return Ok(edited);
    }
    edit_documents(&edited, edits)
}

/// Edits inside documents first, since whole documents take their numbers along.
fn edit_documents(text: &[u8], edits: &[Edit]) -> Result<Vec<u8>, Vec<Refusal>> {
    let whole = remove::whole_documents(edits);
    if whole.is_empty() {
        return edit_inside(text, edits);
    }
    let edited = edit_inside(text, edits)?;
    remove::remove_documents(&edited, &whole).map_err(|refusal| vec![refusal])
}

fn edit_inside(text: &[u8], edits: &[Edit]) -> Result<Vec<u8>, Vec<Refusal>> {
    let source = Source::parse(text);
    let mut batch = Batch::new(&source);
    for (number, edit) in edits.iter().enumerate() {
        if let Err(refusal) = batch.add(number, edit) {
            batch.refusals.push(refusal.number(number));
        }
    }
    batch.finish()
}

/// A refusal that does not know its edit yet.
#[derive(Debug)]
pub(crate) struct Reason {
    pub at: Position,
    pub message: String,
}

impl Reason {
    pub fn number(self, edit: usize) -> Refusal {
        Refusal {
            at: self.at,
            message: self.message,
            edit,
        }
    }
}

/// The edits of one text, as splices of it and as changes of its values.
#[derive(Debug)]
struct Batch<'s> {
    source: &'s Source<'s>,
    sites: HashMap<usize, Site<'s>>,
    puts: put::Puts<'s>,
    removals: remove::Removals<'s>,
    splices: Vec<Splice>,
    changes: Changes,
    refusals: Vec<Refusal>,
}

impl<'s> Batch<'s> {
    fn new(source: &'s Source<'s>) -> Self {
        Self {
            source,
            sites: HashMap::new(),
            puts: put::Puts::default(),
            removals: remove::Removals::default(),
            splices: Vec::new(),
            changes: Changes::default(),
            refusals: Vec::new(),
        }
    }

    fn add(&mut self, number: usize, edit: &Edit) -> Result<(), Reason> {
        let (document, field) = match edit {
            Edit::OnLine { .. } => return Ok(()),
            Edit::Remove { field, .. } if field.steps().is_empty() => return Ok(()),
            Edit::SetScalar {
                document, field, ..
            }
            | Edit::SetScalarAndComment {
                document, field, ..
            }
            | Edit::Put {
                document, field, ..
            }
            | Edit::Remove { document, field } => (*document, field),
        };
        if !self.sites.contains_key(&document) {
            self.sites
                .insert(document, Site::new(self.source, document)?);
        }
        let Some(site) = self.sites.get(&document) else {
            return Ok(());
        };
        let (value, comment) = match edit {
            Edit::OnLine { .. } => return Ok(()),
            Edit::SetScalar { value, .. } => (value, None),
            Edit::SetScalarAndComment { value, comment, .. } => (value, Some(comment.as_str())),
            Edit::Remove { .. } => return self.removals.add(site, number, field),
            Edit::Put { value, .. } => {
                return self.puts.add(
                    site,
                    number,
                    field,
                    value,
                    &mut self.changes,
                    &mut self.splices,
                );
            }
        };
        let way = site.existing(field)?;
        let set = set::set(site, &way, value, comment)?;
        if let Some(change) = set.change {
            self.changes
                .add(&way, number, &change)
                .map_err(|()| site.reason(way.node().span.start, twice(field)))?;
        }
        for (span, text, part) in set.splices {
            self.splices.push(Splice {
                span,
                text,
                part,
                order: String::new(),
                edit: number,
            });
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Vec<u8>, Vec<Refusal>> {
        self.puts.finish(
            &self.sites,
            &mut self.changes,
            &mut self.splices,
            &mut self.refusals,
        );
        std::mem::take(&mut self.removals).finish(
            &self.sites,
            &mut self.changes,
            &mut self.splices,
            &mut self.refusals,
        );
        let overlap = splice::order(&mut self.splices).err();
        if let Some(second) = overlap.or_else(|| self.changes.nested()) {
            let at = self.start_of(second);
            let message = "two edits would write over one another here".to_owned();
            self.refusals.push(Reason { at, message }.number(second));
        }
        if !self.refusals.is_empty() {
            self.refusals.sort_by_key(|refusal| refusal.edit);
            return Err(self.refusals);
        }
        if self.splices.is_empty() {
            return Ok(self.source.text().as_bytes().to_vec());
        }
        let edited = splice::apply(self.source.text(), &self.splices);
        let documents: Vec<usize> = self.sites.keys().copied().collect();
        check::read_back(
            self.source,
            &edited,
            &self.splices,
            &self.changes,
            &documents,
        )
        .map_err(|mismatch| {
            let edit = mismatch
                .edit
                .or_else(|| self.splices.first().map(|splice| splice.edit))
                .unwrap_or(0);
            let at = self.start_of(edit);
            let message = format!(
                "the field cannot be edited exactly as it is written: {}",
                mismatch.message
            );
            vec![Reason { at, message }.number(edit)]
        })?;
        Ok(edited.into_bytes())
    }

    fn start_of(&self, edit: usize) -> Position {
        let splice = self.splices.iter().find(|splice| splice.edit == edit);
        self.source
            .position(splice.map_or(0, |splice| splice.span.start))
    }
}

fn twice(field: &FieldPath) -> String {
    format!("two edits write different values to {field}")
}
