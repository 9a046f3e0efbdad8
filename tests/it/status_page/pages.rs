//! What pages say.

use std::collections::BTreeSet;

use headwater::serve::page::{Form, MAX_BYTES};
use headwater::serve::state::{DaemonState, Failure, RepositoryState};
use serde_json::Value as Json;

use crate::status_page::scene::{large, state, timeline};
use crate::status_page::seen::PAGES;
use crate::status_page::site::{get, get_at};

/// What a person reads: tags taken out, white space as one blank.
pub fn read(html: &str) -> String {
    let html = html.split_once("</head>").map_or(html, |(_, body)| body);
    let mut text = String::new();
    let mut is_tag = false;
    for character in html.chars() {
        match character {
            '<' => is_tag = true,
            '>' => {
                is_tag = false;
                text.push(' ');
            }
            _ if is_tag => {}
            _ => text.push(character),
        }
    }
    let text = text.replace("&#39;", "'").replace("&quot;", "\"");
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut text = text;
    for mark in [",", ".", ":", ")"] {
        text = text.replace(&format!(" {mark}"), mark);
    }
    text
}

fn text(target: &str) -> String {
    let answer = get(&state(), target);
    assert_eq!(answer.status, 200, "{target}");
    read(&answer.body)
}

/// Each of `expected`, one behind the other.
pub fn in_order(text: &str, expected: &[&str]) {
    let mut rest = text;
    for part in expected {
        let at = rest.find(part);
        let at = at.unwrap_or_else(|| panic!("no `{part}` in: {rest}"));
        rest = &rest[at + part.len()..];
    }
}

#[test]
fn the_overview_begins_with_what_needs_attention() {
    in_order(
        &text("/"),
        &[
            "Problems Builders 4 need you",
            "1 pull request waits for a merge.",
            "Failed the Git repository in infra",
            "permission denied; let the daemon's user read the folder",
            "since 2026-11-21 10:18:00 UTC (102 min ago) · tried again at 2026-11-21 12:06:00 UTC (in 6 min)",
            "Failed apps/search/stream.yaml:14:11 in shop",
            "Failed dev/shop-dev/search:latest in shop",
            "did not answer within 30 s",
            "asked again at 2026-11-21 12:04:48 UTC",
            "Blocked headwater/dev/auth in shop",
            "Update auth:1 in dev was edited Pull request",
            "Open headwater/prod/from-staging in shop",
            "waits for approvals: 1 of 2",
            "infra 1 in 1 environment 0 0 0 2 min ago ! failed in 6 min",
            "shop 7 in 3 environments 4 2 2 12 s ago in 4 min",
            "Lately Subject What Change When",
            "dev/shop-dev/mailer:3 in shop Moved",
            "2026-11-21 11:58:00 UTC (2 min ago)",
            "dev/shop-dev/web:1.8 in shop Proposed",
            "All activity since the daemon's start 2026-11-19 06:00:00 UTC (2 d ago)",
            "Read at 2026-11-21 12:00:00 UTC",
        ],
    );
}

#[test]
fn each_concern_leads_to_the_page_that_says_more_of_it() {
    let mut state = state();
    state.repositories[1].promotions[0].gates[0].verdict = "failed".to_owned();
    let body = get(&state, "/").body;
    for link in [
        "hosts#repositories\">the Git repository</a>",
        "problems?q=shop\">apps/search/stream.yaml:14:11</a>",
        "repository/shop/stream/search:latest\">dev/shop-dev/search:latest</a>",
        "pull-requests?q=shop\">headwater/dev/auth</a>",
        "repository/shop/promotions\">staging from dev</a>",
    ] {
        assert!(body.contains(&format!("<a href=\"./{link}")), "{link}");
    }
}

