//! Opening: once, and with whatever can be set beside it.

use headwater::forge::Error;
use headwater::pull_request::State;

use crate::forge::contract::site::{Site, branch, draft, name, now, opened, texts};

pub fn what_is_opened_reads_back(site: &dyn Site) {
    let head = "headwater/dev/web";
    let commit = branch(site, head);
    let mut wanted = draft(head);
    wanted.labels = texts(&["image-pin", "env/dev"]);
    let opened = site.forge().open(&wanted).unwrap();
    assert!(opened.warnings.is_empty(), "{:?}", opened.warnings);
    let pull = opened.pull_request;
    assert_eq!((pull.state, pull.is_draft), (State::Open, false));
    assert_eq!((&pull.head, &pull.base), (&wanted.head, &wanted.base));
    assert_eq!(pull.head_commit, Some(commit));
    assert_eq!((&pull.title, &pull.body), (&wanted.title, &wanted.body));
    assert_eq!(pull.labels, wanted.labels);
    assert_eq!(pull.author, site.account());
    assert!(
        pull.url.starts_with("http") && pull.url.ends_with(&format!("/{}", pull.number)),
        "{}",
        pull.url
    );
    assert_eq!(site.forge().open_pull_requests("").unwrap(), [pull]);
}

pub fn what_is_opened_twice_is_one(site: &dyn Site) {
    branch(site, "headwater/dev/web");
    let first = opened(site, "headwater/dev/web");
    let mut wanted = draft("headwater/dev/web");
    wanted.title = "another title".to_owned();
    let second = site.forge().open(&wanted).unwrap();
    assert_eq!(second.pull_request, first);
    assert_eq!(site.forge().open_pull_requests("").unwrap(), [first]);
}

pub fn a_closed_one_does_not_stand_for_a_new_one(site: &dyn Site) {
    branch(site, "headwater/dev/web");
    let first = opened(site, "headwater/dev/web");
    site.close(first.number);
    let second = opened(site, "headwater/dev/web");
    assert_ne!(second.number, first.number);
    // Nor does one that is onto another base.
    site.clone()
        .git(&["push", "-q", "origin", "origin/main:refs/heads/env/dev"]);
    let mut elsewhere = draft("headwater/dev/web");
    elsewhere.base = name("env/dev");
    let third = site.forge().open(&elsewhere).unwrap().pull_request;
    assert_ne!(third.number, second.number);
    assert_eq!(third.base, elsewhere.base);
    assert_eq!(site.forge().open(&elsewhere).unwrap().pull_request, third);
}

pub fn a_label_is_made_once(site: &dyn Site) {
    let mut numbers = Vec::new();
    for head in ["headwater/dev/api", "headwater/dev/web"] {
        branch(site, head);
        let mut wanted = draft(head);
        wanted.labels = texts(&["cause/source-changed"]);
        let pull = site.forge().open(&wanted).unwrap().pull_request;
        assert_eq!(pull.labels, wanted.labels);
        numbers.push(pull.number);
    }
    // A person's choice by name reaches both.
    site.set_label(numbers[0], "cause/source-changed");
    let open = site.forge().open_pull_requests("").unwrap();
    assert_eq!(open[0].labels, open[1].labels);
    assert_eq!(open.len(), 2);
}

pub fn people_who_cannot_be_asked_are_warnings(site: &dyn Site) {
    branch(site, "headwater/dev/web");
    let person = site.person();
    let mut wanted = draft("headwater/dev/web");
    wanted.reviewers = texts(&[&person, "nobody-of-this-name"]);
    wanted.assignees = texts(&[&person, "no-such-assignee"]);
    let opened = site.forge().open(&wanted).unwrap();
    let number = opened.pull_request.number;
    let [assignee, reviewer] = &*opened.warnings else {
        panic!("{:?}", opened.warnings);
    };
    assert!(assignee.contains("no-such-assignee"), "{assignee}");
    assert!(reviewer.contains("nobody-of-this-name"), "{reviewer}");
    assert_eq!(site.assignees(number), texts(&[&person]));
    assert_eq!(site.reviewers(number), texts(&[&person]));
}

pub fn a_draft_is_a_draft(site: &dyn Site) {
    branch(site, "headwater/dev/web");
    let mut wanted = draft("headwater/dev/web");
    wanted.is_draft = true;
    let pull = site.forge().open(&wanted).unwrap().pull_request;
    assert!(pull.is_draft);
    assert_eq!(pull.title, wanted.title);
    assert_eq!(now(site, &pull), pull);
}

pub fn a_body_comes_back_as_it_was(site: &dyn Site) {
    let long = "| `a` | b |\n".repeat(5000);
    for (number, body) in [
        "für 東京 🚢 — `x` \\ \"q\" 'q' & <b> %20 #1 @ada\ttab",
        "<!-- headwater:v1 plan=6f0c -->",
        "a\n\n\n    indented\n- [ ] box\n- [x] box\n\n<details>\n<summary>s</summary>\n\n</details>",
        &long[..long.len() - 1],
    ]
    .into_iter()
    .enumerate()
    {
        let head = format!("headwater/dev/s{number}");
        branch(site, &head);
        let mut wanted = draft(&head);
        wanted.body = body.to_owned();
        let pull = site.forge().open(&wanted).unwrap().pull_request;
        assert_eq!(pull.body, body);
        assert_eq!(now(site, &pull).body, body);
    }
    branch(site, "headwater/dev/crlf");
    let mut wanted = draft("headwater/dev/crlf");
    wanted.body = "a\r\nb".to_owned();
    assert_eq!(
        site.forge().open(&wanted).unwrap().pull_request.body,
        "a\nb"
    );
}

pub fn without_its_branch_there_is_none(site: &dyn Site) {
    let error = site.forge().open(&draft("headwater/dev/web")).unwrap_err();
    assert!(
        matches!(error, Error::Missing { .. } | Error::Refused { .. }),
        "{error}"
    );
    assert_eq!(site.forge().open_pull_requests("").unwrap(), []);
}
