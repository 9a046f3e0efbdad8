//! Nothing of a URL, a name, a message of Git or of a registry can become markup, hide, or lead
//! somewhere else than to the web.

use headwater::serve::page::{Form, MAX_BYTES};
use headwater::serve::state::{Circuit, Failure, HostState, RateLimit, TimelineRow};
use headwater::show::{Builder, Pending};

use crate::status_page::feed::feed;
use crate::status_page::scene::{NOW, STREAM, state, why};
use crate::status_page::site::get;
use crate::support::browser::Browser;

const MARKUP: [&str; 6] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "'><svg/onload=alert(1)>",
    "</title></style></textarea><b id=evil>",
    "{{ 7 * 7 }}{% raw %}",
    "<!--\u{202e}]]>&lt;b&gt;\u{200b}\u{0}\u{1b}[2J",
];

/// A daemon in which every text is `evil`.
fn hostile(evil: &str, link: &str) -> headwater::serve::state::DaemonState {
    let text = || evil.to_owned();
    let failure = || Failure {
        since: text(),
        count: 2,
        message: text(),
        hint: Some(text()),
    };
    let mut state = state();
    state.version = text();
    state.started = text();
    state.shard = Some(text());
    state.settings_failure = Some(failure());
    let shop = &mut state.repositories[1];
    shop.location = link.to_owned();
    shop.last_pass = Some(text());
    shop.next_pass = Some(text());
    shop.read = Some(text());
    shop.failure = Some(failure());
    for column in &mut shop.status.environments {
        column.branch = text();
        column.commit = text();
        if column.promoted_from.is_some() {
            column.name = format!("{}{evil}", column.name);
            column.promoted_from = Some(text());
        }
    }
    for line in &mut shop.status.stream_tags {
        line.name = format!("{}{evil}", line.name);
        for cell in &mut line.environments {
            if cell.environment != "dev" {
                cell.environment = format!("{}{evil}", cell.environment);
            }
            cell.stream_tag = Some(format!("{STREAM}/{evil}"));
            cell.image = Some(text());
            cell.since = Some(text());
            cell.commit = Some(text());
            cell.waiting = vec![why("unavailable", evil), why("held", evil)];
            cell.proposed = vec![Pending {
                branch: text(),
                state: "open",
                image: Some(text()),
                number: Some(1),
                url: Some(link.to_owned()),
            }];
        }
    }
    for request in &mut shop.pull_requests {
        request.environment = text();
        request.branch = text();
        request.title = text();
        request.since = Some(text());
        request.url = Some(link.to_owned());
        request.images = vec![(text(), text())];
        request.waiting = vec![text()];
    }
    for promotion in &mut shop.promotions {
        promotion.carry = text();
        promotion.commit = Some(text());
        promotion.branch = Some(text());
        for gate in &mut promotion.gates {
            gate.gate = text();
            gate.message = text();
            gate.until = Some(text());
        }
    }
    for problem in &mut shop.problems {
        problem.message = text();
        problem.advice = Some(text());
    }
    for builder in &mut shop.catalog {
        builder.environment = text();
        builder.builder = Builder {
            namespace: text(),
            stream: text(),
            tag: text(),
            display_name: Some(text()),
            version: Some(text()),
            description: Some(text()),
            provider: Some(text()),
            icon_class: Some(text()),
            supports: vec![text(), text()],
            tags: vec![text()],
            sample_repo: Some(link.to_owned()),
            sample_ref: Some(text()),
            sample_context_dir: Some(text()),
            image: Some(text()),
        };
    }
    state.hosts = vec![HostState {
        host: text(),
        kind: text(),
        last_success: Some(text()),
        last_failure: Some(text()),
        last_error: Some(text()),
        circuit: Some(Circuit::Open { until: text() }),
        paused_until: Some(text()),
        next_try: Some(text()),
        rate_limit: Some(RateLimit {
            left: 1,
            limit: None,
            resets: Some(text()),
        }),
    }];
    for entry in &mut state.activity {
        entry.repository = if entry.repository == "shop" {
            "shop".to_owned()
        } else {
            text()
        };
        for held in [
            &mut entry.environment,
            &mut entry.from_environment,
            &mut entry.stream_tag,
            &mut entry.previous_image,
            &mut entry.image,
            &mut entry.branch,
            &mut entry.title,
            &mut entry.reason,
        ] {
            if held.is_some() {
                *held = Some(text());
            }
        }
        if entry.url.is_some() {
            entry.url = Some(link.to_owned());
        }
    }
    state
}

