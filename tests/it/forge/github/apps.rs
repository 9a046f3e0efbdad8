//! Tokens of GitHub Apps, with keys of ssh-keygen and a forge that verifies what they sign.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use headwater::forge::github::{App, GitHub};
use headwater::forge::http::{Options, Token};
use headwater::forge::{Error, Forge as _};
use jiff::SignedDuration;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::forge::github::{Clock, Pauses, options};
use crate::support::forge::github::apps::App as Installed;
use crate::support::forge::{Kind, TestForge};
use crate::support::git::Repo;
use crate::support::scripted::{Reply, Scripted};

struct Scene {
    forge: TestForge,
    clock: Clock,
    pauses: Pauses,
    keys: TempDir,
    _bare: Repo,
}

impl Scene {
    /// An App that is installed with `key`, whose file is there.
    fn start() -> Self {
        let seed = Repo::init();
        seed.commit_files(&[("a.txt", "a\n")], "begin");
        let bare = seed.bare_clone();
        let forge = TestForge::start(Kind::GitHub, bare.path());
        let keys = tempfile::tempdir().unwrap();
        let scene = Self {
            clock: Clock::at("2026-08-23T07:40:00Z"),
            pauses: Pauses::default(),
            keys,
            forge,
            _bare: bare,
        };
        make_key(&scene.key("key"), "rsa", "PEM");
        scene.forge.model().app = Some(Installed {
            id: "Iv23liHeadwater".to_owned(),
            key: public_of(&scene.key("key")),
            installation: 7,
            granted: [
                ("checks", "read"),
                ("contents", "write"),
                ("issues", "write"),
                ("metadata", "read"),
                ("pull_requests", "write"),
                ("statuses", "write"),
            ]
            .map(|(name, access)| (name.to_owned(), access.to_owned()))
            .into(),
            tokens: Vec::new(),
        });
        scene
    }

    fn key(&self, name: &str) -> PathBuf {
        self.keys.path().join(name)
    }

    fn app(&self, key: &str) -> App {
        App {
            id: "Iv23liHeadwater".to_owned(),
            key_file: self.key(key),
            installation: None,
        }
    }

    fn options(&self) -> Options {
        options(self.forge.api().as_str(), &self.clock, &self.pauses)
    }

    fn token(&self, app: &App) -> Token {
        app.token(&self.options(), "acme", "shop").unwrap()
    }

    fn client(&self, token: &Token) -> GitHub {
        let options = Options {
            token: token.clone(),
            ..self.options()
        };
        GitHub::new(options, "acme", "shop").unwrap()
    }

    /// The time goes on, for both sides.
    fn after(&self, time: SignedDuration) {
        self.clock.set(self.clock.now() + time);
        let mut model = self.forge.model();
        model.now = model.now.max(self.clock.now());
    }

    fn made(&self) -> usize {
        self.forge.model().app.as_ref().unwrap().tokens.len()
    }
}

fn make_key(path: &Path, kind: &str, format: &str) {
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", kind, "-m", format, "-N", "", "-f"])
        .arg(path)
        .status()
        .unwrap();
    assert!(made.success());
}

/// As PKCS#1.
fn public_of(path: &Path) -> Vec<u8> {
    let shown = Command::new("ssh-keygen")
        .args(["-e", "-m", "PEM", "-f"])
        .arg(path.with_extension("pub"))
        .output()
        .unwrap();
    let pem = String::from_utf8(shown.stdout).unwrap();
    let base64: String = pem.lines().filter(|line| !line.contains("---")).collect();
    STANDARD.decode(base64).unwrap()
}

fn text(token: &Token) -> String {
    token.read().unwrap().expose_secret().to_owned()
}

