use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::access::Access;
use crate::environment::EnvironmentName;
use crate::git::Error;
use crate::lookup::{Answer, Question, Verified};
use crate::policy::{OperatorPolicy, Policy};
use crate::reconcile::subject::Subject;
use crate::resolve::{self, Checks, Following, Inquiry, StreamIndex, Taking, World};
use crate::stream::{ImageStream, StreamName, TagEvent};

/// Answers questions, in their order.
pub type Ask<'a> = dyn FnMut(&[Question]) -> Vec<Answer> + 'a;

/// Finds images that have left the status of a subject's stream.
pub type Older<'a> = dyn FnMut(&Subject, &ImageStream) -> Result<Vec<TagEvent>, Error> + 'a;

/// A list, the dates of some of its tags, the image, its date and its copy: no chain of questions is
/// longer.
const MAX_ROUNDS: usize = 16;

/// What the environments of a pass are asked with.
pub struct Gathering<'a> {
    pub policy: &'a Policy,
    pub operator: &'a OperatorPolicy,
    /// There are environments beside the subjects whose streams are not read.
    pub is_partial: bool,
    /// Digests that earlier passes have read and hashed, by endpoint.
    pub verified: &'a BTreeMap<String, Verified>,
    pub checks: &'a Checks,
    /// What comes from other environments, by the one that takes it.
    pub takings: &'a BTreeMap<EnvironmentName, Taking<'a>>,
    pub now: Timestamp,
}

/// Asks until every tag of every subject is known or given up.
pub fn gather(
    subjects: &[&Subject],
    gathering: &Gathering<'_>,
    ask: &mut Ask<'_>,
    older: &mut Older<'_>,
) -> Result<(Vec<Following>, Inquiry), Error> {
    let mut inquiry = Inquiry::new(&gathering.operator.namespaces_with_secrets);
    let mut index = StreamIndex::default();
    for subject in subjects {
        index.add(&subject.environment.name, &subject.manifests.streams);
    }
    let access = access(subjects, gathering.operator);
    let mut followings = Vec::new();
    for _ in 0..MAX_ROUNDS {
        followings = follow_all(subjects, gathering, &index, &access, &mut inquiry);
        let histories = inquiry.wanted_histories();
        for name in &histories {
            let images = older_images(subjects, name, older)?;
            inquiry.put_history(name.clone(), images);
        }
        let open = inquiry.open(gathering.verified);
        if open.is_empty() && histories.is_empty() {
            break;
        }
        if !open.is_empty() {
            let answers = ask(&open);
            if answers.is_empty() {
                break;
            }
            inquiry.put_answers(answers);
        }
    }
    Ok((followings, inquiry))
}

fn follow_all(
    subjects: &[&Subject],
    gathering: &Gathering<'_>,
    index: &StreamIndex<'_>,
    access: &Access,
    inquiry: &mut Inquiry,
) -> Vec<Following> {
    let (none, nothing) = (BTreeMap::new(), Taking::default());
    subjects
        .iter()
        .map(|subject| {
            let not_due = gathering.checks.not_due.get(&subject.environment.name);
            let world = World {
                environment: &subject.environment.name,
                streams: &subject.manifests.streams,
                index,
                is_partial: gathering.is_partial,
                triggers: &subject.manifests.triggers,
                hooks: &subject.manifests.tag_hooks,
                policy: &gathering.policy.imports,
                access,
                not_due: not_due.unwrap_or(&none),
                taking: gathering
                    .takings
                    .get(&subject.environment.name)
                    .unwrap_or(&nothing),
                imports: true,
                minimum_age: subject.environment.gates.minimum_age,
                now: gathering.now,
            };
            resolve::follow(&world, inquiry)
        })
        .collect()
}

/// A copy is made from where the image came from, else from where it was kept before.
const MAX_COPY_ROUNDS: usize = 4;

/// What the tags are on a tree that a merge gave: nothing is asked but for copies, what comes from
/// other environments moves, and the rest is what is recorded.
pub fn follow_merged(
    merged: &Subject,
    subjects: &[&Subject],
    gathering: &Gathering<'_>,
    inquiry: &mut Inquiry,
    ask: &mut Ask<'_>,
) -> Following {
    let mut index = StreamIndex::default();
    for subject in subjects {
        index.add(&subject.environment.name, &subject.manifests.streams);
    }
    let access = access(subjects, gathering.operator);
    let (none, nothing) = (BTreeMap::new(), Taking::default());
    let taking = gathering.takings.get(&merged.environment.name);
    let world = World {
        environment: &merged.environment.name,
        streams: &merged.manifests.streams,
        index: &index,
        is_partial: gathering.is_partial,
        triggers: &merged.manifests.triggers,
        hooks: &merged.manifests.tag_hooks,
        policy: &gathering.policy.imports,
        access: &access,
        not_due: &none,
        taking: taking.unwrap_or(&nothing),
        imports: false,
        minimum_age: std::time::Duration::ZERO,
        now: gathering.now,
    };
    let mut following = resolve::follow(&world, inquiry);
    for _ in 0..MAX_COPY_ROUNDS {
        let open = inquiry.open(gathering.verified);
        if open.is_empty() {
            break;
        }
        let answers = ask(&open);
        if answers.is_empty() {
            break;
        }
        inquiry.put_answers(answers);
        following = resolve::follow(&world, inquiry);
    }
    following
}

/// The RoleBindings of all environments: one may let another in.
pub(crate) fn access(subjects: &[&Subject], operator: &OperatorPolicy) -> Access {
    let mut access = Access {
        enforced: operator.enforces_access,
        ..Access::default()
    };
    for grant in subjects
        .iter()
        .flat_map(|subject| &subject.manifests.grants)
    {
        let subjects = access.grants.entry(grant.namespace.clone()).or_default();
        subjects.extend(grant.subjects.iter().cloned());
        if !grant.subjects.is_empty() {
            let right = access.rights.entry(grant.namespace.clone());
            let right = right.or_insert(grant.right);
            *right = grant.right.max(*right);
        }
    }
    access
}

fn older_images(
    subjects: &[&Subject],
    name: &StreamName,
    older: &mut Older<'_>,
) -> Result<Vec<TagEvent>, Error> {
    for subject in subjects {
        let mut streams = subject.manifests.streams.iter();
        if let Some(stream) = streams.find(|stream| stream.name == *name) {
            return older(subject, stream);
        }
    }
    Ok(Vec::new())
}

/// Takes out the triggers of all subjects that use streams they may not.
pub fn forbid(subjects: &mut [Subject], operator: &OperatorPolicy) {
    let access = access(&subjects.iter().collect::<Vec<_>>(), operator);
    for subject in subjects {
        let triggers = std::mem::take(&mut subject.manifests.triggers);
        let (permitted, problems) = resolve::permitted(triggers, &access);
        subject.manifests.triggers = permitted;
        subject.manifests.problems.extend(problems);
    }
}
