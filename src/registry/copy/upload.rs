//! The target's half of a blob: begun or mounted, sent, resumed, finished (distribution
//! specification, "Pushing blobs", "Mounting a blob from another repository").

use std::convert::Infallible;
use std::time::Duration;

use futures_util::stream;
use hyper::body::Bytes;
use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HeaderMap, HeaderValue, RANGE};
use reqwest::{Body, Method, StatusCode};
use tokio::sync::mpsc;
use url::Url;

use crate::image::Digest;
use crate::registry::access::{Access, Ask, Place, UPLOAD};
use crate::registry::copy::parts::Blob;
use crate::registry::copy::patience;
use crate::registry::copy::source::Source;
use crate::registry::error::{Failure, FailureKind};
use crate::registry::feed::{Fed, Unfed};
use crate::registry::redirect;
use crate::registry::transport::{Answer, Request};
use crate::registry::trouble::TroubleKind;

/// Parts of a body between source and target; a part is what came at once, some 100 KiB at most.
const PARTS_ON_THE_WAY: usize = 4;
const ANSWER_LIMIT: usize = 64 * 1024;

/// An upload that the target has opened.
#[derive(Clone, Debug)]
pub(super) struct Upload {
    /// As the target last named it.
    url: Url,
    /// It has led to another origin: no credential follows, not even on the way back.
    is_away: bool,
    /// How many bytes the target has.
    pub at: u64,
    /// Some of them were sent before a break.
    is_resumed: bool,
}

#[derive(Debug)]
pub(super) enum Begun {
    Mounted,
    Open(Upload),
}

/// Why an upload did not get to its end.
#[derive(Debug)]
pub(super) enum Broken {
    /// Another try may help.
    Now(Failure),
    ForGood(Failure),
}

impl Broken {
    pub fn of(failure: Failure) -> Self {
        match failure.kind {
            FailureKind::Unavailable => Self::Now(failure),
            _ => Self::ForGood(failure),
        }
    }
}

