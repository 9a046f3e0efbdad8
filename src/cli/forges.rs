//! The forge of a Git repository, as the operator's file has it.

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::server_file;
use crate::config::forge::ForgeSettings;
use crate::git::{Location, RemoteUrl, Scheme};

/// A Git repository's place on its forge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub settings: ForgeSettings,
    /// `owner/name`; on GitLab with all groups.
    pub project: String,
}

/// The forge that a location is on, if the operator's file has it: one for the repository's owner
/// before one for all.
pub fn place(context: &Context, location: &Location) -> Result<Option<Place>, CliError> {
    let Location::Remote(url) = location else {
        return Ok(None);
    };
    let forges = &server_file::read(context)?.forges;
    let places = forges.iter().filter_map(|settings| {
        let project = project(settings, url)?;
        Some(Place {
            settings: settings.clone(),
            project,
        })
    });
    Ok(places.max_by_key(|place| place.settings.owner.as_deref().unwrap_or_default().len()))
}

/// What the forge calls the repository at `url`; none where it is not one of these settings.
fn project(settings: &ForgeSettings, url: &RemoteUrl) -> Option<String> {
    let root = &settings.url;
    let host = root.host_str()?.trim_matches(['[', ']']);
    let project = match url.scheme() {
        Scheme::Ssh => {
            let host = settings.ssh_host.as_deref().unwrap_or(host);
            url.host()
                .eq_ignore_ascii_case(host)
                .then(|| url.project())?
        }
        scheme => {
            let is_same = scheme.name() == root.scheme()
                && url.host() == host
                && Some(url.port()) == root.port_or_known_default();
            let below = is_same.then(|| url.project())?;
            let folder = root.path().trim_matches('/');
            let below = below.strip_prefix(folder)?;
            let is_whole = folder.is_empty() || below.starts_with('/');
            is_whole.then_some(below)?
        }
    };
    let project = project.trim_start_matches('/');
    let is_owned = settings.owner.as_deref().is_none_or(|owner| {
        let rest = project
            .get(..owner.len())
            .filter(|start| start.eq_ignore_ascii_case(owner));
        rest.and(project.get(owner.len()..))
            .is_some_and(|rest| rest.starts_with('/'))
    });
    (is_owned && project.contains('/')).then(|| project.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::server;

    fn project_at(forge: &str, url: &str) -> Option<String> {
        let text = format!("forges: [{{kind: gitea, tokenFile: /t, {forge}}}]");
        let (config, problems) = server::read(&"c.yaml".parse().unwrap(), text.as_bytes());
        let forges = config.unwrap_or_else(|| panic!("{problems:?}")).forges;
        project(&forges[0], &url.parse().unwrap())
    }

    #[test]
    fn a_repository_is_known_by_its_url() {
        for (forge, url, expected) in [
            (
                "url: \"https://git.example\"",
                "https://git.example/acme/shop.git",
                Some("acme/shop"),
            ),
            (
                "url: \"https://git.example\"",
                "https://bot@git.example:443/a/b/c",
                Some("a/b/c"),
            ),
            (
                "url: \"https://git.example/git\"",
                "https://git.example/git/acme/shop",
                Some("acme/shop"),
            ),
            (
                "url: \"https://git.example/git\"",
                "https://git.example/github/acme/shop",
                None,
            ),
            (
                "url: \"https://git.example\"",
                "https://git.example:8443/acme/shop",
                None,
            ),
            (
                "url: \"https://git.example\"",
                "https://evil.example/acme/shop",
                None,
            ),
            (
                "url: \"https://git.example\"",
                "https://git.example/shop",
                None,
            ),
            (
                "url: \"https://git.example\"",
                "git@git.example:acme/shop.git",
                Some("acme/shop"),
            ),
            (
                "url: \"https://git.example\"",
                "ssh://git@git.example:2222/acme/shop.git",
                Some("acme/shop"),
            ),
            (
                "url: \"https://git.example\", sshHost: ssh.example",
                "git@git.example:acme/shop",
                None,
            ),
            (
                "url: \"https://git.example\", sshHost: ssh.example",
                "git@ssh.example:acme/shop",
                Some("acme/shop"),
            ),
            (
                "url: \"https://git.example\", owner: acme",
                "https://git.example/Acme/shop",
                Some("Acme/shop"),
            ),
            (
                "url: \"https://git.example\", owner: acme",
                "https://git.example/acme2/shop",
                None,
            ),
            (
                "url: \"https://git.example\", owner: acme/web",
                "git@git.example:acme/web/shop.git",
                Some("acme/web/shop"),
            ),
        ] {
            assert_eq!(project_at(forge, url).as_deref(), expected, "{forge} {url}");
        }
    }
}
