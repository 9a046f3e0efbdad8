//! What Gitea and Forgejo have of their own.

use headwater::forge::gitea::Gitea;
use headwater::forge::{Error, Forge, MAX_OPEN};
use headwater::pull_request::{Protection, State};
use serde_json::{Value, json};

use crate::forge::contract::site::{
    Site, TestSite, branch, name, now, opened, plain_options, texts,
};
use crate::support::forge::{Failure, Kind, Rule};
use crate::support::scripted::{Reply, Scripted, Seen};

fn asking(forge: &Scripted) -> Gitea {
    let api = forge.url("/api/v1").parse().unwrap();
    Gitea::new(plain_options(api, "t0ken"), "acme", "shop").unwrap()
}

fn pull(number: usize, head: &str) -> Value {
    json!({
        "number": number, "html_url": "https://forge.example/1", "state": "open",
        "title": "t", "body": "b", "user": {"login": "ada"}, "labels": null,
        "created_at": "2026-08-23T07:40:00Z",
        "head": {"label": head, "ref": head, "sha": "", "repo_id": 1},
        "base": {"label": "main", "ref": "main", "sha": "", "repo_id": 1},
    })
}

fn page_of(seen: &Seen) -> usize {
    let query = seen.path.split_once('?').unwrap().1;
    let mut pairs = url::form_urlencoded::parse(query.as_bytes());
    let page = pairs.find(|(name, _)| name == "page").unwrap().1;
    page.parse().unwrap()
}

/// A forge that gives so many a page, whatever it is asked for.
fn with_pages(size: usize, all: usize, says_count: bool) -> Scripted {
    Scripted::start(move |seen| {
        let first = (page_of(seen) - 1) * size + 1;
        let numbers = first..(first + size).min(all + 1);
        let pulls: Value = numbers
            .map(|number| pull(number, &format!("headwater/dev/s{number}")))
            .collect();
        let reply = Reply::ok("application/json", pulls.to_string());
        if says_count {
            reply.header("x-total-count", &all.to_string())
        } else {
            reply
        }
    })
}

#[test]
fn pages_are_counted_by_what_the_forge_says() {
    for (size, all, says_count, requests) in [
        (50, 120, true, 3),
        (50, 100, true, 2),
        // Configured to give less than is asked for.
        (30, 70, true, 3),
        (50, 120, false, 3),
        (50, 100, false, 3),
        (50, 0, true, 1),
    ] {
        let forge = with_pages(size, all, says_count);
        let open = asking(&forge).open_pull_requests("headwater/").unwrap();
        assert_eq!(open.len(), all, "{size} {all} {says_count}");
        assert_eq!(forge.seen().len(), requests, "{size} {all} {says_count}");
    }
}

#[test]
fn several_branches_are_looked_for_in_one_walk() {
    let forge = with_pages(50, 120, true);
    let gitea = asking(&forge);
    let heads = [
        "headwater/dev/s77",
        "headwater/dev/none",
        "headwater/dev/s3",
    ]
    .map(name);
    let found = gitea.pull_requests_of_each(&heads).unwrap();
    let numbers = found
        .iter()
        .map(|of_head| of_head.iter().map(|pull| pull.number).collect());
    assert_eq!(
        numbers.collect::<Vec<Vec<u64>>>(),
        [vec![77], vec![], vec![3]]
    );
    assert_eq!(forge.count("GET"), 3);
    assert!(gitea.pull_requests_of_each(&[]).unwrap().is_empty());
    assert_eq!(forge.count("GET"), 3);
}

#[test]
fn pages_without_an_end_are_left() {
    let forge = with_pages(50, 1_000_000, true);
    let open = asking(&forge).open_pull_requests("headwater/").unwrap();
    assert_eq!((open.len(), forge.seen().len()), (MAX_OPEN, MAX_OPEN / 50));

    let tiny = with_pages(1, 1_000_000, true);
    let error = asking(&tiny).open_pull_requests("headwater/").unwrap_err();
    assert!(error.to_string().contains("200 pages"), "{error}");

    // Whatever page is asked for, it is the first one.
    let same: Value = (1..=50).map(|number| pull(number, "headwater/a")).collect();
    let round = Scripted::start(move |_| Reply::ok("application/json", same.to_string()));
    let open = asking(&round).open_pull_requests("headwater/").unwrap();
    assert_eq!((open.len(), round.seen().len()), (50, MAX_OPEN / 50));
}

