//! Commits, trees, histories and merges.

use std::os::unix::fs::symlink;

use headwater::git::{Error, Merge, Repository};
use headwater::revision::CommitId;

use crate::git::{branch, path};
use crate::support::git::Repo;

fn open(repo: &Repo) -> Repository {
    Repository::open_local(repo.path()).unwrap()
}

fn commit_id(text: &str) -> CommitId {
    text.parse().unwrap()
}

fn yaml(path: &str) -> bool {
    path.ends_with(".yaml")
}

#[test]
fn a_tree_is_listed_without_following_anything() {
    let repo = Repo::init();
    repo.write("a.yaml", "a");
    repo.write("apps/b.yaml", "b");
    repo.write(".github/c.yaml", "c");
    repo.write("README.md", "no");
    symlink("/etc/passwd", repo.path().join("out.yaml")).unwrap();
    symlink("../../x.yaml", repo.path().join("apps/up.yaml")).unwrap();
    symlink("../a.yaml", repo.path().join("apps/in.yaml")).unwrap();
    symlink("loop.yaml", repo.path().join("loop.yaml")).unwrap();
    symlink("..", repo.path().join("apps/folder")).unwrap();
    let first = repo.commit_files(&[], "first");
    repo.git(&[
        "update-index",
        "--add",
        "--cacheinfo",
        &format!("160000,{first},sub.yaml"),
    ]);
    repo.git(&["commit", "-q", "-m", "submodule"]);

    let git = open(&repo);
    let snapshot = git.snapshot(&branch("main")).unwrap();
    let (files, problems) = git.entries(snapshot.tree, yaml).unwrap();
    let paths: Vec<_> = files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(paths, [".github/c.yaml", "a.yaml", "apps/b.yaml"]);
    let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(problems[0].contains("apps/up.yaml"), "{problems:?}");
    assert!(problems[1].contains("out.yaml"), "{problems:?}");
    let content = git.read_blob(files[1].blob, 10).unwrap();
    assert_eq!(&*content, b"a");
    assert!(matches!(
        git.read_blob(files[1].blob, 0),
        Err(Error::TooLarge { .. })
    ));
}

#[test]
fn a_repository_is_found_from_a_folder_inside_it() {
    let repo = Repo::init();
    repo.commit_files(&[("a/b/c.yaml", "x")], "first");
    let git = Repository::open_local(&repo.path().join("a/b")).unwrap();
    assert_eq!(git.default_branch().unwrap(), branch("main"));
    assert!(git.work_tree().is_some());
    let bare = repo.bare_clone();
    assert_eq!(open(&bare).work_tree(), None);
    let nowhere = tempfile::tempdir().unwrap();
    assert!(matches!(
        Repository::open_local(nowhere.path()),
        Err(Error::NotARepository { .. })
    ));
}

#[test]
fn a_clone_follows_its_origins_default_branch() {
    let repo = Repo::init();
    repo.commit_files(&[], "first");
    let clone = repo.clone();
    clone.git(&["switch", "-q", "-c", "work"]);
    assert_eq!(open(&clone).default_branch().unwrap(), branch("main"));
}

#[test]
fn differences_between_trees_cost_and_name_what_differs() {
    let repo = Repo::init();
    let old = repo.commit_files(&[("a/x", "1"), ("a/y", "1"), ("b", "1"), ("c", "1")], "old");
    std::fs::remove_file(repo.path().join("b")).unwrap();
    std::fs::remove_file(repo.path().join("c")).unwrap();
    let new = repo.commit_files(&[("a/x", "2"), ("b/z", "1")], "new");
    symlink("a", repo.path().join("c")).unwrap();
    let with_link = repo.commit_files(&[("a/x", "3")], "a link");
    let git = open(&repo);
    let trees = [old, new, with_link].map(|id| git.tree_of(commit_id(&id)).unwrap());
    let changes = git.changed_entries(trees[0], trees[1]).unwrap().unwrap();
    let shown: Vec<_> = changes
        .iter()
        .map(|change| (change.path.as_str(), change.blob.is_some()))
        .collect();
    assert_eq!(
        shown,
        [("a/x", true), ("b", false), ("b/z", true), ("c", false)]
    );
    assert_eq!(git.changed_entries(trees[1], trees[2]).unwrap(), None);
}

#[test]
fn commits_between_are_newest_first_with_their_changes() {
    let repo = Repo::init();
    let tip = repo.commit_files(&[("a", "1")], "base");
    repo.commit_files(&[("a", "2")], "one");
    let head = repo.commit_files(&[("b", "1")], "two\n\nHeadwater-Plan: x");
    let git = open(&repo);
    let commits = git
        .commits_between(commit_id(&tip), commit_id(&head), 10)
        .unwrap();
    assert_eq!(commits.len(), 2);
    assert_eq!(commits[0].message, "two\n\nHeadwater-Plan: x\n");
    assert_eq!(commits[0].author.email, "ada@example.com");
    assert_eq!(commits[0].time.as_second(), 1_700_000_000);
    assert_eq!(commits[0].changes[0].path, path("b"));
    assert_eq!(commits[0].changes[0].before, None);
    assert_eq!(commits[1].parents, [commit_id(&tip)]);
    let limited = git.commits_between(commit_id(&tip), commit_id(&head), 1);
    assert!(matches!(limited, Err(Error::TooLarge { .. })));
}

