use serde_json::{Map, Value};

use crate::yaml::{Node, ScalarStyle, Value as Yaml};

/// Texts, numbers and truths as YAML's core schema reads them; an alias is null.
pub fn to_json(node: &Node) -> Value {
    match &node.value {
        Yaml::Alias(_) => Value::Null,
        Yaml::Sequence { items, .. } => items.iter().map(to_json).collect(),
        Yaml::Mapping { entries, .. } => {
            let members = entries
                .iter()
                .filter_map(|(key, value)| Some((key.text()?.to_owned(), to_json(value))));
            Value::Object(members.collect::<Map<_, _>>())
        }
        Yaml::Scalar { .. } if node.is_null() => Value::Null,
        Yaml::Scalar {
            text,
            style: ScalarStyle::Plain,
        } if node.tag.is_none() => match text.as_str() {
            "true" | "True" | "TRUE" => true.into(),
            "false" | "False" | "FALSE" => false.into(),
            text => text
                .parse::<i64>()
                .map_or_else(|_| text.into(), Value::from),
        },
        Yaml::Scalar { text, .. } => text.clone().into(),
    }
}