#[test]
fn what_has_no_branch_is_left_out() {
    // Pushed to refs/for/main: no branch, and so no name.
    let pulls = json!([pull(1, ""), pull(2, "a..b"), pull(3, "headwater/a")]);
    let forge = Scripted::start(move |_| Reply::ok("application/json", pulls.to_string()));
    let open = asking(&forge).open_pull_requests("").unwrap();
    let numbers: Vec<u64> = open.iter().map(|pull| pull.number).collect();
    assert_eq!(numbers, [3]);
}

#[test]
fn a_rule_may_be_a_pattern_and_hidden() {
    let site = TestSite::start(Kind::Gitea);
    site.clone()
        .git(&["push", "-q", "origin", "main:refs/heads/env/dev"]);
    let rule = Rule {
        requires_up_to_date: true,
        approvals: 1,
        checks: texts(&["ci/test"]),
    };
    site.protect("env/*", rule);
    site.protect("en*", Rule::default());
    let expected = Protection {
        is_protected: true,
        requires_up_to_date: true,
        approvals: 1,
        checks: texts(&["ci/test"]),
    };
    let protection = || site.forge().protection(&name("env/dev")).unwrap();
    assert_eq!(protection(), expected);
    let hidden = Failure::Status(403);
    site.test_forge
        .fail_next("GET", "/branch_protections", hidden);
    let requires_up_to_date = false;
    assert_eq!(
        protection(),
        Protection {
            requires_up_to_date,
            ..expected
        }
    );
    assert_eq!(site.violations(), [""; 0]);
}

#[test]
fn a_branch_that_is_gone_has_no_commit() {
    let site = TestSite::start(Kind::Gitea);
    branch(&site, "headwater/dev/web");
    let pull = opened(&site, "headwater/dev/web");
    site.clone()
        .git(&["push", "-q", "origin", ":headwater/dev/web"]);
    let now = now(&site, &pull);
    assert_eq!((now.state, now.head_commit), (State::Closed, None));
    assert_eq!(now.head, pull.head);
}

#[test]
fn what_a_person_writes_in_a_browser_has_line_ends_of_git() {
    let site = TestSite::start(Kind::Gitea);
    branch(&site, "headwater/dev/web");
    let pull = opened(&site, "headwater/dev/web");
    site.test_forge
        .model()
        .edit(pull.number, |pull| "a\r\n\r\nb".clone_into(&mut pull.body));
    site.comment(pull.number, "x\r\ny");
    assert_eq!(now(&site, &pull).body, "a\n\nb");
    let comments = site.forge().comments(pull.number).unwrap();
    assert_eq!(comments[0].body, "x\ny");
}

#[test]
fn a_token_for_the_repository_alone_is_enough() {
    let site = TestSite::start(Kind::Forgejo);
    site.test_forge.model().may_write = false;
    site.test_forge.model().is_archived = true;
    site.test_forge
        .fail_next("GET", "/user", Failure::Status(403));
    let standing = site.forge().standing().unwrap();
    assert_eq!(standing.account, "");
    assert!(!standing.may_write && standing.is_archived);
    let version = standing.version.unwrap();
    assert!(version.contains("gitea-"), "{version}");
}

#[test]
fn a_refused_label_is_a_warning() {
    let site = TestSite::start(Kind::Gitea);
    branch(&site, "headwater/dev/web");
    let mut wanted = crate::forge::contract::site::draft("headwater/dev/web");
    wanted.labels = texts(&["env/dev"]);
    site.test_forge
        .fail_next("POST", "/labels", Failure::Status(403));
    let opened = site.forge().open(&wanted).unwrap();
    assert!(opened.pull_request.labels.is_empty());
    let [warning] = &*opened.warnings else {
        panic!("{:?}", opened.warnings);
    };
    assert!(warning.contains("label"), "{warning}");
}

