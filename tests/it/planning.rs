//! The planner as a function: manifests and answers in, bytes and reasons out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use headwater::access::Access;
use headwater::environment::{Delivery, Environment};
use headwater::image::Digest;
use headwater::lookup::{self, Answer, Fault, Found, Resolution};
use headwater::manifest::{self, Manifests};
use headwater::plan::creation::Pushes;
use headwater::plan::{
    self, Action, BotBranch, BranchState, FirstSeen, Inputs, Mode, Plan, Question, Reason, Spot,
    TaggedImage, TakenBack, Version,
};
use headwater::policy::{GroupBy, Policy};
use headwater::resolve::{self, Inquiry, StreamIndex, TagState};
use headwater::snapshot::{FilePath, Files};
use headwater::stream::StreamTagName;

const NOW: &str = "2026-11-21T07:41:00Z";

fn digest(seed: &str) -> Digest {
    Digest::of(seed.as_bytes())
}

fn stream(name: &str, tags: &[&str]) -> String {
    let tags: String = tags
        .iter()
        .map(|tag| {
            format!(
                "    - name: \"{tag}\"\n      from: {{kind: DockerImage, name: \"reg.example/{name}:{tag}\"}}\n      importPolicy: {{scheduled: true}}\n"
            )
        })
        .collect();
    format!(
        "apiVersion: image.openshift.io/v1\nkind: ImageStream\nmetadata:\n  name: {name}\n  namespace: app\nspec:\n  tags:\n{tags}"
    )
}

fn deployment(name: &str, containers: &[(&str, &str)]) -> String {
    let containers: String = containers
        .iter()
        .enumerate()
        .map(|(number, (image, marker))| {
            format!("      - name: c{number}\n        image: {image} # {{\"$imagestream\": \"app/{marker}\"}}\n")
        })
        .collect();
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {name}\n  namespace: app\nspec:\n  template:\n    spec:\n      containers:\n{containers}"
    )
}

/// A repository in memory, and a registry that answers by reference.
#[derive(Default)]
struct World {
    files: Files,
    images: BTreeMap<String, String>,
    policy: Policy,
    delivery: Delivery,
    taken_back: BTreeMap<Spot, TakenBack>,
    branches: Vec<BotBranch>,
    first_seen: FirstSeen,
}

impl World {
    fn file(mut self, path: &str, text: impl AsRef<str>) -> Self {
        self.files
            .insert(path.parse().unwrap(), text.as_ref().as_bytes().into());
        self
    }

    fn image(mut self, reference: &str, seed: &str) -> Self {
        self.images
            .insert(format!("reg.example/{reference}"), seed.to_owned());
        self
    }

    fn environment(&self) -> Environment {
        Environment {
            name: "dev".parse().unwrap(),
            branch: Some("main".parse().unwrap()),
            delivery: self.delivery,
            ..Environment::default()
        }
    }

    fn manifests(&self) -> Manifests {
        let files: Vec<_> = self
            .files
            .iter()
            .map(|(path, bytes)| (path.clone(), Arc::new(manifest::read_file(bytes))))
            .collect();
        let environment = self.environment();
        manifest::assemble(
            &files,
            &BTreeMap::new(),
            &environment,
            std::slice::from_ref(&environment),
        )
    }

    fn answer(&self, question: &lookup::Question) -> Answer {
        let lookup::Question::Image(lookup) = question else {
            panic!("only images are asked for");
        };
        Answer::Image(match self.images.get(&lookup.reference().to_string()) {
            Some(seed) => Resolution::Found(Found {
                digest: digest(seed),
                index: None,
            }),
            None => Resolution::Unavailable(Fault {
                reason: headwater::lookup::Reason::InternalError,
                host: "reg.example".to_owned(),
                message: "it is down".to_owned(),
                advice: None,
            }),
        })
    }

    /// The tags, and how many questions were asked.
    fn tags(&self, manifests: &Manifests) -> (Vec<TagState>, usize) {
        let environment = self.environment();
        let mut index = StreamIndex::default();
        index.add(&environment.name, &manifests.streams);
        let nothing = resolve::Taking::default();
        let world = resolve::World {
            taking: &nothing,
            imports: true,
            minimum_age: std::time::Duration::ZERO,
            environment: &environment.name,
            streams: &manifests.streams,
            index: &index,
            is_partial: false,
            triggers: &manifests.triggers,
            hooks: &manifests.tag_hooks,
            policy: &self.policy.imports,
            access: &Access::default(),
            not_due: &BTreeMap::new(),
            now: NOW.parse().unwrap(),
        };
        let mut inquiry = Inquiry::default();
        let mut asked = 0;
        loop {
            let following = resolve::follow(&world, &mut inquiry);
            let questions = inquiry.open(&BTreeMap::new());
            if questions.is_empty() {
                return (following.tags, asked);
            }
            asked += questions.len();
            let answers = questions.iter().map(|question| self.answer(question));
            inquiry.put_answers(answers.collect());
        }
    }

