use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use secrecy::SecretString;

const MAX_SECRET: u64 = 64 * 1024;

/// The secrets that these files hold now, without white space around them. One that cannot be
/// read or is empty is left out: while a secret is replaced, one of two may be missing.
pub fn read(files: &[PathBuf]) -> Vec<SecretString> {
    files.iter().filter_map(|file| read_one(file)).collect()
}

pub fn read_one(file: &Path) -> Option<SecretString> {
    let mut text = String::new();
    let file = File::open(file).ok()?;
    file.take(MAX_SECRET).read_to_string(&mut text).ok()?;
    let text = text.trim();
    (!text.is_empty()).then(|| SecretString::from(text))
}
