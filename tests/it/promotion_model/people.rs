//! What people do, at random.

use git2::Oid;
use headwater::git::{Author, Signature};
use headwater::image::Digest;
use headwater::pull_request::{Checks, State};
use headwater::reconcile::{Cache, close};
use headwater::revision::BranchName;
use jiff::{SignedDuration, Timestamp};

use crate::promotion_model::books::{Cause, Closing, Image};
use crate::promotion_model::memory_forge::id;
use crate::promotion_model::oracle::Violation;
use crate::promotion_model::setup::{HOUR, KEYS, Lie, NAMES, STREAMS};
use crate::promotion_model::site::{PERSON, Way};
use crate::promotion_model::world::World;

impl World {
    /// One step; then, now and then, passes until nothing is left to do.
    pub fn step(&mut self) -> Result<(), Violation> {
        let number = self.log.len();
        match self.random.below(100) {
            0..14 => self.push_image(),
            14..24 => self.edit(),
            24..42 => self.merge()?,
            42..46 => self.close_one(),
            46..52 => self.revert()?,
            52..58 => self.hold()?,
            58..61 => self.freeze(),
            61..80 => self.wait(),
            80..87 => self.check(),
            87..92 => self.approve(),
            92..95 => self.sign(),
            95..97 => self.reopen(),
            _ => self.restart(),
        }
        if self.log.len() == number {
            self.log.push("nothing".to_owned());
        }
        self.observe(Cause::Person)?;
        if self.random.chance(15) {
            self.settle()?;
        }
        Ok(())
    }

    fn say(&mut self, text: &str) {
        self.log.push(format!("{} {text}", self.now));
    }

    fn any_tag(&mut self) -> (&'static str, &'static str) {
        let (stream, tags) = self.random.pick(&STREAMS).unwrap();
        (stream, self.random.pick(tags).unwrap())
    }

    /// A new image, old enough and signed.
    pub fn pushes(&mut self, stream: &str, tag: &str) {
        let digest = self.images.make(Timestamp::from_second(0).ok());
        self.images.signed.insert(digest.clone());
        self.images.push(stream, tag, digest);
    }

    /// A person's commit beside all images.
    pub fn edits(&mut self, environment: usize) {
        let (branch, now) = (self.setup.branch(environment), self.second());
        let path = format!("{}notes/one.txt", self.setup.folder(environment));
        let file = (path, Some("a note\n".to_owned()));
        self.site.edit(&branch, &[file], "a note", now);
        self.observe(Cause::Person).unwrap();
    }

    /// What the check of the newest commit says.
    pub fn check_tip(&mut self, environment: usize, state: Checks) {
        let tip = self.site.tip(&self.setup.branch(environment)).unwrap();
        let forge = self.forge.as_ref().unwrap();
        forge.checks.borrow_mut().insert(id(tip), state);
    }

    pub fn waits(&mut self, minutes: i64) {
        self.now += SignedDuration::from_mins(minutes);
        if let Some(forge) = &self.forge {
            forge.now.set(self.now);
        }
    }

    fn push_image(&mut self) {
        let (stream, tag) = self.any_tag();
        let older: Vec<Digest> = self.images.history(stream, tag).to_vec();
        let digest = if self.random.chance(12) {
            self.random.pick(&older).unwrap()
        } else {
            let age = i64::try_from(self.random.below(8)).unwrap() * HOUR;
            let created = Timestamp::from_second(self.second() - age).ok();
            let is_silent = self.random.chance(4);
            self.images.make(created.filter(|_| !is_silent))
        };
        if self.random.chance(50) {
            self.images.signed.insert(digest.clone());
        }
        self.say(&format!("{stream}:{tag} is pushed as {digest}"));
        self.images.push(stream, tag, digest);
    }

    fn sign(&mut self) {
        let all: Vec<Digest> = self.images.created.keys().cloned().collect();
        let digest = self.random.pick(&all).unwrap();
        self.say(&format!("{digest} is signed"));
        self.images.signed.insert(digest);
    }

