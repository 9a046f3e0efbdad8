//! `headwater.yaml`: a repository's policy, read from its default branch only.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::config::environments::read_environments;
use crate::config::field::Fields;
use crate::config::gates::read_windows;
use crate::environment::Environment;
use crate::policy::{
    Follow, GroupBy, ImportPolicy, PinPolicy, Policy, PullRequestPolicy, RebuildWhen,
};
use crate::problem::{Place, Problem};
use crate::pull_request::MergeMethod;
use crate::revision::BranchName;
use crate::snapshot::FilePath;
use crate::stream::ImportMode;
use crate::yaml::{Node, Source};

/// The file's name, at the root.
pub const FILE_NAME: &str = "headwater.yaml";

/// A registry is never asked about a tag more often.
pub const SHORTEST_INTERVAL: Duration = Duration::from_secs(10);

/// What `headwater.yaml` says; without one, [`RepositoryConfig::default`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositoryConfig {
    /// At least one.
    pub environments: Vec<Environment>,
    pub policy: Policy,
    /// Where each template of [`Policy::pull_requests`] stands, and what it is.
    pub templates: Vec<(Place, String)>,
}

impl Default for RepositoryConfig {
    fn default() -> Self {
        Self {
            environments: vec![Environment::default()],
            policy: Policy::default(),
            templates: Vec::new(),
        }
    }
}

/// Reads `headwater.yaml`. No configuration where a problem is an error: acting by defaults
/// where something else was meant would be worse than not acting.
///
/// An environment that has an error of its own, or cannot be acted on safely, is left out with
/// that error, and the others stay.
pub fn read(bytes: &[u8]) -> (Option<RepositoryConfig>, Vec<Problem>) {
    read_on(bytes, None)
}

/// The same where it is known that environments without a branch are on `default`: one that names
/// it is on the same branch.
pub fn read_on(
    bytes: &[u8],
    default: Option<&BranchName>,
) -> (Option<RepositoryConfig>, Vec<Problem>) {
    let Ok(file) = FILE_NAME.parse::<FilePath>() else {
        return (None, Vec::new());
    };
    let source = Source::parse(bytes);
    let (mut fields, root) = Fields::new(&file, &source);
    let mut config = RepositoryConfig::default();
    let mut refused = Vec::new();
    if let Some(root) = root {
        check_header(&mut fields, root);
        const KNOWN: &[&str] = &["environments", "pullRequests", "imports", "pins"];
        if let Some(spec) = fields.mapping(root, "spec", KNOWN) {
            if let Some(environments) = read_environments(&mut fields, spec, default, &mut refused)
            {
                config.environments = environments;
            }
            read_pull_requests(&mut fields, spec, &mut config.policy.pull_requests);
            config.templates = templates(&fields, spec);
            read_imports(&mut fields, spec, &mut config.policy.imports);
            read_pins(&mut fields, spec, &mut config.policy.pins);
        }
    }
    let config = (!fields.has_errors()).then_some(config);
    fields.problems.append(&mut refused);
    (config, fields.problems)
}

fn check_header<'a>(fields: &mut Fields<'a>, root: &'a Node) {
    fields.check(root, &["apiVersion", "kind", "metadata", "spec"]);
    for (key, expected) in [("apiVersion", "headwater.dev/v1alpha1"), ("kind", "Config")] {
        match fields.get(root, key) {
            None => fields.error(root, format!("`{key}: {expected}` is missing")),
            Some(node) if node.text() != Some(expected) => {
                fields.error(node, format!("`{key}` is `{expected}`"));
            }
            Some(_) => {}
        }
    }
}

fn read_pull_requests<'a>(fields: &mut Fields<'a>, spec: &'a Node, into: &mut PullRequestPolicy) {
    const KNOWN: &[&str] = &[
        "groupBy",
        "maxOpen",
        "maxPerHour",
        "labels",
        "reviewers",
        "assignees",
        "draft",
        "schedule",
        "rebuild",
        "mergeMethod",
        "title",
        "commitMessage",
    ];
    let Some(node) = fields.mapping(spec, "pullRequests", KNOWN) else {
        return;
    };
    let groups = [
        ("stream", GroupBy::Stream),
        ("tag", GroupBy::Tag),
        ("namespace", GroupBy::Namespace),
        ("environment", GroupBy::Environment),
    ];
    let rebuilds = [
        ("auto", RebuildWhen::Auto),
        ("behind", RebuildWhen::Behind),
        ("conflicted", RebuildWhen::Conflicted),
    ];
    let methods = [MergeMethod::Merge, MergeMethod::Squash, MergeMethod::Rebase]
        .map(|method| (method.name(), method));
    set(&mut into.group_by, fields.choice(node, "groupBy", &groups));
    set(&mut into.max_open, fields.number(node, "maxOpen", 1));
    into.max_per_hour = fields.number(node, "maxPerHour", 1);
    into.labels = names(fields, node, "labels");
    into.reviewers = names(fields, node, "reviewers");
    into.assignees = names(fields, node, "assignees");
    set(&mut into.is_draft, fields.flag(node, "draft"));
    into.schedule = read_windows(fields, node, "schedule");
    set(&mut into.rebuild, fields.choice(node, "rebuild", &rebuilds));
    let method = fields.choice(node, "mergeMethod", &methods);
    set(&mut into.merge_method, method);
    into.title = fields.text(node, "title");
    into.commit_message = fields.text(node, "commitMessage");
}

