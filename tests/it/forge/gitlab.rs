//! What only GitLab does, against answers as its documentation and its issues show them.

use headwater::forge::gitlab::GitLab;
use headwater::forge::http::{Options, Timeouts, Token};
use headwater::forge::{Error, Forge as _, Merging};
use headwater::pull_request::{Checks, CommitStatus, Draft, MergeMethod};
use headwater::revision::CommitId;
use serde_json::{Value, json};

use crate::support::scripted::{Reply, Scripted, Seen};

const HEAD: &str = "e82eb4a098e32c796079ca3915e07487fc4db24c";

/// Answers by method and path below the API's root; the query stands behind it.
fn gitlab(answer: impl Fn(&str, &Seen) -> Reply + Send + Sync + 'static) -> (Scripted, GitLab) {
    let server = Scripted::start(move |seen| {
        let path = seen.path.trim_start_matches("/api/v4/");
        let path = path.replace("projects/acme%2Fsub%2Fshop", "P");
        answer(&format!("{} {path}", seen.method), seen)
    });
    let options = Options {
        base: server.url("/api/v4").parse().unwrap(),
        allows_plain: true,
        token: Token::Value("t0ken".into()),
        ca_files: Vec::new(),
        user_agent: "headwater".to_owned(),
        timeouts: Timeouts::default(),
        now: std::sync::Arc::new(jiff::Timestamp::now),
        pause: std::sync::Arc::new(|_| {}),
        tally: std::sync::Arc::default(),
    };
    let gitlab = GitLab::new(options, "acme/sub/shop").unwrap();
    (server, gitlab)
}

fn ok(value: &Value) -> Reply {
    Reply::ok("application/json", value.to_string())
}

fn no(status: u16, message: &str) -> Reply {
    Reply::status(status)
        .header("content-type", "application/json")
        .body(json!({"message": message}).to_string())
}

fn merge_request(iid: u64, more: &Value) -> Value {
    let mut value = json!({
        "iid": iid,
        "web_url": format!("https://gitlab.example/acme/sub/shop/-/merge_requests/{iid}"),
        "state": "opened",
        "title": "pin web",
        "description": "a body",
        "source_branch": "headwater/dev/web",
        "target_branch": "main",
        "source_project_id": 7,
        "target_project_id": 7,
        "sha": HEAD,
        "labels": [],
        "draft": false,
        "author": {"id": 1, "username": "headwater-bot"},
        "created_at": "2026-08-23T07:40:00.123Z",
    });
    let fields = value.as_object_mut().unwrap();
    fields.extend(more.as_object().unwrap().clone());
    value
}

fn head() -> CommitId {
    HEAD.parse().unwrap()
}

#[test]
fn pages_are_asked_for_by_number_and_their_links_are_not_followed() {
    let (server, gitlab) = gitlab(|_, seen| {
        let (page, next) = match seen.path.contains("&page=2") {
            false => (json!([merge_request(1, &json!({}))]), "2"),
            true => (json!([merge_request(2, &json!({}))]), ""),
        };
        ok(&page)
            .header("x-next-page", next)
            .header("link", "<https://evil.example/p?page=2>; rel=\"next\"")
    });
    let all = gitlab.open_pull_requests("headwater/").unwrap();
    let numbers: Vec<u64> = all.iter().map(|pull| pull.number).collect();
    assert_eq!(numbers, [1, 2]);
    let first = &server.seen()[0];
    assert_eq!(first.header("private-token"), Some("t0ken"));
    assert_eq!(
        first.path,
        "/api/v4/projects/acme%2Fsub%2Fshop/merge_requests?scope=all&state=opened\
         &order_by=created_at&sort=asc&per_page=100&page=1"
    );
}

#[test]
fn pages_end() {
    for next in ["1", "0", "99999999"] {
        let (_server, gitlab) = gitlab(move |_, _| ok(&json!([])).header("x-next-page", next));
        let error = gitlab.open_pull_requests("").unwrap_err();
        assert!(matches!(error, Error::Unusable { .. }), "{error}");
    }
}

#[test]
fn one_that_is_being_merged_counts_as_open_and_a_gone_fork_as_a_fork() {
    let (_server, gitlab) = gitlab(|_, _| {
        ok(&json!([
            merge_request(1, &json!({"state": "locked"})),
            merge_request(2, &json!({"source_project_id": null})),
            merge_request(3, &json!({"source_project_id": 8})),
        ]))
    });
    let all = gitlab.open_pull_requests("").unwrap();
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].number, 1);
}

