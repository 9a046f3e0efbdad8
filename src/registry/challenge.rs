//! `WWW-Authenticate` (RFC 9110, 11.6.1): one field may hold several challenges.

/// One challenge: its scheme in lower case, and its parameters with names in lower case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Challenge {
    pub scheme: String,
    parameters: Vec<(String, String)>,
}

const LONGEST_FIELD: usize = 8 * 1024;
const MOST_CHALLENGES: usize = 16;

impl Challenge {
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// A parameter stands twice: nobody can know which one the server meant.
    pub fn is_ambiguous(&self) -> bool {
        self.parameters
            .iter()
            .enumerate()
            .any(|(at, (name, _))| self.parameters.iter().skip(at + 1).any(|(n, _)| n == name))
    }
}

/// The challenges of all fields, in order; what cannot be read is left out.
pub(super) fn parse<'a>(fields: impl Iterator<Item = &'a str>) -> Vec<Challenge> {
    let mut challenges = Vec::new();
    for field in fields.filter(|field| field.len() <= LONGEST_FIELD) {
        parse_field(field, &mut challenges);
    }
    challenges.truncate(MOST_CHALLENGES);
    challenges
}

fn parse_field(field: &str, challenges: &mut Vec<Challenge>) {
    let mut rest = field;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let (word, after) = token(rest);
        if word.is_empty() {
            return;
        }
        let after_word = after.trim_start_matches([' ', '\t']);
        match after_word.strip_prefix('=') {
            // A parameter of the challenge before; `token68` padding has no name before it.
            Some(value) if !value.starts_with('=') && !is_followed_by_end(value) => {
                let Some((value, after)) = parameter_value(value.trim_start_matches([' ', '\t']))
                else {
                    return;
                };
                if let Some(challenge) = challenges.last_mut() {
                    challenge
                        .parameters
                        .push((word.to_ascii_lowercase(), value));
                }
                rest = after;
            }
            Some(padding) => rest = padding.trim_start_matches('='),
            None => {
                challenges.push(Challenge {
                    scheme: word.to_ascii_lowercase(),
                    parameters: Vec::new(),
                });
                rest = after;
            }
        }
    }
}

fn is_followed_by_end(value: &str) -> bool {
    value.trim_start_matches([' ', '\t']).is_empty()
}

fn token(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| !(c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~/".contains(c)))
        .unwrap_or(text.len());
    text.split_at(end)
}

/// A token or a quoted string, and what follows it.
fn parameter_value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let (word, after) = token_value(text);
        return (!word.is_empty()).then(|| (word.to_owned(), after));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, quoted.get(at + 1..).unwrap_or_default())),
            '\\' => value.push(characters.next()?.1),
            _ => value.push(character),
        }
    }
    None
}

/// Unquoted values hold more than the standard admits: URLs, scopes.
fn token_value(text: &str) -> (&str, &str) {
    let end = text.find([',', ' ', '\t', '"']).unwrap_or(text.len());
    text.split_at(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(field: &str) -> Vec<Challenge> {
        parse(std::iter::once(field))
    }

    #[test]
    fn bearer_with_commas_inside_quotes() {
        let challenges = one(
            r#"Bearer realm="https://auth.example/token",service="registry.example",scope="repository:a/b:pull,push""#,
        );
        let [bearer] = challenges.as_slice() else {
            panic!("{challenges:?}")
        };
        assert_eq!(bearer.scheme, "bearer");
        assert_eq!(
            bearer.parameter("realm"),
            Some("https://auth.example/token")
        );
        assert_eq!(bearer.parameter("service"), Some("registry.example"));
        assert_eq!(bearer.parameter("scope"), Some("repository:a/b:pull,push"));
    }

    #[test]
    fn several_challenges_in_one_field() {
        let challenges = one(
            r#"Negotiate, BASIC Realm = "a \"quoted\" realm" , charset=UTF-8, Bearer realm=https://x.example/t, service=s"#,
        );
        let schemes: Vec<_> = challenges.iter().map(|c| c.scheme.as_str()).collect();
        assert_eq!(schemes, ["negotiate", "basic", "bearer"]);
        assert_eq!(challenges[1].parameter("realm"), Some("a \"quoted\" realm"));
        assert_eq!(
            challenges[2].parameter("realm"),
            Some("https://x.example/t")
        );
        assert_eq!(challenges[2].parameter("service"), Some("s"));
    }

    #[test]
    fn broken_fields_give_what_is_readable() {
        for field in [
            "",
            ",,,",
            "=",
            "Bearer realm=\"unclosed",
            "Basic QWxhZGRpbg==",
            "\"",
            "é",
        ] {
            let challenges = one(field);
            assert!(challenges.len() <= 2, "{field}: {challenges:?}");
            assert!(challenges.iter().all(|c| c.parameter("realm").is_none()));
        }
        assert!(one(r#"Bearer realm="a",realm="b""#)[0].is_ambiguous());
        assert!(one(&"Basic ".repeat(100_000)).is_empty());
    }
}
