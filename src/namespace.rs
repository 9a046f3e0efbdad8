//! Which namespace is meant.

use std::collections::BTreeSet;

use crate::environment::Environment;
use crate::stream::StreamName;

/// The namespace that is meant where nobody names one: the only one that the environments have,
/// else the only one in which `streams` stand, else `default`.
pub fn current_namespace<'a>(
    environments: impl IntoIterator<Item = &'a Environment>,
    streams: impl IntoIterator<Item = &'a StreamName>,
) -> String {
    let only = |names: BTreeSet<&'a String>| match names.len() {
        1 => names.into_iter().next().cloned(),
        _ => None,
    };
    let own = environments
        .into_iter()
        .flat_map(|environment| &environment.namespaces)
        .collect();
    only(own)
        .or_else(|| only(streams.into_iter().map(|name| &name.namespace).collect()))
        .unwrap_or_else(|| "default".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_only_namespace_is_the_current_one() {
        let current = |environments: &[&[&str]], streams: &[&str]| {
            let environments: Vec<Environment> = environments
                .iter()
                .map(|namespaces| Environment {
                    namespaces: namespaces.iter().map(ToString::to_string).collect(),
                    ..Environment::default()
                })
                .collect();
            let streams: Vec<StreamName> = streams
                .iter()
                .map(|namespace| StreamName {
                    namespace: (*namespace).to_owned(),
                    name: "web".to_owned(),
                })
                .collect();
            current_namespace(&environments, &streams)
        };
        assert_eq!(current(&[&["dev"]], &["other"]), "dev");
        assert_eq!(current(&[&["dev"], &["dev"]], &[]), "dev");
        assert_eq!(current(&[&["dev"], &["prod"]], &["prod"]), "prod");
        assert_eq!(current(&[&[]], &["shop", "shop"]), "shop");
        assert_eq!(current(&[&[]], &["shop", "web"]), "default");
        assert_eq!(current(&[], &[]), "default");
    }
}
