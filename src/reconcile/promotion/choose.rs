use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use jiff::Timestamp;

use crate::environment::{Carry, Environment, EnvironmentName};
use crate::gate::{Gate, GateFinding, Soak};
use crate::git::{Error, Repository};
use crate::plan::gates;
use crate::plan::promotion::{
    CarriedConfiguration, Choice, Chosen, Newer, Promoted, Wish, promoted,
};
use crate::plan::{branch_name, is_closed, promotion_group, status_question};
use crate::problem::Problem;
use crate::reconcile::cache::Cache;
use crate::reconcile::evidence::{MAX_BRANCH_COMMITS, Past};
use crate::reconcile::promotion::asking::Asking;
use crate::reconcile::promotion::landing::last_landing;
use crate::reconcile::promotion::line::{Candidate, MAX_CANDIDATES, candidates};
use crate::reconcile::promotion::lost;
use crate::reconcile::promotion::moving::{
    Moving, has_failed, images, is_asked, is_void, moving, pins_of,
};
use crate::reconcile::read::read_tree;
use crate::reconcile::subject::Subject;
use crate::revision::{BranchName, CommitId, TreeId};
use crate::snapshot::Snapshot;
use crate::stream::{ImageStream, is_ambiguous};

/// Candidates that registries and the forge are asked about, newest first.
const MAX_ASKED: usize = 20;

/// An environment at the tip of its branch.
#[derive(Clone, Copy)]
pub struct Side<'a> {
    pub subject: &'a Subject,
    pub snapshot: &'a Snapshot,
    /// Of its bot branches.
    pub heads: &'a [(BranchName, CommitId)],
    /// All environments of its branch.
    pub environments: &'a [Environment],
}

impl<'a> Side<'a> {
    pub fn name(&self) -> &'a EnvironmentName {
        &self.subject.environment.name
    }

    pub fn streams(&self) -> &'a [ImageStream] {
        &self.subject.manifests.streams
    }
}

/// That somebody asks for a promotion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub from: EnvironmentName,
    pub to: EnvironmentName,
    /// None: by the rules of the environment.
    pub commit: Option<CommitId>,
    pub wish: Wish,
}

/// Chooses what environments take from others.
pub struct Chooser<'a> {
    pub repository: &'a Repository,
    pub cache: &'a mut Cache,
    pub asking: Asking<'a>,
    pub problems: Vec<Problem>,
    pub request: Option<&'a Request>,
    /// The streams of environments at commits that were looked at.
    read: HashMap<(EnvironmentName, TreeId), Arc<[ImageStream]>>,
    /// What the histories of sources were asked: many candidates bring the same images.
    pasts: HashMap<EnvironmentName, Past<'a>>,
    now: Timestamp,
}

/// The commit that is taken, and the newest one where that is another.
#[derive(Default)]
struct Picked {
    chosen: Option<Chosen>,
    newer: Option<Newer>,
    next_change: Option<Timestamp>,
}

impl<'a> Chooser<'a> {
    pub fn new(
        repository: &'a Repository,
        cache: &'a mut Cache,
        asking: Asking<'a>,
        now: Timestamp,
    ) -> Self {
        Self {
            repository,
            cache,
            asking,
            problems: Vec::new(),
            request: None,
            read: HashMap::new(),
            pasts: HashMap::new(),
            now,
        }
    }