    fn edit(&mut self) {
        let environment = self.random.pick(&[0, 0, 0, 1, 2]).unwrap();
        let (branch, folder) = (
            self.setup.branch(environment),
            self.setup.folder(environment),
        );
        let tip = self.site.tip(&branch).unwrap();
        let number = self.log.len();
        let (path, text) = match self.random.below(10) {
            0..5 => {
                let path = format!("{folder}apps/settings.yaml");
                let key = format!("key{}: ", self.random.below(KEYS));
                let Some(text) = self.site.file(tip, &path) else {
                    return;
                };
                (
                    path,
                    Some(with_line(&text, &key, &format!("{key}{number}"))),
                )
            }
            5..7 => {
                let path = format!("{folder}apps/web.yaml");
                let Some(text) = self.site.file(tip, &path) else {
                    return;
                };
                let line = format!("  replicas: {}", 1 + self.random.below(9));
                (path, Some(with_line(&text, "  replicas: ", &line)))
            }
            7 => {
                let path = format!("{folder}streams/web.yaml");
                let Some(text) = self.site.file(tip, &path) else {
                    return;
                };
                (
                    path,
                    Some(with_line(
                        &text,
                        "    team: ",
                        &format!("    team: shop{number}"),
                    )),
                )
            }
            8 => {
                let files = self.site.files(tip);
                let prefix = format!("{folder}notes/");
                let notes: Vec<&String> = files
                    .keys()
                    .filter(|path| path.starts_with(&prefix))
                    .collect();
                match self.random.pick(&notes) {
                    Some(note) => (note.clone(), None),
                    None => return,
                }
            }
            _ => (
                format!("{folder}notes/{number}.txt"),
                Some(format!("note {number}\n")),
            ),
        };
        self.say(&format!("{PERSON} edits {path} of {}", NAMES[environment]));
        let now = self.second();
        self.site.edit(&branch, &[(path, text)], "an edit", now);
    }

    /// Bot branches that are no tombstones, with the number of their environment.
    fn open_branches(&self) -> Vec<(String, Oid, usize)> {
        let branches = self.site.branches("headwater/").into_iter();
        let open = branches.filter(|(name, head)| match &self.forge {
            Some(forge) => forge.open_of(name).is_some(),
            None => !self.site.message(*head).contains("Headwater-Closed: "),
        });
        open.filter_map(|(name, head)| {
            let own = NAMES
                .iter()
                .position(|one| name.split('/').nth(1) == Some(*one))?;
            Some((name, head, own))
        })
        .collect()
    }

    fn merge(&mut self) -> Result<(), Violation> {
        let open = self.open_branches();
        let Some((branch, head, environment)) = self.random.pick(&open) else {
            return Ok(());
        };
        let ways = [
            Way::Merge,
            Way::SquashWithTrailers,
            Way::SquashWithout,
            Way::Rebase,
        ];
        let way = self.random.pick(&ways).unwrap();
        self.merge_branch(&branch, head, environment, way)
    }

    fn merge_branch(
        &mut self,
        branch: &str,
        head: Oid,
        environment: usize,
        way: Way,
    ) -> Result<(), Violation> {
        let base = self.setup.branch(environment);
        let now = self.second();
        let is_done = match &self.forge {
            Some(forge) => forge.merge_as(forge.open_of(branch).unwrap().number, way),
            None => self.site.merge(&base, head, way, now).is_some(),
        };
        self.say(&format!("{PERSON} merges {branch} by {way:?}: {is_done}"));
        if is_done && self.random.chance(70) {
            self.site.delete(branch);
        }
        self.observe(Cause::Person)
    }

    /// Merges the bot branch of this name.
    pub fn merges(&mut self, branch: &str) -> Result<(), Violation> {
        let open = self.open_branches().into_iter();
        let (name, head, environment) = open.into_iter().find(|it| it.0 == branch).unwrap();
        self.merge_branch(&name, head, environment, Way::Merge)
    }

    /// Closes the bot branch of this name, or its pull request.
    pub fn closes(&mut self, branch: &str) {
        let open = self.open_branches().into_iter();
        let (name, head, environment) = open.into_iter().find(|it| it.0 == branch).unwrap();
        self.close_branch(&name, head, environment);
    }

    fn close_one(&mut self) {
        let open = self.open_branches();
        let Some((branch, head, environment)) = self.random.pick(&open) else {
            return;
        };
        self.close_branch(&branch, head, environment);
    }

    fn close_branch(&mut self, branch: &str, head: Oid, environment: usize) {
        let parent = self.site.parents(head)[0];
        let (before, after) = (self.oracle().state(parent), self.oracle().state(head));
        let images = self.books.moved(&self.setup, environment, &before, &after);
        let tombstone = match &self.forge {
            Some(forge) => {
                forge.close_as_person(forge.open_of(branch).unwrap().number);
                if self.random.chance(50) {
                    self.site.delete(branch);
                }
                None
            }
            None => {
                if images.is_empty() {
                    return;
                }
                self.leave_tombstone(branch, environment);
                Some(branch.to_owned())
            }
        };
        self.say(&format!("{PERSON} closes {branch} with {images:?}"));
        self.books.closings.push(Closing {
            environment,
            images: images.into_iter().collect(),
            tombstone,
        });
    }

