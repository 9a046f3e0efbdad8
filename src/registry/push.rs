//! Writing to a repository: image manifests put, looked for, deleted (distribution specification,
//! "Pushing Manifests", "Deleting Manifests", "Deleting tags").
//!
//! By our own transport: oci-client has its own authentication, which is never used, and takes
//! neither our resolver nor our limits.

use hyper::body::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Method, StatusCode};

use crate::image::Digest;
use crate::lookup::{Reason, Wanted};
use crate::registry::access::{Access, Ask, Place};
use crate::registry::envelope;
use crate::registry::error::{Failure, FailureKind};
use crate::registry::image_manifest::ACCEPT;
use crate::registry::question::{MANIFEST_LIMIT, address, digest_header, is_no_head};
use crate::registry::transport::{ALTERED, Answer};

const ANSWER_LIMIT: usize = 64 * 1024;
/// Says that the registry lists the manifest as a referrer by itself (distribution specification,
/// "Pushing Manifests with Subject").
const SUBJECT_HEADER: &str = "oci-subject";

/// What a HEAD tells of a tag or digest.
enum Sight {
    /// The digest, in the registry's words.
    Named(String),
    Nothing,
    /// The registry answers no HEAD here, or names none: a GET tells.
    Unsaid,
}

impl Access<'_> {
    /// Puts `body`, which has this digest, under a tag or under the digest itself. Whether the
    /// registry keeps the list of referrers of its subject.
    pub async fn put_manifest(
        &self,
        wanted: &Wanted,
        digest: &Digest,
        media_type: &str,
        body: &Bytes,
    ) -> Result<bool, Failure> {
        let answer = self
            .ask_to_put(wanted, media_type, body, HeaderMap::new())
            .await?;
        if !answer.status.is_success() {
            return Err(self.explain_push(&answer, &self.image(wanted)));
        }
        self.check_written(&answer, digest)?;
        Ok(answer.headers.contains_key(SUBJECT_HEADER))
    }

    pub async fn ask_to_put(
        &self,
        wanted: &Wanted,
        media_type: &str,
        body: &Bytes,
        mut headers: HeaderMap,
    ) -> Result<Answer, Failure> {
        let media_type = HeaderValue::from_str(media_type)
            .map_err(|_| self.refused("the image manifest's media type cannot be sent"))?;
        headers.insert(CONTENT_TYPE, media_type);
        let rest = address(wanted);
        let ask = Ask {
            headers,
            body: Some(body.clone()),
            limit: ANSWER_LIMIT,
            ..Ask::new(Method::PUT, Place::Below(&rest))
        };
        self.ask_this(&ask).await
    }

    /// The digest that the registry says it has written, where it says one.
    pub fn check_written(&self, answer: &Answer, digest: &Digest) -> Result<(), Failure> {
        match digest_header(&answer.headers) {
            Some(named) if named != digest.as_str() => Err(self.altered(digest)),
            _ => Ok(()),
        }
    }

    /// Whether this tag or digest is there, and is this digest.
    pub async fn names(&self, wanted: &Wanted, digest: &Digest) -> Result<bool, Failure> {
        match self.look(wanted).await? {
            Sight::Named(named) => return Ok(named == digest.as_str()),
            Sight::Nothing => return Ok(false),
            Sight::Unsaid => {}
        }
        let answer = self
            .ask_for(ACCEPT, Method::GET, &address(wanted), MANIFEST_LIMIT)
            .await?;
        match answer.status {
            StatusCode::NOT_FOUND => Ok(false),
            status if status.is_success() => Ok(digest.matches(&answer.body)),
            _ => Err(self.explain(&answer, wanted)),
        }
    }

    /// The digest that a tag has; none where there is no such tag. Of a registry's own word, so
    /// nothing is to be written by it.
    pub async fn named(&self, wanted: &Wanted) -> Result<Option<Digest>, Failure> {
        match self.look(wanted).await? {
            Sight::Named(named) => {
                if let Ok(digest) = named.parse() {
                    return Ok(Some(digest));
                }
            }
            Sight::Nothing => return Ok(None),
            Sight::Unsaid => {}
        }
        match self.read(wanted).await {
            Ok(read) => Ok(Some(read.digest)),
            Err(failure) if failure.kind == FailureKind::Missing => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    async fn look(&self, wanted: &Wanted) -> Result<Sight, Failure> {
        if !self.host.answers_head() {
            return Ok(Sight::Unsaid);
        }
        let answer = self
            .ask_for(ACCEPT, Method::HEAD, &address(wanted), 0)
            .await?;
        match answer.status {
            status if status.is_success() => Ok(digest_header(&answer.headers)
                .map_or(Sight::Unsaid, |named| Sight::Named(named.to_owned()))),
            StatusCode::NOT_FOUND => Ok(Sight::Nothing),
            status if is_no_head(status) => Ok(Sight::Unsaid),
            _ => Err(self.explain(&answer, wanted)),
        }
    }

    /// A last look after everything was written.
    pub async fn check_arrived(&self, wanted: &Wanted, digest: &Digest) -> Result<(), Failure> {
        if self.names(wanted, digest).await? {
            return Ok(());
        }
        Err(self
            .refused(&format!(
                "{} is not {digest}, though that was written just now",
                self.image(wanted)
            ))
            .advice("somebody else writes this tag, or the registry lost the image; copy it again"))
    }

    /// Whether there was something to delete.
    pub async fn delete(&self, wanted: &Wanted) -> Result<bool, Failure> {
        let rest = address(wanted);
        let ask = Ask {
            limit: ANSWER_LIMIT,
            ..Ask::new(Method::DELETE, Place::Below(&rest))
        };
        let answer = self.ask_this(&ask).await?;
        let image = self.image(wanted);
        let said = said(&answer);
        match (answer.status, wanted) {
            (status, _) if status.is_success() => Ok(true),
            (StatusCode::NOT_FOUND, _) => {
                self.check_version(&answer).await?;
                Ok(false)
            }
            // Distribution before version 3 takes digests only, and says so in many ways.
            (
                StatusCode::BAD_REQUEST
                | StatusCode::METHOD_NOT_ALLOWED
                | StatusCode::NOT_IMPLEMENTED,
                Wanted::Tag(_),
            ) => Err(self
                .refused(&format!(
                    "{image} is not deleted: the registry answers {}{said}",
                    answer.status
                ))
                .advice(
                    "it deletes no single tags, or deletion is disabled in its own configuration; \
                     deleting the manifest by its digest deletes all tags of it",
                )),
            (StatusCode::METHOD_NOT_ALLOWED, Wanted::Digest(_)) => Err(self
                .refused(&format!(
                    "{image} is not deleted: deletion is disabled in the registry's own \
                     configuration{said}"
                ))
                .advice(
                    "enable it there; in docker-registry: storage.delete.enabled, or \
                     REGISTRY_STORAGE_DELETE_ENABLED=true in its environment",
                )),
            (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, _) => {
                Err(self.needs_right(&answer, &image, "to delete from"))
            }
            (status, _) if status.is_client_error() => Err(self.refused(&format!(
                "{image} is not deleted: the registry answers {status}{said}"
            ))),
            _ => Err(self.explain(&answer, wanted)),
        }
    }

    /// An answer to writing that is no success, in words.
    pub fn explain_push(&self, answer: &Answer, image: &str) -> Failure {
        let host = self.name();
        let said = said(answer);
        match answer.status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                self.needs_right(answer, image, "to push to")
            }
            StatusCode::NOT_FOUND => Failure::missing(
                &host,
                format!(
                    "{image} is not taken: \"{}\" is not there{said}",
                    self.repository
                ),
            )
            .advice("create the repository or its project there; pushing does not create it"),
            StatusCode::METHOD_NOT_ALLOWED => self
                .refused(&format!(
                    "{image} is not taken: the registry is read only{said}"
                ))
                .advice("a mirror, or a registry in maintenance; push to another one"),
            status if status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS => self
                .refused(&format!(
                    "{image} is not taken: the registry answers {status}{said}"
                )),
            status => Failure::unavailable(
                &host,
                format!("{image}: the registry answers {status}{said}"),
            ),
        }
    }

    fn needs_right(&self, answer: &Answer, image: &str, right: &str) -> Failure {
        let failure = self.access_denied(answer, image, &said(answer));
        if failure.fault.reason == Reason::Forbidden {
            return failure.advice(format!(
                "the operator's login needs the right {right} \"{}\"",
                self.repository
            ));
        }
        failure
    }

    fn altered(&self, digest: &Digest) -> Failure {
        let what = format!("the registry says that it has written another digest than {digest}");
        let name = self.name();
        let said = format!("{}: {what}", self.repository);
        self.inner.transport.alarm(ALTERED, &name, &said);
        self.refused(&what)
            .advice("the registry or a proxy before it changes what is pushed")
    }
}

/// The registry's own words, in parentheses.
fn said(answer: &Answer) -> String {
    envelope::message(&answer.body)
        .map(|text| format!(" ({text})"))
        .unwrap_or_default()
}
