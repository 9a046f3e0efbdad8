use std::collections::HashMap;
use std::marker::PhantomData;

use crate::field_path::FieldPath;
use crate::yaml::check::Changes;
use crate::yaml::edit::{Reason, Refusal, Site};
use crate::yaml::splice::Splice;

#[derive(Debug, Default)]
pub(crate) struct Puts<'s>(PhantomData<&'s ()>);

impl<'s> Puts<'s> {
    pub fn add(
        &mut self,
        site: &Site<'s>,
        _number: usize,
        _field: &FieldPath,
        _value: &serde_json::Value,
        _changes: &mut Changes,
        _splices: &mut Vec<Splice>,
    ) -> Result<(), Reason> {
        Err(site.reason(0, "whole values cannot be written yet"))
    }

    pub fn finish(
        &mut self,
        _sites: &HashMap<usize, Site<'s>>,
        _changes: &mut Changes,
        _splices: &mut Vec<Splice>,
        _refusals: &mut Vec<Refusal>,
    ) {
    }
}
