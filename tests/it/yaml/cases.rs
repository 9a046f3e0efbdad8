//! Each folder of `tests/cases/edit` is a file before, the edits, and the file after or the
//! refusals. `UPDATE_CASES=1` writes what comes out, to be read and committed.

use std::fs;
use std::path::{Path, PathBuf};

use headwater::yaml::{Edit, edit};
use serde_json::Value as Json;

fn edits(path: &Path) -> Vec<Edit> {
    let listed: Vec<Json> = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    listed.iter().map(one).collect()
}

fn one(listed: &Json) -> Edit {
    let document = usize::try_from(listed["document"].as_u64().unwrap()).unwrap();
    let value = listed["value"].clone();
    let path = |name: &str| listed[name].as_str().map(|text| text.parse().unwrap());
    if let Some(field) = path("put") {
        return Edit::Put {
            document,
            field,
            value,
        };
    }
    if let Some(field) = path("remove") {
        return Edit::Remove { document, field };
    }
    let field = path("set").unwrap();
    let value = value.as_str().unwrap().to_owned();
    match listed["comment"].as_str() {
        None => Edit::SetScalar {
            document,
            field,
            value,
        },
        Some(comment) => Edit::SetScalarAndComment {
            document,
            field,
            value,
            comment: comment.to_owned(),
        },
    }
}

fn run(folder: &Path) -> Result<(), String> {
    let extension = match folder.join("before.json").exists() {
        true => "json",
        false => "yaml",
    };
    let before = fs::read(folder.join(format!("before.{extension}"))).unwrap();
    let edits = edits(&folder.join("edits.json"));
    let (expected, got) = match edit(&before, &edits) {
        Ok(after) => {
            let is_removal = |edit: &Edit| matches!(edit, Edit::Remove { .. });
            if !edits.iter().any(is_removal) && edit(&after, &edits).as_ref() != Ok(&after) {
                return Err(format!(
                    "{}: editing again changes something",
                    folder.display()
                ));
            }
            (format!("after.{extension}"), after)
        }
        Err(refusals) => {
            let lines = refusals
                .iter()
                .map(|refusal| format!("edit {}: {refusal}\n", refusal.edit));
            ("refused.txt".to_owned(), lines.collect::<String>().into())
        }
    };
    let path = folder.join(&expected);
    if std::env::var_os("UPDATE_CASES").is_some() {
        fs::write(&path, &got).unwrap();
        return Ok(());
    }
    if fs::read(&path).ok().as_deref() == Some(&got) {
        return Ok(());
    }
    Err(format!(
        "{} is not\n{}",
        path.display(),
        String::from_utf8_lossy(&got)
    ))
}

#[test]
fn every_case_comes_out_as_written() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/cases/edit");
    let mut folders: Vec<_> = fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    folders.sort();
    let wrong: Vec<_> = folders.iter().filter_map(|f| run(f).err()).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
