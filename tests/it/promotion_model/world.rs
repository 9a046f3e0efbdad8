//! One run: the repository, the registry, the forge, the clock, and headwater's passes.

use git2::Oid;
use headwater::git::{Author, Repository, Signature};
use headwater::plan::Plan;
use headwater::plan::pull_request::Step;
use headwater::policy::OperatorPolicy;
use headwater::problem::{Problem, Severity};
use headwater::reconcile::{
    Cache, Hosting, Outcome, Pass, Planned, Prose, Publishing, Scope, apply,
};
use headwater::revision::{BranchName, CommitId};
use headwater::snapshot::Snapshot;
use jiff::Timestamp;
use tempfile::TempDir;

use crate::promotion_model::books::{Books, Cause};
use crate::promotion_model::images::Images;
use crate::promotion_model::memory_forge::MemoryForge;
use crate::promotion_model::oracle::{Oracle, Violation, broken};
use crate::promotion_model::random::Random;
use crate::promotion_model::setup::{Form, Freeze, NAMES, STREAMS, Setup};
use crate::promotion_model::site::Site;

/// Passes after which nothing may be left to do, as long as nothing happens.
const MAX_SETTLING: usize = 12;

pub struct World {
    pub setup: Setup,
    pub random: Random,
    pub site: Site,
    repository: Repository,
    pub cache: Cache,
    pub now: Timestamp,
    pub images: Images,
    pub forge: Option<MemoryForge>,
    pub books: Books,
    pub freezes: [Option<Freeze>; 3],
    /// What was done, newest last.
    pub log: Vec<String>,
    /// It has not looked at anything yet.
    pub is_forgetful: bool,
    pub passes: usize,
    pub merges: usize,
    _folder: TempDir,
}

type Plans = Vec<(Snapshot, Plan)>;

impl World {
    pub fn new(setup: Setup, random: Random) -> Self {
        let folder = TempDir::new().unwrap();
        let main: BranchName = "main".parse().unwrap();
        let repository = Repository::init_bare(folder.path(), &main).unwrap();
        let open = || Site {
            raw: git2::Repository::open_bare(folder.path()).unwrap(),
        };
        let now: Timestamp = "2026-09-01T08:00:00Z".parse().unwrap();
        let forge = setup.has_forge.then(|| MemoryForge::new(open(), now));
        let mut world = Self {
            site: open(),
            repository,
            cache: Cache::default(),
            now,
            images: Images::default(),
            forge,
            books: Books::default(),
            freezes: [None; 3],
            log: Vec::new(),
            is_forgetful: true,
            passes: 0,
            merges: 0,
            setup,
            random,
            _folder: folder,
        };
        world.begin();
        world
    }

    fn begin(&mut self) {
        let old = self.now.as_second() - 48 * 3600;
        for (stream, tags) in STREAMS {
            for tag in tags {
                let digest = self.images.make(Timestamp::from_second(old).ok());
                self.images.signed.insert(digest.clone());
                self.images.push(stream, tag, digest);
            }
        }
        let now = self.now.as_second();
        let mut files = vec![(
            "headwater.yaml".to_owned(),
            Some(self.setup.configuration(&self.freezes)),
        )];
        let own = |environment| {
            let files = self.setup.files(environment).into_iter();
            files
                .map(|(path, text)| (path, Some(text)))
                .collect::<Vec<_>>()
        };
        if self.setup.form == Form::Namespaces {
            files.extend((0..3).flat_map(own));
        }
        self.site.edit("main", &files, "begin", now);
        if self.setup.form != Form::Namespaces {
            let main = self.site.tip("main").unwrap();
            self.site.set("env/dev", main);
            self.site.edit("env/dev", &own(0), "the shop", now);
            let dev = self.site.tip("env/dev").unwrap();
            self.site.set("env/staging", dev);
            self.site.set("env/prod", dev);
        }
        self.books
            .observe(&self.site, &self.setup, Cause::Person, now);
    }

    pub fn second(&self) -> i64 {
        self.now.as_second()
    }

