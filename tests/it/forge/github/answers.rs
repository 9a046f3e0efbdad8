//! Answers that only the real GitHub gives on demand, by a scripted server.

use headwater::forge::github::GitHub;
use headwater::forge::{Error, Forge as _};
use headwater::pull_request::Protection;
use serde_json::{Value, json};

use crate::forge::contract::site::{draft, name, texts};
use crate::forge::github::{Clock, Pauses, options, said, scripted};
use crate::support::scripted::{Reply, Scripted};

fn pull(is_draft: bool) -> Value {
    let side = |name: &str| json!({"ref": name, "sha": "1".repeat(40), "repo": {"id": 1}});
    json!({
        "number": 3,
        "node_id": "PR_3",
        "html_url": "https://github.example/acme/shop/pull/3",
        "state": "open",
        "title": "pin headwater/dev/web",
        "body": null,
        "draft": is_draft,
        "merged_at": null,
        "created_at": "2026-08-23T07:40:00Z",
        "labels": [],
        "user": null,
        "auto_merge": null,
        "head": side("headwater/dev/web"),
        "base": side("main"),
    })
}

fn refused(message: &str) -> Reply {
    said(
        422,
        &json!({"message": "Validation Failed", "errors": [{"message": message}]}),
    )
}

#[test]
fn a_repository_without_drafts_gets_a_pull_request_all_the_same() {
    let (forge, client, _) = scripted(|seen| {
        if seen.body.contains("\"draft\":true") {
            refused("Draft pull requests are not supported in this repository.")
        } else {
            said(201, &pull(false))
        }
    });
    let mut wanted = draft("headwater/dev/web");
    wanted.is_draft = true;
    let opened = client.open(&wanted).unwrap();
    assert!(!opened.pull_request.is_draft);
    assert_eq!(opened.pull_request.author, "ghost");
    assert_eq!(opened.warnings.len(), 1);
    assert_eq!(forge.count("POST"), 2);
}

#[test]
fn a_lost_answer_whose_pull_request_is_listed_late_is_still_one() {
    // The look-up is behind; the second try is told.
    let (forge, client, _) = scripted({
        let asked = std::sync::atomic::AtomicUsize::new(0);
        move |seen| match (
            &*seen.method,
            asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst),
        ) {
            ("POST", 0) => Reply::closed(),
            ("GET", 1) => said(200, &json!([])),
            ("POST", 2) => refused("A pull request already exists for acme:headwater/dev/web."),
            ("GET", 3) => said(200, &json!([pull(false)])),
            ("POST", _) => said(200, &json!([{"name": "env/dev"}])),
            _ => Reply::status(404),
        }
    });
    let mut wanted = draft("headwater/dev/web");
    wanted.labels = texts(&["env/dev"]);
    let opened = client.open(&wanted).unwrap();
    assert_eq!(opened.pull_request.number, 3);
    assert_eq!(
        opened.pull_request.labels, wanted.labels,
        "it is ours to dress"
    );
    assert_eq!(forge.seen().len(), 5);
}

#[test]
fn fault_13_a_secondary_limit_on_a_write_is_waited_for_or_told() {
    let words = json!({"message": "You have exceeded a secondary rate limit. Please wait."});
    let short = words.clone();
    let (forge, client, pauses) = scripted({
        let asked = std::sync::atomic::AtomicUsize::new(0);
        move |_| match asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
            0 => said(403, &short).header("retry-after", "5"),
            1 => said(201, &pull(false)),
            _ => said(200, &json!([{"name": "a"}])),
        }
    });
    let mut wanted = draft("headwater/dev/web");
    wanted.labels = texts(&["a"]);
    assert!(client.open(&wanted).unwrap().warnings.is_empty());
    let seconds: Vec<u64> = pauses
        .lock()
        .unwrap()
        .iter()
        .map(std::time::Duration::as_secs)
        .collect();
    assert_eq!(
        seconds,
        [5, 1],
        "the limit, and a second between two writes"
    );
    assert_eq!(forge.count("POST"), 3);

    let (forge, client, pauses) = scripted(move |_| said(403, &words));
    let error = client.add_comment(3, "x").unwrap_err();
    let Error::Limited { until, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!(until.as_deref(), Some("2026-08-23T07:41:00Z"));
    assert!(pauses.lock().unwrap().is_empty());
    assert_eq!(forge.seen().len(), 1);
}

