//! Remarks under a pull request.

use crate::forge::contract::site::{Site, branch, opened};

pub fn comments_are_added_edited_and_listed_oldest_first(site: &dyn Site) {
    branch(site, "headwater/dev/web");
    let number = opened(site, "headwater/dev/web").number;
    let forge = site.forge();
    assert_eq!(forge.comments(number).unwrap(), []);
    let first = forge
        .add_comment(number, "blocked: `x` 🚢\n\nmore <!-- m -->")
        .unwrap();
    assert_eq!(first.body, "blocked: `x` 🚢\n\nmore <!-- m -->");
    assert_eq!(first.author, site.account());
    site.comment(number, "what a person says");
    let last = forge.add_comment(number, "last").unwrap();
    forge
        .edit_comment(number, first.id, "no longer blocked")
        .unwrap();

    let all = forge.comments(number).unwrap();
    let bodies: Vec<&str> = all.iter().map(|comment| &*comment.body).collect();
    assert_eq!(bodies, ["no longer blocked", "what a person says", "last"]);
    assert_eq!((all[0].id, all[2].id), (first.id, last.id));
    assert_eq!(all[1].author, site.person());

    // The second time it is gone already.
    for _ in 0..2 {
        forge.delete_comment(number, last.id).unwrap();
        assert_eq!(forge.comments(number).unwrap(), all[..2]);
    }
}
