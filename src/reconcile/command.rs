use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use crate::copying::CopyState;
use crate::git;
use crate::image::Digest;
use crate::lookup::{self, Answer, Found, Lookup, Question, Resolution, Wanted};
use crate::manifest::{FileFacts, Reach};
use crate::plan::Plan;
use crate::problem::{Problem, Severity};
use crate::reconcile::desk::Desk;
use crate::reconcile::gather::Ask;
use crate::snapshot::{FileChange, FilePath, Files};
use crate::stream::{ImageStream, ImportMode, StreamName, StreamTagName};
use crate::verb::{Draft, Realm, Scene};

/// A command, carried out on the files of a desk: nothing is written yet.
#[derive(Debug)]
pub struct Carried {
    /// Each file that changes, once.
    pub changes: Vec<FileChange>,
    /// The files as they will be.
    pub files: Files,
    /// What followed for the stream tags that the command touched.
    pub plans: Vec<Plan>,
    pub problems: Vec<Problem>,
}

/// Why a command cannot be carried out.
#[derive(Debug)]
pub enum Fault {
    /// The user's: a file cannot be edited exactly, or is broken.
    Files(Vec<Problem>),
    /// The user's: the stream would not belong to the environment.
    Outside(StreamName),
    Git(git::Error),
}

/// What a command is decided from.
pub fn scene<'a>(desk: &'a Desk<'_>, namespace: &dyn Fn(&[Realm<'_>]) -> String) -> Scene<'a> {
    let files = all_files(desk);
    let realms: Vec<Realm<'a>> = desk
        .manifests()
        .into_iter()
        .map(|(environment, manifests)| Realm {
            environment,
            manifests,
            reach: Reach::new(&files, environment),
        })
        .collect();
    Scene {
        namespace: namespace(&realms),
        realms,
        files: desk.files(),
    }
}

/// The manifests, and the files that hold nothing of ours: kustomizations gather those too, and
/// commands name the objects in them.
fn all_files(desk: &Desk<'_>) -> Vec<(FilePath, Arc<FileFacts>)> {
    let mut files = desk.reading().files.clone();
    let known: BTreeSet<FilePath> = files.iter().map(|(path, _)| path.clone()).collect();
    let others = desk.files().keys().filter(|path| !known.contains(path));
    files.extend(others.map(|path| (path.clone(), Arc::default())));
    files
}

/// Makes the edits of `draft`, then plans on the edited files for what it touched, so that status
/// and pinned fields follow in the same go. With `imports` the registries of the touched tags are
/// asked; anything else is answered by what is recorded.
pub fn carry_out(
    desk: &Desk<'_>,
    scene: &Scene<'_>,
    draft: Draft,
    imports: bool,
    ask: &mut Ask<'_>,
    now: Timestamp,
) -> Result<Carried, Fault> {
    let (touched, whole) = (draft.touched.clone(), draft.whole.clone());
    let expected = draft.expected.clone();
    let written = draft.write(scene).map_err(Fault::Files)?;
    let mut files = desk.files().clone();
    for (path, content) in written.files {
        match content {
            Some(content) => files.insert(path, content),
            None => files.remove(&path),
        };
    }
    let edited = desk.with_files(files);
    let manifests = edited.manifests();
    let streams: Vec<&ImageStream> = manifests
        .iter()
        .flat_map(|(_, manifests)| &manifests.streams)
        .collect();
    if let Some(name) = expected
        .iter()
        .find(|name| streams.iter().all(|stream| stream.name != **name))
    {
        return Err(Fault::Outside(name.clone()));
    }
    let mut carried = Carried {
        changes: Vec::new(),
        files: edited.files().clone(),
        plans: Vec::new(),
        problems: new_problems(desk, &edited, now).map_err(Fault::Git)?,
    };
    if !touched.is_empty() || whole.is_some() {
        let mut record = Record::new(&streams, &touched, whole.as_ref(), imports);
        let mut answer = |questions: &[Question]| record.answer(questions, ask);
        let touched = match whole {
            None => touched,
            Some(stream) => {
                let planned = edited.plan(None, &mut answer, now).map_err(Fault::Git)?;
                tags_of(&planned.plans, &stream)
            }
        };
        let planned = edited
            .plan(Some(&touched), &mut answer, now)
            .map_err(Fault::Git)?;
        for plan in &planned.plans {
            for change in plan.proposals.iter().flat_map(|proposal| &proposal.changes) {
                let after = Arc::clone(&change.after);
                carried.files.insert(change.path.clone(), after);
            }
        }
        carried.plans = planned.plans;
    }
    carried.changes = changes(desk.files(), &carried.files);
    Ok(carried)
}

/// What is wrong in the files only since they were edited.
fn new_problems(
    before: &Desk<'_>,
    after: &Desk<'_>,
    now: Timestamp,
) -> Result<Vec<Problem>, git::Error> {
    let known: BTreeSet<String> = before
        .lint(now)?
        .into_iter()
        .map(|problem| problem.message)
        .collect();
    let mut new = after.lint(now)?;
    new.retain(|problem| problem.severity > Severity::Note && !known.contains(&problem.message));
    new.sort();
    new.dedup();
    Ok(new)
}

fn tags_of(plans: &[Plan], stream: &StreamName) -> BTreeSet<StreamTagName> {
    let moves = plans
        .iter()
        .flat_map(|plan| &plan.proposals)
        .flat_map(|proposal| &proposal.moves)
        .map(|moved| &moved.tag);
    let waiting = plans.iter().flat_map(|plan| &plan.waiting);
    moves
        .chain(waiting.map(|waiting| &waiting.tag))
        .filter(|tag| tag.stream == *stream)
        .cloned()
        .collect()
}

