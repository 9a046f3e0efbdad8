//! Which tags there are, and when an image was created.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use headwater::image::{Digest, Platform, Reference};
use headwater::lookup::{Answer, Lookup, Question, Resolution, TagListing};
use headwater::registry::{Registries, RegistryOptions};
use headwater::stream::ImportMode;
use serde_json::{Value, json};

use crate::registry::{
    OCI_INDEX, OCI_MANIFEST, assert_no_secret, fault, found, lookup, manifest_reply, options,
    options_with_login, registries,
};
use crate::support::registry::{DockerRegistry, PASSWORD, Setup, USER, configuration_of};
use crate::support::scripted::{Reply, Scripted, Seen};

fn listing(repository: &str) -> Question {
    let reference: Reference = repository.parse().unwrap();
    Question::Tags(TagListing {
        repository: reference.repository,
        insecure: false,
        secrets_of: None,
    })
}

async fn list(registries: &Registries, repository: &str) -> Result<Vec<String>, Resolution> {
    match registries.answer(&listing(repository)).await {
        Answer::Tags(tags) => tags,
        other => panic!("{other:?}"),
    }
}

async fn created(registries: &Registries, lookup: Lookup) -> Result<Option<String>, Resolution> {
    match registries.answer(&Question::Created(lookup)).await {
        Answer::Created(created) => created,
        other => panic!("{other:?}"),
    }
}

/// Pages as `page` says: the tags, and the `Link` to the next one.
fn paged(page: impl Fn(&Seen) -> (Value, Option<String>) + Send + Sync + 'static) -> Scripted {
    Scripted::start(move |request| {
        if request.header("authorization").is_none() {
            return Reply::status(401).header("www-authenticate", "Basic realm=\"x\"");
        }
        let (tags, link) = page(request);
        let body = json!({"name": "a/b", "tags": tags}).to_string();
        let reply = Reply::ok("application/json", body);
        match link {
            Some(link) => reply.header("link", &format!("<{link}>; rel=\"next\"")),
            None => reply,
        }
    })
}

/// The number in the query, as `?at=<number>`; the first page is 0.
fn number(request: &Seen) -> usize {
    let at = request.path.split_once("?at=");
    at.map_or(0, |(_, number)| number.parse().unwrap())
}

async fn list_of(server: &Scripted) -> Result<Vec<String>, Resolution> {
    let registries = registries(options_with_login(&server.host()));
    list(&registries, &format!("{}/a/b", server.host())).await
}

#[tokio::test]
async fn all_tags_come_whatever_the_size_of_a_page() {
    // Debian's registry has no pages: it sends all tags, in no order.
    let registry = DockerRegistry::start();
    let mut expected: Vec<String> = (0..7).map(|number| format!("1.{number}")).collect();
    expected.push("latest".to_owned());
    for tag in &expected {
        registry.push_image("acme/web", tag, "one");
    }
    let all = registries(options());
    let tags = list(&all, &format!("{}/acme/web", registry.host())).await;
    let mut tags = tags.unwrap();
    tags.sort();
    assert_eq!(tags, expected);
    assert_eq!(pages(&registry, 1), 1);
    let missing = list(&all, &format!("{}/acme/api", registry.host())).await;
    let missing = missing.unwrap_err();
    let fault = fault(&missing, "missing");
    assert!(fault.message.contains("acme/api\" not found"), "{fault}");

    let registry = PagingRegistry::start().await;
    registry.push("acme/web", &expected).await;
    for (tags_per_page, least) in [(1, 8), (3, 3), (8, 1), (1000, 1)] {
        let registries = registries(RegistryOptions {
            tags_per_page,
            ..options()
        });
        let repository = format!("{}/acme/web", registry.host);
        let before = registry.pages();
        assert_eq!(list(&registries, &repository).await.as_ref(), Ok(&expected));
        let pages = registry.pages() - before;
        assert!(
            (least..=least + 1).contains(&pages),
            "{tags_per_page}: {pages}"
        );
    }
}

/// A registry that keeps to the distribution specification's pages.
struct PagingRegistry {
    host: String,
    pages: Arc<AtomicUsize>,
}

