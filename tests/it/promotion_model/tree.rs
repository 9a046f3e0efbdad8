//! What a commit says, read without headwater: recorded images, pinned fields, holds, and what
//! people wrote.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use git2::Oid;
use serde_yaml::Value;

use crate::promotion_model::site::Site;

/// Namespace, stream and tag.
pub type TagName = (String, String, String);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    pub environment: String,
    pub rejected: Option<String>,
    pub until: Option<i64>,
}

#[derive(Debug, Default)]
pub struct State {
    /// Newest first.
    pub recorded: BTreeMap<TagName, Vec<String>>,
    /// Of the Deployments, by namespace, name and tag.
    pub pinned: BTreeMap<TagName, String>,
    pub holds: BTreeMap<TagName, Hold>,
    /// By path, without the bot's bytes.
    pub people: BTreeMap<String, Rc<Vec<String>>>,
}

impl State {
    pub fn newest(&self, tag: &TagName) -> Option<&String> {
        self.recorded.get(tag)?.first()
    }
}

#[derive(Debug, Default)]
struct Blob {
    recorded: Vec<(TagName, Vec<String>)>,
    pinned: Option<(TagName, String)>,
    holds: Vec<(TagName, Hold)>,
    people: Rc<Vec<String>>,
}

#[derive(Default)]
pub struct Reader {
    blobs: RefCell<HashMap<Oid, Rc<Blob>>>,
    states: RefCell<HashMap<Oid, Rc<State>>>,
}

impl Reader {
    pub fn state(&self, site: &Site, commit: Oid) -> Rc<State> {
        let tree = site.raw.find_commit(commit).unwrap().tree_id();
        if let Some(known) = self.states.borrow().get(&tree) {
            return Rc::clone(known);
        }
        let mut state = State::default();
        for (path, id) in site.files(commit) {
            let known = self.blobs.borrow().get(&id).cloned();
            let blob = known.unwrap_or_else(|| {
                let blob = Rc::new(blob(&site.text(id)));
                self.blobs.borrow_mut().insert(id, Rc::clone(&blob));
                blob
            });
            state.recorded.extend(blob.recorded.iter().cloned());
            state.pinned.extend(blob.pinned.iter().cloned());
            state.holds.extend(blob.holds.iter().cloned());
            state.people.insert(path, Rc::clone(&blob.people));
        }
        let state = Rc::new(state);
        self.states.borrow_mut().insert(tree, Rc::clone(&state));
        state
    }
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn blob(content: &str) -> Blob {
    let mut found = Blob {
        people: Rc::new(people(content)),
        ..Blob::default()
    };
    let Ok(value) = serde_yaml::from_str::<Value>(content) else {
        return found;
    };
    let metadata = &value["metadata"];
    let (Some(namespace), Some(name)) = (text(&metadata["namespace"]), text(&metadata["name"]))
    else {
        return found;
    };
    let tag = |tag: String| (namespace.clone(), name.clone(), tag);
    let list = |value: &Value| value.as_sequence().cloned().unwrap_or_default();
    match value["kind"].as_str() {
        Some("ImageStream") => {
            for entry in list(&value["status"]["tags"]) {
                let items = list(&entry["items"]);
                let images = items.iter().filter_map(|item| text(&item["image"]));
                let name = tag(text(&entry["tag"]).unwrap());
                found.recorded.push((name, images.collect()));
            }
            for entry in list(&value["spec"]["tags"]) {
                let Some(hold) = text(&entry["annotations"]["headwater.dev/hold"]) else {
                    continue;
                };
                let hold: serde_json::Value = serde_json::from_str(&hold).unwrap();
                let field = |key: &str| hold[key].as_str().map(str::to_owned);
                let until = field("until").map(|it| it.parse::<jiff::Timestamp>().unwrap());
                let hold = Hold {
                    environment: field("environment").unwrap(),
                    rejected: field("rejected"),
                    until: until.map(jiff::Timestamp::as_second),
                };
                found.holds.push((tag(text(&entry["name"]).unwrap()), hold));
            }
        }
        Some("Deployment") => {
            let containers = list(&value["spec"]["template"]["spec"]["containers"]);
            let image = text(&containers[0]["image"]).unwrap();
            if let Some((before, digest)) = image.split_once('@') {
                let own = before.rsplit(':').next().unwrap().to_owned();
                found.pinned = Some((tag(own), digest.to_owned()));
            }
        }
        _ => {}
    }
    found
}

/// Lines without what headwater writes: a status at the end, its own annotation, and digests.
fn people(content: &str) -> Vec<String> {
    let is_stream = content.contains("\nkind: ImageStream\n");
    let mut lines = Vec::new();
    for line in content.lines() {
        if is_stream && line == "status:" {
            break;
        }
        if line.trim_start().starts_with("headwater.dev/observed") {
            continue;
        }
        lines.push(match line.split_once("@sha256:") {
            Some((before, after)) => format!("{before}{}", &after[64..]),
            None => line.to_owned(),
        });
    }
    lines
}
