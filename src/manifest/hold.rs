//! The annotation [`HOLD`] of a stream tag: JSON in a scalar, each fault with its own place.
//!
//! A hold that cannot be read whole holds everything: what was meant may be stricter than what
//! is left of it.

use crate::environment::EnvironmentName;
use crate::hold::{FaultyHold, HOLD, Hold, Holds};
use crate::manifest::facts::{Finding, Spot};
use crate::manifest::reader::Reader;
use crate::manifest::text_in_scalar::{json_fault, spot_inside};
use crate::problem::Severity;
use crate::yaml::{Node, Source, Value};

const FORM: &str =
    "a hold is an object with `environment`, and perhaps `rejected`, `by`, `reason` and `until`";

/// The holds of the tag `item`.
pub(crate) fn read<'a>(reader: &mut Reader<'a>, item: &'a Node) -> Holds {
    let mut holds = Holds::default();
    let Some(annotation) = reader.at(item, &["annotations", HOLD]) else {
        return holds;
    };
    let text = annotation.text().unwrap_or_default();
    let whole = match annotation.text() {
        None => Err((reader.spot(annotation), "it is JSON in a text".to_owned())),
        Some(_) => match json_fault(reader.source, annotation, text) {
            Some((at, fault)) if !text.trim().is_empty() => {
                Err((at, format!("it is not JSON: {fault}")))
            }
            _ => Ok(()),
        },
    };
    if let Err((at, fault)) = whole {
        report(reader, at, &fault);
        holds.faulty.push(FaultyHold {
            environment: None,
            fault,
        });
        return holds;
    }
    // JSON is YAML: read once more, for the places of its parts.
    let inner = Source::parse(text.as_bytes());
    let root = inner.documents.first().and_then(|it| it.root.as_ref());
    let entries = match root {
        Some(root) if matches!(root.value, Value::Sequence { .. }) => root.items(),
        Some(root) => std::slice::from_ref(root),
        None => &[],
    };
    for fault in &inner.faults {
        let (at, fault) = (reader.spot(annotation), fault.message.clone());
        report(reader, at, &fault);
        holds.faulty.push(FaultyHold {
            environment: None,
            fault,
        });
    }
    for node in entries {
        let mut entry = Entry::default();
        entry.read(node);
        if let Some(environment) = &entry.environment
            && holds.of(environment).is_some()
        {
            let message = format!("the environment {environment} has two holds");
            entry.fault(node, message);
        }
        for (at, fault) in &entry.faults {
            let at = spot_inside(reader.source, annotation, *at);
            report(reader, at, fault);
        }
        entry.put(&mut holds);
    }
    holds
}

fn report(reader: &mut Reader<'_>, at: Spot, fault: &str) {
    let mut finding = Finding::new(at, Severity::Error, format!("{HOLD}: {fault}"));
    finding.advice = Some("correct it; until then the tag is held".to_owned());
    reader.findings.push(finding);
}

/// One hold on its way to be one.
#[derive(Default)]
struct Entry {
    environment: Option<EnvironmentName>,
    rejected: Option<crate::image::Digest>,
    by: Option<String>,
    reason: Option<String>,
    until: Option<jiff::Timestamp>,
    /// Each with its offset in the annotation's text.
    faults: Vec<(usize, String)>,
}

impl Entry {
    fn read(&mut self, node: &Node) {
        if !matches!(node.value, Value::Mapping { .. }) {
            self.fault(node, FORM);
            return;
        }
        for (key, value) in node.entries() {
            self.member(key, key.text().unwrap_or_default(), value);
        }
        if node.get("environment").is_none() {
            self.fault(node, "a hold names its `environment`");
        }
    }

    fn member(&mut self, key: &Node, name: &str, value: &Node) {
        if !matches!(name, "environment" | "rejected" | "by" | "reason" | "until") {
            self.fault(key, format!("`{name}` is not known; {FORM}"));
            return;
        }
        // Only a text in quotes is one: `null`, 7 and true are something else.
        let is_text = value
            .text()
            .is_some_and(|text| value.span.len() > text.len());
        let Some(text) = value.text().filter(|text| is_text && !text.is_empty()) else {
            self.fault(value, format!("`{name}` is a text"));
            return;
        };
        match name {
            "environment" => match text.parse() {
                Ok(environment) => self.environment = Some(environment),
                Err(error) => self.fault(value, error.to_string()),
            },
            "rejected" => match text.parse() {
                Ok(digest) => self.rejected = Some(digest),
                Err(error) => self.fault(value, format!("`rejected`: {error}")),
            },
            "until" => match text.parse() {
                Ok(time) => self.until = Some(time),
                Err(_) => self.fault(
                    value,
                    format!("`until`: `{text}` is no time, such as 2026-09-01T08:00:00Z"),
                ),
            },
            "by" => self.by = Some(text.to_owned()),
            _ => self.reason = Some(text.to_owned()),
        }
    }

    fn fault(&mut self, node: &Node, message: impl Into<String>) {
        self.faults.push((node.span.start, message.into()));
    }

