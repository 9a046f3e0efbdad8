//! One repository at one registry: the channel to it, and authorization.

use std::sync::Arc;

use reqwest::Method;
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, HeaderMap, HeaderValue};
use url::Url;

use crate::registry::error::Failure;
use crate::registry::host::{Channel, Host};
use crate::registry::image_manifest;
use crate::registry::transport::{Answer, Request, Transport};

/// A repository that is asked.
#[derive(Debug)]
pub(super) struct Access<'a> {
    pub transport: &'a Transport,
    pub host: Arc<Host>,
    pub path: String,
}

impl Access<'_> {
    /// `HEAD` or `GET` of `/v2/<path>/<rest>`.
    pub async fn ask(&self, method: Method, rest: &str, limit: usize) -> Result<Answer, Failure> {
        let channel = self.channel().await?;
        let scheme = if channel.is_plain { "http" } else { "https" };
        let authority = &self.host.authority;
        let url = format!("{scheme}://{authority}/v2/{}/{rest}", self.path);
        let url = Url::parse(&url).map_err(|_| {
            Failure::refused(
                &authority.to_string(),
                "the repository makes no usable address",
            )
        })?;
        let request = Request {
            method,
            url,
            headers: headers(),
            authorization: None,
            form: None,
            limit,
            is_verified: channel.is_verified,
        };
        self.transport.send(&self.host, &request).await
    }

    async fn channel(&self) -> Result<Channel, Failure> {
        if let Some(failure) = self.host.down() {
            return Err(failure);
        }
        self.transport.channel(&self.host).await
    }
}

fn headers() -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(4);
    headers.insert(ACCEPT, HeaderValue::from_static(image_manifest::ACCEPT));
    // A compressed body has another hash.
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers
}
