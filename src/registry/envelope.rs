//! The registry's error envelope (distribution specification, "Error codes").

use serde::Deserialize;

use crate::registry::error::clean;

#[derive(Deserialize)]
struct Envelope {
    #[serde(default)]
    errors: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

/// The first error's code and message, at most 200 harmless characters.
pub(super) fn message(body: &[u8]) -> Option<String> {
    let envelope: Envelope = serde_json::from_slice(body).ok()?;
    let entry = envelope.errors.into_iter().next()?;
    let text = match (entry.code.is_empty(), entry.message.is_empty()) {
        (true, true) => return None,
        (false, true) => entry.code,
        (true, false) => entry.message,
        (false, false) => format!("{}: {}", entry.code, entry.message),
    };
    Some(clean(&text)).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_error_is_told() {
        let body = br#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest\u001b[2J unknown","detail":{}}]}"#;
        assert_eq!(
            message(body).as_deref(),
            Some("MANIFEST_UNKNOWN: manifest[2J unknown")
        );
        for body in [
            "",
            "{}",
            "[]",
            "<html>",
            r#"{"errors":[]}"#,
            r#"{"errors":[{}]}"#,
        ] {
            assert_eq!(message(body.as_bytes()), None, "{body}");
        }
    }
}