/// What GitLab answers to a merge that is to wait, for a merge request like `more`.
fn asked_to_wait(more: Value) -> (Scripted, Merging) {
    let (server, gitlab) = gitlab(move |asked, seen| match asked {
        "GET P" => ok(&json!({"merge_method": "merge", "default_branch": "main"})),
        "GET P/merge_requests/1" => ok(&merge_request(1, &more)),
        "PUT P/merge_requests/1/merge" if seen.body.contains("auto_merge") => {
            no(405, "405 Method Not Allowed")
        }
        _ => ok(&merge_request(1, &json!({"state": "merged"}))),
    });
    let merging = gitlab.merge_when_ready(1, head(), MergeMethod::Merge);
    (server, merging.unwrap())
}

#[test]
fn not_allowed_soon_after_opening_means_later() {
    let (_server, merging) = asked_to_wait(json!({"detailed_merge_status": "preparing"}));
    let expected = "405 Method Not Allowed (status 405), merge status preparing";
    assert_eq!(merging, Merging::NotReady(expected.to_owned()));
    // Mergeable, but its pipelines may not have been made yet.
    let (_server, merging) = asked_to_wait(json!({"detailed_merge_status": "mergeable"}));
    assert!(matches!(merging, Merging::NotReady(_)), "{merging:?}");
    let failed = json!({
        "detailed_merge_status": "mergeable",
        "prepared_at": "2026-08-23T07:40:02Z",
        "head_pipeline": {"status": "failed"},
    });
    let (_server, merging) = asked_to_wait(failed);
    assert!(matches!(&merging, Merging::NotReady(why) if why.ends_with("pipeline failed")));
}

#[test]
fn what_waits_for_no_pipeline_is_merged_now() {
    let ready = json!({
        "detailed_merge_status": "mergeable",
        "prepared_at": "2026-08-23T07:40:02Z",
        "head_pipeline": null,
    });
    let (server, merging) = asked_to_wait(ready);
    assert_eq!(merging, Merging::Merged);
    assert_eq!(server.count("PUT"), 2);
}