impl PagingRegistry {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let state = ferro_oci_server::AppState::new(
            Arc::new(ferro_blob_store::InMemoryBlobStore::new()),
            Arc::new(ferro_oci_server::InMemoryRegistryMeta::new()),
        );
        let pages = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&pages);
        let count = axum::middleware::from_fn(
            move |request: axum::extract::Request, next: axum::middleware::Next| {
                let is_page = request.uri().path().ends_with("/tags/list");
                counter.fetch_add(usize::from(is_page), Ordering::SeqCst);
                next.run(request)
            },
        );
        let router = ferro_oci_server::router(state).layer(count);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { host, pages }
    }

    async fn push(&self, repository: &str, tags: &[String]) {
        headwater::registry::prepare();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let base = format!("http://{}/v2/{repository}", self.host);
        let config = "{}";
        let digest = Digest::of(config.as_bytes());
        let upload = format!("{base}/blobs/uploads/?digest={digest}");
        let sent = client.post(upload).body(config).send().await.unwrap();
        assert_eq!(sent.status(), 201);
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "digest": digest.to_string(),
                "size": config.len(),
            },
            "layers": [],
        });
        for tag in tags {
            let sent = client
                .put(format!("{base}/manifests/{tag}"))
                .header("content-type", OCI_MANIFEST)
                .body(manifest.to_string())
                .send()
                .await
                .unwrap();
            assert_eq!(sent.status(), 201);
        }
    }

    fn pages(&self) -> usize {
        self.pages.load(Ordering::SeqCst)
    }
}

/// How many pages the registry was asked for, at least as many.
fn pages(registry: &DockerRegistry, least: usize) -> usize {
    let is_page = |path: &str| path.contains("/tags/list");
    crate::support::wait::until("the registry's log", || {
        let log = registry.log();
        let pages = log.iter().filter(|line| is_page(&line.path)).count();
        (pages >= least).then_some(pages)
    })
}

#[tokio::test]
async fn a_tag_list_needs_the_login_that_an_image_needs() {
    let registry = DockerRegistry::start_with(Setup {
        password: true,
        ..Setup::default()
    });
    registry.push_image("acme/web", "1.0", "one");
    let repository = format!("{}/acme/web", registry.host());
    let with = |username: &str, password: &str| {
        registries(RegistryOptions {
            credentials: headwater::registry::CredentialSource::none().with_password(
                &registry.host(),
                username,
                password.to_owned().into(),
            ),
            ..options()
        })
    };
    assert_eq!(
        list(&with(USER, PASSWORD), &repository).await,
        Ok(vec!["1.0".to_owned()])
    );
    let denied = list(&with(USER, "canary-secret"), &repository)
        .await
        .unwrap_err();
    assert!(
        fault(&denied, "denied")
            .message
            .contains("incorrect username or password")
    );
    let denied = list(&registries(options()), &repository).await.unwrap_err();
    assert!(
        fault(&denied, "denied")
            .message
            .contains("did not have credentials")
    );
}

#[tokio::test]
async fn a_next_page_on_another_host_is_never_asked() {
    let evil = paged(|_| (json!(["evil"]), None));
    let absolute = evil.url("/v2/a/b/tags/list?at=1");
    let without_scheme = absolute.trim_start_matches("http:").to_owned();
    let with_user = absolute.replace("http://", "http://user:canary-secret@");
    for link in [absolute, without_scheme, with_user, "https://[".to_owned()] {
        let registry = paged(move |_| (json!(["1"]), Some(link.clone())));
        let refused = list_of(&registry).await.unwrap_err();
        let fault = fault(&refused, "refused");
        assert!(fault.message.contains("the next page"), "{fault}");
    }
    assert!(evil.seen().is_empty());
}

#[tokio::test]
async fn a_next_page_of_another_repository_is_not_asked() {
    for link in ["/v2/a/other/tags/list?at=1", "../../../../token", "/"] {
        let registry = paged(move |_| (json!(["1"]), Some(link.to_owned())));
        let refused = list_of(&registry).await.unwrap_err();
        assert!(
            fault(&refused, "refused")
                .message
                .contains("another repository"),
            "{link}"
        );
        // The challenge, and the first page.
        assert_eq!(registry.seen().len(), 2, "{link}");
    }
}

#[tokio::test]
async fn pages_that_go_round_or_on_for_ever_end() {
    for circle in [1, 2, 5] {
        let registry = paged(move |request| {
            let next = (number_or_zero(request) + 1) % circle;
            (json!(["1"]), Some(format!("?at={next}")))
        });
        let refused = list_of(&registry).await.unwrap_err();
        assert!(
            fault(&refused, "refused").message.contains("in a circle"),
            "{circle}"
        );
        assert!(registry.seen().len() <= circle + 3, "{circle}");
    }
    let registry = paged(|request| {
        (
            json!([]),
            Some(format!("?at={}", number_or_zero(request) + 1)),
        )
    });
    let refused = list_of(&registry).await.unwrap_err();
    assert!(
        fault(&refused, "refused")
            .message
            .contains("more than 1000 pages")
    );
    assert_eq!(registry.authorized(), 1000);
}

