use crate::manifest::facts::{FieldFacts, WantedField};

pub(crate) fn read_fields(bytes: &[u8], wanted: &[WantedField]) -> FieldFacts {
    let _ = (bytes, wanted);
    FieldFacts::default()
}
