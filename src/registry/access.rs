//! One repository at one registry: the way there, and authorization.

use std::sync::Arc;
use std::time::Duration;

use hyper::body::Bytes;
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use reqwest::{Method, StatusCode};
use url::Url;

use crate::image::DOCKER_HUB_HOST;
use crate::registry::Inner;
use crate::registry::challenge::{self, Challenge};
use crate::registry::credentials::{Credential, Secret};
use crate::registry::error::Failure;
use crate::registry::exchange::{self, Exchange};
use crate::registry::host::{Channel, Host, Manner};
use crate::registry::image_manifest;
use crate::registry::realm::RealmRules;
use crate::registry::token::TokenKey;
use crate::registry::transport::{Answer, LED_ASTRAY, Request};

/// What the requests are counted as by which a blob is pushed.
pub(super) const UPLOAD: &str = "upload";

/// A repository that is asked.
#[derive(Clone, Debug)]
pub(super) struct Access<'a> {
    pub inner: &'a Inner,
    pub host: Arc<Host>,
    pub path: String,
    /// As it was written, for messages.
    pub repository: String,
    /// The namespace whose pull secrets are used first.
    pub secrets_of: Option<&'a str>,
    /// Without any credential, though there is one.
    pub is_anonymous: bool,
    pub purpose: Purpose,
}

/// What a repository is asked for; a token is for nothing more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Pull,
    Push {
        /// The path of another repository on the same host, whose blobs may be taken.
        mounts_from: Option<String>,
    },
    Delete,
    /// The registry's list of its repositories.
    Catalog,
}

