//! What is known of a Git repository after a pass that was not quiet.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use crate::clock;
use crate::environment::Environment;
use crate::gate::{GateFinding, Verdict};
use crate::git::{Error, Repository};
use crate::lookup::Wanted;
use crate::plan::{Plan, Reason};
use crate::policy::OperatorPolicy;
use crate::problem::Problem;
use crate::reconcile::{Cache, Hosting, OpenBranch, Survey, open_branches, status};
use crate::revision::BranchName;
use crate::serve::answers::{Source, image_repository};
use crate::serve::state::{BuilderState, GateState, PromotionState, PullRequestState};
use crate::show::{Status, builders};
use crate::stream::StreamTagName;

#[derive(Clone, Debug, Default)]
pub struct Gathered {
    pub status: Status,
    pub pull_requests: Vec<PullRequestState>,
    pub promotions: Vec<PromotionState>,
    pub problems: Vec<Problem>,
    pub catalog: Vec<BuilderState>,
    /// How often tags without an interval of their own are looked at.
    pub interval: Duration,
    /// The images of tags that have an interval of their own, by repository and tag.
    pub own: BTreeSet<(String, String)>,
    /// The shortest of those intervals.
    pub shortest: Option<Duration>,
    /// Image repositories that are followed, as hooks name them; one that ends in `/` stands for
    /// each that lies in it: a push there may create a stream.
    pub followed: BTreeSet<String>,
    /// Stream tags that are looked at again and again.
    pub followed_tags: Vec<FollowedTag>,
}

/// A stream tag that is looked at again and again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FollowedTag {
    pub environment: String,
    /// `namespace/stream:tag`
    pub stream: String,
    pub source: Source,
    /// When it was looked at, as earlier processes may have left it.
    pub looked: Option<Timestamp>,
}

/// Reads Git, and asks the forge for what is open. `plans` are those of the last round; none where
/// that was quiet.
pub fn gather(
    repository: &Repository,
    cache: &mut Cache,
    operator: &OperatorPolicy,
    hosting: Option<&Hosting<'_>>,
    plans: &[Plan],
    mut problems: Vec<Problem>,
) -> Result<Gathered, Error> {
    let survey = Survey::read(repository, cache, operator)?;
    let open = open_branches(repository, &survey, hosting)?;
    problems.extend(survey.configuration.problems.iter().cloned());
    problems.sort();
    problems.dedup();
    let mut gathered = Gathered {
        status: status(repository, &survey, plans, &open)?,
        pull_requests: pull_requests(&open, plans),
        promotions: Vec::new(),
        problems,
        interval: survey.configuration.policy.imports.interval,
        ..Gathered::default()
    };
    for surveyed in &survey.environments {
        let plan = plans
            .iter()
            .find(|plan| plan.environment.name == surveyed.environment.name);
        gathered
            .promotions
            .extend(promotion(&surveyed.environment, plan));
        let streams = surveyed.manifests.streams.iter();
        let own = streams.flat_map(builders).map(|builder| BuilderState {
            environment: surveyed.environment.name.to_string(),
            builder,
        });
        gathered.catalog.extend(own);
        let creates = survey.configuration.policy.imports.create_streams;
        let registry = operator
            .registry_of(&surveyed.environment)
            .filter(|it| creates && it.create_streams && surveyed.environment.promotion.is_none());
        if let Some(registry) = registry {
            let namespaces = surveyed.manifests.namespaces().into_iter();
            let places = namespaces.map(|namespace| format!("{}/{namespace}/", registry.host));
            gathered.followed.extend(places);
        }
        for stream in &surveyed.manifests.streams {
            for tag in &stream.tags {
                let Some(reference) = tag.source.image() else {
                    continue;
                };
                let name = image_repository(&reference.repository);
                if let Some(seconds) = tag.settings.interval {
                    let interval = Duration::from_secs(seconds);
                    let known = gathered.shortest.unwrap_or(interval);
                    gathered.shortest = Some(known.min(interval));
                    if let Wanted::Tag(tag) = Wanted::of(reference) {
                        gathered.own.insert((name.clone(), tag.to_string()));
                    }
                }
                let imports = &survey.configuration.policy.imports;
                let is_followed = imports.looks_at(tag);
                let wanted = match (&tag.settings.rule, Wanted::of(reference)) {
                    (Some(_), _) => Some(None),
                    (None, Wanted::Tag(tag)) => Some(Some(tag.to_string())),
                    (None, Wanted::Digest(_)) => None,
                };
                if let Some(wanted) = wanted.filter(|_| is_followed) {
                    let stream_tag = StreamTagName {
                        stream: stream.name.clone(),
                        tag: tag.name.clone(),
                    };
                    let environment = &surveyed.environment.name;
                    let followed = (environment.clone(), stream_tag);
                    gathered.followed_tags.push(FollowedTag {
                        environment: environment.to_string(),
                        stream: followed.1.to_string(),
                        source: (name.clone(), wanted),
                        looked: cache.checked().get(&followed).copied(),
                    });
                }
                gathered.followed.insert(name);
            }
        }
    }
    Ok(gathered)
}

