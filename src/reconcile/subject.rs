//! One environment: what its files say, how its tags are followed, and the plan for it.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::clock;
use crate::environment::Environment;
use crate::git::Error;
use crate::manifest::{self, Manifests};
use crate::plan::pull_request::ForgeView;
use crate::plan::{self, Due, Inputs, Mode, Plan};
use crate::policy::Policy;
use crate::reconcile::evidence::{Branches, Past};
use crate::reconcile::holding::due_without_held;
use crate::reconcile::read::Reading;
use crate::resolve::Following;
use crate::snapshot::{FilePath, Files};
use crate::stream::StreamTagName;

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
        let hosts = &reading.integrated_hosts;
        manifest::assemble_with(
            &reading.files,
            &reading.fields,
            environment,
            environments,
            hosts,
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

    /// `files` reads those that the plan edits.
    pub fn plan(
        &self,
        following: &Following,
        planning: &Planning<'_>,
        files: impl Fn(&BTreeSet<FilePath>) -> Result<Files, Error>,
    ) -> Result<Plan, Error> {
        let Self {
            environment,
            manifests,
        } = self;
        let mut tags = following.tags.clone();
        let holds = plan::holds(&manifests.streams, &environment.name, planning.now);
        let (mut due, taken_back) = due_without_held(
            manifests,
            &planning.policy.pins,
            &mut tags,
            &planning.branches.branches,
            &holds,
            planning.forge,
            planning.past,
        )?;
        if let Some(only) = planning.only {
            due.moves.retain(|moved| only.contains(&moved.tag));
            due.waiting.retain(|waiting| only.contains(&waiting.tag));
        }
        let files = files(&touched_files(&due, manifests))?;
        let mut problems = manifests.problems.clone();
        problems.extend(following.problems.iter().cloned());
        Ok(plan::plan(Inputs {
            environment,
            policy: planning.policy,
            base: match planning.mode {
                Mode::Commits => planning.past.map(|past| past.head),
                Mode::InPlace => None,
            },
            mode: planning.mode,
            streams: &manifests.streams,
            tags: &tags,
            due,
            problems,
            files: &files,
            taken_back: &taken_back,
            holds: &holds,
            branches: &planning.branches.branches,
            forge: planning.forge,
            first_seen: &planning.branches.first_seen,
            now: &clock::rfc3339(planning.now),
        }))
    }
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
