//! One environment: what its files say, how its tags are followed, and the plan for it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::clock;
use crate::environment::Environment;
use crate::git::Error;
use crate::manifest::{self, Manifests};
use crate::plan::creation::Pushes;
use crate::plan::promotion::{CarriedPart, CarriedTree, Choice};
use crate::plan::pull_request::ForgeView;
use crate::plan::{self, Due, HoldsInForce, Inputs, Mode, Plan, Signatures, Spot, TakenBack};
use crate::policy::Policy;
use crate::problem::Problem;
use crate::reconcile::evidence::{Branches, Past};
use crate::reconcile::holding::due_without_held;
use crate::reconcile::promotion::Merged;
use crate::reconcile::read::Reading;
use crate::resolve::{Following, TagState};
use crate::revision::TreeId;
use crate::snapshot::{FilePath, Files};
use crate::stream::{ImageStream, StreamTagName};

/// An environment with what its files say.
pub struct Subject {
    pub environment: Environment,
    pub manifests: Manifests,
}

/// What an environment is planned with, beside its own files.
pub struct Planning<'a> {
    pub policy: &'a Policy,
    pub branches: &'a Branches,
    /// Where pull requests are opened.
    pub forge: Option<&'a ForgeView>,
    /// The commit whose first-parent history is looked into, if there is one.
    pub past: Option<&'a Past<'a>>,
    /// The same for what a merge gave: other manifests ask other questions.
    pub merged_past: Option<&'a Past<'a>>,
    /// What is taken from other environments.
    pub choices: &'a [Choice],
    /// Of images from registries.
    pub signatures: &'a Signatures,
    /// What is pushed and no manifest names.
    pub pushes: &'a Pushes,
    pub mode: Mode,
    /// Stream tags that alone are planned for; none: all.
    pub only: Option<&'a BTreeSet<StreamTagName>>,
    pub now: Timestamp,
}

impl Subject {
    /// What the files say of one of `environments`, all of them on one branch.
    pub fn manifests(
        reading: &Reading,
        environment: &Environment,
        environments: &[Environment],
    ) -> Manifests {
        manifest::assemble_with(
            &reading.files,
            &reading.fields,
            environment,
            environments,
            reading.integrated.as_ref(),
        )
    }

    /// Puts the files together for one of `environments`, all of them on one branch.
    pub fn read(
        reading: &Reading,
        environment: &Environment,
        environments: &[Environment],
    ) -> Self {
        Self {
            environment: environment.clone(),
            manifests: Self::manifests(reading, environment, environments),
        }
    }

    /// A hold for none of the repository's environments is a slip of the pen.
    pub fn name_unheeded_holds(&mut self, environments: &[Environment]) {
        let unheeded = plan::hold::unheeded(&self.manifests.streams, environments);
        self.manifests.problems.extend(unheeded);
    }

