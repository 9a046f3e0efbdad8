use crate::access::{Access, IMAGE_PUSHER};
use crate::problem::{Place, Problem};
use crate::stream::StreamTagName;
use crate::trigger::Trigger;

/// The triggers whose streams their objects may use, and what is wrong with the others
/// (openshift-apiserver `registry/imagestream/strategy.go`, `TagVerifier`, which asks the same of
/// stream tags).
pub fn permitted(triggers: Vec<Trigger>, access: &Access) -> (Vec<Trigger>, Vec<Problem>) {
    let mut problems = Vec::new();
    let permitted = triggers
        .into_iter()
        .filter(|trigger| {
            let user = &trigger.target.namespace;
            let is_allowed = access.allows(user, &trigger.from.stream.namespace);
            if !is_allowed {
                let problem = Problem::error(trigger.place.clone(), refusal(user, &trigger.from));
                problems.push(problem.advice(advice(user, &trigger.from)));
            }
            is_allowed
        })
        .collect();
    (permitted, problems)
}

pub(crate) fn refusal(user: &str, from: &StreamTagName) -> String {
    let (stream, owner) = (&from.stream, &from.stream.namespace);
    format!(
        "{stream}: forbidden: no RoleBinding in the namespace {owner} lets {user} pull its images"
    )
}

pub(crate) fn advice(user: &str, from: &StreamTagName) -> String {
    let owner = &from.stream.namespace;
    format!(
        "headwater policy add-role-to-group system:image-puller system:serviceaccounts:{user} -n {owner}"
    )
}

/// What is wrong with a tag that is pushed where nobody may push.
pub(crate) fn unpushable(tag: &StreamTagName, place: &Place) -> Problem {
    let namespace = &tag.stream.namespace;
    let message = format!(
        "{tag}: forbidden: no RoleBinding in the namespace {namespace} lets anybody push its images; what is recorded stays"
    );
    Problem::error(place.clone(), message).advice(format!(
        "headwater policy add-role-to-user {IMAGE_PUSHER} USER -n {namespace}"
    ))
}
