//! Over HTTP.

use std::fs;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::sync::{Mutex, PoisonError};

use tempfile::TempDir;

use crate::status_page::scene::{state, timeline};
use crate::status_page::seen::PAGES;
use crate::status_page::site::Site;

const BADGE: &str = "/badge/shop/prod/shop-prod/web:1.8.svg";
const OTHERS: [&str; 8] = [
    "/index.json",
    "/activity.json",
    "/activity.atom",
    "/style.css",
    "/icon.svg",
    "/robots.txt",
    "/repository/shop/promotions.svg",
    BADGE,
];

fn targets() -> impl Iterator<Item = &'static str> {
    PAGES.into_iter().chain(OTHERS)
}

#[test]
fn every_answer_has_the_policy() {
    let site = Site::of(state());
    let refused = [
        "/nothing",
        "/..%2f..%2fetc%2fpasswd",
        "/%ff",
        "//evil.example/",
    ];
    for target in targets().chain(refused) {
        let answer = site.get(target);
        let expected = if refused.contains(&target) { 404 } else { 200 };
        assert_eq!(answer.status, expected, "{target}");
        assert_eq!(
            answer.header("content-security-policy"),
            "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; \
             form-action 'self'; frame-ancestors 'none'"
        );
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
        assert_eq!(answer.header("cache-control"), "no-cache");
        assert!(!answer.header("content-type").is_empty());
    }
}

#[test]
fn the_page_only_reads() {
    let site = Site::of(state());
    for target in targets().chain(["/nothing"]) {
        for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"] {
            let answer = site.ask(method, target, &[("Content-Length", "0")]);
            assert_eq!(answer.status, 405, "{method} {target}");
            assert_eq!(answer.header("allow"), "GET, HEAD");
        }
        let (get, head) = (site.get(target), site.ask("HEAD", target, &[]));
        assert_eq!(head.status, get.status, "{target}");
        assert_eq!(head.body, "");
        for name in ["content-type", "content-length", "etag"] {
            assert_eq!(head.header(name), get.header(name), "{target}: {name}");
        }
    }
}

#[test]
fn what_a_reader_has_is_not_sent_again() {
    let site = Site::of(state());
    for target in targets() {
        let first = site.get(target);
        let tag = first.header("etag");
        assert!(tag.starts_with('"'), "{target}");
        let again = site.ask("GET", target, &[("If-None-Match", tag)]);
        assert_eq!((again.status, again.body.as_str()), (304, ""), "{target}");
        assert_eq!(again.header("etag"), tag);
        let other = site.ask("GET", target, &[("If-None-Match", "\"other\"")]);
        assert_eq!(other.status, 200);
        assert_eq!(other.body, first.body);
    }
}

#[test]
fn nothing_is_shown_without_the_token() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("token");
    fs::write(&file, "the-status-token\n").unwrap();
    let site = Site::with(state(), Arc::new(timeline), Some(file.clone()));
    let with = |target: &str, token: &str| {
        let header = format!("Bearer {token}");
        site.ask("GET", target, &[("Authorization", &header)])
    };
    for target in targets().chain(["/nothing"]) {
        for answer in [site.get(target), with(target, "the-status-token1")] {
            assert_eq!(answer.status, 401, "{target}");
            assert_eq!(answer.header("www-authenticate"), "Bearer");
            assert_eq!(answer.body, "401 Unauthorized\n");
            assert_eq!(answer.header("etag"), "");
        }
        let expected = if target == "/nothing" { 404 } else { 200 };
        let shown = with(target, "the-status-token");
        assert_eq!(shown.status, expected, "{target}");
        assert!(!shown.body.contains("the-status-token"));
    }
    // Another file in its place, as a mounted secret changes.
    let other = folder.path().join("other");
    fs::write(&other, "the-second-token\n").unwrap();
    fs::rename(&other, &file).unwrap();
    assert_eq!(with("/", "the-status-token").status, 401);
    assert_eq!(with("/", "the-second-token").status, 200);
}

#[test]
fn a_slow_history_holds_up_no_other_page() {
    let (begun, begins) = channel();
    let (end, ends) = channel::<()>();
    let ends = Mutex::new(ends);
    let slow = move |_: &str, _: &str, _: &str| {
        begun.send(()).unwrap();
        // Until the other end is dropped.
        let _ = ends.lock().unwrap_or_else(PoisonError::into_inner).recv();
        Ok(Vec::new())
    };
    let site = Site::with(state(), Arc::new(slow), None);
    std::thread::scope(|scope| {
        let page = scope.spawn(|| site.get("/repository/shop/stream/web:1.8"));
        begins.recv().unwrap();
        assert_eq!(site.get("/repository/shop/streams").status, 200);
        drop(end);
        assert_eq!(page.join().unwrap().status, 200);
    });
}
