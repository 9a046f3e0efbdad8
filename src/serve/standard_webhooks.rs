//! Standard Webhooks, version 1 (standard-webhooks/spec): `webhook-id`, `webhook-timestamp` and
//! `webhook-signature`, an HMAC-SHA256 over `id.timestamp.body`. GitLab signs like this, and so
//! do we.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

pub const ID: &str = "webhook-id";
pub const TIMESTAMP: &str = "webhook-timestamp";
pub const SIGNATURE: &str = "webhook-signature";

/// How far a sender's clock may be off, in seconds, as the specification recommends.
const TOLERANCE: i64 = 5 * 60;
/// Signatures of one request that are looked at: several while a secret is replaced.
const MOST_SIGNATURES: usize = 5;

/// The value of `webhook-signature`; `seconds` since 1970.
pub fn sign(secret: &SecretString, id: &str, seconds: i64, body: &[u8]) -> Option<String> {
    let mac = mac(secret, id, &seconds.to_string(), body)?;
    let signature = BASE64_STANDARD.encode(mac.finalize().into_bytes());
    Some(format!("v1,{signature}"))
}

/// The three headers of a request.
#[derive(Clone, Debug)]
pub struct Signed {
    pub id: String,
    pub timestamp: String,
    pub signatures: String,
}

impl Signed {
    /// Whether it was signed with one of the secrets, about `now`.
    pub fn holds(&self, secrets: &[SecretString], body: &[u8], now: Timestamp) -> bool {
        let Ok(seconds) = self.timestamp.parse::<i64>() else {
            return false;
        };
        let is_recent = now.as_second().abs_diff(seconds) <= TOLERANCE.unsigned_abs();
        let signatures = self.signatures.split_ascii_whitespace();
        let signatures: Vec<Vec<u8>> = signatures
            .take(MOST_SIGNATURES)
            .filter_map(|signature| signature.strip_prefix("v1,"))
            .filter_map(|signature| BASE64_STANDARD.decode(signature).ok())
            .collect();
        is_recent
            && secrets.iter().any(|secret| {
                signatures.iter().any(|signature| {
                    mac(secret, &self.id, &self.timestamp, body)
                        .is_some_and(|mac| mac.verify_slice(signature).is_ok())
                })
            })
    }
}

fn mac(secret: &SecretString, id: &str, timestamp: &str, body: &[u8]) -> Option<Hmac<Sha256>> {
    let secret = secret.expose_secret();
    let key = secret
        .strip_prefix("whsec_")
        .and_then(|encoded| BASE64_STANDARD.decode(encoded).ok())
        .unwrap_or_else(|| secret.as_bytes().to_vec());
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).ok()?;
    for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
        mac.update(part);
    }
    Some(mac)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's libraries.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const SECONDS: i64 = 1_614_265_330;
    const BODY: &[u8] = b"{\"test\": 2432232314}";
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    fn signed(signatures: &str, timestamp: &str) -> Signed {
        Signed {
            id: ID.to_owned(),
            timestamp: timestamp.to_owned(),
            signatures: signatures.to_owned(),
        }
    }

    #[test]
    fn the_published_example_is_what_we_make_and_take() {
        let secret = SecretString::from(SECRET);
        assert_eq!(sign(&secret, ID, SECONDS, BODY).unwrap(), SIGNATURE);
        let old = SecretString::from("another");
        let both = format!("v1,AAAA v2,x {SIGNATURE}");
        for signatures in [SIGNATURE, &both] {
            let signed = signed(signatures, "1614265330");
            for (off, holds) in [
                (0, true),
                (300, true),
                (-300, true),
                (301, false),
                (-301, false),
            ] {
                let now = Timestamp::from_second(SECONDS + off).unwrap();
                let secrets = [old.clone(), secret.clone()];
                assert_eq!(signed.holds(&secrets, BODY, now), holds, "{off}");
            }
        }
    }

    #[test]
    fn what_was_changed_does_not_hold() {
        let secrets = [SecretString::from(SECRET)];
        let now = Timestamp::from_second(SECONDS).unwrap();
        assert!(!signed(SIGNATURE, "1614265330").holds(&secrets, b"{}", now));
        assert!(!signed(SIGNATURE, "1614265331").holds(&secrets, BODY, now));
        assert!(!signed(SIGNATURE, "soon").holds(&secrets, BODY, now));
        assert!(!signed("", "1614265330").holds(&secrets, BODY, now));
        assert!(!signed(SIGNATURE, "1614265330").holds(&[], BODY, now));
        let mut other = signed(SIGNATURE, "1614265330");
        other.id.push('x');
        assert!(!other.holds(&secrets, BODY, now));
    }
}