    pub fn oracle(&self) -> Oracle<'_> {
        Oracle {
            site: &self.site,
            setup: &self.setup,
            books: &self.books,
            images: &self.images,
            forge: self.forge.as_ref(),
            freezes: &self.freezes,
            now: self.second(),
        }
    }

    /// Writes down what somebody did to branches, and judges it.
    pub fn observe(&mut self, cause: Cause) -> Result<(), Violation> {
        let now = self.second();
        let new = self.books.observe(&self.site, &self.setup, cause, now);
        for (branch, number) in new {
            self.merges += usize::from(cause == Cause::Bot);
            self.oracle().entered(&branch, number)?;
        }
        Ok(())
    }

    /// Passes until nothing is left to do; each is judged.
    pub fn settle(&mut self) -> Result<(), Violation> {
        for round in 0..MAX_SETTLING {
            let is_unattended = self.random.chance(30);
            let before = self.site.branches("");
            let (plans, problems) = self.pass(is_unattended)?;
            let Some(plans) = plans else {
                // It says that nothing is left to do: that has to be so.
                let (plans, _) = self.plan(false);
                let plans = plans.unwrap();
                if plans.iter().any(|(_, plan)| !writes_nothing(plan)) {
                    return broken("quiet", "a quiet pass left something to do".to_owned());
                }
                continue;
            };
            // The forge may have merged what was open already.
            let is_same = self.site.branches("") == before;
            if is_same && plans.iter().all(|(_, plan)| writes_nothing(plan)) {
                return self.is_complete(&plans, &problems);
            }
            if round + 1 == MAX_SETTLING {
                let texts: Vec<String> = plans.iter().map(|(_, plan)| plan.to_string()).collect();
                return broken("settled", texts.join("\n"));
            }
        }
        Ok(())
    }

    fn plan(&mut self, is_unattended: bool) -> (Option<Plans>, Vec<Problem>) {
        let operator = OperatorPolicy::default();
        let hosting = self.forge.as_ref().map(|forge| Hosting {
            forge,
            marker_key: None,
        });
        let images = &self.images;
        let mut pass = Pass {
            repository: &self.repository,
            cache: &mut self.cache,
            operator: &operator,
            ask: &mut |questions| images.answer(questions),
            hosting: hosting.as_ref(),
            prose: Some(Prose {
                facts: &mut |lookups| vec![None; lookups.len()],
                forges: Vec::new(),
            }),
            now: self.now,
        };
        let scope = Scope {
            is_unattended,
            ..Scope::default()
        };
        let (planned, problems) = pass.plan(&scope).unwrap();
        let plans: Option<Plans> = planned
            .into_iter()
            .map(|planned| match planned {
                Planned::Plan(planned) => Some(*planned),
                Planned::Quiet(_) => None,
            })
            .collect();
        (plans, problems)
    }

    /// One pass, applied and judged; no plans where it is a quiet one.
    fn pass(&mut self, is_unattended: bool) -> Result<(Option<Plans>, Vec<Problem>), Violation> {
        self.passes += 1;
        if std::mem::take(&mut self.is_forgetful) && self.forge.is_none() {
            self.books.forget_entering(&self.setup);
        }
        let before = self.site.branches("headwater/");
        let (plans, problems) = self.plan(is_unattended);
        let Some(mut plans) = plans else {
            return Ok((None, problems));
        };
        if plans
            .iter()
            .flat_map(|(_, plan)| &plan.problems)
            .chain(&problems)
            .any(is_defect)
        {
            let (_, plan) = plans
                .iter()
                .find(|(_, plan)| plan.problems.iter().any(is_defect))
                .unwrap();
            return broken("defect", plan.to_string());
        }
        let was_empty = plans.iter().all(|(_, plan)| writes_nothing(plan));
        let refs = self.site.branches("");
        self.apply(&mut plans)?;
        self.observe(Cause::Bot)?;
        if was_empty && !self.has_automerge() && self.site.branches("") != refs {
            return broken("empty", "an empty plan moved a branch".to_owned());
        }
        for (branch, head) in self.site.branches("headwater/") {
            let old: Option<Oid> = before.get(&branch).copied();
            if old != Some(head) {
                self.log.push(format!("  {branch} is at {head}"));
                self.oracle().proposed(&branch, old, head)?;
            }
        }
        Ok((Some(plans), problems))
    }

    fn has_automerge(&self) -> bool {
        self.setup.automerge.iter().any(|it| *it)
    }

    fn apply(&mut self, plans: &mut Plans) -> Result<(), Violation> {
        let author = Author {
            signature: Signature {
                name: "headwater".to_owned(),
                email: "headwater@example.org".to_owned(),
            },
            key: None,
        };
        let hosting = self.forge.as_ref().map(|forge| Hosting {
            forge,
            marker_key: None,
        });
        let repository = &self.repository;
        let push = |branch: &BranchName, expected, new| repository.push(branch, expected, new);
        let mut tips: Vec<(BranchName, CommitId)> = Vec::new();
        for (snapshot, plan) in plans {
            let own = tips
                .iter()
                .rev()
                .find(|(branch, _)| *branch == snapshot.branch);
            if let Some((_, tip)) = own {
                snapshot.commit = *tip;
            }
            let applied = apply(
                repository,
                &push,
                snapshot,
                plan,
                &author,
                hosting.as_ref(),
                self.now,
            );
            for done in &applied.branches {
                match &done.outcome {
                    Outcome::Kept | Outcome::Done => {}
                    // Another environment's commit came first: the next pass plans on it.
                    Outcome::Failed(headwater::git::Error::Stale { .. }) => {}
                    outcome => {
                        let text = format!("{} {}: {outcome:?}", done.what, done.branch);
                        return broken("applied", text);
                    }
                }
                if done.what == "commit" && matches!(done.outcome, Outcome::Done) {
                    self.log
                        .push(format!("  {} is at {:?}", done.branch, done.commit));
                    tips.extend(done.commit.map(|commit| (done.branch.clone(), commit)));
                }
            }
            for done in &applied.pull_requests {
                match &done.what {
                    Publishing::Failed { what, error } => {
                        return broken("published", format!("{what}: {error}"));
                    }
                    Publishing::Merged => self.log.push(format!("  {} is merged", done.branch)),
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// Whatever the source has and the target has not is proposed, or something says why not.
    fn is_complete(&self, plans: &Plans, problems: &[Problem]) -> Result<(), Violation> {
        for (environment, name) in NAMES.iter().enumerate() {
            let Some((_, plan)) = plans
                .iter()
                .find(|(_, plan)| plan.environment.name.as_str() == *name)
            else {
                return broken("planned", format!("{name} is not planned: {problems:?}"));
            };
            let is_error = |problem: &&Problem| problem.severity == Severity::Error;
            let mut errors = plan.problems.iter().chain(problems).filter(is_error);
            if errors.next().is_some() {
                continue;
            }
            for ((stream, tag), image) in self.oracle().missing(environment) {
                let mut waiting = plan.waiting.iter();
                let has_reason = waiting
                    .any(|waiting| waiting.tag.stream.name == stream && waiting.tag.tag == tag);
                if !has_reason {
                    let text = format!(
                        "{name} has not {image} of {stream}:{tag}, and nothing says why:\n{plan}"
                    );
                    return broken("complete", text);
                }
            }
        }
        Ok(())
    }
}

fn is_defect(problem: &Problem) -> bool {
    problem.to_string().contains("defect of headwater")
}

/// Whether a pass is over with it; a merge that the forge does not make yet is asked for again.
fn writes_nothing(plan: &Plan) -> bool {
    let is_kept = |proposal: &headwater::plan::Proposal| {
        let is_there = matches!(proposal.action, headwater::plan::Action::Keep { .. });
        let mut publication = proposal.pull_request.iter();
        is_there && publication.all(|it| matches!(it.step, Step::Keep(_)))
    };
    plan.obsolete.is_empty()
        && plan.ends.is_empty()
        && plan.remarks.is_empty()
        && plan.proposals.iter().all(is_kept)
}
