//! Reading and writing over http, https and ssh.

use std::path::PathBuf;
use std::process::Command;

use headwater::git::{
    Credentials, Depth, Error, HttpCredential, NewCommit, Options, PushOutcome, RejectedReason,
    Repository, SshKey,
};
use headwater::revision::CommitId;
use jiff::Timestamp;
use tempfile::TempDir;

use crate::git::{bot, branch, change, path};
use crate::support::git::{HttpServer, Repo, Setup, SshServer};

/// A URL, a cache and what is needed to log in.
struct Client {
    url: String,
    options: Options,
    cache: TempDir,
}

impl Client {
    fn new(url: String) -> Self {
        let cache = tempfile::tempdir().unwrap();
        Self {
            url,
            options: Options::new(cache.path()),
            cache,
        }
    }

    fn http(server: &HttpServer) -> Self {
        Self::new(server.url())
    }

    fn login(server: &HttpServer, prefix: &str) -> Self {
        let mut client = Self::http(server);
        client.options.credentials.http = vec![HttpCredential {
            prefix: prefix.parse().unwrap(),
            username: "bot".to_owned(),
            password: "s3cret".to_owned().into(),
        }];
        client
    }

    fn ssh(server: &SshServer) -> Self {
        let mut client = Self::new(server.url());
        client.options.credentials = Credentials {
            ssh: vec![SshKey::File {
                private_key: server.client_key(),
                passphrase: None,
            }],
            known_hosts: vec![server.known_hosts()],
            ..Credentials::default()
        };
        client
    }

    fn open(&self) -> Result<Repository, Error> {
        Repository::open(&self.url.parse().unwrap(), &self.options)
    }

    fn mirror(&self) -> PathBuf {
        let folders = std::fs::read_dir(self.cache.path().join("git")).unwrap();
        let mut folders = folders.map(|folder| folder.unwrap().path());
        folders.find(|folder| folder.extension().is_none()).unwrap()
    }
}

fn bare() -> Repo {
    let repo = Repo::init();
    repo.commit_files(&[("a.yaml", "1"), ("d/b.yaml", "1")], "first");
    repo.bare_clone()
}

fn commit(git: &Repository, after: &str) -> CommitId {
    let base = git.snapshot(&branch("main")).unwrap();
    git.commit(&NewCommit {
        parents: &[base.commit],
        base: base.tree,
        changes: &[change("a.yaml", "1", after)],
        message: "pins\n",
        author: &bot(),
        time: Timestamp::from_second(1_700_000_000).unwrap(),
    })
    .unwrap()
}

/// Reads, makes a branch, moves it, loses a race, deletes it.
fn works_over(client: &Client, bare: &Repo) {
    let git = client.open().unwrap();
    assert_eq!(git.default_branch().unwrap(), branch("main"));
    let pins = branch("headwater/dev/web");
    let [one, two] = ["2", "3"].map(|after| commit(&git, after));
    assert_eq!(
        git.push(&pins, None, Some(one)).unwrap(),
        PushOutcome::Pushed
    );
    assert_eq!(bare.show("headwater/dev/web", "a.yaml"), "2");
    assert_eq!(git.branch(&pins).unwrap(), Some(one));
    let lost = git.push(&pins, None, Some(two)).unwrap();
    assert_eq!(lost, PushOutcome::Moved { actual: Some(one) });
    assert_eq!(
        git.push(&pins, Some(one), Some(two)).unwrap(),
        PushOutcome::Pushed
    );
    assert_eq!(bare.rev("headwater/dev/web"), two.to_string());
    let lost = git.push(&pins, Some(one), None).unwrap();
    assert_eq!(lost, PushOutcome::Moved { actual: Some(two) });
    assert_eq!(
        git.push(&pins, Some(two), None).unwrap(),
        PushOutcome::Pushed
    );
    let gone = git.push(&pins, Some(two), Some(one)).unwrap();
    assert_eq!(gone, PushOutcome::Moved { actual: None });
    bare.git(&["fsck", "--strict"]);
}

#[test]
fn http_without_a_login() {
    let bare = bare();
    let server = HttpServer::start(&bare);
    works_over(&Client::http(&server), &bare);
}

#[test]
fn http_with_a_login_that_is_asked_for_once() {
    let bare = bare();
    let setup = Setup {
        login: Some(("bot", "s3cret")),
        ..Setup::default()
    };
    let server = HttpServer::with(&bare, setup);
    works_over(&Client::login(&server, &server.url()), &bare);

    let mut wrong = Client::login(&server, &server.url());
    wrong.options.credentials.http[0].password = "wr0ng".to_owned().into();
    for client in [&wrong, &Client::http(&server)] {
        let before = server.requests().len();
        let error = client.open().unwrap_err();
        assert!(matches!(error, Error::Denied { .. }), "{error:?}");
        assert!(
            server.requests().len() - before < 4,
            "{:?}",
            server.requests()
        );
        let shown = format!("{error} {error:?} {:?}", client.options);
        assert!(
            !shown.contains("wr0ng") && !shown.contains("s3cret"),
            "{shown}"
        );
    }
    let elsewhere = Client::login(&server, &format!("{}/other", server.url()));
    assert!(matches!(elsewhere.open(), Err(Error::Denied { .. })));
}

