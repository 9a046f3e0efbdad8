//! Whether an image is signed by one of some keys: its signatures are gathered and verified.
//!
//! A signature counts when the bytes that were hashed are signed by a key that was asked about,
//! and say that the digest is signed that was asked about. One that counts is enough, whatever
//! lies beside it. Where none counts, what could not be looked at is not taken for absent.

use std::collections::{BTreeSet, HashMap};

use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::image::{Digest, PublicKey, Tag};
use crate::lookup::{SignatureFlaw, SignedBy, Wanted};
use crate::registry::access::Access;
use crate::registry::bundle::{self, Bundle};
use crate::registry::error::{Failure, FailureKind};
use crate::registry::image_manifest::ImageManifest;
use crate::registry::question::Read;
use crate::registry::referrers::{
    PREDICATE, SIGNED, SIGSTORE_BUNDLE, SignatureKind, signature_kind, tag_of,
};
use crate::registry::simple_signing::{self, SignedPayload};
use crate::registry::transport::ALTERED;

/// Signatures of one image that are looked at (CVE-2024-29902, CVE-2024-29903: endless ones),
/// and as many referrers.
const MOST_SIGNATURES: usize = 64;
/// Cosign's payloads take some hundred bytes, and what people add to them.
const PAYLOAD_LIMIT: usize = 256 * 1024;
/// Bundles bring certificates and proofs of a log with them.
const BUNDLE_LIMIT: usize = 1024 * 1024;
/// All requests together may take so many times what one may take.
const PATIENCE: u32 = 4;

/// What one signature comes to.
type Judged<'a> = Result<&'a PublicKey, SignatureFlaw>;

struct Search<'a> {
    access: &'a Access<'a>,
    digest: &'a Digest,
    keys: &'a [PublicKey],
    flaws: BTreeSet<SignatureFlaw>,
    /// The first thing that could not be looked at.
    failure: Option<Failure>,
    looked_at: usize,
    /// Those read so far: the signatures of several keys often have one.
    payloads: HashMap<Digest, Vec<u8>>,
}

impl Access<'_> {
    /// Nobody may have signed it; an error says why that is not known.
    pub async fn signed_by(
        &self,
        digest: &Digest,
        keys: &[PublicKey],
    ) -> Result<SignedBy, Failure> {
        let limit = self.inner.transport.timeouts.total * PATIENCE;
        let search = Search {
            access: self,
            digest,
            keys,
            flaws: BTreeSet::new(),
            failure: None,
            looked_at: 0,
            payloads: HashMap::new(),
        };
        match tokio::time::timeout(limit, search.run()).await {
            Ok(answer) => answer,
            Err(_) => Err(Failure::unavailable(
                &self.name(),
                format!(
                    "{}: its signatures took longer than {} s",
                    self.image(&Wanted::Digest(digest.clone())),
                    limit.as_secs()
                ),
            )),
        }
    }
}

impl<'a> Search<'a> {
    async fn run(mut self) -> Result<SignedBy, Failure> {
        let mut good = self.under_tag().await;
        if good.is_none() {
            good = self.among_referrers().await;
        }
        if let Some(key) = good {
            return Ok(SignedBy::Key(key.clone()));
        }
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        if self.flaws.is_empty() {
            Ok(SignedBy::Nobody)
        } else {
            Ok(SignedBy::Others(self.flaws))
        }
    }