fn pull_requests(open: &[OpenBranch], plans: &[Plan]) -> Vec<PullRequestState> {
    let mut found: Vec<PullRequestState> = open
        .iter()
        .map(|branch| {
            let pending = branch.pending();
            let images = branch.images.iter();
            PullRequestState {
                environment: branch.environment.to_string(),
                branch: pending.branch.clone(),
                state: pending.state.to_owned(),
                since: branch.made.clone(),
                commit: branch.commit.map(|commit| commit.to_string()),
                title: branch.message.lines().next().unwrap_or_default().to_owned(),
                number: pending.number,
                url: pending.url.clone(),
                images: images
                    .map(|image| (image.tag.to_string(), image.digest.to_string()))
                    .collect(),
                waiting: waiting(&pending.branch, plans),
                opened: branch.opened.map(clock::rfc3339),
            }
        })
        .collect();
    let mut ignored: BTreeMap<(String, String), PullRequestState> = BTreeMap::new();
    for plan in plans {
        for waiting in &plan.waiting {
            let (branch, number, url) = match waiting.reason.refusal() {
                Reason::Declined(declined) => (
                    String::new(),
                    Some(declined.number),
                    Some(declined.url.clone()),
                ),
                Reason::Closed(branch) => (branch.to_string(), None, None),
                _ => continue,
            };
            let key = (branch.clone(), url.clone().unwrap_or_default());
            let state = ignored.entry(key).or_insert_with(|| PullRequestState {
                environment: plan.environment.name.to_string(),
                branch,
                state: "ignored".to_owned(),
                since: None,
                commit: None,
                title: waiting.reason.to_string(),
                number,
                url,
                images: Vec::new(),
                waiting: Vec::new(),
                opened: None,
            });
            state.images.push((waiting.tag.to_string(), String::new()));
        }
    }
    found.extend(ignored.into_values());
    let is_open = |branch: &str| open.iter().any(|it| it.pending().branch == branch);
    for plan in plans {
        found.extend(queued(plan).filter(|it| !is_open(&it.branch)));
    }
    found
}

/// What would be opened but for a limit, or the schedule, of pull requests.
fn queued(plan: &Plan) -> impl Iterator<Item = PullRequestState> {
    let mut kept: BTreeMap<&BranchName, (String, BTreeSet<String>)> = BTreeMap::new();
    for waiting in &plan.waiting {
        let (Reason::TooManyOpen { branch, .. }
        | Reason::TooManyNew { branch, .. }
        | Reason::OffSchedule { branch, .. }) = &waiting.reason
        else {
            continue;
        };
        let reason = || (waiting.reason.to_string(), BTreeSet::new());
        let (_, tags) = kept.entry(branch).or_insert_with(reason);
        tags.insert(waiting.tag.to_string());
    }
    let environment = &plan.environment.name;
    kept.into_iter().map(move |(branch, (reason, tags))| {
        let what = match (tags.first(), tags.len()) {
            (Some(tag), 1) => tag.clone(),
            (_, count) => format!("{count} stream tags"),
        };
        PullRequestState {
            environment: environment.to_string(),
            branch: branch.to_string(),
            state: "queued".to_owned(),
            title: format!("Update {what} in {environment}"),
            since: None,
            commit: None,
            number: None,
            url: None,
            images: tags.into_iter().map(|tag| (tag, String::new())).collect(),
            waiting: vec![reason],
            opened: None,
        }
    })
}

/// What a bot branch waits for.
fn waiting(branch: &str, plans: &[Plan]) -> Vec<String> {
    let mut found = Vec::new();
    for plan in plans {
        for proposal in &plan.proposals {
            let is_it = proposal
                .branch
                .as_ref()
                .is_some_and(|it| it.as_str() == branch);
            if is_it {
                let open = proposal.gates.iter().filter(|gate| !gate.is_passed());
                found.extend(open.map(ToString::to_string));
            }
        }
        for waiting in &plan.waiting {
            let is_it = waiting
                .reason
                .branch()
                .is_some_and(|it| it.as_str() == branch);
            if is_it {
                found.push(waiting.reason.to_string());
            }
        }
    }
    found.sort();
    found.dedup();
    found
}

/// How it stands with what comes from the environment's source.
fn promotion(environment: &Environment, plan: Option<&Plan>) -> Option<PromotionState> {
    let promotion = environment.promotion.as_ref()?;
    let mut state = PromotionState {
        from: promotion.from.to_string(),
        to: environment.name.to_string(),
        carry: promotion.carry.name().to_owned(),
        commit: None,
        branch: None,
        gates: Vec::new(),
    };
    let proposals = plan.map_or(&[][..], |plan| &plan.proposals);
    let proposal = proposals.iter().find_map(|proposal| {
        let brought = proposal.promotion.as_ref()?;
        (brought.from == promotion.from).then_some((proposal, brought))
    });
    if let Some((proposal, brought)) = proposal {
        state.commit = Some(brought.commit.to_string());
        state.branch = proposal.branch.as_ref().map(ToString::to_string);
        state.gates = open_gates(&proposal.gates);
        return Some(state);
    }
    let waiting = plan.map_or(&[][..], |plan| &plan.waiting);
    for waiting in waiting {
        if let Reason::Gated(gated) = &waiting.reason
            && let Some((from, commit)) = &gated.from
            && *from == promotion.from
        {
            state.commit = Some(commit.to_string());
            state.gates = open_gates(&gated.findings);
            break;
        }
    }
    Some(state)
}

fn open_gates(findings: &[GateFinding]) -> Vec<GateState> {
    let open = findings.iter().filter(|finding| !finding.is_passed());
    open.map(|finding| GateState {
        gate: finding.gate.name().to_owned(),
        verdict: match finding.verdict {
            Verdict::Failed => "failed",
            Verdict::Waits { .. } | Verdict::Passed => "waits",
        }
        .to_owned(),
        message: finding.told.clone(),
        until: finding.until().map(|until| until.to_string()),
    })
    .collect()
}
