//! The operator's forges: where their APIs are, and the tokens for them.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::config::field::Fields;
use crate::config::server::path;
use crate::yaml::Node;

/// A forge that pull requests are opened on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForgeSettings {
    pub kind: ForgeKind,
    /// Its root: the Git repositories below it, and those of its host over ssh, are the forge's.
    pub url: Url,
    /// Only repositories of this account, organization or group.
    pub owner: Option<String>,
    /// The root of its API.
    pub api: Url,
    /// Where ssh has a host of its own.
    pub ssh_host: Option<String>,
    pub token: ForgeToken,
    /// PEM certificates that are trusted beside the system's.
    pub ca_file: Option<PathBuf>,
    /// What the bot's marks in pull requests are authenticated with.
    pub marker_key_file: Option<PathBuf>,
    /// `http://`: the token is readable on the way.
    pub allows_plain: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ForgeKind {
    GitHub,
    GitLab,
    Gitea,
    Forgejo,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ForgeToken {
    /// Read anew for each request.
    File(PathBuf),
    /// A GitHub App: tokens are made as they are needed.
    App {
        /// Its client id or its number.
        id: String,
        /// Looked up where it is not given.
        installation: Option<u64>,
        private_key_file: PathBuf,
    },
}

impl ForgeKind {
    pub fn name(self) -> &'static str {
        match self {
            Self::GitHub => "github",
            Self::GitLab => "gitlab",
            Self::Gitea => "gitea",
            Self::Forgejo => "forgejo",
        }
    }

    /// Where the API of a forge with this address is, unless somebody moved it.
    fn usual_api(self, url: &Url) -> Option<Url> {
        if self == Self::GitHub && url.host_str() == Some("github.com") {
            return Url::parse("https://api.github.com").ok();
        }
        let mut api = url.clone();
        let mut segments = api.path_segments_mut().ok()?;
        segments.pop_if_empty();
        segments.extend(match self {
            Self::GitHub => ["api", "v3"],
            Self::GitLab => ["api", "v4"],
            Self::Gitea | Self::Forgejo => ["api", "v1"],
        });
        drop(segments);
        Some(api)
    }
}

pub(crate) fn read_forges<'a>(fields: &mut Fields<'a>, root: &'a Node) -> Vec<ForgeSettings> {
    let mut forges: Vec<ForgeSettings> = Vec::new();
    for item in fields.list(root, "forges") {
        let Some(forge) = read_forge(fields, item) else {
            continue;
        };
        let is_same = |other: &ForgeSettings| other.url == forge.url && other.owner == forge.owner;
        if forges.iter().any(is_same) {
            let message = "this forge stands twice; an `owner` tells two tokens for one apart";
            fields.error(item, message);
        }
        forges.push(forge);
    }
    forges
}

fn read_forge<'a>(fields: &mut Fields<'a>, item: &'a Node) -> Option<ForgeSettings> {
    const KNOWN: &[&str] = &[
        "kind",
        "url",
        "owner",
        "api",
        "sshHost",
        "tokenFile",
        "app",
        "caFile",
        "markerKeyFile",
        "insecure",
    ];
    fields.check(item, KNOWN);
    let kinds = [
        ForgeKind::GitHub,
        ForgeKind::GitLab,
        ForgeKind::Gitea,
        ForgeKind::Forgejo,
    ]
    .map(|kind| (kind.name(), kind));
    let kind = fields.choice(item, "kind", &kinds);
    let allows_plain = fields.flag(item, "insecure").unwrap_or_default();
    let url = address(fields, item, "url", allows_plain);
    let api = match fields.get(item, "api") {
        Some(_) => address(fields, item, "api", allows_plain),
        None => kind
            .zip(url.as_ref())
            .and_then(|(kind, url)| kind.usual_api(url)),
    };
    let token = read_token(fields, item, kind);
    for (name, is_there) in [("kind", kind.is_some()), ("url", url.is_some())] {
        if !is_there && fields.get(item, name).is_none() {
            fields.error(item, format!("a forge has a `{name}`"));
        }
    }
    Some(ForgeSettings {
        kind: kind?,
        url: url?,
        owner: fields.text(item, "owner"),
        api: api?,
        ssh_host: fields.text(item, "sshHost"),
        token: token?,
        ca_file: path(fields, item, "caFile"),
        marker_key_file: path(fields, item, "markerKeyFile"),
        allows_plain,
    })
}

