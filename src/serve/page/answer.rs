//! What is sent: a body with its kind and its tag.

use sha2::{Digest as _, Sha256};

/// An answer to a request, without what all answers have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub form: Form,
    pub body: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Html,
    Json,
    Svg,
    Atom,
    Css,
    Text,
}

impl Answer {
    pub fn found(form: Form, body: impl Into<String>) -> Self {
        let body = body.into();
        Self {
            status: 200,
            form,
            body,
        }
    }

    pub fn missing(form: Form, body: impl Into<String>) -> Self {
        Self {
            status: 404,
            ..Self::found(form, body)
        }
    }

    /// Of every byte: an answer with an age in it changes when the age does.
    pub fn tag(&self) -> String {
        let hash = Sha256::digest(self.body.as_bytes());
        let hex: String = hash.iter().take(16).map(|it| format!("{it:02x}")).collect();
        format!("\"{hex}\"")
    }

    /// Whether a reader has it already, by its `If-None-Match` (RFC 9110, 13.1.2).
    pub fn is_known(&self, if_none_match: &str) -> bool {
        let own = self.tag();
        let mut tags = if_none_match.split(',').map(str::trim);
        self.status == 200 && tags.any(|tag| tag == "*" || tag.trim_start_matches("W/") == own)
    }
}

impl Form {
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Html => "text/html; charset=utf-8",
            Self::Json => "application/json",
            Self::Svg => "image/svg+xml",
            Self::Atom => "application/atom+xml; charset=utf-8",
            Self::Css => "text/css; charset=utf-8",
            Self::Text => "text/plain; charset=utf-8",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_has_it_says_so_in_several_ways() {
        let answer = Answer::found(Form::Text, "x");
        let tag = answer.tag();
        for known in [
            tag.clone(),
            format!("W/{tag}"),
            format!("\"a\", {tag}"),
            "*".to_owned(),
        ] {
            assert!(answer.is_known(&known), "{known}");
        }
        for other in ["", "\"a\"", "a"] {
            assert!(!answer.is_known(other), "{other}");
        }
        assert_ne!(tag, Answer::found(Form::Text, "y").tag());
        assert!(!Answer::missing(Form::Text, "x").is_known(&tag));
    }
}