    fn plan(&self) -> Plan {
        let manifests = self.manifests();
        let (tags, _) = self.tags(&manifests);
        let due = plan::due(
            &manifests.streams,
            &manifests.triggers,
            &tags,
            &self.policy.pins,
        );
        plan::plan(Inputs {
            choices: &[],
            carried: None,
            signatures: &BTreeMap::new(),
            pushes: &Pushes::default(),
            environment: &self.environment(),
            policy: &self.policy,
            base: None,
            mode: Mode::Commits,
            streams: &manifests.streams,
            tags: &tags,
            due,
            problems: manifests.problems.clone(),
            files: &self.files,
            taken_back: &self.taken_back,
            holds: &plan::HoldsInForce::new(),
            branches: &self.branches,
            forge: None,
            first_seen: &self.first_seen,
            now: NOW,
        })
    }

    /// As if all proposals were merged.
    fn merge(&mut self, plan: &Plan) {
        for change in plan.proposals.iter().flat_map(|proposal| &proposal.changes) {
            self.files.insert(change.path.clone(), change.after.clone());
        }
    }

    fn text(&self, path: &str) -> String {
        let path: FilePath = path.parse().unwrap();
        String::from_utf8(self.files[&path].to_vec()).unwrap()
    }

    fn branch(&mut self, name: &str, state: BranchState) {
        self.branches.push(BotBranch {
            name: name.parse().unwrap(),
            head: "1111111111111111111111111111111111111111".parse().unwrap(),
            state,
            is_behind: false,
            plan: None,
            time: None,
            promoted: None,
            created: BTreeSet::new(),
        });
    }
}

fn shop() -> World {
    World::default()
        .file("web.yaml", stream("web", &["latest"]))
        .file("api.yaml", stream("api", &["1.10"]))
        .file(
            "shop.yaml",
            deployment("shop", &[("reg.example/web:latest", "web:latest")]),
        )
        .file(
            "back.yaml",
            deployment("back", &[("reg.example/api:1.10", "api:1.10")]),
        )
        .image("web:latest", "web 1")
        .image("api:1.10", "api 1")
}

fn branches(plan: &Plan) -> Vec<String> {
    plan.proposals
        .iter()
        .map(|proposal| proposal.branch.as_ref().unwrap().to_string())
        .collect()
}

#[test]
fn first_pins_share_a_branch_and_planning_again_on_after_is_empty() {
    let mut world = shop();
    let plan = world.plan();
    assert_eq!(branches(&plan), ["headwater/dev/first-pins"]);
    assert!(
        plan.problems.is_empty() && plan.waiting.is_empty(),
        "{plan}"
    );
    world.merge(&plan);
    let image = format!("image: reg.example/api:1.10@{} # {{", digest("api 1"));
    assert!(
        world.text("back.yaml").contains(&image),
        "{}",
        world.text("back.yaml")
    );
    assert!(world.plan().is_empty());
}

#[test]
fn the_same_inputs_give_the_same_plan() {
    let (a, b) = (shop().plan(), shop().plan());
    assert_eq!(a.to_string(), b.to_string());
    let bytes = |plan: &Plan| -> Vec<_> {
        plan.proposals
            .iter()
            .map(|proposal| (proposal.message.clone(), proposal.changes.clone()))
            .collect()
    };
    assert_eq!(bytes(&a), bytes(&b));
}

#[test]
fn a_question_is_asked_once_whoever_asks() {
    let world = World::default()
        .file("a.yaml", stream("web", &["latest"]))
        .file(
            "b.yaml",
            stream("web", &["latest"]).replace("namespace: app", "namespace: other"),
        );
    let manifests = world.manifests();
    assert_eq!(manifests.streams.len(), 2);
    assert_eq!(world.tags(&manifests).1, 1);
}

#[test]
fn an_unreachable_registry_keeps_the_last_pin_and_the_others_go_on() {
    let mut world = shop();
    world.merge(&world.plan());
    let before = world.text("shop.yaml");
    world.images.remove("reg.example/web:latest");
    let world = world.image("api:1.10", "api 2");
    let plan = world.plan();
    assert_eq!(branches(&plan), ["headwater/dev/app.api"]);
    assert_eq!(plan.waiting.len(), 1);
    assert!(plan.waiting[0].reason.to_string().contains("it is down"));
    assert!(plan.has_failures());
    assert_eq!(world.text("shop.yaml"), before);
}

