//! Sending a body that comes bit by bit, and is not there to be sent again.

use std::pin::pin;
use std::time::Instant;

use futures_util::future::{Either, select};
use reqwest::Body;

use crate::registry::error::Failure;
use crate::registry::host::Host;
use crate::registry::retry;
use crate::registry::transport::{Answer, Request, Transport};
use crate::registry::trouble::{Trouble, name};

/// Why nothing more is fed.
#[derive(Debug)]
pub(super) enum Unfed {
    /// The bytes do not come, or are the wrong ones.
    Source(Failure),
    /// They are not taken.
    Stalled,
}

/// What became of a body.
#[derive(Debug)]
pub(super) enum Fed {
    /// The answer, which may have come before the end of the body.
    Answered(Answer),
    /// The body could not be finished; the request was broken off.
    Unfinished(Failure),
    Failed(Trouble),
}

impl Transport {
    /// One try without redirects. `feeding` fills `body` and is over when all was taken; there is
    /// no limit for the whole, only the one that `feeding` keeps for each part.
    ///
    /// It takes no place among the requests under way: `feeding` needs one, now and then, to get
    /// what it feeds. Whoever calls this limits how many bodies are sent at once.
    pub async fn feed(
        &self,
        host: &Host,
        request: &Request,
        body: Body,
        feeding: impl Future<Output = Result<(), Unfed>>,
    ) -> Fed {
        if let Some(failure) = host.down() {
            return Fed::Failed(Trouble::last(failure));
        }
        let begun = Instant::now();
        let sending = pin!(self.send_body(request, body));
        let outcome = match select(pin!(feeding), sending).await {
            Either::Left((Ok(()), sending)) => {
                let limit = self.timeouts.header + request.extra_time;
                tokio::time::timeout(limit, sending)
                    .await
                    .unwrap_or_else(|_| Err(Trouble::slow(&request.url, limit)))
            }
            Either::Left((Err(Unfed::Stalled), _)) => {
                Err(Trouble::slow(&request.url, self.timeouts.idle))
            }
            // Not this host's fault.
            Either::Left((Err(Unfed::Source(failure)), _)) => return Fed::Unfinished(failure),
            Either::Right((outcome, _)) => outcome,
        };
        self.note(host, request, begun, &outcome);
        match outcome {
            Ok(answer) => {
                let wait = retry::asked(&answer.headers);
                if let Some(wait) = wait.filter(|_| retry::is_transient(answer.status)) {
                    host.throttle(wait);
                }
                Fed::Answered(answer)
            }
            Err(trouble) => Fed::Failed(trouble),
        }
    }

    async fn send_body(&self, request: &Request, body: Body) -> Result<Answer, Trouble> {
        let host = name(&request.url);
        let builder = self.build(request, &request.url, false)?;
        let response = builder
            .body(body)
            .send()
            .await
            .map_err(|error| Trouble::explain(&host, &error, self.timeouts.connect))?;
        self.answer(request, response, None).await
    }
}
