//! A body as a forge reads it: what must not come out of it.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use regex::Regex;

/// GitHub's, GitLab's and Gitea's extensions, as far as the renderer has them; their autolinks
/// are looked for in the text.
pub fn options() -> Options {
    Options::ENABLE_TABLES
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_MATH
        | Options::ENABLE_GFM
}

/// What is visible outside code spans, and what stands in them.
#[derive(Default)]
pub struct Rendered {
    pub text: String,
    pub codes: Vec<String>,
    pub links: Vec<String>,
    pub html: Vec<String>,
    pub boxes: usize,
}

/// Panics where the body holds what none may hold, whatever an image says.
pub fn check(body: &str) -> Rendered {
    let rendered = render(body);
    let page = Regex::new(
        r"^https://[a-z0-9.-]+(:[0-9]+)?(/[A-Za-z0-9._-]+){2,}/(-/compare|compare|branches/compare)/[0-9a-f]{40,64}\.\.\.?[0-9a-f]{40,64}$",
    )
    .unwrap();
    for link in &rendered.links {
        assert!(page.is_match(link), "{link}\n{body}");
    }
    let ours = Regex::new(concat!(
        r"^(<details><summary>[A-Za-z0-9 :,-]+</summary>|</details>",
        r"|<!-- headwater:(rebuild|hold [A-Za-z0-9._/:%-]+) -->)$"
    ))
    .unwrap();
    for html in &rendered.html {
        assert!(ours.is_match(html.trim()), "{html}\n{body}");
    }
    for acting in [
        r"@",
        r"#\d",
        r"(?i)www\.",
        r"://",
        r"[!&~^$%]\d",
        r"(?i)\bGH-\d",
        r":[a-z]+:",
    ] {
        let acting = Regex::new(acting).unwrap();
        assert!(
            !acting.is_match(&rendered.text),
            "{acting}: {}",
            rendered.text
        );
    }
    let unseen = body.chars().find(|c| {
        (c.is_control() && *c != '\n')
            || matches!(*c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
                | '\u{feff}' | '\u{e0000}'..='\u{e0fff}')
    });
    assert_eq!(unseen, None, "{body}");
    // What bots and GitLab look for in the raw text.
    for raw in [
        r"(?m)^\s*/",
        r"(?i)\b(clos|fix|resolv|implement)\w*:? +(#|https?://|[A-Z]\w*-\d)",
        r"<!-- headwater:v1",
        r"(?i)\[(skip|ci|no) ",
        r"\*\*\*",
        r"(?i)\bGH-\d",
        r"@[A-Za-z0-9_-]*[A-RT-Za-rt-z0-9_-]+/",
    ] {
        let raw = Regex::new(raw).unwrap();
        assert!(!raw.is_match(body), "{raw}\n{body}");
    }
    check_tables(body);
    assert!(body.len() <= headwater::plan::pull_request::MAX_BODY);
    rendered
}

fn render(body: &str) -> Rendered {
    let mut rendered = Rendered::default();
    for event in Parser::new_ext(body, options()) {
        match event {
            Event::Text(text) => rendered.text.push_str(&text),
            Event::Code(code) => rendered.codes.push(code.into_string()),
            Event::Start(Tag::Link { dest_url, .. }) => rendered.links.push(dest_url.into_string()),
            Event::Html(html) | Event::InlineHtml(html) => {
                rendered.html.extend(html.lines().map(str::to_owned));
            }
            Event::TaskListMarker(is_ticked) => {
                assert!(!is_ticked, "{body}");
                rendered.boxes += 1;
            }
            Event::Start(Tag::Image { .. } | Tag::CodeBlock(_) | Tag::FootnoteDefinition(_))
            | Event::Start(Tag::Heading { .. } | Tag::BlockQuote(_) | Tag::Emphasis)
            | Event::Start(Tag::Strikethrough)
            | Event::FootnoteReference(_)
            | Event::InlineMath(_)
            | Event::DisplayMath(_) => panic!("{event:?}\n{body}"),
            Event::End(TagEnd::TableCell | TagEnd::Paragraph | TagEnd::Item) | Event::SoftBreak => {
                rendered.text.push('\n');
            }
            _ => {}
        }
    }
    rendered
}

/// Every row of a table has as many cells as its head: no text of others opens one.
fn check_tables(body: &str) {
    let mut cells = None;
    for line in body.lines() {
        let unescaped = line.replace(r"\|", "");
        if !line.starts_with('|') {
            cells = None;
            continue;
        }
        let count = unescaped.matches('|').count();
        assert!(line.ends_with('|'), "{line}");
        assert_eq!(*cells.get_or_insert(count), count, "{line}");
    }
}
