//! The planned files, read again by the reader that every pass uses.

use std::collections::HashMap;

use crate::manifest::Manifests;
use crate::plan::adopt::{Adoption, Use};
use crate::problem::Problem;
use crate::stream::DocumentAddress;
use crate::trigger::Trigger;

/// What of `adoption` does not act in `after`, the manifests with all its changes made.
pub fn check(adoption: &Adoption, after: &[Manifests]) -> Vec<Problem> {
    let mut triggers: HashMap<(&DocumentAddress, String), (&Trigger, &Manifests)> = HashMap::new();
    for manifests in after {
        for trigger in &manifests.triggers {
            let field = trigger.target.field.to_string();
            triggers.insert((&trigger.target.document, field), (trigger, manifests));
        }
    }
    let fault = |used: &Use| -> Option<&'static str> {
        let key = (&used.document, used.field.clone());
        let Some((trigger, manifests)) = triggers.get(&key) else {
            return Some("its link is not read");
        };
        if trigger.from != used.from {
            return Some("another trigger keeps it");
        }
        let stream = manifests
            .streams
            .iter()
            .find(|stream| stream.name == used.from.stream);
        match stream {
            None => Some("the stream does not belong to the environment"),
            Some(stream) if stream.tag(&used.from.tag).is_none() => {
                Some("the stream has no such tag")
            }
            Some(_) => None,
        }
    };
    adoption
        .uses
        .iter()
        .filter_map(|used| {
            let why = fault(used)?;
            let message = format!("it would not be followed by {}: {why}", used.from);
            let advice = "add the folder of the streams to the environment's `paths` in headwater.yaml, or name another one by --folder";
            Some(Problem::error(used.place.clone(), message).advice(advice))
        })
        .collect()
}
