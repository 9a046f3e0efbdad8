//! GitHub Apps: statements that they sign, and the tokens that they get for them.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde_json::{Value, json};

use crate::support::forge::call::Call;
use crate::support::forge::github::Said;
use crate::support::forge::model::Model;

const LIFE: SignedDuration = SignedDuration::from_hours(1);

/// An App that is installed at the repository.
#[derive(Clone, Debug)]
pub struct App {
    pub id: String,
    /// Its public key as PKCS#1.
    pub key: Vec<u8>,
    pub installation: u64,
    pub granted: BTreeMap<String, String>,
    /// Tokens that were made, and when they end.
    pub tokens: Vec<(String, Timestamp)>,
}

impl App {
    /// Whether `statement` is this App's, and good now.
    pub fn is_signed(&self, statement: &str, now: Timestamp) -> bool {
        let read = || {
            let (text, signature) = statement.rsplit_once('.')?;
            let (head, claims) = text.split_once('.')?;
            let bytes = |part: &str| URL_SAFE_NO_PAD.decode(part).ok();
            let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &self.key);
            key.verify(text.as_bytes(), &bytes(signature)?).ok()?;
            let [head, claims] =
                [head, claims].map(|part| serde_json::from_slice::<Value>(&bytes(part)?).ok());
            let (from, until) = (
                claims.as_ref()?["iat"].as_i64()?,
                claims.as_ref()?["exp"].as_i64()?,
            );
            let now = now.as_second();
            let is_good = head?["alg"] == "RS256"
                && claims?["iss"] == self.id
                && from <= now
                && now < until
                && until <= now + 600;
            is_good.then_some(())
        };
        read().is_some()
    }

    pub fn knows(&self, token: &str, now: Timestamp) -> bool {
        let mut tokens = self.tokens.iter();
        tokens.any(|(known, until)| known == token && now < *until)
    }
}

/// What the App asks as itself.
pub fn is_asked(call: &Call) -> bool {
    let segments = &call.segments;
    segments.first().is_some_and(|first| first == "app")
        || (segments.len() == 4 && segments[3] == "installation")
}

pub fn answer(model: &mut Model, call: &Call) -> Option<Said> {
    let (owner, name) = (model.owner.clone(), model.name.clone());
    let now = model.now;
    let Some(app) = &mut model.app else {
        return Some(Said::message(401, "A JSON web token could not be decoded"));
    };
    let segments: Vec<&str> = call.segments.iter().map(String::as_str).collect();
    let own = app.installation.to_string();
    let said = match (call.method.as_str(), segments.as_slice()) {
        ("GET", ["repos", o, r, _]) if (*o, *r) == (&owner, &name) => installed(app),
        ("GET", ["repos", ..]) => Said::missing(),
        ("GET", ["app", "installations", id]) if *id == own => installed(app),
        ("POST", ["app", "installations", id, "access_tokens"]) if *id == own => {
            make(app, call, &name, now)
        }
        (_, ["app", "installations", ..]) => Said::missing(),
        _ => return None,
    };
    Some(said)
}

fn installed(app: &App) -> Said {
    let body = json!({
        "id": app.installation,
        "app_slug": "headwater",
        "permissions": app.granted,
        "suspended_at": null,
    });
    Said::new(200, body)
}

fn make(app: &mut App, call: &Call, name: &str, now: Timestamp) -> Said {
    let repositories = call.texts_of("repositories").unwrap_or_default();
    if repositories.iter().any(|asked| asked != name) {
        let words = "There is at least one repository that does not exist or is not accessible to \
                     the parent installation.";
        return Said::message(422, words);
    }
    let asked: BTreeMap<String, String> =
        serde_json::from_value(call.body["permissions"].clone()).unwrap_or_default();
    let is_granted = |(name, access): (&String, &String)| match app.granted.get(name) {
        Some(granted) => granted == access || access == "read",
        None => false,
    };
    if !asked.iter().all(is_granted) {
        let words = "The permissions requested are not granted to this installation.";
        return Said::message(422, words);
    }
    let token = format!("ghs_{}", app.tokens.len() + 1);
    app.tokens.push((token.clone(), now + LIFE));
    let body = json!({
        "token": token,
        "expires_at": now + LIFE,
        "permissions": asked,
        "repository_selection": "selected",
    });
    Said::new(201, body)
}
