//! A GitHub App as the operator's file names it: its tokens for the API and for Git over http.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;

use crate::hosting::Hosted;
use crate::lifecycle::web;
use crate::support::forge::github::apps::App;
use crate::support::forge::{Interruption, Kind, Moment, What};
use crate::support::git::{HttpServer, Setup};

/// Tokens that a pass of these scenes makes at most.
const TOKENS: usize = 9;

impl Hosted {
    /// Where only an App's tokens are let in, by the API and by Git.
    pub(in crate::hosting) fn with_app() -> Self {
        let scene = web();
        let logins: Vec<String> = (1..=TOKENS)
            .map(|number| STANDARD.encode(format!("x-access-token:ghs_{number}")))
            .collect();
        let only_tokens = format!(
            "add_header WWW-Authenticate 'Basic realm=\"git\"' always;
             if ($http_authorization !~ \"^Basic ({})$\") {{ return 401; }}",
            logins.join("|").replace('+', "[+]")
        );
        let setup = Setup {
            extra: &only_tokens,
            ..Setup::default()
        };
        let git = HttpServer::with(&scene.origin, setup);
        let hosted = Self::on(Kind::GitHub, scene, git);
        let key = hosted.app_key();
        make_key(&key);
        {
            let mut model = hosted.forge.model();
            model.now = Timestamp::now();
            model.app = Some(App {
                id: "Iv23liHeadwater".to_owned(),
                key: public_of(&key),
                installation: 7,
                granted: [
                    ("checks", "read"),
                    ("contents", "write"),
                    ("metadata", "read"),
                    ("pull_requests", "write"),
                    ("statuses", "read"),
                ]
                .map(|(name, access)| (name.to_owned(), access.to_owned()))
                .into(),
                tokens: Vec::new(),
            });
        }
        let file = std::fs::read_to_string(hosted.server_file()).unwrap();
        let by_token = format!("tokenFile: {}", hosted.token_file().display());
        let by_app = format!(
            "app: {{id: Iv23liHeadwater, privateKeyFile: {}}}",
            key.display()
        );
        std::fs::write(hosted.server_file(), file.replace(&by_token, &by_app)).unwrap();
        hosted
    }

    pub(in crate::hosting) fn app_key(&self) -> std::path::PathBuf {
        self.scene.home().join("app.pem")
    }
}

fn make_key(path: &Path) {
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "rsa", "-m", "PEM", "-N", "", "-f"])
        .arg(path)
        .status();
    assert!(made.unwrap().success());
}

/// As PKCS#1.
fn public_of(path: &Path) -> Vec<u8> {
    let shown = Command::new("ssh-keygen")
        .args(["-e", "-m", "PEM", "-f"])
        .arg(path.with_extension("pem.pub"))
        .output()
        .unwrap();
    let pem = String::from_utf8(shown.stdout).unwrap();
    let base64: String = pem.lines().filter(|line| !line.contains("---")).collect();
    STANDARD.decode(base64).unwrap()
}

#[test]
fn fault_14_a_token_that_ends_in_the_middle_of_a_pass_is_made_anew() {
    let hosted = Arc::new(Hosted::with_app());
    let other = Arc::clone(&hosted);
    let ends = move || {
        let mut model = other.forge.model();
        let now = model.now;
        for (_, until) in &mut model.app.as_mut().unwrap().tokens {
            *until = now;
        }
        true
    };
    // The first writes make the tokens; the one for Git and the one for the API.
    hosted.forge.interrupt(Some(Interruption {
        spares: 2,
        what: What::Act(Moment::Before, Box::new(ends)),
    }));
    hosted.reconcile().exits(0).says("opened pull request #1");
    let made = hosted.forge.model().app.as_ref().unwrap().tokens.len();
    assert_eq!(made, 3);
    let refused = hosted.forge.requests();
    let refused = refused.iter().filter(|seen| seen.status == Some(401));
    assert_eq!(refused.count(), 1);
    assert!(
        hosted
            .forge
            .model()
            .pull_request(1)
            .labels
            .contains("image-pin")
    );
    let first = hosted.scene.message(crate::lifecycle::FIRST_PINS);
    assert!(first.contains("Headwater-Plan: "), "{first}");
    assert_eq!(hosted.forge.violations(), [""; 0]);

    // Somebody takes the App away: neither Git nor the API lets it in.
    hosted.forge.model().app = None;
    hosted
        .reconcile()
        .exits(4)
        .says("the App Iv23liHeadwater")
        .never_says("ghs_");
}
