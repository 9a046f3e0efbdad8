//! What one run is about: three environments, their gates, and the files that they begin with.

use jiff::Timestamp;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;

use crate::promotion_model::memory_forge::CHECK;
use crate::promotion_model::random::Random;

pub const NAMES: [&str; 3] = ["dev", "staging", "prod"];
/// Streams with their tags; the first tag is the one that a Deployment follows.
pub const STREAMS: [(&str, &[&str]); 2] = [("web", &["1", "2"]), ("api", &["1"])];
pub const KEYS: usize = 4;

/// Where the environments are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Branches, and everything comes along.
    Merge,
    /// Branches, and images alone come along.
    Pins,
    /// Namespaces on one branch.
    Namespaces,
}

/// A gate's check that is taken out of what headwater is told; the oracle has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    Soak,
    /// It is told to wait for so long, and not undisturbed.
    Residence,
    Checks,
    MinimumAge,
    Signature,
    Approvals,
    Windows,
    Freeze,
    Hold,
    Source,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Soaking {
    Since(i64),
    Resident(i64),
}

/// The oracle's own idea of an environment's gates.
#[derive(Clone, Debug, Default)]
pub struct Gates {
    pub soak: Option<Soaking>,
    pub has_checks: bool,
    pub minimum_age: Option<i64>,
    pub has_signature: bool,
    pub approvals: usize,
    pub has_windows: bool,
}

/// From and until; the latter none: until it is taken out.
pub type Freeze = (i64, Option<i64>);

#[derive(Clone, Debug)]
pub struct Setup {
    pub form: Form,
    pub has_forge: bool,
    pub gates: [Gates; 3],
    pub automerge: [bool; 3],
    /// Staging's changes are committed, without a pull request.
    pub staging_commits: bool,
    pub merge_method: &'static str,
    pub lie: Option<Lie>,
}

pub const HOUR: i64 = 3600;

const HOLIDAYS: &str = "[2026-09-08, 2026-09-21..2026-09-22]";
const WINDOWS: &str = "[\"Mon-Fri 08:00-18:00 Europe/Berlin\"]";
const KEY: &str = include_str!("key.pem");

impl Setup {
    pub fn random(form: Form, has_forge: bool, random: &mut Random) -> Self {
        let mut gates: [Gates; 3] = Default::default();
        for (number, own) in gates.iter_mut().enumerate() {
            let is_target = number > 0;
            own.soak = match random.below(4) {
                0 if is_target => Some(Soaking::Since(2 * HOUR)),
                1 if is_target => Some(Soaking::Resident(4 * HOUR)),
                2 if is_target => Some(Soaking::Since(24 * HOUR)),
                _ => None,
            };
            own.has_checks = is_target && has_forge && random.chance(40);
            own.minimum_age = random.chance(25).then_some(6 * HOUR);
            own.has_signature = random.chance(20);
            own.approvals = match is_target && has_forge && random.chance(30) {
                true => 1 + random.below(2),
                false => 0,
            };
            own.has_windows = is_target && random.chance(30);
        }
        let staging_commits = gates[1].approvals == 0 && random.chance(15);
        Self {
            form,
            has_forge,
            gates,
            automerge: [false, random.chance(60), random.chance(30)],
            staging_commits,
            merge_method: random.pick(&["merge", "squash", "rebase"]).unwrap(),
            lie: None,
        }
    }

    /// Without any gate.
    pub fn open(form: Form, has_forge: bool) -> Self {
        Self {
            form,
            has_forge,
            gates: Default::default(),
            automerge: [false; 3],
            staging_commits: false,
            merge_method: "merge",
            lie: None,
        }
    }

    pub fn branch(&self, environment: usize) -> String {
        match self.form {
            Form::Namespaces => "main".to_owned(),
            _ => format!("env/{}", NAMES[environment]),
        }
    }

    pub fn namespace(&self, environment: usize) -> String {
        match self.form {
            Form::Namespaces => format!("shop-{}", NAMES[environment]),
            _ => "shop".to_owned(),
        }
    }

    /// Before the paths of an environment's files.
    pub fn folder(&self, environment: usize) -> String {
        match self.form {
            Form::Namespaces => format!("{}/", NAMES[environment]),
            _ => String::new(),
        }
    }

    pub fn commits(&self, environment: usize) -> bool {
        environment == 0 || environment == 1 && self.staging_commits
    }

    fn told(&self, lie: Lie) -> bool {
        self.lie != Some(lie)
    }

