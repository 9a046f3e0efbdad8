//! What comes from other environments, in one pass.

use crate::environment::{Carry, Environment};
use crate::gate::{Gate, GateFinding};
use crate::plan::promotion::Newer;
use crate::problem::Problem;
use crate::reconcile::configuration::Configuration;
use crate::reconcile::gather::{Gathering, follow_merged};
use crate::reconcile::pass::{Branched, Failure, Pass};
use crate::reconcile::promotion::{self, Choices, Ground, Merged, Side};
use crate::reconcile::quiet::Asked;
use crate::reconcile::subject::Subject;
use crate::resolve::{Checks, Following, Inquiry};
use crate::revision::BranchName;

/// The environments at the tips of their branches.
pub fn sides<'a>(
    subjects: &'a [Subject],
    places: &'a [Branched],
    on_branches: &'a [(BranchName, Vec<Environment>)],
) -> Vec<Side<'a>> {
    let sides = subjects.iter().zip(places).map(|(subject, place)| {
        let branch = &place.snapshot.branch;
        let own = on_branches.iter().find(|(name, _)| name == branch);
        Side {
            subject,
            snapshot: &place.snapshot,
            heads: &place.heads,
            environments: own.map_or(&[], |(_, environments)| environments),
        }
    });
    sides.collect()
}

impl Pass<'_> {
    /// Merges what comes by a merge; what cannot be merged is a problem, and its choice undecided.
    pub(crate) fn merge(
        &mut self,
        subject: &Subject,
        place: &Branched,
        configuration: &Configuration,
        choices: &mut Choices,
        problems: &mut Vec<Problem>,
    ) -> Result<Option<Merged>, Failure> {
        let environment = &subject.environment;
        let snapshot = &place.snapshot;
        for choice in choices.of_mut(&environment.name) {
            let Some(chosen) = choice.chosen.as_ref().map(|chosen| chosen.commit) else {
                continue;
            };
            if choice.carry == Carry::Pins {
                let is_elsewhere = environment.promotion.is_some()
                    && self.repository.tree_of(chosen)? != snapshot.tree
                    && !self.repository.is_in_history(chosen, snapshot.commit)?;
                if is_elsewhere {
                    choice.configuration = promotion::difference(
                        self.repository,
                        self.cache,
                        self.operator,
                        snapshot,
                        chosen,
                    )?;
                }
                continue;
            }
            let names = (&choice.from, &environment.name);
            let (repository, base) = (self.repository, choice.base);
            let tree = promotion::merge(
                repository,
                self.cache,
                self.operator,
                names,
                snapshot,
                base,
                chosen,
            )?;
            let tree = match tree {
                Ok(tree) => tree,
                Err(problem) => {
                    let finding = GateFinding::failed(Gate::Source, problem.message.clone());
                    problems.push(problem);
                    choice.chosen = None;
                    choice.is_undecided = true;
                    choice.newer = Some(Newer {
                        commit: chosen,
                        findings: vec![finding],
                    });
                    continue;
                }
            };
            choice.configuration =
                promotion::configuration(repository, tree.base, chosen, &tree.changes)?;
            let reading = self.read(tree.tree)?;
            let environments: Vec<Environment> = configuration
                .environments
                .iter()
                .filter(|other| other.branch == environment.branch)
                .cloned()
                .collect();
            let mut own = Subject::read(&reading, environment, &environments);
            own.environment.branch.clone_from(&environment.branch);
            let is_landed = repository.is_in_history(chosen, snapshot.commit)?;
            return Ok(Some(Merged {
                from: choice.from.clone(),
                tree: tree.tree,
                source: Some(chosen).filter(|_| !is_landed),
                changes: tree.changes,
                subject: own,
                following: Following::default(),
            }));
        }
        Ok(None)
    }

    pub(crate) fn follow_merged(
        &mut self,
        merged: &mut [Option<Merged>],
        subjects: &[Subject],
        configuration: &Configuration,
        choices: &Choices,
        inquiry: &mut Inquiry,
        asked: &mut Asked,
    ) {
        let takings = choices.takings(subjects.iter(), Ground::Merge);
        let ask = &mut *self.ask;
        let gathering = Gathering {
            policy: &configuration.policy,
            operator: self.operator,
            is_partial: configuration.environments.len() > subjects.len(),
            verified: self.cache.verified(),
            checks: &Checks::default(),
            takings: &takings,
            now: self.now,
        };
        let subjects: Vec<&Subject> = subjects.iter().collect();
        for merged in merged.iter_mut().flatten() {
            merged.following = follow_merged(
                &merged.subject,
                &subjects,
                &gathering,
                inquiry,
                &mut |questions| asked.ask(questions, ask),
            );
        }
    }
}
