//! Which pull requests are found.

use headwater::pull_request::{MergeMethod, State};

use crate::forge::contract::site::{
    Site, branch, draft, local_branch, name, now, opened, push_more,
};
use crate::support::wait;

fn numbers(site: &dyn Site, prefix: &str) -> Vec<u64> {
    let open = site.forge().open_pull_requests(prefix).unwrap();
    open.iter().map(|pull| pull.number).collect()
}

pub fn all_pages_are_read_and_the_oldest_comes_first(site: &dyn Site) {
    let names: Vec<String> = (0..53)
        .map(|number| format!("headwater/dev/s{number:02}"))
        .collect();
    for name in &names {
        local_branch(site, name, &format!("{}.txt", name.replace('/', "-")));
    }
    let all = "refs/heads/headwater/*:refs/heads/headwater/*";
    site.clone().git(&["push", "-q", "origin", all]);
    branch(site, "feature/x");
    let other = opened(site, "feature/x").number;
    let ours: Vec<u64> = names.iter().map(|name| opened(site, name).number).collect();
    assert_eq!(numbers(site, "headwater/"), ours);
    assert_eq!(numbers(site, "headwater/dev/s0"), ours[..10]);
    assert_eq!(numbers(site, ""), [&[other], &ours[..]].concat());
    assert!(numbers(site, "headwater/prod/").is_empty());
}

pub fn a_forks_branch_of_the_same_name_is_not_ours(site: &dyn Site) {
    local_branch(site, "headwater/dev/web", "fork.txt");
    site.open_from_fork("headwater/dev/web");
    assert!(numbers(site, "").is_empty());
    let head = name("headwater/dev/web");
    assert_eq!(site.forge().pull_requests_of(&head).unwrap(), []);
    branch(site, "headwater/dev/web");
    let own = opened(site, "headwater/dev/web");
    assert_eq!(numbers(site, "headwater/"), [own.number]);
    assert_eq!(site.forge().pull_requests_of(&head).unwrap(), [own]);
}

pub fn those_of_one_branch_come_in_all_states_newest_first(site: &dyn Site) {
    let head = "headwater/dev/web";
    branch(site, head);
    let closed = opened(site, head);
    site.close(closed.number);
    let merged = opened(site, head);
    site.merge(merged.number, MergeMethod::Merge);
    push_more(site, head);
    let open = opened(site, head);
    branch(site, "headwater/dev/web2");
    opened(site, "headwater/dev/web2");

    let found = site.forge().pull_requests_of(&name(head)).unwrap();
    let found: Vec<(u64, State)> = found.iter().map(|pull| (pull.number, pull.state)).collect();
    let expected = [
        (open.number, State::Open),
        (merged.number, State::Merged),
        (closed.number, State::Closed),
    ];
    assert_eq!(found, expected);
    let heads = ["headwater/dev/web2", "headwater/dev/none", head].map(name);
    let each = site.forge().pull_requests_of_each(&heads).unwrap();
    let alone = heads.map(|head| site.forge().pull_requests_of(&head).unwrap());
    assert_eq!(each, alone);
}

pub fn a_persons_own_has_their_name(site: &dyn Site) {
    branch(site, "headwater/dev/web");
    let number = site.open_as_person("headwater/dev/web");
    let open = site.forge().open_pull_requests("headwater/").unwrap();
    assert_eq!((open.len(), open[0].number), (1, number));
    assert_eq!(
        (&open[0].author, &*open[0].title),
        (&site.person(), "by hand")
    );
    // It stands for the one that would be opened.
    let found = site.forge().open(&draft("headwater/dev/web")).unwrap();
    assert_eq!(found.pull_request, open[0]);
}

pub fn a_deleted_branch_is_still_known_by_its_name(site: &dyn Site) {
    branch(site, "headwater/dev/web");
    let pull = opened(site, "headwater/dev/web");
    site.clone()
        .git(&["push", "-q", "origin", ":headwater/dev/web"]);
    let ended = wait::until("the forge to see that the branch is gone", || {
        let pull = now(site, &pull);
        (pull.state == State::Closed).then_some(pull)
    });
    assert_eq!(ended.head, pull.head);
    assert!(numbers(site, "").is_empty());
}

pub fn what_is_pushed_is_seen(site: &dyn Site) {
    let head = "headwater/dev/web";
    let first = branch(site, head);
    let pull = opened(site, head);
    assert_eq!(pull.head_commit, Some(first));
    let second = push_more(site, head);
    wait::until("the forge to see the push", || {
        let open = site.forge().open_pull_requests("headwater/").unwrap();
        (open[0].head_commit == Some(second)).then_some(())
    });
    let again = site.forge().open(&draft(head)).unwrap();
    assert_eq!(again.pull_request.number, pull.number);
}
