use crate::manifest::facts::Spot;
use crate::yaml::{Node, ScalarStyle, Source};

/// The place in the file of the byte `offset` of a scalar's text.
///
/// The text is followed through the scalar's bytes: escapes, folded lines and indentation stand
/// between them. Where they cannot be matched, the place is the scalar's own.
pub(crate) fn spot_inside(source: &Source<'_>, scalar: &Node, offset: usize) -> Spot {
    let start = scalar.span.start;
    let found = raw_offset(source.slice(&scalar.span), scalar, offset);
    source.position(start + found.unwrap_or(0)).into()
}

/// Why a scalar's text is not JSON, and where in the file that shows.
pub(crate) fn json_fault(source: &Source<'_>, scalar: &Node, text: &str) -> Option<(Spot, String)> {
    let error = serde_json::from_str::<serde::de::IgnoredAny>(text).err()?;
    let offset = offset_of(text, error.line(), error.column());
    Some((spot_inside(source, scalar, offset), without_place(&error)))
}

fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(at) => text.get(..at).unwrap_or_default().to_owned(),
        None => text,
    }
}

/// The byte offset of a line and column as serde_json counts them, from 1, in bytes.
fn offset_of(text: &str, line: usize, column: usize) -> usize {
    let start: usize = text
        .split_inclusive('\n')
        .take(line.saturating_sub(1))
        .map(str::len)
        .sum();
    (start + column.saturating_sub(1)).min(text.len())
}

fn raw_offset(raw: &str, scalar: &Node, offset: usize) -> Option<usize> {
    let crate::yaml::Value::Scalar { text, style } = &scalar.value else {
        return None;
    };
    let mut at = match style {
        ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => 1,
        // The span begins with the header or with the content.
        ScalarStyle::Literal | ScalarStyle::Folded if raw.starts_with(['|', '>']) => {
            raw.find('\n')? + 1
        }
        ScalarStyle::Literal | ScalarStyle::Folded | ScalarStyle::Plain => 0,
    };
    for (position, wanted) in text.char_indices() {
        let (next, after) = next_match(raw, at, wanted, *style)?;
        if position >= offset {
            return Some(next);
        }
        at = after;
    }
    Some(at.min(raw.len()))
}

/// Where `wanted` stands at or after `at`, and where it ends.
fn next_match(raw: &str, at: usize, wanted: char, style: ScalarStyle) -> Option<(usize, usize)> {
    let rest = raw.get(at..)?;
    let mut characters = rest.char_indices();
    while let Some((offset, character)) = characters.next() {
        let here = at + offset;
        if style == ScalarStyle::DoubleQuoted && character == '\\' {
            let (_, escaped) = characters.next()?;
            match escaped {
                'x' | 'u' | 'U' => {
                    let digits = match escaped {
                        'x' => 2,
                        'u' => 4,
                        _ => 8,
                    };
                    return Some((here, here + 2 + digits));
                }
                // A line break that joins two lines stands for nothing.
                '\n' | '\r' => continue,
                _ => return Some((here, here + 1 + escaped.len_utf8())),
            }
        }
        if character == wanted {
            let doubled = style == ScalarStyle::SingleQuoted && character == '\'';
            return Some((here, here + character.len_utf8() + usize::from(doubled)));
        }
        if wanted == ' ' && character == '\n' {
            return Some((here, here + 1));
        }
        if !character.is_whitespace() {
            return None;
        }
    }
    None
}
