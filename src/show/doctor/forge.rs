use crate::config::forge::ForgeKind;
use crate::environment::{Delivery, Environment};
use crate::pull_request::{MergeMethod, Protection, Standing};
use crate::show::doctor::scopes::scopes;
use crate::show::doctor::{Finding, State};

/// What is asked of a forge by the settings.
#[derive(Clone, Copy, Debug)]
pub struct ForgeWishes {
    pub kind: ForgeKind,
    /// A GitHub App, not an account.
    pub is_app: bool,
    pub merge_method: MergeMethod,
    /// Whether an environment merges by itself.
    pub automerges: bool,
    /// Whether an environment has gates, of which a commit status tells.
    pub has_gates: bool,
}

/// What a forge says of the repository and of who asks.
pub fn forge(of: &str, wishes: &ForgeWishes, standing: &Standing) -> Vec<Finding> {
    let version = match &standing.version {
        Some(version) => format!("{} {version} answers", wishes.kind.name()),
        None => format!("{} answers", wishes.kind.name()),
    };
    let mut findings = vec![
        Finding::new(State::Ok, "forge", of, version),
        token(of, wishes, standing),
        writing(of, wishes, standing),
    ];
    if standing.is_archived {
        findings.push(
            Finding::new(
                State::Fault,
                "archived",
                of,
                "the repository is archived: nothing can be written",
            )
            .advice("take it out of the archive, or do not run headwater on it"),
        );
    }
    if wishes.automerges {
        findings.extend(automerge(of, wishes, standing));
    }
    findings
}

/// Why a forge could not be asked.
pub fn forge_failed(of: &str, reason: &str, advice: Option<&str>) -> Finding {
    let finding = Finding::new(State::Fault, "forge", of, reason);
    match advice {
        Some(advice) => finding.advice(advice),
        None => finding,
    }
}

fn token(of: &str, wishes: &ForgeWishes, standing: &Standing) -> Finding {
    let known = scopes(wishes.kind, wishes.is_app, wishes.has_gates);
    let account = format!("of {}", standing.account);
    if standing.scopes.is_empty() {
        let found = format!("{account}; the forge does not say what it may do");
        return Finding::new(State::Unknown, "token", of, found)
            .advice(format!("see to it that it is {}", known.least));
    }
    let (missing, needless) = (
        known.missing(&standing.scopes),
        known.needless(&standing.scopes),
    );
    if !missing.is_empty() {
        let found = format!("{account}; it lacks {}", missing.join(", "));
        return Finding::new(State::Fault, "token", of, found)
            .advice(format!("use {}", known.least));
    }
    if !needless.is_empty() {
        let found = format!(
            "{account}; it may do more than is needed: {}",
            needless.join(", ")
        );
        return Finding::new(State::Warning, "token", of, found)
            .advice(format!("{} is enough", known.least));
    }
    let has: Vec<&str> = standing.scopes.iter().map(String::as_str).collect();
    Finding::new(
        State::Ok,
        "token",
        of,
        format!("{account}, with {}", has.join(", ")),
    )
}

fn writing(of: &str, wishes: &ForgeWishes, standing: &Standing) -> Finding {
    if standing.may_write {
        return Finding::new(
            State::Ok,
            "writing",
            of,
            "it may push branches and open pull requests",
        );
    }
    let role = match (wishes.kind, wishes.is_app) {
        (ForgeKind::GitHub, true) => {
            "install the App on the repository, with contents and pull requests (read and write)"
        }
        (ForgeKind::GitHub, false) => "give the account the role Write in the repository",
        (ForgeKind::GitLab, _) => "give the account the role Developer in the project",
        (ForgeKind::Gitea | ForgeKind::Forgejo, _) => {
            "make the account a collaborator of the repository that may write"
        }
    };
    Finding::new(
        State::Fault,
        "writing",
        of,
        "it may not push branches or open pull requests here",
    )
    .advice(role)
}

fn automerge(of: &str, wishes: &ForgeWishes, standing: &Standing) -> Vec<Finding> {
    let mut findings = Vec::new();
    let name = wishes.merge_method.name();
    let methods: Vec<&str> = standing.merge_methods.iter().map(|it| it.name()).collect();
    findings.push(if standing.merge_methods.contains(&wishes.merge_method) {
        Finding::new(
            State::Ok,
            "merge method",
            of,
            format!("`{name}` is allowed"),
        )
    } else {
        let allowed = match methods.as_slice() {
            [] => "none is allowed".to_owned(),
            methods => format!("only {} is allowed", methods.join(", ")),
        };
        Finding::new(
            State::Fault,
            "merge method",
            of,
            format!("automerge is to use `{name}`, and {allowed}"),
        )
        .advice("change pullRequests.mergeMethod in headwater.yaml, or allow it on the forge")
    });
    if !standing.has_automerge {
        findings.push(
            Finding::new(
                State::Warning,
                "automerge",
                of,
                "the forge does not merge by itself here: headwater does in a later pass",
            )
            .advice("allow auto-merge in the repository's settings on the forge"),
        );
    }
    findings
}

