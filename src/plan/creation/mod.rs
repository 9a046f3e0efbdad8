//! What was pushed into the integrated registry and no manifest names: each stream's is a pull
//! request of its own, which adds the manifest, or the tags to one that is there.
//!
//! No image is pinned by it: once it is merged, its tags are followed as any other.

mod write;

use std::collections::BTreeSet;
use std::fmt;

use serde_json::Value;

use crate::plan::branch::{Action, BranchState};
use crate::plan::proposal::{Inputs, Mode, Plan, Proposal};
use crate::plan::pull_request::{ImageKey, creation_message};
use crate::plan::trailer::{self, CREATED};
use crate::plan::waiting::{Reason, Waiting};
use crate::plan::{check, seal};
use crate::problem::{Place, Problem, Severity};
use crate::revision::BranchName;
use crate::snapshot::{FilePath, Files};
use crate::stream::{ImageStream, StreamName, StreamTagName};

/// Tags of one repository that no manifest names.
#[derive(Clone, Debug, PartialEq)]
pub struct Pushed {
    pub stream: StreamName,
    /// Those that matter most first; at least one.
    pub tags: Vec<String>,
    /// `host/namespace/stream`
    pub repository: String,
    /// None: the stream is there.
    pub new: Option<NewStream>,
    /// Triggers that name one of the tags, and find none yet.
    pub awaited: BTreeSet<Place>,
}

/// The manifest of a stream that is not there.
#[derive(Clone, Debug, PartialEq)]
pub struct NewStream {
    pub path: FilePath,
    /// Without tags.
    pub object: Value,
}

/// What is known of pushes into one environment.
#[derive(Clone, Debug, Default)]
pub struct Pushes {
    pub found: Vec<Pushed>,
    /// Streams that were asked for, and an answer came.
    pub answered: BTreeSet<StreamName>,
    /// Streams that were asked for in vain.
    pub unanswered: BTreeSet<StreamName>,
    /// There may be more repositories than those that were asked for.
    pub is_partial: bool,
}

impl Pushes {
    /// Whether nobody knows what is pushed there.
    fn is_unknown(&self, created: &Created) -> bool {
        let is_among =
            |streams: &BTreeSet<StreamName>| streams.iter().any(|stream| created.is_of(stream));
        is_among(&self.unanswered) || self.is_partial && !is_among(&self.answered)
    }
}

/// A stream that a proposal adds, or tags of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Creation {
    pub stream: StreamName,
    pub is_new: bool,
    pub tags: Vec<String>,
    pub repository: String,
    /// The file that is written.
    pub place: Place,
}

impl Creation {
    /// What closing its pull request declines: the stream as a whole, or each tag.
    pub fn created(&self) -> Vec<Created> {
        let stream = &self.stream;
        match self.is_new {
            true => vec![Created(stream.to_string())],
            false => self
                .stream_tags()
                .map(|tag| Created(tag.to_string()))
                .collect(),
        }
    }

    pub fn stream_tags(&self) -> impl Iterator<Item = StreamTagName> {
        let stream = &self.stream;
        self.tags.iter().map(|tag| StreamTagName {
            stream: stream.clone(),
            tag: tag.clone(),
        })
    }

    fn waits(&self, reason: &Reason) -> Vec<Waiting> {
        self.stream_tags()
            .map(|tag| Waiting::stream_tag(&tag, &self.place, reason.clone()))
            .collect()
    }
}

/// `namespace/stream`, or `namespace/stream:tag`: what a branch of the bot's adds, or was closed
/// with.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Created(String);

impl Created {
    /// Those that a message names.
    pub fn all_of(message: &str) -> impl Iterator<Item = Self> {
        let named = trailer::trailers(message).into_iter();
        let named = named.filter(|(key, _)| *key == CREATED);
        named.map(|(_, value)| Self(value.to_owned()))
    }

    /// The lines that [`Self::all_of`] finds.
    pub fn trailers<'c>(all: impl IntoIterator<Item = &'c Self>) -> String {
        let lines = all.into_iter().map(|one| format!("{CREATED}: {one}\n"));
        lines.collect()
    }

    /// None where it is a stream as a whole.
    pub fn stream_tag(&self) -> Option<StreamTagName> {
        StreamTagName::parse(&self.0, "").filter(|_| self.0.contains(':'))
    }

    fn is_of(&self, stream: &StreamName) -> bool {
        let rest = self.0.strip_prefix(&stream.to_string());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
    }
}

