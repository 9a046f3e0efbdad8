//! `environments` of `headwater.yaml`: each read by itself, then what they say of one another.

use std::collections::{BTreeSet, HashSet};

use crate::config::field::Fields;
use crate::config::gates;
use crate::config::promotions::{self, Wish};
use crate::config::server::check_host;
use crate::environment::{Carry, Delivery, Environment, NamedRegistry};
use crate::problem::{Problem, Severity};
use crate::revision::BranchName;
use crate::yaml::Node;

/// The environments that can be acted on; none where the member is not there. What is wrong with
/// one of them goes into `refused`, and leaves the others as they are.
pub(crate) fn read_environments<'a>(
    fields: &mut Fields<'a>,
    spec: &'a Node,
    default: Option<&BranchName>,
    refused: &mut Vec<Problem>,
) -> Option<Vec<Environment>> {
    fields.get(spec, "environments")?;
    let items = fields.list(spec, "environments");
    if items.is_empty() {
        fields.error(spec, "`environments` names at least one");
    }
    let mut names = HashSet::new();
    let mut wishes = Vec::new();
    let mut broken = BTreeSet::new();
    for item in items {
        let known = fields.problems.len();
        let wish = read_environment(fields, item);
        let own = fields.problems.split_off(known);
        // What is wrong in one environment says nothing about the others.
        let mut severities = own.iter().map(|problem| problem.severity);
        if severities.any(|severity| severity == Severity::Error) {
            refused.extend(own);
            let name = item.get("name").and_then(Node::text);
            broken.extend(name.and_then(|name| name.parse().ok()));
            continue;
        }
        fields.problems.extend(own);
        let Some(wish) = wish else {
            continue;
        };
        if names.insert(wish.environment.name.clone()) {
            wishes.push(wish);
        } else {
            let message = format!("the environment `{}` stands twice", wish.environment.name);
            fields.error(item, message);
        }
    }
    Some(promotions::settle(wishes, default, broken, refused))
}

fn read_environment<'a>(fields: &mut Fields<'a>, item: &'a Node) -> Option<Wish> {
    const KNOWN: &[&str] = &[
        "name",
        "branch",
        "paths",
        "namespaces",
        "delivery",
        "promotedFrom",
        "carry",
        "gates",
        "freeze",
        "automerge",
        "integratedRegistry",
    ];
    fields.check(item, KNOWN);
    if fields.get(item, "name").is_none() {
        fields.error(item, "an environment has a `name`");
    }
    let delivery = [
        ("pullRequest", Delivery::PullRequest),
        ("commit", Delivery::Commit),
    ];
    let paths = fields.texts(item, "paths");
    for (node, path) in &paths {
        if let Err(error) = globset::Glob::new(path) {
            fields.error(node, format!("`{path}` is not a glob: {}", error.kind()));
        }
    }
    let namespaces = fields.texts(item, "namespaces");
    let carries = [Carry::Merge, Carry::Pins].map(|carry| (carry.name(), carry));
    let carry = fields.choice(item, "carry", &carries);
    let from = fields.parsed(item, "promotedFrom");
    let environment = Environment {
        branch: fields.parsed(item, "branch"),
        paths: paths.into_iter().map(|(_, path)| path).collect(),
        namespaces: namespaces.into_iter().map(|(_, name)| name).collect(),
        delivery: fields
            .choice(item, "delivery", &delivery)
            .unwrap_or_default(),
        automerge: fields.flag(item, "automerge").unwrap_or_default(),
        gates: gates::read_gates(fields, item),
        freezes: gates::read_freezes(fields, item),
        integrated_registry: integrated_registry(fields, item),
        name: fields.parsed(item, "name")?,
        promotion: None,
    };
    check_gates(fields, item, &environment);
    let place = |key| fields.get(item, key).map(|node| fields.place(node));
    let wish = Wish {
        from: from.zip(place("promotedFrom")),
        carry: carry.zip(place("carry")),
        environment,
    };
    if let Some((carry, place)) = &wish.carry
        && fields.get(item, "promotedFrom").is_none()
    {
        let message = format!("`carry: {}` says how something is promoted", carry.name());
        let warning = Problem::warning(place.clone(), message);
        let advice = "write `promotedFrom`, or leave `carry` out";
        fields.problems.push(warning.advice(advice));
    }
    Some(wish)
}

/// Whether the operator has it, only the operator's file says.
fn integrated_registry<'a>(fields: &mut Fields<'a>, item: &'a Node) -> Option<NamedRegistry> {
    let node = fields.get(item, "integratedRegistry")?;
    let host = fields.text(item, "integratedRegistry")?;
    check_host(fields, node, &host);
    let place = fields.place(node);
    Some(NamedRegistry { host, place })
}