#[test]
fn the_history_of_a_file_follows_first_parents_and_names_only_its_changes() {
    let repo = Repo::init();
    repo.commit_files(&[("d/a", "1"), ("b", "1")], "first");
    repo.commit_files(&[("b", "2")], "other");
    repo.git(&["switch", "-q", "-c", "side"]);
    repo.commit_files(&[("d/a", "2")], "side");
    repo.git(&["switch", "-q", "main"]);
    repo.git(&["merge", "-q", "--no-ff", "-m", "merge", "side"]);
    let head = repo.commit_files(&[("d/a", "1")], "revert");
    let git = open(&repo);
    let history = git.history(commit_id(&head), &[path("d/a")], 100).unwrap();
    let subjects: Vec<_> = history
        .commits
        .iter()
        .map(|commit| commit.message.trim())
        .collect();
    assert_eq!(subjects, ["revert", "merge", "first"]);
    assert!(history.complete);
    assert_eq!(
        history.commits[0].changes[0].after,
        history.commits[2].changes[0].after
    );
    assert_eq!(
        history.commits[0].changes[0].before,
        history.commits[1].changes[0].after
    );
    assert!(
        !git.history(commit_id(&head), &[path("d/a")], 2)
            .unwrap()
            .complete
    );
    let exactly = git.history(commit_id(&head), &[path("d/a")], 4).unwrap();
    assert!(exactly.complete);
}

#[test]
fn a_shallow_history_is_not_complete() {
    let repo = Repo::init();
    repo.commit_files(&[("a", "1")], "first");
    repo.commit_files(&[("a", "2")], "second");
    let clone = repo.clone_with(&["--depth", "1", "--bare"]);
    let git = open(&clone);
    assert!(git.is_shallow());
    let head = git.snapshot(&branch("main")).unwrap().commit;
    assert!(!git.history(head, &[path("a")], 100).unwrap().complete);
}

#[test]
fn merges_are_made_in_memory() {
    let repo = Repo::init();
    let lines = |first: &str, last: &str| format!("{first}\n2\n3\n4\n5\n6\n{last}\n");
    repo.commit_files(&[("a", &lines("1", "7"))], "base");
    repo.git(&["switch", "-q", "-c", "side"]);
    let side = commit_id(&repo.commit_files(&[("a", &lines("1", "side"))], "side"));
    repo.git(&["switch", "-q", "main"]);
    let main = commit_id(&repo.commit_files(&[("a", &lines("main", "7"))], "main"));
    let objects = repo.git(&["count-objects"]);

    let git = open(&repo);
    let Merge::Clean(changes) = git.merge(main, side).unwrap() else {
        panic!("there is a conflict");
    };
    assert_eq!(changes.len(), 1);
    let merged = git.read_blob(changes[0].after.unwrap(), 100).unwrap();
    assert_eq!(&*merged, lines("main", "side").as_bytes());
    assert_eq!(
        repo.git(&["count-objects"]),
        objects,
        "a merge wrote objects"
    );

    let conflict = commit_id(&repo.commit_files(&[("a", &lines("main", "other"))], "conflict"));
    assert_eq!(
        git.merge(conflict, side).unwrap(),
        Merge::Conflict(vec![path("a")])
    );
    assert_eq!(git.merge(conflict, main).unwrap(), Merge::Clean(vec![]));
    let Merge::Clean(forward) = git.merge(main, conflict).unwrap() else {
        panic!("a fast-forward has no conflict");
    };
    assert_eq!(forward.len(), 1);
}

#[test]
fn a_revision_is_a_branch_a_tag_or_a_commit() {
    let repo = Repo::init();
    let first = repo.commit_files(&[("a", "1")], "first");
    repo.git(&["tag", "-a", "v1", "-m", "v1"]);
    repo.commit_files(&[("a", "2")], "second");
    let git = open(&repo);
    for name in ["v1", "main~1", &first, &first[..10]] {
        assert_eq!(git.revision(name).unwrap(), commit_id(&first), "{name}");
    }
    for bad in ["nothing", "--help", "a\nb", ""] {
        assert!(
            matches!(git.revision(bad), Err(Error::NoRevision { .. })),
            "{bad:?}"
        );
    }
}

#[test]
fn many_blobs_are_read_in_order_and_one_bad_one_stops_none() {
    let repo = Repo::init();
    for number in 0..600 {
        repo.write(&format!("{number:04}.yaml"), &format!("number: {number}"));
    }
    repo.commit_files(&[("0300.yaml", &"x".repeat(100))], "many");
    let git = open(&repo);
    let tree = git.snapshot(&branch("main")).unwrap().tree;
    let (files, _) = git.entries(tree, yaml).unwrap();
    let blobs: Vec<_> = files.iter().map(|file| file.blob).collect();
    let contents = git.read_blobs(&blobs, 50);
    for (number, content) in contents.into_iter().enumerate() {
        match content {
            Ok(content) => assert_eq!(&*content, format!("number: {number}").as_bytes()),
            Err(error) => assert!(number == 300 && matches!(error, Error::TooLarge { .. })),
        }
    }
}
