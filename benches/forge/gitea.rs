//! As much of a Gitea as headwater asks for: pull requests and labels of one repository. A page
//! takes the time of writing its JSON, which at a real one takes longer.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::{Value, json};

use crate::support::scripted::{Reply, Scripted, Seen};

const ROOT: &str = "/api/v1";
const REPOSITORY: &str = "/api/v1/repos/acme/shop";
/// What Gitea gives at most.
const PAGE: usize = 50;

/// A running one, for as long as the benchmark runs.
pub struct Gitea {
    server: Scripted,
    state: Arc<Mutex<State>>,
}

struct State {
    repository: PathBuf,
    /// Each as it is shown; the number is the place, from 1.
    pulls: Vec<Value>,
    labels: Vec<Value>,
    /// What it does not play.
    unknown: Vec<String>,
}

impl Gitea {
    pub fn start(repository: &Path) -> Self {
        let state = Arc::new(Mutex::new(State {
            repository: repository.to_owned(),
            pulls: Vec::new(),
            labels: Vec::new(),
            unknown: Vec::new(),
        }));
        let served = Arc::clone(&state);
        let server = Scripted::start(move |seen| {
            let mut state = served.lock().unwrap();
            state.answer(seen).unwrap_or_else(|| {
                state.unknown.push(format!("{} {}", seen.method, seen.path));
                reply(404, &json!({"message": "not played here"}))
            })
        });
        Self { server, state }
    }

    /// `127.0.0.1:<port>`
    pub fn host(&self) -> String {
        self.server.host()
    }

    pub fn api(host: &str) -> String {
        format!("http://{host}{ROOT}")
    }

    pub fn open(&self) -> usize {
        let state = self.state();
        let open = state.pulls.iter().filter(|pull| pull["state"] == "open");
        open.count()
    }

    /// As somebody merges them all.
    pub fn end_all(&self) {
        for pull in &mut self.state().pulls {
            pull["state"] = "closed".into();
            pull["merged"] = true.into();
            // Its branch is gone.
            pull["head"]["ref"] = format!("refs/pull/{}/head", pull["number"]).into();
        }
    }

    /// `count` that somebody closed, from branches that are gone, with the texts of one that
    /// headwater made; `branch` gives the name by the number.
    pub fn add_closed(&self, count: usize, branch: impl Fn(usize) -> String) {
        let mut state = self.state();
        let pattern = state.pulls[0].clone();
        for _ in 0..count {
            let number = state.pulls.len() + 1;
            let mut pull = pattern.clone();
            pull["number"] = number.into();
            pull["state"] = "closed".into();
            pull["merged"] = false.into();
            pull["head"]["label"] = branch(number).into();
            pull["head"]["ref"] = format!("refs/pull/{number}/head").into();
            state.pulls.push(pull);
        }
    }

    /// What was asked and is not played: nothing, or the figures are wrong.
    pub fn unknown(&self) -> Vec<String> {
        self.state().unknown.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl State {
    fn answer(&mut self, seen: &Seen) -> Option<Reply> {
        let (path, query) = seen.path.split_once('?').unwrap_or((&seen.path, ""));
        let query: HashMap<_, _> = url::form_urlencoded::parse(query.as_bytes()).collect();
        let query = |name: &str| query.get(name).map_or("", |value| value.as_ref());
        let body: Value = serde_json::from_str(&seen.body).unwrap_or_default();
        let below: Vec<&str> = path.strip_prefix(REPOSITORY)?.split('/').skip(1).collect();
        Some(match (seen.method.as_str(), below.as_slice()) {
            ("GET", ["pulls"]) => {
                let is_wanted =
                    |pull: &&Value| query("state") == "all" || pull["state"] == query("state");
                let mut wanted: Vec<&Value> = self.pulls.iter().filter(is_wanted).collect();
                if query("sort") != "oldest" {
                    wanted.reverse();
                }
                page(&wanted, query("page"), query("limit"))
            }
            ("GET", ["labels"]) => page(
                &self.labels.iter().collect::<Vec<_>>(),
                query("page"),
                query("limit"),
            ),
            ("POST", ["labels"]) => {
                let id = self.labels.len() + 1;
                let label = json!({"id": id, "name": body["name"], "color": body["color"]});
                self.labels.push(label.clone());
                reply(201, &label)
            }
            ("POST", ["pulls"]) => reply(201, &self.create(&body)?),
            ("GET", ["pulls", number]) => reply(200, self.find(number)?),
            ("PATCH", ["pulls", number]) => {
                let pull = self.find(number)?;
                for (name, value) in body.as_object()? {
                    pull[name] = value.clone();
                }
                reply(201, pull)
            }
            _ => return None,
        })
    }

    fn find(&mut self, number: &str) -> Option<&mut Value> {
        let place = number.parse::<usize>().ok()?.checked_sub(1)?;
        self.pulls.get_mut(place)
    }

    fn create(&mut self, body: &Value) -> Option<Value> {
        let number = self.pulls.len() + 1;
        let ids: Vec<u64> = body["labels"]
            .as_array()?
            .iter()
            .flat_map(Value::as_u64)
            .collect();
        let is_set = |label: &&Value| label["id"].as_u64().is_some_and(|id| ids.contains(&id));
        let labels: Vec<&Value> = self.labels.iter().filter(is_set).collect();
        let git = git2::Repository::open(&self.repository).unwrap();
        let commit = |branch: &Value| {
            let name = format!("refs/heads/{}", branch.as_str()?);
            Some(git.refname_to_id(&name).ok()?.to_string())
        };
        let side = |branch: &Value| {
            Some(json!({"label": branch, "ref": branch, "sha": commit(branch)?, "repo_id": 1}))
        };
        let pull = json!({
            "id": 1000 + number,
            "number": number,
            "html_url": format!("https://forge.example/acme/shop/pulls/{number}"),
            "state": "open",
            "merged": false,
            "mergeable": true,
            "title": body["title"],
            "body": body["body"],
            "draft": false,
            "user": {"id": 1, "login": "headwater-bot"},
            "labels": labels,
            "head": side(&body["head"])?,
            "base": side(&body["base"])?,
            "created_at": "2026-08-23T07:40:00Z",
        });
        self.pulls.push(pull.clone());
        Some(pull)
    }
}

fn page(items: &[&Value], number: &str, size: &str) -> Reply {
    let number: usize = number.parse().unwrap_or(1);
    let size = size.parse().unwrap_or(PAGE).min(PAGE);
    let items_of_page: Vec<&&Value> = items.iter().skip((number - 1) * size).take(size).collect();
    reply(200, &json!(items_of_page)).header("x-total-count", &items.len().to_string())
}

fn reply(status: u16, value: &Value) -> Reply {
    Reply::status(status)
        .header("content-type", "application/json;charset=utf-8")
        .body(value.to_string())
}
