//! `new-app`: an application out of image streams (oc `pkg/cli/newapp`, `pkg/helpers/newapp`).

mod objects;
mod search;
mod told;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::image::{Description, Digest, Reference, Repository};
use crate::lookup::{Lookup, Wanted};
use crate::stream::{ImageStream, ImportMode, SpecTag, StreamName, StreamTagName, followed_image};
use crate::verb::app::objects::{Parts, ports};
use crate::verb::app::search::{find, has_image};
use crate::verb::app::told::Told;
use crate::verb::beside::Beside;
use crate::verb::labels::parse_labels;
use crate::verb::object::{Kind, Object};
use crate::verb::{Draft, Refused, Scene};

/// The deployments' numbers have to find place behind a name.
const MAX_NAME: usize = 58;
/// Words in the names of variables whose values are not for everybody's eyes.
const SECRET_WORDS: [&str; 4] = ["PASSWORD", "PASSWD", "SECRET", "TOKEN"];

/// The words of `new-app`.
#[derive(Clone, Debug, Default)]
pub struct NewApp {
    /// `--image-stream`
    pub streams: Vec<String>,
    /// What stands alone: streams, and variables as `NAME=VALUE`.
    pub words: Vec<String>,
    pub name: Option<String>,
    /// `-e NAME=VALUE`
    pub environment: Vec<String>,
    /// `key=value,…`
    pub labels: Option<String>,
    pub is_deployment_config: bool,
    /// A stream may have no such tag yet.
    pub allows_missing: bool,
}

/// One application, found.
#[derive(Clone, Debug)]
pub struct App {
    /// As it was typed.
    pub term: String,
    pub tag: StreamTagName,
    pub name: String,
    /// The question what its image is; none where no image is known of.
    pub lookup: Option<Lookup>,
    /// Where a copy of the image is kept.
    pub copies: Option<Repository>,
}

/// What `new-app` writes and says.
#[derive(Debug)]
pub struct NewAppDraft {
    /// It says a line for each object.
    pub draft: Draft,
    pub objects: Vec<Object>,
    /// What was found, said before.
    pub found: String,
    /// What is to be done next, said behind.
    pub next: String,
    /// `key=value,…` of what was asked for.
    pub labels: String,
}

/// Which stream tags the words name, each an application of its own.
pub fn find_apps(scene: &Scene<'_>, words: &NewApp) -> Result<Vec<App>, Refused> {
    if let Some(name) = &words.name
        && !is_name(name)
    {
        return Err(Refused::new(format!(
            "invalid name: {name}. Must be an a lower case alphanumeric (a-z, and 0-9) string with a maximum length of {MAX_NAME} characters, where the first character is a letter (a-z), and the '-' character is allowed anywhere except the first or last character."
        )));
    }
    let typed = words.words.iter().filter(|word| variable(word).is_none());
    let terms: Vec<&String> = words.streams.iter().chain(typed).collect();
    if terms.is_empty() {
        return Err(
            Refused::new("You must specify one or more image streams to create an application.")
                .hint("`headwater get is -A` shows the streams there are, `headwater catalog` the builder images"),
        );
    }
    // What is wrong with the words is said before anybody is asked.
    variables(words)?;
    labels(words)?;
    let mut taken: BTreeMap<String, usize> = BTreeMap::new();
    let mut apps = Vec::new();
    for term in terms {
        if is_source(term) {
            return Err(Refused::new(format!("{term:?} is source code, and headwater builds nothing")).hint(
                "let your CI build and push the image; `headwater import-image NAME --from=IMAGE --confirm` makes a stream of it",
            ));
        }
        let tag = find(scene, term, words.allows_missing)?;
        let wanted = words.name.clone();
        let name = wanted.unwrap_or_else(|| simple_name(&tag.stream.name));
        let count = taken.entry(name.clone()).or_default();
        let name = match *count {
            0 => name,
            number => format!("{name}-{number}"),
        };
        *count += 1;
        if !is_name(&name) {
            return Err(Refused::new(format!("invalid name: {name}"))
                .hint("--name gives another; it begins with a letter, as names of services do"));
        }
        let stream = stream_of(scene, &tag.stream)?;
        apps.push(App {
            lookup: lookup(scene, stream, &tag.tag),
            copies: stream.copies_of(&tag.tag),
            term: term.clone(),
            tag,
            name,
        });
    }
    Ok(apps)
}

