//! Every folder of `tests/cases/promotion/` is a story that is played with real Git.
//!
//! | in it | |
//! |---|---|
//! | `headwater.yaml` | on `main`; where it is not there, it stands in `before/` |
//! | `before/<branch>/` | what a branch begins with, beside what is in the branch that it is made from |
//! | `changes/<name>/` | files that a step of the story writes |
//! | `story` | what happens, a step a line; see [`stage`] |
//! | `after/<branch>/` | all files of each branch at the end |
//!
//! Branches of environments have the environments' names, without a slash, so that they are
//! folders. Where `before/headwater.yaml` is there, `before/` and `after/` are all of `main`. At the end a further pass writes nothing. `HEADWATER_BLESS=1` writes `after/`,
//! `HEADWATER_CASE=name` plays those whose name has that in it.

mod forge;
mod stage;
mod story;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::promotion::cases::stage::Stage;

/// Cases that are played at a time: most of one is waiting for processes.
const AT_A_TIME: usize = 4;

#[test]
fn every_story_comes_out_as_its_after_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/promotion");
    let wanted = std::env::var("HEADWATER_CASE").unwrap_or_default();
    let mut cases: Vec<PathBuf> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|case| {
            case.file_name()
                .unwrap()
                .to_string_lossy()
                .contains(&wanted)
        })
        .collect();
    cases.sort();
    assert!(!cases.is_empty(), "{folder:?} has no case");
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(BTreeSet::new()));
    std::thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if catch_unwind(AssertUnwindSafe(|| play(case))).is_err() {
                        failed.lock().unwrap().insert(case.file_name().unwrap());
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "these stories fail: {failed:?}");
}

/// Plays one story.
pub(crate) fn play(case: &Path) {
    let text = fs::read_to_string(case.join("story"))
        .unwrap_or_else(|error| panic!("{case:?} has no story: {error}"));
    let mut stage = Stage::new(case);
    for (number, line) in text.lines().enumerate() {
        let words = story::words(line);
        if !words.is_empty() {
            stage.at = format!("{}:{}: {line}", case.join("story").display(), number + 1);
            stage.step(&words);
        }
    }
    stage.at = format!("{}: at the end", case.display());
    stage.rests();
    let after: BTreeMap<String, BTreeMap<PathBuf, Vec<u8>>> = stage
        .branches()
        .into_iter()
        .map(|branch| (branch.clone(), stage.files(&branch)))
        .collect();
    if std::env::var_os("HEADWATER_BLESS").is_some() {
        bless(case, &stage, &after);
    }
    let mut known: Vec<PathBuf> = stage::files_below(&case.join("after"))
        .into_keys()
        .collect();
    for (branch, files) in &after {
        let folder = stage.after(branch);
        let expected = stage::files_below(&folder);
        known.retain(|path| !case.join("after").join(path).starts_with(&folder));
        for path in files.keys().chain(expected.keys()) {
            let text = |files: &BTreeMap<PathBuf, Vec<u8>>| {
                let content = files.get(path)?;
                Some(String::from_utf8_lossy(content).into_owned())
            };
            let (is, should) = (text(files), text(&expected));
            assert!(
                is == should,
                "{case:?}: {path:?} of {branch} is\n{}\nand should be\n{}",
                is.as_deref().unwrap_or("not there"),
                should.as_deref().unwrap_or("not there")
            );
        }
    }
    assert!(known.is_empty(), "{case:?}: {known:?} is of no branch");
}

fn bless(case: &Path, stage: &Stage, after: &BTreeMap<String, BTreeMap<PathBuf, Vec<u8>>>) {
    let _ = fs::remove_dir_all(case.join("after"));
    for (branch, files) in after {
        for (path, content) in files {
            let path = stage.after(branch).join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
    }
}
