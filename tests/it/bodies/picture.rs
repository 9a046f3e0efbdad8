//! README's picture is of a golden body: the picture carries that body's hash.
//! `HEADWATER_BLESS=1` takes it anew where Chromium is installed.

use std::fs;
use std::path::Path;
use std::process::Command;

use headwater::image::Digest;
use pulldown_cmark::{Parser, html};

use crate::bodies::rendered::options;
use crate::support::png::{hash_in, with_hash};

const PICTURE: &str = "docs/pull-request.png";
const CASE: &str = "tests/cases/pull_requests/source-changed";

#[test]
fn the_picture_shows_the_golden_body() {
    let body = fs::read_to_string(format!("{CASE}/body.md")).unwrap();
    let title = fs::read_to_string(format!("{CASE}/title")).unwrap();
    let labels = fs::read_to_string(format!("{CASE}/labels")).unwrap();
    let page = page(&title, &labels, &body);
    let shown = Digest::of(page.as_bytes());
    if std::env::var_os("HEADWATER_BLESS").is_some()
        && hash_in(&fs::read(PICTURE).unwrap_or_default()).as_deref() != Some(shown.as_str())
    {
        take(&page, shown.as_str());
    }
    let picture = fs::read(PICTURE).unwrap();
    assert_eq!(
        hash_in(&picture).as_deref(),
        Some(shown.as_str()),
        "{PICTURE} is of another body; run the tests with HEADWATER_BLESS=1"
    );
    assert!(picture.len() <= 150 * 1024, "{} bytes", picture.len());
    let readme = fs::read_to_string("README.md").unwrap();
    assert!(readme.contains(&format!("]({PICTURE})")));
    assert!(readme.contains(&format!("]({CASE}/body.md)")));
}

fn page(title: &str, labels: &str, body: &str) -> String {
    let mut rendered = String::new();
    html::push_html(&mut rendered, Parser::new_ext(body, options()));
    let labels: String = labels
        .lines()
        .map(|label| format!("<span class=label>{label}</span>"))
        .collect();
    // The first folded part stands open, as for somebody who has clicked on it.
    let rendered = rendered.replacen("<details>", "<details open>", 1);
    format!(
        "<!doctype html><meta charset=utf-8><style>{}</style><h1>{}</h1><p class=meta>\
         <span class=state>Open</span> <b>headwater</b> wants to merge 1 commit into \
         <code>env/dev</code> from <code>headwater/dev/payments.api</code></p>\
         <p>{labels}</p><article>{rendered}</article>",
        include_str!("page.css"),
        title.trim(),
    )
}

fn take(page: &str, hash: &str) {
    let folder = tempfile::tempdir().unwrap();
    let (source, shot) = (
        folder.path().join("page.html"),
        folder.path().join("shot.png"),
    );
    fs::write(&source, page).unwrap();
    let status = Command::new("chromium")
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            "--disable-lcd-text",
        ])
        .arg(format!(
            "--user-data-dir={}",
            folder.path().join("profile").display()
        ))
        .arg("--window-size=860,1090")
        .arg(format!("--screenshot={}", shot.display()))
        .arg(format!("file://{}", source.display()))
        .output()
        .expect("chromium takes the picture");
    assert!(status.status.success(), "{status:?}");
    let picture = fs::read(&shot).unwrap();
    fs::create_dir_all(Path::new(PICTURE).parent().unwrap()).unwrap();
    fs::write(PICTURE, with_hash(&picture, hash)).unwrap();
}
