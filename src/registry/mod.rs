//! Tag to digest at any OCI registry, and images from one to another.
//!
//! A question is a HEAD when a digest is known already, and a GET with a hash check when it is
//! new or has moved. Everything has a limit: bytes, time, tries, redirects, requests at once.
//! Credentials go to the registry itself and to the token server that the realm rules give it,
//! and nowhere else; addresses are checked when they are dialled.

mod access;
mod authority;
mod bundle;
mod catalog;
mod challenge;
mod channel;
mod clients;
mod configuration;
mod contents;
mod copy;
mod created;
mod credential_helper;
mod credentials;
mod describe;
mod egress;
mod envelope;
mod error;
mod exchange;
mod facts;
mod feed;
mod host;
mod image_manifest;
mod leave;
mod name_list;
mod next_page;
mod options;
mod pull_secrets;
mod push;
mod question;
mod realm;
mod redirect;
mod referrers;
mod retry;
mod signature;
mod signed;
mod simple_signing;
mod tag_list;
mod token;
mod transport;
mod trouble;
mod version;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex};

use futures_util::StreamExt as _;
use futures_util::stream;
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use tokio::sync::Semaphore;
use url::Url;

pub use clients::prepare;
pub use contents::Contents;
pub use credentials::CredentialSource;
pub use error::{Failure, FailureKind, RegistryError};
pub use options::{AllowedHosts, Pause, RegistryOptions, Retry, Timeouts};

use crate::copying::CopyMode;
use crate::image::{Description, Repository};
use crate::lookup::{
    Answer, CatalogQuestion, Lookup, Question, Resolution, SignedBy, SignedQuestion, TagListing,
};
use crate::registry::access::{Access, Purpose};
use crate::registry::authority::Authority;
use crate::registry::clients::Clients;
use crate::registry::copy::Copies;
use crate::registry::egress::Egress;
use crate::registry::host::{Host, lock};
use crate::registry::leave::Leave;
use crate::registry::token::Tokens;
use crate::registry::transport::Transport;

/// All registries, with the connections, tokens and manners learned so far. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Registries {
    inner: Arc<Inner>,
    copy_mode: CopyMode,
}

#[derive(Debug)]
struct Inner {
    credentials: CredentialSource,
    token_realms: HashMap<Authority, Vec<Url>>,
    strict_realms: bool,
    concurrency_per_host: usize,
    concurrency: usize,
    tags_per_page: usize,
    transport: Transport,
    tokens: Tokens,
    copies: Copies,
    /// By authority, and whether a manifest says `insecure`.
    hosts: Mutex<HashMap<(Authority, bool), Arc<Host>>>,
}

impl Registries {
    /// Reads the certificate files; no request is made.
    pub fn new(options: RegistryOptions) -> Result<Self, RegistryError> {
        let egress = Egress::default();
        options.tally.begun_anew();
        Ok(Self {
            inner: Arc::new(Inner {
                concurrency_per_host: options.concurrency_per_host,
                concurrency: options.concurrency,
                tags_per_page: options.tags_per_page,
                transport: Transport {
                    clients: Clients::new(&options, egress.clone())?,
                    egress,
                    allowed: match &options.allowed {
                        AllowedHosts::AnyNamed => None,
                        AllowedHosts::Only(patterns) => Some(patterns.clone()),
                    },
                    insecure_hosts: authorities(&options.insecure_hosts),
                    timeouts: options.timeouts,
                    retry: options.retry,
                    permits: Semaphore::new(options.concurrency.max(1)),
                    tally: options.tally,
                },
                token_realms: token_realms(&options.token_realms)?,
                strict_realms: options.strict_realms,
                credentials: options.credentials,
                tokens: Tokens::default(),
                copies: Copies::new(options.concurrency_per_host),
                hosts: Mutex::default(),
            }),
            copy_mode: options.copy_mode,
        })
    }

    /// The same registries, where copies that are asked for are only looked for.
    pub fn looking(&self) -> Self {
        Self {
            copy_mode: CopyMode::Look,
            ..self.clone()
        }
    }

