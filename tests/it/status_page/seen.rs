//! In headless Chromium.

use crate::status_page::scene::{state, why};
use crate::status_page::site::Site;
use crate::support::browser::Browser;

pub const PAGES: [&str; 11] = [
    "/",
    "/repository/shop/streams",
    "/repository/shop/stream/web:1.8",
    "/repository/shop/stream/mailer:3",
    "/repository/shop/promotions",
    "/pull-requests",
    "/hosts",
    "/problems",
    "/activity",
    "/catalog",
    "/repository/infra/streams",
];

const WIDER_THAN_SEEN: &str =
    "document.documentElement.scrollWidth - document.documentElement.clientWidth";
/// The lowest contrast of a text and what is behind it (WCAG 2.2, 1.4.3), with that text.
const CONTRAST: &str = include_str!("contrast.js");

#[test]
fn pages_load_without_a_word_of_the_console_and_fit_a_phone() {
    let site = Site::of(state());
    let mut browser = Browser::start();
    for (width, is_dark) in [(1280, false), (1280, true), (360, false)] {
        browser.show_as(width, 900, is_dark);
        for page in PAGES {
            let said = browser.open(&site.url(page));
            assert!(said.is_empty(), "{page}: {said:?}");
            assert_eq!(browser.evaluate(WIDER_THAN_SEEN), 0, "{page} at {width}");
            let styled = browser.evaluate("getComputedStyle(document.body).fontSize");
            assert_eq!(styled, "15px", "{page}: the policy lets the style in");
            let images = "[...document.images].every(image => image.naturalWidth > 0)";
            assert_eq!(browser.evaluate(images), true, "{page}");
            let lowest = browser.evaluate(CONTRAST);
            assert!(lowest[0].as_f64().unwrap() >= 4.5, "{page}: {lowest}");
        }
    }
}

#[test]
fn the_keyboard_reaches_what_can_be_followed_and_is_seen_there() {
    let site = Site::of(state());
    let mut browser = Browser::start();
    browser.show_as(1280, 900, false);
    browser.open(&site.url("/repository/shop/streams"));
    let mut reached = Vec::new();
    for _ in 0..12 {
        browser.press_tab();
        let focused = browser.evaluate(
            "(() => { const at = document.activeElement; const style = getComputedStyle(at); \
             const box = at.getBoundingClientRect(); \
             return [at.textContent.trim() || at.name, style.outlineStyle, style.outlineWidth, box.width > 0]; })()",
        );
        assert_eq!(focused[1], "solid", "{focused}");
        assert_eq!(focused[2], "3px", "{focused}");
        assert_eq!(focused[3], true, "{focused}");
        reached.push(focused[0].as_str().unwrap().to_owned());
    }
    assert_eq!(reached[0], "To the content");
    for name in ["headwater", "Pull requests", "Streams", "q", "Show"] {
        assert!(reached.iter().any(|it| it == name), "{name}: {reached:?}");
    }
}

#[test]
fn long_names_and_many_environments_make_no_page_too_wide() {
    let mut state = state();
    let long = "a".repeat(180);
    let shop = &mut state.repositories[1];
    let column = shop.status.environments[2].clone();
    let cell = shop.status.stream_tags[6].environments[2].clone();
    for number in 0..9 {
        let name = format!("stage-{number}");
        let mut column = column.clone();
        column.name.clone_from(&name);
        shop.status.environments.push(column);
        for line in &mut shop.status.stream_tags {
            let mut cell = cell.clone();
            cell.environment.clone_from(&name);
            line.environments.push(cell);
        }
    }
    for line in &mut shop.status.stream_tags {
        line.name = format!("{long}-{}", line.name);
        line.environments[0].waiting = vec![why("unavailable", &long)];
    }
    for request in &mut shop.pull_requests {
        request.title.clone_from(&long);
        request.branch.clone_from(&long);
    }
    shop.problems[0].message.clone_from(&long);
    state.hosts[0].host.clone_from(&long);
    for entry in &mut state.activity {
        for text in [&mut entry.stream_tag, &mut entry.branch, &mut entry.reason] {
            if text.is_some() {
                *text = Some(long.clone());
            }
        }
    }
    let site = Site::of(state);
    let mut browser = Browser::start();
    let stream = format!("/repository/shop/stream/{long}-web:1.8");
    let pages = PAGES.into_iter().filter(|page| !page.contains("/stream/"));
    for page in pages.chain([stream.as_str()]) {
        for width in [1_280, 800, 360] {
            browser.show_as(width, 700, false);
            let said = browser.open(&site.url(page));
            assert!(said.is_empty(), "{page}: {said:?}");
            assert_eq!(browser.evaluate(WIDER_THAN_SEEN), 0, "{page} at {width}");
        }
    }
}

#[test]
fn a_head_that_sticks_stays_in_sight() {
    let site = Site::of(crate::status_page::scene::large(400));
    let mut browser = Browser::start();
    browser.show_as(1280, 700, false);
    browser.open(&site.url("/repository/shop/streams"));
    let top = "(() => { scrollTo(0, 900); return document.querySelector('thead th').getBoundingClientRect().top; })()";
    assert_eq!(browser.evaluate(top), 0);
}
