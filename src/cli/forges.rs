//! The forge of a Git repository, as the operator's file has it.

use std::path::Path;
use std::sync::Arc;

use secrecy::SecretString;

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::server_file;
use crate::clock::Clock;
use crate::config::forge::{ForgeKind, ForgeSettings, ForgeToken};
use crate::forge::gitea::Gitea;
use crate::forge::github::{App, GitHub};
use crate::forge::gitlab::GitLab;
use crate::forge::http::{Options, Timeouts, Token};
use crate::forge::{self, Forge};
use crate::git::{Location, RemoteUrl, Scheme};
use crate::plan::pull_request::{self, KnownForge};
use crate::reconcile::Hosting;
use crate::serve::pass::SiteForge;
use crate::tally::Tally;

/// A Git repository's place on its forge.
#[derive(Clone, Debug)]
pub struct Place {
    pub settings: ForgeSettings,
    pub clock: Clock,
    /// `owner/name`; on GitLab with all groups.
    pub project: String,
}

/// A forge that can be asked.
pub struct Opened {
    forge: Arc<dyn Forge + Send + Sync>,
    marker_key: Option<Vec<u8>>,
}

impl Opened {
    /// For many passes.
    pub fn shared(&self) -> SiteForge {
        SiteForge {
            forge: Arc::clone(&self.forge),
            marker_key: self.marker_key.clone(),
        }
    }

    /// What a pass needs of it.
    pub fn hosting(&self) -> Hosting<'_> {
        Hosting {
            forge: &*self.forge,
            marker_key: self.marker_key.clone(),
        }
    }
}

/// The forge that a location is on, ready to be asked; none where the operator's file has none.
pub fn open(context: &Context, location: &Location) -> Result<Option<Opened>, CliError> {
    let Some(place) = place(context, location)? else {
        return Ok(None);
    };
    let marker_key = place.settings.marker_key_file.as_deref();
    Ok(Some(Opened {
        marker_key: marker_key.map(read_marker_key).transpose()?,
        forge: connect(&place, &context.tallies.forges).map_err(|error| {
            CliError::usage("the forge of the server file cannot be used").because(&error)
        })?,
    }))
}

/// What a forge did not do, with its exit code.
pub fn error(what: impl Into<String>, error: &forge::Error) -> CliError {
    use crate::forge::Error;
    let failed = match error {
        Error::Denied { .. } => CliError::denied(what),
        Error::Unavailable { .. } | Error::Limited { .. } => CliError::unavailable(what),
        Error::Settings(_) => CliError::usage(what),
        Error::Missing { .. } | Error::Refused { .. } | Error::Unusable { .. } => {
            CliError::failure(what)
        }
    };
    failed.because(error)
}

fn connect(
    place: &Place,
    tally: &Arc<Tally>,
) -> Result<Arc<dyn Forge + Send + Sync>, forge::Error> {
    let options = options(place, tally)?;
    let (owner, name) = place.owner_and_name();
    Ok(match place.settings.kind {
        ForgeKind::GitHub => Arc::new(GitHub::new(options, owner, name)?),
        ForgeKind::GitLab => Arc::new(GitLab::new(options, &place.project)?),
        ForgeKind::Gitea | ForgeKind::Forgejo => Arc::new(Gitea::new(options, owner, name)?),
    })
}

impl Place {
    fn owner_and_name(&self) -> (&str, &str) {
        self.project.rsplit_once('/').unwrap_or_default()
    }

    /// The forge's token of now: over https it is the password for Git too.
    pub fn token(&self) -> Result<SecretString, forge::Error> {
        options(self, &Arc::default())?.token.read()
    }
}

/// How the forge is asked.
fn options(place: &Place, tally: &Arc<Tally>) -> Result<Options, forge::Error> {
    let (settings, clock) = (&place.settings, place.clock);
    let mut options = Options {
        base: settings.api.clone(),
        allows_plain: settings.allows_plain,
        token: Token::Value(SecretString::default()),
        ca_files: settings.ca_file.iter().cloned().collect(),
        user_agent: concat!("headwater/", env!("CARGO_PKG_VERSION")).to_owned(),
        timeouts: Timeouts::default(),
        now: Arc::new(move || clock.now()),
        pause: Arc::new(move |span| std::thread::sleep(clock.lasts(span))),
        tally: Arc::clone(tally),
    };
    options.token = match &settings.token {
        ForgeToken::File(file) => Token::File(file.clone()),
        ForgeToken::App {
            id,
            installation,
            private_key_file,
        } => {
            let app = App {
                id: id.clone(),
                key_file: private_key_file.clone(),
                installation: *installation,
            };
            let (owner, name) = place.owner_and_name();
            app.token(&options, owner, name)?
        }
    };
    Ok(options)
}

/// At least as long as it must be, so that nobody can try all keys.
fn read_marker_key(file: &Path) -> Result<Vec<u8>, CliError> {
    const SHORTEST: usize = 16;
    let unusable = || {
        let what = format!(
            "forges[].markerKeyFile names {}, which cannot be used",
            file.display()
        );
        CliError::usage(what)
    };
    let key = std::fs::read(file).map_err(|error| unusable().because(&error))?;
    let key = key.trim_ascii().to_vec();
    if key.len() < SHORTEST {
        return Err(unusable().why(format!("it holds less than {SHORTEST} bytes")));
    }
    Ok(key)
}

/// The operator's forges, for links to them.
pub fn known(context: &Context) -> Result<Vec<KnownForge>, CliError> {
    let forges = server_file::read(context)?.forges.iter();
    let known = forges.filter_map(|settings| {
        Some(KnownForge {
            host: settings.url.host_str()?.to_owned(),
            kind: match settings.kind {
                ForgeKind::GitHub => pull_request::ForgeKind::GitHub,
                ForgeKind::GitLab => pull_request::ForgeKind::GitLab,
                ForgeKind::Gitea | ForgeKind::Forgejo => pull_request::ForgeKind::Gitea,
            },
        })
    });
    Ok(known.collect())
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
            clock: context.clock,
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
