//! Checks, statuses and reviews as only the real GitHub gives them, by a scripted server.

use headwater::forge::{Error, Forge as _};
use headwater::pull_request::{Checks, CommitStatus};
use headwater::revision::CommitId;
use serde_json::{Value, json};

use crate::forge::contract::site::{name, texts};
use crate::forge::github::{said, scripted};

const HEAD: &str = "e82eb4a098e32c796079ca3915e07487fc4db24c";
const OLD: &str = "1111111111111111111111111111111111111111";

fn head() -> CommitId {
    HEAD.parse().unwrap()
}

fn status(state: Checks) -> CommitStatus {
    CommitStatus {
        context: "headwater/gates".to_owned(),
        state,
        description: "waits".to_owned(),
        url: None,
    }
}

#[test]
fn a_name_of_two_systems_passes_where_both_do_and_a_rerun_takes_the_place_of_its_run() {
    let run = |id: u64, app: Option<u64>, name: &str, conclusion: Option<&str>| {
        json!({
            "id": id, "name": name,
            "app": app.map(|id| json!({"id": id})),
            "status": if conclusion.is_some() { "completed" } else { "queued" },
            "conclusion": conclusion,
        })
    };
    let runs = vec![
        run(9, Some(1), "test", Some("success")),
        run(3, Some(1), "test", Some("failure")),
        run(4, Some(2), "e2e", Some("failure")),
        run(8, Some(1), "e2e", Some("success")),
        run(5, None, "lint", Some("neutral")),
        run(6, Some(1), "new", Some("a conclusion of tomorrow")),
        run(7, Some(1), "late", None),
    ];
    let (_forge, client, _) = scripted(move |seen| {
        if seen.path.contains("/check-runs") {
            return said(200, &json!({"total_count": 7, "check_runs": runs}));
        }
        let statuses = json!([
            {"id": 1, "context": "lint", "state": "pending"},
            {"id": 2, "context": "odd", "state": "a state of tomorrow"},
        ]);
        said(
            200,
            &json!({"state": "pending", "total_count": 2, "statuses": statuses}),
        )
    });
    let found = client.statuses(head()).unwrap();
    let found: Vec<(&str, Checks)> = found
        .iter()
        .map(|check| (check.name.as_str(), check.state))
        .collect();
    let expected = [
        ("e2e", Checks::Failing),
        ("late", Checks::Pending),
        ("lint", Checks::Pending),
        ("new", Checks::Failing),
        ("odd", Checks::Failing),
        ("test", Checks::Passing),
    ];
    assert_eq!(found, expected);
}

#[test]
fn checks_without_an_end_are_an_error_and_no_pass() {
    let (forge, client, _) = scripted(|seen| {
        let number = seen.path.rsplit("page=").next().unwrap();
        let next = number.parse::<u64>().unwrap_or(1) + 1;
        let statuses: Value = (0..100)
            .map(|at| json!({"id": at, "context": format!("{number}/{at}"), "state": "success"}))
            .collect();
        let link = format!(
            "<http://{}/api/v3/repos/acme/shop/commits/{HEAD}/status?per_page=100&page={next}>; \
             rel=\"next\"",
            seen.header("host").unwrap()
        );
        let body = json!({"state": "success", "total_count": 9, "statuses": statuses,
            "check_runs": []});
        match seen.path.contains("check-runs") {
            true => said(200, &body),
            false => said(200, &body).header("link", &link),
        }
    });
    let error = client.statuses(head()).unwrap_err();
    assert!(error.to_string().contains("too many checks"), "{error}");
    assert!(forge.seen().len() <= 12, "{}", forge.seen().len());
}

#[test]
fn what_was_posted_must_be_what_is_there() {
    let (forge, client, _) = scripted(|_| {
        said(
            201,
            &json!({"context": "headwater/gates", "state": "success"}),
        )
    });
    client.set_status(head(), &status(Checks::Passing)).unwrap();
    let error = client.set_status(head(), &status(Checks::Failing));
    let error = error.unwrap_err();
    assert!(matches!(error, Error::Unusable { .. }), "{error}");
    assert_eq!(forge.count("POST"), 2);
}

#[test]
fn a_commit_that_is_not_there_is_missing_and_other_refusals_are_told() {
    let (forge, client, _) = scripted(|seen| {
        let words = match seen.path.contains("/pulls") {
            true => "This SHA and context has reached the maximum number of statuses.".to_owned(),
            false => format!("No commit found for SHA: {HEAD}"),
        };
        said(422, &json!({"message": words}))
    });
    for error in [
        client.statuses(head()).unwrap_err(),
        client.checks(head()).unwrap_err(),
        client
            .set_status(head(), &status(Checks::Passing))
            .unwrap_err(),
    ] {
        let expected = format!("has no commit {HEAD} of acme/shop, or hides it from this token");
        assert!(error.to_string().ends_with(&expected), "{error}");
    }
    let error = client.entered(head(), &name("main")).unwrap_err();
    assert!(error.to_string().contains("maximum number"), "{error}");
    assert_eq!(forge.count("POST"), 1);
}

