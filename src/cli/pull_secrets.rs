//! The operator's folder of pull secrets: a folder for each namespace, as Kubernetes mounts it
//! or as somebody filled it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use secrecy::SecretString;

use crate::cli::error::CliError;
use crate::config::pull_secret;
use crate::problem::Problem;
use crate::pull_secret::{DOCKER_CONFIG_JSON, DOCKERCFG, PullSecret, PullSecretForm};
use crate::snapshot::FilePath;

/// Kubernetes's own limit for a Secret.
const LARGEST_FILE: u64 = 1024 * 1024;
const MOST_FILES: usize = 1000;
const MOST_NAMESPACES: usize = 10_000;

/// The namespaces that have a folder.
pub fn namespaces(folder: &Path) -> BTreeSet<String> {
    subfolders(folder).unwrap_or_default().into_keys().collect()
}

/// The pull secrets by namespace, and what is wrong with them.
pub fn read(folder: &Path) -> (BTreeMap<String, Vec<PullSecret>>, Vec<Problem>) {
    let mut problems = Vec::new();
    let folders = match subfolders(folder) {
        Ok(folders) => folders,
        Err(error) => {
            let message = format!(
                "the folder of pull secrets {} cannot be read: {error}",
                folder.display()
            );
            problems.push(Problem::warning(None, message));
            BTreeMap::new()
        }
    };
    let secrets = folders
        .into_iter()
        .map(|(namespace, folder)| {
            let secrets = read_namespace(&namespace, &folder, &mut problems);
            (namespace, secrets)
        })
        .collect();
    (secrets, problems)
}

/// By name. What begins with a dot is how Kubernetes swaps a mounted folder's content at once.
fn subfolders(folder: &Path) -> io::Result<BTreeMap<String, PathBuf>> {
    let mut folders = BTreeMap::new();
    for item in fs::read_dir(folder)?.take(MOST_NAMESPACES) {
        let item = item?;
        let Ok(name) = item.file_name().into_string() else {
            continue;
        };
        // Symbolic links are followed.
        if !name.starts_with('.') && item.path().is_dir() {
            folders.insert(name, item.path());
        }
    }
    Ok(folders)
}

fn read_namespace(namespace: &str, folder: &Path, problems: &mut Vec<Problem>) -> Vec<PullSecret> {
    let mut complain = |name: &str, reason: &str| {
        let message = format!("{namespace}/{name}: the pull secret cannot be read: {reason}");
        problems.push(Problem::warning(None, message));
    };
    let mut files = BTreeMap::new();
    match fs::read_dir(folder) {
        Ok(items) => {
            for item in items.take(MOST_FILES).flatten() {
                if let Ok(name) = item.file_name().into_string()
                    && kind_of(&name).is_some()
                {
                    files.insert(name, item.path());
                }
            }
        }
        Err(error) => complain("", &error.to_string()),
    }
    let mut secrets = Vec::new();
    let mut found = Vec::new();
    for (name, path) in files {
        match read_file(&path) {
            Ok(Some(bytes)) => read_secret(namespace, &name, bytes, &mut secrets, &mut found),
            Ok(None) => {}
            Err(reason) => complain(&name, &reason),
        }
    }
    problems.extend(found);
    secrets
}

/// Writes a new Secret manifest, for its owner's eyes only, at once or not at all.
pub fn create(folder: &Path, namespace: &str, name: &str, manifest: &[u8]) -> Result<(), CliError> {
    let failed = |error: &io::Error| {
        CliError::failure(format!(
            "failed to create secret in {}",
            folder.join(namespace).display()
        ))
        .because(error)
    };
    let home = folder.join(namespace);
    // Before anything is made, and again where it really is.
    outside_of_git(&home)?;
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&home)
        .map_err(|error| failed(&error))?;
    outside_of_git(&home)?;
    let exists = || {
        CliError::failure(format!(
            "failed to create secret secrets \"{name}\" already exists"
        ))
        .hint(format!(
            "it is in {}; remove it first to have another",
            home.display()
        ))
    };
    let mut endings = ["yaml", "yml", "json"].iter();
    if endings.any(|ending| {
        home.join(format!("{name}.{ending}"))
            .symlink_metadata()
            .is_ok()
    }) {
        return Err(exists());
    }
    // Readable by its owner alone, from its first byte on.
    let mut file = tempfile::Builder::new()
        .prefix(".headwater-")
        .permissions(fs::Permissions::from_mode(0o600))
        .tempfile_in(&home)
        .map_err(|error| failed(&error))?;
    file.write_all(manifest)
        .and_then(|()| file.as_file().sync_all())
        .map_err(|error| failed(&error))?;
    match file.persist_noclobber(home.join(format!("{name}.yaml"))) {
        Ok(_) => Ok(()),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Err(exists()),
        Err(error) => Err(failed(&error.error)),
    }
}

fn outside_of_git(path: &Path) -> Result<(), CliError> {
    let Some(repository) = repository_around(path) else {
        return Ok(());
    };
    Err(CliError::usage(format!(
        "{} is inside the Git repository {}, and a secret never stands in Git",
        path.display(),
        repository.display()
    ))
    .hint("let pullSecrets.folder of the server file name a folder outside of it"))
}

/// The Git repository that a path is in, whether the path is there yet or not.
fn repository_around(path: &Path) -> Option<PathBuf> {
    let path = std::path::absolute(path).ok()?;
    let real = path.ancestors().find_map(|part| part.canonicalize().ok())?;
    let holder = real.ancestors().find(|part| part.join(".git").exists());
    holder.map(Path::to_owned)
}