fn changes(before: &Files, after: &Files) -> Vec<FileChange> {
    let none: Arc<[u8]> = Arc::from([]);
    let paths: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    paths
        .into_iter()
        .map(|path| FileChange {
            path: path.clone(),
            before: Arc::clone(before.get(path).unwrap_or(&none)),
            after: Arc::clone(after.get(path).unwrap_or(&none)),
        })
        .filter(|change| change.before != change.after)
        .collect()
}

/// Answers out of what Git records, and asks for what a command imports.
struct Record {
    /// By repository and what is asked there.
    images: BTreeMap<(String, Wanted, ImportMode), Digest>,
    /// Repositories that are asked.
    asked: BTreeSet<String>,
    /// Repositories that are to keep the images of what is touched.
    kept: BTreeSet<String>,
    /// The newest of the touched tags, which were copied before they were written down.
    recorded: BTreeSet<Digest>,
    answered: Vec<(Question, Answer)>,
}

impl Record {
    fn new(
        streams: &[&ImageStream],
        touched: &BTreeSet<StreamTagName>,
        whole: Option<&StreamName>,
        imports: bool,
    ) -> Self {
        let mut record = Self {
            images: BTreeMap::new(),
            asked: BTreeSet::new(),
            kept: BTreeSet::new(),
            recorded: BTreeSet::new(),
            answered: Vec::new(),
        };
        for stream in streams {
            if touched.iter().any(|tag| tag.stream == stream.name) {
                record
                    .kept
                    .extend(stream.own_repository().map(|own| endpoint(&own)));
            }
            if imports
                && whole == Some(&stream.name)
                && let Some((repository, _)) = &stream.whole_repository
            {
                record.asked.insert(endpoint(&repository.repository));
            }
            for tag in &stream.tags {
                let Some(source) = tag.source.image() else {
                    continue;
                };
                let name = StreamTagName {
                    stream: stream.name.clone(),
                    tag: tag.name.clone(),
                };
                if imports && touched.contains(&name) {
                    record.asked.insert(endpoint(&source.repository));
                }
                let recorded = stream.history(&tag.name).first();
                let digest: Option<Digest> = recorded.and_then(|item| item.image.parse().ok());
                if !imports && touched.contains(&name) {
                    record.recorded.extend(digest.clone());
                }
                // What waits for an import is not known from an earlier one.
                let observed = stream.observed.get(&tag.name).filter(|seen| {
                    let asks = &tag.settings.generation;
                    let from = tag.settings.from.as_ref();
                    from.is_some_and(|from| from.name == seen.from)
                        && (asks.is_none() || *asks == seen.generation)
                });
                if let (Some(digest), Some(seen)) = (digest, observed) {
                    let mode = seen.import_mode;
                    let wanted = Wanted::of(source);
                    let key = (endpoint(&source.repository), wanted, mode);
                    record.images.entry(key).or_insert(digest);
                }
            }
        }
        record
    }

    fn answer(&mut self, questions: &[Question], ask: &mut Ask<'_>) -> Vec<Answer> {
        let known = |answered: &[(Question, Answer)], question: &Question| {
            let mut answered = answered.iter();
            let (_, answer) = answered.find(|(other, _)| other == question)?;
            Some(answer.clone())
        };
        let open: Vec<Question> = questions
            .iter()
            .filter(|question| {
                let asked = match question {
                    Question::Copied(_) => &self.kept,
                    _ => &self.asked,
                };
                asked.contains(&endpoint(question.repository()))
                    && known(&self.answered, question).is_none()
            })
            .cloned()
            .collect();
        if !open.is_empty() {
            let mut answers = ask(&open);
            for (question, answer) in open.iter().zip(&mut answers) {
                self.trust(question, answer);
            }
            self.answered.extend(open.into_iter().zip(answers));
        }
        questions
            .iter()
            .map(|question| {
                known(&self.answered, question).unwrap_or_else(|| self.recorded(question))
            })
            .collect()
    }

    /// Who goes back in a hurry is not held up by a registry that is down.
    fn trust(&self, question: &Question, answer: &mut Answer) {
        if let (Question::Copied(order), Answer::Copied(Err(Resolution::Unavailable(_)))) =
            (question, &answer)
            && self.recorded.contains(&order.digest)
        {
            *answer = Answer::Copied(Ok(CopyState::There));
        }
    }

    fn recorded(&self, question: &Question) -> Answer {
        if let Question::Image(lookup) = question
            && let Some(resolution) = self.image(lookup)
        {
            return Answer::Image(resolution);
        }
        question.unanswered(Resolution::Unavailable(lookup::Fault {
            host: endpoint(question.repository()),
            message: "this command asks no registry".to_owned(),
            advice: None,
            reason: lookup::Reason::InternalError,
        }))
    }

    fn image(&self, lookup: &Lookup) -> Option<Resolution> {
        let place = endpoint(&lookup.repository);
        let digest = self
            .images
            .get(&(place, lookup.wanted.clone(), lookup.import_mode))?;
        Some(Resolution::Found(Found {
            digest: digest.clone(),
            index: None,
        }))
    }
}

fn endpoint(repository: &crate::image::Repository) -> String {
    repository.endpoint().to_string()
}
