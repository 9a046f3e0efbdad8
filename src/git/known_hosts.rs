//! OpenSSH's `known_hosts`: which key proves that a server is the one that is meant.
//! The form is described in sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT".

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD, Engine};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256};

const MAX_BYTES: u64 = 4 << 20;

/// What the files say of a server's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Known,
    /// No line is about the server.
    Unknown,
    /// Lines are about the server, of these key types, and none has this key.
    Other(Vec<String>),
    Revoked,
}

/// The files that OpenSSH would read.
fn default_files() -> Vec<PathBuf> {
    std::env::home_dir()
        .map(|home| home.join(".ssh/known_hosts"))
        .into_iter()
        .chain([PathBuf::from("/etc/ssh/ssh_known_hosts")])
        .collect()
}

/// Those that are named, else those of OpenSSH.
pub(crate) fn files(named: &[PathBuf]) -> Vec<PathBuf> {
    match named {
        [] => default_files(),
        named => named.to_vec(),
    }
}

/// Files that cannot be read hold nothing.
pub(crate) fn read(files: &[PathBuf]) -> String {
    let mut text = String::new();
    for file in files {
        let mut bytes = Vec::new();
        let read = File::open(file).and_then(|file| file.take(MAX_BYTES).read_to_end(&mut bytes));
        if read.is_ok() {
            text.push_str(&String::from_utf8_lossy(&bytes));
            text.push('\n');
        }
    }
    text
}

/// `key` is the server's public key in its wire form.
pub(crate) fn check(text: &str, host: &str, port: u16, key: &[u8]) -> Verdict {
    let name = name(host, port);
    let mut types = Vec::new();
    let mut is_known = false;
    for line in text.lines().filter_map(Line::read) {
        if !matches(line.hosts, &name) {
            continue;
        }
        let is_key = BASE64_STANDARD
            .decode(line.key)
            .is_ok_and(|known| known == key);
        match line.marker {
            Some("@revoked") if is_key => return Verdict::Revoked,
            // Certificates of hosts are not spoken by libgit2.
            Some(_) => {}
            None => {
                is_known |= is_key;
                types.push(line.kind.to_owned());
            }
        }
    }
    match (is_known, types.is_empty()) {
        (true, _) => Verdict::Known,
        (false, true) => Verdict::Unknown,
        (false, false) => Verdict::Other(types),
    }
}

/// How a line names a host.
pub(crate) fn name(host: &str, port: u16) -> String {
    match port {
        22 => host.to_ascii_lowercase(),
        _ => format!("[{}]:{port}", host.to_ascii_lowercase()),
    }
}

/// The keys that the lines about a host have: type and fingerprint.
pub(crate) fn expected(text: &str, host: &str, port: u16) -> Vec<String> {
    let name = name(host, port);
    text.lines()
        .filter_map(Line::read)
        .filter(|line| line.marker.is_none() && matches(line.hosts, &name))
        .filter_map(|line| {
            let key = BASE64_STANDARD.decode(line.key).ok()?;
            Some(format!("{} {}", line.kind, fingerprint(&key)))
        })
        .collect()
}

/// As OpenSSH shows it: `SHA256:…`.
pub(crate) fn fingerprint(key: &[u8]) -> String {
    format!(
        "SHA256:{}",
        BASE64_STANDARD_NO_PAD.encode(Sha256::digest(key))
    )
}

/// The name of the key's type, which its wire form starts with.
pub(crate) fn key_type(key: &[u8]) -> String {
    let name = key.get(..4).and_then(|length| {
        let length = u32::from_be_bytes(length.try_into().ok()?);
        key.get(4..)?.get(..usize::try_from(length).ok()?.min(64))
    });
    String::from_utf8_lossy(name.unwrap_or_default()).into_owned()
}

struct Line<'a> {
    marker: Option<&'a str>,
    hosts: &'a str,
    kind: &'a str,
    key: &'a str,
}

impl<'a> Line<'a> {
    fn read(line: &'a str) -> Option<Self> {
        let mut words = line.split_ascii_whitespace();
        let first = words.next().filter(|word| !word.starts_with('#'))?;
        let (marker, hosts) = if first.starts_with('@') {
            (Some(first), words.next()?)
        } else {
            (None, first)
        };
        Some(Self {
            marker,
            hosts,
            kind: words.next()?,
            key: words.next()?,
        })
    }
}

fn matches(patterns: &str, name: &str) -> bool {
    if let Some(hashed) = patterns.strip_prefix("|1|") {
        return matches_hash(hashed, name).unwrap_or(false);
    }
    let mut is_match = false;
    for pattern in patterns.split(',') {
        let pattern = pattern.to_ascii_lowercase();
        match pattern.strip_prefix('!') {
            Some(pattern) if glob(pattern.as_bytes(), name.as_bytes()) => return false,
            Some(_) => {}
            None => is_match |= glob(pattern.as_bytes(), name.as_bytes()),
        }
    }
    is_match
}