    /// Where cosign 2 puts its signatures.
    async fn under_tag(&mut self) -> Option<&'a PublicKey> {
        let tag: Tag = format!("{}.sig", tag_of(self.digest)).parse().ok()?;
        match self.access.read(&Wanted::Tag(tag)).await {
            Ok(read) => self.in_payloads(&read).await,
            Err(failure) if failure.kind == FailureKind::Missing => None,
            Err(failure) => self.fail(failure),
        }
    }

    /// Where cosign 3 puts them, and cosign 2 when it was told to.
    async fn among_referrers(&mut self) -> Option<&'a PublicKey> {
        let referrers = match self.access.referrers(self.digest).await {
            Ok(referrers) => referrers,
            Err(failure) => return self.fail(failure),
        };
        let signatures = referrers
            .list
            .iter()
            .filter_map(|referrer| Some((signature_kind(referrer)?, referrer)));
        for (number, (kind, referrer)) in signatures.enumerate() {
            if number >= MOST_SIGNATURES {
                return self.too_many();
            }
            let good = self.in_referrer(kind, referrer).await;
            if good.is_some() {
                return good;
            }
        }
        if referrers.has_more {
            return self.too_many();
        }
        None
    }

    async fn in_referrer(
        &mut self,
        kind: SignatureKind,
        referrer: &Value,
    ) -> Option<&'a PublicKey> {
        let digest = referrer
            .get("digest")
            .and_then(Value::as_str)
            .and_then(|digest| digest.parse().ok());
        let Some(digest) = digest else {
            return self.flawed(SignatureFlaw::Unreadable);
        };
        let read = match self.access.read(&Wanted::Digest(digest)).await {
            Ok(read) => read,
            Err(failure) if failure.kind == FailureKind::Missing => {
                return self.flawed(SignatureFlaw::Gone);
            }
            Err(failure) => return self.fail(failure),
        };
        match kind {
            SignatureKind::Payloads => self.in_payloads(&read).await,
            SignatureKind::Bundle if is_attestation(&read.manifest) => None,
            SignatureKind::Bundle => {
                let judged = self.judge_bundle(&read).await;
                self.note(judged)
            }
        }
    }

    async fn in_payloads(&mut self, read: &Read) -> Option<&'a PublicKey> {
        for payload in simple_signing::payloads(&read.body) {
            if self.looked_at >= MOST_SIGNATURES {
                return self.too_many();
            }
            self.looked_at += 1;
            let judged = match payload {
                Ok(payload) => self.judge_payload(&payload).await,
                Err(flaw) => Ok(Err(flaw)),
            };
            let good = self.note(judged);
            if good.is_some() {
                return good;
            }
        }
        None
    }

    async fn judge_payload(&mut self, signed: &SignedPayload) -> Result<Judged<'a>, Failure> {
        let known = self.payloads.get(&signed.digest);
        let payload = match known.filter(|known| known.len() as u64 == signed.size) {
            Some(payload) => payload,
            None => match self
                .blob(&signed.digest, signed.size, PAYLOAD_LIMIT)
                .await?
            {
                Ok(payload) => self
                    .payloads
                    .entry(signed.digest.clone())
                    .or_insert(payload),
                Err(flaw) => return Ok(Err(flaw)),
            },
        };
        let Some(key) = signer(self.keys, payload, &signed.signature) else {
            return Ok(Err(SignatureFlaw::OtherKey));
        };
        Ok(simple_signing::check_statement(payload, self.digest).map(|()| key))
    }

    async fn judge_bundle(&self, read: &Read) -> Result<Judged<'a>, Failure> {
        let layer = match &read.manifest {
            ImageManifest::Image { layers, .. } => match layers.as_slice() {
                [layer] if layer.media_type.starts_with(SIGSTORE_BUNDLE) => layer,
                _ => return Ok(Err(SignatureFlaw::Unreadable)),
            },
            ImageManifest::Index { .. } => return Ok(Err(SignatureFlaw::Unreadable)),
        };
        let body = match self.blob(&layer.digest, layer.size, BUNDLE_LIMIT).await? {
            Ok(body) => body,
            Err(flaw) => return Ok(Err(flaw)),
        };
        match Bundle::read(&body, self.digest) {
            Ok(Bundle::Envelope { payload, signature }) => {
                let signed = bundle::pre_authentication(&payload);
                let Some(key) = signer(self.keys, &signed, &signature) else {
                    return Ok(Err(SignatureFlaw::OtherKey));
                };
                Ok(bundle::check_statement(&payload, self.digest).map(|()| key))
            }
            Ok(Bundle::Message { signature }) => {
                let image = Wanted::Digest(self.digest.clone());
                let image = self.access.read(&image).await?;
                Ok(signer(self.keys, &image.body, &signature).ok_or(SignatureFlaw::OtherKey))
            }
            Err(flaw) => Ok(Err(flaw)),
        }
    }

    /// The bytes of a digest, hashed.
    async fn blob(
        &self,
        digest: &Digest,
        size: u64,
        limit: usize,
    ) -> Result<Result<Vec<u8>, SignatureFlaw>, Failure> {
        if size > limit as u64 {
            return Ok(Err(SignatureFlaw::TooLarge));
        }
        let address = format!("blobs/{digest}");
        let answer = self.access.ask(Method::GET, &address, limit).await?;
        if answer.status == StatusCode::NOT_FOUND {
            return Ok(Err(SignatureFlaw::Gone));
        }
        if !answer.status.is_success() {
            let wanted = Wanted::Digest(digest.clone());
            return Err(self.access.explain(&answer, &wanted));
        }
        let is_whole = answer.body.len() as u64 == size && digest.matches(&answer.body);
        if !is_whole {
            let host = self.access.host.authority.to_string();
            let said = format!(
                "{}: the bytes of the signature {digest} are not those of its digest",
                self.access.repository
            );
            self.access.inner.transport.alarm(ALTERED, &host, &said);
        }
        Ok(is_whole
            .then_some(answer.body)
            .ok_or(SignatureFlaw::Altered))
    }

    fn note(&mut self, judged: Result<Judged<'a>, Failure>) -> Option<&'a PublicKey> {
        match judged {
            Ok(Ok(key)) => Some(key),
            Ok(Err(flaw)) => self.flawed(flaw),
            Err(failure) => self.fail(failure),
        }
    }

    fn flawed(&mut self, flaw: SignatureFlaw) -> Option<&'a PublicKey> {
        self.flaws.insert(flaw);
        None
    }

    fn fail(&mut self, failure: Failure) -> Option<&'a PublicKey> {
        self.failure.get_or_insert(failure);
        None
    }

    fn too_many(&mut self) -> Option<&'a PublicKey> {
        let image = self.access.image(&Wanted::Digest(self.digest.clone()));
        let failure = self
            .access
            .refused(&format!(
                "{image} has more than {MOST_SIGNATURES} signatures, or lists them on several pages"
            ))
            .advice("no other one is looked at; remove those that are of no use");
        self.fail(failure)
    }
}

/// A list that stands under a tag has no annotations; what is listed has them.
fn is_attestation(manifest: &ImageManifest) -> bool {
    let (ImageManifest::Image { annotations, .. } | ImageManifest::Index { annotations, .. }) =
        manifest;
    annotations
        .get(PREDICATE)
        .is_some_and(|predicate| predicate != SIGNED)
}

fn signer<'a>(keys: &'a [PublicKey], message: &[u8], signature: &[u8]) -> Option<&'a PublicKey> {
    keys.iter().find(|key| key.verifies(message, signature))
}
