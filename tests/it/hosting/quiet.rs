//! What a pass with nothing to do asks for.

use std::fmt::Write as _;

use crate::hosting::Hosted;
use crate::support::forge::Kind;
use crate::support::scene::{Scene, stream};

#[test]
fn a_hundred_open_ones_are_one_listing_request_a_page_and_no_write() {
    const COUNT: usize = 100;
    let scene = Scene::new();
    let mut streams = String::new();
    for number in 0..COUNT {
        let _ = write!(
            streams,
            "---\n{}",
            stream("dev", &format!("s{number}"), "1")
        );
        scene.image(&format!("acme/s{number}"), "1", "first");
    }
    let config = format!(
        "apiVersion: headwater.dev/v1alpha1\nkind: Config\nspec:\n  pullRequests: {{maxOpen: {COUNT}}}\n"
    );
    let mut files = vec![("headwater.yaml".to_owned(), config)];
    for number in 0..COUNT {
        files.push((
            format!("s{number}.yaml"),
            stream("dev", &format!("s{number}"), "1"),
        ));
    }
    let files: Vec<_> = files
        .iter()
        .map(|(a, b)| (a.as_str(), b.as_str()))
        .collect();
    scene.commit(&files, "begin");
    let hosted = Hosted::new(Kind::Gitea, scene);
    hosted.reconcile().exits(0);
    hosted.merge(1);
    for number in 0..COUNT {
        hosted
            .scene
            .image(&format!("acme/s{number}"), "1", "second");
    }
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