/// One request to a repository.
#[derive(Clone, Debug)]
pub(super) struct Ask<'a> {
    pub method: Method,
    pub place: Place<'a>,
    /// Media types.
    pub accept: &'static str,
    /// Beside the usual ones.
    pub headers: HeaderMap,
    pub body: Option<Bytes>,
    /// The largest body that is read.
    pub limit: usize,
    /// As in [`Request`].
    pub is_streamed: bool,
    pub extra_time: Duration,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Place<'a> {
    /// Follows `/v2/<path>/`.
    Below(&'a str),
    /// On the registry's own origin.
    At(&'a Url),
    /// Follows `/v2/`: of the registry, not of the repository.
    Registry(&'a str),
}

impl<'a> Ask<'a> {
    /// Without a body, for an answer whose body does not matter.
    pub fn new(method: Method, place: Place<'a>) -> Self {
        Self {
            method,
            place,
            accept: "*/*",
            headers: HeaderMap::new(),
            body: None,
            limit: 0,
            is_streamed: false,
            extra_time: Duration::ZERO,
        }
    }
}

/// What a request is sent with.
#[derive(Debug)]
struct Authorization {
    header: HeaderValue,
    /// For a bearer token, which one it is.
    token: Option<TokenKey>,
}

impl Access<'_> {
    /// `HEAD` or `GET` of a manifest or blob, `/v2/<path>/<rest>`; see [`Access::ask_for`].
    pub async fn ask(&self, method: Method, rest: &str, limit: usize) -> Result<Answer, Failure> {
        self.ask_for(image_manifest::ACCEPT, method, rest, limit)
            .await
    }

    /// An answer of these media types, with a login where the registry wants one, and without
    /// where it says that the login is wrong; when that does not help either, the first answer
    /// counts. An answer 401 comes back only from a host that the registry redirected to.
    pub async fn ask_for(
        &self,
        accept: &'static str,
        method: Method,
        rest: &str,
        limit: usize,
    ) -> Result<Answer, Failure> {
        let ask = Ask {
            accept,
            limit,
            ..Ask::new(method, Place::Below(rest))
        };
        self.ask_this(&ask).await
    }

    pub async fn ask_this(&self, ask: &Ask<'_>) -> Result<Answer, Failure> {
        let may_be_anonymous = !self.is_anonymous && self.purpose == Purpose::Pull;
        match self.ask_once(ask).await {
            Err(failure) if failure.is_wrong_login && may_be_anonymous => {
                let anonymous = Self {
                    is_anonymous: true,
                    ..self.clone()
                };
                match anonymous.ask_once(ask).await {
                    Ok(answer) if answer.status.is_success() => Ok(answer),
                    _ => Err(failure),
                }
            }
            answer => answer,
        }
    }

    async fn ask_once(&self, ask: &Ask<'_>) -> Result<Answer, Failure> {
        let _first = self.host.first_turn().await;
        let channel = self.inner.transport.channel(&self.host).await?;
        let sent = self.known_authorization(&channel).await?;
        let mut request = self.request(&channel, ask, sent.as_ref())?;
        let answer = self.inner.transport.send(&self.host, &request).await?;
        if !wants_login(&answer) {
            return Ok(answer);
        }
        let authorization = self.login(&channel, &answer, sent).await?;
        request.authorization = Some(authorization.header);
        let answer = self.inner.transport.send(&self.host, &request).await?;
        if wants_login(&answer) {
            return Err(self.login_refused(&channel, &answer).await);
        }
        Ok(answer)
    }

    /// A request with the login that the registry is known to want, to be sent by other means.
    pub async fn prepared(&self, ask: &Ask<'_>) -> Result<Request, Failure> {
        let channel = self.inner.transport.channel(&self.host).await?;
        let authorization = self.known_authorization(&channel).await?;
        self.request(&channel, ask, authorization.as_ref())
    }

    fn request(
        &self,
        channel: &Channel,
        ask: &Ask<'_>,
        authorization: Option<&Authorization>,
    ) -> Result<Request, Failure> {
        let op = match ask.place {
            Place::Below(rest) => op(rest),
            Place::At(_) => UPLOAD,
            Place::Registry(_) => "catalog",
        };
        let url = self.url_of(channel, ask.place)?;
        let mut headers = headers(ask.accept);
        headers.extend(ask.headers.clone());
        Ok(Request {
            headers,
            authorization: authorization.map(|sent| sent.header.clone()),
            body: ask.body.clone(),
            limit: ask.limit,
            is_streamed: ask.is_streamed,
            extra_time: ask.extra_time,
            is_verified: channel.is_verified,
            ..Request::new(ask.method.clone(), url, op, self.name())
        })
    }

    /// For its token's scope.
    fn scope(&self) -> String {
        let path = &self.path;
        match &self.purpose {
            Purpose::Pull => self.host.scope(path),
            Purpose::Push { mounts_from: None } => format!("repository:{path}:pull,push"),
            Purpose::Push {
                mounts_from: Some(from),
            } => format!("repository:{path}:pull,push repository:{from}:pull"),
            Purpose::Delete => format!("repository:{path}:pull,delete"),
            // Distribution `registry/handlers/app.go`: the catalog has a scope of its own.
            Purpose::Catalog => "registry:catalog:*".to_owned(),
        }
    }

    fn url_of(&self, channel: &Channel, place: Place<'_>) -> Result<Url, Failure> {
        let scheme = if channel.is_plain { "http" } else { "https" };
        let registry = &self.host.authority;
        let url = match place {
            Place::At(url) => return Ok(url.clone()),
            Place::Below(rest) => format!("{scheme}://{registry}/v2/{}/{rest}", self.path),
            Place::Registry(rest) => format!("{scheme}://{registry}/v2/{rest}"),
        };
        Url::parse(&url).map_err(|_| self.refused("the repository makes no usable address"))
    }

    /// The address of something that was asked for, once there is a channel.
    pub async fn address(&self, rest: &str) -> Result<Url, Failure> {
        self.address_of(Place::Below(rest)).await
    }

    pub async fn address_of(&self, place: Place<'_>) -> Result<Url, Failure> {
        let channel = self.inner.transport.channel(&self.host).await?;
        self.url_of(&channel, place)
    }

    /// What the registry wanted before is sent at once.
    async fn known_authorization(
        &self,
        channel: &Channel,
    ) -> Result<Option<Authorization>, Failure> {
        match self.host.manner() {
            None => Ok(None),
            Some(Manner::Basic) => Ok(self.basic(channel).await?),
            Some(Manner::Bearer { realm, service }) => {
                let scope = self.scope();
                self.bearer(channel, realm, service, scope).await.map(Some)
            }
        }
    }

    /// Answers a challenge; what was sent before was not enough.
    async fn login(
        &self,
        channel: &Channel,
        answer: &Answer,
        sent: Option<Authorization>,
    ) -> Result<Authorization, Failure> {
        let fields = answer.headers.get_all(WWW_AUTHENTICATE);
        let challenges = challenge::parse(fields.iter().filter_map(|field| field.to_str().ok()));
        let of = |scheme: &str| {
            challenges
                .iter()
                .find(|challenge| challenge.scheme == scheme)
        };
        if let Some(bearer) = of("bearer") {
            return self.login_by_token(channel, bearer, sent).await;
        }
        if of("basic").is_some() {
            let is_new = sent.is_none_or(|sent| sent.token.is_some());
            if let Some(basic) = self.basic(channel).await?.filter(|_| is_new) {
                self.host.set_manner(Manner::Basic);
                return Ok(basic);
            }
        }
        Err(self.login_refused(channel, answer).await)
    }

    async fn login_by_token(
        &self,
        channel: &Channel,
        challenge: &Challenge,
        sent: Option<Authorization>,
    ) -> Result<Authorization, Failure> {
        if challenge.is_ambiguous() {
            return Err(self.refused("the registry's login challenge names one thing twice"));
        }
        let rules = RealmRules {
            registry: &self.host.authority,
            registry_is_plain: channel.is_plain,
            listed: self.inner.listed_realms(&self.host.authority),
            strict: self.inner.strict_realms,
        };
        let realm = challenge.parameter("realm").unwrap_or_default();
        let realm = rules.check(realm).map_err(|reason| {
            self.inner
                .transport
                .alarm(LED_ASTRAY, &self.host.authority.to_string(), &reason);
            self.refused(&reason).advice(
                "no credential and no request is sent there; \
                 the operator can list the token server for this registry",
            )
        })?;
        let service = challenge
            .parameter("service")
            .unwrap_or_default()
            .to_owned();
        if let Some(scope) = challenge
            .parameter("scope")
            .filter(|scope| only_pulls(scope))
        {
            self.host.set_scope(&self.path, scope);
        }
        let scope = self.scope();
        if let Some(Authorization {
            header,
            token: Some(key),
        }) = sent
        {
            self.inner.tokens.forget(&key, &header).await;
        }
        self.host.set_manner(Manner::Bearer {
            realm: realm.clone(),
            service: service.clone(),
        });
        self.bearer(channel, realm, service, scope).await
    }

    async fn bearer(
        &self,
        channel: &Channel,
        realm: Url,
        service: String,
        scope: String,
    ) -> Result<Authorization, Failure> {
        let credential = self.credential(channel).await?;
        let key = TokenKey {
            registry: self.host.authority.clone(),
            insecure: self.host.insecure,
            realm: realm.to_string(),
            service,
            scope,
            credential: credential.as_ref().map(|credential| credential.id.clone()),
        };
        let exchange = Exchange {
            access: self,
            channel,
            key: &key,
            realm: &realm,
            credential: credential.as_ref(),
        };
        let token = self.inner.tokens.get(&key, || exchange.run()).await?;
        Ok(Authorization {
            header: token.0,
            token: Some(key),
        })
    }

    async fn basic(&self, channel: &Channel) -> Result<Option<Authorization>, Failure> {
        let Some(Credential {
            secret: Secret::Password { username, password },
            ..
        }) = self.credential(channel).await?
        else {
            return Ok(None);
        };
        let header = exchange::basic(&username, &password)
            .ok_or_else(|| self.refused("the user name or the password cannot be sent"))?;
        Ok(Some(Authorization {
            header,
            token: None,
        }))
    }

    /// The credential for this repository, where the channel is safe enough for one.
    async fn credential(&self, channel: &Channel) -> Result<Option<Credential>, Failure> {
        if !channel.may_send_credentials || self.is_anonymous {
            return Ok(None);
        }
        self.stored_credential().await
    }

    async fn stored_credential(&self) -> Result<Option<Credential>, Failure> {
        self.inner
            .credentials
            .find(self.secrets_of, &self.name(), &self.path)
            .await
            .map_err(|reason| {
                Failure::unavailable(&self.name(), reason)
                    .advice("check that the helper is installed and unlocked")
            })
    }

    /// Why there is no way in, and what to do. `answer` is the registry's or its token server's.
    pub async fn login_refused(&self, channel: &Channel, answer: &Answer) -> Failure {
        let host = self.name();
        let image = format!("\"{}\"", self.repository);
        let has_credential = matches!(self.stored_credential().await, Ok(Some(_)));
        if has_credential && !channel.may_send_credentials {
            return Failure::denied(
                &host,
                format!("you may not have access to the container image {image} without a login"),
            )
            .advice(
                "a manifest's `insecure` never sends a credential; \
                 remove it, or let the operator list the host as insecure",
            );
        }
        if has_credential {
            let mut failure = Failure::denied(
                &host,
                format!("incorrect username or password for image {image}"),
            )
            .advice(format!("log in again: {}", login_command(&host)));
            failure.is_wrong_login = says_wrong_login(answer);
            return failure;
        }
        Failure::denied(
            &host,
            format!(
                "you may not have access to the container image {image} \
                 and did not have credentials to the repository"
            ),
        )
        .advice(format!(
            "log in: {}, or give its namespace a login: headwater create secret docker-registry",
            login_command(&host)
        ))
    }
}

/// What a request is counted as; `rest` follows `/v2/<path>/`.
fn op(rest: &str) -> &'static str {
    match rest.split('/').next() {
        Some("manifests") => "manifest",
        Some("blobs") if rest.starts_with("blobs/uploads") => UPLOAD,
        Some("blobs") => "blob",
        Some("tags") => "tags",
        Some("referrers") => "referrers",
        _ => "other",
    }
}

