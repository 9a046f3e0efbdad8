//! The settings in force, and where each comes from.

use serde_json::Value as Json;

use crate::config::field::{Fields, Standing};
use crate::config::server::read_and;
use crate::config::server_schema::ServerFile;
use crate::config::variables::Variables;
use crate::problem::{Place, Problem};
use crate::snapshot::FilePath;
use crate::yaml::Node;

/// All settings of the operator's file.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// In the form of the file.
    pub tree: Json,
    /// Each value of the tree, in its order; an empty list is one.
    pub values: Vec<Setting>,
}

/// One value that is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// `registries.hosts[0].perMinute`
    pub key: String,
    pub value: String,
    pub origin: Origin,
}

/// Where a value comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    File(Place),
    /// The variable's name.
    Variable(String),
    /// The command line.
    Flag,
    /// Nobody said anything.
    #[default]
    Default,
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(place) => place.fmt(f),
            Self::Variable(name) => write!(f, "variable {name}"),
            Self::Flag => f.write_str("flag"),
            Self::Default => f.write_str("default"),
        }
    }
}

/// What is in force by the operator's file and the variables that win over it, defaults included;
/// as [`crate::config::server::read_with`] reads them. It holds no secret.
pub fn settings(
    name: &FilePath,
    bytes: &[u8],
    variables: &Variables,
) -> (Option<Settings>, Vec<Problem>) {
    read_and(name, bytes, variables, |config, fields, root| {
        let tree = serde_json::to_value(ServerFile::from(&config)).unwrap_or_default();
        let tree = without_nothing(tree).unwrap_or_else(|| Json::Object(serde_json::Map::new()));
        let mut values = Vec::new();
        collect(&tree, root, fields, String::new(), &mut values);
        Settings { tree, values }
    })
}

/// Without what is not set, and mappings of it alone.
fn without_nothing(value: Json) -> Option<Json> {
    match value {
        Json::Null => None,
        Json::Object(members) => {
            let members: serde_json::Map<String, Json> = members
                .into_iter()
                .filter_map(|(key, value)| Some((key, without_nothing(value)?)))
                .collect();
            (!members.is_empty()).then_some(Json::Object(members))
        }
        Json::Array(items) => {
            let items = items.into_iter().filter_map(without_nothing);
            Some(Json::Array(items.collect()))
        }
        value => Some(value),
    }
}

/// `node` is what stands for `value` in the file or in variables.
fn collect(
    value: &Json,
    node: Option<&Node>,
    fields: &Fields<'_>,
    key: String,
    found: &mut Vec<Setting>,
) {
    let node = node.filter(|node| !node.is_null());
    match value {
        Json::Object(members) => {
            for (name, value) in members {
                let key = match key.is_empty() {
                    true => name.clone(),
                    false => format!("{key}.{name}"),
                };
                let below = node.and_then(|node| member(node, name));
                collect(value, below, fields, key, found);
            }
        }
        Json::Array(items) if !items.is_empty() => {
            for (index, value) in items.iter().enumerate() {
                let below = node.and_then(|node| item(node, index, value));
                collect(value, below, fields, format!("{key}[{index}]"), found);
            }
        }
        value => found.push(Setting {
            key,
            value: match value {
                Json::String(text) => text.clone(),
                value => value.to_string(),
            },
            origin: match node.map(|node| fields.standing(node)) {
                Some(Standing::File(place)) => Origin::File(place),
                Some(Standing::Variable(name)) => Origin::Variable(name.to_owned()),
                None => Origin::Default,
            },
        }),
    }
}

fn member<'n>(node: &'n Node, name: &str) -> Option<&'n Node> {
    // A list of one secret is the same as that secret.
    node.get(name).or_else(|| match name {
        "secretFile" => node.get("secretFiles")?.items().first(),
        _ => None,
    })
}

