//! Names on the command line: an image, a stream tag or a stream image.

use crate::image::Reference;
use crate::verb::Refused;

/// The parts of `[registry/][namespace/]name[:tag][@id]`, nothing filled in
/// (library-go `pkg/image/reference`). The id may be the beginning of a digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Spec {
    pub registry: Option<String>,
    pub namespace: Option<String>,
    pub name: String,
    pub tag: Option<String>,
    pub id: Option<String>,
}

impl Spec {
    pub fn parse(text: &str) -> Result<Self, String> {
        let (name, id) = match text.split_once('@') {
            Some((name, id)) => (name, Some(id)),
            None => (text, None),
        };
        if let Some(id) = id {
            let hex = id.strip_prefix("sha256:").unwrap_or(id);
            let is_prefix = !hex.is_empty() && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
            if !is_prefix || hex.len() >= 64 {
                text.parse::<Reference>()
                    .map_err(|error| error.to_string())?;
            }
        }
        let image: Reference = name.parse().map_err(|error| format!("{error}"))?;
        let (namespace, name) = match image.repository.path().split_once('/') {
            Some((namespace, name)) => (Some(namespace.to_owned()), name),
            None => (None, image.repository.path()),
        };
        Ok(Self {
            registry: image.repository.registry().map(str::to_owned),
            namespace,
            name: name.to_owned(),
            tag: image.tag.as_ref().map(ToString::to_string),
            id: id.map(str::to_owned),
        })
    }

    /// `name@id`, else `name:tag`, else `name` (`DockerImageReference.NameString`).
    pub fn name_string(&self) -> String {
        match (&self.id, &self.tag) {
            (Some(id), _) => format!("{}@{id}", self.name),
            (None, Some(tag)) => format!("{}:{tag}", self.name),
            (None, None) => self.name.clone(),
        }
    }

    /// With registry and namespace (`DockerImageReference.Exact`).
    pub fn exact(&self) -> String {
        let parts = [self.registry.as_ref(), self.namespace.as_ref()];
        let mut text = String::new();
        for part in parts.into_iter().flatten() {
            text.push_str(part);
            text.push('/');
        }
        text.push_str(&self.name_string());
        text
    }
}

/// `[namespace/]rest` (oc `pkg/cli/tag`, `parseStreamName`).
pub(crate) fn split_namespace<'t>(
    text: &'t str,
    current: &str,
) -> Result<(String, &'t str), Refused> {
    let Some((namespace, name)) = text.split_once('/') else {
        return Ok((current.to_owned(), text));
    };
    if name.contains('/') {
        return Err(Refused::new(format!("invalid image stream {text:?}")));
    }
    if namespace.is_empty() {
        return Err(Refused::new(format!(
            "invalid namespace {namespace:?} for image stream {text:?}"
        )));
    }
    if name.is_empty() {
        return Err(Refused::new(format!(
            "invalid name {name:?} for image stream {text:?}"
        )));
    }
    Ok((namespace.to_owned(), name))
}

/// `name:tag`, the tag defaulting to `latest` (library-go imageutil `SplitImageStreamTag`).
pub(crate) fn split_tag(text: &str) -> Option<(&str, &str)> {
    let (name, tag) = text.split_once(':').unwrap_or((text, "latest"));
    (!name.is_empty() && !tag.is_empty() && !tag.contains(':')).then_some((name, tag))
}

/// `^[\w][\w.-]{0,127}$`
pub(crate) fn is_tag_name(tag: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    tag.len() <= 128
        && tag.bytes().next().is_some_and(is_word)
        && tag
            .bytes()
            .all(|byte| is_word(byte) || matches!(byte, b'.' | b'-'))
}
