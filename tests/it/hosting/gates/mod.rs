//! Promotions through their gates, on a forge and without one.

mod approving;
mod automatic;
mod checking;
mod choosing;
mod ending;
mod freezing;
mod holding;
mod signing;
mod soaking;
mod waiting;

use jiff::{Timestamp, ToSpan};

use crate::hosting::Hosted;
use crate::promotion::on;
use crate::support::forge::{CheckState, Kind, Pull, State};
use crate::support::scene::{Scene, deployment, stream};

const TO_PROD: &str = "headwater/prod/from-dev";
const CONTEXT: &str = "headwater/gates";

/// `dev` and `prod` on branches; what `prod` has beside `promotedFrom`.
fn configuration(prod: &str) -> String {
    format!(
        "apiVersion: headwater.dev/v1alpha1
kind: Config
spec:
  environments:
    - {{name: dev, branch: env/dev, delivery: commit}}
    - {{name: prod, branch: env/prod, promotedFrom: dev, {prod}}}
"
    )
}

/// One image in `dev`, not pinned yet, and a file of people.
fn shop(prod: &str) -> Scene {
    let scene = Scene::of(&[("headwater.yaml", &configuration(prod))]);
    scene.image("acme/web", "1", "first");
    scene.person.git(&["checkout", "-q", "-b", "env/dev"]);
    scene.commit(
        &[
            ("streams/web.yaml", &stream("shop", "web", "1")),
            ("apps/web.yaml", &deployment("shop", "web", "1")),
            ("apps/config.yaml", "level: debug\n"),
            ("apps/limits.yaml", "cpu: 1\n"),
        ],
        "the shop",
    );
    scene.person.git(&["checkout", "-q", "-b", "env/prod"]);
    scene.push();
    scene
}

/// The same without any image: what people write is all that is promoted.
fn plain_shop(prod: &str) -> Scene {
    let scene = Scene::of(&[("headwater.yaml", &configuration(prod))]);
    scene.person.git(&["checkout", "-q", "-b", "env/dev"]);
    scene.commit(&[("apps/config.yaml", "level: debug\n")], "the shop");
    scene.person.git(&["checkout", "-q", "-b", "env/prod"]);
    scene.push();
    scene
}

/// A window that is closed now, and for two days at least.
fn closed_window() -> String {
    let day = Timestamp::now().in_tz("UTC").unwrap() + 3.days();
    format!("\"{} 09:00-16:00 UTC\"", day.strftime("%a"))
}

impl Hosted {
    /// `dev` has its pins, and what comes of them is proposed where gates let it.
    fn promoting(kind: Kind, prod: &str) -> Self {
        let hosted = Self::new(kind, shop(prod));
        hosted.pass();
        hosted.pass();
        hosted
    }

    fn pass(&self) -> String {
        let run = self.reconcile().exits(0);
        format!("{}\n{}", run.stdout, run.stderr)
    }

    /// Makes passes, each without a failure, until one writes nothing; and then none does, with
    /// and without a cache.
    #[track_caller]
    fn rests(&self) {
        let state = || (self.scene.state(), self.forge.writes().len());
        let mut said = String::new();
        let mut is_at_rest = || {
            let before = state();
            said = self.pass();
            state() == before
        };
        let is_at_rest = (0..5).any(|_| is_at_rest());
        assert!(
            is_at_rest,
            "it does not come to rest\n{said}\n{:?}",
            self.forge.writes().last()
        );
        for is_fresh in [false, true] {
            if is_fresh {
                let _ = std::fs::remove_dir_all(self.scene.home().join("cache"));
            }
            let writes = self.forge.writes().len();
            let git = self.scene.state();
            self.pass();
            assert_eq!(self.scene.state(), git);
            let new = self.forge.writes().split_off(writes);
            assert!(new.is_empty(), "fresh: {is_fresh}: {new:#?}");
        }
        assert_eq!(self.forge.violations(), [""; 0]);
    }

    fn pull(&self, number: u64) -> Pull {
        self.forge.model().pull_request(number).clone()
    }

    fn state_of(&self, number: u64) -> State {
        self.pull(number).state
    }

    /// A person's change in an environment, and its commit.
    fn change(&self, branch: &str, level: &str) -> String {
        on(&self.scene, branch);
        let text = format!("level: {level}\n");
        let message = format!("log at {level}");
        self.scene.commit(&[("apps/config.yaml", &text)], &message)
    }

    fn check(&self, revision: &str, name: &str, state: CheckState) {
        let commit = self.scene.origin.rev(revision);
        self.forge.model().set_status(&commit, name, state);
    }

    /// What the gates' status says of a commit, and how often it was posted there.
    fn gates_of(&self, revision: &str) -> (Option<(CheckState, String)>, usize) {
        let commit = self.scene.origin.rev(revision);
        let model = self.forge.model();
        let own = model
            .statuses
            .iter()
            .filter(|status| status.commit == commit && status.context == CONTEXT);
        let said = own.clone().next_back();
        let said = said.map(|status| (status.state, status.description.clone()));
        (said, own.count())
    }

    /// What the gates say of the open promotion's head: said once, in a word.
    #[track_caller]
    fn waits_for(&self, text: &str) {
        let (said, count) = self.gates_of(TO_PROD);
        let (state, told) = said.expect("the gates say something");
        assert_eq!(state, CheckState::Pending, "{told}");
        assert!(told.contains(text), "{told}");
        assert_eq!(count, 1, "{told}");
    }

    /// The gates wait still, and now for that.
    #[track_caller]
    fn says_beside(&self, kind: Kind, text: &str) {
        let (state, told) = self.gates_of(TO_PROD).0.unwrap();
        assert_eq!(state, CheckState::Pending, "{told}");
        // GitLab takes no other words for a status that stays pending.
        assert!(told.contains(text) || kind == Kind::GitLab, "{told}");
        let body = self.body(1);
        assert!(body.contains(text), "{body}");
    }

    #[track_caller]
    fn has_passed(&self) {
        let (said, _) = self.gates_of(TO_PROD);
        assert_eq!(said.map(|(state, _)| state), Some(CheckState::Passing));
    }
}
