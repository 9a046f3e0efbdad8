//! A folder that a person stands in: read with its uncommitted edits, and edited in place.
//! Needs no Git. No symbolic link is ever followed.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ignore::{DirEntry, WalkBuilder};

use crate::problem::Problem;
use crate::snapshot::{FileChange, FilePath, Files};

/// More files than anybody has in a work tree; `/` may have them.
const MAX_FILES: usize = 2_000_000;
const MAX_DEPTH: usize = 128;

/// Why a folder could not be read or a file not written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The disk's, or the user's when the path is wrong.
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    /// The user's: a link, a folder or a device stands where a file is meant.
    #[error("{path} is not a regular file, or is below a symbolic link; it is not touched")]
    NotAFile { path: FilePath },
    /// Nobody's: somebody edited it meanwhile; run again.
    #[error("{path} has been edited since it was read; run again")]
    Changed { path: FilePath },
    /// The user's.
    #[error("{path} has {size} bytes, more than the limit of {limit}; it is not read")]
    TooLarge {
        path: FilePath,
        size: u64,
        limit: u64,
    },
    /// The user's: this is no project's folder.
    #[error("{} holds more than {MAX_FILES} files", path.display())]
    TooMany { path: PathBuf },
}

/// The files under `root` whose paths are `wanted`, and what could not be read. `.gitignore` is
/// obeyed, hidden folders are read, `.git` is not. A wanted link that leaves `root` is a problem;
/// one that stays inside is left out, since its target is read itself. A file of more than
/// `limit` bytes is a problem and not read.
pub fn read(
    root: &Path,
    wanted: impl Fn(&str) -> bool,
    limit: u64,
) -> Result<(Files, Vec<Problem>), Error> {
    let real_root = root.canonicalize().map_err(|error| io_error(root, error))?;
    fs::read_dir(&real_root).map_err(|error| io_error(root, error))?;
    let mut reading = Reading {
        root: &real_root,
        limit,
        files: Files::new(),
        problems: Vec::new(),
    };
    for (count, entry) in walk(&real_root).enumerate() {
        if count > MAX_FILES {
            return Err(Error::TooMany {
                path: root.to_owned(),
            });
        }
        match entry {
            Ok(entry) => reading.entry(&entry, &wanted),
            Err(error) => reading.problems.push(Problem::warning(
                None,
                format!("a folder cannot be read: {error}"),
            )),
        }
    }
    Ok((reading.files, reading.problems))
}

fn walk(root: &Path) -> ignore::Walk {
    let is_in_git = root.ancestors().any(|folder| folder.join(".git").exists());
    WalkBuilder::new(root)
        .hidden(false)
        .ignore(false)
        .git_global(false)
        .require_git(false)
        // Outside of Git, a `.gitignore` above the folder is not meant for it.
        .parents(is_in_git)
        .follow_links(false)
        .max_depth(Some(MAX_DEPTH))
        .sort_by_file_name(Ord::cmp)
        .filter_entry(|entry| entry.file_name() != ".git")
        .build()
}

struct Reading<'a> {
    root: &'a Path,
    limit: u64,
    files: Files,
    problems: Vec<Problem>,
}

impl Reading<'_> {
    fn entry(&mut self, entry: &DirEntry, wanted: &impl Fn(&str) -> bool) {
        let Some(kind) = entry.file_type().filter(|kind| !kind.is_dir()) else {
            return;
        };
        let Ok(relative) = entry.path().strip_prefix(self.root) else {
            return;
        };
        let text = relative.to_string_lossy();
        if !wanted(&text) {
            return;
        }
        let path = relative.to_str().and_then(|text| text.parse().ok());
        let Some(path) = path else {
            self.problems.push(Problem::warning(
                None,
                format!(
                    "`{}` is not read: it is not a safe path",
                    text.escape_debug()
                ),
            ));
            return;
        };
        if kind.is_symlink() {
            self.link(&path);
        } else if kind.is_file() {
            self.file(path);
        }
    }

    fn file(&mut self, path: FilePath) {
        match read_file(self.root, &path, self.limit) {
            Ok(content) => {
                self.files.insert(path, content);
            }
            Err(error) => self.problems.push(Problem::error(None, error.to_string())),
        }
    }

    fn link(&mut self, path: &FilePath) {
        if !stays_inside(self.root, path) {
            self.problems.push(Problem::error(
                None,
                format!("{path} is a symbolic link out of the folder; it is not read"),
            ));
        }
    }
}