    fn leave_tombstone(&self, branch: &str, environment: usize) {
        let author = Author {
            signature: Signature {
                name: PERSON.to_owned(),
                email: "ada@example.org".to_owned(),
            },
            key: None,
        };
        let name: BranchName = branch.parse().unwrap();
        let target: BranchName = self.setup.branch(environment).parse().unwrap();
        let repository = headwater::git::Repository::open_local(self.site.raw.path()).unwrap();
        close(&repository, &name, &target, &author, self.now).unwrap();
    }

    /// What was closed may be proposed again.
    fn reopen(&mut self) {
        let count = self.books.closings.len();
        if count == 0 {
            return;
        }
        let number = self.random.below(count);
        let closing = self.books.closings[number].clone();
        match closing.tombstone {
            Some(branch) => {
                if self.site.tip(&branch).is_some() {
                    self.site.delete(&branch);
                }
                self.say(&format!("{PERSON} deletes {branch}"));
            }
            None => return,
        }
        self.books.closings.remove(number);
    }

    /// Reverts one of the newest commits of an environment that moved images.
    fn revert(&mut self) -> Result<(), Violation> {
        let environment = self.random.below(3);
        let branch = self.setup.branch(environment);
        let entries = &self.books.lines[&branch].entries;
        let mut found = Vec::new();
        for pair in entries.windows(2).rev().take(8) {
            let moved = self
                .books
                .moved(&self.setup, environment, &pair[0].state, &pair[1].state);
            if !moved.is_empty() {
                found.push((pair[1].commit, pair[1].cause));
            }
        }
        let Some((commit, was)) = found.first().copied() else {
            return Ok(());
        };
        if self.setup.lie == Some(Lie::Source) && was != Cause::Revert && environment < 2 {
            return self.pretend_revert(environment, commit);
        }
        let now = self.second();
        if self.site.revert(&branch, commit, now) {
            self.say(&format!(
                "{PERSON} reverts {commit} of {}",
                NAMES[environment]
            ));
            self.observe(match was {
                Cause::Revert => Cause::Person,
                _ => Cause::Revert,
            })?;
        }
        Ok(())
    }

    fn pretend_revert(&mut self, environment: usize, commit: Oid) -> Result<(), Violation> {
        let line = &self.books.lines[&self.setup.branch(environment)];
        let number = line.number(commit).unwrap();
        let (before, after) = (&line.entries[number - 1], &line.entries[number]);
        let moved = self
            .books
            .moved(&self.setup, environment, &before.state, &after.state);
        self.say(&format!(
            "{PERSON} is said to revert {moved:?} of {}",
            NAMES[environment]
        ));
        self.books.hidden_reverts[environment].extend(moved);
        Ok(())
    }

    fn hold(&mut self) -> Result<(), Violation> {
        let environment = self.random.below(3);
        let (stream, tag) = self.any_tag();
        let (branch, folder) = (
            self.setup.branch(environment),
            self.setup.folder(environment),
        );
        let path = format!("{folder}streams/{stream}.yaml");
        let tip = self.site.tip(&branch).unwrap();
        let Some(text) = self.site.file(tip, &path) else {
            return Ok(());
        };
        let has_hold = |text: &str| {
            let mut lines = text.lines().skip_while(|line| !is_tag(line, tag));
            let own = lines.by_ref().take(4);
            own.into_iter()
                .any(|line| line.contains("headwater.dev/hold"))
        };
        let after = if has_hold(&text) {
            without_hold(&text, tag)
        } else {
            let rejected = self.rejected(environment, stream, tag);
            let until = self.random.chance(40).then(|| self.second() + 30 * HOUR);
            if self.setup.lie == Some(Lie::Hold) {
                let image: Option<Image> =
                    rejected.map(|it| ((stream.to_owned(), tag.to_owned()), it));
                self.books.hidden_holds[environment].extend(image);
                return Ok(());
            }
            let mut hold = serde_json::json!({"environment": NAMES[environment], "by": "ada"});
            if let Some(rejected) = rejected {
                hold["rejected"] = rejected.into();
            }
            if let Some(until) = until {
                hold["until"] = Timestamp::from_second(until).unwrap().to_string().into();
            }
            with_hold(&text, tag, &hold.to_string())
        };
        self.say(&format!(
            "{PERSON} holds or releases {stream}:{tag} of {}",
            NAMES[environment]
        ));
        let now = self.second();
        self.site
            .edit(&branch, &[(path, Some(after))], "a hold", now);
        Ok(())
    }

