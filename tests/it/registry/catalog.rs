//! Which repositories a registry has.

use headwater::image::Reference;
use headwater::lookup::{Answer, CatalogQuestion, Question, Resolution};
use headwater::registry::{CredentialSource, Registries, RegistryOptions};
use serde_json::json;

use crate::registry::{assert_no_secret, fault, options, registries};
use crate::support::registry::{DockerRegistry, PASSWORD, Setup, USER};
use crate::support::scripted::{Reply, Scripted};
use crate::support::token_server::TokenServer;

async fn list(registries: &Registries, host: &str) -> Result<Vec<String>, Resolution> {
    let reference: Reference = format!("{host}/catalog").parse().unwrap();
    let question = Question::Catalog(CatalogQuestion {
        repository: reference.repository,
    });
    match registries.answer(&question).await {
        Answer::Catalog(paths) => paths,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn all_repositories_come_page_by_page_with_a_token_of_their_own() {
    let plain = DockerRegistry::start();
    let mut expected: Vec<String> = (0..5).map(|number| format!("shop/api-{number}")).collect();
    for path in &expected {
        plain.push_image(path, "1", "one");
    }
    expected.sort();
    let token_server = TokenServer::start(false, 600);
    let registry = DockerRegistry::start_with(Setup {
        auth: Some(token_server.auth()),
        storage: Some(plain.storage()),
        ..Setup::default()
    });
    let host = registry.host();
    let with = |credentials: CredentialSource| {
        registries(RegistryOptions {
            credentials,
            token_realms: [(host.clone(), vec![token_server.realm()])].into(),
            tags_per_page: 2,
            ..options()
        })
    };
    let login = CredentialSource::none().with_password(&host, USER, PASSWORD.into());
    let found = list(&with(login), &host).await.unwrap();
    assert_eq!(found, expected);
    let lists = registry.requests("GET", 3);
    let lists = lists.iter().filter(|it| it.path.contains("_catalog"));
    assert!(lists.count() >= 3);
    let scopes = token_server.seen();
    assert!(
        scopes[0].path.contains("registry%3Acatalog%3A*"),
        "{}",
        scopes[0].path
    );
    let nobody = list(&with(CredentialSource::none()), &host).await;
    fault(&nobody.unwrap_err(), "denied");
}

#[tokio::test]
async fn a_list_that_is_no_list_is_told_apart() {
    let foreign = |link: &str| {
        Reply::ok(
            "application/json",
            json!({"repositories": ["a/b"]}).to_string(),
        )
        .header("link", &format!("<{link}>; rel=\"next\""))
    };
    for (reply, kind, expected) in [
        (
            Reply::status(405),
            "missing",
            "it has no list of its repositories",
        ),
        (
            Reply::status(404).body("{\"errors\":[{\"code\":\"UNSUPPORTED\"}]}"),
            "missing",
            "it has no list of its repositories (UNSUPPORTED)",
        ),
        (
            Reply::status(403),
            "denied",
            "the list of its repositories is denied",
        ),
        (
            Reply::ok("text/html", "<html>"),
            "refused",
            "the answer is no list of repositories",
        ),
        (
            foreign("http://other.example/v2/_catalog?last=a"),
            "refused",
            "the next page of the list is on other.example",
        ),
        (
            foreign("/v2/_catalog?n=2"),
            "refused",
            "the pages of the catalog go round in a circle",
        ),
    ] {
        let server = Scripted::start(move |request| match request.path.as_str() {
            "/v2/" => Reply::ok("application/json", "{}"),
            _ => reply.clone(),
        });
        let options = RegistryOptions {
            tags_per_page: 2,
            ..options()
        };
        let failed = list(&registries(options), &server.host())
            .await
            .unwrap_err();
        let fault = fault(&failed, kind);
        assert!(fault.message.contains(expected), "{fault}");
        assert_no_secret(&failed);
    }
}
