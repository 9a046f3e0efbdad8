//! Images that are kept in the environment's own registry, so that nothing depends on where they
//! came from.
//!
//! OpenShift's registry fetches such an image when somebody pulls it (openshift/image-registry
//! `pkg/dockerregistry/server/pullthroughmanifestservice.go`); here it is copied before a pin
//! names it.

use std::collections::HashMap;

use crate::copying::{CopyOrder, CopyState, Platforms, keeping_tag};
use crate::image::{Digest, Reference, Repository};
use crate::lookup::Resolution;
use crate::resolve::follow::World;
use crate::resolve::image::insecure;
use crate::resolve::inquiry::Inquiry;
use crate::resolve::state::{Kept, Outcome, TagState, Uncopied};
use crate::stream::{ImageStream, ReferencePolicy, SpecTag, StreamName, StreamTagName, TagSource};

/// Says of each tag whose image is to be kept whether it is; what must be asked first goes to
/// `inquiry`. An image that cannot be copied leaves the tag where it was.
pub(crate) fn keep(world: &World<'_>, states: &mut [TagState], inquiry: &mut Inquiry) {
    let streams: HashMap<&StreamName, &ImageStream> = world
        .streams
        .iter()
        .filter(|stream| stream.integrated.is_some())
        .map(|stream| (&stream.name, stream))
        .collect();
    for state in states {
        let place = streams.get(&state.name.stream).and_then(|stream| {
            let tag = stream.tag(&state.name.tag)?;
            Place::of(world, stream, tag, state)
        });
        if let Some(place) = place {
            place.settle(state, inquiry);
            if world.imports {
                place.attach(state, inquiry);
            }
        }
    }
}

/// Where a tag's images are kept.
struct Place<'a> {
    stream: &'a ImageStream,
    tag: &'a SpecTag,
    to: Repository,
    /// Where the stream tag has its own that the image comes from.
    beside: Option<Repository>,
}

impl<'a> Place<'a> {
    /// None where the image is used where it is.
    fn of(
        world: &World<'_>,
        stream: &'a ImageStream,
        tag: &'a SpecTag,
        state: &mut TagState,
    ) -> Option<Self> {
        let Some(to) = stream.own_repository() else {
            // Its environment names no registry that there is, which a problem says.
            if tag.wants_copy() {
                state.kept = Kept::Nowhere(None);
                state.recorded_kept = Kept::Nowhere(None);
            }
            return None;
        };
        let beside = source(world, tag, state).filter(|beside| !beside.is_same(&to));
        let is_wanted = match tag.source {
            // What was pushed into another environment's registry.
            TagSource::Pushed(_) => state.image().is_some_and(|image| {
                let mut beside = beside.iter();
                beside.any(|beside| beside.is_same(&image.repository))
            }),
            _ => tag.settings.reference_policy == ReferencePolicy::Local && !tag.settings.reference,
        };
        is_wanted.then_some(Self {
            stream,
            tag,
            to,
            beside,
        })
    }

    fn settle(&self, state: &mut TagState, inquiry: &mut Inquiry) {
        if let Outcome::Resolved(digest) | Outcome::Linked(digest) = &state.outcome
            && state.recorded_digest().as_ref() != Some(digest)
            && let Some(image) = state.image()
        {
            match self.ask(&image, inquiry) {
                None => state.outcome = Outcome::Pending,
                Some(Ok(())) => {}
                Some(Err(failed)) => state.outcome = Outcome::Uncopied(failed),
            }
        }
        state.kept = self.kept(state.image(), inquiry);
        state.recorded_kept = self.kept(state.recorded_image(), inquiry);
    }

    fn kept(&self, image: Option<Reference>, inquiry: &mut Inquiry) -> Kept {
        let Some(image) = image else {
            return Kept::AtSource;
        };
        match self.ask(&image, inquiry) {
            None => Kept::Nowhere(None),
            Some(Ok(())) => Kept::Copied(Reference {
                repository: self.to.clone(),
                tag: self.tag.name.parse().ok(),
                digest: None,
            }),
            Some(Err(failed)) => Kept::Nowhere(Some(failed)),
        }
    }

