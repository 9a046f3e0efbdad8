//! Repositories and servers that mean harm, or are ill.

use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::Barrier;
use std::time::{Duration, Instant};

use headwater::git::{
    Credentials, Error, NewCommit, Options, PushOutcome, Repository, Timeouts, prepare,
};
use headwater::revision::{CommitId, TreeId};
use jiff::Timestamp;

use crate::git::{bot, branch, change};
use crate::support::git::{HttpServer, Repo};

/// Makes a tree of names that Git itself would refuse.
fn raw_tree(repo: &Repo, entries: &[(&str, &str, &str)]) -> TreeId {
    use std::io::Write;
    let mut bytes = Vec::new();
    for (mode, name, id) in entries {
        bytes.extend(format!("{mode} {name}\0").as_bytes());
        let id: CommitId = id.parse().unwrap();
        bytes.extend(id.as_bytes());
    }
    let mut child = crate::support::git::command(repo.path())
        .args(["hash-object", "-t", "tree", "-w", "--stdin", "--literally"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&bytes).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout)
        .unwrap()
        .trim()
        .parse()
        .unwrap()
}

#[test]
fn paths_that_lead_out_are_named_and_not_read() {
    let repo = Repo::init();
    repo.commit_files(&[("a.yaml", "1")], "first");
    let blob = repo.rev("HEAD:a.yaml");
    for name in ["..", ".git", ".GIT", "git~1", ".g\u{200c}it"] {
        let inner = raw_tree(&repo, &[("100644", "a.yaml", &blob)]).to_string();
        let tree = raw_tree(
            &repo,
            &[("40000", name, &inner), ("100644", "z.yaml", &blob)],
        );
        let git = Repository::open_local(repo.path()).unwrap();
        let (files, problems) = git.entries(tree, |path| path.ends_with(".yaml")).unwrap();
        let paths: Vec<_> = files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, ["z.yaml"], "{name}");
        assert_eq!(problems.len(), 1, "{name}");
        let empty = raw_tree(&repo, &[]);
        assert_eq!(git.changed_entries(empty, tree).unwrap(), None, "{name}");
    }
}

#[test]
fn a_tree_that_unfolds_without_end_is_refused() {
    let repo = Repo::init();
    repo.commit_files(&[("a.yaml", "1")], "first");
    let blob = repo.rev("HEAD:a.yaml");
    let names: Vec<_> = (0..10).map(|number| format!("d{number}")).collect();
    let mut tree = raw_tree(&repo, &[("100644", "a.yaml", &blob)]);
    for _ in 0..12 {
        let below = tree.to_string();
        let entries = names
            .iter()
            .map(|name| ("40000", name.as_str(), below.as_str()));
        tree = raw_tree(&repo, &entries.collect::<Vec<_>>());
    }
    let git = Repository::open_local(repo.path()).unwrap();
    // Nothing is wanted, so that the limit is met soon.
    let result = git.entries(tree, |_| false);
    assert!(matches!(result, Err(Error::TooLarge { .. })), "{result:?}");
}

#[test]
fn of_many_writers_at_once_one_wins() {
    const WRITERS: usize = 4;
    let repo = Repo::init();
    repo.commit_files(&[("a.yaml", "1")], "first");
    let bare = repo.bare_clone();
    let server = HttpServer::start(&bare);
    let caches: Vec<_> = (0..WRITERS).map(|_| tempfile::tempdir().unwrap()).collect();
    for url in [server.url(), bare.path().display().to_string()] {
        let location = url.parse().unwrap();
        let barrier = Barrier::new(WRITERS);
        let write = |number: usize| {
            let options = Options::new(caches[number].path());
            let git = Repository::open(&location, &options).unwrap();
            let base = git.snapshot(&branch("main")).unwrap();
            let new = NewCommit {
                parents: &[base.commit],
                base: base.tree,
                changes: &[change("a.yaml", "1", &format!("{url} {number}"))],
                message: "pins\n",
                author: &bot(),
                time: Timestamp::from_second(1_700_000_000).unwrap(),
            };
            let id = git.commit(&new).unwrap();
            barrier.wait();
            (id, git.push(&branch("raced"), None, Some(id)).unwrap())
        };
        let outcomes: Vec<_> = std::thread::scope(|scope| {
            let write = &write;
            let threads: Vec<_> = (0..WRITERS)
                .map(|n| scope.spawn(move || write(n)))
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
        });
        let winner: CommitId = bare.rev("raced").parse().unwrap();
        for (id, outcome) in outcomes {
            let expected = if id == winner {
                PushOutcome::Pushed
            } else {
                let actual = Some(winner);
                PushOutcome::Moved { actual }
            };
            assert_eq!(outcome, expected);
        }
        bare.git(&["branch", "-q", "-D", "raced"]);
    }
}

#[test]
fn a_silent_server_does_not_hold_us() {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "git::hostile::silence", "--nocapture"])
        .env("HEADWATER_TEST_SILENCE", "1")
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
}

/// Runs in a process of its own, since the time-outs are the process's.
#[test]
fn silence() {
    if std::env::var("HEADWATER_TEST_SILENCE").is_err() {
        return;
    }
    let timeouts = Timeouts {
        connect: Duration::from_millis(300),
        idle: Duration::from_millis(300),
    };
    prepare(timeouts).unwrap();
    // Never accepts: the system does, and then nothing comes.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let cache = tempfile::tempdir().unwrap();
    let mut options = Options::new(cache.path());
    options.credentials = Credentials::default();
    for scheme in ["http", "https", "ssh"] {
        let url = format!("{scheme}://127.0.0.1:{port}/acme/shop.git");
        let begin = Instant::now();
        let error = Repository::open(&url.parse().unwrap(), &options).unwrap_err();
        assert!(
            matches!(error, Error::Unreachable { .. }),
            "{scheme}: {error:?}"
        );
        assert!(
            begin.elapsed() < Duration::from_secs(20),
            "{scheme}: {:?}",
            begin.elapsed()
        );
    }
}