#[test]
fn a_method_is_the_projects_and_squashing_can_be_switched_off() {
    let script = |project: Value| {
        move |asked: &str, seen: &Seen| match asked {
            "GET P" => ok(&project),
            "PUT P/merge_requests/1/merge" => ok(&merge_request(1, &json!({"state": "merged"}))),
            "PUT P/merge_requests/1" => {
                assert_eq!(seen.body, r#"{"squash":false}"#);
                ok(&merge_request(1, &json!({})))
            }
            _ => ok(&merge_request(1, &json!({"squash": true}))),
        }
    };
    for (project, method, expected, writes) in [
        (
            json!({"merge_method": "merge"}),
            MergeMethod::Merge,
            Merging::Merged,
            2,
        ),
        (
            json!({"merge_method": "merge"}),
            MergeMethod::Squash,
            Merging::Merged,
            1,
        ),
        (
            json!({"merge_method": "merge"}),
            MergeMethod::Rebase,
            Merging::NotOffered,
            0,
        ),
        (
            json!({"merge_method": "ff"}),
            MergeMethod::Rebase,
            Merging::Merged,
            2,
        ),
        (
            json!({"merge_method": "ff"}),
            MergeMethod::Merge,
            Merging::NotOffered,
            0,
        ),
        (
            json!({"merge_method": "merge", "squash_option": "always"}),
            MergeMethod::Merge,
            Merging::NotOffered,
            0,
        ),
        (
            json!({"merge_method": "merge", "squash_option": "never"}),
            MergeMethod::Squash,
            Merging::NotOffered,
            0,
        ),
    ] {
        let (server, gitlab) = gitlab(script(project.clone()));
        let merging = gitlab.merge(1, head(), method).unwrap();
        assert_eq!(merging, expected, "{project} {method:?}");
        assert_eq!(server.count("PUT"), writes, "{project} {method:?}");
    }
}

#[test]
fn who_may_not_merge_is_told_so_and_keeps_the_token() {
    let (_server, gitlab) = gitlab(|asked, _| match asked {
        "GET P" => ok(&json!({"merge_method": "merge"})),
        "PUT P/merge_requests/1/merge" => no(401, "401 Unauthorized"),
        _ => ok(&merge_request(1, &json!({}))),
    });
    let merging = gitlab.merge(1, head(), MergeMethod::Merge).unwrap();
    assert!(matches!(&merging, Merging::NotReady(why) if why.contains("may not merge")));
}

#[test]
fn whom_gitlab_leaves_out_is_a_warning() {
    // Without a paid tier there is one reviewer.
    let (_server, gitlab) = gitlab(|asked, _| match asked {
        "GET users?username=ada" => ok(&json!([{"id": 3, "username": "ada"}])),
        "GET users?username=ben" => ok(&json!([{"id": 4, "username": "ben"}])),
        _ => ok(&merge_request(
            1,
            &json!({"reviewers": [{"id": 4, "username": "ben"}]}),
        )),
    });
    let draft = Draft {
        head: "headwater/dev/web".parse().unwrap(),
        base: "main".parse().unwrap(),
        title: "pin web".to_owned(),
        body: "a body".to_owned(),
        labels: ["a,b".to_owned()].into(),
        reviewers: ["ada", "ben", "acme/sre"].map(str::to_owned).into(),
        assignees: Default::default(),
        is_draft: false,
    };
    let warnings = gitlab.open(&draft).unwrap().warnings;
    assert_eq!(
        warnings,
        [
            "GitLab has no groups as reviewer: acme/sre is left out",
            "GitLab did not take ada as reviewer",
            "GitLab did not take the label `a,b`",
        ]
    );
}

#[test]
fn a_branch_that_is_not_there_yet_is_protected_by_a_pattern() {
    let script = |list: Reply| {
        move |asked: &str, _: &Seen| match asked.split('?').next().unwrap() {
            "GET P" => ok(&json!({"merge_method": "ff"})),
            "GET P/protected_branches" => list.clone(),
            "GET P/approval_rules" => no(403, "403 Forbidden"),
            _ => no(404, "404 Branch Not Found"),
        }
    };
    let branch = "env/dev".parse().unwrap();
    let (_server, maintainer) = gitlab(script(ok(&json!([{"name": "main"}, {"name": "env/*"}]))));
    let protection = maintainer.protection(&branch).unwrap();
    assert!(protection.is_protected && protection.requires_up_to_date);
    assert_eq!(protection.approvals, 0);
    let (_server, developer) = gitlab(script(no(403, "403 Forbidden")));
    assert!(!developer.protection(&branch).unwrap().is_protected);
}

#[test]
fn who_was_invited_with_a_group_may_write() {
    let script = |level: u64| {
        move |asked: &str, _: &Seen| match asked {
            "GET user" => ok(&json!({"id": 9, "username": "bot"})),
            "GET P" => ok(&json!({
                "default_branch": "main",
                "permissions": {"project_access": null, "group_access": null},
            })),
            "GET P/members/all/9" => ok(&json!({"access_level": level})),
            _ => no(404, "404 Not Found"),
        }
    };
    let (_server, developer) = gitlab(script(30));
    let standing = developer.standing().unwrap();
    assert!(standing.may_write && standing.scopes.is_empty());
    assert_eq!(standing.version, None);
    let (_server, reporter) = gitlab(script(20));
    assert!(!reporter.standing().unwrap().may_write);
}

fn status(state: Checks, url: Option<&str>) -> CommitStatus {
    CommitStatus {
        context: "headwater/gates".to_owned(),
        state,
        description: "waits".to_owned(),
        url: url.map(str::to_owned),
    }
}

#[test]
fn a_status_that_is_so_already_is_no_failure_and_another_refusal_is_one() {
    let (server, gitlab) = gitlab(|_, seen| match seen.body.contains("pending") {
        true => no(
            400,
            "Cannot transition status via :enqueue from :pending (Reason(s): Status cannot \
             transition via \"enqueue\")",
        ),
        false => no(400, "Cannot transition status via :drop from :canceled"),
    });
    gitlab
        .set_status(head(), &status(Checks::Pending, None))
        .unwrap();
    let error = gitlab.set_status(head(), &status(Checks::Failing, None));
    let error = error.unwrap_err();
    assert!(matches!(error, Error::Refused { .. }), "{error}");
    assert_eq!(server.count("POST"), 2);
}

#[test]
fn a_status_that_is_being_written_is_written_once_more_and_a_long_address_left_out() {
    let (server, gitlab) = gitlab({
        let asked = std::sync::atomic::AtomicUsize::new(0);
        move |_, _| match asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
            0 => no(409, "Another update to this commit status is in progress"),
            _ => ok(&json!({"id": 1, "name": "headwater/gates", "status": "success"})),
        }
    });
    let long = format!("https://headwater.example/{}", "x".repeat(255));
    let passing = status(Checks::Passing, Some(&long));
    gitlab.set_status(head(), &passing).unwrap();
    let short = status(Checks::Passing, Some("https://headwater.example/prod"));
    gitlab.set_status(head(), &short).unwrap();
    let bodies: Vec<Value> = server
        .seen()
        .iter()
        .map(|seen| serde_json::from_str(&seen.body).unwrap())
        .collect();
    let expected = json!({
        "name": "headwater/gates", "state": "success", "description": "waits",
    });
    assert_eq!(bodies[..2], [expected.clone(), expected]);
    assert_eq!(bodies[2]["target_url"], "https://headwater.example/prod");
    let path = &server.seen()[0].path;
    assert!(path.ends_with(&format!("/statuses/{HEAD}")), "{path}");
}

