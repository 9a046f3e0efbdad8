//! The signed statement by which a GitHub App says who it is (RFC 7519, RS256 of RFC 7518).

use std::fs::File;
use std::io::Read;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;
use serde_json::json;

use crate::forge::Error;

const MAX_KEY: u64 = 64 * 1024;
/// Clocks differ: GitHub takes no statement from its own future.
const BACK_DATED: SignedDuration = SignedDuration::from_secs(60);
/// GitHub takes none that is good for more than ten minutes, by its clock.
pub(crate) const LIFE: SignedDuration = SignedDuration::from_mins(9);

/// That the App `id` speaks, from a minute before `now` until [`LIFE`] after it. The key is in
/// PEM form, as PKCS#1 (what GitHub gives) or PKCS#8; errors name its file and show nothing of it.
pub(crate) fn signed(id: &str, key_file: &Path, now: Timestamp) -> Result<SecretString, Error> {
    let fail = |reason: String| {
        Error::Settings(format!(
            "the App's key file {} cannot be used: {reason}",
            key_file.display()
        ))
    };
    let key = key_in(key_file).map_err(fail)?;
    let part = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let claims = json!({
        "iat": (now - BACK_DATED).as_second(),
        "exp": (now + LIFE).as_second(),
        "iss": id,
    });
    let text = format!(
        "{}.{}",
        part(json!({"alg": "RS256", "typ": "JWT"})),
        part(claims)
    );
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(
        &RSA_PKCS1_SHA256,
        &SystemRandom::new(),
        text.as_bytes(),
        &mut signature,
    )
    .map_err(|_| fail("it cannot sign".to_owned()))?;
    Ok(SecretString::from(format!(
        "{text}.{}",
        URL_SAFE_NO_PAD.encode(signature)
    )))
}

fn key_in(path: &Path) -> Result<RsaKeyPair, String> {
    let mut pem = Zeroizing::new(Vec::new());
    File::open(path)
        .and_then(|file| file.take(MAX_KEY).read_to_end(&mut pem))
        .map_err(|error| error.to_string())?;
    // What the parser says may quote the file.
    let key = PrivateKeyDer::from_pem_slice(&pem)
        .map_err(|_| "it holds no private key in PEM form without a passphrase".to_owned())?;
    let pair = match &key {
        PrivateKeyDer::Pkcs1(key) => RsaKeyPair::from_der(key.secret_pkcs1_der()),
        PrivateKeyDer::Pkcs8(key) => RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()),
        _ => return Err("it is no RSA key".to_owned()),
    };
    pair.map_err(|error| format!("it is no RSA key of 2048 to 4096 bits ({error})"))
}
