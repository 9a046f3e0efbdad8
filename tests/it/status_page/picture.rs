//! README's pictures are of the page as it is: they carry the hash of what they show.
//! `HEADWATER_BLESS=1` takes them anew.

use std::fs;

use headwater::image::Digest;

use crate::status_page::scene::state;
use crate::status_page::site::{Site, get};
use crate::support::browser::Browser;
use crate::support::png::{hash_in, with_hash};

const PAGE: &str = "/repository/shop/streams";
const SIZE: (u32, u32) = (1_100, 640);

#[test]
fn the_pictures_show_the_page() {
    let shown = get(&state(), PAGE).body + &get(&state(), "/style.css").body;
    let shown = Digest::of(shown.as_bytes());
    for (name, is_dark) in [("light", false), ("dark", true)] {
        let file = format!("docs/pictures/status-page-{name}.png");
        let known = hash_in(&fs::read(&file).unwrap_or_default());
        let is_old = known.as_deref() != Some(shown.as_str());
        if is_old && std::env::var_os("HEADWATER_BLESS").is_some() {
            let site = Site::of(state());
            let mut browser = Browser::start();
            browser.show_as(SIZE.0, SIZE.1, is_dark);
            browser.open(&site.url(PAGE));
            let picture = with_hash(&browser.picture(), shown.as_str());
            fs::create_dir_all("docs/pictures").unwrap();
            fs::write(&file, picture).unwrap();
        }
        let picture = fs::read(&file).unwrap();
        assert_eq!(
            hash_in(&picture).as_deref(),
            Some(shown.as_str()),
            "{file} is of another page; run the tests with HEADWATER_BLESS=1"
        );
        assert!(picture.len() <= 150_000, "{file}: {} bytes", picture.len());
    }
}
