//! A forge with a memory: one model of the pull requests of one Git repository, and a face for
//! each forge's way to be asked. Heads, ancestry and merges are real, in a bare repository.

mod call;
mod description;
mod gitea;
pub mod github;
mod gitlab;
mod interruption;
mod merging;
mod model;
mod reviews;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use headwater::pull_request::MergeMethod;
use url::Url;

pub use call::Call;
use call::json;
pub use description::Description;
pub use interruption::{Interruption, Moment, What};
pub use model::{CheckState, Model, Pull, Rule, State};
pub use reviews::{Opinion, STRANGER};

use crate::support::scripted::{Reply, Scripted};

/// Which forge it behaves like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Gitea,
    Forgejo,
    GitHub,
    GitLab,
}

impl Kind {
    /// As the server file names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gitea => "gitea",
            Self::Forgejo => "forgejo",
            Self::GitHub => "github",
            Self::GitLab => "gitlab",
        }
    }

    /// Whether it takes a pull request for merged whose commits were pushed to the base.
    fn sees_merges(self) -> bool {
        match self {
            // By a setting that is off unless somebody sets it.
            Self::Gitea | Self::Forgejo => false,
            Self::GitHub | Self::GitLab => true,
        }
    }

    /// Those that a new repository allows.
    pub fn merge_methods(self) -> Vec<MergeMethod> {
        match self {
            Self::Gitea | Self::Forgejo | Self::GitHub => {
                vec![MergeMethod::Merge, MergeMethod::Squash, MergeMethod::Rebase]
            }
            // Rebasing is a project's own way of merging, and then it has no other.
            Self::GitLab => vec![MergeMethod::Merge, MergeMethod::Squash],
        }
    }

    /// Whether it opens none from a branch that has nothing new.
    fn refuses_empty(self) -> bool {
        !matches!(self, Self::Gitea | Self::Forgejo)
    }

    fn face(self) -> Box<dyn Face> {
        match self {
            Self::Gitea => Box::new(gitea::Gitea { version: "1.22.6" }),
            Self::Forgejo => Box::new(gitea::Gitea {
                version: "7.0.16+gitea-1.21.11",
            }),
            Self::GitHub => Box::new(github::GitHub),
            Self::GitLab => Box::new(gitlab::GitLab),
        }
    }
}

/// One forge's way to be asked.
trait Face: Send {
    /// Where its API begins, such as `/api/v1`.
    fn root(&self) -> &'static str;

    /// Whether whoever asks is let in.
    fn admits(&mut self, model: &Model, call: &Call) -> bool {
        call.token() == Some(model.token.as_str())
    }

    /// Where its faults are put.
    fn paths(&self) -> Paths;

    /// What of a request the forge's documentation does not know.
    fn faults(&self, _call: &Call) -> Vec<String> {
        Vec::new()
    }

    /// What it answers; None where this test forge plays no such operation.
    fn answer(&mut self, model: &mut Model, call: &Call) -> Option<Reply>;
}

/// How the paths end at which it is written.
#[derive(Clone, Copy, Debug)]
pub struct Paths {
    /// A `POST` opens one, a `GET` lists them.
    pub pulls: &'static str,
    /// The method beside it.
    pub merge: (&'static str, &'static str),
    /// A `POST` adds one.
    pub comments: &'static str,
}

/// What goes wrong once, with the next request that fits.
#[derive(Clone, Debug)]
pub struct Fault {
    pub method: &'static str,
    /// How the path ends, without the query.
    pub path: &'static str,
    pub what: Failure,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It is done, and the connection ends before an answer.
    AnswerLost,
    /// It is done, and a proxy says so with this status.
    DoneButStatus(u16),
    /// Nothing is done.
    Status(u16),
    /// 429 with `Retry-After` in seconds; nothing is done.
    Limited(u32),
}

/// A request and its answer.
#[derive(Clone, Debug)]
pub struct Seen {
    pub method: String,
    /// With the query.
    pub path: String,
    pub body: String,
    /// None where the connection ended before.
    pub status: Option<u16>,
}

/// A running test forge; gone when dropped.
pub struct TestForge {
    server: Scripted,
    root: &'static str,
    token: String,
    state: Arc<Mutex<Served>>,
}

struct Served {
    model: Model,
    face: Box<dyn Face>,
    faults: Vec<Fault>,
    interruption: Option<Interruption>,
    seen: Vec<Seen>,
    violations: Vec<String>,
}

impl TestForge {
    /// Serves `acme/shop` from a bare repository.
    pub fn start(kind: Kind, repository: &Path) -> Self {
        let model = Model::new(kind, repository);
        let face = kind.face();
        let (root, token) = (face.root(), model.token.clone());
        let state = Arc::new(Mutex::new(Served {
            model,
            face,
            faults: Vec::new(),
            interruption: None,
            seen: Vec::new(),
            violations: Vec::new(),
        }));
        let served = Arc::clone(&state);
        let server = Scripted::start(move |seen| answered(&served, &Call::of(seen, root)));
        state.lock().unwrap().model.web = server.url("");
        Self {
            server,
            root,
            token,
            state,
        }
    }