impl Access<'_> {
    /// Opens an upload, or has the blob mounted from the repository `from` on the same host.
    pub(super) async fn begin_upload(
        &self,
        digest: &Digest,
        from: Option<&str>,
    ) -> Result<Begun, Failure> {
        self.open_upload(digest, from, &format!("the blob {digest}"))
            .await
    }

    /// `what` is to be uploaded, for messages.
    async fn open_upload(
        &self,
        digest: &Digest,
        from: Option<&str>,
        what: &str,
    ) -> Result<Begun, Failure> {
        let rest = match from {
            Some(from) => format!("blobs/uploads/?mount={digest}&from={from}"),
            None => "blobs/uploads/".to_owned(),
        };
        let ask = Ask {
            body: Some(Bytes::new()),
            limit: ANSWER_LIMIT,
            ..Ask::new(Method::POST, Place::Below(&rest))
        };
        let answer = self.ask_this(&ask).await?;
        match answer.status {
            StatusCode::CREATED if from.is_some() => Ok(Begun::Mounted),
            StatusCode::ACCEPTED => {
                let asked = self.address(&rest).await?;
                let mut upload = Upload {
                    url: asked,
                    is_away: false,
                    at: 0,
                    is_resumed: false,
                };
                self.follow(&mut upload, &answer.headers)?;
                Ok(Begun::Open(upload))
            }
            _ => Err(self.explain_push(&answer, what)),
        }
    }

    /// Begins an upload and gives it up (distribution `docs/spec/api.md`, "Canceling an Upload";
    /// others may not know it).
    pub(super) async fn check_upload(&self) -> Result<(), Failure> {
        let what = format!("\"{}\"", self.repository);
        if let Begun::Open(upload) = self.open_upload(&Digest::of(b""), None, &what).await? {
            let _ = self
                .ask_upload(&upload, Method::DELETE, Duration::ZERO)
                .await;
        }
        Ok(())
    }

    /// Where the upload goes on. The address is remote data: it may be on the registry's own
    /// origin, or, as a redirect, where it may be asked, and gets no credential there.
    fn follow(&self, upload: &mut Upload, headers: &HeaderMap) -> Result<(), Failure> {
        let next = redirect::location(&upload.url, headers)?;
        let is_away = upload.is_away || next.origin() != upload.url.origin();
        if is_away {
            let transport = &self.inner.transport;
            transport.check_way(&upload.url, &next)?;
        }
        upload.is_away = is_away;
        upload.url = next;
        Ok(())
    }

    /// Sends what the target does not have.
    pub(super) async fn send_upload(
        &self,
        upload: &mut Upload,
        blob: &Blob,
        source: &mut Source<'_>,
        mut on_part: impl FnMut(u64),
    ) -> Result<(), Broken> {
        source.go_to(upload.at);
        let mut headers = HeaderMap::new();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/octet-stream"),
        );
        headers.insert(CONTENT_LENGTH, (blob.size - upload.at).into());
        if upload.at > 0 {
            let range = format!("{}-{}", upload.at, blob.size - 1);
            let range = HeaderValue::from_str(&range).ok();
            headers.extend(range.map(|range| (CONTENT_RANGE, range)));
        }
        let request = self
            .upload_request(upload, Method::PATCH, headers)
            .await
            .map_err(Broken::of)?;
        let (sender, receiver) = mpsc::channel::<Bytes>(PARTS_ON_THE_WAY);
        let parts = stream::unfold(receiver, |mut receiver| async {
            let part = receiver.recv().await?;
            Some((Ok::<_, Infallible>(part), receiver))
        });
        let timeouts = self.inner.transport.timeouts;
        // The first part waits for the connection too.
        let limit = timeouts.connect + timeouts.idle;
        let begun_at = upload.at;
        let feeding = async {
            let mut sent = begun_at;
            while let Some(part) = source.next().await.map_err(Unfed::Source)? {
                sent += part.len() as u64;
                match tokio::time::timeout(limit, sender.send(part)).await {
                    Ok(Ok(())) => on_part(sent),
                    // The answer, or the trouble, is on its way.
                    Ok(Err(_)) => {
                        tokio::time::sleep(limit).await;
                        return Err(Unfed::Stalled);
                    }
                    Err(_) => return Err(Unfed::Stalled),
                }
            }
            drop(sender);
            Ok(())
        };
        let transport = &self.inner.transport;
        let body = Body::wrap_stream(parts);
        match transport.feed(&self.host, &request, body, feeding).await {
            Fed::Answered(answer) if answer.status.is_success() => {
                self.follow_if_named(upload, &answer)
                    .map_err(Broken::ForGood)?;
                let received = received(&answer.headers);
                upload.at = received.map_or(blob.size, |at| at.min(blob.size));
                Ok(())
            }
            Fed::Answered(answer) => Err(self.broken(upload, &answer, blob)),
            Fed::Unfinished(failure) => Err(Broken::ForGood(failure)),
            Fed::Failed(trouble) => Err(match trouble.kind {
                TroubleKind::Astray => Broken::ForGood(trouble.failure),
                _ => Broken::Now(trouble.failure),
            }),
        }
    }

    /// How much the target has; none where the upload has to be begun again.
    pub(super) async fn upload_status(
        &self,
        mut upload: Upload,
        blob: &Blob,
    ) -> Result<Option<Upload>, Failure> {
        let answer = self
            .ask_upload(&upload, Method::GET, Duration::ZERO)
            .await?;
        if !answer.status.is_success() {
            return Ok(None);
        }
        self.follow_if_named(&mut upload, &answer)?;
        // `0-0` is written for one byte and for none.
        let at = received(&answer.headers).filter(|at| *at > 1 && *at <= blob.size);
        Ok(at.map(|at| Upload {
            at,
            is_resumed: true,
            ..upload
        }))
    }

    /// The end: the target compares the hash of what it has.
    pub(super) async fn finish_upload(&self, upload: &Upload, blob: &Blob) -> Result<(), Broken> {
        let mut last = upload.clone();
        last.url
            .query_pairs_mut()
            .append_pair("digest", blob.digest.as_str());
        let answer = self
            .ask_upload(&last, Method::PUT, patience::finishing(blob.size))
            .await
            .map_err(Broken::of)?;
        if !answer.status.is_success() {
            return Err(self.broken(upload, &answer, blob));
        }
        self.check_written(&answer, &blob.digest)
            .map_err(Broken::ForGood)
    }

    async fn ask_upload(
        &self,
        upload: &Upload,
        method: Method,
        extra_time: Duration,
    ) -> Result<Answer, Failure> {
        if upload.is_away {
            let request = Request {
                body: (method == Method::PUT).then(Bytes::new),
                limit: ANSWER_LIMIT,
                extra_time,
                ..Request::new(method, upload.url.clone(), UPLOAD, self.name())
            };
            return self.inner.transport.send(&self.host, &request).await;
        }
        let ask = Ask {
            body: (method == Method::PUT).then(Bytes::new),
            limit: ANSWER_LIMIT,
            extra_time,
            ..Ask::new(method, Place::At(&upload.url))
        };
        self.ask_this(&ask).await
    }

    async fn upload_request(
        &self,
        upload: &Upload,
        method: Method,
        headers: HeaderMap,
    ) -> Result<Request, Failure> {
        if upload.is_away {
            return Ok(Request {
                headers,
                limit: ANSWER_LIMIT,
                ..Request::new(method, upload.url.clone(), UPLOAD, self.name())
            });
        }
        self.prepared(&Ask {
            headers,
            limit: ANSWER_LIMIT,
            ..Ask::new(method, Place::At(&upload.url))
        })
        .await
    }

    fn follow_if_named(&self, upload: &mut Upload, answer: &Answer) -> Result<(), Failure> {
        if answer.headers.contains_key(reqwest::header::LOCATION) {
            self.follow(upload, &answer.headers)?;
        }
        Ok(())
    }

    /// A refusal may be of what was sent before a break; then all is sent again.
    fn broken(&self, upload: &Upload, answer: &Answer, blob: &Blob) -> Broken {
        if upload.is_away && answer.status == StatusCode::UNAUTHORIZED {
            return Broken::ForGood(
                self.refused("the upload leads to another host, which wants a login of its own"),
            );
        }
        let failure = self.explain_push(answer, &format!("the blob {}", blob.digest));
        match answer.status.as_u16() {
            // 401: the token has grown old, and the next request fetches another.
            401 | 404 | 408 | 409 | 416 | 429 | 500.. => Broken::Now(failure),
            400 if upload.is_resumed => Broken::Now(failure),
            _ => Broken::ForGood(failure),
        }
    }
}

/// How many bytes the `Range` of an upload stands for: `0-99`, with or without `bytes=`.
fn received(headers: &HeaderMap) -> Option<u64> {
    let text = headers.get(RANGE)?.to_str().ok()?;
    let text = text.trim().trim_start_matches("bytes=");
    let (first, last) = text.split_once('-')?;
    if first.trim() != "0" {
        return None;
    }
    last.trim().parse::<u64>().ok()?.checked_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_upload_has_is_read_strictly() {
        for (text, expected) in [
            ("0-99", Some(100)),
            ("bytes=0-99", Some(100)),
            ("0-0", Some(1)),
            ("5-9", None),
            ("0-", None),
            ("0--1", None),
            ("0-18446744073709551615", None),
            ("", None),
        ] {
            let headers = HeaderMap::from_iter([(RANGE, text.parse().unwrap())]);
            assert_eq!(received(&headers), expected, "{text}");
        }
        assert_eq!(received(&HeaderMap::new()), None);
    }
}
