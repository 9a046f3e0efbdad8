//! The operator's `hooks`: who may tell that something has been pushed.

use std::collections::BTreeSet;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::field::{Fields, MOST};
use crate::config::server::{check_host, path};
use crate::yaml::Node;

/// A sender of webhooks, served at `/hook/<name>`. Whatever it says only makes a check that is
/// due anyway happen sooner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookSettings {
    /// Of letters that a URL and a metric can hold; no two are the same.
    pub name: String,
    pub kind: HookKind,
    /// What the sender proves itself with; two while one is being replaced. Never empty.
    pub secret_files: Vec<PathBuf>,
    /// The registry's `host[:port]` as manifests write it, where the sender names none or another.
    pub host: Option<String>,
}

/// How a sender writes and proves itself.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub enum HookKind {
    #[serde(rename = "github")]
    GitHub,
    Ghcr,
    #[serde(rename = "gitlab")]
    GitLab,
    #[serde(rename = "gitlabRegistry")]
    GitLabRegistry,
    Gitea,
    Forgejo,
    Distribution,
    DockerHub,
    Harbor,
    Quay,
    Generic,
}

impl HookKind {
    pub const ALL: [Self; 11] = [
        Self::GitHub,
        Self::Ghcr,
        Self::GitLab,
        Self::GitLabRegistry,
        Self::Gitea,
        Self::Forgejo,
        Self::Distribution,
        Self::DockerHub,
        Self::Harbor,
        Self::Quay,
        Self::Generic,
    ];

    /// As the server file writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::GitHub => "github",
            Self::Ghcr => "ghcr",
            Self::GitLab => "gitlab",
            Self::GitLabRegistry => "gitlabRegistry",
            Self::Gitea => "gitea",
            Self::Forgejo => "forgejo",
            Self::Distribution => "distribution",
            Self::DockerHub => "dockerHub",
            Self::Harbor => "harbor",
            Self::Quay => "quay",
            Self::Generic => "generic",
        }
    }

    /// Whether the sender can prove nothing, so that its address is the secret:
    /// `/hook/<name>/<sha256 of name and secret>`.
    pub fn has_secret_path(self) -> bool {
        matches!(self, Self::DockerHub | Self::Quay)
    }

    /// Whether `host` says anything about it.
    fn names_images(self) -> bool {
        !matches!(self, Self::GitHub | Self::GitLab)
    }
}

pub(crate) fn read_hooks<'a>(fields: &mut Fields<'a>, root: &'a Node) -> Vec<HookSettings> {
    let items = fields.list(root, "hooks");
    if items.len() > MOST
        && let Some(list) = fields.get(root, "hooks")
    {
        fields.error(list, format!("`hooks` has more than {MOST} items"));
        return Vec::new();
    }
    let mut names = BTreeSet::new();
    let mut hooks = Vec::new();
    for item in items {
        let Some(hook) = read_hook(fields, item) else {
            continue;
        };
        if !names.insert(hook.name.clone()) {
            let message = format!("the name `{}` stands twice", hook.name);
            fields.error(item, message);
        }
        hooks.push(hook);
    }
    hooks
}

fn read_hook<'a>(fields: &mut Fields<'a>, item: &'a Node) -> Option<HookSettings> {
    fields.check(item, &["name", "kind", "secretFile", "secretFiles", "host"]);
    let kinds = HookKind::ALL.map(|kind| (kind.name(), kind));
    let kind = fields.choice(item, "kind", &kinds);
    let name = fields.text(item, "name");
    for (key, is_there) in [("name", name.is_some()), ("kind", kind.is_some())] {
        if !is_there && fields.get(item, key).is_none() {
            fields.error(item, format!("a hook has a `{key}`"));
        }
    }
    if let (Some(name), Some(node)) = (&name, fields.get(item, "name"))
        && !is_name(name)
    {
        let message = "`name` is of at most 63 lower-case letters, digits and `-`, and begins \
                       and ends with a letter or digit: it stands in the hook's address";
        fields.error(node, message);
    }
    let secret_files = read_secret_files(fields, item);
    let host = fields.text(item, "host");
    if let (Some(host), Some(node)) = (&host, fields.get(item, "host")) {
        check_host(fields, node, host);
        if let Some(kind) = kind.filter(|kind| !kind.names_images()) {
            let message = format!("`host` is a registry's; a {} names none", kind.name());
            fields.error(node, message);
        }
    }
    Some(HookSettings {
        name: name?,
        kind: kind?,
        secret_files,
        host,
    })
}

