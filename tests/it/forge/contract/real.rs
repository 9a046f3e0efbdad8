//! A real Gitea or Forgejo, with a repository of its own for each test, gone afterwards.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use headwater::forge::Forge;
use headwater::forge::gitea::Gitea;
use headwater::forge::http::{Answer, Client, Dialect, Request, TokenHeader};
use headwater::pull_request::MergeMethod;
use headwater::revision::CommitId;
use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};
use url::Url;

use crate::forge::contract::site::{Site, plain_options};
use crate::support::forge::{CheckState, Opinion, Rule};
use crate::support::git::Repo;
use crate::support::wait;

const PERSON: &str = "ada-of-the-tests";
const READER: &str = "eve-of-the-tests";
const FORKS: &str = "forks-of-the-tests";

pub struct RealGitea {
    api: Url,
    token: String,
    /// Asks as the account of the token, or as a person by `sudo`.
    hands: Client,
    account: String,
    name: String,
    forge: Box<dyn Forge>,
    clone: Repo,
}

impl RealGitea {
    /// None, and a word about it, where none is named.
    pub fn if_there_is_one() -> Option<Self> {
        let named = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let Some((url, token)) =
            named("HEADWATER_TEST_GITEA_URL").zip(named("HEADWATER_TEST_GITEA_TOKEN"))
        else {
            println!("skipped: HEADWATER_TEST_GITEA_URL and _TOKEN name no real forge");
            return None;
        };
        Some(Self::start(&url, token))
    }

    fn start(url: &str, token: String) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::SeqCst);
        let name = format!("headwater-test-{}-{count}", std::process::id());
        let api: Url = format!("{}/api/v1", url.trim_end_matches('/'))
            .parse()
            .unwrap();
        let hands = Client::new(plain_options(api.clone(), &token), dialect()).unwrap();
        let whoami = asked(&hands, &Method::GET, &["user"], Value::Null);
        let account = whoami["login"].as_str().unwrap().to_owned();
        // They are there after the first test.
        for name in [PERSON, READER] {
            let person = json!({
                "username": name, "email": format!("{name}@example.com"),
                "password": "0nly-for-these-tests", "must_change_password": false,
            });
            let _ = answer(&hands, &Method::POST, &["admin", "users"], person, None);
        }
        let _ = answer(
            &hands,
            &Method::POST,
            &["orgs"],
            json!({"username": FORKS}),
            None,
        );
        let repository = json!({"name": name, "default_branch": "main"});
        asked(&hands, &Method::POST, &["user", "repos"], repository);
        let collaborators = ["repos", &account, &name, "collaborators", PERSON];
        asked(
            &hands,
            &Method::PUT,
            &collaborators,
            json!({"permission": "write"}),
        );

        let clone = Repo::init();
        clone.commit_files(&[("shared.txt", "as it was\n")], "begin");
        let place = format!("{}/{account}/{name}.git", url.trim_end_matches('/'));
        configure(clone.path(), &place, &account, &token);
        clone.git(&["push", "-q", "origin", "main"]);
        // Until then the repository counts as empty, and much of it as missing.
        let main = ["repos", &account, &name, "branches", "main"];
        wait::until("the forge to know its main branch", || {
            let (_, answer) = answer(&hands, &Method::GET, &main, Value::Null, None);
            answer.is_success().then_some(())
        });
        let forge = Gitea::new(plain_options(api.clone(), &token), &account, &name).unwrap();
        Self {
            api,
            token,
            hands,
            account,
            name,
            forge: Box::new(forge),
            clone,
        }
    }

    fn here(&self, method: &Method, below: &[&str], body: Value) -> Value {
        let segments = [&["repos", &self.account, &self.name], below].concat();
        asked(&self.hands, method, &segments, body)
    }

    fn by_person(&self, below: &[&str], body: Value) -> Value {
        let segments = [&["repos", &self.account, &self.name], below].concat();
        let (request, answer) = answer(&self.hands, &Method::POST, &segments, body, Some(PERSON));
        answer.json(self.hands.host(), &request).unwrap()
    }

    fn names_in(&self, number: u64, field: &str) -> BTreeSet<String> {
        let pull = self.here(&Method::GET, &["pulls", &number.to_string()], Value::Null);
        let users = pull[field].as_array().into_iter().flatten();
        users
            .map(|user| user["login"].as_str().unwrap().to_owned())
            .collect()
    }

    fn set_state(&self, number: u64, state: &str) {
        let below = ["pulls", &number.to_string()];
        self.here(&Method::PATCH, &below, json!({"state": state}));
    }
}