#[test]
fn a_token_is_for_one_repository_and_may_do_what_is_needed() {
    let scene = Scene::start();
    let token = scene.token(&scene.app("key"));
    let standing = scene.client(&token).standing().unwrap();
    assert_eq!(standing.account, "headwater-bot");
    assert!(standing.may_write && standing.has_automerge);
    assert_eq!(standing.merge_methods.len(), 3);
    let scopes: Vec<&str> = standing.scopes.iter().map(String::as_str).collect();
    let expected = [
        "checks: read",
        "contents: write",
        "metadata: read",
        "pull_requests: write",
        "statuses: write",
    ];
    assert_eq!(scopes, expected);

    let requests = scene.forge.requests();
    assert_eq!(requests[0].path, "/api/v3/repos/acme/shop/installation");
    assert_eq!(
        requests[1].path,
        "/api/v3/app/installations/7/access_tokens"
    );
    let body: Value = serde_json::from_str(&requests[1].body).unwrap();
    assert_eq!(
        body,
        json!({
            "repositories": ["shop"],
            "permissions": {
                "checks": "read",
                "contents": "write",
                "metadata": "read",
                "pull_requests": "write",
                "statuses": "write",
            },
        })
    );
    assert_eq!(scene.forge.violations(), [""; 0]);
    // The same one is the password for Git.
    assert_eq!(text(&token), "ghs_1");
}

#[test]
fn an_app_that_may_only_read_is_told() {
    let scene = Scene::start();
    if let Some(app) = &mut scene.forge.model().app {
        app.granted.insert("contents".to_owned(), "read".to_owned());
    }
    let token = scene.token(&scene.app("key"));
    assert!(!scene.client(&token).standing().unwrap().may_write);
}

#[test]
fn the_statement_is_good_from_a_minute_ago_and_for_nine() {
    let scene = Scene::start();
    let forge = Scripted::start(|_| Reply::status(404));
    let options = options(&forge.url("/api/v3"), &scene.clock, &scene.pauses);
    let token = scene.app("key").token(&options, "acme", "shop").unwrap();
    assert!(matches!(token.read(), Err(Error::Missing { .. })));
    let seen = &forge.seen()[0];
    let statement = seen.header("authorization").unwrap();
    let claims = statement.split('.').nth(1).unwrap();
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    let now = scene.clock.now().as_second();
    let expected = json!({"iat": now - 60, "exp": now + 540, "iss": "Iv23liHeadwater"});
    assert_eq!(claims, expected);
}

#[test]
fn a_key_may_be_pkcs_1_or_pkcs_8() {
    let scene = Scene::start();
    fs::copy(scene.key("key"), scene.key("copy")).unwrap();
    let changed = Command::new("ssh-keygen")
        .args(["-q", "-p", "-P", "", "-N", "", "-m", "PKCS8", "-f"])
        .arg(scene.key("copy"))
        .output()
        .unwrap();
    assert!(changed.status.success());
    for (key, begin) in [("key", "BEGIN RSA PRIVATE"), ("copy", "BEGIN PRIVATE")] {
        let pem = fs::read_to_string(scene.key(key)).unwrap();
        assert!(pem.contains(begin));
        assert!(scene.token(&scene.app(key)).read().is_ok(), "{begin}");
    }
}

#[test]
fn fault_14_a_token_is_renewed_at_four_fifths_of_its_life() {
    let scene = Scene::start();
    let token = scene.token(&scene.app("key"));
    let client = scene.client(&token);
    let works = || client.open_pull_requests("").is_ok();
    assert!(works() && works());
    scene.after(SignedDuration::new(48 * 60 - 1, 0));
    assert!(works());
    assert_eq!(scene.made(), 1);
    scene.after(SignedDuration::from_secs(1));
    assert!(works());
    assert_eq!((scene.made(), &*text(&token)), (2, "ghs_2"));
    // A clock that is set back says nothing about the age.
    scene
        .clock
        .set(scene.clock.now() - SignedDuration::from_mins(5));
    assert!(works());
    assert_eq!(scene.made(), 3);
}