#[test]
fn a_refusal_names_the_permission() {
    let (_forge, client, _) = scripted(|_| {
        said(
            403,
            &json!({"message": "Resource not accessible by personal access token"}),
        )
    });
    for (error, needed) in [
        (client.statuses(head()).unwrap_err(), "`checks: read`"),
        (
            client
                .set_status(head(), &status(Checks::Passing))
                .unwrap_err(),
            "`statuses: write`",
        ),
        (
            client.entered(head(), &name("main")).unwrap_err(),
            "`pull_requests: read`",
        ),
    ] {
        assert!(matches!(error, Error::Denied { .. }), "{error}");
        assert!(error.to_string().contains(needed), "{error}");
    }
}

#[test]
fn approvals_are_of_this_head_and_of_others_than_author_and_bot() {
    let review = |state: &str, kind: &str, login: &str, commit: Option<&str>| {
        json!({
            "state": state,
            "author": {"__typename": kind, "login": login},
            "commit": commit.map(|oid| json!({"oid": oid})),
        })
    };
    let nodes = json!([
        review("APPROVED", "User", "ada", Some(HEAD)),
        review("APPROVED", "User", "late", Some(OLD)),
        review("APPROVED", "User", "pushed-away", None),
        review("CHANGES_REQUESTED", "User", "ben", Some(HEAD)),
        review("DISMISSED", "User", "eve", Some(HEAD)),
        review("APPROVED", "User", "author", Some(HEAD)),
        review("APPROVED", "Bot", "headwater", Some(HEAD)),
        review("APPROVED", "User", "headwater", Some(HEAD)),
        review("APPROVED", "Bot", "helper", Some(HEAD)),
        {"state": "APPROVED", "author": null, "commit": {"oid": HEAD}},
        null,
    ]);
    let (forge, client, _) = scripted(move |_| {
        let pull = json!({
            "headRefOid": HEAD,
            "author": {"__typename": "User", "login": "author"},
            "latestOpinionatedReviews": {"nodes": nodes},
        });
        let data = json!({
            "viewer": {"login": "headwater[bot]"}, "repository": {"pullRequest": pull},
        });
        said(200, &json!({"data": data}))
    });
    let found = client.approvals(3, head()).unwrap();
    assert_eq!(found, texts(&["ada", "headwater", "helper[bot]"]));
    assert!(
        client
            .approvals(3, OLD.parse().unwrap())
            .unwrap()
            .is_empty()
    );
    let seen = forge.seen();
    let body: Value = serde_json::from_str(&seen[0].body).unwrap();
    let variables = json!({"owner": "acme", "name": "shop", "number": 3});
    assert_eq!(body["variables"], variables);
    assert!(
        seen[0].body.contains("writersOnly: true"),
        "{}",
        seen[0].body
    );
}

#[test]
fn the_merge_that_made_a_commit_is_when_it_entered() {
    let pull = |number: u64, base: &str, merged_at: Option<&str>, made: &str| {
        let side = |name: &str| json!({"ref": name, "sha": OLD, "repo": {"id": 1}});
        json!({
            "number": number, "node_id": "PR_1", "html_url": "https://github.example/1",
            "state": "closed", "title": "t", "body": null, "draft": false,
            "merged_at": merged_at, "merge_commit_sha": made, "labels": [], "user": null,
            "created_at": "2026-08-20T07:40:00Z", "auto_merge": null,
            "head": side("headwater/dev/web"), "base": side(base),
        })
    };
    let (early, late) = ("2026-08-21T07:00:00Z", "2026-08-22T07:00:00Z");
    for (pulls, expected) in [
        (vec![], None),
        (vec![pull(1, "main", None, HEAD)], None),
        (vec![pull(1, "env/prod", Some(early), HEAD)], None),
        (
            vec![
                pull(1, "main", Some(early), HEAD),
                pull(2, "main", Some(late), OLD),
            ],
            Some(early),
        ),
        // Rather too late than too early.
        (
            vec![
                pull(2, "main", Some(late), OLD),
                pull(1, "main", Some(early), OLD),
            ],
            Some(late),
        ),
    ] {
        let told = format!("{pulls:?}");
        let (_forge, client, _) = scripted(move |_| said(200, &pulls.clone().into()));
        let found = client.entered(head(), &name("main")).unwrap();
        assert_eq!(found, expected.map(|it| it.parse().unwrap()), "{told}");
    }
}
