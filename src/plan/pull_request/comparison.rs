//! The page that shows what changed in the source: an address that is made, and never asked.

use crate::plan::pull_request::markdown::Link;
use crate::plan::pull_request::origin::{Origin, commit, is_same_revision};

/// A forge that source repositories may be on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownForge {
    /// Host, with `:port` where its pages have one.
    pub host: String,
    pub kind: ForgeKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ForgeKind {
    GitHub,
    GitLab,
    /// Forgejo too.
    Gitea,
    Bitbucket,
}

/// Those that everybody knows; an operator's own come beside them. A link to any other host would
/// be the image's to choose.
const PUBLIC: &[(&str, ForgeKind)] = &[
    ("github.com", ForgeKind::GitHub),
    ("gitlab.com", ForgeKind::GitLab),
    ("codeberg.org", ForgeKind::Gitea),
    ("gitea.com", ForgeKind::Gitea),
    ("bitbucket.org", ForgeKind::Bitbucket),
];

/// Parts of a path that an address of a source repository may have.
const MOST_PARTS: usize = 12;

/// The comparison of two images' sources, where both name whole revisions of one repository on a
/// known forge.
pub fn comparison(before: &Origin<'_>, after: &Origin<'_>, forges: &[KnownForge]) -> Option<Link> {
    let (from, to) = (
        commit(before.revision?.value)?,
        commit(after.revision?.value)?,
    );
    if is_same_revision(&from, &to) {
        return None;
    }
    let old = SourceRepository::read(before.source?.value, forges)?;
    let new = SourceRepository::read(after.source?.value, forges)?;
    if !old.is_same(&new) {
        return None;
    }
    let spread = format!("{from}...{to}");
    let tail: Vec<&str> = match new.kind {
        ForgeKind::GitHub | ForgeKind::Gitea => vec!["compare", &spread],
        ForgeKind::GitLab => vec!["-", "compare", &spread],
        // Bitbucket names the newer one first.
        ForgeKind::Bitbucket => {
            let spread = format!("{to}..{from}");
            return new.link(&["branches", "compare", &spread]);
        }
    };
    new.link(&tail)
}

/// A repository on a known forge, from any of the ways in which people write its address.
#[derive(Clone, Debug, PartialEq, Eq)]
struct SourceRepository {
    host: String,
    kind: ForgeKind,
    path: Vec<String>,
}

impl SourceRepository {
    fn read(address: &str, forges: &[KnownForge]) -> Option<Self> {
        let (authority, path) = split(address.trim())?;
        let known = |host: &str| {
            let own = forges
                .iter()
                .find(|forge| forge.host.eq_ignore_ascii_case(host));
            own.map(|forge| (forge.host.clone(), forge.kind))
                .or_else(|| {
                    PUBLIC
                        .iter()
                        .find(|(name, _)| name.eq_ignore_ascii_case(host))
                        .map(|(name, kind)| ((*name).to_owned(), *kind))
                })
        };
        let (host, kind) = known(authority)?;
        // BuildKit writes a commit behind `#`.
        let path = path.split(['#', '?']).next().unwrap_or_default();
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let mut path: Vec<String> = within(kind, &parts)
            .iter()
            .map(ToString::to_string)
            .collect();
        if let Some(last) = path.last_mut() {
            *last = last.strip_suffix(".git").unwrap_or(last).to_owned();
        }
        let is_deep_enough = match kind {
            ForgeKind::GitLab => (2..=MOST_PARTS).contains(&path.len()),
            _ => path.len() == 2,
        };
        (is_deep_enough && path.iter().all(|part| is_name(part))).then_some(Self {
            host,
            kind,
            path,
        })
    }

    /// Forges take names in any case.
    fn is_same(&self, other: &Self) -> bool {
        self.host.eq_ignore_ascii_case(&other.host)
            && self.path.len() == other.path.len()
            && self
                .path
                .iter()
                .zip(&other.path)
                .all(|(a, b)| a.eq_ignore_ascii_case(b))
    }

    fn link(&self, tail: &[&str]) -> Option<Link> {
        let mut path: Vec<&str> = self.path.iter().map(String::as_str).collect();
        path.extend(tail);
        Link::https(&self.host, &path)
    }
}

/// Host (with a port that is part of a page's address) and path.
fn split(address: &str) -> Option<(&str, &str)> {
    let Some((scheme, rest)) = address.split_once("://") else {
        // `git@host:owner/name.git`
        let (login, path) = address.split_once(':')?;
        let host = login.strip_prefix("git@")?;
        return (!path.starts_with("//")).then_some((host, path));
    };
    let (authority, path) = rest.split_once('/')?;
    let scheme = scheme.to_ascii_lowercase();
    match scheme.strip_prefix("git+").unwrap_or(&scheme) {
        // A login in an address of a page is a secret or a trick.
        "https" if authority.contains('@') => None,
        "https" => Some((authority.strip_suffix(":443").unwrap_or(authority), path)),
        "http" | "git" if authority.contains(['@', ':']) => None,
        "http" | "git" => Some((authority, path)),
        "ssh" => {
            let host = match authority.split_once('@') {
                Some(("git", host)) => host,
                Some(_) => return None,
                None => authority,
            };
            // The port of ssh is not the page's.
            Some((host.split(':').next().unwrap_or(host), path))
        }
        _ => None,
    }
}