/// Decides what is written for `apps`, of whose images `known` is what registries say.
pub fn new_app(
    scene: &Scene<'_>,
    words: &NewApp,
    apps: &[App],
    known: &[Option<Description>],
    now: Timestamp,
) -> Result<NewAppDraft, Refused> {
    let environment = variables(words)?;
    let labels = labels(words)?;
    let (kind, short, key) = match words.is_deployment_config {
        true => ("deploymentconfigs", "dc", "deploymentconfig"),
        false => ("deployments", "deployment", "deployment"),
    };
    let mut made = NewAppDraft {
        draft: Draft::default(),
        objects: Vec::new(),
        found: String::new(),
        next: String::new(),
        labels: words.labels.clone().unwrap_or_default(),
    };
    let mut beside = Beside::workloads(scene, &scene.namespace)?;
    let mut services = Vec::new();
    for (app, known) in apps.iter().zip(known) {
        let stream = stream_of(scene, &app.tag.stream)?;
        let configuration = known.as_ref().and_then(|it| it.configuration.as_ref());
        let ports = configuration.map(ports).unwrap_or_default();
        let told = Told {
            app,
            spec: stream.tag(&app.tag.tag),
            known: known.as_ref(),
            ports: &ports,
            kind: short,
            now,
        };
        made.found.push_str(&told.text());
        let parts = Parts {
            name: &app.name,
            container: &simple_name(&app.tag.stream.name),
            tag: &app.tag,
            namespace: &scene.namespace,
            environment: &environment,
            labels: &labels,
            ports,
            volumes: configuration.map_or(Vec::new(), |it| it.volumes.clone()),
        };
        let workload = match words.is_deployment_config {
            true => parts.deployment_config(),
            false => parts.deployment(),
        };
        let draft = &mut made.draft;
        let object = beside.put(draft, Kind::find(kind)?, &app.name, workload)?;
        made.objects.push(object);
        if let Some(service) = parts.service(key) {
            let object = beside.put(draft, Kind::find("services")?, &app.name, service)?;
            made.objects.push(object);
            services.push(app.name.as_str());
        }
        // What is recorded is filled in at once.
        made.draft.touched.insert(app.tag.clone());
        made.draft.home = Some(scene.namespace.clone());
        if stream.history(&app.tag.tag).is_empty() && has_image(stream, &app.tag.tag) {
            made.next.push_str(&format!(
                "    No image is recorded for {:?} yet: 'headwater pin' asks its registry and fills it in.\n",
                app.tag.to_string()
            ));
        }
    }
    for (app, known) in apps.iter().zip(known) {
        if known.is_none() {
            made.next.push_str(&format!(
                "    The ports of {:?} are not known: 'headwater expose {short}/{} --port=[port]' makes a service.\n",
                app.tag.to_string(),
                app.name
            ));
        }
    }
    beside.finish(&mut made.draft);
    for object in &made.objects {
        made.draft.say(format!("{} created", object.full_name()));
    }
    if !services.is_empty() {
        made.next.push_str("    Application is not exposed. You can expose services to the outside world by executing one or more of the commands below:\n");
        for name in services {
            made.next
                .push_str(&format!("     'headwater expose service/{name}'\n"));
        }
    }
    made.next
        .push_str("    Commit the files to deploy your app.\n");
    for name in environment.keys() {
        let upper = name.to_ascii_uppercase();
        if SECRET_WORDS.iter().any(|word| upper.contains(word)) {
            made.draft.notes.push(format!(
                "the value of {name} stands in the file as it was given; what is secret belongs in a Secret that the container takes it from"
            ));
        }
    }
    Ok(made)
}