/// What gates ask for that this environment cannot have.
fn check_gates<'a>(fields: &mut Fields<'a>, item: &'a Node, environment: &Environment) {
    let Some(gates) = fields.get(item, "gates") else {
        return;
    };
    if environment.gates.approvals > 0
        && environment.delivery == Delivery::Commit
        && let Some(node) = gates.get("approvals")
    {
        let message = "`approvals` are given on pull requests, and `delivery: commit` opens none";
        let problem = Problem::error(fields.place(node), message);
        let advice = "leave `delivery` out, or `approvals`";
        fields.problems.push(problem.advice(advice));
    }
    if fields.get(item, "promotedFrom").is_some() {
        return;
    }
    for key in ["soak", "checks"] {
        if let Some(node) = fields.get(gates, key) {
            let message = format!(
                "`{key}` asks about a commit of the environment that images come from, and there is no `promotedFrom`"
            );
            let problem = Problem::warning(fields.place(node), message);
            let advice = "it counts only for stream tags whose source is a stream tag of another environment";
            fields.problems.push(problem.advice(advice));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::config::repository::{RepositoryConfig, read, read_on};
    use crate::environment::{Carry, Environment};
    use crate::gate::Soak;

    const KEY: &str = "-----BEGIN PUBLIC KEY-----\\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEEdAcnNXp6Rs8cd6BG2B/W1CI7C3W\\n3XDLj/oWWQHw6mpUbSb5MLoiKmA7rGZVGgSORhDTgL3Xlp0DvfsmULsxCg==\\n-----END PUBLIC KEY-----";

    /// `environments` as the flow items of one line, which is the file's fourth.
    fn config(environments: &str) -> (RepositoryConfig, Vec<String>) {
        let text = format!(
            "apiVersion: headwater.dev/v1alpha1\nkind: Config\nspec:\n  environments: [{environments}]\n"
        );
        let (config, problems) = read(text.as_bytes());
        let problems = problems.iter().map(ToString::to_string).collect();
        (config.unwrap_or_default(), problems)
    }

    fn names(config: &RepositoryConfig) -> Vec<&str> {
        let names = config.environments.iter().map(|it| it.name.as_str());
        names.collect()
    }

    #[test]
    fn a_branch_that_is_the_default_one_is_so_by_name_or_without() {
        let environments = |carry: &str| {
            format!(
                "apiVersion: headwater.dev/v1alpha1\nkind: Config\nspec:\n  environments: [{{name: dev}}, {{name: prod, branch: main, promotedFrom: dev{carry}}}]\n"
            )
        };
        let carries = |default: &str| {
            let default = default.parse().unwrap();
            let (config, _) = read_on(environments("").as_bytes(), Some(&default));
            let config = config.unwrap();
            let promotion = config.environments.last().unwrap().promotion.clone();
            promotion.unwrap().carry
        };
        assert_eq!(carries("main"), Carry::Pins);
        assert_eq!(carries("trunk"), Carry::Merge);
        let asked = environments(", carry: merge");
        let main = "main".parse().unwrap();
        let (config, problems) = read_on(asked.as_bytes(), Some(&main));
        let config = config.unwrap();
        assert_eq!(names(&config), ["dev"]);
        assert!(problems[0].message.contains("are on one"), "{problems:?}");
    }

    #[test]
    fn the_path_of_images_and_its_gates_are_read() {
        let (config, problems) = config(&format!(
            "{{name: dev}}, {{name: test, promotedFrom: dev}}, {{name: staging, branch: env/staging, promotedFrom: dev, gates: {{soak: 2h, checks: [ci/e2e]}}}}, {{name: prod, branch: env/prod, promotedFrom: staging, carry: pins, gates: {{soak: {{resident: 24h}}, signature: {{keys: [\"{KEY}\"]}}, minimumAge: 1h, approvals: 2, windows: [Mon-Thu], holidays: [2026-12-24, 2026-12-31..2027-01-01]}}, freeze: [{{from: 2026-12-20T18:00:00+01:00, until: 2027-01-04T00:00:00Z, reason: year's end}}, {{}}]}}"
        ));
        assert_eq!(problems, [""; 0]);
        let [dev, test, staging, prod] = config.environments.as_slice() else {
            panic!("four environments");
        };
        let promotion = |environment: &Environment| {
            let promotion = environment.promotion.as_ref()?;
            Some((promotion.from.to_string(), promotion.carry))
        };
        assert_eq!(promotion(dev), None);
        assert_eq!(promotion(test), Some(("dev".to_owned(), Carry::Pins)));
        assert_eq!(promotion(staging), Some(("dev".to_owned(), Carry::Merge)));
        assert_eq!(promotion(prod), Some(("staging".to_owned(), Carry::Pins)));
        let hours = |hours: u64| Duration::from_secs(hours * 3600);
        assert_eq!(staging.gates.soak, Some(Soak::Since(hours(2))));
        assert!(staging.gates.checks.contains("ci/e2e"));
        assert_eq!(prod.gates.soak, Some(Soak::Resident(hours(24))));
        assert_eq!(prod.gates.signed_by.len(), 1);
        assert_eq!(prod.gates.minimum_age, hours(1));
        assert_eq!(prod.gates.approvals, 2);
        assert_eq!(
            prod.gates.windows.to_string(),
            "Mon-Thu UTC; not on 2026-12-24, 2026-12-31..2027-01-01"
        );
        let [freeze, endless] = prod.freezes.as_slice() else {
            panic!("two freezes");
        };
        assert_eq!(
            freeze.to_string(),
            "frozen until 2027-01-04T00:00:00Z (year's end)"
        );
        assert_eq!(freeze.from.unwrap().to_string(), "2026-12-20T17:00:00Z");
        assert_eq!(endless.to_string(), "frozen");
    }

    /// An environment `a` with one fault, at `^`, stays out.
    #[test]
    fn every_fault_of_an_environment_leaves_that_one_alone() {
        for (members, expected) in [
            (
                "promotedFrom: ^x",
                "no environment is named `x`; the environments are a, ok",
            ),
            (
                "promotedFrom: ^a",
                "the environment `a` is promoted from itself; name the environment that its images come from, or remove `promotedFrom` to let it import by itself",
            ),
            (
                "promotedFrom: ^A",
                "`promotedFrom`: `A` is not an environment's name; use lower-case letters, digits and `-`, at most 63",
            ),
            (
                "promotedFrom: ok, carry: ^merge",
                "`carry: merge` merges one branch into another, and `ok` and `a` are on one; write `carry: pins`, or leave `carry` out",
            ),
            ("carry: ^all", "`carry` is one of merge, pins"),
            (
                "delivery: commit, gates: {approvals: ^1}",
                "`approvals` are given on pull requests, and `delivery: commit` opens none; leave `delivery` out, or `approvals`",
            ),
            (
                "gates: {^soaks: 2h}",
                "unknown field `soaks`; did you mean `soak`?",
            ),
            (
                "promotedFrom: ok, gates: {soak: ^0s}",
                "`soak` is no time at all; leave `soak` out",
            ),
            (
                "promotedFrom: ok, gates: {soak: {since: ^8785h}}",
                "`since` is at most 366 days, 8784h; `freeze` keeps an environment closed",
            ),
            (
                "promotedFrom: ok, gates: {soak: ^{}}",
                "`soak` has either `since` or `resident`; `since` counts from when a commit entered, `resident` only the time without another image in between",
            ),
            (
                "promotedFrom: ok, gates: {soak: ^soon}",
                "`soak` is a time span, for example 5m or 1h30m",
            ),
            (
                "promotedFrom: ok, gates: {checks: [^\" \"]}",
                "a name in `checks` is a text of 1 to 200 characters",
            ),
            (
                "gates: {minimumAge: ^0h}",
                "`minimumAge` is no time at all; leave `minimumAge` out",
            ),
            (
                "gates: {signature: ^{}}",
                "`signature` has at least one of `keys`; write the public key that `cosign generate-key-pair` made, in PEM form, as an item",
            ),
            (
                "gates: {signature: {keys: [^ssh-rsa AAAA]}}",
                "this is no public key; it begins with `-----BEGIN PUBLIC KEY-----`, and ends with `-----END PUBLIC KEY-----`, as cosign.pub does",
            ),
            (
                "gates: {approvals: ^0}",
                "`approvals` is a whole number of at least 1",
            ),
            (
                "gates: {approvals: ^1000}",
                "`approvals` is a whole number from 1 to 100",
            ),
            (
                "gates: {windows: [^Monday]}",
                "`Monday` is no window: `Monday` is no day; write Mon, Tue, Wed, Thu, Fri, Sat or Sun",
            ),
            (
                "gates: {windows: [Mon], holidays: [^24.12.]}",
                "`holidays`: `24.12.` is no day; write 2026-12-24, or 2026-12-24..2027-01-01",
            ),
            (
                "gates: {windows: [Mon], holidays: ^[2026-01-01..2026-12-31, 2028-01-01..2028-01-02]}",
                "`holidays` are more than 366 days; remove those that are past; `freeze` keeps an environment closed for long",
            ),
            (
                "gates: {holidays: ^[2026-12-24]}",
                "`holidays` are days on which no window opens, and there are no `windows`; write `windows: [\"* Europe/Berlin\"]` beside it for any time of all other days",
            ),
            ("freeze: ^true", "a mapping is expected"),
            (
                "freeze: {^till: 2027-01-04}",
                "unknown field `till`; known are from, until, reason",
            ),
            (
                "freeze: {until: ^2027-01-04}",
                "`until`: `2027-01-04` is no time, such as 2026-12-20T18:00:00+01:00",
            ),
            (
                "freeze: {from: 2027-01-04T00:00:00Z, until: ^2027-01-04T00:00:00Z}",
                "the freeze ends at 2027-01-04T00:00:00Z, before it begins at 2027-01-04T00:00:00Z",
            ),
            (
                "freeze: {reason: ^\"a\\nb\"}",
                "`reason` is one line of 1 to 200 characters",
            ),
        ] {
            let line = format!("{{name: ok}}, {{name: a, {members}}}");
            let column = "  environments: [".len() + line.find('^').unwrap() + 1;
            let (config, problems) = config(&line.replacen('^', "", 1));
            let expected = format!("headwater.yaml:4:{column}: error: {expected}");
            assert_eq!(problems, [expected]);
            assert_eq!(names(&config), ["ok"], "{members}");
        }
    }

    #[test]
    fn a_list_has_a_limit() {
        let many = |item: &str| vec![item; 101].join(", ");
        for (key, item) in [
            ("checks", "a"),
            ("windows", "Mon"),
            ("holidays", "2026-12-24"),
        ] {
            let list = many(item);
            let (_, problems) = config(&format!(
                "{{name: a}}, {{name: b, promotedFrom: a, gates: {{{key}: [{list}]}}}}"
            ));
            let expected = format!("error: `{key}` has more than 100 items");
            assert!(problems[0].ends_with(&expected), "{problems:?}");
        }
        let keys = many(&format!("\"{KEY}\""));
        let (_, problems) = config(&format!(
            "{{name: a, gates: {{signature: {{keys: [{keys}]}}}}}}"
        ));
        assert!(problems[0].ends_with("`keys` has more than 100 items"));
        let (_, problems) = config(&format!("{{name: a, freeze: [{}]}}", many("{}")));
        assert!(problems[0].ends_with("`freeze` has more than 100 items"));
    }

    #[test]
    fn a_circle_is_named_once_and_leaves_out_what_hangs_on_it() {
        let (config, problems) = config(
            "{name: dev}, {name: a, promotedFrom: c}, {name: b, promotedFrom: a}, {name: c, promotedFrom: b}, {name: d, promotedFrom: b}, {name: e, promotedFrom: d}",
        );
        assert_eq!(
            problems,
            [
                "headwater.yaml:4:55: error: these environments are promoted in a circle, so all of them are left alone: a -> c -> b -> a; remove `promotedFrom` of the first one, which imports by itself",
                "headwater.yaml:4:139: error: the environment `d` is left alone, since `b`, which it is promoted from, is; correct what is wrong with `b`",
                "headwater.yaml:4:167: error: the environment `e` is left alone, since `d`, which it is promoted from, is; correct what is wrong with `d`",
            ]
        );
        assert_eq!(names(&config), ["dev"]);
    }

    #[test]
    fn what_is_promoted_from_a_broken_environment_says_so() {
        let (config, problems) = config(
            "{name: dev}, {name: staging, pahts: [x], promotedFrom: dev}, {name: prod, promotedFrom: staging}",
        );
        assert_eq!(
            problems,
            [
                "headwater.yaml:4:47: error: unknown field `pahts`; did you mean `paths`?",
                "headwater.yaml:4:106: error: the environment `prod` is left alone, since `staging`, which it is promoted from, is; correct what is wrong with `staging`",
            ]
        );
        assert_eq!(names(&config), ["dev"]);
    }

    #[test]
    fn what_was_meant_is_named() {
        let (_, problems) = config("{name: staging}, {name: prod, promotedFrom: stagin}");
        let expected =
            "headwater.yaml:4:62: error: no environment is named `stagin`; did you mean `staging`?";
        assert_eq!(problems, [expected]);
    }

    #[test]
    fn what_asks_about_no_source_is_a_warning() {
        let (config, problems) = config("{name: a, carry: pins, gates: {soak: 2h, checks: [ci]}}");
        assert_eq!(
            problems,
            [
                "headwater.yaml:4:55: warning: `soak` asks about a commit of the environment that images come from, and there is no `promotedFrom`; it counts only for stream tags whose source is a stream tag of another environment",
                "headwater.yaml:4:67: warning: `checks` asks about a commit of the environment that images come from, and there is no `promotedFrom`; it counts only for stream tags whose source is a stream tag of another environment",
                "headwater.yaml:4:35: warning: `carry: pins` says how something is promoted; write `promotedFrom`, or leave `carry` out",
            ]
        );
        assert_eq!(names(&config), ["a"]);
    }
}