    /// What `target` takes from `source`.
    pub fn choose(&mut self, target: &Side<'_>, source: &Side<'_>) -> Result<Choice, Error> {
        let environment = &target.subject.environment;
        let promotion = environment.promotion.as_ref();
        let promotion = promotion.filter(|promotion| promotion.from == *source.name());
        let open = self.open_promotion(target, source)?;
        let wished = self.wished(target, source, open.as_ref());
        let carry = match &wished {
            Some((_, wish)) if !wish.only.is_empty() => Carry::Pins,
            _ => promotion.map_or(Carry::Pins, |promotion| promotion.carry),
        };
        if promotion.is_some() {
            self.name_strays(target, source, carry);
        }
        let wanted = (carry == Carry::Merge).then_some(carry);
        let (tip, source_tip) = (target.snapshot.commit, source.snapshot.commit);
        let landing = last_landing(self.repository, tip, source.name(), source_tip, wanted)?;
        let landed = landing.as_ref().map(|landing| landing.promoted.commit);
        let base = match carry {
            Carry::Pins => landed,
            Carry::Merge => self.newest_common(landed, tip, source_tip)?,
        };
        let lost = match (&landing, carry) {
            (Some(landing), Carry::Merge) => lost::lost(
                self.repository,
                self.cache,
                self.asking.operator,
                landing,
                target.snapshot,
            )?,
            _ => Vec::new(),
        };
        let before = match base.filter(|base| carry == Carry::Merge && *base != source_tip) {
            Some(base) => self
                .streams_at(source, self.repository.tree_of(base)?)?
                .to_vec(),
            None => Vec::new(),
        };
        let line = self.line(environment, source, base)?;
        let Picked {
            chosen,
            newer,
            next_change,
        } = match &wished {
            Some((commit, _)) => self.as_wished(target, source, &line, *commit)?,
            None => self.pick((target, source), carry, (base, &line), open.as_ref())?,
        };
        Ok(Choice {
            from: source.name().clone(),
            carry,
            wish: wished.map(|(_, wish)| wish),
            chosen,
            newer,
            next_change,
            now: source.streams().to_vec(),
            before,
            lost,
            configuration: CarriedConfiguration::default(),
            base,
            is_undecided: false,
        })
    }

    /// Streams that promotion leaves out.
    fn name_strays(&mut self, target: &Side<'_>, source: &Side<'_>, carry: Carry) {
        let (to, from) = (target.name(), source.name());
        for stream in target.streams() {
            if is_ambiguous(source.streams(), &stream.name) {
                let name = &stream.name;
                let message =
                    format!("several streams of {from} could be the one that {name} comes from");
                let advice = format!(
                    "name it in each tag: from: {{kind: ImageStreamTag, namespace: …, name: {}:…}}",
                    name.name
                );
                self.problems
                    .push(Problem::error(stream.place.clone(), message).advice(advice));
            }
        }
        if carry == Carry::Merge {
            return;
        }
        for stream in source.streams() {
            let name = &stream.name;
            let mut named = target.streams().iter();
            if named.any(|other| other.name.name == name.name) {
                continue;
            }
            let message = format!(
                "{to} has no stream {}: its images are not promoted",
                name.name
            );
            let advice = format!("copy its manifest from {from}, without its status");
            self.problems
                .push(Problem::note(stream.place.clone(), message).advice(advice));
        }
    }

    /// The newest commit of the source that the target has: by the last promotion, or since
    /// somebody merged by hand.
    fn newest_common(
        &self,
        landed: Option<CommitId>,
        tip: CommitId,
        source_tip: CommitId,
    ) -> Result<Option<CommitId>, Error> {
        let merged = self.repository.merge_base(tip, source_tip)?;
        Ok(match (landed, merged) {
            (Some(landed), Some(merged)) => {
                let is_older = self.repository.is_in_history(landed, merged)?;
                Some(if is_older { merged } else { landed })
            }
            (landed, merged) => landed.or(merged),
        })
    }

    fn line(
        &mut self,
        environment: &Environment,
        source: &Side<'_>,
        base: Option<CommitId>,
    ) -> Result<Vec<Candidate>, Error> {
        let tip = source.snapshot.commit;
        let line = candidates(self.repository, base, tip, &BTreeMap::new(), self.now)?;
        if environment.gates.soak.is_none() {
            return Ok(line);
        }
        let commits: Vec<CommitId> = line.iter().map(|candidate| candidate.commit).collect();
        let branch = &source.snapshot.branch;
        let seen = self.cache.first_sight(branch, &commits, self.now);
        candidates(self.repository, base, tip, &seen, self.now)
    }

    /// The commit that the open bot branch brings. One that was closed keeps its name, and the
    /// next has another.
    fn open_promotion(
        &self,
        target: &Side<'_>,
        source: &Side<'_>,
    ) -> Result<Option<(BranchName, Promoted)>, Error> {
        let group = promotion_group(source.name());
        let Some(first) = branch_name(target.name(), &group, 1) else {
            return Ok(None);
        };
        let tip = target.snapshot.commit;
        let heads = target.heads.iter();
        for (branch, head) in heads.filter(|(name, _)| name.as_str().starts_with(first.as_str())) {
            let limit = MAX_BRANCH_COMMITS;
            let own = self.repository.newest_first_parents(tip, *head, limit)?;
            let is_open = own
                .first()
                .is_some_and(|newest| !is_closed(&newest.message));
            let found = own.iter().find_map(|commit| promoted(&commit.message));
            let found = found.filter(|promoted| is_open && promoted.from == *source.name());
            if let Some(promoted) = found {
                return Ok(Some((branch.clone(), promoted)));
            }
        }
        Ok(None)
    }