/// Both as written and as the file system resolves it.
fn stays_inside(root: &Path, link: &FilePath) -> bool {
    let place = root.join(link.as_str());
    let resolved = place.canonicalize();
    if let Ok(resolved) = &resolved
        && !resolved.starts_with(root)
    {
        return false;
    }
    match fs::read_link(&place) {
        Ok(target) if target.is_absolute() => resolved.is_ok(),
        Ok(target) => FilePath::resolve(link.folder(), &target.to_string_lossy()).is_ok(),
        Err(_) => false,
    }
}

/// One file's content; `limit` in bytes.
pub fn read_file(root: &Path, path: &FilePath, limit: u64) -> Result<Arc<[u8]>, Error> {
    let place = root.join(path.as_str());
    let size = regular_file(root, path)?.len();
    let too_large = |size| Error::TooLarge {
        path: path.clone(),
        size,
        limit,
    };
    if size > limit {
        return Err(too_large(size));
    }
    let mut content = Vec::new();
    File::open(&place)
        .and_then(|file| file.take(limit.saturating_add(1)).read_to_end(&mut content))
        .map_err(|error| io_error(&place, error))?;
    if content.len() as u64 > limit {
        return Err(too_large(content.len() as u64));
    }
    Ok(content.into())
}

/// Replaces a file's content at once: whoever reads it sees the old or the new, also after a
/// crash. Keeps the mode. Refuses when the file is not `before` any more; an empty `before`
/// where there is no file makes one, an empty `after` removes it.
pub fn write(root: &Path, change: &FileChange) -> Result<(), Error> {
    let place = root.join(change.path.as_str());
    let limit = change.before.len() as u64;
    let changed = || Error::Changed {
        path: change.path.clone(),
    };
    let permissions = match read_file(root, &change.path, limit) {
        Ok(content) if content == change.before => {
            Some(regular_file(root, &change.path)?.permissions())
        }
        Ok(_) | Err(Error::TooLarge { .. }) => return Err(changed()),
        Err(Error::Io { source, .. }) if source.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    if permissions.is_none() && !change.before.is_empty() {
        return Err(changed());
    }
    if change.after.is_empty() {
        return fs::remove_file(&place).map_err(|error| io_error(&place, error));
    }
    replace(&place, &change.after, permissions).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => changed(),
        _ => io_error(&place, error),
    })
}

fn replace(place: &Path, content: &[u8], permissions: Option<fs::Permissions>) -> io::Result<()> {
    let folder = place.parent().unwrap_or(place);
    fs::create_dir_all(folder)?;
    let mut temporary = tempfile::Builder::new()
        .prefix(".headwater-")
        // Less what the umask takes, as for any new file.
        .permissions(PermissionsExt::from_mode(0o666))
        .tempfile_in(folder)?;
    temporary.write_all(content)?;
    match permissions {
        Some(permissions) => {
            temporary.as_file().set_permissions(permissions)?;
            temporary.as_file().sync_all()?;
            temporary.persist(place)?;
        }
        None => {
            temporary.as_file().sync_all()?;
            temporary.persist_noclobber(place)?;
        }
    }
    File::open(folder)?.sync_all()
}

/// What the file system says of a regular file that is not reached through a link.
fn regular_file(root: &Path, path: &FilePath) -> Result<fs::Metadata, Error> {
    let not_a_file = || Error::NotAFile { path: path.clone() };
    let mut place = root.to_owned();
    let mut parts = path.as_str().split('/').peekable();
    while let Some(part) = parts.next() {
        place.push(part);
        let metadata = fs::symlink_metadata(&place).map_err(|error| io_error(&place, error))?;
        if parts.peek().is_none() {
            return metadata
                .is_file()
                .then_some(metadata)
                .ok_or_else(not_a_file);
        }
        if !metadata.is_dir() {
            return Err(not_a_file());
        }
    }
    Err(not_a_file())
}