const PAGES: [&str; 8] = [
    "/",
    "/repository/shop/streams",
    "/repository/shop/promotions",
    "/pull-requests",
    "/hosts",
    "/problems",
    "/activity",
    "/catalog",
];

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}

/// Every tag that opens or closes, without its attributes; in any order, for a list is sorted by
/// what it says.
fn tags(html: &str) -> Vec<&str> {
    let parts = html.split('<').skip(1);
    let mut tags: Vec<&str> = parts
        .map(|part| {
            let end = part.find([' ', '>', '\n']).unwrap_or(part.len());
            &part[..end]
        })
        .collect();
    tags.sort_unstable();
    tags
}

#[test]
fn no_text_becomes_markup() {
    for evil in MARKUP {
        let hostile = hostile(evil, "https://git.example/x");
        let harmless = self::hostile("harmless", "https://git.example/x");
        for page in PAGES {
            let body = get(&hostile, page).body;
            let expected = get(&harmless, page).body;
            assert_eq!(tags(&body), tags(&expected), "{page} with {evil}");
            for hidden in ['\u{202e}', '\u{200b}', '\u{0}', '\u{1b}'] {
                assert!(!body.contains(hidden), "{page}: {hidden:?}");
            }
            let quotes = |html: &str| html.matches('"').count();
            assert_eq!(quotes(&body), quotes(&expected), "{page} with {evil}");
        }
        let name = |evil: &str| format!("/repository/shop/stream/web:1.8{}", encoded(evil));
        let stream = get(&hostile, &name(evil));
        assert_eq!(stream.status, 200, "{evil}");
        let expected = get(&harmless, &name("harmless"));
        assert_eq!(tags(&stream.body), tags(&expected.body), "{evil}");
        let graph = get(&hostile, "/repository/shop/promotions.svg");
        let expected = get(&harmless, "/repository/shop/promotions.svg");
        assert_eq!(tags(&graph.body), tags(&expected.body), "{evil}");
        let badge = |evil: &str| format!("/badge/shop/dev/{STREAM}/{}.svg", encoded(evil));
        let (badge, expected) = (
            get(&hostile, &badge(evil)),
            get(&harmless, &badge("harmless")),
        );
        assert_eq!(badge.status, 200);
        assert_eq!(tags(&badge.body), tags(&expected.body), "{evil}");
    }
}

#[test]
fn no_text_breaks_the_feed() {
    let mut browser = Browser::start();
    let harmless = hostile("harmless", "https://git.example/x");
    let expected = tags(&get(&harmless, "/activity.atom").body).len();
    for evil in MARKUP.into_iter().chain(["\u{fffe}\u{ffff}\u{85}"]) {
        let state = hostile(evil, "https://git.example/x");
        let encoded = encoded(evil);
        for target in [
            "/activity.atom".to_owned(),
            format!("/activity.atom?q={encoded}"),
        ] {
            let feed = feed(&mut browser, &state, &target);
            assert_eq!(tags(&get(&state, &target).body).len(), expected, "{evil}");
            let title = feed.named("entry").next().unwrap().text_of("title");
            assert!(title.starts_with("Moved: "), "{title}");
            assert!(!title.chars().any(char::is_control), "{title:?}");
        }
    }
}

