//! One environment of a pass: its plan, and what it asks for on the way.

use std::cell::RefCell;
use std::collections::BTreeSet;

use crate::clock;
use crate::git;
use crate::lookup::{Answer, Question};
use crate::plan::creation::Pushes;
use crate::plan::promotion::Choice;
use crate::plan::pull_request::{ForgeView, Telling};
use crate::plan::{Mode, Plan, Signatures};
use crate::policy::RebuildWhen;
use crate::reconcile::configuration::Configuration;
use crate::reconcile::evidence;
use crate::reconcile::hosting::{self, MAX_ROUNDS};
use crate::reconcile::pass::{Branched, Failure, Pass};
use crate::reconcile::promotion::{Asking, Image, Merged};
use crate::reconcile::quiet::Asked;
use crate::reconcile::subject::{Planning, Subject};
use crate::resolve::Following;
use crate::revision::TreeId;
use crate::snapshot::{FilePath, Files, Snapshot};
use crate::yaml::MAX_FILE_BYTES;

/// What one environment is planned from.
pub struct BranchPlanning<'a> {
    pub subject: &'a Subject,
    pub following: &'a Following,
    pub merged: Option<&'a Merged>,
    pub choices: &'a [Choice],
    pub pushes: &'a Pushes,
    pub configuration: &'a Configuration,
}

/// What gates asked registries, with the answers.
#[derive(Default)]
pub struct GateQuestions(Vec<(Question, Answer)>);

impl GateQuestions {
    pub fn extend(&mut self, asked: Vec<(Question, Answer)>) {
        self.0.extend(asked);
    }

    pub fn into_parts(self) -> (Vec<Question>, Vec<Answer>) {
        self.0.into_iter().unzip()
    }
}

impl Pass<'_> {
    pub(crate) fn plan_branched(
        &mut self,
        planned: &BranchPlanning<'_>,
        place: Branched,
        view: &mut Option<ForgeView>,
        asked: &mut Asked,
        gates: &mut GateQuestions,
    ) -> Result<(Snapshot, Plan), Failure> {
        let Branched { snapshot, heads } = place;
        let (subject, configuration) = (planned.subject, planned.configuration);
        let bases = view.as_ref().map(ForgeView::bases).unwrap_or_default();
        let branches = evidence::branches(self.repository, snapshot.commit, &heads, &bases)?;
        let policy = &configuration.policy;
        if let (Some(hosting), Some(view)) = (self.hosting, view.as_mut()) {
            if policy.pull_requests.rebuild == RebuildWhen::Auto {
                hosting.learn_demands(view, &snapshot.branch, &branches.branches);
            }
            hosting.learn_standing(view, &subject.environment, &snapshot.branch);
        }
        let now = clock::rfc3339(self.now);
        let past = evidence::Past::new(self.repository, snapshot.commit);
        let merged_past = evidence::Past::new(self.repository, snapshot.commit);
        let known: [RefCell<Files>; 2] = Default::default();
        let mut signatures = Signatures::new();
        let mut rounds = 0;
        let mut plan = loop {
            let planning = Planning {
                policy,
                branches: &branches,
                forge: view.as_ref(),
                past: Some(&past),
                merged_past: Some(&merged_past),
                choices: planned.choices,
                signatures: &signatures,
                pushes: planned.pushes,
                mode: Mode::Commits,
                only: None,
                now: self.now,
            };
            let files = |paths: &BTreeSet<FilePath>, merged: Option<TreeId>| {
                let [own, of_merge] = &known;
                match merged {
                    None => self.files(snapshot.tree, paths, &mut own.borrow_mut()),
                    Some(tree) => self.files(tree, paths, &mut of_merge.borrow_mut()),
                }
            };
            let plan = subject.plan(planned.following, &planning, planned.merged, files)?;
            rounds += 1;
            let mut has_asked = match (self.hosting, view.as_mut()) {
                (Some(hosting), Some(view)) if rounds < MAX_ROUNDS => hosting.learn(view, &plan),
                _ => false,
            };
            if !plan.unverified.is_empty() && rounds < MAX_ROUNDS {
                has_asked |= self.verify(&plan, subject, view, asked, &mut signatures, gates);
            }
            if !has_asked {
                break plan;
            }
        };
        if let Some(view) = view.as_ref().filter(|view| view.outage.is_none()) {
            plan.leave_unasked(view);
        }
        if let Some(prose) = &mut self.prose {
            let telling = Telling {
                forge: view.as_ref(),
                branches: &branches.branches,
                policy: &policy.pull_requests,
                first_seen: &branches.first_seen,
                way: &configuration.way_through(&subject.environment.name),
                forges: &prose.forges,
                now: &now,
            };
            let namespaces = &self.operator.namespaces_with_secrets;
            let has_secrets = |namespace: &str| namespaces.contains(namespace);
            let questions = telling.questions(&plan, &subject.manifests.streams, &has_secrets);
            let facts = hosting::facts(&questions, prose.facts);
            telling.tell(&mut plan, &facts);
        }
        Ok((snapshot, plan))
    }

    /// Asks whether the images are signed that come from registries; whether there was anything
    /// to ask that was not known.
    fn verify(
        &mut self,
        plan: &Plan,
        subject: &Subject,
        view: &mut Option<ForgeView>,
        asked: &mut Asked,
        signatures: &mut Signatures,
        gates: &mut GateQuestions,
    ) -> bool {
        let streams = &subject.manifests.streams;
        let images: Vec<Image> = plan
            .unverified
            .iter()
            .filter_map(|(tag, image)| Image::of(streams, tag, image))
            .filter(|image| !signatures.contains_key(&image.digest))
            .collect();
        let ask = &mut *self.ask;
        let mut asking = Asking {
            hosting: self.hosting,
            view,
            ask: &mut |questions| asked.ask(questions, ask),
            operator: self.operator,
            asked: Vec::new(),
        };
        let found = asking.signed(&images, &subject.environment.gates.signed_by);
        gates.extend(asking.asked);
        for (image, (_, signed)) in images.iter().zip(found) {
            signatures.insert(image.digest.clone(), signed);
        }
        !images.is_empty()
    }

    /// Those that are `known` are not read again.
    fn files(
        &self,
        tree: TreeId,
        paths: &BTreeSet<FilePath>,
        known: &mut Files,
    ) -> Result<Files, git::Error> {
        let unknown = paths.iter().filter(|path| !known.contains_key(*path));
        let unknown: BTreeSet<&str> = unknown.map(FilePath::as_str).collect();
        if !unknown.is_empty() {
            let is_unknown = |path: &str| unknown.contains(path);
            let (entries, _) = self.repository.entries(tree, is_unknown)?;
            let blobs: Vec<_> = entries.iter().map(|entry| entry.blob).collect();
            let contents = self.repository.read_blobs(&blobs, MAX_FILE_BYTES as u64);
            for (entry, content) in entries.into_iter().zip(contents) {
                known.insert(entry.path, content?);
            }
        }
        let wanted = paths.iter().filter_map(|path| known.get_key_value(path));
        Ok(wanted
            .map(|(path, content)| (path.clone(), content.clone()))
            .collect())
    }
}
