//! What the story plays in: a Git repository and a registry of its own, in a temporary folder.

use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};
use tempfile::TempDir;

use crate::cli::demo::image::Image;
use crate::cli::demo::registry::Registry;
use crate::cli::error::CliError;
use crate::cli::style::Styles;
use crate::cli::{history, interrupt, place};
use crate::clock;
use crate::git::{Author, Error, NewCommit, PushOutcome, Repository, Signature};
use crate::image::Digest;
use crate::plan::Proposal;
use crate::policy::OperatorPolicy;
use crate::reconcile::{Applied, Cache, Outcome, Pass, Planned, Prose, Scope, apply};
use crate::revision::{BranchName, CommitId};
use crate::snapshot::{FileChange, Snapshot};

pub const STREAM_TAG: &str = "shop/web:1";
const REPOSITORY: &str = "shop/web";
const TAG: &str = "1";
const DEPLOYMENT: (&str, &str) = ("apps/web.yaml", include_str!("shop/deployment.yaml"));
const STREAM: (&str, &str) = ("headwater/web.yaml", include_str!("shop/stream.yaml"));
const BRANCH: &str = "main";

#[derive(Debug)]
pub struct Scene {
    folder: TempDir,
    registry: Registry,
    repository: Repository,
    main: BranchName,
    cache: Cache,
    now: Timestamp,
}

/// A merge, as the target branch saw it.
#[derive(Debug)]
pub struct Merged {
    pub before: CommitId,
    pub after: CommitId,
    pub subject: String,
}

impl Scene {
    /// A repository whose first pins were merged yesterday.
    pub fn set() -> Result<Self, CliError> {
        let folder = tempfile::Builder::new()
            .prefix("headwater-demo-")
            .tempdir()
            .map_err(|error| {
                CliError::failure("no temporary folder can be made")
                    .because(&error)
                    .hint("TMPDIR names the place for it")
            })?;
        interrupt::remove_at_end(folder.path());
        let main: BranchName = BRANCH.parse().map_err(|error| impossible(&error))?;
        let repository = Repository::init_bare(&folder.path().join("shop.git"), &main)
            .map_err(|error| place::git_error(&error))?;
        let today = clock::now();
        let mut scene = Self {
            registry: Registry::start()?,
            folder,
            repository,
            main,
            cache: Cache::default(),
            now: today - SignedDuration::from_hours(24),
        };
        scene.registry.push(REPOSITORY, TAG, &Image::new("1.4.0"))?;
        scene.write_first_commit()?;
        let first_pins = scene.pass()?;
        scene.merge(&first_pins)?;
        scene.now = today;
        // Clears the merged branch away.
        scene.reconcile()?;
        Ok(scene)
    }

    fn write_first_commit(&self) -> Result<(), CliError> {
        let files = [DEPLOYMENT, STREAM]
            .into_iter()
            .map(|(path, text)| {
                let text = text.replace("REGISTRY", &self.registry.host());
                Ok(FileChange {
                    path: path.parse().map_err(|error| impossible(&error))?,
                    before: Vec::new().into(),
                    after: text.into_bytes().into(),
                })
            })
            .collect::<Result<Vec<_>, CliError>>()?;
        let write = || -> Result<PushOutcome, Error> {
            let commit = self.repository.commit(&NewCommit {
                parents: &[],
                base: self.repository.empty_tree()?,
                changes: &files,
                message: "Deploy the shop\n",
                author: &person(),
                time: self.now,
            })?;
            self.repository.push(&self.main, None, Some(commit))
        };
        let outcome = write().map_err(|error| place::git_error(&error))?;
        pushed(&outcome, &self.main)
    }

    pub fn image(&self) -> String {
        format!("{}/{REPOSITORY}:{TAG}", self.registry.host())
    }

    pub fn main(&self) -> &BranchName {
        &self.main
    }

    /// A file's path and its text at the tip of the main branch.
    pub fn deployment(&self) -> Result<(&'static str, String), CliError> {
        let (path, _) = DEPLOYMENT;
        let text = self
            .read(path)
            .map_err(|error| place::git_error(&error))?
            .ok_or_else(|| CliError::failure(format!("{path} is not there")))?;
        Ok((path, text))
    }

