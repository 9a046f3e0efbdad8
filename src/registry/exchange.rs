//! A credential, or nothing, for an access token.

use base64::Engine as _;
use reqwest::header::HeaderValue;
use reqwest::{Method, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use url::{Url, form_urlencoded};

use crate::registry::access::Access;
use crate::registry::authority::Authority;
use crate::registry::credentials::{Credential, Secret};
use crate::registry::error::Failure;
use crate::registry::host::Channel;
use crate::registry::leave::Leave;
use crate::registry::token::{Grant, TokenKey, read_grant};
use crate::registry::transport::{Answer, Request};

const CLIENT: &str = "headwater";
const TOKEN_LIMIT: usize = 64 * 1024;

/// One request to a token server that the realm rules have let pass.
#[derive(Debug)]
pub(super) struct Exchange<'a> {
    pub access: &'a Access<'a>,
    pub channel: &'a Channel,
    pub key: &'a TokenKey,
    pub realm: &'a Url,
    pub credential: Option<&'a Credential>,
}

impl Exchange<'_> {
    /// A failed token server is never a reason to go on without a login.
    pub async fn run(&self) -> Result<Grant, Failure> {
        let token_server = Authority::of(self.realm).ok_or_else(|| {
            self.access
                .refused("the token server's address names no host")
        })?;
        let is_verified = self.is_verified(&token_server)?;
        let host = self
            .access
            .inner
            .host(token_server, self.access.host.insecure, Leave::Named);
        let answer = self
            .access
            .inner
            .transport
            .send(&host, &self.request(is_verified)?)
            .await?;
        let name = host.authority.to_string();
        match answer.status {
            StatusCode::OK => {
                read_grant(&answer.body).map_err(|reason| Failure::unavailable(&name, reason))
            }
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(self.denied(&answer).await),
            status => Err(Failure::unavailable(
                &name,
                format!("the token server answers {status}"),
            )),
        }
    }

    async fn denied(&self, answer: &Answer) -> Failure {
        match &answer.redirected_to {
            Some(other) => self.access.refused(&format!(
                "the token server redirects to {other}, which wants a login of its own"
            )),
            None => self.access.login_refused(self.channel, answer).await,
        }
    }

    /// The registry's own server is trusted as the registry is; another one by TLS. A credential
    /// goes over plain HTTP only to the registry itself, to loopback, or where the operator says.
    fn is_verified(&self, token_server: &Authority) -> Result<bool, Failure> {
        let is_own = *token_server == self.access.host.authority;
        let by_operator = self
            .access
            .inner
            .transport
            .is_insecure_by_operator(token_server);
        let is_trusted = is_own || by_operator || token_server.is_loopback();
        if self.realm.scheme() == "http" && self.credential.is_some() && !is_trusted {
            return Err(self.access.refused(&format!(
                "no credential is sent to the token server {token_server} without TLS"
            )));
        }
        if is_own {
            return Ok(self.channel.is_verified);
        }
        Ok(!by_operator)
    }

    fn request(&self, is_verified: bool) -> Result<Request, Failure> {
        let registry = self.access.host.authority.to_string();
        let mut request = Request {
            limit: TOKEN_LIMIT,
            is_verified,
            ..Request::new(Method::GET, self.realm.clone(), "token", registry)
        };
        match self.credential.map(|credential| &credential.secret) {
            Some(Secret::IdentityToken(token)) => {
                request.method = Method::POST;
                request.form = Some(self.refresh_form(token));
            }
            Some(Secret::Password { username, password }) => {
                self.add_query(&mut request.url, Some(username));
                request.authorization = Some(basic(username, password).ok_or_else(|| {
                    self.access
                        .refused("the user name or the password cannot be sent")
                })?);
            }
            None => self.add_query(&mut request.url, None),
        }
        Ok(request)
    }

    fn add_query(&self, url: &mut Url, account: Option<&str>) {
        let mut query = url.query_pairs_mut();
        if !self.key.service.is_empty() {
            query.append_pair("service", &self.key.service);
        }
        // Each of several in a field of its own (distribution specification, "Requesting a Token").
        for scope in self.key.scope.split(' ') {
            query.append_pair("scope", scope);
        }
        query.append_pair("client_id", CLIENT);
        if let Some(account) = account {
            query.append_pair("account", account);
        }
    }

    /// OAuth 2 (distribution specification, "Authenticating with OAuth2").
    fn refresh_form(&self, token: &SecretString) -> String {
        form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "refresh_token")
            .append_pair("service", &self.key.service)
            .append_pair("scope", &self.key.scope)
            .append_pair("client_id", CLIENT)
            .append_pair("refresh_token", token.expose_secret())
            .finish()
    }
}

/// The `Authorization` field of RFC 7617; none where it would hold forbidden characters.
pub(super) fn basic(username: &str, password: &SecretString) -> Option<HeaderValue> {
    let pair = SecretString::from(format!("{username}:{}", password.expose_secret()));
    let encoded = base64::engine::general_purpose::STANDARD.encode(pair.expose_secret());
    let mut header = HeaderValue::from_str(&format!("Basic {encoded}")).ok()?;
    header.set_sensitive(true);
    Some(header)
}
