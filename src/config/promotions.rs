//! Which environment's images come from which: a path without gaps and without circles.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::field::nearest;
use crate::environment::{Carry, Environment, EnvironmentName, Promotion};
use crate::problem::{Place, Problem};
use crate::revision::BranchName;

/// An environment with what it says of another, which may not be so.
#[derive(Debug)]
pub(crate) struct Wish {
    pub environment: Environment,
    pub from: Option<(EnvironmentName, Place)>,
    pub carry: Option<(Carry, Place)>,
}

/// What is known of all environments.
struct Map {
    sources: BTreeMap<EnvironmentName, EnvironmentName>,
    branches: BTreeMap<EnvironmentName, Option<BranchName>>,
    /// Those with an error of their own, later also those that depend on them.
    broken: BTreeSet<EnvironmentName>,
}

/// Gives each environment its source. One whose source is not there is left out, with a problem:
/// it must never import by itself. On `default`, where that is known, are those without a branch.
pub(crate) fn settle(
    wishes: Vec<Wish>,
    default: Option<&BranchName>,
    broken: BTreeSet<EnvironmentName>,
    refused: &mut Vec<Problem>,
) -> Vec<Environment> {
    let source = |wish: &Wish| {
        let (from, _) = wish.from.as_ref()?;
        Some((wish.environment.name.clone(), from.clone()))
    };
    let branch = |wish: &Wish| {
        let environment = &wish.environment;
        let branch = environment.branch.as_ref().or(default);
        (environment.name.clone(), branch.cloned())
    };
    let mut map = Map {
        sources: wishes.iter().filter_map(source).collect(),
        branches: wishes.iter().map(branch).collect(),
        broken,
    };
    let mut faults: BTreeMap<EnvironmentName, Problem> = BTreeMap::new();
    for wish in &wishes {
        if let Some(problem) = map.fault(wish) {
            faults.insert(wish.environment.name.clone(), problem);
        }
    }
    // A circle is told once, where it stands first.
    let mut told = BTreeSet::new();
    for wish in &wishes {
        let name = &wish.environment.name;
        let circle = map.circle(name);
        if !circle.is_empty() && !told.contains(name) {
            told.extend(circle.iter().cloned());
            if let Some((_, place)) = &wish.from {
                faults.insert(name.clone(), circle_fault(&circle, place));
            }
        }
    }
    map.broken.extend(faults.keys().cloned());
    map.broken.extend(told.iter().cloned());
    // Each turn finds those that are promoted from the ones of the turn before.
    loop {
        let mut more = BTreeMap::new();
        for wish in &wishes {
            let name = &wish.environment.name;
            if let Some((from, place)) = &wish.from
                && map.broken.contains(from)
                && !map.broken.contains(name)
            {
                more.insert(name.clone(), dependence(name, from, place));
            }
        }
        if more.is_empty() {
            break;
        }
        map.broken.extend(more.keys().cloned());
        faults.extend(more);
    }
    // In the order of the file.
    for wish in &wishes {
        refused.extend(faults.remove(&wish.environment.name));
    }
    let mut environments = Vec::new();
    for mut wish in wishes {
        if map.broken.contains(&wish.environment.name) {
            continue;
        }
        wish.environment.promotion = wish.from.map(|(from, _)| Promotion {
            carry: wish.carry.map_or_else(
                || map.carry(&wish.environment.name, &from),
                |(carry, _)| carry,
            ),
            from,
        });
        environments.push(wish.environment);
    }
    environments
}

impl Map {
    /// What is wrong with an environment's source, looked at alone.
    fn fault(&self, wish: &Wish) -> Option<Problem> {
        let (from, place) = wish.from.as_ref()?;
        let name = &wish.environment.name;
        if from == name {
            let message = format!("the environment `{name}` is promoted from itself");
            return Some(Problem::error(place.clone(), message).advice(
                "name the environment that its images come from, or remove `promotedFrom` to let it import by itself",
            ));
        }
        if self.broken.contains(from) {
            return None;
        }
        if !self.branches.contains_key(from) {
            let message = format!("no environment is named `{from}`");
            let known: Vec<&str> = self.branches.keys().map(EnvironmentName::as_str).collect();
            let advice = match nearest(from.as_str(), &known) {
                Some(near) if near != name.as_str() => format!("did you mean `{near}`?"),
                _ => format!("the environments are {}", known.join(", ")),
            };
            return Some(Problem::error(place.clone(), message).advice(advice));
        }
        let (carry, place) = wish.carry.as_ref()?;
        let is_one = self.carry(name, from) == Carry::Pins;
        (*carry == Carry::Merge && is_one).then(|| {
            let message = format!(
                "`carry: merge` merges one branch into another, and `{from}` and `{name}` are on one"
            );
            Problem::error(place.clone(), message)
                .advice("write `carry: pins`, or leave `carry` out")
        })
    }

    /// What comes along where the environment does not say.
    fn carry(&self, name: &EnvironmentName, from: &EnvironmentName) -> Carry {
        match self.branches.get(from) == self.branches.get(name) {
            true => Carry::Pins,
            false => Carry::Merge,
        }
    }

    /// The way from an environment back to itself, both ends included; empty where there is none.
    fn circle(&self, start: &EnvironmentName) -> Vec<EnvironmentName> {
        let mut way = vec![start.clone()];
        let mut name = start;
        while let Some(source) = self.sources.get(name) {
            if source == start {
                way.push(source.clone());
                // One that names itself has its own words.
                return if way.len() > 2 { way } else { Vec::new() };
            }
            if way.contains(source) {
                break;
            }
            way.push(source.clone());
            name = source;
        }
        Vec::new()
    }
}

fn circle_fault(circle: &[EnvironmentName], place: &Place) -> Problem {
    let names: Vec<&str> = circle.iter().map(EnvironmentName::as_str).collect();
    let message = format!(
        "these environments are promoted in a circle, so all of them are left alone: {}",
        names.join(" -> ")
    );
    let advice = "remove `promotedFrom` of the first one, which imports by itself";
    Problem::error(place.clone(), message).advice(advice)
}

fn dependence(name: &EnvironmentName, from: &EnvironmentName, place: &Place) -> Problem {
    let message = format!(
        "the environment `{name}` is left alone, since `{from}`, which it is promoted from, is"
    );
    Problem::error(place.clone(), message).advice(format!("correct what is wrong with `{from}`"))
}
