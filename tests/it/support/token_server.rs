//! A token server for docker-registry's own `auth: token`: the registry judges its tokens.
//!
//! No packaged one could be had; this one knows the distribution specification's two ways, GET
//! with or without a password, and POST with a refresh token.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, SigningKey as _};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::registry::{PASSWORD, USER};
use crate::support::scripted::{Reply, Scripted, Seen};

pub const REFRESH_TOKEN: &str = "a-refresh-token";
const ISSUER: &str = "headwater-tests";
const SERVICE: &str = "docker-registry";

pub struct TokenServer {
    server: Scripted,
    folder: TempDir,
}

impl TokenServer {
    /// `lets_in_all`: anonymous clients get tokens that work.
    pub fn start(lets_in_all: bool, expires_in: u64) -> Self {
        let folder = TempDir::new().unwrap();
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let certificate = CertificateParams::new(vec!["token.test".to_owned()])
            .unwrap()
            .self_signed(&key)
            .unwrap();
        std::fs::write(folder.path().join("bundle.pem"), certificate.pem()).unwrap();
        let chain = STANDARD.encode(certificate.der());
        let server = Scripted::start(move |request| {
            if !(lets_in_all || knows(request)) {
                return Reply::status(401);
            }
            let token = sign(&key, &chain, &claims(request));
            let grant = json!({"token": token, "expires_in": expires_in});
            Reply::ok("application/json", grant.to_string())
        });
        Self { server, folder }
    }

    /// For the registry's `auth:` section.
    pub fn auth(&self) -> Value {
        json!({"token": {
            "realm": self.realm(),
            "service": SERVICE,
            "issuer": ISSUER,
            "rootcertbundle": self.folder.path().join("bundle.pem"),
        }})
    }

    pub fn realm(&self) -> String {
        self.server.url("/token")
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.server.seen()
    }
}

fn knows(request: &Seen) -> bool {
    let basic = format!("Basic {}", STANDARD.encode(format!("{USER}:{PASSWORD}")));
    request.header("authorization") == Some(&basic)
        || request
            .body
            .contains(&format!("refresh_token={REFRESH_TOKEN}"))
}

/// What is asked for is granted, in the registry's form.
fn claims(request: &Seen) -> Value {
    let query = if request.method == "POST" {
        request.body.as_str()
    } else {
        request.path.split_once('?').map_or("", |(_, query)| query)
    };
    let access: Vec<Value> = url::form_urlencoded::parse(query.as_bytes())
        .filter(|(name, _)| name == "scope")
        .filter_map(|(_, scope)| {
            let mut parts = scope.splitn(3, ':').map(str::to_owned);
            Some(json!({
                "type": parts.next()?,
                "name": parts.next()?,
                "actions": parts.next()?.split(',').collect::<Vec<_>>(),
            }))
        })
        .collect();
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    json!({
        "iss": ISSUER, "sub": USER, "aud": SERVICE, "jti": "1",
        "iat": now - 60, "nbf": now - 60, "exp": now + 3600,
        "access": access,
    })
}

/// A JSON Web Token by ES256, the key's certificate inside.
fn sign(key: &KeyPair, chain: &str, claims: &Value) -> String {
    let header = json!({"typ": "JWT", "alg": "ES256", "x5c": [chain]});
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(&header), part(claims));
    let signature = raw_signature(&key.sign(message.as_bytes()).unwrap());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// ASN.1's two integers as the two numbers of 32 bytes that JWT wants (RFC 7518, 3.4).
fn raw_signature(der: &[u8]) -> Vec<u8> {
    let mut rest = &der[2..];
    let mut raw = Vec::new();
    for _ in 0..2 {
        let length = usize::from(rest[1]);
        let number = &rest[2..2 + length];
        let significant = &number[number.len().saturating_sub(32)..];
        raw.extend(std::iter::repeat_n(0, 32 - significant.len()));
        raw.extend(significant);
        rest = &rest[2 + length..];
    }
    raw
}