#[test]
fn no_path_and_no_query_becomes_markup() {
    let state = state();
    for evil in MARKUP {
        let evil = encoded(evil);
        for target in [
            format!("/{evil}"),
            format!("/repository/{evil}/streams"),
            format!("/repository/shop/stream/{evil}"),
            format!("/badge/{evil}/{evil}/{evil}.svg"),
        ] {
            let answer = get(&state, &target);
            assert_eq!(answer.status, 404, "{target}");
            if answer.form == Form::Html {
                assert_eq!(tags(&answer.body), tags(&get(&state, "/x").body));
            }
        }
        for page in PAGES {
            let with = |text: &str| {
                get(
                    &state,
                    &format!("{page}?q={text}&page={text}&refresh={text}"),
                )
                .body
            };
            let (body, expected) = (with(&evil), with("no-such-text"));
            assert_eq!(tags(&body), tags(&expected), "{page} with {evil}");
        }
    }
}

#[test]
fn links_lead_to_the_web_only() {
    for link in [
        "javascript:alert(document.cookie)",
        " JavaScript:alert(1)",
        "data:text/html,<script>alert(1)</script>",
        "vbscript:x",
        "file:///etc/passwd",
        "//evil.example/x",
    ] {
        let state = hostile("text", link);
        for page in PAGES
            .into_iter()
            .chain(["/repository/shop/stream/web:1.8text"])
        {
            let body = get(&state, page).body;
            for href in body.split("href=\"").skip(1) {
                let href = href.split('"').next().unwrap();
                let is_own = ["./", "../", "#", "?"]
                    .iter()
                    .any(|own| href.starts_with(own));
                assert!(is_own || href.starts_with("https://"), "{page}: {href}");
            }
        }
    }
    // A login in a link is not shown, nor followed.
    let state = hostile("text", "https://robot:secret-password@git.example/x");
    for page in PAGES {
        assert!(
            !get(&state, page).body.contains("secret-password"),
            "{page}"
        );
    }
}

#[test]
fn endless_texts_make_no_endless_pages() {
    let long = "\"<\u{202e}&\n".repeat(20_000);
    let mut state = hostile(&long, &format!("https://git.example/{long}"));
    let shop = &mut state.repositories[1];
    let repeat = |count: usize| std::iter::repeat_n((), count);
    let line = shop.status.stream_tags[0].clone();
    shop.status.stream_tags = repeat(300).map(|()| line.clone()).collect();
    let request = shop.pull_requests[0].clone();
    shop.pull_requests = repeat(300).map(|()| request.clone()).collect();
    let problem = shop.problems[0].clone();
    shop.problems = repeat(300).map(|()| problem.clone()).collect();
    let builder = shop.catalog[0].clone();
    shop.catalog = repeat(300).map(|()| builder.clone()).collect();
    let host = state.hosts[0].clone();
    state.hosts = repeat(300).map(|()| host.clone()).collect();
    let entry = state.activity[1].clone();
    state.activity = repeat(200).map(|()| entry.clone()).collect();
    let name = state.repositories[1].status.stream_tags[0].name.clone();
    let stream = format!("/repository/shop/stream/{}", encoded(&name));
    for page in PAGES.into_iter().chain([stream.as_str(), "/activity.atom"]) {
        let length = get(&state, page).body.len();
        let page: String = page.chars().take(40).collect();
        assert!(length < MAX_BYTES, "{page}: {length} bytes");
    }
}

#[test]
fn a_long_history_is_cut_and_says_so() {
    use headwater::serve::page::{Address, Pages};
    let state = state();
    let address = Address::parse("/repository/shop/stream/web:1.8", None);
    let rows = |_: &str, _: &str, _: &str| {
        let row = TimelineRow {
            image: Some("x<".repeat(300)),
            since: NOW.to_owned(),
            commit: "c".repeat(40),
            who: Some("\"".repeat(300)),
            promoted_from: None,
        };
        Ok(vec![row; 5_000])
    };
    let pages = Pages::new().unwrap();
    let now = NOW.parse().unwrap();
    let body = pages.answer(&address, &state, &rows, now).unwrap().body;
    assert!(body.len() < MAX_BYTES, "{}", body.len());
    assert!(body.contains("older, in <code>headwater history</code>"));
    let refused = |_: &str, _: &str, _: &str| Err("<b>gone</b>".to_owned());
    let body = pages.answer(&address, &state, &refused, now).unwrap().body;
    assert!(body.contains("! no timeline</span> &lt;b&gt;gone&lt;/b&gt;"));
}