/// What the protection of an environment's branch means for how it is delivered.
pub fn protection(
    of: &str,
    environment: &Environment,
    branch: &str,
    protection: &Protection,
) -> Finding {
    let new = |state, found: String| {
        Finding::new(
            state,
            "protection",
            format!("{of} {branch}"),
            format!("environment {}: {found}", environment.name),
        )
    };
    let demands = demands(protection);
    match (environment.delivery, protection.is_protected) {
        (Delivery::Commit, true) => new(
            State::Fault,
            format!("`delivery: commit` will be refused: {demands}"),
        )
        .advice(format!(
            "set `delivery: pullRequest` for {}; do not let the bot pass by the protection",
            environment.name
        )),
        (Delivery::PullRequest, false) => new(
            State::Ok,
            "not protected: whoever may push can pass by review".to_owned(),
        ),
        (_, is_protected) if environment.automerge && protection.approvals > 0 => new(
            State::Warning,
            format!(
                "automerge waits for people: {}",
                if is_protected { &*demands } else { "approvals" }
            ),
        )
        .advice("nobody has to do anything; without approvals on the forge it would not wait"),
        (_, true) => new(State::Ok, demands),
        (Delivery::Commit, false) => new(State::Ok, "takes pushes".to_owned()),
    }
}

fn demands(protection: &Protection) -> String {
    let mut demands = vec!["protected".to_owned()];
    match protection.approvals {
        0 => {}
        1 => demands.push("1 approval".to_owned()),
        more => demands.push(format!("{more} approvals")),
    }
    if !protection.checks.is_empty() {
        let checks: Vec<&str> = protection.checks.iter().map(String::as_str).collect();
        demands.push(format!("checks {}", checks.join(", ")));
    }
    if protection.requires_up_to_date {
        demands.push("an up-to-date branch".to_owned());
    }
    demands.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing() -> Standing {
        Standing {
            account: "headwater-bot".to_owned(),
            scopes: ["api".to_owned()].into(),
            default_branch: "main".to_owned(),
            may_write: true,
            is_archived: false,
            merge_methods: vec![MergeMethod::Merge],
            has_automerge: true,
            time: None,
            version: Some("17.1".to_owned()),
        }
    }

    fn wishes() -> ForgeWishes {
        ForgeWishes {
            kind: ForgeKind::GitLab,
            is_app: false,
            merge_method: MergeMethod::Merge,
            automerges: true,
            has_gates: false,
        }
    }

    fn states(findings: &[Finding]) -> Vec<(&'static str, State)> {
        findings.iter().map(|it| (it.check, it.state)).collect()
    }

    #[test]
    fn a_forge_as_it_should_be_is_well() {
        let findings = forge("acme/shop", &wishes(), &standing());
        assert!(
            findings
                .iter()
                .all(|it| it.state == State::Ok && it.advice.is_none()),
            "{findings:?}"
        );
        assert_eq!(findings[0].found, "gitlab 17.1 answers");
        assert_eq!(findings[1].found, "of headwater-bot, with api");
    }

    #[test]
    fn each_thing_that_is_wrong_is_named_with_what_to_do() {
        let wrong = Standing {
            scopes: ["read_api".to_owned()].into(),
            may_write: false,
            is_archived: true,
            has_automerge: false,
            merge_methods: vec![MergeMethod::Squash],
            ..standing()
        };
        let findings = forge("acme/shop", &wishes(), &wrong);
        assert_eq!(
            states(&findings),
            [
                ("forge", State::Ok),
                ("token", State::Fault),
                ("writing", State::Fault),
                ("archived", State::Fault),
                ("merge method", State::Fault),
                ("automerge", State::Warning),
            ]
        );
        let is_told = |it: &Finding| it.state == State::Ok || it.advice.is_some();
        assert!(findings.iter().all(is_told), "{findings:?}");
        assert_eq!(findings[1].found, "of headwater-bot; it lacks api");
    }

    #[test]
    fn gates_need_a_token_that_may_post_statuses() {
        let app = ForgeWishes {
            kind: ForgeKind::GitHub,
            is_app: true,
            has_gates: true,
            ..wishes()
        };
        let has = [
            "checks: read",
            "contents: write",
            "metadata: read",
            "pull_requests: write",
            "statuses: read",
        ];
        let standing = Standing {
            scopes: has.map(str::to_owned).into(),
            ..standing()
        };
        let token = &forge("acme/shop", &app, &standing)[1];
        assert_eq!(
            (token.state, &*token.found),
            (State::Fault, "of headwater-bot; it lacks statuses: write")
        );
        let advice = token.advice.as_deref().unwrap_or_default();
        assert!(
            advice.contains("commit statuses (read and write)"),
            "{advice}"
        );
        let without = ForgeWishes {
            has_gates: false,
            ..app
        };
        assert_eq!(forge("acme/shop", &without, &standing)[1].state, State::Ok);
        // A fine-grained token: GitHub does not say what it may do.
        let fine = ForgeWishes {
            is_app: false,
            ..app
        };
        let unsaid = Standing {
            scopes: [].into(),
            ..standing
        };
        let token = &forge("acme/shop", &fine, &unsaid)[1];
        let advice = token.advice.as_deref().unwrap_or_default();
        assert_eq!(token.state, State::Unknown);
        assert!(
            advice.contains("commit statuses (read and write)"),
            "{advice}"
        );
    }

    #[test]
    fn protection_is_judged_by_how_things_are_delivered() {
        let protected = Protection {
            is_protected: true,
            approvals: 2,
            ..Protection::default()
        };
        let free = Protection::default();
        for (delivery, automerge, facts, state) in [
            (Delivery::Commit, false, &protected, State::Fault),
            (Delivery::Commit, false, &free, State::Ok),
            (Delivery::PullRequest, false, &protected, State::Ok),
            (Delivery::PullRequest, true, &protected, State::Warning),
            (Delivery::PullRequest, true, &free, State::Ok),
        ] {
            let environment = Environment {
                delivery,
                automerge,
                ..Environment::default()
            };
            let finding = protection("acme/shop", &environment, "main", facts);
            assert_eq!(finding.state, state, "{finding:?}");
        }
    }
}
