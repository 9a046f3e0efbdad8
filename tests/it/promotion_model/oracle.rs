//! What must hold after every step, judged by the books alone.

use std::collections::BTreeSet;
use std::rc::Rc;

use git2::Oid;

use crate::promotion_model::books::{Books, Cause, Image, Line};
use crate::promotion_model::images::Images;
use crate::promotion_model::memory_forge::{MemoryForge, id};
use crate::promotion_model::setup::{Form, Freeze, NAMES, Setup, Soaking, is_window_open};
use crate::promotion_model::site::Site;
use crate::promotion_model::tree::State;

/// A rule that was broken.
#[derive(Clone, Debug)]
pub struct Violation {
    pub rule: &'static str,
    pub text: String,
}

pub fn broken<T>(rule: &'static str, text: String) -> Result<T, Violation> {
    Err(Violation { rule, text })
}

/// Everything that the oracle may look at.
pub struct Oracle<'a> {
    pub site: &'a Site,
    pub setup: &'a Setup,
    pub books: &'a Books,
    pub images: &'a Images,
    pub forge: Option<&'a MemoryForge>,
    pub freezes: &'a [Option<Freeze>; 3],
    pub now: i64,
}

/// What a bot's commit says that it promotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Promoted {
    pub from: usize,
    pub commit: Oid,
}

pub fn promoted(message: &str) -> Option<Promoted> {
    let value = |key: &str| {
        let mut lines = message.lines().rev();
        lines.find_map(|line| line.strip_prefix(key)).map(str::trim)
    };
    let from = value("Promoted-From: ")?;
    Some(Promoted {
        from: NAMES.iter().position(|name| *name == from)?,
        commit: value("Promoted-Commit: ")?.parse().ok()?,
    })
}

