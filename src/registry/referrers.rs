//! What refers to an image (distribution specification, "Listing referrers"): by the API, or by
//! its tag where the registry has none.

use reqwest::header::LINK;
use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::image::{Digest, Referrer, Repository, Tag};
use crate::lookup::Wanted;
use crate::registry::Registries;
use crate::registry::access::Access;
use crate::registry::error::{Failure, FailureKind, clean};
use crate::registry::image_manifest::OCI_INDEX;
use crate::registry::question::{MANIFEST_LIMIT, content_type};
use crate::registry::transport::Answer;

/// What cosign 2 attaches as a referrer.
const COSIGN_SIGNATURE: &str = "application/vnd.dev.cosign.artifact.sig.v1+json";
/// What cosign 3 attaches; the version follows.
pub(super) const SIGSTORE_BUNDLE: &str = "application/vnd.dev.sigstore.bundle";
/// Says what a bundle holds: an attestation's is another.
pub(super) const PREDICATE: &str = "dev.sigstore.bundle.predicateType";
pub(super) const SIGNED: &str = "https://sigstore.dev/cosign/sign/v1";
/// Digits of the digest in the tag (distribution specification, "Referrers tag schema").
const TAG_DIGITS: usize = 64;

/// What cosign 2 makes its tags of (cosign `pkg/oci/remote`).
pub(super) const COSIGN_SUFFIXES: [&str; 3] = ["sig", "att", "sbom"];

/// Of one list that is read whole.
const MOST_PAGES: usize = 16;
const MOST_LISTED: usize = 1024;

/// One page.
#[derive(Debug, Default)]
pub(super) struct Referrers {
    /// Descriptors, as they came.
    pub list: Vec<Value>,
    pub has_more: bool,
}

/// How a referrer signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SignatureKind {
    /// An image of signed payloads, as under cosign's own tag.
    Payloads,
    Bundle,
}

impl Registries {
    /// What refers to the image, those under cosign's tags at the end: the whole list, at most
    /// 1024, and one request for each tag.
    pub async fn referrers_of(
        &self,
        repository: &Repository,
        insecure: bool,
        digest: &Digest,
    ) -> Result<Vec<Referrer>, Failure> {
        let access = self.access(repository, insecure, &None)?;
        let mut all = access.all_referrers(digest).await?;
        for suffix in COSIGN_SUFFIXES {
            let Ok(tag) = format!("{}.{suffix}", tag_of(digest)).parse::<Tag>() else {
                continue;
            };
            match access.read(&Wanted::Tag(tag.clone())).await {
                Ok(read) => all.push(Referrer {
                    digest: read.digest,
                    artifact_type: None,
                    predicate: None,
                    tag: Some(tag),
                }),
                Err(failure) if failure.kind == FailureKind::Missing => {}
                Err(failure) => return Err(failure),
            }
        }
        Ok(all)
    }
}

impl Access<'_> {
    /// At most two requests. Empty where the registry says that nothing refers to the image.
    pub async fn referrers(&self, digest: &Digest) -> Result<Referrers, Failure> {
        let mut answer = self.list(&format!("referrers/{digest}")).await?;
        if has_no_api(&answer) {
            answer = self.list(&format!("manifests/{}", tag_of(digest))).await?;
        }
        if answer.status == StatusCode::NOT_FOUND {
            return Ok(Referrers::default());
        }
        if !answer.status.is_success() {
            return Err(self.explain(&answer, &Wanted::Digest(digest.clone())));
        }
        Referrers::read(&answer.body, answer.headers.contains_key(LINK))
            .ok_or_else(|| self.refused("the list of what refers to the image cannot be read"))
    }

    /// All referrers, each once, page by page. Whole or not at all: a limit that is
    /// reached is a refusal.
    pub async fn all_referrers(&self, digest: &Digest) -> Result<Vec<Referrer>, Failure> {
        let rest = format!("referrers/{digest}");
        let mut answer = self.list(&rest).await?;
        if has_no_api(&answer) {
            answer = self.list(&format!("manifests/{}", tag_of(digest))).await?;
        }
        let first = self.address(&rest).await?;
        let mut page = first.clone();
        let mut all: Vec<Referrer> = Vec::new();
        if answer.status == StatusCode::NOT_FOUND {
            return Ok(all);
        }
        for _ in 0..MOST_PAGES {
            if !answer.status.is_success() {
                return Err(self.explain(&answer, &Wanted::Digest(digest.clone())));
            }
            let unreadable = "the list of what refers to the image cannot be read";
            let read =
                Referrers::read(&answer.body, false).ok_or_else(|| self.refused(unreadable))?;
            for entry in &read.list {
                let referrer = referrer(entry).ok_or_else(|| self.refused(unreadable))?;
                if !all.iter().any(|other| other.digest == referrer.digest) {
                    all.push(referrer);
                }
            }
            if all.len() > MOST_LISTED {
                let what = format!("more than {MOST_LISTED} images refer to one");
                return Err(self.refused(&what));
            }
            let Some(next) = self.next_page(&answer, &page, &first)? else {
                return Ok(all);
            };
            answer = self
                .list(&format!("{rest}?{}", next.query().unwrap_or_default()))
                .await?;
            page = next;
        }
        let what = format!("the list of what refers to the image has more than {MOST_PAGES} pages");
        Err(self.refused(&what))
    }

    async fn list(&self, address: &str) -> Result<Answer, Failure> {
        self.ask(Method::GET, address, MANIFEST_LIMIT).await
    }
}

impl Referrers {
    pub fn read(body: &[u8], has_more: bool) -> Option<Self> {
        let mut index: Value = serde_json::from_slice(body).ok()?;
        match index.get_mut("manifests")?.take() {
            Value::Array(list) => Some(Self { list, has_more }),
            _ => None,
        }
    }
}

/// None where it has no digest.
fn referrer(entry: &Value) -> Option<Referrer> {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(clean);
    let annotations = entry.get("annotations");
    Some(Referrer {
        digest: entry.get("digest")?.as_str()?.parse().ok()?,
        artifact_type: text(entry.get("artifactType")).filter(|kind| !kind.is_empty()),
        predicate: text(annotations.and_then(|it| it.get(PREDICATE))),
        tag: None,
    })
}

/// The tag under which an image's referrers are listed, and the beginning of cosign's own.
pub(super) fn tag_of(digest: &Digest) -> String {
    format!("{}-", digest.algorithm())
        .chars()
        .chain(digest.encoded().chars().take(TAG_DIGITS))
        .collect()
}

/// None where it is no signature's.
pub(super) fn signature_kind(referrer: &Value) -> Option<SignatureKind> {
    match referrer.get("artifactType").and_then(Value::as_str)? {
        COSIGN_SIGNATURE => Some(SignatureKind::Payloads),
        kind if kind.starts_with(SIGSTORE_BUNDLE) => referrer
            .get("annotations")
            .and_then(|annotations| annotations.get(PREDICATE))
            .is_none_or(|predicate| predicate == SIGNED)
            .then_some(SignatureKind::Bundle),
        _ => None,
    }
}

/// As go-containerregistry tells it, by which cosign finds referrers.
fn has_no_api(answer: &Answer) -> bool {
    match answer.status {
        StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST | StatusCode::NOT_ACCEPTABLE => true,
        status => {
            status.is_success()
                && content_type(&answer.headers).is_none_or(|kind| !kind.starts_with(OCI_INDEX))
        }
    }
}