impl fmt::Display for Created {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The proposals for what was pushed; what was declined waits. `files` are those as the proposals
/// before these leave them.
pub(crate) fn propose(
    inputs: &Inputs<'_>,
    files: &mut Files,
    is_in_sequence: bool,
    plan: &mut Plan,
) -> Vec<Proposal> {
    let mut proposals = Vec::new();
    if inputs.mode == Mode::InPlace {
        return proposals;
    }
    for pushed in &inputs.pushes.found {
        let Some(proposal) = proposal(pushed, inputs, files, plan) else {
            continue;
        };
        if is_in_sequence {
            let written = proposal.changes.iter();
            files.extend(written.map(|change| (change.path.clone(), change.after.clone())));
        }
        proposals.push(proposal);
    }
    proposals
}

/// Branches that may still be wanted: nobody could tell what is pushed.
pub(crate) fn kept(inputs: &Inputs<'_>) -> Vec<BranchName> {
    let is_unknown = |created: &Created| inputs.pushes.is_unknown(created);
    let branches = inputs.branches.iter();
    let kept = branches.filter(|branch| branch.created.iter().any(is_unknown));
    kept.map(|branch| branch.name.clone()).collect()
}

fn proposal(
    pushed: &Pushed,
    inputs: &Inputs<'_>,
    files: &Files,
    plan: &mut Plan,
) -> Option<Proposal> {
    let stream = inputs
        .streams
        .iter()
        .find(|stream| stream.name == pushed.stream);
    let mut creation = Creation {
        stream: pushed.stream.clone(),
        is_new: pushed.new.is_some(),
        tags: pushed.tags.clone(),
        repository: pushed.repository.clone(),
        place: place(pushed, stream)?,
    };
    take_out_declined(&mut creation, inputs, plan);
    if creation.tags.is_empty() {
        return None;
    }
    let change = match (&pushed.new, stream) {
        (Some(new), _) => write::new_file(new, &creation.tags),
        (None, Some(stream)) => match write::add_tags(stream, &creation.tags, files) {
            Ok(change) => change?,
            Err(problem) => {
                plan.problems.push(problem);
                return None;
            }
        },
        (None, None) => return None,
    };
    let changes = vec![change];
    if let Some(fault) = check::fault(&[], &changes) {
        let message = format!("{} is not written: {fault}", creation.stream);
        let advice = "this is a defect of headwater; please report it";
        plan.problems
            .push(Problem::error(None, message).advice(advice));
        return None;
    }
    for problem in &mut plan.problems {
        let is_awaited = |place: &Place| pushed.awaited.contains(place);
        if problem.place.as_ref().is_some_and(is_awaited) {
            problem.severity = Severity::Note;
            problem.advice = Some("it was pushed, and is proposed with this".to_owned());
        }
    }
    let message = creation_message(&creation, &inputs.environment.name);
    Some(Proposal {
        // `create.` is no namespace with a stream: that would have one dot.
        group: format!("create.{}.{}", pushed.stream.namespace, pushed.stream.name),
        branch: None,
        moves: Vec::new(),
        message: seal::seal(&message, &changes),
        changes,
        action: Action::Commit,
        hold: None,
        creation: Some(creation),
        promotion: None,
        merge: None,
        gates: Vec::new(),
        pull_request: None,
    })
}

fn place(pushed: &Pushed, stream: Option<&ImageStream>) -> Option<Place> {
    match &pushed.new {
        Some(new) => Some(Place {
            file: new.path.clone(),
            line: 1,
            column: 1,
        }),
        None => stream.map(|stream| stream.place.clone()),
    }
}

/// What somebody closed is not proposed again: a stream as a whole, or the tags alone.
fn take_out_declined(creation: &mut Creation, inputs: &Inputs<'_>, plan: &mut Plan) {
    let reason = |created: &Created| {
        let key = ImageKey::of_creation(created);
        let by_forge = || inputs.forge?.declined(&key).cloned().map(Reason::Declined);
        let closed = inputs.branches.iter().find(|branch| {
            matches!(branch.state, BranchState::Closed { .. }) && branch.created.contains(created)
        });
        let by_branch = closed.map(|branch| Reason::Closed(branch.name.clone()));
        let declined = by_branch.or_else(by_forge)?;
        Some(Reason::NotCreated(Box::new(declined)))
    };
    let declined: Vec<(Created, Reason)> = creation
        .created()
        .into_iter()
        .filter_map(|created| Some((created.clone(), reason(&created)?)))
        .collect();
    for (created, reason) in declined {
        let mut waiting = creation.waits(&reason);
        match created.stream_tag() {
            None => creation.tags.clear(),
            Some(tag) => {
                waiting.retain(|waiting| waiting.tag == tag);
                creation.tags.retain(|other| *other != tag.tag);
            }
        }
        plan.wait(waiting);
    }
}

impl Plan {
    pub(crate) fn wait_for_creation(&mut self, creation: &Creation, reason: &Reason) {
        self.wait(creation.waits(reason));
    }
}