    /// Answers one question.
    pub async fn answer(&self, question: &Question) -> Answer {
        let answer = self.answer_uncounted(question).await;
        // A source that is gone is no failure of its copies.
        if let Question::Attached(_) = question {
            return answer;
        }
        let host = question.repository().endpoint().host;
        let tally = &self.inner.transport.tally;
        match answer.resolution() {
            None
            | Some(Resolution::Found(_) | Resolution::Missing(_) | Resolution::Unsettled(_)) => {
                tally.succeeded(&host);
            }
            Some(
                Resolution::Denied(fault)
                | Resolution::Unavailable(fault)
                | Resolution::Refused(fault),
            ) => tally.failed(&host, &fault.message),
        }
        answer
    }

    async fn answer_uncounted(&self, question: &Question) -> Answer {
        match question {
            Question::Image(lookup) => Answer::Image(self.resolve(lookup).await),
            Question::Tags(listing) => {
                Answer::Tags(self.tags(listing).await.map_err(Resolution::from))
            }
            Question::Created(lookup) => {
                Answer::Created(self.created(lookup).await.map_err(Resolution::from))
            }
            Question::Signed(question) => {
                Answer::Signed(self.signed(question).await.map_err(Resolution::from))
            }
            Question::Copied(order) => {
                Answer::Copied(self.copied(order).await.map_err(Resolution::from))
            }
            Question::Attached(order) => {
                Answer::Attached(self.attached(order).await.map_err(Resolution::from))
            }
            Question::Catalog(question) => {
                Answer::Catalog(self.catalog(question).await.map_err(Resolution::from))
            }
        }
    }

    /// Answers many questions in parallel, in their order; equal ones are asked once. `on_done` is
    /// called after each answer of a registry.
    pub async fn answer_all(
        &self,
        questions: &[Question],
        on_done: impl Fn() + Sync,
    ) -> Vec<Answer> {
        let on_done = &on_done;
        let answers: HashMap<&Question, Answer> = stream::iter(in_turns(questions))
            .map(|question| async move {
                let answer = self.answer(question).await;
                on_done();
                (question, answer)
            })
            // Requests have limits of their own; this one bounds the memory.
            .buffer_unordered(self.inner.concurrency.max(1) * 4)
            .collect()
            .await;
        questions
            .iter()
            .filter_map(|question| answers.get(question).cloned())
            .collect()
    }

    /// Which image a lookup names now.
    pub async fn resolve(&self, lookup: &Lookup) -> Resolution {
        match self.access(&lookup.repository, lookup.insecure, &lookup.secrets_of) {
            Ok(access) => access.resolve(lookup).await,
            Err(failure) => failure.into(),
        }
    }

    /// What stands behind a question: digest, media type, platforms, labels. Some requests more
    /// than [`Registries::resolve`], for people.
    pub async fn describe(&self, lookup: &Lookup) -> Result<Description, Failure> {
        self.access(&lookup.repository, lookup.insecure, &lookup.secrets_of)?
            .describe(lookup)
            .await
    }

    /// The time that the repository's host gave with its last answer.
    pub fn time_of(&self, repository: &Repository, insecure: bool) -> Option<Timestamp> {
        let authority = Authority::parse(&repository.endpoint().host)?;
        let host = lock(&self.inner.hosts)
            .get(&(authority, insecure))
            .cloned()?;
        let date = host.date()?;
        DateTimeParser::new()
            .parse_timestamp(date.to_str().ok()?)
            .ok()
    }

    /// Whether there is a login for the repository; the error says which helper failed.
    pub async fn has_login(
        &self,
        repository: &Repository,
        secrets_of: Option<&str>,
    ) -> Result<bool, String> {
        let endpoint = repository.endpoint();
        let found = self
            .inner
            .credentials
            .find(secrets_of, &endpoint.host, &endpoint.path);
        found.await.map(|login| login.is_some())
    }