impl Oracle<'_> {
    /// A commit's own promotion, or that of the branch that it merges.
    pub fn promotion_of(&self, commit: Oid) -> Option<Promoted> {
        let own = promoted(&self.site.message(commit));
        own.or_else(|| {
            let second = self.site.parents(commit).get(1).copied()?;
            promoted(&self.site.message(second))
        })
    }

    /// Of every new commit of an environment's branch.
    pub fn entered(&self, branch: &str, number: usize) -> Result<(), Violation> {
        let entry = &self.books.lines[branch].entries[number];
        for environment in (0..3).filter(|one| self.setup.branch(*one) == branch) {
            self.has_been_in_source(environment, &entry.state)?;
            let Some(before) = number.checked_sub(1) else {
                continue;
            };
            if entry.cause != Cause::Bot {
                continue;
            }
            let before = &self.books.lines[branch].entries[before];
            let moved = self
                .books
                .moved(self.setup, environment, &before.state, &entry.state);
            let of_environment = |promoted: &Promoted| promoted.from + 1 == environment;
            let promoted = self.promotion_of(entry.commit).filter(of_environment);
            if moved.is_empty() && promoted.is_none() {
                continue;
            }
            self.may_choose(environment, promoted.as_ref(), &moved)?;
            self.may_merge(environment, entry.commit)?;
            self.carries(
                environment,
                promoted.as_ref(),
                &before.state,
                &entry.state,
                &moved,
            )?;
        }
        Ok(())
    }

    /// No image is in a target that its source never had.
    fn has_been_in_source(&self, environment: usize, state: &State) -> Result<(), Violation> {
        let Some(source) = environment.checked_sub(1) else {
            return Ok(());
        };
        let line = self.books.line(self.setup, source);
        let namespaces = (
            self.setup.namespace(environment),
            self.setup.namespace(source),
        );
        let recorded = state
            .recorded
            .iter()
            .flat_map(|(name, images)| images.first().map(|image| (name.clone(), image.clone())));
        let pinned = state
            .pinned
            .iter()
            .map(|(name, image)| (name.clone(), image.clone()));
        for (mut name, image) in recorded.chain(pinned) {
            if name.0 != namespaces.0 {
                continue;
            }
            name.0.clone_from(&namespaces.1);
            let mut entries = line.entries.iter().rev();
            if !entries.any(|entry| entry.state.newest(&name) == Some(&image)) {
                let text = format!(
                    "{} has {image} at {name:?}, and {} never had it",
                    NAMES[environment], NAMES[source]
                );
                return broken("sameBytes", text);
            }
        }
        Ok(())
    }

    /// The gates that choose, at this moment.
    pub fn may_choose(
        &self,
        environment: usize,
        promoted: Option<&Promoted>,
        moved: &[Image],
    ) -> Result<(), Violation> {
        let gates = &self.setup.gates[environment];
        let name = NAMES[environment];
        if let Some((from, until)) = self.freezes[environment]
            && from <= self.now
            && until.is_none_or(|until| self.now < until)
        {
            return broken("freeze", format!("{name} is frozen, and takes {moved:?}"));
        }
        for image in moved {
            let refusal = self
                .books
                .refusal(self.site, self.setup, environment, image, self.now);
            if let Some((rule, why)) = refusal {
                return broken(rule, format!("{name}: {why}"));
            }
        }
        if let Some(promoted) = promoted {
            self.is_of_source(environment, promoted, moved)?;
            self.may_leave(environment, promoted, moved)?;
        } else if environment > 0 && !moved.is_empty() {
            return broken(
                "trailer",
                format!("{name} gets {moved:?} without a word of its source"),
            );
        }
        for (_, digest) in moved {
            let digest = digest.parse().unwrap();
            if let Some(age) = gates.minimum_age {
                let created = self.images.created[&digest];
                if created.is_none_or(|created| created.as_second() + age > self.now) {
                    let text = format!("{name} takes {digest}, which was made at {created:?}");
                    return broken("minimumAge", text);
                }
            }
            if gates.has_signature && !self.images.signed.contains(&digest) {
                return broken(
                    "signature",
                    format!("{name} takes {digest}, which is not signed"),
                );
            }
        }
        Ok(())
    }

    /// The trailer names a commit of the source, and the images are those that it has.
    fn is_of_source(
        &self,
        environment: usize,
        promoted: &Promoted,
        moved: &[Image],
    ) -> Result<(), Violation> {
        let line = self.books.line(self.setup, promoted.from);
        if promoted.from + 1 != environment {
            return broken(
                "trailer",
                format!("{promoted:?} comes to {}", NAMES[environment]),
            );
        }
        let Some(number) = line.number(promoted.commit) else {
            return broken(
                "trailer",
                format!("{promoted:?} is no commit of its source"),
            );
        };
        let there = self
            .books
            .newest(self.setup, promoted.from, &line.entries[number].state);
        for (tag, image) in moved {
            if there.get(tag) != Some(image) {
                let text = format!("{tag:?} goes to {image}, and {promoted:?} has {there:?}");
                return broken("sameBytes", text);
            }
        }
        Ok(())
    }

    /// What the target asks of the source's commit.
    fn may_leave(
        &self,
        environment: usize,
        promoted: &Promoted,
        moved: &[Image],
    ) -> Result<(), Violation> {
        let (gates, source) = (&self.setup.gates[environment], promoted.from);
        let line = self.books.line(self.setup, source);
        let number = line.number(promoted.commit).unwrap();
        for image in moved {
            if self.books.is_void(self.setup, source, image, self.now) {
                let text = format!("{image:?} was taken back in {}", NAMES[source]);
                return broken("source", text);
            }
        }
        let entered = line.entries[number].entered;
        if let Some(Soaking::Since(length) | Soaking::Resident(length)) = gates.soak {
            if entered + length > self.now {
                let text = format!("{promoted:?} entered at {entered}, now is {}", self.now);
                return broken("soak", text);
            }
            if let Some(Soaking::Resident(_)) = gates.soak {
                self.was_resident(line, number, source, moved, entered + length)?;
            }
        }
        if gates.has_checks {
            let checks = self.forge.map(|forge| forge.checks.borrow());
            let state = checks.and_then(|all| all.get(&id(promoted.commit)).copied());
            if state != Some(headwater::pull_request::Checks::Passing) {
                return broken("checks", format!("{promoted:?} has the checks {state:?}"));
            }
        }
        Ok(())
    }

    fn was_resident(
        &self,
        line: &Line,
        number: usize,
        source: usize,
        moved: &[Image],
        until: i64,
    ) -> Result<(), Violation> {
        for later in line.entries[number..]
            .iter()
            .filter(|later| later.entered < until)
        {
            let newest = self.books.newest(self.setup, source, &later.state);
            for (tag, image) in moved {
                if newest.get(tag) != Some(image) {
                    let text = format!(
                        "{tag:?} was another in {} at {}",
                        NAMES[source], later.entered
                    );
                    return broken("resident", text);
                }
            }
        }
        Ok(())
    }

    /// The gates that hold a merge, of one that the bot made just now.
    fn may_merge(&self, environment: usize, commit: Oid) -> Result<(), Violation> {
        let gates = &self.setup.gates[environment];
        let name = NAMES[environment];
        if gates.has_windows && !is_window_open(self.now) {
            return broken(
                "windows",
                format!("{commit} came to {name} at {}", self.now),
            );
        }
        if gates.approvals > 0 {
            let count = self.forge.map_or(0, |forge| {
                let all = forge.all.borrow();
                let merged = all.iter().rev().find(|one| {
                    let head = one.head_commit.map(|head| head.to_string());
                    let is_it = |oid: &Oid| Some(oid.to_string()) == head;
                    let parents = self.site.parents(commit);
                    let is_squash = parents.len() == 1;
                    one.state == headwater::pull_request::State::Merged
                        && one.base.as_str() == self.setup.branch(environment)
                        && (is_it(&commit) || parents.iter().any(is_it) || is_squash)
                });
                merged.map_or(0, |one| {
                    forge
                        .valid_approvals(one.number, one.head_commit.unwrap())
                        .len()
                })
            });
            if count < gates.approvals {
                return broken("approvals", format!("{commit} came to {name} with {count}"));
            }
        }
        Ok(())
    }

    /// What people wrote in the target is changed by what the source has, and by nothing else.
    fn carries(
        &self,
        environment: usize,
        promoted: Option<&Promoted>,
        before: &State,
        after: &State,
        moved: &[Image],
    ) -> Result<(), Violation> {
        let is_merge = environment > 0 && self.setup.form == Form::Merge;
        let source = promoted.filter(|_| is_merge).map(|promoted| {
            let line = self.books.line(self.setup, promoted.from);
            Rc::clone(&line.entries[line.number(promoted.commit).unwrap()].state)
        });
        let namespace = self.setup.namespace(environment);
        let holds = |state: &State| {
            let own = state.holds.iter().filter(|(name, _)| name.0 == namespace);
            own.map(|(name, hold)| (name.clone(), hold.clone()))
                .collect::<Vec<_>>()
        };
        if holds(before) != holds(after) {
            let text = format!("the holds of {} are others", NAMES[environment]);
            return broken("holds", text);
        }
        let paths: BTreeSet<&String> = before.people.keys().chain(after.people.keys()).collect();
        let none = Rc::new(Vec::new());
        for path in paths {
            let was = before.people.get(path).unwrap_or(&none);
            let is = after.people.get(path).unwrap_or(&none);
            let theirs = source
                .as_ref()
                .map(|source| source.people.get(path).unwrap_or(&none));
            let lost = was.iter().find(|line| {
                let is_there = theirs.is_none_or(|theirs| theirs.contains(line));
                !is.contains(line) && is_there
            });
            let new = is.iter().find(|line| {
                let is_there = theirs.is_some_and(|theirs| theirs.contains(line));
                !was.contains(line) && !is_there
            });
            if let Some(line) = lost.or(new) {
                let text = format!(
                    "{path} of {}: {line:?} is lost or new, with {moved:?} by {promoted:?}",
                    NAMES[environment]
                );
                return broken("people", text);
            }
        }
        Ok(())
    }

    /// A bot branch that was made or moved just now.
    pub fn proposed(&self, branch: &str, before: Option<Oid>, head: Oid) -> Result<(), Violation> {
        let Some(name) = branch.split('/').nth(1) else {
            return Ok(());
        };
        let environment = NAMES.iter().position(|one| *one == name).unwrap();
        let Some(parent) = self.site.parents(head).first().copied() else {
            return Ok(());
        };
        let (was, is) = (self.state(parent), self.state(head));
        let moved = self.books.moved(self.setup, environment, &was, &is);
        let new = promoted(&self.site.message(head));
        let old = before.and_then(|before| promoted(&self.site.message(before)));
        if new.is_some() && new == old {
            // It keeps its candidate; what it brings may not be declined all the same.
            for image in &moved {
                let refusal =
                    self.books
                        .refusal(self.site, self.setup, environment, image, self.now);
                if let Some((rule, why)) = refusal {
                    return broken(rule, why);
                }
            }
        } else {
            self.may_choose(environment, new.as_ref(), &moved)?;
        }
        self.carries(environment, new.as_ref(), &was, &is, &moved)
    }

    pub fn state(&self, commit: Oid) -> Rc<State> {
        self.books.reader.state(self.site, commit)
    }

    /// The stream tags whose newest image in the source is not the target's, and that no bot branch
    /// brings.
    pub fn missing(&self, environment: usize) -> Vec<Image> {
        let Some(source) = environment.checked_sub(1) else {
            return Vec::new();
        };
        let tip = |environment| self.books.line(self.setup, environment).tip().unwrap();
        let there = self.books.newest(self.setup, source, &tip(source).state);
        let here = self
            .books
            .newest(self.setup, environment, &tip(environment).state);
        let prefix = format!("headwater/{}/", NAMES[environment]);
        let heads = self.site.branches(&prefix);
        let is_open = |name: &str, head: Oid| match self.forge {
            Some(forge) => forge.open_of(name).is_some(),
            None => !self.site.message(head).contains("Headwater-Closed: "),
        };
        let proposed: Vec<_> = heads
            .iter()
            .filter(|(name, head)| is_open(name, **head))
            .map(|(_, head)| {
                self.books
                    .newest(self.setup, environment, &self.state(*head))
            })
            .collect();
        let missing = there.into_iter().filter(|(tag, image)| {
            let brings =
                |state: &std::collections::BTreeMap<_, String>| state.get(tag) == Some(image);
            !brings(&here) && !proposed.iter().any(brings)
        });
        missing.collect()
    }
}