fn templates(fields: &Fields<'_>, spec: &Node) -> Vec<(Place, String)> {
    let Some(node) = spec.get("pullRequests") else {
        return Vec::new();
    };
    let keys = ["title", "commitMessage"].into_iter();
    let found = keys.filter_map(|key| {
        let member = node.get(key)?;
        Some((fields.place(member), member.text()?.to_owned()))
    });
    found.collect()
}

/// Names of labels or accounts, as a forge takes them.
fn names<'a>(fields: &mut Fields<'a>, node: &'a Node, key: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (node, name) in fields.texts(node, key) {
        let is_name = !name.trim().is_empty() && !name.contains([',', '@']);
        if is_name && name.len() <= 100 && !name.chars().any(char::is_control) {
            names.insert(name);
        } else {
            let message =
                format!("`{key}` holds names of 1 to 100 characters, without `,` and `@`");
            fields.error(node, message);
        }
    }
    names
}

fn read_imports<'a>(fields: &mut Fields<'a>, spec: &'a Node, into: &mut ImportPolicy) {
    const KNOWN: &[&str] = &[
        "follow",
        "scheduled",
        "interval",
        "perMinute",
        "bulkPerRepository",
        "importMode",
        "minimumAge",
        "createStreams",
    ];
    let Some(node) = fields.mapping(spec, "imports", KNOWN) else {
        return;
    };
    let follow = [("scheduled", Follow::Scheduled), ("all", Follow::All)];
    let modes = [
        ("PreserveOriginal", ImportMode::PreserveOriginal),
        ("Legacy", ImportMode::Legacy),
    ];
    set(&mut into.follow, fields.choice(node, "follow", &follow));
    set(&mut into.scheduled, fields.flag(node, "scheduled"));
    set(&mut into.interval, fields.duration(node, "interval"));
    if into.interval < SHORTEST_INTERVAL {
        into.interval = SHORTEST_INTERVAL;
        fields.warning(node, "`interval` is at least 10s; that is used");
    }
    if let Some(number) = fields.number(node, "perMinute", 1) {
        into.per_minute = Some(number);
    }
    set(
        &mut into.bulk_per_repository,
        fields.number(node, "bulkPerRepository", 1),
    );
    set(
        &mut into.import_mode,
        fields.choice(node, "importMode", &modes),
    );
    set(&mut into.minimum_age, fields.duration(node, "minimumAge"));
    set(&mut into.create_streams, fields.flag(node, "createStreams"));
}

fn read_pins<'a>(fields: &mut Fields<'a>, spec: &'a Node, into: &mut PinPolicy) {
    let Some(node) = fields.mapping(spec, "pins", &["keepTag", "historyLimit"]) else {
        return;
    };
    set(&mut into.keep_tag, fields.flag(node, "keepTag"));
    set(
        &mut into.history_limit,
        // With one item nobody could tell a tag that moved on from a revert.
        fields.number(node, "historyLimit", 2),
    );
}

