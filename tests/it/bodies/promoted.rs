//! What is told of a promotion while it waits, and what the plan prints of it.

use std::fs;

use headwater::environment::Environment;
use headwater::gate::{Gate, GateFinding};
use headwater::plan::promotion::Newer;
use headwater::plan::pull_request::{Facts, ForgeView, Publication, Step, Telling};
use headwater::plan::{Action, BotBranch, BranchState, FirstSeen, Plan, PlanReport, Proposal};
use headwater::policy::PullRequestPolicy;
use headwater::pull_request::{PullRequest, State};

use crate::bodies::case::World;
use crate::bodies::promotion::commit;
use crate::bodies::{cases, rendered};

const NOW: &str = "2026-08-23T07:45:00Z";
const BRANCH: &str = "headwater/prod/from-staging";

fn world(name: &str) -> World {
    let folder = cases().into_iter().find(|case| case.ends_with(name));
    World::read(&folder.unwrap())
}

fn plan(world: &World, action: Action) -> Plan {
    Plan {
        kept: Default::default(),
        next_change: None,
        unverified: Vec::new(),
        environment: Environment {
            name: world.environment.parse().unwrap(),
            branch: Some(world.base.parse().unwrap()),
            ..Environment::default()
        },
        base: Some(commit("tip")),
        proposals: vec![Proposal {
            merge: None,
            group: "from-staging".to_owned(),
            branch: Some(BRANCH.parse().unwrap()),
            moves: world.moves.clone(),
            changes: Vec::new(),
            message: world.message(),
            action,
            hold: None,
            creation: None,
            promotion: world.promotion.clone().map(Box::new),
            gates: world.gates.clone(),
            pull_request: None,
        }],
        obsolete: Vec::new(),
        ends: Vec::new(),
        taken_over: Vec::new(),
        remarks: Vec::new(),
        waiting: Vec::new(),
        problems: Vec::new(),
        tags: world.moves.len(),
    }
}

/// The proposal after a pass that found `open`, whose branch is then as it should be.
fn told(world: &World, open: Option<&PullRequest>, found: Option<&BotBranch>) -> Proposal {
    let action = match found {
        None => Action::Create { replaces: None },
        Some(found) => Action::Keep { head: found.head },
    };
    let mut plan = plan(world, action);
    let mut forge = ForgeView::default();
    forge.open.extend(open.cloned());
    let branches: Vec<BotBranch> = found.into_iter().cloned().collect();
    let policy = PullRequestPolicy::default();
    let way = world.way();
    let telling = Telling {
        forge: Some(&forge),
        branches: &branches,
        policy: &policy,
        first_seen: &FirstSeen::new(),
        way: &way,
        forges: &[],
        now: NOW,
    };
    telling.tell(&mut plan, &world.facts);
    plan.proposals.remove(0)
}

fn body(publication: &Publication) -> Option<String> {
    match &publication.step {
        Step::Open(draft) => Some(draft.body.clone()),
        Step::Change { change, .. } => change.body.clone(),
        Step::Keep(_) => None,
    }
}

#[test]
fn a_body_follows_what_holds_the_merge_and_the_commit_stays() {
    let mut world = world("promoted-waiting");
    let made = told(&world, None, None);
    let Some(Step::Open(draft)) = made.pull_request.as_ref().map(|it| it.step.clone()) else {
        panic!("{:?}", made.pull_request);
    };
    let plan = made
        .message
        .lines()
        .last()
        .and_then(|line| line.split_once(": "));
    let branch = BotBranch {
        promoted: None,
        created: Default::default(),
        name: BRANCH.parse().unwrap(),
        head: commit("head"),
        state: BranchState::Ours {
            images: Vec::new(),
            merged: None,
        },
        is_behind: false,
        plan: plan.map(|(_, hash)| hash.to_owned()),
        time: None,
    };
    let mut open = PullRequest {
        number: 7,
        url: "https://git.example/shop/deploy/pulls/7".to_owned(),
        state: State::Open,
        head: draft.head.clone(),
        head_commit: Some(commit("head")),
        base: draft.base.clone(),
        title: draft.title.clone(),
        body: draft.body.clone(),
        labels: draft.labels.clone(),
        is_draft: false,
        author: "bot".to_owned(),
        created: NOW.parse().unwrap(),
    };
    let keeps = |world: &World, open: &PullRequest| {
        let kept = told(world, Some(open), Some(&branch)).pull_request.unwrap();
        assert!(matches!(kept.step, Step::Keep(_)), "{kept:?}");
    };
    keeps(&world, &open);

    // Somebody approved it.
    for finding in &mut world.gates {
        if finding.gate == Gate::Approvals {
            *finding = GateFinding::passed(Gate::Approvals, "2 of 2, by ann, ben");
        }
    }
    let approved = told(&world, Some(&open), Some(&branch))
        .pull_request
        .unwrap();
    open.body = body(&approved).unwrap();
    assert!(
        open.body.contains("ok approvals (`2 of 2, by ann, ben`)"),
        "{}",
        open.body
    );
    keeps(&world, &open);

    // The source went on, and this one is kept.
    world.promotion.as_mut().unwrap().newer = Some(Newer {
        commit: commit("staging at four"),
        findings: Vec::new(),
    });
    let behind = told(&world, Some(&open), Some(&branch))
        .pull_request
        .unwrap();
    open.body = body(&behind).unwrap();
    assert!(open.body.contains("A newer commit, "), "{}", open.body);
    keeps(&world, &open);
    // It still proposes the same: its history says nothing of that.
    assert!(!open.body.contains("History of this pull request"));
    rendered::check(open.body.split("<!-- headwater:v1").next().unwrap());
}