#[test]
fn history_is_newest_first_and_limited() {
    let mut world = shop();
    world.policy.pins.history_limit = 2;
    for seed in ["web 1", "web 2", "web 3"] {
        world = world.image("web:latest", seed);
        let plan = world.plan();
        world.merge(&plan);
    }
    let manifests = world.manifests();
    let web = manifests
        .streams
        .iter()
        .find(|stream| stream.name.name == "web")
        .unwrap();
    let images: Vec<_> = web
        .history("latest")
        .iter()
        .map(|item| item.image.clone())
        .collect();
    assert_eq!(
        images,
        [digest("web 3").to_string(), digest("web 2").to_string()]
    );
    assert!(world.plan().is_empty());
}

#[test]
fn groups_follow_the_policy_and_join_where_they_edit_one_document() {
    let both = deployment(
        "both",
        &[
            ("reg.example/web:latest", "web:latest"),
            ("reg.example/api:1.10", "api:1.10"),
        ],
    );
    let mut separate = shop();
    separate.merge(&separate.plan());
    let mut joined = shop().file("both.yaml", both);
    joined.merge(&joined.plan());
    let moved = |world: World| {
        world
            .image("web:latest", "web 2")
            .image("api:1.10", "api 2")
    };

    let mut separate = moved(separate);
    assert_eq!(
        branches(&separate.plan()),
        ["headwater/dev/app.api", "headwater/dev/app.web"]
    );
    separate.policy.pull_requests.group_by = GroupBy::Tag;
    assert_eq!(
        branches(&separate.plan()),
        ["headwater/dev/app.api@1.10", "headwater/dev/app.web@latest"]
    );
    separate.policy.pull_requests.group_by = GroupBy::Namespace;
    assert_eq!(branches(&separate.plan()), ["headwater/dev/app"]);
    separate.policy.pull_requests.group_by = GroupBy::Environment;
    assert_eq!(branches(&separate.plan()), ["headwater/dev/images"]);

    assert_eq!(branches(&moved(joined).plan()), ["headwater/dev/app.api"]);
}

#[test]
fn a_limit_of_open_branches_names_what_waits() {
    let mut world = shop();
    world.merge(&world.plan());
    let mut world = world
        .image("web:latest", "web 2")
        .image("api:1.10", "api 2");
    world.policy.pull_requests.max_open = 1;
    let plan = world.plan();
    assert_eq!(branches(&plan), ["headwater/dev/app.api"]);
    let waiting: Vec<_> = plan
        .waiting
        .iter()
        .map(|waiting| waiting.reason.kind())
        .collect();
    assert_eq!(waiting, ["tooManyOpen"]);
}

#[test]
fn a_branch_that_yields_the_wanted_bytes_is_kept_and_any_other_is_made_anew() {
    let mut world = shop();
    let plan = world.plan();
    let proposal = &plan.proposals[0];
    let merged: Files = proposal
        .changes
        .iter()
        .map(|change| (change.path.clone(), change.after.clone()))
        .collect();
    let ours = |merged| BranchState::Ours {
        images: Vec::new(),
        merged,
    };
    let mut less = merged.clone();
    less.pop_first();
    for (merged, expected) in [
        (Some(merged), "keep"),
        (Some(less), "rebuild"),
        (None, "rebuild"),
    ] {
        world.branches.clear();
        world.branch("headwater/dev/first-pins", ours(merged));
        assert_eq!(world.plan().proposals[0].action.kind(), expected);
    }
    world.branches.clear();
    let reason = "commit 1234567".to_owned();
    world.branch("headwater/dev/first-pins", BranchState::Foreign { reason });
    let plan = world.plan();
    assert!(plan.proposals.is_empty() && plan.is_empty());
    assert!(
        plan.waiting
            .iter()
            .all(|waiting| waiting.reason.kind() == "foreign")
    );
}

#[test]
fn what_was_closed_stays_closed_until_the_tag_moves_on() {
    let mut world = shop();
    world.merge(&world.plan());
    let mut world = world.image("web:latest", "web 2");
    let images = vec![TaggedImage {
        tag: StreamTagName::new("app", "web", "latest"),
        digest: digest("web 2"),
    }];
    world.branch("headwater/dev/app.web", BranchState::Closed { images });
    let plan = world.plan();
    assert!(plan.proposals.is_empty() && plan.is_empty(), "{plan}");
    assert!(matches!(plan.waiting[0].reason, Reason::Closed(_)));

    let world = world.image("web:latest", "web 3");
    let plan = world.plan();
    assert_eq!(branches(&plan), ["headwater/dev/app.web"]);
    assert!(matches!(
        plan.proposals[0].action,
        Action::Create { replaces: Some(_) }
    ));
}