    async fn tags(&self, listing: &TagListing) -> Result<Vec<String>, Failure> {
        self.access(&listing.repository, listing.insecure, &listing.secrets_of)?
            .tags(self.inner.tags_per_page)
            .await
    }

    async fn catalog(&self, question: &CatalogQuestion) -> Result<Vec<String>, Failure> {
        let access = Access {
            purpose: Purpose::Catalog,
            ..self.access(&question.repository, false, &None)?
        };
        access.catalog(self.inner.tags_per_page).await
    }

    async fn created(&self, lookup: &Lookup) -> Result<Option<String>, Failure> {
        self.access(&lookup.repository, lookup.insecure, &lookup.secrets_of)?
            .created(lookup)
            .await
    }

    async fn signed(&self, question: &SignedQuestion) -> Result<SignedBy, Failure> {
        self.access(
            &question.repository,
            question.insecure,
            &question.secrets_of,
        )?
        .signed_by(&question.digest, &question.keys)
        .await
    }

    fn access<'a>(
        &'a self,
        repository: &Repository,
        insecure: bool,
        secrets_of: &'a Option<String>,
    ) -> Result<Access<'a>, Failure> {
        let endpoint = repository.endpoint();
        let authority = Authority::parse(&endpoint.host)
            .ok_or_else(|| Failure::refused(&endpoint.host, "it is no usable host"))?;
        let leave = self.inner.transport.leave(&authority, insecure)?;
        Ok(Access {
            inner: &self.inner,
            host: self.inner.host(authority, insecure, leave),
            path: endpoint.path,
            repository: repository.to_string(),
            secrets_of: secrets_of.as_deref(),
            is_anonymous: false,
            purpose: Purpose::Pull,
        })
    }
}

impl Inner {
    /// The host; named, it may from now on have a loopback or private address.
    fn host(&self, authority: Authority, insecure: bool, leave: Leave) -> Arc<Host> {
        let mut hosts = lock(&self.hosts);
        let key = (authority, insecure);
        if let Some(host) = hosts.get(&key) {
            return Arc::clone(host);
        }
        if leave == Leave::Named {
            self.transport.egress.list(&key.0);
        }
        let host = Arc::new(Host::new(
            key.0.clone(),
            insecure,
            self.concurrency_per_host,
        ));
        hosts.insert(key, Arc::clone(&host));
        host
    }

    fn listed_realms(&self, registry: &Authority) -> &[Url] {
        self.token_realms.get(registry).map_or(&[], Vec::as_slice)
    }
}

/// Each question once, the hosts taking turns, so that a slow one does not hold up the others.
fn in_turns(questions: &[Question]) -> Vec<&Question> {
    let mut asked = HashSet::with_capacity(questions.len());
    let mut turns: HashMap<Option<&str>, usize> = HashMap::new();
    let mut in_turns: Vec<(usize, &Question)> = questions
        .iter()
        .filter(|question| asked.insert(*question))
        .map(|question| {
            let turn = turns.entry(question.repository().registry()).or_default();
            *turn += 1;
            (*turn, question)
        })
        .collect();
    in_turns.sort_by_key(|(turn, _)| *turn);
    in_turns.into_iter().map(|(_, question)| question).collect()
}

/// What is no host matches nothing.
fn authorities(hosts: &BTreeSet<String>) -> HashSet<Authority> {
    hosts
        .iter()
        .filter_map(|host| Authority::parse(host))
        .collect()
}

fn token_realms(
    options: &BTreeMap<String, Vec<String>>,
) -> Result<HashMap<Authority, Vec<Url>>, RegistryError> {
    let wrong = |text: &str| RegistryError::TokenRealm(text.to_owned());
    options
        .iter()
        .map(|(registry, realms)| {
            let authority = Authority::parse(registry).ok_or_else(|| wrong(registry))?;
            let realms: Result<Vec<Url>, _> = realms
                .iter()
                .map(|realm| Url::parse(realm).map_err(|_| wrong(realm)))
                .collect();
            Ok((authority, realms?))
        })
        .collect()
}
