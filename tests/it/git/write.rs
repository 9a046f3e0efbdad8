//! Commits without a work tree, and branches that move by compare and swap.

use std::os::unix::fs::{PermissionsExt, symlink};

use headwater::git::{Error, NewCommit, PushOutcome, RejectedReason, Repository};
use headwater::revision::CommitId;
use headwater::snapshot::{FileChange, Snapshot};
use jiff::Timestamp;

use crate::git::{bot, branch, change};
use crate::support::git::Repo;

fn commit(git: &Repository, base: &Snapshot, changes: &[FileChange]) -> Result<CommitId, Error> {
    git.commit(&NewCommit {
        parents: &[base.commit],
        base: base.tree,
        changes,
        message: "pins: web moves\n\nHeadwater-Plan: abc\n",
        author: &bot(),
        time: Timestamp::from_second(1_700_000_000).unwrap(),
    })
}

fn main_of(git: &Repository) -> Snapshot {
    git.snapshot(&branch("main")).unwrap()
}

#[test]
fn a_commit_changes_its_files_and_keeps_their_modes() {
    let repo = Repo::init();
    repo.write("run.sh", "old");
    let script = repo.path().join("run.sh");
    std::fs::set_permissions(&script, PermissionsExt::from_mode(0o755)).unwrap();
    repo.commit_files(&[("a/b.yaml", "old"), ("c", "same")], "first");
    let bare = repo.bare_clone();
    let git = Repository::open_local(bare.path()).unwrap();
    let base = main_of(&git);
    let changes = [
        change("a/b.yaml", "old", "new"),
        change("run.sh", "old", "new"),
        change("new/file.yaml", "", "made"),
    ];
    let id = commit(&git, &base, &changes).unwrap();
    assert_eq!(
        commit(&git, &base, &changes).unwrap(),
        id,
        "the same inputs, another commit"
    );
    let outcome = git
        .push(&branch("headwater/dev/web"), None, Some(id))
        .unwrap();
    assert_eq!(outcome, PushOutcome::Pushed);
    let listing = bare.git(&[
        "ls-tree",
        "-r",
        "--format=%(objectmode) %(path)",
        "headwater/dev/web",
    ]);
    assert_eq!(
        listing,
        "100644 a/b.yaml\n100644 c\n100644 new/file.yaml\n100755 run.sh"
    );
    assert_eq!(bare.show("headwater/dev/web", "a/b.yaml"), "new");
    assert_eq!(
        bare.git(&["log", "-1", "--format=%an %ct", "headwater/dev/web"]),
        "headwater 1700000000"
    );
    bare.git(&["fsck", "--strict"]);
}

#[test]
fn many_files_give_the_same_tree_as_git_makes() {
    let repo = Repo::init();
    for number in 0..150 {
        repo.write(&format!("dir{}/f{number}.yaml", number % 7), "old");
    }
    repo.commit_files(&[("keep", "x")], "first");
    let bare = repo.bare_clone();
    let git = Repository::open_local(bare.path()).unwrap();
    let base = main_of(&git);
    let changes: Vec<_> = (0..150)
        .map(|number| change(&format!("dir{}/f{number}.yaml", number % 7), "old", "new"))
        .collect();
    let id = commit(&git, &base, &changes).unwrap();
    for number in 0..150 {
        repo.write(&format!("dir{}/f{number}.yaml", number % 7), "new");
    }
    repo.commit_files(&[], "by hand");
    assert_eq!(
        git.tree_of(id).unwrap().to_string(),
        repo.rev("HEAD^{tree}")
    );
}

#[test]
fn links_submodules_and_stale_files_are_not_written() {
    let repo = Repo::init();
    symlink("a", repo.path().join("link")).unwrap();
    let first = repo.commit_files(&[("a", "1"), ("dir/x", "1")], "first");
    repo.git(&[
        "update-index",
        "--add",
        "--cacheinfo",
        &format!("160000,{first},sub"),
    ]);
    repo.git(&["commit", "-q", "-m", "submodule"]);
    let git = Repository::open_local(repo.path()).unwrap();
    let base = main_of(&git);
    for file in ["link", "sub", "dir", "link/below", "sub/below", "a/below"] {
        let before = if file == "link" { "a" } else { "" };
        let result = commit(&git, &base, &[change(file, before, "x")]);
        assert!(
            matches!(result, Err(Error::NotAFile { .. })),
            "{file}: {result:?}"
        );
    }
    for (file, before) in [("a", "2"), ("a", ""), ("missing", "1")] {
        let result = commit(&git, &base, &[change(file, before, "x")]);
        assert!(
            matches!(result, Err(Error::Stale { .. })),
            "{file}: {result:?}"
        );
    }
}

