//! What an environment runs, by its files.

use std::collections::{BTreeSet, HashMap};

use crate::image::Digest;
use crate::manifest::Manifests;
use crate::stream::{ALL_TAGS, ImageStream, StreamTagName, TagEvent};
use crate::trigger::Trigger;

/// A stream tag as it stands in one environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Running<'m> {
    pub tag: StreamTagName,
    pub stream: &'m ImageStream,
    /// What the fields that follow it are pinned to, where they agree; else the newest recorded
    /// image. A digest, or the name of what is recorded without one.
    pub image: Option<String>,
    /// Newest first.
    pub recorded: &'m [TagEvent],
    /// What fields are pinned to.
    pub pinned: BTreeSet<Digest>,
}

impl Running<'_> {
    /// Whether some field is pinned to another image than the others, or than the recorded one.
    pub fn is_mixed(&self) -> bool {
        let newest = self.recorded.first().map(|item| item.image.as_str());
        self.pinned
            .iter()
            .any(|digest| newest.is_some_and(|newest| newest != digest.as_str()))
            || self.pinned.len() > 1
    }

    pub fn runs(&self, digest: &Digest) -> bool {
        self.image.as_deref() == Some(digest.as_str()) || self.pinned.contains(digest)
    }
}

/// Every stream tag, in the order of the files.
pub fn running(manifests: &Manifests) -> Vec<Running<'_>> {
    let mut followers: HashMap<&StreamTagName, Vec<&Trigger>> = HashMap::new();
    for trigger in &manifests.triggers {
        followers.entry(&trigger.from).or_default().push(trigger);
    }
    let streams = manifests.streams.iter();
    let tags = streams.flat_map(|stream| tag_names(stream).map(move |tag| (stream, tag)));
    tags.map(|(stream, tag)| {
        let tag = StreamTagName {
            stream: stream.name.clone(),
            tag: tag.to_owned(),
        };
        let fields = followers.get(&tag).into_iter().flatten();
        let pinned: BTreeSet<Digest> = fields
            .filter_map(|trigger| digest_in(trigger.target.current.as_deref()?))
            .collect();
        let recorded = stream.history(&tag.tag);
        let newest = recorded.first().map(|item| match item.image.as_str() {
            "" => item.reference.clone(),
            image => image.to_owned(),
        });
        let agreed = pinned.first().filter(|_| pinned.len() == 1);
        Running {
            image: agreed.map(ToString::to_string).or(newest),
            tag,
            stream,
            recorded,
            pinned,
        }
    })
    .collect()
}

fn tag_names(stream: &ImageStream) -> impl Iterator<Item = &str> {
    let own = stream.tags.iter().map(|tag| tag.name.as_str());
    let recorded = stream.status.iter().map(|status| status.tag.as_str());
    let mut seen = BTreeSet::new();
    own.chain(recorded)
        .filter(move |name| *name != ALL_TAGS && seen.insert(*name))
}

/// The digest in a field, whatever stands before it.
fn digest_in(text: &str) -> Option<Digest> {
    let at = ["sha256:", "sha512:"]
        .iter()
        .find_map(|algorithm| text.rfind(algorithm))?;
    text.get(at..)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use crate::environment::Environment;
    use crate::manifest::{assemble, read_file};

    use super::*;

    #[test]
    fn fields_that_agree_say_what_runs() {
        let (a, b) = (Digest::of(b"a"), Digest::of(b"b"));
        let stream = format!(
            "apiVersion: image.openshift.io/v1\nkind: ImageStream\nmetadata: {{name: web, namespace: dev}}\nspec: {{tags: [{{name: '1'}}, {{name: '2'}}]}}\nstatus:\n  tags:\n  - tag: '1'\n    items: [{{created: 2026-01-01T00:00:00Z, dockerImageReference: q.io/a/web@{a}, image: '{a}'}}]\n"
        );
        let field = |image: &Digest| {
            format!("image: q.io/a/web:1@{image} # {{\"$imagestream\": \"dev/web:1\"}}\n")
        };
        let of = |fields: &[&Digest]| {
            let mut files = vec![("s.yaml".to_owned(), stream.clone())];
            for (number, digest) in fields.iter().enumerate() {
                files.push((format!("f{number}.yaml"), field(digest)));
            }
            let files: Vec<_> = files
                .iter()
                .map(|(path, text)| (path.parse().unwrap(), read_file(text.as_bytes()).into()))
                .collect();
            let environment = Environment::default();
            let environments = std::slice::from_ref(&environment);
            let manifests = assemble(&files, &[].into(), &environment, environments);
            let found = running(&manifests);
            assert_eq!(found.len(), 2);
            assert_eq!(found[1].image, None);
            (found[0].image.clone().unwrap(), found[0].is_mixed())
        };
        assert_eq!(of(&[]), (a.to_string(), false));
        assert_eq!(of(&[&a, &a]), (a.to_string(), false));
        assert_eq!(of(&[&b]), (b.to_string(), true));
        assert_eq!(of(&[&a, &b]), (a.to_string(), true));
    }
}