#[test]
fn https_with_an_authority_of_its_own() {
    let bare = bare();
    let setup = Setup {
        tls: true,
        ..Setup::default()
    };
    let server = HttpServer::with(&bare, setup);
    let mut client = Client::http(&server);
    let error = client.open().unwrap_err();
    assert!(matches!(error, Error::Untrusted { .. }), "{error:?}");
    client.options.ca_file = Some(server.ca_file());
    works_over(&client, &bare);
}

#[test]
fn ssh_with_a_key_and_a_known_host() {
    let bare = bare();
    let server = SshServer::start(&bare);
    works_over(&Client::ssh(&server), &bare);

    let mut stranger = Client::ssh(&server);
    stranger.options.credentials.ssh = vec![SshKey::File {
        private_key: server.stranger_key(),
        passphrase: None,
    }];
    let error = stranger.open().unwrap_err();
    assert!(matches!(error, Error::Denied { .. }), "{error:?}");
}

#[test]
fn an_ssh_host_that_is_unknown_or_changed_is_refused() {
    let bare = bare();
    let server = SshServer::start(&bare);
    let mut client = Client::ssh(&server);
    for (file, word) in [
        (server.changed_known_hosts(), "its key is not the one"),
        (PathBuf::from("/dev/null"), "ssh-keyscan"),
    ] {
        client.options.credentials.known_hosts = vec![file];
        let error = client.open().unwrap_err();
        assert!(matches!(error, Error::Untrusted { .. }), "{error:?}");
        let error = error.to_string();
        assert!(error.contains(&server.fingerprint()), "{error}");
        assert!(error.contains(word), "{error}");
    }
}

#[test]
fn nothing_is_fetched_when_nothing_moved_and_everything_when_it_did() {
    let repo = Repo::init();
    repo.commit_files(&[("a", "1")], "first");
    let bare = repo.bare_clone();
    let server = HttpServer::start(&bare);
    let client = Client::http(&server);
    let mut git = client.open().unwrap();
    let first = git.snapshot(&branch("main")).unwrap();

    let before = server.requests().len();
    git.fetch().unwrap();
    assert_eq!(
        server.requests()[before..].len(),
        1,
        "{:?}",
        server.requests()
    );

    repo.git(&["remote", "add", "bare", bare.path().to_str().unwrap()]);
    repo.commit_files(&[("a", "2")], "second");
    repo.git(&["push", "-q", "bare", "main", "main:x/y", "main:gone"]);
    git.fetch().unwrap();
    let second = git.snapshot(&branch("main")).unwrap();
    assert_ne!(first.commit, second.commit);
    assert_eq!(
        git.branches("x/").unwrap(),
        [(branch("x/y"), second.commit)]
    );

    // A rewritten branch, a deleted one, and a name that only fits after the deletion.
    repo.git(&["commit", "-q", "--amend", "-m", "rewritten"]);
    repo.git(&["push", "-q", "-f", "bare", "main", ":gone", ":x/y"]);
    repo.git(&["push", "-q", "bare", "main:x"]);
    git.fetch().unwrap();
    let names: Vec<_> = git
        .branches("")
        .unwrap()
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(names, [branch("main"), branch("x")]);
    assert_eq!(
        git.snapshot(&branch("main")).unwrap().commit.to_string(),
        repo.rev("main")
    );
}

#[test]
fn a_tag_can_be_named_and_a_missing_name_is_said() {
    let repo = Repo::init();
    let first = repo.commit_files(&[("a", "1")], "first");
    repo.git(&["tag", "-a", "v1", "-m", "v1"]);
    repo.commit_files(&[("a", "2")], "second");
    let bare = repo.bare_clone();
    let server = HttpServer::start(&bare);
    let client = Client::http(&server);
    let git = client.open().unwrap();
    assert_eq!(git.revision("v1").unwrap().to_string(), first);
    assert!(matches!(git.revision("v2"), Err(Error::NoRevision { .. })));
    assert!(matches!(
        git.snapshot(&branch("no")),
        Err(Error::NoBranch { .. })
    ));
}

