//! One blob of the source, in order and hashed, over as many requests as it takes.

use hyper::body::Bytes;
use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE, HeaderMap, HeaderValue, RANGE};
use reqwest::{Method, Response, StatusCode};

use crate::image::Hashing;
use crate::registry::access::{Access, Ask, Place};
use crate::registry::copy::parts::Blob;
use crate::registry::copy::patience;
use crate::registry::error::{Failure, FailureKind};
use crate::registry::transport::ALTERED;

#[derive(Debug)]
pub(super) struct Source<'a> {
    access: &'a Access<'a>,
    blob: &'a Blob,
    /// Of the next byte.
    at: u64,
    /// How many bytes were hashed. Those that are read again are not: the target hashes all of
    /// them when the upload ends.
    hashed: u64,
    /// None: finished, and right.
    hashing: Option<Hashing>,
    response: Option<Response>,
    /// Came with what was skipped.
    kept: Option<Bytes>,
    /// One after another, without a byte in between.
    breaks: u32,
}

impl<'a> Source<'a> {
    /// Asks nothing yet.
    pub fn new(access: &'a Access<'a>, blob: &'a Blob) -> Self {
        Self {
            access,
            blob,
            at: 0,
            hashed: 0,
            hashing: Some(blob.digest.hashing()),
            response: None,
            kept: None,
            breaks: 0,
        }
    }

    pub fn go_to(&mut self, at: u64) {
        if at != self.at {
            self.close();
            self.at = at;
        }
    }

