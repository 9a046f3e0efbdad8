//! A feed, as a strict reader of XML takes it: Chromium's.

use std::collections::BTreeMap;

use headwater::serve::page::Form;
use headwater::serve::state::DaemonState;
use serde::Deserialize;

use crate::status_page::site::get;
use crate::support::browser::Browser;

const ATOM: &str = "http://www.w3.org/2005/Atom";
const PARSE: &str = include_str!("feed.js");

#[derive(Debug, Deserialize)]
pub struct Element {
    pub name: String,
    pub namespace: String,
    pub attributes: BTreeMap<String, String>,
    /// None where it has children.
    pub text: String,
    pub children: Vec<Element>,
}

impl Element {
    /// The children that are called so.
    pub fn named<'e, 'n>(&'e self, name: &'n str) -> impl Iterator<Item = &'e Self> + use<'e, 'n> {
        self.children.iter().filter(move |it| it.name == name)
    }

    /// The text of the one child that is called so.
    #[track_caller]
    pub fn text_of(&self, name: &str) -> &str {
        let found: Vec<&Self> = self.named(name).collect();
        assert_eq!(found.len(), 1, "{name}");
        &found[0].text
    }

    /// Where the link of this relation leads to.
    pub fn link(&self, relation: &str) -> Option<&str> {
        let mut links = self.named("link");
        let link = links.find(|link| link.attributes["rel"] == relation)?;
        Some(&link.attributes["href"])
    }
}

/// The feed at `target`, which is what RFC 4287 asks for.
pub fn feed(browser: &mut Browser, state: &DaemonState, target: &str) -> Element {
    let answer = get(state, target);
    assert_eq!((answer.status, answer.form), (200, Form::Atom), "{target}");
    let text = serde_json::to_string(&answer.body).unwrap();
    let found = browser.evaluate(&format!("{PARSE}({text})"));
    let feed: Element = serde_json::from_value(found).unwrap();
    assert_eq!(
        (feed.name.as_str(), feed.namespace.as_str()),
        ("feed", ATOM)
    );
    assert_eq!(
        feed.named("author").next().unwrap().text_of("name"),
        "headwater"
    );
    for element in feed.named("entry").chain([&feed]) {
        assert!(element.text_of("id").starts_with("urn:uuid:"));
        assert!(!element.text_of("title").is_empty());
        assert!(!element.text_of("updated").is_empty());
        // Below a proxy's own path a link stays right.
        assert!(element.link("alternate").unwrap().starts_with("./"));
    }
    for entry in feed.named("entry") {
        let content = entry.named("content").next().unwrap();
        assert_eq!(content.attributes["type"], "text");
    }
    feed
}
