use std::collections::HashMap;
use std::sync::Arc;

use crate::environment::Environment;
use crate::manifest::{self, Manifests};
use crate::plan::adopt::{self, Adoption, Ci, Inputs};
use crate::problem::Problem;
use crate::reconcile::configuration::Configuration;
use crate::reconcile::read::{CONFIG_FILE, Reading, read_files};
use crate::snapshot::Files;

/// An adoption of a work tree.
#[derive(Debug)]
pub struct Adopting {
    pub adoption: Adoption,
    /// What is wrong in the files as they are.
    pub problems: Vec<Problem>,
    /// What of the adoption would not act: with any, nothing may be written.
    pub faults: Vec<Problem>,
}

/// Plans streams and links for the images of `files`; `chosen` picks the environments that the
/// work tree stands for, `folder` is where new streams are put.
pub fn adopt_in_place(
    files: &Files,
    problems: Vec<Problem>,
    chosen: &dyn Fn(&[Environment]) -> Vec<Environment>,
    folder: &str,
    ci: Option<Ci>,
) -> Adopting {
    let reading = read_files(files, problems);
    let configuration = Configuration::read(reading.config.as_deref(), None);
    let environments = chosen(&configuration.environments);
    let before = assemble_all(&reading, &environments);
    let mut problems = configuration.problems.clone();
    problems.extend(reading.problems.iter().cloned());
    problems.extend(before.iter().flat_map(|m| m.problems.iter().cloned()));
    problems.sort();
    problems.dedup();
    let adoption = adopt::adopt(&Inputs {
        manifests: &before,
        files,
        folder,
        ci,
    });
    let after = assemble_all(&read_changed(reading, &adoption), &environments);
    let faults = adopt::check(&adoption, &after);
    Adopting {
        adoption,
        problems,
        faults,
    }
}

fn assemble_all(reading: &Reading, environments: &[Environment]) -> Vec<Manifests> {
    environments
        .iter()
        .map(|environment| {
            manifest::assemble(&reading.files, &reading.fields, environment, environments)
        })
        .collect()
}

/// The reading with the changed files read again, as they will be.
fn read_changed(mut reading: Reading, adoption: &Adoption) -> Reading {
    let mut changed: HashMap<_, _> = adoption
        .changes
        .iter()
        .filter(|change| change.path.as_str() != CONFIG_FILE)
        .map(|change| (&change.path, &change.after))
        .collect();
    for (path, facts) in &mut reading.files {
        if let Some(after) = changed.remove(path) {
            *facts = Arc::new(manifest::read_file(after));
        }
    }
    reading.files.extend(
        changed
            .into_iter()
            .filter(|(path, after)| manifest::screen(path.as_str(), after))
            .map(|(path, after)| (path.clone(), Arc::new(manifest::read_file(after)))),
    );
    reading.files.sort_by(|(a, _), (b, _)| a.cmp(b));
    reading
}