#[test]
fn approvals_are_later_than_the_head_where_gitlab_says_when() {
    let approval = |id: u64, username: &str, at: Option<&str>| json!({"user": {"id": id, "username": username}, "approved_at": at});
    let (before, after) = ("2026-08-23T07:00:00.5Z", "2026-08-23T09:00:00Z");
    for (approved_by, versions, expected) in [
        (vec![], 0, vec![]),
        // Its author's and our own.
        (
            vec![approval(1, "headwater-bot", None), approval(9, "me", None)],
            0,
            vec![],
        ),
        (
            vec![approval(2, "ada", None), approval(3, "ben", None)],
            0,
            vec!["ada", "ben"],
        ),
        (
            vec![
                approval(2, "ada", Some(before)),
                approval(3, "ben", Some(after)),
                approval(4, "eve", None),
            ],
            1,
            vec!["ben", "eve"],
        ),
    ] {
        let (server, gitlab) = gitlab(move |asked, _| {
            let path = asked.split('?').next().unwrap();
            match path {
                "GET P/merge_requests/1" => ok(&merge_request(1, &json!({}))),
                "GET P/merge_requests/1/approvals" => ok(&json!({"approved_by": approved_by})),
                "GET P/merge_requests/1/versions" => ok(&json!([
                    // A new base, and the same head.
                    {"id": 4, "head_commit_sha": HEAD, "created_at": "2026-08-23T10:00:00Z"},
                    {"id": 3, "head_commit_sha": HEAD, "created_at": "2026-08-23T08:00:00Z"},
                    {"id": 2, "head_commit_sha": "1".repeat(40),
                        "created_at": "2026-08-23T06:00:00Z"},
                    {"id": 1, "head_commit_sha": HEAD, "created_at": "2026-08-23T05:00:00Z"},
                ])),
                "GET user" => ok(&json!({"id": 9, "username": "me"})),
                _ => no(404, "404 Not Found"),
            }
        });
        let found = gitlab.approvals(1, head()).unwrap();
        assert!(found.iter().eq(&expected), "{found:?} {expected:?}");
        let asked = server.seen().into_iter();
        let asked = asked.filter(|seen| seen.path.contains("/versions"));
        assert_eq!(asked.count(), versions);
    }
    // A version that is not there yet lets nobody's count.
    let (_server, gitlab) = gitlab(move |asked, _| match asked.split('?').next().unwrap() {
        "GET P/merge_requests/1" => ok(&merge_request(1, &json!({}))),
        "GET P/merge_requests/1/approvals" => ok(&json!({"approved_by": [
            {"user": {"id": 2, "username": "ada"}, "approved_at": "2026-08-23T09:00:00Z"},
        ]})),
        "GET user" => ok(&json!({"id": 9, "username": "me"})),
        _ => ok(&json!([])),
    });
    assert!(gitlab.approvals(1, head()).unwrap().is_empty());
}

#[test]
fn the_merge_that_made_a_commit_is_when_it_entered() {
    let (early, late) = ("2026-08-21T07:00:00Z", "2026-08-22T07:00:00Z");
    for (field, expected) in [
        ("merge_commit_sha", early),
        ("squash_commit_sha", early),
        ("sha", late),
    ] {
        let (_server, gitlab) = gitlab(move |_, _| {
            ok(&json!([
                {"target_branch": "main", "merged_at": early, field: HEAD},
                {"target_branch": "main", "merged_at": late, "merge_commit_sha": null},
                {"target_branch": "main", "merged_at": null, field: HEAD},
                {"target_branch": "env/dev", "merged_at": late, field: HEAD},
            ]))
        });
        let found = gitlab.entered(head(), &"main".parse().unwrap()).unwrap();
        assert_eq!(found, Some(expected.parse().unwrap()), "{field}");
    }
}
