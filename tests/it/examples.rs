//! Every folder of `examples/` runs as a case: `before/` in a bare repository, the images of
//! `images.json` in a registry, and `after/` once all that is proposed has been merged. One with a
//! `story` is played as the [cases of promotion](crate::promotion::cases) are.
//!
//! `HEADWATER_BLESS=1` writes `after/`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::promotion::cases;
use crate::support::scene::{HOST, Scene, masked};

/// Stands for every time in `after/`.
const TIME: &str = "2026-01-02T03:04:05Z";
/// Branches of one example; more means that it does not come to rest.
const MAX_BRANCHES: usize = 30;

#[test]
fn examples_come_out_as_their_after_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut names: Vec<String> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        // These are typed, or run, and not reconciled; see `tutorials` and `deploy`.
        .filter(|name| !["deploy", "tutorials"].contains(&name.as_str()))
        .collect();
    names.sort();
    assert!(names.len() >= 5, "{names:?}");
    std::thread::scope(|scope| {
        for name in &names {
            let example = folder.join(name);
            scope.spawn(move || check(&example));
        }
    });
}

fn check(example: &Path) {
    if example.join("story").exists() {
        return cases::play(example);
    }
    let before = files(&example.join("before"));
    let scene = Scene::new();
    for (path, content) in &before {
        let target = scene.person.path().join(path);
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::write(target, replace(content, HOST, &scene.registry.host())).unwrap();
    }
    scene.commit(&[], "begin");
    push_images(&scene, example);
    let touched = merge_all(&scene);

    let after: BTreeMap<PathBuf, Vec<u8>> = files(scene.person.path())
        .into_iter()
        .filter(|(path, _)| !path.starts_with(".git"))
        .map(|(path, content)| (path, shown(&scene, &content)))
        .collect();
    for (path, content) in &before {
        let is_touched = touched.contains(path);
        assert_eq!(after[path] != *content, is_touched, "{example:?}: {path:?}");
    }
    if std::env::var_os("HEADWATER_BLESS").is_some() {
        bless(&example.join("after"), &after);
    }
    let expected = files(&example.join("after"));
    for path in after.keys().chain(expected.keys()) {
        let text = |files: &BTreeMap<PathBuf, Vec<u8>>| {
            files
                .get(path)
                .map(|content| String::from_utf8_lossy(content).into_owned())
        };
        assert_eq!(text(&after), text(&expected), "{example:?}: {path:?}");
    }
}

/// Merges what is proposed, one branch after the other, until nothing is; which files that
/// changed.
fn merge_all(scene: &Scene) -> BTreeSet<PathBuf> {
    let mut touched = BTreeSet::new();
    for _ in 0..MAX_BRANCHES {
        scene.reconcile().exits(0);
        let Some(branch) = scene.bot_branches().into_iter().next() else {
            scene.is_settled();
            return touched;
        };
        touched.extend(scene.changed(&branch).into_iter().map(PathBuf::from));
        scene.merge(&branch);
    }
    panic!("{:?} does not come to rest", scene.bot_branches());
}

fn push_images(scene: &Scene, example: &Path) {
    let text = fs::read_to_string(example.join("images.json")).unwrap();
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    for image in value["images"].as_array().unwrap() {
        let field = |name: &str| image[name].as_str().unwrap();
        let (repository, tag, seed) = (field("repository"), field("tag"), field("seed"));
        match image["platforms"].as_array() {
            None => {
                scene.registry.push_image(repository, tag, seed);
            }
            Some(platforms) => {
                let platforms: Vec<_> = platforms.iter().map(|p| p.as_str().unwrap()).collect();
                scene.registry.push_index(repository, tag, seed, &platforms);
            }
        }
    }
}

fn shown(scene: &Scene, content: &[u8]) -> Vec<u8> {
    let content = replace(content, &scene.registry.host(), HOST);
    match String::from_utf8(content) {
        Ok(text) => masked(&text).replace("TIME", TIME).into_bytes(),
        Err(error) => error.into_bytes(),
    }
}

fn replace(content: &[u8], from: &str, to: &str) -> Vec<u8> {
    match std::str::from_utf8(content) {
        Ok(text) => text.replace(from, to).into_bytes(),
        Err(_) => content.to_vec(),
    }
}

fn bless(folder: &Path, after: &BTreeMap<PathBuf, Vec<u8>>) {
    let _ = fs::remove_dir_all(folder);
    for (path, content) in after {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
}

/// Every file below a folder, by its path in it; none where there is no folder.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let content = fs::read(&path).unwrap();
                files.insert(path.strip_prefix(folder).unwrap().to_owned(), content);
            }
        }
    }
    files
}