fn number_or_zero(request: &Seen) -> usize {
    if request.path.contains("?n=") {
        0
    } else {
        number(request)
    }
}

#[tokio::test]
async fn a_list_that_is_too_long_is_refused_and_never_cut() {
    let registry = paged(|request| {
        let at = number_or_zero(request);
        let tags: Vec<String> = (0..30_000).map(|tag| format!("{at}.{tag}")).collect();
        (json!(tags), (at < 9).then(|| format!("?at={}", at + 1)))
    });
    let refused = list_of(&registry).await.unwrap_err();
    let text = fault(&refused, "refused").to_string();
    assert!(
        text.contains("more than 100000 tags") && text.contains("name the tags"),
        "{text}"
    );
    assert_eq!(registry.authorized(), 4);

    // Few tags, in large pages: 100 bytes each, the same ones again and again.
    let registry = paged(|request| {
        let at = number_or_zero(request);
        let tags: Vec<String> = (0..60_000).map(|tag| format!("{tag:0>100}")).collect();
        (json!(tags), (at < 99).then(|| format!("?at={}", at + 1)))
    });
    let refused = list_of(&registry).await.unwrap_err();
    assert!(
        fault(&refused, "refused")
            .message
            .contains("more than 32768 KiB")
    );
    assert!(registry.authorized() <= 7, "{}", registry.authorized());

    let registry = paged(|_| (json!([" ".repeat(9 << 20)]), None));
    let refused = list_of(&registry).await.unwrap_err();
    assert!(
        fault(&refused, "refused")
            .message
            .contains("larger than 8192 KiB")
    );
}

#[tokio::test]
async fn each_tag_comes_once_and_what_is_no_tag_is_left_out() {
    let registry = paged(|request| match number_or_zero(request) {
        0 => (
            json!(["b", "a", "b", "sha256:abc", "x\u{1b}[2J", "-x", ""]),
            Some("/v2/a/b/tags/list?at=1".to_owned()),
        ),
        _ => (json!(["a", "c"]), None),
    });
    let tags = list_of(&registry).await.unwrap();
    assert_eq!(tags, ["b", "a", "c"]);
}