fn set<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::Delivery;
    use crate::revision::BranchName;

    fn problems(spec: &str) -> Vec<String> {
        let text = format!("apiVersion: headwater.dev/v1alpha1\nkind: Config\nspec:\n{spec}");
        let (_, problems) = read(text.as_bytes());
        problems.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn no_file_is_one_environment_of_the_default_branch() {
        let (config, problems) = read(b"");
        assert!(problems.is_empty());
        let config = config.unwrap();
        assert_eq!(config, RepositoryConfig::default());
        assert_eq!(config.environments[0].name.as_str(), "default");
    }

    #[test]
    fn everything_that_acts_is_read() {
        let text = "apiVersion: headwater.dev/v1alpha1
kind: Config
spec:
  environments:
    - {name: dev, branch: env/dev, delivery: commit, automerge: true}
    - {name: prod, paths: [apps/prod/**], namespaces: [prod]}
  pullRequests: {groupBy: namespace, maxOpen: 3, maxPerHour: 2, labels: [images, team a], reviewers: [ann, acme/sre], assignees: [bob], draft: true, schedule: [Mon-Fri 09:00-17:00 Europe/Berlin], rebuild: behind, mergeMethod: squash, title: a title}
  imports: {follow: all, scheduled: false, interval: 1h30m, perMinute: 5, bulkPerRepository: 6, importMode: Legacy, minimumAge: 2h, createStreams: false}
  pins: {keepTag: false, historyLimit: 4}
";
        let (config, problems) = read(text.as_bytes());
        assert_eq!(problems, []);
        let config = config.unwrap();
        let [dev, prod] = config.environments.as_slice() else {
            panic!("two environments");
        };
        assert_eq!(dev.branch.as_ref().map(BranchName::as_str), Some("env/dev"));
        assert_eq!(dev.delivery, Delivery::Commit);
        assert_eq!(prod.paths, ["apps/prod/**"]);
        assert_eq!(prod.namespaces, ["prod"]);
        assert_eq!(config.policy.pull_requests.group_by, GroupBy::Namespace);
        let pull_requests = &config.policy.pull_requests;
        assert_eq!(pull_requests.max_open, 3);
        assert_eq!(pull_requests.max_per_hour, Some(2));
        assert_eq!(Vec::from_iter(&pull_requests.labels), ["images", "team a"]);
        assert_eq!(
            Vec::from_iter(&pull_requests.reviewers),
            ["acme/sre", "ann"]
        );
        assert_eq!(Vec::from_iter(&pull_requests.assignees), ["bob"]);
        assert!(pull_requests.is_draft && dev.automerge && !prod.automerge);
        assert_eq!(pull_requests.rebuild, RebuildWhen::Behind);
        assert!(!pull_requests.schedule.is_empty());
        assert_eq!(pull_requests.title.as_deref(), Some("a title"));
        assert_eq!(config.templates.len(), 1);
        assert_eq!(pull_requests.merge_method, MergeMethod::Squash);
        assert_eq!(config.policy.imports.interval, Duration::from_secs(5400));
        assert_eq!(config.policy.imports.minimum_age, Duration::from_secs(7200));
        assert_eq!(config.policy.imports.per_minute, Some(5));
        assert_eq!(config.policy.imports.follow, Follow::All);
        assert_eq!(config.policy.imports.import_mode, ImportMode::Legacy);
        assert!(!config.policy.imports.scheduled && !config.policy.pins.keep_tag);
        assert!(!config.policy.imports.create_streams);
        assert_eq!(config.policy.pins.history_limit, 4);
    }

    #[test]
    fn every_fault_has_its_place_and_what_was_meant() {
        for (spec, expected) in [
            (
                "  pullrequest: {}\n",
                "headwater.yaml:4:3: error: unknown field `pullrequest`; did you mean `pullRequests`?",
            ),
            (
                "  imports: {folow: all}\n",
                "headwater.yaml:4:13: error: unknown field `folow`; did you mean `follow`?",
            ),
            (
                "  imports: {follow: al}\n",
                "headwater.yaml:4:21: error: `follow` is one of scheduled, all; did you mean `all`?",
            ),
            (
                "  imports: {interval: 5}\n",
                "headwater.yaml:4:23: error: `interval` is a time span, for example 5m or 1h30m",
            ),
            (
                "  imports: {interval: 1s}\n",
                "headwater.yaml:4:12: warning: `interval` is at least 10s; that is used",
            ),
            (
                "  pins: {keepTag: \"yes\"}\n",
                "headwater.yaml:4:19: error: `keepTag` is true or false",
            ),
            (
                "  pullRequests: {maxOpen: 0}\n",
                "headwater.yaml:4:27: error: `maxOpen` is a whole number of at least 1",
            ),
            (
                "  pullRequests: {reviewers: [\"@ann\"]}\n",
                "headwater.yaml:4:30: error: `reviewers` holds names of 1 to 100 characters, without `,` and `@`",
            ),
            (
                "  environments: [{name: a}, {name: a}]\n",
                "headwater.yaml:4:29: error: the environment `a` stands twice",
            ),
            (
                "  environments: [{name: A}]\n",
                "headwater.yaml:4:25: error: `name`: `A` is not an environment's name; use lower-case letters, digits and `-`, at most 63",
            ),
            (
                "  environments: [{name: a, paths: [\"a[\"]}]\n",
                "headwater.yaml:4:36: error: `a[` is not a glob: unclosed character class; missing ']'",
            ),
        ] {
            assert_eq!(problems(spec), [expected]);
        }
    }

    #[test]
    fn an_error_in_one_environment_leaves_the_others() {
        let text = "apiVersion: headwater.dev/v1alpha1\nkind: Config\nspec:\n  environments:\n  - name: dev\n  - name: prod\n    pahts: [prod]\n";
        let (config, problems) = read(text.as_bytes());
        let names: Vec<_> = config.unwrap().environments;
        assert_eq!(names.len(), 1);
        assert!(
            problems[0].to_string().contains("did you mean `paths`"),
            "{problems:?}"
        );
        let shared = text.replace("spec:\n", "spec:\n  pins: {keepTags: true}\n");
        assert!(read(shared.as_bytes()).0.is_none());
    }

    #[test]
    fn an_error_leaves_no_configuration() {
        for text in [
            "kind: Config\n",
            "a: [",
            "[]",
            "apiVersion: x\nkind: Config\n",
        ] {
            let (config, problems) = read(text.as_bytes());
            assert!(config.is_none() && !problems.is_empty(), "{text}");
        }
    }
}
