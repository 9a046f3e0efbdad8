//! Builder images: what a catalog shows of stream tags (openshift/library's annotations; oc
//! `pkg/helpers/newapp`, which takes the same ones).

use std::collections::BTreeMap;

use serde::Serialize;

use crate::stream::{ImageStream, SpecTag};

const DISPLAY_NAME: &str = "openshift.io/display-name";
const PROVIDER: &str = "openshift.io/provider-display-name";

/// One stream tag whose image builds source code. Texts as the annotations have them.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Builder {
    pub namespace: String,
    pub stream: String,
    pub tag: String,
    pub display_name: Option<String>,
    pub version: Option<String>,
    pub description: Option<String>,
    pub provider: Option<String>,
    pub icon_class: Option<String>,
    /// What it is for, `ruby:2.5` or `ruby`.
    pub supports: Vec<String>,
    /// The annotation `tags`.
    pub tags: Vec<String>,
    pub sample_repo: Option<String>,
    pub sample_ref: Option<String>,
    pub sample_context_dir: Option<String>,
    /// The digest of the newest recorded image; none before the first.
    pub image: Option<String>,
}

impl Builder {
    /// `stream:tag`
    pub fn name(&self) -> String {
        format!("{}:{}", self.stream, self.tag)
    }

    /// `namespace/stream:tag`
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.namespace, self.name())
    }
}

/// The builder images of a stream: tags whose annotation `tags` has `builder`, and not `hidden`.
/// What the tag does not say of itself, the stream may.
pub fn builders(stream: &ImageStream) -> impl Iterator<Item = Builder> {
    let tags = stream.tags.iter();
    tags.filter_map(move |tag| builder(stream, tag))
}

fn builder(stream: &ImageStream, tag: &SpecTag) -> Option<Builder> {
    let annotations = &tag.settings.annotations;
    let tags = list(annotations, "tags");
    let has = |word: &str| tags.iter().any(|tag| tag == word);
    if !has("builder") || has("hidden") {
        return None;
    }
    let own = |key: &str| text(annotations, key);
    let any = |key: &str| own(key).or_else(|| text(&stream.metadata.annotations, key));
    let newest = stream.history(&tag.name).first();
    Some(Builder {
        namespace: stream.name.namespace.clone(),
        stream: stream.name.name.clone(),
        tag: tag.name.clone(),
        display_name: any(DISPLAY_NAME),
        version: own("version"),
        description: any("description"),
        provider: any(PROVIDER),
        icon_class: any("iconClass"),
        supports: list(annotations, "supports"),
        tags,
        sample_repo: own("sampleRepo").and_then(without_login),
        sample_ref: own("sampleRef"),
        sample_context_dir: own("sampleContextDir"),
        image: newest
            .map(|event| event.image.clone())
            .filter(|image| !image.is_empty()),
    })
}

fn text(annotations: &BTreeMap<String, String>, key: &str) -> Option<String> {
    let text = annotations.get(key).map(|text| text.trim())?;
    (!text.is_empty()).then(|| text.to_owned())
}

/// A URL without the login that somebody may have left in it.
fn without_login(link: String) -> Option<String> {
    let Ok(mut url) = url::Url::parse(&link) else {
        return Some(link);
    };
    if url.username().is_empty() && url.password().is_none() {
        return Some(link);
    }
    let is_clean = url.set_username("").is_ok() && url.set_password(None).is_ok();
    is_clean.then(|| url.into())
}

fn list(annotations: &BTreeMap<String, String>, key: &str) -> Vec<String> {
    let text = annotations.get(key).map_or("", String::as_str);
    let parts = text.split(',').map(str::trim);
    parts
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::show::stream_tests::streams;

    use super::*;

    #[test]
    fn no_login_is_told() {
        let told = |link: &str| without_login(link.to_owned());
        let plain = "https://git.example/ruby-ex.git";
        assert_eq!(
            told("https://robot:secret@git.example/ruby-ex.git").as_deref(),
            Some(plain)
        );
        for link in [plain, "git@git.example:ruby-ex.git", "ruby-ex"] {
            assert_eq!(told(link).as_deref(), Some(link));
        }
    }

    #[test]
    fn builders_are_told_by_their_annotations() {
        let streams = streams(
            "\
kind: ImageStream
metadata:
  name: ruby
  namespace: openshift
  annotations: {openshift.io/display-name: Ruby, openshift.io/provider-display-name: 'Red Hat, Inc.'}
spec:
  tags:
  - name: '2.5'
    annotations: {tags: 'builder,ruby', supports: 'ruby:2.5, ruby', version: '2.5', sampleRepo: 'https://example/ruby-ex.git', iconClass: icon-ruby, openshift.io/display-name: Ruby 2.5, description: ' '}
    from: {kind: DockerImage, name: x}
  - name: '2.0'
    annotations: {tags: 'hidden,builder'}
  - name: run
    annotations: {tags: ruby}
  - name: plain
status:
  tags:
  - tag: '2.5'
    items: [{created: 2026-11-21T11:00:00Z, dockerImageReference: x, image: 'sha256:ab'}]
",
        );
        let found: Vec<Builder> = streams.iter().flat_map(builders).collect();
        let ruby = Builder {
            namespace: "openshift".to_owned(),
            stream: "ruby".to_owned(),
            tag: "2.5".to_owned(),
            display_name: Some("Ruby 2.5".to_owned()),
            version: Some("2.5".to_owned()),
            description: None,
            provider: Some("Red Hat, Inc.".to_owned()),
            icon_class: Some("icon-ruby".to_owned()),
            supports: vec!["ruby:2.5".to_owned(), "ruby".to_owned()],
            tags: vec!["builder".to_owned(), "ruby".to_owned()],
            sample_repo: Some("https://example/ruby-ex.git".to_owned()),
            sample_ref: None,
            sample_context_dir: None,
            image: Some("sha256:ab".to_owned()),
        };
        assert_eq!(found, [ruby]);
    }
}