#[test]
fn a_shallow_mirror_says_so() {
    let repo = Repo::init();
    repo.commit_files(&[("a", "1")], "first");
    repo.commit_files(&[("a", "2")], "second");
    let bare = repo.bare_clone();
    let ssh = SshServer::start(&bare);
    let http = HttpServer::start(&bare);
    for mut client in [Client::http(&http), Client::ssh(&ssh)] {
        client.options.depth = Depth::Shallow;
        let git = client.open().unwrap();
        assert!(git.is_shallow());
        let head = git.snapshot(&branch("main")).unwrap().commit;
        assert!(!git.history(head, &[path("a")], 10).unwrap().complete);
    }
}

#[test]
fn refusals_carry_the_servers_words_and_the_branch_stays() {
    let bare = bare();
    let http = HttpServer::start(&bare);
    let ssh = SshServer::start(&bare);
    let words = "remote: error: GH013: Repository rule violations found for refs/heads/x.";
    bare.hook(
        "pre-receive",
        &format!("printf '\\033[31m{words}\\033[0m\\n' >&2; exit 1"),
    );
    for client in [Client::http(&http), Client::ssh(&ssh)] {
        let git = client.open().unwrap();
        let id = commit(&git, "2");
        let outcome = git.push(&branch("x"), None, Some(id)).unwrap();
        let PushOutcome::Rejected {
            message,
            reason,
            hint,
        } = outcome
        else {
            panic!("{outcome:?}");
        };
        assert_eq!(reason, RejectedReason::ProtectedBranch);
        assert!(message.contains(words), "{message}");
        assert!(!message.contains('\u{1b}') && !hint.is_empty());
        assert_eq!(git.branch(&branch("x")).unwrap(), None);
    }
    assert_eq!(bare.git(&["branch", "--list", "x"]), "");
}

#[test]
fn a_branch_that_moves_during_the_push_is_seen() {
    let bare = bare();
    let server = HttpServer::start(&bare);
    let main = bare.rev("main");
    // Somebody is faster, while our pack is already at the server.
    bare.hook(
        "pre-receive",
        "unset GIT_QUARANTINE_PATH; git update-ref refs/heads/x refs/heads/main; exit 0",
    );
    let client = Client::http(&server);
    let git = client.open().unwrap();
    let id = commit(&git, "2");
    let outcome = git.push(&branch("x"), None, Some(id)).unwrap();
    let actual = Some(main.parse().unwrap());
    assert_eq!(outcome, PushOutcome::Moved { actual });
}

#[test]
fn success_is_not_believed_when_the_branch_did_not_move() {
    let bare = bare();
    let server = HttpServer::start(&bare);
    bare.hook("post-receive", "git update-ref -d refs/heads/x");
    let client = Client::http(&server);
    let git = client.open().unwrap();
    let id = commit(&git, "2");
    let outcome = git.push(&branch("x"), None, Some(id)).unwrap();
    assert!(
        matches!(outcome, PushOutcome::Rejected { .. }),
        "{outcome:?}"
    );
}

#[test]
fn a_damaged_mirror_is_made_anew() {
    let repo = Repo::init();
    for number in 0..50 {
        repo.write(&format!("{number}.yaml"), &"content ".repeat(number));
    }
    repo.commit_files(&[], "first");
    let bare = repo.bare_clone();
    let server = HttpServer::start(&bare);
    let client = Client::http(&server);
    let is_whole = || {
        let git = client.open().unwrap();
        let tree = git.snapshot(&branch("main")).unwrap().tree;
        let (files, _) = git.entries(tree, |_| true).unwrap();
        let blobs: Vec<_> = files.iter().map(|file| file.blob).collect();
        files.len() == 50 && git.read_blobs(&blobs, 9999).iter().all(Result::is_ok)
    };
    assert!(is_whole());
    // A lock of a process that died, where a branch is to move.
    repo.git(&["remote", "add", "bare", bare.path().to_str().unwrap()]);
    repo.git(&["commit", "-q", "--allow-empty", "-m", "second"]);
    repo.git(&["push", "-q", "bare", "main"]);
    std::fs::write(client.mirror().join("refs/heads/main.lock"), "").unwrap();
    assert!(is_whole());
    // A truncated pack.
    let packs = std::fs::read_dir(client.mirror().join("objects/pack")).unwrap();
    let pack = packs
        .map(|file| file.unwrap().path())
        .find(|file| file.extension().is_some_and(|kind| kind == "pack"))
        .unwrap();
    let mut permissions = std::fs::metadata(&pack).unwrap().permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o644);
    std::fs::set_permissions(&pack, permissions).unwrap();
    std::fs::File::options()
        .write(true)
        .open(&pack)
        .unwrap()
        .set_len(100)
        .unwrap();
    let _ = is_whole();
    assert!(is_whole());
    // No repository at all.
    std::fs::remove_file(client.mirror().join("HEAD")).unwrap();
    assert!(is_whole());
}

