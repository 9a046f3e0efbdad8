//! The environments that a change passes, one after another.

use crate::environment::EnvironmentName;
use crate::plan::promotion::Promotion;
use crate::plan::pull_request::markdown::Inline;

/// Steps that are told, and environments of one step.
const MOST_STEPS: usize = 10;
const MOST_NAMES: usize = 5;

/// Each step's environments come from the step before.
pub type Way = [Vec<EnvironmentName>];

/// `dev → staging → **prod (this pull request)** → dr`; empty where there is one environment only.
pub fn way(way: &Way, here: &EnvironmentName, promotion: Option<&Promotion>) -> Inline {
    if way.iter().flatten().count() < 2 {
        return Inline::new();
    }
    let step = |names: &Vec<EnvironmentName>| {
        let names = names.iter().map(|name| told(name, here, promotion));
        Inline::new().list(names, MOST_NAMES)
    };
    let mut line = Inline::new();
    for (number, names) in way.iter().take(MOST_STEPS).enumerate() {
        let arrow = if number > 0 { " → " } else { "" };
        line = line.words(arrow).then(step(names));
    }
    if way.len() > MOST_STEPS {
        line = line.words(" → …");
    }
    line
}

/// The one that images come from has the commit that they are from.
fn told(name: &EnvironmentName, here: &EnvironmentName, promotion: Option<&Promotion>) -> Inline {
    let told = Inline::new().environment(name);
    if name == here {
        return Inline::new().bold(told.words(" (this pull request)"));
    }
    match promotion.filter(|promotion| promotion.from == *name) {
        Some(promotion) => told.words(" (").commit(promotion.commit).words(")"),
        None => told,
    }
}
