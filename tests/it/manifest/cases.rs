//! Each folder of `tests/cases/trigger` is a repository `before/`, and `after/` once all that is
//! planned is written; `said.txt` holds the problems and what waits. Every reference has an image:
//! the digest of its own text.
//!
//! `HEADWATER_BLESS=1` writes `after/` and `said.txt`, to be read and committed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use headwater::image::Digest;
use headwater::lookup::{Answer, Found, Lookup, Question, Resolution};
use headwater::policy::OperatorPolicy;
use headwater::reconcile::{Desk, is_read};
use headwater::snapshot::Files;

const NOW: &str = "2026-11-21T07:41:00Z";

fn files(root: &Path) -> Files {
    let mut files = Files::new();
    let mut open = vec![root.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
                continue;
            }
            let name = path
                .strip_prefix(root)
                .unwrap()
                .to_string_lossy()
                .into_owned();
            if is_read(&name) {
                files.insert(name.parse().unwrap(), fs::read(&path).unwrap().into());
            }
        }
    }
    files
}

fn answer(questions: &[Question]) -> Vec<Answer> {
    let found = |lookup: &Lookup| {
        let reference = lookup.reference().to_string();
        // A tag that nobody has pushed yet.
        if reference.ends_with(":missing") {
            return Resolution::Missing(headwater::lookup::Fault {
                host: "registry".to_owned(),
                message: "no such tag".to_owned(),
                advice: None,
                reason: headwater::lookup::Reason::NotFound,
            });
        }
        Resolution::Found(Found {
            digest: Digest::of(reference.as_bytes()),
            index: None,
        })
    };
    let images = questions.iter().map(|question| match question {
        Question::Image(lookup) => Answer::Image(found(lookup)),
        other => panic!("only images are asked for, not {other:?}"),
    });
    images.collect()
}

/// The files after the plan, what was said, and whether anything was to be written.
pub fn planned(files: &Files) -> (Files, String, bool) {
    let operator = OperatorPolicy::default();
    let desk = Desk::new(
        files.clone(),
        Vec::new(),
        &|all| all.to_vec(),
        None,
        &operator,
    );
    let result = desk
        .plan(
            None,
            &mut |questions| answer(questions),
            NOW.parse().unwrap(),
        )
        .unwrap();
    let mut after = files.clone();
    let mut said: Vec<String> = result.problems.iter().map(ToString::to_string).collect();
    let mut is_changed = false;
    for plan in &result.plans {
        said.extend(plan.problems.iter().map(ToString::to_string));
        said.extend(plan.waiting.iter().map(|waiting| {
            let field = waiting.field.as_deref().unwrap_or("(all)");
            format!("{}: waits: {field}: {}", waiting.place, waiting.reason)
        }));
        for change in plan.proposals.iter().flat_map(|proposal| &proposal.changes) {
            is_changed = true;
            after.insert(change.path.clone(), change.after.clone());
        }
    }
    let said: String = said.into_iter().map(|line| line + "\n").collect();
    (after, said, is_changed)
}

fn texts(files: &Files) -> BTreeMap<String, String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    files
        .iter()
        .map(|(path, bytes)| (path.to_string(), text(bytes)))
        .collect()
}

fn run(folder: &Path) {
    let (after, said, _) = planned(&files(&folder.join("before")));
    if std::env::var_os("HEADWATER_BLESS").is_some() {
        let target = folder.join("after");
        let _ = fs::remove_dir_all(&target);
        for (path, bytes) in &after {
            let path = target.join(path.as_str());
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        match said.is_empty() {
            true => drop(fs::remove_file(folder.join("said.txt"))),
            false => fs::write(folder.join("said.txt"), &said).unwrap(),
        }
    }
    assert_eq!(
        texts(&after),
        texts(&files(&folder.join("after"))),
        "{folder:?}"
    );
    let expected = fs::read_to_string(folder.join("said.txt")).unwrap_or_default();
    assert_eq!(said, expected, "{folder:?}");
    let (again, _, is_changed) = planned(&after);
    assert!(!is_changed, "{folder:?}: {:#?}", texts(&again));
}

#[test]
fn every_case_comes_out_as_its_after_says_and_planning_again_is_empty() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/cases/trigger");
    let mut folders: Vec<_> = fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    folders.sort();
    assert!(folders.len() >= 5, "{folders:?}");
    for folder in folders {
        run(&folder);
    }
}
