use std::collections::{BTreeMap, BTreeSet};

/// A label selector, as `-l` takes it (apimachinery `pkg/labels`, `Parse`): all of
/// `key=value`, `key!=value`, `key in (a,b)`, `key notin (a,b)`, `key` and `!key`, with commas
/// between.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    requirements: Vec<Requirement>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Requirement {
    key: String,
    /// None asks only for the key.
    values: Option<BTreeSet<String>>,
    is_negated: bool,
}

/// Why a text is no selector.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no requirement: write key=value, key!=value, key, !key, key in (a,b) or key notin (a,b)"
)]
pub struct SelectorError(String);

impl std::str::FromStr for Selector {
    type Err = SelectorError;

    fn from_str(text: &str) -> Result<Self, SelectorError> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let requirements: Result<_, _> = parts(text).into_iter().map(requirement).collect();
        Ok(Self {
            requirements: requirements?,
        })
    }
}

impl Selector {
    pub fn is_empty(&self) -> bool {
        self.requirements.is_empty()
    }

    /// An absent label is unequal to every value.
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.requirements.iter().all(|requirement| {
            let value = labels.get(&requirement.key);
            let holds = match &requirement.values {
                None => value.is_some(),
                Some(values) => value.is_some_and(|value| values.contains(value)),
            };
            holds != requirement.is_negated
        })
    }
}

/// Split at the commas outside parentheses.
fn parts(text: &str) -> Vec<&str> {
    let mut depth = 0_i32;
    text.split(|character| {
        depth += i32::from(character == '(') - i32::from(character == ')');
        character == ',' && depth <= 0
    })
    .collect()
}

fn requirement(text: &str) -> Result<Requirement, SelectorError> {
    let fail = || SelectorError(text.trim().to_owned());
    let text = text.trim();
    let (key, values, is_negated) = if let Some((key, value)) = text.split_once("!=") {
        (key, Some(vec![value]), true)
    } else if let Some((key, value)) = text.split_once("==").or_else(|| text.split_once('=')) {
        (key, Some(vec![value]), false)
    } else if let Some(list) = text.strip_suffix(')') {
        let (head, list) = list.split_once('(').ok_or_else(fail)?;
        let mut words = head.split_whitespace();
        let key = words.next().ok_or_else(fail)?;
        let is_negated = match (words.next(), words.next()) {
            (Some("in"), None) => false,
            (Some("notin"), None) => true,
            _ => return Err(fail()),
        };
        (key, Some(list.split(',').collect()), is_negated)
    } else if let Some(key) = text.strip_prefix('!') {
        (key, None, true)
    } else {
        (text, None, false)
    };
    let is_word = |word: &str| !word.contains(|c: char| c.is_whitespace() || "()=!,".contains(c));
    let key = key.trim();
    let values = values.map(|values| values.into_iter().map(str::trim).collect::<Vec<_>>());
    let are_words = values.iter().flatten().all(|value| is_word(value));
    if key.is_empty() || !is_word(key) || !are_words {
        return Err(fail());
    }
    Ok(Requirement {
        key: key.to_owned(),
        values: values.map(|values| values.into_iter().map(str::to_owned).collect()),
        is_negated,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_selected_as_kubernetes_does() {
        let labels: BTreeMap<String, String> = [("app", "web"), ("tier", "front"), ("x/y", "")]
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect();
        for (text, expected) in [
            ("", true),
            ("app=web", true),
            ("app==web,tier = front", true),
            ("app=api", false),
            ("app!=api", true),
            ("zone!=a", true),
            ("app", true),
            ("zone", false),
            ("!zone", true),
            ("!app", false),
            ("app in (api, web)", true),
            ("app notin (api, web)", false),
            ("zone notin (a)", true),
            ("zone in (a),app", false),
            ("x/y=", true),
        ] {
            assert_eq!(
                text.parse::<Selector>().unwrap().matches(&labels),
                expected,
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_selector_is_refused() {
        for text in [
            ",",
            "a b",
            "=x",
            "a=b=c",
            "a in b",
            "a within (b)",
            "in (b)",
            "a in (b",
            "!",
        ] {
            assert!(text.parse::<Selector>().is_err(), "{text}");
        }
    }
}
