//! From a question to its answer: HEAD as a hint, GET with a hash check before anything is
//! pinned, an index only when its images are there.

use futures_util::future::join_all;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{Method, StatusCode};

use crate::image::{Digest, Platform};
use crate::lookup::{Found, Lookup, Reason, Resolution, Wanted};
use crate::registry::access::{Access, login_command};
use crate::registry::error::{Failure, FailureKind};
use crate::registry::image_manifest::{Descriptor, ImageManifest};
use crate::registry::transport::{ALTERED, Answer};
use crate::registry::{envelope, image_manifest};
use crate::stream::ImportMode;

pub(super) const MANIFEST_LIMIT: usize = 4 * 1024 * 1024;
const DIGEST_HEADER: &str = "docker-content-digest";

/// An image manifest whose hash was checked.
#[derive(Debug)]
pub(super) struct Read {
    pub digest: Digest,
    pub manifest: ImageManifest,
    pub body: Vec<u8>,
}

/// What a HEAD gave.
enum Hint {
    Unchanged(Found),
    /// Changed, or not asked.
    Nothing,
    /// The registry may answer no HEAD here, or without a digest; when a GET works, it does not.
    NoHead,
}

impl Access<'_> {
    pub async fn resolve(&self, lookup: &Lookup) -> Resolution {
        match self.find(lookup).await {
            Ok(found) => Resolution::Found(found),
            Err(failure) => failure.into(),
        }
    }

    async fn find(&self, lookup: &Lookup) -> Result<Found, Failure> {
        let hint = self.hint(lookup).await?;
        if let Hint::Unchanged(found) = hint {
            return Ok(found);
        }
        let read = self.read(&lookup.wanted).await?;
        if matches!(hint, Hint::NoHead) {
            self.host.note_head_refused();
        }
        let ImageManifest::Index { children, .. } = &read.manifest else {
            return Ok(Found {
                digest: read.digest,
                index: None,
            });
        };
        match lookup.import_mode {
            ImportMode::PreserveOriginal => {
                let images: Vec<&Descriptor> = children.iter().collect();
                self.check_present(&images).await?;
                Ok(Found {
                    digest: read.digest,
                    index: None,
                })
            }
            ImportMode::Legacy => {
                let image = choose(children, &lookup.platforms)
                    .ok_or_else(|| self.refused("the index names no image"))?;
                self.check_present(&[image]).await?;
                Ok(Found {
                    digest: image.digest.clone(),
                    index: Some(read.digest),
                })
            }
        }
    }

    /// What a HEAD can tell: that nothing has changed. Nothing known, nothing to ask.
    async fn hint(&self, lookup: &Lookup) -> Result<Hint, Failure> {
        let is_hopeless = lookup.known.is_empty() && lookup.chosen.is_empty();
        if is_hopeless || !self.host.answers_head() {
            return Ok(Hint::Nothing);
        }
        let answer = self.ask(Method::HEAD, &address(&lookup.wanted), 0).await?;
        if is_no_head(answer.status) {
            return Ok(Hint::NoHead);
        }
        if !answer.status.is_success() {
            return Err(self.explain(&answer, &lookup.wanted));
        }
        let Some(named) = digest_header(&answer.headers) else {
            return Ok(Hint::NoHead);
        };
        let Ok(named) = named.parse::<Digest>() else {
            return Ok(Hint::Nothing);
        };
        let found = recognise(lookup, named, content_type(&answer.headers));
        Ok(found.map_or(Hint::Nothing, Hint::Unchanged))
    }

    /// Gets an image manifest and checks its hash.
    pub async fn read(&self, wanted: &Wanted) -> Result<Read, Failure> {
        let answer = self
            .ask(Method::GET, &address(wanted), MANIFEST_LIMIT)
            .await?;
        if !answer.status.is_success() {
            self.check_version(&answer).await?;
            return Err(self.explain(&answer, wanted));
        }
        let digest = self.checked_digest(&answer, wanted)?;
        let manifest = ImageManifest::read(&answer.body, content_type(&answer.headers))
            .map_err(|reason| self.refused(&reason))?;
        Ok(Read {
            digest,
            manifest,
            body: answer.body,
        })
    }

    /// The body's digest; it must be the one that was asked for, and the one in the header.
    fn checked_digest(&self, answer: &Answer, wanted: &Wanted) -> Result<Digest, Failure> {
        let mismatch = |claimed: &str| {
            let what = format!(
                "content integrity error: the manifest retrieved with digest {claimed} does not \
                 match the digest calculated from the content {}",
                Digest::of(&answer.body)
            );
            let host = self.host.authority.to_string();
            let said = format!("{}: {what}", self.repository);
            self.inner.transport.alarm(ALTERED, &host, &said);
            self.refused(&what)
                .advice("the registry or a cache before it is broken or hostile; the pin stays")
        };
        let named = match digest_header(&answer.headers) {
            Some(text) => Some(text.parse::<Digest>().map_err(|error| {
                self.refused(&format!("the registry names an unusable digest: {error}"))
            })?),
            None => None,
        };
        if let Some(named) = named.as_ref().filter(|named| !named.matches(&answer.body)) {
            return Err(mismatch(named.as_str()));
        }
        match wanted {
            Wanted::Digest(wanted) if wanted.matches(&answer.body) => Ok(wanted.clone()),
            Wanted::Digest(wanted) => Err(mismatch(wanted.as_str())),
            Wanted::Tag(_) => Ok(named.unwrap_or_else(|| Digest::of(&answer.body))),
        }
    }

    /// An index whose images are still being pushed must not be pinned.
    async fn check_present(&self, images: &[&Descriptor]) -> Result<(), Failure> {
        let checks = images.iter().map(|image| self.check_child(&image.digest));
        join_all(checks).await.into_iter().collect()
    }

    async fn check_child(&self, digest: &Digest) -> Result<(), Failure> {
        let wanted = Wanted::Digest(digest.clone());
        if self.host.answers_head() {
            let answer = self.ask(Method::HEAD, &address(&wanted), 0).await?;
            if answer.status.is_success() {
                return match digest_header(&answer.headers) {
                    Some(named) if named != digest.as_str() => Err(self.refused(&format!(
                        "asked for {digest}, the registry answers with another digest"
                    ))),
                    _ => Ok(()),
                };
            }
            if !is_no_head(answer.status) {
                return Err(self.explain(&answer, &wanted));
            }
        }
        let answer = self
            .ask(Method::GET, &address(&wanted), MANIFEST_LIMIT)
            .await?;
        match answer.status {
            status if status.is_success() => {
                self.host.note_head_refused();
                Ok(())
            }
            StatusCode::NOT_FOUND => Err(Failure::new(
                FailureKind::Unsettled,
                &self.name(),
                format!("the index names {digest}, which is not there yet"),
            )
            .advice("the image is still being pushed; it is looked at again on the next pass")),
            _ => Err(self.explain(&answer, &wanted)),
        }
    }

    /// An answer that is no success, in words.
    pub fn explain(&self, answer: &Answer, wanted: &Wanted) -> Failure {
        self.explain_for(answer, &self.image(wanted))
    }

    /// As [`Access::explain`]; `image` is what was asked for, in quotes.
    pub fn explain_for(&self, answer: &Answer, image: &str) -> Failure {
        let host = self.name();
        let said = envelope::message(&answer.body)
            .map(|text| format!(" ({text})"))
            .unwrap_or_default();
        match answer.status {
            StatusCode::NOT_FOUND => {
                // kapierrors.NewNotFound for the resource `dockerimage`.
                let what = format!("dockerimage.image.openshift.io {image} not found{said}");
                Failure::missing(&host, what)
                    .advice("check its spelling, and that it has been pushed")
            }
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                self.access_denied(answer, image, &said)
            }
            status => Failure::unavailable(
                &host,
                format!("{image}: the registry answers {status}{said}"),
            ),
        }
    }

    pub fn access_denied(&self, answer: &Answer, image: &str, said: &str) -> Failure {
        let host = self.name();
        if let Some(other) = &answer.redirected_to {
            return Failure::denied(
                &host,
                format!("{host} redirects to {other}, which wants a login of its own"),
            )
            .advice("no credential is sent to another host");
        }
        let (message, reason) = if answer.status == StatusCode::FORBIDDEN {
            let message =
                format!("access to the container image {image} is denied, or it does not exist");
            (message, Reason::Forbidden)
        } else {
            let message = format!("you may not have access to the container image {image}");
            (message, Reason::Unauthorized)
        };
        Failure::denied(&host, format!("{message}{said}"))
            .reason(reason)
            .advice(format!("log in: {}", login_command(&host)))
    }

    pub fn refused(&self, message: &str) -> Failure {
        Failure::refused(&self.name(), message)
    }

    pub fn name(&self) -> String {
        self.host.authority.to_string()
    }

    /// The image as people write it.
    pub fn image(&self, wanted: &Wanted) -> String {
        match wanted {
            Wanted::Tag(tag) => format!("\"{}:{tag}\"", self.repository),
            Wanted::Digest(digest) => format!("\"{}@{digest}\"", self.repository),
        }
    }
}