#[test]
fn a_merge_that_is_not_allowed_is_not_offered() {
    use headwater::forge::Merging;
    use headwater::pull_request::MergeMethod;
    let site = TestSite::start(Kind::Gitea);
    site.test_forge.model().merge_methods = vec![MergeMethod::Squash];
    let head = branch(&site, "headwater/dev/web");
    let pull = opened(&site, "headwater/dev/web");
    let merge = |method| site.forge().merge(pull.number, head, method).unwrap();
    assert_eq!(merge(MergeMethod::Rebase), Merging::NotOffered);
    let standing = site.forge().standing().unwrap();
    assert_eq!(standing.merge_methods, [MergeMethod::Squash]);
    assert_eq!(merge(MergeMethod::Squash), Merging::Merged);
}

#[test]
fn names_that_would_walk_elsewhere_are_refused() {
    let forge = Scripted::start(|_| Reply::ok("application/json", "[]"));
    let api = forge.url("/api/v1").parse().unwrap();
    let gitea = Gitea::new(plain_options(api, "t0ken"), "..", "shop").unwrap();
    let error = gitea.open_pull_requests("").unwrap_err();
    assert!(matches!(error, Error::Settings(_)), "{error}");
    assert_eq!(forge.seen().len(), 0);
}

fn reviewed(reviews: Value) -> (Scripted, Gitea) {
    let forge = Scripted::start(move |seen| {
        let mut pull = pull(3, "headwater/dev/web");
        pull["head"]["sha"] = HEAD.into();
        let body = if seen.path.contains("/reviews") {
            reviews.clone()
        } else if seen.path.ends_with("/user") {
            json!({"login": "headwater-bot"})
        } else {
            pull
        };
        Reply::ok("application/json", body.to_string())
    });
    let gitea = asking(&forge);
    (forge, gitea)
}

const HEAD: &str = "e82eb4a098e32c796079ca3915e07487fc4db24c";

fn review(id: u64, login: &str, state: &str, more: &Value) -> Value {
    let mut review = json!({
        "id": id, "user": {"login": login}, "state": state, "official": true,
        "stale": false, "dismissed": false, "commit_id": HEAD,
    });
    let fields = review.as_object_mut().unwrap();
    fields.extend(more.as_object().unwrap().clone());
    review
}

#[test]
fn approvals_are_official_fresh_and_of_others_than_author_and_bot() {
    let none = json!({});
    let (_forge, gitea) = reviewed(json!([
        review(1, "ben", "APPROVED", &none),
        review(2, "carl", "APPROVED", &json!({"official": false})),
        review(3, "dora", "APPROVED", &json!({"stale": true})),
        review(4, "eve", "APPROVED", &json!({"dismissed": true})),
        // It is who opened it.
        review(5, "ada", "APPROVED", &none),
        review(6, "headwater-bot", "APPROVED", &none),
        review(7, "fay", "APPROVED", &json!({"commit_id": "1".repeat(40)})),
        review(9, "gus", "REQUEST_CHANGES", &none),
        review(8, "gus", "APPROVED", &none),
        review(10, "ben", "COMMENT", &none),
        review(11, "hal", "A STATE OF TOMORROW", &none),
        {"id": 12, "user": null, "team": {"name": "all"}, "state": "REQUEST_REVIEW"},
    ]));
    let found = gitea.approvals(3, HEAD.parse().unwrap()).unwrap();
    // What Fay has seen is what is there: it is not stale.
    assert_eq!(found, texts(&["ben", "fay"]));
}

#[test]
fn reviews_without_an_end_are_an_error() {
    let many: Value = (1..=50)
        .map(|id| review(id, "ben", "APPROVED", &json!({})))
        .collect();
    let (forge, gitea) = reviewed(many);
    let error = gitea.approvals(3, HEAD.parse().unwrap()).unwrap_err();
    assert!(error.to_string().contains("too many reviews"), "{error}");
    assert!(forge.seen().len() <= 21, "{}", forge.seen().len());
}

#[test]
fn a_version_that_does_not_know_pull_requests_of_commits_has_none() {
    let forge = Scripted::start(|seen| match seen.path.contains("/git/commits/") {
        true => Reply::ok("application/json", json!({"sha": HEAD}).to_string()),
        false => Reply::status(404).body("404 page not found\n"),
    });
    let main = name("main");
    let entered = asking(&forge).entered(HEAD.parse().unwrap(), &main);
    assert_eq!(entered.unwrap(), None);
    let asked = &forge.seen()[1].path;
    let all = "?stat=false&verification=false&files=false";
    assert!(
        asked.ends_with(&format!("/git/commits/{HEAD}{all}")),
        "{asked}"
    );
}
