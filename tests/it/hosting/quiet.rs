//! What a pass with nothing to do asks for.

use crate::hosting::many::many;

#[test]
fn a_hundred_open_ones_are_one_listing_request_a_page_and_no_write() {
    const COUNT: usize = 100;
    let hosted = many(COUNT, &format!(", maxOpen: {COUNT}"));
    hosted.reconcile().exits(0);
    assert_eq!(hosted.open().len(), COUNT);
    for is_fresh in [false, true] {
        if is_fresh {
            std::fs::remove_dir_all(hosted.scene.home().join("cache")).unwrap();
        }
        let before = hosted.forge.requests().len();
        hosted.reconcile().exits(0).says("nothing to do");
        let asked = hosted.forge.requests().split_off(before);
        let asked: Vec<_> = asked
            .iter()
            .map(|seen| format!("{} {}", seen.method, seen.path))
            .collect();
        // Gitea has 50 on a page; that the second is the last is known by a third only where it
        // is full.
        assert!(asked.len() <= 3, "{asked:?}");
        let is_listing = |line: &String| line.starts_with("GET") && line.contains("/pulls?");
        assert!(asked.iter().all(is_listing), "{asked:?}");
    }
}