#[test]
fn no_one_and_many_concerns_are_said_rightly() {
    let empty = DaemonState::default();
    let said = |state: &DaemonState| read(&get(state, "/").body);
    in_order(
        &said(&empty),
        &[
            "All is well",
            "Nothing fails, nothing is blocked, and no pull request is open.",
            "No Git repository is configured.",
        ],
    );
    let mut one = state();
    one.repositories.remove(1);
    in_order(&said(&one), &["1 needs you"]);
    let mut calm = state();
    calm.repositories = vec![RepositoryState {
        name: "calm".to_owned(),
        ..calm.repositories[1].clone()
    }];
    calm.repositories[0].problems.clear();
    calm.repositories[0].pull_requests.truncate(1);
    for line in &mut calm.repositories[0].status.stream_tags {
        for cell in &mut line.environments {
            cell.waiting.clear();
        }
    }
    in_order(
        &said(&calm),
        &["All is well", "1 pull request waits for a merge"],
    );
    let wrong = DaemonState {
        settings_failure: Some(Failure {
            since: "2026-11-21T11:00:00Z".to_owned(),
            count: 1,
            message: "config.yaml:3:1: `serv` is unknown".to_owned(),
            hint: Some("did you mean `serve`?".to_owned()),
        }),
        ..empty
    };
    in_order(
        &said(&wrong),
        &[
            "The server file is wrong since 2026-11-21 11:00:00 UTC (60 min ago), and the last good one is kept",
            "`serv` is unknown; did you mean `serve`?",
            "1 needs you",
            "Failed the server file",
        ],
    );
}

#[test]
fn many_that_fail_in_one_way_are_one_concern() {
    let mut state = large(50);
    let down = state.repositories[1].status.stream_tags.iter_mut();
    for line in down {
        let message = format!("{}: the registry did not answer", line.name);
        let why = crate::status_page::scene::why("unavailable", &message);
        line.environments[0].waiting = vec![why];
    }
    let text = read(&get(&state, "/").body);
    in_order(
        &text,
        &[
            "Failed 50 stream tags in dev in shop",
            "service-00000:1.0: the registry did not answer; and 49 more",
        ],
    );
    assert_eq!(text.matches("did not answer;").count(), 1);
}

