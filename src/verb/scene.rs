//! What a command's words are about: the streams and objects of the environments at hand.

use crate::environment::Environment;
use crate::manifest::{Manifests, Reach};
use crate::snapshot::Files;
use crate::stream::{ImageStream, StreamName};
use crate::verb::Refused;

/// All that a command is decided from.
#[derive(Debug)]
pub struct Scene<'a> {
    pub realms: Vec<Realm<'a>>,
    pub files: &'a Files,
    /// The current namespace.
    pub namespace: String,
}

/// One environment, and what its files say.
#[derive(Debug)]
pub struct Realm<'a> {
    pub environment: &'a Environment,
    pub manifests: Manifests,
    pub reach: Reach,
}

impl Scene<'_> {
    /// The stream of that name, and its environment; refused where two environments have one.
    pub fn stream(&self, name: &StreamName) -> Result<Option<(&Realm<'_>, &ImageStream)>, Refused> {
        let mut found = self.realms.iter().filter_map(|realm| {
            let mut streams = realm.manifests.streams.iter();
            Some((realm, streams.find(|stream| stream.name == *name)?))
        });
        let first = found.next();
        match (first, found.next()) {
            (Some((one, _)), Some((other, _))) => Err(Refused::new(format!(
                "the image stream {name} stands in the environments {} and {}",
                one.environment.name, other.environment.name
            ))
            .hint("give --environment")),
            (found, _) => Ok(found),
        }
    }

    /// The same; one that is not there is refused in the API server's words.
    pub fn existing(&self, name: &StreamName) -> Result<(&Realm<'_>, &ImageStream), Refused> {
        self.stream(name)?.ok_or_else(|| {
            Refused::new(format!(
                "imagestreams.image.openshift.io \"{}\" not found",
                name.name
            ))
        })
    }

    /// The streams of the current namespace, by name.
    pub fn streams(&self) -> Vec<&ImageStream> {
        let mut streams: Vec<&ImageStream> = self
            .realms
            .iter()
            .flat_map(|realm| &realm.manifests.streams)
            .filter(|stream| stream.name.namespace == self.namespace)
            .collect();
        streams.sort_by(|a, b| a.name.cmp(&b.name));
        streams
    }

    /// The environment that a new object of `namespace` belongs to: that of the namespace's
    /// streams, else one that names the namespace, else one that takes any.
    pub fn realm_of(&self, namespace: &str) -> Result<&Realm<'_>, Refused> {
        let has_streams = |realm: &&Realm<'_>| {
            let mut streams = realm.manifests.streams.iter();
            streams.any(|stream| stream.name.namespace == namespace)
        };
        let names_it = |realm: &&Realm<'_>| {
            realm
                .environment
                .namespaces
                .iter()
                .any(|own| own == namespace)
        };
        let takes_any = |realm: &&Realm<'_>| realm.environment.namespaces.is_empty();
        let realms = || self.realms.iter();
        realms()
            .find(has_streams)
            .or_else(|| realms().find(names_it))
            .or_else(|| realms().find(takes_any))
            .ok_or_else(|| {
                Refused::new(format!("no environment here has the namespace {namespace}"))
                    .hint("add it to an environment's `namespaces` in headwater.yaml, or give -n")
            })
    }
}