#[test]
fn a_limit_of_graphql_is_one_although_its_status_is_200() {
    let (_forge, client, _) = scripted(|seen| match &*seen.path {
        "/api/graphql" => said(
            200,
            &json!({"errors": [{"type": "RATE_LIMITED", "message": "API rate limit exceeded"}]}),
        )
        .header("x-ratelimit-reset", "1787475600"),
        _ => said(200, &pull(false)),
    });
    let change = headwater::pull_request::Change {
        is_draft: Some(true),
        ..Default::default()
    };
    let error = client.change(3, &change).unwrap_err();
    let Error::Limited { until, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!(until.as_deref(), Some("2026-08-23T09:00:00Z"));
}

#[test]
fn graphql_does_not_echo_the_token() {
    let (_forge, client, _) = scripted(|seen| match &*seen.path {
        "/api/graphql" => said(
            200,
            &json!({"errors": [{"type": "X", "message": "no \u{1b}[31m s3cret-token"}]}),
        ),
        _ => said(200, &pull(false)),
    });
    let change = headwater::pull_request::Change {
        is_draft: Some(true),
        ..Default::default()
    };
    let words = client.change(3, &change).unwrap_err().to_string();
    assert!(
        !words.contains("s3cret") && !words.contains('\u{1b}'),
        "{words}"
    );
}

#[test]
fn pages_and_graphql_stay_at_the_forge() {
    let evil = Scripted::start(|_| said(200, &json!([])));
    let link = format!("<{}>; rel=\"next\"", evil.url("/pulls?page=2"));
    let (forge, client, _) =
        scripted(move |_| said(200, &json!([pull(false)])).header("link", &link));
    let error = client.open_pull_requests("").unwrap_err();
    assert!(matches!(error, Error::Unusable { .. }), "{error}");
    assert_eq!((forge.seen().len(), evil.seen().len()), (1, 0));
    let first = &forge.seen()[0];
    assert_eq!(first.header("accept"), Some("application/vnd.github+json"));
    assert_eq!(first.header("x-github-api-version"), Some("2022-11-28"));
    assert_eq!(
        first.path,
        "/api/v3/repos/acme/shop/pulls?state=open&sort=created&direction=asc&per_page=100"
    );
}

#[test]
fn graphql_is_beside_the_root_of_the_api() {
    for (root, expected) in [
        ("", "/graphql"),
        ("/", "/graphql"),
        ("/api/v3", "/api/graphql"),
        ("/api/v3/", "/api/graphql"),
    ] {
        let forge = Scripted::start(|seen| match seen.path.ends_with("/graphql") {
            true => said(
                200,
                &json!({"data": {"changed": {"pullRequest": {"isDraft": true}}}}),
            ),
            false => said(200, &pull(false)),
        });
        let clock = Clock::at("2026-08-23T07:40:00Z");
        let options = options(&forge.url(root), &clock, &Pauses::default());
        let client = GitHub::new(options, "acme", "shop").unwrap();
        let change = headwater::pull_request::Change {
            is_draft: Some(true),
            ..Default::default()
        };
        assert!(client.change(3, &change).unwrap().is_draft);
        assert_eq!(forge.seen()[1].path, expected, "{root}");
    }
}

#[test]
fn a_fork_that_is_gone_is_not_ours() {
    let mut gone = pull(false);
    gone["head"]["repo"] = Value::Null;
    let (_forge, client, _) = scripted(move |_| said(200, &json!([gone, pull(false)])));
    assert_eq!(client.open_pull_requests("").unwrap().len(), 1);
}

fn protection(rules: Reply, classic: Reply, branch: Reply) -> Protection {
    let (_forge, client, _) = scripted(move |seen| {
        if seen.path.contains("/rules/branches/env%2Fdev") {
            rules.clone()
        } else if seen.path.ends_with("/branches/env%2Fdev/protection") {
            classic.clone()
        } else if seen.path.ends_with("/branches/env%2Fdev") {
            branch.clone()
        } else {
            Reply::status(400)
        }
    });
    client.protection(&name("env/dev")).unwrap()
}

#[test]
fn protection_is_of_rulesets_and_of_the_branch_itself() {
    let rules = || {
        said(
            200,
            &json!([
                {"type": "non_fast_forward"},
                {"type": "pull_request", "parameters": {"required_approving_review_count": 1}},
                {"type": "required_status_checks", "parameters": {
                    "strict_required_status_checks_policy": false,
                    "required_status_checks": [{"context": "ci/rule", "integration_id": 5}],
                }},
            ]),
        )
    };
    let none = || said(200, &json!([]));
    let message = |status, words: &str| said(status, &json!({"message": words}));
    let classic = || {
        said(
            200,
            &json!({
                "required_status_checks": {"strict": true, "contexts": ["ci/test"]},
                "required_pull_request_reviews": {"required_approving_review_count": 2},
                "enforce_admins": {"enabled": false},
            }),
        )
    };
    let open = || message(404, "Branch not protected");
    let hidden = || message(403, "Resource not accessible by integration");
    let shown = || {
        said(
            200,
            &json!({"protected": true, "protection": {"enabled": true, "required_status_checks": {
                "enforcement_level": "everyone", "contexts": ["ci/shown"],
            }}}),
        )
    };
    let expected = |requires_up_to_date, approvals, checks: &[&str]| Protection {
        is_protected: true,
        requires_up_to_date,
        approvals,
        checks: texts(checks),
    };
    let unasked = || Reply::status(400);
    assert_eq!(
        protection(rules(), classic(), unasked()),
        expected(true, 2, &["ci/rule", "ci/test"])
    );
    assert_eq!(
        protection(rules(), open(), unasked()),
        expected(false, 1, &["ci/rule"])
    );
    assert_eq!(protection(none(), open(), unasked()), Protection::default());
    for hides in [hidden(), message(404, "Not Found")] {
        assert_eq!(
            protection(none(), hides, shown()),
            expected(false, 0, &["ci/shown"])
        );
    }
    let linear = said(200, &json!({"required_linear_history": {"enabled": true}}));
    assert_eq!(protection(none(), linear, unasked()), Protection::default());
    let upgrade = message(403, "Upgrade to GitHub Pro or make this repository public");
    let unprotected = said(200, &json!({"protected": false}));
    assert_eq!(
        protection(upgrade.clone(), upgrade, unprotected),
        Protection::default()
    );
}