/// The stream, in the environment that the application is of.
fn stream_of<'s>(scene: &'s Scene<'_>, name: &StreamName) -> Result<&'s ImageStream, Refused> {
    let realm = scene.realm_of(&scene.namespace)?;
    let mut streams = realm.manifests.streams.iter();
    let found = streams.find(|stream| stream.name == *name);
    found.ok_or_else(|| Refused::new(format!("the image stream {name} is not there")))
}

/// What is asked of a registry: the image that is recorded, else the one that the tag follows.
fn lookup(scene: &Scene<'_>, stream: &ImageStream, tag: &str) -> Option<Lookup> {
    let (reference, wanted) = match stream.history(tag).first() {
        Some(event) if !event.image.is_empty() => {
            let reference: Reference = event.reference.parse().ok()?;
            let digest: Digest = event.image.parse().ok()?;
            (reference, Wanted::Digest(digest))
        }
        _ => {
            let name = StreamTagName::new(&stream.name.namespace, &stream.name.name, tag);
            let of = |name: &StreamName| stream_of(scene, name).ok();
            let reference = followed_image(&name, of)?.clone();
            let wanted = Wanted::of(&reference);
            (reference, wanted)
        }
    };
    let is_insecure = |tag: &SpecTag| tag.settings.insecure;
    Some(Lookup {
        repository: reference.repository,
        wanted,
        import_mode: ImportMode::PreserveOriginal,
        platforms: Vec::new(),
        insecure: stream.tag(tag).is_some_and(is_insecure) || stream.metadata.is_insecure(),
        secrets_of: Some(stream.name.namespace.clone()),
        known: BTreeSet::new(),
        chosen: BTreeMap::new(),
    })
}

/// `NAME=VALUE`, where the word is one (oc `pkg/helpers/env`, `IsEnvironmentArgument`).
fn variable(word: &str) -> Option<(&str, &str)> {
    let (name, value) = word.split_once('=')?;
    let is_good = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    let is_name = !name.is_empty()
        && !name.starts_with(|first: char| first.is_ascii_digit())
        && name.bytes().all(is_good);
    is_name.then_some((name, value))
}

/// In order; the last of two counts.
fn variables(words: &NewApp) -> Result<BTreeMap<String, String>, Refused> {
    let mut variables = BTreeMap::new();
    for text in &words.environment {
        let (name, value) = variable(text)
            .ok_or_else(|| Refused::new(format!("invalid parameter assignment in {text:?}")))?;
        variables.insert(name.to_owned(), value.to_owned());
    }
    let alone = words.words.iter().filter_map(|word| variable(word));
    variables.extend(alone.map(|(name, value)| (name.to_owned(), value.to_owned())));
    Ok(variables)
}

fn labels(words: &NewApp) -> Result<BTreeMap<String, String>, Refused> {
    let labels = words.labels.as_deref().map(parse_labels);
    labels.unwrap_or_else(|| Ok(BTreeMap::new()))
}

/// A URL, a path, or `IMAGE~SOURCE`.
fn is_source(word: &str) -> bool {
    word.contains("://")
        || word.contains('~')
        || word.starts_with("git@")
        || word.starts_with(['.', '/'])
}

/// `a-z`, `0-9` and `-` alone (oc `pkg/helpers/newapp/app/uniquenamegenerator.go`).
fn simple_name(name: &str) -> String {
    let lower = name.to_ascii_lowercase();
    let is_good = |c: &char| c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '-';
    let plain: String = lower.chars().filter(is_good).collect();
    plain.trim_matches('-').to_owned()
}

/// A name for services too (Kubernetes' DNS-1035 label).
fn is_name(name: &str) -> bool {
    let is_good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    name.len() <= MAX_NAME
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && !name.ends_with('-')
        && name.bytes().all(is_good)
}