#[tokio::test]
async fn a_repository_without_tags_has_none_and_anything_else_is_refused() {
    let registry = paged(|_| (Value::Null, None));
    assert_eq!(list_of(&registry).await, Ok(Vec::new()));
    for body in ["<html>", "{}", "[]", r#"{"name":"a/b","tags":{"1":2}}"#] {
        let registry = Scripted::start(move |_| Reply::ok("application/json", body));
        let refused = list_of(&registry).await.unwrap_err();
        assert!(
            fault(&refused, "refused")
                .message
                .contains("no list of tags"),
            "{body}"
        );
    }
    // A Link that nobody can read is not the end of the list.
    let registry = Scripted::start(|_| {
        Reply::ok("application/json", r#"{"name":"a/b","tags":["1"]}"#)
            .header("link", "next=/v2/a/b/tags/list?at=1")
    });
    let refused = list_of(&registry).await.unwrap_err();
    assert!(
        fault(&refused, "refused")
            .message
            .contains("Link cannot be read")
    );
    let registry = Scripted::start(|_| Reply::status(503));
    fault(&list_of(&registry).await.unwrap_err(), "unavailable");
}

#[tokio::test]
async fn questions_of_every_kind_are_answered_in_their_order_and_equal_ones_once() {
    let registry = DockerRegistry::start();
    let digest = registry.push_image("acme/web", "1.0", "one");
    let name = format!("{}/acme/web", registry.host());
    let image = lookup(&format!("{name}:1.0"));
    let questions = [
        Question::Created(image.clone()),
        listing(&name),
        Question::Image(image.clone()),
        listing(&name),
        Question::Image(lookup(&format!("{name}:2.0"))),
        Question::Created(image),
    ];
    let answers = registries(options()).answer_all(&questions, || {}).await;
    let created = Answer::Created(Ok(Some("2026-01-02T03:04:05Z".to_owned())));
    assert_eq!((&answers[0], &answers[5]), (&created, &created));
    let tags = Answer::Tags(Ok(vec!["1.0".to_owned()]));
    assert_eq!((&answers[1], &answers[3]), (&tags, &tags));
    assert_eq!(found(&answers[2].clone().image().unwrap()), &digest);
    fault(&answers[4].clone().image().unwrap(), "missing");
    assert_eq!(pages(&registry, 1), 1);
    assert_no_secret(&answers);
}

#[tokio::test]
async fn an_image_says_when_it_was_created_unless_it_says_nothing_true() {
    let registry = DockerRegistry::start();
    let amd64 = Platform::linux_amd64();
    let push = |tag: &str, created: Value| {
        let mut config = configuration_of(tag, &amd64);
        config["created"] = created;
        registry.push_configured("acme/web", tag, tag, config)
    };
    let registries = registries(options());
    let name = format!("{}/acme/web", registry.host());
    for (tag, says, expected) in [
        (
            "new",
            json!("2026-05-06T07:08:09.1Z"),
            Some("2026-05-06T07:08:09.1Z"),
        ),
        ("epoch", json!("1970-01-01T00:00:00Z"), None),
        ("zip", json!("1980-01-01T00:00:01Z"), None),
        ("zero", json!("0001-01-01T00:00:00Z"), None),
        ("text", json!("yesterday"), None),
        ("absent", Value::Null, None),
    ] {
        let digest = push(tag, says);
        for reference in [format!("{name}:{tag}"), format!("{name}@{digest}")] {
            let created = created(&registries, lookup(&reference)).await;
            assert_eq!(created, Ok(expected.map(str::to_owned)), "{reference}");
        }
    }
    let missing = created(&registries, lookup(&format!("{name}:none"))).await;
    fault(&missing.unwrap_err(), "missing");
}

#[tokio::test]
async fn an_index_is_as_young_as_its_youngest_image() {
    let registry = DockerRegistry::start();
    let images: Vec<(Platform, Digest)> = (1..=10)
        .map(|day| {
            let platform: Platform = format!("linux/n{day}").parse().unwrap();
            let mut config = configuration_of("x", &platform);
            config["created"] = json!(format!("2026-01-{day:0>2}T00:00:00Z"));
            let digest = registry.push_configured("acme/web", "", "x", config);
            (platform, digest)
        })
        .collect();
    registry.push_index_of("acme/web", "1.0", &images);
    let registries = registries(options());
    let question = lookup(&format!("{}/acme/web:1.0", registry.host()));
    // Eight are looked at.
    let youngest = created(&registries, question.clone()).await;
    assert_eq!(youngest, Ok(Some("2026-01-08T00:00:00Z".to_owned())));
    // In import mode Legacy, one image stands for the index.
    let legacy = Lookup {
        import_mode: ImportMode::Legacy,
        platforms: vec!["linux/n3".parse().unwrap()],
        ..question
    };
    let third = created(&registries, legacy).await;
    assert_eq!(third, Ok(Some("2026-01-03T00:00:00Z".to_owned())));
}

#[tokio::test]
async fn a_configuration_that_is_not_the_one_named_gives_no_time() {
    let config = json!({"created": "2026-01-02T03:04:05Z"}).to_string();
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {"digest": Digest::of(b"another").to_string(), "size": config.len()},
        "layers": [],
    })
    .to_string();
    let index = json!({
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": [
            {"digest": Digest::of(manifest.as_bytes()).to_string(), "size": manifest.len()},
            {
                "digest": Digest::of(b"attestation").to_string(),
                "size": 1,
                "annotations": {"vnd.docker.reference.type": "attestation-manifest"},
            },
        ],
    })
    .to_string();
    let (image, list) = (manifest.clone(), index.clone());
    let registry = Scripted::start(move |request| {
        if request.path.contains("/blobs/") {
            Reply::ok("application/octet-stream", config.clone())
        } else if request.path.ends_with("/many") {
            manifest_reply(OCI_INDEX, &list)
        } else {
            manifest_reply(OCI_MANIFEST, &image)
        }
    });
    let registries = registries(options());
    for tag in ["one", "many"] {
        let question = lookup(&format!("{}/a/b:{tag}", registry.host()));
        let refused = created(&registries, question).await.unwrap_err();
        assert!(
            fault(&refused, "refused")
                .message
                .contains("not the one that it names"),
            "{tag}: {refused:?}"
        );
    }
    // Attestations are not looked at: the blob and the two manifests are all that was asked for.
    let asked = registry.seen();
    assert!(
        asked
            .iter()
            .all(|seen| !seen.path.contains(Digest::of(b"attestation").as_str()))
    );
}
