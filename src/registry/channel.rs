//! How a host is spoken to: TLS, or plain HTTP where that is allowed.

use reqwest::Method;
use url::Url;

use crate::registry::error::Failure;
use crate::registry::host::{Channel, Host};
use crate::registry::transport::{Request, Transport};

impl Transport {
    /// Found out once for each host, by whoever comes first.
    ///
    /// A host is spoken to by verified TLS. Only a host that is insecure (by manifest or by the
    /// operator) or on loopback is tried otherwise, as Docker does: when it does not speak TLS,
    /// plain HTTP. A manifest's `insecure` never lets a credential out.
    pub async fn channel(&self, host: &Host) -> Result<Channel, Failure> {
        if let Some(channel) = host.channel.get() {
            return Ok(*channel);
        }
        let find = || async {
            match host.down() {
                Some(failure) => Err(failure),
                None => self.find_channel(host).await,
            }
        };
        host.channel.get_or_try_init(find).await.copied()
    }

    async fn find_channel(&self, host: &Host) -> Result<Channel, Failure> {
        let by_operator = self.is_insecure_by_operator(&host.authority);
        let is_loopback = host.authority.is_loopback();
        let strict = Channel {
            is_plain: false,
            is_verified: true,
            may_send_credentials: true,
        };
        if !(host.insecure || by_operator || is_loopback) {
            return Ok(strict);
        }
        let may_send_credentials = by_operator || !host.insecure;
        // Without roots first: most hosts of this kind speak plain HTTP, and roots take time.
        if !self.speaks_tls(host, false).await? {
            return Ok(Channel {
                is_plain: true,
                is_verified: false,
                may_send_credentials,
            });
        }
        let needs_verification = !(host.insecure || by_operator);
        if needs_verification || self.speaks_tls(host, true).await? {
            return Ok(strict);
        }
        Ok(Channel {
            is_plain: false,
            is_verified: false,
            may_send_credentials,
        })
    }

    /// Whether the host answers over TLS at all; without any credential.
    async fn speaks_tls(&self, host: &Host, is_verified: bool) -> Result<bool, Failure> {
        let authority = &host.authority;
        let url = Url::parse(&format!("https://{authority}/v2/"))
            .map_err(|_| Failure::refused(&authority.to_string(), "it is no usable host"))?;
        let request = Request {
            is_verified,
            ..Request::new(Method::HEAD, url, "ping", authority.to_string())
        };
        self.probe(host, &request).await
    }
}