    /// `headwater.yaml` as the pass reads it.
    pub fn configuration(&self, freezes: &[Option<Freeze>; 3]) -> String {
        let mut text = format!(
            "apiVersion: headwater.dev/v1alpha1\nkind: Config\nspec:\n  pullRequests: {{mergeMethod: {}}}\n  environments:\n",
            self.merge_method
        );
        for (number, name) in NAMES.iter().enumerate() {
            text.push_str(&format!("    - name: {name}\n"));
            match self.form {
                Form::Namespaces => {
                    text.push_str(&format!("      namespaces: [{}]\n", self.namespace(number)));
                }
                _ => text.push_str(&format!("      branch: {}\n", self.branch(number))),
            }
            if self.commits(number) {
                text.push_str("      delivery: commit\n");
            }
            if number > 0 {
                text.push_str(&format!("      promotedFrom: {}\n", NAMES[number - 1]));
                if self.form == Form::Pins {
                    text.push_str("      carry: pins\n");
                }
            }
            if self.automerge[number] {
                text.push_str("      automerge: true\n");
            }
            text.push_str(&self.gates_text(number));
            if let (Some((from, until)), true) = (freezes[number], self.told(Lie::Freeze)) {
                let time = |second| Timestamp::from_second(second).unwrap();
                let until = until.map(|until| format!(", until: {}", time(until)));
                text.push_str(&format!(
                    "      freeze: {{from: {}{}, reason: stocktaking}}\n",
                    time(from),
                    until.unwrap_or_default()
                ));
            }
        }
        text
    }

    fn gates_text(&self, environment: usize) -> String {
        let gates = &self.gates[environment];
        let mut parts = Vec::new();
        match gates.soak.filter(|_| self.told(Lie::Soak)) {
            Some(Soaking::Since(seconds)) => parts.push(format!("soak: {}m", seconds / 60)),
            Some(Soaking::Resident(seconds)) if self.lie == Some(Lie::Residence) => {
                parts.push(format!("soak: {}m", seconds / 60));
            }
            Some(Soaking::Resident(seconds)) => {
                parts.push(format!("soak: {{resident: {}m}}", seconds / 60));
            }
            None => {}
        }
        if gates.has_checks && self.told(Lie::Checks) {
            parts.push(format!("checks: [{CHECK}]"));
        }
        if let Some(seconds) = gates.minimum_age.filter(|_| self.told(Lie::MinimumAge)) {
            parts.push(format!("minimumAge: {}m", seconds / 60));
        }
        if gates.has_signature && self.told(Lie::Signature) {
            let key = KEY.trim().replace('\n', "\\n");
            parts.push(format!("signature: {{keys: [\"{key}\"]}}"));
        }
        if gates.approvals > 0 && self.told(Lie::Approvals) {
            parts.push(format!("approvals: {}", gates.approvals));
        }
        if gates.has_windows && self.told(Lie::Windows) {
            parts.push(format!("windows: {WINDOWS}, holidays: {HOLIDAYS}"));
        }
        match parts.is_empty() {
            true => String::new(),
            false => format!("      gates: {{{}}}\n", parts.join(", ")),
        }
    }

    /// The files of an environment before anything is pinned.
    pub fn files(&self, environment: usize) -> Vec<(String, String)> {
        let (folder, namespace) = (self.folder(environment), self.namespace(environment));
        let mut files = Vec::new();
        for (name, tags) in STREAMS {
            let mut text = format!(
                "apiVersion: image.openshift.io/v1\nkind: ImageStream\nmetadata:\n  name: {name}\n  namespace: {namespace}\n  annotations:\n    team: shop\nspec:\n  tags:\n"
            );
            for tag in tags {
                text.push_str(&format!(
                    "    - name: \"{tag}\"\n      annotations:\n        team: shop\n      from:\n        kind: DockerImage\n        name: registry.example/{name}:{tag}\n      importPolicy:\n        scheduled: true\n"
                ));
            }
            files.push((format!("{folder}streams/{name}.yaml"), text));
            let tag = tags[0];
            files.push((
                format!("{folder}apps/{name}.yaml"),
                format!(
                    "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {name}\n  namespace: {namespace}\nspec:\n  replicas: 1\n  template:\n    spec:\n      containers:\n        - name: {name}\n          image: registry.example/{name}:{tag} # {{\"$imagestream\": \"{namespace}/{name}:{tag}\"}}\n"
                ),
            ));
        }
        let mut settings = String::new();
        for key in 0..KEYS {
            settings.push_str(&format!(
                "# setting {key}\n\n\nkey{key}: 0\n\n\n# end of {key}\n"
            ));
        }
        files.push((format!("{folder}apps/settings.yaml"), settings));
        files
    }
}

/// Whether [`WINDOWS`] are open, and it is none of [`HOLIDAYS`].
pub fn is_window_open(now: i64) -> bool {
    let zone = TimeZone::get("Europe/Berlin").unwrap();
    let local = zone.to_datetime(Timestamp::from_second(now).unwrap());
    let is_weekend = matches!(local.weekday(), Weekday::Saturday | Weekday::Sunday);
    let is_holiday =
        local.year() == 2026 && local.month() == 9 && [8, 21, 22].contains(&local.day());
    !is_weekend && !is_holiday && (8..18).contains(&local.hour())
}