    /// `files` reads those that the plan edits; of a merge, at its own tree.
    pub fn plan(
        &self,
        following: &Following,
        planning: &Planning<'_>,
        merged: Option<&Merged>,
        files: impl Fn(&BTreeSet<FilePath>, Option<TreeId>) -> Result<Files, Error>,
    ) -> Result<Plan, Error> {
        let mut groundwork = self.groundwork(&following.tags, planning, planning.past)?;
        if let Some(only) = planning.only {
            let due = &mut groundwork.due;
            due.moves.retain(|moved| only.contains(&moved.tag));
            due.waiting.retain(|waiting| only.contains(&waiting.tag));
        }
        let Groundwork {
            tags,
            due,
            taken_back,
            holds,
        } = groundwork;
        let mut touched = touched_files(&due, &self.manifests);
        touched.extend(self.files_to_hold(planning.forge));
        touched.extend(self.files_to_add_to(planning.pushes));
        let own_files = files(&touched, None)?;
        let mut problems = self.manifests.problems.clone();
        problems.extend(following.problems.iter().cloned());
        let mut merged = match merged {
            None => None,
            Some(merged) => {
                let subject = &merged.subject;
                let tags = &merged.following.tags;
                let ground = subject.groundwork(tags, planning, planning.merged_past)?;
                let touched = touched_files(&ground.due, &subject.manifests);
                let files = files(&touched, Some(merged.tree))?;
                Some((merged, ground, files))
            }
        };
        let known: BTreeSet<String> = problems.iter().map(|it| it.message.clone()).collect();
        Ok(plan::plan(Inputs {
            environment: &self.environment,
            policy: planning.policy,
            base: match planning.mode {
                Mode::Commits => planning.past.map(|past| past.head),
                Mode::InPlace => None,
            },
            mode: planning.mode,
            streams: &self.manifests.streams,
            tags: &tags,
            due,
            problems,
            files: &own_files,
            taken_back: &taken_back,
            holds: &holds,
            branches: &planning.branches.branches,
            forge: planning.forge,
            first_seen: &planning.branches.first_seen,
            choices: planning.choices,
            carried: merged.as_mut().map(|(merged, ground, files)| CarriedPart {
                from: merged.from.clone(),
                tree: CarriedTree {
                    tree: merged.tree,
                    source: merged.source,
                    edits: Vec::new(),
                },
                changes: &merged.changes,
                streams: &merged.subject.manifests.streams,
                tags: &ground.tags,
                due: std::mem::take(&mut ground.due),
                problems: new_problems(merged, &known),
                files,
                taken_back: &ground.taken_back,
                holds: &ground.holds,
            }),
            signatures: planning.signatures,
            pushes: planning.pushes,
            now: &clock::rfc3339(planning.now),
        }))
    }

    /// The files of streams that somebody wants to be held: a hold is written here, also where the
    /// image would come by a merge.
    fn files_to_hold(&self, forge: Option<&ForgeView>) -> BTreeSet<FilePath> {
        let wanted = forge.map(|forge| plan::hold::wanted(&self.environment.name, forge));
        let wanted = wanted.unwrap_or_default();
        let streams = self.manifests.streams.iter();
        streams
            .filter(|stream| wanted.keys().any(|tag| tag.stream == stream.name))
            .map(|stream| stream.document.file.clone())
            .collect()
    }

    /// The files of streams that get tags that were pushed.
    fn files_to_add_to(&self, pushes: &Pushes) -> BTreeSet<FilePath> {
        let is_pushed =
            |stream: &ImageStream| pushes.found.iter().any(|it| it.stream == stream.name);
        let streams = self.manifests.streams.iter();
        let files = streams.filter(|stream| is_pushed(stream));
        files.map(|stream| stream.document.file.clone()).collect()
    }

    /// What is due, and what was declined of it.
    fn groundwork(
        &self,
        tags: &[TagState],
        planning: &Planning<'_>,
        past: Option<&Past<'_>>,
    ) -> Result<Groundwork, Error> {
        let mut tags = tags.to_vec();
        let streams = &self.manifests.streams;
        let holds = plan::holds(streams, &self.environment.name, planning.now);
        let (due, taken_back) = due_without_held(
            &self.manifests,
            &planning.policy.pins,
            &mut tags,
            &planning.branches.branches,
            &holds,
            planning.forge,
            past,
        )?;
        Ok(Groundwork {
            tags,
            due,
            taken_back,
            holds,
        })
    }
}

/// What a plan of one tree is made from.
struct Groundwork {
    tags: Vec<TagState>,
    due: Due,
    taken_back: BTreeMap<Spot, TakenBack>,
    holds: HoldsInForce,
}

/// What is wrong only on the merged tree.
fn new_problems(merged: &Merged, known: &BTreeSet<String>) -> Vec<Problem> {
    let own = &merged.subject.manifests.problems;
    let problems = own.iter().chain(&merged.following.problems);
    let new = problems.filter(|problem| !known.contains(&problem.message));
    new.cloned().collect()
}

/// The files that the moves of `due` edit.
fn touched_files(due: &Due, manifests: &Manifests) -> BTreeSet<FilePath> {
    due.moves
        .iter()
        .flat_map(|moved| {
            let stream = moved
                .record
                .as_ref()
                .and_then(|record| manifests.streams.get(record.stream));
            let fields = moved
                .fields
                .iter()
                .map(|field| &field.trigger.target.document.file);
            stream
                .map(|stream| &stream.document.file)
                .into_iter()
                .chain(fields)
        })
        .cloned()
        .collect()
}