fn read_token<'a>(
    fields: &mut Fields<'a>,
    item: &'a Node,
    kind: Option<ForgeKind>,
) -> Option<ForgeToken> {
    let file = path(fields, item, "tokenFile");
    let app = fields.mapping(item, "app", &["id", "installation", "privateKeyFile"]);
    match (file, app) {
        (Some(file), None) => Some(ForgeToken::File(file)),
        (None, Some(app)) => {
            if kind.is_some_and(|kind| kind != ForgeKind::GitHub) {
                fields.error(app, "`app` is for GitHub; name a `tokenFile`");
            }
            let id = fields.text(app, "id");
            let key = path(fields, app, "privateKeyFile");
            let installation = fields.number(app, "installation", 1);
            let (Some(id), Some(private_key_file)) = (id, key) else {
                fields.error(app, "an `app` has an `id` and a `privateKeyFile`");
                return None;
            };
            Some(ForgeToken::App {
                id,
                installation: installation.and_then(|number| number.try_into().ok()),
                private_key_file,
            })
        }
        (Some(_), Some(_)) | (None, None) => {
            fields.error(item, "a forge has either a `tokenFile` or an `app`");
            None
        }
    }
}

/// An `https://` URL without account, query and fragment; it is never repeated in a message.
fn address<'a>(
    fields: &mut Fields<'a>,
    item: &'a Node,
    key: &str,
    allows_plain: bool,
) -> Option<Url> {
    let node = fields.get(item, key)?;
    let url = Url::parse(&fields.text(item, key)?).ok().filter(|url| {
        let is_bare = url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        is_bare && url.has_host() && matches!(url.scheme(), "https" | "http")
    });
    match url {
        Some(url) if url.scheme() == "http" && !allows_plain => {
            let message =
                format!("`{key}` begins with https://; plain http needs `insecure: true`");
            fields.error(node, message);
            None
        }
        Some(url) => Some(url),
        None => {
            let message = format!("`{key}` is an https:// URL without account, query and fragment");
            fields.error(node, message);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::server;

    fn read(text: &str) -> Result<Vec<ForgeSettings>, Vec<String>> {
        let (config, problems) = server::read(&"config.yaml".parse().unwrap(), text.as_bytes());
        match config {
            Some(config) => Ok(config.forges),
            None => Err(problems.iter().map(ToString::to_string).collect()),
        }
    }

    #[test]
    fn the_api_is_where_the_kind_has_it() {
        for (kind, url, api) in [
            ("github", "https://github.com", "https://api.github.com/"),
            (
                "github",
                "https://ghe.example/",
                "https://ghe.example/api/v3",
            ),
            ("gitlab", "https://gitlab.com/", "https://gitlab.com/api/v4"),
            (
                "gitea",
                "https://a.example/git",
                "https://a.example/git/api/v1",
            ),
            (
                "forgejo",
                "https://codeberg.org",
                "https://codeberg.org/api/v1",
            ),
        ] {
            let forges = read(&format!(
                "forges: [{{kind: {kind}, url: \"{url}\", tokenFile: /t}}]"
            ));
            assert_eq!(forges.unwrap()[0].api.as_str(), api);
        }
    }

    #[test]
    fn an_app_makes_its_own_tokens() {
        let text = "forges:\n- kind: github\n  url: https://github.com\n  owner: acme\n  api: https://api.github.com\n  app: {id: Iv1.a, installation: 7, privateKeyFile: /k}\n  markerKeyFile: /m\n";
        let forges = read(text).unwrap();
        assert_eq!(
            forges[0].token,
            ForgeToken::App {
                id: "Iv1.a".to_owned(),
                installation: Some(7),
                private_key_file: "/k".into()
            }
        );
        assert_eq!(forges[0].marker_key_file, Some("/m".into()));
    }

    #[test]
    fn faults_have_places_and_never_repeat_a_secret() {
        for (forge, expected) in [
            (
                "{}",
                vec![
                    "1:10: error: a forge has either a `tokenFile` or an `app`",
                    "1:10: error: a forge has a `kind`",
                    "1:10: error: a forge has a `url`",
                ],
            ),
            (
                "{kind: gitea, url: \"https://a:secret@b\", tokenFile: /t}",
                vec!["1:29: error: `url` is an https:// URL without account, query and fragment"],
            ),
            (
                "{kind: gitea, url: \"http://b\", tokenFile: /t}",
                vec!["1:29: error: `url` begins with https://; plain http needs `insecure: true`"],
            ),
            (
                "{kind: gitlab, url: \"https://b\", app: {id: 1, privateKeyFile: /k}}",
                vec!["1:48: error: `app` is for GitHub; name a `tokenFile`"],
            ),
            (
                "{kind: github, url: \"https://b\", app: {id: 1}}",
                vec!["1:48: error: an `app` has an `id` and a `privateKeyFile`"],
            ),
            (
                "{kind: svn, url: \"https://b\", tokenFile: /t}",
                vec!["1:17: error: `kind` is one of github, gitlab, gitea, forgejo"],
            ),
        ] {
            let problems = read(&format!("forges: [{forge}]")).unwrap_err();
            let expected: Vec<_> = expected
                .iter()
                .map(|e| format!("config.yaml:{e}"))
                .collect();
            assert_eq!(problems, expected);
        }
    }
}
