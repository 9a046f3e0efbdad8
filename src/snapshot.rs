//! Files at a commit or in a work tree, and changes of them.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::revision::{BlobId, BranchName, CommitId, TreeId};

/// A file's path inside a repository: relative, `/` between parts, no `.`, `..` or `.git`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FilePath(Arc<str>);

/// Why a text is not a path inside the repository.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{path}` is not a path inside the repository: {reason}")]
pub struct FilePathError {
    path: String,
    reason: &'static str,
}

impl FilePath {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// For a file whose real name cannot be a path inside a repository.
    pub fn unnamed() -> Self {
        Self("file".into())
    }

    /// The folder that holds the file; empty at the root.
    pub fn folder(&self) -> &str {
        self.0.rsplit_once('/').map_or("", |(folder, _)| folder)
    }

    /// The last part.
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// `relative` as seen from `folder` (empty: the root), with `.` and `..` worked out.
    /// A leading `/` means the repository's root.
    pub fn resolve(folder: &str, relative: &str) -> Result<Self, FilePathError> {
        let fail = |reason| FilePathError {
            path: relative.chars().take(200).collect(),
            reason,
        };
        let (base, relative) = match relative.strip_prefix('/') {
            Some(rest) => ("", rest),
            None => (folder, relative),
        };
        let mut parts: Vec<&str> = base.split('/').filter(|part| !part.is_empty()).collect();
        for part in relative.split('/') {
            match part {
                "" | "." => {}
                ".." => {
                    parts
                        .pop()
                        .ok_or_else(|| fail("it leaves the repository"))?;
                }
                _ => parts.push(part),
            }
        }
        parts.join("/").parse()
    }
}

impl FromStr for FilePath {
    type Err = FilePathError;

    fn from_str(text: &str) -> Result<Self, FilePathError> {
        match path_fault(text) {
            None => Ok(Self(text.into())),
            Some(reason) => Err(FilePathError {
                path: text.chars().take(200).collect(),
                reason,
            }),
        }
    }
}

fn path_fault(text: &str) -> Option<&'static str> {
    if text.is_empty() {
        return Some("it is empty");
    }
    if text.len() > 4096 {
        return Some("it is longer than 4096 bytes");
    }
    if text.contains(['\0', '\\', '\n', '\r']) {
        return Some("it holds a backslash, a line break or a zero byte");
    }
    text.split('/').find_map(|part| match part {
        "" => Some("a part is empty"),
        "." | ".." => Some("a part is `.` or `..`"),
        _ if is_git_folder(part) => Some("a part is `.git`"),
        _ => None,
    })
}

/// `.git` as some file system would fold it (CVE-2014-9390 and its successors).
fn is_git_folder(part: &str) -> bool {
    let may_be = |first: u8| matches!(first, b'.' | b'g' | b'G') || !first.is_ascii();
    if !part.bytes().next().is_some_and(may_be) {
        return false;
    }
    let folded: String = part
        .chars()
        // HFS+ ignores these.
        .filter(|c| !matches!(c, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}'))
        .flat_map(char::to_lowercase)
        .collect();
    // NTFS ignores trailing dots and blanks, and what follows a colon.
    let folded = folded.split(':').next().unwrap_or_default();
    let folded = folded.trim_end_matches(['.', ' ']);
    folded == ".git" || folded == "git~1"
}

impl TryFrom<String> for FilePath {
    type Error = FilePathError;

    fn try_from(text: String) -> Result<Self, FilePathError> {
        text.parse()
    }
}

impl From<FilePath> for String {
    fn from(path: FilePath) -> Self {
        path.0.as_ref().to_owned()
    }
}

impl fmt::Display for FilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A branch at the commit that a pass is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    pub branch: BranchName,
    pub commit: CommitId,
    pub tree: TreeId,
}

/// A file of a tree, by content id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FileEntry {
    pub path: FilePath,
    pub blob: BlobId,
}

/// What became of a file between two trees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryChange {
    pub path: FilePath,
    /// `None`: the file is gone, or is no regular file any more.
    pub blob: Option<BlobId>,
}

/// Contents by path.
pub type Files = BTreeMap<FilePath, Arc<[u8]>>;

/// A file's new content; empty before: there was no file, empty after: there is none.
#[derive(Clone, PartialEq, Eq)]
pub struct FileChange {
    pub path: FilePath,
    pub before: Arc<[u8]>,
    pub after: Arc<[u8]>,
}

impl fmt::Debug for FileChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "FileChange({}, {} -> {} bytes)",
            self.path,
            self.before.len(),
            self.after.len()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_leave_the_repository_are_refused() {
        for bad in [
            "",
            "/etc/passwd",
            "../x",
            "a/../b",
            "a//b",
            "./a",
            "a\\b",
            "a\0b",
            ".git/config",
            "a/.GIT/x",
            "git~1/x",
            ".g\u{200c}it/x",
            ".git. /x",
            ".git::$INDEX_ALLOCATION/x",
        ] {
            assert!(bad.parse::<FilePath>().is_err(), "{bad:?}");
        }
        for good in ["a", "a/b.yaml", ".github/x", "git/x", "a b/é.yml", "..a"] {
            assert!(good.parse::<FilePath>().is_ok(), "{good}");
        }
    }

    #[test]
    fn relative_paths_are_worked_out_inside_the_repository() {
        let resolve = |folder, path| FilePath::resolve(folder, path).map(|p| p.to_string());
        assert_eq!(resolve("a/b", "../c.yaml"), Ok("a/c.yaml".to_owned()));
        assert_eq!(resolve("a/b", "./c.yaml"), Ok("a/b/c.yaml".to_owned()));
        assert_eq!(resolve("a/b", "/c.yaml"), Ok("c.yaml".to_owned()));
        assert!(resolve("a", "../../c.yaml").is_err());
        assert!(resolve("a", "..").is_err());
    }
}