#[test]
fn the_matrix_shows_differences_and_folds_the_rest() {
    let answer = get(&state(), "/repository/shop/streams");
    in_order(
        &read(&answer.body),
        &[
            "4 with a difference",
            "Stream tag dev staging from dev prod from staging",
            // What fails comes first.
            "search:latest",
            "3 d · ! unavailable",
            "differs",
            "mailer:3",
            "90 s",
            "1 behind · soak",
            "–",
            "payments:stable",
            "1 behind · held",
            "web:1.8",
            "2 h",
            "80 min · =",
            "17 d · 2 behind · #412 · approvals",
            "3 without a difference",
            "api:2",
        ],
    );
    let (open, folded) = answer.body.split_once("<details>").unwrap();
    assert!(open.contains("/stream/web:1.8\""));
    assert!(!open.contains("/stream/api:2\"") && folded.contains("/stream/api:2\""));
    assert!(folded.contains(r#"<abbr class="mark same" title="the same as staging">=</abbr>"#));
    assert!(open.contains(r#"href="https://git.example/shop/deploy/pulls/412""#));
}

#[test]
fn rows_are_filtered_by_name_digest_and_reason() {
    let rows = |query: &str| {
        let body = get(&state(), &format!("/repository/shop/streams?q={query}")).body;
        body.matches("<th scope=\"row\">").count()
    };
    assert_eq!(rows(""), 7);
    assert_eq!(rows("WEB"), 1);
    assert_eq!(rows(&crate::status_page::scene::digest('j')[7..19]), 1);
    assert_eq!(rows("unavailable"), 1);
    assert_eq!(rows("shop-prod+soak"), 0);
    assert_eq!(rows("shop-dev+soak"), 1);
    let body = get(&state(), "/repository/shop/streams?q=nothing%22%3E").body;
    assert!(body.contains("No stream tag has <q>nothing&quot;&gt;</q>."));
    assert!(body.contains("value=\"nothing&quot;&gt;\""));
    // What was looked for is not folded away.
    let body = get(&state(), "/repository/shop/streams?q=api").body;
    assert!(body.contains("<details open>"));
}

#[test]
fn a_stream_says_where_it_is_why_it_waits_and_how_it_came() {
    in_order(
        &text("/repository/shop/stream/web:1.8"),
        &[
            "web:1.8 dev",
            "prod branch env/prod, promoted from staging · badge",
            "shop-prod/web:1.8 is",
            "for 17 d",
            "2 images behind staging",
            "is proposed by pull request #412 (open)",
            "Pull request #412",
            "Why it waits approvals waits for approvals: 1 of 2, by ada",
            "Timeline Image Since Commit Who From",
            "2026-11-03 14:05:00 UTC (17 d ago)",
            "Ada staging",
            "Data of shop: last pass 2026-11-21 11:59:48 UTC (12 s ago), contents read 2026-11-21 11:59:48 UTC (12 s ago), next 2026-11-21 12:04:48 UTC (in 4 min).",
        ],
    );
    in_order(
        &text("/repository/shop/stream/mailer:3"),
        &[
            "one image behind dev",
            "Why it waits soak waits for soak: in dev since 2026-11-21 11:58:30 UTC (90 s ago), long enough at 2026-11-21 13:58:30 UTC (in 118 min)",
            "No commit has given it an image.",
            "prod",
            "has no such stream tag",
        ],
    );
}

#[test]
fn promotions_say_who_waits_for_what() {
    in_order(
        &text("/repository/shop/promotions"),
        &[
            "dev branch env/dev at",
            "staging branch env/staging",
            "1 not as in dev",
            "takes from dev by merge, commit",
            "soak waits for soak: in dev since",
            "until 2026-11-21 13:58:30 UTC (in 118 min)",
            "prod branch env/prod",
            "3 not as in staging",
            "pull request #412 is open",
            "approvals waits for approvals: 1 of 2, by ada",
            "windows waits for windows",
        ],
    );
    let picture = get(&state(), "/repository/shop/promotions.svg");
    assert_eq!((picture.status, picture.form), (200, Form::Svg));
    in_order(
        &picture.body,
        &[
            ">prod<",
            ">waits: approvals and 1 more<",
            ">#412<",
            ">staging<",
            ">waits: soak<",
            ">until 2026-11-21 13:58 UTC<",
            ">dev<",
        ],
    );
    assert_ne!(
        picture.body,
        get(&state(), "/repository/shop/promotions.svg?dark").body
    );
}

#[test]
fn a_large_pipeline_is_a_list_only() {
    let mut state = state();
    let columns = &mut state.repositories[1].status.environments;
    columns.truncate(1);
    for number in 1..=20 {
        let mut column = columns[0].clone();
        column.name = format!("stage-{number:02}");
        column.promoted_from = Some(columns[number / 2].name.clone());
        columns.push(column);
    }
    let body = get(&state, "/repository/shop/promotions").body;
    assert!(!body.contains("<picture>"));
    for number in 1..=20 {
        assert!(body.contains(&format!("<strong>stage-{number:02}</strong>")));
    }
    assert_eq!(get(&state, "/repository/shop/promotions.svg").status, 404);
    state.repositories[1].status.environments.truncate(20);
    assert!(
        get(&state, "/repository/shop/promotions")
            .body
            .contains("<picture>")
    );
}

#[test]
fn the_other_pages_list_requests_hosts_and_problems() {
    in_order(
        &text("/pull-requests"),
        &[
            "1 blocked",
            "edited #407 Update auth:1 in dev",
            "1 open",
            "open #412 Promote staging to prod: web:1.8",
            "prod of shop, branch headwater/prod/from-staging, since 2026-11-21 10:41:00 UTC (79 min ago)",
            "waits for approvals: 1 of 2, by ada",
            "1 queued",
            "They are not opened yet",
            "queued Update shop-dev/images:5 in dev",
            "dev of shop, branch headwater/dev/images shop-dev/images:5 headwater/dev/images waits: 3 bot branches are open, the limit of pullRequests.maxOpen",
            "1 ignored",
            "Somebody has closed them",
            "ignored #399",
        ],
    );
    in_order(
        &text("/hosts"),
        &[
            "registry.example registry ! fails circuit open: left alone until 2026-11-21 12:00:48 UTC (in 48 s) 29 min ago 12 s ago",
            "did not answer within 30 s in 4 min",
            "git.example forge answers",
            "– in 4 min 4987 of 5000, all again in 40 min",
            "ghcr.io registry answers circuit closed",
            "in 4 min 76 Git repositories",
            "infra /srv/git/infra.git",
            "took 30012 ms",
            "! 7 in a row for 102 min",
        ],
    );
    in_order(
        &text("/problems"),
        &[
            "1 error, 1 warning.",
            "apps/search/stream.yaml:14:11 shop error `scheduled` is a boolean, and this is the string `yes`; write `true` or `false`",
            "apps/search/stream.yaml:3:11 shop warning",
        ],
    );
    in_order(
        &text("/catalog"),
        &[
            "2 builder images: stream tags whose annotation tags has builder.",
            "shop-dev/go:latest git@github.com:acme/go-ex.git none yet dev of shop",
            "Ruby 3.3 shop-dev/ruby:3.3 Build and run Ruby 3.3 applications. 3.3 ruby:3.3, ruby https://github.com/sclorg/ruby-ex.git at master in app Acme, Inc. icon-ruby",
            "dev of shop",
        ],
    );
    let filtered = read(&get(&state(), "/catalog?q=acme+ruby").body);
    assert!(filtered.contains("1 builder image:") && !filtered.contains("go:latest"));
    let filtered = read(&get(&state(), "/problems?q=kustomization").body);
    assert!(filtered.contains("0 errors, 1 warning."));
}

#[test]
fn every_page_says_how_old_its_data_is() {
    for page in PAGES {
        let fresh = read(&get(&state(), page).body);
        assert!(fresh.contains("Read at 2026-11-21 12:00:00 UTC"), "{page}");
        let warning = "shop: no pass has ended since 2026-11-21 11:59:48 UTC";
        assert!(!fresh.contains(warning), "{page}");
        // Three intervals and a second later.
        let late = read(&get_at(&state(), page, "2026-11-21T12:14:49Z").body);
        assert_eq!(late.contains(warning), !page.contains("infra"), "{page}");
        assert!(late.contains("Read at 2026-11-21 12:14:49 UTC"), "{page}");
    }
}

#[test]
fn every_page_has_a_twin_in_json() {
    for (page, twin, kind) in [
        ("/", "/index.json", "Overview"),
        (
            "/repository/shop/streams",
            "/repository/shop/streams.json",
            "Streams",
        ),
        (
            "/repository/shop/stream/web:1.8",
            "/repository/shop/stream/web:1.8.json",
            "Stream",
        ),
        (
            "/repository/shop/promotions",
            "/repository/shop/promotions.json",
            "Promotions",
        ),
        ("/pull-requests", "/pull-requests.json", "PullRequests"),
        ("/hosts", "/hosts.json", "Hosts"),
        ("/problems", "/problems.json", "Problems"),
        ("/activity", "/activity.json", "Activity"),
        ("/catalog", "/catalog.json", "Catalog"),
    ] {
        let html = get(&state(), page).body;
        assert!(
            html.contains(&format!("{}\">This page as JSON", &twin[1..])),
            "{page}"
        );
        let answer = get(&state(), twin);
        assert_eq!((answer.status, answer.form), (200, Form::Json), "{twin}");
        let json: Json = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(json["apiVersion"], "headwater.dev/v1alpha1");
        assert_eq!(json["kind"], kind);
        // Only what is known, and no age: so it stays the same while nothing happens.
        assert_eq!(
            answer.body,
            get_at(&state(), twin, "2026-11-21T12:00:30Z").body
        );
    }
    let json = |twin: &str| -> Json { serde_json::from_str(&get(&state(), twin).body).unwrap() };
    assert_eq!(json("/index.json")["needs"], 4);
    assert_eq!(json("/index.json")["concerns"][0]["urgency"], "failed");
    let builders = &json("/catalog.json")["builders"];
    assert_eq!(builders[1]["displayName"], "Ruby 3.3");
    assert_eq!(builders[1]["supports"][0], "ruby:3.3");
    let streams = json("/repository/shop/streams.json?q=web");
    assert_eq!(streams["differing"][0]["name"], "web:1.8");
    assert_eq!(streams["differing"][0]["cells"][2]["source"]["images"], 2);
    assert_eq!(streams["freshness"]["lastPass"], "2026-11-21T11:59:48Z");
    let stream = json("/repository/shop/stream/web:1.8.json");
    let rows = timeline("shop", "prod", "shop-prod/web:1.8").unwrap();
    assert_eq!(
        stream["places"][2]["timeline"],
        serde_json::to_value(rows).unwrap()
    );
}

#[test]
fn a_stream_tag_may_be_called_like_a_twin() {
    let mut state = state();
    let lines = &mut state.repositories[1].status.stream_tags;
    lines[0].name = "web:1.8.json".to_owned();
    let answer = get(&state, "/repository/shop/stream/web:1.8.json");
    assert_eq!(answer.form, Form::Html);
    assert!(read(&answer.body).contains("web:1.8.json"));
    let twin = get(&state, "/repository/shop/stream/web:1.8.json.json");
    assert_eq!(twin.form, Form::Json);
}

#[test]
fn badges_say_how_a_stream_tag_stands() {
    for (path, expected) in [
        ("shop/dev/shop-dev/api:2", "dev shop-dev/api:2: "),
        ("shop/prod/shop-prod/web:1.8", " 2 behind"),
        ("shop/prod/shop-prod/search:latest", " differs"),
        ("shop/dev/shop-dev/search:latest", " ! unavailable"),
    ] {
        let answer = get(&state(), &format!("/badge/{path}.svg"));
        assert_eq!((answer.status, answer.form), (200, Form::Svg), "{path}");
        assert!(answer.body.contains(expected), "{path}: {}", answer.body);
    }
    for path in [
        "shop/dev/shop-prod/web:1.8",
        "shop/dev/x",
        "other/dev/shop-dev/api:2",
    ] {
        let answer = get(&state(), &format!("/badge/{path}.svg"));
        assert_eq!((answer.status, answer.form), (404, Form::Svg), "{path}");
        assert!(answer.body.contains("not found"));
    }
}

#[test]
fn only_the_overview_loads_itself_anew_and_only_when_asked() {
    const REFRESH: &str = "<meta http-equiv=\"refresh\" content=\"30\">";
    for page in PAGES {
        assert!(!get(&state(), page).body.contains("http-equiv"), "{page}");
        let asked = get(&state(), &format!("{page}?refresh=30")).body;
        assert_eq!(asked.contains(REFRESH), page == "/", "{page}");
    }
}

fn rows(body: &str) -> usize {
    body.matches("<th scope=\"row\">").count()
}

#[test]
fn every_row_of_a_large_list_is_on_one_page() {
    let state = large(1_000);
    let mut names = BTreeSet::new();
    for page in 1.. {
        let body = get(&state, &format!("/repository/shop/streams?page={page}")).body;
        assert!(body.len() < MAX_BYTES, "{page}: {} bytes", body.len());
        for link in body.split("/stream/").skip(1) {
            let name = link.split('"').next().unwrap().to_owned();
            assert!(names.insert(name), "{page}");
        }
        if !body.contains("rel=\"next\"") {
            break;
        }
    }
    assert_eq!(names.len(), 1_000);
}

#[test]
fn a_page_of_ten_thousand_rows_is_small() {
    let state = large(10_000);
    let first = get(&state, "/repository/shop/streams").body;
    assert!(first.len() < MAX_BYTES, "{} bytes", first.len());
    assert!(rows(&first) > 40, "{}", rows(&first));
    assert!(first.contains("1000 with a difference"));
    assert!(read(&first).contains(&format!("1 to {} of 10000 · next", rows(&first))));
    let last = get(&state, "/repository/shop/streams?page=9999").body;
    assert!(last.len() < MAX_BYTES && !last.contains("rel=\"next\""));
    assert!(read(&last).contains("to 10000 of 10000 · before"));
    let found = get(&state, "/repository/shop/streams?q=service-0000&page=99").body;
    assert_eq!(rows(&found), 10);
}

#[test]
fn pages_are_plain_documents() {
    for page in PAGES.into_iter().chain(["/nothing"]) {
        let body = get(&state(), page).body;
        assert!(body.len() < MAX_BYTES, "{page}");
        assert!(
            body.starts_with("<!doctype html>\n<html lang=\"en\">"),
            "{page}"
        );
        assert_eq!(body.matches("<h1").count(), 1, "{page}");
        assert!(body.contains("<title>") && body.contains("name=\"viewport\""));
        for refused in [
            "<script",
            " style=",
            "javascript:",
            "onload",
            "<iframe",
            "http-equiv",
        ] {
            assert!(!body.contains(refused), "{page}: {refused}");
        }
        // Every cell of a head says what it is the head of.
        assert!(!body.contains("<th>"), "{page}");
        // Below a proxy's own path all links stay right.
        assert!(
            !body.contains("href=\"/") && !body.contains("src=\"/"),
            "{page}"
        );
    }
}