/// What a person types to log in.
pub(super) fn login_command(host: &str) -> String {
    if host == DOCKER_HUB_HOST {
        "docker login, or skopeo login docker.io".to_owned()
    } else {
        format!("docker login {host}, or skopeo login {host}")
    }
}

fn headers(accept: &'static str) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(4);
    headers.insert(ACCEPT, HeaderValue::from_static(accept));
    // A compressed body has another hash.
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers
}

/// A host that the registry redirected to gets no login: it is not the registry.
fn wants_login(answer: &Answer) -> bool {
    answer.status == StatusCode::UNAUTHORIZED && answer.redirected_to.is_none()
}

/// What makes the original ask again without a login (openshift-apiserver
/// `pkg/image/apiserver/registry/imagestreamimport`).
fn says_wrong_login(answer: &Answer) -> bool {
    answer.status == StatusCode::UNAUTHORIZED
        && String::from_utf8_lossy(&answer.body)
            .to_lowercase()
            .contains("username or password")
}

/// A registry may name its own scope, but none that allows more than pulling.
fn only_pulls(scope: &str) -> bool {
    scope.len() <= 1024
        && scope
            .split(' ')
            .all(|part| part.starts_with("repository") && part.rsplit(':').next() == Some("pull"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn docker_hub_is_logged_in_to_by_the_name_that_people_know() {
        assert!(!login_command(DOCKER_HUB_HOST).contains(DOCKER_HUB_HOST));
        assert!(login_command("ghcr.io").contains("docker login ghcr.io"));
    }

    #[test]
    fn a_scope_that_allows_more_than_pulling_is_not_asked_for() {
        assert!(only_pulls("repository:a/b:pull"));
        assert!(only_pulls("repository(plugin):a/b:pull"));
        for scope in [
            "",
            "repository:a/b:pull,push",
            "repository:a:pull registry:catalog:*",
            "*",
        ] {
            assert!(!only_pulls(scope), "{scope}");
        }
    }
}
