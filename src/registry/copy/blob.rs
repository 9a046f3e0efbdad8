//! One blob: there already, mounted, or sent.

use reqwest::Method;
use reqwest::header::CONTENT_LENGTH;

use crate::registry::access::{Access, Ask, Place};
use crate::registry::authority::Authority;
use crate::registry::copy::parts::Blob;
use crate::registry::copy::source::Source;
use crate::registry::copy::upload::{Begun, Broken, Upload};
use crate::registry::copy::{Copying, patience};
use crate::registry::error::Failure;

/// How a blob came to the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Present,
    Mounted,
    Sent,
}

impl Copying<'_> {
    pub async fn bring(&self, blob: &Blob) -> Result<(), Failure> {
        // For the whole host: a second repository mounts what the first one is being sent.
        let key = format!("blob {} {}", self.target.name(), blob.digest);
        let turn = self.inner.copies.turns.take(key).await;
        let way = self.bring_in_turn(blob).await?;
        drop(turn);
        self.inner.copies.note_place(&self.target, &blob.digest);
        self.count(blob, way);
        Ok(())
    }

    async fn bring_in_turn(&self, blob: &Blob) -> Result<Way, Failure> {
        if self.target.has_blob(blob).await? {
            return Ok(Way::Present);
        }
        let upload = match self.mount(blob).await? {
            Some(Begun::Mounted) => return Ok(Way::Mounted),
            Some(Begun::Open(upload)) => Some(upload),
            None => None,
        };
        let _place = self.inner.copies.places_to_send.acquire().await;
        let limit = patience::whole(blob.size);
        tokio::time::timeout(limit, self.send(blob, upload))
            .await
            .unwrap_or_else(|_| {
                let what = format!(
                    "the blob {} took longer than {} s",
                    blob.digest,
                    limit.as_secs()
                );
                Err(Failure::unavailable(&self.target.name(), what)
                    .advice("check the network between here and both registries"))
            })?;
        Ok(Way::Sent)
    }

    /// From another repository of the target's host: the source's, or one where the blob is known
    /// to be. None where there is no such one, or the registry does not do it.
    async fn mount(&self, blob: &Blob) -> Result<Option<Begun>, Failure> {
        let from = if self.is_same_host() {
            Some(self.source.path.clone())
        } else {
            let known = self.inner.copies.place(&self.target, &blob.digest);
            known.or_else(|| self.beside())
        };
        let Some(from) = from.filter(|from| *from != self.target.path) else {
            return Ok(None);
        };
        // To name a digest is not to have its bytes: whoever wrote the image has to have them,
        // else an image could be made of the layers of a repository that nobody may read.
        if !self.is_same_host() && !self.source.has_blob(blob).await? {
            return Ok(None);
        }
        let target = self.target.pushing(Some(from.clone()));
        // What is wrong is said when the blob is sent instead.
        Ok(target.begin_upload(&blob.digest, Some(&from)).await.ok())
    }

    /// The path of the repository that the order says.
    fn beside(&self) -> Option<String> {
        let endpoint = self.order.mounts_from.as_ref()?.endpoint();
        let is_there =
            Authority::parse(&endpoint.host).as_ref() == Some(&self.target.host.authority);
        is_there.then_some(endpoint.path)
    }

    /// Sends a blob, however often source and target break off, as long as it gets on.
    async fn send(&self, blob: &Blob, mut upload: Option<Upload>) -> Result<(), Failure> {
        let mut source = Source::new(&self.source, blob);
        let mut best = 0;
        let mut tries = 0;
        let mut is_broken = false;
        loop {
            let failure = match self
                .try_to_send(blob, &mut upload, &mut source, is_broken)
                .await
            {
                Ok(()) => return Ok(()),
                Err(Broken::ForGood(failure)) => return Err(failure),
                Err(Broken::Now(failure)) => failure,
            };
            is_broken = true;
            let at = upload.as_ref().map_or(0, |upload| upload.at);
            if at > best {
                best = at;
                tries = 0;
            }
            tries += 1;
            if tries > patience::TRIES {
                return Err(failure);
            }
            patience::pause(&self.inner.transport.retry, tries).await;
        }
    }

    async fn try_to_send(
        &self,
        blob: &Blob,
        upload: &mut Option<Upload>,
        source: &mut Source<'_>,
        is_broken: bool,
    ) -> Result<(), Broken> {
        if let Some(known) = upload.clone().filter(|_| is_broken) {
            // An end that was not answered may have been one.
            if known.at == blob.size && self.target.has_blob(blob).await.map_err(Broken::of)? {
                return Ok(());
            }
            *upload = self
                .target
                .upload_status(known, blob)
                .await
                .map_err(Broken::of)?;
        }
        let mut open = match upload.take() {
            Some(open) => open,
            None => match self.target.begin_upload(&blob.digest, None).await {
                Ok(Begun::Open(open)) => open,
                Ok(Begun::Mounted) => return Ok(()),
                Err(failure) => return Err(Broken::of(failure)),
            },
        };
        let mut sent = Ok(());
        while open.at < blob.size && sent.is_ok() {
            let before = open.at;
            sent = self
                .target
                .send_upload(&mut open, blob, source, |at| self.note_sent(blob, at))
                .await;
            if sent.is_ok() && open.at <= before {
                sent = Err(Broken::Now(self.target.refused(&format!(
                    "the registry takes nothing of the blob {}",
                    blob.digest
                ))));
            }
        }
        let finished = match sent {
            Ok(()) => self.target.finish_upload(&open, blob).await,
            Err(broken) => Err(broken),
        };
        *upload = Some(open);
        finished
    }
}

impl Access<'_> {
    /// Whether the repository has the blob. Only a yes counts: what else is wrong is said when the
    /// blob is sent.
    pub(super) async fn has_blob(&self, blob: &Blob) -> Result<bool, Failure> {
        let rest = format!("blobs/{}", blob.digest);
        let ask = Ask::new(Method::HEAD, Place::Below(&rest));
        let answer = self.ask_this(&ask).await?;
        if !answer.status.is_success() {
            return Ok(false);
        }
        let length = answer.headers.get(CONTENT_LENGTH);
        let length = length.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        if length.is_some_and(|length| length != blob.size) {
            return Err(self.refused(&format!(
                "the blob {} does not have the {} bytes that the image says",
                blob.digest, blob.size
            )));
        }
        Ok(true)
    }
}
