//! The oracle's own log: what entered which environment when, and what was declined.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use git2::Oid;

use crate::promotion_model::setup::{NAMES, Setup};
use crate::promotion_model::site::Site;
use crate::promotion_model::tree::{Reader, State, TagName};

/// Stream and tag, the same in all environments.
pub type Tag = (String, String);
pub type Image = (Tag, String);

/// What happened to a branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    Bot,
    Person,
    /// A revert of what a revert was not.
    Revert,
}

/// A first-parent commit of an environment's branch.
#[derive(Clone)]
pub struct Entry {
    pub commit: Oid,
    pub entered: i64,
    /// By the commit's own words.
    pub made: i64,
    pub state: Rc<State>,
    pub cause: Cause,
}

/// An environment's branch, oldest first.
#[derive(Default)]
pub struct Line {
    pub entries: Vec<Entry>,
    numbers: HashMap<Oid, usize>,
}

impl Line {
    pub fn number(&self, commit: Oid) -> Option<usize> {
        self.numbers.get(&commit).copied()
    }

    pub fn tip(&self) -> Option<&Entry> {
        self.entries.last()
    }

    fn push(&mut self, entry: Entry) {
        self.numbers.insert(entry.commit, self.entries.len());
        self.entries.push(entry);
    }
}

/// A pull request or a branch that somebody closed.
#[derive(Clone, Debug)]
pub struct Closing {
    pub environment: usize,
    pub images: BTreeSet<Image>,
    /// Where the tombstone lies; none where the forge has it.
    pub tombstone: Option<String>,
}

#[derive(Default)]
pub struct Books {
    pub reader: Reader,
    pub lines: BTreeMap<String, Line>,
    /// By environment.
    pub taken_back: [BTreeSet<Image>; 3],
    pub closings: Vec<Closing>,
    /// What a person is said to have held, and headwater cannot see.
    pub hidden_holds: [BTreeSet<Image>; 3],
    /// What a person is said to have taken back, and headwater cannot see.
    pub hidden_reverts: [BTreeSet<Image>; 3],
}

impl Books {
    pub fn line(&self, setup: &Setup, environment: usize) -> &Line {
        &self.lines[&setup.branch(environment)]
    }

    /// The environment's view of a state.
    pub fn newest(
        &self,
        setup: &Setup,
        environment: usize,
        state: &State,
    ) -> BTreeMap<Tag, String> {
        let namespace = setup.namespace(environment);
        let own = state
            .recorded
            .iter()
            .filter(|(name, _)| name.0 == namespace);
        own.filter_map(|((_, stream, tag), images)| {
            Some(((stream.clone(), tag.clone()), images.first()?.clone()))
        })
        .collect()
    }

    /// The newest images of an environment that differ between two states.
    pub fn moved(
        &self,
        setup: &Setup,
        environment: usize,
        before: &State,
        after: &State,
    ) -> Vec<Image> {
        let before = self.newest(setup, environment, before);
        let after = self.newest(setup, environment, after).into_iter();
        after
            .filter(|(tag, image)| before.get(tag) != Some(image))
            .collect()
    }

    /// Writes down what has entered each branch. Gives the numbers of the new entries, by branch.
    pub fn observe(
        &mut self,
        site: &Site,
        setup: &Setup,
        cause: Cause,
        now: i64,
    ) -> Vec<(String, usize)> {
        let mut new = Vec::new();
        let branches: BTreeSet<String> = (0..3).map(|one| setup.branch(one)).collect();
        for branch in branches {
            let line = self.lines.entry(branch.clone()).or_default();
            let mut commits = Vec::new();
            let mut next = site.tip(&branch);
            while let Some(commit) = next.filter(|commit| line.number(*commit).is_none()) {
                commits.push(commit);
                next = site.parents(commit).first().copied();
            }
            for commit in commits.into_iter().rev() {
                new.push((branch.clone(), line.entries.len()));
                line.push(Entry {
                    commit,
                    entered: now,
                    made: site.time(commit),
                    state: self.reader.state(site, commit),
                    cause,
                });
            }
        }
        for (branch, number) in &new {
            self.note_taken_back(setup, branch, *number);
            self.note_moved_past(setup, branch, *number);
        }
        new
    }