/// The item with this text, where a reader has put the texts in an order of its own; else the one
/// with this number.
fn item<'n>(node: &'n Node, index: usize, value: &Json) -> Option<&'n Node> {
    let same = |item: &&Node| value.as_str().is_some() && item.text() == value.as_str();
    let items = node.items();
    items.iter().find(same).or_else(|| items.get(index))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::schema::{SERVER, schema};

    /// Says something for every key that there is.
    const EVERYTHING: &str = include_str!("../../tests/cases/server-file.yaml");

    fn shown(file: &str, given: &[(&str, &str)]) -> Vec<String> {
        let given = given
            .iter()
            .map(|(name, value)| (name.into(), value.into()));
        let name = "config.yaml".parse().unwrap();
        let (settings, problems) = settings(&name, file.as_bytes(), &Variables::of(given));
        assert_eq!(problems, []);
        let line = |it: &Setting| format!("{} {}={}", it.origin, it.key, it.value);
        settings.unwrap().values.iter().map(line).collect()
    }

    #[test]
    fn each_value_says_where_it_comes_from() {
        let file = "serve:\n  status: {listen: \"127.0.0.1:1\"}\nevents:\n- url: https://chat.example/services/T0/B0\n  secretFile: /s\n  types: [failed, blocked]\nregistries: {allow: []}\nhooks:\n- {name: a, kind: quay, secretFiles: [/a]}\n";
        let given = [
            ("HEADWATER_SERVE__STATUS__LISTEN", "127.0.0.1:2"),
            ("HEADWATER_SERVE__CONCURRENCY", "9"),
            ("HEADWATER_EVENTS__0__TYPES__2", "promoted"),
        ];
        assert_eq!(
            shown(file, &given),
            [
                "config.yaml:7:21 registries.allow=[]",
                "default access.enforce=false",
                "default serve.interval=1m",
                "variable HEADWATER_SERVE__CONCURRENCY serve.concurrency=9",
                "variable HEADWATER_SERVE__STATUS__LISTEN serve.status.listen=127.0.0.1:2",
                "config.yaml:9:10 hooks[0].name=a",
                "config.yaml:9:19 hooks[0].kind=quay",
                "config.yaml:9:39 hooks[0].secretFile=/a",
                // The rest of the address may be a secret.
                "config.yaml:4:8 events[0].url=https://chat.example/…",
                "config.yaml:5:15 events[0].secretFile=/s",
                "variable HEADWATER_EVENTS__0__TYPES__2 events[0].types[0]=promoted",
                "config.yaml:6:19 events[0].types[1]=blocked",
                "config.yaml:6:11 events[0].types[2]=failed",
            ]
        );
    }

    #[test]
    fn without_anything_there_are_defaults() {
        assert_eq!(
            shown("", &[]),
            [
                "default access.enforce=false",
                "default serve.interval=1m",
                "default serve.concurrency=4",
            ]
        );
    }

    /// What is read is shown: nothing is lost on the way, and nothing comes from nowhere.
    #[test]
    fn every_key_is_shown() {
        let shown = shown(EVERYTHING, &[]);
        let (_, schema) = schema::<ServerFile>(SERVER);
        let definitions = schema["definitions"].as_object().unwrap();
        let keys = definitions
            .values()
            .chain([&schema])
            .filter_map(|definition| definition["properties"].as_object())
            .flat_map(|properties| properties.keys());
        for key in keys {
            let is_part = |line: &String| {
                let path = line.split(' ').next_back().unwrap_or_default();
                let path = path.split('=').next().unwrap_or_default();
                path.split(['.', '[', ']']).any(|part| part == key)
            };
            assert!(shown.iter().any(is_part), "{key}: {shown:#?}");
        }
    }

    /// The form that is shown is one that is read, to the same settings.
    #[test]
    fn what_is_shown_is_a_server_file() {
        let name = "config.yaml".parse().unwrap();
        let none = Variables::default();
        let (first, _) = settings(&name, EVERYTHING.as_bytes(), &none);
        let mut first = first.unwrap();
        for event in first.tree["events"].as_array_mut().unwrap() {
            event["url"] = Json::from("https://chat.example/…");
        }
        let text = crate::yaml::render(&first.tree);
        let (second, problems) = settings(&name, text.as_bytes(), &none);
        assert_eq!(problems, [], "{text}");
        assert_eq!(second.unwrap().tree, first.tree);
    }
}
