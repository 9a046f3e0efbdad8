//! Whether a forge's own description allows a request: Swagger 2.0, and OpenAPI 3 as far as the
//! two are alike.

use serde_json::Value;

use crate::support::forge::call::Call;

/// Schemas within schemas.
const MAX_DEPTH: usize = 20;

#[derive(Debug)]
pub struct Description {
    root: Value,
}

impl Description {
    pub fn parse(text: &str) -> Self {
        Self {
            root: serde_json::from_str(text).unwrap(),
        }
    }

    /// What is wrong with the request, one sentence each.
    pub fn faults_of(&self, call: &Call) -> Vec<String> {
        let asked = format!("{} {}", call.method, call.path);
        let Some((template, operation)) = self.operation(call) else {
            return vec![format!("{asked}: no such operation")];
        };
        let mut faults = Vec::new();
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let parameters: Vec<&Value> = parameters.map(|it| self.resolved(it)).collect();
        self.check_path(call, template, &parameters, &mut faults);
        self.check_query(call, &parameters, &mut faults);
        let (schema, is_required) = self.body(operation, &parameters);
        match (schema, call.text.is_empty()) {
            (None, true) => {}
            (None, false) => faults.push("it takes no body".to_owned()),
            (Some(_), true) if is_required => faults.push("its body is missing".to_owned()),
            (Some(_), true) => {}
            (Some(schema), false) => self.check(&call.body, schema, "body", 0, &mut faults),
        }
        faults
            .iter()
            .map(|fault| format!("{asked}: {fault}"))
            .collect()
    }

    /// The template with the fewest variables that fits, and its operation.
    fn operation(&self, call: &Call) -> Option<(&str, &Value)> {
        let fits = |template: &&String| {
            let parts: Vec<&str> = template.trim_matches('/').split('/').collect();
            let fit = |(part, segment): (&&str, &String)| part.starts_with('{') || part == segment;
            parts.len() == call.segments.len() && parts.iter().zip(&call.segments).all(fit)
        };
        let method = call.method.to_ascii_lowercase();
        let paths = self.root["paths"].as_object()?;
        let fitting = paths.keys().filter(fits);
        let template = fitting.min_by_key(|template| template.matches('{').count())?;
        Some((template, paths[template].get(&method)?))
    }

    fn resolved<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value["$ref"].as_str() {
            Some(place) => {
                let found = self.root.pointer(place.trim_start_matches('#'));
                found.unwrap_or_else(|| panic!("the description has no {place}"))
            }
            None => value,
        }
    }

    /// The body's schema, and whether there must be one.
    fn body<'a>(&'a self, operation: &'a Value, all: &[&'a Value]) -> (Option<&'a Value>, bool) {
        let content = self.resolved(&operation["requestBody"]);
        let (holder, schema) = match all.iter().find(|it| it["in"] == "body") {
            Some(parameter) => (*parameter, parameter.get("schema")),
            None => (
                content,
                content.pointer("/content/application~1json/schema"),
            ),
        };
        (schema, holder["required"] == true)
    }

    fn check_path(&self, call: &Call, template: &str, all: &[&Value], faults: &mut Vec<String>) {
        let parts = template.trim_matches('/').split('/');
        for (part, segment) in parts.zip(&call.segments) {
            let Some(name) = part.strip_prefix('{').and_then(|it| it.strip_suffix('}')) else {
                continue;
            };
            match all
                .iter()
                .find(|it| it["in"] == "path" && it["name"] == name)
            {
                Some(parameter) => self.check_text(segment, parameter, name, faults),
                None => faults.push(format!("{name} in its path is not described")),
            }
        }
    }

    fn check_query(&self, call: &Call, all: &[&Value], faults: &mut Vec<String>) {
        let of_query = || all.iter().filter(|it| it["in"] == "query");
        for (name, value) in &call.query {
            match of_query().find(|it| it["name"] == **name) {
                Some(parameter) => self.check_text(value, parameter, name, faults),
                None => faults.push(format!("it has no parameter {name}")),
            }
        }
        for parameter in of_query().filter(|it| it["required"] == true) {
            let name = parameter["name"].as_str().unwrap_or_default();
            if !call.query.iter().any(|(known, _)| known == name) {
                faults.push(format!("its parameter {name} is missing"));
            }
        }
    }

    /// A parameter is text, and what it means is its schema's.
    fn check_text(&self, text: &str, parameter: &Value, name: &str, faults: &mut Vec<String>) {
        let schema = self.resolved(parameter.get("schema").unwrap_or(parameter));
        let value = match schema["type"].as_str() {
            Some("integer" | "number" | "boolean") => {
                serde_json::from_str(text).unwrap_or_else(|_| text.into())
            }
            Some("array") => return,
            _ => Value::from(text),
        };
        self.check(&value, schema, name, 0, faults);
    }

    fn check(
        &self,
        value: &Value,
        schema: &Value,
        at: &str,
        depth: usize,
        faults: &mut Vec<String>,
    ) {
        assert!(
            depth < MAX_DEPTH,
            "the description goes round in a circle at {at}"
        );
        let schema = self.resolved(schema);
        for one_of in ["oneOf", "anyOf"] {
            let Some(ways) = schema[one_of].as_array() else {
                continue;
            };
            let fits = |way: &Value| {
                let mut inner = Vec::new();
                self.check(value, way, at, depth + 1, &mut inner);
                inner.is_empty()
            };
            if !ways.iter().any(fits) {
                faults.push(format!("{at} fits none of what it may be"));
            }
        }
        if value.is_null() && schema["nullable"] == true {
            return;
        }
        if !has_type(value, &schema["type"]) {
            faults.push(format!("{at} is not of type {}", schema["type"]));
            return;
        }
        let allowed = schema["enum"].as_array();
        if allowed.is_some_and(|allowed| !allowed.contains(value)) {
            faults.push(format!("{at} is {value}, which is none of its values"));
        }
        match value {
            Value::Array(items) => {
                if schema["minItems"].as_u64() > Some(items.len() as u64) {
                    faults.push(format!("{at} has too few items"));
                }
                for item in items.iter().filter(|_| schema["items"].is_object()) {
                    self.check(
                        item,
                        &schema["items"],
                        &format!("{at}[]"),
                        depth + 1,
                        faults,
                    );
                }
            }
            Value::Object(_) => self.check_object(value, schema, at, depth, faults),
            _ => {}
        }
    }

    fn check_object(
        &self,
        value: &Value,
        schema: &Value,
        at: &str,
        depth: usize,
        faults: &mut Vec<String>,
    ) {
        for name in schema["required"].as_array().into_iter().flatten() {
            let name = name.as_str().unwrap_or_default();
            if value.get(name).is_none() {
                faults.push(format!("{at}.{name} is missing"));
            }
        }
        let Some(known) = schema["properties"].as_object() else {
            return;
        };
        for (name, property) in value.as_object().into_iter().flatten() {
            match known.get(name) {
                Some(schema) => {
                    self.check(property, schema, &format!("{at}.{name}"), depth + 1, faults);
                }
                None if schema["additionalProperties"].is_object() => {}
                // Servers pass over what they do not know, and so would a mistake.
                None => faults.push(format!("{at}.{name} is not described")),
            }
        }
    }
}

/// Any where none is named; one of several where several are.
fn has_type(value: &Value, named: &Value) -> bool {
    let is = |name: &str| match name {
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "null" => value.is_null(),
        _ => false,
    };
    match named {
        Value::String(name) => is(name),
        Value::Array(names) => names.iter().filter_map(Value::as_str).any(is),
        _ => true,
    }
}