    fn note_taken_back(&mut self, setup: &Setup, branch: &str, number: usize) {
        let Some(before) = number.checked_sub(1) else {
            return;
        };
        let entries = &self.lines[branch].entries;
        let (before, after) = (&entries[before], &entries[number]);
        if after.cause == Cause::Bot {
            return;
        }
        for environment in (0..3).filter(|one| setup.branch(*one) == branch) {
            let had = self.newest(setup, environment, &before.state);
            let has = self.newest(setup, environment, &after.state);
            let mut taken = Vec::new();
            let mut given = Vec::new();
            for (tag, image) in &had {
                if has.get(tag) != Some(image) && after.cause == Cause::Revert {
                    taken.push((tag.clone(), image.clone()));
                }
            }
            for (tag, image) in has {
                if had.get(&tag) != Some(&image) {
                    given.push((tag, image));
                }
            }
            let own = &mut self.taken_back[environment];
            own.extend(taken);
            for image in given {
                own.remove(&image);
            }
        }
    }

    /// What was closed counts until the source has moved past it.
    fn note_moved_past(&mut self, setup: &Setup, branch: &str, number: usize) {
        let Some(before) = number.checked_sub(1) else {
            return;
        };
        let entries = &self.lines[branch].entries;
        for source in (0..2).filter(|one| setup.branch(*one) == branch) {
            let (was, is) = (&entries[before].state, &entries[number].state);
            let again = self.moved(setup, source, was, is);
            let own = self.closings.iter_mut();
            for closing in own.filter(|closing| closing.environment == source + 1) {
                closing.images.retain(|image| !again.contains(image));
            }
        }
    }

    /// Without an earlier look of headwater, nobody can tell since when a commit is there but by its
    /// own words.
    pub fn forget_entering(&mut self, setup: &Setup) {
        for environment in 0..3 {
            let line = self.lines.get_mut(&setup.branch(environment)).unwrap();
            for entry in &mut line.entries {
                entry.entered = entry.entered.min(entry.made);
            }
        }
    }

    /// Whether somebody does not want this image in an environment.
    pub fn refusal(
        &self,
        site: &Site,
        setup: &Setup,
        environment: usize,
        image: &Image,
        now: i64,
    ) -> Option<(&'static str, String)> {
        let name = NAMES[environment];
        if let Some(why) = self.hold(setup, environment, image, now) {
            return Some(("hold", why));
        }
        if self.taken_back[environment].contains(image) {
            return Some(("takenBack", format!("{image:?} was taken back in {name}")));
        }
        let closed = self.closings.iter().find(|closing| {
            let stands = closing.tombstone.as_ref().is_none_or(|branch| {
                let tip = site.tip(branch);
                tip.is_some_and(|tip| site.message(tip).contains("Headwater-Closed: "))
            });
            stands && closing.environment == environment && closing.images.contains(image)
        });
        closed.map(|_| ("closed", format!("{image:?} was closed in {name}")))
    }

    fn hold(&self, setup: &Setup, environment: usize, image: &Image, now: i64) -> Option<String> {
        let ((stream, tag), digest) = image;
        if self.hidden_holds[environment].contains(image) {
            return Some(format!("{image:?} is held without a word"));
        }
        let key: TagName = (setup.namespace(environment), stream.clone(), tag.clone());
        let tip = self.line(setup, environment).tip()?;
        let hold = tip.state.holds.get(&key)?;
        let counts = hold.environment == NAMES[environment]
            && hold.until.is_none_or(|until| now < until)
            && hold.rejected.as_ref().is_none_or(|it| it == digest);
        counts.then(|| format!("{image:?} is held by {hold:?}"))
    }

    /// Whether the source has taken an image back: reverted it, or rejected it by a hold.
    pub fn is_void(&self, setup: &Setup, source: usize, image: &Image, now: i64) -> bool {
        let ((stream, tag), digest) = image;
        if self.taken_back[source].contains(image) || self.hidden_reverts[source].contains(image) {
            return true;
        }
        let key: TagName = (setup.namespace(source), stream.clone(), tag.clone());
        let tip = self.line(setup, source).tip();
        let hold = tip.and_then(|tip| tip.state.holds.get(&key));
        hold.is_some_and(|hold| {
            hold.environment == NAMES[source]
                && hold.until.is_none_or(|until| now < until)
                && hold.rejected.as_ref() == Some(digest)
        })
    }
}