    /// The commit that somebody asked for: with this command, or with the one that made what is open.
    fn wished(
        &self,
        target: &Side<'_>,
        source: &Side<'_>,
        open: Option<&(BranchName, Promoted)>,
    ) -> Option<(CommitId, Wish)> {
        let request = self
            .request
            .filter(|it| it.to == *target.name() && it.from == *source.name());
        match request {
            // By the rules, whatever was asked for before.
            Some(Request {
                commit: None, wish, ..
            }) if wish.only.is_empty() => None,
            Some(request) => {
                let commit = request.commit.unwrap_or(source.snapshot.commit);
                Some((commit, request.wish.clone()))
            }
            None => {
                let (_, promoted) = open?;
                Some((promoted.commit, promoted.wish.clone()?))
            }
        }
    }

    /// Just this commit, if the gates let it in; one that is open stays while they wait.
    fn as_wished(
        &mut self,
        target: &Side<'_>,
        source: &Side<'_>,
        line: &[Candidate],
        commit: CommitId,
    ) -> Result<Picked, Error> {
        let mut line = line.to_vec();
        if line.iter().all(|candidate| candidate.commit != commit) {
            line = self.line(&target.subject.environment, source, None)?;
        }
        let Some(number) = line.iter().position(|candidate| candidate.commit == commit) else {
            let message = format!(
                "{} is none of the last {MAX_CANDIDATES} first-parent commits of {}",
                commit.short(),
                source.snapshot.branch
            );
            self.problems.push(Problem::error(None, message));
            return Ok(Picked::default());
        };
        let findings = self.judge(target, source, &line, number)?;
        let next_change = findings.iter().filter_map(GateFinding::until).min();
        let is_new = self.request.is_some();
        let passes = findings.iter().all(GateFinding::is_passed);
        let Some(candidate) = line.get(number) else {
            return Ok(Picked::default());
        };
        if is_void(&findings) || (is_new && !passes) {
            let open = findings.into_iter().filter(|finding| !finding.is_passed());
            let findings = open.collect();
            return Ok(Picked {
                chosen: None,
                newer: Some(Newer { commit, findings }),
                next_change,
            });
        }
        let chosen = Chosen {
            commit,
            entered: candidate.entered,
            streams: self.streams_at(source, candidate.tree)?.to_vec(),
            findings,
        };
        let newest = source.snapshot.commit;
        let newer = (commit != newest).then(|| Newer {
            commit: newest,
            findings: Vec::new(),
        });
        Ok(Picked {
            chosen: Some(chosen),
            newer,
            next_change,
        })
    }