    fn put(self, holds: &mut Holds) {
        let fault = self.faults.into_iter().next().map(|(_, fault)| fault);
        match (fault, self.environment) {
            (None, Some(environment)) => holds.sound.push(Hold {
                environment,
                rejected: self.rejected,
                by: self.by,
                reason: self.reason,
                until: self.until,
            }),
            (fault, environment) => holds.faulty.push(FaultyHold {
                environment,
                fault: fault.unwrap_or_default(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::hold::Holds;
    use crate::manifest::read_file;

    /// The holds of a tag with this annotation, and what was found, with line and column.
    fn read(json: &str) -> (Holds, Vec<String>) {
        let text = format!(
            "kind: ImageStream\napiVersion: v1\nmetadata: {{name: web}}\nspec:\n  tags:\n  - name: a\n    annotations:\n      headwater.dev/hold: '{json}'\n"
        );
        let mut facts = read_file(text.as_bytes());
        let tag = facts.streams.pop().unwrap().tags.pop().unwrap();
        let findings = facts.findings.into_iter();
        let findings =
            findings.map(|it| format!("{}:{}: {}", it.at.line, it.at.column, it.message));
        (tag.settings.holds, findings.collect())
    }

    const DIGEST: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

    #[test]
    fn one_hold_is_an_object_and_several_are_an_array() {
        let one = format!(
            r#"{{"environment":"prod","rejected":"{DIGEST}","by":"Ada <ada@example.org>","reason":"breaks \"login\"","until":"2026-09-01T10:00:00+02:00"}}"#
        );
        let (holds, findings) = read(&one);
        assert_eq!(findings, [""; 0]);
        let [hold] = holds.sound.as_slice() else {
            panic!("{holds:?}");
        };
        assert_eq!(hold.environment.as_str(), "prod");
        assert_eq!(hold.rejected.as_ref().unwrap().as_str(), DIGEST);
        assert_eq!(hold.by.as_deref(), Some("Ada <ada@example.org>"));
        assert_eq!(hold.reason.as_deref(), Some("breaks \"login\""));
        assert_eq!(hold.until.unwrap().to_string(), "2026-09-01T08:00:00Z");

        let (holds, findings) = read(&format!(r#"[{one},{{"environment":"dev"}}]"#));
        assert_eq!(findings, [""; 0]);
        let names: Vec<_> = holds
            .sound
            .iter()
            .map(|it| it.environment.as_str())
            .collect();
        assert_eq!(names, ["prod", "dev"]);
        for empty in ["", " ", "[]"] {
            let (holds, findings) = read(empty);
            assert!(holds.is_empty() && findings.is_empty(), "{empty}");
        }
    }

    /// The text begins in column 28.
    #[test]
    fn a_bad_hold_is_named_with_its_place_and_holds() {
        for (json, environment, finding) in [
            (
                "{",
                None,
                "8:28: headwater.dev/hold: it is not JSON: EOF while parsing an object",
            ),
            (
                "held",
                None,
                "8:28: headwater.dev/hold: it is not JSON: expected value",
            ),
            (
                "7",
                None,
                "8:28: headwater.dev/hold: a hold is an object with `environment`",
            ),
            (
                "{}",
                None,
                "8:28: headwater.dev/hold: a hold names its `environment`",
            ),
            (
                r#"["prod"]"#,
                None,
                "8:29: headwater.dev/hold: a hold is an object",
            ),
            (
                r#"{"enviroment":"prod"}"#,
                None,
                "8:29: headwater.dev/hold: `enviroment` is not known; a hold is an object",
            ),
            (
                r#"{"environment":"Prod"}"#,
                None,
                "8:43: headwater.dev/hold: `Prod` is not an environment",
            ),
            (
                r#"{"environment":null}"#,
                None,
                "8:43: headwater.dev/hold: `environment` is a text",
            ),
            (
                r#"{"environment":"prod","until":"soon"}"#,
                Some("prod"),
                "8:58: headwater.dev/hold: `until`: `soon` is no time, such as 2026-09-01T08:00:00Z",
            ),
            (
                r#"{"environment":"prod","until":"2026-09-01"}"#,
                Some("prod"),
                "8:58: headwater.dev/hold: `until`: `2026-09-01` is no time",
            ),
            (
                r#"{"environment":"prod","untill":"2026-09-01T08:00:00Z"}"#,
                Some("prod"),
                "8:50: headwater.dev/hold: `untill` is not known",
            ),
            (
                r#"{"environment":"prod","rejected":"sha256:12"}"#,
                Some("prod"),
                "8:61: headwater.dev/hold: `rejected`: a sha256 digest has 64",
            ),
            (
                r#"{"environment":"prod","by":7}"#,
                Some("prod"),
                "8:55: headwater.dev/hold: `by` is a text",
            ),
            (
                r#"{"environment":"prod","by":"a","by":"b"}"#,
                None,
                "8:27: headwater.dev/hold: the key `by` stands twice",
            ),
            (
                r#"[{"environment":"dev"},{"environment":"dev"}]"#,
                Some("dev"),
                "8:51: headwater.dev/hold: the environment dev has two holds",
            ),
        ] {
            let (holds, findings) = read(json);
            assert!(
                findings.first().is_some_and(|it| it.starts_with(finding)),
                "{json}: {findings:?}"
            );
            let faulty = holds.faulty.first().unwrap();
            let named = faulty
                .environment
                .as_ref()
                .map(crate::environment::EnvironmentName::as_str);
            assert_eq!(named, environment, "{json}: {holds:?}");
        }
    }
}
