//! A try that failed: what happened, in words, and whether another try may help.

use std::error::Error as _;
use std::time::Duration;

use url::Url;

use crate::registry::authority::Authority;
use crate::registry::egress::Forbidden;
use crate::registry::error::{Failure, clean};

#[derive(Debug)]
pub(super) struct Trouble {
    pub failure: Failure,
    pub kind: TroubleKind,
    /// There was somebody, or may be on another port, but no TLS that is trusted.
    pub is_no_tls: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TroubleKind {
    /// No connection; `true`: after a time-out.
    Unreachable(bool),
    Slow,
    /// Broken off on the way.
    Broken,
    /// It leads where nobody may go.
    Astray,
    Final,
}

impl Trouble {
    /// No other try helps.
    pub fn last(failure: Failure) -> Self {
        Self {
            failure,
            kind: TroubleKind::Final,
            is_no_tls: false,
        }
    }

    /// As [`Self::last`], because of where it would lead.
    pub fn astray(failure: Failure) -> Self {
        Self {
            kind: TroubleKind::Astray,
            ..Self::last(failure)
        }
    }

    pub fn slow(url: &Url, limit: Duration) -> Self {
        Self {
            failure: Failure::unavailable(
                &name(url),
                format!("no answer within {} s", limit.as_secs_f32()),
            )
            .advice("it is asked again on the next pass"),
            kind: TroubleKind::Slow,
            is_no_tls: false,
        }
    }

    /// What the client says, for `host`. `connect` is the limit for connecting.
    pub fn explain(host: &str, error: &reqwest::Error, connect: Duration) -> Self {
        if let Some(forbidden) = cause::<Forbidden>(error) {
            return Self::astray(refuse_address(host, forbidden));
        }
        let text = deepest(error);
        let is_no_tls = error.is_connect() && !error.is_timeout() && !error.is_dns();
        let trouble = |message: String, advice: &str, kind| Self {
            failure: Failure::unavailable(host, message).advice(advice),
            kind,
            is_no_tls,
        };
        if error.is_connect() && error.is_timeout() {
            return trouble(
                format!("no connection within {} s", connect.as_secs_f32()),
                "check the host's name, the network and the firewall",
                TroubleKind::Unreachable(true),
            );
        }
        if error.is_connect() && text.contains("InvalidContentType") {
            // rustls's word for a server that does not speak TLS.
            return trouble(
                format!(
                    "the repository {host} is HTTP only and requires the insecure flag to import"
                ),
                "set `importPolicy.insecure: true` at the tag, or list the host as insecure; \
                 credentials are sent only when the operator lists it",
                TroubleKind::Unreachable(true),
            );
        }
        if error.is_connect() && text.contains("certificate") {
            return trouble(
                format!("the certificate is not trusted: {text}"),
                "name its authority's certificate in the server file (`caFile`) or SSL_CERT_FILE, or set `importPolicy.insecure: true` at the tag",
                TroubleKind::Unreachable(true),
            );
        }
        if error.is_connect() {
            return trouble(
                format!("cannot connect: {text}"),
                "check the host's name and that the registry runs",
                TroubleKind::Unreachable(false),
            );
        }
        if error.is_timeout() {
            return trouble(
                "the answer takes too long".to_owned(),
                "it is asked again on the next pass",
                TroubleKind::Slow,
            );
        }
        trouble(
            format!("the connection broke off: {text}"),
            "it is asked again on the next pass",
            TroubleKind::Broken,
        )
    }
}

pub(super) fn refuse_address(host: &str, forbidden: &Forbidden) -> Failure {
    Failure::refused(host, forbidden.to_string()).advice(
        "loopback and private addresses are asked only for hosts that are named as registries",
    )
}

/// `host[:port]`, never the path or the query: they may hold a signature.
pub(super) fn name(url: &Url) -> String {
    Authority::of(url).map_or_else(|| "(no host)".to_owned(), |authority| authority.to_string())
}

fn cause<T: std::error::Error + 'static>(error: &reqwest::Error) -> Option<&T> {
    let mut source = error.source();
    while let Some(error) = source {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        source = error.source();
    }
    None
}

/// The innermost cause: the outer ones only say that a request failed, some with its URL.
fn deepest(error: &reqwest::Error) -> String {
    let mut deepest: Option<&dyn std::error::Error> = None;
    let mut source = error.source();
    while let Some(error) = source {
        deepest = Some(error);
        source = error.source();
    }
    deepest.map_or_else(
        || "the request failed".to_owned(),
        |error| clean(&error.to_string()),
    )
}