    /// The commit that is taken, and the newest one where that is another.
    fn pick(
        &mut self,
        (target, source): (&Side<'_>, &Side<'_>),
        carry: Carry,
        (base, line): (Option<CommitId>, &[Candidate]),
        open: Option<&(BranchName, Promoted)>,
    ) -> Result<Picked, Error> {
        let kept = open.and_then(|(_, open)| line.iter().position(|one| one.commit == open.commit));
        let mut judged: BTreeMap<usize, Vec<GateFinding>> = BTreeMap::new();
        let mut chosen = None;
        if let (Some(kept), Some((branch, _))) = (kept, open)
            && self.is_kept(target, branch)
        {
            let findings = self.judge(target, source, line, kept)?;
            // With a gate that it will never pass, an approval is of no use to it.
            if !has_failed(&findings) {
                chosen = Some(kept);
            }
            judged.insert(kept, findings);
        }
        let mut asked = 0;
        for number in 0..line.len() {
            let is_needed = number == 0 || chosen.is_none();
            if !is_needed || asked == MAX_ASKED {
                break;
            }
            let findings = match judged.remove(&number) {
                Some(findings) => findings,
                None => self.judge(target, source, line, number)?,
            };
            asked += usize::from(findings.iter().any(|finding| is_asked(finding.gate)));
            let passes = findings.iter().all(GateFinding::is_passed);
            judged.insert(number, findings);
            if passes && chosen.is_none() {
                chosen = Some(number);
            }
        }
        // What the target has already is no better than what is open and may pass yet.
        let is_base = |number: usize| line.get(number).is_some_and(|it| Some(it.commit) == base);
        let may_pass = |kept| judged.get(&kept).is_some_and(|it| !has_failed(it));
        if let (Some(kept), Some(number)) = (kept, chosen)
            && number > kept
            && is_base(number)
            && may_pass(kept)
        {
            chosen = None;
        }
        // What is open stays while nothing better passes, unless it was found wanting.
        if chosen.is_none()
            && let Some(kept) = kept
        {
            if let Entry::Vacant(place) = judged.entry(kept) {
                place.insert(self.judge(target, source, line, kept)?);
            }
            chosen = Some(kept).filter(|kept| !judged.get(kept).is_none_or(|it| is_void(it)));
        }
        // What is open says the same: it need not be told anew.
        if let (Some(kept), Some(number), Carry::Pins) = (kept, chosen, carry)
            && number < kept
            && let (Some(open), Some(best)) = (line.get(kept), line.get(number))
        {
            let (open, best) = (
                self.streams_at(source, open.tree)?,
                self.streams_at(source, best.tree)?,
            );
            if pins_of(&open) == pins_of(&best) {
                if let Entry::Vacant(place) = judged.entry(kept) {
                    place.insert(self.judge(target, source, line, kept)?);
                }
                let passes = |it: &Vec<GateFinding>| it.iter().all(GateFinding::is_passed);
                if judged.get(&kept).is_some_and(passes) {
                    chosen = Some(kept);
                }
            }
        }
        let newer = line.first().and_then(|newest| {
            let found = judged.get(&0)?;
            let open = found.iter().filter(|finding| !finding.is_passed());
            (chosen != Some(0)).then(|| Newer {
                commit: newest.commit,
                findings: open.cloned().collect(),
            })
        });
        // An older commit may pass before the newest does.
        let findings = judged.values().flatten();
        let next_change = findings.filter_map(GateFinding::until).min();
        let mut taken = None;
        if let Some((number, candidate)) = chosen.and_then(|it| Some((it, line.get(it)?))) {
            taken = Some(Chosen {
                commit: candidate.commit,
                entered: candidate.entered,
                streams: self.streams_at(source, candidate.tree)?.to_vec(),
                findings: judged.remove(&number).unwrap_or_default(),
            });
        }
        let is_same = |taken: &Chosen| {
            carry == Carry::Pins && pins_of(&taken.streams) == pins_of(source.streams())
        };
        let newer = newer.filter(|_| !taken.as_ref().is_some_and(is_same));
        Ok(Picked {
            chosen: taken,
            newer,
            next_change,
        })
    }

    /// Whether the open promotion keeps its commit whatever came since: somebody has approved it
    /// or may have, or it waits for a window.
    fn is_kept(&mut self, target: &Side<'_>, branch: &BranchName) -> bool {
        let windows = &target.subject.environment.gates.windows;
        let base = &target.snapshot.branch;
        !windows.is_open(self.now) || self.asking.may_be_approved(branch, base)
    }