    fn read(&self, path: &str) -> Result<Option<String>, Error> {
        let tip = self.snapshot()?;
        let (entries, _) = self.repository.entries(tip.tree, |found| found == path)?;
        let Some(entry) = entries.first() else {
            return Ok(None);
        };
        let bytes = self.repository.read_blob(entry.blob, 1 << 20)?;
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// Somebody pushes the next image under the same tag: what it was, and what it is.
    pub fn move_tag(&self) -> Result<(Digest, Digest), CliError> {
        let next = self.registry.push(REPOSITORY, TAG, &Image::new("1.4.1"))?;
        Ok((Image::new("1.4.0").digest(), next))
    }

    /// One pass, which proposes one change.
    pub fn pass(&mut self) -> Result<Proposal, CliError> {
        self.reconcile()?
            .into_iter()
            .next()
            .ok_or_else(|| CliError::failure("the pass proposed nothing"))
    }

    /// What `headwater reconcile` does: one pass, planned and applied.
    fn reconcile(&mut self) -> Result<Vec<Proposal>, CliError> {
        let registry = &self.registry;
        let repository = &self.repository;
        let (planned, problems) = Pass {
            repository,
            cache: &mut self.cache,
            operator: &OperatorPolicy::default(),
            ask: &mut |questions| registry.ask(questions),
            hosting: None,
            prose: Some(Prose {
                facts: &mut |lookups| registry.facts(lookups),
                forges: Vec::new(),
            }),
            now: self.now,
        }
        .plan(&Scope::default())
        .map_err(|error| place::pass_error(&error))?;
        let push = |branch: &BranchName, expected, new| repository.push(branch, expected, new);
        let mut proposals = Vec::new();
        let mut problems = problems;
        for planned in planned {
            if let Planned::Plan(planned) = planned {
                let (snapshot, plan) = *planned;
                let author = author("headwater", "headwater@localhost");
                let applied = apply(repository, &push, &snapshot, &plan, &author, None, self.now);
                applied.branches.into_iter().try_for_each(done)?;
                problems.extend(plan.problems);
                proposals.extend(plan.proposals);
            }
        }
        match problems.first() {
            None => Ok(proposals),
            Some(problem) => {
                Err(CliError::failure("the pass has a problem").why(problem.message.clone()))
            }
        }
    }

    /// A person accepts a proposal: a merge commit on the main branch.
    pub fn merge(&self, proposal: &Proposal) -> Result<Merged, CliError> {
        let branch = proposal
            .branch
            .as_ref()
            .ok_or_else(|| CliError::failure("the proposal has no branch"))?;
        let subject = format!("Merge {branch}");
        let write = || -> Result<(CommitId, CommitId, PushOutcome), Error> {
            let before = self.snapshot()?.commit;
            let head = self.repository.snapshot(branch)?;
            // The branch stands on the tip, so its tree is the merged one.
            let after = self.repository.commit(&NewCommit {
                parents: &[before, head.commit],
                base: head.tree,
                changes: &[],
                message: &format!("{subject}\n"),
                author: &person(),
                time: self.now,
            })?;
            let outcome = self
                .repository
                .push(&self.main, Some(before), Some(after))?;
            Ok((before, after, outcome))
        };
        let (before, after, outcome) = write().map_err(|error| place::git_error(&error))?;
        pushed(&outcome, &self.main)?;
        Ok(Merged {
            before,
            after,
            subject,
        })
    }

    /// What `headwater history` prints.
    pub fn history(&mut self, styles: Styles) -> Result<String, CliError> {
        let history = history::read(&self.repository, &mut self.cache, STREAM_TAG)?;
        Ok(history::table(&history, styles, None))
    }

    fn snapshot(&self) -> Result<Snapshot, Error> {
        self.repository.snapshot(&self.main)
    }

    /// Leaves the folder where it is.
    pub fn keep(self) -> PathBuf {
        interrupt::keep();
        self.folder.keep().join("shop.git")
    }
}

/// Who merges.
fn person() -> Author {
    author("you", "you@example.com")
}

fn author(name: &str, email: &str) -> Author {
    Author::from(Signature {
        name: name.to_owned(),
        email: email.to_owned(),
    })
}

fn done(applied: Applied) -> Result<(), CliError> {
    match applied.outcome {
        Outcome::Kept | Outcome::Done => Ok(()),
        Outcome::Failed(error) => Err(place::git_error(&error)),
        Outcome::Moved | Outcome::Rejected { .. } => Err(not_moved(&applied.branch)),
    }
}

fn pushed(outcome: &PushOutcome, branch: &BranchName) -> Result<(), CliError> {
    match outcome {
        PushOutcome::Pushed => Ok(()),
        PushOutcome::Moved { .. } | PushOutcome::Rejected { .. } => Err(not_moved(branch)),
    }
}

/// Nobody but this process knows the repository.
fn not_moved(branch: &BranchName) -> CliError {
    CliError::failure(format!("{branch} was not accepted"))
}

/// For the names that stand in this file.
fn impossible(error: &dyn std::error::Error) -> CliError {
    CliError::failure("the demo is broken").because(error)
}
