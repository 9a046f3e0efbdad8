use std::collections::BTreeMap;

use crate::environment::{Carry, EnvironmentName};
use crate::git::Error;
use crate::plan::promotion::Choice;
use crate::reconcile::promotion::choose::{Chooser, Side};
use crate::reconcile::subject::Subject;
use crate::resolve::{Taken, Taking};
use crate::stream::TagSource;

/// What was chosen for each environment.
#[derive(Debug, Default)]
pub struct Choices(BTreeMap<EnvironmentName, Vec<Choice>>);

/// On which tree an environment is planned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ground {
    /// At the tip of its branch: what comes by a merge comes there alone.
    Tip,
    Merge,
}

impl Choices {
    /// Chooses for all environments what they take from one another.
    pub fn choose(chooser: &mut Chooser<'_>, sides: &[Side<'_>]) -> Result<Self, Error> {
        let mut choices = BTreeMap::new();
        for target in sides {
            let mut own = Vec::new();
            for source in sides {
                if is_taken_from(target.subject, source.subject) {
                    own.push(chooser.choose(target, source)?);
                }
            }
            choices.insert(target.subject.environment.name.clone(), own);
        }
        Ok(Self(choices))
    }

    pub fn of(&self, environment: &EnvironmentName) -> &[Choice] {
        self.0.get(environment).map_or(&[], Vec::as_slice)
    }

    pub fn of_mut(&mut self, environment: &EnvironmentName) -> &mut [Choice] {
        match self.0.get_mut(environment) {
            Some(own) => own,
            None => &mut [],
        }
    }

    /// What each environment is resolved with.
    pub fn takings<'a>(
        &'a self,
        subjects: impl Iterator<Item = &'a Subject>,
        ground: Ground,
    ) -> BTreeMap<EnvironmentName, Taking<'a>> {
        let of = |subject: &'a Subject| {
            let environment = &subject.environment;
            let sources = self.of(&environment.name).iter().map(|choice| {
                let chosen = choice.chosen.as_ref();
                let is_merged = ground == Ground::Tip && choice.carry == Carry::Merge;
                let taken = Taken {
                    now: &choice.now,
                    before: &choice.before,
                    chosen: chosen
                        .filter(|_| !is_merged)
                        .map(|chosen| chosen.streams.as_slice()),
                };
                (choice.from.clone(), taken)
            });
            let promotion = environment.promotion.as_ref();
            let taking = Taking {
                from: promotion.map(|promotion| &promotion.from),
                sources: sources.collect(),
            };
            (environment.name.clone(), taking)
        };
        subjects.map(of).collect()
    }
}

/// By `promotedFrom`, or by links.
fn is_taken_from(target: &Subject, source: &Subject) -> bool {
    let environment = &target.environment;
    let promotion = environment.promotion.as_ref();
    if promotion.is_some_and(|promotion| promotion.from == source.environment.name) {
        return true;
    }
    if environment.name == source.environment.name {
        return false;
    }
    let own = &target.manifests.streams;
    let mut links = own.iter().flat_map(|stream| &stream.tags);
    links.any(|tag| match &tag.source {
        TagSource::StreamTag(from) => {
            let has = |stream: &crate::stream::ImageStream| stream.name == from.stream;
            !own.iter().any(has) && source.manifests.streams.iter().any(has)
        }
        _ => false,
    })
}
