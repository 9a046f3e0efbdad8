//! Reading and writing Git repositories.

mod hostile;
mod read;
mod remote;
mod write;

use headwater::git::{Author, Signature};
use headwater::snapshot::{FileChange, FilePath};

fn branch(name: &str) -> headwater::revision::BranchName {
    name.parse().unwrap()
}

fn path(path: &str) -> FilePath {
    path.parse().unwrap()
}

fn bot() -> Author {
    Author::from(Signature {
        name: "headwater".to_owned(),
        email: "headwater@example.com".to_owned(),
    })
}

fn change(file: &str, before: &str, after: &str) -> FileChange {
    FileChange {
        path: path(file),
        before: before.as_bytes().into(),
        after: after.as_bytes().into(),
    }
}
