use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::config::schema::{SERVER, schema};
use crate::config::server_schema::ServerFile;

/// How deep definitions of a schema may name one another.
const MAX_DEPTH: u32 = 20;

/// What may stand where in a file, without what the values mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A text, a number or a flag.
    Value,
    List(Box<Self>),
    /// By name.
    Fields(BTreeMap<String, Self>),
}

impl Shape {
    /// Of the operator's file, as its schema has it.
    pub fn server_file() -> Self {
        let (_, schema) = schema::<ServerFile>(SERVER);
        let definitions = schema.get("definitions").unwrap_or(&Json::Null);
        Self::of(&schema, definitions, MAX_DEPTH)
    }

    fn of(schema: &Json, definitions: &Json, depth: u32) -> Self {
        let Some(depth) = depth.checked_sub(1) else {
            return Self::Value;
        };
        let named = schema.get("$ref").and_then(|name| {
            let name = name.as_str()?.strip_prefix("#/definitions/")?;
            definitions.get(name)
        });
        if let Some(named) = named {
            return Self::of(named, definitions, depth);
        }
        // What is optional is this or `null`.
        let ways = ["anyOf", "allOf"].iter().find_map(|key| schema.get(key));
        let way = ways.and_then(Json::as_array).and_then(|ways| {
            let mut ways = ways.iter();
            ways.find(|way| way.get("type").is_none_or(|kind| kind != "null"))
        });
        if let Some(way) = way {
            return Self::of(way, definitions, depth);
        }
        if let Some(fields) = schema.get("properties").and_then(Json::as_object) {
            let fields = fields.iter().map(|(name, field)| {
                let shape = Self::of(field, definitions, depth);
                (name.clone(), shape)
            });
            return Self::Fields(fields.collect());
        }
        match schema.get("items") {
            Some(items) => Self::List(Box::new(Self::of(items, definitions, depth))),
            None => Self::Value,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shape_has_every_key_of_the_file() {
        let Shape::Fields(fields) = Shape::server_file() else {
            panic!("a mapping");
        };
        let Some(Shape::Fields(registries)) = fields.get("registries") else {
            panic!("a mapping");
        };
        assert_eq!(
            registries.get("allow"),
            Some(&Shape::List(Box::new(Shape::Value)))
        );
        let Some(Shape::List(hosts)) = registries.get("hosts") else {
            panic!("a list");
        };
        let Shape::Fields(host) = hosts.as_ref() else {
            panic!("a mapping");
        };
        assert_eq!(host.get("perMinute"), Some(&Shape::Value));
        let Some(Shape::List(forges)) = fields.get("forges") else {
            panic!("a list");
        };
        let Shape::Fields(forge) = forges.as_ref() else {
            panic!("a mapping");
        };
        assert!(matches!(forge.get("app"), Some(Shape::Fields(app)) if app["id"] == Shape::Value));
        assert_eq!(forge.get("kind"), Some(&Shape::Value));
    }
}