/// `secretFile`, or `secretFiles` with one or two.
fn read_secret_files<'a>(fields: &mut Fields<'a>, item: &'a Node) -> Vec<PathBuf> {
    let one = path(fields, item, "secretFile");
    let several: Vec<PathBuf> = fields
        .texts(item, "secretFiles")
        .into_iter()
        .map(|(_, text)| PathBuf::from(text))
        .collect();
    let has_both = one.is_some() && fields.get(item, "secretFiles").is_some();
    let files: Vec<PathBuf> = one.into_iter().chain(several).collect();
    let is_empty = |file: &PathBuf| file.as_os_str().is_empty();
    if has_both || files.is_empty() || files.len() > 2 || files.iter().any(is_empty) {
        let message = "a hook has a `secretFile`, or `secretFiles` with the old and the new one";
        fields.error(item, message);
    }
    files
}

fn is_name(name: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    name.len() <= 63
        && name.bytes().all(is_inner)
        && !name.is_empty()
        && !name.starts_with('-')
        && !name.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::server;

    fn read(text: &str) -> Result<Vec<HookSettings>, Vec<String>> {
        let (config, problems) = server::read(&"config.yaml".parse().unwrap(), text.as_bytes());
        match config {
            Some(config) => Ok(config.hooks),
            None => Err(problems.iter().map(ToString::to_string).collect()),
        }
    }

    #[test]
    fn senders_are_read() {
        let text = "hooks:
- {name: github, kind: github, secretFile: /run/secrets/hook}
- {name: images, kind: distribution, secretFiles: [/a, /b], host: \"registry.example:5000\"}
";
        let hooks = read(text).unwrap();
        let expected = [
            HookSettings {
                name: "github".to_owned(),
                kind: HookKind::GitHub,
                secret_files: vec!["/run/secrets/hook".into()],
                host: None,
            },
            HookSettings {
                name: "images".to_owned(),
                kind: HookKind::Distribution,
                secret_files: vec!["/a".into(), "/b".into()],
                host: Some("registry.example:5000".to_owned()),
            },
        ];
        assert_eq!(hooks, expected);
        assert_eq!(read("hooks: []"), Ok(Vec::new()));
        for kind in HookKind::ALL {
            let text = format!(
                "hooks: [{{name: a, kind: {}, secretFile: /s}}]",
                kind.name()
            );
            assert_eq!(read(&text).unwrap()[0].kind, kind);
        }
    }

    #[test]
    fn faults_have_places_and_advice() {
        let secrets = "a hook has a `secretFile`, or `secretFiles` with the old and the new one";
        let name = "`name` is of at most 63 lower-case letters, digits and `-`, and begins and ends with a letter or digit: it stands in the hook's address";
        let kinds = "`kind` is one of github, ghcr, gitlab, gitlabRegistry, gitea, forgejo, distribution, dockerHub, harbor, quay, generic";
        for (hook, expected) in [
            (
                "{secretFile: /s}",
                vec![
                    "1:9: error: a hook has a `name`".to_owned(),
                    "1:9: error: a hook has a `kind`".to_owned(),
                ],
            ),
            (
                "{name: a, kind: gitHub, secretFile: /s}",
                vec![format!("1:25: error: {kinds}; did you mean `github`?")],
            ),
            (
                "{name: a/b, kind: quay, secretFile: /s}",
                vec![format!("1:16: error: {name}")],
            ),
            (
                "{name: a, kind: quay}",
                vec![format!("1:9: error: {secrets}")],
            ),
            (
                "{name: a, kind: quay, secretFiles: [/a, /b, /c]}",
                vec![format!("1:9: error: {secrets}")],
            ),
            (
                "{name: a, kind: quay, secretFile: /a, secretFiles: [/b]}",
                vec![format!("1:9: error: {secrets}")],
            ),
            (
                "{name: a, kind: quay, secretFile: /s, host: \"https://quay.io\"}",
                vec!["1:53: error: `https://quay.io` is not host[:port]".to_owned()],
            ),
            (
                "{name: a, kind: github, secretFile: /s, host: ghcr.io}",
                vec!["1:55: error: `host` is a registry's; a github names none".to_owned()],
            ),
            (
                "{name: a, kind: quay, secretFile: /s}, {name: a, kind: quay, secretFile: /s}",
                vec!["1:48: error: the name `a` stands twice".to_owned()],
            ),
            (
                "{name: a, kind: quay, secretfile: /s}",
                vec![
                    "1:31: error: unknown field `secretfile`; did you mean `secretFile`?"
                        .to_owned(),
                    format!("1:9: error: {secrets}"),
                ],
            ),
        ] {
            let problems = read(&format!("hooks: [{hook}]")).unwrap_err();
            let expected: Vec<_> = expected
                .iter()
                .map(|e| format!("config.yaml:{e}"))
                .collect();
            assert_eq!(problems, expected, "{hook}");
        }
        let many = "{name: a, kind: quay, secretFile: /s}, ".repeat(MOST + 1);
        let problems = read(&format!("hooks: [{many}]")).unwrap_err();
        assert_eq!(
            problems,
            ["config.yaml:1:8: error: `hooks` has more than 100 items"]
        );
    }
}