/// The part of a page's path that names the repository: people put links to a folder there.
fn within<'a>(kind: ForgeKind, parts: &'a [&'a str]) -> &'a [&'a str] {
    let end = match kind {
        ForgeKind::GitLab => parts.iter().position(|part| *part == "-"),
        ForgeKind::GitHub => parts
            .get(2)
            .filter(|part| matches!(**part, "tree" | "blob" | "commit"))
            .map(|_| 2),
        ForgeKind::Gitea | ForgeKind::Bitbucket => parts
            .get(2)
            .filter(|part| matches!(**part, "src" | "commit" | "commits"))
            .map(|_| 2),
    };
    parts.get(..end.unwrap_or(parts.len())).unwrap_or(parts)
}

fn is_name(part: &str) -> bool {
    !matches!(part, "" | "." | "..")
        && part.len() <= 100
        && part
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::pull_request::origin::Named;

    const A: &str = "3cab71fd0f3b5f0f4d1c0d9f1d7e0a4c5b6a7988";
    const B: &str = "49f1829a0f3b5f0f4d1c0d9f1d7e0a4c5b6a7988";

    fn own() -> Vec<KnownForge> {
        vec![KnownForge {
            host: "git.example.com:8443".to_owned(),
            kind: ForgeKind::Gitea,
        }]
    }

    fn link(before: (&str, &str), after: (&str, &str)) -> Option<String> {
        let origin = |(source, revision): (&'static str, &'static str)| Origin {
            source: Some(Named {
                key: "s",
                value: source,
            }),
            revision: Some(Named {
                key: "r",
                value: revision,
            }),
            ..Origin::default()
        };
        let leak = |(a, b): (&str, &str)| -> (&'static str, &'static str) {
            (a.to_owned().leak(), b.to_owned().leak())
        };
        let link = comparison(&origin(leak(before)), &origin(leak(after)), &own());
        link.map(|link| link.as_str().to_owned())
    }

    #[test]
    fn every_way_to_write_a_known_repository_gives_its_page() {
        let github = format!("https://github.com/acme/api/compare/{A}...{B}");
        for address in [
            "https://github.com/acme/api",
            "https://github.com/acme/api.git",
            "https://GitHub.com/acme/api/",
            "http://github.com/acme/api",
            "git://github.com/acme/api.git",
            "git+https://github.com/acme/api.git",
            "git@github.com:acme/api.git",
            "ssh://git@github.com/acme/api.git",
            "ssh://git@github.com:22/acme/api",
            "https://github.com:443/acme/api",
            "https://github.com/acme/api/tree/main/cmd",
            "https://github.com/acme/api.git#49f1829:cmd",
            " https://github.com/acme/api ",
        ] {
            assert_eq!(
                link((address, A), (address, B)).as_ref(),
                Some(&github),
                "{address}"
            );
        }
        for (address, expected) in [
            (
                "https://gitlab.com/a/b/c",
                format!("https://gitlab.com/a/b/c/-/compare/{A}...{B}"),
            ),
            (
                "https://gitlab.com/a/b/-/tree/x",
                format!("https://gitlab.com/a/b/-/compare/{A}...{B}"),
            ),
            (
                "https://codeberg.org/a/b/src/x",
                format!("https://codeberg.org/a/b/compare/{A}...{B}"),
            ),
            (
                "https://git.example.com:8443/a/b",
                format!("https://git.example.com:8443/a/b/compare/{A}...{B}"),
            ),
            (
                "https://bitbucket.org/a/b",
                format!("https://bitbucket.org/a/b/branches/compare/{B}..{A}"),
            ),
        ] {
            assert_eq!(
                link((address, A), (address, B)),
                Some(expected),
                "{address}"
            );
        }
        let (upper, lower) = ("https://github.com/Acme/API", "git@github.com:acme/api.git");
        assert!(link((upper, A), (lower, B)).is_some());
    }

    #[test]
    fn nothing_else_gives_a_link() {
        let good = "https://github.com/acme/api";
        for address in [
            "",
            "acme/api",
            "https://evil.example/acme/api",
            "https://github.com.evil.example/acme/api",
            "https://github.com@evil.example/acme/api",
            "https://user:pass@github.com/acme/api",
            "https://github.com:8443/acme/api",
            "https://evil.example/#@github.com/acme/api",
            "javascript://github.com/acme/api",
            "file:///acme/api",
            "https://github.com/acme",
            "https://github.com/acme/api/pulls",
            "https://github.com/acme/..",
            "https://github.com/acme/a pi",
            "https://github.com/acme/a)](x",
            "https://github.com/acme/\u{202e}ipa",
            "evil@github.com:acme/api",
            "ssh://root@github.com/acme/api",
            "git@github.com://acme/api",
            "https://git.example.com/acme/api",
        ] {
            assert_eq!(link((address, A), (address, B)), None, "{address}");
            assert_eq!(link((good, A), (address, B)), None, "{address}");
        }
        for revision in [
            "",
            "v1.2",
            "3cab71f",
            "HEAD",
            &format!("{A}0"),
            &A.replace('3', "g"),
        ] {
            assert_eq!(link((good, A), (good, revision)), None, "{revision}");
        }
        assert_eq!(link((good, A), (good, A)), None);
        assert_eq!(link((good, A), ("https://github.com/acme/web", B)), None);
    }
}