    /// Whether the image is kept; none where that must be asked first. Where it came from goes
    /// first, since what was attached since is there.
    fn ask(&self, image: &Reference, inquiry: &mut Inquiry) -> Option<Result<(), Uncopied>> {
        let digest = image.digest.as_ref()?;
        if image.repository.is_same(&self.to) {
            return Some(Ok(()));
        }
        let copied = inquiry.copied(&self.order(image, digest, inquiry))?;
        let failed = match arrived(copied) {
            Err(failed @ Uncopied::Failed(_)) => failed,
            other => return Some(other),
        };
        let Some(order) = self.order_beside(image, digest, inquiry) else {
            return Some(Err(failed));
        };
        match arrived(inquiry.copied(&order)?) {
            Err(Uncopied::Failed(_)) => Some(Err(failed)),
            other => Some(other),
        }
    }

    /// What is attached to an image after it was copied, such as a signature, comes after it.
    fn attach(&self, state: &TagState, inquiry: &mut Inquiry) {
        let Some(image) = state.image().filter(|_| state.copy().is_some()) else {
            return;
        };
        // What came from there is no copy.
        let Some(digest) = image
            .digest
            .as_ref()
            .filter(|_| !image.repository.is_same(&self.to))
        else {
            return;
        };
        let order = self.order(&image, digest, inquiry);
        // Where it was made in this pass, all came along.
        if !matches!(inquiry.copied(&order), Some(Ok(CopyState::There))) {
            return;
        }
        if let Some(beside) = self.order_beside(&image, digest, inquiry) {
            inquiry.attach(&beside);
        }
        inquiry.attach(&order);
    }

    /// From where the image was kept before; none where it came from there.
    fn order_beside(
        &self,
        image: &Reference,
        digest: &Digest,
        inquiry: &Inquiry,
    ) -> Option<CopyOrder> {
        let beside = self.beside.as_ref();
        let beside = beside.filter(|beside| !beside.is_same(&image.repository))?;
        Some(CopyOrder {
            from: beside.clone(),
            insecure: false,
            secrets_of: None,
            ..self.order(image, digest, inquiry)
        })
    }

    fn order(&self, image: &Reference, digest: &Digest, inquiry: &Inquiry) -> CopyOrder {
        CopyOrder {
            from: image.repository.clone(),
            insecure: insecure(self.stream, &self.tag.settings),
            secrets_of: inquiry.secrets_of(&self.stream.name.namespace),
            digest: digest.clone(),
            to: self.to.clone(),
            to_insecure: false,
            mounts_from: self.beside.clone(),
            tags: keeping_tag(digest).into_iter().collect(),
            with_referrers: true,
            platforms: Platforms::All,
        }
    }
}

/// What is only wanted is there for who looks: it would be made.
fn arrived(copied: &Result<CopyState, Resolution>) -> Result<(), Uncopied> {
    match copied {
        Ok(CopyState::There | CopyState::Made(_) | CopyState::Wanted) => Ok(()),
        Ok(CopyState::UnderWay) => Err(Uncopied::UnderWay),
        Err(resolution) => Err(Uncopied::Failed(resolution.clone())),
    }
}

/// Where the stream tag keeps its images that this one's come from; none where it keeps none.
fn source(world: &World<'_>, tag: &SpecTag, state: &TagState) -> Option<Repository> {
    let linked: Option<&StreamTagName> = match &tag.source {
        TagSource::StreamTag(source) => Some(source),
        _ => None,
    };
    let (stream, tag) = match (&state.promoted_from, linked) {
        (Some(from), _) => {
            let taken = world.taking.sources.get(&from.environment);
            let mut now = taken.map_or(&[][..], |taken| taken.now).iter();
            let stream = now.find(|stream| stream.name == from.tag.stream);
            let stream = stream.or_else(|| world.of(&from.environment, &from.tag.stream));
            (stream?, &from.tag.tag)
        }
        (None, Some(from)) => (world.stream(&from.stream)?, &from.tag),
        (None, None) => return None,
    };
    let source = stream.tag(tag)?;
    let keeps = source.settings.reference_policy == ReferencePolicy::Local
        || matches!(source.source, TagSource::Pushed(_));
    stream.own_repository().filter(|_| keeps)
}