fn io_error(path: &Path, source: io::Error) -> Error {
    Error::Io {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (path, content) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        folder
    }

    fn yaml(root: &Path) -> (Vec<String>, Vec<String>) {
        let (files, problems) = read(root, |path| path.ends_with(".yaml"), 20).unwrap();
        (
            files.keys().map(ToString::to_string).collect(),
            problems.iter().map(ToString::to_string).collect(),
        )
    }

    fn change(path: &str, before: &str, after: &str) -> FileChange {
        FileChange {
            path: path.parse().unwrap(),
            before: before.as_bytes().into(),
            after: after.as_bytes().into(),
        }
    }

    #[test]
    fn what_git_would_commit_is_read() {
        let folder = folder(&[
            ("a.yaml", "a"),
            ("b/c.yaml", "c"),
            (".github/d.yaml", "d"),
            (".git/e.yaml", "e"),
            ("b/.git/e.yaml", "e"),
            ("out/f.yaml", "f"),
            (".gitignore", "out/\n"),
            ("g.txt", "g"),
        ]);
        let (files, problems) = yaml(folder.path());
        assert_eq!(files, [".github/d.yaml", "a.yaml", "b/c.yaml"]);
        assert_eq!(problems, [""; 0]);
    }

    #[test]
    fn links_are_not_followed_and_large_files_are_not_read() {
        let folder = folder(&[
            ("in/a.yaml", "a"),
            ("in/big.yaml", &"x".repeat(21)),
            ("x.yaml", "x"),
        ]);
        let root = folder.path().join("in");
        symlink("a.yaml", root.join("inside.yaml")).unwrap();
        symlink("loop.yaml", root.join("loop.yaml")).unwrap();
        symlink("/etc/passwd", root.join("passwd.yaml")).unwrap();
        symlink("../x.yaml", root.join("up.yaml")).unwrap();
        symlink("..", root.join("folder")).unwrap();
        symlink("folder/x.yaml", root.join("twice.yaml")).unwrap();
        let (files, problems) = yaml(&root);
        assert_eq!(files, ["a.yaml"]);
        assert_eq!(problems.len(), 4, "{problems:?}");
        for (problem, name) in problems.iter().zip(["big", "passwd", "twice", "up"]) {
            assert!(problem.contains(&format!("{name}.yaml")), "{problem}");
        }
        let below: FilePath = "folder/x.yaml".parse().unwrap();
        assert!(matches!(
            read_file(&root, &below, 9),
            Err(Error::NotAFile { .. })
        ));
    }

    #[test]
    fn a_file_is_replaced_whole_and_keeps_its_mode() {
        let folder = folder(&[("d/a.yaml", "old")]);
        let place = folder.path().join("d/a.yaml");
        fs::set_permissions(&place, PermissionsExt::from_mode(0o751)).unwrap();
        write(folder.path(), &change("d/a.yaml", "old", "new")).unwrap();
        assert_eq!(fs::read(&place).unwrap(), b"new");
        assert_eq!(
            fs::metadata(&place).unwrap().permissions().mode() & 0o777,
            0o751
        );
        write(folder.path(), &change("e/new.yaml", "", "made")).unwrap();
        let made = folder.path().join("e/new.yaml");
        assert_eq!(fs::read(&made).unwrap(), b"made");
        assert_eq!(fs::metadata(&made).unwrap().permissions().mode() & 0o111, 0);
        assert_eq!(fs::read_dir(place.parent().unwrap()).unwrap().count(), 1);
        write(folder.path(), &change("d/a.yaml", "new", "")).unwrap();
        assert!(!place.exists());
    }

    #[test]
    fn an_edit_of_a_person_is_never_overwritten() {
        let folder = folder(&[("a.yaml", "edited"), ("x", "out")]);
        symlink("x", folder.path().join("link.yaml")).unwrap();
        for (path, before) in [("a.yaml", "old"), ("a.yaml", ""), ("gone.yaml", "old")] {
            let result = write(folder.path(), &change(path, before, "new"));
            assert!(
                matches!(result, Err(Error::Changed { .. })),
                "{path}: {result:?}"
            );
        }
        let result = write(folder.path(), &change("link.yaml", "out", "new"));
        assert!(matches!(result, Err(Error::NotAFile { .. })), "{result:?}");
        assert_eq!(fs::read(folder.path().join("a.yaml")).unwrap(), b"edited");
        assert_eq!(fs::read(folder.path().join("x")).unwrap(), b"out");
    }

    #[test]
    fn a_missing_folder_is_named() {
        let error = read(Path::new("/nowhere/at/all"), |_| true, 1).unwrap_err();
        assert!(error.to_string().contains("/nowhere/at/all"), "{error}");
    }
}