    /// What the gates say that choose; the first that is not passed is the last that is asked.
    fn judge(
        &mut self,
        target: &Side<'_>,
        source: &Side<'_>,
        line: &[Candidate],
        number: usize,
    ) -> Result<Vec<GateFinding>, Error> {
        let Some(candidate) = line.get(number) else {
            return Ok(Vec::new());
        };
        let environment = &target.subject.environment;
        let gates = &environment.gates;
        let mut findings = Vec::new();
        findings.extend(gates::freeze(&environment.freezes, self.now));
        if !findings.is_empty() {
            return Ok(findings);
        }
        let streams = self.streams_at(source, candidate.tree)?;
        let moving = moving(target, source, &streams, self.now);
        if let Some(void) = self.taken_back(source, &moving)? {
            return Ok(vec![void]);
        }
        if let Some(soak) = gates.soak {
            let disturbed = match soak {
                Soak::Since(_) => None,
                Soak::Resident(_) => self.disturbed(source, line, number, &moving)?,
            };
            let of = |entered| gates::soak(soak, source.name(), entered, disturbed, self.now);
            let mut finding = of(candidate.entered);
            if finding.is_passed() {
                let branch = &source.snapshot.branch;
                finding = match self.asking.entered(candidate.commit, branch) {
                    Ok(merged) => of(candidate.entered.max(merged.unwrap_or(candidate.entered))),
                    Err(why) => {
                        let told = format!("when it came to {branch} is not known: {why}");
                        GateFinding::waits(Gate::Soak, None, told)
                    }
                };
            }
            findings.push(finding);
        }
        let passed = |findings: &[GateFinding]| findings.iter().all(GateFinding::is_passed);
        if !gates.checks.is_empty() && passed(&findings) {
            let found = self.asking.checks(candidate.commit);
            let found = found.as_ref().map_err(String::as_str);
            findings.push(gates::checks(&gates.checks, candidate.commit, found));
        }
        if !gates.minimum_age.is_zero() && passed(&findings) {
            let ages = self.asking.created(&images(&moving));
            findings.push(gates::minimum_age(gates.minimum_age, &ages, self.now));
        }
        if !gates.signed_by.is_empty() && passed(&findings) {
            let signed = self.asking.signed(&images(&moving), &gates.signed_by);
            findings.push(gates::signature(&signed));
        }
        Ok(findings)
    }

    /// An image that would move and that the source itself does not want any more.
    fn taken_back(
        &mut self,
        source: &Side<'_>,
        moving: &[Moving],
    ) -> Result<Option<GateFinding>, Error> {
        let holds = crate::plan::holds(source.streams(), source.name(), self.now);
        let mut questions = Vec::new();
        for moved in moving {
            let held = holds.get(&moved.source).into_iter().flatten();
            let mut against = held.filter(|held| held.hold.rejected() == Some(&moved.digest));
            if let Some(hold) = against.next() {
                let told = format!("in {}, {}: {hold}", source.name(), moved.source);
                return Ok(Some(GateFinding::failed(Gate::Source, told)));
            }
            let stream = source.streams().iter();
            let mut stream = stream.filter(|stream| stream.name == moved.source.stream);
            if let Some(stream) = stream.next() {
                questions.push(status_question(stream, &moved.source.tag, &moved.digest));
            }
        }
        let (repository, tip) = (self.repository, source.snapshot.commit);
        let past = self.pasts.entry(source.name().clone());
        let past = past.or_insert_with(|| Past::new(repository, tip));
        let back = past.taken_back(&questions)?;
        Ok(back.into_values().next().map(|back| {
            let told = format!(
                "{} was taken back in {} by {} in {} on {}",
                back.digest.short(),
                source.name(),
                back.author,
                back.commit.short(),
                back.time
            );
            GateFinding::failed(Gate::Source, told)
        }))
    }

    /// When one of the images was another in the source, after the candidate; at the earliest, where
    /// that is not known.
    fn disturbed(
        &mut self,
        source: &Side<'_>,
        line: &[Candidate],
        number: usize,
        moving: &[Moving],
    ) -> Result<Option<Timestamp>, Error> {
        let entered = line.get(number).map(|candidate| candidate.entered);
        for later in line.iter().take(number).rev() {
            let streams = self.streams_at(source, later.tree)?;
            let is_same = |moved: &Moving| {
                let stream = streams.iter().find(|one| one.name == moved.source.stream);
                let newest = stream.and_then(|one| one.history(&moved.source.tag).first());
                newest.is_some_and(|item| item.image == moved.digest.as_str())
            };
            if !moving.iter().all(is_same) {
                return Ok(entered.map(|entered| later.earliest.max(entered)));
            }
        }
        Ok(None)
    }

    /// The source's streams at one of its commits.
    fn streams_at(&mut self, source: &Side<'_>, tree: TreeId) -> Result<Arc<[ImageStream]>, Error> {
        let key = (source.name().clone(), tree);
        if let Some(streams) = self.read.get(&key) {
            return Ok(Arc::clone(streams));
        }
        let mut reading = read_tree(self.repository, tree, self.cache)?;
        reading
            .integrated
            .clone_from(&self.asking.operator.integrated);
        let environment = &source.subject.environment;
        let manifests = Subject::manifests(&reading, environment, source.environments);
        let streams: Arc<[ImageStream]> = manifests.streams.into();
        self.read.insert(key, Arc::clone(&streams));
        Ok(streams)
    }
}
