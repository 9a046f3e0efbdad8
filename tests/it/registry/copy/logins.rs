//! Who may push, and what a token is asked for.

use std::collections::BTreeSet;

use headwater::registry::{CredentialSource, FailureKind, RegistryOptions};

use crate::registry::copy::{copy, order};
use crate::registry::{SECRET, assert_no_secret, options, registries};
use crate::support::registry::{DockerRegistry, PASSWORD, Setup, USER};
use crate::support::token_server::TokenServer;

#[tokio::test]
async fn the_target_says_whose_login_is_missing_or_wrong() {
    let source = DockerRegistry::start();
    let target = DockerRegistry::start_with(Setup {
        password: true,
        ..Setup::default()
    });
    let digest = source.push_image("a/b", "1", "seed");
    let order = order(
        &format!("{}/a/b", source.host()),
        &digest,
        &format!("{}/c", target.host()),
    );
    for (credentials, reason) in [
        (CredentialSource::none(), "did not have credentials"),
        (
            CredentialSource::none().with_password(&target.host(), USER, SECRET.into()),
            "incorrect username or password",
        ),
    ] {
        let registries = registries(RegistryOptions {
            credentials,
            ..options()
        });
        let failure = copy(&registries, &order).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Denied);
        assert_eq!(failure.fault.host, target.host());
        assert!(failure.to_string().contains(reason), "{failure}");
        assert_no_secret(&failure);
    }
    assert!(target.log().iter().all(|line| line.method != "PATCH"));
}

#[tokio::test]
async fn tokens_are_for_pulling_here_and_pushing_there_and_nothing_more() {
    let images = DockerRegistry::start();
    let digest = images.push_image("a/b", "1", "seed");
    let (here, there) = (
        TokenServer::start(false, 300),
        TokenServer::start(false, 300),
    );
    let source = DockerRegistry::start_with(Setup {
        auth: Some(here.auth()),
        storage: Some(images.storage()),
        ..Setup::default()
    });
    let target = DockerRegistry::start_with(Setup {
        auth: Some(there.auth()),
        ..Setup::default()
    });
    let mut credentials = CredentialSource::none();
    for host in [source.host(), target.host()] {
        credentials = credentials.with_password(&host, USER, PASSWORD.into());
    }
    let lists = [(&source, &here), (&target, &there)];
    let registries = registries(RegistryOptions {
        credentials,
        token_realms: lists
            .map(|(registry, server)| (registry.host(), vec![server.realm()]))
            .into(),
        ..options()
    });
    let at = |path: &str| format!("{}/{path}", target.host());
    let from = format!("{}/a/b", source.host());
    let copied = copy(&registries, &order(&from, &digest, &at("c")))
        .await
        .unwrap();
    assert_eq!(copied.blobs_copied, 2);
    assert_eq!(scopes(&here), [owned(vec!["repository:a/b:pull"])].into());
    assert_eq!(
        scopes(&there),
        [owned(vec!["repository:c:pull,push"])].into()
    );

    let mounted = copy(&registries, &order(&at("c"), &digest, &at("d")))
        .await
        .unwrap();
    assert_eq!(mounted.blobs_mounted, 2);
    let after = BTreeSet::from([
        vec!["repository:c:pull"],
        vec!["repository:c:pull,push"],
        vec!["repository:d:pull,push"],
        vec!["repository:d:pull,push", "repository:c:pull"],
    ]);
    assert_eq!(scopes(&there), after.into_iter().map(owned).collect());
    let repository = crate::registry::copy::repository(&at("d"));
    assert!(
        registries
            .delete_manifest(&repository, &digest)
            .await
            .unwrap()
    );
    assert!(scopes(&there).contains(&owned(vec!["repository:d:pull,delete"])));
}

fn owned(scopes: Vec<&str>) -> Vec<String> {
    scopes.into_iter().map(str::to_owned).collect()
}

/// What a token server was asked for, each request's.
fn scopes(server: &TokenServer) -> BTreeSet<Vec<String>> {
    let of = |path: &str| {
        let query = path.split_once('?').map_or("", |(_, query)| query);
        url::form_urlencoded::parse(query.as_bytes())
            .filter(|(name, _)| name == "scope")
            .map(|(_, scope)| scope.into_owned())
            .collect()
    };
    server.seen().iter().map(|seen| of(&seen.path)).collect()
}
