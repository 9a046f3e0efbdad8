//! What changes, and what stays.

use headwater::forge::{Error, Merging};
use headwater::pull_request::{Change, MergeMethod, PullRequest, State};

use crate::forge::contract::site::{Site, branch, draft, name, now, opened, texts};

pub fn only_what_is_named_changes(site: &dyn Site) {
    branch(site, "headwater/dev/web");
    site.clone()
        .git(&["push", "-q", "origin", "origin/main:refs/heads/env/dev"]);
    let mut expected = opened(site, "headwater/dev/web");
    let number = expected.number;
    let same = |change: &Change, expected: &PullRequest| {
        let changed = site.forge().change(number, change).unwrap();
        assert_eq!(&changed, expected, "{change:?}");
        assert_eq!(&now(site, expected), expected, "{change:?}");
    };
    same(&Change::default(), &expected);

    "another title: 🚢".clone_into(&mut expected.title);
    let title = Some(expected.title.clone());
    same(
        &Change {
            title,
            ..Change::default()
        },
        &expected,
    );

    "Another body.\n\n- [x] a box".clone_into(&mut expected.body);
    let body = Some(expected.body.clone());
    same(
        &Change {
            body,
            ..Change::default()
        },
        &expected,
    );

    expected.is_draft = true;
    let is_draft = Some(true);
    same(
        &Change {
            is_draft,
            ..Change::default()
        },
        &expected,
    );

    "a draft's title".clone_into(&mut expected.title);
    let title = Some(expected.title.clone());
    same(
        &Change {
            title,
            ..Change::default()
        },
        &expected,
    );

    expected.is_draft = false;
    let is_draft = Some(false);
    same(
        &Change {
            is_draft,
            ..Change::default()
        },
        &expected,
    );

    expected.base = name("env/dev");
    let base = Some(expected.base.clone());
    same(
        &Change {
            base,
            ..Change::default()
        },
        &expected,
    );
}

pub fn labels_come_and_go_and_a_persons_stay(site: &dyn Site) {
    branch(site, "headwater/dev/web");
    let mut wanted = draft("headwater/dev/web");
    wanted.labels = texts(&["env/dev", "old"]);
    let pull = site.forge().open(&wanted).unwrap().pull_request;
    site.set_label(pull.number, "by-a-person");
    let change = Change {
        added_labels: texts(&["new", "env/dev"]),
        removed_labels: texts(&["old", "never-there"]),
        ..Change::default()
    };
    for _ in 0..2 {
        let changed = site.forge().change(pull.number, &change).unwrap();
        assert_eq!(changed.labels, texts(&["by-a-person", "env/dev", "new"]));
        assert_eq!(now(site, &pull).labels, changed.labels);
    }
}

pub fn a_ticked_box_is_read(site: &dyn Site) {
    branch(site, "headwater/dev/web");
    let pull = opened(site, "headwater/dev/web");
    assert!(pull.body.contains("- [ ] a box"));
    site.tick(pull.number, "a box");
    let body = pull.body.replace("- [ ]", "- [x]");
    assert_eq!(now(site, &pull).body, body);
}

pub fn what_is_closed_may_be_reopened(site: &dyn Site) {
    let head = "headwater/dev/web";
    let commit = branch(site, head);
    let pull = opened(site, head);
    for _ in 0..2 {
        site.forge().close(pull.number).unwrap();
        assert_eq!(now(site, &pull).state, State::Closed);
    }
    assert_eq!(site.forge().open_pull_requests("").unwrap(), []);
    site.clone().git(&["fetch", "-q", "origin"]);
    assert_eq!(
        site.clone().rev("origin/headwater/dev/web"),
        commit.to_string()
    );
    site.reopen(pull.number);
    assert_eq!(site.forge().open_pull_requests("").unwrap(), [pull]);
}

pub fn what_is_merged_cannot_be_closed(site: &dyn Site) {
    branch(site, "headwater/dev/web");
    let pull = opened(site, "headwater/dev/web");
    site.merge(pull.number, MergeMethod::Merge);
    let error = site.forge().close(pull.number).unwrap_err();
    assert!(matches!(error, Error::Refused { .. }), "{error}");
    assert_eq!(now(site, &pull).state, State::Merged);
}

pub fn an_unknown_number_is_missing(site: &dyn Site) {
    let forge = site.forge();
    let head = site.clone().rev("origin/main").parse().unwrap();
    let title = Some("x".to_owned());
    let change = Change {
        title,
        ..Change::default()
    };
    let is_missing = |what: &str, error: Option<Error>| {
        assert!(
            matches!(error, Some(Error::Missing { .. })),
            "{what}: {error:?}"
        );
    };
    is_missing("change", forge.change(404_404, &change).err());
    is_missing("close", forge.close(404_404).err());
    is_missing("comments", forge.comments(404_404).err());
    is_missing("comment", forge.add_comment(404_404, "x").err());
    let merged: Result<Merging, Error> = forge.merge(404_404, head, MergeMethod::Merge);
    is_missing("merge", merged.err());
    let merged = forge.merge_when_ready(404_404, head, MergeMethod::Merge);
    is_missing("merge when ready", merged.err());
}