    /// The next bytes; none after the last. The last ones come only when the whole has the size
    /// and the hash that it should have.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        loop {
            let left = self.blob.size.saturating_sub(self.at);
            if left == 0 {
                self.finish()?;
                return Ok(None);
            }
            if self.response.is_none() {
                match self.open().await {
                    Ok(true) => {}
                    Ok(false) => {
                        self.after_break(None).await?;
                        continue;
                    }
                    // Down, perhaps for a moment; what else it may be waits as long.
                    Err(failure) if failure.kind == FailureKind::Unavailable => {
                        self.after_break(Some(failure)).await?;
                        continue;
                    }
                    Err(failure) => return Err(failure),
                }
            }
            let Some(chunk) = self.chunk().await else {
                self.after_break(None).await?;
                continue;
            };
            self.breaks = 0;
            if chunk.len() as u64 > left {
                return Err(self.wrong_size());
            }
            self.hash(&chunk);
            self.at += chunk.len() as u64;
            if self.at == self.blob.size {
                if self.chunk().await.is_some() {
                    return Err(self.wrong_size());
                }
                self.close();
                self.finish()?;
            }
            return Ok(Some(chunk));
        }
    }

    fn close(&mut self) {
        self.response = None;
        self.kept = None;
    }

    /// None at the end, and where it breaks off.
    async fn chunk(&mut self) -> Option<Bytes> {
        if let Some(chunk) = self.kept.take() {
            return Some(chunk);
        }
        let response = self.response.as_mut()?;
        let idle = self.access.inner.transport.timeouts.idle;
        loop {
            match tokio::time::timeout(idle, response.chunk()).await {
                Ok(Ok(Some(chunk))) if chunk.is_empty() => {}
                Ok(Ok(chunk)) => return chunk,
                Ok(Err(_)) | Err(_) => return None,
            }
        }
    }

    fn hash(&mut self, chunk: &Bytes) {
        let known = usize::try_from(self.hashed.saturating_sub(self.at)).unwrap_or(usize::MAX);
        if let (Some(hashing), Some(new)) = (&mut self.hashing, chunk.get(known..)) {
            hashing.update(new);
            self.hashed += new.len() as u64;
        }
    }

    fn finish(&mut self) -> Result<(), Failure> {
        let Some(hashing) = self.hashing.take() else {
            return Ok(());
        };
        let found = hashing.finish();
        if found == self.blob.digest {
            return Ok(());
        }
        let what = format!("the blob {} has the digest {found}", self.blob.digest);
        let said = format!("{}: {what}", self.access.repository);
        let name = self.access.name();
        self.access.inner.transport.alarm(ALTERED, &name, &said);
        Err(self
            .access
            .refused(&what)
            .advice("the registry or a cache before it is broken or hostile; nothing was copied"))
    }

    async fn after_break(&mut self, failure: Option<Failure>) -> Result<(), Failure> {
        self.close();
        self.breaks += 1;
        let retry = &self.access.inner.transport.retry;
        if self.breaks > patience::TRIES {
            return Err(failure.unwrap_or_else(|| {
                Failure::unavailable(
                    &self.access.name(),
                    format!(
                        "the blob {} breaks off after {} of {} bytes",
                        self.blob.digest, self.at, self.blob.size
                    ),
                )
                .advice("copy it again")
            }));
        }
        patience::pause(retry, self.breaks).await;
        Ok(())
    }

    /// From [`Self::at`] on; false where it broke off before.
    async fn open(&mut self) -> Result<bool, Failure> {
        let rest = format!("blobs/{}", self.blob.digest);
        let mut headers = HeaderMap::new();
        if self.at > 0 {
            let range = HeaderValue::from_str(&format!("bytes={}-", self.at));
            headers.extend(range.ok().map(|range| (RANGE, range)));
        }
        let ask = Ask {
            headers,
            is_streamed: true,
            ..Ask::new(Method::GET, Place::Below(&rest))
        };
        let mut answer = self.access.ask_this(&ask).await?;
        let Some(response) = answer.unread.take() else {
            let image = format!(
                "the blob {} of \"{}\"",
                self.blob.digest, self.access.repository
            );
            return Err(match answer.status {
                StatusCode::NOT_FOUND => Failure::missing(
                    &self.access.name(),
                    format!("{image} is not there, though an image needs it"),
                )
                .advice("push the image again"),
                _ => self.access.explain_for(&answer, &image),
            });
        };
        if answer.status == StatusCode::PARTIAL_CONTENT {
            let range = Range::read(&answer.headers);
            let is_right = range.is_some_and(|range| {
                range.first == self.at && range.whole.is_none_or(|whole| whole == self.blob.size)
            });
            if !is_right {
                return Err(self.access.refused(&format!(
                    "the registry answers with another part of the blob {}",
                    self.blob.digest
                )));
            }
            self.response = Some(response);
            return Ok(true);
        }
        if length(&answer.headers).is_some_and(|length| length != self.blob.size) {
            return Err(self.wrong_size());
        }
        self.response = Some(response);
        Ok(self.skip().await)
    }

    /// The registry knows no ranges and began at the beginning.
    async fn skip(&mut self) -> bool {
        let mut left = self.at;
        while left > 0 {
            let Some(mut chunk) = self.chunk().await else {
                return false;
            };
            let length = chunk.len() as u64;
            if length > left {
                // Less than the chunk's length, so a `usize`.
                self.kept = Some(chunk.split_off(usize::try_from(left).unwrap_or(usize::MAX)));
            }
            left = left.saturating_sub(length);
        }
        true
    }

    fn wrong_size(&self) -> Failure {
        self.access.refused(&format!(
            "the blob {} does not have the {} bytes that the image says",
            self.blob.digest, self.blob.size
        ))
    }
}

fn length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// `Content-Range: bytes 5-9/10` (RFC 9110, 14.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Range {
    first: u64,
    whole: Option<u64>,
}

impl Range {
    fn read(headers: &HeaderMap) -> Option<Self> {
        let text = headers.get(CONTENT_RANGE)?.to_str().ok()?;
        let (range, whole) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
        let (first, _) = range.split_once('-')?;
        Some(Self {
            first: first.trim().parse().ok()?,
            whole: match whole.trim() {
                "*" => None,
                whole => Some(whole.parse().ok()?),
            },
        })
    }
}