#[test]
fn fault_14_a_refused_token_is_made_anew_once() {
    let scene = Scene::start();
    let token = scene.token(&scene.app("key"));
    let client = scene.client(&token);
    client.open_pull_requests("").unwrap();
    let revoke = || {
        if let Some(app) = &mut scene.forge.model().app {
            for (_, until) in &mut app.tokens {
                *until = scene.clock.now() - SignedDuration::from_secs(1);
            }
        }
    };
    revoke();
    client.open_pull_requests("").unwrap();
    assert_eq!(scene.made(), 2);
    // Git's own refusal is told by whoever pushes.
    revoke();
    let old = token.read().unwrap();
    token.refused(&old);
    assert_eq!(text(&token), "ghs_3");
    token.refused(&old);
    assert_eq!(text(&token), "ghs_3", "an old one's refusal says nothing");
}

#[test]
fn a_key_that_rotates_is_read_anew() {
    let scene = Scene::start();
    let token = scene.token(&scene.app("key"));
    token.read().unwrap();
    make_key(&scene.key("new"), "rsa", "PEM");
    if let Some(app) = &mut scene.forge.model().app {
        app.key = public_of(&scene.key("new"));
    }
    fs::copy(scene.key("new"), scene.key("key")).unwrap();
    // Even where the statement of the old key would not have ended yet.
    token.refused(&token.read().unwrap());
    assert_eq!(text(&token), "ghs_2");
}

#[test]
fn many_that_need_a_token_wait_for_one() {
    let scene = Scene::start();
    let token = scene.token(&scene.app("key"));
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| assert_eq!(text(&token), "ghs_1"));
        }
    });
    assert_eq!(scene.made(), 1);
}

#[test]
fn a_key_that_cannot_be_used_is_the_operators() {
    let scene = Scene::start();
    make_key(&scene.key("elliptic"), "ecdsa", "PKCS8");
    fs::write(scene.key("text"), "s3cret, but no key\n").unwrap();
    let begin = "-----BEGIN RSA PRIVATE KEY-----\nczNjcmV0\n-----END RSA PRIVATE KEY-----\n";
    fs::write(scene.key("broken"), begin).unwrap();
    for key in ["missing", "elliptic", "text", "broken"] {
        let error = scene.token(&scene.app(key)).read().unwrap_err();
        let words = error.to_string();
        assert!(matches!(error, Error::Settings(_)), "{words}");
        assert!(
            words.contains(&*scene.key(key).to_string_lossy()),
            "{words}"
        );
        assert!(
            !words.contains("s3cret") && !words.contains("czNj"),
            "{words}"
        );
    }
    assert_eq!(scene.forge.requests().len(), 0);
}

#[test]
fn another_key_is_denied_and_shows_nothing() {
    let scene = Scene::start();
    make_key(&scene.key("other"), "rsa", "PEM");
    let token = scene.token(&scene.app("other"));
    let client = scene.client(&token);
    let error = client.open_pull_requests("").unwrap_err();
    assert!(matches!(error, Error::Denied { .. }), "{error}");
    assert!(error.to_string().contains("Iv23liHeadwater"), "{error}");
    let shown = format!("{error} {error:?} {token:?} {client:?}");
    assert!(!shown.contains("eyJ"), "{shown}");
    assert_eq!(scene.made(), 0);

    let good = scene.token(&scene.app("key"));
    good.read().unwrap();
    assert!(!format!("{good:?} {:?}", scene.client(&good)).contains("ghs_"));
}

#[test]
fn a_missing_installation_is_missing() {
    let scene = Scene::start();
    let elsewhere = scene
        .app("key")
        .token(&scene.options(), "acme", "other")
        .unwrap();
    let error = elsewhere.read().unwrap_err();
    assert!(matches!(error, Error::Missing { .. }), "{error}");
    let words = error.to_string();
    assert!(words.contains("installation of the App"), "{words}");

    for (number, is_there) in [(7, true), (8, false)] {
        let app = App {
            installation: Some(number),
            ..scene.app("key")
        };
        assert_eq!(scene.token(&app).read().is_ok(), is_there);
    }
    let requests = scene.forge.requests();
    let last = requests.last().unwrap();
    assert_eq!(last.path, "/api/v3/app/installations/8");
}