#[test]
fn of_two_writers_one_is_told_that_the_branch_moved() {
    let repo = Repo::init();
    repo.commit_files(&[("a", "1")], "first");
    let bare = repo.bare_clone();
    let [one, two] = [(), ()].map(|()| Repository::open_local(bare.path()).unwrap());
    let base = main_of(&one);
    let [first, second] =
        ["2", "3"].map(|text| commit(&one, &base, &[change("a", "1", text)]).unwrap());
    let bot = branch("headwater/dev/web");

    assert_eq!(
        one.push(&bot, None, Some(first)).unwrap(),
        PushOutcome::Pushed
    );
    let lost = two.push(&bot, None, Some(second)).unwrap();
    assert_eq!(
        lost,
        PushOutcome::Moved {
            actual: Some(first)
        }
    );
    let lost = two.push(&bot, Some(base.commit), Some(second)).unwrap();
    assert_eq!(
        lost,
        PushOutcome::Moved {
            actual: Some(first)
        }
    );
    let lost = two.push(&bot, Some(base.commit), None).unwrap();
    assert_eq!(
        lost,
        PushOutcome::Moved {
            actual: Some(first)
        }
    );
    assert_eq!(
        two.push(&bot, Some(first), Some(second)).unwrap(),
        PushOutcome::Pushed
    );
    assert_eq!(
        one.push(&bot, Some(second), None).unwrap(),
        PushOutcome::Pushed
    );
    assert_eq!(one.branch(&bot).unwrap(), None);
    let gone = one.push(&bot, Some(second), Some(first)).unwrap();
    assert_eq!(gone, PushOutcome::Moved { actual: None });
}

#[test]
fn a_branch_that_a_person_stands_on_does_not_move() {
    let repo = Repo::init();
    repo.commit_files(&[("a", "1")], "first");
    repo.git(&["branch", "other"]);
    repo.git(&["worktree", "add", "-q", "../linked", "other"]);
    let git = Repository::open_local(repo.path()).unwrap();
    let base = main_of(&git);
    let id = commit(&git, &base, &[change("a", "1", "2")]).unwrap();
    for name in ["main", "other"] {
        let outcome = git
            .push(&branch(name), Some(base.commit), Some(id))
            .unwrap();
        assert!(
            matches!(
                &outcome,
                PushOutcome::Rejected {
                    reason: RejectedReason::CheckedOut,
                    ..
                }
            ),
            "{name}: {outcome:?}"
        );
    }
    assert_eq!(main_of(&git).commit, base.commit);
    assert_eq!(
        git.push(&branch("free"), None, Some(id)).unwrap(),
        PushOutcome::Pushed
    );
}

#[test]
fn a_lock_that_stays_is_named() {
    let repo = Repo::init();
    repo.commit_files(&[("a", "1")], "first");
    let bare = repo.bare_clone();
    let git = Repository::open_local(bare.path()).unwrap();
    let base = main_of(&git);
    let id = commit(&git, &base, &[change("a", "1", "2")]).unwrap();
    bare.write("refs/heads/main.lock", "");
    let result = git.push(&branch("main"), Some(base.commit), Some(id));
    let error = result.unwrap_err().to_string();
    assert!(error.contains("refs/heads/main.lock"), "{error}");
    std::fs::remove_file(bare.path().join("refs/heads/main.lock")).unwrap();
    let outcome = git
        .push(&branch("main"), Some(base.commit), Some(id))
        .unwrap();
    assert_eq!(outcome, PushOutcome::Pushed);
}

#[test]
fn a_branch_that_is_in_the_way_is_named() {
    let repo = Repo::init();
    repo.commit_files(&[("a", "1")], "first");
    let bare = repo.bare_clone();
    bare.git(&["branch", "headwater"]);
    bare.git(&["branch", "x/y"]);
    let git = Repository::open_local(bare.path()).unwrap();
    let tip = main_of(&git).commit;
    for (wanted, in_the_way) in [("headwater/dev/web", "headwater"), ("x", "x/y")] {
        let outcome = git.push(&branch(wanted), None, Some(tip)).unwrap();
        let PushOutcome::Rejected { message, hint, .. } = outcome else {
            panic!("{outcome:?}");
        };
        assert!(
            message.contains(wanted) && hint.ends_with(in_the_way),
            "{message}: {hint}"
        );
    }
}