    /// The image that a hold is against: that of the environment or of its source; none: any.
    fn rejected(&mut self, environment: usize, stream: &str, tag: &str) -> Option<String> {
        let of = match self.random.below(3) {
            0 => return None,
            1 => environment,
            _ => environment.saturating_sub(1),
        };
        let tip = self.books.line(&self.setup, of).tip()?;
        let newest = self.books.newest(&self.setup, of, &tip.state);
        newest.get(&(stream.to_owned(), tag.to_owned())).cloned()
    }

    fn freeze(&mut self) {
        let environment = self.random.below(3);
        let now = self.second();
        self.freezes[environment] = match self.freezes[environment] {
            Some(_) => None,
            None => {
                let from = now + i64::try_from(self.random.below(3)).unwrap() * HOUR;
                let length = 6 + i64::try_from(self.random.below(60)).unwrap();
                Some((from, self.random.chance(70).then_some(from + length * HOUR)))
            }
        };
        let text = self.setup.configuration(&self.freezes);
        self.say(&format!(
            "{PERSON} freezes or thaws {}: {:?}",
            NAMES[environment], self.freezes[environment]
        ));
        let file = ("headwater.yaml".to_owned(), Some(text));
        self.site.edit("main", &[file], "a freeze", now);
    }

    fn wait(&mut self) {
        let minutes = match self.random.below(4) {
            0 => self.random.below(10),
            1 => 10 + self.random.below(120),
            2 => 60 + self.random.below(600),
            _ => 600 + self.random.below(3000),
        };
        self.waits(i64::try_from(minutes).unwrap());
        self.say(&format!("{minutes} minutes pass"));
    }

    /// A check ends on one of the newest commits of a source, or of all that have none yet.
    fn check(&mut self) {
        let environment = self.random.below(2);
        let entries = &self.books.line(&self.setup, environment).entries;
        let newest: Vec<Oid> = entries.iter().rev().take(6).map(|it| it.commit).collect();
        let states = [
            Checks::Passing,
            Checks::Passing,
            Checks::Failing,
            Checks::Pending,
        ];
        let state = self.random.pick(&states).unwrap();
        let is_all = self.random.chance(50);
        let one = self.random.pick(&newest).unwrap();
        let Some(forge) = &self.forge else { return };
        let mut checks = forge.checks.borrow_mut();
        for commit in newest {
            if is_all {
                checks.entry(id(commit)).or_insert(state);
            } else if commit == one {
                checks.insert(id(commit), state);
            }
        }
        drop(checks);
        self.say(&format!(
            "checks of {}: {state:?}, all: {is_all}",
            NAMES[environment]
        ));
    }

    fn approve(&mut self) {
        let Some(forge) = &self.forge else { return };
        let all = forge.all.borrow();
        let open: Vec<_> = all.iter().filter(|one| one.state == State::Open).collect();
        let Some(found) = self.random.pick(&open) else {
            return;
        };
        let (number, name) = (found.number, found.head.to_string());
        drop(all);
        let Some(head) = self.site.tip(&name) else {
            return;
        };
        let mut approved = forge.approved.borrow_mut();
        let own = approved.entry(number).or_default();
        if self.random.chance(20) {
            own.clear();
        } else {
            let account = self.random.pick(&["grace", "edsger", "barbara"]).unwrap();
            own.insert(account.to_owned(), id(head));
        }
        let text = format!("{name} is approved by {:?}", own.keys());
        drop(approved);
        self.say(&text);
    }

    fn restart(&mut self) {
        self.say("headwater loses its cache");
        self.cache = Cache::default();
        self.is_forgetful = true;
    }
}

/// The first line that begins with `start`, as `line`.
fn with_line(text: &str, start: &str, line: &str) -> String {
    let mut is_done = false;
    let lines = text.lines().map(|old| {
        if !is_done && old.starts_with(start) {
            is_done = true;
            return format!("{line}\n");
        }
        format!("{old}\n")
    });
    lines.collect()
}

fn is_tag(line: &str, tag: &str) -> bool {
    line.trim() == format!("- name: \"{tag}\"")
}

fn with_hold(text: &str, tag: &str, hold: &str) -> String {
    let mut is_next = false;
    let mut after = String::new();
    for line in text.lines() {
        after.push_str(&format!("{line}\n"));
        is_next |= is_tag(line, tag);
        if is_next && line.trim() == "team: shop" {
            after.push_str(&format!("        headwater.dev/hold: '{hold}'\n"));
            is_next = false;
        }
    }
    after
}

fn without_hold(text: &str, tag: &str) -> String {
    let mut is_own = false;
    let lines = text.lines().filter(|line| {
        if line.trim_start().starts_with("- name: ") {
            is_own = is_tag(line, tag);
        }
        !(is_own && line.contains("headwater.dev/hold"))
    });
    lines.map(|line| format!("{line}\n")).collect()
}