pub(super) fn address(wanted: &Wanted) -> String {
    match wanted {
        Wanted::Tag(tag) => format!("manifests/{tag}"),
        Wanted::Digest(digest) => format!("manifests/{digest}"),
    }
}

/// Answers to HEAD that a GET may contradict.
pub(super) fn is_no_head(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::BAD_REQUEST | StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_FOUND
    )
}

pub(super) fn digest_header(headers: &HeaderMap) -> Option<&str> {
    headers
        .get(DIGEST_HEADER)
        .and_then(|value| value.to_str().ok())
        .filter(|text| !text.is_empty())
}

pub(super) fn content_type(headers: &HeaderMap) -> Option<&str> {
    headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
}

/// The answer that a digest from a HEAD stands for, when it was read and hashed before.
fn recognise(lookup: &Lookup, named: Digest, content_type: Option<&str>) -> Option<Found> {
    if lookup.import_mode == ImportMode::Legacy {
        if let Some(image) = lookup.chosen.get(&named) {
            return Some(Found {
                digest: image.clone(),
                index: Some(named),
            });
        }
        // An index is never the answer here.
        if content_type.is_none_or(image_manifest::is_index) {
            return None;
        }
    }
    lookup.known.contains(&named).then_some(Found {
        digest: named,
        index: None,
    })
}

/// Import mode Legacy: the preferred platforms in their order, else linux/amd64, else the first
/// image (openshift-apiserver `pkg/image/apiserver/importer`).
pub(super) fn choose<'a>(
    children: &'a [Descriptor],
    preferred: &[Platform],
) -> Option<&'a Descriptor> {
    let images = || children.iter().filter(|child| !child.is_attestation);
    let of = |wanted: &Platform| {
        images().find(|child| {
            child.platform.as_ref().is_some_and(|platform| {
                platform.os == wanted.os
                    && platform.architecture == wanted.architecture
                    && (wanted.variant.is_none() || platform.variant == wanted.variant)
            })
        })
    };
    preferred
        .iter()
        .find_map(of)
        .or_else(|| of(&Platform::linux_amd64()))
        .or_else(|| images().next())
}