fn matches_hash(hashed: &str, name: &str) -> Option<bool> {
    let (salt, hash) = hashed.split_once('|')?;
    let mut mac = Hmac::<Sha1>::new_from_slice(&BASE64_STANDARD.decode(salt).ok()?).ok()?;
    mac.update(name.as_bytes());
    Some(
        mac.verify_slice(&BASE64_STANDARD.decode(hash).ok()?)
            .is_ok(),
    )
}

/// `*` and `?`. Each `*` is tried at the last place first given up on, so the time is bounded by
/// the product of the lengths.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut star, mut resume) = (0, None, 0);
    let mut place = 0;
    while let Some(byte) = text.get(place) {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some(at);
                resume = place;
                at += 1;
            }
            Some(wanted) if *wanted == b'?' || wanted == byte => {
                at += 1;
                place += 1;
            }
            _ => {
                let Some(star) = star else {
                    return false;
                };
                resume += 1;
                place = resume;
                at = star + 1;
            }
        }
    }
    pattern.iter().skip(at).all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &[u8] = b"\0\0\0\x0bssh-ed25519 the key";

    fn verdict(line: &str, host: &str, port: u16) -> Verdict {
        let line = line.replace("KEY", &BASE64_STANDARD.encode(KEY));
        check(&line, host, port, KEY)
    }

    #[test]
    fn a_key_counts_for_the_host_and_port_of_its_line() {
        for (line, host, port) in [
            ("git.example ssh-ed25519 KEY me@here", "git.example", 22),
            ("a,git.example ssh-ed25519 KEY", "GIT.example", 22),
            ("[git.example]:2222 ssh-ed25519 KEY", "git.example", 2222),
            ("*.example ssh-ed25519 KEY", "git.example", 22),
            (
                "# a comment\n\ngit.example ssh-ed25519 KEY",
                "git.example",
                22,
            ),
        ] {
            assert_eq!(verdict(line, host, port), Verdict::Known, "{line}");
        }
        for (line, host, port) in [
            ("git.example ssh-ed25519 KEY", "git.example", 2222),
            ("[git.example]:2222 ssh-ed25519 KEY", "git.example", 22),
            ("git.example ssh-ed25519 KEY", "git.example.evil", 22),
            ("!git.example,*.example ssh-ed25519 KEY", "git.example", 22),
            (
                "@cert-authority git.example ssh-ed25519 KEY",
                "git.example",
                22,
            ),
            ("git.example ssh-ed25519", "git.example", 22),
            ("", "git.example", 22),
        ] {
            assert_eq!(verdict(line, host, port), Verdict::Unknown, "{line}");
        }
    }

    #[test]
    fn changed_and_revoked_keys_are_told_apart() {
        let other = verdict("git.example ssh-rsa AAAA", "git.example", 22);
        assert_eq!(other, Verdict::Other(vec!["ssh-rsa".to_owned()]));
        let lines = "git.example ssh-ed25519 KEY\n@revoked * ssh-ed25519 KEY";
        assert_eq!(verdict(lines, "git.example", 22), Verdict::Revoked);
    }

    #[test]
    fn a_hashed_name_is_recognised() {
        // printf host.example | openssl dgst -sha1 -mac HMAC -macopt key:salt
        let mut mac = Hmac::<Sha1>::new_from_slice(b"salt").unwrap();
        mac.update(b"host.example");
        let hash = BASE64_STANDARD.encode(mac.finalize().into_bytes());
        let line = format!(
            "|1|{}|{hash} ssh-ed25519 KEY",
            BASE64_STANDARD.encode("salt")
        );
        assert_eq!(verdict(&line, "host.example", 22), Verdict::Known);
        assert_eq!(verdict(&line, "other.example", 22), Verdict::Unknown);
    }

    #[test]
    fn what_is_expected_of_a_host_is_named() {
        let line = format!("git.example ssh-ed25519 {}", BASE64_STANDARD.encode(KEY));
        let text = format!("{line}\nother.example ssh-rsa AAAA\n@revoked git.example ssh-rsa AAAA");
        let shown = format!("ssh-ed25519 {}", fingerprint(KEY));
        assert_eq!(expected(&text, "git.example", 22), [shown]);
    }

    #[test]
    fn the_type_stands_in_the_key() {
        assert_eq!(key_type(KEY), "ssh-ed25519");
        assert_eq!(key_type(b"\xff\xff\xff\xffx"), "");
    }
}