#[test]
fn a_tombstone_that_still_holds_something_keeps_its_name() {
    let mut world = shop();
    let closed = |tag: &str, name: &str, seed: &str| TaggedImage {
        tag: StreamTagName::new("app", name, tag),
        digest: digest(seed),
    };
    let images = vec![
        closed("latest", "web", "web 1"),
        closed("1.10", "api", "api 1"),
    ];
    world.branch("headwater/dev/first-pins", BranchState::Closed { images });
    assert!(world.plan().proposals.is_empty());
    let world = world.image("api:1.10", "api 2");
    assert_eq!(branches(&world.plan()), ["headwater/dev/first-pins-2"]);
}

#[test]
fn a_branch_is_deleted_only_when_its_tags_were_answered() {
    let images = || {
        vec![TaggedImage {
            tag: StreamTagName::new("app", "web", "latest"),
            digest: digest("web 2"),
        }]
    };
    let ours = || BranchState::Ours {
        images: images(),
        merged: Some(Files::from([(
            "x".parse().unwrap(),
            b"x".as_slice().into(),
        )])),
    };
    let mut world = shop();
    world.merge(&world.plan());
    world.branch("headwater/dev/app.web", ours());
    assert_eq!(world.plan().obsolete.len(), 1);
    world.images.remove("reg.example/web:latest");
    assert!(world.plan().obsolete.is_empty());
}

/// One file's versions, newest first, as the first-parent history has them.
fn versions(texts: &[&str]) -> Vec<Version> {
    texts
        .iter()
        .enumerate()
        .map(|(number, text)| Version {
            commit: format!("{number:040}").parse().unwrap(),
            author: "Ann".to_owned(),
            time: NOW.to_owned(),
            files: BTreeMap::from([("all.yaml".parse().unwrap(), Some(text.as_bytes().into()))]),
        })
        .collect()
}

/// The questions that moving to `seed` asks, in a repository of one file.
fn asked(text: &str, seed: &str) -> Vec<Question> {
    let world = World::default()
        .file("all.yaml", text)
        .image("web:latest", seed);
    let manifests = world.manifests();
    let (tags, _) = world.tags(&manifests);
    let due = plan::due(
        &manifests.streams,
        &manifests.triggers,
        &tags,
        &world.policy.pins,
    );
    plan::questions(&due.moves, &manifests.streams)
}

#[test]
fn taken_back_by_a_revert_or_by_hand_and_not_by_following() {
    let unpinned = format!(
        "{}---\n{}",
        stream("web", &["latest"]),
        deployment("shop", &[("reg.example/web:latest", "web:latest")])
    );
    let after = |text: &str, seed: &str| {
        let mut world = World::default()
            .file("all.yaml", text)
            .image("web:latest", seed);
        let plan = world.plan();
        world.merge(&plan);
        world.text("all.yaml")
    };
    let one = after(&unpinned, "one");
    let two = after(&one, "two");
    let three = after(&two, "three");
    let held = |now: &str, seed: &str, history: &[&str]| -> Vec<bool> {
        let versions = versions(history);
        asked(now, seed)
            .iter()
            .map(|question| question.taken_back(&versions).is_some())
            .collect()
    };
    // Never there.
    assert_eq!(held(&one, "two", &[&one, &unpinned]), [false, false]);
    // Reverted: the status and the field.
    assert_eq!(
        held(&one, "two", &[&one, &two, &one, &unpinned]),
        [true, true]
    );
    // The first pin reverted.
    assert_eq!(
        held(&unpinned, "one", &[&unpinned, &one, &unpinned]),
        [true, true]
    );
    // The tag moved on and came back: no person took it out.
    assert_eq!(
        held(&three, "two", &[&three, &two, &one, &unpinned]),
        [false, false]
    );
    // The field alone, by hand; the status still says so.
    let by_hand = two.replacen(
        &format!("latest@{} #", digest("two")),
        &format!("latest@{} #", digest("one")),
        1,
    );
    assert_ne!(by_hand, two);
    assert_eq!(
        held(&by_hand, "two", &[&by_hand, &two, &one, &unpinned]),
        [true]
    );
    // Past it.
    assert_eq!(
        held(&by_hand, "three", &[&by_hand, &two, &one]),
        [false, false]
    );
}

/// Else a second pass would write the branch anew, with another time.
#[test]
fn an_image_without_a_digest_keeps_the_time_when_it_was_first_proposed() {
    let stream = stream("web", &["latest"]).replace("from:", "reference: true\n      from:");
    let mut world = World::default().file("web.yaml", stream);
    let tag = StreamTagName::new("app", "web", "latest");
    let seen = "2026-01-01T00:00:00Z".to_owned();
    world
        .first_seen
        .insert((tag, "reg.example/web:latest".to_owned()), seen);
    let plan = world.plan();
    world.merge(&plan);
    let text = world.text("web.yaml");
    assert!(
        text.contains("created: \"2026-01-01T00:00:00Z\"\n"),
        "{text}"
    );
    assert!(world.plan().is_empty());
}
