//! Editing a line of a file that is no YAML as a whole: a template.

use std::collections::BTreeMap;

use crate::field_path::FieldPath;
use crate::yaml::{Edit, Position, Refusal, edit};

/// One edit of one line, counted from 1.
pub(crate) struct LineEdit<'e> {
    /// Its number among all edits.
    pub number: usize,
    pub line: u32,
    pub field: &'e FieldPath,
    pub value: &'e str,
}

/// Sets scalars on single lines, each read as a document of its own. The other lines may be
/// anything.
pub(crate) fn edit_lines(text: &[u8], edits: &[LineEdit<'_>]) -> Result<Vec<u8>, Vec<Refusal>> {
    let mut by_line: BTreeMap<u32, &LineEdit<'_>> = BTreeMap::new();
    let mut refusals = Vec::new();
    for edit in edits {
        if by_line.insert(edit.line, edit).is_some() {
            refusals.push(refusal(edit, 1, "another edit names this line too"));
        }
    }
    let mut edited = Vec::with_capacity(text.len());
    for (line, number) in text.split_inclusive(|byte| *byte == b'\n').zip(1..) {
        let Some(change) = by_line.remove(&number) else {
            edited.extend(line);
            continue;
        };
        match edit_line(line, change) {
            Ok(line) => edited.extend(line),
            Err(refusal) => refusals.push(refusal),
        }
    }
    refusals.extend(
        by_line
            .into_values()
            .map(|edit| refusal(edit, 1, "there is no such line")),
    );
    if refusals.is_empty() {
        Ok(edited)
    } else {
        Err(refusals)
    }
}

fn edit_line(line: &[u8], change: &LineEdit<'_>) -> Result<Vec<u8>, Refusal> {
    let set = Edit::SetScalar {
        document: 0,
        field: change.field.clone(),
        value: change.value.to_owned(),
    };
    edit(line, &[set]).map_err(|refusals| match refusals.first() {
        Some(first) => refusal(change, first.at.column, &first.message),
        None => refusal(change, 1, "the line cannot be read by itself"),
    })
}

fn refusal(edit: &LineEdit<'_>, column: u32, message: &str) -> Refusal {
    Refusal {
        at: Position {
            line: edit.line,
            column,
        },
        message: message.to_owned(),
        edit: edit.number,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str =
        "{{- if .Values.web }}\nspec:\n      - image: web:1 # keep\n{{- end }}\n";

    fn on_line(line: u32, field: &str, value: &str) -> Edit {
        Edit::OnLine {
            line,
            field: field.parse().unwrap(),
            value: value.to_owned(),
        }
    }

    #[test]
    fn only_the_scalar_of_the_line_changes() {
        let edited = edit(TEMPLATE.as_bytes(), &[on_line(3, "[0].image", "web:2")]).unwrap();
        assert_eq!(
            String::from_utf8(edited).unwrap(),
            TEMPLATE.replace("web:1", "web:2")
        );
    }

    #[test]
    fn what_is_no_line_of_its_own_is_refused_with_its_place() {
        for edits in [
            vec![on_line(1, "[0].image", "x")],
            vec![on_line(9, "[0].image", "x")],
            vec![on_line(3, "[0].name", "x")],
            vec![on_line(3, "[0].image", "x"), on_line(3, "[0].image", "y")],
        ] {
            let refusals = edit(TEMPLATE.as_bytes(), &edits).unwrap_err();
            let Edit::OnLine { line, .. } = &edits[0] else {
                unreachable!()
            };
            assert_eq!(refusals[0].at.line, *line, "{refusals:?}");
        }
    }
}