    /// The root of its API.
    pub fn api(&self) -> Url {
        self.server.url(self.root).parse().unwrap()
    }

    /// Of the account `headwater-bot`.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// To look, and to act as a person. Held only for one statement, or the forge cannot answer.
    pub fn model(&self) -> Acting<'_> {
        let mut served = self.state.lock().unwrap();
        served.model.follow_git();
        Acting(served)
    }

    pub fn paths(&self) -> Paths {
        self.state.lock().unwrap().face.paths()
    }

    pub fn fail_next(&self, method: &'static str, path: &'static str, what: Failure) {
        let fault = Fault { method, path, what };
        self.state.lock().unwrap().faults.push(fault);
    }

    /// What happens at one of the next writes, or that nothing does any more.
    pub fn interrupt(&self, interruption: Option<Interruption>) {
        self.state.lock().unwrap().interruption = interruption;
    }

    pub fn requests(&self) -> Vec<Seen> {
        self.state.lock().unwrap().seen.clone()
    }

    /// Those that may change something.
    pub fn writes(&self) -> Vec<Seen> {
        let requests = self.requests();
        // GitHub's GraphQL is asked by POST too.
        let is_question = |seen: &Seen| seen.body.starts_with("{\"query\":\"query");
        let is_write = |seen: &Seen| seen.method != "GET" && !is_question(seen);
        requests.into_iter().filter(is_write).collect()
    }

    /// Requests that the forge itself does not describe.
    pub fn violations(&self) -> Vec<String> {
        self.state.lock().unwrap().violations.clone()
    }
}

/// The model, for as long as it is looked at.
pub struct Acting<'a>(MutexGuard<'a, Served>);

impl std::ops::Deref for Acting<'_> {
    type Target = Model;

    fn deref(&self) -> &Model {
        &self.0.model
    }
}

impl std::ops::DerefMut for Acting<'_> {
    fn deref_mut(&mut self) -> &mut Model {
        &mut self.0.model
    }
}

fn answered(state: &Mutex<Served>, call: &Call) -> Reply {
    let serve = |failure| state.lock().unwrap().serve(call, failure);
    let is_write = call.method != "GET";
    let due = |interruption: &mut Interruption| is_write && interruption.is_due();
    let interruption = state.lock().unwrap().interruption.take_if(due);
    match interruption.map(|interruption| interruption.what) {
        None => serve(None),
        Some(What::Failure(failure)) => serve(Some(failure)),
        Some(What::Act(Moment::Before, act)) => match act() {
            true => serve(None),
            false => Reply::closed(),
        },
        Some(What::Act(Moment::After, act)) => {
            let reply = serve(None);
            act();
            reply
        }
    }
}

impl Served {
    fn serve(&mut self, call: &Call, failure_here: Option<Failure>) -> Reply {
        let fits = |fault: &Fault| {
            fault.method == call.method && call.path_without_query().ends_with(fault.path)
        };
        let fault = self.faults.iter().position(fits);
        let failure = fault.map(|place| self.faults.remove(place).what);
        let failure = failure.or(failure_here);
        let reply = match failure {
            Some(Failure::Status(status)) => json(status, &serde_json::json!({"message": "no"})),
            Some(Failure::Limited(seconds)) => {
                json(429, &serde_json::json!({"message": "too many requests"}))
                    .header("retry-after", &seconds.to_string())
            }
            Some(Failure::AnswerLost) => {
                self.answer(call);
                Reply::closed()
            }
            Some(Failure::DoneButStatus(status)) => {
                self.answer(call);
                Reply::status(status)
            }
            None => self.answer(call),
        };
        let date = jiff::fmt::rfc2822::DateTimePrinter::new()
            .timestamp_to_rfc9110_string(&self.model.now)
            .unwrap();
        let reply = reply.header("date", &date);
        self.seen.push(Seen {
            method: call.method.clone(),
            path: call.path.clone(),
            body: call.text.clone(),
            status: reply.code(),
        });
        reply
    }

    fn answer(&mut self, call: &Call) -> Reply {
        self.model.follow_git();
        self.violations.extend(self.face.faults(call));
        if !self.face.admits(&self.model, call) {
            return json(401, &serde_json::json!({"message": "bad credentials"}));
        }
        let reply = self.face.answer(&mut self.model, call);
        self.model.follow_git();
        reply.unwrap_or_else(|| {
            self.violations
                .push(format!("{} {}: not played here", call.method, call.path));
            json(404, &serde_json::json!({"message": "no such operation"}))
        })
    }
}