enum FileKind {
    /// A Secret as a manifest.
    Manifest,
    /// The content alone: a Secret of Kubernetes that is mounted as it is.
    Content(PullSecretForm),
}

fn kind_of(name: &str) -> Option<FileKind> {
    match name {
        DOCKERCFG => Some(FileKind::Content(PullSecretForm::Dockercfg)),
        DOCKER_CONFIG_JSON => Some(FileKind::Content(PullSecretForm::DockerConfigJson)),
        name if name.starts_with('.') => None,
        name => [".yaml", ".yml", ".json"]
            .iter()
            .any(|ending| name.ends_with(ending))
            .then_some(FileKind::Manifest),
    }
}

fn read_secret(
    namespace: &str,
    name: &str,
    bytes: Vec<u8>,
    secrets: &mut Vec<PullSecret>,
    problems: &mut Vec<Problem>,
) {
    let origin = format!("{namespace}/{name}");
    match kind_of(name) {
        Some(FileKind::Manifest) => {
            let path = origin.parse().unwrap_or_else(|_| FilePath::unnamed());
            let (found, faults) = pull_secret::read(&path, &bytes);
            secrets.extend(found);
            problems.extend(faults);
        }
        Some(FileKind::Content(form)) => match String::from_utf8(bytes) {
            Ok(content) => secrets.push(PullSecret {
                origin,
                form,
                content: SecretString::from(content),
            }),
            Err(_) => problems.push(Problem::warning(
                None,
                format!("{origin}: the pull secret is not UTF-8"),
            )),
        },
        None => {}
    }
}

/// None where it is no file.
fn read_file(path: &Path) -> Result<Option<Vec<u8>>, String> {
    let is_file = fs::metadata(path)
        .map_err(|error| error.to_string())?
        .is_file();
    if !is_file {
        return Ok(None);
    }
    let file = fs::File::open(path).map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    file.take(LARGEST_FILE + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| error.to_string())?;
    if bytes.len() as u64 > LARGEST_FILE {
        return Err(format!("it has more than {LARGEST_FILE} bytes"));
    }
    Ok(Some(bytes))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    const GOOD: &str =
        "kind: Secret\ntype: kubernetes.io/dockercfg\nstringData: {.dockercfg: '{}'}";

    #[test]
    fn folders_are_read_as_kubernetes_mounts_them() {
        let root = tempfile::TempDir::new().unwrap();
        let data = root.path().join("..2026_01_02");
        fs::create_dir_all(data.join("app")).unwrap();
        fs::write(data.join("app/quay.yaml"), GOOD).unwrap();
        symlink("..2026_01_02", root.path().join("..data")).unwrap();
        symlink("..data/app", root.path().join("app")).unwrap();
        // A Secret that is mounted as it is, inside a namespace's folder.
        let other = root.path().join("other");
        fs::create_dir_all(other.join("..2026_01_02")).unwrap();
        fs::write(other.join("..2026_01_02/.dockerconfigjson"), "{}").unwrap();
        symlink("..2026_01_02", other.join("..data")).unwrap();
        symlink("..data/.dockerconfigjson", other.join(".dockerconfigjson")).unwrap();
        fs::write(other.join("readme.md"), "x").unwrap();
        fs::create_dir(other.join("folder.yaml")).unwrap();
        fs::write(root.path().join("stray.yaml"), GOOD).unwrap();
        let (secrets, problems) = read(root.path());
        assert!(problems.is_empty(), "{problems:?}");
        let origins: Vec<&str> = secrets
            .values()
            .flatten()
            .map(|secret| secret.origin.as_str())
            .collect();
        assert_eq!(origins, ["app/quay.yaml", "other/.dockerconfigjson"]);
        assert_eq!(
            namespaces(root.path()),
            ["app".to_owned(), "other".to_owned()].into()
        );
    }

    #[test]
    fn what_cannot_be_read_is_named_and_stops_nothing() {
        let root = tempfile::TempDir::new().unwrap();
        let app = root.path().join("app");
        fs::create_dir(&app).unwrap();
        fs::write(app.join("a.yaml"), vec![b' '; 2 << 20]).unwrap();
        fs::write(app.join("b.json"), [0xff, 0xfe]).unwrap();
        fs::write(app.join(".dockercfg"), [0xff, 0xfe]).unwrap();
        symlink("nowhere", app.join("c.yaml")).unwrap();
        fs::write(app.join("d.yml"), GOOD).unwrap();
        let (secrets, problems) = read(root.path());
        assert_eq!(secrets["app"].len(), 1);
        let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
        for (name, reason) in [
            ("app/a.yaml", "more than 1048576 bytes"),
            ("app/b.json", "neither YAML nor JSON"),
            ("app/.dockercfg", "not UTF-8"),
            ("app/c.yaml", "No such file"),
        ] {
            let is_said = |text: &&String| text.contains(name) && text.contains(reason);
            assert_eq!(
                problems.iter().filter(is_said).count(),
                1,
                "{name}: {problems:?}"
            );
        }
        assert_eq!(problems.len(), 4);
        let (secrets, problems) = read(&root.path().join("nowhere"));
        assert!(secrets.is_empty());
        assert!(
            problems[0].message.contains("cannot be read"),
            "{problems:?}"
        );
    }
}
