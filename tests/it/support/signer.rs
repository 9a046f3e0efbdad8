//! Keys and signatures by `openssl`, which knows nothing of ours.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use headwater::image::PublicKey;
use tempfile::TempDir;

/// What `openssl genpkey` makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    P256,
    P384,
    /// Bits.
    Rsa(u32),
    Ed25519,
    /// Any curve that OpenSSL knows.
    Curve(&'static str),
}

/// A private key in a file, gone when it is dropped.
pub struct Signer {
    folder: TempDir,
    kind: KeyKind,
}

impl Signer {
    pub fn new(kind: KeyKind) -> Self {
        let signer = Self {
            folder: TempDir::new().unwrap(),
            kind,
        };
        let (algorithm, option) = match kind {
            KeyKind::P256 => ("EC", "ec_paramgen_curve:P-256".to_owned()),
            KeyKind::P384 => ("EC", "ec_paramgen_curve:P-384".to_owned()),
            KeyKind::Curve(name) => ("EC", format!("ec_paramgen_curve:{name}")),
            KeyKind::Rsa(bits) => ("RSA", format!("rsa_keygen_bits:{bits}")),
            KeyKind::Ed25519 => ("ED25519", String::new()),
        };
        let mut arguments = vec!["genpkey", "-algorithm", algorithm];
        if !option.is_empty() {
            arguments.extend(["-pkeyopt", &option]);
        }
        openssl(&[&arguments[..], &["-out", &signer.path("key")]].concat());
        signer
    }

    pub fn key(&self) -> PublicKey {
        self.pem(&[]).parse().unwrap()
    }

    /// The public key as OpenSSL writes it, told how.
    pub fn pem(&self, options: &[&str]) -> String {
        let (key, out) = (self.path("key"), self.path("pub"));
        let arguments = ["pkey", "-in", &key, "-pubout", "-out", &out];
        openssl(&[&arguments[..], options].concat());
        fs::read_to_string(out).unwrap()
    }

    pub fn private_pem(&self) -> String {
        fs::read_to_string(self.path("key")).unwrap()
    }

    /// With SHA-256, where the kind of key leaves a choice.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.sign_with("sha256", message)
    }

    pub fn sign_with(&self, hash: &str, message: &[u8]) -> Vec<u8> {
        let (key, file, out) = (
            self.path("key"),
            self.path("message"),
            self.path("signature"),
        );
        fs::write(&file, message).unwrap();
        match self.kind {
            KeyKind::Ed25519 => openssl(&[
                "pkeyutl", "-sign", "-rawin", "-inkey", &key, "-in", &file, "-out", &out,
            ]),
            _ => openssl(&[
                "dgst",
                &format!("-{hash}"),
                "-sign",
                &key,
                "-out",
                &out,
                &file,
            ]),
        }
        fs::read(out).unwrap()
    }

    fn path(&self, name: &str) -> String {
        let path: PathBuf = self.folder.path().join(name);
        path.to_str().unwrap().to_owned()
    }
}

fn openssl(arguments: &[&str]) {
    let output = Command::new("openssl").args(arguments).output();
    let output = output.expect("openssl is installed");
    assert!(output.status.success(), "{arguments:?}: {output:?}");
}