/// A template has no say in where a promotion comes from.
#[test]
fn a_message_by_a_template_has_the_trailers_too() {
    let mut plan = plan(
        &world("promoted-one-image"),
        Action::Create { replaces: None },
    );
    let policy = PullRequestPolicy {
        commit_message: Some("{{ subject }}\n\nCarried on from {{ promotedFrom }}.".to_owned()),
        ..PullRequestPolicy::default()
    };
    let telling = Telling {
        forge: None,
        branches: &[],
        policy: &policy,
        first_seen: &FirstSeen::new(),
        way: &[],
        forges: &[],
        now: NOW,
    };
    telling.tell(&mut plan, &Facts::new());
    let message = &plan.proposals[0].message;
    assert!(
        message.starts_with("promote payments/api:1.8 staging -> prod"),
        "{message}"
    );
    assert!(
        message.contains("\n\nCarried on from staging.\n\n"),
        "{message}"
    );
    for trailer in ["From: staging", "Commit: ", "Carry: pins"] {
        assert!(
            message.contains(&format!("\nPromoted-{trailer}")),
            "{message}"
        );
    }
}

/// What holds the merge is no part of the commit: its message, and so its hash, would change.
#[test]
fn a_message_does_not_tell_what_holds_the_merge() {
    let mut world = world("promoted-waiting");
    let before = world.message();
    assert!(
        !before.contains("approvals") && !before.contains("windows"),
        "{before}"
    );
    world.gates.retain(|finding| !finding.gate.holds_merge());
    assert_eq!(world.message(), before);
}

#[test]
fn a_promotion_without_an_image_has_a_mark_of_its_own() {
    let one = world("promoted-configuration-only");
    let mut other = world("promoted-configuration-only");
    other.promotion.as_mut().unwrap().commit = commit("another");
    let keys = |world: &World| plan(world, Action::Commit).proposals[0].image_keys();
    assert_eq!(keys(&one).len(), 1);
    assert_ne!(keys(&one), keys(&other));
}

/// `plan.txt` and `plan.json` of some cases.
#[test]
fn a_plan_prints_promotions_and_gates() {
    for name in [
        "promoted-before-a-newer-one",
        "promoted-kept-candidate",
        "promoted-lost-configuration",
        "promoted-one-image",
        "under-gates",
    ] {
        let folder = cases()
            .into_iter()
            .find(|case| case.ends_with(name))
            .unwrap();
        let world = World::read(&folder);
        let plan = plan(&world, Action::Create { replaces: None });
        let mut report = serde_json::to_value(PlanReport::from(&plan)).unwrap();
        // It has a file of its own.
        report["proposals"][0]
            .as_object_mut()
            .unwrap()
            .remove("message");
        let json = serde_json::to_string_pretty(&report).unwrap();
        for (name, content) in [
            ("plan.txt", plan.to_string()),
            ("plan.json", format!("{json}\n")),
        ] {
            let path = folder.join(name);
            if std::env::var_os("HEADWATER_BLESS").is_some() {
                fs::write(&path, &content).unwrap();
            }
            let golden = fs::read_to_string(&path).unwrap_or_default();
            assert!(
                content == golden,
                "{}: run the tests with HEADWATER_BLESS=1\n{content}",
                path.display()
            );
        }
    }
}
