//! Keys as OpenSSL writes them.

use headwater::image::{PublicKey, PublicKeyError};

use crate::support::signer::{KeyKind, Signer};

#[test]
fn each_kind_of_key_verifies_its_own_signatures_only() {
    let kinds = [
        KeyKind::P256,
        KeyKind::P384,
        KeyKind::Rsa(2048),
        KeyKind::Rsa(3072),
        KeyKind::Ed25519,
    ];
    let signers = kinds.map(|kind| (kind, Signer::new(kind)));
    for (kind, signer) in &signers {
        let key = signer.key();
        assert_eq!(key.to_string(), signer.pem(&[]).trim_end(), "{kind:?}");
        let signature = signer.sign(b"message");
        assert!(key.verifies(b"message", &signature), "{kind:?}");
        assert!(!key.verifies(b"massage", &signature), "{kind:?}");
        assert!(!key.verifies(b"message", &[]), "{kind:?}");
        for at in (0..signature.len()).step_by(7) {
            let mut damaged = signature.clone();
            damaged[at] ^= 1;
            assert!(!key.verifies(b"message", &damaged), "{kind:?} {at}");
            assert!(!key.verifies(b"message", &signature[..at]), "{kind:?} {at}");
        }
        for (other_kind, other) in &signers {
            let is_own = kind == other_kind;
            assert_eq!(
                other.key().verifies(b"message", &signature),
                is_own,
                "{kind:?} {other_kind:?}"
            );
        }
    }
}

#[test]
fn a_p384_key_signs_with_sha384_and_with_sha256() {
    let signer = Signer::new(KeyKind::P384);
    for (hash, expected) in [("sha384", true), ("sha256", true), ("sha512", false)] {
        let signature = signer.sign_with(hash, b"message");
        assert_eq!(
            signer.key().verifies(b"message", &signature),
            expected,
            "{hash}"
        );
    }
    // No other key has a choice.
    for kind in [KeyKind::P256, KeyKind::Rsa(2048)] {
        let signer = Signer::new(kind);
        let signature = signer.sign_with("sha384", b"message");
        assert!(!signer.key().verifies(b"message", &signature), "{kind:?}");
    }
}

#[test]
fn keys_that_cannot_be_used_say_so_at_once() {
    for (pem, expected) in [
        (
            Signer::new(KeyKind::Rsa(1024)).pem(&[]),
            "an RSA key of 1024 bits cannot be used",
        ),
        (
            Signer::new(KeyKind::Curve("P-521")).pem(&[]),
            "an ECDSA key of the curve 1.3.132.0.35 cannot be used",
        ),
        (
            Signer::new(KeyKind::Curve("secp256k1")).pem(&[]),
            "an ECDSA key of the curve 1.3.132.0.10 cannot be used",
        ),
        (
            Signer::new(KeyKind::P256).pem(&["-ec_conv_form", "compressed"]),
            "an ECDSA key whose point is compressed cannot be used",
        ),
        (
            Signer::new(KeyKind::P256).pem(&["-ec_param_enc", "explicit"]),
            "this public key is damaged: it names no curve",
        ),
        (
            Signer::new(KeyKind::P256).private_pem(),
            "this is a private key",
        ),
        (
            "-----BEGIN RSA PUBLIC KEY-----\nMIIB\n-----END RSA PUBLIC KEY-----".to_owned(),
            "this is no public key",
        ),
    ] {
        let error = pem.parse::<PublicKey>().unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
        assert!(!error.contains('\n'), "{error}");
    }
    let twice = Signer::new(KeyKind::P256).pem(&[]).repeat(2);
    assert_eq!(twice.parse::<PublicKey>(), Err(PublicKeyError::Several));
}