#[test]
fn a_clone_pushes_to_its_remote() {
    let bare = bare();
    let server = HttpServer::start(&bare);
    let client = Client::http(&server);
    for url in [server.url(), bare.path().display().to_string()] {
        let clone = bare.clone();
        clone.git(&["remote", "set-url", "origin", &url]);
        let clone = Repository::open_local(clone.path()).unwrap();
        let location = clone.remote_location("origin").unwrap();
        let git = Repository::open(&location, &client.options).unwrap();
        let id = commit(&git, "2");
        let pins = branch("headwater/dev/web");
        let push = |expected, new| git.push(&pins, expected, new).unwrap();
        assert_eq!(push(None, Some(id)), PushOutcome::Pushed);
        assert_eq!(git.branch(&pins).unwrap(), Some(id));
        assert_eq!(bare.show("headwater/dev/web", "a.yaml"), "2");
        bare.git(&["fsck", "--strict"]);
        assert_eq!(
            push(None, Some(id)),
            PushOutcome::Pushed,
            "it stands there already"
        );
        let base = git.snapshot(&branch("main")).unwrap().commit;
        let lost = push(Some(base), Some(base));
        assert_eq!(lost, PushOutcome::Moved { actual: Some(id) });
        assert_eq!(push(Some(id), None), PushOutcome::Pushed);
        let missing = clone.remote_location("upstream");
        assert!(matches!(missing, Err(Error::NoRemote { .. })));
    }
}

#[test]
fn no_hook_of_a_repository_that_is_read_runs() {
    let repo = Repo::init();
    repo.commit_files(&[("a.yaml", "1")], "first");
    let canary = repo.path().join("canary");
    for hook in [
        "reference-transaction",
        "post-checkout",
        "pre-push",
        "update",
        "pre-receive",
        "post-update",
    ] {
        repo.hook(hook, &format!("touch {}", canary.display()));
    }
    repo.git(&[
        "config",
        "core.fsmonitor",
        &format!("touch {}", canary.display()),
    ]);
    let git = Repository::open_local(repo.path()).unwrap();
    let id = commit(&git, "2");
    assert_eq!(
        git.push(&branch("x"), None, Some(id)).unwrap(),
        PushOutcome::Pushed
    );
    assert!(!canary.exists());
}

#[test]
fn a_login_is_not_taken_to_another_server() {
    let bare = bare();
    let login = Setup {
        login: Some(("bot", "s3cret")),
        ..Setup::default()
    };
    let target = HttpServer::with(&bare, login);
    for host in ["127.0.0.1", "localhost"] {
        let elsewhere = format!("http://{host}:{}$request_uri", target.port());
        let before_login = format!("if ($request_uri ~ info) {{ return 302 {elsewhere}; }}");
        let after_login = format!(
            "location ~ info/refs {{ auth_basic git; auth_basic_user_file LOGIN; try_files /none @away; }}
             location @away {{ return 302 {elsewhere}; }}"
        );
        for extra in [&before_login, &after_login] {
            let server = HttpServer::with(&bare, Setup { extra, ..login });
            let client = Client::login(&server, &server.url());
            let error = client.open().unwrap_err();
            let requests = target.requests();
            let is_let_in = requests.iter().any(|request| request.ends_with(" 200"));
            assert!(!is_let_in, "{host} {extra}: {requests:?} {error}");
        }
    }
}

#[test]
fn a_host_that_is_not_there_is_named() {
    let client = Client::new("http://127.0.0.1:1/acme/shop.git".to_owned());
    let error = client.open().unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
    assert!(error.to_string().contains("127.0.0.1:1"), "{error}");
}

#[test]
fn pushes_leave_no_files_open_and_no_processes() {
    let bare = bare();
    let server = HttpServer::start(&bare);
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "git::remote::pushes_in_a_loop", "--nocapture"])
        .env("HEADWATER_TEST_PUSH_TO", server.url())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
}

/// Runs in a process of its own, where nobody else opens files.
#[test]
fn pushes_in_a_loop() {
    let Ok(url) = std::env::var("HEADWATER_TEST_PUSH_TO") else {
        return;
    };
    let client = Client::new(url);
    let open_files = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let mut expected = None;
    let mut after_first = 0;
    for number in 2..12 {
        let git = client.open().unwrap();
        let id = commit(&git, &number.to_string());
        let outcome = git.push(&branch("x"), expected, Some(id)).unwrap();
        assert_eq!(outcome, PushOutcome::Pushed);
        expected = Some(id);
        drop(git);
        match number {
            2 => after_first = open_files(),
            _ => assert!(open_files() <= after_first, "{} files", open_files()),
        }
    }
    let children = std::fs::read_to_string("/proc/thread-self/children").unwrap();
    assert_eq!(children, "");
}