impl Drop for RealGitea {
    fn drop(&mut self) {
        for owner in [&*self.account, FORKS] {
            let segments = ["repos", owner, &self.name];
            let _ = answer(&self.hands, &Method::DELETE, &segments, Value::Null, None);
        }
    }
}

fn dialect() -> Dialect {
    Dialect {
        token_header: TokenHeader::Token,
        headers: &[],
        between_writes: Duration::ZERO,
    }
}

/// The remote and its login, which stands on no command line.
fn configure(clone: &Path, place: &str, account: &str, token: &str) {
    let login = BASE64_STANDARD.encode(format!("{account}:{token}"));
    let file = clone.join(".git/config");
    let mut text = std::fs::read_to_string(&file).unwrap();
    text.push_str(&format!(
        "[remote \"origin\"]\n\turl = {place}\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n\
         [http]\n\textraHeader = Authorization: Basic {login}\n"
    ));
    std::fs::write(&file, text).unwrap();
}

fn answer(
    hands: &Client,
    method: &Method,
    segments: &[&str],
    body: Value,
    sudo: Option<&str>,
) -> (Request, Answer) {
    let mut request = Request::new(method.clone(), segments, "do it", "such thing");
    if !body.is_null() {
        request = request.body(body);
    }
    if let Some(person) = sudo {
        request = request.query("sudo", person);
    }
    let answer = match *method {
        Method::GET => hands.get(&request),
        _ => hands.write(&request),
    };
    let answer = answer.unwrap();
    (request, answer)
}

fn asked(hands: &Client, method: &Method, segments: &[&str], body: Value) -> Value {
    let (request, answer) = answer(hands, method, segments, body, None);
    answer.check(hands.host(), &request).unwrap();
    answer.json(hands.host(), &request).unwrap_or(Value::Null)
}

impl Site for RealGitea {
    fn forge(&self) -> &dyn Forge {
        &*self.forge
    }

    fn asked_with(&self, token: &str, repository: &str) -> Box<dyn Forge> {
        let options = plain_options(self.api.clone(), token);
        Box::new(Gitea::new(options, &self.account, repository).unwrap())
    }

    fn token(&self) -> String {
        self.token.clone()
    }

    fn repository(&self) -> String {
        self.name.clone()
    }

    fn clone(&self) -> &Repo {
        &self.clone
    }

    fn account(&self) -> String {
        self.account.clone()
    }

    fn person(&self) -> String {
        PERSON.to_owned()
    }

    fn assignees(&self, number: u64) -> BTreeSet<String> {
        self.names_in(number, "assignees")
    }

    fn reviewers(&self, number: u64) -> BTreeSet<String> {
        self.names_in(number, "requested_reviewers")
    }

    fn close(&self, number: u64) {
        self.set_state(number, "closed");
    }

    fn reopen(&self, number: u64) {
        self.set_state(number, "open");
    }

    fn merge(&self, number: u64, method: MergeMethod) {
        let number = number.to_string();
        let segments = [
            "repos",
            &self.account,
            &self.name,
            "pulls",
            &number,
            "merge",
        ];
        wait::until("a person's merge", || {
            let body = json!({"Do": method.name()});
            let (_, answer) = answer(&self.hands, &Method::POST, &segments, body, None);
            answer.is_success().then_some(())
        });
    }

    fn comment(&self, number: u64, body: &str) {
        let number = number.to_string();
        self.by_person(&["issues", &number, "comments"], json!({"body": body}));
    }

    fn review(&self, number: u64, opinion: Opinion) {
        let number = number.to_string();
        let event = match opinion {
            Opinion::Approves => "APPROVED",
            Opinion::Refuses => "REQUEST_CHANGES",
            Opinion::Remarks => "COMMENT",
        };
        let body = json!({"event": event, "body": "well"});
        self.by_person(&["pulls", &number, "reviews"], body);
    }

