//! `ENVIRONMENT/[NAMESPACE/]STREAM[:TAG]`, the stream tag of one environment.

use std::fmt;
use std::str::FromStr;

use crate::environment::EnvironmentName;
use crate::stream::{ImageStream, StreamTagName};
use crate::verb::{Realm, Refused, Scene};

/// A stream tag as a person names it; the namespace may be left out where one stream of the
/// environment has that name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvironmentTag {
    pub environment: EnvironmentName,
    pub namespace: Option<String>,
    pub stream: String,
    pub tag: String,
}

/// A text that is no such name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvironmentTagError {
    /// An environment alone.
    #[error("`{0}` names no stream tag; write it as {0}/stream:tag")]
    Environment(EnvironmentName),
    #[error(
        "`{0}` is no stream tag of an environment; write it as environment/stream:tag or environment/namespace/stream:tag"
    )]
    Form(String),
}

impl FromStr for EnvironmentTag {
    type Err = EnvironmentTagError;

    fn from_str(text: &str) -> Result<Self, EnvironmentTagError> {
        let form = || EnvironmentTagError::Form(text.chars().take(200).collect());
        let Some((environment, name)) = text.split_once('/') else {
            return Err(text
                .parse()
                .map_or_else(|_| form(), EnvironmentTagError::Environment));
        };
        let environment = environment.parse().map_err(|_| form())?;
        // No namespace is called `*`.
        let StreamTagName { stream, tag } = StreamTagName::parse(name, "*").ok_or_else(form)?;
        Ok(Self {
            environment,
            namespace: (stream.namespace != "*").then_some(stream.namespace),
            stream: stream.name,
            tag,
        })
    }
}

impl fmt::Display for EnvironmentTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/", self.environment)?;
        if let Some(namespace) = &self.namespace {
            write!(f, "{namespace}/")?;
        }
        write!(f, "{}:{}", self.stream, self.tag)
    }
}

/// The stream tag in a scene.
pub(crate) struct Named<'s> {
    pub realm: &'s Realm<'s>,
    pub stream: &'s ImageStream,
    pub name: StreamTagName,
}

impl Named<'_> {
    /// As a person types it, in full.
    pub fn typed(&self, tag: &str) -> String {
        format!("{}/{}:{tag}", self.realm.environment.name, self.name.stream)
    }
}

impl EnvironmentTag {
    /// The stream that is meant, in the environment at hand.
    pub fn stream<'s>(&self, scene: &'s Scene<'_>) -> Result<&'s ImageStream, Refused> {
        Ok(self.find(scene)?.stream)
    }

    pub(crate) fn find<'s>(&self, scene: &'s Scene<'_>) -> Result<Named<'s>, Refused> {
        let environment = &self.environment;
        let realm = scene
            .realms
            .iter()
            .find(|realm| realm.environment.name == *environment)
            .ok_or_else(|| Refused::new(format!("there is no environment {environment}")))?;
        let streams = &realm.manifests.streams;
        let is_named = |stream: &&ImageStream| {
            let namespace = self.namespace.as_ref();
            stream.name.name == self.stream
                && namespace.is_none_or(|namespace| *namespace == stream.name.namespace)
        };
        let found: Vec<&ImageStream> = streams.iter().filter(is_named).collect();
        let stream = match found.as_slice() {
            [stream] => *stream,
            [] => {
                let names = streams.iter().map(|stream| stream.name.to_string());
                let message = match &self.namespace {
                    Some(namespace) => {
                        format!(
                            "{environment} has no ImageStream {namespace}/{}",
                            self.stream
                        )
                    }
                    None => format!("{environment} has no ImageStream {}", self.stream),
                };
                return Err(Refused::new(message).hint(listed("its streams are", names)));
            }
            several => {
                let names = several.iter().map(|stream| stream.name.to_string());
                let message = format!("{environment} has several ImageStreams {}", self.stream);
                return Err(Refused::new(message).hint(listed("name the namespace", names)));
            }
        };
        if stream.tag(&self.tag).is_none() && stream.history(&self.tag).is_empty() {
            let names = stream.tags.iter().map(|tag| tag.name.clone());
            let message = format!("{} has no tag {} in {environment}", stream.name, self.tag);
            return Err(Refused::new(message).hint(listed("its tags are", names)));
        }
        Ok(Named {
            realm,
            stream,
            name: StreamTagName {
                stream: stream.name.clone(),
                tag: self.tag.clone(),
            },
        })
    }
}

/// A few of several names.
pub(crate) fn listed(what: &str, names: impl Iterator<Item = String>) -> String {
    const SHOWN: usize = 20;
    let names: Vec<String> = names.collect();
    let shown = names
        .iter()
        .take(SHOWN)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    match names.len().checked_sub(SHOWN) {
        _ if names.is_empty() => format!("{what}: none"),
        None | Some(0) => format!("{what}: {shown}"),
        Some(more) => format!("{what}: {shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_comes_first() {
        let parse = |text: &str| text.parse::<EnvironmentTag>().map(|tag| tag.to_string());
        assert_eq!(parse("prod/web").as_deref(), Ok("prod/web:latest"));
        assert_eq!(parse("prod/web:1").as_deref(), Ok("prod/web:1"));
        assert_eq!(parse("prod/shop/web:1").as_deref(), Ok("prod/shop/web:1"));
        let alone = EnvironmentTagError::Environment("prod".parse().unwrap());
        assert_eq!(parse("prod"), Err(alone));
        for bad in [
            "",
            "Prod",
            "web:1",
            "prod/",
            "prod/a/b/c:1",
            "prod/web:",
            "/web:1",
        ] {
            let form = EnvironmentTagError::Form(bad.to_owned());
            assert_eq!(parse(bad), Err(form), "{bad}");
        }
    }
}
