//! README's picture is of a golden body: the picture carries that body's hash.
//! `HEADWATER_BLESS=1` takes it anew where Chromium is installed.

use std::fs;
use std::path::Path;
use std::process::Command;

use headwater::image::Digest;
use pulldown_cmark::{Parser, html};

use crate::bodies::rendered::options;

const PICTURE: &str = "docs/pull-request.png";
const CASE: &str = "tests/cases/pull_requests/source-changed";
const KEY: &[u8] = b"Body";

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

/// Puts a `tEXt` chunk behind the header (PNG, 11.3.4.3).
fn with_hash(picture: &[u8], hash: &str) -> Vec<u8> {
    const HEADER_END: usize = 8 + 25;
    let content = [b"tEXt", KEY, b"\0", hash.as_bytes()].concat();
    let length = u32::try_from(content.len() - 4).unwrap();
    let chunk = [
        &length.to_be_bytes()[..],
        &content,
        &crc(&content).to_be_bytes()[..],
    ]
    .concat();
    [&picture[..HEADER_END], &chunk, &picture[HEADER_END..]].concat()
}

fn hash_in(picture: &[u8]) -> Option<String> {
    let mut rest = picture.get(8..)?;
    while rest.len() >= 12 {
        let length = u32::from_be_bytes(rest[..4].try_into().unwrap()) as usize;
        let content = rest.get(8..8 + length)?;
        if &rest[4..8] == b"tEXt"
            && let Some(text) = content.strip_prefix(KEY)
        {
            return Some(String::from_utf8_lossy(&text[1..]).into_owned());
        }
        rest = rest.get(12 + length..)?;
    }
    None
}

/// CRC-32 as PNG computes it (annex D).
fn crc(bytes: &[u8]) -> u32 {
    let crc = bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            let low = crc & 1;
            (crc >> 1) ^ (0xedb8_8320 * low)
        })
    });
    !crc
}

#[test]
fn the_hash_is_put_where_png_readers_find_it() {
    assert_eq!(crc(b"123456789"), 0xcbf4_3926);
    let empty = [&b"\x89PNG\r\n\x1a\n"[..], &[0; 25]].concat();
    let header = {
        let mut header = empty.clone();
        header[8..12].copy_from_slice(&13_u32.to_be_bytes());
        header
    };
    assert_eq!(hash_in(&header), None);
    assert_eq!(
        hash_in(&with_hash(&header, "sha256:1")).as_deref(),
        Some("sha256:1")
    );
}