    fn approve_as_stranger(&self, number: u64) {
        let number = number.to_string();
        let segments = [
            "repos",
            &self.account,
            &self.name,
            "pulls",
            &number,
            "reviews",
        ];
        let body = json!({"event": "APPROVED", "body": "good"});
        answer(&self.hands, &Method::POST, &segments, body, Some(READER));
    }

    fn dismiss(&self, number: u64) {
        let number = number.to_string();
        let reviews = self.here(&Method::GET, &["pulls", &number, "reviews"], Value::Null);
        let mut reviews = reviews.as_array().unwrap().iter();
        let approval = reviews.rfind(|it| it["state"] == "APPROVED").unwrap();
        let id = approval["id"].to_string();
        let below = ["pulls", &number, "reviews", &id, "dismissals"];
        self.here(&Method::POST, &below, json!({"message": "no more"}));
    }

    fn merged_at(&self, number: u64) -> Timestamp {
        let pull = self.here(&Method::GET, &["pulls", &number.to_string()], Value::Null);
        pull["merged_at"].as_str().unwrap().parse().unwrap()
    }

    fn description_of(&self, commit: CommitId, context: &str) -> String {
        let below = ["commits", &commit.to_string(), "status"];
        let combined = self.here(&Method::GET, &below, Value::Null);
        let mut statuses = combined["statuses"].as_array().unwrap().iter();
        let status = statuses.find(|it| it["context"] == context).unwrap();
        status["description"].as_str().unwrap().to_owned()
    }

    fn tick(&self, number: u64, text: &str) {
        let below = ["pulls", &number.to_string()];
        let body = self.here(&Method::GET, &below, Value::Null)["body"].clone();
        let ticked = |line: &str| match line.contains(text) {
            true => line.replacen("- [ ]", "- [x]", 1),
            false => line.to_owned(),
        };
        let lines: Vec<String> = body.as_str().unwrap().split('\n').map(ticked).collect();
        // As a browser does.
        self.here(&Method::PATCH, &below, json!({"body": lines.join("\r\n")}));
    }

    fn open_as_person(&self, head: &str) -> u64 {
        let body = json!({"head": head, "base": "main", "title": "by hand"});
        let opened = self.by_person(&["pulls"], body);
        opened["number"].as_u64().unwrap()
    }

    fn set_label(&self, number: u64, label: &str) {
        let all = self.here(&Method::GET, &["labels"], Value::Null);
        let mut known = all.as_array().into_iter().flatten();
        let known = known.rfind(|known| known["name"] == label).cloned();
        let known = known.unwrap_or_else(|| {
            let body = json!({"name": label, "color": "#ededed"});
            self.here(&Method::POST, &["labels"], body)
        });
        let below = ["issues", &number.to_string(), "labels"];
        self.here(&Method::POST, &below, json!({"labels": [known["id"]]}));
    }

    fn set_status(&self, commit: CommitId, context: &str, state: CheckState) {
        let state = match state {
            CheckState::Pending => "pending",
            CheckState::Passing => "success",
            CheckState::Failing => "failure",
        };
        let body = json!({"context": context, "state": state});
        self.here(&Method::POST, &["statuses", &commit.to_string()], body);
    }

    fn protect(&self, branch: &str, rule: Rule) {
        let body = json!({
            "rule_name": branch,
            "branch_name": branch,
            "enable_push": false,
            "enable_status_check": !rule.checks.is_empty(),
            "status_check_contexts": rule.checks,
            "required_approvals": rule.approvals,
            "block_on_outdated_branch": rule.requires_up_to_date,
        });
        self.here(&Method::POST, &["branch_protections"], body);
    }

    fn open_from_fork(&self, branch: &str) {
        let body = json!({"organization": FORKS, "name": self.name});
        self.here(&Method::POST, &["forks"], body);
        let place = self.clone.git(&["remote", "get-url", "origin"]);
        let fork = place.replace(&format!("/{}/", self.account), &format!("/{FORKS}/"));
        self.clone.git(&["push", "-q", &fork, branch]);
        let body = json!({"head": format!("{FORKS}:{branch}"), "base": "main", "title": "fork"});
        self.here(&Method::POST, &["pulls"], body);
    }

    fn violations(&self) -> Vec<String> {
        Vec::new()
    }
}
