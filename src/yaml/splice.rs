use std::cmp::Reverse;
use std::ops::Range;

/// What a splice is for; at one place, they are written in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    Value,
    Comment,
    /// New members and items, the deepest first: they belong to what ends here.
    Lines {
        depth: Reverse<usize>,
    },
}

/// Bytes that take the place of others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Splice {
    pub span: Range<usize>,
    pub text: String,
    pub part: Part,
    /// The order of what is inserted at one place.
    pub order: String,
    /// The number of the edit that it comes from.
    pub edit: usize,
}

/// Sorts the splices; an edit that would write over another is returned.
pub(crate) fn order(splices: &mut Vec<Splice>) -> Result<(), usize> {
    splices.sort_by(|a, b| {
        (a.span.start, a.span.end, a.part, &a.order, a.edit).cmp(&(
            b.span.start,
            b.span.end,
            b.part,
            &b.order,
            b.edit,
        ))
    });
    // Two triggers may pin one field to one image.
    splices.dedup_by(|a, b| {
        a.span == b.span
            && a.text == b.text
            && a.part == b.part
            && matches!(a.part, Part::Value | Part::Comment)
    });
    let mut reached: Option<&Splice> = None;
    for splice in splices.iter() {
        if let Some(earlier) = reached
            && splice.span.start < earlier.span.end
        {
            return Err(splice.edit);
        }
        reached = Some(splice);
    }
    Ok(())
}

/// `text` with the sorted splices applied.
pub(crate) fn apply(text: &str, splices: &[Splice]) -> String {
    let added: usize = splices.iter().map(|splice| splice.text.len()).sum();
    let mut result = String::with_capacity(text.len() + added);
    let mut copied = 0;
    for splice in splices {
        result.push_str(text.get(copied..splice.span.start).unwrap_or_default());
        result.push_str(&splice.text);
        copied = splice.span.end;
    }
    result.push_str(text.get(copied..).unwrap_or_default());
    result
}
